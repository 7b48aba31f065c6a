//! The same memory in another shape.

use super::prelude::*;

/// The same elements in another shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reshape;

impl Graph {
    /// The same elements in another shape.
    ///
    /// # Errors
    /// If the number of elements differs.
    pub fn reshape(&mut self, x: Tensor, extents: &[usize]) -> Result<Tensor> {
        let target = Shape::new(extents);
        if self.shape(x) == &target {
            return Ok(x);
        }
        if let Op::Reshape(_) = self.node(x).op {
            return self.reshape(self.node(x).inputs[0], extents);
        }
        if self.shape(x).elements() != target.elements() {
            return Err(Error::Shape(format!("{} cannot be reshaped to {target}", self.describe(x))));
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Reshape, vec![x], target, dtype))
    }

    /// What a tensor is in another shape, if it is that.
    pub fn unshaped(&self, x: Tensor) -> Tensor {
        let node = self.node(x);
        match node.op.facts().kind {
            Kind::View { .. } if self.shape(node.inputs[0]).elements() == self.shape(x).elements() => node.inputs[0],
            _ => x,
        }
    }

    /// The tensor whose memory a node's value is, and how many elements into it the value starts.
    pub(in crate::graph) fn source(&self, tensor: Tensor) -> (Tensor, usize) {
        let node = self.node(tensor);
        match node.op.facts().kind {
            Kind::View { from } => {
                let (source, offset) = self.source(node.inputs[0]);
                (source, offset + from)
            }
            _ => (tensor, 0),
        }
    }
}

impl Rules for Reshape {
    fn facts(&self) -> Facts {
        Facts::view("reshape", 0)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let part = back.graph.reshape(whole, &back.extents(0))?;
        back.give(0, part);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.inputs[0].clone())
    }
}
