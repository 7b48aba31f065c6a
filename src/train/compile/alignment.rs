//! Terms of the loss between layers: what they add to gradients, and what is observed of them.

use crate::config::{Align, Experiment};
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType};
use crate::measure::alignment::Alignment;
use crate::nn::AlignSettings;
use crate::train::observer::Observed;
use crate::train::structure;

/// The terms of an experiment.
pub(super) struct Terms {
    all: Vec<Term>,
    settings: AlignSettings,
}

/// A term between two values of the list of all layers.
struct Term {
    name: String,
    /// Names of the two layers.
    names: [String; 2],
    between: [usize; 2],
    /// Layers that there are.
    of: usize,
    alignment: Alignment,
    /// Whether the second is taken as it is.
    stops: bool,
}

impl Term {
    fn new(i: usize, align: &Align, layers: &[String]) -> Result<Self> {
        let name = align.name.clone().unwrap_or_else(|| i.to_string());
        let place = |layer: &String| {
            let missing = || Error::config(format!("loss.align: term `{name}`: no layer is named `{layer}`"));
            layers.iter().position(|l| l == layer).ok_or_else(missing)
        };
        let between = [place(&align.of)?, place(&align.to)?];
        let of = layers.len();
        let names = [align.of.clone(), align.to.clone()];
        Ok(Self { names, between, of, alignment: Alignment::parse(&align.measure)?, stops: align.stop_gradient, name })
    }

    /// The values that it compares.
    fn pair(&self, layers: &[Tensor]) -> Result<[Tensor; 2]> {
        if layers.len() != self.of {
            return Err(self.refusal("its layers are those of [model], and another architecture is trained"));
        }
        Ok(self.between.map(|place| layers[place]))
    }

    fn refusal(&self, what: impl std::fmt::Display) -> Error {
        Error::config(format!("loss.align: term `{}`: {what}", self.name))
    }
}

impl Terms {
    /// Declares the settings of the terms, if there are any.
    pub fn declare(g: &mut Graph, e: &Experiment) -> Result<Option<Self>> {
        let (terms, layers) = (&e.loss.align, e.layers());
        if terms.is_empty() {
            return Ok(None);
        }
        let mut setting = |key: &str| {
            let name = structure::variable(&format!("loss.align.{key}"));
            g.variable(name, &[terms.len(), 1], DType::F32, VariableKind::Setting)
        };
        let settings = AlignSettings { weight: setting("weight")?, from: setting("from")?, until: setting("until")? };
        let all = terms.iter().enumerate().map(|(i, term)| Term::new(i, term, &layers)).collect::<Result<_>>()?;
        Ok(Some(Self { all, settings }))
    }

    /// A value whose gradient is that of all terms together, of the values of all layers on a batch: `<G, x>` for each layer,
    /// with `G` the gradient of a term at it, held. So a term that has no weight gives no gradient, also where it has no finite
    /// value.
    ///
    /// # Errors
    /// If none of the `trained` is moved by one of them.
    pub fn pull(&self, g: &mut Graph, layers: &[Tensor], step: Tensor, trained: &[Tensor]) -> Result<Tensor> {
        let zero = g.constant(0.0);
        let mut total = zero;
        for (i, term) in self.all.iter().enumerate() {
            let values = term.pair(layers)?;
            let held = values.map(|x| g.detach(x));
            let apart = term.alignment.loss(g, held[0], held[1]).map_err(|error| term.refusal(error))?;
            let moved = if term.stops { 1 } else { 2 };
            if !values[..moved].iter().any(|&x| g.depends(x, trained)) {
                return Err(term.refusal(format!(
                    "expected a layer that has a gradient, and nothing that is trained comes before {}: name a later layer, or freeze \
                     less",
                    term.names[..moved].iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
                )));
            }
            let gradients = g.gradients(apart, &held[..moved])?;
            let weight = self.settings.at(g, i, step)?;
            let acts = g.binary(Binary::Greater, weight, zero)?;
            for (x, gradient) in values.into_iter().zip(gradients) {
                let weighted = g.times(gradient, weight)?;
                let acting = g.select(acts, weighted, zero)?;
                let acting = g.detach(acting);
                let product = g.times(x, acting)?;
                let product = g.sum_all(product)?;
                total = g.plus(total, product)?;
            }
        }
        Ok(total)
    }

    /// The terms without their weights, of the values of all layers on what is looked at.
    pub fn observed(&self, g: &mut Graph, layers: &[Tensor]) -> Result<Vec<Observed>> {
        let mut all = Vec::with_capacity(self.all.len());
        for term in &self.all {
            let [x, y] = term.pair(layers)?;
            let value = term.alignment.value(g, x, y).map_err(|error| term.refusal(error))?;
            all.push(Observed::new(format!("loss_align_{}", term.name), value));
        }
        Ok(all)
    }
}
