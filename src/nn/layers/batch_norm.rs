//! Batch normalisation (Ioffe and Szegedy 2015).

use super::norm::{Affine, mean, scaled};
use super::{Layer, Pass, Start};
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{DType, Unary};
use crate::nn::Update;

/// Added to a variance, as in PyTorch.
pub(super) const EPS: f64 = 1e-5;

/// Weight of a new batch in running statistics, as in PyTorch.
pub(super) const MOMENTUM: f64 = 0.1;

/// Each feature made to have mean 0 and variance 1 over the rows of a batch; in evaluation by running statistics of the batches
/// trained on. As in PyTorch, the running variance is of n - 1.
#[derive(Clone, Debug)]
pub(super) struct BatchNorm {
    path: String,
    affine: Affine,
    running_mean: Tensor,
    running_var: Tensor,
    batches: Tensor,
    eps: f64,
    momentum: f64,
}

impl BatchNorm {
    pub fn new(g: &mut Graph, path: &str, features: usize, eps: f64, momentum: f64) -> Result<Self> {
        let affine = Affine::new(g, path, features, true)?;
        let name = |what: &str| format!("{path}.{what}");
        let running_mean = g.vector(name("running_mean"), features, VariableKind::State)?;
        let running_var = g.vector(name("running_var"), features, VariableKind::State)?;
        let batches = g.variable(name("num_batches_tracked"), &[1, 1], DType::F32, VariableKind::State)?;
        g.save_as(batches, &[])?;
        Ok(Self { path: path.to_owned(), affine, running_mean, running_var, batches, eps, momentum })
    }

    /// New values of the running statistics, of `n` rows with such mean and variance.
    fn track(&self, g: &mut Graph, n: usize, mean: Tensor, variance: Tensor) -> Result<[Update; 3]> {
        let unbiased = g.scale(variance, n as f64 / (n - 1) as f64);
        let average = |g: &mut Graph, old: Tensor, value: Tensor| {
            let (kept, added) = (g.scale(old, 1.0 - self.momentum), g.scale(value, self.momentum));
            g.plus(kept, added)
        };
        let update = |g: &Graph, old: Tensor, new: Tensor, start: f32| {
            Ok::<_, Error>(Update { variable: g.variable_of(old)?, old, new, start })
        };
        let new_mean = average(g, self.running_mean, mean)?;
        let new_var = average(g, self.running_var, unbiased)?;
        let next = g.shift(self.batches, 1.0);
        Ok([
            update(g, self.running_mean, new_mean, 0.0)?,
            update(g, self.running_var, new_var, 1.0)?,
            update(g, self.batches, next, 0.0)?,
        ])
    }
}

impl Layer for BatchNorm {
    fn parameters(&self) -> Vec<Tensor> {
        self.affine.parameters()
    }

    fn buffers(&self) -> Vec<Tensor> {
        vec![self.running_mean, self.running_var, self.batches]
    }

    fn initialise(&self, g: &mut Graph, _: Start) -> Result<Vec<Effect>> {
        let mut effects = self.affine.initialise(g)?;
        for (buffer, value) in [(self.running_mean, 0.0), (self.running_var, 1.0), (self.batches, 0.0)] {
            let (value, extents) = (g.constant(value), g.shape(buffer).extents().to_vec());
            effects.push(Effect::Assign(g.variable_of(buffer)?, g.broadcast(value, &extents)?));
        }
        Ok(effects)
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let (of, variance) = if pass.train.is_some() {
            let [rows, features] = g.matrix(x)?;
            if rows < 2 {
                let path = &self.path;
                return Err(Error::config(format!(
                    "model.layers: layer `{path}`: expected batches of 2 rows at least, since a variance is taken of them, got \
                     [{rows}, {features}]: let batch.size be larger"
                )));
            }
            let of = mean(g, x, &[0])?;
            let centred = g.minus(x, of)?;
            let squares = g.unary(Unary::Square, centred);
            let variance = mean(g, squares, &[0])?;
            pass.updates.extend(self.track(g, rows, of, variance)?);
            pass.differs = true;
            (of, variance)
        } else {
            (self.running_mean, self.running_var)
        };
        let centred = g.minus(x, of)?;
        let normed = scaled(g, centred, variance, self.eps)?;
        self.affine.apply(g, normed)
    }
}
