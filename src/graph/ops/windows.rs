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

    /// Taps of a window.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether no position of an image stands in two windows.
    fn disjoint(&self) -> bool {
        (0..2).all(|axis| self.dilation[axis] == 1 && self.stride[axis] >= self.kernel[axis])
    }

    /// Positions of an example that windows are taken of, or in the adjoint that they are brought back from.
    pub(super) fn read(&self, adjoint: bool) -> usize {
        if adjoint { self.windows().map_or(0, |windows| windows[0] * windows[1]) } else { self.image[0] * self.image[1] }
    }

    /// Where each tap of each window stands in an image, or in the adjoint which window has a position of the image at each tap.
    pub(super) fn table(&self, adjoint: bool) -> Option<Taps> {
        let (windows, taps, image) = (self.windows()?, self.taps(), self.image[0].checked_mul(self.image[1])?);
        let count = windows[0] * windows[1];
        if count.max(image).checked_mul(taps)? > 1 << 31 {
            return None;
        }
        let at = self.positions(windows);
        let (read, made) = if adjoint { (count, image) } else { (image, count) };
        let mut table = vec![read as u32; made * taps];
        for (row, position) in at.into_iter().enumerate() {
            match position {
                Some(position) if adjoint => table[position * taps + row % taps] = (row / taps) as u32,
                Some(position) => table[row] = position as u32,
                None => {}
            }
        }
        Some(Taps { read, made, taps, table })
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

/// A table of [`Geometry::table`].
pub(super) struct Taps {
    /// Positions of an example that are read.
    pub read: usize,
    /// Positions that come of them.
    pub made: usize,
    /// Taps of each.
    pub taps: usize,
    /// `[made, taps]`: a position that is read, or their number where there is none.
    pub table: Vec<u32>,
}

/// Each element from another place or, where there is none, zero: from the first input at the rows in the second, where the
/// third, if there is one, is not zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Windows {
    geometry: Geometry,
    /// From windows to the image.
    adjoint: bool,
    /// Where windows are disjoint: the one tap that a position of the image has, in place of a value for each.
    alone: bool,
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
        let fits = |found: Taps| {
            let &[examples, count, each, columns] = self.shape(x).extents() else { return None };
            let right = count == found.read && (each == found.taps || each == 1 && !adjoint);
            right.then_some((found, [examples, count, each, columns]))
        };
        let Some((Taps { read, made, taps, table }, [examples, count, each, columns])) =
            geometry.table(adjoint).and_then(fits)
        else {
            return Err(Error::Shape(format!("{} has no windows of {geometry:?}", self.describe(x))));
        };
        let most = [made, taps, examples, columns].into_iter().try_fold(1usize, usize::checked_mul);
        if most.is_none_or(|most| most > 1 << 31) {
            return Err(Error::Shape(format!("windows of {} have more than 2^31 elements", self.describe(x))));
        }
        // Where each element of the result comes from, among the rows of an example.
        let row = |(e, &at): (usize, &u32)| {
            ((at as usize) < read).then_some(at * each as u32 + (e % taps % each) as u32)
        };
        let rows: Vec<Option<u32>> = table.iter().enumerate().map(row).collect();
        let op = Windows { geometry, adjoint, alone: false };
        self.taken(op, x, [examples, count * each, columns], &rows, [made, taps])
    }

    /// What came of each position of an image by [`Graph::windows`] that are disjoint, `[B, h w, 1, C]`; zero of those in none.
    fn put_back(&mut self, windows: Tensor, geometry: Geometry) -> Result<Tensor> {
        let &[examples, count, taps, columns] = self.shape(windows).extents() else {
            return Err(Error::Shape(format!("{} are no windows", self.describe(windows))));
        };
        let image = geometry.read(false);
        let table = geometry.table(false).map_or_else(Vec::new, |taps| taps.table);
        let mut rows = vec![None; image];
        (0..).zip(table).filter(|&(_, at)| (at as usize) < image).for_each(|(row, at)| rows[at as usize] = Some(row));
        let op = Windows { geometry, adjoint: true, alone: true };
        self.taken(op, windows, [examples, count * taps, columns], &rows, [image, 1])
    }

    /// Of `x`, so many rows of so many columns for each example, these rows.
    fn taken(
        &mut self,
        op: Windows,
        x: Tensor,
        [examples, count, columns]: [usize; 3],
        rows: &[Option<u32>],
        [made, taps]: [usize; 2],
    ) -> Result<Tensor> {
        let within: Vec<f32> = rows.iter().map(|row| f32::from(u8::from(row.is_some()))).collect();
        let rows: Vec<u32> = rows.iter().map(|row| row.unwrap_or(0)).collect();
        let first: Vec<u32> = (0..examples).map(|example| (example * count) as u32).collect();
        let (rows, first) =
            (self.data_integers(&rows, &[1, made, taps, 1])?, self.data_integers(&first, &[examples, 1, 1, 1])?);
        let mut inputs = vec![x, self.binary(Binary::AddInteger, first, rows)?];
        if within.contains(&0.0) {
            inputs.push(self.data(within, &[1, made, taps, 1])?);
        }
        let (shape, dtype) = (Shape::new(&[examples, made, taps, columns]), self.node(x).dtype);
        Ok(self.add(op, inputs, shape, dtype))
    }
}

impl Rules for Windows {
    fn facts(&self) -> Facts {
        let name = if self.adjoint { "spread" } else { "windows" };
        Facts::map(name).positional().first(Reads::SomeRows)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let part = match back.extents(0)[2] {
            1 if !self.adjoint && self.geometry.disjoint() => back.graph.put_back(whole, self.geometry)?,
            _ => back.graph.tapped(whole, self.geometry, !self.adjoint)?,
        };
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
