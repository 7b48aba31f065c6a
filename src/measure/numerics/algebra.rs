//! Sums, products and factorisations that the measures share. Everything runs on one thread with a fixed order of
//! summation, so that the same input gives the same bits.

use crate::error::{Error, Result};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::{matmul, triangular};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatRef, Par};

/// Length below which [`reduce`] adds in eight running sums and above which it halves.
pub(super) const LEAF: usize = 512;

/// The sum of `term(a_i, b_i)`, added pairwise: the error grows with the logarithm of the length.
///
/// The order depends on the length alone. The shorter of the two lengths counts.
pub fn reduce<T: Copy>(a: &[T], b: &[T], term: impl Fn(T, T) -> f64 + Copy) -> f64 {
    let length = a.len().min(b.len());
    let (a, b) = (&a[..length], &b[..length]);
    if length > LEAF {
        let middle = (length / 2).next_multiple_of(LEAF);
        if middle < length {
            let ((a0, a1), (b0, b1)) = (a.split_at(middle), b.split_at(middle));
            return reduce(a0, b0, term) + reduce(a1, b1, term);
        }
    }
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += term(a, b);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest
}

/// The most that rounding makes of [`reduce`] over so many terms, as a part of the sum of their magnitudes.
pub(crate) fn rounding(terms: usize) -> f64 {
    let (leaf, halvings) = (terms.min(LEAF) as f64 / 8.0, (terms as f64 / LEAF as f64).max(1.0).log2());
    // Each term, the running sums, the eight of them and what is left over.
    (leaf + halvings + 12.0) * f64::EPSILON
}

/// The sum of a slice, added pairwise.
pub fn sum(a: &[f64]) -> f64 {
    reduce(a, a, |a, _| a)
}

/// The inner product of two slices, added pairwise.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    reduce(a, b, |a, b| a * b)
}

/// √(a b) of two numbers that are not negative, in one rounding where their product stays in range, so that the cosine of
/// a vector with itself is one.
pub fn geometric_mean(a: f64, b: f64) -> f64 {
    let product = a * b;
    if product.is_normal() { product.sqrt() } else { a.sqrt() * b.sqrt() }
}

/// The Frobenius inner product of two matrices of the same shape.
pub fn inner(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let columns: Vec<f64> = (0..a.ncols().min(b.ncols())).map(|j| dot(a.col_as_slice(j), b.col_as_slice(j))).collect();
    sum(&columns)
}

/// The sum over all entries of `term(a, b)`.
pub fn reduce_entries(a: &Mat<f64>, b: &Mat<f64>, term: impl Fn(f64, f64) -> f64 + Copy) -> f64 {
    let columns: Vec<f64> =
        (0..a.ncols().min(b.ncols())).map(|j| reduce(a.col_as_slice(j), b.col_as_slice(j), term)).collect();
    sum(&columns)
}

/// The largest absolute value, zero for an empty matrix.
pub fn largest(x: MatRef<'_, f64>) -> f64 {
    (0..x.ncols()).flat_map(|j| x.col(j).iter()).fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// A power of two that brings numbers of size `largest` to between one and two, so that squares neither overflow nor
/// vanish. Multiplying by it changes no bits of the mantissa.
pub fn power_of_two_scale(largest: f64) -> f64 {
    if largest > 0.0 && largest.is_finite() {
        let exponent = (-largest.log2().floor()).clamp(-1000.0, 1000.0) as i64;
        f64::from_bits(((1023 + exponent) as u64) << 52)
    } else {
        1.0
    }
}

/// The upper middle one of some values; zero of none.
pub(crate) fn middle(mut values: Vec<f64>) -> f64 {
    let at = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(at, f64::total_cmp).1 }
}

/// Column means. A column whose entries are all equal has exactly that entry as its mean, so that centring makes it
/// exactly zero; other columns get a second pass that removes the rounding of the first.
pub fn column_means(x: MatRef<'_, f64>) -> Vec<f64> {
    let n = x.nrows().max(1) as f64;
    let of = |column: Vec<f64>| match column.first() {
        Some(first) if column.iter().all(|v| v == first) => *first,
        _ => {
            let mean = sum(&column) / n;
            mean + reduce(&column, &column, |v, _| v - mean) / n
        }
    };
    x.col_iter().map(|c| of(c.iter().copied().collect())).collect()
}

/// `x` less the given column means.
pub fn subtract(x: MatRef<'_, f64>, means: &[f64]) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] - means[j])
}

/// `x` less its column means.
pub fn centre(x: MatRef<'_, f64>) -> Mat<f64> {
    subtract(x, &column_means(x))
}

/// `a` with column `j` multiplied by `weights[j]`.
pub fn scale_columns(a: MatRef<'_, f64>, weights: &[f64]) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * weights[j])
}

/// The sum of squared differences of two slices, added pairwise.
pub fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    reduce(a, b, |a, b| (a - b) * (a - b))
}

/// The rows of a matrix, each contiguous.
pub struct Rows {
    width: usize,
    values: Vec<f64>,
}

impl Rows {
    /// Copies `x` by rows.
    pub fn of(x: MatRef<'_, f64>) -> Self {
        let values = (0..x.nrows()).flat_map(|i| (0..x.ncols()).map(move |j| x[(i, j)])).collect();
        Self { width: x.ncols().max(1), values }
    }

