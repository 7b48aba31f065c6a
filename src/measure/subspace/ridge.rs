//! Ridge regression from one representation to the other, scored on examples it was not fitted to: by contiguous folds,
//! and by leaving one out in closed form over a grid of penalties.

use crate::error::Result;
use crate::measure::subspace::folds::contiguous_folds;
use crate::measure::subspace::prepare::{
    ThinSvd, basis, check, check_pair, column_means, fail, product, rows, scale_columns, subtract, thin_svd,
};
use crate::measure::subspace::regression::R2Sums;
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

/// The ridge penalty: `‖Y - XB‖² + alpha ‖B‖²` on centred columns, intercept not penalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty<'a> {
    /// This alpha; 0 is least squares of smallest norm.
    Fixed(f64),
    /// The best of these by leave-one-out on the training examples of each fold.
    LeaveOneOut(&'a [f64]),
}

/// Scores of held-out predictions.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeScore {
    /// R² of all held-out predictions together, targets weighted by variance; at most 1, negative when the predictions are
    /// worse than the mean. NaN never: a constant `y` is an error.
    pub r2_pooled: f64,
    /// The same with all targets weighted equally; targets without variance are left out.
    pub r2_pooled_uniform: f64,
    /// Mean over folds of the variance-weighted R² of each fold about its own mean; another number than the pooled one.
    /// `None` when a fold has a single example or none of its targets varies.
    pub r2_fold_mean: Option<f64>,
    /// Median over targets of the Pearson correlation of pooled predictions with the truth (the brain-score convention),
    /// targets without correlation left out; `None` when there is none.
    pub median_pearson: Option<f64>,
    /// The correlation of each target; `None` where truth or prediction has no variance.
    pub pearson: Vec<Option<f64>>,
    /// The alpha used in each fold.
    pub alphas: Vec<f64>,
}

/// Predicts `y` (n × q) from `x` (n × p) by ridge regression with `folds`-fold cross-validation over contiguous folds
/// ([`contiguous_folds`]); otherwise as [`ridge_cross_validated`].
///
/// # Errors
/// As [`ridge_cross_validated`]; also when `folds` is not in 2..=n.
pub fn ridge_kfold(x: MatRef<'_, f64>, y: MatRef<'_, f64>, penalty: Penalty<'_>, folds: usize) -> Result<RidgeScore> {
    check_pair(x, y)?;
    ridge_cross_validated(x, y, penalty, &contiguous_folds(x.nrows(), folds)?)
}

/// Predicts `y` (n × q) from `x` (n × p) by ridge regression; each fold is predicted from the others. Rows are the same
/// examples, entry `i` of `fold_of` is the fold of example `i`. Columns are centred with the means of the training
/// examples.
///
/// # Errors
/// When `fold_of` is not one entry per example, leaves a fold of 0..=max empty, has a single fold or leaves fewer than 2
/// examples to train on; when an alpha is negative or not finite (or zero, for leave-one-out) or the grid is empty; when
/// the row counts differ, an entry is not finite, or `y` is constant.
pub fn ridge_cross_validated(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    penalty: Penalty<'_>,
    fold_of: &[usize],
) -> Result<RidgeScore> {
    check_pair(x, y)?;
    let folds = check_folds(x.nrows(), fold_of)?;
    let mut predictions = Mat::zeros(x.nrows(), y.ncols());
    let mut alphas = Vec::with_capacity(folds);
    for fold in 0..folds {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|&i| fold_of[i] == fold);
        let (train_x, train_y) = (rows(x, &train), rows(y, &train));
        let alpha = match penalty {
            Penalty::Fixed(alpha) => alpha,
            Penalty::LeaveOneOut(grid) => loo(train_x.as_ref(), train_y.as_ref(), grid)?.alpha,
        };
        let (means_x, means_y) = (column_means(train_x.as_ref()), column_means(train_y.as_ref()));
        let (centred_x, centred_y) = (subtract(train_x.as_ref(), &means_x), subtract(train_y.as_ref(), &means_y));
        let coefficients = coefficients(&centred_x, &centred_y, alpha)?;
        let test_x = subtract(rows(x, &test).as_ref(), &means_x);
        let change = product(test_x.as_ref(), coefficients.as_ref());
        let predicted = Mat::from_fn(test.len(), y.ncols(), |i, j| change[(i, j)] + means_y[j]);
        for j in 0..y.ncols() {
            for (i, &row) in test.iter().enumerate() {
                predictions[(row, j)] = predicted[(i, j)];
            }
        }
        alphas.push(alpha);
    }
    score(y, predictions.as_ref(), fold_of, alphas)
}

