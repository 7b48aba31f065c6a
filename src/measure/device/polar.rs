//! Sums of singular values on the device, by matrix products alone: the polar factor of a matrix is found by iteration
//! (Newton-Schulz), and the sum of the singular values is its inner product with the matrix.
//!
//! With `A = U S V'`, each step applies an odd polynomial to the singular values of `X`, which starts as `A` at unit
//! Frobenius norm. A quintic that triples small values and keeps large ones near one (Jordan et al. 2024) is followed by the
//! cubic `(3 s - s^3) / 2`, whose fixed point is one. Values below 1e-7 of the norm do not get there, and weigh as little.

use crate::error::Result;
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
