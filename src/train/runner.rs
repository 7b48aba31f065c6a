//! A run under way: training from checkpoint to checkpoint, with snapshots between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cataloguing::Catalogued;
use super::compile::Compiled;
use super::drain::Pending;
use super::group::Group;
use super::memory;
use super::options::{Matrices, Options, Progress, Stage};
use super::recorder::Recorder;
use super::rows::columns;
use super::snapshot::{self, Stamp};
use super::stages::Ended;
use super::sweep::{Arranged, Summary, Sweep, open};
use super::track::{self, Tracked};
use crate::cpu::{self, Isa};
use crate::error::{Error, Result};
use crate::files::manifest::RunStatus;
use crate::files::{self, FolderLock, Made};
use crate::gpu::{AdapterSummary, Profile};
use crate::graph::Room;
use crate::measure::pairs::Pairs;

/// Snapshots are taken at least this often while training, if no interval is set.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);

/// A run under way.
pub(super) struct Runner<'s> {
    pub(super) sweep: &'s Sweep,
    pub(super) options: &'s Options,
    pub(super) groups: Vec<Group>,
    /// Memory that the groups share.
    room: Arc<Room>,
    pub(super) names: Vec<String>,
    pub(super) pairs: Option<Pairs>,
    pub(super) catalogued: Option<Catalogued>,
    pub(super) layers: Vec<usize>,
    pub(super) recorder: Recorder,
    pub(super) stamp: Stamp,
    pub(super) profile: Profile,
    pub(super) diverged: Vec<Option<u32>>,
    pub(super) resumed: Option<u32>,
    pub(super) began: Instant,
    pub(super) training: Duration,
    pub(super) observing: Duration,
    pub(super) trained: u64,
    pub(super) last_snapshot: Instant,
    pub(super) created: u64,
    pub(super) notes: Vec<String>,
    /// Records on their way from the device.
    pub(super) pending: Option<Pending>,
    /// What has been recorded at every step, by replica.
    pub(super) tracked: Vec<Tracked>,
    /// Whether all replicas are done, whatever steps are left.
    pub(super) over: bool,
    /// Keeps others from the folder.
    _lock: Option<FolderLock>,
    /// The folder, if it was made for this run.
    _made: Option<Made>,
}

