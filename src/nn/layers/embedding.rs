//! Tokens become vectors.

use super::{Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::nn::{Init, Initialiser};

/// A row of a table for each token; tokens are numbers from 0.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    path: String,
    /// The token that fills sequences up, whose row is zero and is not trained.
    padding: Option<usize>,
    /// `[num_embeddings, embedding_dim]`
    weight: Tensor,
}

impl Embedding {
    /// Declares the table, of `[num_embeddings, embedding_dim]`.
    pub fn new(g: &mut Graph, path: &str, table: [usize; 2], padding: Option<usize>) -> Result<Self> {
        let path = format!("{path}.weight");
        let weight = g.variable(&path, &table, DType::F32, VariableKind::Parameter)?;
        Ok(Self { path, padding, weight })
    }

    /// `[num_embeddings, 1]`: 1 at a token.
    fn only(&self, g: &mut Graph, token: usize) -> Result<Tensor> {
        let [rows, _] = g.matrix(self.weight)?;
        g.data((0..rows).map(|row| f32::from(u8::from(row == token))).collect(), &[rows, 1])
    }
}

/// For each of `tokens` `[N, 1]`, whole numbers of either kind, a row `[N, count]` that is 1 at its place.
///
/// # Errors
/// If they are no column.
pub fn one_hot(g: &mut Graph, tokens: Tensor, count: usize) -> Result<Tensor> {
    let tokens = if g.node(tokens).dtype == DType::U32 { g.unary(Unary::ToFloat, tokens) } else { tokens };
    let all = g.data((0..count).map(|place| place as f32).collect(), &[1, count])?;
    g.binary(Binary::Equal, tokens, all)
}

impl Layer for Embedding {
    fn parameters(&self) -> Vec<Tensor> {
        vec![self.weight]
    }

    /// Normal with standard deviation gain, as in PyTorch.
    fn initialise(&self, g: &mut Graph, Start { gain, seed, .. }: Start) -> Result<Vec<Effect>> {
        let [rows, columns] = g.matrix(self.weight)?;
        let mut drawn = Initialiser::from(Init::Normal).weight(g, &self.path, rows, columns, gain, seed)?;
        if let Some(token) = self.padding {
            let (here, zero) = (self.only(g, token)?, g.constant(0.0));
            drawn = g.select(here, zero, drawn)?;
        }
        Ok(vec![Effect::Assign(g.variable_of(self.weight)?, drawn)])
    }

    /// From tokens `[examples, T]` to `[examples T, embedding_dim]`: a product with one-hot rows, whose gradient is one too.
    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let mut weight = self.weight;
        if let Some(token) = self.padding {
            let (here, fixed) = (self.only(g, token)?, g.detach(weight));
            weight = g.select(here, fixed, weight)?;
            let (one, token) = (g.constant(1.0), g.constant(token as f32));
            let fills = g.binary(Binary::Equal, x, token)?;
            pass.visible = Some(g.minus(one, fills)?);
        }
        let ([examples, tokens], [rows, _]) = (g.matrix(x)?, g.matrix(self.weight)?);
        let each = g.reshape(x, &[examples * tokens, 1])?;
        let one_hot = one_hot(g, each, rows)?;
        g.matmul_of(one_hot, false, weight, false)
    }

    fn vocabulary(&self, g: &Graph) -> Option<usize> {
        g.shape(self.weight).extents().first().copied()
    }
}
