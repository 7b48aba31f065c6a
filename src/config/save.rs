//! `[save]`: what is written beside the metrics.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices::choices;

choices! {
    /// At which steps something is kept.
    Keep {
        /// Never.
        #[default]
        None = "none",
        /// At the last step.
        Final = "final",
        /// At every checkpoint.
        Checkpoints = "checkpoints",
    }
}

/// What is written beside the metrics.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Save {
    /// Steps between two snapshots, from which an interrupted run continues; by default one at every checkpoint and every 30 seconds.
    #[schemars(range(min = 1), extend("synonyms" = ["snapshots", "save_every"]))]
    pub snapshot_every: Option<u32>,
    /// When the parameters of every replica are written to `parameters.safetensors`.
    pub parameters: Keep,
    /// When the representations of every replica are written to `representations.safetensors`.
    pub representations: Keep,
}
