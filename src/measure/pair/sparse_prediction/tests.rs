//! Tests of sparse prediction.

use super::*;
use crate::measure::numerics::random::SplitMix;
use crate::measure::pair::testing::{assert_close, pair, value};
use proptest::prelude::*;

fn predicted(x: &Mat<f64>, y: &Mat<f64>, alpha: f64) -> (Predictors, Units, Prediction) {
    let predictors = Predictors::of(Units::new(x.as_ref(), "x").unwrap());
    let targets = Units::new(y.as_ref(), "y").unwrap();
    let found = predictors.predict(&targets, alpha).unwrap();
    (predictors, targets, found)
}

/// The largest violation of the conditions that only the optimum satisfies; a gap g bounds the error of the residual by √(2g).
fn violation(x: &Mat<f64>, y: &Mat<f64>, alpha: f64) -> f64 {
    let (predictors, targets, found) = predicted(x, y, alpha);
    let residual = &targets.columns - &predictors.units.columns * &found.weights;
    let pull = predictors.units.columns.transpose() * &residual;
    let mut worst = 0.0_f64;
    for j in 0..pull.ncols() {
        for i in 0..pull.nrows() {
            let (w, pull) = (found.weights[(i, j)], pull[(i, j)]);
            worst = worst.max(if w == 0.0 { pull.abs() - alpha } else { (pull - alpha * w.signum()).abs() });
        }
    }
    worst
}

#[test]
fn closed_cases() {
    let wave = |i: usize, m: u32| if (i >> m) & 1 == 0 { 1.0 } else { -1.0 };
    // Uncorrelated predictors: weights are correlations, shrunk by the penalty.
    let x = Mat::from_fn(8, 4, |i, j| if j == 3 { 5.0 } else { wave(i, j as u32) + 2.0 });
    let y = Mat::from_fn(8, 2, |i, j| if j == 0 { 3.0 * wave(i, 0) + 4.0 * wave(i, 1) } else { -wave(i, 2) });
    let weights = predicted(&x, &y, 0.1).2.weights;
    assert_eq!(weights.nrows(), 3);
    assert_close("weight 0", weights[(0, 0)], 0.5, 1e-9);
    assert_close("weight 1", weights[(1, 0)], 0.7, 1e-9);
    assert_close("weight 2", weights[(2, 1)], -0.9, 1e-9);
    // Errors 0.02 and 0.01, and with the larger penalty 0.36 + 0.49 and 0.49.
    assert_close("weak", value("sparse_prediction:alpha=0.1", &x, &y), 1.0 - 0.015, 1e-9);
    assert_close("strong", value("sparse_prediction:alpha=0.7", &x, &y), 1.0 - 0.67, 1e-9);
    assert_close("weak units", value("sparse_prediction:alpha=0.1:units", &x, &y), 1.5, 1e-15);
    assert_close("strong units", value("sparse_prediction:alpha=0.7:units", &x, &y), 1.0, 1e-15);
    // A penalty of at least every correlation leaves nothing.
    assert_eq!(value("sparse_prediction:alpha=1:units", &x, &y), 0.0);
}

#[test]
fn collinear_and_wide_problems_converge() {
    let mut g = SplitMix::new(3, 0);
    let base = Mat::from_fn(60, 1, |_, _| g.uniform());
    // Two hundred almost equal predictors of thirty different directions, more than examples, some exact copies.
    let x = Mat::from_fn(60, 200, |i, j| {
        base[(i, 0)] + if j % 7 == 0 { 0.0 } else { 1e-3 * g.uniform() } + 1e-2 * ((i * (j % 30)) as f64).sin()
    });
    let y = Mat::from_fn(60, 3, |i, j| base[(i, 0)] + 0.3 * g.uniform() * (j + 1) as f64);
    for alpha in [1e-1, 1e-2, 1e-3, 1e-4] {
        assert!(violation(&x, &y, alpha) < 5e-5);
    }
}

proptest! {
    #[test]
    fn optimal_and_invariant((x, y) in pair(4..15, 1..8, 1..4), alpha in 0.01_f64..0.9, scale in 0.1_f64..9.0) {
        prop_assert!(violation(&x, &y, alpha) < 5e-5);
        let moved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| (j as f64 - 1.5) * scale * x[(i, j)] - 3.0);
        let of = |x: &Mat<f64>| predicted(x, &y, alpha).2.r_squared;
        prop_assert!((-1e-12..=1.0).contains(&of(&x)) && (of(&x) - of(&moved)).abs() < 1e-5);
    }
}
