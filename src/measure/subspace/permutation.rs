//! Permutation Procrustes: the distance once the units of one representation are matched one to one with those of the
//! other. It keeps what a rotation destroys: which unit is which.

use crate::error::Result;
use crate::measure::assignment::maximise;
use crate::measure::subspace::prepare::{
    angle, centre, check_pair, check_split, column_means, fail, product, rows, subtract, unit,
};
use faer::{Mat, MatRef};

/// A distance after matching units. Units left over on the wider side are compared with silent units.
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationProcrustes {
    /// `arccos` of [`similarity`](Self::similarity), in [0, π] radians: a metric among representations of one width.
    pub angular: f64,
    /// `min_P ‖Xc - Yc P‖`, in input units: a metric among representations of one width.
    pub euclidean: f64,
    /// `max_P tr(XcᵀYcP) / (‖Xc‖ ‖Yc‖)`, in [-1, 1].
    pub similarity: f64,
    /// The matched units `(unit of x, unit of y)`, by unit of x. Ties are broken by a fixed rule.
    pub matches: Vec<(usize, usize)>,
}

/// Permutation Procrustes of `x` (n × p) and `y` (n × q): rows are the same examples, columns are units. The matching is
/// exact, cubic in the number of units. Biased towards similar when n is not well above p, because the matching is fitted:
/// see [`permutation_procrustes_held_out`].
///
/// Source: Williams et al. 2021 (`netrep`'s `PermutationMetric`).
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is constant.
pub fn permutation_procrustes(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<PermutationProcrustes> {
    check_pair(x, y)?;
    let (x, y) = (centre(x), centre(y));
    let matches = matching(&x, &y)?;
    compare(x, y, matches, "")
}

/// The same with means and matching fitted on the rows `fit` and the distance taken on the rows `test`.
///
/// # Errors
/// As [`permutation_procrustes`]; also when the split names a row that does not exist, or one twice, or leaves fewer than
/// 2 rows to fit or none to test; or when the test examples lie at the mean of the fitting ones.
pub fn permutation_procrustes_held_out(
    x: MatRef<'_, f64>,
    y: MatRef<'_, f64>,
    fit: &[usize],
    test: &[usize],
) -> Result<PermutationProcrustes> {
    check_pair(x, y)?;
    check_split(x.nrows(), fit, test)?;
    let side = |a: MatRef<'_, f64>| {
        let fit = rows(a, fit);
        let means = column_means(fit.as_ref());
        (subtract(fit.as_ref(), &means), subtract(rows(a, test).as_ref(), &means))
    };
    let ((fit_x, test_x), (fit_y, test_y)) = (side(x), side(y));
    let matches = matching(&fit_x, &fit_y)?;
    compare(test_x, test_y, matches, " on the test examples")
}

fn matching(x: &Mat<f64>, y: &Mat<f64>) -> Result<Vec<(usize, usize)>> {
    // Norm 1 on both sides changes no matching and keeps the products in range.
    let (x, y) = (unit(x.clone(), "x")?, unit(y.clone(), "y")?);
    Ok(maximise(product(x.matrix.transpose(), y.matrix.as_ref()).as_ref())?.pairs)
}

/// The distance of two centred representations (n x p, n x q) once units are matched; `which` says of what examples.
pub(crate) fn compare(
    x: Mat<f64>,
    y: Mat<f64>,
    matches: Vec<(usize, usize)>,
    which: &str,
) -> Result<PermutationProcrustes> {
    let (x, y) = (unit(x, &format!("x{which}"))?, unit(y, &format!("y{which}"))?);
    let (norm_x, norm_y) = (x.norm, y.norm);
    // Matched units contribute their difference and their sum; the wider side's left-over units contribute to both.
    let (mut minus, mut plus, mut similarity) = (0.0, 0.0, 0.0);
    let n = x.matrix.nrows();
    let (mut left_x, mut left_y) = (vec![true; x.matrix.ncols()], vec![true; y.matrix.ncols()]);
    for &(i, j) in &matches {
        (left_x[i], left_y[j]) = (false, false);
        for row in 0..n {
            let (a, b) = (x.matrix[(row, i)], y.matrix[(row, j)]);
            minus += (a - b) * (a - b);
            plus += (a + b) * (a + b);
            similarity += a * b;
        }
    }
    for (matrix, left) in [(&x.matrix, &left_x), (&y.matrix, &left_y)] {
        for (j, _) in left.iter().enumerate().filter(|(_, left)| **left) {
            let alone: f64 = (0..n).map(|row| matrix[(row, j)] * matrix[(row, j)]).sum();
            minus += alone;
            plus += alone;
        }
    }
    let euclidean = (norm_x - norm_y).hypot(norm_x.sqrt() * norm_y.sqrt() * minus.sqrt());
    if !euclidean.is_finite() {
        return fail("the distance is out of the range of f64; rescale the representations");
    }
    Ok(PermutationProcrustes { angular: angle(minus.sqrt(), plus.sqrt()), euclidean, similarity, matches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn a_permuted_copy_is_at_distance_zero() {
        let x = mat![[1.0, 0.0, 4.0], [2.0, 1.0, 0.5], [0.0, 3.0, 1.0], [5.0, 2.0, 2.0]];
        let y = Mat::from_fn(4, 3, |i, j| x[(i, (j + 1) % 3)] + 7.0);
        let p = permutation_procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!(p.matches, [(0, 2), (1, 0), (2, 1)]);
        assert!(p.angular < 1e-14 && p.euclidean < 1e-13, "{p:?}");
    }

    #[test]
    fn a_silent_partner_costs_the_norm() {
        // y has one unit, equal to the first of x; the second of x is left over.
        let x = mat![[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        let p = permutation_procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert_eq!(p.matches, [(0, 0)]);
        assert!((p.euclidean - 4.0).abs() < 1e-14);
        assert!((p.similarity - 0.2f64.sqrt()).abs() < 1e-15);
        assert!((p.angular - 0.2f64.sqrt().acos()).abs() < 1e-15);
    }

    #[test]
    fn an_opposite_unit_is_a_straight_angle_away() {
        let x = mat![[1.0], [-1.0]];
        let y = mat![[-3.0], [3.0]];
        let p = permutation_procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert!((p.angular - std::f64::consts::PI).abs() < 1e-15 && p.similarity == -1.0);
    }
}
