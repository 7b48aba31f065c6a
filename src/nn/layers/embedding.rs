//! Tokens become vectors.

use super::{Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType};
use crate::nn::{Init, Initialiser};

/// A row of a table for each token; tokens are numbers from 0.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    path: String,
    /// `[num_embeddings, embedding_dim]`
    weight: Tensor,
}

impl Embedding {
    pub fn new(g: &mut Graph, path: &str, num_embeddings: usize, embedding_dim: usize) -> Result<Self> {
        let path = format!("{path}.weight");
        let weight = g.variable(&path, &[num_embeddings, embedding_dim], DType::F32, VariableKind::Parameter)?;
        Ok(Self { path, weight })
    }
}

impl Layer for Embedding {
    fn parameters(&self) -> Vec<Tensor> {
        vec![self.weight]
    }

    /// Normal with standard deviation gain, as in PyTorch.
    fn initialise(&self, g: &mut Graph, Start { gain, seed, .. }: Start) -> Result<Vec<Effect>> {
        let [rows, columns] = g.matrix(self.weight)?;
        let drawn = Initialiser::from(Init::Normal).weight(g, &self.path, rows, columns, gain, seed)?;
        Ok(vec![Effect::Assign(g.variable_of(self.weight)?, drawn)])
    }

    /// From tokens `[examples, T]` to `[examples T, embedding_dim]`: a product with one-hot rows, whose gradient is one too.
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let ([examples, tokens], [rows, _]) = (g.matrix(x)?, g.matrix(self.weight)?);
        let each = g.reshape(x, &[examples * tokens, 1])?;
        let all = g.data((0..rows).map(|row| row as f32).collect(), &[1, rows])?;
        let one_hot = g.binary(Binary::Equal, each, all)?;
        g.matmul_of(one_hot, false, self.weight, false)
    }

    fn vocabulary(&self, g: &Graph) -> Option<usize> {
        g.shape(self.weight).extents().first().copied()
    }
}
