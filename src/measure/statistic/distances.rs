//! Distances of all pairs of examples: on the CPU one after the other, on a device tables a band of rows at a time, of which
//! only sums of rows are read back.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::input::{Classes, Rows, check, fail, median, pair_distances};
use super::source::{Batch, Source};
use super::standard::{Beside, Standard, made_of};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, Unary};
use crate::measure::device::batches::padded;
use crate::measure::embedding::{bands, median as bisection};

/// Sums of the distances of each example to those of each class, or, without labels, to all.
#[derive(Debug)]
pub(super) struct ByClass {
    pub labelled: bool,
}

/// Sums of distances.
pub(super) struct Sums {
    pub classes: Classes,
    /// `[examples, classes]`
    pub of: Vec<f64>,
}

impl Source for ByClass {
    type Of = Sums;

    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<Sums> {
        let classes = if self.labelled { Classes::clustered(x, labels)? } else { one_class(x.nrows())? };
        check(x, "the representation", 2)?;
        let (rows, k) = (Rows::of(x), classes.number());
        let mut of = vec![0.0; x.nrows() * k];
        for i in 0..x.nrows() {
            for j in i + 1..x.nrows() {
                let distance = rows.squared_distance(i, j).sqrt();
                of[i * k + classes.of[j]] += distance;
                of[j * k + classes.of[i]] += distance;
            }
        }
        Ok(Sums { classes, of })
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Sums>>> {
        let classes = if self.labelled { batch.classes()? } else { one_class(batch.examples())? };
        let one_hot = classes.one_hot();
        let (n, k) = one_hot.shape();
        let xs = Standard::of_all(&batch.set);
        let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
            banded(g, x, n, |g, squared, _| {
                let one_hot = g.data(padded(&one_hot, k), &[n, k])?;
                let distance = g.unary(Unary::Sqrt, squared);
                Ok(vec![g.matmul(distance, one_hot)?])
            })
        })?;
        let own = |(bands, x): (Vec<Vec<f32>>, &Standard)| {
            let of = bands.concat().into_iter().map(|d| f64::from(d) / x.scale).collect();
            Some(Sums { classes: classes.clone(), of })
        };
        Ok(found.into_iter().zip(&xs).map(own).collect())
    }
}

fn one_class(n: usize) -> Result<Classes> {
    Classes::of(&vec![0; n], n, 1)
}

/// What becomes of the squared distances of all pairs, `[rows of a band, examples]` from a row on, band by band.
fn banded(
    g: &mut Graph,
    x: Tensor,
    n: usize,
    mut of: impl FnMut(&mut Graph, Tensor, usize) -> Result<Vec<Tensor>>,
) -> Result<Vec<Tensor>> {
    let mut all = Vec::new();
    for (start, count) in bands(n) {
        g.fence();
        let band = g.rows(x, start, count)?;
        let squared = g.distances(band, x, Inner::SquaredDifference)?;
        all.extend(of(g, squared, start)?);
    }
    Ok(all)
}

/// For each representation and example the numbers of examples within four squared radii, itself included.
pub(super) fn counts(gpu: Option<&Arc<Gpu>>, xs: &[Standard], limits: &[[f32; 4]]) -> Result<Vec<Vec<[f32; 4]>>> {
    let n = xs.first().map_or(0, |x| x.values.nrows());
    let limits = Beside { shape: [1, 4], values: limits.iter().map(|l| l.to_vec()).collect() };
    let found = made_of(gpu, xs, Some(&limits), &|g, x, limits| {
        banded(g, x, n, |g, squared, _| {
            let Some(limits) = limits else { return fail("there are no radii") };
            let limits = g.reshape(limits, &[4, 1])?;
            let mut count = |which: usize| -> Result<Tensor> {
                let limit = g.rows(limits, which, 1)?;
                let within = g.binary(Binary::AtLeast, limit, squared)?;
                g.sum(within, 1)
            };
            (0..4).map(&mut count).collect()
        })
    })?;
    let rows = |bands: &[Vec<f32>]| -> Vec<[f32; 4]> {
        (0..bands[0].len()).map(|row| std::array::from_fn(|which| bands[which][row])).collect()
    };
    Ok(found.iter().map(|bands| bands.chunks(4).flat_map(rows).collect()).collect())
}

