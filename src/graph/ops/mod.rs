//! The operations: a file for each or for a few of a kind, and the list of them.
//!
//! A file holds what is known of its operation: how a node of it is made (the shape rule), how it reads its inputs, its
//! gradient, what it computes in double precision, and what it becomes on a device, by way of `Rules`. The rest of the graph
//! asks the rules and does not know which operations there are.

use super::autodiff::Backward;
use super::interpret::{Evaluation, Values};
use super::items::{Assembly, Item};
use super::node::{Graph, Tensor};
use super::program_of::Emitter;
use crate::error::{Error, Result};
use crate::kernels::program::Value;

/// What most operations use.
mod prelude {
    pub(super) use super::{Facts, Kind, Op, Reads, Rules};
    pub(super) use crate::error::{Error, Result};
    pub(super) use crate::graph::autodiff::Backward;
    pub(super) use crate::graph::interpret::{Evaluation, Values};
    pub(super) use crate::graph::items::{Assembly, Item};
    pub(super) use crate::graph::node::{Graph, REPLICAS, Scope, Shape, Tensor};
    pub(super) use crate::graph::program_of::{Emitter, Place, number};
    pub(super) use crate::kernels::Arena;
    pub(super) use crate::kernels::program::{DType, Instruction, Value};
}

/// How a node comes to its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It stands in memory: a variable or a data set.
    Stored,
    /// It is a word of a kernel's text or job.
    Number,
    /// It is part of its input's memory in another shape, from an element on.
    View {
        /// The element.
        from: usize,
    },
    /// It is its inputs' memory, in which they stand one after the other.
    Stack,
    /// Element by element, in whatever kernel has use for it.
    Map {
        /// It depends on where the element stands: in a tensor of another shape it would be another.
        positional: bool,
    },
    /// As a map, but so dear that no element is computed twice.
    DearMap,
    /// By folding its input, of which a kernel may compute the elements, and those of what is made of the result.
    Reduction,
    /// By a kernel.
    Kernel {
        /// The kernel also computes maps of its result.
        followed: bool,
    },
}

/// How a node reads an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reads {
    /// Each element at the one that is computed, or where it broadcasts from: what is read may be computed there and then, or
    /// overwritten by what is computed.
    InPlace,
    /// As it stands in memory, in any order.
    Whole,
    /// Some rows, as they stand in memory.
    SomeRows,
}

/// What fusion and lowering know of an operation.
pub(super) struct Facts {
    /// Its name in plans and messages.
    pub name: &'static str,
    /// How it comes to its value.
    pub kind: Kind,
    /// Operations that an element costs, about. What costs nothing is never stored for its own sake.
    pub cost: u32,
    /// Whether one kernel computes all such nodes of the same inputs. Maps may follow one of them at most.
    pub together: bool,
    /// How the first input is read.
    first: Reads,
    /// How the others are read.
    others: Reads,
}

impl Facts {
    fn new(name: &'static str, kind: Kind, reads: Reads) -> Self {
        Self { name, kind, cost: 1, together: false, first: reads, others: reads }
    }

    fn stored(name: &'static str) -> Self {
        Self::new(name, Kind::Stored, Reads::Whole)
    }

    fn number(name: &'static str) -> Self {
        Self::new(name, Kind::Number, Reads::Whole).cost(0)
    }

    fn view(name: &'static str, from: usize) -> Self {
        Self::new(name, Kind::View { from }, Reads::Whole)
    }

    fn map(name: &'static str) -> Self {
        Self::new(name, Kind::Map { positional: false }, Reads::InPlace)
    }

    fn reduction(name: &'static str) -> Self {
        Self::new(name, Kind::Reduction, Reads::InPlace)
    }

    /// A kernel whose value is stored as it is.
    fn kernel(name: &'static str) -> Self {
        Self::new(name, Kind::Kernel { followed: false }, Reads::Whole)
    }

    /// A kernel that also computes maps of its result.
    fn kernel_with_maps(name: &'static str) -> Self {
        Self::new(name, Kind::Kernel { followed: true }, Reads::Whole)
    }

