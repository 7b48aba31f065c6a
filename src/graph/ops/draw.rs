//! Whole numbers drawn: the examples of a batch, permutations, choices.

use super::prelude::*;
use super::broadcast_extents;
pub use crate::kernels::program::Draw;
use crate::kernels::random::{permuted, threefry};

impl Graph {
    /// Indices `[batch, 1]` of the examples of the batch of a step, out of `examples`, an integer `[1, 1]`.
    pub fn draw(
        &mut self,
        draw: Draw,
        examples: Tensor,
        batch: usize,
        seed: Tensor,
        purpose: Tensor,
        step: Tensor,
    ) -> Tensor {
        let b = self.integer(batch as u32);
        self.add(draw, vec![seed, purpose, step, examples, b], Shape::new(&[batch, 1]), DType::U32)
    }

    /// Where keyed permutations of `0..count` put `positions`, integers of any shape below `count`. Purposes, steps and counts
    /// (at least 1) are integers that broadcast to the positions: each (seed, purpose, step) is a permutation of its own.
    ///
    /// # Errors
    /// If an input is not of integers, or does not broadcast.
    pub fn permutation(&mut self, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        self.draw_at(Draw::Permutation, positions, count, key)
    }

    /// One of `0..count`, each as likely, at each of `positions`: the counter is (step, position), and the key (seed,
    /// purpose), in the order `[seed, purpose, step]`; all are integers that broadcast to the positions.
    ///
    /// # Errors
    /// As [`Graph::permutation`].
    pub fn choice(&mut self, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        self.draw_at(Draw::Choice, positions, count, key)
    }

    fn draw_at(&mut self, draw: Draw, positions: Tensor, count: Tensor, key: [Tensor; 3]) -> Result<Tensor> {
        let shape = self.shape(positions).clone();
        for t in key.into_iter().chain([count, positions]) {
            if self.node(t).dtype != DType::U32 || broadcast_extents(self.shape(t), &shape).as_ref() != Some(&shape) {
                return Err(self.misfit("a draw", positions, t, "integers that broadcast to the positions"));
            }
        }
        let [seed, purpose, step] = key;
        Ok(self.add(draw, vec![seed, purpose, step, count, positions], shape, DType::U32))
    }
}

impl Rules for Draw {
    fn facts(&self) -> Facts {
        match self {
            Self::Choice => Facts::map("draws").cost(60),
            Self::Permutation => Facts { kind: Kind::DearMap, ..Facts::map("draws").cost(1000) },
            Self::Shuffled | Self::Replacement => Facts { kind: Kind::DearMap, ..Facts::map("batch order").cost(1000) },
        }
    }

    fn gradient(&self, _: &mut Backward) -> Result<()> {
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let given: [_; 5] = std::array::from_fn(|i| at.spread(i));
        let of = |e: usize| drawn(*self, given.each_ref().map(|v| v[e] as u32), e as u32);
        (0..at.count()).map(of).collect::<Result<_>>().map_err(|e| at.here(e))
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let [seed, purpose, step, examples, batch] = [0, 1, 2, 3, 4].map(|i| emitter.input(tensor, i));
        let (seed, purpose, step, examples, batch) = (seed?, purpose?, step?, examples?, batch?);
        Ok(emitter.push(Instruction::Draw { draw: *self, seed, purpose, step, examples, batch }))
    }
}

/// A draw from (seed, purpose, step, count, batch or position).
fn drawn(draw: Draw, given: [u32; 5], element: u32) -> Result<f64> {
    let [seed, purpose, step, count, last] = given;
    if count == 0 {
        return Err(Error::Numerics("there is nothing to draw from".into()));
    }
    let drawn = match draw {
        Draw::Shuffled => {
            let place = step.wrapping_mul(last).wrapping_add(element);
            permuted(seed, purpose, place / count, place % count, count)
        }
        Draw::Replacement => threefry([seed, purpose], [step, element])[0] % count,
        // Such a place has no end to its walk.
        Draw::Permutation if last >= count => {
            return Err(Error::Numerics(format!("a permutation of {count} has no place {last}")));
        }
        Draw::Permutation => permuted(seed, purpose, step, last, count),
        Draw::Choice => threefry([seed, purpose], [step, last])[0] % count,
    };
    Ok(f64::from(drawn))
}
