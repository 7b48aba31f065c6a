//! Activation functions.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Unary;

/// An activation function, applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `x`
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `x` where positive, `slope * x` elsewhere.
    LeakyRelu {
        /// Slope on the negative side.
        slope: f32,
    },
    /// `x` where positive, `alpha * (exp(x) - 1)` elsewhere (Clevert et al. 2016).
    Elu {
        /// Size of the negative limit.
        alpha: f32,
    },
    /// `x` times the normal distribution function (Hendrycks and Gimpel 2016), exact.
    Gelu,
    /// The same by its tanh approximation.
    GeluTanh,
    /// `x * sigmoid(x)` (swish).
    Silu,
    /// `log(1 + exp(x))`
    Softplus,
    /// Hyperbolic tangent.
    Tanh,
    /// Logistic function.
    Sigmoid,
}

impl Activation {
    /// The function of each element of `x`.
    ///
    /// # Errors
    /// None of its own.
    pub fn apply(self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        Ok(match self {
            Self::Identity => x,
            Self::Relu => g.unary(Unary::Relu, x),
            // Zero times infinity is no number.
            Self::LeakyRelu { slope: 0.0 } => g.unary(Unary::Relu, x),
            Self::LeakyRelu { slope } => g.unary(Unary::Leaky(slope.to_bits()), x),
            Self::Elu { alpha } => g.unary(Unary::Elu(alpha.to_bits()), x),
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
        })
    }
}
