//! Units as centred columns of unit length, whose products are correlations.

use faer::{Mat, MatRef};

use super::algebra::{dot, power_of_two_scale, product, sum};
use super::check::{check, refuse};
use crate::error::Result;

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
            return refuse(format!(
                "expected at least one unit of {name} to vary over the examples, but all {} are constant; leave this \
                 representation out",
                x.ncols()
            ));
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
        let mean = sum(&v) / n;
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

/// The rows of `x` as contiguous vectors.
pub(crate) fn rows(x: MatRef<'_, f64>) -> Vec<Vec<f64>> {
    (0..x.nrows()).map(|i| x.row(i).iter().copied().collect()).collect()
}

/// Pearson correlations between the kept units of two representations: kept of X × kept of Y.
pub(crate) fn cross_correlation(x: &Units, y: &Units) -> Mat<f64> {
    product(x.columns.transpose(), y.columns.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn units_that_vary_are_centred_and_have_length_one() {
        // The second is constant, the third constant but for rounding.
        let x = mat![[1.0, 7.0, 1.0], [2.0, 7.0, 1.0 + f64::EPSILON], [3.0, 7.0, 1.0]];
        let units = Units::new(x.as_ref(), "x").unwrap();
        assert_eq!((units.kept, units.dropped), (vec![0], 2));
        let expected = [-0.5_f64.sqrt(), 0.0, 0.5_f64.sqrt()];
        assert!((0..3).all(|i| (units.columns[(i, 0)] - expected[i]).abs() < 1e-15));
    }
}
