//! Sums of singular values on the device, by matrix products alone: the polar factor of a matrix is found by iteration
//! (Newton-Schulz), and the sum of the singular values is its inner product with the matrix.
//!
//! With `A = U S V'`, each step applies an odd polynomial to the singular values of `X`, which starts as `A` at unit
//! Frobenius norm. A quintic that triples small values and keeps large ones near one (Jordan et al. 2024) is followed by the
//! cubic `(3 s - s^3) / 2`, whose fixed point is one. Values below 1e-7 of the norm do not get there, and weigh as little.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind, lower};
use crate::kernels::program::{Binary, DType, Unary};

/// Steps of the quintic: `3.4445^14` is 3e7.
const QUINTIC_STEPS: usize = 14;

/// Its coefficients, of `s`, `s^3` and `s^5`.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];

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

const FIRST: &str = "first";
const SECOND: &str = "second";

/// Floats of one batch of pairs, about.
const BATCH: usize = 1 << 26;

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
    let mut table = Vec::with_capacity(representations.len() * examples * width);
    for values in representations {
        if values.len() != examples * width {
            return Err(Error::Shape(format!("{} values are no {examples} examples of {width} units", values.len())));
        }
        table.extend_from_slice(values);
    }
    let each = 4 * examples * width + 8 * width * width;
    let at_once = (BATCH / each.max(1)).clamp(1, pairs.len().max(1));
    let mut g = Graph::new();
    let all = g.data(table, &[representations.len() * examples, width])?;
    let rows = g.data_integers(&(0..examples as u32).collect::<Vec<_>>(), &[examples, 1])?;
    let mut chosen = |name: &str| -> Result<Tensor> {
        let start = g.variable(name, &[1, 1], DType::U32, VariableKind::State)?;
        let rows = g.binary(Binary::AddInteger, rows, start)?;
        g.gather(all, rows)
    };
    let (x, y) = (chosen(FIRST)?, chosen(SECOND)?);
    let cross = g.matmul_of(x, true, y, false)?;
    let factor = polar(&mut g, cross)?;
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
    let outputs = [("nuclear", nuclear), ("squares", squares), ("residual", residual)];
    let effects = outputs.map(|(name, value)| Effect::Output(name.into(), value)).to_vec();
    let profile = gpu.map_or_else(Profile::reference, |gpu| gpu.profile().clone());
    let plan = lower(&g, &[Function::new("shared", effects)], at_once, &profile)?;
    let mut machine = Machine::new(gpu, plan)?;
    let mut found = Vec::with_capacity(pairs.len());
    for batch in pairs.chunks(at_once) {
        // The last batch is filled up with its first pair.
        let padded = |of: fn(&(usize, usize)) -> usize| -> Vec<u32> {
            (0..at_once).map(|i| (of(batch.get(i).unwrap_or(&batch[0])) * examples) as u32).collect()
        };
        machine.write_integers(FIRST, &padded(|p| p.0))?;
        machine.write_integers(SECOND, &padded(|p| p.1))?;
        machine.run("shared", 1)?;
        let results = machine.read_results()?;
        let [nuclear, squares, residual] = ["nuclear", "squares", "residual"].map(|n| machine.output(&results, n));
        let (nuclear, squares, residual) = (nuclear?, squares?, residual?);
        found.extend((0..batch.len()).map(|i| Shared {
            nuclear: f64::from(nuclear[i]),
            squares: f64::from(squares[i]),
            residual: f64::from(residual[i]),
        }));
    }
    Ok(found)
}
