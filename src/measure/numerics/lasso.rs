//! A lasso solver that stops at a stated duality gap, which sparse prediction of units needs.
//!
//! Coordinate descent on the correlation matrix of standardised predictors, which is fast where predictors are not too
//! alike; where it has not converged after a few passes, an active-set method (feature-sign search, Lee et al. 2007)
//! starts again from the same point and reaches the optimum in a finite number of exact steps.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::{Mat, MatRef, Par};

/// One lasso problem: min ½‖y − Xw‖²/n + α‖w‖₁ for standardised columns, of which only correlations are needed.
pub(crate) struct Lasso<'a> {
    /// Correlations between predictors, p × p.
    pub gram: MatRef<'a, f64>,
    /// Correlations of the predictors with the target.
    pub target: &'a [f64],
    /// Weight of the penalty.
    pub alpha: f64,
}

/// Passes of coordinate descent before the active-set method is tried.
const DESCENT_PASSES: usize = 50;

/// How an exact step ended.
enum Step {
    Full,
    Stopped,
}

/// Weights on the way to the optimum.
#[derive(Clone)]
pub(crate) struct State {
    pub w: Vec<f64>,
    /// Correlations of the predictors with the residual: target − gram·w.
    gradient: Vec<f64>,
}

impl State {
    /// All weights 0.
    pub fn zero(target: &[f64]) -> Self {
        Self { w: vec![0.0; target.len()], gradient: target.to_vec() }
    }
}

impl Lasso<'_> {
    /// Brings `state` to a duality gap of at most `tolerance` in at most `passes` passes; returns the gap reached.
    pub fn solve(&self, state: &mut State, tolerance: f64, passes: usize) -> f64 {
        let start = state.clone();
        let gap = self.coordinate_descent(state, tolerance, passes.min(DESCENT_PASSES));
        if gap <= tolerance || passes <= DESCENT_PASSES {
            return gap;
        }
        let mut exact = start;
        let exact_gap = self.feature_sign_search(&mut exact, tolerance, passes - DESCENT_PASSES);
        if exact_gap < gap {
            *state = exact;
        }
        if exact_gap <= tolerance {
            return exact_gap;
        }
        // Only linearly dependent predictors get here; descent needs no inverse.
        self.coordinate_descent(state, tolerance, passes)
    }

    fn coordinate_descent(&self, state: &mut State, tolerance: f64, passes: usize) -> f64 {
        let all: Vec<usize> = (0..self.target.len()).collect();
        let mut gap = self.gap(state);
        for _ in 0..passes {
            if gap <= tolerance {
                break;
            }
            self.descend(state, &all);
            let support: Vec<usize> = all.iter().copied().filter(|&j| state.w[j] != 0.0).collect();
            for _ in 0..4 {
                self.descend(state, &support);
            }
            // What rounding adds up to in the updated gradient would limit the gap.
            self.refresh(state);
            gap = self.gap(state);
        }
        gap
    }

    /// Solves exactly for the predictors in use with their signs, takes one out where its sign changes, and takes in
    /// the one that violates its condition most.
    fn feature_sign_search(&self, state: &mut State, tolerance: f64, steps: usize) -> f64 {
        let mut signs: Vec<f64> = state.w.iter().map(|&w| if w == 0.0 { 0.0 } else { w.signum() }).collect();
        for _ in 0..steps {
            match self.exact_step(state, &mut signs) {
                None => break,
                Some(Step::Stopped) => continue,
                Some(Step::Full) => {}
            }
            if self.gap(state) <= tolerance {
                break;
            }
            let worst = (0..signs.len())
                .filter(|&j| signs[j] == 0.0)
                .max_by(|&a, &b| state.gradient[a].abs().total_cmp(&state.gradient[b].abs()).then(b.cmp(&a)));
            match worst {
                Some(j) if state.gradient[j].abs() > self.alpha => signs[j] = state.gradient[j].signum(),
                _ => break,
            }
        }
        self.gap(state)
    }

    /// Moves to the optimum for the given signs, or as far towards it as no weight changes its sign; that one leaves.
    fn exact_step(&self, state: &mut State, signs: &mut [f64]) -> Option<Step> {
        let active: Vec<usize> = (0..signs.len()).filter(|&j| signs[j] != 0.0).collect();
        let rhs: Vec<f64> = active.iter().map(|&j| self.target[j] - self.alpha * signs[j]).collect();
        let part = Mat::from_fn(active.len(), active.len(), |a, b| self.gram[(active[a], active[b])]);
        let goal = solve_positive(part, &rhs)?;
        let mut stop = (1.0, None);
        for (&j, &to) in active.iter().zip(&goal) {
            let from = state.w[j];
            if to * signs[j] < 0.0 && from / (from - to) < stop.0 {
                stop = (from / (from - to), Some(j));
            }
        }
        for (&j, &to) in active.iter().zip(&goal) {
            state.w[j] += stop.0 * (to - state.w[j]);
        }
        if let Some(j) = stop.1 {
            state.w[j] = 0.0;
            signs[j] = 0.0;
        }
        self.refresh(state);
        Some(if stop.1.is_some() { Step::Stopped } else { Step::Full })
    }

    fn descend(&self, state: &mut State, over: &[usize]) {
        for &j in over {
            let curvature = self.gram[(j, j)];
            let old = state.w[j];
            let pull = state.gradient[j] + old * curvature;
            let new = pull.signum() * (pull.abs() - self.alpha).max(0.0) / curvature;
            if new != old {
                state.w[j] = new;
                for (g, &c) in state.gradient.iter_mut().zip(self.gram.col(j).iter()) {
                    *g -= (new - old) * c;
                }
            }
        }
    }

    fn refresh(&self, state: &mut State) {
        state.gradient.copy_from_slice(self.target);
        for (j, &w) in state.w.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            for (g, &c) in state.gradient.iter_mut().zip(self.gram.col(j).iter()) {
                *g -= w * c;
            }
        }
    }

    /// Share of the target's variance that is left: ‖y − Xw‖²/n, and the explained part y·Xw/n.
    fn residual(&self, state: &State) -> (f64, f64) {
        let dot = |v: &[f64]| v.iter().zip(&state.w).map(|(a, w)| a * w).sum::<f64>();
        let explained = dot(self.target);
        (1.0 - explained - dot(&state.gradient), explained)
    }

    fn objective(&self, state: &State) -> f64 {
        0.5 * self.residual(state).0 + self.alpha * state.w.iter().map(|w| w.abs()).sum::<f64>()
    }

    /// Distance between the objective and that of the dual point got by scaling the residual.
    fn gap(&self, state: &State) -> f64 {
        let (left, explained) = self.residual(state);
        let largest = state.gradient.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let scale = if largest > self.alpha { self.alpha / largest } else { 1.0 };
        self.objective(state) - scale * (1.0 - explained) + 0.5 * scale * scale * left
    }
}

