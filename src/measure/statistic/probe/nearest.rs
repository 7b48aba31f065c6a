//! Held-out decoding by what is nearest, on a device: class means, of which rounding is undone where it could decide; and
//! neighbours, of which candidates are found among the examples of other folds and put in order in f64.

use faer::Mat;

use super::Fold;
use super::decoder::{Decoder, complete, reach, vote};
use super::folds::tested;
use crate::error::Result;
use crate::kernels::matmul::Inner;
use crate::kernels::program::Binary;
use crate::measure::device::batches::padded;
use crate::measure::embedding::bands;
use crate::measure::statistic::input::{Classes, Rows, take_rows};
use crate::measure::statistic::neighbours::fits;
use crate::measure::statistic::source::Batch;
use crate::measure::statistic::standard::{Standard, made_of};

/// Candidates beyond the neighbours wanted, so that rounding at the edge can be seen.
const SPARE: usize = 3;

/// Farther than any example.
const FAR: f32 = 1e30;

/// Squared distances to the means of the classes, turned.
pub(super) fn centroids(batch: &Batch<'_>, classes: &Classes, folds: &[Fold]) -> Result<Vec<Option<Mat<f64>>>> {
    complete(classes, folds)?;
    let (n, c, of) = (batch.examples(), classes.number(), &classes.of);
    let xs: Vec<Standard> = batch.set.iter().map(|x| Standard::centred(x.values.as_ref())).collect();
    let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
        let mut total = g.data(vec![0.0; n * c], &[n, c])?;
        for fold in folds {
            let (mut weights, mut tested) = (Mat::zeros(n, c), vec![0.0; n]);
            let size = |class: usize| fold.train.iter().filter(|i| of[**i] == class).count() as f64;
            let shares: Vec<f64> = (0..c).map(|class| 1.0 / size(class)).collect();
            fold.train.iter().for_each(|&i| weights[(i, of[i])] = shares[of[i]]);
            fold.test.iter().for_each(|&i| tested[i] = 1.0);
            let (weights, tested) = (g.data(padded(&weights, c), &[n, c])?, g.data(tested, &[n, 1])?);
            let means = g.matmul_of(weights, true, x, false)?;
            let squared = g.distances(x, means, Inner::SquaredDifference)?;
            let own = g.times(squared, tested)?;
            total = g.plus(total, own)?;
        }
        Ok(vec![total])
    })?;
    let mut all = Vec::new();
    for ((x, named), found) in xs.iter().zip(&batch.set).zip(found) {
        let mut scores = Mat::from_fn(n, c, |i, k| -f64::from(found[0][i * c + k]));
        for fold in folds {
            let unsure = |i: &usize| {
                let mut squared: Vec<f64> = scores.row(*i).iter().map(|s| -s).collect();
                squared.sort_unstable_by(f64::total_cmp);
                // The means are off by a rounding of their sums as well.
                squared[1] <= squared[0] * (1.0 + 4.0 * x.slack(squared[0].sqrt()))
            };
            let again: Vec<usize> = fold.test.iter().copied().filter(unsure).collect();
            if again.is_empty() {
                continue;
            }
            let (values, own) = (named.values.as_ref(), fold.train.iter().map(|&i| of[i]).collect::<Vec<_>>());
            let (train, test) = (take_rows(values, &fold.train), take_rows(values, &again));
            let exact = Decoder::Centroid.scores(train.as_ref(), &own, c, test.as_ref())?;
            again.iter().enumerate().for_each(|(row, &i)| scores.row_mut(i).copy_from(exact.row(row)));
        }
        all.push(Some(scores));
    }
    Ok(all)
}

/// Numbers of the `k` nearest examples that are of each class, if there are so many in each training part.
pub(super) fn votes(batch: &Batch<'_>, classes: &Classes, k: usize, folds: &[Fold]) -> Result<Vec<Option<Mat<f64>>>> {
    let n = batch.examples();
    let least = folds.iter().map(|f| f.train.len()).min().unwrap_or(0);
    let wanted = (k + SPARE).min(least);
    if k == 0 || k > least || !fits(batch.gpu, n, wanted) {
        return Ok(batch.none());
    }
    let fold_of = tested(folds, n);
    let xs = Standard::of_all(&batch.set);
    let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
        let fold = g.data(fold_of.iter().map(|&f| f as f32).collect(), &[n, 1])?;
        let mut all = Vec::new();
        for (start, count) in bands(n) {
            g.fence();
            let band = g.rows(x, start, count)?;
            let squared = g.distances(x, band, Inner::SquaredDifference)?;
            let own = g.rows(fold, start, count)?;
            let own = g.reshape(own, &[1, count])?;
            let (same, far) = (g.binary(Binary::Equal, fold, own)?, g.constant(FAR));
            let squared = g.select(same, far, squared)?;
            all.push(g.nearest(squared, wanted, start)?);
        }
        Ok(all)
    })?;
    let of = |((x, named), made): ((&Standard, &&_), Vec<Vec<f32>>)| {
        let named: &crate::measure::compare::Named = named;
        let rows = Rows::of(named.values.as_ref());
        let mut scores = Mat::zeros(n, classes.number());
        for (band, (start, count)) in made.iter().zip(bands(n)) {
            for i in 0..count {
                let candidates = (0..wanted).map(|r| band[r * count + i].to_bits() as usize);
                let near = nearest(&rows, x, &fold_of, k, start + i, candidates);
                let near = near.into_iter().map(|(d, j)| (d, classes.of[j])).collect();
                vote(near, k, x.values.ncols(), scores.row_mut(start + i));
            }
        }
        Some(scores)
    };
    Ok(xs.iter().zip(&batch.set).zip(found).map(of).collect())
}

/// Squared distances and numbers of examples of other folds with the `k` nearest to one, and all that are equally near, among them:
/// the candidates if no other can be.
fn nearest(
    rows: &Rows,
    x: &Standard,
    fold_of: &[usize],
    k: usize,
    i: usize,
    candidates: impl Iterator<Item = usize>,
) -> Vec<(f64, usize)> {
    let other = |j: &usize| fold_of[*j] != fold_of[i];
    let sorted = |all: &mut dyn Iterator<Item = usize>| {
        let mut order: Vec<(f64, usize)> = all.filter(other).map(|j| (rows.squared_distance(i, j), j)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        order
    };
    let mut order = sorted(&mut candidates.into_iter());
    // No example that was left out is nearer than the farthest candidate, up to rounding.
    let (edge, last) = (order.get(k - 1).map_or(0.0, |o| o.0), order.last().map_or(0.0, |o| o.0));
    let slack = 2.0 * x.slack(last.sqrt() * x.scale);
    if order.len() < k || reach(edge, x.values.ncols()) >= last * (1.0 - slack) {
        order = sorted(&mut (0..fold_of.len()));
    }
    order
}
