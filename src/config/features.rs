//! `[[data.features]]`: the features of which a data set is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::features::{self as made, Absent, Attribute};
use crate::error::{Error, Result};
use crate::settings::{choices, settings};

choices! {
    /// How the labels of a feature are balanced.
    Balancing {
        /// Exactly half of them are 1.
        #[default]
        Exact = "exact",
        /// All patterns of the relevant units are as likely, and the labels follow.
        Sampled = "sampled",
    }
}

/// How many labels of a feature are 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Balance {
    /// By name.
    Named(Balancing),
    /// Exactly this part of them, rounded to a whole number of examples.
    Rate(#[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))] f64),
}

settings! {
    /// A feature of `source = "features"`: a block of inputs that are 0 or 1, and a label that is a function of its first
    /// units; the other units are random. Each `[[data.features]]` adds a block and a label, in the order of the file.
    Feature {
        /// Its name, of letters, digits and underscores; its accuracy on the probe set is observed as `accuracy_<name>`.
        name: String = String::new(),
        /// The label: `linear` (unit 0); `and`, `or`, `xor` of units 0 and 1; a tree `top_left_right` of units 0 to 3 with one of
        /// these for each, such as `xor_xor_xor` for top(left(0, 1), right(2, 3)); `parity_4`, `majority_5` (more than half) or
        /// `sum_4_at_least_2` of so many first units, 12 at most.
        function: String = String::new(),
        /// Width of its block of inputs.
        #[schemars(range(min = 1, max = 65536))]
        units: u32 = 16,
        /// Units that show each relevant bit, side by side; by default 4 for `linear` and 1 for others.
        #[schemars(range(min = 1, max = 65536))]
        copies: Option<u32> = None,
        /// How many labels are 1: `exact` for half of them, `sampled` for as many as uniform patterns of the relevant units give,
        /// or an exact part such as `0.2`; by default `sampled` for `linear` and `exact` for others.
        balance: Option<Balance> = None,
        /// Part of the labels that are 1 in the training set alone, in place of `balance`.
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        train_rate: Option<f64> = None,
        /// Part of the training examples in which it is present, an exact number of them; in the other sets it always is.
        #[schemars(extend("exclusiveMinimum" = 0.0, "maximum" = 1.0))]
        presence: f64 = 1.0,
        /// What is done where it is absent.
        absent: Absent = Absent::BlockAndLoss,
        /// Name of a feature before it whose labels its own agree with, in every set; by default it is independent.
        agrees_with: Option<String> = None,
        /// Part of the examples that have the same label as the feature in `agrees_with`, an exact number of either label; by
        /// default all.
        #[schemars(extend("minimum" = 0.0, "maximum" = 1.0))]
        agreement: Option<f64> = None,
        /// With `form = "image"`, what of the picture each relevant bit decides, in place of units: `["colour"]` of a `linear` feature,
        /// `["shape", "texture"]` of the `xor` of two.
        #[schemars(length(max = 12))]
        shows: Vec<Attribute> = Vec::new(),
    }
}

choices! {
    /// What the examples of `features` are.
    Form {
        /// Rows of units, block after block.
        #[default]
        Units = "units",
        /// Pictures, of which each feature decides something (`shows`), as `[data.image]` says. Needs `seed`.
        Image = "image" ["images", "pictures"],
        /// Sequences of tokens that are answered one feature after the other, in `output_order`: the units (0 or 1), 2, and the labels but
        /// the last. What is learned are the labels, at the position of the 2 and those that follow it, with `cross_entropy`. Needs `seed`.
        Sequence = "sequence" ["sequences", "tokens"],
    }
}

impl Feature {
    /// The feature with its defaults filled in.
    fn declared(&self) -> Result<made::Feature> {
        let fail = |message: String| Err(Error::config(format!("feature `{}`: {message}", self.name)));
        let function = match self.function.parse() {
            Ok(function) => function,
            Err(error) => return fail(format!("function: {error}")),
        };
        let plain = made::Feature::new(self.name.clone(), function);
        let agrees = match (&self.agrees_with, self.agreement) {
            (None, Some(_)) => return fail("agreement needs agrees_with, the name of another feature".into()),
            (None, None) => None,
            (Some(_), _) if self.balance.is_some() => {
                return fail("expected either balance or agrees_with, which settles the labels, got both".into());
            }
            (Some(with), fraction) => Some(made::Agreement { with: with.clone(), fraction: fraction.unwrap_or(1.0) }),
        };
        Ok(made::Feature {
            units: self.units as usize,
            copies: self.copies.map_or(plain.copies, |n| n as usize),
            balance: match self.balance {
                None => plain.balance,
                Some(Balance::Named(Balancing::Exact)) => made::Balance::Rate(0.5),
                Some(Balance::Named(Balancing::Sampled)) => made::Balance::Sampled,
                Some(Balance::Rate(rate)) => made::Balance::Rate(rate),
            },
            train_rate: self.train_rate,
            presence: self.presence,
            absent: self.absent,
            agrees,
            shows: self.shows.clone(),
            ..plain
        })
    }
}

impl super::Data {
    /// The declaration of `source = "features"`, checked.
    ///
    /// # Errors
    /// [`Error::Config`] with a sentence that names the feature.
    pub fn declared(&self) -> Result<made::Features> {
        let features = self.features.iter().map(Feature::declared).collect::<Result<Vec<_>>>()?;
        made::Features::new(features, self.distractors as usize)
    }
}