    /// The rows in order.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.width)
    }

    /// `measure` of every pair of rows i < j, as [`condensed`].
    pub fn pairs(&self, measure: impl Fn(&[f64], &[f64]) -> f64) -> Vec<f64> {
        let rows: Vec<&[f64]> = self.iter().collect();
        condensed(rows.len(), |i, j| measure(rows[i], rows[j]))
    }

    /// The rows in order, to be changed in place.
    pub fn iter_mut(&mut self) -> std::slice::ChunksExactMut<'_, f64> {
        self.values.chunks_exact_mut(self.width)
    }
}

/// `measure(i, j)` for every pair i < j of n, in the order of a condensed upper triangle.
///
/// Goes by blocks, so that the rows that a measure reads stay in the cache.
pub fn condensed(n: usize, measure: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    const BLOCK: usize = 32;
    let mut out = vec![0.0; n * n.saturating_sub(1) / 2];
    for first in (0..n).step_by(BLOCK) {
        for second in (first..n).step_by(BLOCK) {
            for i in first..(first + BLOCK).min(n) {
                for j in second.max(i + 1)..(second + BLOCK).min(n) {
                    out[condensed_index(n, i, j)] = measure(i, j);
                }
            }
        }
    }
    out
}

/// The place of the pair i < j of n in a condensed upper triangle.
pub fn condensed_index(n: usize, i: usize, j: usize) -> usize {
    i * (2 * n - i - 1) / 2 + (j - i - 1)
}

/// The symmetric n x n matrix of a condensed upper triangle, with `diagonal` on its diagonal.
pub fn square(n: usize, condensed: &[f64], diagonal: f64) -> Mat<f64> {
    let mut out = Mat::zeros(n, n);
    let mut values = condensed.iter();
    for i in 0..n {
        out[(i, i)] = diagonal;
        for (j, &v) in (i + 1..n).zip(values.by_ref()) {
            out[(i, j)] = v;
            out[(j, i)] = v;
        }
    }
    out
}

/// `a b`.
pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(&mut out, Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// `a aᵀ`, exactly symmetric.
pub fn row_gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    let mut out = Mat::zeros(n, n);
    triangular::matmul(
        &mut out,
        triangular::BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        triangular::BlockStructure::Rectangular,
        a.transpose(),
        triangular::BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for j in 0..n {
        for i in 0..j {
            out[(i, j)] = out[(j, i)];
        }
    }
    out
}

/// Eigenvalues, ascending, and eigenvectors (columns) of a symmetric matrix, which the caller has made square.
///
/// # Errors
/// When the iteration does not converge.
pub fn symmetric_eigen(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::zeros(n, n);
    let need = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    let done = self_adjoint_evd(
        a,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(need)),
        Default::default(),
    );
    if done.is_err() {
        return Err(Error::Numerics(format!(
            "the eigenvalues of a {n} x {n} matrix did not converge; check it for extreme values"
        )));
    }
    Ok((values.column_vector().iter().copied().collect(), vectors))
}

/// The singular values, descending.
///
/// # Errors
/// When the iteration does not converge.
pub fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>> {
    let (m, n) = a.shape();
    let mut values = Diag::<f64>::zeros(m.min(n));
    let none = ComputeSvdVectors::No;
    let need = svd_scratch::<f64>(m, n, none, none, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let done = svd(a, values.as_mut(), None, None, Par::Seq, MemStack::new(&mut memory), Default::default());
    if done.is_err() {
        return Err(Error::Numerics(format!(
            "the singular values of a {m} x {n} matrix did not converge; check for extreme values"
        )));
    }
    Ok(values.column_vector().iter().copied().collect())
}

/// The lower Cholesky factor of a symmetric matrix, or nothing when the matrix is not positive definite.
pub fn cholesky(a: MatRef<'_, f64>) -> Option<Mat<f64>> {
    let n = a.nrows();
    let mut l = a.to_owned();
    let need = cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(need);
    let stack = MemStack::new(&mut memory);
    cholesky_in_place(l.as_mut(), LltRegularization::default(), Par::Seq, stack, Default::default()).ok()?;
    for j in 0..n {
        for i in 0..j {
            l[(i, j)] = 0.0;
        }
    }
    // A pivot that is rounding noise of its diagonal entry means a singular matrix.
    let noise = 4.0 * n as f64 * f64::EPSILON;
    (0..n).all(|i| l[(i, i)] * l[(i, i)] > noise * a[(i, i)]).then_some(l)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn a_condensed_triangle_becomes_the_matrix_it_is_of() {
        // More than a block of rows.
        let n = 35;
        let of = |i: usize, j: usize| (i.min(j) * 100 + i.max(j)) as f64;
        let matrix = square(n, &condensed(n, of), -1.0);
        assert!((0..n).all(|i| (0..n).all(|j| matrix[(i, j)] == if i == j { -1.0 } else { of(i, j) })));
    }

    #[test]
    fn what_is_positive_definite_is_so_at_any_scale() {
        for scale in [1e-20, 1.0, 1e20_f64] {
            // [[2, 0], [1, √2]] times its transpose.
            let l = cholesky((mat![[4.0, 2.0], [2.0, 3.0]] * faer::Scale(scale)).as_ref()).unwrap();
            let expected = [[2.0, 0.0], [1.0, 2.0_f64.sqrt()]];
            assert!((0..4).all(|k| (l[(k / 2, k % 2)] / scale.sqrt() - expected[k / 2][k % 2]).abs() < 1e-14));
            let singular = mat![[1.0, 1.0], [1.0, 1.0 + f64::EPSILON]] * faer::Scale(scale);
            assert!(cholesky(singular.as_ref()).is_none());
        }
    }
}
