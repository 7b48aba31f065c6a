//! Probes: what a decoder finds in a representation, always on examples it was not fitted to.

mod decoder;
mod device;
mod folds;
mod held_out;
mod logistic;
mod nearest;
mod ridge;
mod score;

use faer::{Mat, MatRef};

pub use decoder::Decoder;
pub(crate) use device::{Descending, Descent, Names};
pub use device::{Link, Probe, held_out_scores};
pub(crate) use folds::partition;
pub use folds::{Fold, k_fold, stratified_k_fold};
pub use held_out::Scores;
pub(super) use held_out::{HeldOut, Out};
pub use logistic::{Logistic, LogisticOptions, logistic};
pub use ridge::{Linear, ridge};
pub use score::{R2, r_squared};

use super::entry::{StatisticEntry, TASK};
use super::input::{Classes, check, fail, same_rows, take_rows};
use super::source::Computation;
use crate::error::Result;
use crate::measure::declaration::{Given, Parameter, Scale, count, number, word};

const FOLDS: Parameter = count("folds", 5, 2, "stratified folds");

fn tested(g: &Given, decoder: Decoder) -> HeldOut {
    HeldOut { decoder, out: Out::Folds(g.count("folds")) }
}

/// Logistic regression has the penalty `1 / C`; ridge classifiers go by the largest of the classes' scores, the smaller label of
/// equals.
pub(super) const LINEAR_PROBE: StatisticEntry =
    StatisticEntry::new(TASK, "linear_probe", "held-out accuracy of a linear probe", |g| {
        let strength = g.number("strength");
        let decoder = match g.word("form") {
            "ridge" => Decoder::Ridge { alpha: strength },
            _ => Decoder::Logistic(LogisticOptions { c: strength, ..LogisticOptions::default() }),
        };
        Computation::decided(tested(g, decoder), |scores, single| {
            Ok((!single || scores.clear()).then(|| scores.accuracy()))
        })
    })
    .formula("logistic: L2-regularised multinomial logistic regression on standardised units; ridge: on one-hot labels")
    .source("Alain and Bengio 2016")
    .needs_labels()
    .scaled(|g| if g.word("form") == "ridge" { Scale::Own } else { Scale::Free })
    .with(&[
        word("form", &["logistic", "ridge"], "which"),
        number("strength", 1.0, [f64::MIN_POSITIVE, f64::MAX], "C of logistic, alpha of ridge"),
        FOLDS,
    ]);

/// For the family of penalised linear softmax classifiers: at most the entropy of all labels, and negative where the probe
/// overfits.
pub(super) const V_INFORMATION: StatisticEntry =
    StatisticEntry::new(TASK, "v_information", "usable information about the labels, in bits", |g| {
        Computation::from(tested(g, Decoder::Logistic(LogisticOptions::default())), |scores| {
            Ok(scores.entropy_bits() - scores.cross_entropy_bits())
        })
    })
    .formula("H(Y) - held-out cross-entropy of a logistic probe; may be negative")
    .source("Xu et al. 2020")
    .needs_labels()
    .with(&[FOLDS]);

pub(super) const LABEL_R2: StatisticEntry =
    StatisticEntry::new(TASK, "label_r2", "held-out R² of one-hot labels by ridge regression", |g| {
        Computation::from(tested(g, Decoder::Ridge { alpha: g.number("alpha") }), |scores| {
            Ok(r_squared(scores.classes.one_hot().as_ref(), scores.values.as_ref())?.share)
        })
    })
    .formula("1 - Σ (y - ŷ)² / Σ (y - mean y)² over held-out examples and classes")
    .source("scikit-learn's Ridge and cross_val_predict")
    .needs_labels()
    .scaled(|_| Scale::Own)
    .with(&[number("alpha", 1.0, [f64::MIN_POSITIVE, f64::MAX], "penalty"), FOLDS]);

pub(super) const NEAREST_CENTROID: StatisticEntry =
    StatisticEntry::new(TASK, "nearest_centroid", "held-out accuracy by the nearest class mean", |g| {
        Computation::from(tested(g, Decoder::Centroid), |scores| Ok(scores.accuracy()))
    })
    .needs_labels()
    .with(&[FOLDS]);

/// Equal counts go to the smaller label.
pub(super) const KNN_PROBE: StatisticEntry =
    StatisticEntry::new(TASK, "knn_probe", "held-out accuracy by nearest neighbours", |g| {
        Computation::from(tested(g, Decoder::Neighbours(g.count("k"))), |scores| Ok(scores.accuracy()))
    })
    .formula(
        "most frequent class of the k nearest of the other folds; those equally near, up to rounding, share the last places, where \
         scikit-learn's KNeighborsClassifier takes those that its search finds first",
    )
    .needs_labels()
    .with(&[count("k", 5, 1, "neighbours"), FOLDS]);

