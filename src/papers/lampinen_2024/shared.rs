//! What the parts that the paper's file declares need: its sweeps, each trained once.

use serde_json::json;

use super::analyses::ANALYSES;
use super::networks::LEARNED;
use crate::config::Experiment;
use crate::error::Result;
use crate::papers::claims::Declared;
use crate::papers::{Lab, PartOutcome, Scale};

/// The paper's file.
pub struct Shared {
    declared: Declared,
}

impl Shared {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// None, but for a mistake in the paper's own file.
    pub fn new(lab: &Lab<'_>) -> Result<Self> {
        Ok(Self { declared: declared(lab.scale())? })
    }

    /// What the networks of the map have in common.
    ///
    /// # Errors
    /// None, but for a mistake in the paper's own file.
    pub fn grid(&self, lab: &Lab<'_>) -> Result<Experiment> {
        self.declared.experiment("map", lab.scale())
    }

    /// Runs a part that is declared in the paper's file.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn declared(&mut self, lab: &mut Lab<'_>, part: &str) -> Result<PartOutcome> {
        self.declared.run(lab, part)
    }
}

fn declared(scale: Scale) -> Result<Declared> {
    Declared::parse(include_str!("paper.toml"), "lampinen-2024", scale, ANALYSES)
}

/// The base configuration at each scale, for the report.
pub fn settings() -> serde_json::Value {
    let of = |scale: Scale| {
        let e = declared(scale).and_then(|file| file.experiment("plain", scale)).ok()?;
        let own = json!({
            "examples": e.data.examples, "held_out": e.data.fit_examples, "units_per_feature": e.data.features[0].units,
            "layers": e.model.layers, "optimiser": "sgd", "lr": e.optimiser.lr, "batch": e.batch.size, "stop": LEARNED,
            "epochs_at_most": e.steps / e.check_every,
        });
        Some((scale.name().to_owned(), own))
    };
    Scale::ALL.into_iter().filter_map(of).collect::<serde_json::Map<_, _>>().into()
}
