//! Names with options: `cka`, `cka:rbf:threshold=0.5`, `knn:k=20:euclidean`.
//!
//! A name is followed by options, each after a colon: `key=value`, or the value alone where it is a word that only one key
//! takes. What is not said has its default, and the canonical form leaves it out; but what goes by several definitions under one
//! name in the literature, such as the estimator of CKA, is always written: `cka` is read as `cka:debiased`.

use std::fmt::Write;

use crate::error::{Error, Result};

/// An option of a measure or statistic.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its key.
    pub key: &'static str,
    /// What it takes; the first word, or the number, is the default.
    pub takes: Takes,
    /// What it says, in a few words.
    pub about: &'static str,
}

/// What an option takes.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// One of these words; the first is the default.
    Word(&'static [&'static str]),
    /// The same, and always written.
    Written(&'static [&'static str]),
    /// A number within a range.
    Number {
        /// Where nothing is said.
        default: f64,
        /// Least.
        low: f64,
        /// Most.
        high: f64,
    },
    /// A whole number.
    Count {
        /// Where nothing is said.
        default: usize,
        /// Least.
        low: usize,
    },
}

/// An option that is a whole number of at least `low`.
pub(crate) const fn count(key: &'static str, default: usize, low: usize, about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Count { default, low }, about }
}

/// An option that is a number within bounds.
pub(crate) const fn number(key: &'static str, default: f64, [low, high]: [f64; 2], about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Number { default, low, high }, about }
}

