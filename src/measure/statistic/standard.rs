//! How representations are brought to the device: what is done in f64 before values are rounded to f32.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::input::{centred, less};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind, lower};
use crate::kernels::program::DType;
use crate::measure::compare::Named;
use crate::measure::numerics::algebra::middle;

const INPUT: &str = "input";
const BESIDE: &str = "beside";

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
        self.padded(self.values.ncols())
    }

    /// Rounded, row-major, with zeros for units up to `room`.
    pub fn padded(&self, room: usize) -> Vec<f32> {
        padded(&self.values, room)
    }
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
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<(Machine, usize)> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let second = beside.map(|b| g.variable(BESIDE, &b.shape, DType::F32, VariableKind::Transient)).transpose()?;
        let made = build(&mut g, x, second)?;
        let outputs: Vec<Effect> = (0..).zip(made).map(|(i, t)| Effect::Output(i.to_string(), t)).collect();
        let number = outputs.len();
        Ok((Machine::new(gpu, lower(&g, &[Function::new("made", outputs)], count, &profile(gpu))?)?, number))
    };
    let items: Vec<usize> = (0..xs.len()).collect();
    in_batches(gpu, &items, make, |(machine, number), part| {
        let replicas = machine.replicas();
        for place in 0..replicas {
            // What is left of the group repeats the last.
            let i = part[place.min(part.len() - 1)];
            machine.write_replica(INPUT, place, &xs[i].padded(room))?;
            if let Some(beside) = beside {
                machine.write_replica(BESIDE, place, &beside.values[i])?;
            }
        }
        machine.run("made", 1)?;
        let results = machine.read_results()?;
        let outputs = (0..*number).map(|i| machine.output(&results, &i.to_string())).collect::<Result<Vec<_>>>()?;
        let own = |all: &[f32], place: usize| all.chunks(all.len() / replicas).nth(place).unwrap_or(&[]).to_vec();
        Ok((0..part.len()).map(|place| outputs.iter().map(|all| own(all, place)).collect()).collect())
    })
}
