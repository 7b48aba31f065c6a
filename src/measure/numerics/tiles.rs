//! Inner products of each of some vectors with each of others, with the bits of [`dot`](super::algebra::dot): a leaf of its sums at
//! a time, so that vectors far larger than the caches are read once for many pairs.

use pulp::{Simd, WithSimd};

use super::algebra::LEAF;
use crate::cpu::Isa;
use crate::error::Result;

/// Vectors of a side that are taken at once: their leaves fit the second-level cache.
pub const SIDE: usize = 16;
/// Sums of a leaf that run side by side.
const LANES: usize = 8;
/// Vectors whose sums with one other run side by side, which hides the latency of an addition.
const ABREAST: usize = 4;

/// Bytes that the products of a tile of [`SIDE`] by [`SIDE`] vectors of so many elements hold.
pub fn held(elements: f64) -> f64 {
    8.0 * (SIDE * SIDE) as f64 * (elements / LEAF as f64 + 1.0)
}

/// For each of `a` its inner products with each of `b`; all are of one length.
///
/// # Errors
/// If no instruction set of the name that is asked for is there.
pub fn dots(a: &[&[f64]], b: &[&[f64]]) -> Result<Vec<f64>> {
    let isa = Isa::chosen()?;
    let length = a.iter().chain(b).map(|x| x.len()).min().unwrap_or(0);
    let leaves = length.div_ceil(LEAF).max(1);
    // Of each pair the sums of its leaves, one after the other.
    let mut sums = vec![0.0; a.len() * b.len() * leaves];
    for leaf in 0..leaves {
        let of = |x: &'_ [f64]| leaf * LEAF..x.len().min(length).min((leaf + 1) * LEAF);
        for (i, x) in a.iter().enumerate() {
            for (first, group) in b.chunks(ABREAST).enumerate() {
                let mut others = [&x[of(x)]; ABREAST];
                others.iter_mut().zip(group).for_each(|(other, y)| *other = &y[of(y)]);
                let found = isa.run(Leaf { x: &x[of(x)], others });
                for (j, sum) in (first * ABREAST..).zip(&found[..group.len()]) {
                    sums[(i * b.len() + j) * leaves + leaf] = *sum;
                }
            }
        }
    }
    Ok(sums.chunks(leaves).map(|sums| halved(sums, length)).collect())
}

/// The sums of leaves of so many elements, added as [`reduce`](super::algebra::reduce) does.
fn halved(sums: &[f64], length: usize) -> f64 {
    let middle = (length / 2).next_multiple_of(LEAF);
    if sums.len() < 2 || middle >= length {
        return sums[0];
    }
    let (left, right) = sums.split_at(middle / LEAF);
    halved(left, middle) + halved(right, length - middle)
}

/// Products of a part of a vector with those of others.
struct Leaf<'a> {
    x: &'a [f64],
    others: [&'a [f64]; ABREAST],
}

impl WithSimd for Leaf<'_> {
    type Output = [f64; ABREAST];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; ABREAST] {
        let (x, rest) = self.x.as_chunks::<LANES>();
        let mut lanes = [[0.0; LANES]; ABREAST];
        for (k, x) in x.iter().enumerate() {
            for (lanes, other) in lanes.iter_mut().zip(&self.others) {
                let other: &[f64; LANES] = other[k * LANES..][..LANES].try_into().expect("as long as `x`");
                for lane in 0..LANES {
                    lanes[lane] += x[lane] * other[lane];
                }
            }
        }
        let mut sums = [0.0; ABREAST];
        for ((sum, lanes), other) in sums.iter_mut().zip(lanes).zip(&self.others) {
            let rest: f64 = rest.iter().zip(&other[x.len() * LANES..]).map(|(&a, &b)| a * b).sum();
            let [a, b, c, d, e, f, g, h] = lanes;
            *sum = ((a + b) + (c + d)) + ((e + f) + (g + h)) + rest;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::super::algebra::dot;
    use super::*;

    #[test]
    fn tiles_have_the_bits_of_single_products() {
        for length in [0, 1, 7, 511, 512, 513, 1024, 1500, 5000] {
            let vector =
                |seed: usize| -> Vec<f64> { (0..length).map(|i| ((i * 37 + seed * 101) as f64).sin()).collect() };
            let all: Vec<Vec<f64>> = (0..9).map(vector).collect();
            let all: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
            let (a, b) = all.split_at(3);
            let found = dots(a, b).unwrap();
            for (i, x) in a.iter().enumerate() {
                for (j, y) in b.iter().enumerate() {
                    assert_eq!(found[i * b.len() + j].to_bits(), dot(x, y).to_bits(), "{length}: {i}, {j}");
                }
            }
        }
    }
}
