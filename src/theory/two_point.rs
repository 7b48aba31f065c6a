//! The two-point theory: what it is about, its conserved quantity, its end and its regimes.

use super::ClosedForm;
use super::error::{TheoryError, not_negative, positive, same_length};

/// Two data points `(x1, y1*)` and `(x2, y2*)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Task {
    /// Squared distance of the inputs, `|x2 - x1|^2`.
    pub dx2: f64,
    /// Squared distance of the targets, `|y2* - y1*|^2`. Zero for a pair with the same target.
    pub dy2: f64,
}

/// Effective learning rates, `1 / tau` per unit of time, in the convention of the authors' released program.
///
/// That program's equations are gradient flow of half the *summed* squared error. Training on half the *mean* over the
/// two points, in a network that is itself the linear maps `D_h` and `D_y` learning at the rates `a` and `b`, gives
/// `h = a / 2` and `y = b / 2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Of the encoder, `1 / tau_h`.
    pub h: f64,
    /// Of the decoder, `1 / tau_y`.
    pub y: f64,
}

/// What the theory follows, of a pair with hidden representations `h1, h2` and outputs `y1, y2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Squared distance of the representations, `|dh|^2`.
    pub h: f64,
    /// Squared distance of the outputs, `|dy|^2`.
    pub y: f64,
    /// `|dy|^2 - dy.dy*`, zero when the pair is learned. Never below `-dy2 / 4`, whatever the network, and equal to that
    /// when the outputs are half way.
    pub w: f64,
}

/// Where a pair ends up, by `A_high / A_low` ([`TwoPoint::a_high`], [`TwoPoint::a_low`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Regime {
    /// `|A_high| < A_low`: the distance that the task asks for, about [`TwoPoint::a_low`].
    Rich,
    /// `A_high >= A_low`: about the distance there was, [`TwoPoint::a_high`].
    Lazy,
    /// `A_high <= -A_low`: the decoder is so steep that the pair is drawn together, to about `A_low^2 / |A_high|`.
    Collapsing,
    /// Same target and `A_high <= 0`: the representations merge.
    Merging,
}

impl Task {
    /// Checks the two numbers.
    ///
    /// # Errors
    /// If the inputs coincide, or a number is negative or not finite.
    pub fn check(self) -> Result<Self, TheoryError> {
        positive("dx2", self.dx2, "the theory is about two different inputs")?;
        not_negative("dy2", self.dy2, "give the squared distance of the targets")?;
        Ok(self)
    }

    /// Half the mean squared error of the two points, `(1/2) mean_i |y_i - y_i*|^2`, where `mean_error2` is the squared
    /// distance of the mean output from the mean target. An identity: no theory is in it.
    pub fn loss(self, state: State, mean_error2: f64) -> f64 {
        0.25 * (2.0 * mean_error2 + state.w + 0.5 * (self.dy2 - state.y))
    }

    /// The loss once only the mean is learned: `dy2 / 8`.
    pub fn plateau(self) -> f64 {
        self.dy2 / 8.0
    }

    /// The least that `w` can be: `-dy2 / 4`. With one output it is reached, on the way from the wrong half to the target.
    pub fn lowest_w(self) -> f64 {
        -self.dy2 / 4.0
    }
}

impl State {
    /// From the differences of the two points' representations, outputs and targets.
    ///
    /// # Errors
    /// If outputs and targets are not as many.
    pub fn of(dh: &[f64], dy: &[f64], dy_target: &[f64]) -> Result<Self, TheoryError> {
        same_length(("outputs", dy.len()), ("targets", dy_target.len()))?;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let y = dot(dy, dy);
        Ok(Self { h: dot(dh, dh), y, w: y - dot(dy, dy_target) })
    }

    /// Of a pair with one output, whose difference is `dy` and should be `dy_target`.
    pub fn of_scalar(h: f64, dy: f64, dy_target: f64) -> Self {
        Self { h, y: dy * dy, w: dy * (dy - dy_target) }
    }

    /// Whether all three numbers are finite.
    pub fn is_finite(self) -> bool {
        self.h.is_finite() && self.y.is_finite() && self.w.is_finite()
    }

