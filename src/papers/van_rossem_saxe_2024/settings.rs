//! Networks on two points, and on other tasks that are learned like them: those of the parts that are Rust.
//!
//! Source: the released experiments of van Rossem & Saxe (2024): hidden layers of leaky ReLU, Xavier-normal initial weights times a
//! gain (biases 0), full-batch gradient descent on half the mean squared error.

use crate::config::{
    Activation, Batch, BatchMode, Checkpoints, Experiment, Init, Loss, LossKind, Measure, Model, Normalise, Observe,
    Optimiser, OptimiserKind, Reduction, Seeds, Source, Spacing,
};

/// Steps of full-batch gradient descent at the paper's learning rates.
pub const STEPS: u32 = 3000;

/// An architecture with its initialisation and learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Factor on the standard deviation of the initial weights.
    pub gain: f64,
    /// Learning rate.
    pub lr: f64,
    /// Units of each hidden layer.
    pub width: u32,
    /// Hidden layers.
    pub depth: u32,
    /// The hidden layer that is the representation, counted from 0, after the activation.
    pub layer: usize,
}

impl Setting {
    /// The experiment of this setting on two points.
    pub fn experiment(&self, steps: u32) -> Experiment {
        let mut e = two_points(steps);
        e.model = Model {
            layers: vec![self.width; self.depth as usize].into(),
            activation: Activation::LeakyRelu,
            slope: 0.01,
            gain: self.gain,
            ..e.model
        };
        e.optimiser = Optimiser { kind: OptimiserKind::Sgd, lr: self.lr, ..Optimiser::default() };
        e
    }
}

/// Two points, full batches, half the mean squared error; nothing observed but the loss at the end.
pub fn two_points(steps: u32) -> Experiment {
    let mut e =
        Experiment { name: "van-rossem-saxe-2024".into(), steps, seeds: Seeds::Count(1), ..Experiment::default() };
    e.data.source = Source::TwoPoints;
    e.data.normalise = Normalise::None;
    e.model = Model { init: Init::XavierNormal, bias: true, ..Model::default() };
    e.loss = Loss { kind: LossKind::Mse, reduction: Reduction::HalfMean, ..Loss::default() };
    e.batch = Batch { mode: BatchMode::Full, ..Batch::default() };
    e.observe = Observe {
        at: Checkpoints { kind: Spacing::List, steps: vec![0, steps], ..Checkpoints::default() },
        measures: vec![Measure::Loss],
        ..Observe::default()
    };
    e
}
