//! Measures of nearest neighbours: candidates are found on the device, once for each number of neighbours and nearness.

use std::sync::Arc;

use super::batches::{Rows, width};
use super::nearest::{Near, nearest};
use super::{Asked, Grid};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::declaration::{Neighbourhood, Surroundings};
use crate::measure::pairwise::neighbours::{Nearness, Neighbours, Space};
use crate::measure::parallel::in_parallel;
use crate::measure::representation::Named;

/// Measures of one number of neighbours and one nearness.
pub(super) fn by_neighbours(
    set: &[Named],
    group: &[Asked<'_, Neighbourhood>],
    gpu: Option<&Arc<Gpu>>,
) -> Result<Vec<Grid>> {
    let found = neighbours(set, group[0].form.k, group[0].form.nearness, gpu)?;
    let side = |i: usize| Surroundings { values: set[i].values.as_ref(), neighbours: &found[i] };
    let of = |asked: &Asked<'_, Neighbourhood>| {
        asked.finished(set.len(), |a, b| (asked.form.compare)(side(a), side(b)).unwrap_or(f64::NAN))
    };
    Ok(group.iter().map(of).collect())
}

/// Candidates beyond the neighbours wanted, so that rounding at the edge can be seen.
pub(super) const SPARE: usize = 6;

/// Neighbours of every example of every representation: candidates are found in single precision, and their order and ties are
/// decided in double precision, among all others where a candidate too few may have come.
fn neighbours(set: &[Named], k: usize, nearness: Nearness, gpu: Option<&Arc<Gpu>>) -> Result<Vec<Neighbours>> {
    let (n, width) = (set[0].values.nrows(), width(set.iter().map(|x| x.values.ncols())));
    let near = if nearness == Nearness::InnerProduct { Near::InnerProduct } else { Near::Distance };
    let candidates = (k + SPARE).min(n - 1);
    let spaces = set.iter().map(|x| Space::of(x.values.as_ref(), k, nearness)).collect::<Result<Vec<_>>>()?;
    let single: Vec<(Vec<f32>, f64)> = spaces.iter().map(Space::single).collect();
    let rows = |i: usize| Rows { values: &single[i].0, units: set[i].values.ncols() }.padded(n, width);
    let found = nearest(gpu, set.len(), [n, width], &rows, candidates, near)?;
    Ok(in_parallel(set.len(), |r| {
        let (space, reach) = (&spaces[r], single[r].1);
        let mut room = Vec::with_capacity(n);
        let of = |(i, own): (usize, &[usize])| {
            let sound = own.iter().all(|&j| j < n && j != i);
            let known = if sound { space.nearest_of(i, k, own, reach) } else { None };
            known.unwrap_or_else(|| space.nearest_of_all(i, k, &mut room))
        };
        Space::neighbours(k, found[r].chunks(candidates).enumerate().map(of).collect())
    }))
}
