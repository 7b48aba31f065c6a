//! Part of a tensor along an axis.

use super::permute::strides;
use super::prelude::*;

/// Some positions along an axis.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Slice {
    axis: usize,
    from: usize,
    /// Elements from one position to the next.
    inner: usize,
    /// No axis before this one is longer than 1: what is left stands together in memory.
    together: bool,
}

impl Slice {
    /// A row of a matrix.
    pub(super) fn row(row: usize, columns: usize) -> Self {
        Self { axis: 0, from: row, inner: columns, together: true }
    }
}

impl Graph {
    /// `count` positions along an axis, from `from` on.
    ///
    /// # Errors
    /// If `x` has not so many there.
    pub fn slice(&mut self, x: Tensor, axis: usize, from: usize, count: usize) -> Result<Tensor> {
        let mut extents = self.shape(x).extents().to_vec();
        let fits = extents.get(axis).is_some_and(|&n| count > 0 && from.checked_add(count).is_some_and(|end| end <= n));
        if !fits || self.node(x).scope == Scope::Pairs {
            let end = from.saturating_add(count);
            return Err(Error::Shape(format!("{} has no {from}..{end} along axis {axis}", self.describe(x))));
        }
        if count == extents[axis] {
            return Ok(x);
        }
        if let Op::Permute(permute) = self.node(x).op {
            // Less is then moved.
            let axes = permute.axes(extents.len());
            let part = self.slice(self.node(x).inputs[0], axes[axis], from, count)?;
            return self.permute(part, &axes);
        }
        let (together, inner) =
            (extents[..axis].iter().all(|&n| n == 1), extents[axis + 1..].iter().product::<usize>());
        extents[axis] = count;
        let (source, begins) = self.source(x);
        if together && let Some(part) = self.part(source, begins + from * inner, count * inner) {
            return self.reshape(part, &extents);
        }
        let op = Slice { axis, from, inner, together };
        let dtype = self.node(x).dtype;
        Ok(self.add(op, vec![x], Shape::new(&extents), dtype))
    }

    /// `count` rows of a matrix from `start`.
    ///
    /// # Errors
    /// If `x` is not a matrix or has fewer rows.
    pub fn rows(&mut self, x: Tensor, start: usize, count: usize) -> Result<Tensor> {
        self.matrix(x)?;
        self.slice(x, 0, start, count)
    }

    /// Each position along the first axis, whose extent is then 1.
    ///
    /// # Errors
    /// If `x` is a value of pairs.
    pub fn unstack(&mut self, x: Tensor) -> Result<Vec<Tensor>> {
        (0..self.shape(x).extents()[0]).map(|at| self.slice(x, 0, at, 1)).collect()
    }
}

impl Rules for Slice {
    fn facts(&self) -> Facts {
        if self.together {
            return Facts::view("slice", self.from * self.inner);
        }
        Facts::map("slice").positional().first(Reads::Whole)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let (whole, extents) = (back.whole()?, back.extents(0));
        let count = back.graph.shape(whole).extents()[self.axis];
        let part = back.graph.pad(whole, self.axis, self.from, extents[self.axis] - self.from - count)?;
        back.give(0, part);
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let (all, count) = (at.extents_of(0)[self.axis] * self.inner, at.extents[self.axis] * self.inner);
        let first = self.from * self.inner;
        Ok(at.inputs[0].chunks(all).flat_map(|line| &line[first..first + count]).copied().collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let node = emitter.graph().node(tensor);
        let (dtype, strides) = (node.dtype, strides(emitter.graph().shape(node.inputs[0]).extents()));
        let leaf = emitter.leaf_from(tensor, self.from * self.inner, &strides)?;
        Ok(emitter.push(Instruction::Load(leaf, dtype)))
    }
}
