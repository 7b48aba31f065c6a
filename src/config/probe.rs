//! `[probe]`: the fixed inputs on which representations are read.

use crate::settings::{choices, settings};

choices! {
    /// Which part of the data the probe set is taken from.
    ProbeFrom {
        /// The held-out examples.
        #[default]
        Test = "test",
        /// The training examples.
        Train = "train",
        /// The means of the conditions of `data.source = "conditions"`, one for each, without noise.
        Means = "means",
    }
}

settings! {
    /// The fixed inputs on which representations are read; the same for every replica and checkpoint (but see
    /// `data.seed`).
    Probe {
        /// Which part of the data the probe set is taken from.
        from: ProbeFrom = ProbeFrom::default(),
        /// Largest number of probe examples, the first ones of that part; by default all. CKA needs at least 4.
        #[schemars(range(min = 1))]
        examples: Option<u32> = None,
    }
}
