//! Initial weights, drawn on the device by counter-based random numbers keyed by the parameter's path.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Distribution;

/// Which extent of a weight matrix scales its variance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Inputs.
    In,
    /// Outputs.
    Out,
    /// Mean of both.
    Average,
}

impl Fan {
    fn of(self, inputs: usize, outputs: usize) -> f64 {
        match self {
            Self::In => inputs as f64,
            Self::Out => outputs as f64,
            Self::Average => (inputs + outputs) as f64 / 2.0,
        }
    }
}

/// How a weight matrix is drawn. Each is scaled by the gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Normal, standard deviation `sqrt(2 / (in + out))` (Glorot and Bengio 2010).
    XavierNormal,
    /// Uniform in `±sqrt(6 / (in + out))`.
    XavierUniform,
    /// Normal, standard deviation `sqrt(2 / fan)` (He et al. 2015).
    KaimingNormal(Fan),
    /// Uniform in `±sqrt(6 / fan)`.
    KaimingUniform(Fan),
    /// Normal cut at two standard deviations, variance `1 / fan` after the cut.
    TruncatedNormal(Fan),
    /// Orthonormal rows or columns, uniform over such matrices (Saxe et al. 2014).
    Orthogonal,
    /// Standard normal.
    Normal,
    /// Uniform in `±1`.
    Uniform,
    /// PyTorch's default for linear layers: weights and biases uniform in `±1 / sqrt(in)`; the gain scales the weights.
    PyTorch,
}

/// Standard deviation of a standard normal cut at two.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

impl Init {
    /// Distribution, and the factor on it before the gain.
    fn recipe(self, inputs: usize, outputs: usize) -> (Distribution, f64) {
        let both = (inputs + outputs) as f64;
        match self {
            Self::XavierNormal => (Distribution::Normal, (2.0 / both).sqrt()),
            Self::XavierUniform => (Distribution::Uniform, (6.0 / both).sqrt()),
            Self::KaimingNormal(fan) => (Distribution::Normal, (2.0 / fan.of(inputs, outputs)).sqrt()),
            Self::KaimingUniform(fan) => (Distribution::Uniform, (6.0 / fan.of(inputs, outputs)).sqrt()),
            Self::TruncatedNormal(fan) => {
                (Distribution::TruncatedNormal, (1.0 / fan.of(inputs, outputs)).sqrt() / TRUNCATED_STD)
            }
            Self::Orthogonal | Self::Normal => (Distribution::Normal, 1.0),
            Self::Uniform => (Distribution::Uniform, 1.0),
            Self::PyTorch => (Distribution::Uniform, 1.0 / (inputs as f64).sqrt()),
        }
    }

    /// Initial value of a weight matrix `[outputs, inputs]` named `path`, for a scalar `gain` and an integer `seed`.
    ///
    /// # Errors
    /// If the matrix is too large to be made orthogonal.
    pub fn weight(
        self,
        g: &mut Graph,
        path: &str,
        outputs: usize,
        inputs: usize,
        gain: Tensor,
        seed: Tensor,
    ) -> Result<Tensor> {
        let (distribution, factor) = self.recipe(inputs, outputs);
        let drawn = self.draw(g, path, &[outputs, inputs], distribution, seed);
        let drawn = if self == Self::Orthogonal { g.orthogonal(drawn)? } else { drawn };
        // Beside the text, so that all layers' weights come from one kernel.
        let factor = g.number(factor);
        let scale = g.times(gain, factor)?;
        g.times(drawn, scale)
    }

    /// Initial value of a bias `[1, outputs]`: zero, but for PyTorch's default.
    ///
    /// # Errors
    /// None of its own.
    pub fn bias(self, g: &mut Graph, path: &str, outputs: usize, inputs: usize, seed: Tensor) -> Result<Tensor> {
        if self == Self::PyTorch {
            let drawn = self.draw(g, path, &[1, outputs], Distribution::Uniform, seed);
            let factor = g.number(1.0 / (inputs as f64).sqrt());
            return g.times(drawn, factor);
        }
        let zero = g.constant(0.0);
        g.broadcast(zero, &[1, outputs])
    }

    fn draw(self, g: &mut Graph, path: &str, extents: &[usize], distribution: Distribution, seed: Tensor) -> Tensor {
        let (purpose, start) = (g.purpose(&format!("init/{path}")), g.integer(0));
        let drawn = g.random(distribution, extents, seed, purpose, start);
        if distribution == Distribution::Uniform {
            let doubled = g.scale(drawn, 2.0);
            g.shift(doubled, -1.0)
        } else {
            drawn
        }
    }
}
