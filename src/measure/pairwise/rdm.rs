//! Representational dissimilarity matrices (RDMs): the dissimilarities of all pairs of examples, from sums over
//! differences, so that ties of integer data survive for the rank correlations.

use crate::error::Result;
use crate::measure::pairwise::algebra::{
    Rows, condensed, condensed_index, dot, largest, power_of_two_scale, reduce, square, sum,
};
use crate::measure::pairwise::gram::{double_centred, squared_distances};
use crate::measure::pairwise::input::{check, refuse};
use faer::{Mat, MatRef};

/// The dissimilarities of all pairs of `conditions` examples: the upper triangle by rows, as scipy's `pdist`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rdm {
    conditions: usize,
    values: Vec<f64>,
}

impl Rdm {
    /// An RDM of given dissimilarities, n(n − 1)/2 of them for n examples, n at least 2. They may be negative, as
    /// cross-validated ones are.
    ///
    /// # Errors
    /// [`Error::Measure`](crate::error::Error::Measure) for a length that is not triangular or a value that is not
    /// finite.
    pub fn new(values: Vec<f64>) -> Result<Self> {
        let length = values.len();
        let conditions = ((1.0 + (1.0 + 8.0 * length as f64).sqrt()) / 2.0).round() as usize;
        if length == 0 || conditions * (conditions - 1) / 2 != length {
            return refuse(format!(
                "expected n(n - 1)/2 dissimilarities of at least 2 examples, got {length}; pass the upper triangle"
            ));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return refuse(format!(
                "expected finite dissimilarities, got {} at place {at}; scale or repair the data",
                values[at]
            ));
        }
        Ok(Self { conditions, values })
    }

    /// The number of examples.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The upper triangle by rows.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The dissimilarity of two examples, zero of an example with itself, nothing beyond the last example.
    pub fn get(&self, i: usize, j: usize) -> Option<f64> {
        if i.max(j) >= self.conditions {
            return None;
        }
        if i == j { Some(0.0) } else { self.values.get(condensed_index(self.conditions, i.min(j), i.max(j))).copied() }
    }

    /// The symmetric n x n matrix with zero diagonal.
    pub fn square(&self) -> Mat<f64> {
        square(self.conditions, &self.values, 0.0)
    }

    /// The double-centred Gram matrix −½ H D H. Of squared Euclidean dissimilarities it is the linear Gram matrix of the
    /// centred representation.
    pub fn gram(&self) -> Mat<f64> {
        double_centred(self.square().as_ref()) * faer::Scale(-0.5)
    }
}

/// A dissimilarity of two rows x, y of p units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dissimilarity {
    /// ‖x − y‖².
    SquaredEuclidean,
    /// ‖x − y‖²/p, what rsatoolbox calls "euclidean".
    SquaredEuclideanPerUnit,
    /// ‖x − y‖.
    Euclidean,
    /// 1 − r with r Pearson's correlation of the two rows. In [0, 2].
    Correlation,
    /// 1 − cos(x, y). In [0, 2].
    Cosine,
    /// Σ|x − y|.
    Cityblock,
    /// The symmetrised Kullback-Leibler divergence of Poisson rates over p, Σ (a − b)(ln a − ln b)/p, with rates
    /// a = (x + weight · rate)/(1 + weight) (Schütt et al. 2023; rsatoolbox has rate 1 and weight 0.1).
    Poisson {
        /// The rate that the prior expects.
        prior_rate: f64,
        /// The weight of the prior, in observations.
        prior_weight: f64,
    },
}

