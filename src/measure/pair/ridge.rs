//! Ridge regression from one representation to the other, scored on examples it was not fitted to: by contiguous folds,
//! and by leaving one out in closed form over a grid of penalties.
//!
//! `‖Y - XB‖² + alpha ‖B‖²` is least on columns centred with the means of the training examples; the intercept is not penalised. With
//! a penalty of 0 it is least squares of smallest norm.

use super::linear_regression::R2Sums;
use super::{NAME, PREDICTION};
use crate::error::{Error, Result};
use crate::measure::declaration::{
    Cross, Crossed, Device, Entry, Held, Host, Invariance, Made, Of, Scale, Side as Form, count, number, word,
};
use crate::measure::numerics::algebra::{centre, column_means, product, row_gram, scale_columns, subtract};
use crate::measure::numerics::check::{check, refuse};
use crate::measure::numerics::factor::{ThinSvd, basis, rows, thin_svd};
use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

/// Penalties that leaving one out chooses from.
const GRID: &[f64] = &[1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];

/// Held-out R² of the second from the first by ridge regression.
pub(super) const RIDGE: Entry = Entry {
    formula: "R² of held-out predictions over contiguous folds, pooled; or the mean over folds, or the median correlation",
    range: [f64::NEG_INFINITY, 1.0],
    symmetric: false,
    invariances: &[Invariance::Translation, Invariance::Permutation, Invariance::Orthogonal],
    scale: |g| if g.number("alpha") == 0.0 && g.word("choose") == "fixed" { Scale::Free } else { Scale::Own },
    cost: "folds (n p² + p³)",
    held: |g, e| {
        // The map of each fold is of all examples but its own.
        let Held { prepared, comparing, .. } = Held::of_units(e);
        let kept = (g.count("folds") + 1) as f64 * prepared;
        Held { prepared: prepared + kept, preparing: comparing, comparing }
    },
    source: "scikit-learn's Ridge and KFold; brain-score for the median correlation",
    parameters: &[
        number("alpha", 1.0, [0.0, f64::MAX], "penalty"),
        word(
            "choose",
            &["fixed", "leave-one-out"],
            "alpha as given, or the best of 1e-3 to 1e3 by leave-one-out within each training part",
        ),
        count("folds", 5, 2, "folds"),
        word("score", &["pooled", "uniform", "fold-mean", "median-pearson"], "what is made of the predictions"),
    ],
    make: |g| {
        let (alpha, folds, score) = (g.number("alpha"), g.count("folds"), g.word("score"));
        let choose = g.word("choose") == "leave-one-out";
        if choose {
            g.refuse(&["alpha"], "the penalty is chosen by leaving one out")?;
        }
        let host = Host::new(
            move |x| Regression::of(x, folds, if choose { Penalty::LeaveOneOut } else { Penalty::Fixed(alpha) }),
            move |a: &Regression, b: &Regression| {
                Scores::of(b.targets.as_ref(), a.predictions(&b.targets)?.as_ref(), &b.fold_of)?.named(score)
            },
        );
        // The penalty that leaving one out chooses depends on what is predicted.
        let device = (!choose).then(|| Device::Cross(held_out(alpha, folds, score)));
        Ok(Made { host, device })
    },
    ..Entry::similarity("ridge", "held-out R² of the second from the first by ridge regression", PREDICTION)
};

