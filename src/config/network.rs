//! `[networks.NAME]`: networks beside that of `[model]`.

use std::path::PathBuf;

use super::tree::{Complaint, shorten};
use super::{Activation, Experiment, Init, Layers, Model, Preset};
use crate::settings::settings;

settings! {
    /// A network beside that of `[model]`, by its name: each sees the same batches, and `[[loss.align]]` holds layers of one and of another
    /// together, as `NAME.LAYER`. What is not said here it has as `[model]` has it, but for `init_from`. Its initial weights follow from the
    /// replica's seed and its name. Files have its parameters as `NAME.conv1.weight` and so on; its hidden layers are observed if
    /// `observe.layers` names them, `NAME.conv1`, and what is observed of its output is called `NAME.loss`, `NAME.accuracy`, `NAME.loss_test`
    /// and `NAME.accuracy_test`.
    Network {
        /// Its layers, as `model.layers`; by default those of `[model]`.
        layers: Option<Layers> = None,
        /// A network with a name, in place of `layers`.
        preset: Option<Preset> = None,
        /// Units or channels of the first layer of `preset`.
        #[schemars(range(min = 1, max = 65536))]
        width: Option<u32> = None,
        /// How many layers or blocks `preset` has.
        #[schemars(range(min = 1, max = 1000))]
        depth: Option<u32> = None,
        /// As `model.activation`.
        activation: Option<Activation> = None,
        /// As `model.init`.
        init: Option<Init> = None,
        /// Safetensors file of its initial weights, named as without the network's name (`conv1.weight`).
        #[schemars(extend("format" = "path"))]
        init_from: Option<PathBuf> = None,
        /// As `model.rename`, of the names in that file.
        #[schemars(length(max = 1000))]
        rename: Vec<[String; 2]> = Vec::new(),
        /// Whether it stays as it starts: it has no gradient and no state of an optimiser, nothing is dropped in it, and its batch norms
        /// normalise by their running statistics.
        freeze: bool = false,
        /// Whether the loss of the task is minimised for it too, unless it is frozen; otherwise terms of `[[loss.align]]` alone move it.
        loss: bool = true,
    }
}

impl Network {
    /// What it is, beside that model.
    pub fn model(&self, of: &Model) -> Model {
        let own = self.layers.is_some() || self.preset.is_some();
        let layers =
            self.layers.clone().unwrap_or_else(|| if own { Model::default().layers } else { of.layers.clone() });
        let (preset, width, depth) = if own {
            (self.preset, self.width, self.depth)
        } else {
            (of.preset, self.width.or(of.width), self.depth.or(of.depth))
        };
        Model {
            layers,
            preset,
            width,
            depth,
            skip: if own { 0 } else { of.skip },
            activation: self.activation.unwrap_or(of.activation),
            init: self.init.unwrap_or(of.init),
            init_from: self.init_from.clone(),
            rename: self.rename.clone(),
            ..of.clone()
        }
    }
}

impl Experiment {
    /// The networks beside that of `[model]`, in the order of their names.
    pub fn beside(&self) -> impl Iterator<Item = (&str, &Network, Model)> {
        self.networks.iter().map(|(name, network)| (name.as_str(), network, network.model(&self.model)))
    }

    /// Names of all layers that a term of the loss can be of: of each network the hidden ones, and the last.
    pub fn layers(&self) -> Vec<String> {
        self.names(Layers::names)
    }

    /// Names of all hidden layers: those of `[model]`, then those of the networks beside it.
    pub fn hidden(&self) -> Vec<String> {
        self.names(Layers::hidden)
    }

    fn names(&self, of: fn(&Layers) -> Vec<String>) -> Vec<String> {
        let beside = self
            .beside()
            .flat_map(|(name, _, model)| of(&model.network()).into_iter().map(move |layer| format!("{name}.{layer}")));
        of(&self.model.network()).into_iter().chain(beside).collect()
    }
}

/// Checks all networks beside that of `[model]`.
pub(super) fn check(e: &Experiment) -> Result<(), Complaint> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = |path: String| path.split('.').next().unwrap_or_default().to_owned();
    let taken: Vec<String> = e.model.network().names().into_iter().map(first).collect();
    for (name, network, model) in e.beside() {
        let key = format!("networks.{name}");
        let refuse = |key: String, message: String| Err(Complaint::of(key, message));
        if name.is_empty() || !name.chars().all(word) {
            return refuse(
                "networks".into(),
                format!("`{}`: expected a name of letters, digits and underscores", shorten(name)),
            );
        }
        if taken.iter().any(|layer| layer == name) {
            return refuse(
                "networks".into(),
                format!("`{name}` is a layer of [model] already: give the network another name"),
            );
        }
        if network.layers.is_some() && network.preset.is_some() {
            return refuse(format!("{key}.preset"), "expected either preset or layers, got both".into());
        }
        if let Err((of, message)) = model.check_preset() {
            return refuse(of.replacen("model", &key, 1), message.replace("model.", &format!("{key}.")));
        }
        if let Err(message) = model.network().check() {
            return refuse(format!("{key}.layers"), message);
        }
        if network.init_from.is_none() && !network.rename.is_empty() {
            return refuse(format!("{key}.rename"), "names of a file are renamed: expected init_from beside it".into());
        }
        if network.init_from.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return refuse(format!("{key}.init_from"), "expected the path of a file, got an empty string".into());
        }
        if !network.loss && !network.freeze && !e.loss.align.iter().any(|term| moves(term, name)) {
            return refuse(
                format!("{key}.loss"),
                "expected a term of loss.align that moves the network, or freeze = true, since it has no loss of its own".into(),
            );
        }
    }
    Ok(())
}

/// Whether a term may move a network.
fn moves(term: &super::Align, network: &str) -> bool {
    let of = |layer: &str| layer.split_once('.').is_some_and(|(name, _)| name == network);
    of(&term.of) || of(&term.to) && !term.stop_gradient
}
