//! Comparison of representations that do not fit in memory: what linear measures need of them is sums over examples,
//! which are taken a batch of rows at a time.
//!
//! Two passes: the means of the units, then the cross-products of the centred units and what the debiased estimators need
//! beside them. Memory is that of one batch and of a `p x q` matrix for each pair, whatever the number of examples.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};

use super::Estimator;
use super::compare::in_parallel;
use super::pairwise::algebra::symmetric_eigen;
use super::subspace::prepare::singular_values;
use super::subspace::shape::Procrustes;
use crate::error::{Error, Result};

/// A representation that can be read by rows.
pub trait Source {
    /// Its name.
    fn name(&self) -> &str;
    /// Examples.
    fn examples(&self) -> usize;
    /// Units.
    fn units(&self) -> usize;
    /// Rows `start..end`, row-major.
    ///
    /// # Errors
    /// If they cannot be read.
    fn read(&mut self, start: usize, end: usize) -> Result<Vec<f64>>;
}

/// Sums over the examples of a set of representations.
#[derive(Debug)]
pub struct Sums {
    examples: usize,
    count: usize,
    /// `X_a' X_b` for `a <= b`, by [`place`].
    cross: Vec<Mat<f64>>,
    /// `sum_i |x_i|^2 |y_i|^2`, likewise.
    norms: Vec<f64>,
    /// `sum_i |x_i|^2` of each.
    totals: Vec<f64>,
}

/// Where a pair stands among the pairs with `a <= b`.
fn place(count: usize, a: usize, b: usize) -> usize {
    a * count - a * (a + 1) / 2 + b
}

