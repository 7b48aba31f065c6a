//! The spectrum of a representation and the dimensionalities read off it.
//!
//! Everything comes from the singular values of the centred matrix: eigenvalues of a covariance matrix would lose half
//! of the digits of the small ones.

mod gram;
pub mod jacobi;

use faer::{Mat, MatRef};

use super::entry::StatisticEntry;
use super::input::{centred, centred_varying, check, dot, fail, not_converged};
use super::source::{Batch, Computation, Source};
use crate::error::Result;
use crate::measure::compare::Named;
use crate::measure::declaration::{count, number, word};

const FAMILY: &str = "spectrum";

/// Singular values below this part of the largest may be rounding of f32: whether they are zero is for f64 to say.
const TRUSTED: f64 = 2e-6;

/// Shares of variance this close to a limit are on one side or the other by rounding of f32.
const CLOSE: f64 = 1e-5;

/// The singular values of a representation, of which the mean is taken off or not.
#[derive(Debug)]
struct Singular {
    centred: bool,
}

/// Singular values of `[examples, units]`, `min(examples, units)` of them, descending, and not all zero. With the mean taken
/// off and no more examples than units, the last one is zero up to rounding.
pub(super) struct Spectrum {
    values: Vec<f64>,
    examples: usize,
    units: usize,
}

impl Source for Singular {
    type Of = Spectrum;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<Spectrum> {
        Spectrum::of(x, self.centred)
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Spectrum>>> {
        let matrix = |x: &&Named| if self.centred { centred(x.values.as_ref()) } else { x.values.clone() };
        let matrices: Vec<Mat<f64>> = batch.set.iter().map(matrix).collect();
        let found = jacobi::singular_values(batch.gpu, &matrices)?;
        let of = |(x, values): (&Mat<f64>, Result<Vec<f64>>)| Spectrum::from(values.ok()?, x.as_ref()).ok();
        Ok(matrices.iter().zip(found).map(of).collect())
    }
}

impl Spectrum {
    /// Of a representation that varies, if its mean is taken off, or is not zero.
    pub fn of(x: MatRef<'_, f64>, centred: bool) -> Result<Self> {
        check(x, "the representation", if centred { 2 } else { 1 })?;
        let x = if centred { centred_varying(x, "the representation")? } else { x.to_owned() };
        match x.singular_values() {
            Ok(values) => Self::from(values, x.as_ref()),
            Err(_) => not_converged(),
        }
    }

    fn from(values: Vec<f64>, x: MatRef<'_, f64>) -> Result<Self> {
        if values.iter().all(|s| *s == 0.0) {
            return fail("the representation is zero everywhere: a statistic of its spectrum is not determined");
        }
        Ok(Self { values, examples: x.nrows(), units: x.ncols() })
    }

    /// Singular values over the largest one: no power of them overflows.
    fn relative(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|s| s / self.values[0])
    }

    /// Sum of squares of the relative singular values.
    fn total(&self) -> f64 {
        self.relative().map(|s| s * s).sum()
    }

    /// Share of the variance along each principal component, descending; sums to 1.
    fn shares(&self) -> Vec<f64> {
        let total = self.total();
        self.relative().map(|s| s * s / total).collect()
    }

    /// `(Σλ)² / Σλ²`, from 1 to the rank.
    pub fn participation_ratio(&self) -> f64 {
        self.total() * self.total() / self.relative().map(|s| s.powi(4)).sum::<f64>()
    }

    /// Singular values above a part of the largest one, which are not the one that centring leaves.
    fn rank(&self, above: f64) -> usize {
        self.values.iter().filter(|s| **s > above * self.values[0]).count().min(self.most())
    }

    /// The rank that nothing but the shape limits.
    fn most(&self) -> usize {
        self.units.min(self.examples - 1)
    }
}

/// Exponential of the entropy of weights, zeros contributing nothing.
fn entropy_exp(weights: impl Iterator<Item = f64>) -> f64 {
    (-weights.filter(|w| *w > 0.0).map(|w| w * w.ln()).sum::<f64>()).exp()
}

/// A statistic that the spectrum of the centred representation gives.
fn of(statistic: impl Fn(&Spectrum) -> f64 + Send + Sync + 'static) -> Computation {
    Computation::from(Singular { centred: true }, move |spectrum| Ok(statistic(spectrum)))
}

