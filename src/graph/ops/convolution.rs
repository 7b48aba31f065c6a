//! Products with the windows of images, which are nowhere stored.
//!
//! Two forms are enough: a convolution and what its weight's gradient is, a correlation. Each is linear in both of its inputs, and
//! the derivative by either is again one of the two, so that they can be differentiated as often as one likes. Where windows stand
//! is a table, `[positions, taps]`, of places in the image: turned round, it is that of the adjoint.

use super::prelude::*;
use super::windows::{Geometry, Taps};
use crate::graph::program_of::Word;
use crate::kernels::matmul::{self as kernel, Factors, Form, Inner, Precision, Windowed};

/// `windows(x) w`, or the correlation `g^T windows(x)`; of windows that stand where a [`Geometry`] has them, or of its adjoint.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Convolve {
    geometry: Geometry,
    /// The table is that of the adjoint: what is read are windows, and what comes of them positions of the image.
    adjoint: bool,
    /// What stands beside the windows.
    beside: Beside,
    precision: Precision,
}

/// The other factor.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Beside {
    /// A weight `[N, taps C]`: the result is `[rows, N]`.
    Weight,
    /// A weight `[taps C, N]`.
    Turned,
    /// A matrix `[rows, N]`: the result is `[N, taps C]`.
    Rows,
}

impl Graph {
    /// The convolution of images `[B h w, C]` with a weight `[N, taps C]`, whose taps are in the order of (row, column):
    /// `[B windows, N]`. It is the product of [`Graph::windows`] with the weight, in the same order of summation.
    ///
    /// # Errors
    /// If the images are not of the geometry, the weight is not of the taps and channels, or there is no room for a window.
    pub fn convolve(&mut self, images: Tensor, weight: Tensor, geometry: Geometry) -> Result<Tensor> {
        self.convolution(images, weight, geometry, false, Beside::Weight)
    }

    /// The transposed convolution, the adjoint of [`Graph::convolve`] by its images: of `[B windows, C]` and a weight
    /// `[N, taps C]`, `[B h w, N]`.
    ///
    /// # Errors
    /// As of [`Graph::convolve`].
    pub fn convolve_transposed(&mut self, windows: Tensor, weight: Tensor, geometry: Geometry) -> Result<Tensor> {
        self.convolution(windows, weight, geometry, true, Beside::Weight)
    }

    fn convolution(
        &mut self,
        x: Tensor,
        other: Tensor,
        geometry: Geometry,
        adjoint: bool,
        beside: Beside,
    ) -> Result<Tensor> {
        let ([rows, channels], [a, b]) = (self.matrix(x)?, self.matrix(other)?);
        let unfit = |g: &Self| {
            let what = format!("images, and what fits their windows of {geometry:?}");
            g.misfit("convolution", x, other, &what)
        };
        let Some(Taps { read, made, taps, table }) = geometry.table(adjoint) else { return Err(unfit(self)) };
        let (examples, long) = (rows / read, taps * channels);
        let (fits, shape) = match beside {
            Beside::Weight => (b == long, [examples * made, a]),
            Beside::Turned => (a == long, [examples * made, b]),
            Beside::Rows => (a == examples * made, [b, long]),
        };
        if !fits || examples * read != rows {
            return Err(unfit(self));
        }
        let table = self.data_integers(&table, &[made, taps])?;
        let op = Convolve { geometry, adjoint, beside, precision: self.precision };
        Ok(self.add(op, vec![x, other, table], Shape::new(&shape), DType::F32))
    }
}

impl Convolve {
    /// Positions of an example that are read, and those that come of them; taps; channels.
    fn extents(&self, graph: &Graph, tensor: Tensor) -> Result<[usize; 4]> {
        let [made, taps] = graph.matrix(graph.node(tensor).inputs[2])?;
        let [_, channels] = graph.matrix(graph.node(tensor).inputs[0])?;
        let read = self.geometry.read(self.adjoint);
        Ok([read, made, taps, channels])
    }
}

