//! Functions of each element.

use super::prelude::*;
use crate::kernels::functions::Gradient;
pub use crate::kernels::functions::Unary;

impl Graph {
    /// A function of each element.
    pub fn unary(&mut self, f: Unary, x: Tensor) -> Tensor {
        let dtype = if f == Unary::ToInteger { DType::U32 } else { DType::F32 };
        let shape = self.shape(x).clone();
        self.add(f, vec![x], shape, dtype)
    }
}

impl Rules for Unary {
    fn facts(&self) -> Facts {
        Facts::map(Unary::name(*self)).cost(Unary::cost(*self))
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        back.function(&self.gradients())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.inputs[0].iter().map(|&x| Unary::value(*self, x)).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let x = emitter.input(tensor, 0)?;
        Ok(emitter.push(Instruction::Unary(*self, x)))
    }
}

impl Backward<'_> {
    /// Gives the gradients of a function of each element.
    pub(super) fn function(&mut self, gradients: &[Gradient]) -> Result<()> {
        for (input, gradient) in gradients.iter().enumerate() {
            if self.wants(input) {
                let part = self.expression(gradient)?;
                self.give(input, part);
            }
        }
        Ok(())
    }

    fn expression(&mut self, gradient: &Gradient) -> Result<Tensor> {
        Ok(match gradient {
            Gradient::Upstream => self.upstream,
            Gradient::Argument(i) => self.input(*i),
            Gradient::Result => self.tensor,
            Gradient::Number(number) => self.graph.constant(*number),
            Gradient::Unary(f, x) => {
                let x = self.expression(x)?;
                self.graph.unary(*f, x)
            }
            Gradient::Binary(f, arguments) => {
                let (a, b) = (self.expression(&arguments[0])?, self.expression(&arguments[1])?);
                self.graph.binary(*f, a, b)?
            }
            Gradient::Select(arguments) => {
                let condition = self.expression(&arguments[0])?;
                let (a, b) = (self.expression(&arguments[1])?, self.expression(&arguments[2])?);
                self.graph.select(condition, a, b)?
            }
        })
    }
}
