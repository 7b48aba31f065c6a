//! The declaration of a data set of features, checked.

use super::function::Function;
use super::picture::Attribute;
use crate::error::{Error, Result};
use crate::settings::choices;

/// Most features of one data set.
const MOST_FEATURES: usize = 256;
/// Most inputs of one data set.
const MOST_INPUTS: usize = 1 << 16;

/// One of the sets that a declaration gives: streams of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// What networks are trained on.
    Train,
    /// Held out, to fit regressions on.
    Fit,
    /// Held out, to test on.
    Test,
}

impl Set {
    /// Every set.
    pub const ALL: [Set; 3] = [Set::Train, Set::Fit, Set::Test];

    /// Its name in purposes.
    pub const fn name(self) -> &'static str {
        match self {
            Set::Train => "train",
            Set::Fit => "fit",
            Set::Test => "test",
        }
    }
}

/// How many labels of a feature are 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Balance {
    /// Exactly this part of the examples, rounded to a whole number of them (half: 0.5).
    Rate(f64),
    /// All patterns of the relevant units are as likely, and the labels follow.
    Sampled,
}

choices! {
    /// What is done where a feature is absent.
    Absent {
        /// Its block of inputs is 0, and its label has no loss.
        #[default]
        BlockAndLoss = "block_and_loss",
        /// Its label has no loss; its inputs are as ever.
        Loss = "loss",
    }
}

/// Labels that agree with another feature's.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// Name of the other feature, declared before.
    pub with: String,
    /// Part of the examples of each label of the other feature that have the same label here, from 0 to 1.
    pub fraction: f64,
}

/// One feature: a block of inputs and a label.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name: letters, digits and underscores.
    pub name: String,
    /// The label as a function of the first units of the block.
    pub function: Function,
    /// Width of the block.
    pub units: usize,
    /// Units that show each relevant bit, side by side: 1 for it alone.
    pub copies: usize,
    /// How many labels are 1. With `agrees` it follows from the other feature.
    pub balance: Balance,
    /// Part of the labels that are 1 in the training set, in place of `balance`.
    pub train_rate: Option<f64>,
    /// Part of the training examples in which the feature is present; in the other sets it always is.
    pub presence: f64,
    /// What is done where it is absent.
    pub absent: Absent,
    /// Whose labels its own agree with; independent by default.
    pub agrees: Option<Agreement>,
    /// What each relevant bit decides, where examples are pictures.
    pub shows: Vec<Attribute>,
}

impl Feature {
    /// Whether its function reads four bits, each shown by one unit: the first four of its block.
    pub fn is_of_four_bits(&self) -> bool {
        self.function.relevant() == 4 && self.copies == 1
    }

    /// A feature with the defaults: 16 units; for `linear` four copies and sampled labels, else no copies and exactly
    /// balanced labels.
    pub fn new(name: impl Into<String>, function: Function) -> Feature {
        let linear = function == Function::Linear;
        Feature {
            name: name.into(),
            function,
            units: 16,
            copies: if linear { 4 } else { 1 },
            balance: if linear { Balance::Sampled } else { Balance::Rate(0.5) },
            train_rate: None,
            presence: 1.0,
            absent: Absent::default(),
            agrees: None,
            shows: Vec::new(),
        }
    }
}

/// A declaration: features side by side, and random units after them.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    features: Vec<Feature>,
    distractors: usize,
}

impl Features {
    /// Features with so many random units after their blocks.
    ///
    /// # Errors
    /// [`Error::Config`] with one sentence if a feature makes no sense, or does not fit the others.
    pub fn new(features: Vec<Feature>, distractors: usize) -> Result<Features> {
        if features.is_empty() || features.len() > MOST_FEATURES {
            return Err(Error::config(format!("expected 1 to {MOST_FEATURES} features, got {}", features.len())));
        }
        for (place, feature) in features.iter().enumerate() {
            check(feature, &features[..place])
                .map_err(|message| Error::config(format!("feature `{}`: {message}", short(&feature.name))))?;
        }
        let made = Features { features, distractors };
        if made.distractors > MOST_INPUTS || made.inputs() > MOST_INPUTS {
            return Err(Error::config(format!("expected at most {MOST_INPUTS} inputs, got {}", made.inputs())));
        }
        Ok(made)
    }

    /// The features, in the order of their blocks and labels.
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Random units after the blocks.
    pub fn distractors(&self) -> usize {
        self.distractors
    }

    /// Inputs of an example.
    pub fn inputs(&self) -> usize {
        self.features.iter().map(|f| f.units).sum::<usize>() + self.distractors
    }

    /// Labels of an example.
    pub fn outputs(&self) -> usize {
        self.features.len()
    }

    /// Whether any feature is absent from a training example.
    pub fn any_absent(&self) -> bool {
        self.features.iter().any(|f| f.presence < 1.0)
    }
}

