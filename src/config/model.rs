//! `[model]`: one replica's architecture and its initial weights.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::nn::{Activation, Fan, Init, LayerKind, LayerSettings, Layers, Preset, written};
use crate::settings::{choices, settings};

choices! {
    /// Numbers that the network's matrix products take.
    Precision {
        /// 32-bit floats.
        #[default]
        Single = "single",
        /// Factors of 16 bits, sums and everything else of 32, the loss scaled so that gradients fit: on GPUs with
        /// tensor cores much faster for layers of hundreds of units, elsewhere the same speed or slower.
        Mixed = "mixed",
    }
}

/// Widths of hidden layers if nothing is said.
const WIDTHS: [u32; 2] = [64, 64];

settings! {
    /// One replica. The widths of input and output come from the data.
    Model {
        /// The layers, from input to output: widths of hidden layers, all fully connected, before an output layer; `[]` is a linear
        /// model. Or a list of `[[model.layers]]` of any kind, the output layer included.
        #[schemars(extend("synonyms" = ["hidden", "hidden_layers", "hidden_sizes", "widths", "units"]))]
        layers: Layers = WIDTHS.to_vec().into(),
        /// A network with a name, in place of `layers`; `isogram plan --model` writes it out as such.
        #[schemars(extend("synonyms" = ["architecture", "arch"]))]
        preset: Option<Preset> = None,
        /// Units or channels of the first layer of `preset`.
        #[schemars(range(min = 1, max = 65536))]
        width: Option<u32> = None,
        /// How many layers or blocks `preset` has, where its name does not say it.
        #[schemars(range(min = 1, max = 1000))]
        depth: Option<u32> = None,
        /// Heads of attention of a `preset` that has such.
        #[schemars(range(min = 1, max = 65536))]
        heads: Option<u32> = None,
        /// Width of the input, only to check it: a run stops if the data disagree.
        #[schemars(range(min = 1, max = 16777216))]
        inputs: Option<u32> = None,
        /// Shape of an input, for convolutions and pools: `[channels, height, width]`, or `[channels, length]` of sequences. By
        /// default that of the data, one channel if they have none.
        #[schemars(length(min = 1, max = 3))]
        input_shape: Option<Vec<u32>> = None,
        /// Width of the output, only to check it: a run stops if the data disagree.
        #[schemars(range(min = 1, max = 65536))]
        outputs: Option<u32> = None,
        /// What follows every hidden layer of which only the width is given.
        #[schemars(extend("synonyms" = ["nonlinearity"]))]
        activation: Activation = Activation::Relu,
        /// Slope below zero of `leaky_relu`.
        slope: f64 = 0.01,
        /// Size of the negative part of `elu`.
        alpha: f64 = 1.0,
        /// Lower bound of `clip`; far below all activations for none.
        #[schemars(extend("scope" = "replica"))]
        lower: f64 = -1.0,
        /// Upper bound of `clip`.
        #[schemars(extend("scope" = "replica"))]
        upper: f64 = 1.0,
        /// Whether layers have a bias.
        bias: bool = true,
        /// Probability that a unit is dropped after each hidden activation while training; in a list of layers, where it has
        /// `dropout`.
        #[schemars(extend(
            "minimum" = 0.0,
            "exclusiveMaximum" = 1.0,
            "scope" = "replica, but for 0",
            "synonyms" = ["dropout_rate"]
        ))]
        dropout: f64 = 0.0,
        /// Probability that an input of the network is dropped while training.
        #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica, but for 0"))]
        input_dropout: f64 = 0.0,
        /// Skip connections: to each hidden layer's activation is added that of the layer so many before it, where there is
        /// one; 0 for none. All hidden layers then have the same width, and `layers` is a list of widths.
        #[schemars(range(max = 1000))]
        skip: u32 = 0,
        /// How weights are drawn.
        #[schemars(extend("synonyms" = ["initialization", "initialisation"]))]
        init: Init = Init::KaimingNormal,
        /// Which width sets the scale in `kaiming_normal`, `kaiming_uniform` and `variance_scaling`.
        fan: Fan = Fan::FanIn,
        /// Factor on the initial weights of dense layers and embeddings: small is rich (features are learned), large is lazy.
        #[schemars(extend("minimum" = 0.0, "scope" = "replica"))]
        gain: f64 = 1.0,
        /// Numbers that the network's matrix products take.
        precision: Precision = Precision::Single,
        /// Safetensors file of initial weights, named as in `parameters.safetensors` (`layers.0.weight`, ...: out x in), in
        /// place of drawn ones; every seed starts from them. A `state_dict` of PyTorch is such a file, of floats of 16, 32 or 64
        /// bits; all names and shapes that differ are said at once.
        #[schemars(extend("format" = "path", "synonyms" = ["weights"]))]
        init_from: Option<PathBuf> = None,
        /// Where names in the file of `init_from` are others: what they begin with, and what stands there here, as `[["backbone.", ""],
        /// ["classifier.", "fc."]]`. Of each name the first beginning that fits is taken.
        #[schemars(length(max = 1000))]
        rename: Vec<[String; 2]> = Vec::new(),
    }
}

