//! A sweep: the grid of settings and seeds, cut into groups, trained and observed together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::compile::{Compiled, compile, output_name, representation_name, structure};
use super::group::Group;
use super::model::{Model, Perceptron};
use super::observer::{self, KEPT, Observer, built_in};
use super::options::{Options, Progress, Stage};
use super::prepared::Prepared;
use super::recorder::Recorder;
use super::rows::{columns, layer_name};
use super::snapshot::{self, Stamp};
use crate::config::{Experiment, Keep, Measure, SettingValue};
use crate::data::{NamedArray, write_safetensors};
use crate::error::{Error, Result};
use crate::files::manifest::{
    AdapterEntry, DataEntry, GroupEntry, Manifest, ReplicaEntry, ReplicaStatus, RunStatus, Throughput,
};
use crate::files::{self, MetricRow, PairRow, PairTable};
use crate::gpu::{AdapterChoice, AdapterSummary, Gpu, Profile};
use crate::graph::{Plan, Results};
use crate::measure::pairs::{Layers, Pairs};

/// One trained instance: its seed and resolved settings.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Seed.
    pub seed: u32,
    /// The swept settings.
    pub columns: Vec<(String, SettingValue)>,
    /// All settings.
    pub experiment: Experiment,
}

type ModelOf = Arc<dyn Fn(&Experiment) -> Box<dyn Model> + Send + Sync>;

/// A sweep, ready to run.
pub struct Sweep {
    experiment: Experiment,
    data: Prepared,
    replicas: Vec<Replica>,
    model: ModelOf,
    observers: Vec<Box<dyn Observer>>,
}

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
}

impl Summary {
    /// Values of a metric of the whole network at a step, by replica.
    pub fn values(&self, name: &str, step: u64) -> Vec<f64> {
        self.metrics.iter().filter(|r| r.name == name && r.step == step && r.layer.is_none()).map(|r| r.value).collect()
    }
}

/// A sweep's plans, without running them.
#[derive(Debug)]
pub struct Outline {
    /// Each group: what distinguishes it, replicas per slice, the plan of its largest slice.
    pub groups: Vec<(String, Vec<usize>, Plan)>,
    /// Measured training time of one step of all groups, if there is an adapter: from a short trial.
    pub step_time: Option<Duration>,
    /// Host time per dispatch, encoding and submission included, in the same trial.
    pub host_per_dispatch: Option<Duration>,
    /// Time of each dispatch of the training step of each group, in the same trial; empty where a step is resident.
    pub dispatch_times: Vec<Vec<Duration>>,
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep")
            .field("experiment", &self.experiment.name)
            .field("replicas", &self.replicas.len())
            .finish_non_exhaustive()
    }
}

impl Sweep {
    /// Reads the data and expands the grid of an experiment.
    ///
    /// # Errors
    /// If the data cannot be used or the settings contradict it.
    pub fn new(experiment: Experiment) -> Result<Self> {
        let data = Prepared::load(&experiment)?;
        Self::with_data(experiment, data)
    }

    /// A sweep on data that is already in memory.
    ///
    /// # Errors
    /// If the settings contradict themselves.
    pub fn with_data(experiment: Experiment, data: Prepared) -> Result<Self> {
        let seeds = experiment.seeds.to_vec();
        let mut replicas = Vec::new();
        for setting in experiment.settings()? {
            for &seed in &seeds {
                let (columns, experiment) = (setting.columns.clone(), setting.experiment.clone());
                replicas.push(Replica { seed, columns, experiment });
            }
        }
        let observers: Vec<Box<dyn Observer>> = vec![Box::new(built_in(&experiment))];
        let model: ModelOf = Arc::new(|e: &Experiment| Box::new(Perceptron::new(&e.model)) as Box<dyn Model>);
        Ok(Self { experiment, data, replicas, model, observers })
    }

