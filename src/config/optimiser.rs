//! `[optimiser]` and `[optimiser.schedule]`: how parameters move.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::choices;

choices! {
    /// The rule of an update.
    OptimiserKind {
        /// Gradient descent, with `momentum` when it is above 0.
        Sgd = "sgd",
        /// Adam (Kingma and Ba 2015).
        #[default]
        Adam = "adam",
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
        Adamw = "adamw",
        /// RMSprop as in PyTorch: smoothing `alpha`, not centred.
        Rmsprop = "rmsprop",
    }
}

choices! {
    /// How the learning rate changes over the steps.
    ScheduleKind {
        /// `lr` throughout.
        #[default]
        Constant = "constant",
        /// Times `factor` every `every` steps.
        Step = "step",
        /// Half a cosine from `lr` to `end` times `lr`.
        Cosine = "cosine",
        /// A straight line from `lr` to `end` times `lr`.
        Linear = "linear",
    }
}

/// How parameters move.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimiser {
    /// The rule of an update.
    pub kind: OptimiserKind,
    /// Learning rate.
    #[schemars(extend("minimum" = 0.0))]
    pub lr: f64,
    /// Momentum of `sgd`, as in PyTorch (no dampening).
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub momentum: f64,
    /// Whether the momentum of `sgd` is Nesterov's.
    pub nesterov: bool,
    /// Smoothing of the mean gradient of `adam` and `adamw`.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub beta1: f64,
    /// Smoothing of the squared gradient of `adam` and `adamw`.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub beta2: f64,
    /// Added to the root in the denominator of `adam`, `adamw` and `rmsprop`.
    #[schemars(extend("minimum" = 0.0))]
    pub epsilon: f64,
    /// Smoothing of the squared gradient of `rmsprop`.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub alpha: f64,
    /// Weight decay.
    #[schemars(extend("minimum" = 0.0))]
    pub weight_decay: f64,
    /// Whether weight decay shrinks the parameters directly (by `lr` times `weight_decay`) rather than through the
    /// gradient; by default true for `adamw` and false for the rest.
    pub decoupled: Option<bool>,
    /// Largest norm of a replica's whole gradient; a longer one is scaled down. By default gradients are not clipped.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub clip_norm: Option<f64>,
    /// How the learning rate changes over the steps.
    pub schedule: Schedule,
}

impl Default for Optimiser {
    fn default() -> Optimiser {
        Optimiser {
            kind: OptimiserKind::Adam,
            lr: 1e-3,
            momentum: 0.0,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            alpha: 0.99,
            weight_decay: 0.0,
            decoupled: None,
            clip_norm: None,
            schedule: Schedule::default(),
        }
    }
}

impl Optimiser {
    /// Whether weight decay is decoupled, with the default of the kind filled in.
    pub fn is_decoupled(&self) -> bool {
        self.decoupled.unwrap_or(self.kind == OptimiserKind::Adamw)
    }
}

/// How the learning rate changes over the steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// How the learning rate changes.
    pub kind: ScheduleKind,
    /// Steps at the start over which the learning rate rises in a straight line from 0; they count into `steps`.
    pub warmup: u32,
    /// Steps between two drops; needed by `step`.
    #[schemars(range(min = 1))]
    pub every: Option<u32>,
    /// Factor of each drop of `step`.
    #[schemars(extend("minimum" = 0.0))]
    pub factor: f64,
    /// What part of `lr` is left at the end of `cosine` and `linear`.
    #[schemars(extend("minimum" = 0.0))]
    pub end: f64,
    /// Step at which `cosine` and `linear` reach their end, and stay there; by default the last step of the run.
    #[schemars(range(min = 1))]
    pub steps: Option<u32>,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { kind: ScheduleKind::Constant, warmup: 0, every: None, factor: 0.1, end: 0.0, steps: None }
    }
}
