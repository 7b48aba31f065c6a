//! Representational similarity analysis: comparison of two RDMs, and of two representations through theirs.

use std::sync::Arc;

use super::RDMS;
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{
    Cosine, Device, Entry, Extents, FromProducts, Given, Held, Host, Invariance, Made, Parameter, RankComparison,
    Ranks, Scale, Tables, word,
};
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::numerics::algebra::{dot, geometric_mean, largest, power_of_two_scale, sum};
use crate::measure::numerics::check::{finite, refuse, same_examples};
use crate::measure::pairwise::gram::double_centred_condensed;
use crate::measure::pairwise::rank::{average_ranks, cosine, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use faer::{ColRef, Mat};

pub(super) const DISTANCE: Parameter = word(
    "rdm",
    &["correlation", "sqeuclidean", "euclidean", "cosine", "cityblock", "poisson"],
    "dissimilarity of two examples",
);

/// Representational similarity analysis.
pub(super) const RSA: Entry = Entry {
    formula: "the RDMs' upper triangles compared by rank correlation (what only rounding tells apart ties), correlation or cosine, whitened or not",
    range: [-1.0, 1.0],
    invariances: &[Invariance::Scaling, Invariance::Permutation],
    scale: |g| if g.word("rdm") == "poisson" { Scale::Own } else { Scale::Free },
    cost: "n² p, ranks n² log n",
    held,
    source: "Kriegeskorte et al. 2008; whitened: Diedrichsen et al. 2021; rho-a, tau-a: Nili et al. 2014, Schütt et al. 2023",
    parameters: &[
        DISTANCE,
        word(
            "by",
            &[
                "spearman",
                "pearson",
                "cosine-of",
                "kendall",
                "tau-a",
                "tau-b",
                "rho-a",
                "whitened-cosine",
                "whitened-pearson",
            ],
            "how RDMs are compared; kendall is tau-a",
        ),
    ],
    make: |g| {
        let d = dissimilarity(g);
        let (comparison, centring) = match g.word("by") {
            "pearson" => (Comparison::Pearson, Some(Centring::Mean)),
            "cosine-of" => (Comparison::Cosine, Some(Centring::Raw)),
            "whitened-cosine" => (Comparison::WhitenedCosine, Some(Centring::Hsic(Estimator::Biased))),
            "whitened-pearson" => (Comparison::WhitenedPearson, Some(Centring::DoubleOfMean)),
            "kendall" | "tau-a" => (Comparison::TauA, None),
            "tau-b" => (Comparison::TauB, None),
            "rho-a" => (Comparison::RhoA, None),
            _ => (Comparison::Spearman, None),
        };
        let by = move |a: &Rdm, b: &Rdm| compare(a, b, comparison);
        let rank = by_rank(comparison);
        let host = match comparison {
            Comparison::Spearman => by_ranks(d),
            // Ties are found once for all pairs of an RDM.
            _ if rank.is_some() => Host::new(move |x| Ok(rdm(x, d)?.with_ties()), by),
            _ => Host::new(move |x| rdm(x, d), by),
        };
        let (between, per_unit) = between(d);
        let tables = Tables { between, per_unit, compare: Arc::new(by) };
        let device = match (centring, rank) {
            (Some(centring), _) => {
                let embedding = Embedding::new(between, centring);
                Device::Cosine(Cosine { embedding, value: FromProducts::Cosine })
            }
            (None, Some(comparison)) => Device::Ranks(Ranks { comparison, tables }),
            (None, None) => Device::Tables(tables),
        };
        Ok(Made { host, device: Some(device) })
    },
    ..Entry::similarity("rsa", "representational similarity analysis", RDMS)
};

/// Upper triangles, and ranks or what is sorted beside them.
fn held(g: &Given, e: Extents) -> Held {
    let [n, p] = [e.n, e.p].map(|side| side as f64);
    let comparing = if g.word("by") == "spearman" { 0.0 } else { 3.0 * n * n };
    Held { prepared: 0.5 * n * n, preparing: 2.0 * n * n + 3.0 * n * p, comparing }
}

pub(super) fn dissimilarity(g: &Given) -> Dissimilarity {
    match g.word("rdm") {
        "sqeuclidean" => Dissimilarity::SquaredEuclideanPerUnit,
        "euclidean" => Dissimilarity::Euclidean,
        "cosine" => Dissimilarity::Cosine,
        "cityblock" => Dissimilarity::Cityblock,
        "poisson" => Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 },
        _ => Dissimilarity::Correlation,
    }
}

