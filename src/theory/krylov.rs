//! The leading eigenpairs of a large symmetric matrix.
//!
//! All of them cost `n^3` operations ten times over, and a drawing needs two or three. A basis grows by a block at a
//! time: what is left over of the best approximations so far, which makes it a block Krylov space. A block, since
//! symmetric figures have equal eigenvalues, which a single vector would find one of.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Up to this size a matrix is decomposed whole.
const WHOLE: usize = 256;

/// Vectors in a block beyond the pairs wanted: more make fewer rounds.
const SPARE: usize = 4;

/// Blocks in a basis at most; then it is cut down to the best two.
const BLOCKS: usize = 16;

/// Rounds at most: with eigenvalues so close that these do not part them, decomposing the matrix whole is quicker.
const ROUNDS: usize = 400;

/// What may be left over of a pair, against the largest eigenvalue.
const LEFT: f64 = 1e-11;

/// The `count` algebraically largest eigenvalues, descending, and their unit eigenvectors as columns.
pub(super) fn leading(matrix: DMatrix<f64>, count: usize) -> (Vec<f64>, DMatrix<f64>) {
    let found = if matrix.nrows() > WHOLE.max(BLOCKS * (count + SPARE)) { block_krylov(&matrix, count) } else { None };
    found.unwrap_or_else(|| ordered(matrix, count))
}

/// The largest eigenpairs from all of them.
fn ordered(matrix: DMatrix<f64>, count: usize) -> (Vec<f64>, DMatrix<f64>) {
    let SymmetricEigen { eigenvectors, eigenvalues } = matrix.symmetric_eigen();
    let mut order: Vec<usize> = (0..eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
    order.truncate(count);
    (order.iter().map(|&i| eigenvalues[i]).collect(), eigenvectors.select_columns(&order))
}

fn block_krylov(matrix: &DMatrix<f64>, count: usize) -> Option<(Vec<f64>, DMatrix<f64>)> {
    let (n, block) = (matrix.nrows(), count + SPARE);
    // A fixed start that no figure's symmetry is at right angles to.
    let mut state = 1u64;
    let mut fresh = DMatrix::from_fn(n, block, |_, _| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    });
    let mut basis = DMatrix::zeros(n, 0);
    let mut image = DMatrix::zeros(n, 0);
    for _ in 0..ROUNDS {
        fresh = orthonormal(&basis, fresh);
        let product = matrix * &fresh;
        basis = beside(&basis, &fresh);
        image = beside(&image, &product);
        let small = basis.tr_mul(&image);
        let small = 0.5 * (&small + small.transpose());
        let (values, rotation) = ordered(small, block);
        let (vectors, images) = (&basis * &rotation, &image * &rotation);
        fresh = images - &vectors * DMatrix::from_diagonal(&DVector::from_column_slice(&values));
        let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
        let left = (0..count).map(|i| fresh.column(i).norm()).fold(0.0, f64::max);
        if left <= LEFT * largest {
            return Some((values[..count].to_vec(), vectors.columns(0, count).into_owned()));
        }
        if basis.ncols() + block > BLOCKS * block {
            let (_, rotation) = ordered(basis.tr_mul(&image), 2 * block);
            (basis, image) = (&basis * &rotation, &image * rotation);
        }
    }
    None
}

/// The columns of `fresh` made orthonormal to those of `basis` and to each other, less what is in their span.
fn orthonormal(basis: &DMatrix<f64>, mut fresh: DMatrix<f64>) -> DMatrix<f64> {
    let mut kept: Vec<DVector<f64>> = Vec::new();
    // Twice is enough: the first time leaves what rounding makes of the differences.
    for _ in 0..2 {
        fresh -= basis * basis.tr_mul(&fresh);
    }
    for column in fresh.column_iter() {
        let mut vector = column.into_owned();
        let before = vector.norm();
        for _ in 0..2 {
            for other in &kept {
                vector -= other * other.dot(&vector);
            }
            vector -= basis * basis.tr_mul(&vector);
        }
        let after = vector.norm();
        if after > 1e-10 * before && after > f64::MIN_POSITIVE {
            kept.push(vector / after);
        }
    }
    if kept.is_empty() { DMatrix::zeros(fresh.nrows(), 0) } else { DMatrix::from_columns(&kept) }
}

fn beside(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let mut both = DMatrix::zeros(a.nrows(), a.ncols() + b.ncols());
    both.columns_mut(0, a.ncols()).copy_from(a);
    both.columns_mut(a.ncols(), b.ncols()).copy_from(b);
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix with the given eigenvalues and zeros, by reflections of a diagonal.
    fn with_values(n: usize, values: &[f64]) -> DMatrix<f64> {
        let mut matrix = DMatrix::zeros(n, n);
        for (i, &value) in values.iter().enumerate() {
            matrix[(i, i)] = value;
        }
        for k in 1..4 {
            let v = DVector::from_fn(n, |i, _| ((i * k + 1) as f64 * 0.7).sin()).normalize();
            let reflection = DMatrix::identity(n, n) - 2.0 * &v * v.transpose();
            matrix = &reflection * matrix * &reflection;
        }
        matrix
    }

    #[test]
    fn equal_and_negative_eigenvalues() {
        // The largest in size is negative, and two are equal.
        let mut values: Vec<f64> = (0..300).map(|i| 1.0 / f64::from(i + 2)).collect();
        values[10] = -7.0;
        values[20] = 3.0;
        values[21] = 3.0;
        values[22] = 2.5;
        let matrix = with_values(300, &values);
        let (found, vectors) = block_krylov(&matrix, 3).unwrap();
        for (found, expected) in found.iter().zip([3.0, 3.0, 2.5]) {
            assert!((found - expected).abs() < 1e-10, "{found} {expected}");
        }
        let left = &matrix * &vectors - &vectors * DMatrix::from_diagonal(&DVector::from_vec(found));
        assert!(left.norm() < 1e-9);
        assert!((vectors.tr_mul(&vectors) - DMatrix::identity(3, 3)).norm() < 1e-10);
    }

    #[test]
    fn a_matrix_of_low_rank_is_done_at_once() {
        let matrix = with_values(280, &[5.0, 4.0]);
        let (found, _) = block_krylov(&matrix, 3).unwrap();
        assert!((found[0] - 5.0).abs() < 1e-10 && (found[1] - 4.0).abs() < 1e-10 && found[2].abs() < 1e-10);
        let (zeros, _) = block_krylov(&DMatrix::zeros(300, 300), 2).unwrap();
        assert_eq!(zeros, [0.0, 0.0]);
    }

    #[test]
    fn whole_and_krylov_agree() {
        let values: Vec<f64> = (0..300).map(|i| (-0.02 * f64::from(i)).exp()).collect();
        let matrix = with_values(300, &values);
        let (whole, _) = ordered(matrix.clone(), 4);
        let (krylov, _) = leading(matrix, 4);
        for (a, b) in whole.iter().zip(&krylov) {
            assert!((a - b).abs() < 1e-9);
        }
    }
}
