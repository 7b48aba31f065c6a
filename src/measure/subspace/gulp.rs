//! GULP: how differently two representations predict, over all linear targets at once, with a ridge penalty.

use crate::error::Result;
use crate::measure::subspace::prepare::{
    ThinSvd, basis, centre, check_pair, column_space, fail, product, scale_columns, unit,
};
use faer::MatRef;

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
    let (x, y) = (smoothed(x, lambda, "x")?, smoothed(y, lambda, "y")?);
    // Eigenvalues of the smoothers; the singular values of a unit matrix are those of X / √n after scaling to √n.
    let shrink = |s: &f64| s * s / (s * s + lambda);
    let f: Vec<f64> = x.s.iter().map(shrink).collect();
    let g: Vec<f64> = y.s.iter().map(shrink).collect();
    // The second smoother splits into a block inside the space of x, which is compared with the first, and the rest.
    let cross = product(x.u.transpose(), y.u.as_ref());
    let outside = &y.u - product(x.u.as_ref(), cross.as_ref());
    let weighted = scale_columns(cross.as_ref(), &g);
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
    Ok(Gulp { distance: squared.sqrt(), squared })
}

/// The factorisation of the centred representation at unit norm; without a penalty only what the units span counts.
pub(crate) fn smoothed(x: MatRef<'_, f64>, lambda: f64, name: &str) -> Result<ThinSvd> {
    if lambda == 0.0 { column_space(x, true, None, name) } else { basis(unit(centre(x), name)?.matrix.as_ref(), None) }
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
