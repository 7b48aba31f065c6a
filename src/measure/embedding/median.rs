//! Medians on the GPU, without sorting: the value that splits a tensor is found by halving an interval and counting.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Halvings: five of the interval's orders of magnitude, and the rest of its width, which then is 2^-29 of the element that is
/// looked for, less than its last digit.
const HALVINGS: usize = 34;

/// Least part of the largest element that is told from zero: distances of a billionth of the largest.
const LEAST: f32 = 1.0 / (1u64 << 60) as f32;

/// Most elements: counts are floats.
pub(crate) const MOST: usize = 1 << 24;

/// Which of the elements of a symmetric `[n, n]` table of squared distances the median is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// All `n^2`, the zeros of the diagonal included (`np.median`; Kornblith et al. 2019).
    All,
    /// The same, but of an even number the lower middle one (`torch.median`).
    AllLower,
    /// Those of pairs `i < j`; of an even number the mean of the two middle distances, not squared.
    Pairs,
    /// Those that are not zero.
    NonZero,
}

/// Square of the median distance of a symmetric table of squared distances with a diagonal of zeros: `[1, 1]`.
///
/// # Errors
/// If there are more elements than a float can count.
pub fn of_distances(g: &mut Graph, x: Tensor, pool: Pool) -> Result<Tensor> {
    let [n, _] = g.matrix(x)?;
    // Every pair stands twice, so that the two middle values of the pairs are those of both copies.
    let pairs = n * n.saturating_sub(1) / 2;
    match pool {
        Pool::All => of_all(g, x),
        Pool::AllLower => {
            check(g, x)?;
            let wanted = g.number(((n * n).saturating_sub(1) / 2 + 1) as f32);
            smallest_with(g, x, wanted)
        }
        Pool::Pairs => {
            check(g, x)?;
            let wanted = g.number((n + pairs) as f32);
            let [lower, upper] = middle_two(g, x, wanted)?;
            let (lower, upper) = (g.unary(Unary::Sqrt, lower), g.unary(Unary::Sqrt, upper));
            let sum = g.plus(lower, upper)?;
            let mean = g.scale(sum, 0.5);
            Ok(g.unary(Unary::Square, mean))
        }
        Pool::NonZero => {
            check(g, x)?;
            let zero = g.number(0.0);
            let zeros = count_to(g, x, zero)?;
            let others = g.scale(zeros, -1.0);
            let others = g.shift(others, (n * n) as f32);
            let half = g.scale(others, 0.5);
            let wanted = g.plus(zeros, half)?;
            let [lower, upper] = middle_two(g, x, wanted)?;
            let sum = g.plus(lower, upper)?;
            Ok(g.scale(sum, 0.5))
        }
    }
}

/// Median of all elements of a non-negative tensor, the mean of the two middle ones if their number is even: `[1, 1]`.
///
/// # Errors
/// If there are more elements than a float can count.
pub fn of_all(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let elements = check(g, x)?;
    let wanted = g.number(((elements - 1) / 2 + 1) as f32);
    if elements % 2 == 1 {
        return smallest_with(g, x, wanted);
    }
    let [lower, upper] = middle_two(g, x, wanted)?;
    let sum = g.plus(lower, upper)?;
    Ok(g.scale(sum, 0.5))
}

fn check(g: &Graph, x: Tensor) -> Result<usize> {
    let elements = g.shape(x).elements();
    if elements > MOST {
        return Err(Error::Shape(format!(
            "the median of {elements} elements was asked for, and at most {MOST} can be counted: take fewer examples, \
             or a fixed bandwidth"
        )));
    }
    Ok(elements)
}

/// The element at the place `wanted` (`[1, 1]`, from 1) in ascending order, and the one after it.
fn middle_two(g: &mut Graph, x: Tensor, wanted: Tensor) -> Result<[Tensor; 2]> {
    let lower = smallest_with(g, x, wanted)?;
    // The next is the same value if enough elements do not exceed it, else the least of those that do.
    let within = count_to(g, x, lower)?;
    let after = g.shift(wanted, 1.0);
    let enough = g.binary(Binary::AtLeast, within, after)?;
    let above = g.binary(Binary::Greater, x, lower)?;
    let (negated, least) = (g.unary(Unary::Negate, x), g.constant(f32::MIN));
    let others = g.select(above, negated, least)?;
    let next = max_all(g, others)?;
    let next = g.unary(Unary::Negate, next);
    let upper = g.select(enough, lower, next)?;
    Ok([lower, upper])
}

/// The smallest element of a non-negative tensor that at least `wanted` (`[1, 1]`) elements do not exceed: `[1, 1]`.
pub(crate) fn smallest_with(g: &mut Graph, x: Tensor, wanted: Tensor) -> Result<Tensor> {
    let mut high = max_all(g, x)?;
    let mut low = g.scale(high, LEAST);
    // Zero itself may be the median: then the interval shrinks towards its lower end and the last step takes it.
    for _ in 0..HALVINGS {
        let sum = g.plus(low, high)?;
        let half = g.scale(sum, 0.5);
        // One element may be far larger than all others, and digits of it are none of theirs.
        let (root_low, root_high) = (g.unary(Unary::Sqrt, low), g.unary(Unary::Sqrt, high));
        let between = g.times(root_low, root_high)?;
        let near = g.scale(low, 4.0);
        let far = g.binary(Binary::Greater, high, near)?;
        let middle = g.select(far, between, half)?;
        let within = count_to(g, x, middle)?;
        let enough = g.binary(Binary::AtLeast, within, wanted)?;
        let (lower, upper) = (g.select(enough, low, middle)?, g.select(enough, middle, high)?);
        (low, high) = (lower, upper);
    }
    let beyond = g.binary(Binary::Greater, x, high)?;
    let zero = g.constant(0.0);
    let kept = g.select(beyond, zero, x)?;
    max_all(g, kept)
}

fn count_to(g: &mut Graph, x: Tensor, limit: Tensor) -> Result<Tensor> {
    let within = g.binary(Binary::AtLeast, limit, x)?;
    g.sum_all(within)
}

fn max_all(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let rows = g.max(x, 1)?;
    g.max(rows, 0)
}