    /// Trains another architecture than the multi-layer perceptron of `[model]`.
    #[must_use]
    pub fn model<M: Model + 'static>(mut self, of: impl Fn(&Experiment) -> M + Send + Sync + 'static) -> Self {
        self.model = Arc::new(move |e| Box::new(of(e)) as Box<dyn Model>);
        self
    }

    /// Adds an observer.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// The experiment.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The data.
    pub fn data(&self) -> &Prepared {
        &self.data
    }

    /// The replicas, settings outermost.
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// Replicas that share a graph, in order of their first.
    fn grouped(&self) -> Vec<(String, Vec<usize>)> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        for (r, replica) in self.replicas.iter().enumerate() {
            let key = structure(&replica.experiment);
            match groups.iter_mut().find(|(k, _)| *k == key) {
                Some((_, members)) => members.push(r),
                None => groups.push((key, vec![r])),
            }
        }
        groups
    }

    fn compile(&self, replica: usize) -> Result<Compiled> {
        let e = &self.replicas[replica].experiment;
        let observers: Vec<&dyn Observer> = self.observers.iter().map(AsRef::as_ref).collect();
        compile(e, &self.data, (self.model)(e).as_ref(), &observers)
    }

    /// What distinguishes a group, for people: its swept settings that are the same throughout.
    fn group_name(&self, members: &[usize]) -> String {
        let first = &self.replicas[members[0]].columns;
        let same = first
            .iter()
            .enumerate()
            .filter(|(i, (_, value))| members.iter().all(|&m| self.replicas[m].columns[*i].1 == *value))
            .map(|(_, (key, value))| format!("{}={value}", key.rsplit('.').next().unwrap_or(key)));
        let name = same.collect::<Vec<_>>().join(" ");
        if name.is_empty() { "all".into() } else { name }
    }

    /// The groups of the sweep on a device, initialised and ready to step: for tools that drive training themselves.
    ///
    /// # Errors
    /// If something does not fit, or the device fails.
    pub fn groups(&self, gpu: Option<&Arc<Gpu>>, options: &Options) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        for (_, members) in self.grouped() {
            let mut group = Group::new(gpu, self.compile(members[0])?, &members, options)?;
            group.initialise(&self.replicas)?;
            groups.push(group);
        }
        Ok(groups)
    }

    /// The plans of the sweep with these options, and how long a step takes.
    ///
    /// # Errors
    /// If something does not fit.
    pub fn outline(&self, options: &Options) -> Result<Outline> {
        let gpu = open(&options.adapter)?;
        let mut groups = self.groups(gpu.as_ref(), options)?;
        let mut outline =
            Outline { groups: Vec::new(), step_time: None, host_per_dispatch: None, dispatch_times: Vec::new() };
        for (group, (_, members)) in groups.iter().zip(self.grouped()) {
            let sizes = group.slices.iter().map(|(_, m)| m.len()).collect();
            outline.groups.push((self.group_name(&members), sizes, group.slices[0].0.plan().clone()));
        }
        if gpu.is_some() {
            for group in &mut groups {
                group.step(3)?;
                group.wait()?;
            }
            let (begun, mut steps) = (Instant::now(), 0);
            while begun.elapsed() < Duration::from_millis(500) {
                for group in &mut groups {
                    group.step(16)?;
                }
                groups.iter_mut().try_for_each(Group::wait)?;
                steps += 16;
            }
            outline.step_time = Some(begun.elapsed() / steps);
            for group in &mut groups {
                outline.dispatch_times.push(group.slices[0].0.dispatch_times("step")?);
            }
            outline.host_per_dispatch = groups[0].slices[0].0.host_cost("step", 64)?;
        }
        Ok(outline)
    }

    /// Trains and observes everything.
    ///
    /// # Errors
    /// [`Error::Interrupted`] after a snapshot if asked to stop; whatever the device or the file system refuses.
    pub fn run(&self, options: &Options, progress: &mut dyn Progress) -> Result<Summary> {
        Runner::new(self, options, progress)?.run(progress)
    }
}

fn open(adapter: &AdapterChoice) -> Result<Option<Arc<Gpu>>> {
    match adapter.clone().or_environment() {
        AdapterChoice::Reference => Ok(None),
        choice => Gpu::open(&choice).map(Some),
    }
}

/// Snapshots are taken at least this often while training, if no interval is set.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);

/// A run under way.
struct Runner<'s> {
    sweep: &'s Sweep,
    options: &'s Options,
    groups: Vec<Group>,
    names: Vec<String>,
    pairs: Option<Pairs>,
    layers: Vec<usize>,
    recorder: Recorder,
    stamp: Stamp,
    profile: Profile,
    diverged: Vec<Option<u32>>,
    resumed: Option<u32>,
    began: Instant,
    training: Duration,
    observing: Duration,
    trained: u64,
    last_snapshot: Instant,
    created: u64,
    notes: Vec<String>,
}

