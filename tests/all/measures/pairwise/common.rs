//! Reading of the reference values.
#![allow(dead_code)]

use faer::Mat;
use serde_json::Value;
use std::fs::File;
use std::io::BufReader;

pub const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures");

pub struct Case {
    pub name: &'static str,
    pub x: Mat<f64>,
    pub y: Mat<f64>,
    pub json: Value,
}

impl Case {
    pub fn pairwise(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.json["pairwise"].as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v))
    }
}

pub fn matrix(file: &str) -> Mat<f64> {
    let npy = npyz::NpyFile::new(BufReader::new(File::open(format!("{FOLDER}/{file}")).unwrap())).unwrap();
    let (rows, columns) = (npy.shape()[0] as usize, npy.shape()[1] as usize);
    let by_column = npy.order() == npyz::Order::Fortran;
    let values: Vec<f64> = match npy.dtype().descr().as_str() {
        d if d.contains("f4") => npy.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        _ => npy.into_vec().unwrap(),
    };
    Mat::from_fn(rows, columns, |i, j| values[if by_column { i + j * rows } else { i * columns + j }])
}

pub fn labels(file: &str) -> Vec<usize> {
    let npy = npyz::NpyFile::new(BufReader::new(File::open(format!("{FOLDER}/{file}")).unwrap())).unwrap();
    npy.into_vec::<i64>().unwrap().into_iter().map(|l| l as usize).collect()
}

pub fn json(file: &str) -> Value {
    serde_json::from_reader(BufReader::new(File::open(format!("{FOLDER}/{file}")).unwrap())).unwrap()
}

pub fn case(name: &'static str) -> Case {
    let json = json(&format!("{name}.json"));
    let (x, y) = (json["meta"]["X"].as_str().unwrap().to_owned(), json["meta"]["Y"].as_str().unwrap().to_owned());
    Case { name, x: matrix(&x), y: matrix(&y), json }
}

/// |ours − theirs| relative to theirs, absolute below a size of 1e-3.
pub fn deviation(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / theirs.abs().max(1e-3)
}

/// Fixed pseudo-random numbers, uniform in [-1, 1).
pub fn noise(seed: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Mat::from_fn(rows, columns, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}
