//! Measures of the ranks of dissimilarities: sorted and ranked on the device, once for each kind of table.

use std::sync::Arc;

use super::intake::{Intake, row_major};
use super::tables::compared;
use super::{Found, Grid};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Device, Ranks, Tables};
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::ranks::{RankComparison, Rows, rank_comparisons};

/// Compares all pairs by those of the measures that are wanted and of this form.
pub(super) fn by_ranks(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Found> {
    let forms = wanted.iter().filter_map(|&m| match &measures[m].made.device {
        Some(Device::Ranks(form)) => Some((m, form)),
        _ => None,
    });
    // On a software adapter the levels of a sort for each pair cost more than the host's own merge sort of the table.
    let slow =
        |form: &Ranks| gpu.profile().software && matches!(form.comparison, RankComparison::TauA | RankComparison::TauB);
    let (on_host, on_device): (Vec<_>, Vec<_>) = forms.partition(|(_, form)| slow(form));
    let on_host: Vec<(usize, &Tables)> = on_host.into_iter().map(|(m, form)| (m, &form.tables)).collect();
    let mut tables = compared(set, measures, &on_host, gpu)?;
    let mut kinds: Vec<Between> = Vec::new();
    for (_, form) in &on_device {
        if !kinds.contains(&form.tables.between) {
            kinds.push(form.tables.between);
        }
    }
    for kind in kinds {
        let group: Vec<(usize, RankComparison)> =
            on_device.iter().filter(|(_, f)| f.tables.between == kind).map(|(m, f)| (*m, f.comparison)).collect();
        tables.extend(of_kind(set, &group, kind, gpu)?);
    }
    Ok(tables)
}

fn of_kind(set: &[Named], group: &[(usize, RankComparison)], between: Between, gpu: &Arc<Gpu>) -> Result<Found> {
    let (count, n) = (set.len(), set[0].values.nrows());
    let intake = Intake::of(between);
    let taken: Vec<(Vec<f32>, usize)> = set
        .iter()
        .map(|x| {
            let x = intake.apply(x.values.as_ref()).0;
            (row_major(&x), x.ncols())
        })
        .collect();
    let rows: Vec<Rows<'_>> = taken.iter().map(|(values, units)| Rows { values, units: *units }).collect();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let wanted: Vec<RankComparison> = group.iter().map(|(_, comparison)| *comparison).collect();
    let rest = intake.rest(Embedding::new(between, Centring::Raw)).between;
    let found = rank_comparisons(Some(gpu), n, &rows, rest, &pairs, &wanted)?;
    Ok(group
        .iter()
        .zip(found)
        .map(|(&(m, _), values)| {
            let mut table = Grid::new(count);
            for (&(a, b), value) in pairs.iter().zip(values) {
                table.values[a * count + b] = value;
                table.values[b * count + a] = value;
            }
            (m, table)
        })
        .collect())
}
