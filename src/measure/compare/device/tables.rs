//! Measures of two tables of dissimilarities: tables are made on the device, once for each kind, and compared on the host.

use std::sync::Arc;

use super::intake::{Intake, row_major};
use super::{Found, Grid};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Device, Tables};
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::pairwise::rdm::Rdm;
use crate::measure::parallel::in_parallel;
use crate::measure::tables::upper_triangles;

/// Compares all pairs by those of the measures that are wanted and of this form.
pub(super) fn by_tables(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Found> {
    let wanted: Vec<(usize, &Tables)> = wanted
        .iter()
        .filter_map(|&m| match &measures[m].made.device {
            Some(Device::Tables(form)) => Some((m, form)),
            _ => None,
        })
        .collect();
    compared(set, measures, &wanted, gpu)
}

/// What tables hold, and whether it is divided by the number of units.
type Kind = (Between, bool);

/// Compares all pairs by these comparisons of tables.
pub(super) fn compared(
    set: &[Named],
    measures: &[Measure],
    wanted: &[(usize, &Tables)],
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    let count = set.len();
    let mut known: Vec<(Kind, Vec<Option<Rdm>>)> = Vec::new();
    let mut tables = Vec::new();
    for &(m, form) in wanted {
        let key = (form.between, form.per_unit);
        if !known.iter().any(|(k, _)| *k == key) {
            known.push((key, dissimilarities(set, form.between, form.per_unit, gpu)?));
        }
        let Some((_, rdms)) = known.iter().find(|(k, _)| *k == key) else { continue };
        let symmetric = measures[m].entry.symmetric;
        let pairs: Vec<(usize, usize)> =
            (0..count).flat_map(|a| (0..count).map(move |b| (a, b))).filter(|&(a, b)| !symmetric || a <= b).collect();
        let values = in_parallel(pairs.len(), |i| match (&rdms[pairs[i].0], &rdms[pairs[i].1]) {
            (Some(a), Some(b)) => (form.compare)(a, b).unwrap_or(f64::NAN),
            _ => f64::NAN,
        });
        let mut table = Grid::new(count);
        for (&(a, b), value) in pairs.iter().zip(values) {
            table.values[a * count + b] = value;
            if symmetric {
                table.values[b * count + a] = value;
            }
        }
        tables.push((m, table));
    }
    Ok(tables)
}

fn dissimilarities(set: &[Named], between: Between, per_unit: bool, gpu: &Arc<Gpu>) -> Result<Vec<Option<Rdm>>> {
    let intake = Intake::of(between);
    let (mut scales, mut taken) = (Vec::with_capacity(set.len()), Vec::with_capacity(set.len()));
    for x in set {
        let (values, scale) = intake.apply(x.values.as_ref());
        scales.push(scale);
        taken.push((row_major(&values), values.ncols()));
    }
    let n = set.first().map_or(0, |x| x.values.nrows());
    let rest = intake.rest(Embedding::new(between, Centring::Raw)).between;
    let found = upper_triangles(Some(gpu), n, &taken, rest)?;
    let power = match between {
        Between::SquaredEuclidean => 2,
        Between::Euclidean | Between::CityBlock => 1,
        _ => 0,
    };
    let tables = found.into_iter().zip(scales).zip(set);
    Ok(tables
        .map(|((table, scale), x)| {
            let units = if per_unit { x.values.ncols() as f64 } else { 1.0 };
            let by = scale.powi(power) * units;
            Rdm::new(table.into_iter().map(|d| f64::from(d) / by).collect()).ok()
        })
        .collect())
}
