//! The variance explained by features as nodes of a graph: for all replicas of a sweep at once, while they train.
//!
//! With `m` the means of a class on the fit set, `s` the sums and `n` the number of its examples on the test set, everything
//! less the unit's mean on the test set, `SST - SSE = Σ_class m (2 s - n m)`: two products of labels with representations do
//! all features, and no small difference of large sums is taken. Everything is measured from the first test example before
//! it is centred, so that units without variance become exactly zero. Sums over examples without a feature are what sums over
//! examples with it leave of the whole.

use super::{Extents, one_name_each};
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::features::variance::THRESHOLDS;

/// Representations `[N, units]` and labels of the examples fitted on and of those scored, as nodes. Labels are floats; each may
/// be shared data or differ between replicas.
#[derive(Clone, Copy, Debug)]
pub struct Inputs {
    /// Representation of the fit set, `[N, units]`.
    pub fit: Tensor,
    /// Its labels, `[N, columns]`.
    pub fit_labels: Tensor,
    /// Representation of the test set, `[M, units]`.
    pub test: Tensor,
    /// Its labels, `[M, columns]`.
    pub test_labels: Tensor,
}

/// What features explain, as nodes; the definitions are those of [`variance`](super::super::variance).
#[derive(Clone, Debug)]
pub struct ExplainedNodes {
    /// R² of each feature and unit, `[features, units]`; 0 for units that do not vary on the test set.
    pub r2: Tensor,
    /// 1 for units that vary on the test set, else 0: `[1, units]`.
    pub varies: Tensor,
    /// Mean R² over the units that vary, `[features, 1]`; not a number if none does.
    pub uniform: Tensor,
    /// Share of the total variance, `[features, 1]`; not a number if no unit varies.
    pub variance: Tensor,
    /// Total variance of the test set (divisor: examples), `[1, 1]`.
    pub total: Tensor,
}

impl ExplainedNodes {
    /// R² of one feature for each unit, `[1, units]`.
    ///
    /// # Errors
    /// If there is no such feature.
    pub fn per_unit(&self, g: &mut Graph, feature: usize) -> Result<Tensor> {
        g.rows(self.r2, feature, 1)
    }

    /// Part of all units of which each feature explains more than `threshold`, `[features, 1]`.
    ///
    /// # Errors
    /// None that the nodes do not have already.
    pub fn density(&self, g: &mut Graph, threshold: f32) -> Result<Tensor> {
        let least = g.number(threshold);
        let above = g.binary(Binary::Greater, self.r2, least)?;
        g.mean(above, 1)
    }

    /// The values of named features under the names of metrics, each `[1, 1]`: `explained_NAME` (share of the total variance),
    /// `explained_uniform_NAME`, `density_NAME_T` for each of [`THRESHOLDS`], and `total_variance`.
    ///
    /// # Errors
    /// If the number of names is not that of the features.
    pub fn named(&self, g: &mut Graph, names: &[&str]) -> Result<Vec<(String, Tensor)>> {
        let [features, _] = g.matrix(self.r2)?;
        one_name_each(names, features)?;
        let mut all = Vec::new();
        let mut add = |g: &mut Graph, value: Tensor, name: &dyn Fn(&str) -> String| -> Result<()> {
            for (f, feature) in names.iter().enumerate() {
                all.push((name(feature), g.rows(value, f, 1)?));
            }
            Ok(())
        };
        add(g, self.variance, &|f| format!("explained_{f}"))?;
        add(g, self.uniform, &|f| format!("explained_uniform_{f}"))?;
        for threshold in THRESHOLDS {
            let density = self.density(g, threshold as f32)?;
            add(g, density, &|f| format!("density_{f}_{threshold}"))?;
        }
        all.push(("total_variance".to_owned(), self.total));
        Ok(all)
    }
}

/// Variance explained by each of several features of two values: each column of the labels is one, of zeros and ones. A feature
/// that has one value on the fit set gives no number. Within 1e-5 of [`explained_by_class`](super::super::variance::explained_by_class), features
/// of a single example and offsets of a thousand times the spread included.
///
/// # Errors
/// If the sets differ in their units or features, or representations and labels in their examples.
pub fn explained(g: &mut Graph, of: Inputs) -> Result<ExplainedNodes> {
    let centred = Centred::of(g, of)?;
    let there = centred.sums(g, of)?;
    let gains = centred.both_gains(g, there)?;
    centred.shares(g, gains)
}

/// Variance explained by one feature of several values, whose one-hot columns are the labels; the nodes are of one feature. A
/// value that the fit set lacks gives no number.
///
/// # Errors
/// Those of [`explained`].
pub fn explained_by_classes(g: &mut Graph, of: Inputs) -> Result<ExplainedNodes> {
    let centred = Centred::of(g, of)?;
    let Sums { sums: [fit, test], counts: [fit_count, test_count], .. } = centred.sums(g, of)?;
    let means = g.over(fit, fit_count)?;
    let twice = g.scale(test, 2.0);
    let whole = g.times(test_count, means)?;
    let rest = g.minus(twice, whole)?;
    let gains = g.times(means, rest)?;
    let gains = g.sum(gains, 1)?;
    centred.shares(g, gains)
}