impl<'s> Runner<'s> {
    fn new(sweep: &'s Sweep, options: &'s Options, progress: &mut dyn Progress) -> Result<Self> {
        let began = Instant::now();
        if let Some(dir) = &options.out {
            std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
            files::check_writable(dir)?;
            files::remove_unfinished(dir);
        }
        progress.stage(Stage::Building);
        let gpu = open(&options.adapter)?;
        let (adapter, profile) = match &gpu {
            Some(gpu) => (gpu.summary().clone(), gpu.profile().clone()),
            None => (AdapterSummary::reference(), Profile::reference()),
        };
        let mut notes = Vec::new();
        if gpu.is_none() {
            notes.push("run on the reference executor, on the CPU without any adapter: correct, and slow".to_owned());
        }
        let (mut groups, mut names) = (Vec::new(), Vec::new());
        for (_, members) in sweep.grouped() {
            names.push(sweep.group_name(&members));
            groups.push(Group::new(gpu.as_ref(), sweep.compile(members[0])?, &members, options)?);
        }
        let e = &sweep.experiment;
        let depth = groups.iter().map(|g| g.compiled.hidden.len()).min().unwrap_or(0);
        let layers = observer::chosen_layers(&e.observe, depth)?;
        let pairs = Self::pairs_program(sweep, gpu.as_ref(), &groups, layers.len())?;
        for group in &mut groups {
            group.initialise(&sweep.replicas)?;
            let first = group.slices[0].1[0];
            if let Some(path) = &sweep.replicas[first].experiment.model.init_from {
                let shapes = parameter_shapes(&group.compiled);
                group.set_parameters(&crate::data::read_safetensors(path)?, &shapes, path)?;
            }
        }
        let settings = serde_json::to_value(e).map_err(|e| Error::config(e.to_string()))?;
        let lowering =
            groups.iter().map(|g| g.slices[0].0.plan().lowering("step").name()).collect::<Vec<_>>().join(", ");
        let mut stamp = Stamp { step: 0, observed: None, adapter, settings, lowering, data: sweep.data.fingerprint() };
        let mut recorder = Recorder::new(options.out.as_deref(), columns(&sweep.replicas))?;
        let mut resumed = None;
        let mut diverged = vec![None; sweep.replicas.len()];
        if options.resume {
            let dir = options
                .out
                .as_deref()
                .ok_or_else(|| Error::Resume("--resume needs the run's folder (--out)".into()))?;
            stamp = snapshot::load(dir, &mut groups, &stamp)?;
            recorder.restore(&e.checkpoints(), stamp.observed)?;
            resumed = Some(stamp.step);
            for (machine, members) in groups.iter_mut().flat_map(|g| &mut g.slices) {
                let read = machine.read_variables(&["alive", "diverged_at"])?;
                for (i, &m) in members.iter().enumerate().filter(|(i, _)| read[0][*i] == 0.0) {
                    diverged[m] = Some(read[1][i].to_bits());
                }
            }
            progress.note(&format!("resumed from step {}", stamp.step));
        }
        Ok(Self {
            sweep,
            options,
            groups,
            names,
            pairs,
            layers,
            recorder,
            stamp,
            profile,
            diverged,
            resumed,
            began,
            training: Duration::ZERO,
            observing: Duration::ZERO,
            trained: 0,
            last_snapshot: Instant::now(),
            created: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            notes,
        })
    }

    fn pairs_program(sweep: &Sweep, gpu: Option<&Arc<Gpu>>, groups: &[Group], layers: usize) -> Result<Option<Pairs>> {
        let observe = &sweep.experiment.observe;
        let mut which = Vec::new();
        if observe.has(Measure::CkaPairs) {
            which.push(Layers::Same);
        }
        if observe.has(Measure::CkaLayers) {
            which.push(Layers::All);
        }
        if which.is_empty() || layers == 0 {
            return Ok(None);
        }
        let widest = groups.iter().flat_map(|g| g.compiled.hidden.iter().copied()).max().unwrap_or(1);
        let extents = [sweep.data.probe.examples, widest];
        let kinds = observer::kinds(observe);
        Pairs::new(gpu, sweep.replicas.len(), layers, extents, &kinds, &which).map(Some)
    }

