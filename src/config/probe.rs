//! `[probe]`: the fixed inputs on which representations are read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices::choices;

choices! {
    /// Which part of the data the probe set is taken from.
    ProbeFrom {
        /// The held-out examples.
        #[default]
        Test = "test",
        /// The training examples.
        Train = "train",
    }
}

/// The fixed inputs on which representations are read; the same for every replica and checkpoint (but see
/// `data.seed`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Probe {
    /// Which part of the data the probe set is taken from.
    pub from: ProbeFrom,
    /// Largest number of probe examples, the first ones of that part; by default all. CKA needs at least 4.
    #[schemars(range(min = 1))]
    pub examples: Option<u32>,
}