/// Both sets less the means of the test set.
pub(super) struct Centred {
    pub fit: Tensor,
    pub test: Tensor,
    /// Means of both sets from the first test example on, `[1, units]`; that of the test set has been taken off both.
    means: [Tensor; 2],
    fit_examples: usize,
    test_examples: usize,
}

/// Sums over the examples of classes, `[1, columns, units]`, and the numbers of these and of all other examples,
/// `[1, columns, 1]`; each of the fit set and of the test set. The first axis keeps the products from being fused with what is
/// made of both, so that they share a dispatch.
#[derive(Clone, Copy)]
struct Sums {
    sums: [Tensor; 2],
    counts: [Tensor; 2],
    others: [Tensor; 2],
}

impl Centred {
    pub fn of(g: &mut Graph, of: Inputs) -> Result<Self> {
        let Extents { fit: n, test: m, .. } = Extents::of(g, of)?;
        let first = g.rows(of.test, 0, 1)?;
        let (fit, test) = (g.minus(of.fit, first)?, g.minus(of.test, first)?);
        // Numbers beside the kernel's text, so that both means are of one kernel.
        let mean = |g: &mut Graph, x: Tensor, examples: usize| -> Result<Tensor> {
            let (sum, share) = (g.sum(x, 0)?, g.number(1.0 / examples as f64));
            g.times(sum, share)
        };
        let (fit_mean, test_mean) = (mean(g, fit, n)?, mean(g, test, m)?);
        Ok(Self {
            fit: g.minus(fit, test_mean)?,
            test: g.minus(test, test_mean)?,
            means: [fit_mean, test_mean],
            fit_examples: n,
            test_examples: m,
        })
    }

    fn sums(&self, g: &mut Graph, of: Inputs) -> Result<Sums> {
        let [_, columns] = g.matrix(of.fit_labels)?;
        let [_, units] = g.matrix(self.fit)?;
        let sums = |g: &mut Graph, labels: Tensor, x: Tensor, examples: usize| -> Result<[Tensor; 3]> {
            let sums = g.matmul_of(labels, true, x, false)?;
            let (counts, all) = (g.sum(labels, 0)?, g.number(examples as f32));
            let others = g.minus(all, counts)?;
            let sums = g.reshape(sums, &[1, columns, units])?;
            Ok([sums, g.reshape(counts, &[1, columns, 1])?, g.reshape(others, &[1, columns, 1])?])
        };
        let fit = sums(g, of.fit_labels, self.fit, self.fit_examples)?;
        let test = sums(g, of.test_labels, self.test, self.test_examples)?;
        Ok(Sums { sums: [fit[0], test[0]], counts: [fit[1], test[1]], others: [fit[2], test[2]] })
    }

    /// What features of two values take from the squared errors, `[1, columns, units]`: the classes with and without a feature
    /// together, in one chain of operations. On the test set the sums of the two are each other's opposites.
    fn both_gains(&self, g: &mut Graph, of: Sums) -> Result<Tensor> {
        let [sums, test_sums] = of.sums;
        let (all, share) = (g.number(self.fit_examples as f32), g.number(1.0 / self.fit_examples as f64));
        // What the whole leaves, in an order that has the shape of all features from the first operation on.
        let part = g.times(sums, share)?;
        let rest = g.minus(self.means[0], part)?;
        let rest = g.minus(rest, self.means[1])?;
        let rest = g.times(rest, all)?;
        let absent = g.over(rest, of.others[0])?;
        let there = g.over(sums, of.counts[0])?;
        let distance = g.minus(there, absent)?;
        let shared = g.times(test_sums, distance)?;
        let twice = g.scale(shared, 2.0);
        let square = |g: &mut Graph, mean: Tensor, count: Tensor| -> Result<Tensor> {
            let square = g.unary(Unary::Square, mean);
            g.times(square, count)
        };
        let (there, absent) = (square(g, there, of.counts[1])?, square(g, absent, of.others[1])?);
        let gains = g.minus(twice, there)?;
        g.minus(gains, absent)
    }

    /// Shares of the variance of each unit and of all, from what is taken from the squared errors, `[1, features, units]`.
    pub fn shares(&self, g: &mut Graph, gains: Tensor) -> Result<ExplainedNodes> {
        let [_, features, units] = *g.shape(gains).extents() else {
            return Err(Error::Shape(format!("{} is not [1, features, units]", g.describe(gains))));
        };
        let (zero, one) = (g.constant(0.0), g.constant(1.0));
        let squares = g.unary(Unary::Square, self.test);
        let spreads = g.sum(squares, 0)?;
        let varies = g.binary(Binary::Greater, spreads, zero)?;
        let divisor = g.select(varies, spreads, one)?;
        let gains = g.times(gains, varies)?;
        let r2 = g.over(gains, divisor)?;
        // As matrices they are stored, and their sums share a dispatch.
        let (r2, gains) = (g.reshape(r2, &[features, units])?, g.reshape(gains, &[features, units])?);
        let (sum, count) = (g.sum(r2, 1)?, g.sum(varies, 1)?);
        let uniform = g.over(sum, count)?;
        let (sum, all) = (g.sum(gains, 1)?, g.sum(spreads, 1)?);
        let variance = g.over(sum, all)?;
        let total = g.scale(all, 1.0 / self.test_examples as f64);
        Ok(ExplainedNodes { r2, varies, uniform, variance, total })
    }
}
