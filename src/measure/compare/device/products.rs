//! Inner products of embeddings: one program for all measures that take a representation in the same way.

use std::sync::{Arc, OnceLock};

use super::intake::{Intake, row_major};
use super::{Found, Grid};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::catalogue::Measure;
use crate::measure::compare::Named;
use crate::measure::declaration::{Cosine, FromProducts};
use crate::measure::embedding::{Between, Embedding};
use crate::measure::large::{self, Most};
use crate::measure::pairs::{Layers, Pairs};

pub(super) fn of_group(
    set: &[Named],
    measures: &[Measure],
    group: &[usize],
    intake: Intake,
    gpu: &Arc<Gpu>,
) -> Result<Found> {
    let count = set.len();
    let forms: Vec<(usize, Cosine)> = group
        .iter()
        .filter_map(|&m| measures[m].cosine().map(|c| (m, Cosine { embedding: intake.rest(c.embedding), ..c })))
        .collect();
    let n = set.first().map_or(0, |x| x.values.nrows());
    let width = set.iter().map(|x| x.values.ncols()).max().unwrap_or(1);
    let mut scales = Vec::with_capacity(count);
    let embeddings: Vec<Embedding> = forms.iter().map(|(_, c)| c.embedding).collect();
    // A program that holds all at once wastes nothing; what does not fit is done by rows.
    let found: Vec<(usize, Vec<f64>)> = match Pairs::new(Some(gpu), count, 1, [n, width], &embeddings, &[Layers::Same])
    {
        Ok(mut pairs) => {
            for (replica, x) in set.iter().enumerate() {
                let (x, scale) = intake.apply(x.values.as_ref());
                scales.push(scale);
                pairs.fill(0, replica, &row_major(&x), x.ncols())?;
            }
            pairs.compare(Layers::Same)?.into_iter().map(|matrix| (matrix.measure, matrix.products)).collect()
        }
        Err(Error::OutOfMemory(_)) => {
            let mut kinds: Vec<Between> = Vec::new();
            for e in embeddings.iter().filter(|e| large::suits(**e)) {
                if !kinds.contains(&e.between) {
                    kinds.push(e.between);
                }
            }
            let mut found = Vec::new();
            for kind in kinds {
                let own: Vec<usize> = (0..embeddings.len())
                    .filter(|&i| large::suits(embeddings[i]) && embeddings[i].between == kind)
                    .collect();
                let wanted: Vec<Embedding> = own.iter().map(|&i| embeddings[i]).collect();
                let found_scales: Vec<OnceLock<f64>> = (0..count).map(|_| OnceLock::new()).collect();
                let take = |i: usize| {
                    let (x, scale) = intake.apply(set[i].values.as_ref());
                    // The same whenever it is taken.
                    let _ = found_scales[i].set(scale);
                    (row_major(&x), x.ncols())
                };
                let products = large::products(Some(gpu), count, [n, width], &wanted, Most::default(), &take)?;
                scales = found_scales.iter().map(|s| s.get().copied().unwrap_or(1.0)).collect();
                found.extend(own.into_iter().zip(products));
            }
            found
        }
        Err(error) => return Err(error),
    };
    let values = |products: &[f64], form: &Cosine, a: usize, b: usize| {
        let own = |i: usize| products[i * count + i].max(0.0).sqrt();
        let norms = own(a) * own(b);
        let product = products[a * count + b];
        let cosine = if norms > 0.0 { product / norms } else { f64::NAN };
        match form.value {
            FromProducts::Angle(_) if a == b && !cosine.is_nan() => 0.0,
            // Only of products of linear kernels does the scale stay in the value.
            value if form.embedding.between == Between::Linear => {
                value.of_single(cosine, product / (scales[a] * scales[b]).powi(2), n)
            }
            value => value.of_single(cosine, product, n),
        }
    };
    Ok(found
        .into_iter()
        .map(|(i, products)| {
            let (m, form) = &forms[i];
            let mut table = Grid::new(count);
            for a in 0..count {
                for b in 0..count {
                    table.values[a * count + b] = values(&products, form, a, b);
                }
            }
            (*m, table)
        })
        .collect())
}
