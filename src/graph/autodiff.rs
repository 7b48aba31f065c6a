//! Reverse-mode differentiation: each node's gradient as more nodes.
//!
//! Where a function's derivative can be had from its result (tanh, ReLU, sigmoid ...) it is, so that the argument need
//! not be kept; not where that costs the digits of a small derivative (softplus and ELU far below zero). Those of tanh and of
//! the logistic function near its upper end have the absolute error of a rounding of 1, as they have in PyTorch and JAX.

use std::collections::HashMap;

use super::node::{Graph, Op, Scope, Shape, Tensor};
use crate::error::{Error, Result};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, DType, Unary};
use crate::kernels::reduce::Fold;

impl Graph {
    /// Gradients of a scalar with respect to some nodes, each of its node's shape.
    ///
    /// # Errors
    /// If `of` is not a scalar, or the way to it leads through an operation that has no gradient.
    pub fn gradients(&mut self, of: Tensor, wrt: &[Tensor]) -> Result<Vec<Tensor>> {
        if self.shape(of).elements() != 1 || self.node(of).scope == Scope::Pairs {
            return Err(Error::Shape(format!("gradients are of a scalar, and {} is none", self.describe(of))));
        }
        let one = self.constant(1.0);
        let seed = self.reshape_or_keep(one, of)?;
        self.gradients_from(of, seed, wrt)
    }

    /// Gradients of `sum(of * upstream)` with respect to some nodes.
    ///
    /// # Errors
    /// As [`Graph::gradients`].
    pub fn gradients_from(&mut self, of: Tensor, upstream: Tensor, wrt: &[Tensor]) -> Result<Vec<Tensor>> {
        let needed = self.on_the_way(of, wrt);
        // Every gradient is kept at its node's full shape: a gradient that is constant along an axis is a broadcast,
        // which costs nothing, and the sum over that axis then counts it as often as it should.
        let upstream = self.broadcast(upstream, &self.shape(of).0.clone())?;
        let mut gradients: HashMap<Tensor, Tensor> = HashMap::from([(of, upstream)]);
        for index in (0..=of.0).rev() {
            let tensor = Tensor(index);
            if !needed[index as usize] || wrt.contains(&tensor) && !self.leads_further(tensor, wrt, &needed) {
                continue;
            }
            let Some(&gradient) = gradients.get(&tensor) else { continue };
            for (input, part) in self.inputs_gradients(tensor, gradient, &needed)? {
                let part = self.sum_to(part, &self.shape(input).clone())?;
                let total = match gradients.get(&input) {
                    Some(&other) => self.plus(other, part)?,
                    None => part,
                };
                gradients.insert(input, total);
            }
        }
        wrt.iter()
            .map(|&x| match gradients.get(&x) {
                Some(&g) => self.broadcast(g, &self.shape(x).0.clone()),
                None => {
                    let zero = self.constant(0.0);
                    self.broadcast(zero, &self.shape(x).0.clone())
                }
            })
            .collect()
    }

    fn reshape_or_keep(&mut self, x: Tensor, like: Tensor) -> Result<Tensor> {
        let extents = self.shape(like).0.clone();
        self.broadcast(x, &extents)
    }

    /// Nodes through which `of` depends on any of `wrt`.
    fn on_the_way(&self, of: Tensor, wrt: &[Tensor]) -> Vec<bool> {
        let mut depends = vec![false; of.index() + 1];
        for index in 0..=of.index() {
            let tensor = Tensor(index as u32);
            depends[index] = wrt.contains(&tensor) || self.nodes[index].inputs.iter().any(|i| depends[i.index()]);
        }
        depends
    }

    /// Whether another of `wrt` lies behind this one.
    fn leads_further(&self, tensor: Tensor, wrt: &[Tensor], needed: &[bool]) -> bool {
        wrt.iter().any(|w| *w < tensor) && self.node(tensor).inputs.iter().any(|i| needed[i.index()])
    }

    /// Adds up a gradient along the axes that were broadcast.
    fn sum_to(&mut self, x: Tensor, shape: &Shape) -> Result<Tensor> {
        if self.shape(x) == shape {
            return Ok(x);
        }
        let mut x = x;
        let rank = self.shape(x).0.len();
        for axis in 0..rank {
            let extent = (axis + shape.0.len()).checked_sub(rank).map_or(1, |i| shape.0[i]);
            if extent == 1 && self.shape(x).0[axis] != 1 {
                x = self.sum(x, axis)?;
            }
        }
        if self.shape(x).elements() < shape.elements() {
            // The gradient is itself constant along an axis that the input spells out.
            return self.broadcast(x, &shape.0.clone());
        }
        self.reshape(x, &shape.0.clone())
    }

