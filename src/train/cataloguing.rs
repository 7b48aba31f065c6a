//! Measures and statistics of the catalogue, observed while training: those with a form for the device are computed where
//! the representations are; for the others representations are read back, once for all of them. What single precision does not
//! decide is computed from the representations in double precision, pair by pair.

use std::sync::Arc;

use faer::Mat;

use super::compile::representation_name;
use super::groups::{Groups, Slice};
use super::observer::estimators;
use super::sweep::Sweep;
use crate::config;
use crate::error::Result;
use crate::files::{Layer, MetricRow, PairRow, PairTable};
use crate::gpu::Gpu;
use crate::measure::catalogue::{Cosine, Measure, Statistic};
use crate::measure::compare::{Named, all_pairs, some_pairs};
use crate::measure::describe::describe;
use crate::measure::device::products::{Layers, Pairs};
use crate::measure::outcome::Outcome;

/// What an experiment observes by the catalogue.
#[derive(Debug)]
pub(super) struct Catalogued {
    device: Option<Pairs>,
    /// For measures that are not computed where the representations are: a GPU, but no software adapter, which gains nothing
    /// over the CPU.
    gpu: Option<Arc<Gpu>>,
    on_device: Vec<(Measure, Cosine)>,
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
    /// Nothing if the experiment names none. `device` is the program for what [`by_place`] puts first.
    pub(super) fn new(
        sweep: &Sweep,
        gpu: Option<&Arc<Gpu>>,
        device: Option<Pairs>,
        layers: usize,
    ) -> Result<Option<Self>> {
        let observe = &sweep.experiment.observe;
        let examples = sweep.data.probe.examples;
        let (on_device, on_host) = by_place(observe, examples)?;
        let statistics = Statistic::parse_all(&observe.describe)?;
        if (device.is_none() && on_host.is_empty() && statistics.is_empty()) || layers == 0 {
            return Ok(None);
        }
        let labels = match &sweep.data.conditions {
            Some(conditions) => conditions.labels(examples),
            None => sweep.data.probe.classes().iter().map(|&l| l as usize).collect(),
        };
        let gpu = gpu.filter(|gpu| !gpu.profile().software).cloned();
        Ok(Some(Self { device, gpu, on_device, on_host, statistics, labels, examples }))
    }

    /// Whether a measure, by its canonical name, is observed at checkpoints.
    pub(super) fn observes(&self, name: &str) -> bool {
        self.on_device.iter().map(|(m, _)| m).chain(&self.on_host).any(|m| m.name() == name)
    }

