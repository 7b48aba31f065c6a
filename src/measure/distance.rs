//! Squared Euclidean distances between the representations of chosen pairs of examples.

use super::scale;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// Squared distance between rows `a` and `b` of a representation `[examples, units]`, and the factor whose square it is to be
/// divided by, in double precision: each `[1, 1]`. The square may be beyond single precision where the rows are not.
///
/// # Errors
/// If there are no such rows.
pub fn squared(g: &mut Graph, x: Tensor, a: usize, b: usize) -> Result<(Tensor, Tensor)> {
    let [n, _] = g.matrix(x)?;
    if a >= n || b >= n {
        return Err(Error::Config(format!("observe.pairs: the pair [{a}, {b}] is not among the {n} probe examples")));
    }
    let (first, second) = (g.rows(x, a, 1)?, g.rows(x, b, 1)?);
    let difference = g.minus(first, second)?;
    let (near_one, factor) = scale::near_one(g, difference)?;
    let squares = g.unary(Unary::Square, near_one);
    Ok((g.sum(squares, 1)?, factor))
}
