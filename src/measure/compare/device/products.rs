//! Inner products of embeddings: one program for all measures that take a representation in the same way.

use std::sync::Arc;

use super::intake::{Intake, row_major};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::catalogue::{FromProducts, Measure};
use crate::measure::compare::{Named, Place, Table};
use crate::measure::embedding::{Between, Embedding};
use crate::measure::pairs::{Layers, Pairs};

pub(super) fn of_group(
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
            let mut scales = Vec::with_capacity(members.len());
            for (replica, &member) in members.iter().enumerate() {
                let (x, scale) = intake.apply(set[member].values.as_ref());
                scales.push(scale);
                pairs.fill(0, replica, &row_major(&x), x.ncols())?;
            }
            let replicas = if whole { count } else { 2 * block };
            for matrix in pairs.compare(Layers::Same)? {
                let (m, table) = &mut tables[matrix.measure];
                let Some(form) = measures[*m].cosine() else { continue };
                // Only of products of linear kernels does the scale stay in the value.
                let linear = form.embedding.between == Between::Linear;
                let power = if linear { 2 } else { 0 };
                for (i, &a) in members.iter().enumerate() {
                    for (j, &b) in members.iter().enumerate() {
                        let (cosine, product) = (matrix.values[i * replicas + j], matrix.products[i * replicas + j]);
                        table.values[a * count + b] = match form.value {
                            FromProducts::Angle(_) if a == b && !cosine.is_nan() => 0.0,
                            FromProducts::Angle(most) if cosine > most => f64::NAN,
                            FromProducts::Product(over) => {
                                product / (scales[i] * scales[j]).powi(power) / over(n as f64)
                            }
                            value => value.of_cosine(cosine),
                        };
                    }
                }
            }
        }
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

