//! Normalisation along the features of an example: layer norm, RMS norm, group norm.

use super::{Form, Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::Unary;

/// Features made to have mean 0 and variance 1, then scaled and shifted by parameters.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub over: Over,
    pub form: Form,
    /// Added to the variance.
    pub eps: f64,
    pub affine: Affine,
}

/// What is normalised together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    /// All features of a position (Ba et al. 2016).
    Features,
    /// The same, with 0 in place of their mean (Zhang and Sennrich 2019).
    FeaturesAboutZero,
    /// The features of each of so many groups, at all positions of an example (Wu and He 2018).
    Groups(usize),
}

/// Factor and summand of each feature, as PyTorch's norms have them: `weight` and `bias`, vectors.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Affine {
    pub fn new(g: &mut Graph, path: &str, features: usize, bias: bool) -> Result<Self> {
        let mut vector = |name: &str| g.vector(format!("{path}.{name}"), features, VariableKind::Parameter);
        Ok(Self { weight: vector("weight")?, bias: bias.then(|| vector("bias")).transpose()? })
    }

    pub fn parameters(&self) -> Vec<Tensor> {
        std::iter::once(self.weight).chain(self.bias).collect()
    }

    /// Ones and zeros.
    pub fn initialise(&self, g: &mut Graph) -> Result<Vec<Effect>> {
        let set = |(parameter, value): (Tensor, f64)| {
            let extents = g.shape(parameter).extents().to_vec();
            let value = g.constant(value);
            Ok(Effect::Assign(g.variable_of(parameter)?, g.broadcast(value, &extents)?))
        };
        std::iter::once((self.weight, 1.0)).chain(self.bias.map(|bias| (bias, 0.0))).map(set).collect()
    }

    pub fn apply(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let scaled = g.times(x, self.weight)?;
        self.bias.map_or(Ok(scaled), |bias| g.plus(scaled, bias))
    }
}

/// Mean along several axes, whose extents become 1.
pub(super) fn mean(g: &mut Graph, x: Tensor, axes: &[usize]) -> Result<Tensor> {
    axes.iter().try_fold(x, |x, &axis| g.mean(x, axis))
}

/// `x / sqrt(variance + eps)`.
pub(super) fn scaled(g: &mut Graph, x: Tensor, variance: Tensor, eps: f64) -> Result<Tensor> {
    let safe = g.shift(variance, eps);
    let deviation = g.unary(Unary::Sqrt, safe);
    g.over(x, deviation)
}

impl Layer for Norm {
    fn parameters(&self) -> Vec<Tensor> {
        self.affine.parameters()
    }

    fn initialise(&self, g: &mut Graph, _: Start) -> Result<Vec<Effect>> {
        self.affine.initialise(g)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let [rows, features] = g.matrix(x)?;
        let positions = self.form.positions();
        let (seen, axes): (_, &[usize]) = match self.over {
            Over::Features | Over::FeaturesAboutZero => (x, &[1]),
            Over::Groups(groups) => (g.reshape(x, &[rows / positions, positions, groups, features / groups])?, &[3, 1]),
        };
        let centred = if matches!(self.over, Over::FeaturesAboutZero) {
            seen
        } else {
            let mean = mean(g, seen, axes)?;
            g.minus(seen, mean)?
        };
        // In a second pass: the difference of two large numbers would be left of E[x²] - E[x]².
        let squares = g.unary(Unary::Square, centred);
        let variance = mean(g, squares, axes)?;
        let normed = scaled(g, centred, variance, self.eps)?;
        let normed = g.reshape(normed, &[rows, features])?;
        self.affine.apply(g, normed)
    }
}
