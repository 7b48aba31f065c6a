//! One part of the data: examples and what a network is trained towards.

use crate::data;
use crate::error::{Error, Result};

/// What a network is trained towards.
#[derive(Clone, Debug)]
pub enum Targets {
    /// One class per example.
    Classes(Vec<u32>),
    /// One token for each position of an example, [`IGNORED`](crate::nn::IGNORED) ones among them, row-major.
    Tokens(Vec<u32>),
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
            data::Targets::Tokens { tokens, .. } => Targets::Tokens(tokens),
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
                Targets::Tokens(tokens) => Targets::Tokens(tokens[..count * self.positions()].to_vec()),
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
        Subset {
            examples: rows.len(),
            inputs: data::select_rows(&self.inputs, width, rows),
            targets: match &self.targets {
                Targets::Classes(labels) => Targets::Classes(data::select_rows(labels, 1, rows)),
                Targets::Tokens(tokens) => Targets::Tokens(data::select_rows(tokens, self.positions(), rows)),
                Targets::Values(values) => Targets::Values(data::select_rows(values, outputs, rows)),
            },
        }
    }

    /// The class of each example; none where an example has no one class.
    pub fn classes(&self) -> &[u32] {
        match &self.targets {
            Targets::Classes(labels) => labels,
            Targets::Tokens(_) | Targets::Values(_) => &[],
        }
    }

    /// How many classes an example is answered with: one, or one at each position of a sequence.
    pub fn positions(&self) -> usize {
        match &self.targets {
            Targets::Tokens(tokens) => tokens.len() / self.examples.max(1),
            Targets::Classes(_) | Targets::Values(_) => 1,
        }
    }

    /// Values of one target; 1 for classes.
    pub fn values_width(&self) -> usize {
        match &self.targets {
            Targets::Classes(_) | Targets::Tokens(_) => self.positions(),
            Targets::Values(values) => values.len() / self.examples.max(1),
        }
    }

    /// Targets as rows of values: as they are, or one-hot.
    pub fn values(&self, outputs: usize) -> Vec<f32> {
        match &self.targets {
            Targets::Classes(labels) | Targets::Tokens(labels) => data::one_hot(labels, outputs),
            Targets::Values(values) => values.clone(),
        }
    }
}
