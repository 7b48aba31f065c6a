//! What can be wrong with what theory is asked. Every message says what was expected, what came, and what to do.

/// Why theory has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TheoryError {
    /// A number is not in its range.
    #[error("{name} must be {range}, and it is {value}: {advice}")]
    Number {
        /// Which number.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
        /// What to do.
        advice: &'static str,
    },
    /// Lists do not fit each other or what is asked of them.
    #[error("{0}")]
    Input(String),
    /// The equations have no solution up to the time asked for, or none that the integrator can follow.
    #[error(
        "the equations could not be followed to t = {end}: stopped at t = {time} ({reason}); ask for earlier times, \
         lower rates or a looser tolerance"
    )]
    Diverged {
        /// Where the integrator stopped.
        time: f64,
        /// The last time asked for.
        end: f64,
        /// What the integrator said.
        reason: String,
    },
    /// No rates were found for measured curves.
    #[error("{0}")]
    Fit(String),
}

impl TheoryError {
    /// Lists that cannot be used.
    pub(super) fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }
}

/// The number itself if it is finite and above zero.
pub(super) fn positive(name: &'static str, value: f64, advice: &'static str) -> Result<f64, TheoryError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(TheoryError::Number { name, range: "finite and above 0", value, advice })
    }
}

/// The number itself if it is finite and not below zero.
pub(super) fn not_negative(name: &'static str, value: f64, advice: &'static str) -> Result<f64, TheoryError> {
    if value.is_finite() && value >= 0.0 {
        Ok(value)
    } else {
        Err(TheoryError::Number { name, range: "finite and 0 or above", value, advice })
    }
}

/// Refuses times that are not finite or do not increase.
pub(super) fn increasing(times: &[f64]) -> Result<(), TheoryError> {
    if let Some(i) = times.iter().position(|t| !t.is_finite()) {
        return Err(TheoryError::input(format!(
            "times must be finite, and time {i} is {}: leave that point out",
            times[i]
        )));
    }
    match times.windows(2).position(|pair| pair[1] <= pair[0]) {
        None => Ok(()),
        Some(i) => Err(TheoryError::input(format!(
            "times must increase, and time {} ({}) does not come after time {i} ({}): sort them and drop repeats",
            i + 1,
            times[i + 1],
            times[i]
        ))),
    }
}

/// Refuses lists of different lengths.
pub(super) fn same_length(a: (&str, usize), b: (&str, usize)) -> Result<(), TheoryError> {
    if a.1 == b.1 {
        return Ok(());
    }
    Err(TheoryError::input(format!(
        "{} and {} must be as many, and there are {} and {}: give one for each point",
        a.0, b.0, a.1, b.1
    )))
}
