//! No public function panics, and input that does not define a measure is an error in words.

use faer::{Mat, MatRef};
use isogram::measure::subspace::canonical::{CcaOptions, cca, cca_with, eigenspace_overlap, principal_angles};
use isogram::measure::subspace::functional::{disagreement, error_consistency, output_jsd_bits, predicted_classes};
use isogram::measure::subspace::gulp::gulp;
use isogram::measure::subspace::permutation::{permutation_procrustes, permutation_procrustes_held_out};
use isogram::measure::subspace::pwcca::pwcca;
use isogram::measure::subspace::regression::linear_regression;
use isogram::measure::subspace::ridge::{Penalty, ridge_cross_validated, ridge_kfold, ridge_loo};
use isogram::measure::subspace::shape::procrustes;
use isogram::measure::subspace::shape_metric::{alternate_halves, shape_metric, shape_metric_held_out};
use isogram::measure::subspace::svcca::{Keep, svcca};
use isogram::{Error, Result};

type Measure = fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64>;

/// Every function of two representations, reduced to a number.
const MEASURES: [(&str, Measure); 19] = [
    ("procrustes", |x, y| procrustes(x, y).map(|p| p.euclidean + p.angular)),
    ("shape_metric", |x, y| shape_metric(x, y, 0.5).map(|p| p.euclidean + p.angular)),
    ("shape_metric 0", |x, y| shape_metric(x, y, 0.0).map(|p| p.euclidean + p.euclidean_netrep)),
    ("shape_metric_held_out", |x, y| {
        let (fit, test) = alternate_halves(x.nrows());
        shape_metric_held_out(x, y, 0.5, &fit, &test).map(|p| p.angular)
    }),
    ("permutation", |x, y| permutation_procrustes(x, y).map(|p| p.angular)),
    ("permutation_held_out", |x, y| {
        let (fit, test) = alternate_halves(x.nrows());
        permutation_procrustes_held_out(x, y, &fit, &test).map(|p| p.angular)
    }),
    ("cca", |x, y| cca(x, y).map(|r| r.mean())),
    ("cca uncentred", |x, y| {
        cca_with(x, y, CcaOptions { centre: false, rank_tolerance: Some(1e-6) }).map(|r| r.mean())
    }),
    ("principal_angles", |x, y| principal_angles(x, y).map(|r| r.iter().sum())),
    ("eigenspace_overlap", |x, y| eigenspace_overlap(x, y).map(|r| r.overlap)),
    ("svcca", |x, y| svcca(x, y, Keep::Variance(0.99)).map(|r| r.canonical.mean())),
    ("svcca 1", |x, y| svcca(x, y, Keep::Dimensions(1)).map(|r| r.canonical.mean())),
    ("pwcca", |x, y| pwcca(x, y).map(|r| r.mean)),
    ("linear_regression", |x, y| linear_regression(x, y).map(|r| r.r2_uniform)),
    ("ridge_kfold", |x, y| ridge_kfold(x, y, Penalty::Fixed(1.0), 3).map(|r| r.r2_pooled)),
    ("ridge_kfold 0", |x, y| ridge_kfold(x, y, Penalty::Fixed(0.0), 3).map(|r| r.r2_pooled)),
    ("ridge_loo", |x, y| ridge_loo(x, y, &[0.1, 1.0]).map(|r| r.best)),
    ("gulp", |x, y| gulp(x, y, 0.1).map(|r| r.distance)),
    ("output_jsd_bits", output_jsd_bits),
];

fn good(n: usize, p: usize) -> Mat<f64> {
    Mat::from_fn(n, p, |i, j| ((i * 7 + j * 3) as f64 * 0.71).sin() + (i * j) as f64 * 0.01)
}

fn with(value: f64) -> Mat<f64> {
    let mut m = good(8, 3);
    m[(5, 1)] = value;
    m
}

#[test]
fn input_without_a_measure_is_an_error() {
    let bad = [
        ("other rows", good(7, 3)),
        ("no rows", Mat::zeros(0, 3)),
        ("one row", good(1, 3)),
        ("no columns", Mat::zeros(8, 0)),
        ("NaN", with(f64::NAN)),
        ("infinite", with(f64::INFINITY)),
        ("minus infinite", with(f64::NEG_INFINITY)),
    ];
    let x = good(8, 3);
    for (measure, call) in MEASURES {
        for (what, y) in &bad {
            for (a, b) in [(&x, y), (y, &x)] {
                let Err(Error::Measure(sentence)) = call(a.as_ref(), b.as_ref()) else {
                    panic!("{measure} accepted {what}");
                };
                assert!(sentence.len() > 30 && sentence.contains(';'), "{measure} {what}: {sentence}");
            }
        }
        for (what, both) in [("no rows", Mat::zeros(0, 3)), ("one row", good(1, 3)), ("no columns", Mat::zeros(8, 0))] {
            assert!(call(both.as_ref(), both.as_ref()).is_err(), "{measure} accepted {what} on both sides");
        }
    }
}

