//! Elementwise programs: the expressions that kernels evaluate per element, alone or around a product or reduction.
//!
//! A program is a list of instructions in single-assignment form. It reads *leaves* (tensors, by a broadcasting
//! pattern), job *parameters* (single words of the table) and, inside another kernel, that kernel's accumulated
//! value. Shapes and places are words of the job, not text: layers of different sizes share a pipeline.

use super::Arena;
pub use super::functions::{Binary, Unary};

/// Index of an instruction in its program.
pub type Value = usize;

/// Element type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 32-bit unsigned integer, kept by its bits in float arenas.
    U32,
}

/// How the index of a leaf follows from the element's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The leaf has the program's shape.
    Full,
    /// One value for all elements.
    Scalar,
    /// One value per column: index is the last coordinate.
    Row,
    /// One value per row: index is the element's index over the last extent.
    Column,
    /// Any other: four strides, for the element's four coordinates.
    Strided,
}

/// A tensor that a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// Its arena.
    pub arena: Arena,
    /// How it is indexed.
    pub pattern: Pattern,
    /// Its first element stands at a multiple of four, so that four neighbours can be read at once.
    pub vector: bool,
}

impl Leaf {
    /// Words in a job: offset, replica stride, and four strides if strided.
    pub fn words(self) -> usize {
        if self.pattern == Pattern::Strided { 6 } else { 2 }
    }
}

/// Distributions of random values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distribution {
    /// Uniform in [0, 1).
    Uniform,
    /// Standard normal.
    Normal,
    /// Standard normal within two standard deviations.
    TruncatedNormal,
}

/// How whole numbers are drawn: the examples of a batch, or values at positions that are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Draw {
    /// Keyed permutations, one per epoch, read continuously: each example once per epoch.
    Shuffled,
    /// Independently, with replacement.
    Replacement,
    /// Where one keyed permutation puts a given position.
    Permutation,
    /// Any of so many, each as likely, at a given position (to within their number in 2^32).
    Choice,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// A float, by its bits.
    Constant(u32),
    /// Word `n` of the job's parameters.
    Parameter(usize, DType),
    /// Element of a leaf.
    Load(usize, DType),
    /// Element of a leaf's row: `leaf[row * width + last coordinate]`, width being the program's last extent.
    Gather(usize, Value, DType),
    /// The enclosing kernel's value for this element.
    Accumulated,
    /// Coordinate of the element along the last axis, as a float.
    Column,
    /// Index of the element over the last extent, as a float.
    Row,
    /// Function of one value.
    Unary(Unary, Value),
    /// Function of two values.
    Binary(Binary, Value, Value),
    /// `if a != 0 { b } else { c }`
    Select(Value, Value, Value),
    /// Random value keyed by (seed, purpose, step, element).
    Random {
        /// Distribution.
        distribution: Distribution,
        /// Integer value: the replica's seed.
        seed: Value,
        /// Integer value: what the number is for.
        purpose: Value,
        /// Integer value: the step.
        step: Value,
    },
    /// Index of the example that stands at this element of the batch, or what is drawn at a given position.
    Draw {
        /// How.
        draw: Draw,
        /// Integer value: the replica's seed.
        seed: Value,
        /// Integer value: what the order is for.
        purpose: Value,
        /// Integer value: the step.
        step: Value,
        /// Integer value: examples in the set, or how many there are to choose from.
        examples: Value,
        /// Integer value: examples per batch, or the position.
        batch: Value,
    },
}

/// Where an output of a program goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Element `e` goes to element `e` of the slot.
    Full,
    /// The slot's one element becomes 1 if any value is not zero. Invocations may write it at once; all write the same.
    Flag,
    /// Element `e` of a tensor of `n` goes to `(step % capacity) * n + e`; the value is the step.
    Ring(Value),
}

/// An output of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Output {
    /// The value stored.
    pub value: Value,
    /// The arena it goes to.
    pub arena: Arena,
    /// Where in it.
    pub target: Target,
    /// Its first element stands at a multiple of four, so that four neighbours can be written at once.
    pub vector: bool,
}

/// What a value depends on, besides the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// On nothing: the same for all elements.
    Uniform,
    /// On the last coordinate alone.
    Column,
    /// On the other coordinates alone.
    Row,
    /// On the element.
    Element,
}

impl Level {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Uniform, x) | (x, Self::Uniform) => x,
            (a, b) if a == b => a,
            _ => Self::Element,
        }
    }
}

impl Output {
    /// Words in a job: offset, replica stride, and the capacity of a ring.
    pub fn words(self) -> usize {
        if matches!(self.target, Target::Ring(_)) { 3 } else { 2 }
    }
}

/// An elementwise program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program {
    /// Tensors read.
    pub leaves: Vec<Leaf>,
    /// Words of parameters per job.
    pub parameters: usize,
    /// Instructions, each using earlier ones.
    pub instructions: Vec<Instruction>,
    /// What is stored.
    pub outputs: Vec<Output>,
}

