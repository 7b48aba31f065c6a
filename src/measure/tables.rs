//! Tables of dissimilarities of all pairs of examples, made on the device for many representations at once and read back.

use std::sync::Arc;

use super::embedding::{Between, Centring, Embedding, Window, band_rows};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::program::DType;

const INPUT: &str = "input";
const UNITS: &str = "units";

/// The upper triangles by rows, as scipy's `pdist` has them, of the tables of representations `[examples, units]`
/// (row-major values, and units).
///
/// # Errors
/// If the representations do not fit, or the device fails or has not enough memory for one table.
pub fn upper_triangles(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    representations: &[(Vec<f32>, usize)],
    between: Between,
) -> Result<Vec<Vec<f32>>> {
    let width = representations.iter().map(|(_, units)| *units).max().unwrap_or(1).next_multiple_of(4);
    let mut at_once = representations.len().max(1);
    let mut program = loop {
        match program(gpu, examples, width, at_once, between) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => at_once = at_once.div_ceil(2),
            other => break other?,
        }
    };
    let height = band_rows(examples);
    let mut tables = Vec::with_capacity(representations.len());
    for part in representations.chunks(at_once) {
        for (place, (values, units)) in part.iter().enumerate() {
            if values.len() != examples * units {
                return Err(Error::Shape(format!(
                    "{} values are no {examples} examples of {units} units",
                    values.len()
                )));
            }
            let mut padded = vec![0.0; examples * width];
            for (from, to) in values.chunks((*units).max(1)).zip(padded.chunks_mut(width)) {
                to[..*units].copy_from_slice(from);
            }
            program.write_replica(INPUT, place, &padded)?;
            program.write_replica(UNITS, place, &[*units as f32])?;
        }
        program.run("tables", 1)?;
        let results = program.read_results()?;
        let mut found = vec![Vec::with_capacity(examples * examples.saturating_sub(1) / 2); part.len()];
        for start in (0..examples).step_by(height) {
            let (count, columns) = (height.min(examples - start), examples - start);
            let band = program.output(&results, &name(start))?;
            for (table, band) in found.iter_mut().zip(band.chunks(count * columns)) {
                for (row, values) in band.chunks(columns).enumerate() {
                    table.extend_from_slice(&values[row + 1..]);
                }
            }
        }
        tables.extend(found);
    }
    Ok(tables)
}

fn program(gpu: Option<&Arc<Gpu>>, examples: usize, width: usize, at_once: usize, between: Between) -> Result<Machine> {
    let mut g = Graph::new();
    let x = g.variable(INPUT, &[examples, width], DType::F32, VariableKind::Transient)?;
    let units = g.variable(UNITS, &[1, 1], DType::F32, VariableKind::Transient)?;
    let prepared = Embedding::new(between, Centring::Raw).prepare(&mut g, x, Some(units), true)?;
    let height = band_rows(examples);
    let mut effects = Vec::new();
    for start in (0..examples).step_by(height) {
        g.fence();
        let band = prepared.table(&mut g, Window::at(start, height.min(examples - start), start))?;
        effects.push(Effect::Output(name(start), band));
    }
    let profile = gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone());
    let plan = lower(&g, &[Function::new("tables", effects)], at_once, &profile)?;
    Machine::new(gpu, plan)
}

fn name(start: usize) -> String {
    format!("table/{start}")
}
