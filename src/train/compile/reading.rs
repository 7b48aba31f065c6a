//! How values that a program puts out are named and read.

use crate::config::{self, Measure};
use crate::error::Result;
use crate::graph::{Effect, Machine, Results, Tensor};

/// What the norm of the gradient is called.
pub(in crate::train) const GRADIENT_NORM: &str = "gradient_norm";

/// How an observed value is read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Its name in `metrics.parquet`.
    pub name: String,
    /// Hidden layer, if it is of one; the output is named `name`, or `name@layer`.
    pub layer: Option<usize>,
    /// How often it is divided by its factor, if it has one.
    pub(super) over: Option<i32>,
}

impl Reading {
    /// Of a value of the whole network.
    pub(in crate::train) fn new(name: &str, over: Option<i32>) -> Self {
        Self { name: name.to_owned(), layer: None, over }
    }

    /// The effects that put out a value to be read so.
    pub(super) fn effects(&self, value: Tensor, factor: Option<Tensor>) -> Vec<Effect> {
        let factor = factor.map(|factor| Effect::Output(self.factor_name(), factor));
        std::iter::once(Effect::Output(output_name(&self.name, self.layer), value)).chain(factor).collect()
    }

    /// The value of each replica, or one for all.
    ///
    /// # Errors
    /// If there is no such output.
    pub(in crate::train) fn read(&self, machine: &Machine, results: &Results) -> Result<Vec<f64>> {
        let values = machine.output(results, &output_name(&self.name, self.layer))?;
        let Some(times) = self.over else { return Ok(values.into_iter().map(f64::from).collect()) };
        let factors = machine.output(results, &self.factor_name())?;
        let one = |list: &[f32], i: usize| f64::from(list[if list.len() == 1 { 0 } else { i }]);
        let count = values.len().max(factors.len());
        Ok((0..count).map(|i| one(&values, i) / one(&factors, i).powi(times)).collect())
    }

    fn factor_name(&self) -> String {
        output_name(&format!("{}/factor", self.name), self.layer)
    }
}

/// Name of the output of an observed value.
fn output_name(name: &str, layer: Option<usize>) -> String {
    layer.map_or_else(|| name.to_owned(), |l| format!("{name}@{l}"))
}

/// Whether representations must stand where other programs can read them.
pub(in crate::train) fn needs_representations(e: &config::Experiment) -> bool {
    e.observe.has(Measure::CkaPairs)
        || e.observe.has(Measure::CkaLayers)
        || !e.observe.compare.is_empty()
        || !e.observe.describe.is_empty()
        || e.save.representations != config::Keep::None
}

/// Variable that holds a hidden layer's representation after `evaluate`.
pub(in crate::train) fn representation_name(layer: usize) -> String {
    format!("representation/{layer}")
}

/// The same of the set for fitting, where that is saved.
pub(in crate::train) fn fit_representation_name(layer: usize) -> String {
    format!("representation/fit/{layer}")
}

/// Variable that holds the gradient with respect to the activations of a hidden layer, or to the inputs, where it is saved.
pub(in crate::train) fn gradient_name(layer: Option<usize>) -> String {
    format!("gradient/{}", layer.map_or_else(|| "input".to_owned(), |layer| layer.to_string()))
}

/// Whether representations are saved: those of the set for fitting too, if there is one, and gradients, where they are observed.
pub(in crate::train) fn saves_representations(e: &config::Experiment) -> bool {
    e.save.representations != config::Keep::None
}
