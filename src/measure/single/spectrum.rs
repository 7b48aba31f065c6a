//! The covariance spectrum of a representation and the dimensionalities read off it.
//!
//! Everything comes from the singular values of the centred matrix: eigenvalues of a covariance matrix would lose half
//! of the digits of the small ones.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::single::input::{centred_varying, check, dot, fail, finite, not_converged};

/// Spectrum of the covariance of a representation.
///
/// Holds `min(examples, units)` values, descending. With no more examples than units, the last one is zero up to
/// rounding, as centring takes one dimension.
#[derive(Clone, Debug)]
pub struct Spectrum {
    singular: Vec<f64>,
    examples: usize,
    units: usize,
}

impl Spectrum {
    /// Spectrum of `x` (examples × units), centred.
    ///
    /// # Errors
    /// Fewer than two examples, no units, values that are not finite, or the same row for every example.
    pub fn of(x: MatRef<'_, f64>) -> Result<Self> {
        check(x, "the representation", 2)?;
        let centred = centred_varying(x, "the representation")?;
        Ok(Self { singular: singular_values(centred.as_ref())?, examples: x.nrows(), units: x.ncols() })
    }

    /// The spectrum of a representation of `[examples, units]` whose centred matrix has these singular values.
    ///
    /// # Errors
    /// Fewer than two examples, another number of values than `min(examples, units)`, values that are negative, not finite,
    /// or all zero.
    pub fn from_singular_values(mut singular: Vec<f64>, [examples, units]: [usize; 2]) -> Result<Self> {
        if examples < 2 || singular.len() != examples.min(units) {
            return fail(format!(
                "{} singular values do not fit a representation of {examples} examples and {units} units",
                singular.len()
            ));
        }
        if singular.iter().any(|s| !s.is_finite() || *s < 0.0) || singular.iter().all(|s| *s == 0.0) {
            return fail("singular values must be finite, not negative, and not all zero");
        }
        singular.sort_unstable_by(|a, b| b.total_cmp(a));
        Ok(Self { singular, examples, units })
    }

    /// Singular values of the centred matrix, descending.
    pub fn singular_values(&self) -> &[f64] {
        &self.singular
    }

    /// Eigenvalues of the covariance (divisor: examples - 1), descending.
    pub fn eigenvalues(&self) -> Vec<f64> {
        self.singular.iter().map(|s| s * s / (self.examples as f64 - 1.0)).collect()
    }

    /// Sum of the variances of all units (divisor: examples - 1).
    pub fn total_variance(&self) -> f64 {
        self.eigenvalues().iter().sum()
    }

    /// Singular values above `max(examples, units) · ε ·` the largest one.
    pub fn rank(&self) -> usize {
        let floor = self.examples.max(self.units) as f64 * f64::EPSILON * self.largest();
        self.singular.iter().filter(|s| **s > floor).count()
    }

    /// Share of the variance along each principal component, descending; sums to 1.
    pub fn explained_variance(&self) -> Vec<f64> {
        self.relative().iter().map(|s| s * s).scan(self.total(), |total, v| Some(v / *total)).collect()
    }

    /// Participation ratio `(Σλ)² / Σλ²`, from 1 to the rank (Gao et al. 2017). Biased downwards by both the number of
    /// examples and of units: [`participation_ratio_corrected`].
    pub fn participation_ratio(&self) -> f64 {
        let fourth: f64 = self.relative().iter().map(|s| s.powi(4)).sum();
        self.total() * self.total() / fourth
    }

    /// Exponential of the entropy of the eigenvalues, scaled to sum 1. From 1 to the rank.
    pub fn effective_rank_eigenvalues(&self) -> f64 {
        entropy_exp(self.explained_variance())
    }

    /// Effective rank of Roy & Vetterli (2007): exponential of the entropy of the *singular values*, scaled to sum 1.
    /// From 1 to the rank; not less than that of the eigenvalues.
    pub fn effective_rank_singular_values(&self) -> f64 {
        let relative = self.relative();
        let sum: f64 = relative.iter().sum();
        entropy_exp(relative.into_iter().map(|s| s / sum).collect())
    }

    /// Stable rank `‖X‖²_F / ‖X‖²₂`, from 1 to the rank (Rudelson & Vershynin 2007).
    pub fn stable_rank(&self) -> f64 {
        self.total()
    }