/// Scores of held-out predictions (n x q) of `y` (n x q), with the fold of each example and the penalty of each fold.
///
/// # Errors
/// When `y` is constant or out of range.
pub(crate) fn score(
    y: MatRef<'_, f64>,
    predictions: MatRef<'_, f64>,
    fold_of: &[usize],
    alphas: Vec<f64>,
) -> Result<RidgeScore> {
    let sums = r2_sums(y, predictions);
    if !sums.variance_weighted().is_finite() {
        return fail("y is constant over the examples or out of range, so there is nothing to predict; leave it out");
    }
    let folds = alphas.len();
    let mut fold_r2 = Some(0.0);
    for fold in 0..folds {
        let test: Vec<usize> = (0..y.nrows()).filter(|&i| fold_of[i] == fold).collect();
        let r2 = r2_sums(rows(y, &test).as_ref(), rows(predictions, &test).as_ref()).variance_weighted();
        fold_r2 = fold_r2.filter(|_| r2.is_finite()).map(|sum| sum + r2);
    }
    let pearson: Vec<Option<f64>> = (0..y.ncols()).map(|j| correlation(y, predictions, j)).collect();
    Ok(RidgeScore {
        r2_pooled: sums.variance_weighted(),
        r2_pooled_uniform: sums.uniform(),
        r2_fold_mean: fold_r2.map(|sum| sum / folds as f64),
        median_pearson: median(pearson.iter().flatten().copied().collect()),
        pearson,
        alphas,
    })
}

/// The matrix (n x n) that maps targets to their held-out predictions with a fixed penalty: these are linear in the targets,
/// so what `x` (n x p) predicts of any number of representations is one product with it.
///
/// # Errors
/// As [`ridge_cross_validated`].
pub(crate) fn held_out_operator(x: MatRef<'_, f64>, alpha: f64, fold_of: &[usize]) -> Result<Mat<f64>> {
    check(x, "x")?;
    let folds = check_folds(x.nrows(), fold_of)?;
    let mut operator = Mat::zeros(x.nrows(), x.nrows());
    for fold in 0..folds {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|&i| fold_of[i] == fold);
        let train_x = rows(x, &train);
        let means = column_means(train_x.as_ref());
        let each = 1.0 / train.len() as f64;
        let centring = Mat::from_fn(train.len(), train.len(), |i, j| if i == j { 1.0 - each } else { -each });
        let coefficients = coefficients(&subtract(train_x.as_ref(), &means), &centring, alpha)?;
        let change = product(subtract(rows(x, &test).as_ref(), &means).as_ref(), coefficients.as_ref());
        for (j, &column) in train.iter().enumerate() {
            for (i, &row) in test.iter().enumerate() {
                operator[(row, column)] = each + change[(i, j)];
            }
        }
    }
    Ok(operator)
}

/// The number of folds, once each is known to have examples and to leave enough to train on.
fn check_folds(n: usize, fold_of: &[usize]) -> Result<usize> {
    if fold_of.len() != n {
        return fail(format!("there are {n} examples but {} fold numbers; give one per example", fold_of.len()));
    }
    let mut sizes = vec![0usize; n];
    for &fold in fold_of {
        match sizes.get_mut(fold) {
            Some(size) => *size += 1,
            None => return fail(format!("fold number {fold} is too large for {n} examples; number folds from 0")),
        }
    }
    let folds = sizes.iter().rposition(|&size| size > 0).map_or(0, |last| last + 1);
    if folds < 2 || sizes.iter().take(folds).any(|&size| size == 0 || n - size < 2) {
        return fail(format!(
            "cross-validation needs at least 2 folds, none empty, each leaving 2 examples to train on; these {folds} folds \
             of {n} examples do not; use fewer folds or more examples"
        ));
    }
    Ok(folds)
}

fn r2_sums(y: MatRef<'_, f64>, predicted: MatRef<'_, f64>) -> R2Sums {
    let means = column_means(y);
    let mut sums = R2Sums::default();
    for (j, mean) in means.iter().enumerate() {
        let residual = (0..y.nrows()).map(|i| (y[(i, j)] - predicted[(i, j)]).powi(2)).sum();
        let total = (0..y.nrows()).map(|i| (y[(i, j)] - mean).powi(2)).sum();
        sums.add(residual, total);
    }
    sums
}

/// Pearson correlation of column `j`, `None` where either side has no variance beyond rounding.
fn correlation(y: MatRef<'_, f64>, predicted: MatRef<'_, f64>, j: usize) -> Option<f64> {
    let side = |m: MatRef<'_, f64>| -> Option<Mat<f64>> {
        let column = m.subcols(j, 1);
        let centred = subtract(column, &column_means(column));
        let norm = centred.norm_l2();
        let rounding = 4.0 * f64::EPSILON * column.norm_l2();
        (norm > rounding && norm.is_normal()).then(|| Mat::from_fn(m.nrows(), 1, |i, _| centred[(i, 0)] / norm))
    };
    let (a, b) = (side(y)?, side(predicted)?);
    Some((0..a.nrows()).map(|i| a[(i, 0)] * b[(i, 0)]).sum::<f64>().clamp(-1.0, 1.0))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    values.get(values.len() / 2 - 1).map(|lower| 0.5 * (lower + upper))
}

