//! Tests of sparse prediction.

use super::*;
use crate::measure::neurons::sampling::SplitMix;
use crate::measure::neurons::testing::{CASES, assert_close, bad_pairs, case, constant_pairs, pair};
use proptest::prelude::*;

fn one(alpha: f64) -> LassoOptions {
    LassoOptions { alphas: vec![alpha], gap: 1e-12, ..Default::default() }
}

/// The largest violation of the conditions that only the optimum satisfies, with tolerance for the gap.
fn violation(x: &Mat<f64>, y: &Mat<f64>, path: &SparsePath, point: &SparsePrediction) -> f64 {
    let (ux, uy) = both_units(x.as_ref(), y.as_ref()).unwrap();
    let residual = &uy.columns - &ux.columns * &point.weights;
    let pull = ux.columns.transpose() * &residual;
    let mut worst = 0.0_f64;
    for j in 0..path.kept_y.len() {
        for i in 0..path.kept_x.len() {
            let w = point.weights[(i, j)];
            let off = if w == 0.0 {
                pull[(i, j)].abs() - point.alpha
            } else {
                (pull[(i, j)] - point.alpha * w.signum()).abs()
            };
            worst = worst.max(off);
        }
    }
    worst
}

#[test]
fn satisfies_the_optimality_conditions_on_the_reference() {
    for name in CASES {
        let c = case(name);
        let began = std::time::Instant::now();
        let path = sparse_prediction(c.x.as_ref(), c.y.as_ref(), &LassoOptions::default()).unwrap();
        for point in &path.path {
            println!(
                "{name} α {:.4}: R² {:.4}, {:.1} units, gap {:e}",
                point.alpha, point.mean_r_squared, point.mean_units_used, point.largest_gap
            );
            assert!(point.largest_gap <= 1e-9);
            // A gap g bounds the error of the residual by √(2g).
            assert!(violation(&c.x, &c.y, &path, point) < 5e-5);
        }
        println!("{:?}", began.elapsed());
        assert!(path.path.windows(2).all(|w| w[0].mean_error >= w[1].mean_error - 1e-8));
    }
}

#[test]
fn closed_cases() {
    let wave = |i: usize, m: u32| if (i >> m) & 1 == 0 { 1.0 } else { -1.0 };
    // Uncorrelated predictors: weights are correlations, shrunk by the penalty.
    let x = Mat::from_fn(8, 4, |i, j| if j == 3 { 5.0 } else { wave(i, j as u32) + 2.0 });
    let y = Mat::from_fn(8, 2, |i, j| if j == 0 { 3.0 * wave(i, 0) + 4.0 * wave(i, 1) } else { -wave(i, 2) });
    let path = sparse_prediction(x.as_ref(), y.as_ref(), &LassoOptions { alphas: vec![0.1, 0.7], ..one(1.0) }).unwrap();
    assert_eq!((path.dropped_x, path.kept_x.as_slice()), (1, [0, 1, 2].as_slice()));
    let (strong, weak) = (&path.path[0], &path.path[1]);
    assert_eq!((strong.alpha, weak.alpha), (0.7, 0.1));
    assert_eq!((strong.units_used.as_slice(), weak.units_used.as_slice()), ([1, 1].as_slice(), [2, 1].as_slice()));
    assert_close("weak 0", weak.weights[(0, 0)], 0.5, 1e-9);
    assert_close("weak 1", weak.weights[(1, 0)], 0.7, 1e-9);
    assert_close("weak 2", weak.weights[(2, 1)], -0.9, 1e-9);
    assert_close("error weak", weak.error[0], 0.02, 1e-9);
    assert_close("error strong", strong.error[0], 0.36 + 0.49, 1e-9);
    assert_close("mean units", weak.mean_units_used, 1.5, 1e-15);
    // A penalty of at least every correlation leaves nothing.
    let none = sparse_prediction(x.as_ref(), y.as_ref(), &one(1.001)).unwrap();
    assert_eq!((none.path[0].mean_error, none.path[0].mean_units_used), (1.0, 0.0));
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
    let began = std::time::Instant::now();
    let options = LassoOptions { alphas: vec![1e-1, 1e-2, 1e-3, 1e-4], ..Default::default() };
    let path = sparse_prediction(x.as_ref(), y.as_ref(), &options).unwrap();
    for point in &path.path {
        println!(
            "α {}: R² {}, {} units, {:e}",
            point.alpha, point.mean_r_squared, point.mean_units_used, point.largest_gap
        );
        assert!(violation(&x, &y, &path, point) < 5e-5);
    }
    println!("{:?}", began.elapsed());
}