    fn inputs_gradients(&mut self, tensor: Tensor, g: Tensor, needed: &[bool]) -> Result<Vec<(Tensor, Tensor)>> {
        let node = self.node(tensor).clone();
        let wants = |i: usize| needed.get(node.inputs[i].index()).copied().unwrap_or(false);
        let mut out = Vec::new();
        match node.op {
            Op::Unary(f) => {
                let x = node.inputs[0];
                if let Some(part) = self.unary_gradient(f, x, tensor, g)? {
                    out.push((x, part));
                }
            }
            Op::Binary(f) => {
                let (a, b) = (node.inputs[0], node.inputs[1]);
                if wants(0)
                    && let Some(part) = self.first_gradient(f, a, b, g)?
                {
                    out.push((a, part));
                }
                if wants(1)
                    && let Some(part) = self.second_gradient(f, a, b, tensor, g)?
                {
                    out.push((b, part));
                }
            }
            Op::Select => {
                let zero = self.constant(0.0);
                if wants(1) {
                    out.push((node.inputs[1], self.select(node.inputs[0], g, zero)?));
                }
                if wants(2) {
                    out.push((node.inputs[2], self.select(node.inputs[0], zero, g)?));
                }
            }
            Op::Broadcast => out.push((node.inputs[0], g)),
            Op::Reshape => {
                let extents = self.shape(node.inputs[0]).0.clone();
                let whole = self.broadcast(g, &node.shape.0)?;
                out.push((node.inputs[0], self.reshape(whole, &extents)?));
            }
            Op::Transpose => {
                let whole = self.broadcast(g, &node.shape.0)?;
                out.push((node.inputs[0], self.transpose(whole)?));
            }
            Op::MatMul { inner: Inner::SquaredDifference, .. } => {
                let (a, b) = (node.inputs[0], node.inputs[1]);
                let g = self.broadcast(g, &node.shape.0)?;
                if wants(0) {
                    out.push((a, self.pull_together(g, false, a, b)?));
                }
                if wants(1) {
                    out.push((b, self.pull_together(g, true, b, a)?));
                }
            }
            Op::MatMul { inner: Inner::AbsoluteDifference, .. } => {
                return Err(Error::Shape(format!("{} has no gradient", self.describe(tensor))));
            }
            Op::MatMul { transpose_a, transpose_b, precision, inner: Inner::Product } => {
                let before = self.set_precision(precision);
                let (a, b) = (node.inputs[0], node.inputs[1]);
                let g = self.broadcast(g, &node.shape.0)?;
                if wants(0) {
                    let part = if transpose_a {
                        self.matmul_of(b, transpose_b, g, true)?
                    } else {
                        self.matmul_of(g, false, b, !transpose_b)?
                    };
                    out.push((a, part));
                }
                if wants(1) {
                    let part = if transpose_b {
                        self.matmul_of(g, true, a, transpose_a)?
                    } else {
                        self.matmul_of(a, !transpose_a, g, false)?
                    };
                    out.push((b, part));
                }
                self.set_precision(before);
            }
            Op::Reduce(Fold::Sum, _) => {
                let extents = self.shape(node.inputs[0]).0.clone();
                out.push((node.inputs[0], self.broadcast(g, &extents)?));
            }
            Op::Reduce(Fold::Max, _) => {
                // Where several elements are largest each takes the whole gradient, a subgradient as good as any.
                let here = self.binary(Binary::Equal, node.inputs[0], tensor)?;
                out.push((node.inputs[0], self.times(here, g)?));
            }
            Op::CrossEntropy => {
                let (logits, labels) = (node.inputs[0], node.inputs[1]);
                let shape = self.shape(logits).clone();
                let part = self.add(Op::CrossEntropyGradient, vec![logits, labels], shape, DType::F32);
                out.push((logits, self.times(part, g)?));
            }
            Op::Constant(_) | Op::Word(_) | Op::Variable(_) | Op::Data(_) | Op::Column | Op::Row | Op::Correct => {}
            Op::Random(_) | Op::Draw(_) => {}
            Op::Gather | Op::Rows(_) | Op::CrossEntropyGradient | Op::Orthogonal | Op::PairDot | Op::PairExact => {
                return Err(Error::Shape(format!("{} has no gradient", self.describe(tensor))));
            }
            Op::Nearest { .. } | Op::SortRuns(_) | Op::Merge(..) | Op::Ranks(_) => {
                return Err(Error::Shape(format!("{} has no gradient", self.describe(tensor))));
            }
        }
        out.retain(|(input, _)| needed.get(input.index()).copied().unwrap_or(false));
        Ok(out)
    }

    /// Gradient of squared distances with respect to the rows of `a`: `2 sum_j g_ij (a_i - b_j)`, with `g` turned first if
    /// its columns are those of `a`.
    fn pull_together(&mut self, g: Tensor, turned: bool, a: Tensor, b: Tensor) -> Result<Tensor> {
        let weights = self.sum(g, if turned { 0 } else { 1 })?;
        let weights = if turned { self.transpose(weights)? } else { weights };
        let (own, others) = (self.times(weights, a)?, self.matmul_of(g, turned, b, false)?);
        let difference = self.minus(own, others)?;
        Ok(self.scale(difference, 2.0))
    }

