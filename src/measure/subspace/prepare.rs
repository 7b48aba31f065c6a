//! What every measure does first: check the input, centre it, scale it, factor it. Kept in one place so that all
//! measures refuse the same input with the same words, and centre and truncate by the same rule.

use crate::error::{Error, Result};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

/// An error with the given sentence.
pub(crate) fn fail<T>(sentence: impl Into<String>) -> Result<T> {
    Err(Error::Measure(sentence.into()))
}

/// Checks one representation: at least two rows, one column, all entries finite.
pub(crate) fn check(x: MatRef<'_, f64>, name: &str) -> Result<()> {
    if x.nrows() < 2 {
        return fail(format!("{name} needs at least 2 rows (examples), it has {}; give more examples", x.nrows()));
    }
    if x.ncols() == 0 {
        return fail(format!("{name} needs at least 1 column (unit), it has none; give the activations of a layer"));
    }
    for j in 0..x.ncols() {
        for i in 0..x.nrows() {
            if !x[(i, j)].is_finite() {
                let value = x[(i, j)];
                return fail(format!(
                    "{name} must be finite, but row {i}, column {j} is {value}; remove or repair that example"
                ));
            }
        }
    }
    Ok(())
}

/// Checks two representations of the same examples.
pub(crate) fn check_pair(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<()> {
    if x.nrows() != y.nrows() {
        return fail(format!(
            "x and y must hold the same examples, but x has {} rows and y has {}; use the same stimuli for both",
            x.nrows(),
            y.nrows()
        ));
    }
    check(x, "x")?;
    check(y, "y")
}

/// Column means. A column whose entries are all equal has exactly that entry as its mean, so that centring makes it
/// exactly zero; other columns get a second pass that removes the rounding of the first.
pub(crate) fn column_means(x: MatRef<'_, f64>) -> Vec<f64> {
    let n = x.nrows();
    (0..x.ncols())
        .map(|j| {
            let first = x[(0, j)];
            if (1..n).all(|i| x[(i, j)] == first) {
                return first;
            }
            let mean = (0..n).map(|i| x[(i, j)]).sum::<f64>() / n as f64;
            mean + (0..n).map(|i| x[(i, j)] - mean).sum::<f64>() / n as f64
        })
        .collect()
}

/// `x` less the given column means.
pub(crate) fn subtract(x: MatRef<'_, f64>, means: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - means[j])
}

/// `x` less its column means.
pub(crate) fn centre(x: MatRef<'_, f64>) -> Mat<f64> {
    subtract(x, &column_means(x))
}

/// A representation of unit Frobenius norm, and the norm it had.
pub(crate) struct Unit {
    /// The representation, of norm 1.
    pub matrix: Mat<f64>,
    /// The norm before scaling.
    pub norm: f64,
}

/// Scales a matrix to unit Frobenius norm.
pub(crate) fn unit(matrix: Mat<f64>, name: &str) -> Result<Unit> {
    let norm = matrix.norm_l2();
    if norm == 0.0 {
        return constant(name);
    }
    if !norm.is_normal() {
        return fail(format!("the norm of {name} is {norm}, out of the range of f64; rescale the representation"));
    }
    let matrix = Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)] / norm);
    Ok(Unit { matrix, norm })
}

/// Checked, centred, scaled to unit norm: both representations.
pub(crate) fn unit_pair(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<(Unit, Unit)> {
    check_pair(x, y)?;
    Ok((unit(centre(x), "x")?, unit(centre(y), "y")?))
}

/// The product `a b`, on one thread so that the bits do not depend on the machine's core count.
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// A thin singular value decomposition.
pub(crate) struct ThinSvd {
    /// Left singular vectors, one a column.
    pub u: Mat<f64>,
    /// Singular values, largest first.
    pub s: Vec<f64>,
    /// Right singular vectors, one a column.
    pub v: Mat<f64>,
}

/// The thin SVD of `a`.
pub(crate) fn thin_svd(a: MatRef<'_, f64>) -> Result<ThinSvd> {
    match a.thin_svd() {
        Ok(svd) => {
            let s = svd.S().column_vector().iter().copied().collect();
            Ok(ThinSvd { u: svd.U().to_owned(), s, v: svd.V().to_owned() })
        }
        Err(_) => no_convergence(a),
    }
}

/// The singular values of `a`, largest first.
pub(crate) fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    a.singular_values().or_else(|_| no_convergence(a))
}