/// Leave-one-out error of ridge regression at its best penalty.
pub(super) const RIDGE_LOO: Entry = Entry {
    formula: "-mean squared leave-one-out error at the best of the penalties 1e-3 to 1e3; or that penalty, or R²",
    range: [f64::NEG_INFINITY, f64::INFINITY],
    symmetric: false,
    invariances: &[Invariance::Translation, Invariance::Permutation, Invariance::Orthogonal],
    scale: |_| Scale::Own,
    cost: "penalties n² p",
    held: |_, e| {
        let held = Held::of_units(e);
        Held { prepared: 2.0 * held.prepared, preparing: held.comparing, ..held }
    },
    source: "scikit-learn's RidgeCV",
    parameters: &[word("report", &["score", "alpha", "r2"], "score is in the squared units of the second")],
    make: |g| {
        let report = match g.word("report") {
            "alpha" => LooReport::Alpha,
            "r2" => LooReport::R2,
            _ => LooReport::Score,
        };
        let host = Host::new(
            |x| Ok((LeaveOneOut::of(x)?, centre(x))),
            move |(a, _): &(LeaveOneOut, Mat<f64>), (_, y): &(LeaveOneOut, Mat<f64>)| {
                report.of(&a.errors(y), y.squared_norm_l2(), y.nrows() * y.ncols())
            },
        );
        Ok(Made { host, device: Some(Device::Cross(left_out(report))) })
    },
    ..Entry::similarity("ridge_loo", "leave-one-out error of ridge regression at its best penalty", PREDICTION)
};

/// The ridge penalty.
#[derive(Clone, Copy)]
enum Penalty {
    /// This alpha.
    Fixed(f64),
    /// The best by leave-one-out on the training examples of each fold.
    LeaveOneOut,
}

/// A representation as the first of a pair, fitted on each training part, and as the second.
struct Regression {
    /// The fold of each example.
    fold_of: Vec<usize>,
    folds: Vec<Fold>,
    /// Centred: neither a shift nor a scale of the targets changes a score.
    targets: Mat<f64>,
}

/// How some examples are predicted from the others.
struct Fold {
    test: Vec<usize>,
    train: Vec<usize>,
    map: Map,
}

/// From centred targets of training examples to predictions, less their mean.
enum Map {
    /// The product of these two, or one that is smaller.
    Fixed(Mat<f64>, Option<Mat<f64>>),
    /// The penalty is chosen by what is predicted: test examples in the directions of the training ones.
    Chosen(Mat<f64>, LeaveOneOut),
}

impl Regression {
    fn of(x: MatRef<'_, f64>, folds: usize, penalty: Penalty) -> Result<Self> {
        check(x, NAME, 2)?;
        let fold_of = contiguous_folds(x.nrows(), folds)?;
        let fold = |fold: usize| {
            let (test, train): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|&i| fold_of[i] == fold);
            let train_x = rows(x, &train);
            let means = column_means(train_x.as_ref());
            let (train_x, test_x) = (subtract(train_x.as_ref(), &means), subtract(rows(x, &test).as_ref(), &means));
            let map = match penalty {
                Penalty::Fixed(alpha) => fixed(&train_x, &test_x, alpha)?,
                Penalty::LeaveOneOut => {
                    let (directions, v) = LeaveOneOut::of_centred(&train_x)?;
                    Map::Chosen(product(test_x.as_ref(), v.as_ref()), directions)
                }
            };
            Ok(Fold { test, train, map })
        };
        let folds = (0..folds).map(fold).collect::<Result<_>>()?;
        Ok(Self { fold_of, folds, targets: centre(x) })
    }

    /// What is predicted of centred targets (n x q).
    fn predictions(&self, y: &Mat<f64>) -> Result<Mat<f64>> {
        let mut predictions = Mat::zeros(y.nrows(), y.ncols());
        for Fold { test, train, map } in &self.folds {
            let train_y = rows(y.as_ref(), train);
            let means = column_means(train_y.as_ref());
            let train_y = subtract(train_y.as_ref(), &means);
            let change = match map {
                Map::Fixed(map, None) => product(map.as_ref(), train_y.as_ref()),
                Map::Fixed(left, Some(right)) => {
                    product(left.as_ref(), product(right.as_ref(), train_y.as_ref()).as_ref())
                }
                Map::Chosen(left, directions) => {
                    let alpha = LooReport::Alpha.of(&directions.errors(&train_y), 1.0, 1)?;
                    let shrink: Vec<f64> = directions.s.iter().map(|s| s / (s * s + alpha)).collect();
                    let inside = product(directions.u.transpose(), train_y.as_ref());
                    product(scale_columns(left.as_ref(), &shrink).as_ref(), inside.as_ref())
                }
            };
            for (j, mean) in means.iter().enumerate() {
                for (i, &row) in test.iter().enumerate() {
                    predictions[(row, j)] = change[(i, j)] + mean;
                }
            }
        }
        Ok(predictions)
    }

    /// The matrix (n x n) that maps targets to their held-out predictions, which are linear in them where the penalty is fixed.
    fn operator(&self) -> Mat<f64> {
        let mut operator = Mat::zeros(self.fold_of.len(), self.fold_of.len());
        for Fold { test, train, map } in &self.folds {
            let each = 1.0 / train.len() as f64;
            let change = match map {
                Map::Fixed(left, Some(right)) => product(left.as_ref(), right.as_ref()),
                Map::Fixed(left, None) | Map::Chosen(left, _) => left.clone(),
            };
            for (i, &row) in test.iter().enumerate() {
                // Targets are not centred by the training examples beforehand.
                let mean = change.row(i).iter().sum::<f64>() * each;
                for (j, &column) in train.iter().enumerate() {
                    operator[(row, column)] = each + change[(i, j)] - mean;
                }
            }
        }
        operator
    }
}

