//! Arenas: the few large buffers that hold everything, and places in them.

/// One of the buffers that a group of replicas lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arena {
    /// Data sets and constants, shared by all replicas; never written by kernels.
    Data,
    /// Variables of each replica: parameters, optimiser state, settings, counters.
    State,
    /// Values that live within one run of a plan: activations, gradients.
    Scratch,
    /// What is read back: records, results, matrices over pairs of replicas.
    Out,
}

impl Arena {
    /// All arenas, in the order of their bindings.
    pub const ALL: [Arena; 4] = [Arena::Data, Arena::State, Arena::Scratch, Arena::Out];

    /// Name of the binding of single values in WGSL.
    pub fn wgsl(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::State => "state",
            Self::Scratch => "scratch",
            Self::Out => "result",
        }
    }

    /// Name of the WGSL function that reads four neighbours, given a quarter of the index of the first; `Out` has none.
    pub fn four(self) -> Option<&'static str> {
        match self {
            Self::Data => Some("data_four"),
            Self::State => Some("state_four"),
            Self::Scratch => Some("scratch_four"),
            Self::Out => None,
        }
    }
}

/// Where a tensor stands: element `i` of replica `r` is at `offset + r * stride + i` of its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The arena.
    pub arena: Arena,
    /// First element of replica 0.
    pub offset: u32,
    /// Elements from one replica to the next; 0 for what all replicas share.
    pub stride: u32,
}

/// The arenas on the CPU, for the reference executor. Words are stored as `f32`, integers by their bits.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    arenas: [Vec<f32>; 4],
}

impl Memory {
    /// Arenas of the given numbers of elements, zeroed.
    pub fn new(elements: [usize; 4]) -> Self {
        Self { arenas: elements.map(|n| vec![0.0; n]) }
    }

    /// Puts other contents into an arena, and gives what was there.
    pub fn replace(&mut self, arena: Arena, contents: Vec<f32>) -> Vec<f32> {
        std::mem::replace(&mut self.arenas[arena as usize], contents)
    }

    /// The contents of an arena.
    pub fn arena(&self, arena: Arena) -> &[f32] {
        &self.arenas[arena as usize]
    }

    /// The contents of an arena, to change.
    pub fn arena_mut(&mut self, arena: Arena) -> &mut [f32] {
        &mut self.arenas[arena as usize]
    }

    pub(crate) fn bits(&self, arena: Arena, index: usize) -> u32 {
        self.arenas[arena as usize][index].to_bits()
    }

    pub(crate) fn set_bits(&mut self, arena: Arena, index: usize, bits: u32) {
        self.arenas[arena as usize][index] = f32::from_bits(bits);
    }
}
