//! `[loss]`: what is minimised. Conventions differ by a factor between papers, so they have names here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::choices;

choices! {
    /// What is minimised.
    LossKind {
        /// Minus the log-probability of the class under a softmax of the outputs.
        #[default]
        CrossEntropy = "cross_entropy",
        /// Binary cross-entropy of each output through a sigmoid; labels become one-hot rows.
        Bce = "bce",
        /// Squared difference between outputs and targets; labels become one-hot rows.
        Mse = "mse",
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

/// What is minimised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Loss {
    /// What is minimised.
    pub kind: LossKind,
    /// How the losses of examples and outputs become one number.
    pub reduction: Reduction,
    /// What becomes of labels whose feature is absent (`presence` of `[[data.features]]`); only with `mse` and `bce`.
    pub absent: AbsentTerms,
}
