//! How differently two networks answer: the Jensen-Shannon divergence of the softmaxes of their outputs.

use std::sync::Arc;

use super::stack::{Stack, of_pairs};
use super::{Asked, Grid, pairs, placed};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::representation::Named;

/// Mean divergence in bits, which is alike either way about.
pub(super) fn by_outputs(set: &[Named], group: &[Asked<'_, ()>], gpu: Option<&Arc<Gpu>>) -> Result<Vec<Grid>> {
    let (n, classes) = set[0].values.shape();
    let pairs = pairs(set.len(), true);
    // Columns of zeros would be answers.
    let outputs = Stack::of(set.iter().map(|x| &x.values), classes);
    let floats = 8 * n * classes;
    let build = |g: &mut Graph, [x, y]: [Tensor; 2]| {
        let (p, q) = (softmax(g, x)?, softmax(g, y)?);
        let terms = divergence(g, p, q)?;
        Ok(vec![g.sum(terms, 1)?])
    };
    let found = of_pairs(gpu, [&outputs, &outputs], &pairs, floats, &build, &|_, made| {
        let sum: f64 = made[0].iter().map(|&v| f64::from(v)).sum();
        sum / (n as f64 * 2.0 * std::f64::consts::LN_2)
    })?;
    Ok(group.iter().map(|_| placed(set.len(), &pairs, found.iter().copied(), true)).collect())
}

fn softmax(g: &mut Graph, x: Tensor) -> Result<Tensor> {
    let largest = g.max(x, 1)?;
    let shifted = g.minus(x, largest)?;
    let powers = g.unary(Unary::Exp, shifted);
    let total = g.sum(powers, 1)?;
    g.over(powers, total)
}

/// Below this `|p - q| / (p + q)` the terms nearly cancel, and their series is exact to single precision.
const NEAR: f32 = 0.25;

/// `p ln(p/m) + q ln(q/m)` with `m = (p + q) / 2`; with `d = (p - q) / (p + q)` it is `m (d^2 + d^4/6 + d^6/15 + d^8/28 + ..)`.
fn divergence(g: &mut Graph, p: Tensor, q: Tensor) -> Result<Tensor> {
    let (zero, one, tiny) = (g.constant(0.0), g.constant(1.0), g.constant(f32::MIN_POSITIVE));
    let sum = g.plus(p, q)?;
    let middle = g.scale(sum, 0.5);
    let safe = g.binary(Binary::Max, sum, tiny)?;
    let difference = g.minus(p, q)?;
    let ratio = g.over(difference, safe)?;
    let square = g.unary(Unary::Square, ratio);
    let mut series = g.constant(1.0 / 45.0);
    for coefficient in [1.0 / 28.0, 1.0 / 15.0, 1.0 / 6.0, 1.0] {
        let product = g.times(series, square)?;
        series = g.shift(product, coefficient);
    }
    let series = g.times(series, square)?;
    let near = g.times(series, middle)?;
    let mut term = |v: Tensor| -> Result<Tensor> {
        let positive = g.binary(Binary::Greater, v, zero)?;
        let half = g.scale(safe, 0.5);
        let quotient = g.over(v, half)?;
        let safe = g.select(positive, quotient, one)?;
        let logarithm = g.unary(Unary::Log, safe);
        g.times(v, logarithm)
    };
    let (first, second) = (term(p)?, term(q)?);
    let far = g.plus(first, second)?;
    let size = g.unary(Unary::Square, ratio);
    let bound = g.constant(NEAR * NEAR);
    let is_far = g.binary(Binary::AtLeast, size, bound)?;
    g.select(is_far, far, near)
}
