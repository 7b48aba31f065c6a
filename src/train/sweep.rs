//! A sweep: the grid of settings and seeds, cut into groups, trained and observed together.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::comparisons::Comparisons;
use super::compile::{Compiled, compile};
use super::group::{Group, Planned};
use super::memory::{self, Arrangement, Needs};
use super::model::{Model, Perceptron};
use super::observer::{Observer, built_in};
use super::options::{Options, Progress};
use super::prepared::{Part, Prepared};
use super::runner::Runner;
use super::snapshot::{self};
use super::stages::Ended;
use super::structure::structure;
use super::track::{Track, Tracked};
use crate::config::{Experiment, SettingValue};
use crate::data::NamedArray;
use crate::error::{Error, Result};
use crate::files::manifest::Manifest;
use crate::files::{MetricRow, PairTable};
use crate::gpu::Gpu;
use crate::graph::Plan;

/// One trained instance: its seed and resolved settings.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Seed.
    pub seed: u32,
    /// The swept settings; replicas that differ in their seeds alone share them.
    pub columns: Arc<Vec<(String, SettingValue)>>,
    /// All settings, shared in the same way.
    pub experiment: Arc<Experiment>,
    /// Training examples of its own, where replicas have such: see [`Sweep::of_replicas`].
    pub data: Option<Arc<Part>>,
}

/// Smallest slice that is taken for want of memory.
const LEAST_SLICE: usize = 16;

/// A sweep that has its place in memory, and has not taken it yet.
pub(super) struct Arranged {
    /// What distinguishes each group, for people.
    pub names: Vec<String>,
    pub planned: Vec<Planned>,
    pub compared: Comparisons,
    pub arrangement: Arrangement,
}

type ModelOf = Arc<dyn Fn(&Experiment) -> Box<dyn Model> + Send + Sync>;