    /// Compares and describes what `evaluate` left; replicas that diverged are left out.
    pub(super) fn observe(
        &mut self,
        groups: &mut Groups,
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
            for table in all_pairs(&set, &self.on_host, self.gpu.as_ref(), &mut |_, _| {})? {
                let symmetric = self.on_host.iter().any(|m| m.entry.symmetric && m.name() == table.measure);
                let outcomes = pairs_of(alive.len(), symmetric).map(|(a, b)| ((a, b), table.cell(a, b).clone()));
                push(&mut found.pairs, &table.measure, layer, step, alive, outcomes);
            }
            let statistics = &self.statistics;
            let described = describe(&set, statistics, &self.labels, self.gpu.as_ref());
            for (i, cell) in described.into_iter().enumerate() {
                found.metrics.push(MetricRow {
                    replica: alive[i / statistics.len()] as u32,
                    step: u64::from(step),
                    layer: Some(Layer::of(layer)),
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
        groups: &mut Groups,
        layers: &[usize],
        alive: &[usize],
        replicas: usize,
        step: u32,
        found: &mut Found,
    ) -> Result<()> {
        let Some(mut pairs) = self.device.take() else { return Ok(()) };
        for Slice { machine, members, .. } in groups.slices() {
            for (i, &layer) in layers.iter().enumerate() {
                pairs.take(machine, &representation_name(layer), members, i)?;
            }
        }
        let matrices = pairs.compare(Layers::Same);
        self.device = Some(pairs);
        for matrix in matrices? {
            let (measure, cosine) = &self.on_device[matrix.measure];
            let layer = layers[matrix.layer_a];
            // What single precision decides.
            let single = |a: usize, b: usize| {
                let i = alive[a] * replicas + alive[b];
                let value = cosine.value.of_single(matrix.values[i], matrix.products[i], self.examples);
                value.is_finite().then_some(Outcome::Value(value))
            };
            // All that are cosines are symmetric.
            let pairs = || pairs_of(alive.len(), true);
            let undecided: Vec<(usize, usize)> = pairs().filter(|&(a, b)| single(a, b).is_none()).collect();
            let mut decided = match undecided.as_slice() {
                [] => Vec::new(),
                undecided => some_pairs(&self.read(groups, layer, alive)?, measure, undecided),
            }
            .into_iter();
            let outcomes = pairs().filter_map(|(a, b)| Some(((a, b), single(a, b).or_else(|| decided.next())?)));
            push(&mut found.pairs, &measure.name(), layer, step, alive, outcomes);
        }
        Ok(())
    }

    fn read(&self, groups: &mut Groups, layer: usize, alive: &[usize]) -> Result<Vec<Named>> {
        let mut all: Vec<(usize, Named)> = Vec::new();
        for Slice { compiled, machine, members, .. } in groups.slices() {
            let Some(&units) = compiled.hidden.get(layer) else { continue };
            let values = machine.read_variable(&representation_name(layer))?;
            for (part, &m) in values.chunks(self.examples * units).zip(members) {
                if alive.contains(&m) {
                    let values = Mat::from_fn(self.examples, units, |i, j| f64::from(part[i * units + j]));
                    all.push((m, Named { name: format!("replica {m}"), values }));
                }
            }
        }
        all.sort_by_key(|(m, _)| *m);
        Ok(all.into_iter().map(|(_, x)| x).collect())
    }
}

/// The measures of pairs that an experiment asks for, by whichever key, each once.
fn pair_measures(observe: &config::Observe, examples: usize) -> Result<Vec<Measure>> {
    let by_word = if observe.has(config::Measure::CkaPairs) { estimators(observe) } else { Vec::new() };
    let by_word = by_word.into_iter().map(|e| Measure::parse(&e.named("cka")));
    let of_catalogue = Measure::parse_all(&observe.compare)?.into_iter().map(|measure| measure.affordable(examples));
    let mut measures: Vec<Measure> = Vec::new();
    for measure in by_word.chain(of_catalogue) {
        let measure = measure?;
        if measures.iter().all(|m| m.name() != measure.name()) {
            measures.push(measure);
        }
    }
    Ok(measures)
}

/// Measures that are computed where the networks are trained, and the others.
pub(super) type ByPlace = (Vec<(Measure, Cosine)>, Vec<Measure>);

/// What is observed of pairs, by where it is computed.
pub(super) fn by_place(observe: &config::Observe, examples: usize) -> Result<ByPlace> {
    let (mut on_device, mut on_host) = (Vec::new(), Vec::new());
    for measure in pair_measures(observe, examples)? {
        match measure.cosine().filter(|c| c.embedding.suits(examples)) {
            Some(cosine) => on_device.push((measure, cosine)),
            None => on_host.push(measure),
        }
    }
    Ok((on_device, on_host))
}

/// Pairs of so many, each once if the order does not matter.
fn pairs_of(count: usize, symmetric: bool) -> impl Iterator<Item = (usize, usize)> {
    let all = (0..count).flat_map(move |a| (0..count).map(move |b| (a, b)));
    all.filter(move |(a, b)| if symmetric { a < b } else { a != b })
}

/// Adds what became of pairs of those that are alive. The table has no place for reasons: where there is no value it says NaN.
fn push(
    table: &mut PairTable,
    name: &str,
    layer: usize,
    step: u32,
    alive: &[usize],
    outcomes: impl Iterator<Item = ((usize, usize), Outcome)>,
) {
    let (layer, step) = (Layer::of(layer).to_string(), u64::from(step));
    for ((a, b), outcome) in outcomes {
        let [replica_a, replica_b] = [a, b].map(|i| alive[i] as u32);
        let value = outcome.or_nan();
        table.push(PairRow { name, step, replica_a, replica_b, layer_a: &layer, layer_b: &layer, value });
    }
}
