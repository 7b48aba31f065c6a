//! What goes around layers: their input, added to what they make of it.

use super::batch_norm::{BatchNorm, EPS, MOMENTUM};
use super::conv::Conv;
use super::{Dense, Form, Layer, LayerKind, LayerSettings, Pass, Shortcut, Sides, Stack, Start};
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor};

/// `shortcut(x) + body(x)` (He et al. 2016).
#[derive(Debug)]
pub(super) struct Residual {
    body: Stack,
    /// Layers that `x` goes through: none where it is added itself.
    shortcut: Vec<Box<dyn Layer>>,
}

/// What declares the layers of a body under a path, for an input, and says what the last gives.
type Declare<'a> = dyn FnMut(&mut Graph, &str, &[LayerSettings], Form) -> Result<(Stack, Form)> + 'a;

/// Declares a residual layer, as often as it comes, and says what the last gives.
pub(super) fn blocks(
    g: &mut Graph,
    path: &str,
    settings: &LayerSettings,
    input: Form,
    declare: &mut Declare<'_>,
) -> Result<(Vec<Residual>, Form)> {
    let Some(count) = settings.repeat else {
        let shortcut = settings.shortcut.unwrap_or_default();
        let (block, form) = block(g, path, &settings.body, shortcut, input, declare)?;
        return Ok((vec![block], form));
    };
    let (mut all, mut form) = (Vec::new(), input);
    let (mut body, mut shortcut) = (settings.body.clone(), settings.shortcut.unwrap_or_default());
    for i in 0..count {
        let (block, gives) = block(g, &format!("{path}.{i}"), &body, shortcut, form, declare)?;
        all.push(block);
        form = gives;
        without_strides(&mut body);
        shortcut = Shortcut::Identity;
    }
    Ok((all, form))
}

fn block(
    g: &mut Graph,
    path: &str,
    list: &[LayerSettings],
    shortcut: Shortcut,
    input: Form,
    declare: &mut Declare<'_>,
) -> Result<(Residual, Form)> {
    let (body, gives) = declare(g, path, list, input.clone())?;
    let refuse = |message: String| Err(Error::config(format!("model.layers: layer `{path}`: {message}")));
    if shortcut == Shortcut::Identity {
        if gives != input {
            return refuse(format!(
                "its body makes {gives} of {input}, and both are added: let it keep the shape, or write shortcut = \
                 \"projection\""
            ));
        }
        return Ok((Residual::around(body), gives));
    }
    let (first, second) = (format!("{path}.downsample.0"), format!("{path}.downsample.1"));
    let mut projected = Form { features: gives.features, ..input.clone() };
    let product: Box<dyn Layer> = if input.channels_first {
        let [height, width] = strides(list);
        let each = if input.extents.len() == 1 { Sides::All(width) } else { Sides::Each([height, width]) };
        let conv = LayerSettings { kernel_size: Some(Sides::All(1)), stride: Some(each), ..LayerSettings::default() };
        let (geometry, form) = match conv.windows(&input, gives.features, None) {
            Ok(windows) => windows,
            Err(message) => return refuse(format!("its projection: {message}")),
        };
        projected = form;
        let (axes, channels) = (input.extents.len(), [input.features, gives.features]);
        Box::new(Conv::new(g, &first, (axes, geometry), channels, 1, false, false)?)
    } else {
        Box::new(Dense::new(g, &first, input.features, gives.features, false)?)
    };
    if projected != gives {
        return refuse(format!(
            "its body makes {gives} of {input}, and its projection {projected}, and both are added: let paddings be such that \
             the body divides extents by its strides alone"
        ));
    }
    let norm = BatchNorm::new(g, &second, gives.features, EPS, MOMENTUM)?;
    Ok((Residual { body, shortcut: vec![product, Box::new(norm)] }, gives))
}

/// The strides of layers one after the other, together, by height and width.
fn strides(list: &[LayerSettings]) -> [u32; 2] {
    list.iter().fold([1, 1], |[height, width], layer| {
        let own = match layer.kind {
            LayerKind::MaxPool | LayerKind::AvgPool => layer.stride.or(layer.kernel_size),
            _ => layer.stride,
        };
        let [a, b] = match own {
            Some(Sides::All(n)) => [n, n],
            Some(Sides::Each(each)) => each,
            None => strides(&layer.body),
        };
        [height.saturating_mul(a), width.saturating_mul(b)]
    })
}

/// Takes the strides of convolutions away.
fn without_strides(list: &mut [LayerSettings]) {
    for layer in list {
        if matches!(layer.kind, LayerKind::Conv1d | LayerKind::Conv2d) {
            layer.stride = None;
        }
        if layer.kind == LayerKind::Residual {
            layer.shortcut = None;
        }
        without_strides(&mut layer.body);
    }
}

impl Residual {
    /// `x + body(x)`.
    pub fn around(body: Stack) -> Self {
        Self { body, shortcut: Vec::new() }
    }

    fn layers(&self) -> impl Iterator<Item = &dyn Layer> {
        let body: &dyn Layer = &self.body;
        std::iter::once(body).chain(self.shortcut.iter().map(AsRef::as_ref))
    }
}

impl Layer for Residual {
    fn parameters(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::parameters).collect()
    }

    fn frozen(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::frozen).collect()
    }

    fn lr_multipliers(&self) -> Vec<f64> {
        self.layers().flat_map(Layer::lr_multipliers).collect()
    }

    fn buffers(&self) -> Vec<Tensor> {
        self.layers().flat_map(Layer::buffers).collect()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        let all = self.layers().map(|layer| layer.initialise(g, start)).collect::<Result<Vec<_>>>()?;
        Ok(all.into_iter().flatten().collect())
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let body = self.body.forward(g, x, pass)?;
        let shortcut = self.shortcut.iter().try_fold(x, |x, layer| layer.forward(g, x, pass))?;
        g.plus(shortcut, body)
    }
}