fn no_convergence<T>(a: MatRef<'_, f64>) -> Result<T> {
    let (rows, columns) = a.shape();
    Err(Error::Numerics(format!("the SVD of a {rows} x {columns} matrix did not converge; rescale the representation")))
}

/// Number of singular values above `tolerance` times the largest; without one, `max(rows, columns)` times the machine
/// epsilon, as LAPACK-based packages have it.
pub(crate) fn rank(s: &[f64], shape: (usize, usize), tolerance: Option<f64>) -> usize {
    let relative = tolerance.unwrap_or(shape.0.max(shape.1) as f64 * f64::EPSILON);
    let largest = s.first().copied().unwrap_or(0.0);
    s.iter().take_while(|&&v| v > relative * largest).count()
}

/// The thin SVD cut to the numerical rank: `u` is an orthonormal basis of the column space.
pub(crate) fn basis(a: MatRef<'_, f64>, tolerance: Option<f64>) -> Result<ThinSvd> {
    if let Some(t) = tolerance
        && !(0.0..1.0).contains(&t)
    {
        return fail(format!(
            "the relative rank tolerance must lie in [0, 1), it is {t}; leave it out for the default"
        ));
    }
    let svd = thin_svd(a)?;
    Ok(first(&svd, rank(&svd.s, a.shape(), tolerance)))
}

/// What centring leaves of a unit that does not vary, as a part of its largest value.
const ROUNDING: f64 = 32.0 * f64::EPSILON;

/// `u s vᵀ` of the units of `x`, centred or not, cut to the numerical rank that they have at length one each: what a unit spans
/// does not depend on its scale, and small units beside large ones are directions all the same. `s` belongs to the units at
/// length one; the rows of `v` have the lengths.
pub(crate) fn column_space(x: MatRef<'_, f64>, centred: bool, tolerance: Option<f64>, name: &str) -> Result<ThinSvd> {
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
        return fail(format!("{name} has units too long for double precision; divide it by its largest value"));
    }
    let ThinSvd { u, s, v } = basis(matrix.as_ref(), tolerance)?;
    let v = Mat::from_fn(v.nrows(), v.ncols(), |i, j| v[(i, j)] * lengths[i]);
    Ok(ThinSvd { u, s, v })
}

fn constant<T>(name: &str) -> Result<T> {
    fail(format!(
        "{name} is constant over the examples (its centred norm is 0), so the measure is not defined; \
         leave this representation out"
    ))
}

/// The first `k` triplets of a decomposition.
pub(crate) fn first(svd: &ThinSvd, k: usize) -> ThinSvd {
    let u = svd.u.subcols(0, k).to_owned();
    let v = svd.v.subcols(0, k).to_owned();
    ThinSvd { u, s: svd.s.iter().copied().take(k).collect(), v }
}

/// `a` with column `j` multiplied by `weights[j]`.
pub(crate) fn scale_columns(a: MatRef<'_, f64>, weights: &[f64]) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * weights[j])
}

/// The named rows of `x`; they must exist and differ from each other.
pub(crate) fn rows(x: MatRef<'_, f64>, wanted: &[usize]) -> Mat<f64> {
    Mat::from_fn(wanted.len(), x.ncols(), |i, j| x[(wanted[i], j)])
}

/// Checks that two sets of rows exist, hold no row twice and do not overlap.
pub(crate) fn check_split(n: usize, fit: &[usize], test: &[usize]) -> Result<()> {
    if fit.len() < 2 || test.is_empty() {
        return fail(format!(
            "a split needs at least 2 rows to fit and 1 to test, it has {} and {}; move rows between them",
            fit.len(),
            test.len()
        ));
    }
    let mut seen = vec![false; n];
    for &row in fit.iter().chain(test) {
        match seen.get_mut(row) {
            None => return fail(format!("the split names row {row}, but there are {n} rows; count from 0")),
            Some(true) => return fail(format!("the split names row {row} twice; give each row to one side only")),
            Some(used) => *used = true,
        }
    }
    Ok(())
}

/// `2 asin(d / 2)` and its extension to angles above a right angle: the angle between two unit vectors at distance
/// `minus` whose sum has norm `plus`. Exact for small angles, where an arc cosine loses half the digits.
pub(crate) fn angle(minus: f64, plus: f64) -> f64 {
    2.0 * minus.atan2(plus)
}
