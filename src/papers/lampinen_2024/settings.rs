//! Networks and data sets of the paper's binary-feature experiments, as reconstructed, at each scale.
//!
//! The full text of the paper was not at hand. Sizes, activation, initialisation and loss are those of the authors' published
//! demonstration; the optimiser's settings are a reconstruction under which the headline figures come out.

use serde_json::json;

use crate::config::{
    Activation, Batch, Checkpoints, Data, Experiment, Fan, Feature, Init, Keep, Loss, LossKind, Measure, Model,
    Normalise, Observe, Optimiser, OptimiserKind, Save, Seeds, Source, Spacing, Stage,
};
use crate::papers::Scale;

/// The easy feature.
pub const EASY: &str = "easy";
/// The feature compared with it.
pub const HARD: &str = "hard";
/// A feature is learned at this accuracy on held-out examples.
pub const LEARNED: f64 = 0.99;

/// One kind of network on one kind of data.
#[derive(Clone, Debug)]
pub struct Config {
    /// The features.
    pub features: Vec<Feature>,
    /// Training examples.
    pub examples: u32,
    /// Examples of each of the two held-out sets.
    pub held_out: u32,
    /// Seed of data that all networks share; by default each has its own.
    pub data_seed: Option<u32>,
    /// Widths of the hidden layers.
    pub layers: Vec<u32>,
    /// Between them.
    pub activation: Activation,
    /// Probability of dropout.
    pub dropout: f64,
    /// How parameters move.
    pub optimiser: Optimiser,
    /// Examples of a step.
    pub batch: u32,
    /// Stages; none: no stop before the last step.
    pub stages: Vec<Stage>,
    /// Epochs at most.
    pub epochs: u32,
    /// Checkpoints, in epochs; none: the start and the end alone.
    pub observe: Vec<u32>,
    /// Whether representations and parameters are kept.
    pub keep: bool,
}

/// A feature by its function, with the width of block of a scale.
pub fn feature(name: &str, function: &str, units: u32) -> Feature {
    Feature { name: name.into(), function: function.into(), units, ..Feature::default() }
}

impl Config {
    /// The reconstructed configuration: an easy and a hard feature, trained until both are learned.
    pub fn base(scale: Scale) -> Self {
        let sgd = |lr: f64| Optimiser { kind: OptimiserKind::Sgd, lr, ..Optimiser::default() };
        let units = if scale <= Scale::Small { 8 } else { 16 };
        let base = Self {
            features: vec![feature(EASY, "linear", units), feature(HARD, "xor_xor_xor", units)],
            examples: 8192,
            held_out: 1024,
            data_seed: None,
            layers: vec![256, 128, 64, 64],
            activation: Activation::LeakyRelu,
            dropout: 0.0,
            optimiser: sgd(0.1),
            batch: 128,
            stages: vec![until_learned(&[])],
            epochs: 160,
            observe: Vec::new(),
            keep: false,
        };
        match scale {
            Scale::Tiny => Self {
                examples: 2048,
                held_out: 512,
                layers: vec![48, 32, 24, 24],
                optimiser: sgd(0.15),
                batch: 32,
                epochs: 60,
                ..base
            },
            Scale::Small => Self {
                examples: 4096,
                layers: vec![96, 64, 32, 32],
                optimiser: sgd(0.2),
                batch: 64,
                epochs: 80,
                ..base
            },
            Scale::Notes => base,
            Scale::Paper => Self { examples: 32_768, optimiser: sgd(0.003), batch: 32, epochs: 300, ..base },
        }
    }

    /// Steps of an epoch.
    pub fn epoch(&self) -> u32 {
        self.examples.div_ceil(self.batch)
    }

    /// Trained without a stop.
    #[must_use]
    pub fn for_epochs(mut self, epochs: u32) -> Self {
        self.stages.clear();
        self.epochs = epochs;
        self
    }

    /// The experiment.
    pub fn experiment(&self) -> Experiment {
        let steps = self.epochs * self.epoch();
        let at = self.observe.iter().map(|e| e * self.epoch()).filter(|s| *s <= steps);
        let keep = if self.keep { Keep::Final } else { Keep::None };
        Experiment {
            name: "lampinen-2024".into(),
            steps,
            seeds: Seeds::Count(1),
            check_every: self.epoch(),
            stages: self.stages.clone(),
            data: Data {
                source: Source::Features,
                normalise: Normalise::None,
                examples: self.examples,
                fit_examples: self.held_out,
                test_examples: self.held_out,
                seed: self.data_seed,
                features: self.features.clone(),
                ..Data::default()
            },
            model: Model {
                layers: self.layers.clone().into(),
                activation: self.activation,
                slope: 0.01,
                dropout: self.dropout,
                init: Init::VarianceScaling,
                fan: Fan::FanAvg,
                ..Model::default()
            },
            loss: Loss { kind: LossKind::Bce, ..Loss::default() },
            optimiser: self.optimiser.clone(),
            batch: Batch { size: self.batch, ..Batch::default() },
            observe: Observe {
                at: Checkpoints { kind: Spacing::List, steps: at.collect(), ..Checkpoints::default() },
                measures: vec![Measure::Loss, Measure::Accuracy, Measure::VarianceExplained],
                ..Observe::default()
            },
            save: Save { parameters: keep, representations: keep, ..Save::default() },
            ..Experiment::default()
        }
    }
}

/// A stage that ends when these outputs (all, if none is named) are learned.
pub fn until_learned(outputs: &[&str]) -> Stage {
    Stage { outputs: outputs.iter().map(|&o| o.to_owned()).collect(), until: Some(LEARNED), ..Stage::default() }
}

/// The configurations, for the report.
pub fn as_json() -> serde_json::Value {
    let of = |scale: Scale| {
        let c = Config::base(scale);
        json!({
            "examples": c.examples, "held_out": c.held_out, "units_per_feature": c.features[0].units, "layers": c.layers,
            "optimiser": "sgd", "lr": c.optimiser.lr, "batch": c.batch, "stop": LEARNED, "epochs_at_most": c.epochs,
        })
    };
    Scale::ALL.into_iter().map(|scale| (scale.name().to_owned(), of(scale))).collect::<serde_json::Map<_, _>>().into()
}
