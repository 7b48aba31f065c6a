//! Encoder layers of a transformer (Vaswani et al. 2017): attention and two dense layers, each with its input added and a norm.

use super::attention::Attention;
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
    common: &Common,
) -> Result<std::result::Result<Vec<Box<dyn Layer>>, String>> {
    let mut layers = Vec::new();
    for i in 0..settings.repeat.unwrap_or(1) {
        let path = settings.repeat.map_or(path.to_owned(), |_| format!("{path}.{i}"));
        match block(g, &path, settings, form, common)? {
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
    common: &Common,
) -> Result<std::result::Result<Vec<Box<dyn Layer>>, String>> {
    let (width, bias) = (form.features, settings.bias.unwrap_or(common.bias));
    let between = settings.dim_feedforward.map_or(4 * width, |n| n as usize);
    let name = |what: &str| format!("{path}.{what}");
    let function = settings.activation.unwrap_or(common.activation);
    let attention = match Attention::new(g, &name("self_attn"), settings, form, bias)? {
        Ok(attention) => attention,
        Err(message) => return Ok(Err(message)),
    };
    let first = Dense::new(g, &name("linear1"), width, between, bias)?;
    let second = Dense::new(g, &name("linear2"), between, width, bias)?;
    let dropped = |what| {
        let of = |rate| -> Box<dyn Layer> { Box::new(Dropping { path: name(what), rate: Rate::Own(rate) }) };
        settings.dropout.map(of)
    };
    let mut looking: Vec<Box<dyn Layer>> = vec![Box::new(attention)];
    looking.extend(dropped("dropout1"));
    let mut thinking: Vec<Box<dyn Layer>> =
        vec![Box::new(first), Box::new(Activated { function, below: common.below })];
    thinking.extend(dropped("dropout"));
    thinking.push(Box::new(second));
    thinking.extend(dropped("dropout2"));
    let mut layers: Vec<Box<dyn Layer>> = Vec::new();
    for (what, mut body) in [("norm1", looking), ("norm2", thinking)] {
        let (eps, affine) = (settings.eps.unwrap_or(EPS), Affine::new(g, &name(what), width, bias)?);
        let norm: Box<dyn Layer> = Box::new(Norm { over: Over::Features, form: form.clone(), eps, affine });
        let around = |layers| -> Box<dyn Layer> {
            let entries = vec![Entry { layers, form: form.clone(), hidden: false }];
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
