//! Intrinsic dimension from distances to neighbours: how many numbers it takes to say where an example lies.
//!
//! All estimators here are free of scale. They assume that no two examples coincide; what to do when some do is always
//! said by [`Duplicates`].

use faer::MatRef;

use super::entry::StatisticEntry;
use super::input::{fail, mean, median, take_rows};
use super::neighbours::{Duplicates, Kept, Near, Nearest, Within};
use super::source::Computation;
use super::spectrum::Spectrum;
use crate::error::Result;
use crate::measure::declaration::{Given, count, number, word};
use crate::measure::numerics::algebra::rounding;

const FAMILY: &str = "intrinsic dimension";

const DUPLICATES: &str = "equal rows: points at distance zero left out but kept as neighbours (scikit-dimension's TwoNN), \
                         all but one removed, or all kept (scikit-dimension's CorrInt; an error where undetermined)";

fn duplicates(g: &Given) -> Duplicates {
    match g.word("duplicates") {
        "keep-one" => Duplicates::KeepOne,
        "keep-all" => Duplicates::KeepAll,
        _ => Duplicates::DropPoints,
    }
}

/// With μ the ratio of the distances to the second and the first neighbour, the slope through the origin of
/// `-ln(1 - F(μ))` on `ln μ`, over the ratios that stay when the largest are dropped; or the maximum of the likelihood,
/// which is biased upwards by `N / (N - 1)`.
pub(super) const TWO_NN: StatisticEntry = StatisticEntry::new(FAMILY, "two_nn", "TwoNN intrinsic dimension", |g| {
    let (discard, less) = (g.number("discard"), f64::from(u8::from(g.word("cdf") == "rank-less-one")));
    let source = Nearest { k: 2, duplicates: duplicates(g) };
    match g.word("form") {
        "likelihood" => Computation::from(source, |near| {
            let logs = log_ratios(near)?;
            let sum: f64 = logs.iter().sum();
            if sum == 0.0 {
                return fail("the first and second neighbours of all points are equally far: TwoNN is not determined");
            }
            Ok(logs.len() as f64 / sum)
        }),
        _ => Computation::from(source, move |near| two_nn(near, discard, less)),
    }
})
.formula("slope through the origin of -log(1 - F) on log(r₂ / r₁); or N / Σ log(r₂ / r₁)")
.source("Facco et al. 2017")
.with(&[
    word("form", &["fit", "likelihood"], "least squares, or maximum likelihood"),
    number("discard", 0.1, [0.0, 0.99], "part of the largest ratios left out of the fit"),
    word("cdf", &["rank", "rank-less-one"], "F = i/N, or (i - 1)/N as older scikit-dimension has it"),
    word("duplicates", &["drop-points", "keep-one", "keep-all"], DUPLICATES),
]);

/// `F = (i - less) / N` of the `i`-th smallest ratio; `⌊N (1 - discard)⌋` of them stay.
fn two_nn(near: &Near, discard: f64, less: f64) -> Result<f64> {
    let mut logs = log_ratios(near)?;
    logs.sort_unstable_by(f64::total_cmp);
    let points = logs.len();
    let kept = (points as f64 * (1.0 - discard)) as usize;
    if kept == 0 {
        return fail(format!("discarding {discard} of {points} ratios leaves none; discard less"));
    }
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
    Ok(xy / xx)
}

/// Logarithms of the ratios of second to first neighbour distance.
fn log_ratios(near: &Near) -> Result<Vec<f64>> {
    // What only rounding tells apart is equally far.
    let log = |t: &Vec<f64>| Some((t[1] / t[0]).ln()).filter(|log| *log > near.rounding).unwrap_or(0.0);
    Ok(near.entering()?.into_iter().map(log).collect())
}