/// The map with a penalty: by Cholesky of the smaller Gram matrix, or by an SVD where that would lose digits.
fn fixed(train: &Mat<f64>, test: &Mat<f64>, alpha: f64) -> Result<Map> {
    // The condition of the penalised Gram matrix is at most 1 / 1e-4 above the line.
    if alpha >= 1e-4 * train.squared_norm_l2() && alpha > 0.0 {
        let primal = train.ncols() <= train.nrows();
        let mut gram = row_gram(if primal { train.transpose() } else { train.as_ref() });
        for i in 0..gram.nrows() {
            gram[(i, i)] += alpha;
        }
        if let Ok(factor) = gram.llt(Side::Lower) {
            return Ok(if primal {
                Map::Fixed(test.clone(), Some(factor.solve(train.transpose())))
            } else {
                Map::Fixed(factor.solve(product(train.as_ref(), test.transpose())).transpose().to_owned(), None)
            });
        }
    }
    let svd = if alpha > 0.0 { thin_svd(train.as_ref())? } else { basis(train.as_ref())? };
    let shrink: Vec<f64> = svd.s.iter().map(|s| if *s > 0.0 { s / (s * s + alpha) } else { 0.0 }).collect();
    let left = scale_columns(product(test.as_ref(), svd.v.as_ref()).as_ref(), &shrink);
    Ok(Map::Fixed(left, Some(svd.u.transpose().to_owned())))
}

/// Contiguous folds, as of scikit-learn's `KFold` without shuffling: the first `n mod folds` are one example longer.
pub(super) fn contiguous_folds(n: usize, folds: usize) -> Result<Vec<usize>> {
    if folds < 2 || folds > n {
        return refuse(format!("expected 2 to n folds, got {folds} with n = {n}; usual is 5"));
    }
    if n - n.div_ceil(folds) < 2 {
        return refuse(format!(
            "expected folds that leave 2 examples to train on, which {folds} folds of {n} examples do not; use fewer folds or \
             more examples"
        ));
    }
    Ok((0..folds).flat_map(|f| std::iter::repeat_n(f, n / folds + usize::from(f < n % folds))).collect())
}

/// Targets with a largest value near one, so that small numbers keep their digits in single precision; and what they were
/// multiplied by.
fn near_one(targets: &Mat<f64>) -> (Mat<f64>, f64) {
    let largest = targets.norm_max();
    let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
    (targets * faer::Scale(scale), scale)
}

