//! Which fold each example belongs to, by the rules of scikit-learn without shuffling, so that scores can be compared.

use crate::error::Result;
use crate::measure::subspace::prepare::fail;
use std::collections::HashMap;

/// Contiguous folds (`KFold`): the first `n mod folds` are one example longer. Shuffle beforehand examples that are sorted
/// by class. Entry `i` is the fold of example `i`, in 0..folds.
///
/// # Errors
/// When `folds` is not in 2..=n.
pub fn contiguous_folds(n: usize, folds: usize) -> Result<Vec<usize>> {
    check_count(n, folds)?;
    Ok((0..folds).flat_map(|f| std::iter::repeat_n(f, n / folds + usize::from(f < n % folds))).collect())
}

/// Folds with the same share of each class (`StratifiedKFold`): the examples of a class go to the folds in order. Entry `i`
/// is the fold of example `i`, in 0..folds.
///
/// # Errors
/// When `folds` is not in 2..=n, or every class has fewer examples than there are folds.
pub fn stratified_folds(labels: &[usize], folds: usize) -> Result<Vec<usize>> {
    check_count(labels.len(), folds)?;
    // Classes are numbered in order of appearance.
    let mut number = HashMap::new();
    let classes: Vec<usize> = labels
        .iter()
        .map(|label| {
            let next = number.len();
            *number.entry(*label).or_insert(next)
        })
        .collect();
    let mut sizes = vec![0usize; number.len()];
    classes.iter().for_each(|&class| sizes[class] += 1);
    if sizes.iter().all(|&size| size < folds) {
        return fail(format!("every class has fewer than {folds} examples; use fewer folds or contiguous ones"));
    }
    // Dealing out the sorted classes card by card says how many of each class a fold gets.
    let mut share = vec![vec![0usize; sizes.len()]; folds];
    let sorted = sizes.iter().enumerate().flat_map(|(class, &size)| std::iter::repeat_n(class, size));
    sorted.enumerate().for_each(|(card, class)| share[card % folds][class] += 1);
    let mut queues: Vec<_> = (0..sizes.len())
        .map(|class| (0..folds).flat_map(|f| std::iter::repeat_n(f, share[f][class])).collect::<Vec<_>>().into_iter())
        .collect();
    Ok(classes.into_iter().map(|class| queues[class].next().unwrap_or(0)).collect())
}

fn check_count(n: usize, folds: usize) -> Result<()> {
    if folds < 2 || folds > n {
        return fail(format!("cross-validation takes 2 to n folds, {folds} were asked for with n = {n}; usual is 5"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(contiguous_folds(7, 3).unwrap(), [0, 0, 0, 1, 1, 2, 2]);
        // Classes 9 (5 examples) and 4 (4 examples), in order of appearance: dealt 9 9 9 9 9 4 4 4 4 over 2 folds.
        let labels = [9, 9, 4, 4, 9, 4, 9, 9, 4];
        assert_eq!(stratified_folds(&labels, 2).unwrap(), [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn bad_input_is_an_error() {
        for folds in [0, 1, 4, usize::MAX] {
            assert!(contiguous_folds(3, folds).is_err() && stratified_folds(&[1, 1, 1], folds).is_err());
        }
        assert!(stratified_folds(&[1, 2, 3], 2).is_err() && contiguous_folds(0, 2).is_err());
    }
}
