//! A tensor among zeros, and tensors side by side.

use super::prelude::*;
use super::windows::Geometry;

/// The first input, whose extent along an axis is 1, at one position of that axis, where the second is not zero, and zero at
/// all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pad {
    axis: usize,
    at: usize,
}

/// Tensors among zeros that are added up in one go.
const FEW: usize = 8;

impl Graph {
    /// `x` with so many zeros before it and after it along an axis: the adjoint of [`Graph::slice`].
    ///
    /// # Errors
    /// If `x` has no such axis, or the result has more than 2^31 elements.
    pub fn pad(&mut self, x: Tensor, axis: usize, before: usize, after: usize) -> Result<Tensor> {
        let mut extents = self.shape(x).extents().to_vec();
        let Some(&count) = extents.get(axis).filter(|_| self.node(x).scope != Scope::Pairs) else {
            return Err(Error::Shape(format!("{} has no axis {axis} to put zeros around", self.describe(x))));
        };
        if before + after == 0 {
            return Ok(x);
        }
        extents[axis] += before + after;
        let padded = if count == 1 {
            self.pad_one(x, axis, before, extents[axis])?
        } else if before.is_multiple_of(count) && after.is_multiple_of(count) {
            let lines = self.lines(x, axis, true)?;
            self.pad_one(lines, 1, before / count, extents[axis] / count)?
        } else {
            self.pad_many(x, axis, before, after)?
        };
        self.reshape(padded, &extents)
    }

    /// Tensors side by side along an axis: written there as they are computed, or else a sum of what each is among zeros.
    ///
    /// # Errors
    /// If there is none, or they differ along another axis.
    pub fn concat(&mut self, parts: &[Tensor], axis: usize) -> Result<Tensor> {
        match self.stacked(parts, axis)? {
            Some(stack) => Ok(stack),
            None => self.sum_of_padded(parts, axis),
        }
    }

    fn sum_of_padded(&mut self, parts: &[Tensor], axis: usize) -> Result<Tensor> {
        let (a, b) = match parts {
            [] => return Err(Error::Shape("at least one tensor is wanted to stand side by side, got none".into())),
            &[alone] => return Ok(alone),
            // In halves of two equal parts, as far as it goes: each element is then copied once for each halving.
            _ => {
                let (a, b) = parts.split_at(parts.len().next_power_of_two() / 2);
                (self.sum_of_padded(a, axis)?, self.sum_of_padded(b, axis)?)
            }
        };
        let (mut extents, other) = (self.shape(a).extents().to_vec(), self.shape(b).extents().to_vec());
        let differs = |(i, (x, y)): (usize, (&usize, &usize))| i != axis && x != y;
        if axis >= extents.len() || extents.len() != other.len() || extents.iter().zip(&other).enumerate().any(differs)
        {
            return Err(self.misfit("concat", a, b, &format!("shapes that differ along axis {axis} alone")));
        }
        let [first, second] = [extents[axis], other[axis]];
        let [a, b] = if first == second {
            let [a, b] = [self.lines(a, axis, true)?, self.lines(b, axis, true)?];
            [self.pad_one(a, 1, 0, 2)?, self.pad_one(b, 1, 1, 2)?]
        } else {
            [self.pad_many(a, axis, 0, second)?, self.pad_many(b, axis, first, 0)?]
        };
        extents[axis] += second;
        let both = self.plus(a, b)?;
        self.reshape(both, &extents)
    }

    /// `x` as `[outer, 1, count inner]` if `whole`, else as `[outer, count, 1, inner]`.
    fn lines(&mut self, x: Tensor, axis: usize, whole: bool) -> Result<Tensor> {
        let extents = self.shape(x).extents().to_vec();
        let (outer, inner) = (extents[..axis].iter().product(), extents[axis + 1..].iter().product());
        let count = extents[axis];
        if whole { self.reshape(x, &[outer, 1, count * inner]) } else { self.reshape(x, &[outer, count, 1, inner]) }
    }

    /// What has an extent of 1 at a position among so many.
    fn pad_one(&mut self, x: Tensor, axis: usize, at: usize, count: usize) -> Result<Tensor> {
        let (mut extents, dtype) = (self.shape(x).extents().to_vec(), self.node(x).dtype);
        let mut mask = vec![1; extents.len()];
        (mask[axis], extents[axis]) = (count, count);
        let here = self.data((0..count).map(|i| f32::from(u8::from(i == at))).collect(), &mask)?;
        Ok(self.add(Pad { axis, at }, vec![x, here], Shape::new(&extents), dtype))
    }

    /// Any number of positions: windows of one tap, some of which are outside.
    fn pad_many(&mut self, x: Tensor, axis: usize, before: usize, after: usize) -> Result<Tensor> {
        let lines = self.lines(x, axis, false)?;
        let image = [1, self.shape(x).extents()[axis]];
        let (one, before, after) = ([1; 2], [0, before], [0, after]);
        self.windows(lines, Geometry { image, kernel: one, stride: one, dilation: one, before, after })
    }
}

impl Rules for Pad {
    fn facts(&self) -> Facts {
        Facts::map("pad")
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let part = back.graph.slice(whole, self.axis, self.at, 1)?;
        back.give(0, part);
        Ok(())
    }

    /// What has a value each at all positions stands side by side.
    fn joined(&self, graph: &mut Graph, terms: &[Tensor]) -> Result<Option<Tensor>> {
        let mut parts = vec![None; graph.shape(terms[0]).0[self.axis]];
        for &term in terms {
            let node = graph.node(term);
            if let Op::Pad(pad) = &node.op
                && pad.axis == self.axis
            {
                parts[pad.at] = Some(node.inputs[0]);
            }
        }
        match parts.into_iter().collect::<Option<Vec<_>>>() {
            Some(parts) if parts.len() == terms.len() => match graph.stacked(&parts, self.axis)? {
                // Few are read once each where they are added up; many are put together in halves.
                None if parts.len() > FEW => graph.sum_of_padded(&parts, self.axis).map(Some),
                stack => Ok(stack),
            },
            _ => Ok(None),
        }
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let own = at.spread(0);
        Ok(own.iter().zip(&*at.spread(1)).map(|(&x, &here)| if here != 0.0 { x } else { 0.0 }).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let [x, here] = [0, 1].map(|i| emitter.input(tensor, i));
        let (x, zero) = (x?, emitter.push(Instruction::Constant(0)));
        Ok(emitter.push(Instruction::Select(here?, x, zero)))
    }
}
