//! Measures and statistics of the catalogue, observed while training: those with a form for the device are computed where
//! the representations are; for the others representations are read back, once for all of them.

use std::sync::Arc;

use faer::Mat;

use super::compile::representation_name;
use super::group::Group;
use super::prepared::Targets;
use super::rows::layer_name;
use super::sweep::Sweep;
use crate::error::Result;
use crate::files::{MetricRow, PairRow, PairTable};
use crate::gpu::Gpu;
use crate::measure::catalogue::{FromProducts, Measure, Statistic};
use crate::measure::compare::{Named, all_pairs};
use crate::measure::describe::describe;
use crate::measure::pairs::{Layers, Pairs};

/// What an experiment observes by the catalogue.
#[derive(Debug)]
pub(super) struct Catalogued {
    device: Option<Pairs>,
    /// For measures that are not computed where the representations are: a GPU, but no software adapter, which gains nothing
    /// over the CPU.
    gpu: Option<Arc<Gpu>>,
    on_device: Vec<Measure>,
    on_host: Vec<Measure>,
    statistics: Vec<Statistic>,
    /// A class for each probe example, if it has one.
    labels: Vec<usize>,
    examples: usize,
}

/// What a checkpoint gave.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub metrics: Vec<MetricRow>,
    pub pairs: PairTable,
}

impl Catalogued {
    /// Nothing if the experiment names none.
    pub(super) fn new(sweep: &Sweep, gpu: Option<&Arc<Gpu>>, groups: &[Group], layers: usize) -> Result<Option<Self>> {
        let observe = &sweep.experiment.observe;
        if (observe.compare.is_empty() && observe.describe.is_empty()) || layers == 0 {
            return Ok(None);
        }
        let measures = observe.compare.iter().map(|name| Measure::parse(name)).collect::<Result<Vec<_>>>()?;
        let statistics = observe.describe.iter().map(|name| Statistic::parse(name)).collect::<Result<Vec<_>>>()?;
        let (on_device, on_host): (Vec<_>, Vec<_>) = measures.into_iter().partition(|m| m.cosine().is_some());
        let examples = sweep.data.probe.examples;
        let widest = groups.iter().flat_map(|g| g.compiled.hidden.iter().copied()).max().unwrap_or(1);
        let embeddings: Vec<_> = on_device.iter().filter_map(Measure::cosine).map(|c| c.embedding).collect();
        let device = if embeddings.is_empty() {
            None
        } else {
            let extents = [examples, widest];
            Some(Pairs::new(gpu, sweep.replicas.len(), layers, extents, &embeddings, &[Layers::Same])?)
        };
        let labels = match &sweep.data.probe.targets {
            Targets::Classes(labels) => labels.iter().map(|&l| l as usize).collect(),
            Targets::Values(_) => Vec::new(),
        };
        let gpu = gpu.filter(|gpu| !gpu.profile().software).cloned();
        Ok(Some(Self { device, gpu, on_device, on_host, statistics, labels, examples }))
    }

    /// Compares and describes what `evaluate` left; replicas that diverged are left out.
    pub(super) fn observe(
        &mut self,
        groups: &mut [Group],
        layers: &[usize],
        alive: &[usize],
        replicas: usize,
        step: u32,
    ) -> Result<Found> {
        let mut found = Found::default();
        self.observe_on_device(groups, layers, alive, replicas, step, &mut found)?;
        if self.on_host.is_empty() && self.statistics.is_empty() {
            return Ok(found);
        }
        for &layer in layers {
            let set = self.read(groups, layer, alive)?;
            if set.is_empty() {
                continue;
            }
            for table in all_pairs(&set, &self.on_host, self.gpu.as_ref(), &mut |_, _| {})? {
                let symmetric = self.on_host.iter().any(|m| m.entry.symmetric && m.name() == table.measure);
                push(&mut found.pairs, &table.measure, layer, step, alive, symmetric, |a, b| table.cell(a, b).or_nan());
            }
            let statistics = &self.statistics;
            let described = describe(&set, statistics, &self.labels, self.gpu.as_ref());
            for (i, cell) in described.into_iter().enumerate() {
                found.metrics.push(MetricRow {
                    replica: alive[i / statistics.len()] as u32,
                    step: u64::from(step),
                    layer: Some(layer_name(layer)),
                    name: statistics[i % statistics.len()].name(),
                    // Not defined on this representation, such as a dimension of a collapsed one.
                    value: cell.value.or_nan(),
                });
            }
        }
        Ok(found)
    }

    fn observe_on_device(
        &mut self,
        groups: &mut [Group],
        layers: &[usize],
        alive: &[usize],
        replicas: usize,
        step: u32,
        found: &mut Found,
    ) -> Result<()> {
        let Some(pairs) = &mut self.device else { return Ok(()) };
        for (machine, members) in groups.iter().flat_map(|g| &g.slices) {
            for (i, &layer) in layers.iter().enumerate() {
                pairs.take(machine, &representation_name(layer), members, i)?;
            }
        }
        for matrix in pairs.compare(Layers::Same)? {
            let measure = &self.on_device[matrix.measure];
            let value = |a: usize, b: usize| {
                let place = alive[a] * replicas + alive[b];
                match measure.cosine().map(|c| c.value) {
                    Some(FromProducts::Product(over)) => matrix.products[place] / over(self.examples as f64),
                    Some(form) => form.of_cosine(matrix.values[place]),
                    None => f64::NAN,
                }
            };
            let symmetric = measure.entry.symmetric;
            push(&mut found.pairs, &measure.name(), layers[matrix.layer_a], step, alive, symmetric, value);
        }
        Ok(())
    }

    fn read(&self, groups: &mut [Group], layer: usize, alive: &[usize]) -> Result<Vec<Named>> {
        let mut all: Vec<(usize, Named)> = Vec::new();
        for group in groups {
            let Some(&units) = group.compiled.hidden.get(layer) else { continue };
            for (machine, members) in &mut group.slices {
                let values = machine.read_variable(&representation_name(layer))?;
                for (part, &m) in values.chunks(self.examples * units).zip(members.iter()) {
                    if alive.contains(&m) {
                        let values = Mat::from_fn(self.examples, units, |i, j| f64::from(part[i * units + j]));
                        all.push((m, Named { name: format!("replica {m}"), values }));
                    }
                }
            }
        }
        all.sort_by_key(|(m, _)| *m);
        Ok(all.into_iter().map(|(_, x)| x).collect())
    }
}

fn push(
    table: &mut PairTable,
    name: &str,
    layer: usize,
    step: u32,
    alive: &[usize],
    symmetric: bool,
    value: impl Fn(usize, usize) -> f64,
) {
    let layer = layer_name(layer);
    for (a, &replica_a) in alive.iter().enumerate() {
        for (b, &replica_b) in alive.iter().enumerate() {
            if a == b || (symmetric && b < a) {
                continue;
            }
            table.push(PairRow {
                name,
                step: u64::from(step),
                replica_a: replica_a as u32,
                replica_b: replica_b as u32,
                layer_a: &layer,
                layer_b: &layer,
                value: value(a, b),
            });
        }
    }
}
