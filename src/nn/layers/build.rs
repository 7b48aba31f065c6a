//! From settings to layers whose parameters are declared.

use super::attention::{Attention, Memory};
use super::batch_norm::{BatchNorm, EPS, MOMENTUM};
use super::conv::Conv;
use super::embedding::Embedding;
use super::norm::{Affine, Norm, Over};
use super::own::Own;
use super::pool::{GlobalPool, Pool};
use super::positions::{Flatten, Unflatten};
use super::recurrent::Recurrent;
use super::residual;
use super::sequences::{Positions, Select};
use super::settings::{LayerKind, LayerSettings, Layers};
use super::stack::Entry;
use super::transformer;
use super::{Dense, Form, Layer, POSITIONS_BEFORE, Sides, Stack, divisors};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::nn::activation::Activated;
use crate::nn::dropout::{Dropping, Rate};
use crate::nn::{Activation, Below};

/// What is said once for all layers of a network.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// The network's name, if it has one: with a dot it comes before the paths of all layers.
    pub network: Option<String>,
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

/// Declares a network from examples of the shape `inputs`, such as `[C, h, w]`, each given as a row, to `outputs` numbers: of an
/// example, or of each position of a sequence, one after the other.
///
/// # Errors
/// If a layer does not fit what comes before it, the last does not fit the data, or a name comes twice.
pub fn declare(g: &mut Graph, layers: &Layers, inputs: &[usize], outputs: usize, common: &Common) -> Result<Stack> {
    let mut list = listed(layers, common);
    let hidden: Vec<bool> =
        list.iter().map(|(path, layer)| layer.is_hidden() && layers.hidden().contains(path)).collect();
    let within = |path: &str| common.network.as_ref().map_or_else(|| path.to_owned(), |name| format!("{name}.{path}"));
    list.iter_mut().for_each(|(path, _)| *path = within(path));
    if let Some((_, last)) = list.last_mut()
        && last.kind == LayerKind::Dense
        && last.out_features.is_none()
    {
        last.out_features = u32::try_from(outputs).ok();
    }
    if let Some((_, first)) = list.first_mut()
        && first.kind == LayerKind::Embedding
        && first.num_embeddings.is_none()
    {
        first.num_embeddings = u32::try_from(outputs).ok();
    }
    let input = input(&list, inputs)?;
    let (mut stack, form) = stack(g, &list, input.clone(), common, &mut Vec::new())?;
    for (hidden, entry) in hidden.into_iter().zip(&mut stack.entries) {
        entry.hidden = hidden;
    }
    let answers_each = !form.extents.is_empty() && !form.channels_first && form.features == outputs;
    if let Some(last) = stack.entries.last_mut().filter(|_| answers_each) {
        last.form = Form::vector(form.positions() * outputs);
        last.layers.push(Box::new(Flatten(form)));
    } else if form != Form::vector(outputs) {
        let last = list.last().map_or("", |(path, _)| path);
        return Err(Error::config(format!(
            "model.layers: the last layer, `{last}`, gives {form}, and the data want {}: end with a dense layer without \
             out_features",
            Form::vector(outputs)
        )));
    }
    let mut before: Vec<Box<dyn Layer>> = Vec::new();
    if common.input_dropout {
        before.push(Box::new(Dropping { path: within("input"), rate: Rate::Input }));
    }
    if input.channels_first {
        before.push(Box::new(Unflatten(input.clone())));
    }
    if !before.is_empty() {
        let path = within("input");
        stack.entries.insert(0, Entry { path, layers: before, form: input, hidden: false });
    }
    stack.skip = common.skip;
    Ok(stack)
}

/// What the first layer takes: a vector, unless layers have windows of the inputs.
fn input(list: &[(String, LayerSettings)], shape: &[usize]) -> Result<Form> {
    let vector = Form::vector(shape.iter().product());
    // What follows an `unflatten` has windows of that.
    let own = list.iter().take_while(|(_, layer)| layer.kind != LayerKind::Unflatten);
    let windowed = own.filter_map(|(path, layer)| Some((layer.axes()?, path)));
    let Some(((_, axes), path)) = windowed.min_by_key(|(axes, _)| *axes) else { return Ok(vector) };
    if list.first().is_some_and(|(_, layer)| layer.kind == LayerKind::Embedding) {
        return Ok(vector);
    }
    let (features, extents) = match shape {
        [features, extents @ ..] if extents.len() == axes => (*features, extents),
        extents if extents.len() == axes => (1, extents),
        _ => {
            let wanted = if axes == 1 { "sequences [channels, length]" } else { "images [channels, height, width]" };
            return Err(Error::config(format!(
                "model.input_shape: layer `{path}`: expected {wanted}, got examples of the shape {shape:?}: {:?} would do",
                fitting(shape, axes)
            )));
        }
    };
    Ok(Form { extents: extents.to_vec(), features, channels_first: true })
}

