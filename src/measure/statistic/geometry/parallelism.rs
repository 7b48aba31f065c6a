//! Parallelism score: whether a variable is coded along the same direction under different conditions.

use super::ccgp::CONTEXTS;
use super::dichotomies::{balanced, dichotomies};
use super::null::{DRAWS, NULL, against, held};
use crate::error::Result;
use crate::measure::statistic::entry::{StatisticEntry, TASK};
use crate::measure::statistic::input::{Rows, dot, fail, mean};
use crate::measure::statistic::moments::{ByClass, Moments};
use crate::measure::statistic::source::Computation;

/// Conditions on a side beyond which the pairings are too many to try.
const MOST_PER_SIDE: usize = 9;

/// From -1 to 1. The coding vector of two conditions is the difference of their centroids. Over dichotomies it is a maximum, which
/// is biased upwards: compare with a null.
pub(in super::super) const PARALLELISM: StatisticEntry =
    StatisticEntry::new(TASK, "parallelism", "parallelism score, the labels as conditions", |g| {
        let (contexts, number) = (g.count("contexts"), g.count("dichotomies"));
        let form = Computation::decided(ByClass, move |own, _| match contexts {
            0 => over_dichotomies(own, number),
            _ => over_contexts(own, contexts),
        });
        against(form, g)
    })
    .formula(
        "mean cosine of coding vectors: of conditions of two sides, at the pairing where it is largest, over balanced dichotomies; \
         with contexts, of two values in each of them",
    )
    .source("Bernardi et al. 2020")
    .needs_labels()
    .holds(held)
    .with(&[CONTEXTS, dichotomies(50), NULL, DRAWS]);

/// Mean over every two values of the mean cosine of their coding vectors in different contexts.
fn over_contexts(own: &Moments, contexts: usize) -> Result<Option<f64>> {
    let (values, means) = (own.classes.in_contexts(contexts)?, Rows::of(own.means.as_ref()));
    let mut scores = Vec::new();
    for a in 0..values {
        for b in a + 1..values {
            let pairs: Vec<_> = (0..contexts).map(|c| (b * contexts + c, a * contexts + c)).collect();
            let Some(coding) = coding(own, &means, &pairs)? else { return Ok(None) };
            let pairs = (0..contexts).flat_map(|i| (i + 1..contexts).map(move |j| (i, j)));
            scores.push(mean(&pairs.map(|(i, j)| dot(&coding[i], &coding[j])).collect::<Vec<_>>()));
        }
    }
    Ok(Some(mean(&scores)))
}

/// Mean over balanced dichotomies of the best pairing's mean cosine.
fn over_dichotomies(own: &Moments, number: usize) -> Result<Option<f64>> {
    let (c, means) = (own.classes.number(), Rows::of(own.means.as_ref()));
    let m = c / 2;
    if 2 * m != c || !(2..=MOST_PER_SIDE).contains(&m) {
        return fail(format!(
            "the sides of a dichotomy need the same number of conditions, 2 to {MOST_PER_SIDE}, but the labels have {c}"
        ));
    }
    let mut scores = Vec::new();
    for plus in balanced(c, number)? {
        let minus = || (0..c).filter(|b| !plus.contains(b));
        let pairs: Vec<_> = plus.iter().flat_map(|a| minus().map(|b| (*a, b))).collect();
        let Some(coding) = coding(own, &means, &pairs)? else { return Ok(None) };
        let cosines: Vec<f64> = coding.iter().flat_map(|a| coding.iter().map(|b| dot(a, b))).collect();
        let cosine = |i: usize, to_i: usize, j: usize, to_j: usize| cosines[(i * m + to_i) * m * m + j * m + to_j];
        let mut best = f64::NEG_INFINITY;
        search(m, &mut Vec::with_capacity(m), 0.0, &cosine, &mut best);
        scores.push(best / (m * (m - 1) / 2) as f64);
    }
    Ok(Some(mean(&scores)))
}

/// Extends a pairing by one condition at a time, with the sum of cosines so far.
fn search(
    m: usize,
    pairing: &mut Vec<usize>,
    sum: f64,
    cosine: &dyn Fn(usize, usize, usize, usize) -> f64,
    best: &mut f64,
) {
    let i = pairing.len();
    if i == m {
        *best = best.max(sum);
        return;
    }
    for to in 0..m {
        if !pairing.contains(&to) {
            let more: f64 = pairing.iter().enumerate().map(|(j, to_j)| cosine(i, to, j, *to_j)).sum();
            pairing.push(to);
            search(m, pairing, sum + more, cosine, best);
            pairing.pop();
        }
    }
}

/// Differences of the means of two conditions each, at length 1; nothing where one is near the rounding of the means.
fn coding(own: &Moments, means: &Rows, pairs: &[(usize, usize)]) -> Result<Option<Vec<Vec<f64>>>> {
    let mut all = Vec::with_capacity(pairs.len());
    for &(a, b) in pairs {
        let difference: Vec<f64> = means.row(a).iter().zip(means.row(b)).map(|(a, b)| a - b).collect();
        let length = dot(&difference, &difference).sqrt();
        if length == 0.0 {
            return fail("the means of two paired conditions coincide: their coding vector has no direction");
        }
        if !own.is_sure(length) {
            return Ok(None);
        }
        all.push(difference.into_iter().map(|v| v / length).collect());
    }
    Ok(Some(all))
}