impl<'s> Runner<'s> {
    pub(super) fn new(sweep: &'s Sweep, options: &'s Options, progress: &mut dyn Progress) -> Result<Self> {
        let began = Instant::now();
        if options.resume && sweep.track.is_some() {
            return Err(Error::Resume("a run that records every step is not continued: start it anew".into()));
        }
        // What is made is removed again if nothing comes of it; the lock, which stands in it, goes first.
        let (mut made, mut lock, mut found) = (None, None, None);
        if options.resume {
            let dir = options
                .out
                .as_deref()
                .ok_or_else(|| Error::Resume("a run is continued in its folder: name it (--out)".into()))?;
            snapshot::find(dir, sweep)?;
        }
        if let Some(dir) = &options.out {
            made = Some(files::make_dir(dir)?);
            files::check_writable(dir)?;
            lock = Some(FolderLock::take(dir)?);
            files::remove_unfinished(dir);
            // Again, now that nobody else writes.
            found = if options.resume { Some(snapshot::find(dir, sweep)?) } else { None };
        }
        progress.stage(Stage::Building);
        let gpu = open(options)?;
        let (adapter, profile) = match &gpu {
            Some(gpu) => (gpu.summary().clone(), gpu.profile().clone()),
            None => (AdapterSummary::cpu(), Profile::processor()),
        };
        let mut notes = Vec::new();
        if gpu.is_none() {
            let (processor, threads) = (cpu::processor(), rayon::current_num_threads());
            notes.push(format!("run on the processor: {processor}, {}, {threads} threads", Isa::chosen()?));
        }
        let slices = found.as_ref().map_or(&[][..], |found| &found.slices);
        let mut chosen = options.clone();
        if let (Some(_), Matrices::Auto, Some(dir)) = (&found, options.matrices, &options.out) {
            chosen.matrices = snapshot::matrices(dir);
        }
        let Arranged { names, planned, compared, arrangement } = sweep.arranged(gpu.as_ref(), &chosen, slices)?;
        let e = &sweep.experiment;
        let layers = compared.layers.clone();
        notes.extend(compared.note.clone());
        let (mut groups, room, needs) = memory::build(gpu.as_ref(), &planned, arrangement)?;
        drop(planned);
        if needs.away > 0 {
            notes.push(format!(
                "the states of the networks do not fit the device together: {} of them took turns there and waited on the host",
                memory::in_words(needs.away)
            ));
        }
        let [pairs, at_checkpoints] = compared.make(gpu.as_ref())?;
        let catalogued = Catalogued::new(sweep, gpu.as_ref(), at_checkpoints, layers.len())?;
        for group in &mut groups {
            group.initialise(&sweep.replicas)?;
            let first = group.slices[0].1[0];
            if let Some(path) = &sweep.replicas[first].experiment.model.init_from {
                let shapes = parameter_shapes(&group.compiled);
                group.set_parameters(&crate::data::read_safetensors(path)?, &shapes, path)?;
            }
        }
        let settings = serde_json::to_value(e).map_err(|e| Error::config(e.to_string()))?;
        let lowering = groups.iter().map(Group::lowering).collect::<Vec<_>>().join(", ");
        let checked = gpu.as_ref().is_some_and(|gpu| gpu.checked());
        let data = sweep.data.fingerprint();
        let mut stamp = Stamp { step: 0, observed: None, adapter, settings, lowering, checked, data };
        let mut recorder = Recorder::new(options.out.as_deref(), columns(&sweep.replicas))?;
        let mut resumed = None;
        let mut diverged = vec![None; sweep.replicas.len()];
        if let (Some(found), Some(dir)) = (&found, &options.out) {
            stamp = snapshot::restore(dir, &mut groups, found, &stamp)?;
            groups.iter_mut().try_for_each(Group::make_data)?;
            if let Some(manifest) = &found.finished {
                recorder.reopen(manifest)?;
            } else {
                let mut checkpoints = e.checkpoints();
                // A run whose replicas were all done ended between two of them.
                checkpoints.retain(|c| !stamp.observed.is_some_and(|o| o == stamp.step && *c > o));
                checkpoints.extend(stamp.observed.filter(|o| !e.checkpoints().contains(o)));
                recorder.restore(&checkpoints, stamp.observed)?;
            }
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
            room,
            names,
            pairs,
            catalogued,
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
            pending: None,
            over: false,
            tracked: vec![Tracked::default(); sweep.replicas.len()],
            _lock: lock,
            _made: made,
        })
    }

    pub(super) fn run(mut self, progress: &mut dyn Progress) -> Result<Summary> {
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
        let mut ended = vec![Ended::default(); self.sweep.replicas.len()];
        for group in &mut self.groups {
            group.ended()?.into_iter().for_each(|(m, of)| ended[m] = of);
        }
        self.late_stages(&ended);
        let representations = self.final_representations()?;
        let parameters = self.final_parameters()?;
        self.write_tensors(&representations, &parameters)?;
        self.recorder.write()?;
        let manifest = self.write_manifest(RunStatus::Done)?;
        self.recorder.clean()?;
        Ok(Summary {
            metrics: self.recorder.metrics,
            pairs: self.recorder.pairs,
            manifest,
            dir: self.options.out.clone(),
            resumed_from: self.resumed,
            tracked: self.tracked,
            steps: self.stamp.step,
            ended,
            representations,
            parameters,
        })
    }

    pub(super) fn train_and_observe(&mut self, progress: &mut dyn Progress) -> Result<()> {
        self.over = self.is_over()?;
        let checkpoints = self.sweep.experiment.checkpoints();
        for (i, &checkpoint) in checkpoints.iter().enumerate() {
            if self.stamp.observed.is_some_and(|o| checkpoint <= o || self.over) {
                continue;
            }
            progress.stage(Stage::Training);
            self.train_to(checkpoint, progress)?;
            progress.stage(Stage::Observing);
            let begun = Instant::now();
            // Sooner, if all replicas are done.
            let checkpoint = self.stamp.step;
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
    pub(super) fn train_to(&mut self, target: u32, progress: &mut dyn Progress) -> Result<()> {
        let every = self.sweep.experiment.save.snapshot_every;
        let mut part = 16u32;
        while self.stamp.step < target && !self.over {
            let to_snapshot = every.map_or(u32::MAX, |n| n - self.stamp.step % n);
            let tracked = self.sweep.track.is_some();
            let most = if tracked { track::KEPT as u32 } else { u32::MAX };
            let steps = part.min(target - self.stamp.step).min(to_snapshot).min(most);
            let (begun, swapped) = (Instant::now(), self.room.swapping());
            self.queue(steps)?;
            if tracked {
                // The records of the part before arrive while this one runs.
                self.finish_draining()?;
                self.begin_draining(self.stamp.step, self.stamp.step + steps)?;
            } else {
                self.groups.iter_mut().try_for_each(Group::wait)?;
            }
            let took = begun.elapsed();
            self.training += took;
            self.stamp.step += steps;
            self.trained += u64::from(steps) * self.sweep.replicas.len() as u64;
            // Where states take turns, as many steps that the turns are a small part of the time.
            let turns = self.room.swapping() - swapped;
            if took < Duration::from_millis(250).max(3 * turns) {
                part = part.saturating_mul(2).min(1 << 14);
            } else if took > Duration::from_millis(700).max(8 * turns) {
                part = (part / 2).max(1);
            }
            self.over = self.is_over()?;
            let loss = if tracked { None } else { self.loss_now()? };
            progress.steps(self.stamp.step, self.sweep.experiment.steps, loss);
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
        self.finish_draining()?;
        if self.options.interrupt.asked() {
            self.snapshot()?;
            return Err(Error::Interrupted { step: u64::from(self.stamp.step) });
        }
        Ok(())
    }

    /// Queues so many steps, with checks between them where they are due.
    fn queue(&mut self, steps: u32) -> Result<()> {
        let every = self.sweep.experiment.check_every.max(1);
        // Those that are done are not trained.
        for group in self.groups.iter_mut().filter(|g| !g.done) {
            group.advance(self.stamp.step, steps, every)?;
        }
        Ok(())
    }

    /// Whether all replicas are done before the last step.
    fn is_over(&mut self) -> Result<bool> {
        let (mut last, mut all) = (0, true);
        for group in &mut self.groups {
            match group.finished_at()? {
                Some(at) => last = last.max(at),
                None => all = false,
            }
        }
        if !all {
            return Ok(false);
        }
        // Steps that were queued after it moved nothing.
        self.stamp.step = last;
        Ok(true)
    }

    /// The steps at which this run observes: those of the settings, up to the end, where that comes sooner.
    pub(super) fn checkpoints(&self) -> Vec<u32> {
        let mut steps = self.sweep.experiment.checkpoints();
        if self.over {
            steps.retain(|s| *s < self.stamp.step);
            steps.push(self.stamp.step);
        }
        steps
    }

    /// Loss of the median replica of the first slice at the last step.
    pub(super) fn loss_now(&mut self) -> Result<Option<f64>> {
        let step = self.stamp.step;
        let Some((machine, _)) = self.groups.iter_mut().find(|g| !g.done).and_then(|g| g.slices.first_mut()) else {
            return Ok(None);
        };
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

    pub(super) fn snapshot(&mut self) -> Result<()> {
        self.last_snapshot = Instant::now();
        match self.options.out.as_deref() {
            Some(dir) => snapshot::save(dir, &mut self.groups, &self.stamp),
            None => Ok(()),
        }
    }
}

/// Shapes of a network's parameters as PyTorch has them: biases are vectors.
pub(super) fn parameter_shapes(compiled: &Compiled) -> Vec<Vec<usize>> {
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
