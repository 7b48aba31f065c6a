//! Reference values and inputs for the tests.

use std::io::BufReader;

use faer::Mat;
use proptest::prelude::*;
use serde_json::Value;

/// Every case of the reference.
pub const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

/// Two representations and the values that public packages give for them.
pub struct Case {
    pub x: Mat<f64>,
    pub y: Mat<f64>,
    json: Value,
}

impl Case {
    /// The value under `pairwise`, if the case has it.
    pub fn pairwise(&self, key: &str) -> Option<f64> {
        self.json["pairwise"][key]["value"].as_f64()
    }

    /// The list of values under `pairwise`, if the case has it.
    pub fn pairwise_list(&self, key: &str) -> Option<Vec<f64>> {
        self.json["pairwise"][key]["value"].as_array().map(|a| a.iter().filter_map(Value::as_f64).collect())
    }
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures")).to_path_buf()
}

fn npy(file: &str) -> Mat<f64> {
    let file = npyz::NpyFile::new(BufReader::new(std::fs::File::open(folder().join(file)).unwrap())).unwrap();
    let shape: Vec<usize> = file.shape().iter().map(|&d| d as usize).collect();
    let c_order = file.order() == npyz::Order::C;
    let dtype = file.dtype().descr();
    let data: Vec<f64> = if dtype.contains("f4") {
        file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect()
    } else {
        file.into_vec::<f64>().unwrap()
    };
    Mat::from_fn(shape[0], shape[1], |i, j| data[if c_order { i * shape[1] + j } else { j * shape[0] + i }])
}

/// A case of the reference by name.
pub fn case(name: &'static str) -> Case {
    let json: Value = serde_json::from_slice(&std::fs::read(folder().join(format!("{name}.json"))).unwrap()).unwrap();
    let part = |key: &str| npy(json["meta"][key].as_str().unwrap());
    Case { x: part("X"), y: part("Y"), json }
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