    fn run(mut self, progress: &mut dyn Progress) -> Result<Summary> {
        if self.resumed.is_none() {
            // From here on the run can be continued, whenever it is killed.
            self.snapshot()?;
        }
        self.write_manifest(RunStatus::Running)?;
        let outcome = self.train_and_observe(progress);
        match outcome {
            Ok(()) => {}
            Err(error) => {
                // Whatever is known so far stays on disk, readable.
                let status = match &error {
                    Error::Interrupted { .. } => RunStatus::Interrupted,
                    _ => RunStatus::Running,
                };
                let written = self.recorder.write().and_then(|()| self.write_manifest(status).map(drop));
                // The first error is the one to report: a second would follow from it.
                drop(written);
                return Err(error);
            }
        }
        progress.stage(Stage::Writing);
        self.write_tensors()?;
        self.recorder.write()?;
        let manifest = self.write_manifest(RunStatus::Done)?;
        self.recorder.clean()?;
        Ok(Summary {
            metrics: self.recorder.metrics,
            pairs: self.recorder.pairs,
            manifest,
            dir: self.options.out.clone(),
            resumed_from: self.resumed,
        })
    }

    fn train_and_observe(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let checkpoints = self.sweep.experiment.checkpoints();
        for (i, &checkpoint) in checkpoints.iter().enumerate() {
            if self.stamp.observed.is_some_and(|o| checkpoint <= o) {
                continue;
            }
            progress.stage(Stage::Training);
            self.train_to(checkpoint, progress)?;
            progress.stage(Stage::Observing);
            let begun = Instant::now();
            self.observe(checkpoint, i == 0)?;
            self.observing += begun.elapsed();
            self.stamp.observed = Some(checkpoint);
            // The state at the end is saved too: what follows can then be done again.
            self.snapshot()?;
            progress.steps(checkpoint, self.sweep.experiment.steps, None);
        }
        self.finish(progress)
    }

    /// Trains all groups up to a step, in parts short enough to hear an interrupt.
    fn train_to(&mut self, target: u32, progress: &mut dyn Progress) -> Result<()> {
        let every = self.sweep.experiment.save.snapshot_every;
        let mut part = 16u32;
        while self.stamp.step < target {
            let to_snapshot = every.map_or(u32::MAX, |n| n - self.stamp.step % n);
            let steps = part.min(target - self.stamp.step).min(to_snapshot);
            let begun = Instant::now();
            for group in &mut self.groups {
                group.step(steps)?;
            }
            self.groups.iter_mut().try_for_each(Group::wait)?;
            let took = begun.elapsed();
            self.training += took;
            self.stamp.step += steps;
            self.trained += u64::from(steps) * self.sweep.replicas.len() as u64;
            if took < Duration::from_millis(250) {
                part = part.saturating_mul(2).min(1 << 14);
            } else if took > Duration::from_millis(700) {
                part = (part / 2).max(1);
            }
            progress.steps(self.stamp.step, self.sweep.experiment.steps, self.loss_now()?);
            let due =
                every.map_or(self.last_snapshot.elapsed() >= SNAPSHOT_EVERY, |n| self.stamp.step.is_multiple_of(n));
            let asked = self.options.interrupt.asked();
            if due || asked {
                self.snapshot()?;
            }
            if asked {
                return Err(Error::Interrupted { step: u64::from(self.stamp.step) });
            }
        }
        if self.options.interrupt.asked() {
            self.snapshot()?;
            return Err(Error::Interrupted { step: u64::from(self.stamp.step) });
        }
        Ok(())
    }

    /// Loss of the median replica of the first slice at the last step.
    fn loss_now(&mut self) -> Result<Option<f64>> {
        let step = self.stamp.step;
        let Some((machine, _)) = self.groups.first_mut().and_then(|g| g.slices.first_mut()) else { return Ok(None) };
        let results = machine.read_results()?;
        let mut losses: Vec<f32> = machine
            .record(&results, "loss_of_step", step - 1, step)?
            .into_iter()
            .flatten()
            .filter(|x| x.is_finite())
            .collect();
        losses.sort_by(f32::total_cmp);
        Ok(losses.get(losses.len() / 2).map(|&x| f64::from(x)))
    }

    fn snapshot(&mut self) -> Result<()> {
        self.last_snapshot = Instant::now();
        match self.options.out.as_deref() {
            Some(dir) => snapshot::save(dir, &mut self.groups, &self.stamp),
            None => Ok(()),
        }
    }

