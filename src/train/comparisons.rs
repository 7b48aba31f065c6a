//! What a run compares while it trains, planned before it has memory.

use std::sync::Arc;

use super::cataloguing::by_place;
use super::group::Planned;
use super::memory::{Rows, in_words};
use super::observer;
use super::sweep::Sweep;
use crate::config::Measure;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::measure::catalogue::Statistic;
use crate::measure::device::products::{Layers, Pairs, PlannedPairs};
use crate::measure::embedding::Embedding;

/// The comparisons of a sweep.
#[derive(Debug)]
pub(super) struct Comparisons {
    /// Hidden layers that are compared.
    pub layers: Vec<usize>,
    /// What the reader of the results should know.
    pub note: Option<String>,
    /// Rows that the whole run comes to.
    pub rows: Rows,
    /// All layers with all, and each with itself.
    planned: [Option<PlannedPairs>; 2],
    /// Bytes of the matrices that a comparison gives, on the host.
    matrices: u64,
}

impl Comparisons {
    /// Plans what the observers of planned groups compare.
    ///
    /// # Errors
    /// If layers are named that are not there, or the comparison of so many replicas is beyond the adapter.
    pub fn plan(sweep: &Sweep, gpu: Option<&Arc<Gpu>>, groups: &[Planned]) -> Result<Self> {
        let e = &sweep.experiment;
        let observe = &e.observed();
        let depths = || groups.iter().map(|g| g.compiled.hidden.len());
        let depth = depths().min().unwrap_or(0);
        let layers = observer::chosen_layers(observe, depth)?;
        if depths().any(|d| d > depth) && !e.networks.is_empty() {
            return Err(Error::config(
                "model.layers: expected networks of one depth, since those of [networks] are numbered after them: use one run per depth",
            ));
        }
        let (examples, across) = (sweep.data.probe.examples, observe.has(Measure::CkaLayers));
        let (on_device, on_host) = by_place(observe, examples)?;
        let compares = across || !on_device.is_empty() || !on_host.is_empty();
        let note = (depths().any(|d| d > depth) && compares).then(|| {
            format!(
                "the networks differ in depth: those with more than {depth} hidden layers are compared with others in their \
                 first {depth} alone"
            )
        });
        let estimators = observer::estimators(observe);
        let statistics = Statistic::parse_all(&observe.describe)?.len();
        let (replicas, depth) = (sweep.replicas.len() as u64, layers.len() as u64);
        let checkpoints = e.checkpoints().len() as u64;
        let others = replicas.saturating_mul(replicas.saturating_sub(1)) / 2;
        let per_checkpoint = depth * (on_device.len() + on_host.len()) as u64;
        let at_the_end = estimators.len() as u64 * depth * depth * u64::from(across);
        let observed = |g: &Planned| {
            let each = g.compiled.observed.len() + 4 + g.compiled.hidden.len() * statistics;
            g.slices.iter().map(|(_, members)| members.len() as u64).sum::<u64>() * each as u64
        };
        let rows = Rows {
            metrics: groups.iter().map(observed).sum::<u64>().saturating_mul(checkpoints),
            pairs: others.saturating_mul(per_checkpoint * checkpoints + at_the_end),
        };
        let profile = gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone());
        let beyond = |bytes: u64| {
            Error::OutOfMemory(format!(
                "comparing all pairs of {replicas} networks takes {} at once, and the adapter binds at most {}: leave cka_pairs and \
                 cka_layers out of observe.measures and kernels out of observe.compare, train fewer networks (--seeds N), or name fewer layers (observe.layers)",
                in_words(bytes),
                in_words(profile.binding_bytes)
            ))
        };
        let widest = groups.iter().flat_map(|g| g.compiled.hidden.iter().copied()).max().unwrap_or(1);
        let mut matrices = 0;
        // Those of each layer with itself normalise the others.
        let mut plan = |measures: Vec<Embedding>, which: Layers, count: u64| -> Result<Option<PlannedPairs>> {
            if measures.is_empty() || layers.is_empty() {
                return Ok(None);
            }
            let results = (4 * count * measures.len() as u64).saturating_mul(replicas.saturating_mul(replicas));
            if results > profile.binding_bytes || replicas > u64::from(profile.grid) {
                return Err(beyond(results));
            }
            // As they are read, as numbers of 64 bits, and normalised.
            matrices += 5 * results;
            let extents = [examples, widest];
            let planned =
                PlannedPairs::new(&profile, sweep.replicas.len(), layers.len(), extents, &measures, &[which])?;
            match planned.plan.bytes().iter().find(|&&bytes| bytes > profile.binding_bytes) {
                Some(&bytes) => Err(beyond(bytes)),
                None => Ok(Some(planned)),
            }
        };
        let all = if across { estimators.into_iter().map(Embedding::linear).collect() } else { Vec::new() };
        let planned = [
            plan(all, Layers::All, depth * (depth + 1) / 2)?,
            plan(on_device.iter().map(|(_, cosine)| cosine.embedding).collect(), Layers::Same, depth)?,
        ];
        Ok(Self { layers, note, rows, planned, matrices })
    }

    /// Bytes that they take beside the rows.
    pub fn bytes(&self) -> u64 {
        self.planned.iter().flatten().flat_map(|p| p.plan.bytes()).sum::<u64>() + self.matrices
    }

    /// Makes the programs that there are: one that compares all layers with all at the last step, and one for checkpoints.
    ///
    /// # Errors
    /// If the device has not enough memory.
    pub fn make(self, gpu: Option<&Arc<Gpu>>) -> Result<[Option<Pairs>; 2]> {
        let [all, same] = self.planned.map(|planned| planned.map(|planned| planned.make(gpu)).transpose());
        Ok([all?, same?])
    }
}
