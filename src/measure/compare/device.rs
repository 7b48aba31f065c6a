//! All pairs on a GPU: one program for all measures that take a representation in the same way.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::{Named, Place, Table, in_parallel};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::measure::catalogue::{Device, Measure, NuclearValue};
use crate::measure::polar::{Shared, shared};
use crate::measure::subspace::based::{Based, Basis};
use crate::measure::subspace::shape::Procrustes;

use crate::measure::embedding::{Bandwidth, Between, Embedding};
use crate::measure::nearest::{Near, Nearest};
use crate::measure::neurons::neighbours::{Nearness, Neighbours};
use crate::measure::pairs::{Layers, Pairs};

/// What is done to a representation in f64 before it is rounded to the device's f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    /// Units of mean zero, the largest value near one: offsets and scales that no measure sees cost no digits.
    Standard,
    /// Units of mean zero, at their own scale: for kernels of a fixed width.
    Own,
    /// Examples at unit length.
    Directions,
    /// Examples of mean zero, at unit length.
    Profiles,
    /// As it is.
    Raw,
}

impl Intake {
    pub(super) fn of(between: Between) -> Self {
        match between {
            Between::Gaussian(Bandwidth::Fixed(_)) | Between::Laplace(Bandwidth::Fixed(_)) => Self::Own,
            Between::Cosine => Self::Directions,
            Between::Correlation => Self::Profiles,
            _ => Self::Standard,
        }
    }

    /// What is left for the device to do.
    pub(super) fn rest(self, embedding: Embedding) -> Embedding {
        match self {
            // Already standardised, and padding must not be taken for units.
            Self::Profiles => Embedding { between: Between::Cosine, ..embedding },
            _ => embedding,
        }
    }

    pub(super) fn apply(self, x: MatRef<'_, f64>) -> Mat<f64> {
        let (n, p) = (x.nrows(), x.ncols());
        match self {
            Self::Raw => x.to_owned(),
            Self::Standard | Self::Own => {
                // Whole numbers stay as they are: equal distances stay equal.
                let whole = x.col_iter().all(|c| c.iter().all(|v| v.fract() == 0.0 && v.abs() < 4096.0));
                let means: Vec<f64> =
                    if whole { vec![0.0; p] } else { x.col_iter().map(|c| c.iter().sum::<f64>() / n as f64).collect() };
                let centred = Mat::from_fn(n, p, |i, j| x[(i, j)] - means[j]);
                let largest = centred.col_iter().flat_map(|c| c.iter()).fold(0.0f64, |m, v| m.max(v.abs()));
                if self == Self::Own || largest == 0.0 {
                    return centred;
                }
                let scale = (-largest.log2().ceil()).exp2();
                Mat::from_fn(n, p, |i, j| centred[(i, j)] * scale)
            }
            Self::Directions | Self::Profiles => {
                let mean = |i: usize| match self {
                    Self::Profiles => (0..p).map(|j| x[(i, j)]).sum::<f64>() / p as f64,
                    _ => 0.0,
                };
                let means: Vec<f64> = (0..n).map(mean).collect();
                let norm = |i: usize| (0..p).map(|j| (x[(i, j)] - means[i]).powi(2)).sum::<f64>().sqrt();
                let norms: Vec<f64> = (0..n).map(norm).collect();
                Mat::from_fn(n, p, |i, j| (x[(i, j)] - means[i]) / norms[i])
            }
        }
    }
}

