//! Folds of cross-validation, the same as scikit-learn's unshuffled ones.

use crate::error::Result;
use crate::measure::statistic::input::fail;

/// One fold: examples to fit on and examples to test on, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Examples to fit on.
    pub train: Vec<usize>,
    /// Examples to test on.
    pub test: Vec<usize>,
}

/// `k` contiguous folds of `n` examples; the first `n mod k` test one more (scikit-learn's `KFold`, not shuffled).
///
/// # Errors
/// `k` below 2 or above `n`.
pub fn k_fold(n: usize, k: usize) -> Result<Vec<Fold>> {
    if k < 2 || k > n {
        return fail(format!("the number of folds must lie between 2 and the number of examples ({n}), but is {k}"));
    }
    let mut of = Vec::with_capacity(n);
    for fold in 0..k {
        of.extend(std::iter::repeat_n(fold, n / k + usize::from(fold < n % k)));
    }
    Ok(folds_of(&of, k))
}

/// `k` folds with each class in the same share, examples of a class in order (scikit-learn's `StratifiedKFold`, not
/// shuffled).
///
/// # Errors
/// No labels; `k` below 2 or above the number of examples of the largest class.
pub fn stratified_k_fold(labels: &[usize], k: usize) -> Result<Vec<Fold>> {
    // Classes in the order in which they first appear, as scikit-learn counts them.
    let mut classes: Vec<usize> = Vec::new();
    let mut seen = std::collections::HashMap::new();
    let class_of: Vec<usize> = labels
        .iter()
        .map(|label| {
            *seen.entry(*label).or_insert_with(|| {
                classes.push(0);
                classes.len() - 1
            })
        })
        .collect();
    class_of.iter().for_each(|c| classes[*c] += 1);
    let largest = classes.iter().copied().max().unwrap_or(0);
    if k < 2 || k > largest {
        return fail(format!(
            "the number of folds must lie between 2 and the size of the largest class ({largest}), but is {k}"
        ));
    }
    // With the examples sorted by class and dealt out to the folds in turn, each class gets its number for each fold.
    let (mut of, mut start) = (vec![0; labels.len()], 0);
    for (class, count) in classes.iter().enumerate() {
        let mut numbers = vec![0; k];
        (start..start + count).for_each(|position| numbers[position % k] += 1);
        start += count;
        let sequence = numbers.iter().enumerate().flat_map(|(fold, number)| std::iter::repeat_n(fold, *number));
        for (i, fold) in (0..labels.len()).filter(|i| class_of[*i] == class).zip(sequence) {
            of[i] = fold;
        }
    }
    Ok(folds_of(&of, k))
}

/// The fold that tests each of `n` examples.
pub(super) fn tested(folds: &[Fold], n: usize) -> Vec<usize> {
    let mut of = vec![0; n];
    folds.iter().enumerate().for_each(|(f, fold)| fold.test.iter().for_each(|&i| of[i] = f));
    of
}

pub(super) fn folds_of(of: &[usize], k: usize) -> Vec<Fold> {
    (0..k)
        .map(|fold| {
            let (test, train) = (0..of.len()).partition(|i| of[*i] == fold);
            Fold { train, test }
        })
        .collect()
}

/// Checks that folds test each of `n` examples once, and never one that they fit on.
pub(crate) fn partition(folds: &[Fold], n: usize) -> Result<()> {
    let mut tested = vec![false; n];
    for (f, fold) in folds.iter().enumerate() {
        if fold.train.is_empty() || fold.test.is_empty() {
            return fail(format!("fold {f} has no example to fit or to test on"));
        }
        if let Some(i) = fold.train.iter().chain(&fold.test).find(|i| **i >= n) {
            return fail(format!("fold {f} names example {i}, but there are {n} (counted from 0)"));
        }
        let mut own = vec![false; n];
        for i in &fold.test {
            if std::mem::replace(&mut tested[*i], true) {
                return fail(format!("example {i} is tested more than once; each must be tested by exactly one fold"));
            }
            own[*i] = true;
        }
        if let Some(i) = fold.train.iter().find(|i| own[**i]) {
            return fail(format!("fold {f} both fits and tests example {i}"));
        }
    }
    match tested.iter().position(|t| !t) {
        Some(i) => fail(format!("example {i} is never tested; each must be tested by exactly one fold")),
        None => Ok(()),
    }
}