/// The RDM of the rows of `x` (n x p, n at least 2).
///
/// Pairs of integer data that tie in exact arithmetic tie here. For squared Euclidean distances and city blocks the sums
/// are exact, likewise for Poisson divergences with logarithms rounded once; correlation and cosine distances are functions
/// of the correctly rounded r². Those two have an absolute error of about 1e-16 and do not resolve distances below it.
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for fewer than 2 examples or non-finite values; for correlation a
/// row without variance, for cosine a row of zeros, for Poisson a rate that is not positive or a bad prior; and for
/// dissimilarities beyond f64.
pub fn rdm(x: MatRef<'_, f64>, dissimilarity: Dissimilarity) -> Result<Rdm> {
    check(x, "the representation", 2)?;
    let p = x.ncols() as f64;
    Rdm::new(match dissimilarity {
        Dissimilarity::SquaredEuclidean => squared_distances(x),
        Dissimilarity::SquaredEuclideanPerUnit => squared_distances(x).into_iter().map(|d| d / p).collect(),
        Dissimilarity::Euclidean => {
            let scale = power_of_two_scale(largest(x));
            squared_distances((x * faer::Scale(scale)).as_ref()).into_iter().map(|d| d.sqrt() / scale).collect()
        }
        Dissimilarity::Cityblock => Rows::of(x).pairs(|a, b| reduce(a, b, |a, b| (a - b).abs())),
        Dissimilarity::Correlation => {
            let mut rows = Rows::of(x);
            for (i, row) in rows.iter_mut().enumerate() {
                // p x − Σx instead of x − mean: exact for integers, and no ratio feels the factor p.
                rescale(row);
                let total = sum(row);
                row.iter_mut().for_each(|v| *v = *v * p - total);
                if row.iter().fold(0.0, |m: f64, v| m.max(v.abs())) <= 8.0 * p * f64::EPSILON {
                    return refuse(format!(
                        "expected rows with variance for a correlation distance, got none in row {i}; remove that \
                         example or take another dissimilarity"
                    ));
                }
                rescale(row);
            }
            cosine_distances(&rows)
        }
        Dissimilarity::Cosine => {
            let mut rows = Rows::of(x);
            for (i, row) in rows.iter_mut().enumerate() {
                rescale(row);
                if row.iter().all(|&v| v == 0.0) {
                    return refuse(format!(
                        "expected rows that are not zero for a cosine distance, got a zero row {i}; remove that \
                         example or take another dissimilarity"
                    ));
                }
            }
            cosine_distances(&rows)
        }
        Dissimilarity::Poisson { prior_rate, prior_weight } => poisson(x, prior_rate, prior_weight)?,
    })
}

/// Multiplies a row by the power of two that brings it near one.
fn rescale(row: &mut [f64]) {
    let scale = power_of_two_scale(row.iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    row.iter_mut().for_each(|v| *v *= scale);
}

/// 1 − cosine of every pair of rows.
fn cosine_distances(rows: &Rows) -> Vec<f64> {
    let rows: Vec<&[f64]> = rows.iter().collect();
    let squares: Vec<f64> = rows.iter().map(|row| dot(row, row)).collect();
    condensed(rows.len(), |i, j| {
        let product = dot(rows[i], rows[j]);
        let squared_cosine = (product * product) / (squares[i] * squares[j]);
        1.0 - squared_cosine.min(1.0).sqrt().copysign(product)
    })
}

fn poisson(x: MatRef<'_, f64>, prior_rate: f64, prior_weight: f64) -> Result<Vec<f64>> {
    if !(prior_rate.is_finite() && prior_weight.is_finite() && prior_rate >= 0.0 && prior_weight >= 0.0) {
        return refuse(format!(
            "expected a finite prior rate and weight of at least zero, got {prior_rate} and {prior_weight}"
        ));
    }
    // The factor 1/(1 + weight) of the rates cancels in the difference of their logarithms.
    let shift = prior_rate * prior_weight;
    let rows = Rows::of(x);
    if let Some(at) = rows.iter().flatten().position(|&v| v + shift <= 0.0) {
        let (i, j) = (at / x.ncols(), at % x.ncols());
        return refuse(format!(
            "expected positive rates for a Poisson dissimilarity, got {} at row {i}, column {j} with the prior added; \
             take another dissimilarity or a prior",
            x[(i, j)] + shift
        ));
    }
    // Logarithms in two parts on fixed grids: with integer counts each of the two sums is then exact, so that pairs
    // that tie do so whatever the order of the units.
    let most = rows.iter().flatten().fold(0.0, |m: f64, v| m.max((v + shift).ln().abs()));
    let (coarse, fine) = (2f64.powi(26) * power_of_two_scale(most), 2f64.powi(52) * power_of_two_scale(most));
    let parts: Vec<Vec<(f64, f64, f64)>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .map(|&v| {
                    let log = (v + shift).ln();
                    let high = (log * coarse).round() / coarse;
                    (v, high, ((log - high) * fine).round() / fine)
                })
                .collect()
        })
        .collect();
    let divisor = (1.0 + prior_weight) * x.ncols() as f64;
    Ok(condensed(parts.len(), |i, j| {
        let high = reduce(&parts[i], &parts[j], |a, b| (a.0 - b.0) * (a.1 - b.1));
        let low = reduce(&parts[i], &parts[j], |a, b| (a.0 - b.0) * (a.2 - b.2));
        (high + low) / divisor
    }))
}
