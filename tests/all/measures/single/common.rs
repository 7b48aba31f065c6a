//! Reference values and small random data shared by the tests.
#![allow(dead_code, missing_docs)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use faer::Mat;
use serde_json::Value;

pub const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

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

pub struct Case {
    pub name: &'static str,
    json: Value,
}

impl Case {
    pub fn load(name: &'static str) -> Self {
        Self {
            name,
            json: serde_json::from_reader(std::fs::File::open(path(&format!("{name}.json"))).unwrap()).unwrap(),
        }
    }

    pub fn matrix(&self, side: &str) -> Mat<f64> {
        array(self.json["meta"][side].as_str().unwrap())
    }

    pub fn keys(&self, section: &str) -> Vec<String> {
        self.json[section].as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
    }

    pub fn values(&self, section: &str, key: &str) -> Vec<f64> {
        match &self.json[section][key]["value"] {
            Value::Array(a) => a.iter().map(|v| v.as_f64().unwrap()).collect(),
            v => vec![v.as_f64().unwrap_or_else(|| panic!("{} {section} {key}: {v}", self.name))],
        }
    }
}

/// Worst relative deviation of each key.
#[derive(Default)]
pub struct Worst(BTreeMap<String, f64>);

impl Worst {
    pub fn agree(&mut self, key: &str, place: &str, got: f64, want: f64, tolerance: f64) {
        let deviation = (got - want).abs() / want.abs().max(1e-12);
        let worst = self.0.entry(key.to_owned()).or_insert(0.0);
        *worst = worst.max(deviation);
        assert!(deviation <= tolerance, "{place} {key}: {got:?} instead of {want:?} ({deviation:e})");
    }

    pub fn print(&self) {
        self.0.iter().for_each(|(key, worst)| println!("{key:45} {worst:.1e}"));
    }
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
