//! Measures of two tables of dissimilarities: tables are made on the device, once for each kind, and compared on the host.

use std::sync::Arc;

use super::batches::{Input, of_each, padded, width};
use super::{Asked, Grid, Intake};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::declaration::Tables;
use crate::measure::embedding::{Between, Centring, Embedding, Window, bands};
use crate::measure::pairwise::rdm::Rdm;
use crate::measure::parallel::in_parallel;
use crate::measure::representation::Named;

/// Measures of one kind of table.
pub(super) fn by_tables(set: &[Named], group: &[Asked<'_, Tables>], gpu: Option<&Arc<Gpu>>) -> Result<Vec<Grid>> {
    let tables = dissimilarities(set, group[0].form, gpu)?;
    let of = |asked: &Asked<'_, Tables>| {
        asked.finished(set.len(), |a, b| match (&tables[a], &tables[b]) {
            (Some(a), Some(b)) => (asked.form.compare)(a, b).unwrap_or(f64::NAN),
            _ => f64::NAN,
        })
    };
    Ok(group.iter().map(of).collect())
}

/// The upper triangles by rows, as scipy's `pdist` has them, where all of one is finite.
fn dissimilarities(set: &[Named], form: &Tables, gpu: Option<&Arc<Gpu>>) -> Result<Vec<Option<Rdm>>> {
    let intake = Intake::of(form.between);
    let taken = in_parallel(set.len(), |i| intake.apply(set[i].values.as_ref()));
    let (n, width) = (set[0].values.nrows(), width(set.iter().map(|x| x.values.ncols())));
    let power = match form.between {
        Between::SquaredEuclidean => 2,
        Between::Euclidean | Between::CityBlock => 1,
        _ => 0,
    };
    of_each(
        gpu,
        [set.len(), usize::MAX],
        &[Input::Matrix([n, width], &|i| Ok(padded(&taken[i].0, width)))],
        &|g, x| {
            let table = intake.rest(Embedding::new(form.between, Centring::Raw)).prepare(g, x[0], None, true)?;
            let of_band = |(start, count)| {
                g.fence();
                table.table(g, Window::at(start, count, start))
            };
            bands(n).map(of_band).collect()
        },
        &|i, made| {
            let units = if form.per_unit { set[i].values.ncols() as f64 } else { 1.0 };
            let by = taken[i].1.powi(power) * units;
            let mut triangle = Vec::with_capacity(n * n.saturating_sub(1) / 2);
            for ((start, _), band) in bands(n).zip(made) {
                for (row, values) in band.chunks(n - start).enumerate() {
                    triangle.extend(values[row + 1..].iter().map(|&d| f64::from(d) / by));
                }
            }
            Rdm::new(triangle).ok()
        },
    )
}
