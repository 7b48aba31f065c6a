//! What can be trained: a model says how a network is declared.

use super::structure::variable;
use crate::config;
use crate::error::Result;
use crate::graph::Graph;
use crate::nn::{Below, Common, Layer, declare};

/// An architecture, described once for one replica.
pub trait Model {
    /// Declares a network in a graph, from examples of the shape `inputs`, such as `[C, h, w]`, each given as a row, to `outputs`
    /// numbers.
    ///
    /// # Errors
    /// If it cannot be declared.
    fn declare(&self, g: &mut Graph, inputs: &[usize], outputs: usize) -> Result<Box<dyn Layer>>;
}

/// The network that `[model]` describes.
impl Model for config::Model {
    fn declare(&self, g: &mut Graph, inputs: &[usize], outputs: usize) -> Result<Box<dyn Layer>> {
        // Those of each replica, in a program that has its settings.
        let mut bound = |key: &str, value: f64| match g.variable_named(&variable(key)) {
            Some(setting) => g.read(setting),
            None => g.number(value),
        };
        let bounds = Some([bound("model.lower", self.lower), bound("model.upper", self.upper)]);
        let common = Common {
            activation: self.activation,
            below: Below { slope: self.slope as f32, alpha: self.alpha as f32, bounds },
            bias: self.bias,
            skip: self.skip as usize,
            dropout: self.dropout > 0.0,
            input_dropout: self.input_dropout > 0.0,
        };
        let own = self.input_shape.as_ref().map(|shape| shape.iter().map(|&n| n as usize).collect::<Vec<_>>());
        Ok(Box::new(declare(g, &self.network(), own.as_deref().unwrap_or(inputs), outputs, &common)?))
    }
}
