//! Measures of the singular values of cross-products: representations are factored on the host in f64, pairs on the device.

use std::sync::Arc;

use super::crosses::compared;
use super::intake::padded;
use super::{Found, Grid};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Cross, Device, NuclearValue};
use crate::measure::numerics::basis::Procrustes;
use crate::measure::numerics::basis::{Based, Basis};
use crate::measure::parallel::in_parallel;
use crate::measure::polar::{Shared, shared};

/// Measures of the singular values of cross-products: one program for each basis.
pub(super) fn by_singular_values(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    if gpu.profile().software {
        let forms: Vec<(usize, &Cross)> = wanted
            .iter()
            .filter_map(|&m| match &measures[m].made.device {
                Some(Device::Nuclear(form)) => Some((m, &form.cross)),
                _ => None,
            })
            .collect();
        let mut tables = compared(set, measures, &forms, gpu)?;
        complete(set, measures, &mut tables, gpu)?;
        return Ok(tables);
    }
    on_device(set, measures, wanted, gpu)
}

/// Pairs so close that their distance is the residual's, which the device finds.
fn complete(set: &[Named], measures: &[Measure], tables: &mut Found, gpu: &Arc<Gpu>) -> Result<()> {
    let count = set.len();
    for (m, table) in tables {
        let Some(Device::Nuclear(form)) = &measures[*m].made.device else { continue };
        let close: Vec<(usize, usize)> = (0..count)
            .flat_map(|a| (a + 1..count).map(move |b| (a, b)))
            .filter(|&(a, b)| table.values[a * count + b].is_nan())
            .collect();
        if close.is_empty() {
            continue;
        }
        let (based, found) = factored(set, form.basis, &close, gpu)?;
        for (&(a, b), shared) in close.iter().zip(&found) {
            let value = value_of(&based[a], &based[b], shared, form.value);
            table.values[a * count + b] = value;
            table.values[b * count + a] = value;
        }
    }
    Ok(())
}

/// Every representation in a form, and what the device finds of these pairs.
fn factored(
    set: &[Named],
    basis: Basis,
    pairs: &[(usize, usize)],
    gpu: &Arc<Gpu>,
) -> Result<(Vec<Based>, Vec<Shared>)> {
    let based = in_parallel(set.len(), |i| Based::of(set[i].values.as_ref(), basis));
    let based = based.into_iter().collect::<Result<Vec<_>>>()?;
    let width = based.iter().map(|b| b.matrix.ncols()).max().unwrap_or(1).next_multiple_of(4);
    let n = set[0].values.nrows();
    let padded: Vec<Vec<f32>> = based.iter().map(|b| padded(&b.matrix, width)).collect();
    let found = shared(Some(gpu), n, width, &padded, pairs)?;
    Ok((based, found))
}

/// The same with singular values found on the device, by products alone.
pub(super) fn on_device(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Found> {
    let count = set.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let mut known: Vec<(Basis, Vec<Based>, Vec<Shared>)> = Vec::new();
    let mut tables = Vec::new();
    for &m in wanted {
        let Some(Device::Nuclear(form)) = &measures[m].made.device else { continue };
        if !known.iter().any(|(basis, ..)| *basis == form.basis) {
            let (based, found) = factored(set, form.basis, &pairs, gpu)?;
            known.push((form.basis, based, found));
        }
        let Some((_, based, found)) = known.iter().find(|(basis, ..)| *basis == form.basis) else { continue };
        let mut table = Grid::new(count);
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

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;
    use crate::gpu::AdapterChoice;

    /// Values without structure.
    fn pseudo(i: usize) -> f64 {
        let x = (i as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
    }

    #[test]
    fn singular_values_found_on_the_device_are_those_found_on_the_host() {
        let Ok(gpu) = Gpu::open(&AdapterChoice::Automatic) else {
            assert!(std::env::var_os("ISOGRAM_REQUIRE_ADAPTER").is_none(), "an adapter is required");
            return;
        };
        let base = Mat::from_fn(40, 6, |i, j| pseudo(i * 6 + j));
        let near = Mat::from_fn(40, 6, |i, j| base[(i, j)] + 1e-3 * pseudo(1000 + i * 6 + j));
        let wide = Mat::from_fn(40, 9, |i, j| pseudo(2000 + i * 9 + j) + base[(i, j % 6)]);
        let flat = Mat::from_fn(40, 7, |i, j| base[(i, j % 3)] * (j + 1) as f64);
        let set: Vec<Named> = [base, near, wide, flat]
            .into_iter()
            .enumerate()
            .map(|(i, values)| Named { name: i.to_string(), values })
            .collect();
        let names =
            ["procrustes", "procrustes:euclidean", "nbs", "shape:alpha=0.5", "cca", "cca:mean-squared", "svcca"];
        let measures: Vec<Measure> = names.iter().map(|name| Measure::parse(name).unwrap()).collect();
        let wanted: Vec<usize> = (0..measures.len()).collect();
        for (m, found) in on_device(&set, &measures, &wanted, &gpu).unwrap() {
            let host = &measures[m].made.host;
            for a in 0..set.len() {
                for b in 0..set.len() {
                    let prepared = |i: usize| host.prepare(set[i].values.as_ref()).unwrap();
                    let expected = host.compare(&prepared(a), &prepared(b)).unwrap();
                    let got = found.values[a * set.len() + b];
                    // Distances have the size of what is compared.
                    let size = set[a].values.norm_l2().max(set[b].values.norm_l2()).max(1.0);
                    assert!(
                        (got - expected).abs() < 1e-5 * size,
                        "{} of {a} and {b}: {got} against {expected}",
                        names[m]
                    );
                }
            }
        }
    }
}
