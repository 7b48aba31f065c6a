//! Features that are answered one after the other: sequences of tokens that begin with the units and go on with the labels.

use super::declare::{Features, Set};
use crate::data::{Dataset, Table, Targets};
use crate::error::{Error, Result};
use crate::nn::IGNORED;

/// Tokens of a sequence: 0 and 1, of units and of labels, and this, after the last unit.
pub const START: u32 = 2;

impl Features {
    /// The features in the order in which they are answered: that of their names, or of the declaration if there are none.
    ///
    /// # Errors
    /// [`Error::Config`] if not each is named once.
    pub fn order(&self, names: &[String]) -> Result<Vec<usize>> {
        if names.is_empty() {
            return Ok((0..self.outputs()).collect());
        }
        let known = || self.features().iter().map(|f| f.name.as_str()).collect::<Vec<_>>();
        let place = |name: &String| known().iter().position(|other| other == name);
        let order: Vec<usize> = names.iter().filter_map(place).collect();
        let each_once = (0..self.outputs()).all(|f| order.contains(&f)) && names.len() == self.outputs();
        if each_once {
            return Ok(order);
        }
        let known = known().join(", ");
        Err(Error::config(format!("data.output_order: expected each of {known} once, got {}", names.join(", "))))
    }

    /// Makes a set of sequences: the units of an example as tokens, [`START`], and the labels but for the last in an order; targets are
    /// the labels in that order, at the last positions, and nothing before.
    ///
    /// # Errors
    /// As [`Features::make`].
    pub fn make_sequences(&self, set: Set, examples: usize, seed: u32, order: &[usize]) -> Result<Dataset> {
        let Dataset { name, inputs, targets } = self.make(set, examples, seed)?.dataset;
        let Targets::Values(labels) = targets else {
            return Err(Error::Shape("features have labels as numbers".into()));
        };
        let length = inputs.width() + order.len();
        let (mut tokens, mut wanted) = (Vec::with_capacity(examples * length), Vec::with_capacity(examples * length));
        for row in 0..examples {
            let answers: Vec<f32> = order.iter().map(|&f| labels.row(row)[f]).collect();
            tokens.extend_from_slice(inputs.row(row));
            tokens.push(START as f32);
            tokens.extend(answers.iter().take(order.len() - 1));
            wanted.extend(vec![IGNORED; inputs.width()]);
            wanted.extend(answers.iter().map(|&answer| answer as u32));
        }
        let inputs = Table { rows: examples, shape: vec![length], values: tokens };
        Dataset::new(name, inputs, Targets::Tokens { tokens: wanted, length, classes: START as usize + 1 })
    }
}
