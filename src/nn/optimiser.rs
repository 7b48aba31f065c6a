//! Optimisers: small transformations of the gradient, chained, with hyper-parameters that may differ per replica.
//!
//! Conventions are PyTorch's: see each rule. Because hyper-parameters are values, not text, replicas that differ in
//! them train in one group.

use super::Schedule;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor, VariableId, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::settings::{choices, settings};

choices! {
    /// The rule of an update.
    OptimiserKind {
        /// Gradient descent, with `momentum` when it is above 0.
        Sgd = "sgd" ["momentum"],
        /// Adam (Kingma and Ba 2015).
        #[default]
        Adam = "adam",
        /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
        Adamw = "adamw",
        /// RMSprop as in PyTorch: smoothing `alpha`, not centred.
        Rmsprop = "rmsprop",
    }
}

settings! {
    /// How parameters move.
    Optimiser {
        /// The rule of an update.
        kind: OptimiserKind = OptimiserKind::Adam,
        /// Learning rate.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica", "synonyms" = ["learning_rate", "eta"]))]
        lr: f64 = 1e-3,
        /// Momentum of `sgd`, as in PyTorch (no dampening).
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica, but for 0"))]
        momentum: f64 = 0.0,
        /// Whether the momentum of `sgd` is Nesterov's.
        nesterov: bool = false,
        /// Smoothing of the mean gradient of `adam` and `adamw`.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica", "synonyms" = ["betas"]))]
        beta1: f64 = 0.9,
        /// Smoothing of the squared gradient of `adam` and `adamw`.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica"))]
        beta2: f64 = 0.999,
        /// Added to the root in the denominator of `adam`, `adamw` and `rmsprop`.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica", "synonyms" = ["eps"]))]
        epsilon: f64 = 1e-8,
        /// Smoothing of the squared gradient of `rmsprop`.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica"))]
        alpha: f64 = 0.99,
        /// Weight decay.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica, but for 0", "synonyms" = ["wd", "l2"]))]
        weight_decay: f64 = 0.0,
        /// Whether weight decay shrinks the parameters directly (by `lr` times `weight_decay`) rather than through the
        /// gradient; by default true for `adamw` and false for the rest.
        decoupled: Option<bool> = None,
        /// Largest norm of a replica's whole gradient; a longer one is scaled down. By default gradients are not clipped.
        #[schemars(extend("exclusiveMinimum" = 0.0, "scope" = "replica, but for 0", "synonyms" = ["grad_clip", "clip"]))]
        clip_norm: Option<f64> = None,
        /// How the learning rate changes over the steps.
        #[schemars(extend("synonyms" = ["scheduler", "lr_schedule"]))]
        schedule: Schedule = Schedule::default(),
    }
}

/// Hyper-parameters: scalars, usually a setting variable of each replica.
#[derive(Clone, Copy, Debug)]
pub struct Hyper {
    /// Learning rate, schedule included.
    pub lr: Tensor,
    /// Momentum of `sgd`.
    pub momentum: Tensor,
    /// Decay of the first moment of `adam` and `adamw`.
    pub beta1: Tensor,
    /// Decay of the second moment of `adam` and `adamw`.
    pub beta2: Tensor,
    /// Decay of the second moment of `rmsprop`.
    pub alpha: Tensor,
    /// Added to the root of the second moment.
    pub epsilon: Tensor,
    /// Weight decay.
    pub weight_decay: Tensor,
}

/// The new value of a variable.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// The variable.
    pub variable: VariableId,
    /// Its value before.
    pub old: Tensor,
    /// Its value after.
    pub new: Tensor,
    /// Value that it starts from.
    pub start: f32,
}

impl Optimiser {
    /// Whether weight decay is decoupled, with the default of the kind filled in.
    pub fn is_decoupled(&self) -> bool {
        self.decoupled.unwrap_or(self.kind == OptimiserKind::Adamw)
    }

