//! The generalised shape metrics of Williams et al. 2021 (the `netrep` package): Procrustes after partial whitening,
//! and the same with the alignment fitted on some examples and the distance taken on others.

use crate::error::Result;
use crate::measure::subspace::prepare::{
    ThinSvd, angle, basis, check_pair, check_split, column_means, fail, first, product, rank, rows, scale_columns,
    subtract, thin_svd, unit, unit_pair,
};
use crate::measure::subspace::shape::{Procrustes, unit_distance};
use faer::{Mat, MatRef};

/// Eigenvalues of `XcᵀXc` below this are raised to it before the inverse square root. An absolute number, as in the
/// package: with `alpha < 1` the metric depends on the scale of the data (`XcᵀXc` is not divided by n).
pub const EIGENVALUE_FLOOR: f64 = 1e-7;

/// A generalised shape metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapeMetric {
    /// Angle in [0, π/2] radians: a metric.
    pub angular: f64,
    /// Size-and-shape distance in input units; partial whitening keeps the variance of each representation exactly.
    pub euclidean: f64,
    /// The same as the package has it: its variance factor counts directions without variance at the eigenvalue floor,
    /// which shrinks a rank-deficient representation, and one that was padded with zeros to the other's width. Equal to
    /// [`euclidean`](Self::euclidean) at full column rank and equal width.
    pub euclidean_netrep: f64,
}

/// Shape metric after the partial whitening `Z = alpha I + (1 - alpha) (XcᵀXc)^(-1/2)`; `alpha` = 1 is Procrustes,
/// `alpha` = 0 depends on the column spaces alone (as CCA does). Rows of `x` (n × p) and `y` (n × q) are the same
/// examples.
///
/// Source: Williams, Kunz, Kornblith, Linderman 2021 and the package `netrep` (`LinearMetric`).
///
/// # Errors
/// When `alpha` is outside [0, 1], or the input is refused as by [`crate::measure::subspace::shape::procrustes`].
pub fn shape_metric(x: MatRef<'_, f64>, y: MatRef<'_, f64>, alpha: f64) -> Result<ShapeMetric> {
    check_alpha(alpha)?;
    let (x, y) = unit_pair(x, y)?;
    let width = x.matrix.ncols().max(y.matrix.ncols());
    let side = |matrix: &Mat<f64>, norm: f64, name: &str| -> Result<(Mat<f64>, f64)> {
        let svd = basis(matrix.as_ref(), None)?;
        let s: Vec<f64> = svd.s.iter().map(|v| v * norm).collect();
        let weights: Vec<f64> = s.iter().map(|&v| v * whitening(v * v, alpha)).collect();
        let shaped = unit(scale_columns(svd.u.as_ref(), &weights), name)?;
        Ok((shaped.matrix, shaped.norm * netrep_factor(&s, width, alpha)))
    };
    let (a, netrep_x) = side(&x.matrix, x.norm, "x")?;
    let (b, netrep_y) = side(&y.matrix, y.norm, "y")?;
    let distance = unit_distance(a.as_ref(), b.as_ref())?;
    let exact = Procrustes::from_unit(distance, x.norm, y.norm);
    let netrep = Procrustes::from_unit(distance, netrep_x, netrep_y);
    Ok(ShapeMetric { angular: exact.angular, euclidean: exact.euclidean, euclidean_netrep: netrep.euclidean })
}

/// The partial whitening of a centred representation at unit norm, which had `norm`; itself at unit norm.
pub(crate) fn whitened(matrix: MatRef<'_, f64>, norm: f64, alpha: f64) -> Result<Mat<f64>> {
    check_alpha(alpha)?;
    let svd = basis(matrix, None)?;
    let weights: Vec<f64> = svd.s.iter().map(|v| v * norm).map(|v| v * whitening(v * v, alpha)).collect();
    crate::measure::subspace::based::weighted(svd.u.as_ref(), &weights)
}

pub(crate) fn check_alpha(alpha: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&alpha) {
        return fail(format!("alpha must lie in [0, 1], it is {alpha}; 1 is Procrustes, 0 is fully whitened"));
    }
    Ok(())
}

/// The factor by which the partial whitening scales a direction of the given eigenvalue.
pub(crate) fn whitening(eigenvalue: f64, alpha: f64) -> f64 {
    alpha + (1.0 - alpha) / eigenvalue.max(EIGENVALUE_FLOOR).sqrt()
}

/// The package's variance factor: eigenvalues at the floor count on both sides of the ratio.
pub(crate) fn netrep_factor(s: &[f64], columns: usize, alpha: f64) -> f64 {
    if alpha == 1.0 {
        return 1.0;
    }
    let eigenvalues = s.iter().map(|v| v * v).chain(std::iter::repeat_n(0.0, columns.saturating_sub(s.len())));
    let (mut before, mut after) = (0.0, 0.0);
    for eigenvalue in eigenvalues {
        let floored = eigenvalue.max(EIGENVALUE_FLOOR);
        before += floored;
        after += floored * whitening(eigenvalue, alpha).powi(2);
    }
    (before / after).sqrt()
}

