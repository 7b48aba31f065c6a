//! `[observe]`: what is measured, and of which layers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Experiment;
use super::checkpoints::Checkpoints;
use crate::settings::{choices, settings};

choices! {
    /// Something that is measured at checkpoints.
    Measure {
        /// Loss on the probe set (`loss`), and on the training batches since the last checkpoint, averaged (`loss_train`).
        #[default]
        Loss = "loss",
        /// Part of the examples whose largest output is that of their class, on the probe set.
        Accuracy = "accuracy",
        /// Part of the examples that are trained on whose class is the one that is trained on (`accuracy_train`); with
        /// `data.corrupted`, of those whose label was drawn (`accuracy_corrupted`) and of the others (`accuracy_uncorrupted`), and
        /// the part of the former that have their true class all the same (`accuracy_restored`).
        AccuracyTrain = "accuracy_train" ["train_accuracy"],
        /// Euclidean norm of the whole gradient, of all networks that are trained, on the coming batch.
        GradientNorm = "gradient_norm" ["grad_norm"],
        /// Euclidean norm of all parameters of `[model]` together.
        WeightNorm = "weight_norm",
        /// Mean over probe examples and units of the squares of each hidden layer: of layers that are dense alone, those of
        /// pre-activations, whose mean and spread over replicas wide networks are known by.
        MeanSquare = "mean_square",
        /// Squared Euclidean distance between the representations of the two probe examples of each of `pairs`.
        Distance = "distance",
        /// Of each hidden layer between dense ones, beside the inputs or outputs of `source = "modular"`, how few frequencies its
        /// weights are made of: for each unit the inverse participation ratio Σ P² / (Σ P)² of the Fourier spectrum P (one-sided) of
        /// its weights from a, from b and to the classes, averaged over these; the mean over units (`fourier_ipr`) and the part of
        /// them that is above 0.5 and below 0.2 (`fourier_ipr_above_0.5`, `fourier_ipr_below_0.2`). A wave has 1, noise about
        /// 4 / `modulus` (Doshi et al. 2024).
        FourierIpr = "fourier_ipr" ["ipr"],
        /// Linear CKA of every pair of replicas, at each hidden layer: as if `compare` had `cka:biased`, and, with `debiased`,
        /// `cka:debiased`.
        CkaPairs = "cka_pairs",
        /// Linear CKA of every pair of layers, across replicas, at the last step (`cka:biased`, `cka:debiased`).
        CkaLayers = "cka_layers",
        /// Linear CKA of each hidden layer with the inputs (`cka_input:biased`, `cka_input:debiased`).
        CkaInput = "cka_input",
        /// Linear CKA of each hidden layer with the targets, one-hot labels (`cka_labels:biased`, `cka_labels:debiased`).
        CkaLabels = "cka_labels",
        /// Of each hidden layer, the variance that each feature of `source = "features"` explains, fitted on the fit set and
        /// scored on the probe set: its share of the total (`explained_<name>`), the mean R² over units
        /// (`explained_uniform_<name>`), the part of the units of which it explains more than a threshold
        /// (`density_<name>_<threshold>`), and the total variance (`total_variance`).
        VarianceExplained = "variance_explained",
        /// Of the last hidden layer, its principal components on the fit set: their share of the variance
        /// (`component_share_<k>`), their squared correlation with each feature on the probe set (`component_r2_<name>_<k>`), and
        /// the accuracy of the output layer from the first k of them (`accuracy_<name>_from_<k>`); 16 components at most.
        Components = "components",
        /// Of the last hidden layer, steps along each feature's direction, the difference of its means on the fit set: the part of
        /// the probe set's answers that one step flips (`flips_<name>`), the part of all other features' answers
        /// (`flips_others_<name>`), the least norms that flip half and nine in ten (`flip_norm_50_<name>`, `flip_norm_90_<name>`) and
        /// the direction's length (`direction_<name>`), over the root of the total variance, and the directions' cosines
        /// (`direction_cosine_<a>_<b>`).
        Interventions = "interventions",
        /// On the last hidden layer, for each two of at most 8 features, classifiers (logistic, C = 1) fitted to the first 16, 64 and 256 examples
        /// of the fit set on which they agree: the part of the probe set's conflicts on which they follow the first feature
        /// (`follows_<a>_over_<b>_<n>`), and their accuracy elsewhere (`follows_<a>_over_<b>_<n>_agreeing`).
        RedundantLabels = "redundant_labels",
        /// Of each hidden layer, the variance that is explained by what features of four bits are made of:
        /// `explained_<name>.<part>` and `explained_uniform_<name>.<part>`, the parts being `xor_left`, `xor_right`, `parity`, `bit_0`
        /// to `bit_3`, `patterns` (of the four bits), `sum` (of them), `bits` (in one regression), and `distractors`.
        Substructure = "substructure",
        /// Linear CKA of each hidden layer with itself at step 0 (`cka_first:biased`, `cka_first:debiased`).
        CkaFirst = "cka_first",
        /// Linear CKA of each hidden layer with itself at the last step (`cka_last:biased`, `cka_last:debiased`).
        CkaLast = "cka_last",
    }
}

