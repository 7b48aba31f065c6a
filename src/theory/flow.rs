//! The theory against what it is a theory of: gradient flow on the two linear maps, step by step. Nothing here knows the
//! scalar equations.

use super::cases::{Random, assert_close};
use super::{ClosedForm, Rates, State, Task, TwoPoint};

/// The maps `D_h` `[hidden, inputs]` and `D_y` `[outputs, hidden]`, trained on half the mean squared error of two points.
#[derive(Clone)]
struct Maps {
    encoder: Vec<Vec<f64>>,
    decoder: Vec<Vec<f64>>,
    dx: Vec<f64>,
    target: Vec<f64>,
    /// Learning rates of the two maps.
    rates: [f64; 2],
}

fn times_vector(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum()).collect()
}

fn norm2(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}

impl Maps {
    fn random(random: &mut Random, [inputs, hidden, outputs]: [usize; 3], scale: f64, rates: [f64; 2]) -> Self {
        let mut matrix = |rows: usize, columns: usize, scale: f64| -> Vec<Vec<f64>> {
            (0..rows).map(|_| (0..columns).map(|_| scale * random.normal()).collect()).collect()
        };
        let (encoder, decoder) = (matrix(hidden, inputs, scale), matrix(outputs, hidden, scale));
        let (dx, target) = (matrix(1, inputs, 1.0).remove(0), matrix(1, outputs, 1.0).remove(0));
        Self { encoder, decoder, dx, target, rates }
    }

    /// Turns the decoder's rows along `dh`, as the theory's ansatz has them.
    fn aligned(mut self) -> Self {
        let dh = times_vector(&self.encoder, &self.dx);
        let (dy, length) = (times_vector(&self.decoder, &dh), norm2(&dh));
        self.decoder = dy.iter().map(|y| dh.iter().map(|h| y * h / length).collect()).collect();
        self
    }

    fn state(&self) -> State {
        let dh = times_vector(&self.encoder, &self.dx);
        State::of(&dh, &times_vector(&self.decoder, &dh), &self.target).unwrap()
    }

    fn task(&self) -> Task {
        Task { dx2: norm2(&self.dx), dy2: norm2(&self.target) }
    }

    /// The gradient of `|dy - dy*|^2 / 8`, which is what half the mean squared error has of the differences, less the sign:
    /// `D_h' = -(rate / 4) D_y^T (dy - dy*) dx^T`, `D_y' = -(rate / 4) (dy - dy*) dh^T`.
    fn slope(&self) -> Self {
        let dh = times_vector(&self.encoder, &self.dx);
        let dy = times_vector(&self.decoder, &dh);
        let wrong: Vec<f64> = dy.iter().zip(&self.target).map(|(y, t)| -0.25 * (y - t)).collect();
        let mut slope = self.clone();
        for (j, row) in slope.encoder.iter_mut().enumerate() {
            let back: f64 = self.decoder.iter().zip(&wrong).map(|(row, w)| row[j] * w).sum();
            row.iter_mut().zip(&self.dx).for_each(|(e, x)| *e = self.rates[0] * back * x);
        }
        for (row, w) in slope.decoder.iter_mut().zip(&wrong) {
            row.iter_mut().zip(&dh).for_each(|(d, h)| *d = self.rates[1] * w * h);
        }
        slope
    }

    fn moved(&self, slope: &Self, by: f64) -> Self {
        let mut moved = self.clone();
        let rows = moved.encoder.iter_mut().chain(&mut moved.decoder).zip(slope.encoder.iter().chain(&slope.decoder));
        for (row, slope) in rows {
            row.iter_mut().zip(slope).for_each(|(m, s)| *m += by * s);
        }
        moved
    }

    /// Flows for `count` steps of the classical Runge-Kutta method.
    fn flow(mut self, step: f64, count: usize) -> Self {
        for _ in 0..count {
            let a = self.slope();
            let b = self.moved(&a, 0.5 * step).slope();
            let c = self.moved(&b, 0.5 * step).slope();
            let d = self.moved(&c, step).slope();
            self = self.moved(&a, step / 6.0).moved(&b, step / 3.0).moved(&c, step / 3.0).moved(&d, step / 6.0);
        }
        self
    }

    /// The theory of it, in its own convention: rates half of those of the flow.
    fn theory(&self) -> TwoPoint {
        let rates = Rates { h: 0.5 * self.rates[0], y: 0.5 * self.rates[1] };
        TwoPoint::new(self.task(), rates, self.state()).unwrap()
    }
}

#[test]
fn rates_are_half_of_those_of_gradient_flow_on_the_mean() {
    let mut random = Random::new(5);
    for outputs in [1, 3] {
        for rates in [[1.0, 1.0], [0.3, 2.0]] {
            let maps = Maps::random(&mut random, [2, 4, outputs], 0.3, rates).aligned();
            let closed = ClosedForm::new(&maps.theory());
            let mut now = maps;
            for i in 1..=10 {
                now = now.flow(0.02, 50);
                let (found, says) = (now.state(), closed.at(f64::from(i)));
                for (found, says) in [(found.h, says.h), (found.y, says.y), (found.w, says.w)] {
                    assert!((found - says).abs() < 1e-8 * (1.0 + says.abs()), "{found} {says} at {i}");
                }
            }
        }
    }
}

#[test]
fn without_the_ansatz_random_decoders_end_where_the_linear_formula_says() {
    let mut random = Random::new(6);
    for scale in [0.05, 0.3, 0.8] {
        for _ in 0..4 {
            let maps = Maps::random(&mut random, [2, 5, 1], scale, [0.7, 1.3]);
            let theory = maps.theory();
            let decoder = norm2(&maps.decoder[0]);
            let says = theory.linear_final_distance(decoder).unwrap();
            let end = maps.flow(0.02, 15_000).state();
            assert!(end.w.abs() < 1e-9, "not done: {end:?}");
            assert_close(end.h, says, 1e-6);
            assert_eq!(says < theory.final_distance(), theory.start().y < theory.task().dy2);
            // A decoder along dh is what the ansatz takes it for.
            let parallel = theory.start().y / theory.start().h;
            assert_close(theory.linear_final_distance(parallel).unwrap(), theory.final_distance(), 1e-9);
        }
    }
}

#[test]
fn the_ansatz_overestimates_a_steep_random_decoder() {
    // The start of a wide two-layer network with unit gain; r = 2.707.
    let start = State::of_scalar(0.083, 0.0022f64.sqrt(), 0.5f64.sqrt());
    let theory = TwoPoint::new(Task { dx2: 1.0, dy2: 0.5 }, Rates { h: 2.707, y: 1.0 }, start).unwrap();
    assert_close(theory.linear_final_distance(2.41 / 2.707).unwrap(), 0.540, 1e-3);
    assert_close(theory.final_distance(), 1.169, 1e-3);
    assert!(theory.linear_final_distance(0.01).unwrap_err().to_string().contains("at least y / h"));
    assert!(theory.linear_final_distance(f64::NAN).is_err());
}
