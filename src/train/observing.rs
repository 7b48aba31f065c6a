//! What a run observes at its checkpoints, and once training is over.

use super::compile::{GRADIENT_NORM, Reading, representation_name};
use super::observer::{self, KEPT};
use super::options::{Progress, Stage};
use super::rows::layer_name;
use super::runner::Runner;
use super::stages::Ended;
use crate::config::{Keep, Measure};
use crate::error::{Error, Result};
use crate::files::{MetricRow, PairRow, PairTable};
use crate::graph::{Machine, Results};
use crate::measure::pairs::Layers;

impl Runner<'_> {
    pub(super) fn observe(&mut self, step: u32, first: bool) -> Result<()> {
        let e = &self.sweep.experiment;
        let keeps = e.observe.has(Measure::CkaFirst) || e.observe.has(Measure::CkaLast);
        let mut rows = Vec::new();
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                if first && keeps {
                    machine.run("keep", 1)?;
                }
                if e.observe.has(Measure::GradientNorm) {
                    machine.run("gradient", 1)?;
                }
                machine.run("evaluate", 1)?;
                let results = machine.read_results()?;
                read_divergence(machine, &results, members, step, &mut self.diverged)?;
                let mut values: Vec<Values> = Vec::new();
                for reading in &group.compiled.observed {
                    let kept = reading.name.starts_with(KEPT);
                    if kept && !e.observe.has(Measure::CkaFirst) {
                        continue;
                    }
                    let found = reading.read(machine, &results)?;
                    values.push((reading.name.replace(KEPT, Measure::CkaFirst.name()), reading.layer, found));
                }
                for (name, layer, found) in group.compiled.analyses.run(machine)? {
                    values.push((name, Some(layer), found.into_iter().map(f64::from).collect()));
                }
                if e.observe.has(Measure::GradientNorm) {
                    let reading = Reading::new(GRADIENT_NORM, Some(1));
                    values.push((GRADIENT_NORM.into(), None, reading.read(machine, &results)?));
                }
                if e.observe.has(Measure::Loss) && step > 0 {
                    values.push(plain("loss_train", machine, &results)?);
                }
                machine.run("forget", 1)?;
                push_rows(&mut rows, step, members, &self.diverged, &values);
            }
        }
        let mut pairs = PairTable::default();
        self.by_the_catalogue(step, &mut rows, &mut pairs)?;
        if e.observe.has(Measure::CkaLast) || e.save.parameters == Keep::Checkpoints {
            self.save_parameters(step)?;
        }
        if e.save.representations == Keep::Checkpoints {
            self.save_representations(step)?;
        }
        self.recorder.checkpoint(step, rows, pairs)
    }

    /// Adds what the experiment observes by measures and statistics of the catalogue.
    fn by_the_catalogue(&mut self, step: u32, rows: &mut Vec<MetricRow>, pairs: &mut PairTable) -> Result<()> {
        let Some(catalogued) = &mut self.catalogued else { return Ok(()) };
        let alive: Vec<usize> = (0..self.diverged.len()).filter(|&r| self.diverged[r].is_none()).collect();
        let found = catalogued.observe(&mut self.groups, &self.layers, &alive, self.diverged.len(), step)?;
        rows.extend(found.metrics);
        found.pairs.iter().for_each(|row| pairs.push(row));
        Ok(())
    }

    /// CKA of all layers of all replicas, of the representations that `evaluate` left.
    fn compare_layers(&mut self, step: u32) -> Result<PairTable> {
        let mut table = PairTable::default();
        let Some(pairs) = self.pairs.as_mut() else { return Ok(table) };
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                for (i, &layer) in self.layers.iter().enumerate() {
                    pairs.take(machine, &representation_name(layer), members, i)?;
                }
            }
        }
        let matrices = pairs.compare(Layers::All)?;
        let estimators = observer::estimators(&self.sweep.experiment.observe);
        let replicas = self.sweep.replicas.len();
        for m in &matrices {
            let name = estimators[m.measure].named("cka");
            // Layers with themselves are among what checkpoints observe, if they observe this measure, and not written again.
            let known = self.catalogued.as_ref().is_some_and(|c| c.observes(&name));
            let (la, lb) = (layer_name(self.layers[m.layer_a]), layer_name(self.layers[m.layer_b]));
            let mut push = |a: usize, b: usize, layer_a: &str, layer_b: &str, value: f64| {
                if self.diverged[a].is_none() && self.diverged[b].is_none() {
                    let (replica_a, replica_b) = (a as u32, b as u32);
                    table.push(PairRow {
                        name: &name,
                        step: u64::from(step),
                        replica_a,
                        replica_b,
                        layer_a,
                        layer_b,
                        value,
                    });
                }
            };
            for a in 0..replicas {
                for b in a..replicas {
                    match (m.layer_a == m.layer_b, a == b) {
                        (true, true) => {}
                        (true, false) if known => {}
                        (true, false) => push(a, b, &la, &lb, m.values[a * replicas + b]),
                        (false, true) => push(a, b, &la, &lb, m.values[a * replicas + b]),
                        (false, false) => {
                            push(a, b, &la, &lb, m.values[a * replicas + b]);
                            push(a, b, &lb, &la, m.values[b * replicas + a]);
                        }
                    }
                }
            }
        }
        Ok(table)
    }

    /// What is known only at the end: the held-out set, layers with layers, and every checkpoint with the last.
    pub(super) fn finish(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let e = &self.sweep.experiment;
        let last = self.stamp.step;
        progress.stage(Stage::Comparing);
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                machine.run("evaluate", 1)?;
                machine.run("test", 1)?;
                let results = machine.read_results()?;
                read_divergence(machine, &results, members, last, &mut self.diverged)?;
                let mut values = vec![plain("loss_test", machine, &results)?];
                if group.compiled.test_accuracy {
                    values.push(plain("accuracy_test", machine, &results)?);
                }
                let mut rows = Vec::new();
                push_rows(&mut rows, last, members, &self.diverged, &values);
                rows.into_iter().for_each(|row| self.recorder.late(row));
            }
        }
        let table = self.compare_layers(last)?;
        for row in table.iter() {
            self.recorder.late_pair(row);
        }
        if e.observe.has(Measure::CkaLast) {
            self.compare_with_last(progress)?;
        }
        Ok(())
    }

    /// When stages were over, as metrics at the last step: `finished_at`, and `stage_<number>_ended_at` and `_reached` (1 if
    /// it ended by its accuracy) for each stage.
    pub(super) fn late_stages(&mut self, ended: &[Ended]) {
        let step = u64::from(self.stamp.step);
        for (replica, of) in ended.iter().enumerate() {
            let mut row = |name: String, value: f64| {
                self.recorder.late(MetricRow { replica: replica as u32, step, layer: None, name, value });
            };
            if let Some(at) = of.finished_at {
                row("finished_at".into(), f64::from(at));
            }
            for (s, (at, reached)) in of.stages.iter().enumerate().filter_map(|(s, e)| e.map(|e| (s, e))) {
                row(format!("stage_{s}_ended_at"), f64::from(at));
                row(format!("stage_{s}_reached"), f64::from(u8::from(reached)));
            }
        }
    }

    /// Puts the parameters of each checkpoint back and compares its representations with the last ones.
    pub(super) fn compare_with_last(&mut self, progress: &mut dyn Progress) -> Result<()> {
        if self.options.out.is_none() {
            progress.note("cka_last needs a folder to keep the parameters of checkpoints in, and is left out");
            return Ok(());
        }
        let last = self.stamp.step;
        for group in &mut self.groups {
            for (machine, _) in &mut group.slices {
                machine.run("keep", 1)?;
            }
        }
        let mut checkpoints = self.checkpoints();
        // The last checkpoint comes last, so that the final parameters stand when all is done.
        checkpoints.retain(|&c| c != last);
        checkpoints.push(last);
        for (done, &checkpoint) in checkpoints.iter().enumerate() {
            if self.options.interrupt.asked() {
                // The last snapshot is of the end of training: resumed, this part is done again.
                return Err(Error::Interrupted { step: u64::from(last) });
            }
            let Some(path) = self.recorder.parameters_path(checkpoint) else { continue };
            let arrays = crate::data::read_safetensors(&path)?;
            for (g, group) in self.groups.iter_mut().enumerate() {
                for (s, (machine, members)) in group.slices.iter_mut().enumerate() {
                    for name in &group.compiled.parameter_names {
                        let full = format!("{g}/{s}/{name}");
                        let array = arrays.iter().find(|(n, _, _)| *n == full);
                        let (_, _, values) = array
                            .ok_or_else(|| Error::data(&path, format!("has no tensor `{full}`: start the run anew")))?;
                        machine.write_variable(name, values)?;
                    }
                    machine.run("evaluate", 1)?;
                    let results = machine.read_results()?;
                    let mut values = Vec::new();
                    for reading in group.compiled.observed.iter().filter(|r| r.name.starts_with(KEPT)) {
                        let found = reading.read(machine, &results)?;
                        values.push((reading.name.replace(KEPT, Measure::CkaLast.name()), reading.layer, found));
                    }
                    let mut rows = Vec::new();
                    push_rows(&mut rows, checkpoint, members, &self.diverged, &values);
                    // A replica that diverged has no last representation to compare with.
                    rows.retain(|row| self.diverged[row.replica as usize].is_none());
                    rows.into_iter().for_each(|row| self.recorder.late(row));
                }
            }
            progress.steps(done as u32 + 1, checkpoints.len() as u32, None);
        }
        Ok(())
    }
}

