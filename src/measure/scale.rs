//! Representations at a scale near one, so that no square or product of a measure leaves the range of single precision:
//! activations of 1e-12 (deep networks of small gain) and of 1e12 are as good as any. The factor is a power of two, found
//! on the device from the representation's own largest magnitude, so that it costs no digits and depends on no company.
//!
//! Magnitudes from 2^-126 to 2^127 are brought to at least 1 and below 4. Smaller ones are subnormal numbers, which have
//! fewer digits and which some adapters take for zero.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// Halvings of a number too large, and doublings of one too small: each at most once, the largest first.
const STEPS: [i32; 6] = [64, 32, 16, 8, 4, 2];

/// The power of two by which each of some magnitudes (of any shape, not negative) comes near one. One where a magnitude is
/// not a number.
///
/// # Errors
/// None of its own.
pub(crate) fn power_of_two(g: &mut Graph, magnitudes: Tensor) -> Result<Tensor> {
    let (mut size, mut factor) = (magnitudes, g.constant(1.0));
    let power = |exponent: i32| f64::from(exponent).exp2() as f32;
    // All constants are normal numbers: the factor ends between 2^-126 and 2^127.
    for exponent in STEPS {
        let limit = g.constant(power(exponent));
        let large = g.binary(Binary::AtLeast, size, limit)?;
        (size, factor) = step(g, large, [size, factor], power(-exponent))?;
    }
    for exponent in STEPS.into_iter().chain([1]) {
        let limit = g.constant(power(1 - exponent));
        let small = g.binary(Binary::Greater, limit, size)?;
        (size, factor) = step(g, small, [size, factor], power(exponent))?;
    }
    Ok(factor)
}

fn step(g: &mut Graph, condition: Tensor, [size, factor]: [Tensor; 2], by: f32) -> Result<(Tensor, Tensor)> {
    let (other_size, other_factor) = (g.scale(size, by), g.scale(factor, by));
    Ok((g.select(condition, other_size, size)?, g.select(condition, other_factor, factor)?))
}

/// The largest magnitude of each row, `[rows, 1]`, or, if `whole`, of all elements, `[1, 1]`.
///
/// # Errors
/// If `x` cannot be reduced.
pub(crate) fn largest(g: &mut Graph, x: Tensor, whole: bool) -> Result<Tensor> {
    let magnitudes = g.unary(Unary::Abs, x);
    let rows = g.max(magnitudes, 1)?;
    if whole { g.max(rows, 0) } else { Ok(rows) }
}

/// A tensor near one, and what it was multiplied by, `[1, 1]`.
///
/// # Errors
/// If `x` cannot be reduced.
pub(crate) fn near_one(g: &mut Graph, x: Tensor) -> Result<(Tensor, Tensor)> {
    let (scaled, factor) = together(g, &[x])?;
    Ok((scaled[0], factor))
}

/// Several tensors of which the largest is near one, and what all of them were multiplied by, `[1, 1]`.
///
/// # Errors
/// If one cannot be reduced.
pub(crate) fn together(g: &mut Graph, tensors: &[Tensor]) -> Result<(Vec<Tensor>, Tensor)> {
    let mut most = g.constant(0.0);
    for (i, &x) in tensors.iter().enumerate() {
        let own = largest(g, x, true)?;
        most = if i == 0 { own } else { g.binary(Binary::Max, most, own)? };
    }
    let factor = power_of_two(g, most)?;
    let scaled = tensors.iter().map(|&x| g.times(x, factor)).collect::<Result<Vec<_>>>()?;
    Ok((scaled, factor))
}

/// The Euclidean norm of several tensors together, as a norm and what it is to be divided by (in double precision), each
/// `[1, 1]`: its square may be beyond single precision, and is not formed.
///
/// # Errors
/// If one cannot be reduced.
pub(crate) fn norm(g: &mut Graph, tensors: &[Tensor]) -> Result<(Tensor, Tensor)> {
    let (scaled, factor) = together(g, tensors)?;
    Ok((crate::nn::global_norm(g, &scaled)?, factor))
}
