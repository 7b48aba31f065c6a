//! The equations themselves, and four altered ones.
//!
//! With `p = rate_h dx2` and `q = rate_y` the theory says, for the squared distance `h` of two representations, `y` of
//! the outputs, and `w = |dy|^2 - dy.dy*`:
//!
//! ```text
//! dh/dt = -p w
//! dy/dt = -w (q h + p y / h)
//! dw/dt = -q (3 w - y + dy2) h / 2  -  p (y + w) w / (2 h)
//! ```
//!
//! The altered forms are the paper's control that it is these equations, and not any two free constants, that follow a
//! network: each changes one term. The theory has a [closed form](super::ClosedForm); the others need the integrator,
//! which is implicit (Radau IIA of order 5), since a fit tries rates at which they are stiff.

use differential_equations::error::Error;
use differential_equations::linalg::Matrix;
use differential_equations::prelude::{ControlFlag, IVP, ImplicitRungeKutta, Interpolation, ODE, Solout, Solution};

use super::error::{TheoryError, increasing};
use super::{Rates, State, Task, TwoPoint};

/// Which equations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Equations {
    /// The theory.
    #[default]
    Theory,
    /// `dy/dt` doubled.
    DoubledOutput,
    /// `dh/dt` doubled. Refitted constants absorb most of it, so that it is no control: measured networks have been fitted
    /// by it as well as by the theory.
    DoubledDistance,
    /// The last term of `dw/dt` with its sign flipped.
    FlippedAlignment,
    /// `dy/dt` without the encoder's term `p y / h`.
    NoEncoderTerm,
}

/// Writes down the states at given times as the integrator passes them, and stops it after the last, or where the solution
/// is none.
struct Sampler {
    times: Vec<f64>,
    next: usize,
}

impl Solout<f64, [f64; 3]> for Sampler {
    fn solout<I: Interpolation<f64, [f64; 3]> + ?Sized>(
        &mut self,
        time: f64,
        _: f64,
        state: &[f64; 3],
        _: &[f64; 3],
        between: &mut I,
        solution: &mut Solution<f64, [f64; 3]>,
    ) -> ControlFlag<f64, [f64; 3]> {
        if !(from(*state).is_finite() && state[0] > 0.0) {
            return ControlFlag::Terminate;
        }
        while let Some(&wanted) = self.times.get(self.next)
            && wanted <= time
        {
            let found = if wanted == time { Ok(*state) } else { between.interpolate(wanted) };
            let Ok(found) = found else { return ControlFlag::Terminate };
            solution.push(wanted, found);
            self.next += 1;
        }
        if self.next < self.times.len() { ControlFlag::Continue } else { ControlFlag::Terminate }
    }
}

/// Steps of the integrator at most. A solve takes some hundreds; only a solution that runs into a singularity takes more.
const MOST_STEPS: usize = 4_000;

impl Equations {
    /// All of them, the theory first.
    pub const ALL: [Equations; 5] = [
        Equations::Theory,
        Equations::DoubledOutput,
        Equations::DoubledDistance,
        Equations::FlippedAlignment,
        Equations::NoEncoderTerm,
    ];

    /// Factors of `dh/dt`, of `dy/dt`, of the encoder's term in `dy/dt` and of that in `dw/dt`.
    fn factors(self) -> [f64; 4] {
        match self {
            Self::Theory => [1.0, 1.0, 1.0, 1.0],
            Self::DoubledOutput => [1.0, 2.0, 1.0, 1.0],
            Self::DoubledDistance => [2.0, 1.0, 1.0, 1.0],
            Self::FlippedAlignment => [1.0, 1.0, 1.0, -1.0],
            Self::NoEncoderTerm => [1.0, 1.0, 0.0, 1.0],
        }
    }

    /// The time derivative of each of the three numbers at a state, per unit of time. Not finite at `h = 0`.
    pub fn derivative(self, task: Task, rates: Rates, state: State) -> State {
        let [a, b, c, d] = self.factors();
        let (p, q) = (rates.h * task.dx2, rates.y);
        let State { h, y, w } = state;
        State {
            h: -a * p * w,
            y: -b * w * (q * h + c * p * y / h),
            w: -0.5 * q * (3.0 * w - y + task.dy2) * h - 0.5 * d * p * (y + w) * w / h,
        }
    }