    /// Updates of parameters and of the optimiser's state for their gradients. State variables are declared here.
    ///
    /// # Errors
    /// If a gradient does not have its parameter's shape.
    pub fn updates(
        &self,
        g: &mut Graph,
        parameters: &[Tensor],
        gradients: &[Tensor],
        hyper: Hyper,
    ) -> Result<Vec<Update>> {
        self.updates_scaled(g, parameters, gradients, &[], hyper)
    }

    /// The same, with what the learning rate is times for each of the parameters: 1 where nothing is said.
    ///
    /// # Errors
    /// As [`updates`](Self::updates).
    pub fn updates_scaled(
        &self,
        g: &mut Graph,
        parameters: &[Tensor],
        gradients: &[Tensor],
        lr_multipliers: &[f64],
        hyper: Hyper,
    ) -> Result<Vec<Update>> {
        let mut updates = Vec::new();
        let corrections = match self.kind {
            OptimiserKind::Adam | OptimiserKind::Adamw => Some(bias_corrections(g, hyper, &mut updates)?),
            OptimiserKind::Sgd | OptimiserKind::Rmsprop => None,
        };
        let (decays, decoupled) = (self.weight_decay > 0.0, self.is_decoupled());
        let factors = lr_multipliers.iter().copied().chain(std::iter::repeat(1.0));
        for ((&p, &gradient), factor) in parameters.iter().zip(gradients).zip(factors) {
            if g.shape(p) != g.shape(gradient) {
                return Err(Error::Shape(format!("{} is no gradient of {}", g.describe(gradient), g.describe(p))));
            }
            let gradient = if decays && !decoupled {
                let pull = g.times(hyper.weight_decay, p)?;
                g.plus(gradient, pull)?
            } else {
                gradient
            };
            let direction = self.direction(g, p, gradient, hyper, corrections, &mut updates)?;
            let lr = if factor == 1.0 {
                hyper.lr
            } else {
                let factor = g.number(factor);
                g.times(hyper.lr, factor)?
            };
            let step = g.times(lr, direction)?;
            let base = if decays && decoupled {
                let rate = g.times(lr, hyper.weight_decay)?;
                let shrink = g.times(rate, p)?;
                g.minus(p, shrink)?
            } else {
                p
            };
            let new = g.minus(base, step)?;
            updates.push(Update { variable: g.variable_of(p)?, old: p, new, start: 0.0 });
        }
        Ok(updates)
    }

    fn direction(
        &self,
        g: &mut Graph,
        p: Tensor,
        gradient: Tensor,
        hyper: Hyper,
        corrections: Option<(Tensor, Tensor)>,
        updates: &mut Vec<Update>,
    ) -> Result<Tensor> {
        match self.kind {
            OptimiserKind::Sgd if self.momentum == 0.0 => Ok(gradient),
            // v = momentum v + g, step lr v; with Nesterov's momentum lr (g + momentum v).
            OptimiserKind::Sgd => {
                let (id, velocity) = moment(g, p, "velocity")?;
                let kept = g.times(hyper.momentum, velocity)?;
                let new = g.plus(kept, gradient)?;
                updates.push(Update { variable: id, old: velocity, new, start: 0.0 });
                if self.nesterov {
                    let ahead = g.times(hyper.momentum, new)?;
                    g.plus(gradient, ahead)
                } else {
                    Ok(new)
                }
            }
            // lr m^ / (sqrt(v^) + epsilon), with bias correction.
            OptimiserKind::Adam | OptimiserKind::Adamw => {
                let (first_id, first) = moment(g, p, "first_moment")?;
                let (second_id, second) = moment(g, p, "second_moment")?;
                let new_first = average(g, hyper.beta1, first, gradient)?;
                let square = g.unary(Unary::Square, gradient);
                let new_second = average(g, hyper.beta2, second, square)?;
                updates.push(Update { variable: first_id, old: first, new: new_first, start: 0.0 });
                updates.push(Update { variable: second_id, old: second, new: new_second, start: 0.0 });
                let Some((rate, root)) = corrections else {
                    return Err(Error::Shape("Adam's corrections are missing".into()));
                };
                let spread = g.unary(Unary::Sqrt, new_second);
                let corrected = g.times(spread, root)?;
                let denominator = g.plus(corrected, hyper.epsilon)?;
                let scaled = g.times(new_first, rate)?;
                g.over(scaled, denominator)
            }
            // lr g / (sqrt(v) + epsilon)
            OptimiserKind::Rmsprop => {
                let (id, second) = moment(g, p, "second_moment")?;
                let square = g.unary(Unary::Square, gradient);
                let new = average(g, hyper.alpha, second, square)?;
                updates.push(Update { variable: id, old: second, new, start: 0.0 });
                let spread = g.unary(Unary::Sqrt, new);
                let denominator = g.plus(spread, hyper.epsilon)?;
                g.over(gradient, denominator)
            }
        }
    }
}

