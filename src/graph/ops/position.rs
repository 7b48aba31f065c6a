//! Where an element stands.

use super::prelude::*;

/// Coordinate along the last axis, as a float.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Column;

/// Index over the last extent, as a float.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Row;

impl Graph {
    /// Coordinates along the last axis of a tensor of this shape, as floats.
    pub fn column_index(&mut self, extents: &[usize]) -> Tensor {
        self.add(Column, Vec::new(), Shape::new(extents), DType::F32)
    }

    /// Indices over the last extent of a tensor of this shape, as floats.
    pub fn row_index(&mut self, extents: &[usize]) -> Tensor {
        self.add(Row, Vec::new(), Shape::new(extents), DType::F32)
    }
}

impl Rules for Column {
    fn facts(&self) -> Facts {
        Facts::map("column").positional()
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok((0..at.count()).map(|e| (e % at.columns()) as f64).collect())
    }

    fn emit(&self, _: Tensor, emitter: &mut Emitter) -> Result<Value> {
        Ok(emitter.push(Instruction::Column))
    }
}

impl Rules for Row {
    fn facts(&self) -> Facts {
        Facts::map("row").positional()
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok((0..at.count()).map(|e| (e / at.columns()) as f64).collect())
    }

    fn emit(&self, _: Tensor, emitter: &mut Emitter) -> Result<Value> {
        Ok(emitter.push(Instruction::Row))
    }
}
