//! The pairs of `pairs.parquet` as the figures need them, gathered while the file is read once and not held.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::band::{Band, bands};
use super::older::Plain;
use super::settings::Settings;
use crate::error::Result;
use crate::files::{PairRow, Words, scan_pairs};
use crate::measure::Estimator;

/// Which networks are compared over training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Two of one setting.
    Within(usize),
    /// Two of different settings.
    Across,
}

/// Which networks a layer-by-layer matrix compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compared {
    /// Different networks, rows of the first setting and columns of the second, which is not less.
    Between(usize, usize),
    /// A network of a setting with itself.
    Itself(usize),
}

/// A mean in the making.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// The mean, if there is anything to take it of.
    pub fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

type LayerMeans = HashMap<(Estimator, Compared, u32, u32), Mean>;

/// What a chosen set of replicas looks like to each other at one step.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    /// Optimiser steps done.
    pub step: u64,
    /// Row by row; NaN where a pair was not compared.
    pub values: Vec<f32>,
}

/// Everything that the figures show of the pairs.
#[derive(Debug, Default)]
pub struct Paired {
    words: Words,
    plain: Plain,
    over: HashMap<(Estimator, u32, Class), BTreeMap<u64, Vec<f32>>>,
    /// The last step that has layer-by-layer comparisons or any other.
    pub last: Option<u64>,
    layers: LayerMeans,
    /// The replicas of the matrices, ordered by setting.
    pub chosen: Vec<u32>,
    /// The matrices of the chosen replicas at the first and at the last step.
    matrices: HashMap<Estimator, [Option<Matrix>; 2]>,
    /// Whether the file had pairs of which it cannot be said by which estimator they are.
    pub unclear: bool,
    /// Whether the file had any pair of known replicas.
    pub any: bool,
}

impl Paired {
    /// Reads the file. The matrices are of `chosen` replicas and of the layer `matrix_layer`.
    pub fn read(
        path: &Path,
        settings: &Settings,
        plain: Plain,
        chosen: Vec<u32>,
        matrix_layer: Option<&str>,
    ) -> Result<Self> {
        let places: HashMap<u32, usize> = chosen.iter().enumerate().map(|(place, &replica)| (replica, place)).collect();
        let mut paired = Self { plain, chosen, ..Self::default() };
        scan_pairs(path, |row| paired.add(&row, settings, &places, matrix_layer))?;
        Ok(paired)
    }

    fn add(
        &mut self,
        row: &PairRow<'_>,
        settings: &Settings,
        places: &HashMap<u32, usize>,
        matrix_layer: Option<&str>,
    ) {
        let Some(estimator) = self.plain.estimator(row.name) else {
            self.unclear |= row.name == "cka";
            return;
        };
        let (Some(a), Some(b)) = (settings.find(row.replica_a), settings.find(row.replica_b)) else { return };
        if !row.value.is_finite() {
            return;
        }
        self.any = true;
        let (layer_a, layer_b) = (self.words.place(row.layer_a), self.words.place(row.layer_b));
        let itself = row.replica_a == row.replica_b;
        if layer_a == layer_b && !itself {
            let class = if a == b { Class::Within(a) } else { Class::Across };
            let values = self.over.entry((estimator, layer_a, class)).or_default().entry(row.step).or_default();
            values.push(row.value as f32);
            if matrix_layer == Some(row.layer_a) {
                self.add_to_matrices(estimator, row, places);
            }
        }
        // The file does not say beforehand which step is its last: what an earlier step left is forgotten.
        if self.last.is_none_or(|last| last < row.step) {
            self.last = Some(row.step);
            self.layers.clear();
        }
        if self.last != Some(row.step) {
            return;
        }
        let mut mean = |compared, row_layer, column_layer| {
            self.layers.entry((estimator, compared, row_layer, column_layer)).or_default().add(row.value);
        };
        match (itself, a.cmp(&b)) {
            // A pair of one setting has no first and second: it counts both ways, and so the matrix is symmetric.
            (true, _) => {
                mean(Compared::Itself(a), layer_a, layer_b);
                mean(Compared::Itself(a), layer_b, layer_a);
            }
            (false, std::cmp::Ordering::Equal) => {
                mean(Compared::Between(a, a), layer_a, layer_b);
                mean(Compared::Between(a, a), layer_b, layer_a);
            }
            (false, std::cmp::Ordering::Less) => mean(Compared::Between(a, b), layer_a, layer_b),
            (false, std::cmp::Ordering::Greater) => mean(Compared::Between(b, a), layer_b, layer_a),
        }
    }

    fn add_to_matrices(&mut self, estimator: Estimator, row: &PairRow<'_>, places: &HashMap<u32, usize>) {
        let (Some(&i), Some(&j)) = (places.get(&row.replica_a), places.get(&row.replica_b)) else { return };
        let size = self.chosen.len();
        // The file does not say beforehand which of its steps is the first, and which the last.
        let [first, last] = self.matrices.entry(estimator).or_default();
        let earlier = first.as_ref().is_none_or(|kept| row.step < kept.step);
        let later = last.as_ref().is_none_or(|kept| row.step > kept.step);
        for (matrix, better) in [(first, earlier), (last, later)] {
            if better {
                *matrix = Some(Matrix { step: row.step, values: vec![f32::NAN; size * size] });
            }
            if let Some(matrix) = matrix
                && matrix.step == row.step
            {
                matrix.values[i * size + j] = row.value as f32;
                matrix.values[j * size + i] = row.value as f32;
            }
        }
    }

    /// The estimator that figures of one are of: the biased one, unless the debiased one alone was observed.
    pub fn main(&self) -> Estimator {
        let biased = self.over.keys().map(|key| key.0).chain(self.layers.keys().map(|key| key.0));
        if self.any && biased.into_iter().all(|e| e == Estimator::Debiased) {
            Estimator::Debiased
        } else {
            Estimator::Biased
        }
    }

    /// What that is called.
    pub fn main_name(&self) -> &'static str {
        if self.main() == Estimator::Debiased { "linear CKA, debiased" } else { "linear CKA" }
    }

    /// The main estimator's matrix of the chosen replicas at the first step and at the last.
    pub fn replica_matrices(&self) -> [Option<&Matrix>; 2] {
        self.matrices.get(&self.main()).map_or([None; 2], |[first, last]| [first.as_ref(), last.as_ref()])
    }

    /// Gives layers other names.
    pub fn rename(&mut self, from: &[String], to: &[String]) {
        self.words.rename(from, to);
    }

    /// The bands over pairs of one layer in two networks.
    pub fn over_steps(&self, estimator: Estimator, layer: &str, class: Class) -> Vec<Band> {
        let layer = self.words.find(layer);
        layer.and_then(|layer| self.over.get(&(estimator, layer, class))).map(bands).unwrap_or_default()
    }

    /// The mean at the last step over pairs of networks of `row` layer in one and `column` layer in the other.
    pub fn layer_mean(&self, estimator: Estimator, compared: Compared, row: &str, column: &str) -> Option<f64> {
        if matches!(compared, Compared::Itself(_)) && row == column {
            return self.layers.keys().any(|key| (key.0, key.1) == (estimator, compared)).then_some(1.0);
        }
        let key = (estimator, compared, self.words.find(row)?, self.words.find(column)?);
        self.layers.get(&key).copied().and_then(Mean::get)
    }

    /// Whether different layers were compared with each other, as `compared` says.
    pub fn has_layers(&self, compared: Compared) -> bool {
        self.layers.keys().any(|key| key.1 == compared && key.2 != key.3)
    }
}
