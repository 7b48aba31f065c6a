//! Measures of the singular values of cross-products: representations are factored on the host in f64, pairs on the device.

use std::sync::Arc;

use super::Found;
use super::intake::padded;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::catalogue::{Device, Measure, NuclearValue};
use crate::measure::compare::{Named, Place, Table, in_parallel};
use crate::measure::polar::{Shared, shared};
use crate::measure::subspace::based::{Based, Basis};
use crate::measure::subspace::shape::Procrustes;

/// Measures of the singular values of cross-products: one program for each basis.
pub(super) fn by_singular_values(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    let count = set.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let mut known: Vec<(Basis, Vec<Based>, Vec<Shared>)> = Vec::new();
    let mut tables = Vec::new();
    for &m in wanted {
        let Some(Device::Nuclear(form)) = &measures[m].made.device else { continue };
        if !known.iter().any(|(basis, ..)| *basis == form.basis) {
            let based = in_parallel(count, |i| Based::of(set[i].values.as_ref(), form.basis));
            let based = based.into_iter().collect::<Result<Vec<_>>>()?;
            let width = based.iter().map(|b| b.matrix.ncols()).max().unwrap_or(1).next_multiple_of(4);
            let n = set[0].values.nrows();
            let padded: Vec<Vec<f32>> = based.iter().map(|b| padded(&b.matrix, width)).collect();
            let found = shared(Some(gpu), n, width, &padded, &pairs)?;
            known.push((form.basis, based, found));
        }
        let Some((_, based, found)) = known.iter().find(|(basis, ..)| *basis == form.basis) else { continue };
        let mut table = Table::new(&measures[m], count, Place::Gpu);
        for (&(a, b), shared) in pairs.iter().zip(found) {
            let value = value_of(&based[a], &based[b], shared, form.value);
            table.values[a * count + b] = value;
            table.values[b * count + a] = value;
        }
        tables.push((m, table));
    }
    Ok(tables)
}

/// Above this similarity the distance is the residual's: `2 - 2 s` would keep few digits.
const CLOSE: f64 = 0.99;

/// What the singular values of two make of the measure.
fn value_of(a: &Based, b: &Based, shared: &Shared, value: NuclearValue) -> f64 {
    let least = a.matrix.ncols().min(b.matrix.ncols()) as f64;
    match value {
        NuclearValue::Mean => shared.nuclear / least,
        NuclearValue::MeanSquared => shared.squares / least,
        NuclearValue::Distance(form) => {
            let squared = if shared.nuclear < CLOSE { 2.0 - 2.0 * shared.nuclear } else { shared.residual };
            form(&Procrustes::from_unit(squared.max(0.0).sqrt(), a.norm, b.norm))
        }
    }
}
