//! Means of classes and the scatter about them. On a device both are products with one-hot labels; what is read back is a
//! mean for each class and a number for each example.

use faer::{Mat, MatRef};

use super::input::{
    Classes, Rows, centred, centred_varying, check, column_means, fail, less, not_converged, squared_distance,
};
use super::source::{Batch, Source};
use super::standard::{Beside, Standard, made_of, room};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;
use crate::measure::compare::Named;
use crate::measure::device::batches::padded;

/// Singular values of the class means below this part of the largest are too uncertain in f32 to divide by.
const TRUSTED: f64 = 1e-3;

/// Means and scatter of the classes.
#[derive(Debug)]
pub(super) struct ByClass;

/// Classes of a representation.
pub(super) struct Moments {
    pub classes: Classes,
    /// Their means, a row for each.
    pub means: Mat<f64>,
    /// Mean of all examples.
    pub centre: Vec<f64>,
    /// Squared distance of each example to the mean of its class.
    pub squares: Vec<f64>,
    /// Distances of means below this are rounding.
    pub floor: f64,
    /// Least value of each unit.
    pub least: Vec<f64>,
}

impl Moments {
    fn of(x: MatRef<'_, f64>, classes: Classes, means: Mat<f64>, squares: Vec<f64>, floor: f64) -> Self {
        let least = x.col_iter().map(|c| c.iter().copied().fold(f64::INFINITY, f64::min)).collect();
        Self { centre: column_means(x), classes, means, squares, floor, least }
    }

    /// Whether a distance of means is far above the rounding of them.
    pub fn is_sure(&self, distance: f64) -> bool {
        distance > 1e4 * self.floor
    }
}

impl Source for ByClass {
    type Of = Moments;

    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<Moments> {
        check(x, "the representation", 1)?;
        let classes = Classes::of(labels, x.nrows(), 2)?;
        let means = classes.means(x);
        let (rows, of) = (Rows::of(x), Rows::of(means.as_ref()));
        let square = |(i, c): (usize, &usize)| squared_distance(rows.row(i), of.row(*c));
        let squares = classes.of.iter().enumerate().map(square).collect();
        Ok(Moments::of(x, classes, means, squares, 0.0))
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Moments>>> {
        let classes = batch.classes()?;
        let xs: Vec<Standard> = batch.set.iter().map(|x| Standard::centred(x.values.as_ref())).collect();
        let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
            let (means, within) = about_means(g, x, &classes)?;
            let squares = g.unary(Unary::Square, within);
            Ok(vec![means, g.sum(squares, 1)?])
        })?;
        let wide = room(&xs);
        let of = |((x, own), found): ((&&Named, &Standard), Vec<Vec<f32>>)| {
            let (x, centre) = (x.values.as_ref(), column_means(x.values.as_ref()));
            let mean = |c: usize, j: usize| f64::from(found[0][c * wide + j]) / own.scale + centre[j];
            let means = Mat::from_fn(classes.number(), x.ncols(), mean);
            let squares = found[1].iter().map(|&v| f64::from(v) / (own.scale * own.scale)).collect();
            Some(Moments::of(x, classes.clone(), means, squares, 1e-6 / own.scale))
        };
        Ok(batch.set.iter().zip(&xs).zip(found).map(of).collect())
    }
}

/// Means of the classes, `[classes, room]`, and the examples less them.
fn about_means(g: &mut Graph, x: Tensor, classes: &Classes) -> Result<(Tensor, Tensor)> {
    let (n, c) = (classes.of.len(), classes.number());
    let one_hot = g.data(padded(&classes.one_hot(), c), &[n, c])?;
    let shares = g.data(classes.counts.iter().map(|&k| 1.0 / k as f32).collect(), &[c, 1])?;
    let sums = g.matmul_of(one_hot, true, x, false)?;
    let means = g.times(sums, shares)?;
    let own = g.matmul(one_hot, means)?;
    Ok((means, g.minus(x, own)?))
}

/// Scatter of the examples about the means of their classes along the directions in which these differ, each over the spread
/// of the means: `tr(Σ_W Σ_B⁺)` over the number of classes.
#[derive(Debug)]
pub(super) struct Along;

