//! Intrinsic dimension from distances to neighbours: how many numbers it takes to say where an example lies.
//!
//! All estimators here are free of scale. They assume that no two examples coincide; what to do when some do is always
//! said by [`Duplicates`], and how many rows were left out is always returned.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::numerics::algebra::rounding;
use crate::measure::single::input::{Rows, check, fail, finite, mean, median, pair_distances, take_rows};
use crate::measure::single::spectrum::Spectrum;

/// What happens to examples that coincide exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// Of equal rows only the first stays; the rest plays no part. The right choice unless a package is to be matched.
    KeepOne,
    /// Equal rows stay as neighbours of others, but points whose nearest neighbour is at distance zero are left out of
    /// the estimate (scikit-dimension's TwoNN).
    DropPoints,
    /// All rows stay (scikit-dimension's CorrInt). An error where a zero distance makes the estimate undetermined.
    KeepAll,
}

/// Which value the empirical distribution function takes at the `i`-th smallest of `N` ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmpiricalCdf {
    /// `i / N` (Facco et al. 2017; DADApy; scikit-dimension since 2025).
    Rank,
    /// `(i - 1) / N` (older scikit-dimension). About a tenth lower at 30 examples.
    RankMinusOne,
}

/// How the local dimensions of [`levina_bickel`] become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// Harmonic mean (MacKay & Ghahramani 2005; scikit-dimension's default): the maximum of the common likelihood.
    HarmonicMean,
    /// Mean (Levina & Bickel 2004).
    Mean,
    /// Median.
    Median,
}

/// An intrinsic dimension and what it was estimated from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dimension {
    /// The estimate.
    pub value: f64,
    /// Points that entered it.
    pub points: usize,
    /// Rows or points left out because they coincide with another.
    pub duplicates: usize,
}

/// Distances of a point to its nearest others, ascending.
type Neighbours = Vec<f64>;

/// TwoNN (Facco et al. 2017): with μ the ratio of the distances to the second and the first neighbour, the slope through
/// the origin of `-ln(1 - F(μ))` on `ln μ`, over the ratios that stay when the largest `discard` of them is dropped
/// (`⌊N (1 - discard)⌋` stay). The paper and scikit-dimension discard 0.1.
///
/// `x`: examples × units.
///
/// # Errors
/// Fewer than 3 distinct examples; values that are not finite; `discard` outside [0, 1) or so large that nothing stays;
/// nothing discarded under [`EmpiricalCdf::Rank`], where the largest ratio has an infinite ordinate; all ratios that
/// stay equal to 1, as happens with integer grids: the dimension is not determined then.
pub fn two_nn(x: MatRef<'_, f64>, discard: f64, cdf: EmpiricalCdf, duplicates: Duplicates) -> Result<Dimension> {
    if !(0.0..1.0).contains(&discard) {
        return fail(format!("the discarded fraction must be at least 0 and below 1, but is {discard}"));
    }
    two_nn_of(Kept::of(x, duplicates, 2)?.near(2), discard, cdf, duplicates)
}

/// [`two_nn`] from the distances to two neighbours or more; the part discarded must be in range.
pub(crate) fn two_nn_of(near: Near, discard: f64, cdf: EmpiricalCdf, duplicates: Duplicates) -> Result<Dimension> {
    let (mut logs, left_out) = log_ratios(near, duplicates)?;
    logs.sort_unstable_by(f64::total_cmp);
    let points = logs.len();
    let kept = (points as f64 * (1.0 - discard)) as usize;
    if kept == 0 {
        return fail(format!("discarding {discard} of {points} ratios leaves none; discard less"));
    }
    let less = match cdf {
        EmpiricalCdf::Rank => 0.0,
        EmpiricalCdf::RankMinusOne => 1.0,
    };
    if kept == points && less == 0.0 {
        return fail("with F = i/N the largest ratio has an infinite ordinate; discard at least one ratio");
    }
    let (mut xy, mut xx) = (0.0, 0.0);
    for (i, log) in logs.iter().take(kept).enumerate() {
        let f = ((i + 1) as f64 - less) / points as f64;
        xy -= log * (-f).ln_1p();
        xx += log * log;
    }
    if xx == 0.0 {
        return fail(format!(
            "the first and second neighbours of all {kept} points that stay are equally far: TwoNN is not determined"
        ));
    }
    Ok(Dimension { value: finite(xy / xx, "the TwoNN dimension")?, points, duplicates: left_out })
}

