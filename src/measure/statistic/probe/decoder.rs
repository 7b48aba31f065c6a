//! Decoders of classes, fitted and asked in f64.

use faer::{Mat, MatRef};

use super::{Fold, LogisticOptions, logistic, ridge, winners};
use crate::error::Result;
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
                    let mut order: Vec<(f64, usize)> =
                        train.iter().enumerate().map(|(i, t)| (squared_distance(row, t), i)).collect();
                    order.select_nth_unstable_by(k - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    order.iter().take(k).for_each(|(_, j)| scores[(i, of[*j])] += 1.0);
                }
                Ok(scores)
            }
        }
    }

    /// Part of the test examples answered rightly after fitting on others.
    pub(crate) fn accuracy(
        &self,
        train: (MatRef<'_, f64>, &[usize]),
        test: (MatRef<'_, f64>, &[usize]),
    ) -> Result<f64> {
        let predicted = self.predict(train.0, train.1, test.0)?;
        Ok(predicted.iter().zip(test.1).filter(|(a, b)| a == b).count() as f64 / test.1.len() as f64)
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

/// Refuses folds whose training part lacks a class.
pub(super) fn complete(classes: &Classes, folds: &[Fold]) -> Result<()> {
    let lacking = |fold: &Fold| (0..classes.number()).any(|c| !fold.train.iter().any(|&i| classes.of[i] == c));
    if folds.iter().any(lacking) {
        return fail("a part that is fitted on does not have all classes");
    }
    Ok(())
}
