//! The theory solved: states at any time without an integrator, for outputs of any dimension.
//!
//! Under the theory's ansatz the difference of the representations keeps its direction, so that a length `a` stands for
//! it and a vector `b` in output space for the decoder: `dy = a b`. In units where both learn alike,
//!
//! ```text
//! da/dt = g b.(s - g a b)        h = A a^2         A = rate_h dx2 / 2    g = sqrt(A B)
//! db/dt = g a (s - g a b)        dy = g a b        B = rate_y / 2        s = dy*
//! ```
//!
//! which is a linear network with one hidden unit. It conserves `|b|^2 - a^2 = 2 l / g^2`, and with that it is a linear
//! equation but for a common decay: `dq/dt = F q - (g^2 / 2) |q|^2 q` for `q = (a, b)`, where `F` is `-l` on `a`, `l` on
//! `b`, and `g s` between the two. Hence
//!
//! ```text
//! q(t) = e^(F t) q(0) / sqrt(1 + g^2 int_0^t |e^(F u) q(0)|^2 du)
//! ```
//!
//! (the matrix Riccati solution of Fukumizu 1998, with the imbalance of Dominé et al. 2024, for one unit). In the plane
//! of `a` and of `b` along `s`, `F` is symmetric with the eigenvalues `±mu`, `mu^2 = l^2 + g^2 dy2`; across it grows at
//! the rate `l`. So the integral is a sum of three terms, none of them negative, and nothing cancels. With one output it
//! is the hyperbolic tangent solution known for that case.

use super::{State, TwoPoint};

/// The solution from one start. Times count from the start.
#[derive(Clone, Copy, Debug)]
pub struct ClosedForm {
    /// `A` and `g`.
    scale: f64,
    g: f64,
    /// `|dy*|`.
    target: f64,
    /// `mu`, and `l`.
    mu: f64,
    l: f64,
    /// `mu - l`, without cancellation.
    below: f64,
    /// Cosine and sine of the angle of the growing eigenvector from the `a` axis.
    cos: f64,
    sin: f64,
    /// Parts of `q(0)` along the growing and the shrinking eigenvector.
    grow: f64,
    shrink: f64,
    /// Squared part of `b(0)` across `dy*`.
    across2: f64,
}

impl ClosedForm {
    /// Prepares the solution.
    pub fn new(theory: &TwoPoint) -> Self {
        let (task, rates, start) = (theory.task(), theory.rates(), theory.start());
        let (scale, learn) = (0.5 * rates.h * task.dx2, 0.5 * rates.y);
        let (g, target) = ((scale * learn).sqrt(), task.dy2.sqrt());
        let (a, b2) = ((start.h / scale).sqrt(), start.y / (start.h * learn));
        // What is along dy* cannot be longer than the whole: observations in 32 bits may say so by a little.
        let most = b2.sqrt();
        let along = if target > 0.0 { ((start.y - start.w) / (target * g * a)).clamp(-most, most) } else { 0.0 };
        let across2 = (b2 - along * along).max(0.0);
        // g^2 (|b|^2 - a^2) / 2, where the two may cancel, as the conserved quantity has it.
        let l = -0.5 * learn * theory.a_high();
        let k = g * target;
        let mu = l.hypot(k);
        let wide = mu + l.abs();
        let narrow = if wide > 0.0 { k * (k / wide) } else { 0.0 };
        let (below, above) = if l >= 0.0 { (narrow, wide) } else { (wide, narrow) };
        let (cos, sin) = if mu > 0.0 { ((0.5 * below / mu).sqrt(), (0.5 * above / mu).sqrt()) } else { (1.0, 0.0) };
        let (grow, shrink) = (a * cos + along * sin, along * cos - a * sin);
        Self { scale, g, target, mu, l, below, cos, sin, grow, shrink, across2 }
    }

