//! How much of a representation's variance a feature explains: a regression *from* the feature *to* the units, fitted on one
//! set of examples and scored on another (Lampinen, Chan, Hermann 2024, section on representation variance).
//!
//! The other direction, how well a feature can be read out of the units, is a probe (`statistic::probe`): a feature may be read
//! out perfectly and explain hardly anything.

use faer::{Mat, MatRef};

use super::{Sets, classes};
use crate::error::Result;
use crate::measure::statistic::input::{column_means, dot, fail, less, mean, same_rows};
use crate::measure::statistic::probe::ridge;

/// What becomes, in a mean over units, of units that do not vary on the test set, for which R² is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Constant {
    /// They are left out.
    #[default]
    Masked,
    /// As scikit-learn counts them: 1 if predicted exactly, else 0. A unit that is dead on both sets then counts as
    /// explained by every feature, which inflates the mean for layers with dead units.
    Counted,
}

/// Shares of a unit's variance above which density counts it.
pub const THRESHOLDS: [f64; 4] = [0.05, 0.1, 0.25, 0.5];

/// What a regression on a feature explains of each unit on the test set.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Squared errors of the predictions, summed over the test set, one for each unit.
    pub errors: Vec<f64>,
    /// Squared differences from the unit's mean *on the test set*, summed, one for each unit.
    pub spreads: Vec<f64>,
    /// Examples of the test set.
    pub examples: usize,
}

impl Explained {
    /// R² of each unit, `1 - SSE / SST`: at most 1, negative where the prediction is worse than the mean, NaN for units that
    /// do not vary on the test set.
    pub fn per_unit(&self) -> Vec<f64> {
        let r2 = |(sse, sst): (&f64, &f64)| if *sst > 0.0 { 1.0 - sse / sst } else { f64::NAN };
        self.errors.iter().zip(&self.spreads).map(r2).collect()
    }

    /// Mean R² over units, each alike: `uniform_average` of scikit-learn with [`Constant::Counted`], which is what
    /// `LinearRegression.score` gives. At least one unit varies.
    pub fn uniform(&self, constant: Constant) -> f64 {
        let of = |(i, r2): (usize, f64)| match constant {
            _ if !r2.is_nan() => Some(r2),
            Constant::Masked => None,
            Constant::Counted => Some(f64::from(u8::from(self.errors[i] == 0.0))),
        };
        mean(&self.per_unit().into_iter().enumerate().filter_map(of).collect::<Vec<_>>())
    }

    /// Share of the total variance, `1 - Σ SSE / Σ SST` over the units that vary on the test set: `variance_weighted` of
    /// scikit-learn. For independent features the shares sum to 1 at most, up to sampling error.
    pub fn variance(&self) -> f64 {
        let errors: f64 = self.errors.iter().zip(&self.spreads).filter(|(_, t)| **t > 0.0).map(|(e, _)| e).sum();
        1.0 - errors / self.spreads.iter().sum::<f64>()
    }

    /// Total variance of the test set, summed over units (divisor: examples). Curves over training show
    /// `variance() * total_variance()` over the total variance of the last checkpoint (Figure 2 of the paper).
    pub fn total_variance(&self) -> f64 {
        self.spreads.iter().sum::<f64>() / self.examples as f64
    }

    /// Units that do not vary on the test set.
    pub fn constant(&self) -> usize {
        self.spreads.iter().filter(|t| **t == 0.0).count()
    }

    /// Part of *all* units of which the feature explains more than `threshold`; see [`THRESHOLDS`]. A unit that does not vary
    /// represents nothing, and counts as one that is not above.
    pub fn density(&self, threshold: f64) -> f64 {
        self.per_unit().iter().filter(|r2| **r2 > threshold).count() as f64 / self.spreads.len() as f64
    }
}

/// Selectivity of each unit for one feature against another, `(a - b) / (a + b)` of their R², from -1 to 1. R² below zero counts
/// as zero. NaN for units that vary with neither.
///
/// # Errors
/// Different numbers of units.
pub fn selectivity(a: &Explained, b: &Explained) -> Result<Vec<f64>> {
    same_rows(a.spreads.len(), b.spreads.len(), "the two features' units")?;
    let of = |(a, b): (f64, f64)| {
        // `max` would take a NaN for zero.
        let positive = |r2: f64| if r2 < 0.0 { 0.0 } else { r2 };
        let (a, b) = (positive(a), positive(b));
        (a - b) / (a + b)
    };
    Ok(a.per_unit().into_iter().zip(b.per_unit()).map(of).collect())
}

/// Variance explained by one feature of two or more values: least squares with an intercept on its values as one-hot columns
/// less one, which predicts the mean of the example's class on the fit set.
///
/// `x`: examples × units; `feature`: a class for each example.
///
/// # Errors
/// Fewer than two examples in a set, different units, values that are not finite, another number of labels, fewer than two
/// classes, a class that one of the sets lacks, or no unit that varies on the test set.
pub fn explained_by_class(x: Sets<MatRef<'_, f64>>, feature: Sets<&[usize]>) -> Result<Explained> {
    x.check("the representation")?;
    let of = classes(feature, Sets { fit: x.fit.nrows(), test: x.test.nrows() })?;
    let means = of.fit.means(x.fit);
    score(x.test, |i, u| means[(of.test.of[i], u)])
}

/// Variance explained by several regressors together: ordinary least squares with an intercept, of smallest norm where
/// columns depend on each other (scikit-learn's `LinearRegression`).
///
/// `x`: examples × units; `columns`: examples × regressors.
///
/// # Errors
/// Those of [`explained_by_class`] but for the classes; different numbers of examples or regressors.
pub fn explained_by_columns(x: Sets<MatRef<'_, f64>>, columns: Sets<MatRef<'_, f64>>) -> Result<Explained> {
    x.check("the representation")?;
    columns.check("the table of regressors")?;
    same_rows(columns.fit.nrows(), x.fit.nrows(), "regressors and representation of the fit set")?;
    same_rows(columns.test.nrows(), x.test.nrows(), "regressors and representation of the test set")?;
    // Means of their own, so that units without variance stay exactly what they are.
    let means = column_means(x.fit);
    let map = ridge(columns.fit, less(x.fit, &means).as_ref(), 0.0)?;
    let predicted = map.predict(columns.test)?;
    score(x.test, |i, u| predicted[(i, u)] + means[u])
}

/// Errors of a prediction of each example and unit.
fn score(test: MatRef<'_, f64>, prediction: impl Fn(usize, usize) -> f64) -> Result<Explained> {
    let centred: Mat<f64> = less(test, &column_means(test));
    let spreads: Vec<f64> = (0..test.ncols()).map(|u| dot(centred.col_as_slice(u), centred.col_as_slice(u))).collect();
    if spreads.iter().all(|t| *t == 0.0) {
        return fail("no unit varies on the test set: the variance explained is not determined");
    }
    let error = |u: usize| test.col(u).iter().enumerate().map(|(i, v)| (v - prediction(i, u)).powi(2)).sum();
    Ok(Explained { errors: (0..test.ncols()).map(error).collect(), spreads, examples: test.nrows() })
}
