//! Axes in another order.

use super::prelude::*;
use crate::kernels::program::Pattern;

/// Axes in another order: of four, the first of which are 1 where a tensor has fewer, the input's for each of the result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Permute([usize; 4]);

impl Graph {
    /// `x` with its axes in another order: axis `i` of the result is axis `axes[i]` of `x`.
    ///
    /// # Errors
    /// If each axis of `x` is not named once.
    pub fn permute(&mut self, x: Tensor, axes: &[usize]) -> Result<Tensor> {
        let (extents, dtype) = (self.shape(x).extents().to_vec(), self.node(x).dtype);
        let each_once = (0..extents.len()).all(|axis| axes.contains(&axis)) && axes.len() == extents.len();
        if !each_once || axes.len() > 4 || self.node(x).scope == Scope::Pairs {
            return Err(Error::Shape(format!("{} has not the axes {axes:?} in another order", self.describe(x))));
        }
        let shape: Vec<usize> = axes.iter().map(|&axis| extents[axis]).collect();
        let long: Vec<usize> = axes.iter().copied().filter(|&axis| extents[axis] != 1).collect();
        if long.is_sorted() {
            return self.reshape(x, &shape);
        }
        if let Op::Permute(before) = self.node(x).op {
            let before = before.axes(axes.len());
            let both: Vec<usize> = axes.iter().map(|&axis| before[axis]).collect();
            return self.permute(self.node(x).inputs[0], &both);
        }
        let missing = 4 - axes.len();
        let padded = std::array::from_fn(|i| i.checked_sub(missing).map_or(i, |i| axes[i] + missing));
        Ok(self.add(Permute(padded), vec![x], Shape::new(&shape), dtype))
    }

    /// A matrix with its axes exchanged, or each matrix of several.
    ///
    /// # Errors
    /// If `x` has one axis alone.
    pub fn transpose(&mut self, x: Tensor) -> Result<Tensor> {
        let mut axes: Vec<usize> = (0..self.shape(x).extents().len()).collect();
        let Some(first) = axes.len().checked_sub(2) else {
            return Err(Error::Shape(format!("{} has no two axes to exchange", self.describe(x))));
        };
        axes.swap(first, first + 1);
        self.permute(x, &axes)
    }
}

impl Permute {
    /// The axis of the input that each of the result is, of so many.
    pub(super) fn axes(self, rank: usize) -> Vec<usize> {
        self.0[4 - rank..].iter().map(|axis| axis + rank - 4).collect()
    }

    /// How far apart neighbours along each axis of the result stand in an input of such extents.
    fn strides(self, extents: &[usize]) -> [usize; 4] {
        let own = strides(extents);
        self.0.map(|axis| own[axis])
    }
}

/// How far apart neighbours along each of the last four axes stand.
pub(super) fn strides(extents: &[usize]) -> [usize; 4] {
    let mut strides = [0; 4];
    let mut step = 1;
    for (stride, extent) in strides.iter_mut().rev().zip(extents.iter().rev()) {
        (*stride, step) = (step, step * extent);
    }
    strides
}

impl Rules for Permute {
    fn facts(&self) -> Facts {
        Facts::map("permute").positional().first(Reads::Whole)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let rank = back.extents(0).len();
        let back_at = |axis: usize| self.0.iter().position(|&a| a == axis + 4 - rank).unwrap_or(axis) + rank - 4;
        let axes: Vec<usize> = (0..rank).map(back_at).collect();
        let part = back.graph.permute(whole, &axes)?;
        back.give(0, part);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let (strides, extents) = (self.strides(&at.extents_of(0)), &at.extents);
        let from = |e: usize| {
            let along = extents.iter().zip(&strides[4 - extents.len()..]).rev();
            along.fold((0, e), |(at, rest), (extent, stride)| (at + rest % extent * stride, rest / extent)).0
        };
        Ok((0..at.count()).map(|e| at.inputs[0][from(e)]).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let node = emitter.graph().node(tensor);
        let (dtype, strides) = (node.dtype, self.strides(emitter.graph().shape(node.inputs[0]).extents()));
        let leaf = emitter.leaf(tensor, 0, Pattern::Strided, &strides, None)?;
        Ok(emitter.push(Instruction::Load(leaf, dtype)))
    }
}
