//! The gradient of the loss with respect to inputs and activations, as something that is observed.

use super::{Build, gradient_name, saves_representations};
use crate::error::{Error, Result};
use crate::graph::{Effect, Tensor, VariableKind};
use crate::kernels::program::DType;
use crate::measure::scale;
use crate::train::observer::{Observed, Seen};

/// What the norms are called.
const OF_INPUT: &str = "input_gradient_norm";
const OF_LAYER: &str = "layer_gradient_norm";

impl Build<'_> {
    /// The norms of the gradients that an experiment names, and what keeps the gradients themselves where they are saved.
    pub fn observed_gradients(&mut self, seen: &Seen) -> Result<(Vec<Observed>, Vec<Effect>)> {
        let names = self.e.model.network().hidden();
        let (mut norms, mut kept) = (Vec::new(), Vec::new());
        let wanted = &self.e.observe.gradients;
        if wanted.is_empty() {
            return Ok((norms, kept));
        }
        let g = &mut self.g;
        let mut places: Vec<(Option<usize>, Tensor)> = Vec::with_capacity(wanted.len());
        for name in wanted {
            let layer = names.iter().position(|n| n == name).filter(|&layer| layer < seen.own);
            places.push(match layer {
                Some(layer) => (Some(layer), seen.hidden[layer]),
                None if name == "input" && self.network.vocabulary(g).is_none() => (None, seen.inputs),
                None if name == "input" => {
                    return Err(Error::config(
                        "observe.gradients: expected layers, since inputs are tokens, got input",
                    ));
                }
                None => return Err(Error::config(format!("observe.gradients: no hidden layer is named `{name}`"))),
            });
        }
        let loss = seen.loss.apply(g, seen.output, seen.targets)?;
        // Activations of images stand in another shape where they are read on.
        let read: Vec<Tensor> = places.iter().map(|&(_, x)| g.unshaped(x)).collect();
        let gradients = g.gradients(loss, &read)?;
        for ((layer, x), gradient) in places.into_iter().zip(gradients) {
            let extents = g.shape(x).extents().to_vec();
            let gradient = g.reshape(gradient, &extents)?;
            let (norm, factor) = scale::norm(g, &[gradient])?;
            let observed = match layer {
                Some(layer) => Observed::at(OF_LAYER, layer, norm),
                None => Observed::new(OF_INPUT, norm),
            };
            norms.push(observed.over(factor, 1));
            if saves_representations(self.e) {
                let place = g.variable(gradient_name(layer), &extents, DType::F32, VariableKind::Transient)?;
                kept.push(Effect::Assign(g.variable_of(place)?, gradient));
            }
        }
        Ok((norms, kept))
    }
}
