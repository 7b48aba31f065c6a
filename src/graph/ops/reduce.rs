//! Sums and largest values, along an axis or of all elements.

use super::prelude::*;
use crate::graph::items::arithmetic;
use crate::graph::node::WHOLE;
use crate::kernels::Body;
use crate::kernels::program::Binary;
use crate::kernels::reduce::{self as kernel, Fold};

/// Reduction along an axis, whose extent becomes 1, or ([`WHOLE`]) of all elements to `[1, 1]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Reduce {
    fold: Fold,
    axis: usize,
}

impl Graph {
    /// Sum along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn sum(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        self.reduce(Fold::Sum, x, axis)
    }

    /// Largest value along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn max(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        self.reduce(Fold::Max, x, axis)
    }

    fn reduce(&mut self, fold: Fold, x: Tensor, axis: usize) -> Result<Tensor> {
        let mut shape = self.shape(x).clone();
        if axis >= shape.0.len() || self.node(x).scope == Scope::Pairs {
            return Err(Error::Shape(format!("{} cannot be reduced along axis {axis}", self.describe(x))));
        }
        if shape.0[axis] == 1 {
            return Ok(x);
        }
        shape.0[axis] = 1;
        Ok(self.add(Reduce { fold, axis }, vec![x], shape, DType::F32))
    }

    /// Mean along an axis, whose extent becomes 1.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn mean(&mut self, x: Tensor, axis: usize) -> Result<Tensor> {
        let count = self.shape(x).0.get(axis).copied().unwrap_or(1);
        let sum = self.sum(x, axis)?;
        Ok(self.scale(sum, 1.0 / count as f64))
    }

    /// Sum of all elements, `[1, 1]`.
    ///
    /// # Errors
    /// If `x` is a value of pairs.
    pub fn sum_all(&mut self, x: Tensor) -> Result<Tensor> {
        if self.node(x).scope == Scope::Pairs {
            return Err(Error::Shape(format!("{} cannot be summed over replicas", self.describe(x))));
        }
        let shape = self.shape(x).clone();
        if shape.elements() == 1 {
            return self.reshape(x, &[1, 1]);
        }
        // Large tensors in two stages, so that many invocations have work.
        let last = shape.0.len() - 1;
        let x = if shape.elements() > 16_384 && shape.0[last] < shape.elements() { self.sum(x, last)? } else { x };
        Ok(self.add(Reduce { fold: Fold::Sum, axis: WHOLE }, vec![x], Shape::scalar(), DType::F32))
    }

    /// Mean of all elements, `[1, 1]`.
    ///
    /// # Errors
    /// If `x` is a value of pairs.
    pub fn mean_all(&mut self, x: Tensor) -> Result<Tensor> {
        let count = self.shape(x).elements();
        let sum = self.sum_all(x)?;
        Ok(self.scale(sum, 1.0 / count as f64))
    }
}

impl Reduce {
    /// Elements of a line that is reduced, and how far apart they stand.
    fn line(self, extents: &[usize]) -> [usize; 2] {
        match self.axis {
            WHOLE => [extents.iter().product(), 1],
            axis => [extents[axis], extents[axis + 1..].iter().product()],
        }
    }
}

impl Rules for Reduce {
    fn facts(&self) -> Facts {
        Facts::reduction("reduction")
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let (x, g) = (back.input(0), back.upstream);
        let part = match self.fold {
            Fold::Sum => back.graph.broadcast(g, &back.extents(0))?,
            // Where several elements are largest each takes the whole gradient, a subgradient as good as any.
            Fold::Max => {
                let here = back.graph.binary(Binary::Equal, x, back.tensor)?;
                back.graph.times(here, g)?
            }
        };
        back.give(0, part);
        Ok(())
    }

    /// Sums over rows, as gradients of a bias that is used several times are, are one sum over all rows.
    fn joined(&self, graph: &mut Graph, terms: &[Tensor]) -> Result<Option<Tensor>> {
        let alike = |t: &Tensor| graph.node(*t).op == Op::Reduce(*self);
        if self.fold != Fold::Sum || self.axis != 0 || !terms.iter().all(alike) {
            return Ok(None);
        }
        let mut inputs: Vec<Tensor> = terms.iter().rev().map(|t| graph.node(*t).inputs[0]).collect();
        inputs.sort_by_key(|x| graph.place_in_stack(*x).map(|(_, at)| at));
        let Some(all) = graph.stacked(&inputs, 0)? else { return Ok(None) };
        graph.sum(all, 0).map(Some)
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let x = at.inputs[0];
        let [length, inner] = self.line(&at.extents_of(0));
        let mut totals = Vec::with_capacity(x.len() / length.max(1));
        for outer in x.chunks((length * inner).max(1)) {
            let from = totals.len();
            totals.resize(from + inner, if self.fold == Fold::Sum { 0.0 } else { f64::NEG_INFINITY });
            for line in outer.chunks(inner) {
                for (total, &x) in totals[from..].iter_mut().zip(line) {
                    *total = match self.fold {
                        Fold::Sum => *total + x,
                        // What is no number stays so.
                        Fold::Max if total.is_nan() || *total > x => *total,
                        Fold::Max => x,
                    };
                }
            }
        }
        Ok(totals.into())
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let (input, node) = (at.graph().shape(at.input(0)), at.graph().node(at.tensor));
        let [length, inner] = self.line(&input.0);
        let count = node.shape.elements();
        let mut before = at.emitter(input.clone(), None);
        let value = before.value(at.input(0))?;
        let (before, before_words, read) = before.finish();
        let after = at.after(at.tensor, read)?;
        let mut job = [0, count, length, inner, input.columns(), node.shape.columns()].map(number).to_vec();
        job.extend(before_words);
        job.extend(after.words);
        // One lane of a software adapter's vector each; on a GPU, two subgroups of the commonest size.
        let wide = if Body::of(at.profile) == Body::Wide { 8 } else { 64 };
        let lanes = kernel::Reduce::lanes_for(count, length, inner, wide);
        let flops = (1 + arithmetic(&before)) * (count * length) as u64 + after.flops;
        let kernel = kernel::Reduce { fold: self.fold, before, value, after: after.program, lanes };
        Ok(Item::new(kernel, job, flops, after.elements))
    }
}
