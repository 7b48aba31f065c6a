//! Softmax along an axis, some of which may not be seen.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// What stands for what is not seen where the largest is sought: no infinity, of which a difference would be no number.
const LEAST: f64 = -3.4e38;

/// Softmax along an axis of what is `visible` (not zero); a line of which nothing is becomes zeros, and takes no gradient.
///
/// # Errors
/// If there is no such axis, or the shapes do not broadcast.
pub fn softmax(g: &mut Graph, x: Tensor, axis: usize, visible: Option<Tensor>) -> Result<Tensor> {
    let (least, zero) = (g.constant(LEAST), g.constant(0.0));
    let seen = visible.map_or(Ok(x), |visible| g.select(visible, x, least))?;
    // The result does not depend on it.
    let largest = g.max(seen, axis)?;
    let largest = g.detach(largest);
    let below = g.minus(seen, largest)?;
    let exponential = g.unary(Unary::Exp, below);
    let Some(visible) = visible else {
        let sum = g.sum(exponential, axis)?;
        return g.over(exponential, sum);
    };
    let exponential = g.select(visible, exponential, zero)?;
    let sum = g.sum(exponential, axis)?;
    // At least 1 where anything is visible.
    let half = g.constant(0.5);
    let sum = g.binary(Binary::Max, sum, half)?;
    g.over(exponential, sum)
}