    /// Derivatives of [`Equations::derivative`] by `h`, `y` and `w`: row by row.
    fn jacobian(self, task: Task, rates: Rates, state: State) -> [[f64; 3]; 3] {
        let [a, b, c, d] = self.factors();
        let (p, q) = (rates.h * task.dx2, rates.y);
        let State { h, y, w } = state;
        [
            [0.0, 0.0, -a * p],
            [-b * w * (q - c * p * y / (h * h)), -b * w * c * p / h, -b * (q * h + c * p * y / h)],
            [
                -0.5 * q * (3.0 * w - y + task.dy2) + 0.5 * d * p * (y + w) * w / (h * h),
                0.5 * q * h - 0.5 * d * p * w / h,
                -1.5 * q * h - 0.5 * d * p * (y + 2.0 * w) / h,
            ],
        ]
    }
}

/// The equations as the integrator wants them.
struct System {
    form: Equations,
    task: Task,
    rates: Rates,
}

impl ODE<f64, [f64; 3]> for System {
    fn diff(&self, _t: f64, state: &[f64; 3], derivative: &mut [f64; 3]) {
        let State { h, y, w } = self.form.derivative(self.task, self.rates, from(*state));
        *derivative = [h, y, w];
    }

    fn jacobian(&self, _t: f64, state: &[f64; 3], matrix: &mut Matrix<f64>) {
        for (i, row) in self.form.jacobian(self.task, self.rates, from(*state)).iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                matrix[(i, j)] = value;
            }
        }
    }
}

fn from([h, y, w]: [f64; 3]) -> State {
    State { h, y, w }
}

