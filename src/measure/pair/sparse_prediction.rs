//! Sparse prediction: how well every unit of one representation is a combination of a few units of another, which
//! finds one-to-many mappings that a one-to-one matching misses.
//!
//! Li, Yosinski, Clune, Lipson and Hopcroft 2016 (*Convergent Learning*): units are standardised to mean 0
//! and variance 1 and predicted with an L1 penalty, ½‖y − Xw‖²/n + α‖w‖₁. They train the
//! mapping by gradient descent; here the same convex problem is solved to a stated duality gap. The R² is unique; which units are used is
//! not if units of the first depend linearly on each other. With fewer examples than units of the first small penalties fit perfectly.

use super::matching::constant_units;
use super::{MATCHING, NAME, UNITS};
use crate::error::Result;
use crate::measure::declaration::{Entry, Held, Host, number, word};
use crate::measure::numerics::algebra::product;
use crate::measure::numerics::check::refuse;
use crate::measure::numerics::lasso::{Lasso, State};
use crate::measure::numerics::units::{Units, cross_correlation};
use faer::Mat;

/// R² of the second's units from few of the first's.
pub(super) const SPARSE_PREDICTION: Entry = Entry {
    formula: "mean R² over units of y of the lasso min |y - X w|² / 2n + alpha |w|₁, standardised units",
    symmetric: false,
    range_of: |g| (g.word("report") == "units").then_some([0.0, f64::INFINITY]),
    invariances: MATCHING,
    cost: "n p² + passes p² q",
    held: |_, e| {
        let held = Held::of_units(e);
        Held { prepared: held.prepared + (e.p as f64).powi(2), ..held }
    },
    source: "Li et al. 2016",
    parameters: &[
        number("alpha", 0.05, [f64::MIN_POSITIVE, 1.0], "penalty; 1 uses no unit"),
        word("report", &["r2", "units"], "mean R², or mean number of units used"),
    ],
    caution: constant_units,
    make: |g| {
        let (alpha, used) = (g.number("alpha"), g.word("report") == "units");
        let host = Host::new(
            |x| Ok(Predictors::of(Units::new(x, NAME)?)),
            move |a: &Predictors, b: &Predictors| {
                let found = a.predict(&b.units, alpha)?;
                Ok(if used { found.units_used } else { found.r_squared })
            },
        );
        Ok(host.into())
    },
    ..Entry::similarity("sparse_prediction", "R² of the second's units from few of the first's", UNITS)
};

/// Duality gap to reach, as a share of the target's variance: the objective is at most this far from its optimum.
const GAP: f64 = 1e-9;

/// Most passes over the predictors, or exact steps, for a target before giving up.
const MAX_PASSES: usize = 10_000;

/// Units, and their correlations with each other.
struct Predictors {
    units: Units,
    gram: Mat<f64>,
}

/// Means over the units that are predicted.
struct Prediction {
    r_squared: f64,
    /// How many predictors a prediction uses.
    units_used: f64,
    /// Of each predictor for each target.
    #[cfg_attr(not(test), expect(dead_code))]
    weights: Mat<f64>,
}

impl Predictors {
    fn of(units: Units) -> Self {
        let gram = cross_correlation(&units, &units);
        Self { units, gram }
    }

    /// Of each unit of another representation by lasso, on the same examples.
    fn predict(&self, targets: &Units, alpha: f64) -> Result<Prediction> {
        let with_target = cross_correlation(&self.units, targets);
        let mut weights = Mat::zeros(with_target.nrows(), with_target.ncols());
        for j in 0..with_target.ncols() {
            let target: Vec<f64> = with_target.col(j).iter().copied().collect();
            let mut state = State::zero(&target);
            let lasso = Lasso { gram: self.gram.as_ref(), target: &target, alpha };
            let gap = lasso.solve(&mut state, GAP, MAX_PASSES);
            if gap.is_nan() || gap > GAP {
                return refuse(format!(
                    "expected the lasso for unit {} of the second to reach a duality gap of {GAP:e} at penalty {alpha:e}, got \
                     {gap:e} after {MAX_PASSES} passes; take a larger penalty",
                    targets.kept[j]
                ));
            }
            weights.col_mut(j).iter_mut().zip(&state.w).for_each(|(a, b)| *a = *b);
        }
        let left = &targets.columns - product(self.units.columns.as_ref(), weights.as_ref());
        let q = weights.ncols() as f64;
        // Targets are centred and of unit length.
        let error: f64 = left
            .col_iter()
            .zip(targets.columns.col_iter())
            .map(|(left, target)| left.squared_norm_l2() / target.squared_norm_l2())
            .sum();
        let used = weights.col_iter().flat_map(|c| c.iter()).filter(|w| **w != 0.0).count();
        Ok(Prediction { r_squared: 1.0 - error / q, units_used: used as f64 / q, weights })
    }
}

#[cfg(test)]
mod tests;
