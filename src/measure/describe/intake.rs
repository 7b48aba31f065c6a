//! How representations are brought to the device: what is done in f64 before values are rounded to f32.

use std::sync::Arc;

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::measure::numerics::algebra::middle;
use crate::measure::single::input::{centred, less};

/// A representation with units about zero and a largest magnitude between one half and one: offsets and scales, which
/// distances and variances do not see, cost no digits.
pub(super) struct Standard {
    pub values: Mat<f64>,
    /// What the centred values were multiplied by, a power of two.
    pub scale: f64,
    /// Largest length of a row.
    pub reach: f64,
}

impl Standard {
    pub fn of(x: MatRef<'_, f64>) -> Self {
        // Whole numbers stay as they are: equal distances stay equal.
        let whole = x.col_iter().all(|c| c.iter().all(|v| v.fract() == 0.0 && v.abs() < 4096.0));
        // The middle of each unit, not its mean: a few examples far from all others move that, and would cost the rest digits.
        let middles = || x.col_iter().map(|c| middle(c.iter().copied().collect())).collect::<Vec<_>>();
        Self::scaled(if whole { x.to_owned() } else { less(x, &middles()) })
    }

    pub fn centred(x: MatRef<'_, f64>) -> Self {
        Self::scaled(centred(x))
    }

    pub fn scaled(mut values: Mat<f64>) -> Self {
        let largest = values.norm_max();
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        values.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v *= scale));
        let reach = values.row_iter().map(|r| r.norm_l2()).fold(0.0, f64::max);
        Self { values, scale, reach }
    }

    /// By how much of itself the square of a distance `d` in these units may be off on the device: rounding of the values, and
    /// of the sum.
    pub fn slack(&self, d: f64) -> f64 {
        let unit = f64::from(f32::EPSILON) / 2.0;
        unit * (8.0 * self.reach / d.max(f64::MIN_POSITIVE) + self.values.ncols() as f64 + 8.0)
    }

    /// Rounded, row-major.
    pub fn rounded(&self) -> Vec<f32> {
        row_major(&self.values)
    }

    /// Rounded, row-major, with zeros for units up to `room`.
    pub fn padded(&self, room: usize) -> Vec<f32> {
        padded(&self.values, room)
    }
}

pub(super) fn row_major(x: &Mat<f64>) -> Vec<f32> {
    padded(x, x.ncols())
}

pub(super) fn padded(x: &Mat<f64>, room: usize) -> Vec<f32> {
    let mut values = vec![0.0; x.nrows() * room];
    for (i, row) in values.chunks_mut(room.max(1)).enumerate() {
        row.iter_mut().zip(x.row(i).iter()).for_each(|(to, from)| *to = *from as f32);
    }
    values
}

/// Units of the widest, a multiple of four as products like it.
pub(super) fn room(xs: &[Standard]) -> usize {
    xs.iter().map(|x| x.values.ncols()).max().unwrap_or(1).next_multiple_of(4)
}

/// Runs `of` over the items, as many at once as the device has memory for: `make` builds a program for so many.
pub(super) fn in_batches<T, P, R>(
    gpu: Option<&Arc<Gpu>>,
    items: &[T],
    mut make: impl FnMut(Option<&Arc<Gpu>>, usize) -> Result<P>,
    mut of: impl FnMut(&mut P, &[T]) -> Result<Vec<R>>,
) -> Result<Vec<R>> {
    let mut found = Vec::with_capacity(items.len());
    let mut at_once = items.len();
    while found.len() < items.len() {
        let mut program = match make(gpu, at_once) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => {
                at_once = at_once.div_ceil(2);
                continue;
            }
            other => other?,
        };
        for part in items[found.len()..].chunks(at_once) {
            found.extend(of(&mut program, part)?);
        }
    }
    Ok(found)
}

pub(super) fn profile(gpu: Option<&Arc<Gpu>>) -> Profile {
    gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone())
}