    /// Checks that a pair on this task can be in this state, to start from.
    pub(super) fn check(self, task: Task) -> Result<Self, TheoryError> {
        positive(
            "the start's h",
            self.h,
            "representations that coincide stay so: start from an earlier or another pair",
        )?;
        not_negative("the start's y", self.y, "give the squared distance of the outputs")?;
        // Cauchy-Schwarz for dy.dy*, with room for what 32-bit observations lose.
        let (along, most) = ((self.y - self.w).abs(), (self.y * task.dy2).sqrt());
        let room = 0.01 * most + 1e-5 * (self.y + self.w.abs() + task.dy2);
        if !self.w.is_finite() || along > most + room {
            return Err(TheoryError::Number {
                name: "the start's w",
                range: "y - dy.dy*, with |dy.dy*| at most sqrt(y dy2)",
                value: self.w,
                advice: "check that y, w and dy2 are of the same outputs and targets",
            });
        }
        Ok(self)
    }
}

/// The theory of one pair, from a start onwards. Time counts from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPoint {
    task: Task,
    rates: Rates,
    start: State,
}

impl TwoPoint {
    /// The theory at given rates, from a given start.
    ///
    /// # Errors
    /// If a number is not finite or out of range: inputs must differ, rates and the start's `h` be positive, and the
    /// start be one that outputs with such targets can have.
    pub fn new(task: Task, rates: Rates, start: State) -> Result<Self, TheoryError> {
        task.check()?;
        positive("rate h", rates.h, "rates are 1 / tau, per unit of time")?;
        positive("rate y", rates.y, "rates are 1 / tau, per unit of time")?;
        start.check(task)?;
        let theory = Self { task, rates, start };
        if ClosedForm::new(&theory).is_finite() {
            return Ok(theory);
        }
        Err(TheoryError::input(format!(
            "rates, distances and start must be of sizes that can be multiplied, and they are {rates:?}, {task:?} and \
             {start:?}: choose units in which they are nearer to 1"
        )))
    }

    /// The task.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The rates.
    pub fn rates(&self) -> Rates {
        self.rates
    }

    /// The state at time 0.
    pub fn start(&self) -> State {
        self.start
    }

    /// `r = (rate_h / rate_y) dx2`, the scale on which `y / h` and `h` are compared.
    pub fn balance(&self) -> f64 {
        self.rates.h / self.rates.y * self.task.dx2
    }

    /// `Q = y / h - h / r`, which the theory conserves, at a state. So `y / h` against `h` is a straight line of slope
    /// `1 / r`.
    pub fn invariant(&self, state: State) -> f64 {
        state.y / state.h - state.h / self.balance()
    }

    /// `A_high = h(0) - r y(0) / h(0)`: the distance in the lazy limit; `-r Q`.
    pub fn a_high(&self) -> f64 {
        self.start.h - self.balance() * self.start.y / self.start.h
    }

    /// `A_low = sqrt(rate_h / rate_y) |dx| |dy*|`: the distance in the rich limit.
    pub fn a_low(&self) -> f64 {
        (self.balance() * self.task.dy2).sqrt()
    }

    /// The squared distance of the representations after training without end: the root that is not negative of
    /// `h^2 - A_high h - A_low^2 = 0`. It depends on the rates through their ratio alone.
    pub fn final_distance(&self) -> f64 {
        let (half, low) = (0.5 * self.a_high(), self.a_low());
        let root = half.hypot(low);
        // The same root twice: each form where it does not cancel.
        if half >= 0.0 { half + root } else { low * (low / (root - half)) }
    }