/// Solves a symmetric positive definite system by Cholesky; nothing if it is not positive definite.
fn solve_positive(mut a: Mat<f64>, rhs: &[f64]) -> Option<Vec<f64>> {
    let n = a.nrows();
    if n == 0 {
        return Some(Vec::new());
    }
    let mut b = Mat::from_fn(n, 1, |i, _| rhs[i]);
    // One thread: the bits must not depend on how many there are.
    let need = llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    llt::factor::cholesky_in_place(a.as_mut(), Default::default(), Par::Seq, stack, Default::default()).ok()?;
    let need = llt::solve::solve_in_place_scratch::<f64>(n, 1, Par::Seq);
    let mut memory = MemBuffer::new(need);
    llt::solve::solve_in_place(a.as_ref(), b.as_mut(), Par::Seq, MemStack::new(&mut memory));
    let x: Vec<f64> = b.col(0).iter().copied().collect();
    x.iter().all(|v| v.is_finite()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn two_predictors_have_the_weights_of_the_conditions_of_the_optimum() {
        // Where both weights are positive, gram · w = target − alpha; without correlation, targets less alpha or nothing.
        let cases = [(0.5, [0.8, 0.7], [0.8 / 1.5, 0.5 / 1.5]), (0.0, [0.8, -0.05], [0.7, 0.0])];
        for (r, target, expected) in cases {
            let gram = mat![[1.0, r], [r, 1.0]];
            let lasso = Lasso { gram: gram.as_ref(), target: &target, alpha: 0.1 };
            for way in [Lasso::solve, Lasso::coordinate_descent, Lasso::feature_sign_search] {
                let mut state = State::zero(&target);
                let gap = way(&lasso, &mut state, 1e-12, 1000);
                assert!(gap.abs() <= 1e-12, "{gap}");
                assert!(state.w.iter().zip(expected).all(|(w, e)| (w - e).abs() < 1e-5), "{:?}", state.w);
            }
        }
    }
}
