//! Permutation tests and resampling of examples on the device, where a thousand draws of a measure are a thousand replicas
//! of one program: the draws' random numbers, gathering, tables and sums never leave it, one value per draw does.

use std::sync::Arc;

use super::batches::{Input, Rows, of_each, width};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::program::Draw;
use crate::measure::declaration::Cosine;
use crate::measure::embedding;
use crate::measure::inference::Resample;

/// Draws at once, at most.
const AT_ONCE: usize = 256;

/// Values of a measure on `draws` resamples of two representations. The same seed gives the same draws, however many there are.
///
/// # Errors
/// If there are too few examples, or the device fails.
pub(in crate::measure) fn resample(
    gpu: Option<&Arc<Gpu>>,
    examples: usize,
    pair: [Rows<'_>; 2],
    measure: Cosine,
    how: Resample,
    draws: usize,
    seed: u32,
) -> Result<Vec<f64>> {
    let (kind, count) = match how {
        Resample::Permute => (Draw::Shuffled, examples),
        Resample::Bootstrap => (Draw::Replacement, examples),
        Resample::Subsample(count) => (Draw::Shuffled, count),
    };
    if count == 0 || count > examples {
        return Err(Error::Measure(format!("{count} of {examples} examples cannot be drawn")));
    }
    of_each(
        gpu,
        [draws, AT_ONCE],
        &[Input::Integer(&|draw| draw as u32)],
        &|g, draw| {
            let [x, y] = pair.map(|rows| {
                let room = width([rows.units].into_iter());
                g.data(rows.padded(examples, room)?, &[examples, room])
            });
            let (x, y) = (x?, y?);
            let purpose = g.purpose(&format!("resample/{seed}"));
            let step = g.integer(0);
            let examples = g.integer(examples as u32);
            let order = g.draw(kind, examples, count, draw[0], purpose, step);
            let second = g.gather(y, order)?;
            let first = if how == Resample::Permute { x } else { g.gather(x, order)? };
            Ok(embedding::many(g, &[first, second], &[(0, 1)], &[measure.embedding])?.concat())
        },
        &|_, made| measure.value.of_cosine(f64::from(made[0][0])),
    )
}