/// Ridge coefficients (p × q) for centred data: Cholesky of the smaller Gram matrix, or an SVD where that would lose
/// digits.
fn coefficients(x: &Mat<f64>, y: &Mat<f64>, alpha: f64) -> Result<Mat<f64>> {
    if !(alpha >= 0.0 && alpha.is_finite()) {
        return fail(format!("a ridge penalty must be 0 or positive, it is {alpha}; usual values are 1e-3 to 1e3"));
    }
    let (m, p) = x.shape();
    // The condition of the penalised Gram matrix is at most 1 / 1e-4 above the line.
    if alpha >= 1e-4 * x.squared_norm_l2() && alpha > 0.0 {
        let primal = p <= m;
        let mut gram = if primal { product(x.transpose(), x.as_ref()) } else { product(x.as_ref(), x.transpose()) };
        for i in 0..gram.nrows() {
            gram[(i, i)] += alpha;
        }
        if let Ok(factor) = gram.llt(Side::Lower) {
            return Ok(if primal {
                factor.solve(product(x.transpose(), y.as_ref()))
            } else {
                product(x.transpose(), factor.solve(y).as_ref())
            });
        }
    }
    let svd = if alpha > 0.0 { thin_svd(x.as_ref())? } else { basis(x.as_ref(), None)? };
    let shrink: Vec<f64> = svd.s.iter().map(|s| if *s > 0.0 { s / (s * s + alpha) } else { 0.0 }).collect();
    let inner = product(scale_columns(svd.u.as_ref(), &shrink).transpose(), y.as_ref());
    Ok(product(svd.v.as_ref(), inner.as_ref()))
}

/// Leave-one-out over a grid of penalties.
#[derive(Debug, Clone, PartialEq)]
pub struct RidgeLoo {
    /// The best alpha; the first among equals.
    pub alpha: f64,
    /// Its score, see [`scores`](Self::scores).
    pub best: f64,
    /// For each alpha of the grid, minus the squared leave-one-out error, averaged over examples and targets (the
    /// `best_score_` of scikit-learn's `RidgeCV`); squared units of `y`.
    pub scores: Vec<f64>,
    /// Variance-weighted R² of the leave-one-out predictions at the best alpha, about the mean of all examples.
    pub r2: f64,
}

/// Ridge regression of `y` (n × q) on `x` (n × p) with the penalty chosen from `alphas` by leave-one-out in closed form
/// (one SVD for all penalties and targets; intercept included). All targets share the penalty.
///
/// # Errors
/// When the grid is empty or an alpha is not positive and finite, the row counts differ, there are fewer than 3 rows, an
/// entry is not finite, or `y` is constant.
pub fn ridge_loo(x: MatRef<'_, f64>, y: MatRef<'_, f64>, alphas: &[f64]) -> Result<RidgeLoo> {
    check_pair(x, y)?;
    let found = loo(x, y, alphas)?;
    if !found.r2.is_finite() {
        return fail("y is constant over the examples or out of range, so there is nothing to predict; leave it out");
    }
    Ok(found)
}

fn loo(x: MatRef<'_, f64>, y: MatRef<'_, f64>, alphas: &[f64]) -> Result<RidgeLoo> {
    check(x, "x")?;
    if x.nrows() < 3 {
        return fail(format!("leave-one-out needs at least 3 examples, there are {}; give more", x.nrows()));
    }
    if alphas.is_empty() {
        return fail("the grid of penalties is empty; give at least one alpha, say 1e-3 to 1e3");
    }
    if let Some(alpha) = alphas.iter().find(|a| !(a.is_finite() && **a > 0.0)) {
        return fail(format!("leave-one-out takes positive penalties, one is {alpha}; usual values are 1e-3 to 1e3"));
    }
    let n = x.nrows();
    let centred = subtract(x, &column_means(x));
    let targets = subtract(y, &column_means(y));
    let ThinSvd { u, s, .. } = basis(centred.as_ref(), None)?;
    let inside = product(u.transpose(), targets.as_ref());
    // What no penalty can reach: residuals and leverages outside the space of x. With n - 1 directions that space is all
    // there is, and what rounding leaves must not count, because it would be divided by a leverage near 0.
    let all = s.len() + 1 >= n;
    let outside = &targets - product(u.as_ref(), inside.as_ref());
    let total = targets.squared_norm_l2();
    let mut best: Option<RidgeLoo> = None;
    let mut scores = Vec::with_capacity(alphas.len());
    for &alpha in alphas {
        let kept: Vec<f64> = s.iter().map(|s| alpha / (s * s + alpha)).collect();
        let residual = product(scale_columns(u.as_ref(), &kept).as_ref(), inside.as_ref());
        let mut squares = 0.0;
        for i in 0..n {
            let (mut free, mut reached) = (0.0, 1.0 / n as f64);
            for (k, f) in kept.iter().enumerate() {
                let part = u[(i, k)].powi(2);
                free += f * part;
                reached += part;
            }
            if !all {
                free += 1.0 - reached;
            }
            for j in 0..y.ncols() {
                let error = if all { residual[(i, j)] } else { residual[(i, j)] + outside[(i, j)] };
                squares += (error / free).powi(2);
            }
        }
        let score = -squares / (n * y.ncols()) as f64;
        scores.push(score);
        if score.is_finite() && best.as_ref().is_none_or(|b| score > b.best) {
            best = Some(RidgeLoo { alpha, best: score, scores: Vec::new(), r2: 1.0 - squares / total });
        }
    }
    match best {
        Some(best) => Ok(RidgeLoo { scores, ..best }),
        None => fail(
            "the leave-one-out error is not finite for any penalty: an example is out of range or the only one that \
             moves some unit; rescale or remove it",
        ),
    }
}
/// What is reported of leaving one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LooReport {
    /// Minus the mean squared error at the best penalty.
    Score,
    /// That penalty.
    Alpha,
    /// R² of the predictions, targets weighted by variance.
    R2,
}

