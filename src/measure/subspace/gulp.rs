//! GULP: how differently two representations predict, over all linear targets at once, with a ridge penalty.

use crate::error::Result;
use crate::measure::subspace::prepare::{basis, centre, check_pair, column_space, fail, product, scale_columns, unit};
use faer::{Mat, MatRef};

/// The GULP distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gulp {
    /// `d_λ`: a metric between representations up to orthogonal maps.
    pub distance: f64,
    /// `d_λ²`, as the paper's code reports it; 0 for representations that agree up to rotation, scale and translation.
    pub squared: f64,
}

/// GULP of `x` (n × p) and `y` (n × q), rows are the same examples: both are centred and scaled to Frobenius norm √n, then
/// `d² = tr((Σx + λ)⁻¹Σx)² + tr((Σy + λ)⁻¹Σy)² - 2 tr((Σx + λ)⁻¹Σxy(Σy + λ)⁻¹Σyx)` (Boix-Adserà et al. 2022).
/// `lambda` = 0 compares column spaces alone: d² is then `rank_x + rank_y` less twice Pillai's trace.
///
/// Computed as the squared norm of the difference of the two ridge smoothers, so it is never negative and small distances
/// keep their digits.
///
/// # Errors
/// When `lambda` is negative or not finite, the row counts differ, there are fewer than 2 rows, an entry is not finite, or
/// a representation is constant.
pub fn gulp(x: MatRef<'_, f64>, y: MatRef<'_, f64>, lambda: f64) -> Result<Gulp> {
    if !(lambda >= 0.0 && lambda.is_finite()) {
        return fail(format!("GULP's lambda must be 0 or positive, it is {lambda}; usual values are 1e-3 to 1"));
    }
    check_pair(x, y)?;
    let squared = Smoother::new(x, lambda, "x")?.apart(&Smoother::new(y, lambda, "y")?);
    Ok(Gulp { distance: squared.sqrt(), squared })
}

/// The ridge smoother of a representation that is centred and scaled to norm √n.
pub(crate) struct Smoother {
    /// An orthonormal basis of its range.
    pub basis: Mat<f64>,
    /// Its eigenvalues.
    pub shrink: Vec<f64>,
}

impl Smoother {
    /// That of `x`; without a penalty only what the units span counts.
    pub fn new(x: MatRef<'_, f64>, lambda: f64, name: &str) -> Result<Self> {
        let svd = if lambda == 0.0 {
            column_space(x, true, None, name)?
        } else {
            basis(unit(centre(x), name)?.matrix.as_ref(), None)?
        };
        // The singular values of a unit matrix are those of X / √n after scaling to √n.
        let shrink = svd.s.iter().map(|s| s * s / (s * s + lambda)).collect();
        Ok(Self { basis: svd.u, shrink })
    }

    /// Its squared norm.
    pub fn squares(&self) -> f64 {
        self.shrink.iter().map(|f| f * f).sum()
    }

    /// The squared norm of its difference from another.
    pub fn apart(&self, other: &Self) -> f64 {
        let (f, g) = (&self.shrink, &other.shrink);
        // The other splits into a block inside the range of this one, which is compared with it, and the rest.
        let cross = product(self.basis.transpose(), other.basis.as_ref());
        let outside = &other.basis - product(self.basis.as_ref(), cross.as_ref());
        let weighted = scale_columns(cross.as_ref(), g);
        let inside = product(weighted.as_ref(), cross.transpose());
        let mut squared = 0.0;
        for j in 0..inside.ncols() {
            for i in 0..inside.nrows() {
                let own = if i == j { f[i] } else { 0.0 };
                squared += (own - inside[(i, j)]).powi(2);
            }
        }
        squared += 2.0 * product(outside.as_ref(), weighted.transpose()).squared_norm_l2();
        let gram = product(outside.transpose(), outside.as_ref());
        for j in 0..gram.ncols() {
            for i in 0..gram.nrows() {
                squared += g[i] * g[j] * gram[(i, j)].powi(2);
            }
        }
        squared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn single_units_by_hand() {
        // One unit each: smoothers are f = 1 / (1 + λ) times a projector.
        let x = mat![[1.0], [1.0], [-1.0], [-1.0]];
        let y = mat![[1.0], [-1.0], [1.0], [-1.0]];
        let f = 1.0 / 1.5;
        let d = gulp(x.as_ref(), y.as_ref(), 0.5).unwrap();
        assert!((d.squared - 2.0 * f * f).abs() < 1e-15);
        assert!((gulp(x.as_ref(), y.as_ref(), 0.0).unwrap().squared - 2.0).abs() < 1e-15);
        assert!(gulp(x.as_ref(), (&x * faer::Scale(-3.0)).as_ref(), 0.5).unwrap().squared < 1e-30);
    }
}