/// Whether a measure has a form for a device that is defined for the whole set; what is not is left to the CPU, which says
/// why.
pub(super) fn suits(set: &[Named], measure: &Measure, profile: &Profile) -> bool {
    let n = set.first().map_or(0, |x| x.values.nrows());
    let has_directions = |intake: Intake| {
        set.iter().all(|x| {
            let centred = intake == Intake::Profiles;
            (0..n).all(|i| {
                let row = x.values.row(i);
                let origin = if centred { row[0] } else { 0.0 };
                row.iter().any(|&v| v != origin)
            })
        })
    };
    match measure.made.device {
        None => false,
        // Constant representations have no direction; the CPU says so.
        Some(Device::Nuclear(_)) => n >= 2 && set.iter().all(varies),
        Some(Device::Neighbours(form)) => {
            // Each pass over the examples is a loop, and some adapters end loops after so many turns.
            let turns = form.k as u64 * (n as u64 + 2) + 16;
            form.k < n
                && profile.loop_iterations().is_none_or(|most| turns < most)
                && (form.nearness != Nearness::Cosine || has_directions(Intake::Directions))
        }
        Some(Device::Cosine(form)) => {
            let intake = Intake::of(form.embedding.between);
            let median = matches!(
                form.embedding.between,
                Between::Gaussian(Bandwidth::Median(_)) | Between::Laplace(Bandwidth::Median(_))
            );
            // Counting for a median is exact up to 2^24 distances.
            n >= 4
                && !(median && n > 4096)
                && (!matches!(intake, Intake::Directions | Intake::Profiles) || has_directions(intake))
        }
    }
}

/// Compares all pairs by those of the measures that are `wanted`, all of which have a form for a GPU.
pub(super) fn all_pairs(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
) -> Result<Vec<(usize, Table)>> {
    let mut tables = Vec::with_capacity(wanted.len());
    for intake in [Intake::Standard, Intake::Own, Intake::Directions, Intake::Profiles] {
        let group: Vec<usize> = wanted
            .iter()
            .copied()
            .filter(|&m| measures[m].cosine().is_some_and(|c| Intake::of(c.embedding.between) == intake))
            .collect();
        if !group.is_empty() {
            tables.extend(of_group(set, measures, &group, intake, gpu)?);
        }
    }
    tables.extend(by_neighbours(set, measures, wanted, gpu)?);
    tables.extend(by_singular_values(set, measures, wanted, gpu)?);
    Ok(tables)
}

fn of_group(
    set: &[Named],
    measures: &[Measure],
    group: &[usize],
    intake: Intake,
    gpu: &Arc<Gpu>,
) -> Result<Vec<(usize, Table)>> {
    let count = set.len();
    let embeddings: Vec<Embedding> =
        group.iter().filter_map(|&m| measures[m].cosine()).map(|c| intake.rest(c.embedding)).collect();
    let n = set.first().map_or(0, |x| x.values.nrows());
    let width = set.iter().map(|x| x.values.ncols()).max().unwrap_or(1);
    let mut tables: Vec<(usize, Table)> =
        group.iter().map(|&m| (m, Table::new(&measures[m], count, Place::Gpu))).collect();
    let (mut pairs, block) = program(gpu, count, [n, width], &embeddings)?;
    let whole = block == count;
    let starts: Vec<usize> = (0..count).step_by(block).collect();
    for &first in &starts {
        for &second in starts.iter().filter(|&&s| s >= first) {
            let rows: Vec<usize> = (first..(first + block).min(count)).collect();
            let columns: Vec<usize> =
                if second == first { Vec::new() } else { (second..(second + block).min(count)).collect() };
            let members: Vec<usize> = rows.iter().chain(&columns).copied().collect();
            for (replica, &member) in members.iter().enumerate() {
                let x = intake.apply(set[member].values.as_ref());
                pairs.fill(0, replica, &row_major(&x), x.ncols())?;
            }
            let replicas = if whole { count } else { 2 * block };
            for matrix in pairs.compare(Layers::Same)? {
                let (m, table) = &mut tables[matrix.measure];
                let finish = measures[*m].cosine().map(|c| c.finish);
                for (i, &a) in members.iter().enumerate() {
                    for (j, &b) in members.iter().enumerate() {
                        let value = matrix.values[i * replicas + j];
                        let value = finish.map_or(value, |f| f(value));
                        let value = if value.is_nan() {
                            Err(Error::Measure(
                                "the measure is not defined: a representation is constant, or too like one".into(),
                            ))
                        } else {
                            Ok(value)
                        };
                        if table.values[a * count + b].is_nan() {
                            table.set(count, a, b, value);
                        }
                    }
                }
            }
        }
    }
    for (_, table) in &mut tables {
        table.undefined.sort_by_key(|u| (u.a, u.b));
        table.undefined.dedup_by_key(|u| (u.a, u.b));
    }
    Ok(tables)
}

