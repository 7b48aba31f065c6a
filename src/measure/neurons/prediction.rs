//! Sparse prediction: how well every unit of one representation is a combination of a few units of another, which
//! finds one-to-many mappings that a one-to-one matching misses.
//!
//! Li, Yosinski, Clune, Lipson and Hopcroft 2016 (*Convergent Learning*): units are standardised to mean 0
//! and variance 1 and predicted with an L1 penalty; the normalised error is 1 for predicting the mean. They train the
//! mapping by gradient descent; here the same convex problem is solved to a stated duality gap.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::lasso::{Lasso, State};
use super::matching::both_units;
use super::units::{Units, check, check_same_examples, cross_correlation};
use crate::error::{Error, Result};

/// Settings of the lasso.
#[derive(Debug, Clone, PartialEq)]
pub struct LassoOptions {
    /// Weights α of the penalty in ½‖y − Xw‖²/n + α‖w‖₁ on standardised units (the convention of scikit-learn). All
    /// weights are 0 from the largest |correlation| of the target on, so values between 0 and 1 make sense.
    pub alphas: Vec<f64>,
    /// Duality gap to reach, as a share of the target's variance: the objective is at most this far from its optimum.
    pub gap: f64,
    /// Most passes over the predictors, or exact steps, per target and α before giving up.
    pub max_passes: usize,
}

impl Default for LassoOptions {
    /// α from 10⁻¹ to 10⁻³ in half powers of ten, a gap of 10⁻⁹, 10,000 passes.
    fn default() -> Self {
        Self { alphas: vec![1e-1, 10_f64.powf(-1.5), 1e-2, 10_f64.powf(-2.5), 1e-3], gap: 1e-9, max_passes: 10_000 }
    }
}

/// Predictions of all units of Y for one penalty.
#[derive(Debug, Clone)]
pub struct SparsePrediction {
    /// The penalty.
    pub alpha: f64,
    /// Squared error over variance of every kept unit of Y; R² is 1 minus it. Between 0 and 1 on the examples fitted;
    /// on held-out examples the variance is about their own mean, and errors above 1 are possible.
    pub error: Vec<f64>,
    /// How many units of X the prediction of every kept unit of Y uses.
    pub units_used: Vec<usize>,
    /// Mean of `error`.
    pub mean_error: f64,
    /// Mean of 1 − `error`.
    pub mean_r_squared: f64,
    /// Mean of `units_used`.
    pub mean_units_used: f64,
    /// Weights between standardised units: kept units of X × kept units of Y.
    pub weights: Mat<f64>,
    /// The largest duality gap of a target, as a share of its variance.
    pub largest_gap: f64,
}

/// Predictions over decreasing penalties.
#[derive(Debug, Clone)]
pub struct SparsePath {
    /// One entry per penalty, largest first.
    pub path: Vec<SparsePrediction>,
    /// Index in X of every kept unit.
    pub kept_x: Vec<usize>,
    /// Index in Y of every kept unit.
    pub kept_y: Vec<usize>,
    /// Units of X left out for having no variance.
    pub dropped_x: usize,
    /// Units of Y left out for having no variance.
    pub dropped_y: usize,
}

/// Predicts every unit of `y` (examples × q) from the units of `x` (examples × p) by lasso; errors on the same examples.
///
/// Directed: Y from X. The errors are unique; which units are used is not if units of X depend linearly on each other.
/// With fewer examples than units of X small penalties fit perfectly: use [`sparse_prediction_held_out`].
///
/// # Errors
/// If the numbers of examples differ, there are fewer than two, a value is not finite, no unit of one of the two
/// varies, a setting is out of range, or the gap is not reached in the passes allowed.
pub fn sparse_prediction(x: MatRef<'_, f64>, y: MatRef<'_, f64>, options: &LassoOptions) -> Result<SparsePath> {
    let (ux, uy) = both_units(x, y)?;
    let targets = uy.columns.clone();
    fit(&ux, &uy, options, &ux.columns, &targets)
}

/// As [`sparse_prediction`], fitted on the training examples and with the errors of the test examples.
///
/// Units are standardised by the training examples. A unit of Y that is constant in the test examples has error 0 if
/// predicted perfectly and infinity otherwise; leave such units out of `train_y` and `test_y` if that matters.
///
/// # Errors
/// As [`sparse_prediction`], and if the test examples do not fit the training examples in the numbers of units.
pub fn sparse_prediction_held_out(
    train: (MatRef<'_, f64>, MatRef<'_, f64>),
    test: (MatRef<'_, f64>, MatRef<'_, f64>),
    options: &LassoOptions,
) -> Result<SparsePath> {
    let (ux, uy) = both_units(train.0, train.1)?;
    check_same_examples(test.0, test.1)?;
    for (fitted, tested, name) in [(train.0, test.0, "X"), (train.1, test.1, "Y")] {
        check(tested, name, 2)?;
        if fitted.ncols() != tested.ncols() {
            return Err(Error::Measure(format!(
                "expected the same units of {name} in the training and the test examples, got {} and {}",
                fitted.ncols(),
                tested.ncols()
            )));
        }
    }
    let inputs = restandardise(train.0, test.0, &ux);
    let targets = restandardise(train.1, test.1, &uy);
    fit(&ux, &uy, options, &inputs, &targets)
}