/// Rounding of a prediction in single precision, in parts of the size of what is predicted.
const ROUNDING: f64 = 5e-7;

/// What a score may be off by.
const SLACK: f64 = 2e-5;

impl LooReport {
    /// Whether errors of predictions made in single precision decide the report: the best penalty must stand out, and the
    /// error at it must not be rounding.
    pub(crate) fn is_settled(self, errors: &[f64], total: f64, count: usize) -> bool {
        // The square of an error e with a rounding d is off by 2 e d + d².
        let noise = |e: f64| 2.0 * ROUNDING * (e * total).sqrt() + ROUNDING * ROUNDING * total;
        let Some(best) = errors.iter().copied().filter(|e| e.is_finite()).min_by(f64::total_cmp) else { return false };
        match self {
            Self::Score => noise(best) <= SLACK * (count as f64).max(best),
            Self::R2 => noise(best) <= SLACK * total,
            Self::Alpha => {
                let near = |e: f64| e - best <= noise(e) + noise(best);
                errors.iter().filter(|e| near(**e)).count() == 1
            }
        }
    }

    /// From the sums of squared errors for each penalty of a grid, the sum of squares of the targets and how many numbers
    /// were predicted.
    pub(crate) fn of(self, grid: &[f64], errors: &[f64], total: f64, count: usize) -> Result<f64> {
        let best = errors.iter().zip(grid).filter(|(e, _)| e.is_finite()).min_by(|a, b| a.0.total_cmp(b.0));
        let (Some((error, alpha)), true) = (best, total > 0.0) else {
            return fail(
                "y is constant over the examples or out of range, so there is nothing to predict; leave it out",
            );
        };
        Ok(match self {
            Self::Score => -error / count as f64,
            Self::Alpha => *alpha,
            Self::R2 => 1.0 - error / total,
        })
    }
}

/// For each penalty the matrix that maps centred targets to their leave-one-out errors, transposed and side by side
/// (n x n for each).
///
/// # Errors
/// As [`ridge_loo`].
pub(crate) fn leave_one_out_operators(x: MatRef<'_, f64>, alphas: &[f64]) -> Result<Mat<f64>> {
    check(x, "x")?;
    let n = x.nrows();
    if n < 3 {
        return fail(format!("leave-one-out needs at least 3 examples, there are {n}; give more"));
    }
    let ThinSvd { u, s, .. } = basis(subtract(x, &column_means(x)).as_ref(), None)?;
    let all = s.len() + 1 >= n;
    let inside = product(u.as_ref(), u.transpose());
    let mut out = Mat::zeros(n, n * alphas.len());
    for (k, &alpha) in alphas.iter().enumerate() {
        let kept: Vec<f64> = s.iter().map(|s| alpha / (s * s + alpha)).collect();
        let part = product(scale_columns(u.as_ref(), &kept).as_ref(), u.transpose());
        for i in 0..n {
            // What no penalty reaches, as in the sums over examples above.
            let reached = inside[(i, i)] + 1.0 / n as f64;
            let free = part[(i, i)] + if all { 0.0 } else { 1.0 - reached };
            for j in 0..n {
                let outside = if all { 0.0 } else { f64::from(u8::from(i == j)) - inside[(i, j)] - 1.0 / n as f64 };
                out[(j, k * n + i)] = (part[(i, j)] + outside) / free;
            }
        }
    }
    Ok(out)
}
