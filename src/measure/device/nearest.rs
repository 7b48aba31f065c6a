//! Nearest neighbours of every example in many representations at once, on the device.
//!
//! Distances are made a band of examples at a time and never leave the device; what is read back are `k` indices per
//! example. Equal distances come in the order of their indices.

use std::sync::Arc;

use super::batches::{Input, of_each};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::kernels::matmul::Inner;
use crate::kernels::program::Unary;
use crate::measure::embedding::bands;

/// What makes two examples near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::measure) enum Near {
    /// A small squared distance.
    Distance,
    /// A large inner product.
    InnerProduct,
}

/// For each of so many representations `[examples, width]` the neighbours of every example, `k` each, nearest first.
///
/// # Errors
/// If there are not more examples than neighbours, or the device fails or has not enough memory for one representation.
pub(in crate::measure) fn nearest(
    gpu: Option<&Arc<Gpu>>,
    representations: usize,
    [examples, width]: [usize; 2],
    values: &dyn Fn(usize) -> Result<Vec<f32>>,
    k: usize,
    near: Near,
) -> Result<Vec<Vec<usize>>> {
    of_each(
        gpu,
        [representations, usize::MAX],
        &[Input::Matrix([examples, width], values)],
        &|g, x| {
            let of_band = |(start, count)| {
                g.fence();
                let band = g.rows(x[0], start, count)?;
                let far = match near {
                    Near::Distance => g.distances(x[0], band, Inner::SquaredDifference)?,
                    Near::InnerProduct => {
                        let product = g.matmul_of(x[0], false, band, true)?;
                        g.unary(Unary::Negate, product)
                    }
                };
                g.nearest(far, k, start)
            };
            bands(examples).map(of_band).collect()
        },
        &|_, made| {
            let mut found = vec![0; examples * k];
            for ((start, count), part) in bands(examples).zip(made) {
                for (i, index) in part.iter().enumerate() {
                    // Stored by rank, then by example.
                    found[(start + i % count) * k + i / count] = index.to_bits() as usize;
                }
            }
            found
        },
    )
}
