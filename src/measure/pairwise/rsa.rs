//! Representational similarity analysis: comparison of two RDMs, and of two representations through theirs.

use crate::error::Result;
use crate::measure::pairwise::algebra::{dot, geometric_mean, largest, power_of_two_scale, sum};
use crate::measure::pairwise::bures::{bures_metric, bures_metric_squared, bures_similarity};
use crate::measure::pairwise::gram::double_centred_condensed;
use crate::measure::pairwise::input::{check_pair, finite, refuse};
use crate::measure::pairwise::rank::{cosine, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use faer::{ColRef, MatRef};

/// How two RDMs are compared. In ranks, dissimilarities that only rounding tells apart tie ([`Rdm::with_ties`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// [`cosine`] of the dissimilarities.
    Cosine,
    /// [`pearson`]'s correlation (rsatoolbox "corr").
    Pearson,
    /// [`spearman`]'s rank correlation.
    Spearman,
    /// [`rho_a`].
    RhoA,
    /// Kendall's tau-a, [`kendall_tau_a`]; for RDMs of models with ties.
    TauA,
    /// Kendall's tau-b, [`kendall_tau_b`].
    TauB,
    /// [`whitened_cosine`] (rsatoolbox "cosine_cov").
    WhitenedCosine,
    /// [`whitened_pearson`] (rsatoolbox "corr_cov").
    WhitenedPearson,
    /// [`bures_similarity`].
    Bures,
    /// [`bures_metric`], a distance.
    BuresMetric,
    /// [`bures_metric_squared`], a distance (rsatoolbox "bures_metric").
    BuresMetricSquared,
}

/// Compares two RDMs of the same examples. Similarities are in [−1, 1] ([0, 1] for Bures), the Bures metrics at least 0.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for RDMs of different sizes, too few dissimilarities, or a constant
/// or zero RDM where the comparison is not defined for it.
pub fn compare(a: &Rdm, b: &Rdm, comparison: Comparison) -> Result<f64> {
    if a.conditions() != b.conditions() {
        return refuse(format!(
            "expected RDMs of the same examples, got {} and {} examples; pass matching RDMs",
            a.conditions(),
            b.conditions()
        ));
    }
    let ranked =
        |of: fn(&[f64], &[f64]) -> Result<f64>| of(a.clone().with_ties().values(), b.clone().with_ties().values());
    match comparison {
        Comparison::Cosine => cosine(a.values(), b.values()),
        Comparison::Pearson => {
            varying(a, b)?;
            pearson(a.values(), b.values())
        }
        Comparison::Spearman => ranked(spearman),
        Comparison::RhoA => ranked(rho_a),
        Comparison::TauA => ranked(kendall_tau_a),
        Comparison::TauB => ranked(kendall_tau_b),
        Comparison::WhitenedCosine => whitened_cosine(a, b),
        Comparison::WhitenedPearson => whitened_pearson(a, b),
        Comparison::Bures => bures_similarity(a, b),
        Comparison::BuresMetric => bures_metric(a, b),
        Comparison::BuresMetricSquared => bures_metric_squared(a, b),
    }
}

fn varying(a: &Rdm, b: &Rdm) -> Result<()> {
    if a.is_constant() || b.is_constant() {
        return refuse("expected RDMs that vary, got a constant one, which has no correlation; leave it out");
    }
    Ok(())
}

/// Representational similarity analysis of two representations (n x p and n x q) of the same examples: their RDMs by
/// `dissimilarity`, compared by `comparison`.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`rdm`] and [`compare`].
pub fn rsa(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    dissimilarity: Dissimilarity,
    comparison: Comparison,
) -> Result<f64> {
    check_pair(x, y, 2)?;
    compare(&rdm(x, dissimilarity)?, &rdm(y, dissimilarity)?, comparison)
}

/// The whitened cosine aᵀV⁻¹b / √(aᵀV⁻¹a bᵀV⁻¹b) of two RDMs (Diedrichsen et al. 2021), with V the covariance of
/// dissimilarities that independent and equal noise of the patterns causes (σ_k = I). In [−1, 1].
///
/// V is never built. With contrasts c of the pairs, V_kl ∝ (c_kᵀc_l)² = ⟨c_k c_kᵀ, c_l c_lᵀ⟩, and a dissimilarity is
/// d_k = ⟨c_k c_kᵀ, G⟩ for the Gram matrix G = −½HDH. So V = AAᵀ for the map A from centred symmetric matrices to
/// dissimilarities, which is one to one, and aᵀV⁻¹b = ⟨G_a, G_b⟩: the whitened cosine is the cosine of the double-centred
/// Gram matrices. For squared Euclidean RDMs it is biased linear CKA.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for RDMs of different sizes or a zero RDM.
pub fn whitened_cosine(a: &Rdm, b: &Rdm) -> Result<f64> {
    whitened(&scaled(a.values()), &scaled(b.values()), a, b)
}

/// The whitened correlation (Diedrichsen et al. 2021; rsatoolbox "corr_cov"): the [`whitened_cosine`] of RDMs with their
/// plain mean subtracted first. In [−1, 1].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for RDMs of different sizes or a constant RDM.
pub fn whitened_pearson(a: &Rdm, b: &Rdm) -> Result<f64> {
    let deviations = |r: &Rdm| {
        let mut v = scaled(r.values());
        for _ in 0..2 {
            let mean = sum(&v) / v.len() as f64;
            v.iter_mut().for_each(|v| *v -= mean);
        }
        v
    };
    varying(a, b)?;
    whitened(&deviations(a), &deviations(b), a, b)
}

/// Scaled by a power of two to values near one.
fn scaled(values: &[f64]) -> Vec<f64> {
    let scale = power_of_two_scale(largest(ColRef::from_slice(values).as_mat()));
    values.iter().map(|v| v * scale).collect()
}

fn whitened(x: &[f64], y: &[f64], a: &Rdm, b: &Rdm) -> Result<f64> {
    if a.conditions() != b.conditions() {
        return refuse(format!(
            "expected RDMs of the same examples, got {} and {} examples; pass matching RDMs",
            a.conditions(),
            b.conditions()
        ));
    }
    let [x, y] = [x, y].map(|v| double_centred_condensed(v, a.conditions()));
    let product = |a: &(Vec<f64>, Vec<f64>), b: &(Vec<f64>, Vec<f64>)| 2.0 * dot(&a.0, &b.0) + dot(&a.1, &b.1);
    let (xx, yy) = (product(&x, &x), product(&y, &y));
    if !(xx > 0.0 && yy > 0.0) {
        return refuse("expected RDMs that are not zero, got a zero RDM, which has no direction; leave it out");
    }
    finite(product(&x, &y) / geometric_mean(xx, yy), "the whitened cosine")
}