/// Maximum-likelihood form of [`two_nn`]: `N / Σ ln μ`, no ratio discarded (Facco et al. 2017; DADApy with a fraction
/// of 1). Biased upwards by `N / (N - 1)`.
///
/// # Errors
/// As [`two_nn`], without those of discarding.
pub fn two_nn_likelihood(x: MatRef<'_, f64>, duplicates: Duplicates) -> Result<Dimension> {
    two_nn_likelihood_of(Kept::of(x, duplicates, 2)?.near(2), duplicates)
}

/// [`two_nn_likelihood`] from the distances to two neighbours or more.
pub(crate) fn two_nn_likelihood_of(near: Near, duplicates: Duplicates) -> Result<Dimension> {
    let (logs, left_out) = log_ratios(near, duplicates)?;
    let sum: f64 = logs.iter().sum();
    if sum == 0.0 {
        return fail("the first and second neighbours of all points are equally far: TwoNN is not determined");
    }
    let value = finite(logs.len() as f64 / sum, "the TwoNN dimension")?;
    Ok(Dimension { value, points: logs.len(), duplicates: left_out })
}

/// Levina & Bickel (2004): local dimension `m(x) = [Σ_{j<k} ln(T_k / T_j) / (k - 1)]⁻¹` from the distances `T_j` to the
/// first `k` neighbours, then combined over points. `k` is 20 by default in scikit-dimension.
///
/// # Errors
/// `k` below 2 or not below the number of distinct examples; values that are not finite; with a zero distance under
/// [`Duplicates::KeepAll`]; neighbours all equally far, where the dimension is infinite.
pub fn levina_bickel(x: MatRef<'_, f64>, k: usize, combine: Combine, duplicates: Duplicates) -> Result<Dimension> {
    if k < 2 {
        return fail(format!("the Levina-Bickel estimator needs at least 2 neighbours, but k is {k}"));
    }
    levina_bickel_of(Kept::of(x, duplicates, k)?.near(k), k, combine, duplicates)
}

/// [`levina_bickel`] from the distances to `k` neighbours or more, `k` at least 2.
pub(crate) fn levina_bickel_of(near: Near, k: usize, combine: Combine, duplicates: Duplicates) -> Result<Dimension> {
    let (neighbours, left_out) = near.entering(duplicates)?;
    let inverse: Vec<f64> = neighbours
        .iter()
        .map(|t| t.iter().take(k - 1).map(|near| (t[k - 1] / near).ln()).sum::<f64>() / (k as f64 - 1.0))
        .collect();
    let local = || inverse.iter().map(|v| 1.0 / v).collect::<Vec<_>>();
    let value = match combine {
        Combine::HarmonicMean => 1.0 / mean(&inverse),
        Combine::Mean => mean(&local()),
        Combine::Median => median(&local()),
    };
    if !value.is_finite() {
        return fail(format!("the {k} neighbours of a point are all equally far: Levina-Bickel is not determined"));
    }
    Ok(Dimension { value, points: inverse.len(), duplicates: left_out })
}

/// Correlation dimension between two scales (Grassberger & Procaccia 1983, as CorrInt of scikit-dimension): with `r_1`,
/// `r_2` the medians over points of the distances to neighbour `k1` and `k2`, and `C(r)` the share of pairs closer than
/// `r`, `ln(C(r_2)/C(r_1)) / ln(r_2/r_1)`. The package uses `k1` = 10, `k2` = 20 and keeps all rows.
///
/// # Errors
/// `k1` zero or not below `k2`; `k2` not below the number of examples; values that are not finite; radii that are equal
/// or zero, or no pair within the smaller one.
pub fn correlation_integral(x: MatRef<'_, f64>, k1: usize, k2: usize, duplicates: Duplicates) -> Result<Dimension> {
    if k1 == 0 || k1 >= k2 {
        return fail(format!("the neighbours must obey 1 ≤ k1 < k2, but k1 is {k1} and k2 is {k2}"));
    }
    let kept = Kept::of(x, duplicates, k2)?;
    let [r1, r2] = kept.near(k2).radii([k1, k2]);
    let distances = pair_distances(&kept.rows, kept.n);
    let within = |r: f64| distances.iter().filter(|d| **d < r).count() as f64;
    let value = slope([k1, k2], [r1, r2], [within(r1), within(r2)])?;
    Ok(Dimension { value, points: kept.n, duplicates: kept.removed })
}

