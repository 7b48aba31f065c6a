//! All pairs on the CPU: pairs are shared out among threads, and each is computed by one, so that its bits do not depend on
//! how many there are.

use super::{Named, Place, Table};
use crate::error::{Error, Result};
use crate::measure::catalogue::Measure;
use crate::measure::declaration::{Extents, Held, Prepared};
use crate::measure::device::Grid;
use crate::measure::memory::Memory;
use crate::measure::numerics::tiles;
use crate::measure::outcome::Outcome;

/// Bytes of prepared representations kept at a time, at most.
const KEPT: f64 = (2u64 << 30) as f64;

/// Compares all pairs by one measure.
pub(super) fn all_pairs(set: &[Named], measure: &Measure, memory: Memory) -> Table {
    let count = set.len();
    let symmetric = measure.entry.symmetric;
    let mut cells = vec![Outcome::Failed("no value was computed".into()); count * count];
    // Half of what is free for the prepared representations of two blocks, the rest for the work.
    let largest = (0..count).map(|i| held(measure, &set[i], &set[i]).prepared).fold(1.0, f64::max);
    let block = ((KEPT.min(memory.free() / 2.0) / largest / 2.0) as usize).clamp(1, count.max(1));
    let starts: Vec<usize> = (0..count).step_by(block).collect();
    for &first in &starts {
        let rows: Vec<usize> = (first..(first + block).min(count)).collect();
        let prepared_rows = prepare(set, measure, &rows, memory);
        for &second in &starts {
            if symmetric && second < first {
                continue;
            }
            let columns: Vec<usize> = (second..(second + block).min(count)).collect();
            let prepared_columns = (second != first).then(|| prepare(set, measure, &columns, memory));
            let prepared_columns = prepared_columns.as_ref().unwrap_or(&prepared_rows);
            // Pairs in tiles of some rows and some columns, of which a measure may make more than of one pair after the other.
            let side = measure.made.host.side();
            let tiles: Vec<(&[usize], &[usize])> = rows
                .chunks(side)
                .flat_map(|rows| columns.chunks(side).map(move |columns| (rows, columns)))
                .filter(|(rows, columns)| !symmetric || rows[0] <= columns[columns.len() - 1])
                .collect();
            let needs: Vec<f64> = tiles
                .iter()
                .map(|(rows, columns)| {
                    let held = held(measure, &set[rows[0]], &set[columns[0]]);
                    held.comparing.max(if side > 1 { tiles::held(held.prepared) } else { 0.0 })
                })
                .collect();
            let found = memory.each(0.0, &needs, |i| {
                let (rows, columns) = tiles[i];
                let x: Vec<_> = rows.iter().map(|&a| &prepared_rows[a - first]).collect();
                let y: Vec<_> = columns.iter().map(|&b| &prepared_columns[b - second]).collect();
                let values = at_once(measure, &x, &y);
                let one = |k: usize, x: &Result<Prepared, Outcome>, y: &Result<Prepared, Outcome>| match (x, y) {
                    (Ok(x), Ok(y)) => match &values {
                        Some(values) => values[k].clone(),
                        None => Outcome::from(measure.made.host.compare(x, y)),
                    },
                    (Err(why), _) | (_, Err(why)) => why.clone(),
                };
                let pairs = x.iter().flat_map(|x| y.iter().map(move |y| (x, y))).enumerate();
                Ok(pairs.map(|(k, (x, y))| one(k, x, y)).collect::<Vec<_>>())
            });
            for (&(rows, columns), found) in tiles.iter().zip(found) {
                let pairs = rows.iter().flat_map(|&a| columns.iter().map(move |&b| (a, b)));
                let cells_of = |error| vec![Outcome::from(&error); rows.len() * columns.len()];
                for ((a, b), cell) in pairs.zip(found.unwrap_or_else(cells_of)) {
                    if symmetric && b < a {
                        continue;
                    }
                    if symmetric && a != b {
                        cells[b * count + a] = cell.clone();
                    }
                    cells[a * count + b] = cell;
                }
            }
        }
    }
    Table::new(measure, Place::Cpu, cells)
}

/// The values of each of `x` with each of `y`, if the measure can compare them at once.
fn at_once(
    measure: &Measure,
    x: &[&Result<Prepared, Outcome>],
    y: &[&Result<Prepared, Outcome>],
) -> Option<Vec<Outcome>> {
    let host = &measure.made.host;
    if host.side() == 1 {
        return None;
    }
    let x: Vec<&Prepared> = x.iter().map(|x| x.as_ref().ok()).collect::<Option<_>>()?;
    let y: Vec<&Prepared> = y.iter().map(|y| y.as_ref().ok()).collect::<Option<_>>()?;
    Some(host.compare_all(&x, &y)?.into_iter().map(Outcome::from).collect())
}

