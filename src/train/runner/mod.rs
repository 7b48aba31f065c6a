//! A run under way: training from checkpoint to checkpoint, with snapshots between.

mod manifest;

use std::path::Path;
use std::time::{Duration, Instant};

use super::arranged::{Arranged, open};
use super::cataloguing::Catalogued;
use super::clock::Clock;
use super::folder::Folder;
use super::group::Group;
use super::groups::Groups;
use super::memory;
use super::observing::{Observation, of_stages};
use super::options::{Matrices, Options, Progress, Stage};
use super::recorder::Recorder;
use super::saving::{self, Representation};
use super::snapshot::{self, Found, Stamp};
use super::summary::Summary;
use super::sweep::Sweep;
use super::track;
use crate::config::{Keep, Measure};
use crate::cpu::{self, Isa};
use crate::data::{NamedArray, read_safetensors, write_safetensors};
use crate::error::{Error, Result};
use crate::files::layout;
use crate::files::manifest::RunStatus;
use crate::gpu::{AdapterSummary, Profile};

/// A run under way.
struct Runner<'s> {
    sweep: &'s Sweep,
    options: &'s Options,
    groups: Groups,
    observation: Observation<'s>,
    recorder: Recorder,
    clock: Clock,
    stamp: Stamp,
    profile: Profile,
    resumed: Option<u32>,
    notes: Vec<String>,
    /// Whether all replicas are done, whatever steps are left.
    over: bool,
    _folder: Folder,
}

impl Sweep {
    /// Trains and observes everything.
    ///
    /// # Errors
    /// [`Interrupted`](crate::Error::Interrupted) after a snapshot if asked to stop; whatever the device or the file system refuses.
    pub fn run(&self, options: &Options, progress: &mut dyn Progress) -> Result<Summary> {
        Runner::new(self, options, progress)?.run(progress)
    }
}

impl<'s> Runner<'s> {
    fn new(sweep: &'s Sweep, options: &'s Options, progress: &mut dyn Progress) -> Result<Self> {
        let began = Instant::now();
        let (folder, found) = Folder::enter(sweep, options)?;
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
        let layers = compared.layers.clone();
        notes.extend(compared.note.clone());
        let (groups, room, needs) = memory::build(gpu.as_ref(), &planned, arrangement)?;
        drop(planned);
        if needs.away > 0 {
            notes.push(format!(
                "the states of the networks do not fit the device together: {} of them took turns there and waited on the host",
                memory::in_words(needs.away)
            ));
        }
        let [all_layers, at_checkpoints] = compared.make(gpu.as_ref())?;
        let catalogued = Catalogued::new(sweep, gpu.as_ref(), at_checkpoints, layers.len())?;
        let mut groups = Groups::new(groups, names, room, sweep.replicas.len());
        for group in &mut groups.all {
            initialise(group, sweep)?;
        }
        let stamp = Stamp {
            step: 0,
            observed: None,
            adapter,
            settings: serde_json::to_value(&sweep.experiment).map_err(|e| Error::config(e.to_string()))?,
            lowering: groups.lowering(),
            checked: gpu.as_ref().is_some_and(|gpu| gpu.checked()),
            data: sweep.data.fingerprint(),
        };
        let rows = sweep.replicas.iter().map(|replica| replica.row()).collect();
        let mut runner = Self {
            sweep,
            options,
            groups,
            observation: Observation::new(sweep, layers, all_layers, catalogued),
            recorder: Recorder::new(options.out.as_deref(), rows)?,
            clock: Clock::new(began),
            stamp,
            profile,
            resumed: None,
            notes,
            over: false,
            _folder: folder,
        };
        if let (Some(found), Some(dir)) = (&found, &options.out) {
            runner.resume(found, dir)?;
            progress.note(&format!("resumed from step {}", runner.stamp.step));
        }
        Ok(runner)
    }

    /// Takes up what was found in the run's folder.
    fn resume(&mut self, found: &Found, dir: &Path) -> Result<()> {
        self.stamp = snapshot::restore(dir, &mut self.groups.all, found, &self.stamp)?;
        self.groups.all.iter_mut().try_for_each(Group::make_data)?;
        let Stamp { step, observed, .. } = self.stamp;
        if let Some(manifest) = &found.finished {
            self.recorder.reopen(manifest)?;
        } else {
            let of_settings = self.sweep.experiment.checkpoints();
            let mut checkpoints = of_settings.clone();
            // A run whose replicas were all done ended between two of them.
            checkpoints.retain(|c| !observed.is_some_and(|o| o == step && *c > o));
            checkpoints.extend(observed.filter(|o| !of_settings.contains(o)));
            self.recorder.restore(&checkpoints, observed)?;
        }
        self.resumed = Some(step);
        self.observation.diverged = self.groups.diverged()?;
        Ok(())
    }