/// Biased downwards by both the number of examples and of units: about `1/γ̂ ≈ 1/P + 1/Q + 1/γ` for P examples and Q units.
/// Corrected, it is a ratio of two estimates, which can be negative or huge where the second is close to zero, and is never
/// clamped.
pub(super) const PARTICIPATION_RATIO: StatisticEntry =
    StatisticEntry::new(FAMILY, "participation_ratio", "participation ratio of the covariance", |g| {
        let sampled = match g.word("corrected") {
            "examples" => Sampled::Examples,
            "units" => Sampled::Units,
            "both" => Sampled::Both,
            _ => return of(Spectrum::participation_ratio),
        };
        Computation::from(SquaredCovariances { sampled }, |corrected| Ok(corrected.value))
    })
    .formula("(Σ λ)² / Σ λ²")
    .source("Gao et al. 2017; corrected: Chun et al. 2026")
    .with(&[word(
        "corrected",
        &["plain", "examples", "units", "both"],
        "bias from few examples, few units, or both removed",
    )]);

/// From 1 to the rank; of the singular values not less than of the eigenvalues.
pub(super) const EFFECTIVE_RANK: StatisticEntry =
    StatisticEntry::new(FAMILY, "effective_rank", "exponential of the spectrum's entropy", |g| match g.word("of") {
        "eigenvalues" => of(|spectrum| entropy_exp(spectrum.shares().into_iter())),
        _ => of(|spectrum| {
            let sum: f64 = spectrum.relative().sum();
            entropy_exp(spectrum.relative().map(|s| s / sum))
        }),
    })
    .formula("exp H(s / Σ s), or exp H(λ / Σ λ)")
    .source("Roy and Vetterli 2007 (singular values)")
    .with(&[word("of", &["singular-values", "eigenvalues"], "another number each")]);

/// The small constant makes the weights sum to slightly more than 1, as published.
pub(super) const RANKME: StatisticEntry = StatisticEntry::new(FAMILY, "rankme", "RankMe", |_| {
    Computation::from(Singular { centred: false }, |spectrum| {
        let sum: f64 = spectrum.values.iter().sum();
        Ok(entropy_exp(spectrum.values.iter().map(|s| s / sum + 1e-7)))
    })
})
.formula("exp H of the uncentred singular values, + 1e-7")
.source("Garrido et al. 2023");

pub(super) const STABLE_RANK: StatisticEntry =
    StatisticEntry::new(FAMILY, "stable_rank", "stable rank", |_| of(Spectrum::total))
        .formula("|X|² / s₁²")
        .source("Rudelson and Vershynin 2007");

/// Strictly more than the part: a sum that equals it takes one more.
pub(super) const COMPONENTS: StatisticEntry =
    StatisticEntry::new(FAMILY, "components", "principal components to reach a part of the variance", |g| {
        let part = g.number("variance");
        Computation::decided(Singular { centred: true }, move |spectrum, single| {
            let sums: Vec<f64> = spectrum.shares().iter().scan(0.0, |sum, share| Some(add(sum, *share))).collect();
            if single && sums.iter().any(|sum| (sum - part).abs() <= CLOSE) {
                return Ok(None);
            }
            Ok(Some(sums.iter().position(|sum| *sum > part).map_or(sums.len(), |i| i + 1) as f64))
        })
    })
    .formula("least k with Σ_{i≤k} λ / Σ λ above the part")
    .source("scikit-learn's PCA(n_components=part)")
    .with(&[number("variance", 0.95, [1e-9, 1.0 - 1e-12], "part of the variance")]);

fn add(sum: &mut f64, share: f64) -> f64 {
    *sum += share;
    *sum
}

pub(super) const EXPLAINED_VARIANCE: StatisticEntry =
    StatisticEntry::new(FAMILY, "explained_variance", "part of the variance in one principal component", |g| {
        let k = g.count("component");
        Computation::from(Singular { centred: true }, move |spectrum| match spectrum.shares().get(k - 1) {
            Some(share) => Ok(*share),
            None => fail(format!("component {k} was asked for, and there are {}", spectrum.values.len())),
        })
    })
    .formula("λ_k / Σ λ")
    .with(&[count("component", 1, 1, "which, from 1")]);

/// The value depends on the range of ranks: always report it.
pub(super) const ALPHA_REQ: StatisticEntry =
    StatisticEntry::new(FAMILY, "alpha_req", "exponent of the eigenvalues' power law", |g| {
        let (first, last) = (g.count("first"), g.count("last"));
        Computation::decided(Singular { centred: true }, move |spectrum, single| {
            let floor = if single { TRUSTED } else { spectrum.examples.max(spectrum.units) as f64 * f64::EPSILON };
            let rank = spectrum.rank(floor);
            let last = match last {
                0 if single => spectrum.most(),
                0 => rank,
                last => last,
            };
            if single && last > rank {
                return Ok(None);
            }
            power_law(&spectrum.values, [first, last], rank).map(Some)
        })
    })
    .formula("-slope of log λ on log rank, least squares over the ranks given")
    .source("Agrawal et al. 2022; ranks 11 to 500 in Stringer et al. 2019")
    .with(&[count("first", 1, 1, "first rank"), count("last", 0, 0, "last rank; 0: all there are")]);

