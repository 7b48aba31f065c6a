//! Layers of a transformer (Vaswani et al. 2017): attention, to a memory too if there is one, and two dense layers, each with its
//! input added and a norm.

use super::attention::{Attention, Memory};
use super::batch_norm::EPS;
use super::norm::{Affine, Norm, Over};
use super::residual::Residual;
use super::stack::Entry;
use super::{Common, Dense, Form, Layer, LayerSettings, Stack};
use crate::error::Result;
use crate::graph::Graph;
use crate::nn::activation::Activated;
use crate::nn::dropout::{Dropping, Rate};

/// The layers of as many blocks as are asked for, which give what they take; a sentence where they do not fit.
pub(super) fn blocks(
    g: &mut Graph,
    path: &str,
    settings: &LayerSettings,
    form: &Form,
    memory: Option<Memory>,
    common: &Common,
) -> Result<std::result::Result<Vec<Box<dyn Layer>>, String>> {
    let mut layers = Vec::new();
    for i in 0..settings.repeat.unwrap_or(1) {
        let path = settings.repeat.map_or(path.to_owned(), |_| format!("{path}.{i}"));
        match block(g, &path, settings, form, memory.clone(), common)? {
            Ok(block) => layers.extend(block),
            Err(message) => return Ok(Err(message)),
        }
    }
    Ok(Ok(layers))
}

fn block(
    g: &mut Graph,
    path: &str,
    settings: &LayerSettings,
    form: &Form,
    memory: Option<Memory>,
    common: &Common,
) -> Result<std::result::Result<Vec<Box<dyn Layer>>, String>> {
    let (width, bias) = (form.features, settings.bias.unwrap_or(common.bias));
    let between = settings.dim_feedforward.map_or(4 * width, |n| n as usize);
    let name = |what: &str| format!("{path}.{what}");
    let function = settings.activation.unwrap_or(common.activation);
    let attention = match Attention::new(g, &name("self_attn"), settings, form, None, bias)? {
        Ok(attention) => attention,
        Err(message) => return Ok(Err(message)),
    };
    let across = memory.map(|memory| {
        let settings = LayerSettings { causal: None, ..settings.clone() };
        Attention::new(g, &name("multihead_attn"), &settings, form, Some(memory), bias)
    });
    let across = match across.transpose()?.transpose() {
        Ok(across) => across,
        Err(message) => return Ok(Err(message)),
    };
    let first = Dense::new(g, &name("linear1"), width, between, bias)?;
    let second = Dense::new(g, &name("linear2"), between, width, bias)?;
    let dropped = |what: &str| {
        let of = |rate| -> Box<dyn Layer> { Box::new(Dropping { path: name(what), rate: Rate::Own(rate) }) };
        settings.dropout.map(of)
    };
    let mut bodies: Vec<Vec<Box<dyn Layer>>> = std::iter::once(attention)
        .chain(across)
        .map(|attention| -> Vec<Box<dyn Layer>> { vec![Box::new(attention)] })
        .collect();
    let mut thinking: Vec<Box<dyn Layer>> =
        vec![Box::new(first), Box::new(Activated { function, below: common.below })];
    thinking.extend(dropped("dropout"));
    thinking.push(Box::new(second));
    bodies.push(thinking);
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    for (i, mut body) in (1..).zip(bodies) {
        body.extend(dropped(&format!("dropout{i}")));
        let (eps, affine) = (settings.eps.unwrap_or(EPS), Affine::new(g, &name(&format!("norm{i}")), width, bias)?);
        let norm: Box<dyn Layer> = Box::new(Norm { over: Over::Features, form: form.clone(), eps, affine });
        let around = |layers| -> Box<dyn Layer> {
            let entries = vec![Entry { path: name("body"), layers, form: form.clone(), hidden: false }];
            Box::new(Residual::around(Stack { entries, skip: 0 }))
        };
        if settings.norm_first == Some(true) {
            body.insert(0, norm);
            layers.push(around(body));
        } else {
            layers.extend([around(body), norm]);
        }
    }
    Ok(Ok(layers))
}
