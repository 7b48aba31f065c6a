//! Pairs too close for their product alone: one is turned onto the other, and what remains is summed on the device.
//!
//! Where `A Q` lies close to `B`, the difference `D = A Q - B` keeps its digits in single precision, and
//! `A A' - B B' = (S D' + D S') / 2` with the sum `S = A Q + B`, so that the squared norm is made of `D` too, without a matrix
//! of examples by examples: `(tr(S'S D'D) + tr(D'S D'S)) / 2`.

use std::sync::Arc;

use faer::Mat;

use super::batches;
use super::stack::{Stack, of_pairs};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::measure::declaration::{Remainder, turned};

/// Two forms `[examples, units]` of the same examples, and their product `first' second`.
#[derive(Clone, Copy)]
pub(super) struct Close<'a> {
    pub first: &'a Mat<f64>,
    pub second: &'a Mat<f64>,
    pub cross: &'a Mat<f64>,
}

/// What remains of each pair.
pub(super) fn remainders(gpu: Option<&Arc<Gpu>>, pairs: &[Close<'_>]) -> Result<Vec<Remainder>> {
    let n = pairs.first().map_or(0, |pair| pair.first.nrows());
    let turned = pairs.iter().map(|p| turned(p.first, p.second, p.cross)).collect::<Result<Vec<_>>>()?;
    let width = batches::width(turned.iter().map(|(x, _)| x.ncols()));
    let forms = Stack::of(turned.iter().flat_map(|(x, y)| [x, y]), width);
    let places: Vec<(usize, usize)> = (0..pairs.len()).map(|i| (2 * i, 2 * i + 1)).collect();
    let floats = 4 * n * width + 6 * width * width;
    of_pairs(gpu, [&forms, &forms], &places, floats, &remainder, &|_, made| {
        let value = |i: usize| f64::from(made[i][0]).max(0.0);
        Remainder::Sums { distance: value(0), products: value(1) }
    })
}

/// The two sums, of forms of which one is turned onto the other.
fn remainder(g: &mut Graph, [x, y]: [Tensor; 2]) -> Result<Vec<Tensor>> {
    let (difference, sum) = (g.minus(x, y)?, g.plus(x, y)?);
    let differences = g.matmul_of(difference, true, difference, false)?;
    let sums = g.matmul_of(sum, true, sum, false)?;
    let mixed = g.matmul_of(difference, true, sum, false)?;
    // Symmetric, for the best turn, but for rounding.
    let other = g.matmul_of(sum, true, difference, false)?;
    let (own, both) = (g.times(differences, sums)?, g.times(mixed, other)?);
    let all = g.plus(own, both)?;
    let products = g.sum_all(all)?;
    let squares = g.times(difference, difference)?;
    Ok(vec![g.sum_all(squares)?, g.scale(products, 0.5)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::device::testing::{executors, pseudo};

    #[test]
    fn remainders_are_those_of_doubles() {
        let executors = executors();
        let base = Mat::from_fn(30, 5, |i, j| 0.2 * pseudo(i * 5 + j));
        let turn = Mat::from_fn(5, 5, |i, j| f64::from(u8::from((i + 2) % 5 == j)));
        let near = |by: f64, units: usize| {
            let turned = &base * &turn;
            Mat::from_fn(30, units, |i, j| by * pseudo(700 + i * 9 + j) + if j < 5 { turned[(i, j)] } else { 0.0 })
        };
        for (by, units) in [(1e-2, 5), (1e-4, 5), (1e-3, 7), (0.0, 5)] {
            let other = near(by, units);
            for (a, b) in [(&base, &other), (&other, &base)] {
                let cross = a.transpose() * b;
                let nuclear: f64 = cross.singular_values().unwrap().iter().sum();
                let distance = a.squared_norm_l2() + b.squared_norm_l2() - 2.0 * nuclear;
                let products = (a * a.transpose() - b * b.transpose()).squared_norm_l2();
                // What single precision leaves of forms of this size.
                let noise = 1e-13 * a.squared_norm_l2();
                for (place, gpu) in &executors {
                    let found = remainders(gpu.as_ref(), &[Close { first: a, second: b, cross: &cross }]).unwrap();
                    let (found, what) = (&found[0], format!("{by} on {place}: {found:?}"));
                    assert!((found.distance() - distance).abs() < 1e-4 * distance + noise, "{what} {distance}");
                    assert!((found.products() - products).abs() < 1e-4 * products + noise, "{what} {products}");
                }
            }
        }
    }
}
