//! What can be trained: a model says how a network is declared, a network how it starts and what it computes.

use crate::config;
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor};
use crate::nn::{Below, Dense, Dropout, Forward, Initialiser, Mlp};

/// An architecture, described once for one replica.
pub trait Model {
    /// Declares a network's parameters in a graph.
    ///
    /// # Errors
    /// If they cannot be declared.
    fn declare(&self, g: &mut Graph, inputs: usize, outputs: usize) -> Result<Box<dyn Network>>;
}

/// A network whose parameters are declared.
pub trait Network {
    /// The trained variables, in a fixed order.
    fn parameters(&self) -> Vec<Tensor>;

    /// Assignments of the initial values, for a scalar gain and an integer seed.
    ///
    /// # Errors
    /// If they cannot be expressed.
    fn initialise(&self, g: &mut Graph, gain: Tensor, seed: Tensor) -> Result<Vec<Effect>>;

    /// Hidden activations and output on a batch; with dropout only in training.
    ///
    /// # Errors
    /// If the batch does not fit.
    fn forward(&self, g: &mut Graph, x: Tensor, drop: Option<Dropout>) -> Result<Forward>;

    /// The layer that makes the output of the last hidden activations alone, if there is one: analyses that change these
    /// activations read its answers.
    fn output_layer(&self) -> Option<&Dense> {
        None
    }
}

/// The multi-layer perceptron that `[model]` describes.
#[derive(Clone, Debug)]
pub struct Perceptron(config::Model);

impl Perceptron {
    /// From the settings.
    pub fn new(m: &config::Model) -> Self {
        Self(m.clone())
    }
}

impl Model for Perceptron {
    fn declare(&self, g: &mut Graph, inputs: usize, outputs: usize) -> Result<Box<dyn Network>> {
        let m = &self.0;
        let hidden = m.layers.iter().map(|&width| width as usize);
        let widths: Vec<usize> = [inputs].into_iter().chain(hidden).chain([outputs]).collect();
        let mlp = Mlp {
            below: Below { slope: m.slope as f32, alpha: m.alpha as f32 },
            skip: m.skip as usize,
            ..Mlp::new(g, &widths, m.activation, m.bias)?
        };
        Ok(Box::new((mlp, Initialiser { init: m.init, fan: m.fan })))
    }
}

impl Network for (Mlp, Initialiser) {
    fn parameters(&self) -> Vec<Tensor> {
        self.0.parameters()
    }

    fn initialise(&self, g: &mut Graph, gain: Tensor, seed: Tensor) -> Result<Vec<Effect>> {
        self.0.initialise(g, self.1, gain, seed)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, drop: Option<Dropout>) -> Result<Forward> {
        self.0.forward(g, x, drop)
    }

    fn output_layer(&self) -> Option<&Dense> {
        self.0.layers.last()
    }
}