/// What a table on the device holds for a dissimilarity, and whether it is divided by the number of units.
fn between(d: Dissimilarity) -> (Between, bool) {
    match d {
        Dissimilarity::SquaredEuclideanPerUnit => (Between::SquaredEuclidean, true),
        Dissimilarity::SquaredEuclidean => (Between::SquaredEuclidean, false),
        Dissimilarity::Euclidean => (Between::Euclidean, false),
        Dissimilarity::Correlation => (Between::Correlation, false),
        Dissimilarity::Cosine => (Between::Cosine, false),
        Dissimilarity::Cityblock => (Between::CityBlock, false),
        Dissimilarity::Poisson { prior_rate, prior_weight } => {
            (Between::Poisson((prior_rate * prior_weight) as f32, (1.0 / (1.0 + prior_weight)) as f32), true)
        }
    }
}

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
}

/// The same on a device, if it is by rank.
fn by_rank(comparison: Comparison) -> Option<RankComparison> {
    match comparison {
        Comparison::Spearman => Some(RankComparison::Spearman),
        Comparison::RhoA => Some(RankComparison::RhoA),
        Comparison::TauA => Some(RankComparison::TauA),
        Comparison::TauB => Some(RankComparison::TauB),
        _ => None,
    }
}

/// Compares two RDMs of the same examples. Similarities are in [−1, 1].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for RDMs of different sizes, too few dissimilarities, or a constant
/// or zero RDM where the comparison is not defined for it.
pub fn compare(a: &Rdm, b: &Rdm, comparison: Comparison) -> Result<f64> {
    same_examples(a.conditions(), b.conditions())?;
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
    }
}

fn varying(a: &Rdm, b: &Rdm) -> Result<()> {
    if a.is_constant() || b.is_constant() {
        return refuse("expected RDMs that vary, got a constant one, which has no correlation; leave it out");
    }
    Ok(())
}

/// Spearman's correlation with each RDM ranked once: centred ranks at unit length, whose inner product it is.
fn by_ranks(d: Dissimilarity) -> Host {
    Host::new(
        move |x| {
            let table = rdm(x, d)?.with_ties();
            let mut ranks = average_ranks(table.values())?;
            let mean = (ranks.len() as f64 + 1.0) / 2.0;
            ranks.iter_mut().for_each(|r| *r -= mean);
            let norm = ranks.iter().map(|r| r * r).sum::<f64>().sqrt();
            if norm == 0.0 {
                return refuse(
                    "expected dissimilarities that differ, got a constant RDM, whose ranks say nothing; leave it out",
                );
            }
            let count = ranks.len();
            Ok(Mat::from_fn(count, 1, |i, _| ranks[i] / norm))
        },
        |a: &Mat<f64>, b: &Mat<f64>| {
            same_examples(a.nrows(), b.nrows())?;
            Ok((a.transpose() * b)[(0, 0)])
        },
    )
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
    same_examples(a.conditions(), b.conditions())?;
    let [x, y] = [x, y].map(|v| double_centred_condensed(v, a.conditions()));
    let product = |a: &(Vec<f64>, Vec<f64>), b: &(Vec<f64>, Vec<f64>)| 2.0 * dot(&a.0, &b.0) + dot(&a.1, &b.1);
    let (xx, yy) = (product(&x, &x), product(&y, &y));
    if !(xx > 0.0 && yy > 0.0) {
        return refuse("expected RDMs that are not zero, got a zero RDM, which has no direction; leave it out");
    }
    finite(product(&x, &y) / geometric_mean(xx, yy), "the whitened cosine")
}