    /// The same without the ansatz that representations move only along their difference, for networks that *are* the two
    /// linear maps `D_h` and `D_y`, with one output: exact for any `D_y(0)`, whose squared (Frobenius) norm is
    /// `decoder_norm2`. Where `D_y(0)` is parallel to `dh(0)`, its norm is `y(0) / h(0)` and this is
    /// [`TwoPoint::final_distance`]; where it is not, as a random one mostly is, the end is lower if `y(0) < dy2`.
    ///
    /// The linear flow conserves the matrix `D_y^T D_y / rate_y - dh dh^T / (rate_h dx2)`; its trace and the trace of
    /// its square give the formula.
    ///
    /// # Errors
    /// If `decoder_norm2` is below `y(0) / h(0)`, which no `D_y` has.
    pub fn linear_final_distance(&self, decoder_norm2: f64) -> Result<f64, TheoryError> {
        let State { h, y, .. } = self.start;
        let r = self.balance();
        if !(decoder_norm2.is_finite() && decoder_norm2 * h >= y * (1.0 - 1e-5)) {
            return Err(TheoryError::Number {
                name: "the decoder's squared norm",
                range: "finite and at least y / h of the start",
                value: decoder_norm2,
                advice: "give the sum of the squares of all elements of D_y",
            });
        }
        let difference = h - r * decoder_norm2;
        let low = 4.0 * self.a_low().powi(2);
        // How far D_y is from parallel to dh: zero, and the formula is that of `final_distance`, if it is.
        let off = 4.0 * r * (h * decoder_norm2 - y).max(0.0);
        let root = (difference * difference + off + low).sqrt();
        Ok(if difference >= 0.0 { 0.5 * (difference + root) } else { 0.5 * (off + low) / (root - difference) })
    }

    /// Which regime the pair is in.
    pub fn regime(&self) -> Regime {
        let (high, low) = (self.a_high(), self.a_low());
        match () {
            () if low == 0.0 && high <= 0.0 => Regime::Merging,
            () if high >= low => Regime::Lazy,
            () if high <= -low => Regime::Collapsing,
            () => Regime::Rich,
        }
    }

    /// The rich limit of the distance at time `t`: a sigmoid from `h(0)` to [`TwoPoint::a_low`] with the rate
    /// `rate_y A_low = sqrt(rate_h rate_y) |dx| |dy*|`.
    pub fn rich_logistic(&self, t: f64) -> f64 {
        logistic(self.start.h, self.a_low(), self.rates.y, t)
    }

    /// The distance at time `t` of a pair with the same target (`dy2` is not used, and taken for zero): the Bernoulli
    /// equation `dh/dt = -rate_y h (h - A_high)`, which falls to zero if `A_high <= 0` and goes to `A_high` otherwise.
    pub fn same_target(&self, t: f64) -> f64 {
        logistic(self.start.h, self.a_high(), self.rates.y, t)
    }

    /// The loss at time `t` ([`Task::loss`]): the mean output goes to the mean target on its own, from the squared distance
    /// `mean_error2` at the start, with `rate_mean = 1 / tau_ybar`.
    pub fn loss(&self, t: f64, rate_mean: f64, mean_error2: f64) -> f64 {
        self.task.loss(ClosedForm::new(self).at(t), mean_error2 * (-2.0 * rate_mean * t).exp())
    }

    /// The exact states at the given times, 0 or later, in any order.
    ///
    /// # Errors
    /// If a time is negative or not finite.
    pub fn trajectory(&self, times: &[f64]) -> Result<Vec<State>, TheoryError> {
        for &t in times {
            not_negative("a time", t, "count time from the start")?;
        }
        let closed = ClosedForm::new(self);
        Ok(times.iter().map(|&t| closed.at(t)).collect())
    }
}

/// The solution of `dh/dt = rate h (end - h)` from `start`, for an end of any sign.
fn logistic(start: f64, end: f64, rate: f64, t: f64) -> f64 {
    let x = rate * end * t;
    // Each in exponentials of what is not positive, so that they do not overflow.
    if end > 0.0 {
        start / ((-x).exp() - start * (-x).exp_m1() / end)
    } else if end < 0.0 {
        start * x.exp() / (1.0 + start * x.exp_m1() / end)
    } else {
        start / (1.0 + start * rate * t)
    }
}