/// With a fixed penalty: what `x` predicts of any number of representations is one product.
fn held_out(alpha: f64, folds: usize, score: &'static str) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        let regression = Regression::of(x, folds, Penalty::Fixed(alpha))?;
        let (targets, _) = near_one(&regression.targets);
        Ok(Form::different(regression.operator().transpose().to_owned(), targets, regression.fold_of))
    };
    let key = format!("ridge {alpha} {folds}");
    Cross::new(key, prepare, move |_: Of<'_, Vec<usize>>, b: Of<'_, Vec<usize>>, cross: &Crossed| {
        Scores::of(b.side.right().as_ref(), cross.as_ref(), b.kept)?.named(score).map(Some)
    })
}

/// Scores of held-out predictions.
pub(super) struct Scores {
    /// R² of all held-out predictions together, targets weighted by variance; at most 1, negative when the predictions are
    /// worse than the mean.
    pooled: f64,
    /// The same with all targets weighted equally; targets without variance are left out.
    uniform: f64,
    /// Mean over folds of the variance-weighted R² of each fold about its own mean; another number than the pooled one.
    /// `None` when a fold has a single example or none of its targets varies.
    fold_mean: Option<f64>,
    /// Median over targets of the Pearson correlation of pooled predictions with the truth (the brain-score convention),
    /// targets without correlation left out; `None` when there is none.
    median_pearson: Option<f64>,
}

impl Scores {
    /// Of predictions (n x q) of `y` (n x q), with the fold of each example.
    ///
    /// # Errors
    /// When `y` is constant or out of range.
    pub(super) fn of(y: MatRef<'_, f64>, predictions: MatRef<'_, f64>, fold_of: &[usize]) -> Result<Self> {
        let sums = r2_sums(y, predictions);
        if !sums.variance_weighted().is_finite() {
            return refuse(CONSTANT);
        }
        let folds = fold_of.last().map_or(0, |last| last + 1);
        let mut fold_r2 = Some(0.0);
        for fold in 0..folds {
            let test: Vec<usize> = (0..y.nrows()).filter(|&i| fold_of[i] == fold).collect();
            let r2 = r2_sums(rows(y, &test).as_ref(), rows(predictions, &test).as_ref()).variance_weighted();
            fold_r2 = fold_r2.filter(|_| r2.is_finite()).map(|sum| sum + r2);
        }
        Ok(Self {
            pooled: sums.variance_weighted(),
            uniform: sums.uniform(),
            fold_mean: fold_r2.map(|sum| sum / folds as f64),
            median_pearson: median((0..y.ncols()).filter_map(|j| correlation(y, predictions, j)).collect()),
        })
    }

    /// The score of an option.
    pub(super) fn named(&self, score: &str) -> Result<f64> {
        let none = || {
            Error::Measure(
                "a fold has targets that do not vary, so this score is not defined; take the pooled one".into(),
            )
        };
        match score {
            "uniform" => Ok(self.uniform),
            "fold-mean" => self.fold_mean.ok_or_else(none),
            "median-pearson" => self.median_pearson.ok_or_else(none),
            _ => Ok(self.pooled),
        }
    }
}

const CONSTANT: &str = "y is constant over the examples or out of range, so there is nothing to predict; leave it out";

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

/// What leaving one out needs of the predictors: all penalties and targets share one SVD.
struct LeaveOneOut {
    /// An orthonormal basis of the centred predictors, and their singular values.
    u: Mat<f64>,
    s: Vec<f64>,
    /// With n - 1 directions the space of the predictors is all there is, and what rounding leaves outside must not count, because
    /// it would be divided by a leverage near 0.
    all: bool,
}

impl LeaveOneOut {
    fn of(x: MatRef<'_, f64>) -> Result<Self> {
        check(x, NAME, 2)?;
        Ok(Self::of_centred(&centre(x))?.0)
    }

