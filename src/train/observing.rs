//! What is observed of all groups at a checkpoint, and once training is over.

use super::cataloguing::{Catalogued, Found};
use super::compile::{GRADIENT_NORM, Reading, representation_name};
use super::groups::{Groups, Slice};
use super::observer::{self, KEPT};
use super::stages::Ended;
use super::sweep::Sweep;
use crate::config::Measure;
use crate::error::Result;
use crate::files::{Layer, MetricRow, PairRow, PairTable};
use crate::graph::{Machine, Results};
use crate::measure::device::products::{Layers, Pairs};

/// What a run observes.
pub(super) struct Observation<'s> {
    sweep: &'s Sweep,
    /// Hidden layers that are compared.
    pub layers: Vec<usize>,
    /// Compares all layers with all, at the end.
    all_layers: Option<Pairs>,
    catalogued: Option<Catalogued>,
    /// The step at which each replica diverged, if it was seen to.
    pub diverged: Vec<Option<u32>>,
}

impl<'s> Observation<'s> {
    /// Of a sweep, with the programs that compare its replicas.
    pub fn new(
        sweep: &'s Sweep,
        layers: Vec<usize>,
        all_layers: Option<Pairs>,
        catalogued: Option<Catalogued>,
    ) -> Self {
        Self { sweep, layers, all_layers, catalogued, diverged: vec![None; sweep.replicas.len()] }
    }

    fn wants(&self, measure: Measure) -> bool {
        self.sweep.experiment.observe.has(measure)
    }

    /// What is observed at a checkpoint, the first of which is kept if others are compared with it.
    pub fn observe(&mut self, groups: &mut Groups, step: u32, first: bool) -> Result<Found> {
        let keeps = first && (self.wants(Measure::CkaFirst) || self.wants(Measure::CkaLast));
        let mut found = Found::default();
        for Slice { compiled, machine, members, .. } in groups.slices() {
            if keeps {
                machine.run("keep", 1)?;
            }
            if self.wants(Measure::GradientNorm) {
                machine.run("gradient", 1)?;
            }
            machine.run("evaluate", 1)?;
            let results = machine.read_results()?;
            self.note_divergence(machine, &results, members, step)?;
            let mut values: Vec<Values> = Vec::new();
            for reading in &compiled.observed {
                let kept = reading.name.starts_with(KEPT);
                if !kept || self.wants(Measure::CkaFirst) {
                    values.push(Values::read(reading, Measure::CkaFirst, machine, &results)?);
                }
            }
            for (name, layer, of) in compiled.analyses.run(machine)? {
                values.push(Values { name, layer: Some(layer), of: of.into_iter().map(f64::from).collect() });
            }
            if self.wants(Measure::GradientNorm) {
                values.push(Values::whole(GRADIENT_NORM, Some(1), machine, &results)?);
            }
            if self.wants(Measure::Loss) && step > 0 {
                values.push(Values::whole("loss_train", None, machine, &results)?);
            }
            machine.run("forget", 1)?;
            self.push_rows(&mut found.metrics, step, members, &values);
        }
        if let Some(catalogued) = &mut self.catalogued {
            let alive: Vec<usize> = (0..self.diverged.len()).filter(|&r| self.diverged[r].is_none()).collect();
            let more = catalogued.observe(groups, &self.layers, &alive, self.diverged.len(), step)?;
            found.metrics.extend(more.metrics);
            found.pairs = more.pairs;
        }
        Ok(found)
    }

    /// What is known only at the end: the held-out set, and layers with layers.
    pub fn finish(&mut self, groups: &mut Groups, last: u32) -> Result<Found> {
        let mut found = Found::default();
        for Slice { compiled, machine, members, .. } in groups.slices() {
            machine.run("evaluate", 1)?;
            machine.run("test", 1)?;
            let results = machine.read_results()?;
            self.note_divergence(machine, &results, members, last)?;
            let mut values = Vec::new();
            for network in std::iter::once(String::new()).chain(compiled.beside.iter().map(|name| format!("{name}."))) {
                values.push(Values::whole(&format!("{network}loss_test"), None, machine, &results)?);
                if compiled.test_accuracy {
                    values.push(Values::whole(&format!("{network}accuracy_test"), None, machine, &results)?);
                }
            }
            for after in &compiled.after {
                values.extend(after.run(machine)?.into_iter().map(|(name, layer, of)| Values { name, layer, of }));
            }
            self.push_rows(&mut found.metrics, last, members, &values);
        }
        found.pairs = self.compare_layers(groups, last)?;
        Ok(found)
    }

