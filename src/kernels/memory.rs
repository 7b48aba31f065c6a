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

impl From<Arena> for usize {
    fn from(arena: Arena) -> Self {
        arena as Self
    }
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
