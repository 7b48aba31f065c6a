//! The generalised shape metrics of Williams et al. 2021 (the `netrep` package): Procrustes after the partial whitening
//! `Z = alpha I + (1 - alpha) (XcᵀXc)^(-1/2)`; `alpha` = 1 is Procrustes, `alpha` = 0 depends on the column spaces alone (as CCA does).
//! And the same with the alignment fitted on some examples and the distance taken on others.

use super::procrustes::nuclear;
use super::{NAME, SHAPES, few_examples};
use crate::error::Result;
use crate::measure::declaration::{Cross, Entry, Held, Invariance, NuclearValue, Of, Scale, Side, number, word};
use crate::measure::numerics::algebra::{centre, column_means, product, scale_columns, singular_values, subtract};
use crate::measure::numerics::basis::{Basis, EIGENVALUE_FLOOR, Procrustes, Shape, check_alpha, weighted, whitening};
use crate::measure::numerics::check::{check, check_pair, refuse};
use crate::measure::numerics::factor::{ThinSvd, Unit, angle, basis, first, rank, rows, thin_svd, unit};
use faer::{Mat, MatRef};

/// Generalised shape metric.
pub(super) const SHAPE: Entry = Entry {
    formula: "Procrustes of X (α I + (1 - α) (XᵀX)^-½), variance kept",
    metric: true,
    range_of: |g| (g.word("form") == "angular").then_some([0.0, std::f64::consts::FRAC_PI_2]),
    invariances: &[Invariance::Translation, Invariance::Permutation, Invariance::Orthogonal],
    scale: |g| match (g.number("alpha") < 1.0, g.word("form")) {
        // Variances below an absolute number are raised to it, as in the package.
        (true, _) => Scale::Own,
        (false, "angular") => Scale::Free,
        _ => Scale::Common(1.0),
    },
    cost: "n p² + p³",
    held: |_, e| Held::of_bases(e),
    source: "Williams et al. 2021 (netrep's LinearMetric)",
    parameters: &[
        number("alpha", 1.0, [0.0, 1.0], "1: Procrustes; 0: fully whitened"),
        word(
            "form",
            &["angular", "euclidean", "euclidean-netrep"],
            "euclidean-netrep counts directions without variance as the package does",
        ),
    ],
    caution: few_examples,
    make: |g| {
        let basis = Basis::Whitened(g.number("alpha"));
        Ok(match g.word("form") {
            "angular" => nuclear(basis, NuclearValue::Distance(Shape::Angular)),
            "euclidean" => nuclear(basis, NuclearValue::Distance(Shape::Euclidean)),
            _ => netrep_euclidean(g.number("alpha")).into(),
        })
    },
    ..Entry::distance("shape", "generalised shape metric", SHAPES)
};

/// What the package's variance factor needs.
struct Whitened {
    s: Vec<f64>,
    norm: f64,
    units: usize,
}

/// Below this part of what is subtracted from each other, too few digits are left.
const CANCELS: f64 = 0.02;

/// The size-and-shape distance with the variance factor of the package, which counts directions without variance at the eigenvalue
/// floor: that shrinks a rank-deficient representation, and one that was padded with zeros to the other's width. At full column
/// rank and equal width it is the distance without.
fn netrep_euclidean(alpha: f64) -> Cross {
    let prepare = move |x: MatRef<'_, f64>| {
        check_alpha(alpha)?;
        check(x, NAME, 2)?;
        let Unit { matrix, norm } = unit(centre(x), NAME)?;
        let svd = basis(matrix.as_ref())?;
        let s: Vec<f64> = svd.s.iter().map(|v| v * norm).collect();
        let shaped = weighted(&svd, &s, alpha)?;
        Ok(Side::same(shaped.matrix, Whitened { s, norm: shaped.norm, units: x.ncols() }))
    };
    let sized = move |a: Of<'_, Whitened>, b: Of<'_, Whitened>, squared: f64| {
        let width = a.kept.units.max(b.kept.units);
        let size = |w: Of<'_, Whitened>| w.size * w.kept.norm * netrep_factor(&w.kept.s, width, alpha);
        Procrustes::from_unit(squared.sqrt(), size(a), size(b)).euclidean
    };
    Cross::new(format!("whitened {alpha}"), prepare, move |a: Of<'_, Whitened>, b: Of<'_, Whitened>, cross| {
        let similarity: f64 = singular_values(cross.as_ref())?.iter().rev().sum();
        Ok((1.0 - similarity >= CANCELS).then(|| sized(a, b, 2.0 - 2.0 * similarity)))
    })
    .closing(move |a: Of<'_, Whitened>, b: Of<'_, Whitened>, remainder| sized(a, b, remainder.distance()))
}

/// The package's variance factor: eigenvalues at the floor count on both sides of the ratio.
fn netrep_factor(s: &[f64], columns: usize, alpha: f64) -> f64 {
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
/// When alpha is outside [0, 1], the row counts differ, an entry is not finite, or a representation is constant; also when the split names a row that does not exist, or one twice, or leaves fewer than 2 rows to
/// fit or none to test; or when the test examples lie at the mean of the fitting ones.
pub fn shape_metric_held_out(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    alpha: f64,
    fit: &[usize],
    test: &[usize],
) -> Result<HeldOut> {
    check_alpha(alpha)?;
    check_pair(x, y, 2)?;
    check_split(x.nrows(), fit, test)?;
    let width = x.ncols().max(y.ncols());
    let (fit_x, test_x) = whiten(x, "x", alpha, (fit, test), width)?;
    let (fit_y, test_y) = whiten(y, "y", alpha, (fit, test), width)?;
    let svd = thin_svd(product(fit_x.transpose(), fit_y.as_ref()).as_ref())?;
    let rank = rank(&svd.s, (fit_x.ncols(), fit_y.ncols()));
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
    let svd = first(&svd, rank(&svd.s, fit.shape()));
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

/// Checks that two sets of rows exist, hold no row twice and do not overlap.
fn check_split(n: usize, fit: &[usize], test: &[usize]) -> Result<()> {
    if fit.len() < 2 || test.is_empty() {
        return refuse(format!(
            "a split needs at least 2 rows to fit and 1 to test, it has {} and {}; move rows between them",
            fit.len(),
            test.len()
        ));
    }
    let mut seen = vec![false; n];
    for &row in fit.iter().chain(test) {
        match seen.get_mut(row) {
            None => return refuse(format!("the split names row {row}, but there are {n} rows; count from 0")),
            Some(true) => return refuse(format!("the split names row {row} twice; give each row to one side only")),
            Some(used) => *used = true,
        }
    }
    Ok(())
}