    /// Of predictors that are centred, with the directions of units.
    fn of_centred(x: &Mat<f64>) -> Result<(Self, Mat<f64>)> {
        if x.nrows() < 3 {
            return refuse(format!("leave-one-out needs at least 3 examples, there are {}; give more", x.nrows()));
        }
        let ThinSvd { u, s, v } = basis(x.as_ref())?;
        let all = s.len() + 1 >= x.nrows();
        Ok((Self { u, s, all }, v))
    }

    /// For each penalty the sum of the squared errors of centred targets, each predicted without its example; intercept included.
    fn errors(&self, targets: &Mat<f64>) -> Vec<f64> {
        let Self { u, s, all } = self;
        let n = u.nrows();
        let inside = product(u.transpose(), targets.as_ref());
        // What no penalty can reach: residuals and leverages outside the space of the predictors.
        let outside = targets - product(u.as_ref(), inside.as_ref());
        let errors = |&alpha: &f64| {
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
                for j in 0..targets.ncols() {
                    let error = if *all { residual[(i, j)] } else { residual[(i, j)] + outside[(i, j)] };
                    squares += (error / free).powi(2);
                }
            }
            squares
        };
        GRID.iter().map(errors).collect()
    }
}

/// For each penalty the matrix that maps centred targets to their leave-one-out errors, transposed and side by side
/// (n x n for each).
fn operators(x: &LeaveOneOut) -> Mat<f64> {
    let LeaveOneOut { u, s, all } = x;
    let n = u.nrows();
    let inside = product(u.as_ref(), u.transpose());
    let mut out = Mat::zeros(n, n * GRID.len());
    for (k, &alpha) in GRID.iter().enumerate() {
        let kept: Vec<f64> = s.iter().map(|s| alpha / (s * s + alpha)).collect();
        let part = product(scale_columns(u.as_ref(), &kept).as_ref(), u.transpose());
        for i in 0..n {
            // What no penalty reaches, as in the sums over examples above.
            let reached = inside[(i, i)] + 1.0 / n as f64;
            let free = part[(i, i)] + if *all { 0.0 } else { 1.0 - reached };
            for j in 0..n {
                let outside = if *all { 0.0 } else { f64::from(u8::from(i == j)) - inside[(i, j)] - 1.0 / n as f64 };
                out[(j, k * n + i)] = (part[(i, j)] + outside) / free;
            }
        }
    }
    out
}

/// Leave-one-out errors over the penalties, each linear in what is predicted.
fn left_out(report: LooReport) -> Cross {
    let prepare = |x: MatRef<'_, f64>| {
        let (targets, scale) = near_one(&centre(x));
        Ok(Form::different(operators(&LeaveOneOut::of(x)?), targets, scale))
    };
    Cross::new("leave one out", prepare, move |_: Of<'_, f64>, b: Of<'_, f64>, cross: &Crossed| {
        let (n, q) = b.side.right().shape();
        let in_units = |squares: f64| squares / (b.kept * b.kept);
        let errors: Vec<f64> = (0..GRID.len()).map(|k| in_units(cross.subrows(k * n, n).squared_norm_l2())).collect();
        let total = in_units(b.side.right().squared_norm_l2());
        if !report.is_settled(&errors, total, n * q) {
            return Ok(None);
        }
        report.of(&errors, total, n * q).map(Some)
    })
}

/// What is reported of leaving one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LooReport {
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
    fn is_settled(self, errors: &[f64], total: f64, count: usize) -> bool {
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

    /// From the sums of squared errors for each penalty, the sum of squares of the targets and how many numbers
    /// were predicted.
    fn of(self, errors: &[f64], total: f64, count: usize) -> Result<f64> {
        let best = errors.iter().zip(GRID).filter(|(e, _)| e.is_finite()).min_by(|a, b| a.0.total_cmp(b.0));
        let (Some((error, alpha)), true) = (best, total > 0.0) else {
            return refuse(CONSTANT);
        };
        Ok(match self {
            Self::Score => -error / count as f64,
            Self::Alpha => *alpha,
            Self::R2 => 1.0 - error / total,
        })
    }
}
