//! Layers: what a network is made of, one file each, and the list of settings that describes one.
//!
//! Between layers every value is a matrix `[positions, features]`, the examples of a batch slowest and features last; [`Form`]
//! says what one example of it is.

mod attention;
mod batch_norm;
mod build;
mod conv;
mod dense;
mod embedding;
mod norm;
mod own;
mod pass;
mod pool;
mod positions;
mod preset;
mod recurrent;
mod residual;
mod sequences;
mod settings;
mod sides;
mod stack;
mod transformer;
mod windows;
mod written;

pub use build::{Common, declare};
pub use dense::Dense;
pub use embedding::one_hot;
pub use own::frozen;
pub use pass::{Pass, Start};
pub use preset::Preset;
pub use sequences::{Encoding, Pooling};
pub use settings::{LayerKind, LayerSettings, Layers, Shortcut};
pub use sides::{Padding, Same, Sides};
pub use stack::Stack;
pub use written::written;

use std::fmt;

use crate::error::Result;
use crate::graph::{Effect, Graph, Tensor};

/// A layer whose parameters are declared.
pub trait Layer: fmt::Debug {
    /// What is trained, in a fixed order.
    fn parameters(&self) -> Vec<Tensor> {
        Vec::new()
    }

    /// What would be trained, were it not frozen: it starts as parameters do, and stays.
    fn frozen(&self) -> Vec<Tensor> {
        Vec::new()
    }

    /// What the learning rate is times for each of the parameters.
    fn lr_multipliers(&self) -> Vec<f64> {
        vec![1.0; self.parameters().len()]
    }

    /// What is neither trained nor forgotten: saved with the parameters, and changed by [`Pass::updates`].
    fn buffers(&self) -> Vec<Tensor> {
        Vec::new()
    }

    /// Assignments of the initial values of parameters and buffers.
    ///
    /// # Errors
    /// If they cannot be expressed.
    fn initialise(&self, _: &mut Graph, _: Start) -> Result<Vec<Effect>> {
        Ok(Vec::new())
    }

    /// What it makes of `x` `[positions, features]`; notes in `pass` what else comes of it.
    ///
    /// # Errors
    /// If `x` does not have the form that the layer was declared for.
    fn forward(&self, g: &mut Graph, x: Tensor, pass: &mut Pass) -> Result<Tensor>;

    /// What is made of one example at each of [`Pass::hidden`], if that is more than a vector.
    fn hidden(&self) -> Vec<Form> {
        Vec::new()
    }

    /// How many tokens there are, if its input are such: whole numbers below this.
    fn vocabulary(&self, _: &Graph) -> Option<usize> {
        None
    }

    /// The dense layer that makes the result of the last hidden activations alone, if there is one: analyses that change these
    /// activations read its answers.
    fn output_layer(&self) -> Option<&Dense> {
        None
    }

    /// Whether each element of what it gives is a function of that element of its input alone.
    fn is_elementwise(&self) -> bool {
        false
    }

    /// The dense layers on either side of each of [`Pass::hidden`], where there are only functions of each element between them: a
    /// unit is then a row of the one's weight and a column of the other's.
    fn neighbours(&self) -> Vec<Option<[&Dense; 2]>> {
        Vec::new()
    }
}

/// What one example is between two layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Extents of the positions, each of which is a row: none for vectors, `[T]` for sequences, `[h, w]` for images.
    pub extents: Vec<usize>,
    /// Columns.
    pub features: usize,
    /// Whether it is `[features, extents ..]` in files and in PyTorch, and features are channels.
    pub channels_first: bool,
}

impl Form {
    /// A vector.
    pub fn vector(features: usize) -> Self {
        Self { extents: Vec::new(), features, channels_first: false }
    }

    /// Rows of an example.
    pub fn positions(&self) -> usize {
        self.extents.iter().product()
    }
}

/// The numbers that divide all of these, as a list.
fn divisors(of: &[usize]) -> String {
    let all = (1..=of.iter().copied().min().unwrap_or(0)).filter(|d| of.iter().all(|n| n.is_multiple_of(*d)));
    all.map(|d| d.to_string()).collect::<Vec<_>>().join(", ")
}

/// What to do where vectors come and positions are wanted.
const POSITIONS_BEFORE: &str = "put it before what makes vectors, as flatten does";

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<String> = self.extents.iter().map(usize::to_string).collect();
        all.insert(if self.channels_first { 0 } else { all.len() }, self.features.to_string());
        write!(f, "[N, {}]", all.join(", "))
    }
}
