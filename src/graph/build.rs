//! Adding nodes. Every method of a graph that makes one (they stand with their operations) checks shapes at once, so that an
//! error names the two nodes that do not fit.

use super::node::{Graph, Node, Scope, Shape, Tensor};
use super::ops::{Kind, Op};
use crate::error::{Error, Result};
use crate::kernels::program::DType;

impl Graph {
    pub(super) fn add(&mut self, op: impl Into<Op>, inputs: Vec<Tensor>, shape: Shape, dtype: DType) -> Tensor {
        let scope = inputs.iter().map(|&t| self.node(t).scope).max().unwrap_or(Scope::Shared);
        self.add_scoped(op, inputs, shape, dtype, scope)
    }

    pub(super) fn add_scoped(
        &mut self,
        op: impl Into<Op>,
        inputs: Vec<Tensor>,
        shape: Shape,
        dtype: DType,
        scope: Scope,
    ) -> Tensor {
        // Common subexpressions: a node with the same operation, inputs and shape is the same node, unless a fence stands
        // between the two. Variables and data are the same everywhere.
        let op = op.into();
        let epoch = if op.facts().kind == Kind::Stored { 0 } else { self.epoch };
        let key = (op.clone(), inputs.clone(), shape.clone(), dtype, epoch);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let tensor = Tensor(u32::try_from(self.nodes.len()).expect("fewer than 2^32 nodes"));
        self.nodes.push(Node { op, inputs, shape, dtype, scope, epoch: self.epoch });
        self.known.insert(key, tensor);
        tensor
    }

    /// Keeps work before and after it in separate dispatches, in that order, and shares no node across, so that memory can
    /// be reused in between. Without fences independent parts run side by side, which is fast and needs memory for all
    /// of them at once.
    pub fn fence(&mut self) {
        self.epoch += 1;
    }

    /// Extents of a matrix.
    pub(crate) fn matrix(&self, x: Tensor) -> Result<[usize; 2]> {
        match self.shape(x).extents() {
            [rows, columns] if self.node(x).scope != Scope::Pairs => Ok([*rows, *columns]),
            _ => Err(Error::Shape(format!("{} is not a matrix", self.describe(x)))),
        }
    }

    pub(super) fn misfit(&self, what: &str, a: Tensor, b: Tensor, wants: &str) -> Error {
        Error::Shape(format!("{what} wants {wants}: got {} and {}", self.describe(a), self.describe(b)))
    }
}
