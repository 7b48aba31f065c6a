//! Ridge regression in closed form, from one singular value decomposition.

use faer::linalg::solvers::Svd;
use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::statistic::input::{check, column_means, fail, less, not_converged, same_rows};

/// A linear map with an intercept.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Weights (units × targets).
    pub weights: Mat<f64>,
    /// Intercept of each target.
    pub intercept: Vec<f64>,
}

impl Linear {
    /// Predictions (examples × targets) for `x` (examples × units).
    ///
    /// # Errors
    /// Another number of units than fitted, or values that are not finite.
    pub fn predict(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check(x, "the representation", 1)?;
        if x.ncols() != self.weights.nrows() {
            return fail(format!("the map was fitted on {} units, but {} are given", self.weights.nrows(), x.ncols()));
        }
        let mut out = x * &self.weights;
        for (column, b) in out.col_iter_mut().zip(&self.intercept) {
            column.iter_mut().for_each(|v| *v += b);
        }
        Ok(out)
    }
}

/// Centred inputs and their decomposition, less the directions of rank zero.
struct Decomposed {
    svd: Svd<f64>,
    rank: usize,
    x_means: Vec<f64>,
    y_means: Vec<f64>,
    y: Mat<f64>,
}

impl Decomposed {
    fn of(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Self> {
        check(x, "the representation", 2)?;
        check(y, "the targets", 2)?;
        same_rows(x.nrows(), y.nrows(), "the representation and the targets")?;
        let (x_means, y_means) = (column_means(x), column_means(y));
        let svd = match less(x, &x_means).thin_svd() {
            Ok(svd) => svd,
            Err(_) => {
                return not_converged();
            }
        };
        let s = svd.S().column_vector();
        let floor = x.nrows().max(x.ncols()) as f64 * f64::EPSILON * s.iter().next().copied().unwrap_or(0.0);
        let rank = s.iter().filter(|v| **v > floor).count();
        Ok(Self { rank, y: less(y, &y_means), svd, x_means, y_means })
    }

    /// `Uᵀ Y`, each row times a function of its singular value.
    fn projected(&self, scale: impl Fn(f64) -> f64) -> Mat<f64> {
        let s = self.svd.S().column_vector();
        let mut out = self.svd.U().subcols(0, self.rank).transpose() * &self.y;
        for i in 0..self.rank {
            let factor = scale(s[i]);
            out.row_mut(i).iter_mut().for_each(|v| *v *= factor);
        }
        out
    }
}

fn check_alpha(alpha: f64) -> Result<()> {
    if alpha >= 0.0 && alpha.is_finite() {
        return Ok(());
    }
    fail(format!("the ridge penalty alpha must be 0 or more and finite, but is {alpha}"))
}

/// Ridge regression of `y` (examples × targets) on `x` (examples × units): minimises `‖Y - XW - b‖² + α ‖W‖²`, the
/// intercept without a penalty (scikit-learn's `Ridge`). `alpha` 0 is ordinary least squares, of smallest norm where
/// there is a choice. An `x` that does not vary predicts the means.
///
/// # Errors
/// Fewer than two examples, numbers of rows that differ, values that are not finite, a negative `alpha`.
pub fn ridge(x: MatRef<'_, f64>, y: MatRef<'_, f64>, alpha: f64) -> Result<Linear> {
    check_alpha(alpha)?;
    let parts = Decomposed::of(x, y)?;
    let weights = parts.svd.V().subcols(0, parts.rank) * parts.projected(|s| s / (s * s + alpha));
    let intercept = (0..y.ncols())
        .map(|t| parts.y_means[t] - parts.x_means.iter().zip(weights.col(t).iter()).map(|(m, w)| m * w).sum::<f64>())
        .collect();
    Ok(Linear { weights, intercept })
}