    fn observe(&mut self, step: u32, first: bool) -> Result<()> {
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
                let mut values: Vec<(String, Option<usize>, Vec<f32>)> = Vec::new();
                for (name, layer) in &group.compiled.observed {
                    let kept = name.starts_with(KEPT);
                    if kept && !e.observe.has(Measure::CkaFirst) {
                        continue;
                    }
                    let output = machine.output(&results, &output_name(name, *layer))?;
                    values.push((name.replace(KEPT, "cka_first"), *layer, output));
                }
                if e.observe.has(Measure::GradientNorm) {
                    values.push(("gradient_norm".into(), None, machine.output(&results, "gradient_norm")?));
                }
                if e.observe.has(Measure::Loss) && step > 0 {
                    values.push(("loss_train".into(), None, machine.output(&results, "loss_train")?));
                }
                machine.run("forget", 1)?;
                push_rows(&mut rows, step, members, &self.diverged, &values);
            }
        }
        let pairs = self.compare(Layers::Same, step)?;
        if e.observe.has(Measure::CkaLast) || e.save.parameters == Keep::Checkpoints {
            self.save_parameters(step)?;
        }
        if e.save.representations == Keep::Checkpoints {
            self.save_representations(step)?;
        }
        self.recorder.checkpoint(step, rows, pairs)
    }

    /// All-pairs CKA of the representations that `evaluate` left.
    fn compare(&mut self, which: Layers, step: u32) -> Result<PairTable> {
        let observe = &self.sweep.experiment.observe;
        let wanted = match which {
            Layers::Same => observe.has(Measure::CkaPairs),
            Layers::All => observe.has(Measure::CkaLayers),
        };
        let mut table = PairTable::default();
        let Some(pairs) = self.pairs.as_mut().filter(|_| wanted) else { return Ok(table) };
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                for (i, &layer) in self.layers.iter().enumerate() {
                    pairs.take(machine, &representation_name(layer), members, i)?;
                }
            }
        }
        let matrices = pairs.compare(which)?;
        let replicas = self.sweep.replicas.len();
        for m in &matrices {
            let name = format!("cka{}", m.kind.suffix());
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
                        (true, false) if which == Layers::Same || !observe.has(Measure::CkaPairs) => {
                            push(a, b, &la, &lb, m.values[a * replicas + b]);
                        }
                        (true, false) => {}
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
    fn finish(&mut self, progress: &mut dyn Progress) -> Result<()> {
        let e = &self.sweep.experiment;
        let last = e.steps;
        progress.stage(Stage::Comparing);
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                machine.run("evaluate", 1)?;
                machine.run("test", 1)?;
                let results = machine.read_results()?;
                read_divergence(machine, &results, members, last, &mut self.diverged)?;
                let mut values = vec![("loss_test".to_owned(), None, machine.output(&results, "loss_test")?)];
                if group.compiled.test_accuracy {
                    values.push(("accuracy_test".to_owned(), None, machine.output(&results, "accuracy_test")?));
                }
                let mut rows = Vec::new();
                push_rows(&mut rows, last, members, &self.diverged, &values);
                rows.into_iter().for_each(|row| self.recorder.late(row));
            }
        }
        let table = self.compare(Layers::All, last)?;
        for row in table.iter() {
            self.recorder.late_pair(row);
        }
        if e.observe.has(Measure::CkaLast) {
            self.compare_with_last(progress)?;
        }
        Ok(())
    }

    /// Puts the parameters of each checkpoint back and compares its representations with the last ones.
    fn compare_with_last(&mut self, progress: &mut dyn Progress) -> Result<()> {
        if self.options.out.is_none() {
            progress.note("cka_last needs a folder to keep the parameters of checkpoints in, and is left out");
            return Ok(());
        }
        let last = self.sweep.experiment.steps;
        for group in &mut self.groups {
            for (machine, _) in &mut group.slices {
                machine.run("keep", 1)?;
            }
        }
        let mut checkpoints = self.sweep.experiment.checkpoints();
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
                    for (name, layer) in group.compiled.observed.iter().filter(|(n, _)| n.starts_with(KEPT)) {
                        let output = machine.output(&results, &output_name(name, *layer))?;
                        values.push((name.replace(KEPT, "cka_last"), *layer, output));
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

    fn save_parameters(&mut self, step: u32) -> Result<()> {
        let Some(path) = self.recorder.parameters_path(step) else { return Ok(()) };
        let mut arrays = Vec::new();
        for (g, group) in self.groups.iter_mut().enumerate() {
            for (s, (machine, members)) in group.slices.iter_mut().enumerate() {
                let names: Vec<&str> = group.compiled.parameter_names.iter().map(String::as_str).collect();
                for (name, values) in names.iter().zip(machine.read_variables(&names)?) {
                    arrays.push((format!("{g}/{s}/{name}"), vec![members.len(), values.len() / members.len()], values));
                }
            }
        }
        write_safetensors(&path, &arrays, &[])
    }

    fn save_representations(&mut self, step: u32) -> Result<()> {
        let Some(path) = self.recorder.representations_path(step) else { return Ok(()) };
        let arrays = self.representations("")?;
        write_safetensors(&path, &arrays, &[])
    }

    /// Representations of every replica: `<prefix><replica>/<layer>`, `[examples, units]`.
    fn representations(&mut self, prefix: &str) -> Result<Vec<NamedArray>> {
        let examples = self.sweep.data.probe.examples;
        let mut arrays = Vec::new();
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                for (layer, &units) in group.compiled.hidden.iter().enumerate() {
                    let values = machine.read_variable(&representation_name(layer))?;
                    for (part, m) in values.chunks(examples * units).zip(members.iter()) {
                        arrays.push((
                            format!("{prefix}{m}/{}", layer_name(layer)),
                            vec![examples, units],
                            part.to_vec(),
                        ));
                    }
                }
            }
        }
        Ok(arrays)
    }

    /// Parameters and representations that were asked for, in their final files.
    fn write_tensors(&mut self) -> Result<()> {
        let Some(dir) = self.options.out.clone() else { return Ok(()) };
        let save = self.sweep.experiment.save.clone();
        let checkpoints = self.sweep.experiment.checkpoints();
        let metadata = [("layout".to_owned(), "step/replica/name, or replica/name for the end of training".to_owned())];
        if save.parameters != Keep::None {
            let mut arrays = Vec::new();
            for (g, group) in self.groups.iter_mut().enumerate() {
                let shapes = parameter_shapes(&group.compiled);
                for (s, (machine, members)) in group.slices.iter_mut().enumerate() {
                    let names: Vec<&str> = group.compiled.parameter_names.iter().map(String::as_str).collect();
                    let mut add = |prefix: String, name: &str, shape: &[usize], values: &[f32]| {
                        for (part, m) in values.chunks(shape.iter().product()).zip(members.iter()) {
                            arrays.push((format!("{prefix}{m}/{name}"), shape.to_vec(), part.to_vec()));
                        }
                    };
                    if save.parameters == Keep::Final {
                        for ((name, values), shape) in names.iter().zip(machine.read_variables(&names)?).zip(&shapes) {
                            add(String::new(), name, shape, &values);
                        }
                        continue;
                    }
                    for &step in &checkpoints {
                        let Some(path) = self.recorder.parameters_path(step) else { continue };
                        let saved = crate::data::read_safetensors(&path)?;
                        for (name, shape) in names.iter().zip(&shapes) {
                            let full = format!("{g}/{s}/{name}");
                            if let Some((_, _, values)) = saved.iter().find(|(n, _, _)| *n == full) {
                                add(format!("{step}/"), name, shape, values);
                            }
                        }
                    }
                }
            }
            write_safetensors(&dir.join(files::layout::PARAMETERS), &arrays, &metadata)?;
        }
        if save.representations != Keep::None {
            let mut arrays = Vec::new();
            if save.representations == Keep::Final {
                for group in &mut self.groups {
                    for (machine, _) in &mut group.slices {
                        machine.run("evaluate", 1)?;
                    }
                }
                arrays = self.representations("")?;
            } else {
                for &step in &checkpoints {
                    let Some(path) = self.recorder.representations_path(step) else { continue };
                    for (name, shape, values) in crate::data::read_safetensors(&path)? {
                        arrays.push((format!("{step}/{name}"), shape, values));
                    }
                }
            }
            write_safetensors(&dir.join(files::layout::REPRESENTATIONS), &arrays, &metadata)?;
        }
        Ok(())
    }

    fn write_manifest(&self, status: RunStatus) -> Result<Manifest> {
        let e = &self.sweep.experiment;
        let replicas = self.sweep.replicas.iter().enumerate().map(|(r, replica)| ReplicaEntry {
            replica: r as u32,
            group: self.groups.iter().position(|g| g.slices.iter().any(|(_, m)| m.contains(&r))).unwrap_or(0) as u32,
            seed: replica.seed,
            settings: replica
                .columns
                .iter()
                .map(|(key, value)| (key.clone(), serde_json::to_value(value).unwrap_or(Value::Null)))
                .collect::<Map<_, _>>(),
            status: if self.diverged[r].is_some() { ReplicaStatus::Diverged } else { ReplicaStatus::Ok },
            diverged_at: self.diverged[r].map(u64::from),
        });
        let groups = self.groups.iter().zip(&self.names).map(|(group, name)| {
            let plan = group.slices[0].0.plan();
            GroupEntry {
                name: name.clone(),
                replicas: group.slices.iter().map(|(_, m)| m.len() as u64).sum(),
                parameters: group.compiled.parameters as u64,
                lowering: plan.lowering("step").name().into(),
                dispatches_per_step: plan.dispatches_per_run("step"),
            }
        });
        let seconds = |d: Duration| d.as_secs_f64();
        let adapter = &self.stamp.adapter;
        let manifest = Manifest {
            format: 1,
            isogram: env!("CARGO_PKG_VERSION").into(),
            created: self.created,
            command: self.options.command.clone(),
            experiment_name: e.name.clone(),
            description: e.description.clone(),
            settings: self.stamp.settings.clone(),
            seeds: e.seeds.to_vec(),
            replicas: replicas.collect(),
            adapter: AdapterEntry {
                name: adapter.name.clone(),
                backend: adapter.backend.clone(),
                device_type: adapter.device_type.clone(),
                driver: adapter.driver.clone(),
                driver_info: adapter.driver_info.clone(),
                profile: serde_json::to_value(&self.profile).unwrap_or_else(|_| json!({})),
            },
            data: DataEntry {
                name: self.sweep.data.name.clone(),
                train: self.sweep.data.train.examples as u64,
                test: self.sweep.data.test.examples as u64,
                inputs: self.sweep.data.inputs as u64,
                outputs: self.sweep.data.outputs as u64,
            },
            steps: u64::from(e.steps),
            checkpoints: e.checkpoints().into_iter().map(u64::from).collect(),
            layers: self.layers.iter().map(|&l| layer_name(l)).collect(),
            groups: groups.collect(),
            timings: [
                ("total".to_owned(), seconds(self.began.elapsed())),
                ("training".to_owned(), seconds(self.training)),
                ("observing".to_owned(), seconds(self.observing)),
            ]
            .into(),
            throughput: Throughput { replica_steps_per_second: self.trained as f64 / seconds(self.training).max(1e-9) },
            status,
            notes: self.notes.clone(),
        };
        if let Some(dir) = &self.options.out {
            manifest.write(&dir.join(files::layout::MANIFEST))?;
        }
        Ok(manifest)
    }
}

