//! Logistic regression with a quadratic penalty, solved to the optimum by a truncated Newton method.
//!
//! The objective is convex, so any two correct solvers agree; a Newton method agrees to many digits, where a
//! quasi-Newton one stops at its gradient tolerance. Products with the Hessian need no more than two matrix products.

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::statistic::input::{Classes, check, column_means, fail, finite, less, not_converged};
use crate::measure::statistic::probe::winners;

/// Settings of logistic regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticOptions {
    /// Inverse strength of the penalty, as in scikit-learn: `C Σ loss + ‖W‖²/2` is minimised, intercepts free.
    pub c: f64,
    /// Whether units are scaled to mean 0 and standard deviation 1 of the examples fitted on (divisor: examples);
    /// constant units are only centred.
    pub standardise: bool,
    /// Largest entry of the gradient of the mean loss at which the solver stops, in units of the inputs' size.
    pub tolerance: f64,
    /// Newton steps after which it gives up.
    pub max_iterations: usize,
}

impl Default for LogisticOptions {
    fn default() -> Self {
        Self { c: 1.0, standardise: true, tolerance: 1e-11, max_iterations: 200 }
    }
}

/// A fitted logistic regression, in the units of its inputs.
#[derive(Clone, Debug)]
pub struct Logistic {
    /// Weights (units × classes; for two classes units × 1, of the second against the first).
    pub weights: Mat<f64>,
    /// Intercepts, one for each column of the weights.
    pub intercept: Vec<f64>,
    /// Labels of the classes, ascending.
    pub classes: Vec<usize>,
    /// Newton steps taken.
    pub iterations: usize,
}

impl Logistic {
    /// Natural logarithms of the probabilities (examples × classes) for `x` (examples × units).
    ///
    /// # Errors
    /// Another number of units than fitted, or values that are not finite.
    pub fn log_probabilities(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check(x, "the representation", 1)?;
        if x.ncols() != self.weights.nrows() {
            return fail(format!(
                "the probe was fitted on {} units, but {} are given",
                self.weights.nrows(),
                x.ncols()
            ));
        }
        let scores = x * &self.weights;
        let score = |i: usize, c: usize| scores[(i, c)] + self.intercept[c];
        let two = self.intercept.len() == 1;
        let mut out = Mat::zeros(x.nrows(), self.classes.len());
        for i in 0..x.nrows() {
            if two {
                (out[(i, 0)], out[(i, 1)]) = (-softplus(score(i, 0)), -softplus(-score(i, 0)));
            } else {
                let all: Vec<f64> = (0..self.classes.len()).map(|c| score(i, c)).collect();
                let total = log_sum_exp(&all);
                all.iter().enumerate().for_each(|(c, s)| out[(i, c)] = s - total);
            }
        }
        Ok(out)
    }

    /// Most probable label of each example; the smaller of equals.
    ///
    /// # Errors
    /// As [`Logistic::log_probabilities`].
    pub fn predict(&self, x: MatRef<'_, f64>) -> Result<Vec<usize>> {
        Ok(winners(self.log_probabilities(x)?.as_ref()).into_iter().map(|c| self.classes[c]).collect())
    }
}

/// `ln(1 + e^z)` without overflow.
fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

fn log_sum_exp(z: &[f64]) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + z.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

/// Logistic regression with a quadratic penalty: multinomial, or binomial for two classes, as scikit-learn's
/// `LogisticRegression`.
///
/// `x`: examples × units; `labels`: one class an example.
///
/// # Errors
/// Labels of another length, fewer than two classes, values that are not finite, options out of range, or a solver that
/// does not reach the optimum (inputs of very different sizes: standardise).
pub fn logistic(x: MatRef<'_, f64>, labels: &[usize], options: &LogisticOptions) -> Result<Logistic> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(labels, x.nrows(), 2)?;
    let one_hot = classes.one_hot();
    let targets = if classes.number() == 2 { one_hot.subcols(1, 1).to_owned() } else { one_hot };
    let (weights, intercept, iterations) = fit(x, targets, options)?;
    Ok(Logistic { weights, intercept, classes: classes.values, iterations })
}

