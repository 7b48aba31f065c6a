//! Losses, with their conventions named.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

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
    fn factor(self, examples: usize, outputs: usize) -> f64 {
        let (examples, all) = (examples as f64, (examples * outputs) as f64);
        match self {
            Self::Mean => 1.0 / all,
            Self::HalfMean => 0.5 / all,
            Self::Sum => 1.0 / examples,
            Self::HalfSum => 0.5 / examples,
        }
    }
}

/// What terms that are masked count for in a mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Masked {
    /// They count as zeros: the divisor is the number of all terms.
    #[default]
    Zero,
    /// They do not count: the divisor is the number of terms that are present, where [`Reduction`] has that of all (and at
    /// least 1).
    LeftOut,
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
        let Some((terms, factor)) = self.terms(g, prediction, target)? else {
            let rows = g.cross_entropy(prediction, target)?;
            return g.mean_all(rows);
        };
        let sum = g.sum_all(terms)?;
        Ok(g.scale(sum, factor))
    }

    /// The loss `[1, 1]` of predictions `[N, C]` whose terms count where `mask` `[N, C]` is 1, and not where it is 0.
    ///
    /// # Errors
    /// If the shapes do not fit, or the loss has one term for all outputs (cross-entropy).
    pub fn masked(
        self,
        g: &mut Graph,
        prediction: Tensor,
        target: Tensor,
        mask: Tensor,
        absent: Masked,
    ) -> Result<Tensor> {
        let Some((terms, factor)) = self.terms(g, prediction, target)? else {
            return Err(Error::Shape(
                "cross-entropy has one term for all outputs, which cannot be masked by output: use a binary one".into(),
            ));
        };
        if g.shape(mask) != g.shape(terms) {
            let (mask, terms) = (g.describe(mask), g.shape(terms).clone());
            return Err(Error::Shape(format!("a mask of the shape of the outputs, {terms}, is expected, got {mask}")));
        }
        let [examples, outputs] = g.matrix(prediction)?;
        let terms = g.times(terms, mask)?;
        let sum = g.sum_all(terms)?;
        match absent {
            Masked::Zero => Ok(g.scale(sum, factor)),
            Masked::LeftOut => {
                let present = g.sum_all(mask)?;
                let one = g.constant(1.0);
                let present = g.binary(Binary::Max, present, one)?;
                let whole = g.scale(sum, f64::from(factor as f32) * (examples * outputs) as f64);
                g.over(whole, present)
            }
        }
    }

    /// The terms `[N, C]`, and the factor on their sum; none of cross-entropy.
    fn terms(self, g: &mut Graph, prediction: Tensor, target: Tensor) -> Result<Option<(Tensor, f64)>> {
        let [examples, outputs] = g.matrix(prediction)?;
        Ok(Some(match self {
            Self::CrossEntropy => return Ok(None),
            Self::BinaryCrossEntropy(reduction) => {
                // y softplus(-z) + (1 - y) softplus(z). The shorter softplus(z) - y z loses the digits of a loss that is small,
                // and of its gradient, where z is large and y is 1.
                let one = g.constant(1.0);
                let (opposite, rest) = (g.scale(prediction, -1.0), g.minus(one, target)?);
                let (wrong_if_one, wrong_if_zero) =
                    (g.unary(Unary::Softplus, opposite), g.unary(Unary::Softplus, prediction));
                let (first, second) = (g.times(target, wrong_if_one)?, g.times(rest, wrong_if_zero)?);
                (g.plus(first, second)?, reduction.factor(examples, outputs))
            }
            Self::SquaredError(reduction) => {
                let difference = g.minus(prediction, target)?;
                (g.unary(Unary::Square, difference), reduction.factor(examples, outputs))
            }
        }))
    }
}