impl Model {
    /// The layers, those of a preset written out.
    pub fn network(&self) -> Cow<'_, Layers> {
        match self.preset {
            Some(preset) => {
                Cow::Owned(Layers::List(preset.layers(self.width, self.depth, self.heads, self.activation)))
            }
            None => Cow::Borrowed(&self.layers),
        }
    }

    /// The functions after its layers; of layers in layers, those of the outer ones.
    pub(super) fn activations(&self) -> Vec<Activation> {
        match &*self.network() {
            Layers::Widths(_) => vec![self.activation],
            Layers::List(list) => {
                let own = |layer: &LayerSettings| match layer.kind {
                    LayerKind::Activation => Some(layer.function.unwrap_or(self.activation)),
                    _ => layer.activation,
                };
                list.iter().filter_map(own).collect()
            }
        }
    }

    /// The layers as TOML that a file can have for `preset`, `width`, `depth` or a list of widths. Widths with dropout or skip
    /// connections, which no list has the same, stay what they are.
    pub fn written_out(&self) -> String {
        let list = match &*self.network() {
            Layers::List(list) => written(list),
            Layers::Widths(widths) if self.dropout > 0.0 || self.skip > 0 => format!("{widths:?}"),
            Layers::Widths(widths) => {
                let dense =
                    |out_features, activation| LayerSettings { out_features, activation, ..LayerSettings::default() };
                let hidden = widths.iter().map(|&width| dense(Some(width), Some(self.activation)));
                written(&hidden.chain([dense(None, None)]).collect::<Vec<_>>())
            }
        };
        format!("[model]\nlayers = {list}\n")
    }

    /// What is wrong with a preset, or with what is said of one, by key and sentence.
    pub(super) fn check_preset(&self) -> Result<(), (&'static str, String)> {
        let Some(preset) = self.preset else {
            let keys = [("model.width", self.width), ("model.depth", self.depth), ("model.heads", self.heads)];
            return match keys.into_iter().find(|(_, value)| value.is_some()) {
                None => Ok(()),
                Some((key, _)) => Err((key, "is of model.preset, and none is named: write model.layers".into())),
            };
        };
        if self.layers != WIDTHS.to_vec().into() {
            return Err(("model.preset", "expected either model.preset or model.layers, got both".into()));
        }
        if self.depth.is_some() && preset.depth().is_none() {
            return Err(("model.depth", format!("{preset} has as many layers as its name says: leave the key out")));
        }
        if self.heads.is_some() && !preset.has_heads() {
            return Err(("model.heads", format!("{preset} has no heads of attention: leave the key out")));
        }
        Ok(())
    }
}
