//! Squared Euclidean distances between the representations of chosen pairs of examples.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// Squared distance between rows `a` and `b` of a representation `[examples, units]`: `[1, 1]`.
///
/// # Errors
/// If there are no such rows.
pub fn squared(g: &mut Graph, x: Tensor, a: usize, b: usize) -> Result<Tensor> {
    let [n, _] = g.matrix(x)?;
    if a >= n || b >= n {
        return Err(Error::Config(format!("observe.pairs: the pair [{a}, {b}] is not among the {n} probe examples")));
    }
    let (first, second) = (g.rows(x, a, 1)?, g.rows(x, b, 1)?);
    let difference = g.minus(first, second)?;
    let squares = g.unary(Unary::Square, difference);
    g.sum(squares, 1)
}
