//! Representations at unit norm, and their singular value decompositions cut to the numerical rank: all measures truncate by the
//! same rule.

use super::algebra::centre;
use super::check::refuse;
use crate::error::{Error, Result};
use faer::{Mat, MatRef};

/// A representation of unit Frobenius norm, and the norm it had.
pub(in crate::measure) struct Unit {
    /// The representation, of norm 1.
    pub matrix: Mat<f64>,
    /// The norm before scaling.
    pub norm: f64,
}

/// Scales a matrix to unit Frobenius norm.
pub(in crate::measure) fn unit(matrix: Mat<f64>, name: &str) -> Result<Unit> {
    let norm = matrix.norm_l2();
    if norm == 0.0 {
        return constant(name);
    }
    if !norm.is_normal() {
        return refuse(format!("the norm of {name} is {norm}, out of the range of f64; rescale the representation"));
    }
    let matrix = Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / norm);
    Ok(Unit { matrix, norm })
}

/// A thin singular value decomposition.
pub(in crate::measure) struct ThinSvd {
    /// Left singular vectors, one a column.
    pub u: Mat<f64>,
    /// Singular values, largest first.
    pub s: Vec<f64>,
    /// Right singular vectors, one a column.
    pub v: Mat<f64>,
}

/// The thin SVD of `a`.
pub(in crate::measure) fn thin_svd(a: MatRef<'_, f64>) -> Result<ThinSvd> {
    match a.thin_svd() {
        Ok(svd) => {
            let s = svd.S().column_vector().iter().copied().collect();
            Ok(ThinSvd { u: svd.U().to_owned(), s, v: svd.V().to_owned() })
        }
        Err(_) => Err(Error::Numerics(format!(
            "the SVD of a {} x {} matrix did not converge; rescale the representation",
            a.nrows(),
            a.ncols()
        ))),
    }
}

/// Number of singular values above `max(rows, columns)` times the machine epsilon times the largest, as LAPACK-based packages
/// have it.
pub(in crate::measure) fn rank(s: &[f64], shape: (usize, usize)) -> usize {
    let relative = shape.0.max(shape.1) as f64 * f64::EPSILON;
    let largest = s.first().copied().unwrap_or(0.0);
    s.iter().take_while(|&&v| v > relative * largest).count()
}

/// The thin SVD cut to the numerical rank: `u` is an orthonormal basis of the column space.
pub(in crate::measure) fn basis(a: MatRef<'_, f64>) -> Result<ThinSvd> {
    let svd = thin_svd(a)?;
    Ok(first(&svd, rank(&svd.s, a.shape())))
}

/// What centring leaves of a unit that does not vary, as a part of its largest value.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// `u s vᵀ` of the units of `x`, centred or not, cut to the numerical rank that they have at length one each: what a unit spans
/// does not depend on its scale, and small units beside large ones are directions all the same. `s` belongs to the units at
/// length one; the rows of `v` have the lengths.
pub(in crate::measure) fn column_space(x: MatRef<'_, f64>, centred: bool, name: &str) -> Result<ThinSvd> {
    let mut matrix = if centred { centre(x) } else { x.to_owned() };
    let size = |c: faer::ColRef<'_, f64>| c.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let lengths: Vec<f64> = matrix
        .col_iter_mut()
        .zip(x.col_iter())
        .map(|(mut column, raw)| {
            let largest = size(column.as_ref());
            if largest <= ROUNDING * size(raw) {
                column.fill(0.0);
                return 0.0;
            }
            column.as_mut().iter_mut().for_each(|v| *v /= largest);
            let length = column.norm_l2();
            column.iter_mut().for_each(|v| *v /= length);
            largest * length
        })
        .collect();
    if lengths.iter().all(|l| *l == 0.0) {
        return constant(name);
    }
    if lengths.iter().any(|l| !l.is_finite()) {
        return refuse(format!("{name} has units too long for double precision; divide it by its largest value"));
    }
    let ThinSvd { u, s, v } = basis(matrix.as_ref())?;
    let v = Mat::from_fn(v.nrows(), v.ncols(), |i, j| v[(i, j)] * lengths[i]);
    Ok(ThinSvd { u, s, v })
}

fn constant<T>(name: &str) -> Result<T> {
    refuse(format!(
        "expected {name} to vary over the examples, got a constant one (its centred norm is 0), for which the measure is not \
         defined; leave this representation out"
    ))
}

/// The first `k` triplets of a decomposition.
pub(in crate::measure) fn first(svd: &ThinSvd, k: usize) -> ThinSvd {
    let u = svd.u.subcols(0, k).to_owned();
    let v = svd.v.subcols(0, k).to_owned();
    ThinSvd { u, s: svd.s.iter().copied().take(k).collect(), v }
}

/// The named rows of `x`; they must exist and differ from each other.
pub(in crate::measure) fn rows(x: MatRef<'_, f64>, wanted: &[usize]) -> Mat<f64> {
    Mat::from_fn(wanted.len(), x.ncols(), |i, j| x[(wanted[i], j)])
}

/// `2 asin(d / 2)` and its extension to angles above a right angle: the angle between two unit vectors at distance
/// `minus` whose sum has norm `plus`. Exact for small angles, where an arc cosine loses half the digits.
pub(in crate::measure) fn angle(minus: f64, plus: f64) -> f64 {
    2.0 * minus.atan2(plus)
}
