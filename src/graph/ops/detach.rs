//! A value through which no gradient goes.

use super::prelude::*;

/// The value of its input, whose gradient is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Detach;

impl Graph {
    /// `x`, taken as a constant by gradients.
    pub fn detach(&mut self, x: Tensor) -> Tensor {
        let (shape, dtype) = (self.shape(x).clone(), self.node(x).dtype);
        self.add(Detach, vec![x], shape, dtype)
    }
}

impl Rules for Detach {
    fn facts(&self) -> Facts {
        Facts::map("detach").cost(0)
    }

    fn gradient(&self, _: &mut Backward) -> Result<()> {
        Ok(())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.inputs[0].clone())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        emitter.input(tensor, 0)
    }
}
