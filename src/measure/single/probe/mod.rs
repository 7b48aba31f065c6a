//! Linear probes: what a linear read-out finds in a representation, always on examples it was not fitted to.

mod folds;
mod logistic;
mod ridge;
mod score;

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::single::input::{Classes, check, fail, mean, same_rows, take_rows};

pub(crate) use folds::partition;
pub use folds::{Fold, k_fold, stratified_k_fold};
pub use logistic::{Logistic, LogisticOptions, MultiLabel, logistic, multi_label_logistic};
pub use ridge::{LeaveOneOut, Linear, ridge, ridge_leave_one_out};
pub use score::{R2, median_pearson, r_squared};

/// A cross-validated classification.
#[derive(Clone, Debug)]
pub struct Classified {
    /// Predicted label of each example, from the fold that tested it.
    pub predictions: Vec<usize>,
    /// Share of examples predicted rightly, all folds pooled.
    pub accuracy: f64,
    /// Accuracy within each fold; their mean is what scikit-learn's `cross_val_score` averages.
    pub fold_accuracies: Vec<f64>,
    /// Mean over all held-out examples of `-log2 p(label)` in bits, for decoders with probabilities.
    pub cross_entropy_bits: Option<f64>,
}

impl Classified {
    /// Mean of the accuracies of the folds: equal to [`Classified::accuracy`] where folds have one size.
    pub fn mean_accuracy(&self) -> f64 {
        mean(&self.fold_accuracies)
    }
}

/// Fits and tests a classifier fold by fold. `predict` takes the training part, its labels and the test part, and gives
/// a label for each test example and, if it can, the natural logarithm of the probability of each test label.
pub(crate) fn classify(
    x: MatRef<'_, f64>,
    labels: &[usize],
    folds: &[Fold],
    predict: impl Fn(MatRef<'_, f64>, &[usize], MatRef<'_, f64>, &[usize]) -> Result<(Vec<usize>, Option<Vec<f64>>)>,
) -> Result<Classified> {
    check(x, "the representation", 2)?;
    Classes::of(labels, x.nrows(), 2)?;
    partition(folds, x.nrows())?;
    let mut predictions = vec![0; x.nrows()];
    let (mut fold_accuracies, mut log_sum, mut with_probabilities) = (Vec::new(), 0.0, true);
    for fold in folds {
        let pick = |rows: &[usize]| rows.iter().map(|i| labels[*i]).collect::<Vec<_>>();
        let (train, test) = (pick(&fold.train), pick(&fold.test));
        let (x_train, x_test) = (take_rows(x, &fold.train), take_rows(x, &fold.test));
        let (predicted, logs) = predict(x_train.as_ref(), &train, x_test.as_ref(), &test)?;
        let right = predicted.iter().zip(&test).filter(|(a, b)| a == b).count();
        fold_accuracies.push(right as f64 / test.len() as f64);
        for (i, label) in fold.test.iter().zip(predicted) {
            predictions[*i] = label;
        }
        match logs {
            Some(logs) => log_sum += logs.iter().sum::<f64>(),
            None => with_probabilities = false,
        }
    }
    let right = predictions.iter().zip(labels).filter(|(a, b)| a == b).count();
    Ok(Classified {
        accuracy: right as f64 / labels.len() as f64,
        predictions,
        fold_accuracies,
        cross_entropy_bits: with_probabilities.then_some(-log_sum / labels.len() as f64 / std::f64::consts::LN_2),
    })
}

/// Logistic probe: [`logistic`] fitted on each training part and tested on the rest.
///
/// `x`: examples × units; `labels`: one class an example; `folds` must test every example once.
///
/// # Errors
/// Those of [`logistic`]; folds that are no partition; a class that a training part lacks (use [`stratified_k_fold`]).
pub fn logistic_probe(
    x: MatRef<'_, f64>,
    labels: &[usize],
    folds: &[Fold],
    options: &LogisticOptions,
) -> Result<Classified> {
    classify(x, labels, folds, |train, train_labels, test, test_labels| {
        let fitted = logistic(train, train_labels, options)?;
        let logs = fitted.log_probabilities(test)?;
        let of = |label: &usize| fitted.classes.iter().position(|c| c == label);
        let mut own = Vec::with_capacity(test_labels.len());
        for (i, label) in test_labels.iter().enumerate() {
            match of(label) {
                Some(c) => own.push(logs[(i, c)]),
                None => {
                    return fail(format!(
                        "class {label} is tested in a fold whose training part lacks it; use stratified folds, or leave \
                         the class out"
                    ));
                }
            }
        }
        Ok((fitted.predict(test)?, Some(own)))
    })
}