/// Local dimension `m(x) = [Σ_{j<k} ln(T_k / T_j) / (k - 1)]⁻¹` from the distances `T_j` to the first `k` neighbours, then
/// combined over points: the harmonic mean (MacKay & Ghahramani) is the maximum of the common likelihood, the mean is
/// Levina & Bickel's.
pub(super) const LEVINA_BICKEL: StatisticEntry =
    StatisticEntry::new(FAMILY, "levina_bickel", "Levina and Bickel's intrinsic dimension", |g| {
        let (k, combine) = (g.count("k"), g.word("combine"));
        Computation::from(Nearest { k, duplicates: duplicates(g) }, move |near| {
            let inverse = |t: &Vec<f64>| t.iter().take(k - 1).map(|near| (t[k - 1] / near).ln()).sum::<f64>();
            let inverse: Vec<f64> = near.entering()?.into_iter().map(|t| inverse(t) / (k as f64 - 1.0)).collect();
            let local = || inverse.iter().map(|v| 1.0 / v).collect::<Vec<_>>();
            let value = match combine {
                "mean" => mean(&local()),
                "median" => median(&local()),
                _ => 1.0 / mean(&inverse),
            };
            if !value.is_finite() {
                return fail(format!(
                    "the {k} neighbours of a point are all equally far: Levina-Bickel is not determined"
                ));
            }
            Ok(value)
        })
    })
    .formula("harmonic mean over points of [Σ_{j<k} log(T_k / T_j) / (k - 1)]⁻¹")
    .source("Levina and Bickel 2004, MacKay and Ghahramani 2005")
    .with(&[
        count("k", 20, 2, "neighbours"),
        word("combine", &["harmonic", "mean", "median"], "over points"),
        word("duplicates", &["keep-one", "drop-points", "keep-all"], DUPLICATES),
    ]);

/// `C(r)` is the share of pairs closer than `r`.
pub(super) const CORRELATION_DIMENSION: StatisticEntry = StatisticEntry::new(
    FAMILY,
    "correlation_dimension",
    "correlation dimension between two numbers of neighbours",
    |g| {
        let neighbours = [g.count("k1"), g.count("k2")];
        Computation::from(Within { neighbours, duplicates: duplicates(g) }, move |pairs| {
            let ([k1, k2], [r1, r2], [c1, c2]) = (neighbours, pairs.radii, pairs.within);
            if r1 <= 0.0 || r1 >= r2 || c1 == 0.0 {
                return fail(format!(
                    "the median distances to neighbours {k1} and {k2} ({r1:e} and {r2:e}, scaled) hold no range of \
                     scales: the correlation dimension is not determined"
                ));
            }
            Ok((c2 / c1).ln() / (r2 / r1).ln())
        })
    },
)
.formula("log(C(r₂) / C(r₁)) / log(r₂ / r₁), r the median distances to neighbours k1, k2")
.source("Grassberger and Procaccia 1983; scikit-dimension's CorrInt")
.holds(|_, n, p| 2.0 * n * n + 8.0 * n * p)
.with(&[
    count("k1", 10, 1, "fewer neighbours"),
    count("k2", 20, 2, "more neighbours"),
    word("duplicates", &["keep-all", "keep-one", "drop-points"], DUPLICATES),
]);

/// At most `k - 1`. Where several examples are equally near for the last places, all of them belong to the neighbourhood.
pub(super) const LOCAL_PCA: StatisticEntry =
    StatisticEntry::new(FAMILY, "local_pca", "participation ratio of neighbourhoods", |g| {
        let (k, duplicates) = (g.count("k"), duplicates(g));
        Computation::of(move |x| local_pca(x, k, duplicates))
    })
    .formula("mean over points of (Σ λ)² / Σ λ² of their k nearest others")
    .source("Fukunaga and Olsen 1971; scikit-dimension's lPCA(ver=\"participation_ratio\").fit_pw")
    .with(&[
        count("k", 20, 2, "neighbours, the point itself left out"),
        word("duplicates", &["keep-one", "drop-points", "keep-all"], DUPLICATES),
    ]);

fn local_pca(x: MatRef<'_, f64>, k: usize, duplicates: Duplicates) -> Result<f64> {
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
        local.push(Spectrum::of(take_rows(kept.x.as_ref(), &rows).as_ref(), true)?.participation_ratio());
    }
    if local.is_empty() {
        return fail("every example coincides with another: no point is left to estimate the dimension from");
    }
    Ok(mean(&local))
}
