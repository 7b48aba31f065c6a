//! Dissimilarities in units of the noise: the covariance of noise residuals with shrinkage, Mahalanobis distances, and
//! cross-validated Mahalanobis (crossnobis) distances of repeated measurements.

use crate::error::Result;
use crate::measure::numerics::algebra::{Rows, centre, cholesky, condensed, dot, inner, product};
use crate::measure::numerics::check::{check, check_symmetric, refuse};
use crate::measure::pairwise::gram::squared_distances;
use crate::measure::pairwise::rdm::Rdm;
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Mat, MatRef, Par};

/// How a sample covariance is regularised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shrinkage {
    /// Not at all (rsatoolbox "full"). Singular with fewer than p + 1 residuals.
    None,
    /// Only the variances, covariances zero: univariate noise normalisation (rsatoolbox "diag").
    Variances,
    /// Covariances multiplied by one minus this share, in [0, 1].
    TowardsDiagonal(f64),
    /// Towards the mean variance times the identity, with the share of Ledoit and Wolf 2004 (rsatoolbox
    /// "shrinkage_eye").
    LedoitWolf,
    /// Towards the diagonal, with the share of Schäfer and Strimmer 2005, table 2, target D.
    SchaferStrimmer,
    /// As [`Shrinkage::SchaferStrimmer`] with the share as rsatoolbox ("shrinkage_diag") computes it, whose variance of a
    /// correlation takes the mean over n − 1 instead of n.
    SchaferStrimmerRsatoolbox,
}

/// The covariance (p x p) of `residuals` (n x p, n at least 2), their means removed.
///
/// `degrees_of_freedom` is what the sum of products is divided by, n − 1 when not given; give less where a model with
/// more parameters was subtracted.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for too few or non-finite residuals, zero degrees of freedom, a share
/// outside [0, 1], or units without variance where correlations are needed.
pub fn covariance(
    residuals: MatRef<'_, f64>,
    shrinkage: Shrinkage,
    degrees_of_freedom: Option<usize>,
) -> Result<Mat<f64>> {
    check(residuals, "the residuals", 2)?;
    let dof = degrees_of_freedom.unwrap_or(residuals.nrows() - 1) as f64;
    if dof == 0.0 {
        return refuse("expected at least one degree of freedom for a covariance, got 0; give more residuals");
    }
    let r = centre(residuals);
    let sums = product(r.transpose(), r.as_ref());
    let keep = match shrinkage {
        Shrinkage::None => 1.0,
        Shrinkage::Variances => 0.0,
        Shrinkage::TowardsDiagonal(share) if (0.0..=1.0).contains(&share) => 1.0 - share,
        Shrinkage::TowardsDiagonal(share) => {
            return refuse(format!("expected a shrinkage between 0 and 1, got {share}; choose one in that range"));
        }
        Shrinkage::LedoitWolf => return Ok(ledoit_wolf(&r, &sums, dof)),
        Shrinkage::SchaferStrimmer => 1.0 - schafer_strimmer(&r, &sums, dof, r.nrows() as f64)?,
        Shrinkage::SchaferStrimmerRsatoolbox => 1.0 - schafer_strimmer(&r, &sums, dof, r.nrows() as f64 - 1.0)?,
    };
    Ok(Mat::from_fn(sums.nrows(), sums.ncols(), |i, j| {
        // Read from one side, so that the result is exactly symmetric.
        let s = sums[(i.max(j), i.min(j))] / dof;
        if i == j { s } else { keep * s }
    }))
}

fn ledoit_wolf(r: &Mat<f64>, sums: &Mat<f64>, dof: f64) -> Mat<f64> {
    let (n, p) = (r.nrows() as f64, r.ncols());
    let mean = (0..p).map(|i| sums[(i, i)]).sum::<f64>() / (n * p as f64);
    let target = |i: usize, j: usize| if i == j { mean } else { 0.0 };
    let apart = Mat::from_fn(p, p, |i, j| sums[(i.max(j), i.min(j))] / n - target(i, j));
    let d2 = inner(&apart, &apart);
    let fourth: f64 = (0..r.nrows()).map(|i| r.row(i).iter().map(|v| v * v).sum::<f64>().powi(2)).sum();
    let b2 = (((fourth - inner(sums, sums) / n) / (n * n)).max(0.0)).min(d2);
    // With the sample at its target already, any share gives the same matrix.
    let share = if d2 > 0.0 { b2 / d2 } else { 1.0 };
    Mat::from_fn(p, p, |i, j| (target(i, j) + (1.0 - share) * apart[(i, j)]) * (n / dof))
}