    fn unary_gradient(&mut self, f: Unary, x: Tensor, y: Tensor, g: Tensor) -> Result<Option<Tensor>> {
        let derivative = match f {
            Unary::Negate => return Ok(Some(self.scale(g, -1.0))),
            Unary::Abs => self.unary(Unary::Sign, x),
            Unary::Square => self.scale(x, 2.0),
            Unary::Sqrt => {
                let inverse = self.unary(Unary::Reciprocal, y);
                self.scale(inverse, 0.5)
            }
            Unary::Reciprocal => {
                let square = self.unary(Unary::Square, y);
                self.scale(square, -1.0)
            }
            Unary::Exp => y,
            Unary::Log => self.unary(Unary::Reciprocal, x),
            Unary::Sin => self.unary(Unary::Cos, x),
            Unary::Cos => {
                let sin = self.unary(Unary::Sin, x);
                self.scale(sin, -1.0)
            }
            Unary::Erf => {
                let square = self.unary(Unary::Square, x);
                let negative = self.scale(square, -1.0);
                let bell = self.unary(Unary::Exp, negative);
                self.scale(bell, std::f64::consts::FRAC_2_SQRT_PI)
            }
            Unary::Tanh => {
                let square = self.unary(Unary::Square, y);
                let one = self.constant(1.0);
                self.minus(one, square)?
            }
            Unary::Sigmoid => {
                let one = self.constant(1.0);
                let rest = self.minus(one, y)?;
                self.times(y, rest)?
            }
            // Not 1 - exp(-y), whose digits cancel where the function is small.
            Unary::Softplus => self.unary(Unary::Sigmoid, x),
            Unary::Leaky(bits) => {
                let (one, slope, zero) = (self.constant(1.0), self.constant(f32::from_bits(bits)), self.constant(0.0));
                // With a negative slope the result no longer tells the side.
                let side = if f32::from_bits(bits) < 0.0 { x } else { y };
                let positive = self.binary(Binary::Greater, side, zero)?;
                self.select(positive, one, slope)?
            }
            Unary::Elu(bits) => {
                // Not y + alpha, whose digits cancel far below zero.
                let (one, zero) = (self.constant(1.0), self.constant(0.0));
                let exp = self.unary(Unary::Exp, x);
                let rising = self.scale(exp, f32::from_bits(bits));
                let positive = self.binary(Binary::Greater, x, zero)?;
                self.select(positive, one, rising)?
            }
            Unary::Sign | Unary::IsFinite | Unary::Floor | Unary::ToFloat | Unary::ToInteger => return Ok(None),
        };
        Ok(Some(self.times(g, derivative)?))
    }

    fn first_gradient(&mut self, f: Binary, a: Tensor, b: Tensor, g: Tensor) -> Result<Option<Tensor>> {
        Ok(Some(match f {
            Binary::Add | Binary::Sub => g,
            Binary::Mul => self.times(g, b)?,
            Binary::Div => self.over(g, b)?,
            Binary::Pow => {
                let less = self.shift(b, -1.0);
                let power = self.binary(Binary::Pow, a, less)?;
                let slope = self.times(b, power)?;
                self.times(g, slope)?
            }
            Binary::Min => {
                let here = self.binary(Binary::AtLeast, b, a)?;
                self.times(g, here)?
            }
            Binary::Max => {
                let here = self.binary(Binary::AtLeast, a, b)?;
                self.times(g, here)?
            }
            Binary::Greater | Binary::AtLeast | Binary::Equal | Binary::AddInteger => return Ok(None),
        }))
    }

    fn second_gradient(&mut self, f: Binary, a: Tensor, b: Tensor, y: Tensor, g: Tensor) -> Result<Option<Tensor>> {
        Ok(Some(match f {
            Binary::Add => g,
            Binary::Sub => self.scale(g, -1.0),
            Binary::Mul => self.times(g, a)?,
            Binary::Div => {
                let quotient = self.over(y, b)?;
                let part = self.times(g, quotient)?;
                self.scale(part, -1.0)
            }
            Binary::Pow => {
                let log = self.unary(Unary::Log, a);
                let slope = self.times(y, log)?;
                self.times(g, slope)?
            }
            Binary::Min => {
                let here = self.binary(Binary::Greater, a, b)?;
                self.times(g, here)?
            }
            Binary::Max => {
                let here = self.binary(Binary::Greater, b, a)?;
                self.times(g, here)?
            }
            Binary::Greater | Binary::AtLeast | Binary::Equal | Binary::AddInteger => return Ok(None),
        }))
    }
}
