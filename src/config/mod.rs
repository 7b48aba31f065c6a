//! Experiments: what is trained, on what, how, and what is observed, as one TOML file.
//!
//! The doc comments on the structs are the documentation of the keys: [`documentation`] makes `docs/experiments.md` of
//! them, and the check of a user's file takes names, types and ranges from the same schema, other names of a key (`synonyms`)
//! and whether replicas that differ in it share a graph (`scope`). Settings of what `nn` and `data` have are fields and words
//! there. Nothing here knows devices; whether a file exists, or fits the model, is for those who read it.

mod after;
mod align;
mod augment;
mod builtin;
mod check;
mod checkpoints;
mod data;
mod documentation;
mod expand;
mod features;
mod fields;
mod model;
pub(crate) mod names;
mod network;
mod observe;
mod observed_names;
mod probe;
mod read;
mod save;
mod schema;
mod seeds;
mod stages;
mod sweep;
#[cfg(test)]
mod tests;
mod tree;
mod values;

pub use after::{After, AfterKind, Copies, Criterion, Ends, Scaling, Stop};
pub use augment::Augment;
pub use builtin::{Builtin, builtins, load};
pub use checkpoints::{Checkpoints, Spacing};
pub use data::{Data, Source};
pub use documentation::documentation;
pub use expand::Setting;
pub use features::{Balance, Balancing, Feature, Form};
pub use model::{Model, Precision};
pub use network::Network;
pub use observe::{LayerName, Measure, Observe};
pub use probe::{Probe, ProbeFrom};
pub use save::{Keep, Save};
pub use schema::json_schema;
#[cfg(test)]
pub(crate) use schema::{choices, choices_of_items, paths};
pub(crate) use schema::{files, inert, per_replica};
pub use seeds::Seeds;
pub use stages::Stage;
pub use sweep::{Axis, SettingValue, Sweep};
pub use values::MOST_REPLICAS;

use std::collections::BTreeMap;

pub use crate::data::{Geometry, Normalise, Operation, features::Absent};
use crate::error::{Error, Result};
pub use crate::nn::{
    AbsentTerms, Activation, Align, Batch, BatchMode, Fan, Init, LayerKind, LayerSettings, Layers, Loss, LossKind,
    Optimiser, OptimiserKind, Preset, Reduction, Schedule, ScheduleKind,
};
use crate::settings::settings;

settings! {
    /// What belongs to the experiment as a whole.
    Experiment {
        /// Name of the experiment and of its folder of results; by default the name of the file.
        #[schemars(extend("scope" = "run", "synonyms" = ["title"]))]
        name: String = "experiment".into(),
        /// What it is about, in one sentence; shown in the report.
        #[schemars(extend("scope" = "run"))]
        description: String = String::new(),
        /// Number of optimiser updates of every replica; with 0, networks are looked at as they are drawn.
        #[schemars(range(min = 0, max = 16000000), extend("synonyms" = ["epochs", "iterations", "max_steps", "num_steps"]))]
        steps: u32 = 1000,
        /// Replicas of each setting: a number n for the seeds 0 to n - 1, or a list of seeds. A seed sets the initial
        /// weights, the order of the data and the dropout masks of a replica, and examples of its own if it makes such.
        #[schemars(extend("synonyms" = ["seed", "replicas", "repeats"]))]
        seeds: Seeds = Seeds::default(),
        /// Steps between checks of whether a stage is over.
        #[schemars(range(min = 1, max = 16000000))]
        check_every: u32 = 64,
        /// What is learned one after the other.
        #[schemars(length(max = 64))]
        stages: Vec<Stage> = Vec::new(),
        /// Which examples the replicas learn.
        data: Data = Data::default(),
        /// One replica's architecture and initial weights.
        model: Model = Model::default(),
        /// Networks beside it.
        networks: BTreeMap<String, Network> = BTreeMap::new(),
        /// What is minimised.
        loss: Loss = Loss::default(),
        /// How parameters move.
        optimiser: Optimiser = Optimiser::default(),
        /// Which examples one step sees.
        batch: Batch = Batch::default(),
        /// The inputs on which representations are read.
        probe: Probe = Probe::default(),
        /// What is measured, when, and of which layers.
        observe: Observe = Observe::default(),
        /// What is done to networks once they are trained.
        #[schemars(length(max = 64))]
        after: Vec<After> = Vec::new(),
        /// What is written beside the metrics.
        save: Save = Save::default(),
        /// Settings that differ between replicas. Each key is the dotted name of another key, quoted
        /// (`"optimiser.lr" = [0.1, 0.01]`) or as a table (`[sweep.optimiser]`), and holds a list of values or one of
        /// `{ log = [start, end, count] }`, `{ linear = [start, end, count] }` and `{ range = [start, stop, step] }` (without
        /// `stop`, as in Python). All keys are crossed with each other, the last one changing fastest; keys named together in
        /// `zip = [["model.gain", "optimiser.lr"]]` are walked side by side. Every combination is trained once with each seed.
        /// Settings that all replicas of a run share (`steps`, `seeds`, and the sections data, but for what each replica
        /// draws, probe, observe, after and save) cannot be swept.
        #[schemars(extend("synonyms" = ["grid"]))]
        sweep: Sweep = Sweep::default(),
    }
}

impl Experiment {
    /// Reads an experiment from TOML. `origin` is what messages call the text, such as its path.
    ///
    /// # Errors
    /// [`Error::Config`]: one sentence with line and column that names the key, what was expected and what came.
    pub fn from_toml(text: &str, origin: &str) -> Result<Experiment> {
        Experiment::with_overrides(text, origin, &[])
    }

    /// Reads an experiment from TOML with `--set key=value` overrides, applied in order.
    ///
    /// A value is read as TOML, and as a string if it is none. A key that is set so is no longer swept; a key under
    /// `sweep.` sets the values of that key alone.
    ///
    /// # Errors
    /// As [`Experiment::from_toml`]; a wrong override is shown as `--set key=value`.
    pub fn with_overrides(text: &str, origin: &str, overrides: &[(String, String)]) -> Result<Experiment> {
        read::read(&tree::Source { origin, text, overrides }, &read::File::default())
    }

    /// Every combination of the swept values, in the order of the file, the last key changing fastest. Each is
    /// checked, so this is also the check of an experiment that a program built.
    ///
    /// # Errors
    /// [`Error::Config`] with a sentence if any combination makes no sense, or if there are too many.
    pub fn settings(&self) -> Result<Vec<Setting>> {
        expand::settings(self).map_err(|complaint| Error::config(tree::one_line(&complaint.message)))
    }

    /// The swept keys, in the order of the file: the columns that tell settings apart.
    pub fn swept_columns(&self) -> Vec<String> {
        self.sweep.axes.iter().map(|axis| axis.key.clone()).collect()
    }

    /// The steps at which something is observed: sorted, with 0 and the last.
    pub fn checkpoints(&self) -> Vec<u32> {
        self.observe.at.checkpoints(self.steps)
    }
}