impl Sums {
    /// Reads all sources twice, `batch` rows at a time.
    ///
    /// # Errors
    /// If the sources have not the same number of examples, at least four, or cannot be read.
    pub fn of(sources: &mut [Box<dyn Source>], batch: usize) -> Result<Self> {
        let Some(first) = sources.first() else {
            return Err(Error::Measure("at least one representation is expected, and none came".into()));
        };
        let (n, count) = (first.examples(), sources.len());
        if let Some(other) = sources.iter().find(|s| s.examples() != n) {
            return Err(Error::Measure(format!(
                "`{}` has {n} examples and `{}` has {}: representations of the same examples, in the same order, are \
                 compared",
                sources[0].name(),
                other.name(),
                other.examples()
            )));
        }
        if n < 4 || batch == 0 {
            return Err(Error::Measure(format!("at least 4 examples are needed, and {n} came in batches of {batch}")));
        }
        let mut means: Vec<Vec<f64>> = sources.iter().map(|s| vec![0.0; s.units()]).collect();
        for start in (0..n).step_by(batch) {
            for (source, mean) in sources.iter_mut().zip(&mut means) {
                let units = source.units();
                for row in source.read(start, n.min(start + batch))?.chunks(units) {
                    mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n as f64);
                }
            }
        }
        let pairs: Vec<(usize, usize)> = (0..count).flat_map(|a| (a..count).map(move |b| (a, b))).collect();
        let mut cross: Vec<Mat<f64>> =
            pairs.iter().map(|&(a, b)| Mat::zeros(sources[a].units(), sources[b].units())).collect();
        let (mut norms, mut totals) = (vec![0.0; pairs.len()], vec![0.0; count]);
        for start in (0..n).step_by(batch) {
            let mut parts = Vec::with_capacity(count);
            for (source, mean) in sources.iter_mut().zip(&means) {
                let (units, end) = (source.units(), n.min(start + batch));
                let values = source.read(start, end)?;
                parts.push(Mat::from_fn(end - start, units, |i, j| values[i * units + j] - mean[j]));
            }
            let squares: Vec<Vec<f64>> =
                parts.iter().map(|x| (0..x.nrows()).map(|i| x.row(i).iter().map(|v| v * v).sum()).collect()).collect();
            for (total, squares) in totals.iter_mut().zip(&squares) {
                *total += squares.iter().sum::<f64>();
            }
            // Each pair is computed by one thread, and batches are added in their order.
            let found = in_parallel(pairs.len(), |i| {
                let (a, b) = pairs[i];
                let mut part = Mat::zeros(parts[a].ncols(), parts[b].ncols());
                matmul(part.as_mut(), Accum::Replace, parts[a].transpose(), parts[b].as_ref(), 1.0, Par::Seq);
                (part, squares[a].iter().zip(&squares[b]).map(|(p, q)| p * q).sum::<f64>())
            });
            for (i, (part, norm)) in found.into_iter().enumerate() {
                cross[i] += part;
                norms[i] += norm;
            }
        }
        let sums = Self { examples: n, count, cross, norms, totals };
        if let Some(constant) = (0..count).find(|&a| !(sums.totals[a] > 0.0 && sums.totals[a].is_finite())) {
            return Err(Error::Measure(format!(
                "`{}` is constant over the examples, so no measure is defined for it; leave it out",
                sources[constant].name()
            )));
        }
        Ok(sums)
    }

    fn pair(&self, a: usize, b: usize) -> (usize, bool) {
        if a <= b { (place(self.count, a, b), false) } else { (place(self.count, b, a), true) }
    }

    fn product(&self, a: usize, b: usize, estimator: Estimator) -> f64 {
        let (i, _) = self.pair(a, b);
        let full = self.cross[i].norm_l2().powi(2);
        let n = self.examples as f64;
        match estimator {
            Estimator::Biased => full,
            Estimator::Lange => full - self.norms[i],
            Estimator::Debiased => {
                full - n / (n - 2.0) * self.norms[i] + self.totals[a] * self.totals[b] / ((n - 1.0) * (n - 2.0))
            }
        }
    }

    /// Linear CKA of two of the set, in [-1, 1].
    ///
    /// # Errors
    /// If the unbiased self-similarity of one is not positive.
    pub fn cka(&self, a: usize, b: usize, estimator: Estimator) -> Result<f64> {
        let [xx, yy] = [a, b].map(|x| self.product(x, x, estimator));
        if !(xx > 0.0 && yy > 0.0) {
            return Err(Error::Measure(format!(
                "expected positive self-similarities, got {xx} and {yy}; use more examples"
            )));
        }
        Ok(self.product(a, b, estimator) / (xx.sqrt() * yy.sqrt()))
    }

    /// The Procrustes family of two of the set. From the cross-product alone: a distance below 1e-7 is rounding.
    ///
    /// # Errors
    /// If a singular value decomposition does not converge.
    pub fn procrustes(&self, a: usize, b: usize) -> Result<Procrustes> {
        let (i, _) = self.pair(a, b);
        let norms = [self.totals[a].sqrt(), self.totals[b].sqrt()];
        let nuclear: f64 = singular_values(self.cross[i].as_ref())?.iter().rev().sum();
        let distance = (2.0 - 2.0 * nuclear / (norms[0] * norms[1])).max(0.0).sqrt();
        Ok(Procrustes::from_unit(distance, norms[0], norms[1]))
    }

    /// R² of the second from the first, linearly, in [0, 1]. Through the covariance of the first, whose directions below
    /// 1e-12 of the largest variance count as none.
    ///
    /// # Errors
    /// If an eigendecomposition does not converge.
    pub fn linear_regression(&self, a: usize, b: usize) -> Result<f64> {
        let (own, _) = self.pair(a, a);
        let (values, vectors) = symmetric_eigen(self.cross[own].as_ref())?;
        let (i, turned) = self.pair(a, b);
        let cross = if turned { self.cross[i].transpose() } else { self.cross[i].as_ref() };
        let inside = vectors.transpose() * cross;
        let floor = values.iter().fold(0.0f64, |m, v| m.max(*v)) * 1e-12;
        let explained: f64 = values
            .iter()
            .enumerate()
            .filter(|(_, v)| **v > floor)
            .map(|(row, v)| inside.row(row).iter().map(|x| x * x).sum::<f64>() / v)
            .sum();
        Ok((explained / self.totals[b]).min(1.0))
    }

    /// A measure of the catalogue by its canonical name, if sums over examples are enough for it.
    ///
    /// # Errors
    /// If it needs more than such sums, or is not defined on the pair.
    pub fn measure(&self, name: &str, a: usize, b: usize) -> Result<f64> {
        Ok(match name {
            "cka:debiased" => self.cka(a, b, Estimator::Debiased)?,
            "cka:biased" => self.cka(a, b, Estimator::Biased)?,
            "cka:lange" => self.cka(a, b, Estimator::Lange)?,
            "procrustes" => self.procrustes(a, b)?.angular,
            "procrustes:normalised" => self.procrustes(a, b)?.normalised,
            "procrustes:euclidean" => self.procrustes(a, b)?.euclidean,
            "procrustes:squared" => self.procrustes(a, b)?.squared,
            "procrustes:disparity" => self.procrustes(a, b)?.disparity,
            "nbs" => self.procrustes(a, b)?.nbs,
            "linear_regression" => self.linear_regression(a, b)?,
            _ => return Err(not_streamed(name)),
        })
    }
}

/// Names that [`Sums::measure`] knows.
pub const STREAMED: [&str; 10] = [
    "cka:debiased",
    "cka:biased",
    "cka:lange",
    "procrustes",
    "procrustes:normalised",
    "procrustes:euclidean",
    "procrustes:squared",
    "procrustes:disparity",
    "nbs",
    "linear_regression",
];

/// The error for a measure that needs all examples at once.
pub fn not_streamed(name: &str) -> Error {
    Error::Config(format!(
        "`{name}` needs all examples at once, and cannot be computed by batches of rows; those that can are {}",
        STREAMED.join(", ")
    ))
}