impl TwoPoint {
    /// Integrates the equations of `form`: the state at each of `times`, which must increase from 0 (the start) or later.
    /// `tolerance`, in `1e-9..=1e-2`, is about the relative error of the states.
    ///
    /// For [`Equations::Theory`], [`TwoPoint::trajectory`] is exact, quicker, and has an answer where this may have none: when
    /// the two representations meet ([`ClosedForm::meeting_time`](super::ClosedForm::meeting_time)) these equations are
    /// `0 / 0`.
    ///
    /// # Errors
    /// If times or tolerance are out of range, or the solution leaves the finite numbers with `h > 0` before the last of
    /// the times. So it does when representations meet, or have merged so far that their distance is lost in the tolerance.
    pub fn simulate(&self, form: Equations, times: &[f64], tolerance: f64) -> Result<Vec<State>, TheoryError> {
        increasing(times)?;
        let (Some(&first), Some(&end)) = (times.first(), times.last()) else { return Ok(Vec::new()) };
        if first < 0.0 {
            return Err(TheoryError::Number {
                name: "the first time",
                range: "0 or later",
                value: first,
                advice: "count time from the start",
            });
        }
        if !(1e-9..=1e-2).contains(&tolerance) {
            return Err(TheoryError::Number {
                name: "the tolerance",
                range: "in 1e-9..=1e-2",
                value: tolerance,
                advice: "1e-9 suits comparisons, 1e-6 figures",
            });
        }
        let (task, start) = (self.task(), self.start());
        if end == 0.0 {
            return Ok(vec![start]);
        }
        // The method works to a tenth of the two-thirds power of the tolerance it is given. The absolute part is for y and w,
        // which may touch zero.
        let relative = tolerance.powf(1.5);
        let outputs = start.y.max(task.dy2);
        let absolute = [start.h, outputs, outputs].map(|size| (1e-5 * relative * size).max(f64::MIN_POSITIVE));
        let method = ImplicitRungeKutta::radau5().rtol(vec![relative; 3]).atol(absolute.to_vec()).max_steps(MOST_STEPS);
        // In units of the last time, which is the unit that the method takes its smallest step to be small in.
        let rates = Rates { h: self.rates().h * end, y: self.rates().y * end };
        let equations = System { form, task, rates };
        let sampler = Sampler { times: times.iter().map(|t| t / end).collect(), next: 0 };
        let solution =
            IVP::ode(&equations, 0.0, 1.5, [start.h, start.y, start.w]).solout(sampler).method(method).solve();
        let failed = |time: f64, reason: &str| TheoryError::Diverged { time, end, reason: reason.to_owned() };
        let states: Vec<State> = match solution {
            Ok(solution) => solution.y.iter().copied().map(from).collect(),
            Err(Error::MaxSteps { t, .. }) => return Err(failed(t * end, "too many steps")),
            Err(Error::StepSize { t, .. } | Error::Stiffness { t, .. }) => {
                return Err(failed(t * end, "the step vanished"));
            }
            Err(Error::LinearAlgebra { t, .. }) => return Err(failed(t * end, "a singular step")),
            Err(_) => return Err(failed(0.0, "no first step")),
        };
        if let Some(&time) = times.get(states.len()) {
            return Err(failed(time, "the representations met, or the solution grew without bound"));
        }
        match states.iter().position(|state| !(state.is_finite() && state.h > 0.0)) {
            None => Ok(states),
            Some(i) => Err(failed(times[i], "the representations met, or the solution grew without bound")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ClosedForm;
    use super::super::cases::{Random, assert_close, duration, error, lazy, small, times};
    use super::*;

    #[test]
    fn the_integrator_meets_the_reference_values() {
        let states = small(1e-4).simulate(Equations::Theory, &[0.0, 500.0, 1000.0, 1500.0, 3000.0], 1e-9).unwrap();
        let table = [
            [0.0071923588, 0.0023297344, -0.031800417],
            [0.066090245, 0.22501947, -0.11040524],
            [0.096573445, 0.48279348, -0.0085279431],
            [0.098270338, 0.49999918, -4.1210712e-7],
        ];
        assert_eq!(states[0], small(1e-4).start());
        for (state, [h, y, w]) in states[1..].iter().zip(table) {
            assert_close(state.h, h, 1e-6);
            assert_close(state.y, y, 1e-6);
            assert_close(state.w, w, 1e-6);
        }
        let state = small(-1e-4).simulate(Equations::Theory, &[1000.0], 1e-9).unwrap()[0];
        assert_close(state.h, 0.064885102, 1e-6);
        assert_close(state.y, 0.21682604, 1e-6);
        assert_close(state.w, -0.11243528, 1e-6);
        let state = lazy().simulate(Equations::Theory, &[100.0], 1e-9).unwrap()[0];
        assert_close(state.h, 2.0717238, 1e-6);
        assert_close(state.y, 0.40755744, 1e-6);
        assert_close(state.w, -0.043861126, 1e-6);
    }

    #[test]
    fn the_integrator_and_the_closed_form_agree() {
        let mut random = Random::new(4);
        for i in 0..100 {
            let theory = if i % 2 == 0 { random.scalar_case() } else { random.vector_case() };
            let closed = ClosedForm::new(&theory);
            if closed.meeting_time().is_some() {
                continue;
            }
            let times = times(duration(&theory), 50);
            let states = theory.simulate(Equations::Theory, &times, 1e-9).unwrap();
            let scale = theory.start().y / theory.start().h + theory.start().h / theory.balance();
            for (&t, &state) in times.iter().zip(&states) {
                let difference = error(state, closed.at(t), theory.start().y + theory.task().dy2, 1e-3);
                assert!(difference < 1e-6, "{difference:e} at {t} of {theory:?}");
                let drift = theory.invariant(state) - theory.invariant(theory.start());
                assert!(drift.abs() < 1e-6 * scale, "{drift:e} at {t} of {theory:?}");
            }
            assert_close(states[49].h, theory.final_distance(), 1e-6);
        }
    }

    #[test]
    fn jacobians_are_the_slopes_of_the_derivatives() {
        let (task, rates) = (Task { dx2: 1.7, dy2: 0.8 }, Rates { h: 0.3, y: 0.7 });
        let at = State { h: 0.6, y: 0.4, w: -0.1 };
        let step = 1e-6;
        for form in Equations::ALL {
            let matrix = form.jacobian(task, rates, at);
            for column in 0..3 {
                let moved = |by: f64| {
                    let mut state = [at.h, at.y, at.w];
                    state[column] += by;
                    form.derivative(task, rates, from(state))
                };
                let (up, down) = (moved(step), moved(-step));
                let slopes = [up.h - down.h, up.y - down.y, up.w - down.w].map(|d| d / (2.0 * step));
                for (row, slope) in slopes.into_iter().enumerate() {
                    assert!((slope - matrix[row][column]).abs() < 1e-8, "{form:?} {row} {column}");
                }
            }
        }
    }

    #[test]
    fn pairs_with_the_same_target_follow_bernoulli() {
        let task = Task { dx2: 2.0, dy2: 0.0 };
        for y in [0.02, 0.0625, 1.0] {
            let theory = TwoPoint::new(task, Rates { h: 0.04, y: 0.02 }, State { h: 0.5, y, w: y }).unwrap();
            let times = [1.0, 10.0, 30.0, 100.0];
            for (t, state) in times.into_iter().zip(theory.simulate(Equations::Theory, &times, 1e-9).unwrap()) {
                assert!((state.h - theory.same_target(t)).abs() < 1e-7, "{state:?} at {t}");
            }
        }
    }

    #[test]
    fn each_altered_form_goes_its_own_way() {
        let states = Equations::ALL.map(|form| small(1e-4).simulate(form, &[1000.0], 1e-9).unwrap()[0]);
        for (i, a) in states.iter().enumerate() {
            for b in &states[..i] {
                assert!(error(*a, *b, 0.5, 1e-3) > 0.01, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn stiff_rates_are_followed() {
        let task = Task { dx2: 1.0, dy2: 0.5 };
        let start = State::of_scalar(1e-3, 1e-4, 0.5f64.sqrt());
        for (h, y) in [(100.0, 100.0), (1e-6, 100.0), (100.0, 1e-3)] {
            let theory = TwoPoint::new(task, Rates { h, y }, start).unwrap();
            let state = theory.simulate(Equations::Theory, &[3000.0], 1e-6).unwrap()[0];
            assert!(error(state, ClosedForm::new(&theory).at(3000.0), 0.5, 1e-3) < 1e-4, "{h} {y} {state:?}");
        }
    }

    #[test]
    fn what_cannot_be_solved_is_refused() {
        let theory = small(1e-4);
        let text =
            |times: &[f64], tolerance| theory.simulate(Equations::Theory, times, tolerance).unwrap_err().to_string();
        assert!(text(&[0.0, 2.0, 2.0], 1e-6).contains("time 2 (2) does not come after time 1 (2)"));
        assert!(text(&[0.0, f64::NAN], 1e-6).contains("time 1 is NaN"));
        assert!(text(&[-1.0, 1.0], 1e-6).contains("0 or later"));
        assert!(text(&[1.0], 0.0).contains("1e-9..=1e-2"));
        assert!(text(&[1.0], f64::NAN).contains("1e-9..=1e-2"));
        assert_eq!(theory.simulate(Equations::Theory, &[], 1e-6).unwrap(), []);
        assert_eq!(theory.simulate(Equations::Theory, &[0.0], 1e-6).unwrap(), [theory.start()]);
    }

    #[test]
    fn a_solution_that_leaves_the_numbers_is_an_error() {
        // With the flipped sign, a start on the wrong side with a steep decoder runs into h = 0.
        let task = Task { dx2: 1.0, dy2: 0.5 };
        let start = State::of_scalar(0.1, -0.2, 0.5f64.sqrt());
        let theory = TwoPoint::new(task, Rates { h: 0.02, y: 0.01 }, start).unwrap();
        let error = theory.simulate(Equations::FlippedAlignment, &times(1e4, 100), 1e-6).unwrap_err();
        assert!(matches!(error, TheoryError::Diverged { time, end, .. } if time > 0.0 && time < 1e3 && end == 1e4));
        assert!(error.to_string().contains("ask for earlier times"));
    }
}
