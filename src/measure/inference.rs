//! How sure a number is: intervals by resampling examples, permutation tests, and noise floors by split halves.
//!
//! Every tool takes a measure of two representations as a closure. Random numbers depend on the seed and the number of
//! the draw alone, and results are kept in the order of draws: the same bits on any number of threads.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::parallel::in_parallel;
use crate::measure::random::Random;
use crate::measure::statistic::input::{check, fail, mean, quantile, same_rows, take_rows};

/// A measure of two representations of the same examples (examples × units each).
pub type Measure<'a> = &'a (dyn Fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64> + Sync);

/// An interval from resampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// The measure on all examples.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The measure on each draw, in order.
    pub draws: Vec<f64>,
}

impl Interval {
    /// Between percentiles of bootstrap draws.
    pub fn of_bootstrap(estimate: f64, draws: Vec<f64>, level: f64) -> Self {
        let tail = (1.0 - level) / 2.0;
        Self { estimate, low: quantile(&draws, tail), high: quantile(&draws, 1.0 - tail), draws }
    }

    /// From draws of `n / 2` of `n` examples: see [`subsample`].
    pub fn of_halves(estimate: f64, draws: Vec<f64>, n: usize, level: f64) -> Self {
        Self::of_subsamples(estimate, draws, n / 2, n, level)
    }

    fn of_subsamples(estimate: f64, draws: Vec<f64>, size: usize, n: usize, level: f64) -> Self {
        let (centre, scale) = (mean(&draws), (size as f64 / (n - size) as f64).sqrt());
        let tail = (1.0 - level) / 2.0;
        let low = estimate - scale * (quantile(&draws, 1.0 - tail) - centre);
        let high = estimate - scale * (quantile(&draws, tail) - centre);
        Self { estimate, low, high, draws }
    }
}

/// Bootstrap over examples (Efron 1979): rows of both representations are drawn together, with replacement; the interval
/// is between percentiles of the draws (linear interpolation).
///
/// Drawn rows repeat: about 37 % of the examples are missing and the rest is there more than once. That is wrong for
/// measures that look at neighbours (a copy is its own neighbour at distance zero) or that average over *distinct*
/// examples (debiased CKA, corrected dimensionality: copies count as distinct, and the draws lie too high). Use
/// [`subsample`] for those. The percentile interval also keeps any bias of the measure.
///
/// # Errors
/// Representations of different examples, fewer than two; `level` outside (0, 1); fewer than two draws; the error of the
/// measure on the first draw that fails.
pub fn bootstrap(
    measure: Measure<'_>,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    level: f64,
    draws: usize,
    seed: u64,
) -> Result<Interval> {
    let n = x.nrows();
    let rows = |mut random: Random| (0..n).map(|_| random.below(n)).collect();
    let (estimate, values) = resampled(measure, [x, y], level, draws, seed, &rows)?;
    Ok(Interval::of_bootstrap(estimate, values, level))
}

/// Interval by subsampling `size` of the `n` examples without replacement (Politis & Romano 1994; the delete-d jackknife
/// of Shao & Wu 1989): deviations of the draws from their mean, times `√(size / (n - size))`, are taken off the estimate.
/// Valid for measures that no repeated row may enter: neighbours, debiased measures. `size` of `n/2` needs no scaling.
///
/// The scale assumes an error that shrinks as `1/√n`. Deviations from the mean of the draws, not from the estimate, keep
/// a bias that depends on the number of examples out of the width.
///
/// # Errors
/// As [`bootstrap`]; `size` below 2 or not below the number of examples.
pub fn subsample(
    measure: Measure<'_>,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    size: usize,
    level: f64,
    draws: usize,
    seed: u64,
) -> Result<Interval> {
    let n = x.nrows();
    if size < 2 || size >= n {
        return fail(format!("a subsample must have at least 2 and fewer than {n} examples, but has {size}"));
    }
    let rows = |mut random: Random| random.subset(n, size);
    let (estimate, values) = resampled(measure, [x, y], level, draws, seed, &rows)?;
    Ok(Interval::of_subsamples(estimate, values, size, n, level))
}

/// The measure on all examples, and on those of each draw.
fn resampled(
    measure: Measure<'_>,
    [x, y]: [MatRef<'_, f64>; 2],
    level: f64,
    draws: usize,
    seed: u64,
    rows: &(dyn Fn(Random) -> Vec<usize> + Sync),
) -> Result<(f64, Vec<f64>)> {
    check_pair(x, y)?;
    if !(level > 0.0 && level < 1.0) {
        return fail(format!("the level of an interval must lie between 0 and 1 (both excluded), but is {level}"));
    }
    if draws < 2 {
        return fail(format!("an interval needs at least 2 draws, but has {draws}"));
    }
    let estimate = measure(x, y)?;
    let values = draw_all(draws, &|draw| {
        let rows = rows(Random::new(seed, draw));
        measure(take_rows(x, &rows).as_ref(), take_rows(y, &rows).as_ref())
    })?;
    Ok((estimate, values))
}

/// Which values count as evidence against the null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternative {
    /// Values at least as large as the observed one (similarities, accuracies).
    Larger,
    /// Values at least as small (distances).
    Smaller,
    /// Twice the smaller of the two, at most 1.
    TwoSided,
}

