//! Principal components and features: which feature each component goes with, and what the trained output layer still
//! answers from the first few.

use faer::{Mat, MatRef};

use super::head::Head;
use crate::error::Result;
use crate::measure::statistic::input::{Classes, centred_varying, check, column_means, dot, fail, less};

/// Principal components of a representation, by descending variance, less those of rank zero.
#[derive(Clone, Debug)]
pub struct Components {
    /// Means of the units on the examples fitted on.
    pub mean: Vec<f64>,
    /// Orthonormal directions, units × components. Signs are arbitrary.
    pub directions: Mat<f64>,
    /// Variance along each (divisor: examples - 1).
    pub variance: Vec<f64>,
    /// Share of the total variance of each.
    pub share: Vec<f64>,
}

impl Components {
    /// Components of `x` (examples × units).
    ///
    /// # Errors
    /// Fewer than two examples, values that are not finite, or the same row for every example.
    pub fn of(x: MatRef<'_, f64>) -> Result<Self> {
        check(x, "the representation", 2)?;
        let centred = centred_varying(x, "the representation")?;
        let Ok(svd) = centred.thin_svd() else {
            return fail("the singular value decomposition did not converge; scale the representation first");
        };
        let all: Vec<f64> = svd.S().column_vector().iter().copied().collect();
        let floor = x.nrows().max(x.ncols()) as f64 * f64::EPSILON * all.first().copied().unwrap_or(0.0);
        let rank = all.iter().filter(|s| **s > floor).count();
        let total: f64 = all.iter().map(|s| s * s).sum();
        Ok(Self {
            mean: column_means(x),
            directions: svd.V().subcols(0, rank).to_owned(),
            variance: all[..rank].iter().map(|s| s * s / (x.nrows() as f64 - 1.0)).collect(),
            share: all[..rank].iter().map(|s| s * s / total).collect(),
        })
    }

    /// Scores of each component (examples × components) for `x` (examples × units).
    ///
    /// # Errors
    /// Another number of units, or values that are not finite.
    pub fn scores(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check(x, "the representation", 1)?;
        if x.ncols() != self.mean.len() {
            return fail(format!("components were fitted on {} units, but {} are given", self.mean.len(), x.ncols()));
        }
        Ok(less(x, &self.mean) * &self.directions)
    }

    /// Share of the variance of each component's scores on `x` that lies between the classes of a feature: for two classes the
    /// squared correlation of scores and feature, for more the correlation ratio η². NaN for scores that do not vary.
    ///
    /// # Errors
    /// Those of [`Components::scores`]; another number of labels, or fewer than two classes.
    pub fn squared_correlations(&self, x: MatRef<'_, f64>, feature: &[usize]) -> Result<Vec<f64>> {
        let scores = self.scores(x)?;
        let classes = Classes::of(feature, x.nrows(), 2)?;
        let centred = less(scores.as_ref(), &column_means(scores.as_ref()));
        let means = classes.means(centred.as_ref());
        let of = |k: usize| {
            let between: f64 = (0..classes.number()).map(|c| classes.counts[c] as f64 * means[(c, k)].powi(2)).sum();
            between / dot(centred.col_as_slice(k), centred.col_as_slice(k))
        };
        Ok((0..scores.ncols()).map(of).collect())
    }

    /// Accuracy of the output layer on `x` put together from its mean and its first `k` components, for each `k` from 0 to all:
    /// `[k][feature]`. `features`: labels of each feature that the layer answers for, in its order.
    ///
    /// # Errors
    /// Those of [`Components::scores`]; an output layer of other units; other numbers of features or labels.
    pub fn accuracy(&self, x: MatRef<'_, f64>, head: &Head, features: &[&[usize]]) -> Result<Vec<Vec<f64>>> {
        let scores = self.scores(x)?;
        if features.len() != head.answers() {
            return fail(format!(
                "the output layer answers for {} features, but labels of {} are given",
                head.answers(),
                features.len()
            ));
        }
        if let Some(labels) = features.iter().find(|labels| labels.len() != x.nrows()) {
            return fail(format!("there are {} labels for {} examples; give one for each", labels.len(), x.nrows()));
        }
        let mean = Mat::from_fn(1, self.mean.len(), |_, u| self.mean[u]);
        let start = head.logits(mean.as_ref())?;
        let along = head.along(self.directions.as_ref());
        let mut logits = Mat::from_fn(x.nrows(), along.nrows(), |_, o| start[(0, o)]);
        let accuracy = |logits: &Mat<f64>| -> Vec<f64> {
            let right = |f: usize, i: usize| head.answer(f, |o| logits[(i, o)]) == features[f][i];
            let part = |f: usize| (0..x.nrows()).filter(|i| right(f, *i)).count() as f64 / x.nrows() as f64;
            (0..features.len()).map(part).collect()
        };
        let mut all = vec![accuracy(&logits)];
        for k in 0..scores.ncols() {
            logits += scores.col(k) * along.col(k).transpose();
            all.push(accuracy(&logits));
        }
        Ok(all)
    }
}
