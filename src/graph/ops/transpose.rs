//! The axes of matrices exchanged.

use super::prelude::*;
use crate::kernels::program::Pattern;

/// The last two axes exchanged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Transpose;

impl Graph {
    /// A matrix with its axes exchanged, or each matrix of several.
    ///
    /// # Errors
    /// If `x` has one axis alone.
    pub fn transpose(&mut self, x: Tensor) -> Result<Tensor> {
        let (mut shape, dtype) = (self.shape(x).clone(), self.node(x).dtype);
        let Some(first) = shape.0.len().checked_sub(2).filter(|_| self.node(x).scope != Scope::Pairs) else {
            return Err(Error::Shape(format!("{} has no two axes to exchange", self.describe(x))));
        };
        shape.0.swap(first, first + 1);
        Ok(self.add(Transpose, vec![x], shape, dtype))
    }
}

impl Rules for Transpose {
    fn facts(&self) -> Facts {
        Facts::map("transpose").positional().first(Reads::Whole)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let part = back.graph.transpose(whole)?;
        back.give(0, part);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        // The last extent of the input is the number of rows here.
        let (columns, rows) = (at.columns(), at.extents_of(0).last().copied().unwrap_or(1));
        let matrices = at.inputs[0].chunks(rows * columns);
        let turned = |x: &[f64]| (0..x.len()).map(|e| x[e % columns * rows + e / columns]).collect::<Vec<_>>();
        Ok(matrices.flat_map(turned).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let node = emitter.graph().node(tensor);
        let (dtype, columns) = (node.dtype, emitter.graph().shape(node.inputs[0]).columns());
        // One matrix after the other: by the two axes before, if there are any.
        let extents = &node.shape.0;
        let size = extents.iter().rev().take(2).product();
        let more = extents.iter().rev().nth(2).map_or(1, |&n| n) * size;
        let strides = [if extents.len() > 3 { more } else { 0 }, if extents.len() > 2 { size } else { 0 }, 1, columns];
        let leaf = emitter.leaf(tensor, 0, Pattern::Strided, &strides, None)?;
        Ok(emitter.push(Instruction::Load(leaf, dtype)))
    }
}
