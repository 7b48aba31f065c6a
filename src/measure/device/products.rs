//! Inner products of embeddings: one program for all measures that take a representation in the same way.

pub mod by_rows;
mod whole;

use std::sync::{Arc, OnceLock};

pub use whole::{Layers, Matrix, Pairs, PlannedPairs, input_name};

use super::batches::padded;
use super::{Asked, Grid, Intake, grouped};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::declaration::{Cosine, FromProducts};
use crate::measure::embedding::{Between, Embedding};
use crate::measure::representation::Named;
use by_rows::Most;

/// Measures of one intake.
pub(super) fn by_products(set: &[Named], group: &[Asked<'_, Cosine>], gpu: Option<&Arc<Gpu>>) -> Result<Vec<Grid>> {
    let (count, n) = (set.len(), set[0].values.nrows());
    let intake = Intake::of(group[0].form.embedding.between);
    let embeddings: Vec<Embedding> = group.iter().map(|asked| intake.rest(asked.form.embedding)).collect();
    let extents = [n, set.iter().map(|x| x.values.ncols()).max().unwrap_or(1)];
    let scales: Vec<OnceLock<f64>> = set.iter().map(|_| OnceLock::new()).collect();
    let take = |i: usize| {
        let (x, scale) = intake.apply(set[i].values.as_ref());
        // The same whenever it is taken.
        let _ = scales[i].set(scale);
        (padded(&x, x.ncols()), x.ncols())
    };
    let at_once = || -> Result<Vec<Option<Vec<f64>>>> {
        let mut pairs = Pairs::new(gpu, count, 1, extents, &embeddings, &[Layers::Same])?;
        for i in 0..count {
            let (values, units) = take(i);
            pairs.fill(0, i, &values, units)?;
        }
        Ok(pairs.compare(Layers::Same)?.into_iter().map(|matrix| Some(matrix.products)).collect())
    };
    // A program that holds all at once wastes nothing; what does not fit is done by rows, a kind of table at a time.
    let found = match at_once() {
        Err(Error::OutOfMemory(_)) => {
            let mut found = vec![None; embeddings.len()];
            let suited = (0..embeddings.len()).filter(|&i| by_rows::suits(embeddings[i]));
            for own in grouped(suited, |&i| embeddings[i].between) {
                let wanted: Vec<Embedding> = own.iter().map(|&i| embeddings[i]).collect();
                let made = by_rows::products(gpu, count, extents, &wanted, Most::default(), &take)?;
                own.into_iter().zip(made).for_each(|(i, products)| found[i] = Some(products));
            }
            found
        }
        found => found?,
    };
    let scale = |i: usize| scales[i].get().copied().unwrap_or(1.0);
    let of = |(asked, products): (&Asked<'_, Cosine>, Option<Vec<f64>>)| {
        let Some(products) = products else { return vec![f64::NAN; count * count] };
        asked.finished(count, |a, b| {
            let own = |i: usize| products[i * count + i].max(0.0).sqrt();
            let norms = own(a) * own(b);
            let product = products[a * count + b];
            let cosine = if norms > 0.0 { product / norms } else { f64::NAN };
            match asked.form.value {
                FromProducts::Angle(_) if a == b && !cosine.is_nan() => 0.0,
                // Only of products of linear kernels does the scale stay in the value.
                value if asked.form.embedding.between == Between::Linear => {
                    value.of_single(cosine, product / (scale(a) * scale(b)).powi(2), n)
                }
                value => value.of_single(cosine, product, n),
            }
        })
    };
    Ok(group.iter().zip(found).map(of).collect())
}
