//! Effective learning rates from the measured curves of one pair.

use std::f64::consts::LN_2;

use super::error::{TheoryError, increasing, same_length};
use super::nelder_mead::minimise;
use super::statistics::r_squared;
use super::{ClosedForm, Equations, Rates, State, Task, TwoPoint, invariant_line};

/// What a fit makes small, a sum over all points given and over `h`, `y` and `w`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Objective {
    /// Squared errors. The authors' released program, and their stored numbers of 2024-05.
    #[default]
    Plain,
    /// Squared errors of each curve over its sum of squares. Their program when the paper was submitted.
    Relative,
}

/// The rates that fit best, and how well.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The rates, per unit of the times given.
    pub rates: Rates,
    /// The equations that were fitted.
    pub form: Equations,
    /// Sum of squared errors over all points and the three curves. It grows with the number of points.
    pub plain: f64,
    /// The same, each curve over its sum of squares. A curve that is zero throughout is left out.
    pub relative: f64,
    /// Share of the variance explained of `h`, `y` and `w`. Not a number for a curve that does not vary.
    pub r2: [f64; 3],
    /// The fitted curves at the times given.
    pub curves: Vec<State>,
    /// Whether the search closed in on a point.
    pub converged: bool,
    /// Whether the curves do not tell the rates: halving or doubling one of them, or both, changes the objective by less
    /// than 1 %. Both, where curves are done by the second point.
    pub degenerate: bool,
}

/// The tolerances at which altered forms are integrated: for first guesses and searches from them, and for the fit.
const TOLERANCES: [f64; 2] = [1e-4, 1e-7];

/// Points at most that the grid of first guesses and the searches from them are judged on.
const FEW_POINTS: usize = 200;

/// Guesses of the product of rate, distance and duration: from curves that have hardly moved to ones that are done at once.
const GUESSES: i32 = 48;

/// Searches from the best guesses.
const SEARCHES: usize = 8;

/// Fits both rates to measured states of one pair.
///
/// `times` increase, the first being that of the start, whose state is taken from the measurement. Following the authors,
/// the ratio of the rates starts from the last `h` as if training were done and rich (`h^2 / (dx2 dy2)`), also from the
/// [invariant line](invariant_line), and from a hundredth to a hundred times these; a grid of sizes is tried for each; the
/// best few guesses are refined by Nelder and Mead's search in the logarithms of the rates.
///
/// The objective is a sum over the points given, so that numbers compare only between curves of as many points. A few
/// hundred points tell as much as thousands.
///
/// # Errors
/// If the curves are not of one length of at least 3 or hold what is not finite, times do not increase, the start is none
/// that a pair on this task can have, or no rates at all give finite curves.
pub fn fit(
    times: &[f64],
    measured: &[State],
    task: Task,
    objective: Objective,
    form: Equations,
) -> Result<Fit, TheoryError> {
    let curves = Curves::new(times, measured, task, form)?;
    let weights = curves.weights(objective);
    let coarse = curves.thinned();
    let mut guesses: Vec<([f64; 2], f64)> = Vec::new();
    let mut starts: Vec<[f64; 2]> = Vec::new();
    for (ratio, estimated) in curves.ratios() {
        // rate_y times the largest h times the duration, from 10^-2 to 10^5; finer where the ratio is an estimate.
        let count = if estimated { 4 * GUESSES } else { GUESSES };
        let products = (0..count).map(|i| 10f64.powf(-2.0 + 7.0 * f64::from(i) / f64::from(count)));
        let points = products.map(|product| [(product / curves.span * ratio).ln(), (product / curves.span).ln()]);
        let judged = points.map(|point| (point, coarse.cost(&point, weights))).filter(|(_, cost)| cost.is_finite());
        let judged: Vec<_> = judged.collect();
        // Ratios that are estimates get a search each, however they compare.
        let best = judged.iter().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|_| estimated);
        starts.extend(best.map(|(point, _)| point));
        guesses.extend(judged);
    }
    guesses.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (point, _) in guesses {
        let near = |other: &[f64; 2]| (point[0] - other[0]).abs() + (point[1] - other[1]).abs() < 1.0;
        if starts.len() < SEARCHES && !starts.iter().any(near) {
            starts.push(point);
        }
    }
    let rough = |start| minimise(|point: &[f64; 2]| coarse.cost(point, weights), start, 0.1, 1e-3, 200);
    let best = starts.into_iter().map(rough).min_by(|a, b| a.value.total_cmp(&b.value));
    let Some(best) = best else {
        return Err(TheoryError::Fit(format!(
            "no rates give finite curves from the start {:?} over a time of {}: check the start and the units of time",
            measured[0],
            times[times.len() - 1] - times[0]
        )));
    };
    let cost = |point: &[f64; 2]| curves.cost(point, weights);
    let best = minimise(cost, best.point, 0.05, 1e-8, 500);
    // What the objective is of curves that are zero.
    let size: f64 = curves.sums().iter().zip(weights).map(|(sum, weight)| sum * weight).sum();
    let flat = |[h, y]: [f64; 2]| {
        let moved = cost(&[best.point[0] + h * LN_2, best.point[1] + y * LN_2]);
        (moved - best.value).abs() <= 0.01 * best.value + 1e-12 * size
    };
    let ways = [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]];
    let degenerate = ways.iter().any(|&[h, y]| flat([h, y]) || flat([-h, -y]));
    let rates = rates(&best.point);
    let fitted = curves.states(rates).ok_or_else(|| TheoryError::Fit("the best rates give no finite curves".into()))?;
    let errors = curves.errors(rates).unwrap_or([f64::NAN; 3]);
    let relative = curves.weights(Objective::Relative);
    let column = |states: &[State], pick: fn(&State) -> f64| states.iter().map(pick).collect::<Vec<_>>();
    let r2 = [|s: &State| s.h, |s: &State| s.y, |s: &State| s.w]
        .map(|pick| r_squared(&column(measured, pick), &column(&fitted, pick)).unwrap_or(f64::NAN));
    Ok(Fit {
        rates,
        form,
        plain: errors.iter().sum(),
        relative: errors.iter().zip(relative).map(|(e, w)| e * w).sum(),
        r2,
        curves: fitted,
        converged: best.converged,
        degenerate,
    })
}

