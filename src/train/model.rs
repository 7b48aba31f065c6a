//! What can be trained: a model says how a network is declared.

use super::structure::variable;
use crate::config;
use crate::error::{Error, Result};
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
        declare_as(self, None, g, inputs, outputs)
    }
}

/// A network beside it, by its name.
pub(super) fn declare_beside(
    model: &config::Model,
    name: &str,
    g: &mut Graph,
    inputs: &[usize],
    outputs: usize,
) -> Result<Box<dyn Layer>> {
    declare_as(model, Some(name), g, inputs, outputs).map_err(|error| match error {
        Error::Config(message) => Error::Config(message.replacen("model.", &format!("networks.{name}."), 1)),
        other => other,
    })
}

fn declare_as(
    model: &config::Model,
    name: Option<&str>,
    g: &mut Graph,
    inputs: &[usize],
    outputs: usize,
) -> Result<Box<dyn Layer>> {
    // Those of each replica, in a program that has its settings.
    let mut bound = |key: &str, value: f64| match g.variable_named(&variable(key)).filter(|_| name.is_none()) {
        Some(setting) => g.read(setting),
        None => g.number(value),
    };
    let bounds = Some([bound("model.lower", model.lower), bound("model.upper", model.upper)]);
    let common = Common {
        network: name.map(str::to_owned),
        activation: model.activation,
        below: Below { slope: model.slope as f32, alpha: model.alpha as f32, bounds },
        bias: model.bias,
        skip: model.skip as usize,
        dropout: model.dropout > 0.0,
        input_dropout: model.input_dropout > 0.0,
    };
    let own = model.input_shape.as_ref().map(|shape| shape.iter().map(|&n| n as usize).collect::<Vec<_>>());
    Ok(Box::new(declare(g, &model.network(), own.as_deref().unwrap_or(inputs), outputs, &common)?))
}