/// A shape of as many values as `shape` that has positions along so many axes: the first extents, the others in one; of a single
/// one a square of one channel or of three, if it is such.
fn fitting(shape: &[usize], axes: usize) -> Vec<usize> {
    let product = |part: &[usize]| part.iter().product::<usize>();
    match shape {
        [first, rest @ ..] if axes == 1 => vec![*first, product(rest)],
        [first, second, rest @ ..] => vec![*first, *second, product(rest)],
        flat => {
            let values = product(flat);
            let square = |channels: usize| {
                let side = (values / channels).isqrt();
                (channels * side * side == values).then(|| vec![channels, side, side])
            };
            square(1).or_else(|| square(3)).unwrap_or_else(|| vec![1, 1, values])
        }
    }
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

/// Declares layers one after the other, and says what the last gives. `made` is what layers that are done by then give.
fn stack(
    g: &mut Graph,
    list: &[(String, LayerSettings)],
    input: Form,
    common: &Common,
    made: &mut Vec<Memory>,
) -> Result<(Stack, Form)> {
    let (mut entries, mut form) = (Vec::with_capacity(list.len()), input);
    for (path, settings) in list {
        let (layers, gives) = layer(g, path, settings, form, common, made)?;
        form = gives.clone();
        made.push(Memory { path: path.clone(), form: gives.clone() });
        entries.push(Entry { path: path.clone(), layers, form: gives, hidden: false });
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
    made: &mut Vec<Memory>,
) -> Result<(Vec<Box<dyn Layer>>, Form)> {
    let refused = |message: String| Error::config(format!("model.layers: layer `{path}`: {message}"));
    let refuse = |message: String| Err(refused(message));
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
            if input.channels_first {
                return refuse(format!("expected flatten or global_avg_pool before it, got {input}"));
            }
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
                return refuse(format!(
                    "expected num_groups that divides the features of {input} ({}), got {groups}",
                    divisors(&[features])
                ));
            }
            None => return refuse(format!("expected num_groups, into which the features of {input} are cut")),
        },
        LayerKind::BatchNorm => {
            let (eps, momentum) = (settings.eps.unwrap_or(EPS), settings.momentum.unwrap_or(MOMENTUM));
            layers.push(Box::new(BatchNorm::new(g, path, features, eps, momentum)?));
        }
        LayerKind::Residual => {
            let mut body = |g: &mut Graph, path: &str, list: &[LayerSettings], input| {
                stack(g, &named(list, path), input, common, made)
            };
            let (blocks, gives) = residual::blocks(g, path, settings, input, &mut body)?;
            for block in blocks {
                if !layers.is_empty() {
                    layers.extend(settings.activation.map(activated));
                }
                layers.push(Box::new(block));
            }
            form = gives;
        }
        LayerKind::Flatten => {
            form = Form::vector(input.positions() * features);
            layers.push(Box::new(Flatten(input)));
        }
        LayerKind::Unflatten => {
            let size: Vec<usize> = settings.unflattened_size.iter().flatten().map(|n| *n as usize).collect();
            let cut = size.split_first().filter(|_| input.extents.is_empty());
            let Some((&channels, extents)) = cut.filter(|_| size.iter().product::<usize>() == features) else {
                return refuse(format!(
                    "expected unflattened_size whose product is the features of {input}, got {size:?}"
                ));
            };
            form = Form { extents: extents.to_vec(), features: channels, channels_first: true };
            layers.push(Box::new(Unflatten(form.clone())));
        }
        LayerKind::Embedding => {
            let (Some(rows), Some(columns)) = (settings.num_embeddings, settings.embedding_dim) else {
                return refuse(format!(
                    "expected num_embeddings and embedding_dim, the table that {input} are looked up in"
                ));
            };
            if let Some(padding) = settings.padding_idx.filter(|&padding| padding >= rows) {
                return refuse(format!("expected padding_idx below {rows}, its num_embeddings, got {padding}"));
            }
            let (table, padding) =
                ([rows as usize, columns as usize], settings.padding_idx.map(|token| token as usize));
            form = Form { extents: vec![features], features: table[1], channels_first: false };
            layers.push(Box::new(Embedding::new(g, path, table, padding)?));
        }
        LayerKind::Conv1d | LayerKind::Conv2d | LayerKind::ConvTranspose2d => {
            let transposed = settings.kind == LayerKind::ConvTranspose2d;
            let axes = if settings.kind == LayerKind::Conv1d { 1 } else { 2 };
            if input.extents.len() != axes {
                let wanted =
                    if axes == 1 { "sequences [N, channels, length]" } else { "images [N, channels, height, width]" };
                return refuse(format!("expected {wanted}, got {input}"));
            }
            let Some(outputs) = settings.out_channels else {
                return refuse(format!("expected out_channels, how many it makes of the channels of {input}"));
            };
            let (outputs, groups) = (outputs as usize, settings.groups.unwrap_or(1) as usize);
            if !features.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
                return refuse(format!(
                    "expected groups that divide the channels of {input} and its own {outputs} ({}), got {groups}",
                    divisors(&[features, outputs])
                ));
            }
            let windows = if transposed {
                settings.spread(&input, outputs)
            } else {
                settings.windows(&input, outputs, Some(Sides::All(1)))
            };
            let (geometry, gives) = windows.map_err(refused)?;
            form = gives;
            let channels = [features, outputs];
            layers.push(Box::new(Conv::new(g, path, (axes, geometry), channels, groups, bias, transposed)?));
        }
        LayerKind::MaxPool | LayerKind::AvgPool => {
            let max = settings.kind == LayerKind::MaxPool;
            let (geometry, gives) = settings.windows(&input, features, None).map_err(refused)?;
            if max && (0..2).any(|axis| 2 * geometry.before[axis] > geometry.kernel[axis]) {
                return refuse(format!(
                    "expected a padding of half of kernel_size at most, got {:?} for {:?}",
                    geometry.before, geometry.kernel
                ));
            }
            form = gives;
            layers.push(Box::new(Pool { geometry, max }));
        }
        LayerKind::GlobalAvgPool => {
            if input.extents.is_empty() {
                return refuse(format!("expected images or sequences, got {input}: {POSITIONS_BEFORE}"));
            }
            layers.push(Box::new(GlobalPool { positions: input.positions() }));
            form = Form::vector(features);
        }
        LayerKind::Positions
        | LayerKind::Attention
        | LayerKind::Transformer
        | LayerKind::Rnn
        | LayerKind::Gru
        | LayerKind::Lstm
        | LayerKind::Select => {
            if input.extents.is_empty() {
                return refuse(format!(
                    "expected a sequence, as an embedding makes of tokens, got {input}: {POSITIONS_BEFORE}"
                ));
            }
            // The positions of an image one after the other, row by row.
            form = Form { extents: vec![input.positions()], features, channels_first: false };
            let length = form.positions();
            let memory = settings.memory.as_ref().map(|name| {
                let path = common.network.as_ref().map_or_else(|| name.clone(), |network| format!("{network}.{name}"));
                let found = made.iter().rev().find(|memory| memory.path == path).cloned();
                found.filter(|memory| !memory.form.extents.is_empty()).ok_or_else(|| {
                    let sequences = made.iter().filter(|memory| !memory.form.extents.is_empty());
                    let names = sequences.map(|memory| memory.path.as_str()).collect::<Vec<_>>().join(", ");
                    let names = if names.is_empty() { "there is none".to_owned() } else { names };
                    refused(format!(
                        "expected memory to be a layer before it that gives a sequence ({names}), got `{name}`"
                    ))
                })
            });
            let memory = memory.transpose()?;
            match settings.kind {
                LayerKind::Positions => {
                    let positions = Positions::new(g, path, settings, [length, features])?;
                    layers.push(Box::new(positions.map_err(refused)?));
                }
                LayerKind::Attention => {
                    if memory.is_some() && settings.causal == Some(true) {
                        return refuse(
                            "its memory has positions of its own, of which causal says nothing: leave one out".into(),
                        );
                    }
                    let attention = Attention::new(g, path, settings, &form, memory, bias)?;
                    layers.push(Box::new(attention.map_err(refused)?));
                }
                LayerKind::Transformer => {
                    layers.extend(transformer::blocks(g, path, settings, &form, memory, common)?.map_err(refused)?);
                }
                LayerKind::Rnn | LayerKind::Gru | LayerKind::Lstm => {
                    let made = Recurrent::new(g, path, settings, &form, bias, common.below)?;
                    let (recurrent, gives) = made.map_err(refused)?;
                    layers.push(Box::new(recurrent));
                    form = gives;
                }
                _ => {
                    let pooling = settings.pooling.unwrap_or_default();
                    layers.push(Box::new(Select { length, pooling }));
                    form = Form::vector(features);
                }
            }
        }
    }
    let mut layers: Vec<Box<dyn Layer>> =
        layers.into_iter().map(|layer| Own::of(layer, settings, common.below)).collect();
    // That of a transformer stands within.
    let after = settings.activation.filter(|_| settings.kind != LayerKind::Transformer);
    layers.extend(after.map(activated));
    Ok((layers, form))
}