/// A distance on examples that the alignment has not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeldOut {
    /// Angle in [0, π] radians; above π/2 the fitted alignment does worse than none.
    pub angular: f64,
    /// `‖X' - Y' Q‖` over the test examples, in input units.
    pub euclidean: f64,
    /// Whether the fitting examples determine the alignment. They do not when their cross-product lacks rank (fewer
    /// fitting examples than units, silent units): the value then depends on the choice the SVD made.
    pub determined: bool,
}

/// The shape metric with means, whitening and alignment fitted on the rows `fit` and the distance taken on the rows
/// `test`. Fitting and testing on the same examples biases the distance downwards, most when n is not well above p.
/// Whitening has the package's variance factor. `alpha` = 1 is held-out orthogonal Procrustes.
///
/// # Errors
/// As [`shape_metric`]; also when the split names a row that does not exist, or one twice, or leaves fewer than 2 rows to
/// fit or none to test; or when the test examples lie at the mean of the fitting ones.
pub fn shape_metric_held_out(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    alpha: f64,
    fit: &[usize],
    test: &[usize],
) -> Result<HeldOut> {
    check_alpha(alpha)?;
    check_pair(x, y)?;
    check_split(x.nrows(), fit, test)?;
    let width = x.ncols().max(y.ncols());
    let (fit_x, test_x) = whiten(x, "x", alpha, (fit, test), width)?;
    let (fit_y, test_y) = whiten(y, "y", alpha, (fit, test), width)?;
    let svd = thin_svd(product(fit_x.transpose(), fit_y.as_ref()).as_ref())?;
    let rank = rank(&svd.s, (fit_x.ncols(), fit_y.ncols()), None);
    let (a, b) = if test_x.ncols() >= test_y.ncols() {
        (test_x, map(&test_y, &svd.v, &svd.u))
    } else {
        (map(&test_x, &svd.u, &svd.v), test_y)
    };
    let euclidean = (&a - &b).norm_l2();
    let (a, b) = (unit(a, "x on the test examples")?.matrix, unit(b, "y on the test examples")?.matrix);
    let angular = angle((&a - &b).norm_l2(), (&a + &b).norm_l2());
    Ok(HeldOut { angular, euclidean, determined: rank == svd.s.len() })
}

/// `a from toᵀ`.
fn map(a: &Mat<f64>, from: &Mat<f64>, to: &Mat<f64>) -> Mat<f64> {
    product(product(a.as_ref(), from.as_ref()).as_ref(), to.transpose())
}

/// The fitting and the test rows of one representation, centred and whitened by the fitting rows.
fn whiten(
    x: MatRef<'_, f64>,
    name: &str,
    alpha: f64,
    (fit, test): (&[usize], &[usize]),
    width: usize,
) -> Result<(Mat<f64>, Mat<f64>)> {
    let (fit, test) = (rows(x, fit), rows(x, test));
    let means = column_means(fit.as_ref());
    let (fit, test) = (subtract(fit.as_ref(), &means), subtract(test.as_ref(), &means));
    // Refuses fitting rows without variance.
    let scaled = unit(fit, &format!("{name} on the fitting examples"))?;
    let fit = Mat::from_fn(scaled.matrix.nrows(), x.ncols(), |i, j| scaled.matrix[(i, j)] * scaled.norm);
    if alpha == 1.0 {
        return Ok((fit, test));
    }
    let svd = thin_svd(fit.as_ref())?;
    let svd = first(&svd, rank(&svd.s, fit.shape(), None));
    let factor = netrep_factor(&svd.s, width, alpha);
    Ok((apply(&fit, &svd, alpha, factor), apply(&test, &svd, alpha, factor)))
}

/// `factor a Z`: directions outside the fitted row space are scaled as the eigenvalue floor has it.
fn apply(a: &Mat<f64>, svd: &ThinSvd, alpha: f64, factor: f64) -> Mat<f64> {
    let outside = whitening(0.0, alpha);
    let change: Vec<f64> = svd.s.iter().map(|s| whitening(s * s, alpha) - outside).collect();
    let inside = product(a.as_ref(), svd.v.as_ref());
    let inside = product(scale_columns(inside.as_ref(), &change).as_ref(), svd.v.transpose());
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| factor * (outside * a[(i, j)] + inside[(i, j)]))
}

/// Even rows to fit, odd rows to test: a split that needs no random numbers. Not for rows that alternate by design.
pub fn alternate_halves(n: usize) -> (Vec<usize>, Vec<usize>) {
    ((0..n).step_by(2).collect(), (1..n).step_by(2).collect())
}
