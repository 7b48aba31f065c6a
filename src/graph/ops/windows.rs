//! Windows of images gathered, and their adjoint.

use super::prelude::*;
use crate::kernels::program::{Binary, Pattern};

/// Where windows stand in an image: by height and width. A sequence is an image of height 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Geometry {
    /// Extents of the image.
    pub image: [usize; 2],
    /// Taps of a window.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// From one tap to the next.
    pub dilation: [usize; 2],
    /// Positions added before the image.
    pub before: [usize; 2],
    /// Positions added after it.
    pub after: [usize; 2],
}

impl Geometry {
    /// Windows along each axis, `(n + before + after - dilation (kernel - 1) - 1) / stride + 1`; none if there is no room for one.
    pub fn windows(&self) -> Option<[usize; 2]> {
        let along = |axis: usize| {
            let reach = self.dilation[axis].checked_mul(self.kernel[axis].checked_sub(1)?)?.checked_add(1)?;
            let room = self.image[axis].checked_add(self.before[axis])?.checked_add(self.after[axis])?;
            Some(room.checked_sub(reach)?.checked_div(self.stride[axis])? + 1)
        };
        Some([along(0)?, along(1)?])
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// For each window and tap, both in the order of (row, column), the position of the image there, if it is within.
    fn positions(&self, windows: [usize; 2]) -> Vec<Option<usize>> {
        let along = |axis: usize, window: usize, tap: usize| {
            let at = (window * self.stride[axis] + tap * self.dilation[axis]).checked_sub(self.before[axis]);
            at.filter(|&at| at < self.image[axis])
        };
        let mut all = Vec::with_capacity(windows[0] * windows[1] * self.taps());
        for window in 0..windows[0] * windows[1] {
            for tap in 0..self.taps() {
                let row = along(0, window / windows[1], tap / self.kernel[1]);
                let column = along(1, window % windows[1], tap % self.kernel[1]);
                all.push(row.zip(column).map(|(row, column)| row * self.image[1] + column));
            }
        }
        all
    }
}

/// Each element from another place or, where there is none, zero: from the first input at the rows in the second, where the
/// third, if there is one, is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Windows {
    geometry: Geometry,
    /// From windows to the image.
    adjoint: bool,
}

impl Graph {
    /// What stands at each tap of each window of images `[B, h w, 1, C]`: `[B, windows, taps, C]`, zero outside of the image. Of
    /// images `[B, h w, taps, C]` each tap has its own.
    ///
    /// # Errors
    /// If the images are not of the geometry, or have no room for a window.
    pub fn windows(&mut self, images: Tensor, geometry: Geometry) -> Result<Tensor> {
        self.tapped(images, geometry, false)
    }

    /// The adjoint of [`Graph::windows`]: at each position of an image what stood there at each tap of windows
    /// `[B, windows, taps, C]`: `[B, h w, taps, C]`, zero where no window had it at that tap.
    ///
    /// # Errors
    /// If the windows are not of the geometry.
    pub fn spread(&mut self, windows: Tensor, geometry: Geometry) -> Result<Tensor> {
        self.tapped(windows, geometry, true)
    }

    fn tapped(&mut self, x: Tensor, geometry: Geometry, adjoint: bool) -> Result<Tensor> {
        let (image, taps) = (geometry.image[0] * geometry.image[1], geometry.taps());
        let fits = |windows: [usize; 2]| {
            let &[examples, count, each, columns] = self.shape(x).extents() else { return None };
            let expected = if adjoint { windows[0] * windows[1] } else { image };
            let right = count == expected && (each == taps || each == 1 && !adjoint);
            right.then_some((windows, [examples, count, each, columns]))
        };
        let Some((windows, [examples, count, each, columns])) = geometry.windows().and_then(fits) else {
            return Err(Error::Shape(format!("{} has no windows of {geometry:?}", self.describe(x))));
        };
        let most = [windows[0], windows[1], taps, examples, columns].into_iter().try_fold(1usize, usize::checked_mul);
        if most.is_none_or(|most| most > 1 << 31) {
            return Err(Error::Shape(format!("windows of {} have more than 2^31 elements", self.describe(x))));
        }
        // Where each element of the result comes from, among the rows of an example.
        let positions = geometry.positions(windows);
        let (positions, result) = if adjoint {
            let mut from = vec![None; image * taps];
            for (row, position) in positions.into_iter().enumerate() {
                position.into_iter().for_each(|position| from[position * taps + row % taps] = Some(row));
            }
            (from, image)
        } else {
            let row = |(row, position): (usize, Option<usize>)| position.map(|at| at * each + row % taps % each);
            (positions.into_iter().enumerate().map(row).collect(), windows[0] * windows[1])
        };
        let rows: Vec<u32> = positions.iter().map(|at| at.unwrap_or(0) as u32).collect();
        let first: Vec<u32> = (0..examples).map(|example| (example * count * each) as u32).collect();
        let (rows, first) =
            (self.data_integers(&rows, &[1, result, taps, 1])?, self.data_integers(&first, &[examples, 1, 1, 1])?);
        let mut inputs = vec![x, self.binary(Binary::AddInteger, first, rows)?];
        if positions.contains(&None) {
            let within = positions.iter().map(|at| f32::from(u8::from(at.is_some()))).collect();
            inputs.push(self.data(within, &[1, result, taps, 1])?);
        }
        let (shape, dtype) = (Shape::new(&[examples, result, taps, columns]), self.node(x).dtype);
        Ok(self.add(Windows { geometry, adjoint }, inputs, shape, dtype))
    }
}

impl Rules for Windows {
    fn facts(&self) -> Facts {
        let name = if self.adjoint { "spread" } else { "windows" };
        Facts::map(name).positional().first(Reads::SomeRows)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let part = back.graph.tapped(whole, self.geometry, !self.adjoint)?;
        back.give(0, part);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let (rows, columns) = (at.spread(1), at.columns());
        let within = (at.inputs.len() > 2).then(|| at.spread(2));
        let of = |e: usize| at.inputs[0][rows[e] as usize * columns + e % columns];
        let inside = |e: usize| within.as_ref().is_none_or(|within| within[e] != 0.0);
        Ok((0..at.count()).map(|e| if inside(e) { of(e) } else { 0.0 }).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let node = emitter.graph().node(tensor);
        let (dtype, masked) = (node.dtype, node.inputs.len() > 2);
        let rows = emitter.input(tensor, 1)?;
        // What is read is as large as the result, not as the image.
        let leaf = emitter.leaf(tensor, 0, Pattern::Full, &[], Some(tensor))?;
        let value = emitter.push(Instruction::Gather(leaf, rows, dtype));
        if !masked {
            return Ok(value);
        }
        let (within, zero) = (emitter.input(tensor, 2)?, emitter.push(Instruction::Constant(0)));
        Ok(emitter.push(Instruction::Select(within, value, zero)))
    }
}
