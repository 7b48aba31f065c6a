//! Pooling: a value for each window of a channel, or for all its positions.

use super::windows::of_images;
use super::{Layer, Pass};
use crate::error::{Error, Result};
use crate::graph::{Geometry, Graph, Tensor};
use crate::kernels::program::Binary;

/// What stands outside of an image whose largest values are sought: less than all finite ones but a few, and no infinity, of
/// which a difference would be no number.
const LEAST: f64 = -3.4e38;

/// A value for each window of each channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pool {
    pub geometry: Geometry,
    /// The largest, rather than the mean.
    pub max: bool,
}

impl Layer for Pool {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let features = g.matrix(x)?[1];
        let mut seen = of_images(g, x, self.geometry)?;
        let [examples, count, taps, _] = *g.shape(seen).extents() else {
            return Err(Error::Shape(format!("{} are not windows", g.describe(seen))));
        };
        let pooled = if self.max {
            if self.geometry.before != [0; 2] || self.geometry.after != [0; 2] {
                let positions = self.geometry.image.iter().product();
                let (image, least) = (g.data(vec![1.0; positions], &[1, positions, 1, 1])?, g.constant(LEAST));
                let within = g.windows(image, self.geometry)?;
                seen = g.select(within, seen, least)?;
            }
            // The first of those that are largest takes the whole gradient, as in PyTorch.
            let largest = g.max(seen, 2)?;
            let order = g.data((0..taps).map(|tap| (taps - tap) as f32).collect(), &[1, 1, taps, 1])?;
            let ties = g.binary(Binary::Equal, seen, largest)?;
            let ties = g.times(ties, order)?;
            let first = g.max(ties, 2)?;
            let chosen = g.binary(Binary::Equal, ties, first)?;
            // A product, so that what is not finite does not go unseen.
            let chosen = g.times(seen, chosen)?;
            g.sum(chosen, 2)?
        } else {
            g.mean(seen, 2)?
        };
        g.reshape(pooled, &[examples * count, features])
    }
}

/// The mean of each channel over the positions of an example.
#[derive(Clone, Copy, Debug)]
pub(super) struct GlobalPool {
    pub positions: usize,
}

impl Layer for GlobalPool {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let [rows, features] = g.matrix(x)?;
        let examples = rows / self.positions;
        let x = g.reshape(x, &[examples, self.positions, features])?;
        let mean = g.mean(x, 1)?;
        g.reshape(mean, &[examples, features])
    }
}
