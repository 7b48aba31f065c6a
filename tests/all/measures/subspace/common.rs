//! Reading the reference values, and small helpers for the tests.
#![allow(dead_code)]

use faer::{Mat, MatRef};
use serde_json::Value;
use std::path::PathBuf;

/// The cases with reference values.
pub const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

pub struct Case {
    pub name: &'static str,
    pub x: Mat<f64>,
    pub y: Mat<f64>,
    pub json: Value,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures"))
}

pub fn load(name: &'static str) -> Case {
    let text = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let file = |side: &str| array(json["meta"][side].as_str().unwrap());
    Case { name, x: file("X"), y: file("Y"), json }
}

pub fn array(file: &str) -> Mat<f64> {
    let bytes = std::fs::read(folder().join(file)).unwrap();
    let npy = npyz::NpyFile::new(&bytes[..]).unwrap();
    let shape: Vec<usize> = npy.shape().iter().map(|&d| d as usize).collect();
    assert_eq!(npy.order(), npyz::Order::C);
    let f32s = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<f32>();
    let i64s = npyz::NpyFile::new(&bytes[..]).unwrap().into_vec::<i64>();
    let data: Vec<f64> = match (npy.into_vec::<f64>(), f32s, i64s) {
        (Ok(data), ..) => data,
        (_, Ok(data), _) => data.into_iter().map(f64::from).collect(),
        (.., data) => data.unwrap().into_iter().map(|v| v as f64).collect(),
    };
    let columns = shape.get(1).copied().unwrap_or(1);
    Mat::from_fn(shape[0], columns, |i, j| data[i * columns + j])
}

impl Case {
    /// The reference value of a pairwise measure.
    pub fn value(&self, key: &str) -> Value {
        self.json["pairwise"][key]["value"].clone()
    }

    /// One value, `None` where the reference has none.
    pub fn number(&self, key: &str) -> Option<f64> {
        assert!(!self.json["pairwise"][key].is_null(), "{} has no {key}", self.name);
        self.value(key).as_f64()
    }

    pub fn list(&self, key: &str) -> Vec<f64> {
        self.value(key).as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }
}

/// An orthonormal basis of the column space.
pub fn orthonormal(a: MatRef<'_, f64>) -> Mat<f64> {
    let svd = a.thin_svd().unwrap();
    let s = svd.S().column_vector();
    let rank = (0..s.nrows()).filter(|&i| s[i] > 1e-12 * s[0]).count();
    svd.U().subcols(0, rank).to_owned()
}
