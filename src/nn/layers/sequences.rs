//! What is added to the positions of a sequence so that they differ, and what is kept of them.

use super::{Layer, LayerSettings, Pass, Start};
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType};
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
        /// Queries and keys of `attention` and `transformer` after it, rotated by angles in proportion to the position (Su et al. 2021):
        /// feature i of a head's first half with feature i of its second, as in GPT-NeoX and Llama. Nothing is added.
        Rope = "rope" ["rotary"],
    }
}

choices! {
    /// What is kept of a sequence.
    Pooling {
        /// Its first position.
        First = "first",
        /// Its last position, but for tokens that fill it up.
        Last = "last",
        /// The mean over all positions, but for tokens that fill it up.
        #[default]
        Mean = "mean" ["average"],
    }
}

/// Base of wavelengths if nothing is said.
const BASE: f64 = 10_000.0;

/// A row of a table added at each position, or what attention is told to rotate by.
#[derive(Clone, Debug)]
pub(super) struct Positions {
    path: String,
    length: usize,
    features: usize,
    encoding: Encoding,
    base: f64,
    /// `[positions, features]`, as many positions as `length` at least, if it is learned.
    weight: Option<Tensor>,
}

impl Positions {
    /// Declares what is learned, for sequences of `[length, features]`; a sentence where they are longer than what is learned.
    pub fn new(
        g: &mut Graph,
        path: &str,
        settings: &LayerSettings,
        [length, features]: [usize; 2],
    ) -> Result<std::result::Result<Self, String>> {
        let path = format!("{path}.weight");
        let (encoding, base) = (settings.encoding.unwrap_or_default(), settings.base.unwrap_or(BASE));
        let rows = settings.num_positions.map_or(length, |rows| rows as usize);
        if rows < length {
            return Ok(Err(format!(
                "expected num_positions of at least the {length} that the sequences have, got {rows}"
            )));
        }
        let learned = encoding == Encoding::Learned;
        let declare = || g.variable(&path, &[rows, features], DType::F32, VariableKind::Parameter);
        let weight = learned.then(declare).transpose()?;
        Ok(Ok(Self { path, length, features, encoding, base, weight }))
    }
}

/// Of each pair of features the sine and the cosine of the position over `base` to the power of the pair's place.
fn sinusoids(length: usize, features: usize, base: f64) -> Vec<f32> {
    let at = |position: usize, feature: usize| {
        let angle = angle(position, feature - feature % 2, features, base);
        if feature.is_multiple_of(2) { angle.sin() } else { angle.cos() }
    };
    (0..length * features).map(|i| at(i / features, i % features) as f32).collect()
}

/// The position over `base` to the power of the feature's place among so many.
fn angle(position: usize, feature: usize, features: usize, base: f64) -> f64 {
    position as f64 * base.powf(-(feature as f64) / features as f64)
}

/// `x` `[N, T, width]` with feature i of the first half and of the second rotated by the position times `base` to the power of
/// -2i / width: the pairs of GPT-NeoX, where those of Su et al. (2021) are neighbours.
///
/// # Errors
/// If the width is odd.
pub(super) fn rotated(g: &mut Graph, x: Tensor, base: f64) -> Result<Tensor> {
    let &[_, length, width] = g.shape(x).extents() else {
        return Err(Error::Shape(format!("{} is no sequence of heads", g.describe(x))));
    };
    let half = width / 2;
    let mut table = |of: fn(f64) -> f64| {
        let all = (0..length * half).map(|i| of(angle(i / half, 2 * (i % half), width, base)) as f32);
        g.data(all.collect(), &[1, length, half])
    };
    let (cos, sin) = (table(f64::cos)?, table(f64::sin)?);
    let (first, second) = (g.slice(x, 2, 0, half)?, g.slice(x, 2, half, width - half)?);
    let mut mixed = |a, b, add: bool| {
        let (a, b) = (g.times(a, cos)?, g.times(b, sin)?);
        if add { g.plus(a, b) } else { g.minus(a, b) }
    };
    let (left, right) = (mixed(first, second, false)?, mixed(second, first, true)?);
    g.concat(&[left, right], 2)
}

impl Layer for Positions {
    fn parameters(&self) -> Vec<Tensor> {
        self.weight.into_iter().collect()
    }

    fn initialise(&self, g: &mut Graph, Start { gain, seed, .. }: Start) -> Result<Vec<Effect>> {
        let Some(weight) = self.weight else { return Ok(Vec::new()) };
        let normal = Initialiser::from(Init::Normal);
        let [rows, features] = g.matrix(weight)?;
        let drawn = normal.weight(g, &self.path, rows, features, gain, seed)?;
        Ok(vec![Effect::Assign(g.variable_of(weight)?, drawn)])
    }

    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let &Self { length, features, base, .. } = self;
        if self.encoding == Encoding::Rope {
            pass.rope = Some(base);
            return Ok(x);
        }
        let [rows, _] = g.matrix(x)?;
        let table = match self.weight {
            Some(weight) => {
                let used = g.rows(weight, 0, length)?;
                g.reshape(used, &[1, length * features])?
            }
            None => g.data(sinusoids(length, features, base), &[1, length * features])?,
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
    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor> {
        let ([rows, features], length) = (g.matrix(x)?, self.length);
        let examples = rows / length;
        let all = g.reshape(x, &[examples, length, features])?;
        let kept = match (self.pooling, pass.visible) {
            (Pooling::First, _) => g.slice(all, 1, 0, 1)?,
            (Pooling::Last, None) => g.slice(all, 1, length - 1, 1)?,
            (Pooling::Mean, None) => g.mean(all, 1)?,
            (Pooling::Last, Some(visible)) => {
                // Where none that is visible follows.
                let weights = if length > 1 {
                    let next = g.slice(visible, 1, 1, length - 1)?;
                    let next = g.pad(next, 1, 0, 1)?;
                    g.binary(Binary::Greater, visible, next)?
                } else {
                    visible
                };
                weighted(g, all, weights)?
            }
            (Pooling::Mean, Some(visible)) => {
                let (count, one) = (g.sum(visible, 1)?, g.constant(1.0));
                let count = g.binary(Binary::Max, count, one)?;
                let weights = g.over(visible, count)?;
                weighted(g, all, weights)?
            }
        };
        g.reshape(kept, &[examples, features])
    }
}

/// The sum over the positions of `x` `[N, T, features]`, each times its weight `[N, T]`.
fn weighted(g: &mut Graph, x: Tensor, weights: Tensor) -> Result<Tensor> {
    let [examples, length] = g.matrix(weights)?;
    let weights = g.reshape(weights, &[examples, length, 1])?;
    let each = g.times(x, weights)?;
    g.sum(each, 1)
}
