//! Losses, with their conventions named: these differ by a factor between papers.

use super::Align;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::settings::{choices, settings};

choices! {
    /// What is minimised.
    LossKind {
        /// Minus the log-probability of the class under a softmax of the outputs.
        #[default]
        CrossEntropy = "cross_entropy" ["nll", "softmax"],
        /// Binary cross-entropy of each output through a sigmoid; labels become one-hot rows.
        Bce = "bce" ["binary_cross_entropy"],
        /// Squared difference between outputs and targets; labels become one-hot rows.
        Mse = "mse" ["l2"],
    }
}

choices! {
    /// How one number is made of the losses of all examples and outputs. Every convention averages over the examples
    /// of a batch; they differ in what is done with the outputs.
    Reduction {
        /// Mean over examples and outputs, as `torch.nn.MSELoss`. For `cross_entropy`, where an example has one loss:
        /// mean over examples.
        #[default]
        Mean = "mean",
        /// Sum over outputs, mean over examples. For `cross_entropy` the same as `mean`.
        Sum = "sum",
        /// Half of `mean`; only for `mse`.
        HalfMean = "half_mean",
        /// Half of `sum`, the usual convention of theory; only for `mse`.
        HalfSum = "half_sum",
    }
}

choices! {
    /// What becomes of labels that have no loss, since their feature is absent from the example.
    AbsentTerms {
        /// Their terms are 0, and count in every mean: a feature that is seldom present has little weight.
        #[default]
        Zero = "zero",
        /// They count in no mean: `mean` is that of the terms that are present in the batch, of all outputs together.
        LeftOut = "left_out",
    }
}

settings! {
    /// What is minimised.
    Loss {
        /// What is minimised.
        #[schemars(extend("synonyms" = ["criterion", "objective"]))]
        kind: LossKind = LossKind::default(),
        /// How the losses of examples and outputs become one number.
        reduction: Reduction = Reduction::default(),
        /// What becomes of labels whose feature is absent (`presence` of `[[data.features]]`); only with `mse` and `bce`.
        absent: AbsentTerms = AbsentTerms::default(),
        /// Terms beside it.
        #[schemars(length(max = 100))]
        align: Vec<Align> = Vec::new(),
    }
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

impl Loss {
    /// Of a kind and a reduction.
    pub fn new(kind: LossKind, reduction: Reduction) -> Self {
        Self { kind, reduction, ..Self::default() }
    }

    /// The loss `[1, 1]` of predictions (logits) `[N, C]` for labels `[N, 1]` (cross-entropy, in nats) or targets `[N, C]`. Of
    /// sequences logits are `[N, T C]` for labels `[N, T]`, as [`Predictions`] says, and the mean is over all positions that count, as
    /// that of `torch.nn.CrossEntropyLoss` with `ignore_index` is, but 0 where none does.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn apply(&self, g: &mut Graph, prediction: Tensor, target: Tensor) -> Result<Tensor> {
        let Some((terms, factor)) = self.terms(g, prediction, target)? else {
            let Predictions { logits, labels, counted } = Predictions::new(g, prediction, target)?;
            let rows = g.cross_entropy(logits, labels)?;
            return mean_of_counted(g, rows, counted);
        };
        let sum = g.sum_all(terms)?;
        Ok(g.scale(sum, factor))
    }

    /// The same of those examples alone for which `counted` `[N, 1]` is 1, and not 0; of all where there is none.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn of_some(
        &self,
        g: &mut Graph,
        prediction: Tensor,
        target: Tensor,
        counted: Option<Tensor>,
    ) -> Result<Tensor> {
        if counted.is_none() {
            return self.apply(g, prediction, target);
        }
        let [examples, _] = g.matrix(prediction)?;
        let (rows, factor) = match self.terms(g, prediction, target)? {
            Some((terms, factor)) => (g.sum(terms, 1)?, factor * examples as f64),
            None => (g.cross_entropy(prediction, target)?, 1.0),
        };
        let mean = mean_of_counted(g, rows, counted)?;
        Ok(g.scale(mean, factor))
    }

    /// The loss `[1, 1]` of predictions `[N, C]` whose terms count where `mask` `[N, C]` is 1, and not where it is 0: as zeros,
    /// or left out of the divisor, which is then the number of terms that are present, at least 1.
    ///
    /// # Errors
    /// If the shapes do not fit, or the loss has one term for all outputs (cross-entropy).
    pub fn masked(&self, g: &mut Graph, prediction: Tensor, target: Tensor, mask: Tensor) -> Result<Tensor> {
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
        match self.absent {
            AbsentTerms::Zero => Ok(g.scale(sum, factor)),
            AbsentTerms::LeftOut => {
                let present = g.sum_all(mask)?;
                let one = g.constant(1.0);
                let present = g.binary(Binary::Max, present, one)?;
                let whole = g.scale(sum, f64::from(factor as f32) * (examples * outputs) as f64);
                g.over(whole, present)
            }
        }
    }

    /// The terms `[N, C]`, and the factor on their sum; none of cross-entropy.
    fn terms(&self, g: &mut Graph, prediction: Tensor, target: Tensor) -> Result<Option<(Tensor, f64)>> {
        let [examples, outputs] = g.matrix(prediction)?;
        Ok(Some(match self.kind {
            LossKind::CrossEntropy => return Ok(None),
            LossKind::Bce => {
                // y softplus(-z) + (1 - y) softplus(z). The shorter softplus(z) - y z loses the digits of a loss that is small,
                // and of its gradient, where z is large and y is 1.
                let one = g.constant(1.0);
                let (opposite, rest) = (g.scale(prediction, -1.0), g.minus(one, target)?);
                let (wrong_if_one, wrong_if_zero) =
                    (g.unary(Unary::Softplus, opposite), g.unary(Unary::Softplus, prediction));
                let (first, second) = (g.times(target, wrong_if_one)?, g.times(rest, wrong_if_zero)?);
                (g.plus(first, second)?, self.reduction.factor(examples, outputs))
            }
            LossKind::Mse => {
                let difference = g.minus(prediction, target)?;
                (g.unary(Unary::Square, difference), self.reduction.factor(examples, outputs))
            }
        }))
    }
}

