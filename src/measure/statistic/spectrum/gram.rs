//! Gram matrices without rounding, on a device of single precision: each factor is a sum of slices, whole numbers of so few
//! bits that products of slices and their sums are exact (Ozaki et al. 2012, *Error-free transformations of matrix
//! multiplication*). What the slices leave out is below `2^-44` of the largest element.
//!
//! For statistics in which nearly all of a sum of squared covariances cancels.

use std::sync::Arc;

use faer::{Mat, MatRef};

use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::device::stack::{Stack, of_pairs};

/// Bits below the largest element that the slices hold between them.
const BITS: i32 = 44;

/// Whole numbers up to this many bits are exact in single precision.
const EXACT: i32 = 24;

/// `|X'X|_F²` of a matrix, which is also `|X X'|_F²`.
///
/// # Errors
/// If the matrix has too many rows and columns for exact sums, or the device fails or has not enough memory.
pub(super) fn squared_norm(gpu: Option<&Arc<Gpu>>, x: MatRef<'_, f64>) -> Result<f64> {
    let gram = gram(gpu, if x.nrows() >= x.ncols() { x } else { x.transpose() })?;
    Ok(gram.squared_norm_l2())
}

/// `X'X`.
fn gram(gpu: Option<&Arc<Gpu>>, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    let (n, p) = x.shape();
    // Slices are at most 2^(b - 1) in magnitude, so sums of n products are at most n 2^(2b - 2).
    let length = n.next_power_of_two().trailing_zeros() as i32;
    let bits = (EXACT + 2 - length) / 2;
    if bits < 4 {
        return Err(Error::Shape(format!("{n} rows are too many for exact sums in single precision")));
    }
    let largest = x.norm_max();
    if largest == 0.0 || !largest.is_finite() {
        return Ok(Mat::zeros(p, p));
    }
    // Every element below one half.
    let scale = (-(largest.log2().floor() + 2.0)).exp2();
    let count = (BITS / bits + 1) as usize;
    let width = p.next_multiple_of(4);
    let mut rest = Mat::from_fn(n, p, |i, j| x[(i, j)] * scale);
    let step = f64::from(bits).exp2();
    let slices: Vec<Mat<f64>> = (0..count)
        .map(|_| {
            let slice = Mat::from_fn(n, p, |i, j| (rest[(i, j)] * step).round());
            rest = Mat::from_fn(n, p, |i, j| rest[(i, j)] * step - slice[(i, j)]);
            slice
        })
        .collect();
    let pairs: Vec<(usize, usize)> =
        (0..count).flat_map(|i| (i..count).map(move |j| (i, j))).filter(|(i, j)| i + j < count).collect();
    let slices = Stack::of(slices.iter(), width);
    let floats = 2 * n * width + width * width;
    let products = of_pairs(
        gpu,
        [&slices, &slices],
        &pairs,
        floats,
        &|g, [x, y]| Ok(vec![g.matmul_of(x, true, y, false)?]),
        &|_, made| made[0].to_vec(),
    )?;
    // The smallest first.
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&k| std::cmp::Reverse(pairs[k].0 + pairs[k].1));
    let mut sum = Mat::zeros(p, p);
    for k in order {
        let (a, b) = pairs[k];
        let weight = (-f64::from(bits) * (a + b + 2) as f64).exp2() / (scale * scale);
        for j in 0..p {
            for i in 0..p {
                let own = f64::from(products[k][i * width + j]);
                let other = if a == b { 0.0 } else { f64::from(products[k][j * width + i]) };
                sum[(i, j)] += weight * (own + other);
            }
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::device::testing::executors;

    #[test]
    fn gram_matrices_have_the_digits_of_doubles() {
        let executors = executors();
        let value = |i: usize| {
            let x = (i as u64 ^ 0x9d2c_5680).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        };
        for (n, p, scale) in [(5, 3, 1.0), (300, 7, 1e9), (1025, 6, 1e-12), (6, 40, 3.0)] {
            let x = Mat::from_fn(n, p, |i, j| scale * value(i * p + j) * (j + 1) as f64);
            let expected = (x.transpose() * &x).squared_norm_l2();
            for (place, gpu) in &executors {
                let found = squared_norm(gpu.as_ref(), x.as_ref()).unwrap();
                assert!((found / expected - 1.0).abs() < 1e-12, "{n} x {p} on {place}: {found} against {expected}");
            }
        }
    }
}
