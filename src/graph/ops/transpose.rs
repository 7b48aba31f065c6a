//! The axes of a matrix exchanged.

use super::prelude::*;
use crate::kernels::program::Pattern;

/// The two axes exchanged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Transpose;

impl Graph {
    /// A matrix with its axes exchanged.
    ///
    /// # Errors
    /// If `x` is not a matrix.
    pub fn transpose(&mut self, x: Tensor) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        let dtype = self.node(x).dtype;
        Ok(self.add(Transpose, vec![x], Shape::new(&[columns, rows]), dtype))
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
        // The last extent is the number of rows of what is turned.
        let (columns, rows) = (at.columns(), at.count() / at.columns());
        Ok((0..at.count()).map(|e| at.inputs[0][e % columns * rows + e / columns]).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let node = emitter.graph().node(tensor);
        let (dtype, columns) = (node.dtype, emitter.graph().shape(node.inputs[0]).columns());
        let leaf = emitter.leaf(tensor, 0, Pattern::Strided, &[0, 0, 1, columns], None)?;
        Ok(emitter.push(Instruction::Load(leaf, dtype)))
    }
}