fn rates(point: &[f64; 2]) -> Rates {
    Rates { h: point[0].exp(), y: point[1].exp() }
}

/// Measured curves, ready to be compared with.
struct Curves {
    /// Times from the start on.
    times: Vec<f64>,
    measured: Vec<State>,
    task: Task,
    form: Equations,
    /// The largest `h` times the duration.
    span: f64,
    /// Of the integrator, where there is one.
    tolerance: f64,
}

impl Curves {
    fn new(times: &[f64], measured: &[State], task: Task, form: Equations) -> Result<Self, TheoryError> {
        same_length(("times", times.len()), ("states", measured.len()))?;
        if times.len() < 3 {
            return Err(TheoryError::input(format!(
                "expected at least 3 points to fit two rates to, and there are {}: record more often",
                times.len()
            )));
        }
        increasing(times)?;
        task.check()?;
        if let Some(i) = measured.iter().position(|state| !state.is_finite()) {
            return Err(TheoryError::input(format!(
                "states must be finite, and state {i} (t = {}) is {:?}: leave out what diverged",
                times[i], measured[i]
            )));
        }
        measured[0].check(task)?;
        let largest = measured.iter().map(|state| state.h).fold(0.0, f64::max);
        let times: Vec<f64> = times.iter().map(|t| t - times[0]).collect();
        let span = largest * times[times.len() - 1];
        Ok(Self { times, measured: measured.to_vec(), task, form, span, tolerance: TOLERANCES[1] })
    }

    /// At most [`FEW_POINTS`] of them, evenly, with the first.
    fn thinned(&self) -> Self {
        let stride = self.times.len().div_ceil(FEW_POINTS);
        let times = self.times.iter().copied().step_by(stride).collect();
        let measured = self.measured.iter().copied().step_by(stride).collect();
        Self { times, measured, tolerance: TOLERANCES[0], ..*self }
    }