impl Rules for Convolve {
    fn facts(&self) -> Facts {
        Facts::kernel_with_maps(if self.beside == Beside::Rows { "correlation" } else { "convolution" })
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let &Self { geometry, adjoint, beside, precision } = self;
        let before = back.graph.set_precision(precision);
        let [_, _, taps, channels] = self.extents(back.graph, back.tensor)?;
        let (x, other, u) = (back.input(0), back.input(1), back.whole()?);
        if back.wants(0) {
            // What goes back through each tap, `[taps N, C]`, by rows of what comes from above or stood beside.
            let (rows, weight) = if beside == Beside::Rows { (other, u) } else { (u, other) };
            let g = &mut *back.graph;
            let turned = if beside == Beside::Turned { weight } else { g.transpose(weight)? };
            let n = g.matrix(turned)?[1];
            let by_tap = g.reshape(turned, &[taps, channels, n])?;
            let by_tap = g.transpose(by_tap)?;
            let by_tap = g.reshape(by_tap, &[taps * n, channels])?;
            let part = g.convolution(rows, by_tap, geometry, !adjoint, Beside::Turned)?;
            back.give(0, part);
        }
        if back.wants(1) {
            let g = &mut *back.graph;
            let part = match beside {
                Beside::Weight => g.convolution(x, u, geometry, adjoint, Beside::Rows)?,
                Beside::Turned => {
                    let turned = g.convolution(x, u, geometry, adjoint, Beside::Rows)?;
                    g.transpose(turned)?
                }
                Beside::Rows => g.convolution(x, u, geometry, adjoint, Beside::Weight)?,
            };
            back.give(1, part);
        }
        back.graph.set_precision(before);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let [read, made, taps, channels] = self.extents(at.graph(), at.tensor)?;
        let rounded = |i: usize| -> Vec<f64> {
            let values = at.inputs[i].iter();
            match self.precision {
                Precision::Single => values.copied().collect(),
                Precision::Half => values.map(|&x| f64::from(kernel::rounded(x as f32))).collect(),
            }
        };
        let (x, other, table) = (rounded(0), rounded(1), &at.inputs[2]);
        let (long, [a, b]) = (taps * channels, [0, 1].map(|axis| at.extents_of(1)[axis]));
        let mut values = vec![0.0; at.count()];
        for row in 0..x.len() / (read * channels) * made {
            for tap in 0..taps {
                let place = table[row % made * taps + tap] as usize;
                if place >= read {
                    continue;
                }
                let seen = &x[(row / made * read + place) * channels..][..channels];
                for (channel, &seen) in seen.iter().enumerate() {
                    let k = tap * channels + channel;
                    match self.beside {
                        Beside::Weight => (0..a).for_each(|n| values[row * a + n] += seen * other[n * long + k]),
                        Beside::Turned => (0..b).for_each(|n| values[row * b + n] += seen * other[k * b + n]),
                        Beside::Rows => (0..b).for_each(|n| values[n * long + k] += seen * other[row * b + n]),
                    }
                }
            }
        }
        Ok(values.into())
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let graph = at.graph();
        let [m, n] = graph.matrix(at.tensor)?;
        let [read, made, taps, channels] = self.extents(graph, at.tensor)?;
        let [first, columns] = graph.matrix(at.input(1))?;
        let ((x, x_extra), (other, extra), (table, table_extra)) = (at.operand(0)?, at.operand(1)?, at.operand(2)?);
        let images = (x, x_extra, channels);
        let beside = (other, extra, columns);
        let (windowed, a, b, k) = match self.beside {
            Beside::Weight | Beside::Turned => (Windowed::A, images, beside, taps * channels),
            Beside::Rows => (Windowed::B, beside, images, first),
        };
        let (transpose_a, transpose_b) = (self.beside == Beside::Rows, self.beside == Beside::Weight);
        // Of the factor that is as it stands; that of windows is read value by value.
        let aligned = other.arena().four().is_some() && extra.is_multiple_of(4) && columns.is_multiple_of(4);
        // Four steps of K at a time must not go beyond a tap.
        let whole = windowed == Windowed::A && (!transpose_b || channels.is_multiple_of(4));
        let (aligned_a, aligned_b) = (aligned && windowed == Windowed::B, aligned && whole);
        let precision = Precision::Single;
        let form = Form { m, n, k, transpose_a, transpose_b, aligned_a, aligned_b, precision };
        let after = at.after(at.tensor, Vec::new())?;
        let mut job = [0, m, n, k].map(number).to_vec();
        for (place, extra, leading) in [a, b] {
            job.extend([Word::Offset(place, extra), Word::Stride(place), number(leading)]);
        }
        job.push(Word::Offset(table, table_extra));
        job.extend([taps, made, read].map(number));
        let kernel = kernel::MatMul {
            batched: false,
            a: a.0.arena(),
            b: b.0.arena(),
            transpose_a,
            transpose_b,
            vector_a: form.vector_a(),
            vector_b: form.vector_b(),
            vector_c: form.vector_c() && after.program.by_four(),
            tile: form.tile(at.profile),
            factors: match Factors::of(self.precision, at.profile) {
                Factors::Stored => Factors::Rounded,
                factors => factors,
            },
            inner: Inner::Product,
            windowed: Some(windowed),
            in_parts: false,
            program: after.program,
        };
        let flops = 2 * (m * n * k) as u64 + after.flops;
        let elements = [0, 1].map(|i| graph.shape(at.input(i)).elements() as u64).iter().sum::<u64>();
        Ok(Item::new(kernel, [job, after.words].concat(), flops, elements + after.elements))
    }
}
