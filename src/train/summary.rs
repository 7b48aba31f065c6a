//! What a run came to.

use std::path::PathBuf;

use super::saving::Representation;
use super::stages::Ended;
use super::track::Tracked;
use crate::data::NamedArray;
use crate::files::manifest::Manifest;
use crate::files::{MetricRow, PairTable};

/// What a run came to.
#[derive(Debug)]
pub struct Summary {
    /// Everything observed.
    pub metrics: Vec<MetricRow>,
    /// Everything compared.
    pub pairs: PairTable,
    /// What the run was.
    pub manifest: Manifest,
    /// Folder of its files, if it wrote any.
    pub dir: Option<PathBuf>,
    /// Step that it was resumed from, if it was.
    pub resumed_from: Option<u32>,
    /// What was recorded of each replica at every step, if the sweep was asked to ([`Sweep::track`](super::Sweep::track)).
    pub tracked: Vec<Tracked>,
    /// Steps trained: those of the settings, or fewer if the stages of all replicas were over before.
    pub steps: u32,
    /// What became of the stages of each replica.
    pub ended: Vec<Ended>,
    /// Representations of the trained networks, if `save.representations` asks for those of the end.
    pub representations: Vec<Representation>,
    /// Parameters of the trained networks, named by replica (`0/layers.1.weight`), if `save.parameters` asks for those of the
    /// end.
    pub parameters: Vec<NamedArray>,
}

impl Summary {
    /// Values of a metric of the whole network at a step, by replica.
    pub fn values(&self, name: &str, step: u64) -> Vec<f64> {
        self.metrics.iter().filter(|r| r.name == name && r.step == step && r.layer.is_none()).map(|r| r.value).collect()
    }
}
