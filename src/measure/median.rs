//! Medians on the GPU, without sorting: the value that splits a tensor is found by halving an interval and counting.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Halvings: the interval then is 2^-34 of the largest element, less than its last digit.
const HALVINGS: usize = 34;

/// Most elements: counts are floats.
pub(crate) const MOST: usize = 1 << 24;

/// Median of all elements of a non-negative tensor, the mean of the two middle ones if their number is even: `[1, 1]`.
///
/// # Errors
/// If there are more elements than a float can count.
pub fn of_all(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let elements = g.shape(x).elements();
    if elements > MOST {
        return Err(Error::Shape(format!(
            "the median of {elements} elements was asked for, and at most {MOST} can be counted: take fewer examples, \
             or a fixed bandwidth"
        )));
    }
    let middle = (elements - 1) / 2;
    let lower = smallest_with(g, x, middle + 1)?;
    if elements % 2 == 1 {
        return Ok(lower);
    }
    // The next is the same value if enough elements do not exceed it, else the least of those that do.
    let within = count_to(g, x, lower)?;
    let wanted = g.number(middle as f32 + 2.0);
    let enough = g.binary(Binary::AtLeast, within, wanted)?;
    let above = g.binary(Binary::Greater, x, lower)?;
    let (negated, least) = (g.unary(Unary::Negate, x), g.constant(f32::MIN));
    let others = g.select(above, negated, least)?;
    let next = max_all(g, others)?;
    let next = g.unary(Unary::Negate, next);
    let upper = g.select(enough, lower, next)?;
    let sum = g.plus(lower, upper)?;
    Ok(g.scale(sum, 0.5))
}

/// The smallest element of a non-negative tensor that at least `count` elements do not exceed: `[1, 1]`.
pub(crate) fn smallest_with(g: &mut Graph, x: Tensor, count: usize) -> Result<Tensor> {
    let wanted = g.number(count as f32);
    let mut high = max_all(g, x)?;
    let mut low = g.scale(high, 0.0);
    // Zero itself may be the median: then the interval shrinks towards it and the last step takes it.
    for _ in 0..HALVINGS {
        let sum = g.plus(low, high)?;
        let middle = g.scale(sum, 0.5);
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
