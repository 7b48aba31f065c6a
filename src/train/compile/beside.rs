//! Networks beside the one that `[model]` describes, and all of them on the same examples.

use super::{Build, Forward};
use crate::config::{self, Experiment};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::nn::{Layer, Pass, Update, frozen};
use crate::train::model::declare_beside;
use crate::train::prepared::Prepared;

/// A network beside.
pub(super) struct Beside {
    pub name: String,
    pub model: config::Model,
    pub network: Box<dyn Layer>,
    /// Whether the loss of the task is minimised for it.
    pub learns: bool,
}

impl Beside {
    /// Declares all of an experiment.
    pub fn declare(g: &mut Graph, e: &Experiment, data: &Prepared) -> Result<Vec<Self>> {
        let one = |(name, settings, model): (&str, &config::Network, config::Model)| {
            let network = declare_beside(&model, name, g, &data.shape, data.outputs)?;
            if let Some(count) = network.vocabulary(g) {
                data.check_tokens(count)?;
            }
            let network = if settings.freeze { frozen(network) } else { network };
            Ok(Self { name: name.to_owned(), model, network, learns: settings.loss && !settings.freeze })
        };
        e.beside().map(one).collect()
    }
}

/// What all networks make of a set of examples.
#[derive(Clone)]
pub(super) struct All {
    /// That of `[model]`.
    pub own: Forward,
    /// Those beside it.
    pub beside: Vec<Forward>,
}

impl All {
    /// The values of all layers that terms of the loss can be of, as [`Experiment::layers`] names them.
    pub fn layers(&self) -> Vec<Tensor> {
        let of = |one: &Forward| one.hidden.iter().copied().chain([one.output]).collect::<Vec<_>>();
        std::iter::once(&self.own).chain(&self.beside).flat_map(of).collect()
    }

    /// Activations of all hidden layers, as [`Experiment::hidden`] names them.
    pub fn hidden(&self) -> Vec<Tensor> {
        std::iter::once(&self.own).chain(&self.beside).flat_map(|one| one.hidden.iter().copied()).collect()
    }

    /// New values of all buffers.
    pub fn updates(&self) -> Vec<Update> {
        std::iter::once(&self.own).chain(&self.beside).flat_map(|one| one.updates.iter().copied()).collect()
    }
}

impl Build<'_> {
    /// All networks on examples, as [`Pass`] says.
    pub fn forward_all(&mut self, x: Tensor, pass: &Pass) -> Result<All> {
        let own = self.forward(x, pass.clone())?;
        let mut beside = Vec::with_capacity(self.beside.len());
        for network in &self.beside {
            beside.push(Forward::of(network.network.as_ref(), self.data, &mut self.g, x, pass.clone())?);
        }
        Ok(All { own, beside })
    }

    /// All networks, that of `[model]` first.
    pub fn networks(&self) -> impl Iterator<Item = &dyn Layer> {
        std::iter::once(self.network.as_ref()).chain(self.beside.iter().map(|beside| beside.network.as_ref()))
    }
}