/// Median distance of two examples, the mean of the two in the middle if there is an even number of pairs.
#[derive(Debug)]
pub(super) struct Median;

impl Source for Median {
    type Of = f64;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<f64> {
        check(x, "the representation", 2)?;
        Ok(median(&pair_distances(&Rows::of(x), x.nrows())))
    }

    /// By halving an interval and counting.
    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<f64>>> {
        let n = batch.examples();
        if n * n > bisection::MOST {
            return Ok(batch.none());
        }
        let xs = Standard::of_all(&batch.set);
        let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
            let squared = g.distances(x, x, Inner::SquaredDifference)?;
            // In order there are the examples with themselves, then each pair twice.
            let pairs = n * (n - 1) / 2;
            let mut middle = |rank: usize| {
                let wanted = g.number((n + 2 * rank + 1) as f32);
                bisection::smallest_with(g, squared, wanted)
            };
            Ok(vec![middle((pairs - 1) / 2)?, middle(pairs / 2)?])
        })?;
        let root = |v: &[f32]| f64::from(v[0]).sqrt();
        Ok(found.iter().zip(&xs).map(|(m, x)| Some(0.5 * (root(&m[0]) + root(&m[1])) / x.scale)).collect())
    }
}

/// Mean over pairs of examples of `exp(-t |x_i - x_j|²)`, examples at unit length.
#[derive(Debug)]
pub(super) struct Exponentials {
    pub t: f64,
}

/// Sharpness above which the rounding of distances in single precision would show.
const SHARPEST: f64 = 50.0;

impl Source for Exponentials {
    type Of = f64;

    fn host(&self, x: MatRef<'_, f64>, _: &[usize]) -> Result<f64> {
        check(x, "the representation", 2)?;
        let unit = directions(x)?;
        let (rows, n) = (Rows::of(unit.as_ref()), x.nrows());
        let of = |i: usize| (i + 1..n).map(|j| (-self.t * rows.squared_distance(i, j)).exp()).sum::<f64>();
        Ok((0..n).map(of).sum::<f64>() / (n as f64 * (n as f64 - 1.0) / 2.0))
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<f64>>> {
        if self.t > SHARPEST {
            return Ok(batch.none());
        }
        let n = batch.examples();
        let unit = |values| Standard { values, scale: 1.0, reach: 1.0 };
        let units: Vec<Option<Mat<f64>>> = batch.set.iter().map(|x| directions(x.values.as_ref()).ok()).collect();
        let xs: Vec<Standard> = units.iter().flatten().cloned().map(unit).collect();
        let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
            banded(g, x, n, |g, squared, start| {
                let [count, _] = g.matrix(squared)?;
                let rate = g.number(-self.t as f32);
                let exponent = g.times(squared, rate)?;
                let value = g.unary(Unary::Exp, exponent);
                let (row, column) = (g.row_index(&[count, n]), g.column_index(&[count, n]));
                // Beside the text, so that all bands share a kernel.
                let start = g.number(start as f32);
                let row = g.plus(row, start)?;
                let (same, zero) = (g.binary(Binary::Equal, row, column)?, g.constant(0.0));
                let others = g.select(same, zero, value)?;
                Ok(vec![g.sum(others, 1)?])
            })
        })?;
        let pairs = n as f64 * (n as f64 - 1.0);
        let mut found = found.into_iter().map(|bands| bands.concat().into_iter().map(f64::from).sum::<f64>() / pairs);
        Ok(units.iter().map(|unit| unit.as_ref().and_then(|_| found.next())).collect())
    }
}

/// The examples at unit length.
fn directions(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let norms: Vec<f64> = x.row_iter().map(|row| row.norm_l2()).collect();
    if let Some(i) = norms.iter().position(|norm| *norm == 0.0) {
        return fail(format!("row {i} is zero and has no direction: uniformity is not determined; leave it out"));
    }
    Ok(Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] / norms[i]))
}
