//! Functions of the elements of two tensors.

use super::prelude::*;
use super::broadcast_extents;
pub use crate::kernels::functions::Binary;

impl Graph {
    /// A function of two tensors; axes of extent 1 are repeated.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn binary(&mut self, f: Binary, a: Tensor, b: Tensor) -> Result<Tensor> {
        let shape = self.broadcast_shape(a, b)?;
        let dtype = if f == Binary::AddInteger { DType::U32 } else { DType::F32 };
        Ok(self.add(f, vec![a, b], shape, dtype))
    }

    /// `a + b`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn plus(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Add, a, b)
    }

    /// `a - b`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn minus(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Sub, a, b)
    }

    /// `a * b`, elementwise.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn times(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Mul, a, b)
    }

    /// `a / b`, elementwise.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast.
    pub fn over(&mut self, a: Tensor, b: Tensor) -> Result<Tensor> {
        self.binary(Binary::Div, a, b)
    }

    /// `a * value`.
    pub fn scale(&mut self, a: Tensor, value: impl Into<f64>) -> Tensor {
        let c = self.constant(value);
        self.times(a, c).expect("a scalar broadcasts to any shape")
    }

    /// `a + value`.
    pub fn shift(&mut self, a: Tensor, value: impl Into<f64>) -> Tensor {
        let c = self.constant(value);
        self.plus(a, c).expect("a scalar broadcasts to any shape")
    }

    pub(super) fn broadcast_shape(&self, a: Tensor, b: Tensor) -> Result<Shape> {
        let scopes = [self.node(a).scope, self.node(b).scope];
        if scopes.contains(&Scope::Pairs) && scopes.contains(&Scope::Replica) {
            return Err(self.misfit("an elementwise function", a, b, "values of replicas, or of pairs, not both"));
        }
        broadcast_extents(self.shape(a), self.shape(b))
            .ok_or_else(|| self.misfit("an elementwise function", a, b, "shapes that broadcast"))
    }
}

impl Rules for Binary {
    fn facts(&self) -> Facts {
        Facts::map(Binary::name(*self)).cost(Binary::cost(*self))
    }

    fn gradient(&self, back: &mut Backward) -> Result<()> {
        back.function(&self.gradients())
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(at.spread(0).iter().zip(&*at.spread(1)).map(|(&a, &b)| Binary::value(*self, a, b)).collect())
    }

    fn emit(&self, tensor: Tensor, emitter: &mut Emitter) -> Result<Value> {
        let (a, b) = (emitter.input(tensor, 0)?, emitter.input(tensor, 1)?);
        Ok(emitter.push(Instruction::Binary(*self, a, b)))
    }
}
