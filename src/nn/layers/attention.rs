//! Multi-head attention (Vaswani et al. 2017).

use std::ops::Range;

use super::sequences::rotated;
use super::{Dense, Form, Layer, LayerSettings, Pass, Start, divisors};
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::softmax::softmax;
use crate::nn::{Init, Initialiser};

/// A sequence that is looked at in place of one's own.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Path of the layer that gives it.
    pub path: String,
    /// What that gives.
    pub form: Form,
}

/// Each position looks at all, at those up to itself, or at those of a memory, with parameters named and laid out as PyTorch does.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    heads: usize,
    length: usize,
    causal: bool,
    dropout: Option<Dropping>,
    path: String,
    memory: Option<Memory>,
    /// `[3 features, features]`, of queries, keys and values; or one each, if a memory has other features.
    in_weights: Vec<Tensor>,
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
        memory: Option<Memory>,
        bias: bool,
    ) -> Result<std::result::Result<Self, String>> {
        let (length, features) = (input.positions(), input.features);
        let heads = settings.num_heads.map(|heads| heads as usize);
        let Some(heads) = heads.filter(|&heads| features.is_multiple_of(heads)) else {
            let got = heads.map_or("none".to_owned(), |heads| heads.to_string());
            return Ok(Err(format!(
                "expected num_heads that divides the features of {input} ({}), got {got}",
                divisors(&[features])
            )));
        };
        let causal = settings.causal == Some(true);
        let name = |what: &str| format!("{path}.{what}");
        let kind = VariableKind::Parameter;
        let shapes = match memory.as_ref().map(|memory| memory.form.features).filter(|&other| other != features) {
            None => vec![("in_proj_weight", 3 * features, features)],
            Some(other) => {
                let one = |what, columns| (what, features, columns);
                vec![one("q_proj_weight", features), one("k_proj_weight", other), one("v_proj_weight", other)]
            }
        };
        let declared =
            shapes.into_iter().map(|(what, rows, columns)| g.variable(name(what), &[rows, columns], DType::F32, kind));
        let in_weights = declared.collect::<Result<_>>()?;
        let in_bias = bias.then(|| g.vector(name("in_proj_bias"), 3 * features, kind)).transpose()?;
        let out = Dense::new(g, &name("out_proj"), features, features, bias)?;
        let dropout = settings.dropout.map(|rate| Dropping { path: path.to_owned(), rate: Rate::Own(rate) });
        Ok(Ok(Self { heads, length, causal, dropout, path: path.to_owned(), memory, in_weights, in_bias, out }))
    }

    /// Of queries (0), keys (1) and values (2), those that are asked for, made of rows `x`: each `[heads examples, length, width]`.
    fn projected(&self, g: &mut Graph, x: Tensor, length: usize, parts: Range<usize>) -> Result<Vec<Tensor>> {
        let ([rows, _], count) = (g.matrix(x)?, parts.len());
        let [_, features] = g.matrix(self.out.weight)?;
        let (examples, width) = (rows / length, features / self.heads);
        let (first, all) = (parts.start * features, count == 3);
        let weight = match self.in_weights[..] {
            [packed] if all => packed,
            [packed] => g.slice(packed, 0, first, count * features)?,
            _ => self.in_weights[parts.start],
        };
        let bias = match self.in_bias {
            Some(bias) if !all => Some(g.slice(bias, 1, first, count * features)?),
            bias => bias,
        };
        let product = g.matmul_of(x, false, weight, true)?;
        let product = bias.map_or(Ok(product), |bias| g.plus(product, bias))?;
        // All heads of the queries, then of the keys, then of the values, so that each of the three stands together.
        let split = g.reshape(product, &[examples, length, count * self.heads, width])?;
        let split = g.permute(split, &[2, 0, 1, 3])?;
        let split = g.reshape(split, &[count, rows * features])?;
        let each = (0..count).map(|i| {
            let part = g.slice(split, 0, i, 1)?;
            g.reshape(part, &[self.heads * examples, length, width])
        });
        each.collect()
    }
}

impl Layer for Attention {
    fn parameters(&self) -> Vec<Tensor> {
        self.in_weights.iter().copied().chain(self.in_bias).chain(self.out.parameters()).collect()
    }

    /// With `pytorch` as its module does: Xavier's uniform weights, of all three together where they stand so, no biases.
    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        let init = match start.init.init {
            Init::Pytorch => Initialiser::from(Init::XavierUniform),
            _ => start.init,
        };
        // Its weight; no bias starts elsewhere than at zero.
        let mut effects = self.out.initialise(g, start)?;
        effects.truncate(1);
        for &weight in &self.in_weights {
            let ([outputs, inputs], variable) = (g.matrix(weight)?, g.variable_of(weight)?);
            let name = g.variable_info(variable).name.clone();
            let drawn = init.weight(g, &name, outputs, inputs, start.gain, start.seed)?;
            effects.push(Effect::Assign(variable, drawn));
        }
        for bias in self.in_bias.into_iter().chain(self.out.bias) {
            let (zero, extents) = (g.constant(0.0), g.shape(bias).extents().to_vec());
            effects.push(Effect::Assign(g.variable_of(bias)?, g.broadcast(zero, &extents)?));
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let ([rows, features], length, heads) = (g.matrix(x)?, self.length, self.heads);
        let (examples, width) = (rows / length, features / heads);
        let [mut queries, mut keys, values] = match &self.memory {
            None => self.projected(g, x, length, 0..3)?,
            Some(memory) => {
                let Some(&looked_at) = pass.made.get(&memory.path) else {
                    return Err(Error::config(format!(
                        "model.layers: layer `{}`: expected `{}` to have been computed before it",
                        self.path, memory.path
                    )));
                };
                let (mut all, positions) = (self.projected(g, x, length, 0..1)?, memory.form.positions());
                // Keys and values of one product where their weights stand together.
                let together = self.in_weights.len() == 1;
                all.extend(self.projected(g, looked_at, positions, 1..if together { 3 } else { 2 })?);
                if !together {
                    all.extend(self.projected(g, looked_at, positions, 2..3)?);
                }
                all
            }
        }
        .try_into()
        .expect("three parts were asked for");
        let seen_positions = self.memory.as_ref().map_or(length, |memory| memory.form.positions());
        if let Some(base) = pass.rope.filter(|_| self.memory.is_none()) {
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
            if known != seen_positions {
                return Err(Error::config(format!(
                    "model.layers: layer `{}`: expected the {known} positions of the embedding, some of which are padding_idx, got {seen_positions}",
                    self.path
                )));
            }
            let keys = g.reshape(tokens, &[1, examples, 1, seen_positions])?;
            scores = g.reshape(scores, &[heads, examples, length, seen_positions])?;
            visible = Some(visible.map_or(Ok(keys), |before| {
                let before = g.reshape(before, &[1, 1, length, length])?;
                g.times(before, keys)
            })?);
        }
        let axis = g.shape(scores).extents().len() - 1;
        let weights = softmax(g, scores, axis, visible)?;
        let mut weights = g.reshape(weights, &[heads * examples, length, seen_positions])?;
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