/// The correlation dimension of these medians of the distances to neighbours `k1` and `k2`, and numbers of pairs within them.
pub(crate) fn slope([k1, k2]: [usize; 2], [r1, r2]: [f64; 2], [c1, c2]: [f64; 2]) -> Result<f64> {
    if r1 <= 0.0 || r1 >= r2 || c1 == 0.0 {
        return fail(format!(
            "the median distances to neighbours {k1} and {k2} ({r1:e} and {r2:e}, scaled) hold no range of \
             scales: the correlation dimension is not determined"
        ));
    }
    Ok((c2 / c1).ln() / (r2 / r1).ln())
}

/// Participation ratio of all examples: scikit-dimension's `lPCA(ver="participation_ratio").fit`, which is global, and
/// equal to [`Spectrum::participation_ratio`].
///
/// # Errors
/// As [`Spectrum::of`].
pub fn pca_participation_ratio(x: MatRef<'_, f64>) -> Result<f64> {
    Ok(Spectrum::of(x)?.participation_ratio())
}

/// Local PCA (Fukunaga & Olsen 1971): mean over points of the participation ratio of their `k` nearest neighbours, the
/// point itself left out (scikit-dimension's `fit_pw`). At most `k - 1`. Where several examples are equally near for the last
/// places, all of them belong to the neighbourhood.
///
/// # Errors
/// `k` below 2 or not below the number of distinct examples; values that are not finite; a neighbourhood of equal rows.
pub fn local_pca_participation_ratio(x: MatRef<'_, f64>, k: usize, duplicates: Duplicates) -> Result<Dimension> {
    if k < 2 {
        return fail(format!("a neighbourhood needs at least 2 examples, but k is {k}"));
    }
    let kept = Kept::of(x, duplicates, k)?;
    let mut local = Vec::with_capacity(kept.n);
    for i in 0..kept.n {
        let mut order: Vec<(f64, usize)> =
            (0..kept.n).filter(|j| *j != i).map(|j| (kept.rows.squared_distance(i, j), j)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if duplicates == Duplicates::DropPoints && order.first().is_some_and(|o| o.0 == 0.0) {
            continue;
        }
        let reach = order[k - 1].0 * (1.0 + rounding(kept.x.ncols()));
        let rows: Vec<usize> = order.iter().take_while(|o| o.0 <= reach).map(|o| o.1).collect();
        local.push(Spectrum::of(take_rows(kept.x.as_ref(), &rows).as_ref())?.participation_ratio());
    }
    if local.is_empty() {
        return fail("every example coincides with another: no point is left to estimate the dimension from");
    }
    let duplicates = kept.removed + kept.n - local.len();
    Ok(Dimension { value: mean(&local), points: local.len(), duplicates })
}

/// Examples that take part, scaled so that squares neither overflow nor vanish.
pub(crate) struct Kept {
    x: Mat<f64>,
    /// The examples, divided by the scale.
    pub rows: Rows,
    /// Their number.
    pub n: usize,
    /// Examples that coincide with one that was kept.
    pub removed: usize,
    /// A power of two.
    pub scale: f64,
}

impl Kept {
    /// At least `k + 1` examples of `x`.
    pub fn of(x: MatRef<'_, f64>, duplicates: Duplicates, k: usize) -> Result<Self> {
        check(x, "the representation", 1)?;
        let largest = x.norm_max();
        // A power of two: dividing by it rounds nothing, so that equal distances stay equal.
        let scale = if largest > 0.0 { largest.log2().floor().exp2() } else { 1.0 };
        let mut keep: Vec<usize> = (0..x.nrows()).collect();
        if duplicates == Duplicates::KeepOne {
            let compare = |a: &usize, b: &usize| {
                // Adding zero makes -0 and 0 the same value.
                let values = |i: usize| (0..x.ncols()).map(move |j| x[(i, j)] + 0.0);
                values(*a).zip(values(*b)).map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne())
            };
            keep.sort_unstable_by(|a, b| compare(a, b).unwrap_or_else(|| a.cmp(b)));
            keep.dedup_by(|b, a| compare(a, b).is_none());
            keep.sort_unstable();
        }
        let n = keep.len();
        if n <= k {
            return fail(format!("{k} neighbours need at least {} distinct examples, but there are {n}", k + 1));
        }
        let x_kept = Mat::from_fn(n, x.ncols(), |i, j| x[(keep[i], j)] / scale);
        let rows = Rows::of(x_kept.as_ref());
        Ok(Self { x: x_kept, rows, n, removed: x.nrows() - n, scale })
    }

    /// Distances of each point to its `k` nearest others.
    fn near(&self, k: usize) -> Near {
        let of = |i: usize| {
            let mut near: Vec<f64> =
                (0..self.n).filter(|j| *j != i).map(|j| self.rows.squared_distance(i, j)).collect();
            near.sort_unstable_by(f64::total_cmp);
            near.truncate(k);
            // What is left of a list of all others would keep room for all.
            near.shrink_to_fit();
            near.iter_mut().for_each(|d| *d = d.sqrt());
            near
        };
        Near { lists: (0..self.n).map(of).collect(), removed: self.removed, rounding: rounding(self.x.ncols()) }
    }

    /// The same where the neighbours are known: `at_least` of each point, of which `k` are taken.
    pub fn near_known(&self, neighbours: &[usize], at_least: usize, k: usize) -> Near {
        let of = |(i, own): (usize, &[usize])| {
            let mut near: Vec<f64> = own.iter().map(|&j| self.rows.squared_distance(i, j).sqrt()).collect();
            near.sort_unstable_by(f64::total_cmp);
            near.truncate(k);
            near
        };
        let lists = neighbours.chunks(at_least).enumerate().map(of).collect();
        Near { lists, removed: self.removed, rounding: rounding(self.x.ncols()) }
    }
}

