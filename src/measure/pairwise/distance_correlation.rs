//! Distance correlation between two representations: biased, and bias-corrected squared.

use crate::error::Result;
use crate::measure::pairwise::algebra::{dot, inner, power_of_two_scale, square};
use crate::measure::pairwise::gram::{double_centred, squared_distances, u_centred};
use crate::measure::pairwise::input::{check, check_pair, finite, refuse};
use crate::measure::pairwise::kernel::unit_triangle;
use faer::{Mat, MatRef};

/// Distance correlation of two representations (n x p and n x q, n at least 2) with Euclidean distances (Székely, Rizzo
/// and Bakirov 2007): √(dCov² / √(dVar²(X) dVar²(Y))) of the double-centred distance matrices. In [0, 1]. Invariant to
/// orthogonal maps, translation and scale. Biased upwards for few examples.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing row counts, fewer than 2 examples, non-finite values,
/// or examples that all coincide.
pub fn distance_correlation(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
    check_pair(x, y, 2)?;
    CentredDistances::biased(x)?.correlation(&CentredDistances::biased(y)?)
}

/// The bias-corrected squared distance correlation (Székely and Rizzo 2014): the same ratio, not rooted, of
/// U-centred distance matrices. In [−1, 1], zero in expectation for independent data, and negative at times. Needs n at
/// least 4.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`distance_correlation`], and for fewer than 4 examples.
pub fn distance_correlation_squared_unbiased(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
    check_pair(x, y, 4)?;
    CentredDistances::debiased(x)?.squared_correlation(&CentredDistances::debiased(y)?)
}

/// A representation as distance correlation compares it, made once for all pairs that it is in.
pub struct CentredDistances {
    /// The lower triangle at unit norm.
    triangle: Vec<f64>,
}

impl CentredDistances {
    /// For [`distance_correlation`].
    ///
    /// # Errors
    /// As it.
    pub fn biased(x: MatRef<'_, f64>) -> Result<Self> {
        check(x, "the representation", 2)?;
        Self::of(double_centred(distances(x)?))
    }

    /// For [`distance_correlation_squared_unbiased`].
    ///
    /// # Errors
    /// As it.
    pub fn debiased(x: MatRef<'_, f64>) -> Result<Self> {
        check(x, "the representation", 4)?;
        Self::of(u_centred(distances(x)?))
    }

    fn of(table: Mat<f64>) -> Result<Self> {
        let own = inner(&table, &table);
        if own <= (32.0 * f64::EPSILON * table.nrows() as f64).powi(2) {
            return refuse(
                "expected distances that vary after centring, got examples that are all equally far; add examples",
            );
        }
        Ok(Self { triangle: unit_triangle(&table, "the norm of the distances")? })
    }

    /// The correlation of two of one kind.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn squared_correlation(&self, other: &Self) -> Result<f64> {
        finite(dot(&self.triangle, &other.triangle), "distance correlation")
    }

    /// The vector whose inner products with others are squared correlations.
    pub fn vector(&self) -> Option<&[f64]> {
        Some(&self.triangle)
    }

    /// Its root: the biased statistic cannot be negative except by rounding.
    ///
    /// # Errors
    /// If it is not finite.
    pub fn correlation(&self, other: &Self) -> Result<f64> {
        Ok(self.squared_correlation(other)?.max(0.0).sqrt())
    }
}

/// Euclidean distances of all pairs, divided by the largest one, which no ratio feels.
fn distances(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    // At a scale near one, so that no square leaves the range.
    let near_one = x * faer::Scale(power_of_two_scale(crate::measure::pairwise::algebra::largest(x)));
    let d: Vec<f64> = squared_distances(near_one.as_ref()).into_iter().map(f64::sqrt).collect();
    let largest = d.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return refuse("expected examples that differ, got a constant representation; leave it out");
    }
    let scaled: Vec<f64> = d.into_iter().map(|d| d / largest).collect();
    Ok(square(x.nrows(), &scaled, 0.0))
}