/// Held-out scores of a decoder, fitted on each training part and tested on the rest.
///
/// `x`: examples × units; `labels`: one class an example; `folds` must test every example once.
///
/// # Errors
/// Labels of another length, fewer than two classes, values that are not finite; folds that are no partition; a class that a
/// training part lacks (use [`stratified_k_fold`]); those of the decoder.
pub fn probe(x: MatRef<'_, f64>, labels: &[usize], folds: &[Fold], decoder: &Decoder) -> Result<Scores> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    let values = each_fold(x, classes.number(), folds, |train, fold, test| {
        let own: Vec<usize> = fold.train.iter().map(|&i| classes.of[i]).collect();
        decoder.scores(train, &own, classes.number(), test)
    })?;
    Ok(Scores { tested: folds::tested(folds, x.nrows()), classes, values })
}

/// Logistic probes of labels that do not exclude each other: one for each column of `labels` (examples × labels, values 0 or
/// 1), on the same folds. `None` for a label on which all examples of some training part agree: there is nothing to fit there.
///
/// # Errors
/// Those of [`probe`]; numbers of rows that differ; values of the labels other than 0 and 1.
pub fn multi_label_probe(
    x: MatRef<'_, f64>,
    labels: MatRef<'_, f64>,
    folds: &[Fold],
    options: &LogisticOptions,
) -> Result<Vec<Option<Scores>>> {
    check(x, "the representation", 2)?;
    check(labels, "the label matrix", 2)?;
    same_rows(x.nrows(), labels.nrows(), "the representation and the label matrix")?;
    partition(folds, x.nrows())?;
    let as_label = |v: &f64| match *v {
        0.0 => Ok(0),
        1.0 => Ok(1),
        other => fail(format!("labels that do not exclude each other must be 0 or 1, but one is {other}")),
    };
    let of = |column: faer::ColRef<'_, f64>| {
        let own: Vec<usize> = column.iter().map(as_label).collect::<Result<_>>()?;
        let varies = |fold: &Fold| fold.train.iter().any(|i| own[*i] != own[fold.train[0]]);
        folds.iter().all(varies).then(|| probe(x, &own, folds, &Decoder::Logistic(*options))).transpose()
    };
    labels.col_iter().map(of).collect()
}

/// Held-out predictions of `y` (examples × targets) from `x` (examples × units) by [`ridge`]. With a representation as `x` and
/// features as `y` their [`r_squared`] tells what can be decoded; the other way round, how much of the representation the
/// features explain.
///
/// # Errors
/// Those of [`ridge`]; folds that are no partition.
pub fn ridge_probe(x: MatRef<'_, f64>, y: MatRef<'_, f64>, folds: &[Fold], alpha: f64) -> Result<Mat<f64>> {
    check(x, "the representation", 2)?;
    check(y, "the targets", 2)?;
    same_rows(x.nrows(), y.nrows(), "the representation and the targets")?;
    each_fold(x, y.ncols(), folds, |train, fold, test| {
        ridge(train, take_rows(y, &fold.train).as_ref(), alpha)?.predict(test)
    })
}

/// A row of so many numbers for each example, from the fold that tests it: `of` takes the training part, the fold and the test
/// part.
fn each_fold(
    x: MatRef<'_, f64>,
    columns: usize,
    folds: &[Fold],
    of: impl Fn(MatRef<'_, f64>, &Fold, MatRef<'_, f64>) -> Result<Mat<f64>>,
) -> Result<Mat<f64>> {
    partition(folds, x.nrows())?;
    let mut all = Mat::zeros(x.nrows(), columns);
    for fold in folds {
        let part = of(take_rows(x, &fold.train).as_ref(), fold, take_rows(x, &fold.test).as_ref())?;
        for (row, i) in fold.test.iter().enumerate() {
            all.row_mut(*i).copy_from(part.row(row));
        }
    }
    Ok(all)
}

/// The column with the largest value in each row, the first of equals.
pub(crate) fn winners(scores: MatRef<'_, f64>) -> Vec<usize> {
    let best = |i: usize| (1..scores.ncols()).fold(0, |b, c| if scores[(i, c)] > scores[(i, b)] { c } else { b });
    (0..scores.nrows()).map(best).collect()
}