    fn run(mut self, progress: &mut dyn Progress) -> Result<Summary> {
        if self.resumed.is_none() {
            // From here on the run can be continued, whenever it is killed.
            self.snapshot()?;
        }
        self.write_manifest(RunStatus::Running)?;
        if let Err(error) = self.train_and_observe(progress) {
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
        progress.stage(Stage::Writing);
        let ended = self.groups.ended()?;
        self.recorder.late(of_stages(&ended, self.stamp.step), None);
        let (representations, parameters) = self.final_tensors()?;
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
            tracked: self.groups.tracked,
            steps: self.stamp.step,
            ended,
            representations,
            parameters,
        })
    }

    fn train_and_observe(&mut self, progress: &mut dyn Progress) -> Result<()> {
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
            self.clock.observed(begun.elapsed());
            self.stamp.observed = Some(checkpoint);
            // The state at the end is saved too: what follows can then be done again.
            self.snapshot()?;
            progress.steps(checkpoint, self.sweep.experiment.steps, None);
        }
        progress.stage(Stage::Comparing);
        let found = self.observation.finish(&mut self.groups, self.stamp.step)?;
        self.recorder.late(found.metrics, Some(found.pairs));
        if self.sweep.experiment.observe.has(Measure::CkaLast) {
            self.compare_with_last(progress)?;
        }
        Ok(())
    }

    /// Trains all groups up to a step, in parts short enough to hear an interrupt.
    fn train_to(&mut self, target: u32, progress: &mut dyn Progress) -> Result<()> {
        let e = &self.sweep.experiment;
        let every = e.save.snapshot_every;
        let tracked = self.sweep.track.is_some();
        let most = if tracked { track::KEPT as u32 } else { u32::MAX };
        let mut part = 16u32;
        while self.stamp.step < target && !self.over {
            let step = self.stamp.step;
            let to_snapshot = every.map_or(u32::MAX, |n| n - step % n);
            let steps = part.min(target - step).min(to_snapshot).min(most);
            let (begun, swapped) = (Instant::now(), self.groups.swapping());
            self.groups.advance(step, steps, e.check_every)?;
            if tracked {
                // The records of the part before arrive while this one runs.
                self.groups.finish_draining()?;
                self.groups.begin_draining(step, step + steps)?;
            } else {
                self.groups.wait()?;
            }
            let took = begun.elapsed();
            self.clock.trained(u64::from(steps) * self.sweep.replicas.len() as u64, took);
            self.stamp.step += steps;
            // Where states take turns, as many steps that the turns are a small part of the time.
            let turns = self.groups.swapping() - swapped;
            if took < Duration::from_millis(250).max(3 * turns) {
                part = part.saturating_mul(2).min(1 << 14);
            } else if took > Duration::from_millis(700).max(8 * turns) {
                part = (part / 2).max(1);
            }
            self.over = self.is_over()?;
            let loss = if tracked { None } else { self.groups.median_loss(self.stamp.step)? };
            progress.steps(self.stamp.step, e.steps, loss);
            if self.clock.snapshot_due(self.stamp.step, every) && !self.options.interrupt.asked() {
                self.snapshot()?;
            }
            self.stop_if_asked()?;
        }
        self.groups.finish_draining()?;
        self.stop_if_asked()
    }

    /// Stops after a snapshot, if that was asked for.
    fn stop_if_asked(&mut self) -> Result<()> {
        if !self.options.interrupt.asked() {
            return Ok(());
        }
        self.snapshot()?;
        Err(Error::Interrupted { step: u64::from(self.stamp.step) })
    }

    /// Whether all replicas are done before the last step.
    fn is_over(&mut self) -> Result<bool> {
        let last = self.groups.finished_at()?;
        // Steps that were queued after it moved nothing.
        self.stamp.step = last.unwrap_or(self.stamp.step);
        Ok(last.is_some())
    }

    /// The steps at which this run observes: those of the settings, up to the end, where that comes sooner.
    fn checkpoints(&self) -> Vec<u32> {
        let mut steps = self.sweep.experiment.checkpoints();
        if self.over {
            steps.retain(|s| *s < self.stamp.step);
            steps.push(self.stamp.step);
        }
        steps
    }

    /// Observes a checkpoint, and keeps what is written or compared at the end.
    fn observe(&mut self, step: u32, first: bool) -> Result<()> {
        let found = self.observation.observe(&mut self.groups, step, first)?;
        let e = &self.sweep.experiment;
        if let Some(path) = self.recorder.parameters_path(step)
            && (e.observe.has(Measure::CkaLast) || e.save.parameters == Keep::Checkpoints)
        {
            write_safetensors(&path, &self.groups.parameters()?, &[])?;
        }
        if let Some(path) = self.recorder.representations_path(step)
            && e.save.representations == Keep::Checkpoints
        {
            write_safetensors(&path, &arrays(self.groups.representations(&self.sweep.data)?), &[])?;
        }
        self.recorder.checkpoint(step, found.metrics, found.pairs)
    }

    /// Puts the parameters of each checkpoint back and compares its representations with the last ones.
    fn compare_with_last(&mut self, progress: &mut dyn Progress) -> Result<()> {
        if self.options.out.is_none() {
            progress.note("cka_last needs a folder to keep the parameters of checkpoints in, and is left out");
            return Ok(());
        }
        let last = self.stamp.step;
        self.observation.keep(&mut self.groups)?;
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
            let arrays = read_safetensors(&path)?;
            for mut slice in self.groups.slices() {
                slice.put_back(&arrays, &path)?;
                self.recorder.late(self.observation.with_kept(&mut slice, checkpoint)?, None);
            }
            progress.steps(done as u32 + 1, checkpoints.len() as u32, None);
        }
        Ok(())
    }

    fn snapshot(&mut self) -> Result<()> {
        self.clock.snapshot();
        match self.options.out.as_deref() {
            Some(dir) => snapshot::save(dir, &mut self.groups.all, &self.stamp),
            None => Ok(()),
        }
    }

    /// Representations and parameters at the end of training, each if they were asked for.
    fn final_tensors(&mut self) -> Result<(Vec<Representation>, Vec<NamedArray>)> {
        let save = &self.sweep.experiment.save;
        let (mut representations, mut parameters) = (Vec::new(), Vec::new());
        if save.representations == Keep::Final {
            self.groups.slices().try_for_each(|slice| slice.machine.run("evaluate", 1))?;
            representations = self.groups.representations(&self.sweep.data)?;
        }
        if save.parameters == Keep::Final {
            parameters = self.groups.final_parameters()?;
        }
        Ok((representations, parameters))
    }

    /// Parameters and representations that were asked for, in their final files.
    fn write_tensors(&mut self, representations: &[Representation], parameters: &[NamedArray]) -> Result<()> {
        let Some(dir) = self.options.out.as_deref() else { return Ok(()) };
        let save = &self.sweep.experiment.save;
        let checkpoints = self.checkpoints();
        let write = |name: &str, keep: Keep, last: &[NamedArray], kept: &mut dyn FnMut() -> Result<Vec<NamedArray>>| {
            let layout = "step/replica/name, or replica/name for the end of training".to_owned();
            let metadata = [("layout".to_owned(), layout)];
            match keep {
                Keep::None => Ok(()),
                Keep::Final => write_safetensors(&dir.join(name), last, &metadata),
                Keep::Checkpoints => write_safetensors(&dir.join(name), &kept()?, &metadata),
            }
        };
        write(layout::PARAMETERS, save.parameters, parameters, &mut || {
            self.groups.kept_parameters(&self.recorder, &checkpoints)
        })?;
        write(layout::REPRESENTATIONS, save.representations, &arrays(representations.to_vec()), &mut || {
            saving::kept_representations(&self.recorder, &checkpoints)
        })
    }
}

