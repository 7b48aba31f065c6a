//! Batches, drawn on the device.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Draw;

/// How batches are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draws {
    /// All examples, every step.
    Full,
    /// Shuffled anew each epoch, read continuously, so that each example comes once per epoch.
    Shuffled,
    /// Independently, with replacement.
    Replacement,
}

/// A training set on the device.
#[derive(Clone, Copy, Debug)]
pub struct Batches {
    /// How batches are drawn.
    pub draws: Draws,
    /// Examples per batch.
    pub size: usize,
}

impl Batches {
    /// Inputs and targets of the batch of a step, from shared tables `[N, D]` and `[N, C]`.
    ///
    /// # Errors
    /// If the tables are not matrices.
    pub fn take(self, g: &mut Graph, tables: &[Tensor], seed: Tensor, step: Tensor) -> Result<Vec<Tensor>> {
        let draw = match self.draws {
            Draws::Full => return Ok(tables.to_vec()),
            Draws::Shuffled => Draw::Shuffled,
            Draws::Replacement => Draw::Replacement,
        };
        let purpose = g.purpose("batch");
        let mut batch = Vec::with_capacity(tables.len());
        for &table in tables {
            let [examples, _] = g.matrix(table)?;
            let rows = g.draw(draw, examples, self.size, seed, purpose, step);
            batch.push(g.gather(table, rows)?);
        }
        Ok(batch)
    }
}
