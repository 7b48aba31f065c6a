//! Representation topology divergence: how far the clusters and loops of one representation are from those of another.

use std::sync::Arc;

use super::{ORTHOGONAL, TOPOLOGY};
use crate::error::{Error, Result};
use crate::measure::declaration::{Device, Entry, Extents, Given, Held, Host, Made, Tables, count, word};
use crate::measure::embedding::Between;
use crate::measure::numerics::algebra::{power_of_two_scale, squared_distance};
use crate::measure::numerics::check::check_pair;
use crate::measure::numerics::persistence::{MAX_POINTS, h1_bars};
use crate::measure::numerics::random::SplitMix;
use crate::measure::numerics::units::rows;
use faer::{Mat, MatRef};

/// Representation topology divergence.
pub(super) const RTD: Entry = Entry {
    formula: "sum of the H1 bars of the graph of r1 within min(r1, r2), distances over their 0.9-quantile",
    symmetric: false,
    invariances: ORTHOGONAL,
    cost: "n³ and more",
    held,
    source: "Barannikov et al. 2022",
    parameters: &[
        word("way", &["first", "mean"], "of the first to the second, or of both ways"),
        count("batch", 0, 0, "examples drawn at a time; 0: all"),
        count("repeats", 10, 1, "draws, if there is a batch"),
        count("seed", 0, 0, "of the draws"),
    ],
    caution: |g, e| {
        (g.count("batch") == 0 && e.n > 300)
            .then(|| format!("{} examples at once take long; rtd:batch=200 draws subsets", e.n))
    },
    make: |g| {
        let (mean, batch, repeats, seed) =
            (g.word("way") == "mean", g.count("batch"), g.count("repeats"), g.count("seed") as u64);
        if batch == 0 {
            g.refuse(&["repeats", "seed"], "nothing is drawn without a batch")?;
        }
        let value = move |r: Rtd| if mean { r.mean } else { r.x_to_y };
        let host = Host::of_pair(move |x, y| {
            Ok(value(if batch == 0 { rtd(x, y)? } else { rtd_sampled(x, y, batch, repeats, seed)?.average }))
        });
        let tables = Tables {
            between: Between::Euclidean,
            per_unit: false,
            compare: Arc::new(move |a, b| Ok(value(of_distances(a.square(), b.square())?))),
        };
        Ok(Made { host, device: (batch == 0).then_some(Device::Tables(tables)) })
    },
    ..Entry::distance("rtd", "representation topology divergence", TOPOLOGY)
};

/// The graph of both sets of distances has twice the examples for its points.
fn held(g: &Given, e: Extents) -> Held {
    let drawn = if g.count("batch") == 0 { e.n } else { g.count("batch").min(e.n) };
    Held::of_pair(e, 40.0 * (drawn as f64).powi(2) + 2.0 * (e.n * (e.p + e.q)) as f64)
}

/// Representation topology divergence of two representations; 0 means the same topology at all scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rtd {
    /// Total length of the bars of the graph that compares X with the smaller of both distances.
    pub x_to_y: f64,
    /// The same with X and Y exchanged.
    pub y_to_x: f64,
    /// Mean of both: the symmetric divergence.
    pub mean: f64,
}

/// Divergences of random subsets of the examples.
#[derive(Debug, Clone, PartialEq)]
pub struct RtdSample {
    /// Means over the repeats.
    pub average: Rtd,
    /// Standard deviation over the repeats of the symmetric divergence (n − 1); NaN for one repeat.
    pub deviation: f64,
    /// The value of every repeat.
    pub repeats: Vec<Rtd>,
}