    /// Whether the numbers are near enough to 1 that nothing overflows.
    pub(super) fn is_finite(&self) -> bool {
        let start = self.at(0.0);
        let rest = [self.mu, self.g * self.g * (self.grow * self.grow + self.shrink * self.shrink + self.across2)];
        start.is_finite() && start.h > 0.0 && self.at(f64::INFINITY).is_finite() && rest.iter().all(|x| x.is_finite())
    }

    /// The state at time `t >= 0`, to about `1e-14` of the larger of `y` and `dy2`; infinity is the end.
    pub fn at(&self, t: f64) -> State {
        let Self { g, mu, .. } = *self;
        // Zero times infinity has no value, zero times this has.
        let t = t.min(f64::MAX);
        // All divided by e^(mu t), or the squares by its square. `rise(x) = (1 - e^(-x t)) / x`.
        let rise = |x: f64| if x * t > 1e-300 { -(-x * t).exp_m1() / x } else { t };
        let fade = (-2.0 * mu * t).exp();
        let (a, along) = (
            self.grow * self.cos - self.shrink * self.sin * fade,
            self.grow * self.sin + self.shrink * self.cos * fade,
        );
        let wide = (-2.0 * self.below * t).exp();
        let across2 = self.across2 * wide;
        // The part across has grown as e^(2 l t): its integral over e^(2 mu t), for either sign of l.
        let across = self.across2 * if self.l >= 0.0 { wide * rise(2.0 * self.l) } else { fade * rise(-2.0 * self.l) };
        let along_grown = self.grow * self.grow * rise(2.0 * mu);
        let along_shrunk = self.shrink * self.shrink * fade * rise(2.0 * mu);
        let size = fade + g * g * (along_grown + along_shrunk + across);
        if size == 0.0 {
            // Straight into the saddle at h = 0, and so long ago that nothing is left.
            return State { h: 0.0, y: 0.0, w: 0.0 };
        }
        let a2 = a * a / size;
        let y = g * g * a2 * ((along * along + across2) / size);
        State { h: self.scale * a2, y, w: y - g * self.target * (a / size) * along }
    }

