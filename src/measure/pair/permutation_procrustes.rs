//! Permutation Procrustes: the distance once the units of one representation are matched one to one with those of the
//! other. It keeps what a rotation destroys: which unit is which. Units left over on the wider side are compared with silent
//! units. The matching is exact, cubic in the number of units, and biased towards similar when n is not well above p, because it
//! is fitted.

use super::{NAME, SHAPES, few_examples};
use crate::measure::declaration::{Cross, Crossed, Entry, Held, Invariance, Of, Scale, Side, word};
use crate::measure::numerics::algebra::centre;
use crate::measure::numerics::assignment::maximise;
use crate::measure::numerics::check::{check, finite};
use crate::measure::numerics::factor::{Unit, angle, unit};
use faer::{Mat, MatRef};

/// Procrustes distance by matching units.
pub(super) const PERMUTATION_PROCRUSTES: Entry = Entry {
    formula: "arccos(max_P tr(XᵀYP) / (|X| |Y|)), or min_P |X - YP|",
    metric: true,
    range_of: |g| (g.word("form") == "angular").then_some([0.0, std::f64::consts::PI]),
    invariances: &[Invariance::Translation, Invariance::Scaling, Invariance::Permutation],
    scale: |g| if g.word("form") == "euclidean" { Scale::Common(1.0) } else { Scale::Free },
    cost: "n p² + p³",
    held: |_, e| Held::of_units(e),
    source: "Williams et al. 2021",
    parameters: &[word("form", &["angular", "euclidean"], "euclidean keeps the scale")],
    caution: few_examples,
    make: |g| {
        let angular = g.word("form") == "angular";
        let prepare = |x: MatRef<'_, f64>| {
            check(x, NAME, 2)?;
            // Norm 1 on both sides changes no matching and keeps the products in range.
            let Unit { matrix, norm } = unit(centre(x), NAME)?;
            Ok(Side::same(matrix, norm))
        };
        let finish = move |a: Of<'_, f64>, b: Of<'_, f64>, cross: &Crossed| {
            let matches = maximise(cross.as_ref())?.pairs;
            let [minus, plus] = apart(&a.side.left, b.side.right(), &matches);
            if angular {
                return Ok(Some(angle(minus, plus)));
            }
            let (x, y) = (a.kept * a.size, b.kept * b.size);
            finite((x - y).hypot(x.sqrt() * y.sqrt() * minus), "the distance").map(Some)
        };
        Ok(Cross::new("unit norm", prepare, finish).into())
    },
    ..Entry::distance("permutation_procrustes", "Procrustes distance by matching units", SHAPES)
};

/// The norms of the difference and of the sum of two representations (n x p, n x q) once units are matched: left-over units of the
/// wider side are in both.
fn apart(x: &Mat<f64>, y: &Mat<f64>, matches: &[(usize, usize)]) -> [f64; 2] {
    let (mut minus, mut plus) = (0.0, 0.0);
    let (mut left_x, mut left_y) = (vec![true; x.ncols()], vec![true; y.ncols()]);
    for &(i, j) in matches {
        (left_x[i], left_y[j]) = (false, false);
        for (a, b) in x.col(i).iter().zip(y.col(j).iter()) {
            minus += (a - b) * (a - b);
            plus += (a + b) * (a + b);
        }
    }
    for (matrix, left) in [(x, &left_x), (y, &left_y)] {
        for (j, _) in left.iter().enumerate().filter(|(_, left)| **left) {
            let alone = matrix.col(j).squared_norm_l2();
            minus += alone;
            plus += alone;
        }
    }
    [minus.sqrt(), plus.sqrt()]
}

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::{Mat, mat};

    #[test]
    fn a_permuted_copy_is_no_distance_away() {
        let x = mat![[1.0, 0.0, 5.0], [2.0, -3.0, 1.0], [0.5, 1.0, -2.0], [-1.0, 2.0, 0.0]];
        let y = Mat::from_fn(4, 3, |i, j| x[(i, (j + 1) % 3)] + 7.0);
        assert!(value("permutation_procrustes", &x, &y) < 1e-14);
        assert!(value("permutation_procrustes:euclidean", &x, &y) < 1e-13);
    }

    #[test]
    fn a_silent_partner_costs_the_norm() {
        // y has one unit, equal to the first of x; the second of x is left over.
        let x = mat![[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        assert!((value("permutation_procrustes:euclidean", &x, &y) - 4.0).abs() < 1e-14);
        assert!((value("permutation_procrustes", &x, &y) - 0.2f64.sqrt().acos()).abs() < 1e-15);
    }

    #[test]
    fn an_opposite_unit_is_a_straight_angle_away() {
        let (x, y) = (mat![[1.0], [-1.0]], mat![[-3.0], [3.0]]);
        assert!((value("permutation_procrustes", &x, &y) - std::f64::consts::PI).abs() < 1e-15);
    }
}
