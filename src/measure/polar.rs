//! Sums of singular values on the device, by matrix products alone: the polar factor of a matrix is found by iteration
//! (Newton-Schulz), and the sum of the singular values is its inner product with the matrix.
//!
//! With `A = U S V'`, each step applies an odd polynomial to the singular values of `X`, which starts as `A` at unit
//! Frobenius norm. A quintic that triples small values and keeps large ones near one (Jordan et al. 2024) is followed by the
//! cubic `(3 s - s^3) / 2`, whose fixed point is one. Values below 1e-7 of the norm do not get there, and weigh as little.

use std::sync::Arc;

use super::pair_program::{PairProgram, Stack};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Steps of the quintic: `3.4445^14` is 3e7.
const QUINTIC_STEPS: usize = 14;

/// Its coefficients, of `s`, `s^3` and `s^5`.
const QUINTIC: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Steps of the cubic, which is quadratic near one: from 0.68 to the last digit.
const CUBIC_STEPS: usize = 6;

/// The polar factor `U V'` of a matrix: the nearest with singular values of one (zero where they are zero).
///
/// # Errors
/// If `a` is not a matrix.
pub fn polar(g: &mut Graph, a: Tensor) -> Result<Tensor> {
    let [rows, columns] = g.matrix(a)?;
    let squares = g.unary(Unary::Square, a);
    let norm = g.sum_all(squares)?;
    let norm = g.unary(Unary::Sqrt, norm);
    let tiny = g.constant(f32::MIN_POSITIVE);
    let norm = g.binary(Binary::Max, norm, tiny)?;
    let mut x = g.over(a, norm)?;
    let wide = rows <= columns;
    let apply = |g: &mut Graph, p: Tensor, x: Tensor| if wide { g.matmul(p, x) } else { g.matmul(x, p) };
    for step in 0..QUINTIC_STEPS + CUBIC_STEPS {
        // One step at a time: the products of all would stand in memory together.
        g.fence();
        let square = if wide { g.matmul_of(x, false, x, true)? } else { g.matmul_of(x, true, x, false)? };
        let (own, polynomial) = if step < QUINTIC_STEPS {
            let fourth = g.matmul(square, square)?;
            let (b, c) = (g.scale(square, QUINTIC[1]), g.scale(fourth, QUINTIC[2]));
            (QUINTIC[0], g.plus(b, c)?)
        } else {
            (1.5, g.scale(square, -0.5))
        };
        let turned = apply(g, polynomial, x)?;
        let kept = g.scale(x, own);
        x = g.plus(kept, turned)?;
    }
    Ok(x)
}

/// What is known of a pair.
#[derive(Clone, Copy, Debug)]
pub struct Shared {
    /// Sum of the singular values of `X'Y`.
    pub nuclear: f64,
    /// Sum of their squares.
    pub squares: f64,
    /// `min_Q |X Q - Y|^2` over partial isometries, from the residual itself: exact where the two are close.
    pub residual: f64,
}

/// For each of `pairs` of representations, each `[examples, width]` row-major, what their cross-product says.
///
/// # Errors
/// If the device fails or has not enough memory.
pub fn shared(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    width: usize,
    representations: &[Vec<f32>],
    pairs: &[(usize, usize)],
) -> Result<Vec<Shared>> {
    let stack = Stack { forms: representations, width };
    let sizes = [4 * examples * width + 8 * width * width, pairs.len()];
    let mut program = PairProgram::new(gpu, examples, [Some(stack), None], sizes, &|g, x, y| {
        let cross = g.matmul_of(x, true, y, false)?;
        let factor = polar(g, cross)?;
        let mut inner = |a: Tensor, b: Tensor| -> Result<Tensor> {
            let product = g.times(a, b)?;
            g.sum_all(product)
        };
        let (nuclear, squares) = (inner(factor, cross)?, inner(cross, cross)?);
        let turned = g.matmul(x, factor)?;
        let back = g.matmul_of(turned, false, factor, true)?;
        let mut norm = |a: Tensor, b: Tensor| -> Result<Tensor> {
            let difference = g.minus(a, b)?;
            let squares = g.unary(Unary::Square, difference);
            g.sum_all(squares)
        };
        let (apart, left) = (norm(turned, y)?, norm(x, back)?);
        let residual = g.plus(apart, left)?;
        Ok(vec![("nuclear", nuclear), ("squares", squares), ("residual", residual)])
    })?;
    let mut found = Vec::with_capacity(pairs.len());
    program.run(pairs, |_, made| {
        let value = |i: usize| f64::from(made[i][0]);
        found.push(Shared { nuclear: value(0), squares: value(1), residual: value(2) });
    })?;
    Ok(found)
}
