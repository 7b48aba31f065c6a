//! Orthogonal Procrustes: how far two representations are apart once the best rotation and reflection is applied.
//!
//! All distances come from one nuclear norm, taken from an SVD. When the two are close, the distance is the norm of
//! the residual itself: `2 - 2 s` would lose half the digits there, and a rotated copy would be 1e-8 away from itself.
//! That makes a rotated copy 1e-15 away where the singular values of the representation span less than 8 decades; beyond
//! that the rotation of the weakest directions is rounding, and about 1e-9 of unit norm remains.

use crate::error::Result;
use crate::measure::subspace::prepare::{angle, product, scale_columns, singular_values, thin_svd, unit_pair};
use faer::{Mat, MatRef};

/// Above this similarity the distance is computed from the residual.
pub(crate) const CLOSE: f64 = 0.99;

/// The orthogonal Procrustes family. All distances are 0 exactly for representations that agree up to translation and
/// orthogonal maps (the scale-free ones also up to isotropic scale). With different widths the narrower representation is
/// padded with zeros.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Procrustes {
    /// `‖XcᵀYc‖_*`, the nuclear norm of the cross-product of the centred representations; in squared input units.
    pub nuclear_norm: f64,
    /// Size-and-shape distance `min_Q ‖Xc - Yc Q‖`, in input units: a metric (Williams et al. 2021).
    pub euclidean: f64,
    /// The square of [`euclidean`](Self::euclidean): the Procrustes distance of Ding et al. 2021.
    pub squared: f64,
    /// `min_Q ‖X̂ - Ŷ Q‖` of the representations scaled to unit Frobenius norm: a metric in [0, √2].
    pub normalised: f64,
    /// `arccos(nbs)`, the Riemannian shape distance: a metric in [0, π/2] radians (Williams et al. 2021).
    pub angular: f64,
    /// `1 - nbs²`, in [0, 1]: the residual when the scale is fitted as well (`scipy.spatial.procrustes`).
    pub disparity: f64,
    /// `‖XcᵀYc‖_* / (‖Xc‖ ‖Yc‖)`, in [0, 1]: normalised Bures similarity, the cosine of [`angular`](Self::angular)
    /// (Harvey et al. 2024).
    pub nbs: f64,
}

/// Computes the Procrustes family of `x` (n × p) and `y` (n × q): rows are the same examples, columns are units.
///
/// # Errors
/// When the row counts differ, there are fewer than 2 rows, an entry is not finite, or a representation is constant.
pub fn procrustes(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<Procrustes> {
    let (x, y) = unit_pair(x, y)?;
    let distance = unit_distance(x.matrix.as_ref(), y.matrix.as_ref())?;
    Ok(Procrustes::from_unit(distance, x.norm, y.norm))
}

impl Procrustes {
    /// From the distance of the unit-norm representations and the norms they had.
    pub(crate) fn from_unit(distance: f64, norm_x: f64, norm_y: f64) -> Self {
        let similarity = (1.0 - 0.5 * distance * distance).max(0.0);
        // ‖Xc‖² + ‖Yc‖² - 2 ‖Xc‖‖Yc‖ s, written so that nothing cancels.
        let euclidean = (norm_x - norm_y).hypot(norm_x.sqrt() * norm_y.sqrt() * distance);
        Self {
            nuclear_norm: similarity * norm_x * norm_y,
            euclidean,
            squared: euclidean * euclidean,
            normalised: distance,
            angular: angle(distance, (4.0 - distance * distance).sqrt()),
            disparity: 0.5 * distance * distance * (1.0 + similarity),
            nbs: similarity,
        }
    }
}

/// `min_Q ‖a - b Q‖` of two matrices of unit norm.
pub(crate) fn unit_distance(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<f64> {
    let (a, b) = (compress(a)?, compress(b)?);
    let cross = product(a.transpose(), b.as_ref());
    let similarity: f64 = singular_values(cross.as_ref())?.iter().rev().sum();
    if similarity < CLOSE {
        return Ok((2.0 - 2.0 * similarity).sqrt());
    }
    let svd = thin_svd(cross.as_ref())?;
    // The narrower side is mapped into the wider one: that map keeps norms, the other would not.
    if a.ncols() >= b.ncols() {
        let moved = product(product(b.as_ref(), svd.v.as_ref()).as_ref(), svd.u.transpose());
        Ok((&a - &moved).norm_l2())
    } else {
        let moved = product(product(a.as_ref(), svd.u.as_ref()).as_ref(), svd.v.transpose());
        Ok((&moved - &b).norm_l2())
    }
}

/// A representation with the same Gram matrix and at most as many columns as rows.
pub(crate) fn compress(a: MatRef<'_, f64>) -> Result<Mat<f64>> {
    if a.ncols() <= a.nrows() {
        return Ok(a.to_owned());
    }
    let svd = thin_svd(a)?;
    Ok(scale_columns(svd.u.as_ref(), &svd.s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn two_points_have_one_shape() {
        // Two examples are a segment: any two segments have the same shape and differ in length only.
        let x = mat![[0.0, 0.0], [3.0, 4.0]];
        let y = mat![[1.0, 7.0], [1.0, 8.0]];
        let p = procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert!(p.angular < 1e-15 && p.disparity < 1e-30 && (p.nbs - 1.0).abs() < 1e-15, "{p:?}");
        // The centred norms are 5/√2 and 1/√2.
        assert!((p.euclidean - 4.0 / 2f64.sqrt()).abs() < 1e-14);
        assert!((p.nuclear_norm - 2.5).abs() < 1e-14);
    }

    #[test]
    fn orthogonal_contrasts_are_a_right_angle_apart() {
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        let p = procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert!((p.angular - std::f64::consts::FRAC_PI_2).abs() < 1e-15);
        assert!((p.normalised - 2f64.sqrt()).abs() < 1e-15 && (p.disparity - 1.0).abs() < 1e-15);
        assert!((p.squared - 8.0).abs() < 1e-14);
    }

    #[test]
    fn a_small_angle_is_exact() {
        // The second unit is turned by 1e-9 radians towards a contrast that x does not have.
        let (c, s) = (1e-9f64.cos(), 1e-9f64.sin());
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[c + s], [c - s], [-c + s], [-c - s]];
        let p = procrustes(x.as_ref(), y.as_ref()).unwrap();
        assert!((p.angular / 1e-9 - 1.0).abs() < 1e-6, "{}", p.angular);
    }
}