/// Representation topology divergence of `x` and `y` (the same examples × units each), over all examples.
///
/// Barannikov et al. 2022 (*Representation Topology Divergence*): Euclidean distances of each, divided by
/// their 0.9-quantile over all entries of the distance matrix (linear interpolation), r₁ and r₂; a graph on two copies
/// of the examples with distances 0 within the first copy, r₁ between the copies and min(r₁, r₂) within the second; the
/// sum of the lengths of its bars in degree 1. At least 0, in multiples of that quantile; not bounded above, and grows
/// with the number of examples, so compare values only for equal numbers. Invariant to rotation, shift and scale.
/// The third power of the examples in memory, and more in time: for many examples take [`rtd_sampled`].
///
/// # Errors
/// If the numbers of examples differ, there are fewer than 2 or more than 1,024, a value is not finite, or more than
/// about nine tenths of all pairs of examples coincide (their quantile is 0).
pub fn rtd(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Rtd> {
    check_pair(x, y, 2)?;
    let all: Vec<usize> = (0..x.nrows()).collect();
    let (x, y) = (scaled_rows(x), scaled_rows(y));
    rtd_of_rows(&x, &y, &all)
}

/// [`rtd`] of `repeats` random subsets of `batch` examples, drawn without replacement.
///
/// The paper's protocol is 10 subsets of 500. Each subset has its own quantile. The subsets depend only on `seed`,
/// the number of examples and `batch`.
///
/// # Errors
/// As [`rtd`], and unless 2 ≤ `batch` ≤ examples and `repeats` ≥ 1.
pub fn rtd_sampled(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    batch: usize,
    repeats: usize,
    seed: u64,
) -> Result<RtdSample> {
    check_pair(x, y, 2)?;
    let n = x.nrows();
    if batch < 2 || batch > n || repeats == 0 {
        return Err(Error::Measure(format!(
            "expected at least one repeat with between 2 and {n} of the {n} examples each, got {repeats} repeats of \
             {batch}"
        )));
    }
    let (x, y) = (scaled_rows(x), scaled_rows(y));
    let mut values = Vec::new();
    for repeat in 0..repeats {
        let subset = SplitMix::new(seed, repeat as u64).subset(n, batch);
        values.push(rtd_of_rows(&x, &y, &subset)?);
    }
    let mean = |f: fn(&Rtd) -> f64| values.iter().map(f).sum::<f64>() / repeats as f64;
    let average = Rtd { x_to_y: mean(|r| r.x_to_y), y_to_x: mean(|r| r.y_to_x), mean: mean(|r| r.mean) };
    let squares: f64 = values.iter().map(|r| (r.mean - average.mean).powi(2)).sum();
    let deviation = if repeats > 1 { (squares / (repeats - 1) as f64).sqrt() } else { f64::NAN };
    Ok(RtdSample { average, deviation, repeats: values })
}

/// The rows times a power of two that keeps squares from overflowing; the divergence does not depend on scale.
fn scaled_rows(x: MatRef<'_, f64>) -> Vec<Vec<f64>> {
    let mut rows = rows(x);
    let scale = power_of_two_scale(rows.iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs())));
    rows.iter_mut().flatten().for_each(|v| *v *= scale);
    rows
}

fn rtd_of_rows(x: &[Vec<f64>], y: &[Vec<f64>], subset: &[usize]) -> Result<Rtd> {
    of_distances(distances(x, subset), distances(y, subset))
}

/// [`rtd`] from the Euclidean distances of all examples (n x n) of both representations.
///
/// # Errors
/// As [`rtd`].
fn of_distances(x: Mat<f64>, y: Mat<f64>) -> Result<Rtd> {
    let limit = MAX_POINTS / 2;
    if x.nrows() > limit {
        return Err(Error::Measure(format!(
            "expected at most {limit} examples at once for the topology divergence, got {}; sample subsets of them",
            x.nrows()
        )));
    }
    let (r1, r2) = (normalised(x, "X")?, normalised(y, "Y")?);
    let total = |r1: &Mat<f64>, r2: &Mat<f64>| -> Result<f64> {
        let bars = h1_bars(comparison_graph(r1, r2).as_ref())?;
        Ok(bars.iter().map(|b| b.death - b.birth).sum())
    };
    let (x_to_y, y_to_x) = (total(&r1, &r2)?, total(&r2, &r1)?);
    Ok(Rtd { x_to_y, y_to_x, mean: 0.5 * (x_to_y + y_to_x) })
}

/// Euclidean distances between the rows of a subset.
fn distances(rows: &[Vec<f64>], subset: &[usize]) -> Mat<f64> {
    let mut d = Mat::zeros(subset.len(), subset.len());
    for (i, &a) in subset.iter().enumerate() {
        for (j, &b) in subset.iter().enumerate().take(i) {
            let distance = squared_distance(&rows[a], &rows[b]).sqrt();
            d[(i, j)] = distance;
            d[(j, i)] = distance;
        }
    }
    d
}

/// Distances divided by their 0.9-quantile.
fn normalised(mut d: Mat<f64>, name: &str) -> Result<Mat<f64>> {
    let unit = quantile(d.as_ref(), 0.9);
    if unit <= 0.0 {
        return Err(Error::Measure(format!(
            "expected the examples to differ in {name}, but at least nine tenths of their distances are 0, so there is \
             no scale to measure its topology by; leave this representation out"
        )));
    }
    d.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v /= unit));
    Ok(d)
}

/// The quantile of all entries, interpolated linearly between the two nearest ranks.
fn quantile(m: MatRef<'_, f64>, q: f64) -> f64 {
    let mut values: Vec<f64> = m.col_iter().flat_map(|c| c.iter().copied().collect::<Vec<_>>()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let place = q * (values.len() - 1) as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

/// The graph of both copies: 0 within the first, r₁ between them, min(r₁, r₂) within the second.
fn comparison_graph(r1: &Mat<f64>, r2: &Mat<f64>) -> Mat<f64> {
    let n = r1.nrows();
    Mat::from_fn(2 * n, 2 * n, |i, j| match (i < n, j < n) {
        (true, true) => 0.0,
        (true, false) => r1[(i, j - n)],
        (false, true) => r1[(i - n, j)],
        (false, false) => r1[(i - n, j - n)].min(r2[(i - n, j - n)]),
    })
}

#[cfg(test)]
mod tests;