/// Weights and intercepts in the units of `x`, and the steps taken.
fn fit(x: MatRef<'_, f64>, targets: Mat<f64>, options: &LogisticOptions) -> Result<(Mat<f64>, Vec<f64>, usize)> {
    if !(options.c > 0.0 && options.c.is_finite() && options.tolerance > 0.0) {
        return fail(format!(
            "logistic regression needs a positive finite C and tolerance, but has {} and {}",
            options.c, options.tolerance
        ));
    }
    // The intercept has no penalty, so centring leaves the optimum where it is and helps the solver.
    let (n, means) = (x.nrows(), column_means(x));
    let mut inputs = less(x, &means);
    let scales: Vec<f64> = inputs
        .col_iter()
        .map(|c| c.norm_l2() / (n as f64).sqrt())
        .map(|s| if options.standardise && s > 0.0 { s } else { 1.0 })
        .collect();
    for (column, scale) in inputs.col_iter_mut().zip(&scales) {
        column.iter_mut().for_each(|v| *v /= scale);
    }
    // With a quadratic penalty the weights lie in the span of the examples: with fewer examples than units, solve there.
    let basis = if n < x.ncols() {
        let Ok(svd) = inputs.thin_svd() else {
            return not_converged();
        };
        inputs = &inputs * svd.V();
        Some(svd.V().to_owned())
    } else {
        None
    };
    let d = inputs.ncols();
    let design = Mat::from_fn(n, d + 1, |i, j| if j < d { inputs[(i, j)] } else { 1.0 });
    let problem = Problem { design, targets, penalty: 1.0 / (options.c * n as f64) };
    let (theta, iterations) = problem.solve(options)?;
    let mut weights = theta.subrows(0, d).to_owned();
    if let Some(basis) = basis {
        weights = basis * weights;
    }
    for (j, scale) in scales.iter().enumerate() {
        weights.row_mut(j).iter_mut().for_each(|v| *v /= scale);
    }
    // Only differences of intercepts matter among several classes; they are given with sum zero.
    let k = theta.ncols();
    let shift = if k > 1 { theta.row(d).iter().sum::<f64>() / k as f64 } else { 0.0 };
    let intercept = (0..k)
        .map(|c| theta[(d, c)] - shift - means.iter().zip(weights.col(c).iter()).map(|(m, w)| m * w).sum::<f64>())
        .collect();
    Ok((weights, intercept, iterations))
}

/// Mean loss plus penalty, over parameters of (inputs + intercept) × outputs.
struct Problem {
    design: Mat<f64>,
    targets: Mat<f64>,
    penalty: f64,
}