/// A label where there is nothing to be answered, as PyTorch's `ignore_index`: it has no loss, and is neither right nor wrong.
pub const IGNORED: u32 = u32::MAX;

/// What is predicted and what it should be, one by one: of examples, or of all positions of sequences.
#[derive(Clone, Copy, Debug)]
pub struct Predictions {
    /// `[answers, C]`
    pub logits: Tensor,
    /// `[answers, 1]`
    pub labels: Tensor,
    /// `[answers, 1]`: 1 where the label is one of the C, and so counts; none where all do, as with one answer an example.
    pub counted: Option<Tensor>,
}

impl Predictions {
    /// Of logits `[N, C]` for integer labels `[N, 1]`, or `[N, T C]` for labels `[N, T]`, [`IGNORED`] ones among them.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub fn new(g: &mut Graph, logits: Tensor, labels: Tensor) -> Result<Self> {
        let ([rows, width], [_, positions]) = (g.matrix(logits)?, g.matrix(labels)?);
        if positions == 1 {
            return Ok(Self { logits, labels, counted: None });
        }
        let classes = width / positions;
        let logits = g.reshape(logits, &[rows * positions, classes])?;
        let labels = g.reshape(labels, &[rows * positions, 1])?;
        let (number, least) = (g.unary(Unary::ToFloat, labels), g.constant(classes as f32));
        let counted = g.binary(Binary::Greater, least, number)?;
        Ok(Self { logits, labels, counted: Some(counted) })
    }
}

/// The mean `[1, 1]` of `values` `[N, 1]` that count: of all, if nothing is said; 0 if none does.
///
/// # Errors
/// If the shapes do not fit.
pub fn mean_of_counted(g: &mut Graph, values: Tensor, counted: Option<Tensor>) -> Result<Tensor> {
    let Some(counted) = counted else { return g.mean_all(values) };
    // Chosen, not multiplied: what does not count may be no number.
    let (zero, one) = (g.constant(0.0), g.constant(1.0));
    let values = g.select(counted, values, zero)?;
    let (sum, count) = (g.sum_all(values)?, g.sum_all(counted)?);
    let count = g.binary(Binary::Max, count, one)?;
    g.over(sum, count)
}
