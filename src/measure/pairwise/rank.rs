//! Correlations of two vectors: cosine, Pearson, and the rank correlations, exact where values tie.

use crate::error::Result;
use crate::measure::numerics::algebra::{dot, geometric_mean, power_of_two_scale, sum};
use crate::measure::numerics::check::{finite, refuse};

/// Ranks 1 to N, equal values sharing the mean of their ranks (SciPy's `rankdata`). Zero and negative zero are equal.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for an empty slice or a value that is not finite.
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>> {
    check(values, "the values", 1)?;
    Ok(doubled_ranks(values).into_iter().map(|r| r as f64 / 2.0).collect())
}

/// ⟨a, b⟩ / (‖a‖ ‖b‖), in [−1, 1].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing or zero lengths, values that are not finite, or a
/// vector of zeros.
pub fn cosine(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 1)?;
    let (a, b) = (scaled(a), scaled(b));
    let (aa, bb) = (dot(&a, &a), dot(&b, &b));
    if aa == 0.0 || bb == 0.0 {
        return refuse("expected vectors that are not zero, got a zero vector, which has no direction; leave it out");
    }
    finite(dot(&a, &b) / geometric_mean(aa, bb), "the cosine")
}

/// Pearson's product-moment correlation, in [−1, 1].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing lengths, fewer than two values, values that are not
/// finite, or a constant vector.
pub fn pearson(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 2)?;
    cosine(&varying(a)?, &varying(b)?)
}

/// Spearman's rank correlation: Pearson's of average ranks. In [−1, 1]. The sums are exact integers.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) as [`pearson`].
pub fn spearman(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 2)?;
    let (ab, aa, bb) = rank_products(a, b);
    if aa == 0 || bb == 0 {
        return refuse(CONSTANT);
    }
    Ok(ab as f64 / (aa as f64 * bb as f64).sqrt())
}

/// rho-a: 12 Σ r̃ s̃ / (N³ − N) with r̃, s̃ the centred average ranks, the expectation of Spearman's correlation when ties
/// are broken at random (Schütt et al. 2023). In [−1, 1]; zero when a vector is constant; below Spearman's with ties.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing lengths, fewer than two values, or values that are not
/// finite.
pub fn rho_a(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 2)?;
    let n = a.len() as i128;
    // The products are of doubled ranks, four times those of ranks.
    Ok((3 * rank_products(a, b).0) as f64 / (n * n * n - n) as f64)
}

/// Kendall's tau-a: concordant minus discordant pairs over all pairs, whatever ties. In [−1, 1]; zero when a vector is
/// constant. Found in O(N log N) (Knight 1966), with exact counts.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing lengths, fewer than two values, or values that are not
/// finite.
pub fn kendall_tau_a(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 2)?;
    count_pairs(a, b).tau_a().map_or_else(|| refuse(CONSTANT), Ok)
}

/// Kendall's tau-b: concordant minus discordant pairs over √ of the pairs untied in each. In [−1, 1].
/// Found in O(N log N) (Knight 1966), with exact counts.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for differing lengths, fewer than two values, values that are not
/// finite, or a constant vector.
pub fn kendall_tau_b(a: &[f64], b: &[f64]) -> Result<f64> {
    check_two(a, b, 2)?;
    count_pairs(a, b).tau_b().map_or_else(|| refuse(CONSTANT), Ok)
}

const CONSTANT: &str =
    "expected vectors that vary, got a constant one, for which a correlation is not defined; leave it out";

fn check(values: &[f64], name: &str, least: usize) -> Result<()> {
    if values.len() < least {
        return refuse(format!("expected at least {least} in {name}, got {}; pass more", values.len()));
    }
    match values.iter().position(|v| !v.is_finite()) {
        Some(i) => refuse(format!("expected finite values in {name}, got one that is not at {i}; remove or repair it")),
        None => Ok(()),
    }
}

fn check_two(a: &[f64], b: &[f64], least: usize) -> Result<()> {
    if a.len() != b.len() {
        return refuse(format!(
            "expected vectors of equal length, got {} and {}; pass matching ones",
            a.len(),
            b.len()
        ));
    }
    check(a, "the first vector", least)?;
    check(b, "the second vector", least)
}