fn short(name: &str) -> String {
    name.chars().take(40).flat_map(char::escape_debug).collect()
}

fn check(feature: &Feature, before: &[Feature]) -> Result<(), String> {
    let Feature { name, function, units, copies, .. } = feature;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.len() > 40 || !name.chars().all(fits) {
        return Err("expected a name of 1 to 40 letters, digits and underscores".into());
    }
    if name == "test" {
        return Err("expected another name: `accuracy_test` is that of the whole test set".into());
    }
    if before.iter().any(|f| f.name == *name) {
        return Err("the name comes twice".into());
    }
    let needed = (function.relevant() as usize).saturating_mul(*copies);
    if *copies == 0 || needed > *units {
        return Err(format!(
            "{function} reads {} units, with {copies} copies of each, and so needs a block of {needed}, but units is {units}",
            function.relevant()
        ));
    }
    let open = |what: &str, rate: f64| {
        let fits = rate > 0.0 && rate < 1.0;
        if fits { Ok(()) } else { Err(format!("expected {what} above 0 and below 1, got {rate}")) }
    };
    if let Balance::Rate(rate) = feature.balance {
        open("a balance", rate)?;
    }
    if let Some(rate) = feature.train_rate {
        open("a train_rate", rate)?;
    }
    if !(feature.presence > 0.0 && feature.presence <= 1.0) {
        return Err(format!("expected a presence above 0, up to 1, got {}", feature.presence));
    }
    let Some(agreement) = &feature.agrees else { return Ok(()) };
    if !(0.0..=1.0).contains(&agreement.fraction) {
        return Err(format!("expected an agreement from 0 to 1, got {}", agreement.fraction));
    }
    if feature.train_rate.is_some() {
        return Err(format!("expected no train_rate, since its labels follow those of `{}`", short(&agreement.with)));
    }
    let Some(other) = before.iter().find(|f| f.name == agreement.with) else {
        let known: Vec<&str> = before.iter().map(|f| f.name.as_str()).collect();
        let known = if known.is_empty() { "there is none".into() } else { format!("these are {}", known.join(", ")) };
        return Err(format!(
            "agrees_with is `{}`, which is no feature declared before it ({known})",
            short(&agreement.with)
        ));
    };
    if other.balance == Balance::Sampled && other.agrees.is_none() {
        return Err(format!(
            "it agrees with `{}`, whose labels are sampled and so of no fixed number: give that one balance = \"exact\"",
            other.name
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::function::Gate;
    use super::*;

    fn refusal(features: Vec<Feature>) -> String {
        Features::new(features, 0).unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let linear = |name: &str| Feature::new(name, Function::Linear);
        let agrees = |with: &str, fraction| Some(Agreement { with: with.into(), fraction });
        assert!(refusal(vec![]).contains("1 to 256 features"));
        assert!(refusal(vec![linear("a"), linear("a")]).contains("`a`: the name comes twice"));
        assert!(refusal(vec![linear("a b")]).contains("letters, digits"));
        assert!(refusal(vec![linear("test")]).contains("accuracy_test"));
        let narrow = Feature { units: 3, ..linear("a") };
        assert_eq!(
            refusal(vec![narrow]),
            "feature `a`: linear reads 1 units, with 4 copies of each, and so needs a block of 4, but units is 3"
        );
        assert!(refusal(vec![Feature { copies: 0, ..linear("a") }]).contains("with 0 copies"));
        assert!(refusal(vec![Feature { balance: Balance::Rate(1.0), ..linear("a") }]).contains("below 1, got 1"));
        assert!(refusal(vec![Feature { train_rate: Some(f64::NAN), ..linear("a") }]).contains("train_rate"));
        assert!(refusal(vec![Feature { presence: 0.0, ..linear("a") }]).contains("presence above 0"));
        let other = |agrees| Feature { agrees, ..Feature::new("b", Function::Pair(Gate::Xor)) };
        assert!(refusal(vec![other(agrees("b", 1.0))]).contains("no feature declared before it (there is none)"));
        assert!(refusal(vec![linear("a"), other(agrees("a", 0.9))]).contains("give that one balance = \"exact\""));
        let exact = Feature { balance: Balance::Rate(0.5), ..linear("a") };
        assert!(refusal(vec![exact.clone(), other(agrees("a", 1.5))]).contains("from 0 to 1"));
        let rated = Feature { train_rate: Some(0.2), ..other(agrees("a", 0.5)) };
        assert!(refusal(vec![exact.clone(), rated]).contains("no train_rate"));
        assert!(Features::new(vec![exact.clone()], 1 << 20).unwrap_err().to_string().contains("at most 65536 inputs"));
        assert_eq!(Features::new(vec![exact, other(agrees("a", 0.9))], 3).unwrap().inputs(), 35);
    }
}