/// The share Σ Var(r_ij) / Σ r_ij² over i ≠ j, with `mean_over` as the count in the mean of products.
fn schafer_strimmer(r: &Mat<f64>, sums: &Mat<f64>, dof: f64, mean_over: f64) -> Result<f64> {
    let (n, p) = (r.nrows() as f64, r.ncols());
    if let Some(unit) = (0..p).find(|&i| sums[(i, i)] <= 0.0) {
        return refuse(format!("expected residuals that vary, got none in unit {unit}; remove that unit"));
    }
    let squares = Mat::from_fn(r.nrows(), p, |i, j| r[(i, j)] * r[(i, j)]);
    let fourth = product(squares.transpose(), squares.as_ref());
    let (mut variances, mut correlations) = (0.0, 0.0);
    for j in 0..p {
        for i in (0..p).filter(|&i| i != j) {
            let scale = sums[(i, i)] * sums[(j, j)] / (dof * dof);
            let total = sums[(i, j)] / scale.sqrt();
            let unbiased = n - 1.0;
            variances += n / (dof * dof * unbiased) * (fourth[(i, j)] / scale - total * total / mean_over);
            correlations += (total / unbiased) * (total / unbiased);
        }
    }
    Ok(if correlations > 0.0 { (variances / correlations).clamp(0.0, 1.0) } else { 1.0 })
}

/// What the noise is described by.
#[derive(Clone, Copy, Debug)]
pub enum Noise<'a> {
    /// Σ (p x p), positive definite.
    Covariance(MatRef<'a, f64>),
    /// Σ⁻¹ (p x p), positive definite.
    Precision(MatRef<'a, f64>),
}

impl Noise<'_> {
    /// The rows of `x` mapped so that squared Euclidean distances are dᵀ Σ⁻¹ d.
    fn whiten(self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        let (Self::Covariance(matrix) | Self::Precision(matrix)) = self;
        check_symmetric(matrix, "the noise matrix", 1)?;
        if matrix.nrows() != x.ncols() {
            return refuse(format!(
                "expected a noise matrix for {} units, got {} x {}; estimate it from the same units",
                x.ncols(),
                matrix.nrows(),
                matrix.ncols()
            ));
        }
        let Some(lower) = cholesky(matrix) else {
            return refuse(
                "expected a positive definite noise matrix, got a singular or indefinite one; give more residuals or \
                 shrink the covariance",
            );
        };
        Ok(match self {
            Self::Precision(_) => product(x, lower.as_ref()),
            Self::Covariance(_) => {
                let mut t = x.transpose().to_owned();
                solve_lower_triangular_in_place(lower.as_ref(), t.as_mut(), Par::Seq);
                t.transpose().to_owned()
            }
        })
    }
}

/// Squared Mahalanobis distances over p: (x − y)ᵀ Σ⁻¹ (x − y)/p of the rows of `x` (n x p, n at least 2), as rsatoolbox.
/// Biased upwards by the noise; see [`crossnobis`].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for bad values, or a noise matrix of the wrong size or not positive
/// definite.
pub fn mahalanobis(x: MatRef<'_, f64>, noise: Noise<'_>) -> Result<Rdm> {
    check(x, "the representation", 2)?;
    let p = x.ncols() as f64;
    Rdm::new(squared_distances(noise.whiten(x)?.as_ref()).into_iter().map(|d| d / p).collect())
}

/// Cross-validated squared Mahalanobis distances over p (Walther et al. 2016): the mean over pairs of different
/// partitions of dᵀ Σ⁻¹ d′/p, where d and d′ are the difference of the same two conditions in each. Equals the
/// leave-one-partition-out form. Unbiased: zero in expectation for equal conditions, negative at times.
///
/// `partitions` are two or more measurements (n x p) of the same conditions in the same order, with independent noise.
/// Without `noise`, Σ is the identity and integer data give exact sums.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for fewer than two partitions, partitions of different shapes, bad
/// values, or a noise matrix of the wrong size or not positive definite.
pub fn crossnobis(partitions: &[MatRef<'_, f64>], noise: Option<Noise<'_>>) -> Result<Rdm> {
    let [first, others @ ..] = partitions else {
        return refuse("expected at least 2 partitions to cross-validate over, got 0; split the repeats");
    };
    if others.is_empty() {
        return refuse("expected at least 2 partitions to cross-validate over, got 1; split the repeats");
    }
    if let Some(other) = others.iter().find(|m| m.shape() != first.shape()) {
        return refuse(format!(
            "expected partitions of the same conditions and units, got {:?} and {:?}; average repeats first",
            first.shape(),
            other.shape()
        ));
    }
    let mut rows = Vec::with_capacity(partitions.len());
    for &partition in partitions {
        check(partition, "a partition", 2)?;
        rows.push(match noise {
            Some(noise) => Rows::of(noise.whiten(partition)?.as_ref()),
            None => Rows::of(partition),
        });
    }
    let (n, p, m) = (first.nrows(), first.ncols(), partitions.len());
    let rows: Vec<Vec<&[f64]>> = rows.iter().map(|r| r.iter().collect()).collect();
    let pairs = (m * (m - 1) / 2) as f64;
    let zero = vec![0.0; p];
    let values = condensed(n, |i, j| {
        let differences: Vec<Vec<f64>> =
            rows.iter().map(|r| r[i].iter().zip(r[j]).map(|(a, b)| a - b).collect()).collect();
        // Each difference times the sum of those before it: every pair of partitions once.
        let mut before = zero.clone();
        let mut total = 0.0;
        for d in &differences {
            total += dot(d, &before);
            before.iter_mut().zip(d).for_each(|(b, d)| *b += d);
        }
        total / (pairs * p as f64)
    });
    Rdm::new(values)
}
