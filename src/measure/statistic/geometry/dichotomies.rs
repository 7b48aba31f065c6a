//! Dichotomies of the conditions: ways to put half of them on either side; and shattering dimensionality, how many of them a
//! linear decoder can read.

use faer::MatRef;

use crate::error::Result;
use crate::measure::declaration::{Parameter, Scale, count};
use crate::measure::random::Random;
use crate::measure::statistic::entry::{StatisticEntry, TASK};
use crate::measure::statistic::input::{Classes, check, fail, mean, take_rows};
use crate::measure::statistic::probe::{Decoder, stratified_k_fold};
use crate::measure::statistic::source::Computation;

/// Sides have equal numbers of conditions (one more on one side for an odd number), not of examples. Folds are stratified by
/// condition, in the order of the examples.
pub(in super::super) const SHATTERING: StatisticEntry =
    StatisticEntry::new(TASK, "shattering", "shattering dimensionality of the labels as conditions", |g| {
        let (number, folds) = (g.count("dichotomies"), g.count("folds"));
        Computation::labelled(move |x, labels| shattering(x, labels, folds, number))
    })
    .formula("mean held-out accuracy over balanced dichotomies of the conditions")
    .source("Rigotti et al. 2013, Bernardi et al. 2020")
    .needs_labels()
    .scaled(|_| Scale::Own)
    .with(&[dichotomies(50), count("folds", 5, 2, "stratified folds")]);

/// How many dichotomies are taken.
pub(super) const fn dichotomies(default: usize) -> Parameter {
    count("dichotomies", default, 1, "drawn at most")
}

/// Dichotomies beyond which more are refused.
const MOST: f64 = 20_000.0;

fn shattering(x: MatRef<'_, f64>, conditions: &[usize], folds: usize, number: usize) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    if let Some(c) = classes.counts.iter().position(|n| *n < folds) {
        return fail(format!(
            "condition {} has {} examples, fewer than the {folds} folds that each need one",
            classes.values[c], classes.counts[c]
        ));
    }
    let decoder = Decoder::Ridge { alpha: 1.0 };
    let folds = stratified_k_fold(conditions, folds)?;
    let parts: Vec<_> = folds.iter().map(|f| (take_rows(x, &f.train), take_rows(x, &f.test))).collect();
    let mut accuracies = Vec::new();
    for side in balanced(classes.number(), number)? {
        let (mut right, mut all) = (0, 0);
        for (fold, (train, test)) in folds.iter().zip(&parts) {
            let label =
                |rows: &[usize]| rows.iter().map(|i| usize::from(side.contains(&classes.of[*i]))).collect::<Vec<_>>();
            let predicted = decoder.predict(train.as_ref(), &label(&fold.train), test.as_ref())?;
            right += predicted.iter().zip(label(&fold.test)).filter(|(a, b)| **a == *b).count();
            all += predicted.len();
        }
        accuracies.push(right as f64 / all as f64);
    }
    Ok(mean(&accuracies))
}

/// One side of each balanced dichotomy of `c` conditions, of which so many are drawn if there are more; for an even number of
/// conditions the side that holds the first.
pub(super) fn balanced(c: usize, number: usize) -> Result<Vec<Vec<usize>>> {
    let (even, half) = (c.is_multiple_of(2), c / 2);
    // The partner of a side is its complement, which for an odd number has another size.
    let (from, size) = if even { (c - 1, half - 1) } else { (c, half) };
    let all = number_of_combinations(from, size);
    let wanted = all.min(number as f64);
    if !(1.0..=MOST).contains(&wanted) {
        return fail(format!("between 1 and {MOST} dichotomies can be taken, but {wanted} are asked for; draw fewer"));
    }
    let mut random = Random::new(0, 0);
    let chosen: Vec<Vec<usize>> = if all <= MOST {
        let combinations = combinations(from, size);
        random.subset(combinations.len(), wanted as usize).iter().map(|i| combinations[*i].clone()).collect()
    } else {
        let mut drawn = std::collections::BTreeSet::new();
        while (drawn.len() as f64) < wanted {
            drawn.insert(random.subset(from, size));
        }
        drawn.into_iter().collect()
    };
    let side = |chosen: Vec<usize>| match even {
        true => std::iter::once(0).chain(chosen.iter().map(|i| i + 1)).collect(),
        false => chosen,
    };
    Ok(chosen.into_iter().map(side).collect())
}

/// Number of ways to choose `k` of `n`, as a float that cannot overflow to nonsense.
fn number_of_combinations(n: usize, k: usize) -> f64 {
    (0..k.min(n - k.min(n))).fold(1.0, |c, i| (c * (n - i) as f64 / (i + 1) as f64).round())
}

/// All ways to choose `k` of `0..n`, in lexicographic order.
fn combinations(n: usize, k: usize) -> Vec<Vec<usize>> {
    let (mut out, mut current) = (Vec::new(), (0..k).collect::<Vec<_>>());
    if k > n {
        return out;
    }
    loop {
        out.push(current.clone());
        let Some(i) = (0..k).rev().find(|i| current[*i] < n - k + i) else { return out };
        current[i] += 1;
        for j in i + 1..k {
            current[j] = current[j - 1] + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_all_and_counted() {
        assert_eq!(combinations(4, 2), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        for n in 0..9 {
            for k in 0..=n {
                assert_eq!(combinations(n, k).len() as f64, number_of_combinations(n, k), "{n} {k}");
            }
        }
        assert!(combinations(2, 3).is_empty());
    }

    #[test]
    fn dichotomies_are_counted_once() {
        for (conditions, count) in [(4, 3), (10, 126), (5, 10)] {
            assert_eq!(balanced(conditions, usize::MAX).unwrap().len(), count);
        }
        assert_eq!(balanced(2, 9).unwrap(), [[0]]);
        assert_eq!(balanced(4, 9).unwrap(), [[0, 1], [0, 2], [0, 3]]);
        let sample = balanced(40, 30).unwrap();
        assert_eq!(sample.len(), 30);
        assert!(sample.iter().all(|s| s.len() == 20 && s[0] == 0));
        assert!(balanced(40, usize::MAX).is_err());
    }
}
