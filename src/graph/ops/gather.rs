//! Rows of a table.

use super::prelude::*;
use crate::kernels::program::Pattern;

/// Rows of the first input at the indices in the second.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Gather;

impl Graph {
    /// Rows of `table` `[N, D]` at `rows` `[B, 1]`.
    ///
    /// # Errors
    /// If the table is not a matrix or the rows are not a column of integers.
    pub fn gather(&mut self, table: Tensor, rows: Tensor) -> Result<Tensor> {
        let (t, r) = (self.shape(table).clone(), self.shape(rows).clone());
        if t.0.len() != 2 || r.0.len() != 2 || r.0[1] != 1 || self.node(rows).dtype != DType::U32 {
            return Err(self.misfit("gather", table, rows, "a matrix and a column of integers"));
        }
        let dtype = self.node(table).dtype;
        Ok(self.add(Gather, vec![table, rows], Shape::new(&[r.0[0], t.0[1]]), dtype))
    }
}

impl Rules for Gather {
    fn facts(&self) -> Facts {
        Facts::map("gather").positional().first(Reads::SomeRows)
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let columns = at.columns();
        let rows = at.inputs[1].iter().map(|&row| {
            let row = row as usize;
            at.inputs[0].get(row * columns..(row + 1) * columns).ok_or_else(|| {
                let table = at.graph().describe(at.node.inputs[0]);
                Error::Numerics(format!("row {row} was to be taken from {table}, which has fewer"))
            })
        });
        Ok(rows.collect::<Result<Vec<_>>>()?.concat().into())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let dtype = emitter.graph().node(tensor).dtype;
        let rows = emitter.input(tensor, 1)?;
        // What is read is as large as the result, not as the table.
        let leaf = emitter.leaf(tensor, 0, Pattern::Full, &[], Some(tensor))?;
        Ok(emitter.push(Instruction::Gather(leaf, rows, dtype)))
    }
}