/// Distances of each point to its nearest others, ascending, and how many rows were left out before.
pub(crate) struct Near {
    lists: Vec<Neighbours>,
    removed: usize,
    /// By how much of itself rounding may have moved a distance.
    rounding: f64,
}

impl Near {
    /// Distances of the points that enter an estimate, none of them zero, and how many rows were left out.
    fn entering(self, duplicates: Duplicates) -> Result<(Vec<Neighbours>, usize)> {
        let (mut near, all) = (self.lists, self.removed);
        let points = near.len();
        if duplicates == Duplicates::DropPoints {
            near.retain(|t| t.first().is_some_and(|d| *d > 0.0));
            if near.is_empty() {
                return fail("every example coincides with another: no point is left to estimate the dimension from");
            }
        } else if near.iter().any(|t| t.first().is_none_or(|d| *d <= 0.0)) {
            return fail(
                "two examples coincide, or are too close to tell apart: remove duplicates (Duplicates::KeepOne)",
            );
        }
        let left_out = all + points - near.len();
        Ok((near, left_out))
    }

    /// Of each point the distance to the farthest of its neighbours.
    pub fn farthest(&self) -> impl Iterator<Item = f64> {
        self.lists.iter().filter_map(|t| t.last().copied())
    }

    /// Medians over points of the distances to neighbours of these ranks, counted from 1.
    pub fn radii(&self, ranks: [usize; 2]) -> [f64; 2] {
        ranks.map(|k| median(&self.lists.iter().map(|t| t[k - 1]).collect::<Vec<_>>()))
    }
}

/// Logarithms of the ratios of second to first neighbour distance, and how many rows were left out.
fn log_ratios(near: Near, duplicates: Duplicates) -> Result<(Vec<f64>, usize)> {
    let rounding = near.rounding;
    let (near, left_out) = near.entering(duplicates)?;
    // What only rounding tells apart is equally far.
    let log = |t: &Neighbours| Some((t[1] / t[0]).ln()).filter(|log| *log > rounding).unwrap_or(0.0);
    Ok((near.iter().map(log).collect(), left_out))
}