    fn positional(self) -> Self {
        Self { kind: Kind::Map { positional: true }, ..self }
    }

    fn cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    fn first(self, first: Reads) -> Self {
        Self { first, ..self }
    }

    /// How an input is read.
    pub fn reads(&self, input: usize) -> Reads {
        if input == 0 { self.first } else { self.others }
    }

    /// Whether it is computed element by element.
    pub fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map { .. } | Kind::DearMap)
    }

    /// Whether a kernel begins with it.
    pub fn is_head(&self) -> bool {
        matches!(self.kind, Kind::Reduction | Kind::Kernel { .. })
    }

    /// Whether it is the memory of other nodes.
    pub fn is_view(&self) -> bool {
        matches!(self.kind, Kind::View { .. } | Kind::Stack)
    }

    /// Whether its value goes on into maps before it is stored.
    pub fn is_followed(&self) -> bool {
        matches!(self.kind, Kind::Reduction | Kind::Kernel { followed: true })
    }
}

/// What the graph asks of an operation.
pub(super) trait Rules {
    /// What fusion and lowering know of it.
    fn facts(&self) -> Facts;

    /// Gives the inputs' gradients.
    ///
    /// # Errors
    /// If it has none.
    fn gradient(&self, back: &mut Backward) -> Result<()> {
        if back.graph.node(back.tensor).inputs.is_empty() {
            return Ok(());
        }
        Err(Error::Shape(format!("{} has no gradient", back.graph.describe(back.tensor))))
    }

    /// One node in place of several with this operation, whose values are to be added up; the last that was used comes first.
    ///
    /// # Errors
    /// If it cannot be made.
    fn joined(&self, _graph: &mut Graph, _terms: &[Tensor]) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Its value in double precision.
    ///
    /// # Errors
    /// If it is not defined.
    fn value(&self, at: &Evaluation) -> Result<Values> {
        Err(Error::Shape(format!("{} is not of one replica", at.graph().describe(at.tensor))))
    }

    /// Its value in double precision from those of all replicas, if it is of them all.
    fn value_of_all(&self, _inputs: &[&[Values]], _extents: &[usize]) -> Option<Result<Values>> {
        None
    }

    /// Its value at an element, as instructions: of maps and numbers.
    ///
    /// # Errors
    /// If it has none.
    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let what = emitter.graph().describe(tensor);
        Err(Error::Shape(format!("{what} cannot be computed element by element here")))
    }

    /// The kernel that it begins, with its job: of reductions and kernels.
    ///
    /// # Errors
    /// If it begins none.
    fn item(&self, at: &Assembly) -> Result<Item> {
        Err(Error::Shape(format!("{} has no kernel", at.graph().describe(at.tensor))))
    }
}

macro_rules! operations {
    ($($file:ident: $($name:ident),+;)+) => {
        $(mod $file;)+
        $(pub use $file::{$($name),+};)+

        /// What a node computes.
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum Op {
            $($(#[doc = concat!("See [`", stringify!($name), "`].")] $name($name),)+)+
        }

        impl Op {
            pub(super) fn rules(&self) -> &dyn Rules {
                match self { $($(Self::$name(op) => op,)+)+ }
            }

            pub(super) fn facts(&self) -> Facts {
                self.rules().facts()
            }
        }

        $($(impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })+)+
    };
}

operations! {
    constant: Constant, Word;
    storage: ReadVariable, ReadData;
    unary: Unary;
    binary: Binary;
    select: Select;
    broadcast: Broadcast;
    position: Column, Row;
    random: Random;
    draw: Draw;
    gather: Gather;
    view: Reshape;
    slice: Slice;
    pad: Pad;
    stack: Stack;
    permute: Permute;
    detach: Detach;
    windows: Windows;
    convolution: Convolve;
    matmul: MatMul;
    reduce: Reduce;
    cross_entropy: CrossEntropy;
    orthogonal: Orthogonal;
    nearest: Nearest;
    sort: SortRuns, Merge, Ranks;
    pair_dot: PairDot;
    pair_exact: PairExact;
}

pub(super) use broadcast::broadcast_extents;
pub use sort::Sorted;
pub use windows::Geometry;
