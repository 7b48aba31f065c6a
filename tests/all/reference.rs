//! Values that published packages give, and the arrays they are of (`tests/reference/measures`).

use std::path::Path;

use faer::Mat;
use isogram::Result;
use isogram::data::read_representations;
use isogram::measure::catalogue::Measure;
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures");

/// All there are.
pub const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

/// Two representations and what packages make of them.
pub struct Case {
    pub name: &'static str,
    pub x: Mat<f64>,
    pub y: Mat<f64>,
    pub json: Value,
}

impl Case {
    /// What stands under a key of a section: of all of it, or of one of several values.
    pub fn value(&self, section: &str, key: &str, part: Option<usize>) -> Option<f64> {
        let value = &self.json[section][key]["value"];
        part.map_or(value, |i| &value[i]).as_f64()
    }
}

/// A case by its name.
pub fn case(name: &'static str) -> Case {
    let json: Value = serde_json::from_str(&std::fs::read_to_string(format!("{FOLDER}/{name}.json")).unwrap()).unwrap();
    let of = |side: &str| matrix(json["meta"][side].as_str().unwrap());
    Case { name, x: of("X"), y: of("Y"), json }
}

/// An array.
pub fn matrix(file: &str) -> Mat<f64> {
    let x = read_representations(&Path::new(FOLDER).join(file)).unwrap().remove(0);
    let width = x.width();
    Mat::from_fn(x.rows, width, |i, j| x.values[i * width + j])
}

/// Digits that examples are of.
pub fn labels() -> Vec<usize> {
    let labels = isogram::data::read_labels(&Path::new(FOLDER).join("digits_labels.npy")).unwrap();
    labels.classes().into_iter().map(|l| l as usize).collect()
}

/// The value of a measure by its name.
pub fn of(name: &str, x: &Mat<f64>, y: &Mat<f64>) -> Result<f64> {
    Measure::parse(name)?.of(x.as_ref(), y.as_ref())
}

/// The same where it is defined.
#[track_caller]
pub fn value(name: &str, x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    of(name, x, y).unwrap_or_else(|e| panic!("{name}: {e}"))
}
