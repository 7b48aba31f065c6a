//! Dropout (Srivastava et al. 2014), scaled so that expectations stay.

use super::layers::{Layer, Pass};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Distribution};

/// What dropout masks are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Probability that an element is dropped: a scalar, possibly per replica.
    pub rate: Tensor,
    /// Probability that an input of the network is dropped.
    pub input_rate: Tensor,
    /// Integer scalar: the replica's seed.
    pub seed: Tensor,
    /// Integer scalar: the step.
    pub step: Tensor,
}

/// Dropout as a layer.
#[derive(Clone, Debug)]
pub(super) struct Dropping {
    /// Keys the mask.
    pub path: String,
    pub rate: Rate,
}

/// How much a layer drops.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rate {
    /// A rate that all replicas have.
    Own(f64),
    /// [`Dropout::rate`].
    Hidden,
    /// [`Dropout::input_rate`].
    Input,
}

impl Layer for Dropping {
    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let Some(masks) = pass.train else { return Ok(x) };
        let rate = match self.rate {
            Rate::Own(rate) => g.number(rate),
            Rate::Hidden => masks.rate,
            Rate::Input => masks.input_rate,
        };
        pass.differs = true;
        dropout(g, x, &self.path, Dropout { rate, ..masks })
    }

    fn is_elementwise(&self) -> bool {
        true
    }
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
