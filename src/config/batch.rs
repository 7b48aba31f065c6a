//! `[batch]`: which examples one step sees.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::choices;

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

/// Which examples one step sees. Each replica has its own order, set by its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Batch {
    /// How a batch is drawn.
    pub mode: BatchMode,
    /// Examples in a batch. `steps` times `size` must stay below 4,294,967,296.
    #[schemars(range(min = 1))]
    pub size: u32,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { mode: BatchMode::Shuffled, size: 32 }
    }
}