    /// When the two representations meet, if they do: they pass through one another and part again on the other side, as
    /// is so when the outputs start on the wrong side (`dy.dy* < 0`) and the decoder steep. There `h`, `y` and `w` are all
    /// zero, and the equations in these three numbers are `0 / 0`; the solution goes on.
    pub fn meeting_time(&self) -> Option<f64> {
        let (end, start) = (-self.grow * self.cos, -self.shrink * self.sin);
        // Where grow cos e^(mu t) = shrink sin e^(-mu t), and a(0) > 0 excludes a root before 0.
        (end > 0.0 && start > 0.0).then(|| (start / end).ln() / (2.0 * self.mu))
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{Random, assert_close, duration, error, lazy, small, times};
    use super::super::{Equations, Rates, Task};
    use super::*;

    /// The solution for one output, written with a hyperbolic tangent: another form of the same, by another route.
    fn one_output(theory: &TwoPoint, dy: f64, t: f64) -> State {
        let target = theory.task().dy2.sqrt();
        let (a, b) = (2.0 * theory.rates().h * theory.task().dx2, 2.0 * theory.rates().y);
        let rho = theory.start().h.sqrt();
        let (u, v) = (dy / (rho * b.sqrt()), rho / a.sqrt());
        let (p, q) = ((u + v) * 0.5f64.sqrt(), (u - v) * 0.5f64.sqrt());
        let g = (a * b).sqrt();
        let (k1, k2, k3) = (a * b * p * p / 4.0, g * target / 2.0, a * b * q * q / 4.0);
        let d = (k2 * k2 + 4.0 * k1 * k3).sqrt();
        let x = (2.0 * k1 - k2) / d;
        let tanh = (d * t / 2.0).tanh();
        let e = (k2 + d * (x + tanh) / (1.0 + x * tanh)) / (2.0 * k1);
        let s = 0.5 * g * (p * p * e - q * q / e);
        State::of_scalar(0.5 * a * (p * e.sqrt() - q / e.sqrt()).powi(2), s, target)
    }

    #[test]
    fn reference_values() {
        let theory = small(1e-4);
        assert_close(theory.start().w, -7.0700678e-5, 1e-7);
        let table = [
            (500.0, [0.0071923588, 0.0023297344, -0.031800417]),
            (1000.0, [0.066090245, 0.22501947, -0.11040524]),
            (1500.0, [0.096573445, 0.48279348, -0.0085279431]),
            (3000.0, [0.098270338, 0.49999918, -4.1210712e-7]),
        ];
        let wrong_side = (1000.0, [0.064885102, 0.21682604, -0.11243528]);
        let large = (100.0, [2.0717238, 0.40755744, -0.043861126]);
        let cases = table.map(|row| (theory, row)).into_iter().chain([(small(-1e-4), wrong_side), (lazy(), large)]);
        for (theory, (t, [h, y, w])) in cases {
            let found = ClosedForm::new(&theory).at(t);
            // The table has eight digits.
            assert_close(found.h, h, 1e-7);
            assert_close(found.y, y, 1e-7);
            assert_close(found.w, w, 2e-7);
        }
    }

    #[test]
    fn with_one_output_it_is_the_tangent_solution() {
        let mut random = Random::new(1);
        for _ in 0..200 {
            let theory = random.scalar_case();
            let start = theory.start();
            let dy = (start.y - start.w) / theory.task().dy2.sqrt();
            let closed = ClosedForm::new(&theory);
            for t in times(duration(&theory), 30) {
                let difference = error(closed.at(t), one_output(&theory, dy, t), start.y + theory.task().dy2, 1e-3);
                // The tangent solution is a difference of what is nearly equal when outputs start on the wrong side.
                assert!(difference < 1e-6, "{difference:e} at {t} of {theory:?}");
            }
        }
    }

    #[test]
    fn fourteen_digits() {
        // A start on the wrong side that passes close by the saddle; the expected values were computed with 60 digits.
        let task = Task { dx2: 7.39606761356993, dy2: 4.21611428183605 };
        let rates = Rates { h: 0.0027073436102078205, y: 0.004395478401967911 };
        let start = State { h: 0.0012113938510978136, y: 2.6092617469767805e-7, w: 0.0010491148586399045 };
        let found = ClosedForm::new(&TwoPoint::new(task, rates, start).unwrap()).at(1110.2812153246578);
        assert_close(found.h, 4.379388447004079, 1e-13);
        assert_close(found.y, 4.209844066932242, 1e-13);
        assert_close(found.w, -0.003133940949568327, 1e-11);
    }

    #[test]
    fn it_solves_the_equations_for_outputs_of_any_dimension() {
        let mut random = Random::new(2);
        for _ in 0..200 {
            let theory = random.vector_case();
            let (closed, end) = (ClosedForm::new(&theory), duration(&theory));
            let step = end * 1e-4;
            for t in times(end, 12).into_iter().skip(1) {
                // Central differences of fourth order.
                let [a, b, c, d] = [-2.0, -1.0, 1.0, 2.0].map(|i| closed.at(t + i * step));
                let slope = |f: fn(State) -> f64| (f(a) - 8.0 * f(b) + 8.0 * f(c) - f(d)) / (12.0 * step);
                let says = Equations::Theory.derivative(theory.task(), theory.rates(), closed.at(t));
                let size = 1e-6 * (theory.start().y + theory.start().h + theory.task().dy2) / end;
                for (found, expected) in [(slope(|s| s.h), says.h), (slope(|s| s.y), says.y), (slope(|s| s.w), says.w)]
                {
                    let room = 1e-6 * expected.abs() + size;
                    assert!((found - expected).abs() < room, "{found:e} {expected:e} at {t} of {theory:?}");
                }
            }
        }
    }

    #[test]
    fn it_starts_at_the_start_and_ends_at_the_root() {
        let mut random = Random::new(3);
        for _ in 0..200 {
            let theory = random.vector_case();
            let closed = ClosedForm::new(&theory);
            assert!(error(closed.at(0.0), theory.start(), theory.start().y, 1e-3) < 1e-10);
            let end = closed.at(f64::INFINITY);
            assert_close(end.h, theory.final_distance(), 1e-9);
            assert_close(end.y, theory.task().dy2, 1e-9);
            assert!(end.w.abs() < 1e-12 * (1.0 + theory.task().dy2));
            let scale = theory.start().y / theory.start().h + theory.start().h / theory.balance();
            for t in times(duration(&theory), 20) {
                let drift = theory.invariant(closed.at(t)) - theory.invariant(theory.start());
                assert!(drift.abs() < 1e-9 * scale, "{drift:e}");
            }
        }
    }

    #[test]
    fn pairs_with_the_same_target_follow_bernoulli() {
        let task = Task { dx2: 2.0, dy2: 0.0 };
        // A_high above, at and below zero: 0.5 - y / 0.5 * 2 * rate_h / rate_y.
        for y in [0.0, 0.02, 0.0625, 1.0] {
            let theory = TwoPoint::new(task, Rates { h: 0.04, y: 0.02 }, State { h: 0.5, y, w: y }).unwrap();
            let closed = ClosedForm::new(&theory);
            for t in [0.0, 1.0, 30.0, 300.0] {
                let state = closed.at(t);
                assert_close(state.h, theory.same_target(t), 1e-10);
                assert!((state.w - state.y).abs() < 1e-14);
            }
            let end = closed.at(1e9).h;
            assert!((end - theory.a_high().max(0.0)).abs() < 1e-6, "{end}");
        }
    }

    #[test]
    fn representations_that_meet_pass_through() {
        // One output on the wrong side, and a decoder steeper than the encoder.
        let task = Task { dx2: 1.0, dy2: 0.5 };
        let rates = Rates { h: 0.02, y: 0.01 };
        let theory = TwoPoint::new(task, rates, State::of_scalar(0.1, -0.2, 0.5f64.sqrt())).unwrap();
        assert!(theory.a_high() < 0.0);
        let closed = ClosedForm::new(&theory);
        let meeting = closed.meeting_time().unwrap();
        let there = closed.at(meeting);
        assert!(meeting > 0.0 && there.h < 1e-14 && there.y < 1e-14 && there.w.abs() < 1e-7, "{meeting} {there:?}");
        assert!(closed.at(0.99 * meeting).h > 1e-6 && closed.at(1.01 * meeting).h > 1e-6);
        assert_close(closed.at(1e6).h, theory.final_distance(), 1e-9);
        assert_close(closed.at(1e6).y, 0.5, 1e-9);
        // The tangent solution goes on likewise.
        let difference = error(closed.at(2.0 * meeting), one_output(&theory, -0.2, 2.0 * meeting), 0.5, 1e-3);
        assert!(difference < 1e-9);
        assert!(ClosedForm::new(&small(-1e-4)).meeting_time().is_none());
        assert!(ClosedForm::new(&small(1e-4)).meeting_time().is_none());
    }

    #[test]
    fn far_times_and_rates_do_not_overflow() {
        for (h, y) in [(1e-6, 1e2), (1e2, 1e-6), (1e2, 1e2), (1e-30, 1e-30), (1e20, 1e20)] {
            for start in [State::of_scalar(1e-3, 1e-4, 0.5f64.sqrt()), State::of_scalar(1e3, -2.0, 0.5f64.sqrt())] {
                let theory = TwoPoint::new(Task { dx2: 1.0, dy2: 0.5 }, Rates { h, y }, start).unwrap();
                let closed = ClosedForm::new(&theory);
                for t in [0.0, 1e-300, 1e-3, 1.0, 1e6, 1e300, f64::INFINITY] {
                    assert!(closed.at(t).is_finite(), "{t} {theory:?}");
                }
            }
        }
    }
}
