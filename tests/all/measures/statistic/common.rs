//! Reference values and small random data shared by the tests.
#![allow(missing_docs)]

use std::path::PathBuf;

use faer::{Mat, MatRef};
use isogram::Result;
use isogram::measure::catalogue::Statistic;

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures")).join(name)
}

pub fn array(name: &str) -> Mat<f64> {
    let file = npyz::NpyFile::new(std::fs::File::open(path(name)).unwrap()).unwrap();
    let shape: Vec<usize> = file.shape().iter().map(|d| *d as usize).collect();
    assert_eq!(file.order(), npyz::Order::C);
    let values: Vec<f64> = match file.dtype().descr().as_str() {
        "'<f4'" => file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        "'<f8'" => file.into_vec::<f64>().unwrap(),
        "'<i8'" => file.into_vec::<i64>().unwrap().into_iter().map(|v| v as f64).collect(),
        other => panic!("{name}: {other}"),
    };
    let columns = shape.get(1).copied().unwrap_or(1);
    Mat::from_fn(shape[0], columns, |i, j| values[i * columns + j])
}

pub fn labels() -> Vec<usize> {
    array("digits_labels.npy").col(0).iter().map(|v| *v as usize).collect()
}

/// A statistic by its name and options.
pub fn of(name: &str, x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
    Statistic::parse(name)?.of(x, labels)
}

/// A reproducible matrix of values that look normal.
pub fn random(n: usize, p: usize, seed: u64) -> Mat<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    Mat::from_fn(n, p, |_, _| (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
}

pub fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
}
