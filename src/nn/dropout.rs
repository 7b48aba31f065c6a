//! Dropout (Srivastava et al. 2014), scaled so that expectations stay.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Distribution};

/// What dropout masks are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Probability that an element is dropped: a scalar, possibly per replica.
    pub rate: Tensor,
    /// Probability that an input of the network is dropped, if any may be.
    pub input_rate: Option<Tensor>,
    /// Integer scalar: the replica's seed.
    pub seed: Tensor,
    /// Integer scalar: the step.
    pub step: Tensor,
}

/// `x` with elements dropped at random at `with.rate`; the mask is keyed by `path`.
///
/// # Errors
/// None of its own.
pub fn dropout(g: &mut Graph, x: Tensor, path: &str, with: Dropout) -> Result<Tensor> {
    let purpose = g.purpose(&format!("dropout/{path}"));
    let extents = g.shape(x).extents().to_vec();
    let uniform = g.random(Distribution::Uniform, &extents, with.seed, purpose, with.step);
    let keep = g.binary(Binary::AtLeast, uniform, with.rate)?;
    let one = g.constant(1.0);
    let kept = g.minus(one, with.rate)?;
    let mask = g.over(keep, kept)?;
    g.times(x, mask)
}
