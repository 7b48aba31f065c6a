//! The fixture: activations, labels and what scikit-learn makes of them.

use faer::Mat;
use isogram::measure::features::Sets;
use isogram::measure::features::head::Head;
use safetensors::SafeTensors;
use serde_json::Value;

pub struct Fixture {
    bytes: Vec<u8>,
    pub expected: Value,
}

impl Fixture {
    pub fn load() -> Self {
        let path = |kind: &str| format!("{}/tests/fixtures/features.{kind}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path("json")).unwrap();
        Self { bytes: std::fs::read(path("safetensors")).unwrap(), expected: serde_json::from_str(&text).unwrap() }
    }

    /// Extents and values, row-major.
    pub fn raw(&self, name: &str) -> ([usize; 2], Vec<f32>) {
        let tensors = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = tensors.tensor(name).unwrap();
        let values = view.data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        match *view.shape() {
            [n] => ([n, 1], values),
            [a, b] => ([a, b], values),
            ref other => panic!("{name} has the shape {other:?}"),
        }
    }

    pub fn matrix(&self, name: &str) -> Mat<f64> {
        let ([n, u], values) = self.raw(name);
        Mat::from_fn(n, u, |i, j| f64::from(values[i * u + j]))
    }

    pub fn both(&self, name: &str) -> [Mat<f64>; 2] {
        ["fit", "test"].map(|part| self.matrix(&format!("{part}/{name}")))
    }

    /// A column of labels on both sets.
    pub fn labels(&self, name: &str, column: usize) -> [Vec<usize>; 2] {
        self.both(name).map(|m| m.col(column).iter().map(|v| *v as usize).collect())
    }

    pub fn head(&self) -> Head {
        let (_, bias) = self.raw("head/bias");
        let bias: Vec<f64> = bias.into_iter().map(f64::from).collect();
        Head::binary(self.matrix("head/weight").as_ref(), &bias).unwrap()
    }
}

pub fn sets(both: &[Mat<f64>; 2]) -> Sets<faer::MatRef<'_, f64>> {
    Sets { fit: both[0].as_ref(), test: both[1].as_ref() }
}

pub fn labels(both: &[Vec<usize>; 2]) -> Sets<&[usize]> {
    Sets { fit: &both[0], test: &both[1] }
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The largest difference, which is at most `most`.
#[track_caller]
pub fn near(what: &str, got: &[f64], expected: &[f64], most: f64) -> f64 {
    assert_eq!(got.len(), expected.len(), "{what}");
    // What is not a number is near to nothing.
    let off = got.iter().zip(expected).map(|(g, e)| (g - e).abs());
    let worst = off.fold(0.0, |worst: f64, d| if d.is_nan() { f64::INFINITY } else { worst.max(d) });
    assert!(worst <= most, "{what}: off by {worst:e}: {got:?} against {expected:?}");
    println!("{what}: {worst:.1e}");
    worst
}