impl Problem {
    /// Value and probabilities.
    fn value(&self, theta: &Mat<f64>) -> (f64, Mat<f64>) {
        let mut p = &self.design * theta;
        let (n, k) = (p.nrows(), p.ncols());
        let mut loss = 0.0;
        for i in 0..n {
            if k == 1 {
                let (z, y) = (p[(i, 0)], self.targets[(i, 0)]);
                loss += softplus(z) - y * z;
                p[(i, 0)] = if z >= 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) };
            } else {
                let z: Vec<f64> = (0..k).map(|c| p[(i, c)]).collect();
                let total = log_sum_exp(&z);
                for (c, z) in z.iter().enumerate() {
                    loss += self.targets[(i, c)] * (total - z);
                    p[(i, c)] = (z - total).exp();
                }
            }
        }
        let weights = theta.subrows(0, theta.nrows() - 1);
        (loss / n as f64 + 0.5 * self.penalty * weights.squared_norm_l2(), p)
    }

    /// `Aᵀ r / n` plus the penalty of `theta`.
    fn back(&self, residual: &Mat<f64>, theta: &Mat<f64>) -> Mat<f64> {
        let mut out = self.design.transpose() * residual;
        let (n, d) = (residual.nrows() as f64, out.nrows() - 1);
        for c in 0..out.ncols() {
            for j in 0..=d {
                let penalty = if j < d { self.penalty * theta[(j, c)] } else { 0.0 };
                out[(j, c)] = out[(j, c)] / n + penalty;
            }
        }
        out
    }

    fn hessian_times(&self, p: &Mat<f64>, v: &Mat<f64>) -> Mat<f64> {
        let mut r = &self.design * v;
        let k = r.ncols();
        for i in 0..r.nrows() {
            let across: f64 = (0..k).map(|c| p[(i, c)] * r[(i, c)]).sum();
            for c in 0..k {
                let own = if k == 1 { r[(i, c)] * (1.0 - p[(i, c)]) } else { r[(i, c)] - across };
                r[(i, c)] = p[(i, c)] * own;
            }
        }
        self.back(&r, v)
    }

    /// Diagonal of the Hessian, kept away from zero.
    fn diagonal(&self, p: &Mat<f64>) -> Mat<f64> {
        let n = p.nrows() as f64;
        let squares = Mat::from_fn(self.design.nrows(), self.design.ncols(), |i, j| self.design[(i, j)].powi(2));
        let spread = Mat::from_fn(p.nrows(), p.ncols(), |i, c| p[(i, c)] * (1.0 - p[(i, c)]));
        let mut out = squares.transpose() * spread;
        let d = out.nrows() - 1;
        out.col_iter_mut().for_each(|c| {
            c.iter_mut().enumerate().for_each(|(j, v)| {
                *v = (*v / n + if j < d { self.penalty } else { 0.0 }).max(f64::MIN_POSITIVE.sqrt());
            });
        });
        out
    }

    /// Newton direction by conjugate gradients with the Hessian's diagonal as preconditioner.
    fn direction(&self, p: &Mat<f64>, gradient: &Mat<f64>, precision: f64) -> Mat<f64> {
        let diagonal = self.diagonal(p);
        let divided = |r: &Mat<f64>| Mat::from_fn(r.nrows(), r.ncols(), |j, c| r[(j, c)] / diagonal[(j, c)]);
        let mut step = Mat::zeros(gradient.nrows(), gradient.ncols());
        let mut residual = gradient * faer::Scale(-1.0);
        let mut z = divided(&residual);
        let mut along = z.clone();
        let mut rz = inner(&residual, &z);
        let enough = precision * gradient.norm_l2();
        for turn in 0..(10 * gradient.nrows() * gradient.ncols()).clamp(20, 2000) {
            let h = self.hessian_times(p, &along);
            let curvature = inner(&along, &h);
            if curvature <= 0.0 || !curvature.is_finite() {
                // A direction without curvature: only shifts of all intercepts together, or rounding.
                return if turn == 0 { z } else { step };
            }
            let length = rz / curvature;
            step += faer::Scale(length) * &along;
            residual -= faer::Scale(length) * &h;
            if residual.norm_l2() <= enough {
                break;
            }
            z = divided(&residual);
            let next = inner(&residual, &z);
            along = &z + faer::Scale(next / rz) * &along;
            rz = next;
        }
        step
    }

    fn solve(&self, options: &LogisticOptions) -> Result<(Mat<f64>, usize)> {
        let mut theta = Mat::<f64>::zeros(self.design.ncols(), self.targets.ncols());
        // A gradient cannot be known better than the rounding of sums of inputs.
        let size =
            self.design.col_iter().map(|c| c.norm_l2()).fold(1.0, f64::max) / (self.design.nrows() as f64).sqrt();
        let size = finite(size.max(1.0), "the size of a unit")?;
        let (mut value, mut p) = self.value(&theta);
        let mut first = 0.0;
        for iteration in 0..=options.max_iterations {
            let residual = &p - &self.targets;
            let gradient = self.back(&residual, &theta);
            let (largest, norm) = (gradient.norm_max(), gradient.norm_l2());
            if iteration == 0 {
                first = norm;
            }
            if largest <= options.tolerance * size {
                return Ok((theta, iteration));
            }
            let precision = (norm / first).sqrt().clamp(1e-12, 0.1);
            let step = self.direction(&p, &gradient, precision);
            let slope = inner(&gradient, &step);
            // Close to the optimum values differ by less than their rounding: a full step is right then.
            let slack = 16.0 * f64::EPSILON * value.abs();
            let mut length = 1.0;
            let found = (0..50).find_map(|_| {
                let candidate = &theta + faer::Scale(length) * &step;
                let (v, q) = self.value(&candidate);
                let good = v <= value + 1e-4 * length * slope + slack;
                length *= 0.5;
                good.then_some((candidate, v, q))
            });
            match found {
                Some(better) => (theta, value, p) = better,
                None if largest <= 1e-7 * size => return Ok((theta, iteration)),
                None => break,
            }
        }
        fail(
            "logistic regression did not reach its optimum: standardise the units, use a smaller C, or allow more \
             iterations",
        )
    }
}

fn inner(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    a.col_iter().zip(b.col_iter()).map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>()).sum()
}
