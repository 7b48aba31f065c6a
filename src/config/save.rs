//! `[save]`: what is written beside the metrics.

use crate::settings::{choices, settings};

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

settings! {
    /// What is written beside the metrics.
    Save {
        /// Steps between two snapshots, from which an interrupted run continues; by default one at every checkpoint and every 30 seconds.
        #[schemars(range(min = 1), extend("scope" = "run", "synonyms" = ["snapshots", "save_every"]))]
        snapshot_every: Option<u32> = None,
        /// When the parameters of every replica are written to `parameters.safetensors`.
        parameters: Keep = Keep::default(),
        /// When the representations of every replica are written to `representations.safetensors`.
        representations: Keep = Keep::default(),
    }
}
