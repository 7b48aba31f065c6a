//! What a run compares while it trains, planned before it has memory.

use std::sync::Arc;

use super::group::Planned;
use super::memory::{Rows, in_words};
use super::observer;
use super::sweep::Sweep;
use crate::config::Measure;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::measure::pairs::{Layers, Pairs, PlannedPairs};

/// The comparisons of a sweep.
#[derive(Debug)]
pub(super) struct Comparisons {
    /// Hidden layers that are compared.
    pub layers: Vec<usize>,
    /// What the reader of the results should know.
    pub note: Option<String>,
    /// Rows that the whole run comes to.
    pub rows: Rows,
    planned: Option<PlannedPairs>,
    /// Bytes of the matrices that a comparison gives, on the host.
    matrices: u64,
}

impl Comparisons {
    /// Plans what the observers of planned groups compare.
    ///
    /// # Errors
    /// If layers are named that are not there, or the comparison of so many replicas is beyond the adapter.
    pub fn plan(sweep: &Sweep, gpu: Option<&Arc<Gpu>>, groups: &[Planned]) -> Result<Self> {
        let (e, observe) = (&sweep.experiment, &sweep.experiment.observe);
        let depths = || groups.iter().map(|g| g.compiled.hidden.len());
        let depth = depths().min().unwrap_or(0);
        let layers = observer::chosen_layers(observe, depth)?;
        let mut which = Vec::new();
        if observe.has(Measure::CkaPairs) {
            which.push(Layers::Same);
        }
        if observe.has(Measure::CkaLayers) {
            which.push(Layers::All);
        }
        let note = (depths().any(|d| d > depth) && !which.is_empty()).then(|| {
            format!(
                "the networks differ in depth: those with more than {depth} hidden layers are compared with others in their \
                 first {depth} alone"
            )
        });
        let kinds = observer::kinds(observe);
        let (replicas, depth) = (sweep.replicas.len() as u64, layers.len() as u64);
        let checkpoints = e.checkpoints().len() as u64;
        let others = replicas.saturating_mul(replicas.saturating_sub(1)) / 2;
        let per_checkpoint =
            depth * (kinds.len() as u64 * u64::from(which.contains(&Layers::Same)) + observe.compare.len() as u64);
        let at_the_end = kinds.len() as u64 * depth * depth * u64::from(which.contains(&Layers::All));
        let observed = |g: &Planned| {
            let each = g.compiled.observed.len() + 4 + g.compiled.hidden.len() * observe.describe.len();
            g.slices.iter().map(|(_, members)| members.len() as u64).sum::<u64>() * each as u64
        };
        let rows = Rows {
            metrics: groups.iter().map(observed).sum::<u64>().saturating_mul(checkpoints),
            pairs: others.saturating_mul(per_checkpoint * checkpoints + at_the_end),
        };
        if which.is_empty() || layers.is_empty() {
            return Ok(Self { layers, note, rows, planned: None, matrices: 0 });
        }
        let profile = gpu.map_or_else(Profile::reference, |gpu| gpu.profile().clone());
        // Those of each layer with itself normalise the others.
        let count = kinds.len() as u64 * if which.contains(&Layers::All) { depth * (depth + 1) / 2 } else { depth };
        let results = (4 * count).saturating_mul(replicas.saturating_mul(replicas));
        let beyond = |bytes: u64| {
            Error::OutOfMemory(format!(
                "comparing all pairs of {replicas} networks takes {} at once, and the adapter binds at most {}: leave cka_pairs and \
                 cka_layers out of observe.measures, train fewer networks (--seeds N), or name fewer layers (observe.layers)",
                in_words(bytes),
                in_words(profile.binding_bytes)
            ))
        };
        if results > profile.binding_bytes || replicas > u64::from(profile.grid) {
            return Err(beyond(results));
        }
        let widest = groups.iter().flat_map(|g| g.compiled.hidden.iter().copied()).max().unwrap_or(1);
        let extents = [sweep.data.probe.examples, widest];
        let measures: Vec<_> = kinds.iter().map(|kind| kind.embedding()).collect();
        let planned = PlannedPairs::new(&profile, sweep.replicas.len(), layers.len(), extents, &measures, &which)?;
        if let Some(&bytes) = planned.plan.bytes().iter().find(|&&bytes| bytes > profile.binding_bytes) {
            return Err(beyond(bytes));
        }
        // As they are read, as numbers of 64 bits, and normalised.
        Ok(Self { layers, note, rows, planned: Some(planned), matrices: 5 * results })
    }

    /// Bytes that they take beside the rows.
    pub fn bytes(&self) -> u64 {
        self.planned.as_ref().map_or(0, |p| p.plan.bytes().iter().sum::<u64>() + self.matrices)
    }

    /// Makes the program that compares all pairs, if there is any.
    ///
    /// # Errors
    /// If the device has not enough memory.
    pub fn make(self, gpu: Option<&Arc<Gpu>>) -> Result<Option<Pairs>> {
        self.planned.map(|planned| planned.make(gpu)).transpose()
    }
}