    /// Ratios of the rates to start from, and whether each is an estimate.
    fn ratios(&self) -> Vec<(f64, bool)> {
        let last = self.measured[self.measured.len() - 1].h;
        let rich = last * last / (self.task.dx2 * self.task.dy2);
        let line = invariant_line(&self.measured, self.task).map_or(f64::NAN, |line| line.ratio);
        let estimates = [rich, line].into_iter().filter(|ratio| ratio.is_finite() && *ratio > 0.0);
        let around = [0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0];
        let ratios: Vec<_> = estimates.flat_map(|ratio| around.map(|factor| (factor * ratio, factor == 1.0))).collect();
        if ratios.is_empty() { (-3..=3).map(|power| (10f64.powi(power), false)).collect() } else { ratios }
    }

    /// Factors of the squared errors of the three curves.
    fn weights(&self, objective: Objective) -> [f64; 3] {
        match objective {
            Objective::Plain => [1.0; 3],
            Objective::Relative => self.sums().map(|sum| if sum > 0.0 { 1.0 / sum } else { 0.0 }),
        }
    }

    /// Sums of squares of the three curves.
    fn sums(&self) -> [f64; 3] {
        self.measured.iter().fold([0.0; 3], |[h, y, w], s| [h + s.h * s.h, y + s.y * s.y, w + s.w * s.w])
    }

    /// The objective at the logarithms of the rates: infinite where there is no solution.
    fn cost(&self, point: &[f64; 2], weights: [f64; 3]) -> f64 {
        let errors = self.errors(rates(point));
        errors.map_or(f64::INFINITY, |errors| errors.iter().zip(weights).map(|(e, w)| e * w).sum())
    }

    /// Sums of squared errors of the three curves. None where there is no solution.
    fn errors(&self, rates: Rates) -> Option<[f64; 3]> {
        let add = |[h, y, w]: [f64; 3], (s, m): (State, &State)| {
            [h + (s.h - m.h).powi(2), y + (s.y - m.y).powi(2), w + (s.w - m.w).powi(2)]
        };
        let theory = TwoPoint::new(self.task, rates, self.measured[0]).ok()?;
        if self.form == Equations::Theory {
            let closed = ClosedForm::new(&theory);
            let states = self.times.iter().map(|&t| closed.at(t));
            return Some(states.zip(&self.measured).fold([0.0; 3], add));
        }
        let states = theory.simulate(self.form, &self.times, self.tolerance).ok()?;
        Some(states.into_iter().zip(&self.measured).fold([0.0; 3], add))
    }

