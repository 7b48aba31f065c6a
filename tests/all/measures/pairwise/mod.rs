//! Tests of measures of pairs of examples: kernels, RDMs and what they are made of.

mod bad_input;
mod closed_forms;
mod properties;
mod reference;

use faer::Mat;

/// Fixed pseudo-random numbers, uniform in [-1, 1).
pub fn noise(seed: u64, rows: usize, columns: usize) -> Mat<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    Mat::from_fn(rows, columns, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}
