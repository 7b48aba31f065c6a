//! From settings to layers whose parameters are declared.

use super::settings::{LayerKind, LayerSettings, Layers};
use super::stack::Entry;
use super::{Dense, Form, Layer, Stack};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::nn::activation::Activated;
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::{Activation, Below};

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
        Layers::List(list) => list.iter().enumerate().map(|(i, layer)| (layer.path("", i), layer.clone())).collect(),
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
    let activated = |function| -> Box<dyn Layer> { Box::new(Activated { function, below: common.below }) };
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    match settings.kind {
        LayerKind::Dense => {
            let Some(width) = settings.out_features else {
                return refuse(format!("expected out_features, the width of what it makes of {input}"));
            };
            form.features = width as usize;
            let bias = settings.bias.unwrap_or(common.bias);
            layers.push(Box::new(Dense::new(g, path, input.features, form.features, bias)?));
        }
        LayerKind::Activation => layers.push(activated(settings.function.unwrap_or(common.activation))),
        LayerKind::Dropout => {
            let rate = settings.p.map(Rate::Own).or(common.dropout.then_some(Rate::Hidden));
            layers.extend(rate.map(|rate| -> Box<dyn Layer> { Box::new(Dropping { path: path.into(), rate }) }));
        }
    }
    layers.extend(settings.activation.map(activated));
    Ok((layers, form))
}