/// Scaled by a power of two to values near one.
fn scaled(a: &[f64]) -> Vec<f64> {
    let scale = power_of_two_scale(a.iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    a.iter().map(|v| v * scale).collect()
}

/// The deviations from the mean.
fn varying(a: &[f64]) -> Result<Vec<f64>> {
    let mut c = scaled(a);
    if c.iter().all(|v| Some(v) == c.first()) {
        return refuse(CONSTANT);
    }
    for _ in 0..2 {
        let mean = sum(&c) / c.len() as f64;
        c.iter_mut().for_each(|v| *v -= mean);
    }
    Ok(c)
}

/// A number whose order as an integer is that of the value, equal for zero and negative zero.
fn key(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// Twice the average ranks, which are integers.
fn doubled_ranks(values: &[f64]) -> Vec<i64> {
    let mut order: Vec<(u64, usize)> = values.iter().enumerate().map(|(i, &v)| (key(v), i)).collect();
    order.sort_unstable();
    let mut ranks = vec![0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| a.0 == b.0) {
        // Ranks before + 1 to before + t have the mean before + (t + 1)/2.
        let rank = (2 * before + tied.len() + 1) as i64;
        for &(_, i) in tied {
            ranks[i] = rank;
        }
        before += tied.len();
    }
    ranks
}

/// Σ r s, Σ r², Σ s² of doubled, centred average ranks.
fn rank_products(a: &[f64], b: &[f64]) -> (i128, i128, i128) {
    let centre = a.len() as i64 + 1;
    let (ra, rb) = (doubled_ranks(a), doubled_ranks(b));
    ra.iter().zip(&rb).fold((0, 0, 0), |(ab, aa, bb), (&r, &s)| {
        let (r, s) = (i128::from(r - centre), i128::from(s - centre));
        (ab + r * s, aa + r * r, bb + s * s)
    })
}

/// Counts of pairs of places.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct PairCounts {
    /// All pairs.
    pub all: i64,
    /// Pairs with different values in the first vector.
    pub untied_a: i64,
    /// Pairs with different values in the second vector.
    pub untied_b: i64,
    /// Concordant minus discordant pairs.
    pub difference: i64,
}

impl PairCounts {
    /// Kendall's tau-a, of two places or more.
    pub fn tau_a(self) -> Option<f64> {
        (self.all > 0).then(|| self.difference as f64 / self.all as f64)
    }

    /// Kendall's tau-b, of vectors that vary.
    pub fn tau_b(self) -> Option<f64> {
        let untied = i128::from(self.untied_a) * i128::from(self.untied_b);
        (untied > 0).then(|| self.difference as f64 / (untied as f64).sqrt())
    }
}

fn count_pairs(a: &[f64], b: &[f64]) -> PairCounts {
    let mut both: Vec<u128> = a.iter().zip(b).map(|(&a, &b)| (u128::from(key(a)) << 64) | u128::from(key(b))).collect();
    both.sort_unstable();
    let pairs = |length: usize| (length as i64) * (length as i64 - 1) / 2;
    let tied_a: i64 = both.chunk_by(|x, y| x >> 64 == y >> 64).map(|t| pairs(t.len())).sum();
    let tied_both: i64 = both.chunk_by(|x, y| x == y).map(|t| pairs(t.len())).sum();
    let mut second: Vec<u64> = both.into_iter().map(|v| v as u64).collect();
    let discordant = sort_counting_inversions(&mut second);
    let tied_b: i64 = second.chunk_by(|x, y| x == y).map(|t| pairs(t.len())).sum();
    let all = pairs(a.len());
    PairCounts {
        all,
        untied_a: all - tied_a,
        untied_b: all - tied_b,
        difference: all - tied_a - tied_b + tied_both - 2 * discordant,
    }
}

/// Sorts by merging, from short runs upwards, and counts the pairs that stood in strictly descending order.
fn sort_counting_inversions(values: &mut Vec<u64>) -> i64 {
    let n = values.len();
    let mut inversions = 0;
    let mut from = std::mem::take(values);
    let mut to = vec![0; n];
    let mut width = 1;
    while width < n {
        for (run, out) in from.chunks(2 * width).zip(to.chunks_mut(2 * width)) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            for slot in out {
                match (left, right) {
                    ([l, rest @ ..], [r, ..]) if l <= r => (*slot, left) = (*l, rest),
                    (_, [r, rest @ ..]) => {
                        inversions += left.len() as i64;
                        (*slot, right) = (*r, rest);
                    }
                    ([l, rest @ ..], []) => (*slot, left) = (*l, rest),
                    ([], []) => {}
                }
            }
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    *values = from;
    inversions
}