/// Whether a folder holds a run that can be continued.
pub fn resumable(dir: &Path) -> bool {
    snapshot::exists(dir)
}

/// Shapes of a network's parameters as PyTorch has them: biases are vectors.
fn parameter_shapes(compiled: &Compiled) -> Vec<Vec<usize>> {
    compiled
        .parameter_names
        .iter()
        .map(|name| {
            let info = compiled.graph.variable_named(name).map(|id| compiled.graph.variable_info(id));
            let extents = info.map_or_else(Vec::new, |v| v.shape.extents().to_vec());
            if name.ends_with(".bias") && extents.first() == Some(&1) { extents[1..].to_vec() } else { extents }
        })
        .collect()
}

/// Notes which replicas diverged: those frozen, and those whose last update was not finite.
fn read_divergence(
    machine: &crate::graph::Machine,
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

fn push_rows(
    rows: &mut Vec<MetricRow>,
    step: u32,
    members: &[usize],
    diverged: &[Option<u32>],
    values: &[(String, Option<usize>, Vec<f32>)],
) {
    for (i, &m) in members.iter().enumerate() {
        // A frozen replica has nothing more to say; its rows end before the step at which it diverged.
        if diverged[m].is_some_and(|at| at < step) {
            continue;
        }
        for (name, layer, values) in values {
            // A value that is the same for all replicas is stored once.
            let i = if values.len() == 1 { 0 } else { i };
            let value = f64::from(values.get(i).copied().unwrap_or(f32::NAN));
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
