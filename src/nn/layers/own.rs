//! What a layer has for itself where others have what is said of the network.

use super::{Dense, Form, Layer, LayerKind, LayerSettings, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor};
use crate::nn::{Activation, Below, Init, Initialiser};

/// A layer that starts, or is trained, in a way of its own.
#[derive(Debug)]
pub(super) struct Own {
    layer: Box<dyn Layer>,
    freeze: bool,
    init: Option<Init>,
    gain: f64,
    lr_multiplier: f64,
    /// What follows it, if it says so, which decides what is critical.
    followed_by: Option<(Activation, Below)>,
}

impl Own {
    /// The layer, with what its settings say of it.
    pub fn of(layer: Box<dyn Layer>, settings: &LayerSettings, below: Below) -> Box<dyn Layer> {
        let LayerSettings { kind, activation, freeze, init, gain, lr_multiplier, .. } = *settings;
        // What follows a sum does not follow the layers that are summed.
        let activation = activation.filter(|_| !matches!(kind, LayerKind::Residual | LayerKind::Transformer));
        if activation.is_none() && freeze.is_none() && init.is_none() && gain.is_none() && lr_multiplier.is_none() {
            return layer;
        }
        let followed_by = activation.map(|activation| (activation, below));
        let (gain, lr_multiplier) = (gain.unwrap_or(1.0), lr_multiplier.unwrap_or(1.0));
        Box::new(Self { layer, freeze: freeze == Some(true), init, gain, lr_multiplier, followed_by })
    }
}

/// A network of which nothing moves: nor does anything drop in it.
pub fn frozen(network: Box<dyn Layer>) -> Box<dyn Layer> {
    Own::of(network, &LayerSettings { freeze: Some(true), ..LayerSettings::default() }, Below::default())
}

impl Layer for Own {
    fn parameters(&self) -> Vec<Tensor> {
        if self.freeze { Vec::new() } else { self.layer.parameters() }
    }

    fn frozen(&self) -> Vec<Tensor> {
        let own = if self.freeze { self.layer.parameters() } else { Vec::new() };
        own.into_iter().chain(self.layer.frozen()).collect()
    }

    fn buffers(&self) -> Vec<Tensor> {
        self.layer.buffers()
    }

    fn lr_multipliers(&self) -> Vec<f64> {
        if self.freeze {
            return Vec::new();
        }
        self.layer.lr_multipliers().into_iter().map(|factor| factor * self.lr_multiplier).collect()
    }

    fn initialise(&self, g: &mut Graph, start: Start) -> Result<Vec<Effect>> {
        let mut init = self.init.map_or(start.init, |init| Initialiser { init, ..start.init });
        if let Some((activation, below)) = self.followed_by {
            init.critical = activation.critical(below);
        }
        let gain = if self.gain == 1.0 {
            start.gain
        } else {
            let own = g.number(self.gain);
            g.times(start.gain, own)?
        };
        self.layer.initialise(g, Start { init, gain, ..start })
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        if !self.freeze {
            return self.layer.forward(g, x, pass);
        }
        let masks = pass.train.take();
        let value = self.layer.forward(g, x, pass);
        pass.train = masks;
        value
    }

    fn hidden(&self) -> Vec<Form> {
        self.layer.hidden()
    }

    fn vocabulary(&self, g: &Graph) -> Option<usize> {
        self.layer.vocabulary(g)
    }

    fn output_layer(&self) -> Option<&Dense> {
        self.layer.output_layer()
    }
}
