//! The dense layer.

use super::{Layer, Pass, Start};
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
        let weight = g.variable(format!("{path}.weight"), &[outputs, inputs], DType::F32, VariableKind::Parameter)?;
        let bias = bias.then(|| g.vector(format!("{path}.bias"), outputs, VariableKind::Parameter)).transpose()?;
        Ok(Self { path: path.to_owned(), weight, bias })
    }
}

impl Layer for Dense {
    /// Weight first.
    fn parameters(&self) -> Vec<Tensor> {
        std::iter::once(self.weight).chain(self.bias).collect()
    }

    fn initialise(&self, g: &mut Graph, Start { init, gain, seed }: Start) -> Result<Vec<Effect>> {
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

    /// `x W^T + b`.
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let product = g.matmul_of(x, false, self.weight, true)?;
        match self.bias {
            Some(bias) => g.plus(product, bias),
            None => Ok(product),
        }
    }

    fn output_layer(&self) -> Option<&Dense> {
        Some(self)
    }
}