/// The program, and how many representations of each of two blocks it holds (or all of them, in one).
fn program(gpu: &Arc<Gpu>, count: usize, extents: [usize; 2], embeddings: &[Embedding]) -> Result<(Pairs, usize)> {
    let mut block = count;
    loop {
        let replicas = if block == count { count } else { 2 * block };
        match Pairs::new(Some(gpu), replicas, 1, extents, embeddings, &[Layers::Same]) {
            Ok(pairs) => return Ok((pairs, block)),
            Err(Error::OutOfMemory(_)) if block > 1 => block = block.div_ceil(2).min(count - 1).max(1),
            Err(error) => return Err(error),
        }
    }
}

/// Measures of nearest neighbours: one program for each number of neighbours and nearness.
fn by_neighbours(set: &[Named], measures: &[Measure], wanted: &[usize], gpu: &Arc<Gpu>) -> Result<Vec<(usize, Table)>> {
    let count = set.len();
    let mut known: Vec<((usize, Nearness), Vec<Neighbours>)> = Vec::new();
    let mut tables = Vec::new();
    for &m in wanted {
        let Some(form) = measures[m].made.device.and_then(Device::neighbours) else { continue };
        let key = (form.k, form.nearness);
        if !known.iter().any(|(k, _)| *k == key) {
            known.push((key, neighbours(set, form.k, form.nearness, gpu)?));
        }
        let Some((_, found)) = known.iter().find(|(k, _)| *k == key) else { continue };
        let mut table = Table::new(&measures[m], count, Place::Gpu);
        for a in 0..count {
            for b in 0..count {
                table.set(count, a, b, (form.compare)(&found[a], &found[b]));
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
                program.fill(place, &row_major(&intake.apply(x.values.as_ref())), x.values.ncols())?;
            }
            for found in program.find()?.into_iter().take(part.len()) {
                all.push(Neighbours::from_indices(k, found)?);
            }
        }
    }
    Ok(all)
}

/// Rounded to what the device has.
pub(super) fn row_major(x: &Mat<f64>) -> Vec<f32> {
    (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| (i, j))).map(|(i, j)| x[(i, j)] as f32).collect()
}

fn varies(x: &Named) -> bool {
    x.values.col_iter().any(|c| c.iter().any(|&v| v != c[0]))
}

/// Measures of the singular values of cross-products: one program for each basis.
fn by_singular_values(
    set: &[Named],
    measures: &[Measure],
    wanted: &[usize],
    gpu: &Arc<Gpu>,
) -> Result<Vec<(usize, Table)>> {
    let count = set.len();
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
    let mut known: Vec<(Basis, Vec<Based>, Vec<Shared>)> = Vec::new();
    let mut tables = Vec::new();
    for &m in wanted {
        let Some(form) = measures[m].made.device.and_then(Device::nuclear) else { continue };
        if !known.iter().any(|(basis, ..)| *basis == form.basis) {
            let based = in_parallel(count, |i| Based::of(set[i].values.as_ref(), form.basis));
            let based = based.into_iter().collect::<Result<Vec<_>>>()?;
            let width = based.iter().map(|b| b.matrix.ncols()).max().unwrap_or(1).next_multiple_of(4);
            let n = set[0].values.nrows();
            let padded: Vec<Vec<f32>> = based.iter().map(|b| row_major(&padded(&b.matrix, width))).collect();
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

fn padded(x: &Mat<f64>, width: usize) -> Mat<f64> {
    Mat::from_fn(x.nrows(), width, |i, j| if j < x.ncols() { x[(i, j)] } else { 0.0 })
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
