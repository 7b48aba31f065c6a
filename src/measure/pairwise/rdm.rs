//! Representational dissimilarity matrices (RDMs): the dissimilarities of all pairs of examples, from sums over
//! differences, so that ties of integer data survive for the rank correlations.
//!
//! What rounding can do to a dissimilarity is known, and decides nothing: those that it alone tells apart tie
//! ([`Rdm::with_ties`]), and one that is no larger than it is zero.

use crate::error::Result;
use crate::measure::numerics::algebra::{
    Rows, condensed, condensed_index, dot, largest, middle, power_of_two_scale, reduce, rounding, square, sum,
};
use crate::measure::numerics::check::{check, refuse};
use crate::measure::pairwise::gram::{double_centred, squared_distances};
use faer::{Mat, MatRef};

/// The dissimilarities of all pairs of `conditions` examples: the upper triangle by rows, as scipy's `pdist`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rdm {
    conditions: usize,
    values: Vec<f64>,
    rounding: Rounding,
}

/// By how much rounding may have moved a dissimilarity.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
struct Rounding {
    /// Whatever it is.
    absolute: f64,
    /// As a part of it.
    relative: f64,
}

impl Rounding {
    fn of(self, value: f64) -> f64 {
        self.absolute + self.relative * value.abs()
    }
}

impl Rdm {
    /// An RDM of given dissimilarities, n(n − 1)/2 of them for n examples, n at least 2. They may be negative, as
    /// cross-validated ones are. They are taken as they are: only equal ones tie.
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
        Ok(Self { conditions, values, rounding: Rounding::default() })
    }

    /// Of dissimilarities that were computed with these errors: what may be zero is.
    fn rounded(mut values: Vec<f64>, rounding: Rounding) -> Result<Self> {
        values.iter_mut().filter(|v| v.abs() <= rounding.absolute).for_each(|v| *v = 0.0);
        Ok(Self { rounding, ..Self::new(values)? })
    }

    /// The same with dissimilarities that only rounding tells apart made equal: in ascending order, each that lies no further
    /// from the one before than the bound of its own rounding error (4 to 300 units in the last place of 1 for correlations
    /// and cosines, 12 and more of their own for the others, growing with the number of units) ties with it.
    #[must_use]
    pub fn with_ties(mut self) -> Self {
        if self.rounding == Rounding::default() {
            return self;
        }
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        // First, last and middle of those that tie without being equal.
        let tied: Vec<[f64; 3]> = sorted
            .chunk_by(|&a, &b| b - a <= self.rounding.of(b))
            .filter(|tied| tied.first() != tied.last())
            .map(|tied| [tied[0], tied[tied.len() - 1], tied[tied.len() / 2]])
            .collect();
        for v in &mut self.values {
            let at = tied.partition_point(|t| t[1] < *v);
            if let Some([_, _, middle]) = tied.get(at).filter(|t| t[0] <= *v) {
                *v = *middle;
            }
        }
        Self { rounding: Rounding::default(), ..self }
    }

    /// Whether all dissimilarities are the same, but for rounding.
    pub fn is_constant(&self) -> bool {
        let (low, high) = self.values.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        let most = self.values.len() as f64 * self.rounding.of(low.abs().max(high.abs()));
        high - low <= most && {
            let all = self.clone().with_ties().values;
            all.iter().all(|v| Some(v) == all.first())
        }
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
        double_centred(self.square()) * faer::Scale(-0.5)
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
/// of the correctly rounded r². Those two have an absolute error of about 1e-16 and do not resolve distances below it. What
/// ties but for rounding does so by [`Rdm::with_ties`].
///
/// # Errors
/// [`Error::Measure`](crate::error::Error::Measure) for fewer than 2 examples or non-finite values; for correlation a
/// row without variance, for cosine a row of zeros, for Poisson a rate that is not positive or a bad prior; and for
/// dissimilarities beyond f64.
pub fn rdm(x: MatRef<'_, f64>, dissimilarity: Dissimilarity) -> Result<Rdm> {
    check(x, "the representation", 2)?;
    let p = x.ncols() as f64;
    let rounding = match dissimilarity {
        // The error of a cosine, of two rows that were centred with one of their own.
        Dissimilarity::Correlation | Dissimilarity::Cosine => {
            Rounding { absolute: 4.0 * rounding(x.ncols()), relative: 0.0 }
        }
        Dissimilarity::Poisson { prior_rate, prior_weight } => {
            // Of terms (a − b)(ln a − ln b), whose second factor has the error of the larger logarithm.
            let shift = prior_rate * prior_weight;
            let log = largest_of(x, |v| (v + shift).ln());
            let absolute = 4.0 * rounding(x.ncols()) * log * largest_of(x, |v| v) / (1.0 + prior_weight);
            Rounding { absolute: if absolute.is_finite() { absolute } else { 0.0 }, relative: rounding(x.ncols()) }
        }
        _ => Rounding { absolute: 0.0, relative: rounding(x.ncols()) },
    };
    Rdm::rounded(
        match dissimilarity {
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
                    rescale(row);
                    // A value of the row, so that an offset costs no digits; then p x − Σx instead of x − mean: exact for
                    // integers, and no ratio feels the factor p.
                    let middle = middle(row.to_vec());
                    row.iter_mut().for_each(|v| *v -= middle);
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
        },
        rounding,
    )
}

fn largest_of(x: MatRef<'_, f64>, f: impl Fn(f64) -> f64) -> f64 {
    x.col_iter().flat_map(|c| c.iter()).fold(0.0, |m: f64, &v| m.max(f(v).abs()))
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
