//! Measures of nearest neighbours: neighbours are found on the device, once for each number of them and nearness.

use std::sync::Arc;

use super::intake::{Intake, row_major};
use super::{Found, Grid};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::catalogue::{Device, Measure, Surroundings};
use crate::measure::compare::Named;
use crate::measure::nearest::{Near, Nearest};
use crate::measure::neurons::neighbours::{Nearness, Neighbours};

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

fn neighbours(set: &[Named], k: usize, nearness: Nearness, gpu: &Arc<Gpu>) -> Result<Vec<Neighbours>> {
    let n = set.first().map_or(0, |x| x.values.nrows());
    let width = set.iter().map(|x| x.values.ncols()).max().unwrap_or(1);
    let (intake, near) = match nearness {
        Nearness::Cosine => (Intake::Directions, Near::Distance),
        Nearness::Euclidean => (Intake::Standard, Near::Distance),
        Nearness::InnerProduct => (Intake::Raw, Near::InnerProduct),
    };
    let mut all = Vec::with_capacity(set.len());
    let mut at_once = set.len();
    while all.len() < set.len() {
        let mut program = match Nearest::new(Some(gpu), at_once, [n, width], k, near) {
            Err(Error::OutOfMemory(_)) if at_once > 1 => {
                at_once = at_once.div_ceil(2);
                continue;
            }
            other => other?,
        };
        for part in set[all.len()..].chunks(at_once) {
            for (place, x) in part.iter().enumerate() {
                program.fill(place, &row_major(&intake.apply(x.values.as_ref()).0), x.values.ncols())?;
            }
            for found in program.find()?.into_iter().take(part.len()) {
                all.push(Neighbours::from_indices(k, found)?);
            }
        }
    }
    Ok(all)
}
