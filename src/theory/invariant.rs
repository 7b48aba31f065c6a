//! The ratio of the rates without a fit, from the theory's conserved quantity.

use super::error::TheoryError;
use super::{State, Task, statistics};

/// The straight line that the theory says `|dy|^2 / |dh|^2` makes against `|dh|^2` as a pair learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvariantLine {
    /// Its slope, `1 / r` with `r = (rate_h / rate_y) dx2`.
    pub slope: f64,
    /// Its height at zero: the conserved quantity, `-A_high / r`.
    pub intercept: f64,
    /// How straight the line is: share of variance explained, 0 to 1. The estimates are worth little below 0.95.
    pub r2: f64,
    /// `rate_h / rate_y`, as the slope has it. Negative if the line falls, which the theory cannot.
    pub ratio: f64,
    /// `A_high`, as the line has it.
    pub a_high: f64,
}

/// Fits the line to measured states.
///
/// # Errors
/// If there are fewer than three states, one is not finite or has `h <= 0`, or `h` does not change.
pub fn invariant_line(measured: &[State], task: Task) -> Result<InvariantLine, TheoryError> {
    task.check()?;
    if measured.len() < 3 {
        return Err(TheoryError::input(format!("expected at least 3 states, and there are {}", measured.len())));
    }
    if let Some(i) = measured.iter().position(|s| !s.is_finite() || s.h <= 0.0) {
        return Err(TheoryError::input(format!(
            "states must be finite with h > 0, and state {i} is {:?}: leave it out",
            measured[i]
        )));
    }
    let h: Vec<f64> = measured.iter().map(|s| s.h).collect();
    let steepness: Vec<f64> = measured.iter().map(|s| s.y / s.h).collect();
    let statistics::Line { slope, intercept, r2 } = statistics::line(&h, &steepness)?;
    Ok(InvariantLine { slope, intercept, r2, ratio: 1.0 / (slope * task.dx2), a_high: -intercept / slope })
}

#[cfg(test)]
mod tests {
    use super::super::TwoPoint;
    use super::super::cases::{Random, assert_close, duration, times};
    use super::*;

    #[test]
    fn the_line_has_the_ratio_of_the_rates_and_where_pairs_end() {
        let mut random = Random::new(9);
        for _ in 0..30 {
            let theory: TwoPoint = random.vector_case();
            let measured = theory.trajectory(&times(duration(&theory), 100)).unwrap();
            let found = invariant_line(&measured, theory.task()).unwrap();
            let (expected, rates) = (theory.balance() / theory.task().dx2, theory.rates());
            assert_close(expected, rates.h / rates.y, 1e-12);
            let moved =
                measured.iter().map(|s| s.h).fold(0.0, f64::max) / measured.iter().map(|s| s.h).fold(1e9, f64::min);
            if moved > 1.01 {
                assert_close(found.ratio, expected, 1e-6);
                assert!(
                    (found.a_high - theory.a_high()).abs() < 1e-6 * (theory.a_high().abs() + theory.final_distance())
                );
                assert!(found.r2 > 1.0 - 1e-6);
                assert_close(found.intercept, theory.invariant(theory.start()), 1e-4);
            }
        }
    }

    #[test]
    fn states_without_a_line_are_refused() {
        let task = Task { dx2: 1.0, dy2: 0.5 };
        let state = State { h: 1.0, y: 0.1, w: 0.0 };
        assert!(invariant_line(&[state; 2], task).unwrap_err().to_string().contains("at least 3"));
        assert!(invariant_line(&[state; 3], task).unwrap_err().to_string().contains("must differ"));
        let still = State { h: 0.0, ..state };
        assert!(invariant_line(&[state, still, state], task).unwrap_err().to_string().contains("state 1"));
    }
}
