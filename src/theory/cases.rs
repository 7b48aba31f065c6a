//! What the tests of this module share: reference cases, random ones, and how numbers are compared.

use super::{Rates, State, Task, TwoPoint};

/// Random numbers that are the same each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) + 1)
    }

    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (high - low) * ((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }

    /// Uniform in the logarithm.
    pub fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low.ln(), high.ln()).exp()
    }

    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform(0.0, 1.0).max(1e-300).ln()).sqrt() * (self.uniform(0.0, std::f64::consts::TAU)).cos()
    }

    /// A pair with one output. Starts on the wrong side are steep in the encoder, so that the representations never meet.
    pub fn scalar_case(&mut self) -> TwoPoint {
        let task = Task { dx2: self.scale(0.1, 10.0), dy2: self.scale(0.05, 5.0) };
        let rates = Rates { h: self.scale(1e-3, 0.1), y: self.scale(1e-3, 0.1) };
        let h = self.scale(1e-3, 2.0);
        let steepest = (rates.y / (rates.h * task.dx2)).sqrt() * h;
        let dy = if self.uniform(0.0, 1.0) < 0.3 { -0.9 * steepest } else { self.scale(1e-3, 3.0) * steepest };
        TwoPoint::new(task, rates, State::of_scalar(h, dy, task.dy2.sqrt())).unwrap()
    }

    /// A pair with several outputs, so that `y` and `w` are free of one another.
    pub fn vector_case(&mut self) -> TwoPoint {
        let scalar = self.scalar_case();
        let State { h, y, .. } = scalar.start();
        let along = self.uniform(-0.2, 0.9) * (y * scalar.task().dy2).sqrt();
        TwoPoint::new(scalar.task(), scalar.rates(), State { h, y, w: y - along }).unwrap()
    }
}

/// The small start of the reference values: rates of the paper's default network, with `dy(0)` as given.
pub fn small(dy: f64) -> TwoPoint {
    let task = Task { dx2: 1.0, dy2: 0.5 };
    let rates = Rates { h: 1.3e-3, y: 0.068 };
    TwoPoint::new(task, rates, State::of_scalar(1e-3, dy, 0.5f64.sqrt())).unwrap()
}

/// The large start.
pub fn lazy() -> TwoPoint {
    let task = Task { dx2: 1.0, dy2: 0.5 };
    TwoPoint::new(task, Rates { h: 0.01, y: 0.01 }, State::of_scalar(2.0, 0.5, 0.5f64.sqrt())).unwrap()
}

/// Times from 0 to `end`, both among them.
pub fn times(end: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| end * i as f64 / (count - 1) as f64).collect()
}

/// The time in which a pair has learned about all it will: the slowest decay is of the part of the decoder across the
/// target, at the rate `rate_y h`, or half that in the lazy regime.
pub fn duration(theory: &TwoPoint) -> f64 {
    (40.0 + 2.0 * (theory.final_distance() / theory.start().h).ln().abs())
        / (theory.rates().y * theory.final_distance())
}

/// The largest error of a state, relative to the value, or for small values to `floor` times the outputs' size.
pub fn error(found: State, expected: State, outputs: f64, floor: f64) -> f64 {
    let part = |a: f64, b: f64, size: f64| (a - b).abs() / b.abs().max(floor * size);
    part(found.h, expected.h, expected.h)
        .max(part(found.y, expected.y, outputs))
        .max(part(found.w, expected.w, outputs))
}

pub fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "found {found:e}, expected {expected:e}");
}
