//! A sweep: the grid of settings and seeds, and how it is cut into groups.

use std::sync::Arc;

use super::compile::{Compiled, compile};
use super::group::Planned;
use super::model::Model;
use super::observer::{Observer, built_in};
use super::options::Options;
use super::prepared::Prepared;
use super::replica::Replica;
use super::structure::structure;
use super::subset::Subset;
use super::track::Track;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::gpu::Gpu;

type ModelOf = Arc<dyn Fn(&Experiment) -> Box<dyn Model> + Send + Sync>;

/// A sweep, ready to run.
pub struct Sweep {
    pub(super) experiment: Experiment,
    pub(super) data: Prepared,
    pub(super) replicas: Vec<Replica>,
    model: ModelOf,
    observers: Vec<Box<dyn Observer>>,
    pub(super) track: Option<Track>,
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
        let size = |p: &Subset| (p.examples, p.inputs.len(), p.values(data.outputs).len());
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
        let model: ModelOf = Arc::new(|e: &Experiment| Box::new(e.model.clone()) as Box<dyn Model>);
        Self { experiment, data, replicas, model, observers, track: None }
    }

    /// Records distances of pairs of training examples at every step.
    #[must_use]
    pub fn track(mut self, track: Track) -> Self {
        self.track = Some(track);
        self
    }

    /// Trains another architecture than that of `[model]`.
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

    fn compile(&self, replica: usize) -> Result<Compiled> {
        let e = &self.replicas[replica].experiment;
        let observers: Vec<&dyn Observer> = self.observers.iter().map(AsRef::as_ref).collect();
        compile(e, &self.data, (self.model)(e).as_ref(), &observers, self.track.as_ref())
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

    /// The groups of the sweep, planned: their names, and slices of so many replicas at most, or as many as are given for each.
    pub(super) fn planned(
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
}
