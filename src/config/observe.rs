//! `[observe]`: what is measured, and of which layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{checkpoints::Checkpoints, choices::choices};

choices! {
    /// Something that is measured at checkpoints.
    Measure {
        /// Loss on the probe set (`loss`), and on the training batches since the last checkpoint, averaged (`loss_train`).
        #[default]
        Loss = "loss",
        /// Part of the examples whose largest output is that of their class, on the probe set.
        Accuracy = "accuracy",
        /// Euclidean norm of the whole gradient, on the coming batch.
        GradientNorm = "gradient_norm",
        /// Euclidean norm of all parameters together.
        WeightNorm = "weight_norm",
        /// Squared Euclidean distance between the representations of the two probe examples of each of `pairs`.
        Distance = "distance",
        /// Linear CKA of every pair of replicas, at each hidden layer.
        CkaPairs = "cka_pairs",
        /// Linear CKA of every pair of layers, across replicas, at the last step.
        CkaLayers = "cka_layers",
        /// Linear CKA of each hidden layer with the inputs.
        CkaInput = "cka_input",
        /// Linear CKA of each hidden layer with the targets (one-hot labels).
        CkaLabels = "cka_labels",
        /// Of each hidden layer, the variance that each feature of `source = "features"` explains, fitted on the fit set and
        /// scored on the probe set: its share of the total (`explained_<name>`), the mean R² over units
        /// (`explained_uniform_<name>`), the part of the units of which it explains more than a threshold
        /// (`density_<name>_<threshold>`), and the total variance (`total_variance`).
        VarianceExplained = "variance_explained",
        /// Linear CKA of each hidden layer with itself at step 0.
        CkaFirst = "cka_first",
        /// Linear CKA of each hidden layer with itself at the last step.
        CkaLast = "cka_last",
    }
}

impl Measure {
    /// Whether it reads hidden layers, so that a model without any has nothing to measure.
    pub const fn reads_hidden_layers(self) -> bool {
        !matches!(self, Measure::Loss | Measure::Accuracy | Measure::GradientNorm | Measure::WeightNorm)
    }
}

/// What is measured, and of which layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Observe {
    /// At which steps.
    pub at: Checkpoints,
    /// What is measured.
    pub measures: Vec<Measure>,
    /// Whether every CKA is also written in its debiased form, which is fair when examples are few.
    pub debiased: bool,
    /// Measures of the catalogue (`isogram measures`) between all pairs of replicas, at each hidden layer, such as
    /// `procrustes` or `rsa:pearson`.
    #[schemars(length(max = 100))]
    pub compare: Vec<String>,
    /// Statistics of the catalogue of each hidden layer of each replica, such as `participation_ratio`.
    #[schemars(length(max = 100))]
    pub describe: Vec<String>,
    /// Hidden layers to look at, counted from 0; by default all.
    #[schemars(length(min = 1, max = 1000))]
    pub layers: Option<Vec<u32>>,
    /// Pairs of probe examples, counted from 0, for `distance`.
    #[schemars(length(max = 100000))]
    pub pairs: Vec<[u32; 2]>,
}

impl Default for Observe {
    fn default() -> Observe {
        Observe {
            at: Checkpoints::default(),
            measures: vec![Measure::Loss, Measure::Accuracy],
            debiased: true,
            compare: Vec::new(),
            describe: Vec::new(),
            layers: None,
            pairs: Vec::new(),
        }
    }
}

impl Observe {
    /// Whether a measure is asked for.
    pub fn has(&self, measure: Measure) -> bool {
        self.measures.contains(&measure)
    }
}
