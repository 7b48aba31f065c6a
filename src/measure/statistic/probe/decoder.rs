//! Decoders of classes, fitted and asked in f64.

use faer::{Mat, MatRef, RowMut};

use super::{Fold, LogisticOptions, logistic, ridge, winners};
use crate::error::Result;
use crate::measure::numerics::algebra::rounding;
use crate::measure::statistic::input::{Classes, Rows, check, fail, squared_distance};

/// Decoder of a class from a representation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoder {
    /// Penalised logistic regression.
    Logistic(LogisticOptions),
    /// Ridge regression on one-hot classes, largest value wins (scikit-learn's `RidgeClassifier`).
    Ridge {
        /// Penalty.
        alpha: f64,
    },
    /// The class with the closest mean.
    Centroid,
    /// The most frequent class among so many closest examples.
    Neighbours(usize),
}

impl Decoder {
    /// Scores of the classes, `[test examples, classes]`, after fitting on `train`, whose examples are `of` these of `number`
    /// classes: the largest is the answer. Those of logistic regression are natural logarithms of probabilities.
    pub(super) fn scores(
        &self,
        train: MatRef<'_, f64>,
        of: &[usize],
        number: usize,
        test: MatRef<'_, f64>,
    ) -> Result<Mat<f64>> {
        match *self {
            Self::Logistic(options) => {
                let fitted = logistic(train, of, &options)?;
                if let Some(lacking) = (0..number).find(|c| !fitted.classes.contains(c)) {
                    return fail(format!(
                        "class {lacking} (counted from 0) is tested in a fold whose training part lacks it; use stratified \
                         folds, or leave the class out"
                    ));
                }
                fitted.log_probabilities(test)
            }
            Self::Ridge { alpha } => {
                let one_hot = Mat::from_fn(of.len(), number, |i, c| f64::from(u8::from(of[i] == c)));
                ridge(train, one_hot.as_ref(), alpha)?.predict(test)
            }
            Self::Centroid => {
                check(test, "the representation", 1)?;
                let classes = Classes::of(of, train.nrows(), 1)?;
                let (means, test) = (Rows::of(classes.means(train).as_ref()), Rows::of(test));
                // A class that there is none of is nowhere near.
                let mut scores = Mat::from_fn(test.iter().count(), number, |_, _| f64::NEG_INFINITY);
                for (i, row) in test.iter().enumerate() {
                    classes
                        .values
                        .iter()
                        .zip(means.iter())
                        .for_each(|(&c, m)| scores[(i, c)] = -squared_distance(row, m));
                }
                Ok(scores)
            }
            Self::Neighbours(k) => {
                if k == 0 || k > train.nrows() {
                    return fail(format!(
                        "{k} neighbours were asked for, but a training part has {} examples",
                        train.nrows()
                    ));
                }
                let (train, test) = (Rows::of(train), Rows::of(test));
                let mut scores = Mat::zeros(test.iter().count(), number);
                for (i, row) in test.iter().enumerate() {
                    let near: Vec<(f64, usize)> =
                        train.iter().zip(of).map(|(t, class)| (squared_distance(row, t), *class)).collect();
                    vote(near, k, row.len(), scores.row_mut(i));
                }
                Ok(scores)
            }
        }
    }

    /// Labels predicted for `test` after fitting on the rest.
    pub(crate) fn predict(
        &self,
        train: MatRef<'_, f64>,
        labels: &[usize],
        test: MatRef<'_, f64>,
    ) -> Result<Vec<usize>> {
        let classes = Classes::of(labels, train.nrows(), 2)?;
        let scores = self.scores(train, &classes.of, classes.number(), test)?;
        Ok(winners(scores.as_ref()).into_iter().map(|c| classes.values[c]).collect())
    }
}

/// Votes of the `k` nearest of some examples for their classes; those are given as squared distances and classes. What is equally
/// near, up to rounding, shares the last places, whatever the order.
pub(super) fn vote(mut near: Vec<(f64, usize)>, k: usize, units: usize, mut votes: RowMut<'_, f64>) {
    let edge = near.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0)).1.0;
    let (low, high) = (edge * (1.0 - rounding(units)), reach(edge, units));
    let closer = near.iter().filter(|n| n.0 < low).count();
    let sharing = near.iter().filter(|n| n.0 <= high).count() - closer;
    // Whole numbers until the end: equal votes stay equal.
    let (places, sharing) = ((k - closer) as f64, sharing as f64);
    for (d, class) in near {
        votes[class] += if d < low {
            sharing
        } else if d <= high {
            places
        } else {
            0.0
        };
    }
    votes.iter_mut().for_each(|v| *v /= sharing);
}

/// Up to which squared distance an example is as near as at this one, but for rounding.
pub(super) fn reach(squared: f64, units: usize) -> f64 {
    squared * (1.0 + rounding(units))
}

/// Refuses folds whose training part lacks a class.
pub(super) fn complete(classes: &Classes, folds: &[Fold]) -> Result<()> {
    let lacking = |fold: &Fold| (0..classes.number()).any(|c| !fold.train.iter().any(|&i| classes.of[i] == c));
    if folds.iter().any(lacking) {
        return fail("a part that is fitted on does not have all classes");
    }
    Ok(())
}