    /// Number of principal components whose share of variance together exceeds `fraction`, as scikit-learn's
    /// `PCA(n_components=fraction)` counts: strictly more, so a sum that equals the fraction takes one more.
    ///
    /// # Errors
    /// A fraction outside (0, 1).
    pub fn components_for(&self, fraction: f64) -> Result<usize> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return fail(format!(
                "the fraction of variance must lie between 0 and 1 (both excluded), but is {fraction}"
            ));
        }
        let mut sum = 0.0;
        let reached = self.explained_variance().iter().position(|share| {
            sum += share;
            sum > fraction
        });
        Ok(reached.map_or(self.singular.len(), |i| i + 1))
    }

    /// Exponent of a power law `λ_r ∝ r^-α` over the ranks `first..=last` (counted from 1): the least-squares slope of
    /// log λ on log rank, sign changed (α-ReQ, Agrawal et al. 2022; Stringer et al. 2019 use ranks 11 to 500).
    /// The value depends on the range: always report it.
    ///
    /// # Errors
    /// A range that is empty, holds one rank, or reaches past the numerical rank (zero eigenvalues have no logarithm).
    pub fn power_law_exponent(&self, first: usize, last: usize) -> Result<f64> {
        let rank = self.rank();
        if first == 0 || last <= first || last > rank {
            return fail(format!(
                "the rank range {first}..={last} must hold two ranks or more within 1..={rank}, the numerical rank"
            ));
        }
        let points: Vec<(f64, f64)> =
            (first..=last).zip(&self.singular[first - 1..last]).map(|(r, s)| ((r as f64).ln(), 2.0 * s.ln())).collect();
        let n = points.len() as f64;
        let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let xy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
        let xx: f64 = points.iter().map(|p| (p.0 - mx) * (p.0 - mx)).sum();
        Ok(-xy / xx)
    }

    fn largest(&self) -> f64 {
        self.singular.first().copied().unwrap_or(0.0)
    }

    /// Singular values over the largest one: no power of them overflows.
    fn relative(&self) -> Vec<f64> {
        let largest = self.largest();
        self.singular.iter().map(|s| s / largest).collect()
    }

    /// Sum of squares of the relative singular values.
    fn total(&self) -> f64 {
        self.relative().iter().map(|s| s * s).sum()
    }
}

/// RankMe (Garrido et al. 2023): exponential of `-Σ q ln q` with `q = σ / Σσ + 1e-7`, over the singular values of the
/// *uncentred* matrix (examples × units). The small constant makes `q` sum to slightly more than 1, as published.
///
/// # Errors
/// No examples or units, values that are not finite, or all of them zero.
pub fn rank_me(x: MatRef<'_, f64>) -> Result<f64> {
    check(x, "the representation", 1)?;
    rank_me_of(&singular_values(x)?)
}

/// [`rank_me`] of a matrix with these singular values.
///
/// # Errors
/// If all are zero.
pub fn rank_me_of(singular: &[f64]) -> Result<f64> {
    let sum: f64 = singular.iter().sum();
    if sum == 0.0 {
        return fail("the representation is zero everywhere: RankMe is not determined");
    }
    Ok(entropy_exp(singular.iter().map(|s| s / sum + 1e-7).collect()))
}

/// What is taken as a sample from something larger, and corrected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampled {
    /// The examples are a sample of stimuli; the units are all there are.
    Examples,
    /// The units are a sample of a larger population; the examples are all there are.
    Units,
    /// Both are samples. Needs many units: the estimate can be far off, or negative, with few.
    Both,
}

