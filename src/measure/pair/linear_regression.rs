//! Linear regression from one representation to the other: how much of the variance of one is a linear function of the
//! other, and the R² that the ridge forms share. On the examples of the fit, it grows with p; see [`ridge`](super::ridge) for held-out
//! forms.

use super::{NAME, ORTHOGONAL, PREDICTION};
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Of, Side, word};
use crate::measure::numerics::algebra::centre;
use crate::measure::numerics::check::check;
use crate::measure::numerics::factor::{column_space, unit};
use faer::MatRef;

/// R² of the second from the first, linearly.
pub(super) const LINEAR_REGRESSION: Entry = Entry {
    formula: "|Q_xᵀ Y|² / |Y|², on the examples of the fit",
    symmetric: false,
    invariances: ORTHOGONAL,
    cost: "n p²",
    held: |_, e| Held::of_factors(e),
    source: "Kornblith et al. 2019, table 1",
    parameters: &[word("average", &["variance", "uniform"], "targets weighted by their variance, or equally")],
    caution: |_, e| {
        (e.n <= e.p.min(e.q) + 1).then(|| {
            format!("{} examples are not more than the {} units: the fit is exact whatever the data", e.n, e.p.min(e.q))
        })
    },
    make: |g| {
        let uniform = g.word("average") == "uniform";
        let prepare = |x: MatRef<'_, f64>| {
            check(x, NAME, 2)?;
            let targets = unit(centre(x), NAME)?.matrix;
            let totals: Vec<f64> = targets.col_iter().map(|c| c.squared_norm_l2()).collect();
            // What units span does not depend on their sizes.
            Ok(Side::different(column_space(x, true, NAME)?.u, targets, totals))
        };
        let finish = move |_: Of<'_, Vec<f64>>, b: Of<'_, Vec<f64>>, cross: &Crossed| {
            let mut sums = R2Sums::default();
            for (&total, explained) in b.kept.iter().zip(cross.col_iter()) {
                sums.add((total - explained.squared_norm_l2()).max(0.0), total);
            }
            Ok(Some(if uniform { sums.uniform() } else { sums.variance_weighted() }))
        };
        Ok(Cross::new("regression", prepare, finish).into())
    },
    ..Entry::similarity("linear_regression", "R² of the second from the first, linearly", PREDICTION)
};

/// Sums from which the two averages of R² over targets follow. A target without variance has no R²: it has no weight in
/// one average and is left out of the other.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct R2Sums {
    residual: f64,
    total: f64,
    uniform: f64,
    targets: usize,
}

impl R2Sums {
    /// Adds a target with its sums of squared residuals and of squared deviations from the mean.
    pub(super) fn add(&mut self, residual: f64, total: f64) {
        if total > 0.0 {
            self.residual += residual;
            self.total += total;
            self.uniform += 1.0 - residual / total;
            self.targets += 1;
        }
    }

    /// R² over all targets with their variances as weights; NaN without any.
    pub(super) fn variance_weighted(&self) -> f64 {
        1.0 - self.residual / self.total
    }

    /// Mean R² over targets; NaN without any.
    pub(super) fn uniform(&self) -> f64 {
        self.uniform / self.targets as f64
    }
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::mat;

    #[test]
    fn half_of_one_target_by_hand() {
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        // Targets: 3 x, a contrast that is half x, a constant.
        let y = mat![[3.0, 2.0, 7.0], [3.0, 0.0, 7.0], [-3.0, 0.0, 7.0], [-3.0, -2.0, 7.0]];
        assert!((value("linear_regression", &x, &y) - 40.0 / 44.0).abs() < 1e-15);
        assert!((value("linear_regression:uniform", &x, &y) - 0.75).abs() < 1e-15);
        assert!((value("linear_regression", &y, &x) - 1.0).abs() < 1e-15);
    }
}