proptest! {
    #[test]
    fn optimal_and_invariant((x, y) in pair(4..15, 1..8, 1..4), alpha in 0.01_f64..0.9, scale in 0.1_f64..9.0) {
        let path = sparse_prediction(x.as_ref(), y.as_ref(), &one(alpha)).unwrap();
        let point = &path.path[0];
        prop_assert!(violation(&x, &y, &path, point) < 5e-6);
        prop_assert!(point.error.iter().all(|e| (0.0..=1.0 + 1e-12).contains(e)));
        let moved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| (j as f64 - 1.5) * scale * x[(i, j)] - 3.0);
        let other = sparse_prediction(moved.as_ref(), y.as_ref(), &one(alpha)).unwrap();
        prop_assert!((point.mean_error - other.path[0].mean_error).abs() < 1e-5);
        // Testing on the examples that were fitted gives the same errors.
        let again = sparse_prediction_held_out((x.as_ref(), y.as_ref()), (x.as_ref(), y.as_ref()), &one(alpha)).unwrap();
        prop_assert!((point.mean_error - again.path[0].mean_error).abs() < 1e-9);
    }
}

#[test]
fn held_out_errors() {
    let mut g = SplitMix::new(8, 0);
    let x = Mat::from_fn(300, 10, |_, _| g.uniform());
    let y = Mat::from_fn(300, 2, |i, j| if j == 0 { 5.0 + x[(i, 2)] - 2.0 * x[(i, 7)] } else { g.uniform() });
    let rows = |m: &Mat<f64>, from: usize, count: usize| m.subrows(from, count).to_owned();
    let (tx, ty, hx, hy) = (rows(&x, 0, 200), rows(&y, 0, 200), rows(&x, 200, 100), rows(&y, 200, 100));
    let path = sparse_prediction_held_out((tx.as_ref(), ty.as_ref()), (hx.as_ref(), hy.as_ref()), &one(0.001)).unwrap();
    let e = &path.path[0].error;
    assert!(e[0] < 1e-4 && e[1] > 0.95, "{e:?}");
}

#[test]
fn bad_input_is_refused() {
    let o = LassoOptions::default();
    for (what, x, y) in bad_pairs().into_iter().chain(constant_pairs()) {
        assert!(sparse_prediction(x.as_ref(), y.as_ref(), &o).is_err(), "{what}");
        assert!(sparse_prediction_held_out((x.as_ref(), y.as_ref()), (x.as_ref(), y.as_ref()), &o).is_err(), "{what}");
    }
    let mut g = SplitMix::new(1, 0);
    let x = Mat::from_fn(12, 4, |_, _| g.uniform());
    let (x, few) = (x.as_ref(), x.subcols(0, 3));
    for (what, tx, ty) in bad_pairs() {
        let good = Mat::from_fn(12, 3, |i, j| ((i * 5 + j * 3) % 7) as f64);
        assert!(
            sparse_prediction_held_out((good.as_ref(), good.as_ref()), (tx.as_ref(), ty.as_ref()), &o).is_err(),
            "{what}"
        );
    }
    assert!(sparse_prediction_held_out((x, x), (few, x), &o).is_err());
    assert!(sparse_prediction_held_out((x, x), (x, few), &o).is_err());
    for alphas in [vec![], vec![0.0], vec![-1.0], vec![f64::NAN], vec![0.1, f64::INFINITY]] {
        assert!(sparse_prediction(x, x, &LassoOptions { alphas, ..o.clone() }).is_err());
    }
    for gap in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(sparse_prediction(x, x, &LassoOptions { gap, ..o.clone() }).is_err());
    }
    assert!(sparse_prediction(x, x, &LassoOptions { max_passes: 0, ..o.clone() }).is_err());
    // A gap below rounding cannot be reached; that is said instead of returning something else.
    assert!(sparse_prediction(x, x, &LassoOptions { gap: 1e-30, max_passes: 20, ..o.clone() }).is_err());
}
