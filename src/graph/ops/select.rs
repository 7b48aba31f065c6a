//! One of two values, element by element.

use super::prelude::*;
use super::broadcast_extents;

/// `if a != 0 { b } else { c }`, broadcast.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Select;

impl Graph {
    /// `if condition != 0 { a } else { b }`, broadcast.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn select(&mut self, condition: Tensor, a: Tensor, b: Tensor) -> Result<Tensor> {
        let shape = broadcast_extents(&self.broadcast_shape(condition, a)?, self.shape(b))
            .ok_or_else(|| self.misfit("select", a, b, "broadcast to one shape"))?;
        let dtype = self.node(a).dtype;
        Ok(self.add(Select, vec![condition, a, b], shape, dtype))
    }
}

impl Rules for Select {
    fn facts(&self) -> Facts {
        Facts::map("select")
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        let (condition, upstream) = (back.input(0), back.upstream);
        let zero = back.graph.constant(0.0);
        for (input, [a, b]) in [(1, [upstream, zero]), (2, [zero, upstream])] {
            if back.wants(input) {
                let part = back.graph.select(condition, a, b)?;
                back.give(input, part);
            }
        }
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        let (condition, a, b) = (at.spread(0), at.spread(1), at.spread(2));
        let either = a.iter().zip(&*b).zip(&*condition);
        Ok(either.map(|((&a, &b), &c)| if c != 0.0 { a } else { b }).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let [c, a, b] = [0, 1, 2].map(|i| emitter.input(tensor, i));
        let select = Instruction::Select(c?, a?, b?);
        Ok(emitter.push(select))
    }
}
