//! What is added to the positions of a sequence so that they differ, and what is kept of them.

use super::{Layer, Pass, Start};
use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;
use crate::nn::{Init, Initialiser};
use crate::settings::choices;

choices! {
    /// What tells positions apart.
    Encoding {
        /// `weight`, a row for each position, which is trained and starts as that of `embedding` does.
        #[default]
        Learned = "learned" ["absolute"],
        /// Sines and cosines of wavelengths from 2π to 10,000 times that (Vaswani et al. 2017).
        Sinusoidal = "sinusoidal" ["sine", "fixed"],
    }
}

choices! {
    /// What is kept of a sequence.
    Pooling {
        /// Its first position.
        First = "first",
        /// Its last position.
        Last = "last",
        /// The mean over all positions.
        #[default]
        Mean = "mean" ["average"],
    }
}

/// A row of a table added at each position.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    path: String,
    length: usize,
    features: usize,
    /// `[length, features]`, if it is learned.
    weight: Option<Tensor>,
}

impl Positions {
    pub fn new(g: &mut Graph, path: &str, [length, features]: [usize; 2], encoding: Encoding) -> Result<Self> {
        let path = format!("{path}.weight");
        let learned = encoding == Encoding::Learned;
        let declare = || g.variable(&path, &[length, features], DType::F32, VariableKind::Parameter);
        let weight = learned.then(declare).transpose()?;
        Ok(Self { path, length, features, weight })
    }
}

/// Of each pair of features the sine and the cosine of the position over 10,000 to the power of the pair's place.
fn sinusoids(length: usize, features: usize) -> Vec<f32> {
    let at = |position: usize, feature: usize| {
        let rate = 10_000f64.powf(-((feature - feature % 2) as f64) / features as f64);
        let angle = position as f64 * rate;
        if feature.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    (0..length * features).map(|i| at(i / features, i % features) as f32).collect()
}

impl Layer for Positions {
    fn parameters(&self) -> Vec<Tensor> {
        self.weight.into_iter().collect()
    }

    fn initialise(&self, g: &mut Graph, Start { gain, seed, .. }: Start) -> Result<Vec<Effect>> {
        let Some(weight) = self.weight else { return Ok(Vec::new()) };
        let normal = Initialiser::from(Init::Normal);
        let drawn = normal.weight(g, &self.path, self.length, self.features, gain, seed)?;
        Ok(vec![Effect::Assign(g.variable_of(weight)?, drawn)])
    }

    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let &Self { length, features, .. } = self;
        let [rows, _] = g.matrix(x)?;
        let table = match self.weight {
            Some(weight) => g.reshape(weight, &[1, length * features])?,
            None => g.data(sinusoids(length, features), &[1, length * features])?,
        };
        let x = g.reshape(x, &[rows / length, length * features])?;
        let sum = g.plus(x, table)?;
        g.reshape(sum, &[rows, features])
    }
}

/// A vector of a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Select {
    pub length: usize,
    pub pooling: Pooling,
}

impl Layer for Select {
    fn forward(&self, g: &mut Graph, x: Tensor, _: &mut Pass) -> Result<Tensor> {
        let [rows, features] = g.matrix(x)?;
        let examples = rows / self.length;
        let all = g.reshape(x, &[examples, self.length, features])?;
        let kept = match self.pooling {
            Pooling::First => g.slice(all, 1, 0, 1)?,
            Pooling::Last => g.slice(all, 1, self.length - 1, 1)?,
            Pooling::Mean => g.mean(all, 1)?,
        };
        g.reshape(kept, &[examples, features])
    }
}
