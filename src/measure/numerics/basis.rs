//! What a representation becomes before it is multiplied with others: its shape, a partial whitening of it, an orthonormal basis of
//! what its units span, or its main components; and the distances of the Procrustes family that follow from two shapes.

use super::algebra::{centre, scale_columns};
use super::check::{check, refuse};
use super::factor::{ThinSvd, Unit, angle, basis, column_space, first, thin_svd, unit};
use crate::error::Result;
use faer::{Mat, MatRef};

/// A representation, in errors.
const NAME: &str = "the representation";

/// Above this similarity the distance is computed from the residual: `2 - 2 s` would keep few digits.
pub(in crate::measure) const CLOSE: f64 = 0.99;

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

/// Which of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// [`Procrustes::angular`].
    Angular,
    /// [`Procrustes::normalised`].
    Normalised,
    /// [`Procrustes::euclidean`].
    Euclidean,
    /// [`Procrustes::squared`].
    Squared,
    /// [`Procrustes::disparity`].
    Disparity,
    /// [`Procrustes::nbs`].
    Nbs,
}

impl Procrustes {
    /// One of the family.
    pub fn get(&self, shape: Shape) -> f64 {
        match shape {
            Shape::Angular => self.angular,
            Shape::Normalised => self.normalised,
            Shape::Euclidean => self.euclidean,
            Shape::Squared => self.squared,
            Shape::Disparity => self.disparity,
            Shape::Nbs => self.nbs,
        }
    }

    /// From the distance of the unit-norm representations and the norms they had.
    pub(in crate::measure) fn from_unit(distance: f64, norm_x: f64, norm_y: f64) -> Self {
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

/// What a representation becomes before it is multiplied with others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Basis {
    /// Centred, at unit norm.
    Unit,
    /// Partially whitened with this alpha, at unit norm.
    Whitened(f64),
    /// An orthonormal basis of its column space.
    Orthonormal,
    /// Of the principal components that hold more than this part of the variance.
    Components(f64),
}

/// A representation in such a form.
pub struct Based {
    /// n x r.
    pub matrix: Mat<f64>,
    /// The norm of the centred representation.
    pub norm: f64,
}

impl Based {
    /// Brings `x` (n x p) into the form.
    ///
    /// # Errors
    /// Fewer than 2 examples, values that are not finite, or a constant representation.
    pub fn of(x: MatRef<'_, f64>, form: Basis) -> Result<Self> {
        check(x, NAME, 2)?;
        let Unit { matrix, norm } = unit(centre(x), NAME)?;
        let matrix = match form {
            Basis::Unit => compress(matrix)?,
            Basis::Whitened(alpha) => whitened(matrix.as_ref(), norm, alpha)?,
            Basis::Orthonormal => column_space(x, true, NAME)?.u,
            Basis::Components(part) => cut(&basis(matrix.as_ref())?, Keep::Variance(part), NAME)?.0.u,
        };
        Ok(Self { matrix, norm })
    }
}

/// A representation with the same Gram matrix and at most as many columns as rows.
fn compress(a: Mat<f64>) -> Result<Mat<f64>> {
    if a.ncols() <= a.nrows() {
        return Ok(a);
    }
    let svd = thin_svd(a.as_ref())?;
    Ok(scale_columns(svd.u.as_ref(), &svd.s))
}

/// Eigenvalues of `XcᵀXc` below this are raised to it before the inverse square root. An absolute number, as in the
/// package: with `alpha < 1` the metric depends on the scale of the data (`XcᵀXc` is not divided by n).
pub(in crate::measure) const EIGENVALUE_FLOOR: f64 = 1e-7;

/// The partial whitening of a centred representation at unit norm, which had `norm`; itself at unit norm.
pub(in crate::measure) fn whitened(matrix: MatRef<'_, f64>, norm: f64, alpha: f64) -> Result<Mat<f64>> {
    check_alpha(alpha)?;
    let svd = basis(matrix)?;
    let s: Vec<f64> = svd.s.iter().map(|v| v * norm).collect();
    Ok(weighted(&svd, &s, alpha)?.matrix)
}

/// The partial whitening of a decomposition with these singular values, at unit norm.
pub(in crate::measure) fn weighted(svd: &ThinSvd, s: &[f64], alpha: f64) -> Result<Unit> {
    let weights: Vec<f64> = s.iter().map(|&v| v * whitening(v * v, alpha)).collect();
    unit(scale_columns(svd.u.as_ref(), &weights), NAME)
}

pub(in crate::measure) fn check_alpha(alpha: f64) -> Result<()> {
    if !(0.0..=1.0).contains(&alpha) {
        return refuse(format!("alpha must lie in [0, 1], it is {alpha}; 1 is Procrustes, 0 is fully whitened"));
    }
    Ok(())
}

/// The factor by which the partial whitening scales a direction of the given eigenvalue.
pub(in crate::measure) fn whitening(eigenvalue: f64, alpha: f64) -> f64 {
    alpha + (1.0 - alpha) / eigenvalue.max(EIGENVALUE_FLOOR).sqrt()
}

/// Which principal components are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Keep {
    /// The fewest components that together hold more than this fraction of the variance, in (0, 1). Raghu et al. 2017
    /// use 0.99; the rule is scikit-learn's `PCA(n_components=fraction)`.
    Variance(f64),
    /// This many components of each representation.
    Dimensions(usize),
}

/// The kept components and the fraction of variance in them.
pub(in crate::measure) fn cut(svd: &ThinSvd, keep: Keep, name: &str) -> Result<(ThinSvd, f64)> {
    let total: f64 = svd.s.iter().map(|s| s * s).sum();
    let cumulative: Vec<f64> = svd
        .s
        .iter()
        .scan(0.0, |sum, s| {
            *sum += s * s;
            Some(*sum / total)
        })
        .collect();
    let k = match keep {
        Keep::Variance(fraction) if !(fraction > 0.0 && fraction < 1.0) => {
            return refuse(format!(
                "the kept variance must lie between 0 and 1, it is {fraction}; the usual one is 0.99"
            ));
        }
        Keep::Variance(fraction) => (cumulative.partition_point(|c| *c <= fraction) + 1).min(svd.s.len()),
        Keep::Dimensions(k) if k == 0 || k > svd.s.len() => {
            return refuse(format!(
                "SVCCA cannot keep {k} dimensions of {name}, whose rank is {}; ask for 1 to {0}",
                svd.s.len()
            ));
        }
        Keep::Dimensions(k) => k,
    };
    Ok((first(svd, k), cumulative.get(k - 1).copied().unwrap_or(1.0)))
}