/// The least-squares slope of `2 log s` on log rank, sign changed, over ranks counted from 1.
fn power_law(singular: &[f64], [first, last]: [usize; 2], rank: usize) -> Result<f64> {
    if last <= first || last > rank {
        return fail(format!(
            "the rank range {first}..={last} must hold two ranks or more within 1..={rank}, the numerical rank"
        ));
    }
    let points: Vec<(f64, f64)> =
        (first..=last).zip(&singular[first - 1..last]).map(|(r, s)| ((r as f64).ln(), 2.0 * s.ln())).collect();
    let n = points.len() as f64;
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let xy: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    let xx: f64 = points.iter().map(|p| (p.0 - mx) * (p.0 - mx)).sum();
    Ok(-xy / xx)
}

/// What is taken as a sample from something larger, and corrected for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sampled {
    /// The examples are a sample of stimuli; the units are all there are.
    Examples,
    /// The units are a sample of a larger population; the examples are all there are.
    Units,
    /// Both are samples. Needs many units: the estimate can be far off, or negative, with few.
    Both,
}

/// The sum of all squared covariances of units, of which nearly all cancels in a corrected participation ratio.
#[derive(Debug)]
struct SquaredCovariances {
    sampled: Sampled,
}

/// A corrected participation ratio, and how much the errors of its sum of squared covariances grow in it.
struct Corrected {
    value: f64,
    amplification: f64,
}

/// Errors of the sum of squared covariances may grow so many times where the sum is made of singular values in f32,
const GROWTH: f64 = 30.0;

/// and so many times where it is made of exact products.
const EXACT_GROWTH: f64 = 1e7;

impl Source for SquaredCovariances {
    type Of = Corrected;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<Corrected> {
        let units = self.sampled != Sampled::Examples;
        self.corrected(x, |centred, _, _| {
            if centred.nrows() < centred.ncols() && !units {
                return Ok((centred * centred.transpose()).squared_norm_l2());
            }
            let covariance = centred.transpose() * centred;
            let p = covariance.nrows();
            let column =
                |j: usize| (0..p).filter(|i| !units || *i != j).map(|i| covariance[(i, j)].powi(2)).sum::<f64>();
            Ok((0..p).map(column).sum())
        })
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Corrected>>> {
        let spectra = batch.get(&Singular { centred: true })?;
        let less = |all: f64, own: f64| if self.sampled == Sampled::Examples { all } else { all - own };
        let of = |(x, spectrum): (&&Named, &Option<Spectrum>)| {
            let (x, values) = (x.values.as_ref(), &spectrum.as_ref()?.values);
            // Singular values, where they do, are there already.
            let fast = self
                .corrected(x, |_, magnitude, own| Ok(less(values.iter().map(|s| (s / magnitude).powi(4)).sum(), own)));
            let exact = || self.corrected(x, |x, _, own| Ok(less(gram::squared_norm(batch.gpu, x.as_ref())?, own)));
            let small = |growth: f64| move |found: &Corrected| found.amplification <= growth;
            fast.ok().filter(small(GROWTH)).or_else(|| exact().ok().filter(small(EXACT_GROWTH)))
        };
        Ok(batch.set.iter().zip(spectra.iter()).map(of).collect())
    }
}

impl SquaredCovariances {
    /// The ratio of unbiased estimates of `(tr C)²` and of `tr C²`, averages over *distinct* examples and/or *distinct* units.
    /// `cross` is the sum of the squared inner products of all pairs of centred units (without those of a unit with itself,
    /// where units are sampled): it is given the centred matrix over its largest magnitude, that magnitude, and the sum of the
    /// squares of the units' own.
    fn corrected(
        &self,
        x: MatRef<'_, f64>,
        cross: impl FnOnce(&Mat<f64>, f64, f64) -> Result<f64>,
    ) -> Result<Corrected> {
        let (examples, units) = (self.sampled != Sampled::Units, self.sampled != Sampled::Examples);
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
        let cross = cross(&centred, largest, own_trace)?;
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
        Ok(Corrected { value: numerator / denominator, amplification: weight * known / denominator.abs() })
    }
}