/// A table from what a device found, with the pairs that it lacks.
pub(super) fn complete(set: &[Named], measure: &Measure, grid: Grid, memory: Memory) -> Table {
    let count = set.len();
    let symmetric = measure.entry.symmetric;
    let missing: Vec<(usize, usize)> = (0..count)
        .flat_map(|a| (0..count).map(move |b| (a, b)))
        .filter(|&(a, b)| !(grid[a * count + b].is_finite() || symmetric && b < a))
        .collect();
    // Most of it, self-comparisons aside: then the CPU does it all, and the table says so.
    let others = missing.iter().filter(|(a, b)| a != b).count();
    if 2 * others > count * (count - 1) / (1 + usize::from(symmetric)) {
        return all_pairs(set, measure, memory);
    }
    let mut cells: Vec<Outcome> = grid.into_iter().map(|value| Outcome::from(Ok(value))).collect();
    let needs: Vec<f64> = missing.iter().map(|&(a, b)| alone(measure, &set[a], &set[b])).collect();
    let found = memory.each(0.0, &needs, |i| {
        let host = &measure.made.host;
        let prepared = |x: usize| host.prepare(set[x].values.as_ref()).map_err(|error| of(&set[x], &error));
        let (a, b) = missing[i];
        Ok(match (prepared(a), prepared(b)) {
            (Ok(x), Ok(y)) => Outcome::from(host.compare(&x, &y)),
            (Err(why), _) | (_, Err(why)) => why,
        })
    });
    for (&(a, b), found) in missing.iter().zip(found) {
        let cell = found.unwrap_or_else(|error| Outcome::from(&error));
        if symmetric && a != b {
            cells[b * count + a] = cell.clone();
        }
        cells[a * count + b] = cell;
    }
    Table { completed: missing, ..Table::new(measure, Place::Gpu, cells) }
}

/// What the measure takes in bytes for a pair.
fn held(measure: &Measure, a: &Named, b: &Named) -> Held {
    measure.held(Extents::new(a.values.nrows(), a.values.ncols(), b.values.ncols()))
}

/// What a pair takes in bytes from beginning to end.
pub(super) fn alone(measure: &Measure, a: &Named, b: &Named) -> f64 {
    let [x, y] = [a, b].map(|own| held(measure, own, own));
    x.prepared + y.prepared + x.preparing.max(y.preparing).max(held(measure, a, b).comparing)
}

/// The values of some pairs by one measure. Each representation is prepared once, and a value does not depend on which others
/// are asked for.
pub fn some_pairs(set: &[Named], measure: &Measure, pairs: &[(usize, usize)]) -> Vec<Outcome> {
    let mut used: Vec<usize> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
    used.sort_unstable();
    used.dedup();
    let memory = Memory::default();
    let prepared = prepare(set, measure, &used, memory);
    let needs: Vec<f64> = pairs.iter().map(|&(a, b)| held(measure, &set[a], &set[b]).comparing).collect();
    let place = |x: usize| used.binary_search(&x).unwrap_or(0);
    let found = memory.each(0.0, &needs, |i| {
        Ok(match (&prepared[place(pairs[i].0)], &prepared[place(pairs[i].1)]) {
            (Ok(x), Ok(y)) => Outcome::from(measure.made.host.compare(x, y)),
            (Err(why), _) | (_, Err(why)) => why.clone(),
        })
    });
    found.into_iter().map(|found| found.unwrap_or_else(|error| Outcome::from(&error))).collect()
}

fn prepare(set: &[Named], measure: &Measure, which: &[usize], memory: Memory) -> Vec<Result<Prepared, Outcome>> {
    let (mut kept, mut needs) = (0.0, Vec::with_capacity(which.len()));
    for &i in which {
        let held = held(measure, &set[i], &set[i]);
        kept += held.prepared;
        needs.push(held.preparing);
    }
    let found = memory.each(kept, &needs, |i| measure.made.host.prepare(set[which[i]].values.as_ref()));
    found.into_iter().zip(which).map(|(found, &i)| found.map_err(|error| of(&set[i], &error))).collect()
}

/// Why a representation could not be prepared, with its name.
fn of(x: &Named, error: &Error) -> Outcome {
    match Outcome::from(error) {
        Outcome::Undefined(why) => Outcome::Undefined(format!("`{}`: {why}", x.name)),
        Outcome::Failed(why) => Outcome::Failed(format!("`{}`: {why}", x.name)),
        value @ Outcome::Value(_) => value,
    }
}
