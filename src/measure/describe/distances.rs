//! Statistics of the distances of all pairs of examples: tables of them are made on the device a band of rows at a time, and only
//! sums of their rows are read back.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::intake::{Standard, in_batches, padded, profile, room};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind, lower};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, DType, Unary};
use crate::measure::embedding::band_rows;
use crate::measure::median;

const INPUT: &str = "input";
const LIMITS: &str = "limits";
const RATE: &str = "rate";

/// What becomes of a band of squared distances `[count, n]`: `[count, columns]`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fold<'a> {
    /// Sums of the distances to the examples of each class, given as one-hot rows `[n, classes]`.
    ByClass(&'a [f32], usize),
    /// Numbers of examples within each of four squared radii.
    Counts,
    /// Sums of `exp(-rate d²)` over other examples.
    Exponentials,
}

/// A program: each replica is a representation `[examples, room]`.
struct Table {
    machine: Machine,
    bands: Vec<(usize, usize)>,
    columns: usize,
    examples: usize,
}

impl Table {
    fn new(gpu: Option<&Arc<Gpu>>, replicas: usize, [n, room]: [usize; 2], fold: Fold<'_>) -> Result<Self> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let limits = g.variable(LIMITS, &[1, 4], DType::F32, VariableKind::Transient)?;
        let rate = g.variable(RATE, &[1, 1], DType::F32, VariableKind::Transient)?;
        let (mut effects, mut bands, mut columns) = (Vec::new(), Vec::new(), 1);
        let height = band_rows(n);
        for start in (0..n).step_by(height) {
            g.fence();
            let count = height.min(n - start);
            let band = g.rows(x, start, count)?;
            let squared = g.distances(band, x, Inner::SquaredDifference)?;
            let parts = match fold {
                Fold::ByClass(one_hot, classes) => {
                    columns = classes;
                    let one_hot = g.data(one_hot.to_vec(), &[n, classes])?;
                    let distance = g.unary(Unary::Sqrt, squared);
                    vec![g.matmul(distance, one_hot)?]
                }
                Fold::Counts => {
                    columns = 4;
                    let limits = g.reshape(limits, &[4, 1])?;
                    let mut count = |which: usize| -> Result<Tensor> {
                        let limit = g.rows(limits, which, 1)?;
                        let within = g.binary(Binary::AtLeast, limit, squared)?;
                        g.sum(within, 1)
                    };
                    (0..4).map(&mut count).collect::<Result<_>>()?
                }
                Fold::Exponentials => {
                    let exponent = g.times(squared, rate)?;
                    let value = g.unary(Unary::Exp, exponent);
                    let (row, column) = (g.row_index(&[count, n]), g.column_index(&[count, n]));
                    // Beside the text, so that all bands share a kernel.
                    let start = g.number(start as f32);
                    let row = g.plus(row, start)?;
                    let (same, zero) = (g.binary(Binary::Equal, row, column)?, g.constant(0.0));
                    let others = g.select(same, zero, value)?;
                    vec![g.sum(others, 1)?]
                }
            };
            let outputs = parts.into_iter().enumerate();
            effects.extend(outputs.map(|(i, part)| Effect::Output(format!("{start}/{i}"), part)));
            bands.push((start, count));
        }
        let plan = lower(&g, &[Function::new("table", effects)], replicas, &profile(gpu))?;
        Ok(Self { machine: Machine::new(gpu, plan)?, bands, columns, examples: n })
    }

    /// For each representation `[examples, columns]`.
    fn run(&mut self, inputs: &[Vec<f32>], limits: &[[f32; 4]], rate: f32) -> Result<Vec<Vec<f32>>> {
        let replicas = self.machine.replicas();
        for place in 0..replicas {
            // What is left of the group repeats the last.
            let last = inputs.len() - 1;
            self.machine.write_replica(INPUT, place, &inputs[place.min(last)])?;
            if let Some(own) = limits.get(place) {
                self.machine.write_replica(LIMITS, place, own)?;
            }
        }
        self.machine.write_variable(RATE, &vec![rate; replicas])?;
        self.machine.run("table", 1)?;
        let results = self.machine.read_results()?;
        let mut all = vec![vec![0.0; self.examples * self.columns]; inputs.len()];
        for &(start, count) in &self.bands {
            let mut output = 0;
            while let Ok(found) = self.machine.output(&results, &format!("{start}/{output}")) {
                let width = found.len() / replicas / count;
                for (own, part) in all.iter_mut().zip(found.chunks(count * width)) {
                    for (row, values) in part.chunks(width).enumerate() {
                        let at = (start + row) * self.columns + output;
                        own[at..at + width].copy_from_slice(values);
                    }
                }
                output += 1;
            }
        }
        Ok(all)
    }
}

fn folded(
    gpu: Option<&Arc<Gpu>>,
    xs: &[Standard],
    limits: &[[f32; 4]],
    rate: f32,
    fold: Fold<'_>,
) -> Result<Vec<Vec<f32>>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    let room = room(xs);
    let items: Vec<(&Standard, [f32; 4])> =
        xs.iter().enumerate().map(|(i, x)| (x, limits.get(i).copied().unwrap_or_default())).collect();
    in_batches(
        gpu,
        &items,
        |gpu, count| Table::new(gpu, count, [n, room], fold),
        |table, part| {
            let inputs: Vec<Vec<f32>> = part.iter().map(|(x, _)| x.padded(room)).collect();
            let limits: Vec<[f32; 4]> = part.iter().map(|(_, l)| *l).collect();
            table.run(&inputs, &limits, rate)
        },
    )
}

