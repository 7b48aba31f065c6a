//! Measures that compare which examples are near which: overlap of the k nearest neighbours of every example in two
//! representations.
//!
//! Neighbours are found exactly. An example is never its own neighbour (it is left out by index, so that duplicates of
//! it stay), and between equally near neighbours the lower index wins, so that results are reproducible.

use std::cmp::Ordering;

use faer::MatRef;

use super::matrix::max_abs;
use super::units::{check, check_same_examples, dot, power_of_two_scale, rows, squared_distance};
use crate::error::{Error, Result};

/// What makes two examples near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nearness {
    /// Large cosine of the angle between the rows. A row of zeros has cosine 0 with every row.
    Cosine,
    /// Small Euclidean distance, from sums of squared differences.
    Euclidean,
    /// Large inner product.
    InnerProduct,
}

/// The k nearest neighbours of every example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    k: usize,
    /// k per example, nearest first.
    nearest: Vec<usize>,
}

impl Neighbours {
    /// Neighbours that were found elsewhere: `k` indices for each example in turn, nearest first.
    ///
    /// # Errors
    /// If there are not `k` for each, or an index is beyond the examples.
    pub fn from_indices(k: usize, nearest: Vec<usize>) -> Result<Self> {
        let examples = nearest.len().checked_div(k).unwrap_or(0);
        if k == 0 || nearest.len() != examples * k || nearest.iter().any(|&i| i >= examples) {
            return Err(Error::Measure(format!(
                "expected {k} neighbours among the examples for each, got {} indices",
                nearest.len()
            )));
        }
        Ok(Self { k, nearest })
    }

    /// Number of neighbours per example.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.nearest.len() / self.k
    }

    /// The neighbours of every example in turn, each nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        self.nearest.chunks_exact(self.k)
    }
}

/// The `k` nearest neighbours of every row of `x` (examples × units) among the other rows.
///
/// Rows that are equal bit for bit are at equal nearness to any third row, and their order is by index; values that
/// are equal only in exact arithmetic may be told apart by rounding.
///
/// # Errors
/// If `x` has no units or a value that is not finite, or unless 1 ≤ `k` ≤ examples − 1.
pub fn nearest_neighbours(x: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Result<Neighbours> {
    check(x, "the representation", 2)?;
    let n = x.nrows();
    check_k(n, k)?;
    let mut rows = rows(x);
    // Powers of two change no comparison and keep squares from overflowing or vanishing.
    let whole = power_of_two_scale(max_abs(x));
    for row in &mut rows {
        let largest = row.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let scale = if nearness == Nearness::Cosine { power_of_two_scale(largest) } else { whole };
        row.iter_mut().for_each(|v| *v *= scale);
        if nearness == Nearness::Cosine && largest > 0.0 {
            let norm = dot(row, row).sqrt();
            row.iter_mut().for_each(|v| *v /= norm);
        }
    }
    let mut nearest = Vec::with_capacity(n * k);
    let mut others = Vec::with_capacity(n);
    for (i, row) in rows.iter().enumerate() {
        others.clear();
        others.extend(rows.iter().enumerate().filter(|(j, _)| *j != i).map(|(j, other)| {
            let far = match nearness {
                Nearness::Euclidean => squared_distance(row, other),
                Nearness::Cosine | Nearness::InnerProduct => -dot(row, other),
            };
            (far, j)
        }));
        let order = |a: &(f64, usize), b: &(f64, usize)| -> Ordering { a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)) };
        if k < others.len() {
            others.select_nth_unstable_by(k - 1, order);
            others.truncate(k);
        }
        others.sort_unstable_by(order);
        nearest.extend(others.iter().map(|o| o.1));
    }
    Ok(Neighbours { k, nearest })
}

fn check_k(n: usize, k: usize) -> Result<()> {
    if n < 2 || k == 0 || k >= n {
        return Err(Error::Measure(format!(
            "expected between 1 and {} neighbours for {n} examples (an example is not its own neighbour), got k = {k}; \
             choose a smaller k or record more examples",
            n.saturating_sub(1)
        )));
    }
    Ok(())
}

