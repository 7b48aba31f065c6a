//! Multi-head self-attention (Vaswani et al. 2017).

use super::sequences::rotated;
use super::{Dense, Form, Layer, LayerSettings, Pass, Start};
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::softmax::softmax;
use crate::nn::{Init, Initialiser};

/// Each position looks at all, or at those up to itself, with parameters named and laid out as PyTorch does.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    path: String,
    heads: usize,
    length: usize,
    causal: bool,
    dropout: Option<Dropping>,
    /// `[3 features, features]`: of queries, keys and values.
    in_weight: Tensor,
    /// `[1, 3 features]`
    in_bias: Option<Tensor>,
    out: Dense,
}

impl Attention {
    /// Declares the parameters, for sequences of the form `input`; a sentence where the heads do not divide its features.
    pub fn new(
        g: &mut Graph,
        path: &str,
        settings: &LayerSettings,
        input: &Form,
        bias: bool,
    ) -> Result<std::result::Result<Self, String>> {
        let (length, features) = (input.positions(), input.features);
        let heads = settings.num_heads.map(|heads| heads as usize);
        let Some(heads) = heads.filter(|&heads| features.is_multiple_of(heads)) else {
            let got = heads.map_or("none".to_owned(), |heads| heads.to_string());
            return Ok(Err(format!("expected num_heads that divides the features of {input}, got {got}")));
        };
        let name = |what: &str| format!("{path}.{what}");
        let kind = VariableKind::Parameter;
        let in_weight = g.variable(name("in_proj_weight"), &[3 * features, features], DType::F32, kind)?;
        let in_bias = bias.then(|| g.vector(name("in_proj_bias"), 3 * features, kind)).transpose()?;
        let out = Dense::new(g, &name("out_proj"), features, features, bias)?;
        let dropout = settings.dropout.map(|rate| Dropping { path: path.to_owned(), rate: Rate::Own(rate) });
        let causal = settings.causal == Some(true);
        Ok(Ok(Self { path: path.to_owned(), heads, length, causal, dropout, in_weight, in_bias, out }))
    }
}

impl Layer for Attention {
    fn parameters(&self) -> Vec<Tensor> {
        [self.in_weight].into_iter().chain(self.in_bias).chain(self.out.parameters()).collect()
    }

    /// With `pytorch` as its module does: Xavier's uniform weights of all three together, no biases.
    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        let [outputs, inputs] = g.matrix(self.in_weight)?;
        let init = match start.init.init {
            Init::Pytorch => Initialiser::from(Init::XavierUniform),
            _ => start.init,
        };
        let name = format!("{}.in_proj_weight", self.path);
        let weight = init.weight(g, &name, outputs, inputs, start.gain, start.seed)?;
        // Its weight; no bias starts elsewhere than at zero.
        let mut effects = self.out.initialise(g, start)?;
        effects.truncate(1);
        effects.push(Effect::Assign(g.variable_of(self.in_weight)?, weight));
        for bias in self.in_bias.into_iter().chain(self.out.bias) {
            let (zero, extents) = (g.constant(0.0), g.shape(bias).extents().to_vec());
            effects.push(Effect::Assign(g.variable_of(bias)?, g.broadcast(zero, &extents)?));
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let ([rows, features], length, heads) = (g.matrix(x)?, self.length, self.heads);
        let (examples, width) = (rows / length, features / heads);
        let product = g.matmul_of(x, false, self.in_weight, true)?;
        let product = self.in_bias.map_or(Ok(product), |bias| g.plus(product, bias))?;
        // All heads of the queries, then of the keys, then of the values, so that each of the three stands together.
        let split = g.reshape(product, &[examples, length, 3 * heads, width])?;
        let split = g.permute(split, &[2, 0, 1, 3])?;
        let split = g.reshape(split, &[3, rows * features])?;
        let mut of = |i| {
            let part = g.slice(split, 0, i, 1)?;
            g.reshape(part, &[heads * examples, length, width])
        };
        let (mut queries, mut keys, values) = (of(0)?, of(1)?, of(2)?);
        if let Some(base) = pass.rope {
            if !width.is_multiple_of(2) {
                return Err(Error::config(format!(
                    "model.layers: layer `{}`: expected heads of an even width, since their features are rotated in pairs, got {width}",
                    self.path
                )));
            }
            (queries, keys) = (rotated(g, queries, base)?, rotated(g, keys, base)?);
        }
        let scores = g.matmul_of(queries, false, keys, true)?;
        let mut scores = g.scale(scores, 1.0 / (width as f64).sqrt());
        let seen = |(i, j)| f32::from(u8::from(j <= i));
        let all = (0..length).flat_map(|i| (0..length).map(move |j| (i, j)));
        let mut visible = self.causal.then(|| g.data(all.map(seen).collect(), &[1, length, length])).transpose()?;
        if let Some(tokens) = pass.visible {
            let [_, known] = g.matrix(tokens)?;
            if known != length {
                return Err(Error::config(format!(
                    "model.layers: layer `{}`: expected the {known} positions of the embedding, some of which are padding_idx, got {length}",
                    self.path
                )));
            }
            let keys = g.reshape(tokens, &[1, examples, 1, length])?;
            scores = g.reshape(scores, &[heads, examples, length, length])?;
            visible = Some(visible.map_or(Ok(keys), |before| {
                let before = g.reshape(before, &[1, 1, length, length])?;
                g.times(before, keys)
            })?);
        }
        let axis = g.shape(scores).extents().len() - 1;
        let weights = softmax(g, scores, axis, visible)?;
        let mut weights = g.reshape(weights, &[heads * examples, length, length])?;
        if let Some(dropout) = &self.dropout {
            weights = dropout.forward(g, weights, pass)?;
        }
        let mixed = g.matmul(weights, values)?;
        let mixed = g.reshape(mixed, &[heads, examples, length, width])?;
        let mixed = g.permute(mixed, &[1, 2, 0, 3])?;
        let mixed = g.reshape(mixed, &[rows, features])?;
        self.out.forward(g, mixed, pass)
    }
}
