//! What the processor's arithmetic allows at most: products with sums in registers alone.

use std::hint::black_box;

use pulp::{Simd, WithSimd};

use super::Isa;

/// Chains that do not wait for each other: enough to hide the latency of two units for vectors.
const CHAINS: usize = 12;

struct Chains(u32);

impl WithSimd for Chains {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let (slope, start) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(0.5)));
        let mut chains = [start; CHAINS];
        for _ in 0..self.0 {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, slope, start);
            }
        }
        black_box(chains);
        CHAINS * S::F32_LANES
    }
}

/// Runs so many turns on every thread, and says how many floating-point operations that were.
pub fn multiply_add(isa: Isa, turns: u32) -> f64 {
    let each: Vec<usize> = rayon::broadcast(|_| isa.run(Chains(turns)));
    each.into_iter().map(|lanes| 2.0 * lanes as f64 * f64::from(turns)).sum()
}
