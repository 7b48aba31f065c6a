//! Permutation tests and resampling of examples on the device, where a thousand draws of a measure are a thousand replicas
//! of one program: the draws' random numbers, gathering, tables and sums never leave it, one value per draw does.

use std::sync::Arc;

use super::declaration::Cosine;
use super::embedding::{self, Embedding};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::program::{DType, Draw};

/// What a draw does to the examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resample {
    /// The second representation's examples in another order: what the measure gives where the two have nothing to do with
    /// each other.
    Permute,
    /// Examples of both drawn together, with replacement.
    Bootstrap,
    /// So many examples of both, drawn together without replacement.
    Subsample(usize),
}

/// A representation as the device takes it: row-major, and its units.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// `[examples, units]`
    pub values: &'a [f32],
    /// Units.
    pub units: usize,
}

const DRAW: &str = "draw";

/// Draws at once, at first: halved while the device has not the memory.
const AT_ONCE: usize = 256;

/// Values of measures on `draws` resamples of two representations: for each measure, each draw. The same seed gives the
/// same draws, however many there are.
///
/// # Errors
/// If there are too few examples, or the device fails.
pub fn resample(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    [x, y]: [Rows<'_>; 2],
    measures: &[Cosine],
    how: Resample,
    draws: usize,
    seed: u32,
) -> Result<Vec<Vec<f64>>> {
    let mut values = vec![Vec::with_capacity(draws); measures.len()];
    let mut at_once = AT_ONCE.min(draws).max(1);
    let mut machine = loop {
        match program(gpu, examples, [x, y], measures, how, seed, at_once) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => at_once = at_once.div_ceil(2),
            other => break other?,
        }
    };
    for first in (0..draws).step_by(at_once) {
        let numbers: Vec<u32> = (0..at_once).map(|i| (first + i) as u32).collect();
        machine.write_integers(DRAW, &numbers)?;
        machine.run("resample", 1)?;
        let results = machine.read_results()?;
        for (m, (values, measure)) in values.iter_mut().zip(measures).enumerate() {
            let found = machine.output(&results, &output_name(m))?;
            let wanted = at_once.min(draws - first);
            values.extend(found.iter().take(wanted).map(|&v| measure.value.of_cosine(f64::from(v))));
        }
    }
    Ok(values)
}

fn program(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    [x, y]: [Rows<'_>; 2],
    measures: &[Cosine],
    how: Resample,
    seed: u32,
    at_once: usize,
) -> Result<Machine> {
    let mut g = Graph::new();
    let draw = g.variable(DRAW, &[1, 1], DType::U32, VariableKind::State)?;
    let mut data = |rows: Rows<'_>| {
        // A width that is a multiple of four lets every adapter read four values at once; zeros change no table.
        let room = rows.units.next_multiple_of(4);
        let mut padded = vec![0.0; examples * room];
        for (from, to) in rows.values.chunks(rows.units).zip(padded.chunks_mut(room)) {
            to[..rows.units].copy_from_slice(from);
        }
        g.data(padded, &[examples, room])
    };
    let (x, y) = (data(x)?, data(y)?);
    let purpose = g.purpose(&format!("resample/{seed}"));
    let step = g.integer(0);
    let (kind, count) = match how {
        Resample::Permute => (Draw::Shuffled, examples),
        Resample::Bootstrap => (Draw::Replacement, examples),
        Resample::Subsample(count) => (Draw::Shuffled, count),
    };
    if count == 0 || count > examples {
        return Err(Error::Measure(format!("{count} of {examples} examples cannot be drawn")));
    }
    let order = g.draw(kind, examples, count, draw, purpose, step);
    let second = g.gather(y, order)?;
    let first = if how == Resample::Permute { x } else { g.gather(x, order)? };
    let embeddings: Vec<Embedding> = measures.iter().map(|m| m.embedding).collect();
    let found = embedding::many(&mut g, &[first, second], &[(0, 1)], &embeddings)?;
    let effects =
        found.iter().enumerate().map(|(m, values)| Effect::Output(output_name(m), values[0])).collect::<Vec<_>>();
    let profile = gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone());
    let plan = lower(&g, &[Function::new("resample", effects)], at_once, &profile)?;
    Machine::new(gpu, plan)
}

fn output_name(measure: usize) -> String {
    format!("resampled/{measure}")
}