/// Notes which replicas diverged: those frozen, and those whose last update was not finite.
fn read_divergence(
    machine: &Machine,
    results: &Results,
    members: &[usize],
    step: u32,
    diverged: &mut [Option<u32>],
) -> Result<()> {
    let alive = machine.output(results, "alive")?;
    let broken = machine.output(results, "broken")?;
    let when = machine.output(results, "diverged_at")?;
    for (i, &m) in members.iter().enumerate() {
        if alive[i] == 0.0 {
            diverged[m] = Some(when[i].to_bits());
        } else if broken[i] != 0.0 {
            diverged[m] = Some(step.saturating_sub(1));
        }
    }
    Ok(())
}

/// Name and hidden layer of an observed value, and its value for each replica, or one for all.
type Values = (String, Option<usize>, Vec<f64>);

/// A value of the whole network that needs nothing done to it.
fn plain(name: &str, machine: &Machine, results: &Results) -> Result<Values> {
    Ok((name.to_owned(), None, Reading::new(name, None).read(machine, results)?))
}

fn push_rows(rows: &mut Vec<MetricRow>, step: u32, members: &[usize], diverged: &[Option<u32>], values: &[Values]) {
    for (i, &m) in members.iter().enumerate() {
        // A frozen replica has nothing more to say; its rows end before the step at which it diverged.
        if diverged[m].is_some_and(|at| at < step) {
            continue;
        }
        for (name, layer, values) in values {
            // A value that is the same for all replicas is stored once.
            let i = if values.len() == 1 { 0 } else { i };
            let value = values.get(i).copied().unwrap_or(f64::NAN);
            rows.push(MetricRow {
                replica: m as u32,
                step: u64::from(step),
                layer: layer.map(layer_name),
                name: name.clone(),
                value,
            });
        }
    }
}
