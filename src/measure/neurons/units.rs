//! What the neuron-matching measures share: checks of the input, units as centred columns of unit length, and the
//! correlation matrix between the units of two representations.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::error::{Error, Result};

/// A representation's units, centred over the examples and scaled to unit length; units that do not vary are left out.
///
/// Inner products of these columns are Pearson correlations.
#[derive(Debug, Clone)]
pub struct Units {
    /// examples × kept units; every column has mean 0 and Euclidean norm 1.
    pub columns: Mat<f64>,
    /// Index in the representation of every kept unit, ascending.
    pub kept: Vec<usize>,
    /// How many units were left out because they have no variance.
    pub dropped: usize,
}

impl Units {
    /// Standardises the columns of `x` (examples × units).
    ///
    /// A unit counts as constant if all its values are equal, or if what is left after centring is at the level of
    /// rounding (norm at most 4 machine epsilons times the norm of the unit). `name` stands for the representation in
    /// error messages.
    ///
    /// # Errors
    /// With fewer than two examples, no units, a value that is not finite, or no unit that varies.
    pub fn new(x: MatRef<'_, f64>, name: &str) -> Result<Self> {
        check(x, name, 2)?;
        let mut kept = Vec::new();
        let mut standardised = Vec::new();
        for unit in 0..x.ncols() {
            if let Some(column) = standardise(x.col(unit).iter().copied().collect()) {
                kept.push(unit);
                standardised.push(column);
            }
        }
        if kept.is_empty() {
            return Err(Error::Measure(format!(
                "expected at least one unit of {name} to vary over the examples, but all {} are constant; leave this \
                 representation out",
                x.ncols()
            )));
        }
        let columns = Mat::from_fn(x.nrows(), kept.len(), |i, j| standardised[j][i]);
        Ok(Self { columns, dropped: x.ncols() - kept.len(), kept })
    }
}

/// The column centred and scaled to unit norm, or nothing if it is constant.
fn standardise(mut v: Vec<f64>) -> Option<Vec<f64>> {
    let n = v.len() as f64;
    // A power of two changes no bits of the result and keeps squares from overflowing.
    let scale = power_of_two_scale(v.iter().fold(0.0, |m: f64, a| m.max(a.abs())));
    v.iter_mut().for_each(|a| *a *= scale);
    let raw = norm(&v);
    if v.windows(2).all(|w| w[0] == w[1]) {
        return None;
    }
    // The second pass removes what rounding left in the first mean.
    for _ in 0..2 {
        let mean = v.iter().sum::<f64>() / n;
        v.iter_mut().for_each(|a| *a -= mean);
    }
    let centred = norm(&v);
    if centred <= 4.0 * f64::EPSILON * raw {
        return None;
    }
    v.iter_mut().for_each(|a| *a /= centred);
    Some(v)
}

fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

/// The power of two that brings a largest magnitude of `max_abs` near 1; 1 for zero.
pub(crate) fn power_of_two_scale(max_abs: f64) -> f64 {
    if max_abs > 0.0 { (-max_abs.log2().floor().clamp(-1000.0, 1000.0)).exp2() } else { 1.0 }
}

/// Inner product in a fixed order of summation: equal vectors give equal bits wherever they lie.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    fold_lanes(a, b, |x, y| x * y)
}

/// Sum of squared differences in a fixed order of summation.
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    fold_lanes(a, b, |x, y| (x - y) * (x - y))
}

fn fold_lanes(a: &[f64], b: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    // Eight independent sums let the compiler use vector registers without changing the order.
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let (a_rest, b_rest) = (a8.remainder(), b8.remainder());
    for (p, q) in a8.zip(b8) {
        for (lane, (&x, &y)) in lanes.iter_mut().zip(p.iter().zip(q)) {
            *lane += term(x, y);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&x, &y)| term(x, y)).sum();
    (lanes[0] + lanes[4]) + (lanes[1] + lanes[5]) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7])) + rest
}

/// The rows of `x` as contiguous vectors.
pub(crate) fn rows(x: MatRef<'_, f64>) -> Vec<Vec<f64>> {
    (0..x.nrows()).map(|i| x.row(i).iter().copied().collect()).collect()
}

/// Refuses a representation with fewer than `min_examples` rows, without units, or with a value that is not finite.
pub(crate) fn check(x: MatRef<'_, f64>, name: &str, min_examples: usize) -> Result<()> {
    if x.nrows() < min_examples {
        return Err(Error::Measure(format!(
            "expected at least {min_examples} examples (rows) in {name}, got {}; record more examples",
            x.nrows()
        )));
    }
    if x.ncols() == 0 {
        return Err(Error::Measure(format!("expected at least one unit (column) in {name}, got none")));
    }
    for unit in 0..x.ncols() {
        if let Some(example) = x.col(unit).iter().position(|v| !v.is_finite()) {
            return Err(Error::Measure(format!(
                "expected finite values in {name}, got {} at example {example}, unit {unit}; check the run for \
                 divergence or remove the example",
                x[(example, unit)]
            )));
        }
    }
    Ok(())
}

/// Refuses two representations that do not have the same number of rows.
pub(crate) fn check_same_examples(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<()> {
    if x.nrows() != y.nrows() {
        return Err(Error::Measure(format!(
            "expected the same examples in both representations, got {} rows in X and {} in Y; record both on the same \
             inputs in the same order",
            x.nrows(),
            y.nrows()
        )));
    }
    Ok(())
}

/// Pearson correlations between the kept units of two representations: kept of X × kept of Y.
pub(crate) fn cross_correlation(x: &Units, y: &Units) -> Mat<f64> {
    let mut c = Mat::zeros(x.kept.len(), y.kept.len());
    matmul(c.as_mut(), Accum::Replace, x.columns.transpose(), y.columns.as_ref(), 1.0, Par::Seq);
    c
}
