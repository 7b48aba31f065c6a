//! The third constant: how fast the mean output goes to the mean target, from a loss curve.

use super::error::{TheoryError, increasing, same_length};
use super::nelder_mead::minimise;
use super::{State, Task};

/// The rate of the mean that fits a loss curve best.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanRate {
    /// `1 / tau_ybar` per unit of the times given: the mean's distance from its target decays as `exp(-rate t)`.
    pub rate: f64,
    /// The squared distance of the mean output from the mean target at the start.
    pub mean_error2: f64,
    /// Sum of squared errors of the losses.
    pub squares: f64,
    /// The theory's losses at the times given.
    pub losses: Vec<f64>,
}

/// Fits the rate of the mean to the losses of one pair, `(1/2) mean_i |y_i - y_i*|^2`, when the states `h, y, w` at the
/// same times are known: a [fit's curves](super::Fit::curves), or the measured ones. The mean's distance at the start
/// is what the first loss leaves over.
///
/// # Errors
/// If the curves are not of one length of at least 3 or hold what is not finite, times do not increase, or the first
/// loss leaves nothing for the mean.
pub fn fit_mean_rate(times: &[f64], losses: &[f64], states: &[State], task: Task) -> Result<MeanRate, TheoryError> {
    same_length(("times", times.len()), ("losses", losses.len()))?;
    same_length(("times", times.len()), ("states", states.len()))?;
    if times.len() < 3 {
        return Err(TheoryError::input(format!("expected at least 3 losses, and there are {}", times.len())));
    }
    increasing(times)?;
    task.check()?;
    let finite = losses.iter().zip(states).position(|(loss, state)| !loss.is_finite() || !state.is_finite());
    if let Some(i) = finite {
        return Err(TheoryError::input(format!(
            "losses and states must be finite, and those at t = {} are {} and {:?}: leave out what diverged",
            times[i], losses[i], states[i]
        )));
    }
    let mean_error2 = 2.0 * (losses[0] - task.loss(states[0], 0.0));
    if mean_error2 <= 1e-9 * losses[0].abs() {
        return Err(TheoryError::Fit(format!(
            "the first loss, {}, must be above what the pair's distance makes of it, {}: the mean is learned already, or \
             the loss is not half the mean over the two points of the squared error summed over outputs",
            losses[0],
            task.loss(states[0], 0.0)
        )));
    }
    let duration = times[times.len() - 1] - times[0];
    let curve = |rate: f64| {
        let loss = move |t: f64, state: State| task.loss(state, mean_error2 * (-2.0 * rate * (t - times[0])).exp());
        times.iter().zip(states).map(move |(&t, &state)| loss(t, state))
    };
    let cost = |point: &[f64; 1]| curve(point[0].exp()).zip(losses).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    // rate times duration from 10^-3 to 10^5.
    let guesses = (0..64).map(|i| [(10f64.powf(-3.0 + 8.0 * f64::from(i) / 63.0) / duration).ln()]);
    let best = guesses.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or([-duration.ln()]);
    let found = minimise(cost, best, 0.1, 1e-8, 300);
    let rate = found.point[0].exp();
    if !(rate.is_finite() && rate > 0.0 && found.value.is_finite()) {
        return Err(TheoryError::Fit(format!("no rate of the mean fits the losses: the best was {rate}")));
    }
    Ok(MeanRate { rate, mean_error2, squares: found.value, losses: curve(rate).collect() })
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assert_close, small, times};
    use super::*;

    #[test]
    fn the_rate_of_the_mean_is_recovered() {
        let theory = small(1e-4);
        let times = times(3000.0, 300);
        let states = theory.trajectory(&times).unwrap();
        for rate in [1e-3, 0.02, 0.5] {
            let losses: Vec<f64> = times.iter().map(|&t| theory.loss(t, rate, 0.9093)).collect();
            let found = fit_mean_rate(&times, &losses, &states, theory.task()).unwrap();
            assert_close(found.rate, rate, 1e-5);
            assert_close(found.mean_error2, 0.9093, 1e-9);
            assert!(found.squares < 1e-12 && found.losses.len() == 300);
            // The initial loss of the paper's default pair: 0.9093 / 2 + dy2 / 8, at outputs of zero.
            assert_close(losses[0], 0.5171, 1e-3);
        }
    }

    #[test]
    fn losses_that_are_none_are_refused() {
        let theory = small(1e-4);
        let times = times(3000.0, 10);
        let states = theory.trajectory(&times).unwrap();
        let text = |losses: &[f64]| fit_mean_rate(&times, losses, &states, theory.task()).unwrap_err().to_string();
        assert!(text(&[0.5; 9]).contains("10 and 9"));
        assert!(text(&[f64::NAN; 10]).contains("finite"));
        assert!(text(&[0.01; 10]).contains("learned already"));
        assert!(fit_mean_rate(&times[..2], &[0.5; 2], &states[..2], theory.task()).is_err());
        assert!(fit_mean_rate(&[0.0; 10], &[0.5; 10], &states, theory.task()).is_err());
    }
}