/// An option that takes one of these words, the first by default.
pub(crate) const fn word(key: &'static str, words: &'static [&'static str], about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Word(words), about }
}

/// The same, always written.
pub(crate) const fn written(key: &'static str, words: &'static [&'static str], about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Written(words), about }
}

/// The value of an option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// One of the words.
    Word(&'static str),
    /// A number.
    Number(f64),
    /// A whole number.
    Count(usize),
}

/// All options of a measure with their values.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    values: Vec<(&'static str, Value, bool)>,
    /// Keys that the canonical form always has.
    written: Vec<&'static str>,
}

impl Given {
    /// Reads the options that follow a name.
    ///
    /// # Errors
    /// If an option is unknown, said twice, or out of its range; the message lists what there is.
    pub fn parse(name: &str, parameters: &[Parameter], options: &[&str]) -> Result<Self> {
        let mut values: Vec<(&'static str, Value, bool)> =
            parameters.iter().map(|p| (p.key, p.takes.default(), false)).collect();
        for option in options {
            let (index, value) = find(name, parameters, option)?;
            if values[index].2 {
                return Err(Error::Config(format!("`{name}` was given `{}` twice", parameters[index].key)));
            }
            values[index] = (parameters[index].key, value, true);
        }
        // What is said as its default is as if not said.
        for (slot, parameter) in values.iter_mut().zip(parameters) {
            slot.2 = slot.1 != parameter.takes.default();
        }
        let written = parameters.iter().filter(|p| matches!(p.takes, Takes::Written(_))).map(|p| p.key).collect();
        Ok(Self { values, written })
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.values.iter().find(|(k, ..)| *k == key).map(|(_, value, _)| *value)
    }

    /// The word of an option; empty if there is no such option.
    pub fn word(&self, key: &str) -> &'static str {
        match self.value(key) {
            Some(Value::Word(word)) => word,
            _ => "",
        }
    }

    /// The number of an option; NaN if there is no such option.
    pub fn number(&self, key: &str) -> f64 {
        match self.value(key) {
            Some(Value::Number(x)) => x,
            Some(Value::Count(n)) => n as f64,
            _ => f64::NAN,
        }
    }

    /// The whole number of an option; 0 if there is no such option.
    pub fn count(&self, key: &str) -> usize {
        match self.value(key) {
            Some(Value::Count(n)) => n,
            _ => 0,
        }
    }

    /// Whether the option was given a value other than its default.
    pub fn is_given(&self, key: &str) -> bool {
        self.values.iter().any(|(k, _, given)| *k == key && *given)
    }

    /// Refuses options that were given and have no effect beside the others.
    ///
    /// # Errors
    /// If one of `keys` was given; `why` says why it has no effect.
    pub fn refuse(&self, keys: &[&str], why: &str) -> Result<()> {
        match keys.iter().find(|key| self.is_given(key)) {
            Some(key) => Err(Error::Config(format!("`{key}` has no effect here: {why}"))),
            None => Ok(()),
        }
    }

    /// What follows the name in the canonical form.
    pub fn suffix(&self) -> String {
        let mut text = String::new();
        for (key, value, given) in &self.values {
            if !given && !self.written.contains(key) {
                continue;
            }
            let _ = match value {
                Value::Word(word) => write!(text, ":{word}"),
                Value::Number(x) => write!(text, ":{key}={x}"),
                Value::Count(n) => write!(text, ":{key}={n}"),
            };
        }
        text
    }
}

impl Takes {
    fn default(self) -> Value {
        match self {
            Self::Word(words) | Self::Written(words) => Value::Word(words.first().copied().unwrap_or("")),
            Self::Number { default, .. } => Value::Number(default),
            Self::Count { default, .. } => Value::Count(default),
        }
    }

    /// What it takes, as it is shown to a user.
    pub fn describe(self) -> String {
        match self {
            Self::Word(words) | Self::Written(words) => words.join("|"),
            Self::Number { default, low, high } => {
                // The ends of what a float holds are no bounds to speak of.
                let low = match low {
                    x if x == f64::MIN_POSITIVE => "above 0".to_owned(),
                    x => format!("from {x}"),
                };
                if high == f64::MAX {
                    format!("a number {low} (by default {default})")
                } else {
                    format!("a number {low} to {high} (by default {default})")
                }
            }
            Self::Count { default, low } => format!("a whole number from {low} (by default {default})"),
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Word(words) | Self::Written(words) => words.iter().find(|&&w| w == text).map(|&w| Value::Word(w)),
            Self::Number { low, high, .. } => {
                text.parse().ok().filter(|x: &f64| x.is_finite() && *x >= low && *x <= high).map(Value::Number)
            }
            Self::Count { low, .. } => text.parse().ok().filter(|&n: &usize| n >= low).map(Value::Count),
        }
    }
}

fn find(name: &str, parameters: &[Parameter], option: &str) -> Result<(usize, Value)> {
    if let Some((key, text)) = option.split_once('=') {
        let Some(index) = parameters.iter().position(|p| p.key == key) else {
            return unknown(name, parameters, option);
        };
        return match parameters[index].takes.read(text) {
            Some(value) => Ok((index, value)),
            None => Err(Error::Config(format!(
                "`{key}` of `{name}` takes {}, and `{text}` came",
                parameters[index].takes.describe()
            ))),
        };
    }
    let found = parameters.iter().enumerate().find_map(|(i, p)| match p.takes {
        Takes::Word(_) | Takes::Written(_) => p.takes.read(option).map(|value| (i, value)),
        _ => None,
    });
    found.map_or_else(|| unknown(name, parameters, option), Ok)
}

fn unknown<T>(name: &str, parameters: &[Parameter], option: &str) -> Result<T> {
    if parameters.is_empty() {
        return Err(Error::Config(format!("`{name}` has no options, and `{option}` came")));
    }
    let list: Vec<String> = parameters.iter().map(|p| format!("{}={}", p.key, p.takes.describe())).collect();
    Err(Error::Config(format!("`{name}` has no option `{option}`; it takes {}", list.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &[Parameter] = &[
        Parameter { key: "metric", takes: Takes::Word(&["cosine", "euclidean"]), about: "" },
        Parameter { key: "k", takes: Takes::Count { default: 10, low: 1 }, about: "" },
        Parameter { key: "t", takes: Takes::Number { default: 0.5, low: 0.0, high: 1.0 }, about: "" },
    ];

    #[test]
    fn what_is_not_said_has_its_default() {
        let given = Given::parse("knn", PARAMETERS, &[]).unwrap();
        assert_eq!((given.word("metric"), given.count("k"), given.number("t")), ("cosine", 10, 0.5));
        assert_eq!(given.suffix(), "");
    }

    #[test]
    fn the_canonical_form_is_read_back() {
        let given = Given::parse("knn", PARAMETERS, &["t=0.25", "metric=euclidean", "k=10"]).unwrap();
        assert_eq!(given.suffix(), ":euclidean:t=0.25");
        let options: Vec<&str> = given.suffix()[1..].split(':').map(|s| s.to_owned().leak() as &str).collect();
        assert_eq!(Given::parse("knn", PARAMETERS, &options).unwrap(), given);
    }

    #[test]
    fn what_is_always_written_is_written_when_it_is_not_said() {
        let parameters =
            [Parameter { key: "estimator", takes: Takes::Written(&["debiased", "biased"]), about: "" }, PARAMETERS[1]];
        let suffix = |options: &[&str]| Given::parse("cka", &parameters, options).unwrap().suffix();
        assert_eq!(suffix(&[]), ":debiased");
        assert_eq!(suffix(&["debiased"]), ":debiased");
        assert_eq!(suffix(&["k=3", "biased"]), ":biased:k=3");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for options in [&["k=0"][..], &["k=x"], &["t=2"], &["t=NaN"], &["manhattan"], &["q=1"], &["k=3", "k=4"], &[""]]
        {
            assert!(matches!(Given::parse("knn", PARAMETERS, options), Err(Error::Config(_))), "{options:?}");
        }
    }
}
