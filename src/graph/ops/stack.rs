//! Tensors one after the other in memory, each written there by whatever computes it.

use super::prelude::*;
use crate::graph::allocate::ALIGNMENT;

/// Its inputs, one after the other along an axis before which no axis is longer than 1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stack {
    axis: usize,
}

impl Graph {
    /// Tensors that differ along an axis alone one after the other, if each can be written where it then stands: none if axes before
    /// that one are longer than 1, or a part is no kernel's result, or stands elsewhere, or would begin where four values are not
    /// read at once. What stands so already is taken as it stands.
    pub(super) fn stacked(&mut self, parts: &[Tensor], axis: usize) -> Result<Option<Tensor>> {
        let Some(&first) = parts.first().filter(|_| parts.len() > 1) else { return Ok(None) };
        let (mut extents, scope, dtype) = (self.shape(first).0.clone(), self.node(first).scope, self.node(first).dtype);
        let fits = |part: &Tensor| {
            let node = self.node(*part);
            let along = |(i, (a, b)): (usize, (&usize, &usize))| {
                if i < axis { *a == 1 && *b == 1 } else { i == axis || a == b }
            };
            let alike = node.shape.0.len() == extents.len() && node.shape.0.iter().zip(&extents).enumerate().all(along);
            alike && node.scope == scope && node.dtype == dtype && !node.shape.0.contains(&REPLICAS)
        };
        if axis >= extents.len() || scope == Scope::Pairs || !parts.iter().all(fits) {
            return Ok(None);
        }
        let count = |g: &Self, part: &Tensor| g.shape(*part).elements();
        extents[axis] = parts.iter().map(|part| self.shape(*part).0[axis]).sum();
        if let Some((stack, from)) = self.place_in_stack(first) {
            let mut at = from;
            for part in parts {
                if self.place_in_stack(*part) != Some((stack, at)) {
                    return Ok(None);
                }
                at += count(self, part);
            }
            let flat = self.reshape(stack, &[1, self.shape(stack).elements()])?;
            let taken = self.slice(flat, 1, from, at - from)?;
            return self.reshape(taken, &extents).map(Some);
        }
        let mut at = 0usize;
        let mut places: Vec<(Tensor, usize)> = Vec::with_capacity(parts.len());
        for part in parts {
            let (source, _) = self.source(*part);
            let facts = self.node(source).op.facts();
            let free = (facts.is_map() || facts.is_head()) && count(self, &source) == count(self, part);
            if !free || !at.is_multiple_of(ALIGNMENT) || self.place_in_stack(source).is_some() {
                return Ok(None);
            }
            places.push((source, at));
            at += count(self, part);
        }
        let mut sources: Vec<Tensor> = places.iter().map(|(source, _)| *source).collect();
        sources.sort_unstable();
        sources.dedup();
        if sources.len() < places.len() {
            return Ok(None);
        }
        let stack = self.add(Stack { axis }, parts.to_vec(), Shape::new(&extents), dtype);
        self.placed.extend(places.into_iter().map(|(source, at)| (source, (stack, at))));
        Ok(Some(stack))
    }

    /// The stack in which a value stands, and the element at which it begins there.
    pub(in crate::graph) fn place_in_stack(&self, tensor: Tensor) -> Option<(Tensor, usize)> {
        let (source, from) = self.source(tensor);
        if self.node(source).op.facts().kind == Kind::Stack {
            return Some((source, from));
        }
        self.placed.get(&source).map(|(stack, at)| (*stack, at + from))
    }

    /// What a stack is of, and the elements at which each begins.
    pub(in crate::graph) fn parts(&self, stack: Tensor) -> impl Iterator<Item = (Tensor, usize)> + '_ {
        self.node(stack).inputs.iter().scan(0, move |at, &input| {
            let begins = *at;
            *at += self.shape(input).elements();
            Some((self.source(input).0, begins))
        })
    }

    /// The part of a stack that is so many of its elements from one on, if there is one.
    pub(super) fn part(&self, stack: Tensor, from: usize, count: usize) -> Option<Tensor> {
        if self.node(stack).op.facts().kind != Kind::Stack {
            return None;
        }
        let found = self.parts(stack).zip(&self.node(stack).inputs).find(|((_, at), _)| *at == from);
        found.map(|(_, &input)| input).filter(|&input| self.shape(input).elements() == count)
    }

    /// The tensors whose memory a value is: its source and, of a stack, the parts that it goes over.
    pub(in crate::graph) fn standing(&self, tensor: Tensor) -> Vec<Tensor> {
        let (source, from) = self.source(tensor);
        let mut all = vec![source];
        if self.node(source).op.facts().kind == Kind::Stack {
            let end = from + self.shape(tensor).elements();
            let over = |(part, at): &(Tensor, usize)| *at < end && from < at + self.shape(*part).elements();
            all.extend(self.parts(source).filter(over).map(|(part, _)| part));
        }
        all
    }
}

impl Rules for Stack {
    fn facts(&self) -> Facts {
        Facts::new("stack", Kind::Stack, Reads::Whole)
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let whole = back.whole()?;
        let mut from = 0;
        for i in 0..back.graph.node(back.tensor).inputs.len() {
            let count = back.extents(i)[self.axis];
            let part = back.graph.slice(whole, self.axis, from, count)?;
            back.give(i, part);
            from += count;
        }
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.inputs.iter().flat_map(|part| part.iter()).copied().collect())
    }
}