/// For each representation and example the numbers of examples within four squared radii, itself included.
pub(super) fn counts(gpu: Option<&Arc<Gpu>>, xs: &[Standard], limits: &[[f32; 4]]) -> Result<Vec<Vec<[f32; 4]>>> {
    let found = folded(gpu, xs, limits, 0.0, Fold::Counts)?;
    Ok(found.iter().map(|own| own.chunks(4).map(|c| [c[0], c[1], c[2], c[3]]).collect()).collect())
}

/// For each representation and example the sum of its distances to the examples of each class, `[examples, classes]`, in the
/// representation's own units.
pub(super) fn by_class(
    gpu: Option<&Arc<Gpu>>,
    xs: &[Standard],
    classes: &[usize],
    number: usize,
) -> Result<Vec<Vec<f64>>> {
    let mut one_hot = vec![0.0; classes.len() * number];
    classes.iter().enumerate().for_each(|(i, c)| one_hot[i * number + c] = 1.0);
    let found = folded(gpu, xs, &[], 0.0, Fold::ByClass(&one_hot, number))?;
    Ok(found.iter().zip(xs).map(|(own, x)| own.iter().map(|&d| f64::from(d) / x.scale).collect()).collect())
}

/// Mean distance of two examples.
pub(super) fn mean(gpu: Option<&Arc<Gpu>>, xs: &[Standard]) -> Result<Vec<Option<f64>>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    let found = by_class(gpu, xs, &vec![0; n], 1)?;
    let pairs = n as f64 * (n as f64 - 1.0);
    Ok(found.iter().map(|own| Some(own.iter().sum::<f64>() / pairs)).collect())
}

/// Sharpness above which the rounding of distances would show.
const SHARPEST: f64 = 50.0;

/// Uniformity of each representation; `None` where a row has no direction.
pub(super) fn uniformity(gpu: Option<&Arc<Gpu>>, set: &[MatRef<'_, f64>], t: f64) -> Result<Vec<Option<f64>>> {
    let n = set.first().map_or(0, |x| x.nrows());
    if !(t > 0.0 && t <= SHARPEST) {
        return Ok(vec![None; set.len()]);
    }
    let unit = |x: &MatRef<'_, f64>| {
        let norms: Vec<f64> = x.row_iter().map(|r| r.norm_l2()).collect();
        let directed = norms.iter().all(|&v| v > 0.0);
        let values = Mat::from_fn(n, x.ncols(), |i, j| if directed { x[(i, j)] / norms[i] } else { 0.0 });
        (directed, Standard { values, scale: 1.0, reach: 1.0 })
    };
    let (directed, units): (Vec<bool>, Vec<Standard>) = set.iter().map(unit).unzip();
    let found = folded(gpu, &units, &[], -t as f32, Fold::Exponentials)?;
    let pairs = n as f64 * (n as f64 - 1.0);
    let of = |(own, directed): (&Vec<f32>, bool)| {
        let value = (own.iter().map(|&v| f64::from(v)).sum::<f64>() / pairs).ln();
        (directed && value.is_finite()).then_some(value)
    };
    Ok(found.iter().zip(directed).map(of).collect())
}

/// Median distance of two examples, by halving an interval and counting.
pub(super) fn median(gpu: Option<&Arc<Gpu>>, xs: &[Standard]) -> Result<Vec<Option<f64>>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    if n < 2 || n * n > median::MOST {
        return Ok(vec![None; xs.len()]);
    }
    let room = room(xs);
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<Machine> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let squared = g.distances(x, x, Inner::SquaredDifference)?;
        // In order there are the examples with themselves, then each pair twice.
        let pairs = n * (n - 1) / 2;
        let ranks = [(pairs - 1) / 2, pairs / 2];
        let mut effects = Vec::new();
        for (which, rank) in ranks.into_iter().enumerate() {
            let wanted = g.number((n + 2 * rank + 1) as f32);
            let value = median::smallest_with(&mut g, squared, wanted)?;
            effects.push(Effect::Output(format!("middle {which}"), value));
        }
        let plan = lower(&g, &[Function::new("median", effects)], count, &profile(gpu))?;
        Machine::new(gpu, plan)
    };
    let items: Vec<&Standard> = xs.iter().collect();
    in_batches(gpu, &items, make, |machine, part| {
        for place in 0..machine.replicas() {
            let x = part.get(place).or(part.last()).ok_or_else(|| Error::Measure("no representation".into()))?;
            machine.write_replica(INPUT, place, &padded(&x.values, room))?;
        }
        machine.run("median", 1)?;
        let results = machine.read_results()?;
        let (a, b) = (machine.output(&results, "middle 0")?, machine.output(&results, "middle 1")?);
        let middle = |i: usize| 0.5 * (f64::from(a[i]).sqrt() + f64::from(b[i]).sqrt());
        Ok(part.iter().enumerate().map(|(i, x)| Some(middle(i) / x.scale)).collect())
    })
}
