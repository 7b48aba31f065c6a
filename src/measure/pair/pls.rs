//! Linear predictivity by partial least squares: how well one representation predicts the other through a few directions, on
//! examples it was not fitted to.

use super::PREDICTION;
use super::ridge::{Scores, contiguous_folds};
use crate::error::Result;
use crate::measure::declaration::{Entry, Held, Host, Invariance as I, count, word};
use crate::measure::numerics::algebra::{column_means, product, subtract};
use crate::measure::numerics::check::check_pair;
use crate::measure::numerics::factor::{ThinSvd, rows, thin_svd};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Scale};

/// Held-out predictivity of the second from the first by partial least squares.
pub(super) const PLS: Entry = Entry {
    formula: "median over Y's units of the correlation with held-out predictions by PLS over contiguous folds; pooled: their R²",
    range: [f64::NEG_INFINITY, 1.0],
    symmetric: false,
    invariances: &[I::Translation, I::Scaling, I::Permutation],
    cost: "folds components (n p + p² q)",
    held: |_, e| {
        let Held { prepared, comparing, .. } = Held::of_units(e);
        Held { prepared, preparing: 0.0, comparing: 2.0 * comparing }
    },
    source: "brain-score's PLS; Wold, as scikit-learn's PLSRegression(scale=False)",
    parameters: &[
        count("components", 25, 1, "directions, at most: no more than there are"),
        count("folds", 5, 2, "folds"),
        word("score", &["median-pearson", "pooled", "uniform", "fold-mean"], "what is made of the predictions"),
    ],
    make: |g| {
        let (components, folds, score) = (g.count("components"), g.count("folds"), g.word("score"));
        Ok(Host::of_pair(move |x, y| {
            check_pair(x, y, 2)?;
            let fold_of = contiguous_folds(x.nrows(), folds)?;
            let mut predictions = Mat::zeros(y.nrows(), y.ncols());
            for fold in 0..folds {
                let (test, train): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|&i| fold_of[i] == fold);
                let fitted = Fitted::new(rows(x, &train).as_ref(), rows(y, &train).as_ref(), components)?;
                let predicted = fitted.predict(rows(x, &test).as_ref());
                for (i, &row) in test.iter().enumerate() {
                    predictions.row_mut(row).copy_from(predicted.row(i));
                }
            }
            Scores::of(y, predictions.as_ref(), &fold_of)?.named(score)
        })
        .into())
    },
    ..Entry::similarity(
        "pls",
        "held-out predictivity of the second from the first by partial least squares",
        PREDICTION,
    )
};

/// Partial least squares fitted to some examples: predictions of `y` from `x` through a few directions of `x`, each of largest
/// covariance with what `y` is (PLS2 by deflation of `x`: Wold; the same as scikit-learn's `PLSRegression(scale=False)` once its
/// iterations do not move).
struct Fitted {
    x_means: Vec<f64>,
    y_means: Vec<f64>,
    /// `[p, q]`
    coefficients: Mat<f64>,
}

/// Covariance below this part of the first direction's is rounding: there are no more directions.
const EXHAUSTED: f64 = 1e-12;

impl Fitted {
    fn new(x: MatRef<'_, f64>, y: MatRef<'_, f64>, components: usize) -> Result<Self> {
        let (x_means, y_means) = (column_means(x), column_means(y));
        let (mut rest, y) = (subtract(x, &x_means), subtract(y, &y_means));
        let mut covariance = product(rest.transpose(), y.as_ref());
        let (p, q) = covariance.shape();
        let [mut weights, mut loadings] = [(); 2].map(|()| Mat::<f64>::zeros(p, components));
        let mut targets = Mat::<f64>::zeros(q, components);
        let (mut found, mut first) = (0, 0.0);
        for k in 0..components.min(p).min(x.nrows() - 1) {
            let ThinSvd { u, s, .. } = thin_svd(covariance.as_ref())?;
            let largest = s.first().copied().unwrap_or(0.0);
            first = f64::max(first, largest);
            if largest <= EXHAUSTED * first {
                break;
            }
            let direction = u.subcols(0, 1);
            let scores = product(rest.as_ref(), direction);
            let size = scores.squared_norm_l2();
            let loading = product(rest.transpose(), scores.as_ref()) * Scale(1.0 / size);
            let target = product(y.transpose(), scores.as_ref()) * Scale(1.0 / size);
            weights.col_mut(k).copy_from(direction.col(0));
            loadings.col_mut(k).copy_from(loading.col(0));
            targets.col_mut(k).copy_from(target.col(0));
            rest -= product(scores.as_ref(), loading.transpose());
            // `y` less its part along the scores has the same covariance with what is left of `x`, which is orthogonal to them.
            covariance = product(rest.transpose(), y.as_ref());
            found = k + 1;
        }
        let [weights, loadings, targets] = [&weights, &loadings, &targets].map(|m| m.subcols(0, found));
        // `W (PᵀW)⁻¹ Qᵀ`: directions of `x` itself, not of what was left of it.
        let inner = product(loadings.transpose(), weights);
        let solved = inner.partial_piv_lu().solve(targets.transpose());
        Ok(Self { x_means, y_means, coefficients: product(weights, solved.as_ref()) })
    }

    fn predict(&self, x: MatRef<'_, f64>) -> Mat<f64> {
        let mut out = product(subtract(x, &self.x_means).as_ref(), self.coefficients.as_ref());
        for (column, mean) in out.col_iter_mut().zip(&self.y_means) {
            column.iter_mut().for_each(|v| *v += mean);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::{assert_close, value};
    use faer::Mat;

    fn made(n: usize, p: usize, turn: usize) -> Mat<f64> {
        Mat::from_fn(n, p, |i, j| ((i * (11 + turn) + j * 5 + i * j * 3 + i * i) % 31) as f64)
    }

    #[test]
    fn with_all_directions_it_is_least_squares() {
        let (x, y) = (made(40, 4, 0), made(40, 3, 2));
        let least_squares = value("ridge:alpha=0", &x, &y);
        assert_close("as many as units", value("pls:components=4:pooled", &x, &y), least_squares, 1e-10);
        assert_close("more than units", value("pls:pooled", &x, &y), least_squares, 1e-10);
        assert!(value("pls:components=1:pooled", &x, &y) != least_squares);
    }

    #[test]
    fn what_one_direction_carries_is_found_with_one() {
        let x = made(30, 5, 1);
        let y = Mat::from_fn(30, 2, |i, j| (j + 1) as f64 * x[(i, 0)]);
        let x = Mat::from_fn(30, 1, |i, _| 3.0 * x[(i, 0)] + 7.0);
        assert_close("pooled", value("pls:components=1:pooled", &x, &y), 1.0, 1e-13);
        assert_close("median", value("pls:components=1", &x, &y), 1.0, 1e-13);
    }
}