impl Program {
    /// What each instruction's value depends on.
    pub fn levels(&self) -> Vec<Level> {
        let mut levels: Vec<Level> = Vec::with_capacity(self.instructions.len());
        for instruction in &self.instructions {
            let level = match *instruction {
                Instruction::Constant(_) | Instruction::Parameter(..) => Level::Uniform,
                Instruction::Load(leaf, _) => match self.leaves[leaf].pattern {
                    Pattern::Scalar => Level::Uniform,
                    Pattern::Row => Level::Column,
                    Pattern::Column => Level::Row,
                    Pattern::Full | Pattern::Strided => Level::Element,
                },
                Instruction::Column => Level::Column,
                Instruction::Row => Level::Row,
                Instruction::Unary(_, x) => levels[x],
                Instruction::Binary(_, a, b) => levels[a].join(levels[b]),
                Instruction::Select(a, b, c) => levels[a].join(levels[b]).join(levels[c]),
                Instruction::Gather(..)
                | Instruction::Accumulated
                | Instruction::Random { .. }
                | Instruction::Draw { .. } => Level::Element,
            };
            levels.push(level);
        }
        levels
    }

    /// Whether four neighbours along the last axis can be evaluated at once.
    pub fn by_four(&self) -> bool {
        let levels = self.levels();
        !self.strided()
            && !self.instructions.iter().any(|i| matches!(i, Instruction::Random { .. } | Instruction::Draw { .. }))
            && self.outputs.iter().all(|o| !matches!(o.target, Target::Ring(s) if levels[s] != Level::Uniform))
    }

    /// Whether any instruction depends on coordinates apart from the element's index.
    pub fn has_coordinates(&self) -> bool {
        self.levels().iter().any(|l| matches!(l, Level::Column | Level::Row))
            || self.instructions.iter().any(|i| matches!(i, Instruction::Gather(..)))
    }

    /// Whether any leaf needs the element's four coordinates.
    pub fn strided(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.pattern == Pattern::Strided)
    }

    /// About how many loop iterations one evaluation takes, beyond what is straight: draws and rejections.
    pub fn iterations(&self) -> u64 {
        let of = |i: &Instruction| match i {
            // Rounds of the permutation, for the longest walk of eight lanes, and the search for its width.
            Instruction::Draw { draw: Draw::Shuffled | Draw::Permutation, .. } => 16 + 7 * 16,
            Instruction::Random { distribution: Distribution::TruncatedNormal, .. } => 4,
            _ => 0,
        };
        self.instructions.iter().map(of).sum()
    }

    /// Words per job: four extents if strided, then leaves, parameters, outputs.
    pub fn words(&self) -> usize {
        let extents = if self.strided() { 4 } else { 0 };
        extents
            + self.leaves.iter().map(|l| l.words()).sum::<usize>()
            + self.parameters
            + self.outputs.iter().map(|o| o.words()).sum::<usize>()
    }

    /// Position of leaf `i`'s words from the start of the program's words.
    pub fn leaf_at(&self, i: usize) -> usize {
        (if self.strided() { 4 } else { 0 }) + self.leaves[..i].iter().map(|l| l.words()).sum::<usize>()
    }

    /// Position of the parameters.
    pub fn parameters_at(&self) -> usize {
        self.leaf_at(self.leaves.len())
    }

    /// Position of output `i`'s words.
    pub fn output_at(&self, i: usize) -> usize {
        self.parameters_at() + self.parameters + self.outputs[..i].iter().map(|o| o.words()).sum::<usize>()
    }

    /// Element type of an instruction's value.
    pub fn dtype(&self, value: Value) -> DType {
        match self.instructions[value] {
            Instruction::Parameter(_, d) | Instruction::Load(_, d) | Instruction::Gather(_, _, d) => d,
            Instruction::Unary(Unary::ToInteger, _) | Instruction::Binary(Binary::AddInteger, ..) => DType::U32,
            Instruction::Draw { .. } => DType::U32,
            Instruction::Select(_, b, _) => self.dtype(b),
            _ => DType::F32,
        }
    }

    /// A short name that tells programs apart in tables: the functions used, and how many values are stored.
    pub fn describe(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for instruction in &self.instructions {
            let name = match instruction {
                Instruction::Unary(f, _) => f.name().to_lowercase(),
                Instruction::Random { distribution, .. } => format!("{distribution:?}").to_lowercase(),
                Instruction::Draw { .. } => "draw".to_owned(),
                Instruction::Gather(..) => "gather".to_owned(),
                Instruction::Binary(..) | Instruction::Select(..) => "arith".to_owned(),
                _ => continue,
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.truncate(4);
        names.join("+")
    }
}