/// Representations as files have them.
fn arrays(representations: Vec<Representation>) -> Vec<NamedArray> {
    representations.into_iter().map(Representation::into_array).collect()
}

/// Sets the replicas of a group to their start, which may be weights that a file gives.
fn initialise(group: &mut Group, sweep: &Sweep) -> Result<()> {
    group.initialise(&sweep.replicas)?;
    let e = sweep.replicas[group.slices[0].1[0]].experiment.clone();
    let own = e.model.init_from.as_ref().map(|path| (None, path, &e.model.rename));
    let beside =
        e.networks.iter().filter_map(|(name, n)| Some((Some(name.as_str()), n.init_from.as_ref()?, &n.rename)));
    own.into_iter().chain(beside).try_for_each(|(network, path, rename)| {
        group.set_parameters(network, &renamed(read_safetensors(path)?, rename, path)?, path)
    })
}

/// Arrays with the first of the beginnings that their names have replaced by another.
fn renamed(mut arrays: Vec<NamedArray>, rename: &[[String; 2]], path: &Path) -> Result<Vec<NamedArray>> {
    let mut fit = vec![false; rename.len()];
    for (name, ..) in &mut arrays {
        let found =
            rename.iter().enumerate().find_map(|(i, [from, to])| Some((i, to, name.strip_prefix(from.as_str())?)));
        if let Some((i, to, rest)) = found {
            fit[i] = true;
            *name = format!("{to}{rest}");
        }
    }
    match fit.iter().position(|fit| !fit) {
        None => Ok(arrays),
        Some(i) => Err(Error::config(format!(
            "rename: expected names in {} that begin with `{}`, and that no beginning before it takes; found none",
            path.display(),
            rename[i][0]
        ))),
    }
}
