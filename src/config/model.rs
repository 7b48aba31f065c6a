//! `[model]`: one replica's architecture and its initial weights.

use std::path::PathBuf;

use crate::nn::{Activation, Fan, Init, Layers};
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

settings! {
    /// One replica. The widths of input and output come from the data.
    Model {
        /// The layers, from input to output: widths of hidden layers, all fully connected, before an output layer; `[]` is a linear
        /// model. Or a list of `[[model.layers]]` of any kind, the output layer included.
        #[schemars(extend("synonyms" = ["hidden", "hidden_layers", "hidden_sizes", "widths", "width", "units"]))]
        layers: Layers = vec![64, 64].into(),
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
        /// place of drawn ones; every seed starts from them.
        #[schemars(extend("format" = "path", "synonyms" = ["weights"]))]
        init_from: Option<PathBuf> = None,
    }
}
