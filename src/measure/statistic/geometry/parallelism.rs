//! Parallelism score: whether a variable is coded along the same direction under different conditions.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::ccgp::sides;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::compare::Named;
use crate::measure::statistic::input::{Classes, Rows, check, dot, fail};
use crate::measure::statistic::moments::ByClass;
use crate::measure::statistic::source::{Batch, Source};

/// Conditions on a side beyond which the pairings are too many to try.
const MOST_PER_SIDE: usize = 9;

/// Parallelism score of a dichotomy (Bernardi et al. 2020): conditions of the two sides are paired, the coding vector of
/// a pair is the difference of its centroids, and the score is the mean cosine over pairs of coding vectors, at the
/// pairing where it is largest. From -1 to 1. The maximum is biased upwards: compare with a null
/// ([`super::against_geometry_null`]), or fix the pairing ([`parallelism_of_pairs`]).
///
/// `x`: examples × units; `conditions`: condition of each example; `positive`: the conditions on one side.
///
/// # Errors
/// Conditions of another length; sides of different sizes, of one condition, or of more than 9; paired centroids that
/// coincide; values that are not finite.
pub fn parallelism_score(x: MatRef<'_, f64>, conditions: &[usize], positive: &[usize]) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    let (plus, minus) = sides(&classes, positive)?;
    let m = plus.len();
    if m != minus.len() || !(2..=MOST_PER_SIDE).contains(&m) {
        return fail(format!(
            "the sides of a parallelism score need the same number of conditions, 2 to {MOST_PER_SIDE}, but have {m} and {}",
            minus.len()
        ));
    }
    let means = Rows::of(classes.means(x).as_ref());
    // Unit coding vectors of all pairs of one condition of each side, and their scalar products.
    let mut coding = Vec::with_capacity(m * m);
    for a in &plus {
        for b in &minus {
            coding.push(direction(means.row(*a), means.row(*b))?);
        }
    }
    let cosines: Vec<f64> = coding.iter().flat_map(|a| coding.iter().map(|b| dot(a, b))).collect();
    let cosine = |i: usize, to_i: usize, j: usize, to_j: usize| cosines[(i * m + to_i) * m * m + j * m + to_j];
    let mut best = f64::NEG_INFINITY;
    let mut pairing = Vec::with_capacity(m);
    search(m, &mut pairing, 0.0, &cosine, &mut best);
    Ok(best / (m * (m - 1) / 2) as f64)
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

/// Mean cosine over pairs of coding vectors for a given pairing: `pairs` holds a condition of one side and its partner.
/// In a two-by-two design, with the variable's two values in each of two contexts, this is the cosine of the two coding
/// vectors.
///
/// # Errors
/// Fewer than two pairs; a condition that no example has; paired centroids that coincide; conditions of another length;
/// values that are not finite.
pub fn parallelism_of_pairs(x: MatRef<'_, f64>, conditions: &[usize], pairs: &[(usize, usize)]) -> Result<f64> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    if pairs.len() < 2 {
        return fail("a parallelism score compares at least two pairs of conditions");
    }
    of_means(&classes.means(x), &classes.values, pairs)
}

/// [`parallelism_of_pairs`] from means of the conditions that a device makes in f32 (without one: the processor).
///
/// # Errors
/// As there, and if every example is a condition of its own, or the device fails.
pub fn parallelism_of_pairs_on(
    gpu: Option<&Arc<Gpu>>,
    x: MatRef<'_, f64>,
    conditions: &[usize],
    pairs: &[(usize, usize)],
) -> Result<f64> {
    check(x, "the representation", 2)?;
    if pairs.len() < 2 {
        return fail("a parallelism score compares at least two pairs of conditions");
    }
    let named = Named { name: String::new(), values: x.to_owned() };
    let mut found = ByClass.device(&Batch::new(gpu, vec![&named], conditions))?;
    match found.pop().flatten() {
        Some(moments) => of_means(&moments.means, &moments.classes.values, pairs),
        None => fail("single precision does not give the means of the conditions"),
    }
}

/// [`parallelism_of_pairs`] from the means of the conditions (conditions × units) and their names, ascending.
fn of_means(means: &Mat<f64>, conditions: &[usize], pairs: &[(usize, usize)]) -> Result<f64> {
    let means = Rows::of(means.as_ref());
    let mean_of = |condition: usize| match conditions.binary_search(&condition) {
        Ok(c) => Ok(means.row(c)),
        Err(_) => fail(format!("condition {condition} of a pair has no example")),
    };
    let coding = pairs.iter().map(|(a, b)| direction(mean_of(*a)?, mean_of(*b)?)).collect::<Result<Vec<_>>>()?;
    let m = coding.len();
    let sum: f64 = (0..m).map(|i| (i + 1..m).map(|j| dot(&coding[i], &coding[j])).sum::<f64>()).sum();
    Ok(sum / (m * (m - 1) / 2) as f64)
}

/// The difference of two centroids, scaled to length 1.
fn direction(a: &[f64], b: &[f64]) -> Result<Vec<f64>> {
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let length = dot(&difference, &difference).sqrt();
    if !(length > 0.0 && length.is_finite()) {
        return fail("the means of two paired conditions coincide: their coding vector has no direction");
    }
    Ok(difference.into_iter().map(|v| v / length).collect())
}
