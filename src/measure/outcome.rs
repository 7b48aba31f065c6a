//! What became of a value that was asked for: the value, or why there is none. One type for measures, statistics and
//! their files, so that "not a number" never has to be told apart by where it stands.

use crate::error::{Error, Result};

/// A value, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The value, which is finite.
    Value(f64),
    /// There is none: the measure is not defined on what it was given.
    Undefined(String),
    /// There is one, but it could not be computed: for want of memory, or because an iteration or a device failed.
    Failed(String),
}

impl Outcome {
    /// The value, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Undefined(_) | Self::Failed(_) => None,
        }
    }

    /// The value, or NaN: for pictures and arrays of numbers, whose reasons stand elsewhere.
    pub fn or_nan(&self) -> f64 {
        self.value().unwrap_or(f64::NAN)
    }

    /// Why there is no value.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Undefined(why) | Self::Failed(why) => Some(why),
        }
    }

    /// The value, or the reason as an error.
    ///
    /// # Errors
    /// [`Error::Measure`] where it is undefined, [`Error::Numerics`] where it failed.
    pub fn result(&self) -> Result<f64> {
        match self {
            Self::Value(value) => Ok(*value),
            Self::Undefined(why) => Err(Error::Measure(why.clone())),
            Self::Failed(why) => Err(Error::Numerics(why.clone())),
        }
    }

    /// What is said before the reason, as in tables and files: `not defined` or `failed`.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Self::Value(_) => None,
            Self::Undefined(_) => Some("undefined"),
            Self::Failed(_) => Some("failed"),
        }
    }
}

impl From<Result<f64>> for Outcome {
    fn from(found: Result<f64>) -> Self {
        match found {
            Ok(value) if value.is_finite() => Self::Value(value),
            Ok(value) => Self::Undefined(format!("its value would be {value}, which is no number to compare")),
            Err(error) => Self::from(&error),
        }
    }
}

impl From<&Error> for Outcome {
    fn from(error: &Error) -> Self {
        match error {
            Error::Measure(why) => Self::Undefined(why.clone()),
            other => Self::Failed(other.to_string()),
        }
    }
}
