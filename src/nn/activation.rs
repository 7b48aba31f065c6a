//! Activation functions.

use super::layers::{Layer, Pass};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::settings::choices;

choices! {
    /// An activation function, applied to each element.
    Activation {
        /// x: a deep linear network.
        Identity = "identity" ["linear"],
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
        Silu = "silu" ["swish"],
        /// log(1 + exp(x)).
        Softplus = "softplus",
        /// tanh(x).
        Tanh = "tanh",
        /// 1 / (1 + exp(-x)).
        Sigmoid = "sigmoid" ["logistic"],
        /// x².
        Square = "square" ["quadratic"],
        /// sin(x).
        Sin = "sin" ["sine"],
        /// x, but not below `lower` and not above `upper`: a hard tanh, unless they say otherwise.
        Clip = "clip" ["hard_tanh", "hardtanh", "clamp"],
    }
}

/// What some activation functions are below zero, and beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Below {
    /// Slope of `leaky_relu`.
    pub slope: f32,
    /// Size of the negative part of `elu`.
    pub alpha: f32,
    /// Bounds of `clip`, scalars; by default -1 and 1.
    pub bounds: Option<[Tensor; 2]>,
}

/// An activation function as a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Activated {
    pub function: Activation,
    pub below: Below,
}

impl Layer for Activated {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        self.function.apply_with(g, x, self.below)
    }

    fn is_elementwise(&self) -> bool {
        true
    }
}

impl Default for Below {
    fn default() -> Self {
        Self { slope: 0.01, alpha: 1.0, bounds: None }
    }
}

impl Activation {
    /// C_b and C_W, if there are such: variances of biases and, times the number of inputs, of weights, at which neither signals nor
    /// their differences grow or vanish exponentially with depth (Roberts, Yaida and Hanin 2022, chapter 5). Those of `gelu`,
    /// `gelu_tanh` and `silu` are where the parallel and the perpendicular susceptibility are both 1, found by quadrature.
    pub fn critical(self, below: Below) -> Option<[f64; 2]> {
        match self {
            Self::Identity | Self::Tanh | Self::Sin => Some([0.0, 1.0]),
            Self::Relu => Some([0.0, 2.0]),
            Self::LeakyRelu => Some([0.0, 2.0 / (1.0 + f64::from(below.slope).powi(2))]),
            Self::Gelu => Some([0.172_922_390_756, 1.983_058_257_44]),
            Self::GeluTanh => Some([0.172_895_198_264, 1.982_888_239_82]),
            Self::Silu => Some([0.555_143_190_654, 1.988_004_677_55]),
            Self::Elu | Self::Softplus | Self::Sigmoid | Self::Square | Self::Clip => None,
        }
    }

    /// Whether a positive factor before it is the same factor after it.
    pub fn is_homogeneous(self) -> bool {
        matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu)
    }

    /// The function of each element of `x`, with the usual slope and size below zero.
    ///
    /// # Errors
    /// None of its own.
    pub fn apply(self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        self.apply_with(g, x, Below::default())
    }

    /// The function of each element of `x`, with what `below` says of the negative side.
    ///
    /// # Errors
    /// None of its own.
    pub fn apply_with(self, g: &mut Graph, x: Tensor, below: Below) -> Result<Tensor> {
        Ok(match self {
            Self::Identity => x,
            Self::Relu => g.unary(Unary::Relu, x),
            // Zero times infinity is no number.
            Self::LeakyRelu if below.slope == 0.0 => g.unary(Unary::Relu, x),
            Self::LeakyRelu => g.unary(Unary::Leaky(below.slope.to_bits()), x),
            Self::Elu => g.unary(Unary::Elu(below.alpha.to_bits()), x),
            Self::Gelu => {
                let scaled = g.scale(x, std::f64::consts::FRAC_1_SQRT_2);
                let erf = g.unary(Unary::Erf, scaled);
                let shifted = g.shift(erf, 1.0);
                let half = g.scale(x, 0.5);
                g.times(half, shifted)?
            }
            Self::GeluTanh => {
                let square = g.unary(Unary::Square, x);
                let cube = g.times(square, x)?;
                let bend = g.scale(cube, 0.044_715);
                let sum = g.plus(x, bend)?;
                let scaled = g.scale(sum, (2.0 / std::f32::consts::PI).sqrt());
                let tanh = g.unary(Unary::Tanh, scaled);
                let shifted = g.shift(tanh, 1.0);
                let half = g.scale(x, 0.5);
                g.times(half, shifted)?
            }
            Self::Silu => {
                let gate = g.unary(Unary::Sigmoid, x);
                g.times(x, gate)?
            }
            Self::Softplus => g.unary(Unary::Softplus, x),
            Self::Tanh => g.unary(Unary::Tanh, x),
            Self::Sigmoid => g.unary(Unary::Sigmoid, x),
            Self::Square => g.unary(Unary::Square, x),
            Self::Sin => g.unary(Unary::Sin, x),
            Self::Clip => {
                let [lower, upper] = below.bounds.unwrap_or_else(|| [-1.0, 1.0].map(|bound| g.constant(bound)));
                let raised = g.binary(Binary::Max, x, lower)?;
                g.binary(Binary::Min, raised, upper)?
            }
        })
    }
}