impl Measure {
    /// Whether it is of features that are known, and so needs data that are made of them.
    pub const fn of_features(self) -> bool {
        use Measure as M;
        matches!(self, M::VarianceExplained | M::Components | M::Interventions | M::RedundantLabels | M::Substructure)
    }

    /// Whether it goes through the output layer, or is fitted beside it, and so is of the last hidden layer alone.
    pub const fn of_the_last_layer(self) -> bool {
        matches!(self, Measure::Components | Measure::Interventions | Measure::RedundantLabels)
    }

    /// Whether it reads hidden layers, so that a model without any has nothing to measure.
    pub const fn reads_hidden_layers(self) -> bool {
        use Measure as M;
        !matches!(self, M::Loss | M::Accuracy | M::AccuracyTrain | M::GradientNorm | M::WeightNorm)
    }
}

/// A hidden layer, as a user calls it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LayerName {
    /// By its number.
    Number(u32),
    /// By its name.
    Name(String),
}

settings! {
    /// What is measured, and of which layers.
    Observe {
        /// At which steps.
        #[schemars(extend("synonyms" = ["checkpoints"]))]
        at: Checkpoints = Checkpoints::default(),
        /// What is measured.
        #[schemars(extend("synonyms" = ["metrics", "measure"]))]
        measures: Vec<Measure> = vec![Measure::Loss, Measure::Accuracy],
        /// Whether every CKA of `measures` is written in its debiased form as well, which is fair when examples are few.
        debiased: bool = true,
        /// Measures of the catalogue (`isogram measures`) between all pairs of replicas, at each hidden layer, such as
        /// `procrustes` or `rsa:pearson`, families of them, such as `kernels`, or `all`. Files have their full names: `cka` is
        /// written `cka:debiased`.
        #[schemars(length(max = 100))]
        compare: Vec<String> = Vec::new(),
        /// Statistics of the catalogue of each hidden layer of each replica, such as `participation_ratio`, families of them,
        /// or `all`.
        #[schemars(length(max = 100))]
        describe: Vec<String> = Vec::new(),
        /// Hidden layers to look at, counted from 0 or by name, those of `[networks.NAME]` as `NAME.conv1`; by default all of `[model]`.
        #[schemars(length(min = 1, max = 1000))]
        layers: Option<Vec<LayerName>> = None,
        /// Where the gradient of the task's loss on the probe set is looked at: `input`, and hidden layers of `[model]` by name, whose activations
        /// it is with respect to. Its norm is written as `input_gradient_norm` and `layer_gradient_norm`, and with
        /// `save.representations` itself, as `<replica>/gradient/input` and `<replica>/gradient/layers.0`. The loss being a mean over
        /// examples, that of one example is times their number.
        #[schemars(length(max = 1000))]
        gradients: Vec<String> = Vec::new(),
        /// Pairs of probe examples, counted from 0, for `distance`.
        #[schemars(length(max = 100000))]
        pairs: Vec<[u32; 2]> = Vec::new(),
    }
}

impl Observe {
    /// Whether a measure is asked for.
    pub fn has(&self, measure: Measure) -> bool {
        self.measures.contains(&measure)
    }

    /// The same with the numbers of hidden layers in place of their names, where these are `hidden`.
    #[must_use]
    pub fn numbered(&self, hidden: &[String]) -> Self {
        let number = |layer: &LayerName| match layer {
            LayerName::Name(name) => hidden.iter().position(|n| n == name).map(|i| LayerName::Number(i as u32)),
            LayerName::Number(_) => None,
        };
        let all = |layers: &Vec<LayerName>| layers.iter().map(|l| number(l).unwrap_or_else(|| l.clone())).collect();
        Self { layers: self.layers.as_ref().map(all), ..self.clone() }
    }
}

impl Experiment {
    /// What is observed, with the numbers of hidden layers: where there are several networks and no layers are named, those of
    /// `[model]`.
    pub fn observed(&self) -> Observe {
        let own = || (0..self.model.network().hidden().len() as u32).map(LayerName::Number).collect();
        let mut observe = self.observe.numbered(&self.hidden());
        if observe.layers.is_none() && !self.networks.is_empty() {
            observe.layers = Some(own());
        }
        observe
    }
}
