//! Nodes, shapes and the graph that holds them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::ops::{Op, ReadVariable};
use crate::kernels::matmul::Precision;
use crate::kernels::program::DType;

/// Stands in a shape for the number of replicas in the group, which a graph does not know.
pub const REPLICAS: usize = usize::MAX;

/// Stands for an axis in a reduction over all elements.
pub const WHOLE: usize = usize::MAX;

/// Extents of a tensor, last axis fastest; at most four.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Shape(pub(super) Vec<usize>);

impl Shape {
    /// A shape of these extents.
    pub fn new(extents: &[usize]) -> Self {
        Self(extents.to_vec())
    }

    /// The shape of a single value, `[1, 1]`.
    pub fn scalar() -> Self {
        Self(vec![1, 1])
    }

    /// The extents.
    pub fn extents(&self) -> &[usize] {
        &self.0
    }

    /// The last extent (1 if there is none).
    pub fn columns(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }

    /// Number of elements in a group of `replicas`.
    pub fn elements_in(&self, replicas: usize) -> usize {
        self.0.iter().map(|&d| if d == REPLICAS { replicas } else { d }).product()
    }

    /// Number of elements, of a shape that does not mention the replicas.
    pub fn elements(&self) -> usize {
        self.elements_in(1)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<String> =
            self.0.iter().map(|&d| if d == REPLICAS { "R".to_owned() } else { d.to_string() }).collect();
        write!(f, "[{}]", extents.join(", "))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A node of a graph: a handle, cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Tensor(pub(super) u32);

impl Tensor {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Handle of a variable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct VariableId(pub(super) u32);

/// Handle of a data set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DataId(pub(super) u32);

/// What a variable is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VariableKind {
    /// Trained.
    Parameter,
    /// Belongs to the state of training: counters, moments, flags. Saved in snapshots.
    State,
    /// A setting of the replica, such as a learning rate. Saved in snapshots.
    Setting,
    /// Kept between runs of functions but recomputed at will: not saved.
    Transient,
}

/// A tensor that each replica keeps between runs.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its path, unique in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
    /// Its element type.
    pub dtype: DType,
    /// What it is for.
    pub kind: VariableKind,
    /// Its shape in files, which have as many elements.
    pub saved: Vec<usize>,
}

/// A tensor that all replicas share and no function writes.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub shape: Shape,
    pub dtype: DType,
    pub words: Vec<f32>,
}

/// Whether a node's value differs between replicas.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// One value for the group.
    Shared,
    /// One per replica.
    Replica,
    /// One per pair of replicas: the shape is `[R, R]`.
    Pairs,
}

/// A node: an operation, what it applies to, and what results.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// What from.
    pub inputs: Vec<Tensor>,
    /// Shape of the result, for one replica.
    pub shape: Shape,
    /// Element type of the result.
    pub dtype: DType,
    /// Whether it differs between replicas.
    pub scope: Scope,
    /// Fences that stood before it (see [`Graph::fence`]).
    pub(super) epoch: u32,
}

/// What running a function does with a value.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The variable takes the value; every read in the same function sees the old one.
    Assign(VariableId, Tensor),
    /// The float variable `[1, 1]` becomes 1 if any element of the value is not zero. Several raises of one variable may
    /// stand in one function.
    Raise(VariableId, Tensor),
    /// The value is kept in a ring of `capacity`, at the place of the integer `step`.
    Record {
        /// Name of the ring, unique in the program.
        name: String,
        /// What is kept.
        value: Tensor,
        /// Integer scalar: the step.
        step: Tensor,
        /// Steps kept.
        capacity: usize,
    },
    /// The value can be read back under this name after the run.
    Output(String, Tensor),
}

impl Effect {
    pub(super) fn values(&self) -> Vec<Tensor> {
        match self {
            Self::Assign(_, value) | Self::Raise(_, value) | Self::Output(_, value) => vec![*value],
            Self::Record { value, step, .. } => vec![*value, *step],
        }
    }
}

/// Something that can be run: a name and its effects.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, unique in the program.
    pub name: String,
    /// What it does.
    pub effects: Vec<Effect>,
    /// About how many times it is run in all, mostly in a row: more than once, and a lowering that runs it many times in
    /// one dispatch may pay.
    pub runs: u32,
}

impl Function {
    /// A function of these effects.
    pub fn new(name: impl Into<String>, effects: Vec<Effect>) -> Self {
        Self { name: name.into(), effects, runs: 1 }
    }

    /// The same function, to be run about so many times, mostly in a row.
    pub fn repeated(self, runs: u32) -> Self {
        Self { runs, ..self }
    }
}

/// Nodes, variables and data of one program, for one replica.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) variables: Vec<Variable>,
    pub(super) data: Vec<Data>,
    pub(super) known: HashMap<(Op, Vec<Tensor>, Shape, DType, u32), Tensor>,
    /// Where in a stack a value stands: the stack, and the element at which it begins.
    pub(super) placed: HashMap<Tensor, (Tensor, usize)>,
    /// Paths of the purposes of random numbers, by what they are hashed to.
    pub(super) purposes: HashMap<u32, BTreeSet<String>>,
    pub(super) epoch: u32,
    pub(super) precision: Precision,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// A node.
    pub fn node(&self, tensor: Tensor) -> &Node {
        &self.nodes[tensor.index()]
    }

    /// Shape of a node.
    pub fn shape(&self, tensor: Tensor) -> &Shape {
        &self.node(tensor).shape
    }

    /// The variables, in order of their handles.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// A variable.
    pub fn variable_info(&self, id: VariableId) -> &Variable {
        &self.variables[id.0 as usize]
    }

    /// A variable by its name.
    pub fn variable_named(&self, name: &str) -> Option<VariableId> {
        self.variables.iter().position(|v| v.name == name).map(|i| VariableId(i as u32))
    }

    /// Nodes so far.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node yet.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How a node is named in messages: its operation, number and shape.
    pub fn describe(&self, tensor: Tensor) -> String {
        let node = self.node(tensor);
        let name = match &node.op {
            Op::ReadVariable(ReadVariable(id)) => format!("variable `{}`", self.variable_info(*id).name),
            op => op.facts().name.to_lowercase(),
        };
        format!("{name} (node {}, {})", tensor.0, node.shape)
    }
}
