//! Shattering dimensionality: how many ways of grouping the conditions a linear decoder can read.

use faer::MatRef;

use super::Decoder;
use crate::error::Result;
use crate::measure::declaration::Scale;
use crate::measure::random::Random;
use crate::measure::statistic::entry::{StatisticEntry, TASK, count};
use crate::measure::statistic::input::{Classes, check, fail, mean, take_rows};
use crate::measure::statistic::probe::stratified_k_fold;
use crate::measure::statistic::source::Form;

pub(in super::super) const SHATTERING: StatisticEntry =
    StatisticEntry::new(TASK, "shattering", "shattering dimensionality of the labels as conditions", |g| {
        let (number, folds) = (g.count("dichotomies"), g.count("folds"));
        Form::labelled(move |x, labels| {
            let decoder = Decoder::Ridge { alpha: 1.0 };
            Ok(shattering_dimensionality(x, labels, folds, &decoder, Dichotomies::Sample { number, seed: 0 })?.mean)
        })
    })
    .formula("mean held-out accuracy over balanced dichotomies of the conditions")
    .source("Rigotti et al. 2013, Bernardi et al. 2020")
    .needs_labels()
    .scaled(|_| Scale::Own)
    .with(&[count("dichotomies", 50, 1, "drawn at most"), count("folds", 5, 2, "stratified folds")]);

/// Dichotomies beyond which all of them are refused.
const MOST: f64 = 20_000.0;

/// Which balanced dichotomies are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dichotomies {
    /// All: `C(c, c/2) / 2` for an even number `c` of conditions, `C(c, (c-1)/2)` for an odd one.
    All,
    /// Different ones drawn at random; all of them if there are no more.
    Sample {
        /// How many.
        number: usize,
        /// Seed of the draw.
        seed: u64,
    },
}

/// Decodability of balanced dichotomies.
#[derive(Clone, Debug, PartialEq)]
pub struct Shattering {
    /// Mean held-out accuracy over the dichotomies, from 0 to 1; chance is about 0.5.
    pub mean: f64,
    /// Conditions of one side and held-out accuracy, for each dichotomy.
    pub dichotomies: Vec<(Vec<usize>, f64)>,
}

/// Shattering dimensionality (Rigotti et al. 2013; Bernardi et al. 2020): mean cross-validated accuracy of a decoder over
/// balanced dichotomies of the conditions. Folds are stratified by condition, in the order of the examples.
///
/// `x`: examples × units; `conditions`: condition of each example. Sides have equal numbers of conditions (one more on
/// one side for an odd number), not of examples.
///
/// # Errors
/// Conditions of another length, fewer than two of them, or one with fewer examples than `folds`; more than 20,000
/// dichotomies asked for; values that are not finite; errors of the decoder.
pub fn shattering_dimensionality(
    x: MatRef<'_, f64>,
    conditions: &[usize],
    folds: usize,
    decoder: &Decoder,
    which: Dichotomies,
) -> Result<Shattering> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    if let Some(c) = classes.counts.iter().position(|n| *n < folds) {
        return fail(format!(
            "condition {} has {} examples, fewer than the {folds} folds that each need one",
            classes.values[c], classes.counts[c]
        ));
    }
    let folds = stratified_k_fold(conditions, folds)?;
    let parts: Vec<_> = folds.iter().map(|f| (take_rows(x, &f.train), take_rows(x, &f.test))).collect();
    let mut dichotomies = Vec::new();
    for side in balanced(classes.number(), which)? {
        let (mut right, mut all) = (0, 0);
        for (fold, (train, test)) in folds.iter().zip(&parts) {
            let label =
                |rows: &[usize]| rows.iter().map(|i| usize::from(side.contains(&classes.of[*i]))).collect::<Vec<_>>();
            let predicted = decoder.predict(train.as_ref(), &label(&fold.train), test.as_ref())?;
            right += predicted.iter().zip(label(&fold.test)).filter(|(a, b)| **a == *b).count();
            all += predicted.len();
        }
        let conditions = side.iter().map(|c| classes.values[*c]).collect();
        dichotomies.push((conditions, right as f64 / all as f64));
    }
    Ok(Shattering { mean: mean(&dichotomies.iter().map(|d| d.1).collect::<Vec<_>>()), dichotomies })
}

/// One side of each balanced dichotomy of `c` conditions; for an even number the one that holds the first condition.
fn balanced(c: usize, which: Dichotomies) -> Result<Vec<Vec<usize>>> {
    let (even, half) = (c.is_multiple_of(2), c / 2);
    // The partner of a side is its complement, which for an odd number has another size.
    let (from, size) = if even { (c - 1, half - 1) } else { (c, half) };
    let number = number_of_combinations(from, size);
    let side = |chosen: &[usize]| -> Vec<usize> {
        if even { std::iter::once(0).chain(chosen.iter().map(|i| i + 1)).collect() } else { chosen.to_vec() }
    };
    let wanted = match which {
        Dichotomies::All => number,
        Dichotomies::Sample { number: wanted, .. } => number.min(wanted as f64),
    };
    if !(1.0..=MOST).contains(&wanted) {
        return fail(format!(
            "between 1 and {MOST} dichotomies can be decoded, but {wanted} are asked for; draw a sample"
        ));
    }
    let Dichotomies::Sample { seed, .. } = which else {
        return Ok(combinations(from, size).iter().map(|s| side(s)).collect());
    };
    if number <= MOST {
        let all = combinations(from, size);
        let chosen = Random::new(seed, 0).subset(all.len(), wanted as usize);
        return Ok(chosen.iter().map(|i| side(&all[*i])).collect());
    }
    let (mut random, mut drawn) = (Random::new(seed, 0), std::collections::BTreeSet::new());
    while (drawn.len() as f64) < wanted {
        drawn.insert(random.subset(from, size));
    }
    Ok(drawn.iter().map(|s| side(s)).collect())
}

/// Number of ways to choose `k` of `n`, as a float that cannot overflow to nonsense.
pub(super) fn number_of_combinations(n: usize, k: usize) -> f64 {
    (0..k.min(n - k.min(n))).fold(1.0, |c, i| (c * (n - i) as f64 / (i + 1) as f64).round())
}

/// All ways to choose `k` of `0..n`, in lexicographic order.
pub(super) fn combinations(n: usize, k: usize) -> Vec<Vec<usize>> {
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
        assert_eq!(balanced(4, Dichotomies::All).unwrap().len(), 3);
        assert_eq!(balanced(10, Dichotomies::All).unwrap().len(), 126);
        assert_eq!(balanced(5, Dichotomies::All).unwrap().len(), 10);
        assert_eq!(balanced(2, Dichotomies::All).unwrap(), [[0]]);
        let sample = balanced(40, Dichotomies::Sample { number: 30, seed: 1 }).unwrap();
        assert_eq!(sample.len(), 30);
        assert!(sample.iter().all(|s| s.len() == 20 && s[0] == 0));
        assert!(balanced(40, Dichotomies::All).is_err());
        assert!(balanced(4, Dichotomies::Sample { number: 0, seed: 1 }).is_err());
    }
}
