//! `[model]`: one replica's architecture and its initial weights.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::choices::choices;
use crate::nn::{Activation, Fan, Init};

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

/// One replica: a fully connected network. The widths of input and output come from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// Widths of the hidden layers, from input to output; `[]` is a linear model.
    #[schemars(
        length(max = 1000),
        inner(range(min = 1, max = 65536)),
        extend("synonyms" = ["hidden", "hidden_layers", "hidden_sizes", "widths", "width", "units"])
    )]
    pub layers: Vec<u32>,
    /// Width of the input, only to check it: a run stops if the data disagree.
    #[schemars(range(min = 1, max = 16777216))]
    pub inputs: Option<u32>,
    /// Width of the output, only to check it: a run stops if the data disagree.
    #[schemars(range(min = 1, max = 65536))]
    pub outputs: Option<u32>,
    /// What follows every hidden layer.
    #[schemars(extend("synonyms" = ["nonlinearity"]))]
    pub activation: Activation,
    /// Slope below zero of `leaky_relu`.
    pub slope: f64,
    /// Size of the negative part of `elu`.
    pub alpha: f64,
    /// Whether layers have a bias.
    pub bias: bool,
    /// Probability that a unit is dropped after each hidden activation while training.
    #[schemars(extend(
        "minimum" = 0.0,
        "exclusiveMaximum" = 1.0,
        "scope" = "replica, but for 0",
        "synonyms" = ["dropout_rate"]
    ))]
    pub dropout: f64,
    /// Probability that an input of the network is dropped while training.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0, "scope" = "replica, but for 0"))]
    pub input_dropout: f64,
    /// Skip connections: to each hidden layer's activation is added that of the layer so many before it, where there is
    /// one; 0 for none. All hidden layers then have the same width.
    #[schemars(range(max = 1000))]
    pub skip: u32,
    /// How weights are drawn.
    #[schemars(extend("synonyms" = ["initialization", "initialisation"]))]
    pub init: Init,
    /// Which width sets the scale in `kaiming_normal`, `kaiming_uniform` and `variance_scaling`.
    pub fan: Fan,
    /// Factor on the initial weights, of every layer: small is rich (features are learned), large is lazy.
    #[schemars(extend("minimum" = 0.0, "scope" = "replica"))]
    pub gain: f64,
    /// Numbers that the network's matrix products take.
    pub precision: Precision,
    /// Safetensors file of initial weights named `layers.0.weight`, `layers.0.bias` ... (weights are out x in), in
    /// place of drawn ones; every seed starts from them.
    #[schemars(extend("format" = "path", "synonyms" = ["weights"]))]
    pub init_from: Option<PathBuf>,
}

impl Default for Model {
    fn default() -> Model {
        Model {
            layers: vec![64, 64],
            inputs: None,
            outputs: None,
            activation: Activation::Relu,
            slope: 0.01,
            alpha: 1.0,
            bias: true,
            dropout: 0.0,
            input_dropout: 0.0,
            skip: 0,
            init: Init::KaimingNormal,
            fan: Fan::FanIn,
            gain: 1.0,
            precision: Precision::Single,
            init_from: None,
        }
    }
}