    /// CKA of all layers of all replicas, of the representations that `evaluate` left.
    fn compare_layers(&mut self, groups: &mut Groups, step: u32) -> Result<PairTable> {
        let mut table = PairTable::default();
        let Some(pairs) = self.all_layers.as_mut() else { return Ok(table) };
        for Slice { machine, members, .. } in groups.slices() {
            for (i, &layer) in self.layers.iter().enumerate() {
                pairs.take(machine, &representation_name(layer), members, i)?;
            }
        }
        let matrices = pairs.compare(Layers::All)?;
        let estimators = observer::estimators(&self.sweep.experiment.observe);
        let (replicas, step) = (self.diverged.len(), u64::from(step));
        for m in &matrices {
            let name = estimators[m.measure].named("cka");
            // Layers with themselves are among what checkpoints observe, if they observe this measure, and not written again.
            let known = self.catalogued.as_ref().is_some_and(|c| c.observes(&name));
            let [la, lb] = [m.layer_a, m.layer_b].map(|l| Layer::of(self.layers[l]).to_string());
            let mut push = |a: usize, b: usize, [layer_a, layer_b]: [&str; 2], value: f64| {
                if self.diverged[a].is_none() && self.diverged[b].is_none() {
                    let (name, replica_a, replica_b) = (name.as_str(), a as u32, b as u32);
                    table.push(PairRow { name, step, replica_a, replica_b, layer_a, layer_b, value });
                }
            };
            for a in 0..replicas {
                for b in a..replicas {
                    let same = m.layer_a == m.layer_b;
                    if same && (a == b || known) {
                        continue;
                    }
                    push(a, b, [&la, &lb], m.values[a * replicas + b]);
                    if !same && a != b {
                        push(a, b, [&lb, &la], m.values[b * replicas + a]);
                    }
                }
            }
        }
        Ok(table)
    }

    /// Keeps the present representations of all groups.
    pub fn keep(&self, groups: &mut Groups) -> Result<()> {
        groups.slices().try_for_each(|slice| slice.machine.run("keep", 1))
    }

    /// Compares what a slice's parameters, which are those of a checkpoint, make of the probe set with what is kept.
    pub fn with_kept(&self, slice: &mut Slice<'_>, checkpoint: u32) -> Result<Vec<MetricRow>> {
        slice.machine.run("evaluate", 1)?;
        let results = slice.machine.read_results()?;
        let kept = slice.compiled.observed.iter().filter(|r| r.name.starts_with(KEPT));
        let values = kept.map(|reading| Values::read(reading, Measure::CkaLast, slice.machine, &results));
        let values = values.collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        self.push_rows(&mut rows, checkpoint, slice.members, &values);
        // A replica that diverged has no last representation to compare with.
        rows.retain(|row| self.diverged[row.replica as usize].is_none());
        Ok(rows)
    }

    /// Notes which replicas diverged: those frozen, and those whose last update was not finite.
    fn note_divergence(&mut self, machine: &Machine, results: &Results, members: &[usize], step: u32) -> Result<()> {
        let [alive, broken, when] = ["alive", "broken", "diverged_at"].map(|name| machine.output(results, name));
        let (alive, broken, when) = (alive?, broken?, when?);
        for (i, &m) in members.iter().enumerate() {
            if alive[i] == 0.0 {
                self.diverged[m] = Some(when[i].to_bits());
            } else if broken[i] != 0.0 {
                self.diverged[m] = Some(step.saturating_sub(1));
            }
        }
        Ok(())
    }

    fn push_rows(&self, rows: &mut Vec<MetricRow>, step: u32, members: &[usize], values: &[Values]) {
        for (i, &m) in members.iter().enumerate() {
            // A frozen replica has nothing more to say; its rows end before the step at which it diverged.
            if self.diverged[m].is_some_and(|at| at < step) {
                continue;
            }
            for Values { name, layer, of } in values {
                // A value that is the same for all replicas is stored once.
                let value = of.get(if of.len() == 1 { 0 } else { i }).copied().unwrap_or(f64::NAN);
                let layer = layer.map(Layer::of);
                rows.push(MetricRow { replica: m as u32, step: u64::from(step), layer, name: name.clone(), value });
            }
        }
    }
}

/// An observed value of the replicas of a slice.
struct Values {
    name: String,
    layer: Option<usize>,
    /// One for each replica, or one for all.
    of: Vec<f64>,
}

impl Values {
    /// What `evaluate` gave; what it compared with what is kept is called by `kept`.
    fn read(reading: &Reading, kept: Measure, machine: &Machine, results: &Results) -> Result<Self> {
        let name = reading.name.replace(KEPT, kept.name());
        Ok(Self { name, layer: reading.layer, of: reading.read(machine, results)? })
    }

    /// A value of the whole network, divided so often by its factor, if it has one.
    fn whole(name: &str, over: Option<i32>, machine: &Machine, results: &Results) -> Result<Self> {
        Ok(Self { name: name.to_owned(), layer: None, of: Reading::new(name, over).read(machine, results)? })
    }
}

/// When stages were over, as metrics at the last step: `finished_at`, and `stage_<number>_ended_at` and `_reached` (1 if
/// it ended by its accuracy) for each stage.
pub(super) fn of_stages(ended: &[Ended], last: u32) -> Vec<MetricRow> {
    let mut rows = Vec::new();
    for (replica, of) in ended.iter().enumerate() {
        let mut row = |name: String, value: f64| {
            rows.push(MetricRow { replica: replica as u32, step: u64::from(last), layer: None, name, value });
        };
        if let Some(at) = of.finished_at {
            row("finished_at".into(), f64::from(at));
        }
        for (s, (at, reached)) in of.stages.iter().enumerate().filter_map(|(s, e)| e.map(|e| (s, e))) {
            row(format!("stage_{s}_ended_at"), f64::from(at));
            row(format!("stage_{s}_reached"), f64::from(u8::from(reached)));
        }
    }
    rows
}