/// Participation ratio with the bias of finite samples taken out (Chun et al. 2025, arXiv 2509.26560): the ratio of
/// unbiased estimates of `(tr C)²` and of `tr C²`, averages over *distinct* examples and/or *distinct* units. The plain
/// ratio obeys about `1/γ̂ ≈ 1/P + 1/Q + 1/γ` for P examples and Q units.
///
/// A ratio of two estimates: it can be negative or huge where the second is close to zero, and is never clamped.
///
/// # Errors
/// Fewer than 4 examples (2 if only the units are sampled) or, if units are sampled, fewer than 2 units; values that
/// are not finite; a representation that does not vary; an estimate of `tr C²` that is exactly zero.
pub fn participation_ratio_corrected(x: MatRef<'_, f64>, sampled: Sampled) -> Result<f64> {
    let units = sampled != Sampled::Examples;
    let of = |centred: &Mat<f64>, _: f64, _: f64| {
        if centred.nrows() < centred.ncols() && !units {
            return (centred * centred.transpose()).squared_norm_l2();
        }
        let covariance = centred.transpose() * centred;
        let p = covariance.nrows();
        let column = |j: usize| (0..p).filter(|i| !units || *i != j).map(|i| covariance[(i, j)].powi(2)).sum::<f64>();
        (0..p).map(column).sum()
    };
    Ok(corrected_by(x, sampled, of)?.value)
}

/// A corrected participation ratio, and how much the errors of its sum of squared covariances grow in it.
pub(crate) struct Corrected {
    pub value: f64,
    pub amplification: f64,
}

/// [`participation_ratio_corrected`] with the sum of the squared inner products of all pairs of centred units (without those of
/// a unit with itself, where units are sampled) from `cross`: it is given the centred matrix over its largest magnitude, that
/// magnitude, and the sum of the squares of the units' own.
pub(crate) fn corrected_by(
    x: MatRef<'_, f64>,
    sampled: Sampled,
    cross: impl FnOnce(&Mat<f64>, f64, f64) -> f64,
) -> Result<Corrected> {
    let (examples, units) = (sampled != Sampled::Units, sampled != Sampled::Examples);
    check(x, "the representation", if examples { 4 } else { 2 })?;
    if units && x.ncols() < 2 {
        return fail("the representation has 1 unit, but a correction for sampled units needs at least 2");
    }
    let mut centred = centred_varying(x, "the representation")?;
    let largest = centred.norm_max();
    centred.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v /= largest));
    let (n, p) = (centred.nrows(), centred.ncols());

    // Sums over all pairs of units, less those of a unit with itself where units are sampled:
    // trace²: of products of variances; lengths²: of squared lengths of examples; cross: of squared covariances.
    let mut lengths = vec![0.0; n];
    let mut trace = 0.0;
    let (mut own_trace, mut own_lengths) = (0.0, 0.0);
    for j in 0..p {
        let column = centred.col_as_slice(j);
        let variance = dot(column, column);
        trace += variance;
        own_trace += variance * variance;
        for (l, v) in lengths.iter_mut().zip(column) {
            *l += v * v;
            own_lengths += v.powi(4);
        }
    }
    let cross = cross(&centred, largest, own_trace);
    let mut trace2 = trace * trace;
    let mut lengths2 = dot(&lengths, &lengths);
    if units {
        trace2 -= own_trace;
        lengths2 -= own_lengths;
    }
    let m = n as f64;
    let (numerator, denominator, weight) = if examples {
        // U-statistics over four distinct examples, without their common divisor n(n-1)(n-2)(n-3).
        let square_of_trace = (m * m - 3.0 * m + 1.0) * trace2 - m * (m - 1.0) * lengths2 + 2.0 * cross;
        let trace_of_square = (m - 1.0) * (m - 2.0) * cross - m * (m - 1.0) * lengths2 + trace2;
        (square_of_trace, trace_of_square, (m - 1.0) * (m - 2.0))
    } else {
        (trace2, cross, 1.0)
    };
    if denominator == 0.0 {
        return fail("the estimate of tr C² is zero: the corrected participation ratio is not determined");
    }
    // Of all squared covariances, the units' own among them: they were subtracted.
    let known = cross + if units { own_trace } else { 0.0 };
    Ok(Corrected {
        value: finite(numerator / denominator, "the corrected participation ratio")?,
        amplification: weight * known / denominator.abs(),
    })
}

/// Exponential of the entropy of weights, zeros contributing nothing.
fn entropy_exp(weights: Vec<f64>) -> f64 {
    (-weights.iter().filter(|w| **w > 0.0).map(|w| w * w.ln()).sum::<f64>()).exp()
}

/// Singular values, descending.
pub(crate) fn singular_values(x: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let values = match x.singular_values() {
        Ok(values) => values,
        Err(_) => return not_converged(),
    };
    if let Some(v) = values.iter().find(|v| !v.is_finite()) {
        finite(*v, "a singular value")?;
    }
    Ok(values)
}
