//! Linear regression from one representation to the other: how much of the variance of one is a linear function of the
//! other, and the R² that the ridge forms share.

use crate::error::Result;
use crate::measure::subspace::prepare::{centre, check_pair, column_space, product, unit};
use faer::MatRef;

/// In-sample fit of a linear regression with intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearFit {
    /// R² with targets weighted by their variance, `‖QxᵀYc‖² / ‖Yc‖²`, in [0, 1] (Kornblith et al. 2019, R²_LR).
    pub r2_variance_weighted: f64,
    /// Mean R² over targets, in [0, 1]; targets without variance are left out.
    pub r2_uniform: f64,
    /// Numerical rank of the predictors.
    pub rank: usize,
    /// Whether the fit is exact for want of examples (rank n - 1): R² is then 1 whatever the data.
    pub saturated: bool,
}

/// R² of predicting the columns of `y` (n × q) from `x` (n × p), on the examples it was fitted to; rows are the same
/// examples. Not symmetric: swap the arguments for the other direction. Grows with p; see [`crate::measure::subspace::ridge`] for held-out
/// forms.
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is constant.
pub fn linear_regression(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<LinearFit> {
    check_pair(x, y)?;
    let n = x.nrows();
    // What units span does not depend on their sizes.
    let space = column_space(x, true, None, "x")?;
    let y = unit(centre(y), "y")?;
    let inside = product(space.u.transpose(), y.matrix.as_ref());
    let rank = space.s.len();
    let mut sums = R2Sums::default();
    for j in 0..y.matrix.ncols() {
        let total: f64 = (0..n).map(|i| y.matrix[(i, j)].powi(2)).sum();
        let explained: f64 = (0..rank).map(|i| inside[(i, j)].powi(2)).sum();
        sums.add((total - explained).max(0.0), total);
    }
    Ok(LinearFit {
        r2_variance_weighted: sums.variance_weighted(),
        r2_uniform: sums.uniform(),
        rank,
        saturated: rank + 1 >= n,
    })
}

/// Sums from which the two averages of R² over targets follow. A target without variance has no R²: it has no weight in
/// one average and is left out of the other.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct R2Sums {
    residual: f64,
    total: f64,
    uniform: f64,
    targets: usize,
}

impl R2Sums {
    /// Adds a target with its sums of squared residuals and of squared deviations from the mean.
    pub(crate) fn add(&mut self, residual: f64, total: f64) {
        if total > 0.0 {
            self.residual += residual;
            self.total += total;
            self.uniform += 1.0 - residual / total;
            self.targets += 1;
        }
    }

    /// R² over all targets with their variances as weights; NaN without any.
    pub(crate) fn variance_weighted(&self) -> f64 {
        1.0 - self.residual / self.total
    }

    /// Mean R² over targets; NaN without any.
    pub(crate) fn uniform(&self) -> f64 {
        self.uniform / self.targets as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn half_of_one_target_by_hand() {
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        // Targets: 3 x, a contrast that is half x, a constant.
        let y = mat![[3.0, 2.0, 7.0], [3.0, 0.0, 7.0], [-3.0, 0.0, 7.0], [-3.0, -2.0, 7.0]];
        let fit = linear_regression(x.as_ref(), y.as_ref()).unwrap();
        assert!((fit.r2_variance_weighted - 40.0 / 44.0).abs() < 1e-15);
        assert!((fit.r2_uniform - 0.75).abs() < 1e-15);
        assert_eq!((fit.rank, fit.saturated), (1, false));
        let back = linear_regression(y.as_ref(), x.as_ref()).unwrap();
        assert!((back.r2_variance_weighted - 1.0).abs() < 1e-15);
    }
}