    /// The curves at given rates. None where there is no solution.
    fn states(&self, rates: Rates) -> Option<Vec<State>> {
        let theory = TwoPoint::new(self.task, rates, self.measured[0]).ok()?;
        match self.form {
            Equations::Theory => theory.trajectory(&self.times).ok(),
            form => theory.simulate(form, &self.times, self.tolerance).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Random, assert_close, duration, lazy, small, times};
    use super::*;

    fn noisy(mut states: Vec<State>, size: f64) -> Vec<State> {
        let mut random = Random::new(7);
        for state in &mut states[1..] {
            *state = State {
                h: state.h + size * random.normal(),
                y: state.y + size * random.normal(),
                w: state.w + size * random.normal(),
            };
        }
        states
    }

    #[test]
    fn rates_are_recovered_from_three_thousand_points() {
        let shallow = TwoPoint::new(
            Task { dx2: 1.0, dy2: 0.5 },
            Rates { h: 8.4e-3, y: 0.0167 },
            State::of_scalar(7.8e-3, 5e-3, 0.5f64.sqrt()),
        );
        for theory in [small(1e-4), small(-1e-3), shallow.unwrap()] {
            let times = times(2999.0, 3000);
            let measured = theory.trajectory(&times).unwrap();
            for objective in [Objective::Plain, Objective::Relative] {
                let found = fit(&times, &measured, theory.task(), objective, Equations::Theory).unwrap();
                assert_close(found.rates.h, theory.rates().h, 1e-5);
                assert_close(found.rates.y, theory.rates().y, 1e-5);
                assert!(found.plain < 1e-9 && found.relative < 1e-9, "{} {}", found.plain, found.relative);
                assert!(found.r2.iter().all(|r2| *r2 > 1.0 - 1e-9) && found.converged && !found.degenerate);
                assert_eq!(found.curves.len(), 3000);
            }
        }
    }

    #[test]
    fn rates_are_recovered_in_every_regime_and_unit_of_time() {
        let mut random = Random::new(8);
        for i in 0..40 {
            let theory = if i % 2 == 0 { random.scalar_case() } else { random.vector_case() };
            // From curves that end half way to curves that are long done, and times that start anywhere.
            let end = duration(&theory) * random.scale(0.05, 2.0);
            let times = times(end, 120);
            let measured = theory.trajectory(&times).unwrap();
            let later: Vec<f64> = times.iter().map(|t| t + 100.0).collect();
            let found = fit(&later, &measured, theory.task(), Objective::Relative, Equations::Theory).unwrap();
            assert!(found.relative < 1e-9, "{theory:?} {:?} {}", found.rates, found.relative);
            assert_close(found.rates.h, theory.rates().h, 0.01);
            assert_close(found.rates.y, theory.rates().y, 0.01);
        }
    }

    #[test]
    fn a_narrow_valley_is_found() {
        // A start on the wrong side that passes close by the saddle: when it leaves tells the ratio to many digits, and
        // elsewhere are other minima.
        let rates = Rates { h: 0.0655, y: 0.00207 };
        let start = State { h: 1.4e-3, y: 8.7e-8, w: 2.96e-4 };
        let theory = TwoPoint::new(Task { dx2: 0.58, dy2: 1.005 }, rates, start).unwrap();
        let times = times(2.0 * duration(&theory), 120);
        let measured = theory.trajectory(&times).unwrap();
        let found = fit(&times, &measured, theory.task(), Objective::Relative, Equations::Theory).unwrap();
        assert_close(found.rates.h, rates.h, 1e-4);
        assert_close(found.rates.y, rates.y, 1e-4);
    }

    #[test]
    fn curves_that_are_done_at_once_do_not_tell_rates() {
        let start = State { h: 0.36, y: 83.0, w: 74.9 };
        let rates = Rates { h: 0.0051, y: 0.081 };
        let theory = TwoPoint::new(Task { dx2: 0.177, dy2: 0.8 }, rates, start).unwrap();
        let times = times(1e7, 50);
        let measured = theory.trajectory(&times).unwrap();
        let found = fit(&times, &measured, theory.task(), Objective::Plain, Equations::Theory).unwrap();
        assert!(found.degenerate && found.plain < 1e-9);
        // Their ratio they do tell.
        assert_close(found.rates.h / found.rates.y, rates.h / rates.y, 0.01);
    }

    #[test]
    fn the_integrator_fits_as_the_closed_form_does() {
        let theory = small(1e-4);
        let times = times(3000.0, 100);
        for form in Equations::ALL {
            let measured = theory.simulate(form, &times, 1e-9).unwrap();
            let found = fit(&times, &measured, theory.task(), Objective::Plain, form).unwrap();
            assert_close(found.rates.h, theory.rates().h, 0.01);
            assert_close(found.rates.y, theory.rates().y, 0.01);
        }
    }

    #[test]
    fn noise_moves_rates_little() {
        let theory = small(1e-4);
        let times = times(3000.0, 600);
        let measured = noisy(theory.trajectory(&times).unwrap(), 0.01);
        let found = fit(&times, &measured, theory.task(), Objective::Plain, Equations::Theory).unwrap();
        assert_close(found.rates.h, theory.rates().h, 0.03);
        assert_close(found.rates.y, theory.rates().y, 0.03);
        assert!(found.converged && !found.degenerate);
        // Three curves of 600 points with errors of 0.01.
        assert_close(found.plain, 3.0 * 600.0 * 1e-4, 0.1);
    }

    /// What remains of fits of all forms to the theory's curves with noise, over what remains of the theory's own.
    fn remainders(theory: &TwoPoint, end: f64) -> [f64; 5] {
        let times = times(end, 300);
        // The noise that leaves about what is left of fits to networks, 0.2 for 3,000 points.
        let measured = noisy(theory.trajectory(&times).unwrap(), 0.0047);
        let remains =
            Equations::ALL.map(|form| fit(&times, &measured, theory.task(), Objective::Plain, form).unwrap().plain);
        remains.map(|plain| plain / remains[0])
    }

    #[test]
    fn altered_forms_do_not_fit_rich_curves_but_for_the_doubled_distance() {
        let [theory, output, distance, flipped, encoder] = remainders(&small(1e-4), 3000.0);
        assert_eq!(theory, 1.0);
        for (form, remainder) in [("output", output), ("flipped", flipped), ("encoder", encoder)] {
            assert!(remainder > 3.0, "{form}: {remainder}");
        }
        assert!(distance > 1.0 && distance < 3.0, "{distance}");
    }

    #[test]
    fn lazy_curves_do_not_tell_the_forms_apart() {
        let [_, output, others @ ..] = remainders(&lazy(), 600.0);
        assert!(output > 3.0, "{output}");
        assert!(others.iter().all(|remainder| *remainder < 1.5), "{others:?}");
    }

    #[test]
    fn curves_that_do_not_tell_a_rate_say_so() {
        // Outputs that learn while the distance stays: the encoder's rate is anything small.
        let slow = Rates { h: 1e-9, y: 0.01 };
        let theory =
            TwoPoint::new(Task { dx2: 1.0, dy2: 0.5 }, slow, State::of_scalar(0.3, 0.1, 0.5f64.sqrt())).unwrap();
        let times = times(3000.0, 200);
        let measured = noisy(theory.trajectory(&times).unwrap(), 1e-3);
        let found = fit(&times, &measured, theory.task(), Objective::Plain, Equations::Theory).unwrap();
        assert!(found.degenerate, "{:?}", found.rates);
        assert_close(found.rates.y, 0.01, 0.01);
    }

    #[test]
    fn pairs_with_the_same_target_can_be_fitted() {
        let task = Task { dx2: 1.0, dy2: 0.0 };
        let theory = TwoPoint::new(task, Rates { h: 0.02, y: 0.01 }, State { h: 0.3, y: 0.1, w: 0.1 }).unwrap();
        let times = times(1000.0, 200);
        let found =
            fit(&times, &theory.trajectory(&times).unwrap(), task, Objective::Plain, Equations::Theory).unwrap();
        assert_close(found.rates.h, 0.02, 0.01);
        assert_close(found.rates.y, 0.01, 0.01);
    }

    #[test]
    fn curves_that_are_no_curves_are_refused() {
        let theory = small(1e-4);
        let times = times(3000.0, 10);
        let good = theory.trajectory(&times).unwrap();
        let text = |times: &[f64], measured: &[State], task: Task| {
            fit(times, measured, task, Objective::Plain, Equations::Theory).unwrap_err().to_string()
        };
        let with = |i: usize, state: State| {
            let mut bad = good.clone();
            bad[i] = state;
            bad
        };
        let task = theory.task();
        assert!(text(&[], &[], task).contains("at least 3 points"));
        assert!(text(&times[..9], &good, task).contains("9 and 10"));
        assert!(text(&[0.0; 10], &good, task).contains("must increase"));
        assert!(text(&times, &with(4, State { h: f64::NAN, ..good[4] }), task).contains("state 4"));
        assert!(text(&times, &with(0, State { h: 0.0, ..good[0] }), task).contains("the start's h"));
        assert!(text(&times, &with(0, State { y: -1.0, ..good[0] }), task).contains("the start's y"));
        assert!(text(&times, &with(0, State { w: 5.0, ..good[0] }), task).contains("the start's w"));
        assert!(text(&times, &good, Task { dx2: 0.0, dy2: 0.5 }).contains("dx2"));
        assert!(text(&times, &good, Task { dx2: 1.0, dy2: -0.5 }).contains("dy2"));
        // Later states may be anything finite: networks do leave the theory.
        assert!(
            fit(&times, &with(5, State { h: -1.0, y: -1.0, w: 9.0 }), task, Objective::Plain, Equations::Theory)
                .is_ok()
        );
    }
}
