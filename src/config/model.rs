//! `[model]`: one replica's architecture and its initial weights.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::choices::choices;

choices! {
    /// What follows every hidden layer.
    Activation {
        /// x: a deep linear network.
        Identity = "identity",
        /// max(x, 0).
        #[default]
        Relu = "relu",
        /// x above 0, `slope` x below.
        LeakyRelu = "leaky_relu",
        /// x above 0, `alpha` (exp(x) - 1) below.
        Elu = "elu",
        /// x Φ(x) with the normal distribution function Φ (exact, through erf).
        Gelu = "gelu",
        /// The tanh approximation of `gelu`.
        GeluTanh = "gelu_tanh",
        /// x sigmoid(x), also called swish.
        Silu = "silu",
        /// log(1 + exp(x)).
        Softplus = "softplus",
        /// tanh(x).
        Tanh = "tanh",
        /// 1 / (1 + exp(-x)).
        Sigmoid = "sigmoid",
    }
}

choices! {
    /// How weights are drawn. Biases start at 0, save for `pytorch`.
    Init {
        /// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).
        XavierNormal = "xavier_normal",
        /// Uniform within ±gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
        XavierUniform = "xavier_uniform",
        /// Normal with standard deviation gain sqrt(2 / fan) (He et al. 2015).
        #[default]
        KaimingNormal = "kaiming_normal",
        /// Uniform within ±gain sqrt(6 / fan) (He et al. 2015).
        KaimingUniform = "kaiming_uniform",
        /// Normal cut at two standard deviations, with variance gain² / fan after the cut.
        VarianceScaling = "variance_scaling",
        /// gain times a random matrix with orthonormal rows or columns (Saxe et al. 2014).
        Orthogonal = "orthogonal",
        /// Normal with standard deviation gain, whatever the width.
        Normal = "normal",
        /// Uniform within ±gain, whatever the width.
        Uniform = "uniform",
        /// What `torch.nn.Linear` does: weights uniform within ±gain / sqrt(fan_in), biases within ±1 / sqrt(fan_in).
        Pytorch = "pytorch",
    }
}

choices! {
    /// Which width of a layer sets the scale of its weights.
    Fan {
        /// Number of inputs of the layer: keeps activations of one size.
        #[default]
        FanIn = "fan_in",
        /// Number of outputs of the layer: keeps gradients of one size.
        FanOut = "fan_out",
        /// The mean of both.
        FanAvg = "fan_avg",
    }
}

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
    #[schemars(length(max = 1000), inner(range(min = 1, max = 65536)))]
    pub layers: Vec<u32>,
    /// Width of the input, only to check it: a run stops if the data disagree.
    #[schemars(range(min = 1, max = 16777216))]
    pub inputs: Option<u32>,
    /// Width of the output, only to check it: a run stops if the data disagree.
    #[schemars(range(min = 1, max = 65536))]
    pub outputs: Option<u32>,
    /// What follows every hidden layer.
    pub activation: Activation,
    /// Slope below zero of `leaky_relu`.
    pub slope: f64,
    /// Size of the negative part of `elu`.
    pub alpha: f64,
    /// Whether layers have a bias.
    pub bias: bool,
    /// Probability that a unit is dropped after each hidden activation while training.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub dropout: f64,
    /// Probability that an input of the network is dropped while training.
    #[schemars(extend("minimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub input_dropout: f64,
    /// Skip connections: to each hidden layer's activation is added that of the layer so many before it, where there is
    /// one; 0 for none. All hidden layers then have the same width.
    #[schemars(range(max = 1000))]
    pub skip: u32,
    /// How weights are drawn.
    pub init: Init,
    /// Which width sets the scale in `kaiming_normal`, `kaiming_uniform` and `variance_scaling`.
    pub fan: Fan,
    /// Factor on the initial weights, of every layer: small is rich (features are learned), large is lazy.
    #[schemars(extend("minimum" = 0.0))]
    pub gain: f64,
    /// Numbers that the network's matrix products take.
    pub precision: Precision,
    /// Safetensors file of initial weights named `layers.0.weight`, `layers.0.bias` ... (weights are out x in), in
    /// place of drawn ones; every seed starts from them.
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
