//! Losses, with their conventions named.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// How a loss is summed up. Every convention is a mean over examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Mean over examples and outputs.
    Mean,
    /// Half of [`Reduction::Mean`].
    HalfMean,
    /// Sum over outputs, mean over examples.
    Sum,
    /// Half of [`Reduction::Sum`].
    HalfSum,
}

impl Reduction {
    /// Factor on the sum over examples and outputs.
    fn factor(self, examples: usize, outputs: usize) -> f32 {
        let (examples, all) = (examples as f64, (examples * outputs) as f64);
        let factor = match self {
            Self::Mean => 1.0 / all,
            Self::HalfMean => 0.5 / all,
            Self::Sum => 1.0 / examples,
            Self::HalfSum => 0.5 / examples,
        };
        factor as f32
    }
}

/// A loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Softmax cross-entropy against integer labels `[N, 1]`, in nats, mean over examples.
    CrossEntropy,
    /// Logistic cross-entropy of each output against targets in [0, 1], in nats.
    BinaryCrossEntropy(Reduction),
    /// Squared error.
    SquaredError(Reduction),
}

impl Loss {
    /// The loss `[1, 1]` of predictions (logits) `[N, C]`.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn apply(self, g: &mut Graph, prediction: Tensor, target: Tensor) -> Result<Tensor> {
        let [examples, outputs] = g.matrix(prediction)?;
        match self {
            Self::CrossEntropy => {
                let rows = g.cross_entropy(prediction, target)?;
                g.mean_all(rows)
            }
            Self::BinaryCrossEntropy(reduction) => {
                // softplus(z) - y z: exact for any z.
                let softplus = g.unary(Unary::Softplus, prediction);
                let product = g.times(target, prediction)?;
                let terms = g.minus(softplus, product)?;
                let sum = g.sum_all(terms)?;
                Ok(g.scale(sum, reduction.factor(examples, outputs)))
            }
            Self::SquaredError(reduction) => {
                let difference = g.minus(prediction, target)?;
                let squares = g.unary(Unary::Square, difference);
                let sum = g.sum_all(squares)?;
                Ok(g.scale(sum, reduction.factor(examples, outputs)))
            }
        }
    }
}