#[test]
fn extreme_input_gives_an_error_or_a_finite_number() {
    let constant = Mat::from_fn(8, 3, |_, j| 0.1 + j as f64);
    let mut silent = good(8, 3);
    (0..8).for_each(|i| silent[(i, 1)] = 0.3);
    let cases = [
        ("good", good(8, 3)),
        ("constant", constant),
        ("zero", Mat::zeros(8, 3)),
        ("silent unit", silent),
        ("rank 1", Mat::from_fn(8, 3, |i, j| (i * (j + 1)) as f64)),
        ("wide", good(8, 40)),
        ("one example differs", Mat::from_fn(8, 3, |i, _| f64::from(u8::from(i == 2)))),
        ("huge", Mat::from_fn(8, 3, |i, j| 1e200 * good(8, 3)[(i, j)])),
        ("largest", Mat::from_fn(8, 3, |i, j| if (i + j) % 2 == 0 { f64::MAX } else { -f64::MAX })),
        ("tiny", Mat::from_fn(8, 3, |i, j| 1e-200 * good(8, 3)[(i, j)])),
        ("subnormal", Mat::from_fn(8, 3, |i, j| 1e-310 * good(8, 3)[(i, j)])),
        ("two rows", good(2, 3)),
        ("three rows", good(3, 3)),
    ];
    for (measure, call) in MEASURES {
        for (what, x) in &cases {
            for (other, y) in &cases {
                if let Ok(value) = call(x.as_ref(), y.as_ref()) {
                    assert!(value.is_finite(), "{measure} of {what} and {other} is {value}");
                }
            }
        }
    }
    // Constant representations have no shape, no space, and nothing to predict.
    for (measure, call) in MEASURES {
        let free = measure == "output_jsd_bits" || measure.contains("uncentred") || measure == "eigenspace_overlap";
        if !free {
            for constant in [&cases[1].1, &cases[2].1] {
                assert!(call(cases[0].1.as_ref(), constant.as_ref()).is_err(), "{measure} accepted a constant");
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bits() {
    let (x, y) = (good(8, 3), good(8, 40));
    for (measure, call) in MEASURES.iter().filter(|(name, _)| *name != "output_jsd_bits") {
        let run = || call(x.as_ref(), y.as_ref()).unwrap().to_bits();
        let here = run();
        let there = std::thread::scope(|scope| scope.spawn(run).join().unwrap());
        assert_eq!(here, there, "{measure}");
    }
}

#[test]
fn options_out_of_range_are_errors() {
    let (x, y) = (good(8, 3), good(8, 2));
    let (x, y) = (x.as_ref(), y.as_ref());
    for alpha in [-0.1, 1.1, f64::NAN] {
        assert!(shape_metric(x, y, alpha).is_err());
        assert!(shape_metric_held_out(x, y, alpha, &[0, 1, 2], &[3]).is_err());
    }
    let splits: [(&[usize], &[usize]); 6] = [
        (&[0], &[1]),
        (&[0, 1, 2], &[]),
        (&[0, 1, 8], &[2]),
        (&[0, 1], &[usize::MAX]),
        (&[0, 1, 1], &[2]),
        (&[0, 1, 2], &[2]),
    ];
    for (fit, test) in splits {
        assert!(shape_metric_held_out(x, y, 1.0, fit, test).is_err());
        assert!(permutation_procrustes_held_out(x, y, fit, test).is_err());
    }
    for tolerance in [-1.0, 1.0, f64::NAN] {
        assert!(cca_with(x, y, CcaOptions { rank_tolerance: Some(tolerance), ..Default::default() }).is_err());
    }
    for fraction in [0.0, 1.0, -3.0, f64::NAN] {
        assert!(svcca(x, y, Keep::Variance(fraction)).is_err());
    }
    for k in [0, 3, 8, usize::MAX] {
        assert!(svcca(x, y, Keep::Dimensions(k)).is_err());
    }
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(gulp(x, y, alpha).is_err());
        assert!(ridge_kfold(x, y, Penalty::Fixed(alpha), 2).is_err());
        assert!(ridge_loo(x, y, &[1.0, alpha]).is_err());
        assert!(ridge_kfold(x, y, Penalty::LeaveOneOut(&[alpha]), 2).is_err());
    }
    assert!(ridge_loo(x, y, &[]).is_err() && ridge_loo(x, y, &[0.0]).is_err());
    for folds in [0, 1, 9, usize::MAX] {
        assert!(ridge_kfold(x, y, Penalty::Fixed(1.0), folds).is_err());
    }
    let folds: [&[usize]; 6] = [
        &[],
        &[0; 8],
        &[0, 1, 0],
        &[0, 0, 0, 0, 2, 2, 2, 2],
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 1, 0, 1, 0, 1, 0, usize::MAX],
    ];
    for fold_of in folds {
        assert!(ridge_cross_validated(x, y, Penalty::Fixed(1.0), fold_of).is_err());
    }
    assert!(output_jsd_bits(x, y).is_err());
}

#[test]
fn labels_are_checked() {
    assert!(disagreement(&[], &[]).is_err() && disagreement(&[1], &[1, 2]).is_err());
    assert!(error_consistency(&[1, 2], &[1, 2], &[1]).is_err());
    assert!(error_consistency(&[1, 2], &[1], &[1, 2]).is_err());
    assert!(error_consistency(&[], &[], &[]).is_err());
    assert!(error_consistency(&[1, 2], &[1, 2], &[1, 2]).is_err());
    assert!(error_consistency(&[2, 1], &[3, 0], &[1, 2]).is_err());
    assert!(predicted_classes(Mat::zeros(4, 0).as_ref()).is_err());
    assert!(predicted_classes(with(f64::NAN).as_ref()).is_err());
    assert_eq!(predicted_classes(Mat::zeros(0, 2).as_ref()).unwrap(), [0usize; 0]);
}