/// A sweep, ready to run.
pub struct Sweep {
    pub(super) experiment: Experiment,
    pub(super) data: Prepared,
    pub(super) replicas: Vec<Replica>,
    pub(super) model: ModelOf,
    pub(super) observers: Vec<Box<dyn Observer>>,
    pub(super) track: Option<Track>,
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
    /// What was recorded of each replica at every step, if the sweep was asked to ([`Sweep::track`]).
    pub tracked: Vec<Tracked>,
    /// Steps trained: those of the settings, or fewer if the stages of all replicas were over before.
    pub steps: u32,
    /// What became of the stages of each replica.
    pub ended: Vec<Ended>,
    /// Representations of the trained networks, named by replica and layer (`0/layers.1`), if `save.representations` asks
    /// for those of the end.
    /// Of data with a set for fitting, those on it too (`0/fit/layers.1`).
    pub representations: Vec<NamedArray>,
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

/// A sweep's plans, without a device's memory.
#[derive(Debug)]
pub struct Outline {
    /// Each group: what distinguishes it, replicas per slice, the plan of its largest slice.
    pub groups: Vec<(String, Vec<usize>, Arc<Plan>)>,
    /// What the run takes, as far as it is planned.
    pub needs: Needs,
    /// Why it would be refused, if it would.
    pub refusal: Option<Error>,
}

/// How long a sweep's steps take, from a short trial.
#[derive(Debug, Default)]
pub struct Trial {
    /// Training time of one step of all groups.
    pub step_time: Duration,
    /// Host time per dispatch, encoding and submission included; not where steps are too long to queue many.
    pub host_per_dispatch: Option<Duration>,
    /// Time of each dispatch of the training step of each group; empty where a step is resident.
    pub dispatch_times: Vec<Vec<Duration>>,
}

/// How far a run in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is more to do.
    Unfinished,
    /// All is done.
    Finished,
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
            let (columns, experiment) = (Arc::new(setting.columns), Arc::new(setting.experiment));
            for &seed in &seeds {
                let (columns, experiment) = (columns.clone(), experiment.clone());
                replicas.push(Replica { seed, columns, experiment, data: None });
            }
        }
        Ok(Self::assembled(experiment, data, replicas))
    }

    /// A sweep of given replicas: settings that no grid describes, or, if each has [`Replica::data`], examples of its own.
    /// Steps, seeds, probes and what is observed are those of `experiment`; the settings of each replica are its own.
    ///
    /// # Errors
    /// If there is no replica, or only some have examples of their own, or these differ in number or width.
    pub fn of_replicas(experiment: Experiment, mut data: Prepared, replicas: Vec<Replica>) -> Result<Self> {
        if replicas.is_empty() {
            return Err(Error::config("a sweep needs at least one replica"));
        }
        data.own = replicas.iter().any(|r| r.data.is_some());
        if data.own {
            data.needs_examples("replicas are given examples of the form of the sweep's")?;
        }
        let size = |p: &Part| (p.examples, p.inputs.len(), p.values(data.outputs).len());
        let expected = size(&data.train);
        if data.own && replicas.iter().any(|r| r.data.as_ref().is_none_or(|own| size(own) != expected)) {
            return Err(Error::config(format!(
                "each replica needs examples of its own, as many and as wide as the sweep's: {} of {} inputs and {} outputs",
                data.train.examples, data.inputs, data.outputs
            )));
        }
        Ok(Self::assembled(experiment, data, replicas))
    }

    fn assembled(experiment: Experiment, data: Prepared, replicas: Vec<Replica>) -> Self {
        let observers: Vec<Box<dyn Observer>> = vec![Box::new(built_in(&experiment))];
        let model: ModelOf = Arc::new(|e: &Experiment| Box::new(Perceptron::new(&e.model)) as Box<dyn Model>);
        Self { experiment, data, replicas, model, observers, track: None }
    }

    /// Records distances of pairs of training examples at every step.
    #[must_use]
    pub fn track(mut self, track: Track) -> Self {
        self.track = Some(track);
        self
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
    pub(super) fn grouped(&self) -> Vec<(String, Vec<usize>)> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let mut last: Option<(&Arc<Experiment>, usize)> = None;
        for (r, replica) in self.replicas.iter().enumerate() {
            // Those that differ in their seeds alone come one after the other.
            let same = last.filter(|(settings, _)| Arc::ptr_eq(settings, &replica.experiment));
            let group = same.map(|(_, group)| group).unwrap_or_else(|| {
                let key = structure(&replica.experiment);
                groups.iter().position(|(k, _)| *k == key).unwrap_or_else(|| {
                    groups.push((key, Vec::new()));
                    groups.len() - 1
                })
            });
            groups[group].1.push(r);
            last = Some((&replica.experiment, group));
        }
        groups
    }

    pub(super) fn compile(&self, replica: usize) -> Result<Compiled> {
        let e = &self.replicas[replica].experiment;
        let observers: Vec<&dyn Observer> = self.observers.iter().map(AsRef::as_ref).collect();
        compile(e, &self.data, (self.model)(e).as_ref(), &observers, self.track.as_ref())
    }

    /// What distinguishes a group, for people: its swept settings that are the same throughout.
    pub(super) fn group_name(&self, members: &[usize]) -> String {
        let first = &self.replicas[members[0]].columns;
        let same = first
            .iter()
            .enumerate()
            .filter(|(i, (_, value))| members.iter().all(|&m| self.replicas[m].columns[*i].1 == *value))
            .map(|(_, (key, value))| format!("{}={value}", key.rsplit('.').next().unwrap_or(key)));
        let name = same.collect::<Vec<_>>().join(" ");
        if name.is_empty() { "all".into() } else { name }
    }

    /// The groups of the sweep, planned: their names, and slices of so many replicas at most, or as many as are given for each.
    fn planned(
        &self,
        gpu: Option<&Arc<Gpu>>,
        options: &Options,
        slice: Option<usize>,
        slices: &[usize],
    ) -> Result<(Vec<String>, Vec<Planned>)> {
        let (mut names, mut planned) = (Vec::new(), Vec::new());
        for (g, (_, members)) in self.grouped().into_iter().enumerate() {
            names.push(self.group_name(&members));
            let slice = slice.or_else(|| slices.get(g).copied());
            planned.push(Planned::new(gpu, self.compile(members[0])?, &members, slice, options)?);
        }
        Ok((names, planned))
    }

    /// Everything planned and arranged in the memory that is there: in smaller slices, where larger ones do not fit, unless their
    /// size is asked for, or given for each group.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if it does not fit.
    pub(super) fn arranged(&self, gpu: Option<&Arc<Gpu>>, options: &Options, slices: &[usize]) -> Result<Arranged> {
        let mut slice = options.slice;
        loop {
            let (names, planned) = self.planned(gpu, options, slice, slices)?;
            let compared = Comparisons::plan(self, gpu, &planned)?;
            let fits = memory::arrange(&planned, compared.bytes(), compared.rows, options.memory)
                .and_then(|a| memory::check_host(&a.needs, gpu).map(|()| a));
            let largest = planned.iter().map(|g| g.slices[0].1.len()).max().unwrap_or(0);
            match fits {
                Ok(arrangement) => return Ok(Arranged { names, planned, compared, arrangement }),
                Err(_) if options.slice.is_none() && slices.is_empty() && largest > LEAST_SLICE => {
                    slice = Some((largest / 4).max(LEAST_SLICE));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes planned groups, initialised and ready to step.
    fn made(&self, gpu: Option<&Arc<Gpu>>, options: &Options, planned: &[Planned]) -> Result<Vec<Group>> {
        let arrangement = memory::arrange(planned, 0, memory::Rows::default(), options.memory)?;
        memory::check_host(&arrangement.needs, gpu)?;
        let (mut groups, ..) = memory::build(gpu, planned, arrangement)?;
        groups.iter_mut().try_for_each(|group| group.initialise(&self.replicas))?;
        Ok(groups)
    }

    /// The groups of the sweep on a device, initialised and ready to step: for tools that drive training themselves.
    ///
    /// # Errors
    /// If something does not fit, or the device fails.
    pub fn groups(&self, gpu: Option<&Arc<Gpu>>, options: &Options) -> Result<Vec<Group>> {
        let (_, planned) = self.planned(gpu, options, options.slice, &[])?;
        self.made(gpu, options, &planned)
    }

    /// The plans of the sweep with these options and what they take of memory. Nothing is allocated for them.
    ///
    /// # Errors
    /// If something does not fit an adapter's limits.
    pub fn outline(&self, options: &Options) -> Result<Outline> {
        let gpu = open(options)?;
        let (names, planned, needs, refusal) = match self.arranged(gpu.as_ref(), options, &[]) {
            Ok(Arranged { names, planned, arrangement, .. }) => (names, planned, arrangement.needs, None),
            Err(refusal @ Error::OutOfMemory(_)) => {
                let (names, planned) = self.planned(gpu.as_ref(), options, options.slice, &[])?;
                let (bytes, rows) = Comparisons::plan(self, gpu.as_ref(), &planned)
                    .map_or((0, memory::Rows::default()), |compared| (compared.bytes(), compared.rows));
                let needs = memory::arrange(&planned, bytes, rows, None)?.needs;
                (names, planned, needs, Some(refusal))
            }
            Err(error) => return Err(error),
        };
        let sizes = |group: &Planned| group.slices.iter().map(|(_, members)| members.len()).collect();
        let groups = names.into_iter().zip(&planned).map(|(name, g)| (name, sizes(g), g.slices[0].0.clone()));
        Ok(Outline { groups: groups.collect(), needs, refusal })
    }

    /// How long a step takes, from a short trial of the first slice of each group; nothing without an adapter.
    ///
    /// # Errors
    /// If something does not fit, or the device fails.
    pub fn trial(&self, options: &Options) -> Result<Trial> {
        let gpu = open(options)?;
        let Arranged { mut planned, .. } = self.arranged(gpu.as_ref(), options, &[])?;
        let mut trial = Trial::default();
        for group in &mut planned {
            let all: usize = group.slices.iter().map(|(_, members)| members.len()).sum();
            group.slices.truncate(1);
            let share = all as f64 / group.slices[0].1.len() as f64;
            let mut made = self.made(gpu.as_ref(), options, std::slice::from_ref(group))?;
            let group = &mut made[0];
            group.step(3)?;
            group.wait()?;
            // As many steps at a time as keep the trial short, whatever the networks.
            let (begun, mut steps, mut at_once) = (Instant::now(), 0, 1);
            while begun.elapsed() < Duration::from_millis(500) {
                group.step(at_once)?;
                group.wait()?;
                steps += at_once;
                at_once = (2 * at_once).min(16);
            }
            let step_time = begun.elapsed() / steps;
            trial.step_time += step_time.mul_f64(share);
            let machine = &mut group.slices[0].0;
            trial.dispatch_times.push(machine.dispatch_times("step")?);
            // What a submission costs by itself is shared by its dispatches: steps too long to queue many would show it alone.
            let runs = (Duration::from_millis(250).as_secs_f64() / step_time.as_secs_f64()).min(64.0) as u32;
            if runs >= 16 && trial.host_per_dispatch.is_none() {
                trial.host_per_dispatch = machine.host_cost("step", runs)?;
            }
        }
        Ok(trial)
    }

    /// How far the run in a folder is, if this sweep may continue it.
    ///
    /// # Errors
    /// [`Error::Resume`] if there is none, or it differs from this sweep in more than what may differ.
    pub fn standing(&self, dir: &Path) -> Result<Standing> {
        let found = snapshot::find(dir, self)?;
        let done = found.finished.is_some_and(|manifest| manifest.steps == u64::from(self.experiment.steps));
        Ok(if done { Standing::Finished } else { Standing::Unfinished })
    }

    /// Trains and observes everything.
    ///
    /// # Errors
    /// [`Interrupted`](crate::Error::Interrupted) after a snapshot if asked to stop; whatever the device or the file system refuses.
    pub fn run(&self, options: &Options, progress: &mut dyn Progress) -> Result<Summary> {
        Runner::new(self, options, progress)?.run(progress)
    }
}

pub(super) fn open(options: &Options) -> Result<Option<Arc<Gpu>>> {
    if let Some(gpu) = &options.gpu {
        return Ok(Some(gpu.clone()));
    }
    options.adapter.open()
}

/// Whether a folder holds a run that can be continued.
pub fn resumable(dir: &Path) -> bool {
    snapshot::exists(dir)
}
