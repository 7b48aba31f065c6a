//! Inputs together with what a network should make of them.

use std::path::Path;

use super::{Table, check_labels};
use crate::error::{Error, Result};
use crate::nn::IGNORED;

/// What a network should answer for each example.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// One class for each example.
    Classes {
        /// The class of each example, each smaller than `classes`.
        labels: Vec<u32>,
        /// Number of classes.
        classes: usize,
    },
    /// A token for each position of each example.
    Tokens {
        /// The tokens of one example after the other, each smaller than `classes` or [`IGNORED`].
        tokens: Vec<u32>,
        /// Positions of an example.
        length: usize,
        /// Number of different tokens.
        classes: usize,
    },
    /// Numbers for each example.
    Values(Table),
}

impl Targets {
    /// Number of examples.
    pub fn rows(&self) -> usize {
        match self {
            Targets::Classes { labels, .. } => labels.len(),
            Targets::Tokens { tokens, length, .. } => tokens.len() / (*length).max(1),
            Targets::Values(table) => table.rows,
        }
    }

    /// Number of outputs that a network needs, of an example or of each position: the classes, or the values of one example.
    pub fn width(&self) -> usize {
        match self {
            Targets::Classes { classes, .. } | Targets::Tokens { classes, .. } => *classes,
            Targets::Values(table) => table.width(),
        }
    }
}

/// A data set: inputs and targets, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Name for reports, such as `digits` or the name of the file without its ending.
    pub name: String,
    /// One row for each example.
    pub inputs: Table,
    /// One target for each example.
    pub targets: Targets,
}

impl Dataset {
    /// Puts inputs and targets together after checking that there are as many of the one as of the other, and that
    /// every label is in range.
    pub fn new(name: impl Into<String>, inputs: Table, targets: Targets) -> Result<Dataset> {
        let name = name.into();
        if inputs.rows != targets.rows() {
            let (inputs, targets) = (inputs.rows, targets.rows());
            return Err(Error::data(
                &name,
                format!(
                    "{inputs} inputs but {targets} targets; each example needs one of both, so check that the two \
                     files belong together"
                ),
            ));
        }
        match &targets {
            Targets::Classes { labels, classes } => check_labels(labels, *classes, Path::new(&name))?,
            Targets::Tokens { tokens, length, classes } => {
                let wrong = |&token: &u32| token != IGNORED && token as usize >= *classes;
                if let Some(at) = tokens.iter().position(wrong) {
                    let (row, position, token) = (at / length, at % length, tokens[at]);
                    return Err(Error::data(
                        &name,
                        format!(
                            "the target at position {position} of row {row} (counted from 0) is {token}, but there are {classes} \
                             tokens, numbered from 0"
                        ),
                    ));
                }
            }
            Targets::Values(_) => {}
        }
        Ok(Dataset { name, inputs, targets })
    }

    /// Number of examples.
    pub fn rows(&self) -> usize {
        self.inputs.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_and_targets_must_fit() {
        let inputs = Table::new(2, vec![1], vec![1.0, 2.0], Path::new("x")).unwrap();
        let classes = |labels: &[u32]| Targets::Classes { labels: labels.to_vec(), classes: 2 };
        assert_eq!(Dataset::new("x", inputs.clone(), classes(&[0, 1])).unwrap().rows(), 2);
        let message = Dataset::new("x", inputs.clone(), classes(&[0])).unwrap_err().to_string();
        assert!(message.contains("2 inputs but 1 targets"), "{message}");
        assert!(Dataset::new("x", inputs.clone(), classes(&[0, 2])).is_err());
        let same = Targets::Values(inputs.clone());
        assert_eq!((same.rows(), same.width(), classes(&[0]).width()), (2, 1, 2));
        assert!(Dataset::new("x", inputs, same).is_ok());
    }
}
