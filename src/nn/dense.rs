//! Dense layers and stacks of them.

use super::{Activation, Below, Dropout, Initialiser, dropout};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;

/// A linear layer, with its parameters named and laid out as PyTorch does.
#[derive(Clone, Debug)]
pub struct Dense {
    /// Its path, such as `layers.0`.
    pub path: String,
    /// `[outputs, inputs]`
    pub weight: Tensor,
    /// `[1, outputs]`
    pub bias: Option<Tensor>,
}

impl Dense {
    /// Declares the parameters.
    ///
    /// # Errors
    /// If the path is taken.
    pub fn new(g: &mut Graph, path: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Self> {
        let kind = VariableKind::Parameter;
        let weight = g.variable(format!("{path}.weight"), &[outputs, inputs], DType::F32, kind)?;
        let bias = match bias {
            true => Some(g.variable(format!("{path}.bias"), &[1, outputs], DType::F32, kind)?),
            false => None,
        };
        Ok(Self { path: path.to_owned(), weight, bias })
    }

    /// `x W^T + b` for `x` `[N, inputs]`.
    ///
    /// # Errors
    /// If the widths do not agree.
    pub fn forward(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let product = g.matmul_of(x, false, self.weight, true)?;
        match self.bias {
            Some(bias) => g.plus(product, bias),
            None => Ok(product),
        }
    }

    /// The parameters, weight first.
    pub fn parameters(&self) -> Vec<Tensor> {
        std::iter::once(self.weight).chain(self.bias).collect()
    }

    /// Assignments of the initial values.
    ///
    /// # Errors
    /// As [`Initialiser::weight`].
    pub fn initialise(
        &self,
        g: &mut Graph,
        init: impl Into<Initialiser>,
        gain: Tensor,
        seed: Tensor,
    ) -> Result<Vec<Effect>> {
        let init = init.into();
        let [outputs, inputs] = g.matrix(self.weight)?;
        let path = format!("{}.weight", self.path);
        let weight = init.weight(g, &path, outputs, inputs, gain, seed)?;
        let mut effects = vec![Effect::Assign(g.variable_of(self.weight)?, weight)];
        if let Some(bias) = self.bias {
            let value = init.bias(g, &format!("{}.bias", self.path), outputs, inputs, seed)?;
            effects.push(Effect::Assign(g.variable_of(bias)?, value));
        }
        Ok(effects)
    }
}

/// What a network computes on the way.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Activations of each hidden layer, after the nonlinearity (and before dropout).
    pub hidden: Vec<Tensor>,
    /// The last layer's result.
    pub output: Tensor,
}

/// A multi-layer perceptron.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// Layers in order.
    pub layers: Vec<Dense>,
    /// Between the layers.
    pub activation: Activation,
    /// What that is below zero.
    pub below: Below,
    /// To each hidden layer's activation is added that of the layer so many before it, where there is one; 0 for none.
    pub skip: usize,
}

impl Mlp {
    /// Declares the layers `layers.0`, `layers.1` ... between the given widths, inputs first.
    ///
    /// # Errors
    /// If the paths are taken.
    pub fn new(g: &mut Graph, widths: &[usize], activation: Activation, bias: bool) -> Result<Self> {
        let layers = widths
            .windows(2)
            .enumerate()
            .map(|(i, w)| Dense::new(g, &format!("layers.{i}"), w[0], w[1], bias))
            .collect::<Result<_>>()?;
        Ok(Self { layers, activation, below: Below::default(), skip: 0 })
    }

    /// Activations on `x` `[N, inputs]`; with dropout of the input and after each hidden layer if given.
    ///
    /// # Errors
    /// If the widths do not agree.
    pub fn forward(&self, g: &mut Graph, x: Tensor, drop: Option<Dropout>) -> Result<Forward> {
        let (mut value, mut hidden): (Tensor, Vec<Tensor>) = (x, Vec::new());
        if let Some((drop, rate)) = drop.and_then(|drop| Some((drop, drop.input_rate?))) {
            value = dropout(g, value, "input", Dropout { rate, ..drop })?;
        }
        for (i, layer) in self.layers.iter().enumerate() {
            value = layer.forward(g, value)?;
            if i + 1 < self.layers.len() {
                value = self.activation.apply_with(g, value, self.below)?;
                if self.skip > 0 && i >= self.skip {
                    value = g.plus(value, hidden[i - self.skip])?;
                }
                hidden.push(value);
                if let Some(drop) = drop {
                    value = dropout(g, value, &layer.path, drop)?;
                }
            }
        }
        Ok(Forward { hidden, output: value })
    }

    /// All parameters, in order of the layers.
    pub fn parameters(&self) -> Vec<Tensor> {
        self.layers.iter().flat_map(Dense::parameters).collect()
    }

    /// Assignments of all initial values.
    ///
    /// # Errors
    /// As [`Initialiser::weight`].
    pub fn initialise(
        &self,
        g: &mut Graph,
        init: impl Into<Initialiser>,
        gain: Tensor,
        seed: Tensor,
    ) -> Result<Vec<Effect>> {
        let init = init.into();
        let mut effects = Vec::new();
        for layer in &self.layers {
            effects.extend(layer.initialise(g, init, gain, seed)?);
        }
        Ok(effects)
    }
}
