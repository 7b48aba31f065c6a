//! Measures of nearest neighbours: candidates are found on the device, once for each number of neighbours and nearness.

use std::sync::Arc;

use super::{Found, Grid};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Device, Surroundings};
use crate::measure::nearest::{Near, Nearest};
use crate::measure::pairwise::neighbours::{Nearness, Neighbours, Space};
use crate::measure::parallel::in_parallel;

/// Measures of nearest neighbours: one program for each number of neighbours and nearness.
pub(super) fn by_neighbours(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Found> {
    let count = set.len();
    let mut known: Vec<((usize, Nearness), Vec<Neighbours>)> = Vec::new();
    let mut tables = Vec::new();
    for &m in wanted {
        let Some(Device::Neighbours(form)) = &measures[m].made.device else { continue };
        let key = (form.k, form.nearness);
        if !known.iter().any(|(k, _)| *k == key) {
            known.push((key, neighbours(set, form.k, form.nearness, gpu)?));
        }
        let Some((_, found)) = known.iter().find(|(k, _)| *k == key) else { continue };
        let mut table = Grid::new(count);
        for a in 0..count {
            for b in 0..count {
                let side = |i: usize| Surroundings { values: set[i].values.as_ref(), neighbours: &found[i] };
                table.values[a * count + b] = (form.compare)(side(a), side(b)).unwrap_or(f64::NAN);
            }
        }
        tables.push((m, table));
    }
    Ok(tables)
}

/// Candidates beyond the neighbours wanted, so that rounding at the edge can be seen.
pub(super) const SPARE: usize = 6;

/// Neighbours of every example of every representation: candidates are found in single precision, and their order and ties are
/// decided in double precision, among all others where a candidate too few may have come.
fn neighbours(set: &[Named], k: usize, nearness: Nearness, gpu: &Arc<Gpu>) -> Result<Vec<Neighbours>> {
    let n = set.first().map_or(0, |x| x.values.nrows());
    let width = set.iter().map(|x| x.values.ncols()).max().unwrap_or(1);
    let near = if nearness == Nearness::InnerProduct { Near::InnerProduct } else { Near::Distance };
    let candidates = (k + SPARE).min(n - 1);
    let spaces = set.iter().map(|x| Space::of(x.values.as_ref(), k, nearness)).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::with_capacity(set.len());
    let mut at_once = set.len();
    while all.len() < set.len() {
        let mut program = match Nearest::new(Some(gpu), at_once, [n, width], candidates, near) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => {
                at_once = at_once.div_ceil(2);
                continue;
            }
            other => other?,
        };
        for part in spaces[all.len()..].chunks(at_once) {
            let taken: Vec<(Vec<f32>, f64)> = part.iter().map(Space::single).collect();
            for (place, (values, _)) in taken.iter().enumerate() {
                program.fill(place, values, values.len() / n)?;
            }
            let found = program.find()?;
            all.extend(in_parallel(part.len(), |r| {
                let (space, reach) = (&part[r], taken[r].1);
                let mut room = Vec::with_capacity(n);
                let of = |(i, own): (usize, &[usize])| {
                    let sound = own.iter().all(|&j| j < n && j != i);
                    let known = if sound { space.nearest_of(i, k, own, reach) } else { None };
                    known.unwrap_or_else(|| space.nearest_of_all(i, k, &mut room))
                };
                Space::neighbours(k, found[r].chunks(candidates).enumerate().map(of).collect())
            }));
        }
    }
    Ok(all)
}