/// Logistic probes of labels that do not exclude each other: [`logistic_probe`] of each column of `labels` (examples ×
/// labels, values 0 or 1), on the same folds. `None` for a label on which all examples of some training part agree: there
/// is nothing to fit there.
///
/// # Errors
/// Those of [`multi_label_logistic`] and [`logistic_probe`].
pub fn multi_label_probe(
    x: MatRef<'_, f64>,
    labels: MatRef<'_, f64>,
    folds: &[Fold],
    options: &LogisticOptions,
) -> Result<Vec<Option<Classified>>> {
    check(x, "the representation", 2)?;
    partition(folds, x.nrows())?;
    let columns = logistic::binary_columns(x, labels)?;
    columns
        .iter()
        .map(|own| {
            let varies = |fold: &Fold| fold.train.iter().any(|i| own[*i] != own[fold.train[0]]);
            folds.iter().all(varies).then(|| logistic_probe(x, own, folds, options)).transpose()
        })
        .collect()
}

/// Ridge classifier: ridge regression on targets of ±1 for each class, largest value wins (scikit-learn's
/// `RidgeClassifier`). Equal values go to the smaller label.
///
/// # Errors
/// Those of [`ridge`]; folds that are no partition.
pub fn ridge_classifier_probe(x: MatRef<'_, f64>, labels: &[usize], folds: &[Fold], alpha: f64) -> Result<Classified> {
    classify(x, labels, folds, |train, train_labels, test, _| {
        let classes = Classes::of(train_labels, train.nrows(), 1)?;
        let targets = Mat::from_fn(train.nrows(), classes.number(), |i, c| if classes.of[i] == c { 1.0 } else { -1.0 });
        let scores = ridge(train, targets.as_ref(), alpha)?.predict(test)?;
        Ok((winners(scores.as_ref(), &classes.values), None))
    })
}

/// The class with the largest value in each row, the first of equals.
pub(crate) fn winners(scores: MatRef<'_, f64>, classes: &[usize]) -> Vec<usize> {
    let best = |i: usize| (1..classes.len()).fold(0, |b, c| if scores[(i, c)] > scores[(i, b)] { c } else { b });
    (0..scores.nrows()).map(|i| classes[best(i)]).collect()
}

/// A cross-validated regression.
#[derive(Clone, Debug)]
pub struct Regressed {
    /// Prediction of each target (examples × targets), from the fold that tested the example.
    pub predictions: Mat<f64>,
    /// R² of the held-out predictions of all folds pooled, as `r2_score` of scikit-learn's `cross_val_predict`.
    pub pooled: R2,
    /// R² within each fold (its own mean as baseline): another number than the pooled one. `None` where a fold tests
    /// fewer than two examples or constant targets.
    pub folds: Vec<Option<R2>>,
    /// Median over targets of the Pearson correlation of held-out predictions with the targets.
    pub median_pearson: f64,
}

/// Ridge probe: how well `y` is predicted from `x` by [`ridge`] on held-out examples. With a representation as `x` and
/// features as `y` it tells what can be decoded; the other way round, how much of the representation the features
/// explain.
///
/// `x`: examples × units; `y`: examples × targets; `folds` must test every example once.
///
/// # Errors
/// Those of [`ridge`] and [`r_squared`]; folds that are no partition.
pub fn ridge_probe(x: MatRef<'_, f64>, y: MatRef<'_, f64>, folds: &[Fold], alpha: f64) -> Result<Regressed> {
    check(x, "the representation", 2)?;
    check(y, "the targets", 2)?;
    same_rows(x.nrows(), y.nrows(), "the representation and the targets")?;
    partition(folds, x.nrows())?;
    let mut predictions = Mat::zeros(y.nrows(), y.ncols());
    let mut scores = Vec::new();
    for fold in folds {
        let fitted = ridge(take_rows(x, &fold.train).as_ref(), take_rows(y, &fold.train).as_ref(), alpha)?;
        let part = fitted.predict(take_rows(x, &fold.test).as_ref())?;
        scores.push(r_squared(take_rows(y, &fold.test).as_ref(), part.as_ref()).ok());
        for (row, i) in fold.test.iter().enumerate() {
            predictions.row_mut(*i).copy_from(part.row(row));
        }
    }
    Ok(Regressed {
        pooled: r_squared(y, predictions.as_ref())?,
        folds: scores,
        median_pearson: median_pearson(y, predictions.as_ref())?,
        predictions,
    })
}

/// R² of ordinary least squares with an intercept on the examples it was fitted to. Never negative, and 1 as soon as
/// there are no more examples than units: use [`ridge_probe`] or [`held_out_r2`] to claim anything.
///
/// # Errors
/// Those of [`ridge`] and [`r_squared`].
pub fn in_sample_r2(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<R2> {
    r_squared(y, ridge(x, y, 0.0)?.predict(x)?.as_ref())
}

/// R² on a test set of a ridge regression fitted on another set. Representation variance explained by a feature
/// (Lampinen et al. 2024) is this with the feature as `x`, the representation as `y` and `alpha` 0.
///
/// # Errors
/// Those of [`ridge`] and [`r_squared`]; parts whose numbers of units or targets differ.
pub fn held_out_r2(
    x_fit: MatRef<'_, f64>,
    y_fit: MatRef<'_, f64>,
    x_test: MatRef<'_, f64>,
    y_test: MatRef<'_, f64>,
    alpha: f64,
) -> Result<R2> {
    r_squared(y_test, ridge(x_fit, y_fit, alpha)?.predict(x_test)?.as_ref())
}