/// `1 / (1 - beta1^t)` and `1 / sqrt(1 - beta2^t)`. The powers are kept as state and multiplied once a step: a
/// power function loses digits where beta is near one.
fn bias_corrections(g: &mut Graph, hyper: Hyper, updates: &mut Vec<Update>) -> Result<(Tensor, Tensor)> {
    let mut power = |g: &mut Graph, name: &str, beta: Tensor| -> Result<Tensor> {
        let old = g.variable(format!("optimiser/{name}"), &[1, 1], DType::F32, VariableKind::State)?;
        let new = g.times(old, beta)?;
        updates.push(Update { variable: g.variable_of(old)?, old, new, start: 1.0 });
        let one = g.constant(1.0);
        g.minus(one, new)
    };
    let first = power(g, "beta1_power", hyper.beta1)?;
    let second = power(g, "beta2_power", hyper.beta2)?;
    let root = g.unary(Unary::Sqrt, second);
    Ok((g.unary(Unary::Reciprocal, first), g.unary(Unary::Reciprocal, root)))
}

/// A state variable of a parameter's shape.
fn moment(g: &mut Graph, p: Tensor, name: &str) -> Result<(VariableId, Tensor)> {
    let id = g.variable_of(p)?;
    let path = format!("optimiser/{}/{name}", g.variable_info(id).name);
    let extents = g.shape(p).extents().to_vec();
    let value = g.variable(path, &extents, DType::F32, VariableKind::State)?;
    Ok((g.variable_of(value)?, value))
}

/// `decay * old + (1 - decay) * new`
fn average(g: &mut Graph, decay: Tensor, old: Tensor, new: Tensor) -> Result<Tensor> {
    let one = g.constant(1.0);
    let rest = g.minus(one, decay)?;
    let kept = g.times(decay, old)?;
    let added = g.times(rest, new)?;
    g.plus(kept, added)
}

/// Euclidean norm of several tensors taken together, `[1, 1]`.
///
/// # Errors
/// None of its own.
pub fn global_norm(g: &mut Graph, tensors: &[Tensor]) -> Result<Tensor> {
    let mut total: Option<Tensor> = None;
    for &tensor in tensors {
        let squares = g.unary(Unary::Square, tensor);
        let sum = g.sum_all(squares)?;
        total = Some(match total {
            Some(total) => g.plus(total, sum)?,
            None => sum,
        });
    }
    let total = match total {
        Some(total) => total,
        None => g.constant(0.0),
    };
    Ok(g.unary(Unary::Sqrt, total))
}

/// Gradients scaled so that their global norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_` does: by
/// `min(1, limit / (norm + 1e-6))`.
///
/// # Errors
/// None of its own.
pub fn clip_by_global_norm(g: &mut Graph, gradients: &[Tensor], norm: Tensor, limit: Tensor) -> Result<Vec<Tensor>> {
    let safe = g.shift(norm, 1e-6);
    let ratio = g.over(limit, safe)?;
    let one = g.constant(1.0);
    let factor = g.binary(Binary::Min, ratio, one)?;
    gradients.iter().map(|&gradient| g.times(gradient, factor)).collect()
}
