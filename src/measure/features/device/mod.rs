//! Analyses of features as nodes of a graph, for all replicas of a sweep at once while they train: the definitions are those
//! of the parent module, in single precision.
//!
//! [`variance`], [`intervention`] and [`substructure`] are nodes like any others. [`components`] and [`redundant`] take several
//! passes: what is summed over examples is summed on the device, a matrix of units × units is decomposed on the host in f64, and
//! the device goes on with what came of it. Nothing of the size of a representation leaves the device.

pub mod components;
pub mod intervention;
pub mod redundant;
pub mod substructure;
pub mod variance;

use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use variance::Inputs;

/// An output layer that answers for one feature of two values with each output: 1 where the output is above a border.
#[derive(Clone, Copy, Debug)]
pub struct Answers {
    /// `[features, units]`
    pub weight: Tensor,
    /// `[1, features]`, if it has biases.
    pub bias: Option<Tensor>,
    /// 0 for logits, one half for outputs that approach 0 and 1.
    pub border: f32,
}

impl Answers {
    /// Outputs on `x` `[N, units]` less the border, `[N, features]`.
    ///
    /// # Errors
    /// If the units are not those of the layer.
    pub fn above(&self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let product = g.matmul_of(x, false, self.weight, true)?;
        let output = match self.bias {
            Some(bias) => g.plus(product, bias)?,
            None => product,
        };
        Ok(if self.border == 0.0 { output } else { g.shift(output, -self.border) })
    }
}

/// Extents that all inputs agree on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extents {
    pub fit: usize,
    pub test: usize,
    pub units: usize,
    pub features: usize,
}

impl Extents {
    pub fn of(g: &Graph, of: Inputs) -> Result<Self> {
        let found = [of.fit, of.fit_labels, of.test, of.test_labels].map(|t| g.matrix(t));
        let [[n, units], [nl, features], [m, test_units], [ml, test_features]] = match found {
            [Ok(a), Ok(b), Ok(c), Ok(d)] => [a, b, c, d],
            _ => {
                return Err(Error::Shape("representations and labels must be matrices, a row for each example".into()));
            }
        };
        if n != nl || m != ml || units != test_units || features != test_features {
            return Err(Error::Shape(format!(
                "analyses of features want [N, units] and [N, features] of the fit set, [M, units] and [M, features] of the test \
                 set: got [{n}, {units}], [{nl}, {features}], [{m}, {test_units}] and [{ml}, {test_features}]"
            )));
        }
        Ok(Self { fit: n, test: m, units, features })
    }

    fn check_head(&self, g: &Graph, head: &Answers) -> Result<()> {
        let [outputs, units] = g.matrix(head.weight)?;
        if outputs == self.features && units == self.units {
            return Ok(());
        }
        Err(Error::Shape(format!(
            "an output layer of [{outputs}, {units}] does not answer for {} features of {} units",
            self.features, self.units
        )))
    }
}

/// Refuses another number of names than features.
fn one_name_each(names: &[&str], features: usize) -> Result<()> {
    if names.len() == features {
        return Ok(());
    }
    Err(Error::Shape(format!("{} names were given for {features} features; give one each", names.len())))
}

/// The mean of the examples of a set, from its first one on, so that offsets cost no digits.
#[derive(Clone, Copy, Debug)]
struct Centre {
    /// The first example, `[1, units]`.
    first: Tensor,
    /// The mean less it.
    mean: Tensor,
}

impl Centre {
    fn of(g: &mut Graph, x: Tensor) -> Result<Self> {
        let first = g.rows(x, 0, 1)?;
        let moved = g.minus(x, first)?;
        Ok(Self { first, mean: g.mean(moved, 0)? })
    }

    /// Examples less the mean.
    fn taken_off(self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let moved = g.minus(x, self.first)?;
        g.minus(moved, self.mean)
    }
}

/// One column of a matrix as a row, `[1, N]`, of a matrix that has been transposed already.
fn row(g: &mut Graph, transposed: Tensor, column: usize) -> Result<Tensor> {
    g.rows(transposed, column, 1)
}