/// Mutual k-nearest-neighbour overlap: the mean over examples of |A ∩ B| / k, in [0, 1].
///
/// Huh et al. 2024 (*The Platonic Representation Hypothesis*), there with cosine nearness; k = 10 is usual. Two
/// unrelated representations score [`chance_overlap`]. Symmetric in its arguments.
///
/// # Errors
/// If the two have different numbers of examples or neighbours.
pub fn mutual_overlap(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    // Counts are whole numbers, so their sum is exact.
    Ok(mean_over_examples(a, b, |x, y| common(x, y) as f64)? / a.k as f64)
}

/// k-nearest-neighbour Jaccard similarity: the mean over examples of |A ∩ B| / |A ∪ B|, in [0, 1].
///
/// Klabunde et al. 2023 (*Similarity of Neural Network Models*, a survey). Symmetric in its arguments.
///
/// # Errors
/// If the two have different numbers of examples or neighbours.
pub fn jaccard(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    mean_over_examples(a, b, |x, y| {
        let shared = common(x, y);
        shared as f64 / (2 * x.len() - shared) as f64
    })
}

/// Rank similarity: like the overlap, but neighbours that both share at the same, near rank count most; in [0, 1].
///
/// The mean over examples of Σ 2 / ((1 + |r − s|)(r + s)) over shared neighbours, with ranks r and s from 1, divided by
/// Σ 1/m for m up to the number of shared neighbours; 0 for an example without any. In the form
/// of Klabunde et al. 2023. It says how well the *shared* neighbours agree in order, not how many they are.
///
/// # Errors
/// If the two have different numbers of examples or neighbours.
pub fn rank_similarity(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    mean_over_examples(a, b, |x, y| {
        let (mut sum, mut best, mut shared) = (0.0, 0.0, 0.0);
        for (r, j) in x.iter().enumerate() {
            if let Some(s) = y.iter().position(|m| m == j) {
                shared += 1.0;
                best += 1.0 / shared;
                sum += 2.0 / ((1 + r.abs_diff(s)) * (r + s + 2)) as f64;
            }
        }
        if shared > 0.0 { sum / best } else { 0.0 }
    })
}

/// What the overlap of two unrelated representations is on average: k / (examples − 1).
///
/// # Errors
/// Unless 1 ≤ `k` ≤ `examples` − 1.
pub fn chance_overlap(examples: usize, k: usize) -> Result<f64> {
    check_k(examples, k)?;
    Ok(k as f64 / (examples - 1) as f64)
}

/// [`mutual_overlap`] of the neighbours in `x` and `y` (examples × units, the same examples).
///
/// # Errors
/// As [`nearest_neighbours`], and if the numbers of examples differ.
pub fn mutual_knn(x: MatRef<'_, f64>, y: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Result<f64> {
    check_same_examples(x, y)?;
    mutual_overlap(&nearest_neighbours(x, k, nearness)?, &nearest_neighbours(y, k, nearness)?)
}

/// [`jaccard`] of the neighbours in `x` and `y` (examples × units, the same examples).
///
/// # Errors
/// As [`nearest_neighbours`], and if the numbers of examples differ.
pub fn knn_jaccard(x: MatRef<'_, f64>, y: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Result<f64> {
    check_same_examples(x, y)?;
    jaccard(&nearest_neighbours(x, k, nearness)?, &nearest_neighbours(y, k, nearness)?)
}

fn common(x: &[usize], y: &[usize]) -> usize {
    x.iter().filter(|j| y.contains(j)).count()
}

fn mean_over_examples(a: &Neighbours, b: &Neighbours, score: impl Fn(&[usize], &[usize]) -> f64) -> Result<f64> {
    if a.k != b.k || a.nearest.len() != b.nearest.len() {
        return Err(Error::Measure(format!(
            "expected neighbours of the same examples and the same k, got {} examples with k = {} and {} with k = {}",
            a.examples(),
            a.k,
            b.examples(),
            b.k
        )));
    }
    Ok(a.iter().zip(b.iter()).map(|(x, y)| score(x, y)).sum::<f64>() / a.examples() as f64)
}

#[cfg(test)]
mod tests;
