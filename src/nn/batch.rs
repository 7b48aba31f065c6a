//! Batches, drawn on the device.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Draw;
use crate::settings::{choices, settings};

choices! {
    /// How a batch is drawn.
    BatchMode {
        /// Epoch after epoch, each in a new order of the replica's own. Batches run on across the end of an epoch.
        #[default]
        Shuffled = "shuffled",
        /// Every example of every batch is drawn on its own, with replacement.
        Replacement = "replacement",
        /// All training examples in every step; `size` is unused.
        Full = "full",
    }
}

settings! {
    /// Which examples one step sees. Each replica has its own order, set by its seed.
    Batch {
        /// How a batch is drawn.
        mode: BatchMode = BatchMode::Shuffled,
        /// Examples in a batch. `steps` times `size` must stay below 4,294,967,296.
        #[schemars(range(min = 1), extend("synonyms" = ["batch_size"]))]
        size: u32 = 32,
    }
}

impl Batch {
    /// Numbers `[size, 1]` of the examples of a step's batch, out of `examples`, an integer `[1, 1]`; none if it is all of them.
    pub fn rows(&self, g: &mut Graph, examples: Tensor, seed: Tensor, step: Tensor) -> Option<Tensor> {
        let draw = match self.mode {
            BatchMode::Full => return None,
            BatchMode::Shuffled => Draw::Shuffled,
            BatchMode::Replacement => Draw::Replacement,
        };
        let purpose = g.purpose("batch");
        Some(g.draw(draw, examples, self.size as usize, seed, purpose, step))
    }

    /// Rows of a step's batch, of tables `[N, D]`, `[N, C]` ... that all have the same examples.
    ///
    /// # Errors
    /// If the tables are not matrices.
    pub fn take(&self, g: &mut Graph, tables: &[Tensor], seed: Tensor, step: Tensor) -> Result<Vec<Tensor>> {
        let Some(&first) = tables.first() else { return Ok(Vec::new()) };
        let [examples, _] = g.matrix(first)?;
        let examples = g.integer(examples as u32);
        match self.rows(g, examples, seed, step) {
            Some(rows) => tables.iter().map(|&table| g.gather(table, rows)).collect(),
            None => Ok(tables.to_vec()),
        }
    }
}