/// Density at `x > 0` of [`TwoPoint::final_distance`] over initialisations for which `A_high` is normal with mean 0 and
/// variance `2 gain^2`. It concentrates at `a_low` as the gain goes to zero. Zero for `x <= 0`.
pub fn final_distance_density(x: f64, a_low: f64, gain: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let high = x - a_low * a_low / x;
    let stretch = 1.0 + (a_low / x).powi(2);
    stretch * (-(high / (2.0 * gain)).powi(2)).exp() / (2.0 * std::f64::consts::PI.sqrt() * gain)
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Random, assert_close, lazy, small};
    use super::*;

    const TASK: Task = Task { dx2: 1.0, dy2: 0.5 };

    fn with(h: f64, y: f64) -> TwoPoint {
        TwoPoint::new(TASK, Rates { h: 0.01, y: 0.01 }, State { h, y, w: y }).unwrap()
    }

    #[test]
    fn reference_ends() {
        assert_close(small(1e-4).a_high(), 9.9980882e-4, 1e-7);
        assert_close(small(1e-4).a_low(), 0.097769236, 1e-7);
        assert_close(small(1e-4).final_distance(), 0.098270419, 1e-7);
        assert_close(lazy().a_high(), 1.875, 1e-12);
        assert_close(lazy().a_low(), 0.5f64.sqrt(), 1e-12);
        assert_close(lazy().final_distance(), 2.1117684, 1e-7);
    }

    #[test]
    fn the_end_is_a_root_and_still() {
        let mut random = Random::new(10);
        for _ in 0..500 {
            let theory = random.vector_case();
            let (end, high, low) = (theory.final_distance(), theory.a_high(), theory.a_low());
            let terms = end * end + (high * end).abs() + low * low;
            assert!(end > 0.0 && (end * end - high * end - low * low).abs() < 1e-12 * terms);
            let learned = State { h: end, y: theory.task().dy2, w: 0.0 };
            assert_close(theory.invariant(learned), theory.invariant(theory.start()), 1e-6);
        }
    }

    #[test]
    fn regimes_and_their_limits() {
        let reference = with(0.5, 0.1);
        assert_eq!(reference.regime(), Regime::Rich);
        // Rich: h and y / h a million times smaller.
        let rich = with(0.5e-6, 0.1e-12);
        assert_eq!(rich.regime(), Regime::Rich);
        assert_close(rich.final_distance(), rich.a_low(), 1e-4);
        // Lazy: h a thousand times larger.
        let lazy = with(0.5e3, 0.1);
        assert_eq!(lazy.regime(), Regime::Lazy);
        assert_close(lazy.final_distance(), lazy.a_high(), 1e-3);
        assert_close(lazy.final_distance(), 0.5e3, 1e-3);
        // A decoder a thousand times steeper.
        let collapsing = with(0.5, 0.1e3);
        assert_eq!(collapsing.regime(), Regime::Collapsing);
        assert_close(collapsing.final_distance(), collapsing.a_low().powi(2) / collapsing.a_high().abs(), 1e-3);
        let same = |h: f64, y: f64| {
            TwoPoint::new(Task { dx2: 1.0, dy2: 0.0 }, Rates { h: 0.01, y: 0.01 }, State { h, y, w: y }).unwrap()
        };
        assert_eq!(same(0.5, 0.3).regime(), Regime::Merging);
        assert_eq!(same(0.5, 0.3).final_distance(), 0.0);
        assert_eq!(same(0.5, 0.1).regime(), Regime::Lazy);
        assert_close(same(0.5, 0.1).final_distance(), 0.3, 1e-12);
    }

    #[test]
    fn small_starts_follow_the_logistic_curve() {
        // Aligned and balanced: then the limit is the solution.
        let r = 0.02f64;
        let h = 1e-4;
        let dy = h / r.sqrt();
        let theory =
            TwoPoint::new(TASK, Rates { h: 0.02 * 0.07, y: 0.07 }, State::of_scalar(h, dy, 0.5f64.sqrt())).unwrap();
        assert!(theory.a_high().abs() < 1e-15);
        let rate = theory.rates().y * theory.a_low();
        let middle = (theory.a_low() / h - 1.0).ln() / rate;
        assert_close(theory.rich_logistic(middle), 0.5 * theory.a_low(), 1e-9);
        for t in [0.0, 0.3 * middle, middle, 2.0 * middle, 1e9] {
            assert_close(theory.rich_logistic(t), ClosedForm::new(&theory).at(t).h, 1e-9);
            let tanh = 0.5 * theory.a_low() * (1.0 + (0.5 * rate * (t - middle)).tanh());
            assert!((theory.rich_logistic(t) - tanh).abs() < 1e-12);
        }
    }

    #[test]
    fn the_loss_is_the_error_of_the_two_points() {
        // Two points with two outputs each.
        let (y, target) = ([[0.3, -0.2], [0.9, 0.4]], [[0.0, 0.5], [1.0, 0.1]]);
        let apart = |a: [[f64; 2]; 2]| [a[1][0] - a[0][0], a[1][1] - a[0][1]];
        let mean = |a: [[f64; 2]; 2]| [0.5 * (a[1][0] + a[0][0]), 0.5 * (a[1][1] + a[0][1])];
        let squares = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2);
        let direct = 0.25 * (squares(y[0], target[0]) + squares(y[1], target[1]));
        let state = State::of(&[1.0, 2.0], &apart(y), &apart(target)).unwrap();
        assert_eq!(state.h, 5.0);
        let task = Task { dx2: 1.0, dy2: squares(apart(target), [0.0; 2]) };
        assert_close(task.loss(state, squares(mean(y), mean(target))), direct, 1e-12);
        assert_close(TASK.loss(State { h: 0.0, y: 0.0, w: 0.0 }, 0.0), TASK.plateau(), 1e-12);
        assert_close(TASK.plateau(), 0.0625, 1e-12);
        assert_close(TASK.lowest_w(), -0.125, 1e-12);
        assert_eq!(State::of_scalar(1.0, 0.25, 0.5).w, Task { dx2: 1.0, dy2: 0.25 }.lowest_w());
        assert!(State::of(&[1.0], &[1.0, 2.0], &[1.0]).unwrap_err().to_string().contains("2 and 1"));
    }

    #[test]
    fn the_density_of_ends_is_a_density_and_concentrates() {
        let (low, gain) = (0.3, 0.2);
        let step = 1e-4;
        let xs = (0..40_000).map(|i| (f64::from(i) + 0.5) * step);
        let sum: f64 = xs.map(|x| step * final_distance_density(x, low, gain)).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
        assert!(final_distance_density(low, low, 1e-3) > 100.0 && final_distance_density(2.0 * low, low, 1e-3) < 1e-9);
        assert_eq!(final_distance_density(-1.0, low, gain), 0.0);
    }

    #[test]
    fn starts_that_no_pair_can_have_are_refused() {
        let rates = Rates { h: 0.01, y: 0.01 };
        let text = |task, rates, start| TwoPoint::new(task, rates, start).unwrap_err().to_string();
        let start = State { h: 0.1, y: 0.2, w: 0.1 };
        assert!(text(Task { dx2: 0.0, ..TASK }, rates, start).contains("dx2 must be finite and above 0, and it is 0"));
        assert!(text(Task { dy2: f64::INFINITY, ..TASK }, rates, start).contains("dy2"));
        assert!(text(TASK, Rates { h: -1.0, ..rates }, start).contains("rate h"));
        assert!(text(TASK, Rates { y: f64::NAN, ..rates }, start).contains("rate y"));
        assert!(text(TASK, rates, State { h: 0.0, ..start }).contains("the start's h"));
        assert!(text(TASK, rates, State { y: -0.1, ..start }).contains("the start's y"));
        assert!(text(TASK, rates, State { w: -0.3, ..start }).contains("the start's w"));
        assert!(text(TASK, rates, State { w: f64::NAN, ..start }).contains("the start's w"));
        assert!(text(TASK, Rates { h: 1e300, y: 1e300 }, start).contains("nearer to 1"));
        assert!(text(TASK, rates, State { h: 1e-320, ..start }).contains("nearer to 1"));
        assert!(with(0.1, 0.1).trajectory(&[0.0, -1.0]).unwrap_err().to_string().contains("count time from the start"));
        assert!(with(0.1, 0.1).trajectory(&[f64::NAN]).is_err());
        // What 32-bit observations lose is let through: w a little out of range.
        let along = (0.2f64 * 0.5).sqrt();
        assert!(TwoPoint::new(TASK, rates, State { h: 0.1, y: 0.2, w: 0.2 - along - 1e-6 }).is_ok());
    }
}
