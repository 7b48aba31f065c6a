//! What is done to the examples of a batch before they are trained on: images are moved and mirrored, noise is added.
//!
//! A batch is then not rows of the training table but elements of it, one gather of which takes each pixel from where it stood.

use super::prepared::image;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Distribution, Unary};

/// The settings that say how much is done, scalars.
#[derive(Clone, Copy)]
pub(super) struct Augmenting {
    /// Pixels by which images are moved at most.
    pub random_crop: Tensor,
    /// How likely they are mirrored.
    pub horizontal_flip: Tensor,
    /// Standard deviation of the noise.
    pub gaussian_noise: Tensor,
}

/// What numbers are drawn by, integer scalars.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub seed: Tensor,
    pub step: Tensor,
}

impl Augmenting {
    /// The inputs `[B, D]` of a batch, of the training table `[N, D]` its `rows` `[B, 1]`, or all. An example has this shape.
    pub fn inputs(
        self,
        g: &mut Graph,
        e: &Experiment,
        shape: &[usize],
        table: Tensor,
        rows: Option<Tensor>,
        key: Key,
    ) -> Result<Tensor> {
        let augment = &e.data.augment;
        let inputs = match rows {
            _ if augment.moves() => {
                let image = image(e, shape, augment.first().unwrap_or("data.augment"))?;
                self.moved(g, e, image, table, rows, key)?
            }
            Some(rows) => g.gather(table, rows)?,
            None => table,
        };
        if augment.gaussian_noise == 0.0 {
            return Ok(inputs);
        }
        let purpose = g.purpose("augment/gaussian_noise");
        let extents = g.shape(inputs).extents().to_vec();
        let noise = g.random(Distribution::Normal, &extents, key.seed, purpose, key.step);
        let noise = g.times(noise, self.gaussian_noise)?;
        g.plus(inputs, noise)
    }

    /// Images from elsewhere in the table: pixel (y, x) of channel c from (y + dy, x + dx), or from (y + dy, w - 1 - x + dx) where the
    /// image is mirrored; 0 where there is none.
    fn moved(
        self,
        g: &mut Graph,
        e: &Experiment,
        [_, height, width]: [usize; 3],
        table: Tensor,
        rows: Option<Tensor>,
        key: Key,
    ) -> Result<Tensor> {
        let ([examples, inputs], plane) = (g.matrix(table)?, height * width);
        if u32::try_from(examples * inputs).is_err() || inputs >= 1 << 24 {
            return Err(Error::config(format!(
                "data.augment: expected fewer than 4294967296 values in all training images, and 16777216 in one, got {examples} images \
                 of {inputs}"
            )));
        }
        // Whole numbers as floats within an image, as integers in the table, which may be larger than floats can count.
        let begins: Vec<u32> = (0..examples).map(|example| (example * inputs) as u32).collect();
        let begins = g.data_integers(&begins, &[examples, 1])?;
        let begins = rows.map_or(Ok(begins), |rows| g.gather(begins, rows))?;
        let [batch, _] = g.matrix(begins)?;
        let mut pixels =
            |of: &dyn Fn(usize) -> usize| g.data((0..inputs).map(|i| of(i) as f32).collect(), &[1, inputs]);
        let channel = pixels(&|i| i / plane * plane)?;
        let (mut y, mut x) = (pixels(&|i| i % plane / width)?, pixels(&|i| i % width)?);
        let mirrored = pixels(&|i| width - 1 - i % width)?;
        let augment = &e.data.augment;
        if augment.horizontal_flip > 0.0 {
            let purpose = g.purpose("augment/horizontal_flip");
            let drawn = g.random(Distribution::Uniform, &[batch, 1], key.seed, purpose, key.step);
            let flips = g.binary(Binary::Greater, self.horizontal_flip, drawn)?;
            x = g.select(flips, mirrored, x)?;
        }
        let mut inside = None;
        if augment.random_crop > 0 {
            let number = g.row_index(&[batch, 1]);
            let number = g.unary(Unary::ToInteger, number);
            let both = g.scale(self.random_crop, 2.0);
            let count = g.shift(both, 1.0);
            let count = g.unary(Unary::ToInteger, count);
            let mut along = |g: &mut Graph, axis: &str, at: Tensor, extent: usize| -> Result<Tensor> {
                let purpose = g.purpose(&format!("augment/random_crop/{axis}"));
                let by = g.choice(number, count, [key.seed, purpose, key.step])?;
                let by = g.unary(Unary::ToFloat, by);
                let by = g.minus(by, self.random_crop)?;
                let at = g.plus(at, by)?;
                let (zero, last, end) = (g.constant(0.0), g.number(extent as f64 - 1.0), g.number(extent as f64));
                for there in [g.binary(Binary::AtLeast, at, zero)?, g.binary(Binary::Greater, end, at)?] {
                    inside = Some(inside.map_or(Ok(there), |inside| g.times(inside, there))?);
                }
                let at = g.binary(Binary::Max, at, zero)?;
                g.binary(Binary::Min, at, last)
            };
            y = along(g, "y", y, height)?;
            x = along(g, "x", x, width)?;
        }
        let row = g.number(width as f64);
        let row = g.times(y, row)?;
        let place = g.plus(row, x)?;
        let place = g.plus(channel, place)?;
        let place = g.unary(Unary::ToInteger, place);
        let place = g.binary(Binary::AddInteger, begins, place)?;
        let place = g.reshape(place, &[batch * inputs, 1])?;
        let elements = g.reshape(table, &[examples * inputs, 1])?;
        let moved = g.gather(elements, place)?;
        let moved = g.reshape(moved, &[batch, inputs])?;
        let zero = g.constant(0.0);
        inside.map_or(Ok(moved), |inside| g.select(inside, moved, zero))
    }
}
