//! Inner products between the replicas of a group.

use super::prelude::*;
use crate::graph::program_of::Word;
use crate::kernels::matmul::{Factors, Form, Inner, MatMul};

/// Inner products of a tensor of each replica with one of each other replica, `[R, R]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PairDot;

impl Graph {
    /// Inner products of `a` of each replica with `b` of each other, over all elements: `[R, R]`.
    ///
    /// # Errors
    /// If the numbers of elements differ or either is not per replica.
    pub fn pair_dot(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        let per_replica = [a, b].iter().all(|&t| self.node(t).scope == Scope::Replica);
        if !per_replica || self.shape(a).elements() != self.shape(b).elements() {
            return Err(self.misfit("pair_dot", a, b, "two tensors of each replica with equally many elements"));
        }
        Ok(self.add_scoped(PairDot, vec![a, b], Shape::new(&[REPLICAS, REPLICAS]), DType::F32, Scope::Pairs))
    }
}

impl Rules for PairDot {
    fn facts(&self) -> Facts {
        Facts::kernel_with_maps("pairs")
    }

    fn value_of_all(&self, inputs: &[&[Values]], _: &[usize]) -> Option<Result<Values>> {
        let dot = |x: &Values, y: &Values| x.iter().zip(&**y).map(|(x, y)| x * y).sum::<f64>();
        Some(Ok(inputs[0].iter().flat_map(|x| inputs[1].iter().map(move |y| dot(x, y))).collect()))
    }

    /// One product whose rows are replicas.
    fn item(&self, at: &Assembly) -> Result<Item> {
        let (k, replicas) = (at.graph().shape(at.input(0)).elements(), at.replicas);
        let ((a, a_extra), (b, b_extra)) = (at.operand(0)?, at.operand(1)?);
        let vector = k.is_multiple_of(4) && a_extra.is_multiple_of(4) && b_extra.is_multiple_of(4);
        let after = at.after(at.tensor, Vec::new())?;
        let mut job = [0, replicas, replicas, k].map(number).to_vec();
        for (place, extra) in [(a, a_extra), (b, b_extra)] {
            job.extend([Word::Offset(place, extra), number(0), Word::Stride(place)]);
        }
        let kernel = MatMul {
            batched: false,
            a: a.arena(),
            b: b.arena(),
            transpose_a: false,
            transpose_b: true,
            vector_a: vector,
            vector_b: vector,
            vector_c: false,
            tile: Form::replica_tile(at.profile),
            factors: Factors::Single,
            inner: Inner::Product,
            windowed: None,
            in_parts: true,
            program: after.program,
        };
        let flops = 2 * (replicas * replicas * k) as u64;
        Ok(Item::new(kernel, [job, after.words].concat(), flops, 2 * (replicas * k) as u64 + after.elements))
    }
}
