//! From settings to layers whose parameters are declared.

use super::batch_norm::BatchNorm;
use super::embedding::{Embedding, Flatten};
use super::norm::{Affine, Norm, Over};
use super::residual::Residual;
use super::settings::{LayerKind, LayerSettings, Layers};
use super::stack::Entry;
use super::{Dense, Form, Layer, Stack};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::nn::activation::Activated;
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::{Activation, Below};

/// Added to a variance, as in PyTorch.
const EPS: f64 = 1e-5;

/// What is said once for all layers of a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Common {
    /// What follows hidden layers of which only widths are given.
    pub activation: Activation,
    /// What activation functions are below zero.
    pub below: Below,
    /// Whether dense layers have a bias, where they do not say it themselves.
    pub bias: bool,
    /// As [`Stack::skip`].
    pub skip: usize,
    /// Whether dropout layers without a rate of their own drop anything.
    pub dropout: bool,
    /// Whether inputs are dropped.
    pub input_dropout: bool,
}

/// Declares a network from `inputs` numbers to `outputs`.
///
/// # Errors
/// If a layer does not fit what comes before it, the last does not fit the data, or a name comes twice.
pub fn declare(g: &mut Graph, layers: &Layers, [inputs, outputs]: [usize; 2], common: &Common) -> Result<Stack> {
    let mut list = listed(layers, common);
    if let Some((_, last)) = list.last_mut()
        && last.kind == LayerKind::Dense
        && last.out_features.is_none()
    {
        last.out_features = u32::try_from(outputs).ok();
    }
    let hidden = layers.hidden();
    let (mut stack, form) = stack(g, &list, Form::vector(inputs), common)?;
    for ((path, settings), entry) in list.iter().zip(&mut stack.entries) {
        entry.hidden = settings.is_hidden() && hidden.contains(path);
    }
    if form != Form::vector(outputs) {
        let last = list.last().map_or("", |(path, _)| path);
        return Err(Error::config(format!(
            "model.layers: the last layer, `{last}`, gives {form}, and the data want {}: end with a dense layer without \
             out_features",
            Form::vector(outputs)
        )));
    }
    if common.input_dropout {
        let drop = Dropping { path: "input".into(), rate: Rate::Input };
        stack.entries.insert(0, Entry { layers: vec![Box::new(drop)], form: Form::vector(inputs), hidden: false });
    }
    stack.skip = common.skip;
    Ok(stack)
}

/// Every layer, with its path.
fn listed(layers: &Layers, common: &Common) -> Vec<(String, LayerSettings)> {
    match layers {
        Layers::List(list) => named(list, ""),
        Layers::Widths(widths) => {
            let hidden = |&width| {
                let (out_features, activation) = (Some(width), Some(common.activation));
                let dense = LayerSettings { out_features, activation, ..LayerSettings::default() };
                [dense, LayerSettings { kind: LayerKind::Dropout, ..LayerSettings::default() }]
            };
            let all = widths.iter().map(hidden).enumerate();
            let all = all.flat_map(|(i, both)| both.map(|layer| (layer.path("", i), layer)));
            let output = LayerSettings::default();
            all.chain([(output.path("", widths.len()), output)]).collect()
        }
    }
}

/// The layers of a list with their paths, which begin with that of the layer `above`.
fn named(list: &[LayerSettings], above: &str) -> Vec<(String, LayerSettings)> {
    list.iter().enumerate().map(|(i, layer)| (layer.path(above, i), layer.clone())).collect()
}

/// Declares layers one after the other, and says what the last gives.
fn stack(g: &mut Graph, list: &[(String, LayerSettings)], input: Form, common: &Common) -> Result<(Stack, Form)> {
    let (mut entries, mut form) = (Vec::with_capacity(list.len()), input);
    for (path, settings) in list {
        let (layers, gives) = layer(g, path, settings, form, common)?;
        form = gives.clone();
        entries.push(Entry { layers, form: gives, hidden: false });
    }
    Ok((Stack { entries, skip: 0 }, form))
}

/// Declares one layer of the list, and says what it gives.
fn layer(
    g: &mut Graph,
    path: &str,
    settings: &LayerSettings,
    input: Form,
    common: &Common,
) -> Result<(Vec<Box<dyn Layer>>, Form)> {
    let refuse = |message: String| Err(Error::config(format!("model.layers: layer `{path}`: {message}")));
    let mut form = input.clone();
    let features = input.features;
    let norm = |g: &mut Graph, over, bias, eps: f64| -> Result<Box<dyn Layer>> {
        let affine = Affine::new(g, path, features, bias)?;
        Ok(Box::new(Norm { over, form: input.clone(), eps: settings.eps.unwrap_or(eps), affine }))
    };
    let activated = |function| -> Box<dyn Layer> { Box::new(Activated { function, below: common.below }) };
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    let bias = settings.bias.unwrap_or(common.bias);
    match settings.kind {
        LayerKind::Dense => {
            let Some(width) = settings.out_features else {
                return refuse(format!("expected out_features, the width of what it makes of {input}"));
            };
            form.features = width as usize;
            layers.push(Box::new(Dense::new(g, path, features, form.features, bias)?));
        }
        LayerKind::Activation => layers.push(activated(settings.function.unwrap_or(common.activation))),
        LayerKind::Dropout => {
            let rate = settings.p.map(Rate::Own).or(common.dropout.then_some(Rate::Hidden));
            layers.extend(rate.map(|rate| -> Box<dyn Layer> { Box::new(Dropping { path: path.into(), rate }) }));
        }
        LayerKind::LayerNorm => layers.push(norm(g, Over::Features, bias, EPS)?),
        LayerKind::RmsNorm => layers.push(norm(g, Over::FeaturesAboutZero, false, f32::EPSILON.into())?),
        LayerKind::GroupNorm => match settings.num_groups {
            Some(groups) if features.is_multiple_of(groups as usize) => {
                layers.push(norm(g, Over::Groups(groups as usize), true, EPS)?);
            }
            Some(groups) => {
                return refuse(format!("expected num_groups that divides the features of {input}, got {groups}"));
            }
            None => return refuse(format!("expected num_groups, into which the features of {input} are cut")),
        },
        LayerKind::BatchNorm => {
            let (eps, momentum) = (settings.eps.unwrap_or(EPS), settings.momentum.unwrap_or(0.1));
            layers.push(Box::new(BatchNorm::new(g, path, features, eps, momentum)?));
        }
        LayerKind::Residual => {
            let (body, gives) = stack(g, &named(&settings.body, path), input.clone(), common)?;
            if gives != input {
                return refuse(format!(
                    "its body makes {gives} of {input}, and both are added: let the last have as many features"
                ));
            }
            layers.push(Box::new(Residual(body)));
        }
        LayerKind::Flatten => {
            form = Form::vector(input.positions() * features);
            layers.push(Box::new(Flatten { positions: input.positions() }));
        }
        LayerKind::Embedding => {
            let (Some(rows), Some(columns)) = (settings.num_embeddings, settings.embedding_dim) else {
                return refuse(format!(
                    "expected num_embeddings and embedding_dim, the table that {input} are looked up in"
                ));
            };
            form = Form { extents: vec![features], features: columns as usize };
            layers.push(Box::new(Embedding::new(g, path, rows as usize, columns as usize)?));
        }
    }
    layers.extend(settings.activation.map(activated));
    Ok((layers, form))
}
