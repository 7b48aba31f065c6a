//! Initial weights, drawn on the device by counter-based random numbers keyed by the parameter's path.

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Distribution;
use crate::settings::choices;

choices! {
    /// How weights are drawn. Biases start at 0, save for `pytorch` and `critical`.
    Init {
        /// Normal with standard deviation gain sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010).
        XavierNormal = "xavier_normal" ["xavier", "glorot", "glorot_normal"],
        /// Uniform within ±gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
        XavierUniform = "xavier_uniform" ["glorot_uniform"],
        /// Normal with standard deviation gain sqrt(2 / fan) (He et al. 2015).
        #[default]
        KaimingNormal = "kaiming_normal" ["kaiming", "he", "he_normal"],
        /// Uniform within ±gain sqrt(6 / fan) (He et al. 2015).
        KaimingUniform = "kaiming_uniform" ["he_uniform"],
        /// Normal cut at two standard deviations, with variance gain² / fan after the cut.
        VarianceScaling = "variance_scaling" ["truncated_normal"],
        /// gain times a random matrix with orthonormal rows or columns (Saxe et al. 2014).
        Orthogonal = "orthogonal",
        /// Normal with standard deviation gain, whatever the width.
        Normal = "normal",
        /// Uniform within ±gain, whatever the width.
        Uniform = "uniform",
        /// What `torch.nn.Linear` does: weights uniform within ±gain / sqrt(fan_in), biases within ±1 / sqrt(fan_in).
        Pytorch = "pytorch" ["default"],
        /// Normal with variance gain² C_W / fan_in, biases normal with variance C_b, at which the activation function that follows
        /// keeps signals and gradients of one size from layer to layer (Roberts, Yaida and Hanin 2022, chapter 5): C_W = 2 for `relu`,
        /// 2 / (1 + `slope`²) for `leaky_relu`, 1 for `tanh`, `sin` and `identity`, with C_b = 0; 1.983 and 0.173 for `gelu`, 1.988 and 0.555
        /// for `silu`. It is `activation` of the layer, or else of the model.
        Critical = "critical",
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

impl Fan {
    fn of(self, inputs: usize, outputs: usize) -> f64 {
        match self {
            Self::FanIn => inputs as f64,
            Self::FanOut => outputs as f64,
            Self::FanAvg => (inputs + outputs) as f64 / 2.0,
        }
    }
}

/// How weights are drawn, each scaled by a gain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Initialiser {
    /// The distribution.
    pub init: Init,
    /// Which width sets the scale in `kaiming_normal`, `kaiming_uniform` and `variance_scaling`.
    pub fan: Fan,
    /// C_b and C_W of `critical`, if there are such for the activation function.
    pub critical: Option<[f64; 2]>,
}

impl From<Init> for Initialiser {
    fn from(init: Init) -> Self {
        Self { init, ..Self::default() }
    }
}

/// Standard deviation of a standard normal cut at two.
const TRUNCATED_STD: f64 = 0.879_625_661_034_239_8;

impl Initialiser {
    /// Distribution, and the factor on it before the gain.
    fn recipe(self, inputs: usize, outputs: usize) -> (Distribution, f64) {
        let (both, fan) = ((inputs + outputs) as f64, self.fan.of(inputs, outputs));
        match self.init {
            Init::XavierNormal => (Distribution::Normal, (2.0 / both).sqrt()),
            Init::XavierUniform => (Distribution::Uniform, (6.0 / both).sqrt()),
            Init::KaimingNormal => (Distribution::Normal, (2.0 / fan).sqrt()),
            Init::KaimingUniform => (Distribution::Uniform, (6.0 / fan).sqrt()),
            Init::VarianceScaling => (Distribution::TruncatedNormal, (1.0 / fan).sqrt() / TRUNCATED_STD),
            Init::Orthogonal | Init::Normal => (Distribution::Normal, 1.0),
            Init::Uniform => (Distribution::Uniform, 1.0),
            Init::Pytorch => (Distribution::Uniform, 1.0 / (inputs as f64).sqrt()),
            Init::Critical => {
                let [_, variance] = self.critical.unwrap_or([0.0, 1.0]);
                (Distribution::Normal, (variance / inputs as f64).sqrt())
            }
        }
    }

    /// Initial value of a weight matrix `[outputs, inputs]` named `path`, for a scalar `gain` and an integer `seed`.
    ///
    /// # Errors
    /// If the matrix is too large to be made orthogonal, or nothing is critical for the activation function.
    pub fn weight(
        self,
        g: &mut Graph,
        path: &str,
        outputs: usize,
        inputs: usize,
        gain: Tensor,
        seed: Tensor,
    ) -> Result<Tensor> {
        if self.init == Init::Critical && self.critical.is_none() {
            return Err(Error::config(format!(
                "init = \"critical\": `{path}` goes into an activation function of which no critical variances are known; they are for \
                 identity, relu, leaky_relu, tanh, sin, gelu, gelu_tanh and silu"
            )));
        }
        let (distribution, factor) = self.recipe(inputs, outputs);
        let drawn = self.draw(g, path, &[outputs, inputs], distribution, seed);
        let drawn = if self.init == Init::Orthogonal { g.orthogonal(drawn)? } else { drawn };
        // Beside the text, so that all layers' weights come from one kernel.
        let factor = g.number(factor);
        let scale = g.times(gain, factor)?;
        g.times(drawn, scale)
    }

    /// Initial value of a bias `[1, outputs]`: zero, but for PyTorch's default and what is critical.
    ///
    /// # Errors
    /// None of its own.
    pub fn bias(self, g: &mut Graph, path: &str, outputs: usize, inputs: usize, seed: Tensor) -> Result<Tensor> {
        if self.init == Init::Pytorch {
            let drawn = self.draw(g, path, &[1, outputs], Distribution::Uniform, seed);
            let factor = g.number(1.0 / (inputs as f64).sqrt());
            return g.times(drawn, factor);
        }
        if let (Init::Critical, Some([variance, _])) = (self.init, self.critical)
            && variance > 0.0
        {
            let drawn = self.draw(g, path, &[1, outputs], Distribution::Normal, seed);
            let factor = g.number(variance.sqrt());
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