/// A value against draws from a null.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The value observed.
    pub observed: f64,
    /// `(1 + draws as extreme) / (1 + draws)`: never zero, and valid for any number of draws (Phipson & Smyth 2010).
    pub p_value: f64,
    /// The draws, in order.
    pub null: Vec<f64>,
}

impl Test {
    /// Compares a value with draws from a null. Ties, up to rounding, count as extreme.
    ///
    /// # Errors
    /// A value or draw that is NaN: it is neither larger nor smaller.
    pub fn of(observed: f64, null: Vec<f64>, alternative: Alternative) -> Result<Self> {
        if observed.is_nan() || null.iter().any(|v| v.is_nan()) {
            return fail("the measure gave NaN on the data or on a draw of the null: no p-value is determined");
        }
        let share = |extreme: &dyn Fn(f64) -> bool| {
            (1 + null.iter().filter(|v| extreme(**v)).count()) as f64 / (1 + null.len()) as f64
        };
        let rounding = 1e-10 * observed.abs().max(1.0);
        let (larger, smaller) = (share(&|v| v >= observed - rounding), share(&|v| v <= observed + rounding));
        let p_value = match alternative {
            Alternative::Larger => larger,
            Alternative::Smaller => smaller,
            Alternative::TwoSided => (2.0 * larger.min(smaller)).min(1.0),
        };
        Ok(Self { observed, p_value, null })
    }
}

/// Permutation test: the rows of `y` are permuted against those of `x`, which is the null that the two representations of
/// an example have nothing to do with each other. Says nothing about *how* similar they are.
///
/// # Errors
/// Representations of different examples, fewer than two; no draws; the error of the measure on the first draw that
/// fails; a measure that is NaN.
pub fn permutation_test(
    measure: Measure<'_>,
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    alternative: Alternative,
    draws: usize,
    seed: u64,
) -> Result<Test> {
    check_pair(x, y)?;
    if draws == 0 {
        return fail("a permutation test needs at least one draw");
    }
    let observed = measure(x, y)?;
    let null = draw_all(draws, &|draw| {
        let order = Random::new(seed, draw).permutation(y.nrows());
        measure(x, take_rows(y, &order).as_ref())
    })?;
    Test::of(observed, null, alternative)
}

/// Values from split halves.
#[derive(Clone, Debug, PartialEq)]
pub struct Floor {
    /// Mean over splits.
    pub mean: f64,
    /// 2.5 % quantile over splits.
    pub low: f64,
    /// 97.5 % quantile over splits.
    pub high: f64,
    /// The value of each split, in order.
    pub splits: Vec<f64>,
}

impl Floor {
    pub(crate) fn of(splits: Vec<f64>) -> Self {
        Self { mean: mean(&splits), low: quantile(&splits, 0.025), high: quantile(&splits, 0.975), splits }
    }
}

/// Noise floor by halves of units: the measure between two random halves of the units of one representation (for an odd
/// number one unit is left out of each split). As similar as two samples of units of the *same* network can look: values
/// between networks beyond this cannot be told from sampling of units. Halves have half of the units, so this is the
/// floor for representations of that width.
///
/// # Errors
/// Fewer than two examples or units, values that are not finite; no splits; the error of the measure on the first split
/// that fails.
pub fn noise_floor_units(measure: Measure<'_>, x: MatRef<'_, f64>, splits: usize, seed: u64) -> Result<Floor> {
    check(x, "the representation", 2)?;
    let (p, half) = (x.ncols(), x.ncols() / 2);
    if half == 0 || splits == 0 {
        return fail(format!("splitting units needs at least 2 units and 1 split, but there are {p} and {splits}"));
    }
    let values = draw_all(splits, &|draw| {
        let [first, second] = halves_of_units(x, seed, draw);
        measure(first.as_ref(), second.as_ref())
    })?;
    Ok(Floor::of(values))
}

/// Two random halves of the units of `x`; of an odd number one is left out.
pub(crate) fn halves_of_units(x: MatRef<'_, f64>, seed: u64, draw: u32) -> [Mat<f64>; 2] {
    let half = x.ncols() / 2;
    let order = Random::new(seed, draw).permutation(x.ncols());
    [&order[..half], &order[half..2 * half]].map(|units| Mat::from_fn(x.nrows(), half, |i, j| x[(i, units[j])]))
}

fn check_pair(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<()> {
    check(x, "the first representation", 2)?;
    check(y, "the second representation", 2)?;
    same_rows(x.nrows(), y.nrows(), "the two representations")
}

/// Draws on all cores, in their order, or the error of the first that fails.
pub(crate) fn draw_all(draws: usize, one: &(dyn Fn(u32) -> Result<f64> + Sync)) -> Result<Vec<f64>> {
    if u32::try_from(draws).is_err() {
        return fail(format!("at most {} draws can be counted, but {draws} are asked for", u32::MAX));
    }
    in_parallel(draws, |draw| one(draw as u32)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_count_the_observation() {
        let p = |alternative| Test::of(2.0, vec![0.0, 1.0, 2.0, 3.0], alternative).unwrap().p_value;
        assert_eq!(p(Alternative::Larger), 3.0 / 5.0);
        assert_eq!(p(Alternative::Smaller), 4.0 / 5.0);
        assert_eq!(p(Alternative::TwoSided), 1.0);
        assert_eq!(Test::of(9.0, vec![0.0; 9], Alternative::Larger).unwrap().p_value, 0.1);
        assert!(Test::of(f64::NAN, vec![0.0], Alternative::Larger).is_err());
    }
}
