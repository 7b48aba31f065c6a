//! The k nearest neighbours of every example.
//!
//! Neighbours are found exactly. An example is never its own neighbour (it is left out by index, so that duplicates of
//! it stay). Examples that are equally near share the places that are left for them: values are expectations over ties that
//! are broken at random, independently for each example and each representation, so that the order of the examples plays no
//! part. Equally near is what only rounding tells apart: in order of nearness, an example that lies no further from the one
//! before than the bound of the rounding error of either.

use crate::error::{Error, Result};
use crate::measure::numerics::algebra::{dot, largest, middle, power_of_two_scale, rounding, squared_distance};
use crate::measure::numerics::check::check;
use crate::measure::numerics::units::rows;
use faer::MatRef;

/// A representation, in errors.
const NAME: &str = "the representation";

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
    of: Vec<Around>,
}

/// The nearest neighbours of one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    /// Those that are nearer than the last places, nearest first; equally near ones by index.
    pub certain: Vec<u32>,
    /// Those that are equally near for the last places, which are fewer than they; by index. None where nothing ties there.
    pub tied: Vec<u32>,
    /// Whether all neighbours are in an order: no two of them are equally near.
    pub ordered: bool,
}

impl Around {
    /// How many of the tied are among the `k` neighbours.
    fn drawn(&self, k: usize) -> usize {
        if self.tied.is_empty() { 0 } else { k - self.certain.len() }
    }

    /// The probability of each that may be a neighbour, when ties are broken at random.
    pub fn weights(&self, k: usize) -> impl Iterator<Item = (usize, f64)> {
        let share = self.drawn(k) as f64 / self.tied.len().max(1) as f64;
        let tied = self.tied.iter().map(move |&j| (j as usize, share));
        self.certain.iter().map(|&j| (j as usize, 1.0)).chain(tied)
    }
}

impl Neighbours {
    /// Number of neighbours per example.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Number of examples.
    pub fn examples(&self) -> usize {
        self.of.len()
    }

    /// The neighbours of every example in turn.
    pub fn iter(&self) -> impl Iterator<Item = &Around> {
        self.of.iter()
    }
}

/// Rows as their nearness is computed, and how far one is from another.
pub(crate) struct Space {
    rows: Vec<Vec<f64>>,
    /// Length of each row, where the error of a nearness depends on it.
    lengths: Vec<f64>,
    nearness: Nearness,
    error: f64,
}

