//! Reverse-mode differentiation: each node's gradient as more nodes, by the rules of its operation.
//!
//! Where a function's derivative can be had from its result (tanh, ReLU, sigmoid ...) it is, so that the argument need
//! not be kept; not where that costs the digits of a small derivative (softplus and ELU far below zero). Those of tanh and of
//! the logistic function near its upper end have the absolute error of a rounding of 1, as they have in PyTorch and JAX.

use std::collections::HashMap;

use super::node::{Graph, Scope, Shape, Tensor};
use crate::error::{Error, Result};

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
        let mut gradients: HashMap<Tensor, Vec<Tensor>> = HashMap::from([(of, vec![upstream])]);
        for index in (0..=of.0).rev() {
            let tensor = Tensor(index);
            if !needed[index as usize] || wrt.contains(&tensor) && !self.leads_further(tensor, wrt, &needed) {
                continue;
            }
            let Some(terms) = gradients.get(&tensor).cloned() else { continue };
            let gradient = self.total(terms)?;
            gradients.insert(tensor, vec![gradient]);
            let op = self.node(tensor).op.clone();
            let mut back = Backward { graph: self, tensor, upstream: gradient, needed: &needed, parts: Vec::new() };
            op.rules().gradient(&mut back)?;
            for (input, part) in back.parts {
                let part = self.sum_to(part, &self.shape(input).clone())?;
                gradients.entry(input).or_default().push(part);
            }
        }
        wrt.iter()
            .map(|&x| match gradients.get(&x).cloned() {
                Some(terms) => {
                    let total = self.total(terms)?;
                    self.broadcast(total, &self.shape(x).0.clone())
                }
                None => {
                    let zero = self.constant(0.0);
                    self.broadcast(zero, &self.shape(x).0.clone())
                }
            })
            .collect()
    }

    /// The sum of what all uses of a node give to its gradient, those of one kind together where their operation knows how.
    fn total(&mut self, mut terms: Vec<Tensor>) -> Result<Tensor> {
        let mut total = None;
        while !terms.is_empty() {
            let kind = |g: &Self, t: Tensor| (std::mem::discriminant(&g.node(t).op), g.shape(t).clone());
            let first = kind(self, terms[0]);
            let (alike, others): (Vec<_>, Vec<_>) = terms.iter().copied().partition(|t| kind(self, *t) == first);
            let rules = self.node(terms[0]).op.clone();
            let joined = if alike.len() > 1 { rules.rules().joined(self, &alike)? } else { None };
            let next = match joined {
                Some(joined) => {
                    terms = others;
                    joined
                }
                None => terms.remove(0),
            };
            total = Some(total.map_or(Ok(next), |sum| self.plus(sum, next))?);
        }
        total.ok_or_else(|| Error::Shape("a gradient of no terms".into()))
    }

    fn reshape_or_keep(&mut self, x: Tensor, like: Tensor) -> Result<Tensor> {
        let extents = self.shape(like).0.clone();
        self.broadcast(x, &extents)
    }

    /// Whether a node depends on any of some others.
    pub(crate) fn depends(&self, of: Tensor, on: &[Tensor]) -> bool {
        self.on_the_way(of, on)[of.index()]
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
}

/// One node on the way back.
pub(super) struct Backward<'g> {
    /// The graph, which grows.
    pub graph: &'g mut Graph,
    /// The node.
    pub tensor: Tensor,
    /// Its gradient, broadcast where it is constant along an axis.
    pub upstream: Tensor,
    needed: &'g [bool],
    /// Gradients of inputs, with the inputs.
    parts: Vec<(Tensor, Tensor)>,
}

impl Backward<'_> {
    /// An input of the node.
    pub fn input(&self, i: usize) -> Tensor {
        self.graph.node(self.tensor).inputs[i]
    }

    /// Extents of an input.
    pub fn extents(&self, i: usize) -> Vec<usize> {
        self.graph.shape(self.input(i)).0.clone()
    }

    /// Whether the gradient of an input is asked for.
    pub fn wants(&self, i: usize) -> bool {
        self.needed.get(self.input(i).index()).copied().unwrap_or(false)
    }

    /// The upstream gradient as large as the node.
    ///
    /// # Errors
    /// None.
    pub fn whole(&mut self) -> Result<Tensor> {
        let extents = self.graph.shape(self.tensor).0.clone();
        self.graph.broadcast(self.upstream, &extents)
    }

    /// Gives the gradient of an input, which is dropped if no one asks for it.
    pub fn give(&mut self, i: usize, gradient: Tensor) {
        if self.wants(i) {
            self.parts.push((self.input(i), gradient));
        }
    }
}