/// Test examples of the kept units, shifted and scaled as the training examples were.
fn restandardise(train: MatRef<'_, f64>, test: MatRef<'_, f64>, units: &Units) -> Mat<f64> {
    let n = train.nrows() as f64;
    let moments: Vec<(f64, f64)> = units
        .kept
        .iter()
        .zip(units.columns.col_iter())
        .map(|(&unit, direction)| {
            // Halves and division before summing keep large values finite.
            let mean = train.col(unit).iter().map(|v| v / n).sum::<f64>();
            let norm = train.col(unit).iter().zip(direction.iter()).map(|(v, d)| (v - mean) * d).sum::<f64>();
            (mean, norm)
        })
        .collect();
    Mat::from_fn(test.nrows(), units.kept.len(), |i, j| (test[(i, units.kept[j])] - moments[j].0) / moments[j].1)
}

fn fit(ux: &Units, uy: &Units, options: &LassoOptions, inputs: &Mat<f64>, targets: &Mat<f64>) -> Result<SparsePath> {
    let bad = options.alphas.iter().find(|a| !(a.is_finite() && **a > 0.0));
    let bad_gap = !options.gap.is_finite() || options.gap <= 0.0;
    if options.alphas.is_empty() || bad.is_some() || bad_gap || options.max_passes == 0 {
        return Err(Error::Measure(format!(
            "expected at least one penalty, all above 0 and finite, a duality gap above 0 and at least one pass, got \
             penalties {:?}, gap {} and {} passes",
            options.alphas, options.gap, options.max_passes
        )));
    }
    let mut alphas = options.alphas.clone();
    alphas.sort_unstable_by(|a, b| b.total_cmp(a));
    let gram = cross_correlation(ux, ux);
    let with_target = cross_correlation(ux, uy);
    let (p, q) = (ux.kept.len(), uy.kept.len());
    let columns: Vec<Vec<f64>> = with_target.col_iter().map(|c| c.iter().copied().collect()).collect();
    let mut states: Vec<State> = columns.iter().map(|c| State::zero(c)).collect();
    let mut path = Vec::with_capacity(alphas.len());
    for alpha in alphas {
        let mut weights = Mat::zeros(p, q);
        let mut largest_gap = 0.0_f64;
        for (j, (state, target)) in states.iter_mut().zip(&columns).enumerate() {
            // The solution for the penalty before is the start for this one.
            let lasso = Lasso { gram: gram.as_ref(), target, alpha };
            let gap = lasso.solve(state, options.gap, options.max_passes);
            if gap.is_nan() || gap > options.gap {
                return Err(Error::Measure(format!(
                    "expected the lasso for unit {} of Y to reach a duality gap of {:e} at penalty {alpha:e}, got \
                     {gap:e} after {} passes; allow more passes, a larger gap or larger penalties",
                    uy.kept[j], options.gap, options.max_passes
                )));
            }
            largest_gap = largest_gap.max(gap);
            weights.col_mut(j).iter_mut().zip(&state.w).for_each(|(a, b)| *a = *b);
        }
        path.push(summarise(alpha, weights, largest_gap, inputs, targets));
    }
    Ok(SparsePath {
        path,
        kept_x: ux.kept.clone(),
        kept_y: uy.kept.clone(),
        dropped_x: ux.dropped,
        dropped_y: uy.dropped,
    })
}

fn summarise(alpha: f64, weights: Mat<f64>, gap: f64, inputs: &Mat<f64>, targets: &Mat<f64>) -> SparsePrediction {
    let mut left = targets.clone();
    matmul(left.as_mut(), Accum::Add, inputs.as_ref(), weights.as_ref(), -1.0, Par::Seq);
    let error: Vec<f64> = left
        .col_iter()
        .zip(targets.col_iter())
        .map(|(residual, target)| {
            let squares = residual.iter().map(|r| r * r).sum::<f64>();
            let mean = target.iter().sum::<f64>() / target.nrows() as f64;
            let variance = target.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>();
            if squares == 0.0 { 0.0 } else { squares / variance }
        })
        .collect();
    let units_used: Vec<usize> = weights.col_iter().map(|c| c.iter().filter(|w| **w != 0.0).count()).collect();
    let q = error.len() as f64;
    let mean_error = error.iter().sum::<f64>() / q;
    SparsePrediction {
        alpha,
        mean_error,
        mean_r_squared: 1.0 - mean_error,
        mean_units_used: units_used.iter().sum::<usize>() as f64 / q,
        error,
        units_used,
        weights,
        largest_gap: gap,
    }
}

#[cfg(test)]
mod tests;