impl Space {
    /// # Errors
    /// As [`nearest_neighbours`].
    pub(crate) fn of(x: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Result<Self> {
        check(x, NAME, 2)?;
        check_k(x.nrows(), k)?;
        let mut rows = rows(x);
        // Powers of two change no comparison and keep squares from overflowing or vanishing.
        let whole = power_of_two_scale(largest(x));
        for row in &mut rows {
            let most = row.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let scale = if nearness == Nearness::Cosine { power_of_two_scale(most) } else { whole };
            row.iter_mut().for_each(|v| *v *= scale);
            if nearness == Nearness::Cosine && most > 0.0 {
                let norm = dot(row, row).sqrt();
                row.iter_mut().for_each(|v| *v /= norm);
            }
        }
        let lengths = rows.iter().map(|row| dot(row, row).sqrt()).collect();
        // Twice: of a cosine both rows were rounded when they were brought to length one.
        Ok(Self { rows, lengths, nearness, error: 2.0 * rounding(x.ncols()) })
    }

    /// How far example `j` is from `i`, with `j`.
    pub(crate) fn far(&self, i: usize, j: usize) -> (f64, u32) {
        let (a, b) = (&self.rows[i], &self.rows[j]);
        let far = match self.nearness {
            Nearness::Euclidean => squared_distance(a, b),
            Nearness::Cosine | Nearness::InnerProduct => -dot(a, b),
        };
        (far, j as u32)
    }

    /// By how much rounding may have moved how far an example is from `i`.
    fn error(&self, i: usize, (far, j): (f64, u32)) -> f64 {
        self.error
            * match self.nearness {
                Nearness::Euclidean => far,
                Nearness::Cosine => 1.0,
                Nearness::InnerProduct => self.lengths[i] * self.lengths[j as usize],
            }
    }

    /// The `k` nearest of these others of example `i`, of which there are `k` or more, if it is certain that none that is at
    /// least `beyond` far is among them or ties with the last.
    pub(crate) fn nearest(&self, i: usize, k: usize, others: &mut [(f64, u32)], beyond: f64) -> Option<Around> {
        let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let (near, last, rest) = others.select_nth_unstable_by(k - 1, order);
        near.sort_unstable_by(order);
        let last = *last;
        let ties = |a: (f64, u32), b: (f64, u32)| b.0 - a.0 <= self.error(i, a).max(self.error(i, b));
        // Downwards from the last place to where nothing ties.
        let mut first = k - 1;
        let mut edge = last;
        while first > 0 && ties(near[first - 1], edge) {
            first -= 1;
            edge = near[first];
        }
        // Upwards, among those that are not far beyond the last found.
        let (mut beyond_last, mut end, mut taken): (Vec<(f64, u32)>, _, usize) = (Vec::new(), last, 0);
        loop {
            let near = |o: &(f64, u32)| o.0 - end.0 <= 4.0 * self.error(i, end).max(self.error(i, *o));
            let more: Vec<(f64, u32)> = rest.iter().copied().filter(near).collect();
            if more.len() == beyond_last.len() {
                break;
            }
            beyond_last = more;
            beyond_last.sort_unstable_by(order);
            while let Some(&next) = beyond_last.get(taken).filter(|o| ties(end, **o)) {
                end = next;
                taken += 1;
            }
            if taken < beyond_last.len() {
                break;
            }
        }
        if end.0 + self.error(i, end) >= beyond {
            return None;
        }
        let indices = |of: &[(f64, u32)]| of.iter().map(|o| o.1).collect::<Vec<u32>>();
        if taken == 0 {
            let mut certain = indices(near);
            certain.push(last.1);
            let ordered = first == k - 1 && near.windows(2).all(|w| !ties(w[0], w[1]));
            return Some(Around { certain, tied: Vec::new(), ordered });
        }
        let mut tied = indices(&near[first..]);
        tied.push(last.1);
        tied.extend(indices(&beyond_last[..taken]));
        tied.sort_unstable();
        Some(Around { certain: indices(&near[..first]), tied, ordered: false })
    }

    /// The rows in single precision, for a device that finds candidates by distance (or by inner product), and the length of
    /// the longest. Units are moved to their medians where distances do not see it: an offset, or a few examples far from all
    /// others, cost no digits.
    pub(crate) fn single(&self) -> (Vec<f32>, f64) {
        let units = self.rows.first().map_or(0, Vec::len);
        let mut middles = vec![0.0; units];
        if self.nearness == Nearness::Euclidean {
            let of = |j: usize| middle(self.rows.iter().map(|row| row[j]).collect());
            middles = (0..units).map(of).collect();
        }
        let moved = |row: &Vec<f64>| row.iter().zip(&middles).map(|(v, m)| v - m).collect::<Vec<f64>>();
        let rows: Vec<Vec<f64>> = self.rows.iter().map(moved).collect();
        let reach = rows.iter().map(|row| dot(row, row).sqrt()).fold(0.0, f64::max);
        (rows.iter().flatten().map(|&v| v as f32).collect(), reach)
    }

    /// The nearest of candidates that came first in single precision, of which [`single`](Self::single) says the longest row;
    /// nothing if that may have left one out.
    pub(crate) fn nearest_of(&self, i: usize, k: usize, candidates: &[usize], reach: f64) -> Option<Around> {
        if candidates.len() + 1 == self.rows.len() {
            return None;
        }
        let mut others: Vec<(f64, u32)> = candidates.iter().map(|&j| self.far(i, j)).collect();
        let last = others.iter().map(|o| o.0).fold(f64::MIN, f64::max);
        // No example that was left out is nearer than the farthest candidate, up to rounding: of both rows, of each term and of
        // their sum, for either of the two.
        let (unit, terms) = (f64::from(f32::EPSILON), self.rows[i].len() as f64 + 8.0);
        let squared = |d2: f64| unit * (8.0 * reach * d2.max(0.0).sqrt() + terms * d2.max(0.0));
        let slack = match self.nearness {
            Nearness::Euclidean => squared(last),
            // Of rows at length one the squared distance is 2 - 2 cos.
            Nearness::Cosine => squared(2.0 + 2.0 * last),
            Nearness::InnerProduct => unit * terms * self.lengths[i] * reach,
        };
        self.nearest(i, k, &mut others, last - slack)
    }

    /// The same, of all other examples.
    pub(crate) fn nearest_of_all(&self, i: usize, k: usize, room: &mut Vec<(f64, u32)>) -> Around {
        room.clear();
        room.extend((0..self.rows.len()).filter(|&j| j != i).map(|j| self.far(i, j)));
        let none = || Around { certain: Vec::new(), tied: Vec::new(), ordered: false };
        self.nearest(i, k, room, f64::INFINITY).unwrap_or_else(none)
    }

    pub(crate) fn neighbours(k: usize, of: Vec<Around>) -> Neighbours {
        Neighbours { k, of }
    }
}

/// The `k` nearest neighbours of every row of `x` (examples × units) among the other rows.
///
/// # Errors
/// If `x` has no units or a value that is not finite, or unless 1 ≤ `k` ≤ examples − 1.
pub fn nearest_neighbours(x: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Result<Neighbours> {
    let space = Space::of(x, k, nearness)?;
    let mut room = Vec::with_capacity(x.nrows());
    Ok(Space::neighbours(k, (0..x.nrows()).map(|i| space.nearest_of_all(i, k, &mut room)).collect()))
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
/// unrelated representations score k / (examples − 1), as do two whose examples are all alike. With ties for the last places
/// it is the expectation over breaking them at random, Σ a b / k of the probabilities of being a neighbour in each.
/// Symmetric in its arguments.
///
/// # Errors
/// If the two have different numbers of examples or neighbours.
pub fn mutual_overlap(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    let mut weight = vec![0.0; a.examples()];
    let sum = mean_over_examples(a, b, |x, y| {
        x.weights(a.k).for_each(|(j, w)| weight[j] = w);
        let shared = y.weights(a.k).map(|(j, w)| w * weight[j]).sum();
        x.weights(a.k).for_each(|(j, _)| weight[j] = 0.0);
        Ok(shared)
    })?;
    Ok(sum / a.k as f64)
}

/// k-nearest-neighbour Jaccard similarity: the mean over examples of |A ∩ B| / |A ∪ B|, in [0, 1]. With ties for the last
/// places it is the expectation over breaking them at random.
///
/// Klabunde et al. 2023 (*Similarity of Neural Network Models*, a survey). Symmetric in its arguments.
///
/// # Errors
/// If the two have different numbers of examples or neighbours.
pub fn jaccard(a: &Neighbours, b: &Neighbours) -> Result<f64> {
    let k = a.k;
    let mut kind = vec![0u8; a.examples()];
    mean_over_examples(a, b, |x, y| {
        let mut mark = |by: u8, of: &[u32]| of.iter().for_each(|&j| kind[j as usize] = by);
        mark(1, &x.certain);
        mark(2, &x.tied);
        let count = |of: &[u32], is: u8| of.iter().filter(|&&j| kind[j as usize] == is).count();
        let shared = Shared {
            certain: count(&y.certain, 1),
            first_tied: count(&y.certain, 2),
            second_tied: count(&y.tied, 1),
            both_tied: count(&y.tied, 2),
            tied: [x.tied.len(), y.tied.len()],
            drawn: [x.drawn(k), y.drawn(k)],
        };
        mark_none(&mut kind, x);
        Ok(shared.expected(|s| s as f64 / (2 * k - s) as f64))
    })
}

fn mark_none(kind: &mut [u8], x: &Around) {
    x.certain.iter().chain(&x.tied).for_each(|&j| kind[j as usize] = 0);
}

/// How many of the neighbours of an example in two representations are the same, by what ties in each.
struct Shared {
    /// Certain in both.
    certain: usize,
    /// Tied in the first and certain in the second.
    first_tied: usize,
    /// The other way about.
    second_tied: usize,
    /// Tied in both.
    both_tied: usize,
    /// Tied in each, and how many of them are drawn.
    tied: [usize; 2],
    drawn: [usize; 2],
}

impl Shared {
    /// The expectation of a function of the number that is shared.
    fn expected(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut sum = 0.0;
        // Of the first's draw, so many are tied in the second as well, and so many certain there.
        for (both, p) in hypergeometric(self.tied[0], self.both_tied, self.drawn[0]) {
            let (left, rest) = (self.drawn[0] - both, self.tied[0] - self.both_tied);
            for (certain, q) in hypergeometric(rest, self.first_tied, left) {
                // What the second draws of those that the first has.
                for (shared, r) in hypergeometric(self.tied[1], self.second_tied + both, self.drawn[1]) {
                    sum += p * q * r * value(self.certain + certain + shared);
                }
            }
        }
        sum
    }
}

/// The probabilities of `marked` ones among `drawn` of `all`, without those below what rounding leaves of one.
fn hypergeometric(all: usize, marked: usize, drawn: usize) -> Vec<(usize, f64)> {
    let (low, high) = ((marked + drawn).saturating_sub(all), marked.min(drawn));
    let likeliest = (((drawn + 1) as f64 * (marked + 1) as f64) / (all + 2) as f64) as usize;
    let likeliest = likeliest.clamp(low, high);
    // Of i + 1 over that of i.
    let ratio =
        |i: usize| (marked - i) as f64 * (drawn - i) as f64 / ((i + 1) as f64 * (all + i + 1 - marked - drawn) as f64);
    let up = (likeliest..high).scan(1.0, |p, i| {
        *p *= ratio(i);
        Some((i + 1, *p))
    });
    let down = (low..likeliest).rev().scan(1.0, |p, i| {
        *p /= ratio(i);
        Some((i, *p))
    });
    let kept = |o: &(usize, f64)| o.1 > 1e-18;
    let mut found: Vec<(usize, f64)> =
        std::iter::once((likeliest, 1.0)).chain(up.take_while(kept)).chain(down.take_while(kept)).collect();
    let sum: f64 = found.iter().map(|o| o.1).sum();
    found.iter_mut().for_each(|o| o.1 /= sum);
    found
}

fn mean_over_examples(
    a: &Neighbours,
    b: &Neighbours,
    mut score: impl FnMut(&Around, &Around) -> Result<f64>,
) -> Result<f64> {
    if a.k != b.k || a.examples() != b.examples() {
        return Err(Error::Measure(format!(
            "expected neighbours of the same examples and the same k, got {} examples with k = {} and {} with k = {}",
            a.examples(),
            a.k,
            b.examples(),
            b.k
        )));
    }
    let scores = a.iter().zip(b.iter()).map(|(x, y)| score(x, y)).collect::<Result<Vec<f64>>>()?;
    Ok(scores.iter().sum::<f64>() / a.examples() as f64)
}

#[cfg(test)]
mod tests;