impl Source for Along {
    type Of = f64;

    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
        check(x, "the representation", 2)?;
        let classes = Classes::of(labels, x.nrows(), 2)?;
        // Centred first: an offset of the units would leave its rounding in the means, in directions that have none.
        let x = less(x, &column_means(x));
        let means = classes.means(x.as_ref());
        let within = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - means[(classes.of[i], j)]);
        let floor = x.nrows().max(x.ncols()) as f64 * f64::EPSILON;
        let along = within * axes(&less(means.as_ref(), &column_means(x.as_ref())), floor)?;
        Ok(along.squared_norm_l2() / x.nrows() as f64)
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<f64>>> {
        let (classes, moments) = (batch.classes()?, batch.get(&ByClass)?);
        let xs: Vec<Standard> = batch.set.iter().map(|x| Standard::centred(x.values.as_ref())).collect();
        let (n, c, wide) = (batch.examples(), classes.number(), room(&xs));
        let axes = |(own, x): (&Option<Moments>, &Standard)| {
            let Moments { means, centre, .. } = own.as_ref()?;
            let scaled = less(means.as_ref(), centre) * faer::Scale(x.scale);
            // All directions that there can be, or none.
            axes(&scaled, TRUSTED).ok().filter(|axes| axes.ncols() == (c - 1).min(scaled.ncols()))
        };
        let axes: Vec<Option<Mat<f64>>> = moments.iter().zip(&xs).map(axes).collect();
        let filled = |own: &Option<Mat<f64>>| {
            let mut values = own.as_ref().map_or_else(Vec::new, |axes| padded(axes, c));
            values.resize(wide * c, 0.0);
            values
        };
        let beside = Beside { shape: [wide, c], values: axes.iter().map(filled).collect() };
        let found = made_of(batch.gpu, &xs, Some(&beside), &|g, x, axes| {
            let Some(axes) = axes else { return fail("there are no axes") };
            let (_, within) = about_means(g, x, &classes)?;
            let along = g.matmul(within, axes)?;
            let along = g.unary(Unary::Square, along);
            Ok(vec![g.sum_all(along)?])
        })?;
        let of = |(axes, found): (&Option<Mat<f64>>, Vec<Vec<f32>>)| {
            axes.as_ref().map(|_| f64::from(found[0][0]) / n as f64)
        };
        Ok(axes.iter().zip(found).map(of).collect())
    }
}

/// Directions of the centred class means, each over its singular value, units × directions; those of singular values below a
/// part of the largest are left out.
fn axes(means: &Mat<f64>, floor: f64) -> Result<Mat<f64>> {
    let Ok(svd) = means.thin_svd() else {
        return not_converged();
    };
    let s = svd.S().column_vector();
    let top = s.iter().next().copied().unwrap_or(0.0);
    if top == 0.0 {
        return fail("the means of all classes coincide: NC1 is not determined");
    }
    // Means of C classes about their centre span C - 1 directions at most. No covariance is formed.
    let most = means.nrows().saturating_sub(1).max(1);
    let kept = s.iter().take(most).filter(|s| **s > floor * top).count();
    Ok(Mat::from_fn(means.ncols(), kept, |i, k| svd.V()[(i, k)] / s[k]))
}

/// `|X'Y|² / (|X'X| |Y'Y|)`, `Y` the one-hot labels, both centred or neither.
#[derive(Debug)]
pub(super) struct Alignment {
    pub centred: bool,
}

impl Alignment {
    fn targets(&self, classes: &Classes) -> Mat<f64> {
        if self.centred { centred(classes.one_hot().as_ref()) } else { classes.one_hot() }
    }
}

impl Source for Alignment {
    type Of = f64;

    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
        let least = if self.centred { 2 } else { 1 };
        check(x, "the representation", least)?;
        let targets = self.targets(&Classes::of(labels, x.nrows(), least)?);
        let mut x = if self.centred { centred_varying(x, "the representation")? } else { x.to_owned() };
        let largest = x.norm_max();
        if largest == 0.0 {
            return fail("the representation is zero everywhere: its alignment is not determined");
        }
        x.col_iter_mut().for_each(|c| c.iter_mut().for_each(|v| *v /= largest));
        // The smaller of the two products has the same norm.
        let own = if x.nrows() < x.ncols() { &x * x.transpose() } else { x.transpose() * &x };
        let shared = x.transpose() * &targets;
        let labels = targets.transpose() * &targets;
        Ok(shared.squared_norm_l2() / own.norm_l2() / labels.norm_l2())
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<f64>>> {
        let standard = |x: &&Named| match self.centred {
            true => Standard::centred(x.values.as_ref()),
            false => Standard::scaled(x.values.clone()),
        };
        let xs: Vec<Standard> = batch.set.iter().map(standard).collect();
        let (n, wide) = (batch.examples(), room(&xs));
        let targets = Standard::scaled(self.targets(&batch.classes()?));
        let norm = (targets.values.transpose() * &targets.values).norm_l2();
        let found = made_of(batch.gpu, &xs, None, &|g, x, _| {
            let y = g.data(targets.padded(targets.values.ncols()), &[n, targets.values.ncols()])?;
            let shared = g.matmul_of(x, true, y, false)?;
            let own = if n < wide { g.matmul_of(x, false, x, true)? } else { g.matmul_of(x, true, x, false)? };
            let mut norm = |value: Tensor| {
                let squares = g.unary(Unary::Square, value);
                g.sum_all(squares)
            };
            Ok(vec![norm(shared)?, norm(own)?])
        })?;
        let of = |found: Vec<Vec<f32>>| {
            let [shared, own] = [0, 1].map(|i: usize| f64::from(found[i][0]));
            (own > 0.0).then(|| shared / own.sqrt() / norm)
        };
        Ok(found.into_iter().map(of).collect())
    }
}
