//! Representations of inputs whose features are known: which of them a representation varies with, how densely, in which
//! components, and what follows for interventions, classifiers and comparisons (the analyses of Lampinen, Chan, Hermann
//! 2024, *Learned feature representations are biased by complexity, learning order, position, and more*).
//!
//! A *feature* is a function of the input with few values, given as a label for each example. What is fitted is fitted on one
//! set of examples and scored on another: both come as [`Sets`]. Definitions are in f64 on the CPU; in [`device`]
//! the module of the same name has the same as nodes of a graph, for all replicas at once.
//!
//! Comparisons of networks by their dissimilarities of examples are in the catalogue: `rsa:correlation:pearson` (correlation
//! distance, Pearson correlation of the upper triangles), `rsa:euclidean:pearson`, `rsa:correlation:spearman`, and linear CKA
//! with centred columns as `cka:biased`.

pub mod complexity;
pub mod components;
pub mod device;
pub mod head;
pub mod homomorphic;
pub mod intervention;
pub mod redundant;
pub mod split;
pub mod substructure;
pub mod variance;

use faer::MatRef;

use crate::error::Result;
use crate::measure::statistic::input::{Classes, check, fail};

/// The same of two sets of examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sets<T> {
    /// Of the examples that are fitted on.
    pub fit: T,
    /// Of the examples that are scored.
    pub test: T,
}

impl Sets<MatRef<'_, f64>> {
    /// Two examples or more in each set, the same units, finite values.
    fn check(&self, name: &str) -> Result<()> {
        check(self.fit, &format!("{name} of the fit set"), 2)?;
        check(self.test, &format!("{name} of the test set"), 2)?;
        if self.fit.ncols() != self.test.ncols() {
            return fail(format!(
                "{name} has {} columns on the fit set and {} on the test set; give the same units of both",
                self.fit.ncols(),
                self.test.ncols()
            ));
        }
        Ok(())
    }
}

/// The classes of a feature on both sets, which must be the same ones, two or more.
fn classes(labels: Sets<&[usize]>, examples: Sets<usize>) -> Result<Sets<Classes>> {
    let found =
        Sets { fit: Classes::of(labels.fit, examples.fit, 2)?, test: Classes::of(labels.test, examples.test, 1)? };
    let lacks = |set: &Classes, other: &Classes| other.values.iter().find(|v| !set.values.contains(v)).copied();
    for (name, set, other) in [("fit", &found.fit, &found.test), ("test", &found.test, &found.fit)] {
        if let Some(class) = lacks(set, other) {
            return fail(format!(
                "class {class} of the feature does not occur in the {name} set; use larger sets, or leave the class out of both"
            ));
        }
    }
    Ok(found)
}

/// The labels of a feature of two values, as whether it is there.
fn binary(labels: &[usize], examples: usize, name: &str) -> Result<Vec<bool>> {
    if labels.len() != examples {
        return fail(format!("there are {} labels of {name} for {examples} examples; give one for each", labels.len()));
    }
    match labels.iter().find(|l| **l > 1) {
        Some(other) => fail(format!("{name} must be labelled 0 or 1, but a label is {other}")),
        None => Ok(labels.iter().map(|l| *l == 1).collect()),
    }
}
