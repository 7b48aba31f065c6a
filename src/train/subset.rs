//! One part of the data: examples and what a network is trained towards.

use crate::data;
use crate::error::{Error, Result};

/// What a network is trained towards.
#[derive(Clone, Debug)]
pub enum Targets {
    /// One class per example.
    Classes(Vec<u32>),
    /// Values, row-major.
    Values(Vec<f32>),
}

/// One part of the data. Where each replica makes its own examples (see [`Declared::per_replica`](super::Declared::per_replica)) it has their number alone.
#[derive(Clone, Debug)]
pub struct Subset {
    /// Examples.
    pub examples: usize,
    /// `[examples, inputs]`
    pub inputs: Vec<f32>,
    /// One per example.
    pub targets: Targets,
}

impl From<data::Dataset> for Subset {
    fn from(dataset: data::Dataset) -> Self {
        let targets = match dataset.targets {
            data::Targets::Classes { labels, .. } => Targets::Classes(labels),
            data::Targets::Values(table) => Targets::Values(table.values),
        };
        Subset { examples: dataset.inputs.rows, inputs: dataset.inputs.values, targets }
    }
}

impl Subset {
    /// The first examples.
    pub(super) fn take(&self, count: usize, outputs: usize) -> Result<Subset> {
        if count == 0 || count > self.examples {
            return Err(Error::config(format!(
                "probe.examples is {count}, but {} examples are there to choose from",
                self.examples
            )));
        }
        if self.inputs.is_empty() {
            // Each replica makes them: there is their number alone.
            return Ok(Subset { examples: count, ..self.clone() });
        }
        let width = self.inputs.len() / self.examples;
        Ok(Subset {
            examples: count,
            inputs: self.inputs[..count * width].to_vec(),
            targets: match &self.targets {
                Targets::Classes(labels) => Targets::Classes(labels[..count].to_vec()),
                Targets::Values(values) => Targets::Values(values[..count * outputs].to_vec()),
            },
        })
    }

    /// Some of the examples, in the order given.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn select(&self, rows: &[usize], outputs: usize) -> Subset {
        let width = self.inputs.len() / self.examples;
        let of = |values: &[f32], width: usize| -> Vec<f32> {
            rows.iter().flat_map(|&row| values[row * width..(row + 1) * width].iter().copied()).collect()
        };
        Subset {
            examples: rows.len(),
            inputs: of(&self.inputs, width),
            targets: match &self.targets {
                Targets::Classes(labels) => Targets::Classes(rows.iter().map(|&row| labels[row]).collect()),
                Targets::Values(values) => Targets::Values(of(values, outputs)),
            },
        }
    }

    /// Values of one target; 1 for classes.
    pub fn values_width(&self) -> usize {
        match &self.targets {
            Targets::Classes(_) => 1,
            Targets::Values(values) => values.len() / self.examples.max(1),
        }
    }

    /// Targets as rows of values: as they are, or one-hot.
    pub fn values(&self, outputs: usize) -> Vec<f32> {
        match &self.targets {
            Targets::Classes(labels) => data::one_hot(labels, outputs),
            Targets::Values(values) => values.clone(),
        }
    }
}
