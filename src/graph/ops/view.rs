//! The same memory in another shape, or part of it.

use super::prelude::*;

/// The same elements in another shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reshape;

/// Some rows, from the one given.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rows(pub(in crate::graph) usize);

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
        if self.shape(x).elements() != target.elements() {
            return Err(Error::Shape(format!("{} cannot be reshaped to {target}", self.describe(x))));
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Reshape, vec![x], target, dtype))
    }

    /// `count` rows of a matrix from `start`.
    ///
    /// # Errors
    /// If `x` is not a matrix or has fewer rows.
    pub fn rows(&mut self, x: Tensor, start: usize, count: usize) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        if count == 0 || start + count > rows {
            return Err(Error::Shape(format!("{} has no rows {start}..{}", self.describe(x), start + count)));
        }
        if count == rows {
            return Ok(x);
        }
        let dtype = self.node(x).dtype;
        Ok(self.add(Rows(start), vec![x], Shape::new(&[count, columns]), dtype))
    }

    /// The tensor whose memory a node's value is, and how many elements into it the value starts.
    pub(in crate::graph) fn source(&self, tensor: Tensor) -> (Tensor, usize) {
        let node = self.node(tensor);
        match node.op.facts().kind {
            Kind::View { from } => {
                let (source, offset) = self.source(node.inputs[0]);
                (source, offset + from * node.shape.columns())
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

impl Rules for Rows {
    fn facts(&self) -> Facts {
        Facts::view("rows", self.0)
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let start = self.0 * at.columns();
        Ok(at.inputs[0][start..start + at.count()].into())
    }
}
