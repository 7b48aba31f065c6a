//! How representations are brought to the device: what is done in f64 before values are rounded to f32.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::input::centred;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::measure::compare::Named;
use crate::measure::device::batches::{Input, of_each, padded, width};
use crate::measure::device::intake::Intake;

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
        let (values, scale) = Intake::Middle.apply(x);
        Self { reach: reach(&values), values, scale }
    }

    pub fn of_all(set: &[&Named]) -> Vec<Self> {
        set.iter().map(|x| Self::of(x.values.as_ref())).collect()
    }

    pub fn centred(x: MatRef<'_, f64>) -> Self {
        Self::scaled(centred(x))
    }

    pub fn scaled(mut values: Mat<f64>) -> Self {
        let largest = values.norm_max();
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        values.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v *= scale));
        Self { reach: reach(&values), values, scale }
    }

    /// By how much of itself the square of a distance `d` in these units may be off on the device: rounding of the values, and
    /// of the sum.
    pub fn slack(&self, d: f64) -> f64 {
        let unit = f64::from(f32::EPSILON) / 2.0;
        unit * (8.0 * self.reach / d.max(f64::MIN_POSITIVE) + self.values.ncols() as f64 + 8.0)
    }

    /// Rounded, row-major, with zeros for units up to `room`.
    pub fn padded(&self, room: usize) -> Vec<f32> {
        padded(&self.values, room)
    }
}

fn reach(values: &Mat<f64>) -> f64 {
    values.row_iter().map(|r| r.norm_l2()).fold(0.0, f64::max)
}

/// Units of the widest, a multiple of four as products like it.
pub(super) fn room(xs: &[Standard]) -> usize {
    width(xs.iter().map(|x| x.values.ncols()))
}

/// A second input of each representation: its shape, and the values of each.
pub(super) struct Beside {
    pub shape: [usize; 2],
    pub values: Vec<Vec<f32>>,
}

/// What a graph makes of its input `[examples, room]`, and of what there is beside it.
pub(super) type Build<'a> = &'a dyn Fn(&mut Graph, Tensor, Option<Tensor>) -> Result<Vec<Tensor>>;

/// For each representation the values of each output of a graph.
pub(super) fn made_of(
    gpu: Option<&Arc<Gpu>>,
    xs: &[Standard],
    beside: Option<&Beside>,
    build: Build<'_>,
) -> Result<Vec<Vec<Vec<f32>>>> {
    let (n, room) = (xs.first().map_or(0, |x| x.values.nrows()), room(xs));
    let (own, second) =
        (|i: usize| Ok(xs[i].padded(room)), |i: usize| Ok(beside.map_or(Vec::new(), |b| b.values[i].clone())));
    let mut inputs = vec![Input::Matrix([n, room], &own)];
    inputs.extend(beside.map(|b| Input::Matrix(b.shape, &second)));
    let build = |g: &mut Graph, x: &[Tensor]| build(g, x[0], x.get(1).copied());
    of_each(gpu, [xs.len(), usize::MAX], &inputs, &build, &|_, made| {
        made.iter().map(|values| values.to_vec()).collect()
    })
}
