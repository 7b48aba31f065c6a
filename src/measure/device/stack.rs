//! Pairs on a device: forms of representations stand there once, one on top of the other, and each replica of a program picks two.

use std::sync::Arc;

use faer::Mat;

use super::batches::{Input, Take, of_each, padded};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Binary;

/// Forms of several representations of the same examples, `[examples, width]` each.
pub(in crate::measure) struct Stack {
    values: Vec<f32>,
    examples: usize,
    /// Columns of each, zeros beyond its own.
    pub width: usize,
}

impl Stack {
    /// Of forms that are so wide at most.
    pub fn of<'a>(forms: impl Iterator<Item = &'a Mat<f64>>, width: usize) -> Self {
        let mut stack = Self { values: Vec::new(), examples: 0, width };
        for form in forms {
            stack.examples = form.nrows();
            stack.values.extend(padded(form, width));
        }
        stack
    }

    fn data(&self, g: &mut Graph) -> Result<Tensor> {
        g.data(self.values.clone(), &[self.values.len() / self.width, self.width])
    }
}

/// What a graph makes of the forms of a pair.
pub(in crate::measure) type OfTwo<'a> = &'a dyn Fn(&mut Graph, [Tensor; 2]) -> Result<Vec<Tensor>>;

/// Floats of one batch of pairs, about.
const BATCH: usize = 1 << 26;

/// For each pair of a form of `first` and one of `second` what `take` makes of what the graph makes of the two; `floats` is
/// about how many that needs for a pair.
///
/// # Errors
/// As [`of_each`].
pub(in crate::measure) fn of_pairs<T: Send>(
    gpu: Option<&Arc<Gpu>>,
    [first, second]: [&Stack; 2],
    pairs: &[(usize, usize)],
    floats: usize,
    build: OfTwo<'_>,
    take: Take<'_, T>,
) -> Result<Vec<T>> {
    let n = first.examples;
    let inputs = [Input::Integer(&|i| (pairs[i].0 * n) as u32), Input::Integer(&|i| (pairs[i].1 * n) as u32)];
    let build = |g: &mut Graph, starts: &[Tensor]| {
        let firsts = first.data(g)?;
        let seconds = if std::ptr::eq(first, second) { firsts } else { second.data(g)? };
        let rows = g.data_integers(&(0..n as u32).collect::<Vec<_>>(), &[n, 1])?;
        let mut picked = |all: Tensor, start: Tensor| -> Result<Tensor> {
            let rows = g.binary(Binary::AddInteger, rows, start)?;
            g.gather(all, rows)
        };
        let (x, y) = (picked(firsts, starts[0])?, picked(seconds, starts[1])?);
        build(g, [x, y])
    };
    of_each(gpu, [pairs.len(), BATCH / floats.max(1)], &inputs, &build, take)
}
