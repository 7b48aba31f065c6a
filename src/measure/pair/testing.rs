//! Inputs for the tests.

use faer::Mat;
use proptest::prelude::*;

use crate::measure::catalogue::Measure;

/// The value of a measure by its name.
#[track_caller]
pub fn value(name: &str, x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    Measure::parse(name).and_then(|m| m.of(x.as_ref(), y.as_ref())).unwrap()
}

/// Asserts agreement to a relative tolerance; prints the deviation.
#[track_caller]
pub fn assert_close(what: &str, got: f64, want: f64, relative: f64) {
    let deviation = (got - want).abs() / want.abs().max(f64::MIN_POSITIVE);
    let deviation = if want == 0.0 { got.abs() } else { deviation };
    println!("{what}: {deviation:.1e}");
    assert!(deviation <= relative, "{what}: got {got:?}, want {want:?}, deviation {deviation:e}");
}

/// Two representations of the same `n` examples with the numbers of units given, values in [-1, 1].
pub fn pair(
    n: std::ops::Range<usize>,
    p: std::ops::Range<usize>,
    q: std::ops::Range<usize>,
) -> impl Strategy<Value = (Mat<f64>, Mat<f64>)> {
    (n, p, q).prop_flat_map(|(n, p, q)| (representation(n, p), representation(n, q)))
}

/// A representation of `n` examples and `p` units, values in [-1, 1].
pub fn representation(n: usize, p: usize) -> impl Strategy<Value = Mat<f64>> {
    prop::collection::vec(-1.0_f64..1.0, n * p).prop_map(move |v| Mat::from_fn(n, p, |i, j| v[i * p + j]))
}

/// Pairs of representations that no pairwise measure of units accepts, with what is wrong with them.
pub fn bad_pairs() -> Vec<(&'static str, Mat<f64>, Mat<f64>)> {
    let good = |n, p| Mat::from_fn(n, p, |i, j| ((i * 7 + j * 3) % 11) as f64 + 0.1 * i as f64);
    let with = |v: f64| Mat::from_fn(12, 3, |i, j| if (i, j) == (4, 1) { v } else { (i * i + j) as f64 });
    vec![
        ("different numbers of examples", good(12, 3), good(11, 3)),
        ("no examples", good(0, 3), good(0, 3)),
        ("one example", good(1, 3), good(1, 3)),
        ("no units in X", good(12, 0), good(12, 3)),
        ("no units in Y", good(12, 3), good(12, 0)),
        ("NaN in X", with(f64::NAN), good(12, 3)),
        ("NaN in Y", good(12, 3), with(f64::NAN)),
        ("infinity in X", with(f64::INFINITY), good(12, 3)),
        ("infinity in Y", good(12, 3), with(f64::NEG_INFINITY)),
    ]
}

/// Representations without a unit that varies.
pub fn constant_pairs() -> Vec<(&'static str, Mat<f64>, Mat<f64>)> {
    let good = Mat::from_fn(12, 3, |i, j| ((i * 7 + j * 3) % 11) as f64);
    vec![
        ("zero X", Mat::zeros(12, 3), good.clone()),
        ("zero Y", good.clone(), Mat::zeros(12, 3)),
        ("constant X", Mat::from_fn(12, 3, |_, j| 0.1 + j as f64), good),
    ]
}
