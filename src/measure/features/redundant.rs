//! Which of two features a classifier follows that could use either: a label that both give, tested where they disagree.

use faer::MatRef;

use super::{Sets, binary};
use crate::error::Result;
use crate::measure::statistic::input::{fail, take_rows};
use crate::measure::statistic::probe::{Logistic, LogisticOptions, logistic};

/// A classifier trained on examples where two features agree.
#[derive(Clone, Debug)]
pub struct Redundant {
    /// Part of the conflicting test examples on which it follows the first feature; it follows the second on the others.
    pub first: f64,
    /// Test examples on which the features disagree.
    pub conflicts: Vec<usize>,
    /// Its answer on each of them.
    pub predictions: Vec<usize>,
    /// Part of the test examples on which the features agree that it gets right; none if they never do.
    pub agreeing: Option<f64>,
    /// The classifier.
    pub classifier: Logistic,
}

/// Fits a logistic regression to the first `n` examples of the fit set on which two features agree, and counts which of them it
/// follows on those examples of the test set on which they do not.
///
/// `x`: examples × units; `first`, `second`: 0 or 1 for each example. Examples are taken in their order: shuffle them before
/// if it means something.
///
/// # Errors
/// Sets of different units, labels of another number or other values, `n` of 0, fewer than `n` agreeing examples, agreeing examples of
/// one class alone, no conflict on the test set, and the errors of [`logistic`].
pub fn redundant(
    x: Sets<MatRef<'_, f64>>,
    first: Sets<&[usize]>,
    second: Sets<&[usize]>,
    n: usize,
    options: &LogisticOptions,
) -> Result<Redundant> {
    x.check("the representation")?;
    let read = |labels: Sets<&[usize]>, name: &str| -> Result<Sets<Vec<bool>>> {
        Ok(Sets { fit: binary(labels.fit, x.fit.nrows(), name)?, test: binary(labels.test, x.test.nrows(), name)? })
    };
    let (a, b) = (read(first, "the first feature")?, read(second, "the second feature")?);
    let agree: Vec<usize> = (0..x.fit.nrows()).filter(|i| a.fit[*i] == b.fit[*i]).take(n).collect();
    if n == 0 {
        return fail(
            "a classifier is fitted to examples on which the features agree: expected at least 1 of them, got 0",
        );
    }
    if agree.len() < n {
        return fail(format!(
            "{n} examples on which the features agree were asked for, and the fit set has {}",
            agree.len()
        ));
    }
    let (alike, conflicts): (Vec<usize>, Vec<usize>) = (0..x.test.nrows()).partition(|i| a.test[*i] == b.test[*i]);
    if conflicts.is_empty() {
        return fail("the features agree on every example of the test set: it does not tell which one is followed");
    }
    let labels: Vec<usize> = agree.iter().map(|i| usize::from(a.fit[*i])).collect();
    let classifier = logistic(take_rows(x.fit, &agree).as_ref(), &labels, options)?;
    let answers = |rows: &[usize]| classifier.predict(take_rows(x.test, rows).as_ref());
    let part = |rows: &[usize], answers: &[usize]| {
        let follows = rows.iter().zip(answers).filter(|(i, p)| usize::from(a.test[**i]) == **p).count();
        follows as f64 / rows.len() as f64
    };
    let predictions = answers(&conflicts)?;
    let agreeing = if alike.is_empty() { None } else { Some(part(&alike, &answers(&alike)?)) };
    Ok(Redundant { first: part(&conflicts, &predictions), conflicts, predictions, agreeing, classifier })
}
