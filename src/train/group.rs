//! A group of replicas on a device: one compiled program, in as many slices as the adapter's limits ask for.

use std::path::Path;
use std::sync::Arc;

use super::compile::Compiled;
use super::options::{Matrices, Options};
use super::replica::Replica;
use super::stages::{self, Ended};
use super::structure;
use super::tables::{MAKE, OWN_INPUTS, OWN_TARGETS};
use crate::config::per_replica;
use crate::data::NamedArray;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Lowering, Machine, Plan, Room, lower_as};
use crate::kernels::Arena;
use crate::selftest;

/// Replicas that share one graph.
#[derive(Debug)]
pub struct Group {
    /// What was compiled.
    pub compiled: Arc<Compiled>,
    /// The machines, each with the places in the sweep of its replicas.
    pub slices: Vec<(Machine, Vec<usize>)>,
    /// Whether the stages of all of its replicas are over, as far as was looked.
    pub(super) done: bool,
}

/// A group that is planned, and has no memory yet.
#[derive(Debug)]
pub struct Planned {
    /// What was compiled.
    pub compiled: Arc<Compiled>,
    /// The plan of each slice, each with the places in the sweep of its replicas. Slices of one size share one plan.
    pub slices: Vec<(Arc<Plan>, Vec<usize>)>,
}

impl Planned {
    /// Splits replicas into slices that fit the limits of an adapter, of so many at most, and plans them.
    ///
    /// # Errors
    /// If not even one replica fits.
    pub fn new(
        gpu: Option<&Arc<Gpu>>,
        compiled: Compiled,
        members: &[usize],
        slice: Option<usize>,
        options: &Options,
    ) -> Result<Self> {
        let profile = match gpu {
            Some(gpu) => profile(gpu, compiled.mixed, options)?,
            None => Profile::processor(),
        };
        let wanted = slice.unwrap_or(members.len()).min(members.len()).min(profile.grid as usize).max(1);
        // Small groups fit whole, and their plan is made once; of large ones a part shows how many fit.
        let mut lowering = options.lowering;
        let mut first = plan(&compiled, wanted.min(64), &profile, lowering)?;
        // The software adapter's resident form is under test with every change; a GPU's is tried before it is relied on.
        if let (Some(gpu), Lowering::Auto, Lowering::Resident) = (gpu, lowering, first.lowering("step"))
            && !profile.software
            && !selftest::resident_is_sound(gpu)
        {
            lowering = Lowering::Layered;
            first = plan(&compiled, wanted.min(64), &profile, lowering)?;
        }
        let size = most_replicas(&first, &profile)?.min(wanted);
        let mut latest = Arc::new(first);
        let mut slices = Vec::new();
        for part in members.chunks(size) {
            if latest.replicas != part.len() {
                latest = Arc::new(plan(&compiled, part.len(), &profile, lowering)?);
            }
            slices.push((latest.clone(), part.to_vec()));
        }
        Ok(Self { compiled: Arc::new(compiled), slices })
    }

    /// Makes the machines: the first `own` with a state of their own, which are counted off, the others as guests of the room.
    ///
    /// # Errors
    /// If a kernel does not compile, or the device has not enough memory.
    pub(super) fn make(&self, gpu: Option<&Arc<Gpu>>, room: &Arc<Room>, own: &mut usize) -> Result<Group> {
        let mut slices: Vec<(Machine, Vec<usize>)> = Vec::new();
        for (plan, members) in &self.slices {
            let sibling = slices.last().map(|(machine, _)| machine);
            slices.push((Machine::within(gpu, plan.clone(), room, *own == 0, sibling)?, members.clone()));
            *own = own.saturating_sub(1);
        }
        Ok(Group { compiled: self.compiled.clone(), slices, done: false })
    }
}

impl Group {
    /// Replicas in each slice but the last, which may have fewer.
    pub fn slice(&self) -> usize {
        self.slices.first().map_or(0, |(_, members)| members.len())
    }

    /// How the training step was lowered, with what a self-test decided: a run is only resumed with the same.
    pub fn lowering(&self) -> String {
        let plan = self.slices[0].0.plan();
        let matrices = plan.kernels().iter().any(|k| k.is_cooperative());
        format!("{}{}", plan.lowering("step").name(), if matrices { WITH_MATRICES } else { "" })
    }

    /// Sets the seeds and settings of all replicas and runs `init`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn initialise(&mut self, replicas: &[Replica]) -> Result<()> {
        for (machine, members) in &mut self.slices {
            let seeds: Vec<u32> = members.iter().map(|&m| replicas[m].seed).collect();
            machine.write_integers("seed", &seeds)?;
            let mut settings: Vec<Vec<Vec<f32>>> = Vec::with_capacity(members.len());
            for (i, &m) in members.iter().enumerate() {
                let of = |m: usize| &replicas[m].experiment;
                // Those that differ in their seeds alone share their settings.
                let same = i > 0 && Arc::ptr_eq(of(members[i - 1]), of(m));
                settings.push(if same { settings[i - 1].clone() } else { structure::values(of(m)) });
            }
            for (i, setting) in per_replica().iter().enumerate() {
                let own: Vec<f32> = settings.iter().flat_map(|values| values[i].iter().copied()).collect();
                if !own.is_empty() {
                    machine.write_variable(&structure::variable(&setting.key), &own)?;
                }
            }
            if let Some(own) = members.iter().map(|&m| replicas[m].data.as_deref()).collect::<Option<Vec<_>>>() {
                let outputs = own[0].values_width();
                let inputs: Vec<f32> = own.iter().flat_map(|part| part.inputs.iter().copied()).collect();
                let targets: Vec<f32> = own.iter().flat_map(|part| part.values(outputs)).collect();
                machine.write_variable(OWN_INPUTS, &inputs)?;
                machine.write_variable(OWN_TARGETS, &targets)?;
            }
            if self.compiled.stages > 0 {
                let own = members.iter().map(|&m| {
                    stages::settings(&replicas[m].experiment, &self.compiled.features, self.compiled.outputs)
                });
                let own = own.collect::<Result<Vec<_>>>()?;
                for i in 0..own[0].len() {
                    let values: Vec<f32> = own.iter().flat_map(|settings| settings[i].1.iter().copied()).collect();
                    machine.write_variable(own[0][i].0, &values)?;
                }
            }
            machine.run("init", 1)?;
        }
        self.make_data()
    }

    /// Makes the examples of replicas that make their own: needed once, and again after a snapshot is restored, which does
    /// not hold them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn make_data(&mut self) -> Result<()> {
        let makes = |machine: &&mut Machine| machine.plan().function(MAKE).is_some();
        let mut machines = self.slices.iter_mut().map(|(machine, _)| machine).filter(makes);
        machines.try_for_each(|machine| machine.run(MAKE, 1))
    }

    /// Replaces initial parameters of the network of `[model]`, or of one beside it, by given ones, of the shapes that PyTorch gives
    /// them, for all replicas.
    ///
    /// # Errors
    /// If names or shapes differ, with all that do.
    pub fn set_parameters(&mut self, network: Option<&str>, named: &[NamedArray], origin: &Path) -> Result<()> {
        let (names, shapes) = self.compiled.of_network(network);
        let differences = differences(&names, &shapes, named);
        if !differences.is_empty() {
            return Err(Error::data(origin, differences.join("; ")));
        }
        for name in &names {
            // A count that the file lacks stays 0.
            let Some((_, _, values)) = named.iter().find(|(n, ..)| n == name) else { continue };
            let variable = network.map_or_else(|| name.clone(), |network| format!("{network}.{name}"));
            for (machine, members) in &mut self.slices {
                for replica in 0..members.len() {
                    machine.write_replica(&variable, replica, values)?;
                }
            }
        }
        Ok(())
    }

    /// Queues so many training steps for all replicas.
    ///
    /// # Errors
    /// If the device fails.
    pub fn step(&mut self, steps: u32) -> Result<()> {
        for (machine, _) in &mut self.slices {
            machine.run("step", steps)?;
        }
        Ok(())
    }

    /// Queues so many training steps from step `at`, slice by slice; where there are stages, with a look after each multiple of
    /// `every` at whether they are over.
    ///
    /// # Errors
    /// If the device fails.
    pub fn advance(&mut self, at: u32, steps: u32, every: u32) -> Result<()> {
        if self.compiled.stages == 0 {
            return self.step(steps);
        }
        for (machine, _) in &mut self.slices {
            let mut done = 0;
            while done < steps {
                let part = (every - (at + done) % every).min(steps - done);
                machine.run("step", part)?;
                done += part;
                if (at + done).is_multiple_of(every) {
                    machine.run(stages::CHECK, 1)?;
                }
            }
        }
        Ok(())
    }

    /// The step after which no replica is trained, if the stages of all are over that have not diverged: the last end of
    /// stages, or of a replica that diverged.
    ///
    /// # Errors
    /// If the device fails.
    pub fn finished_at(&mut self) -> Result<Option<u32>> {
        if self.compiled.stages == 0 {
            return Ok(None);
        }
        let mut last = None;
        self.done = false;
        for (machine, _) in &mut self.slices {
            let read = machine.read_variables(&[stages::FINISHED, stages::FINISHED_AT, "alive", "diverged_at"])?;
            for (i, &finished) in read[0].iter().enumerate() {
                if finished == 0.0 && read[2][i] != 0.0 {
                    return Ok(None);
                }
                // The step in which it diverged was the one after so many.
                let at = if finished != 0.0 { read[1][i].to_bits() } else { read[3][i].to_bits() + 1 };
                last = last.max(Some(at));
            }
        }
        self.done = last.is_some();
        Ok(last)
    }

    /// What became of the stages of each replica, with its place in the sweep.
    ///
    /// # Errors
    /// If the device fails.
    pub fn ended(&mut self) -> Result<Vec<(usize, Ended)>> {
        let count = self.compiled.stages;
        let mut all = Vec::new();
        if count == 0 {
            return Ok(all);
        }
        for (machine, members) in &mut self.slices {
            let names = [stages::FINISHED, stages::FINISHED_AT, stages::ENDED_AT, stages::REACHED];
            let read = machine.read_variables(&names)?;
            for (i, &m) in members.iter().enumerate() {
                let each = |values: &[f32]| values[i * count..(i + 1) * count].to_vec();
                let stages = each(&read[2])
                    .into_iter()
                    .zip(each(&read[3]))
                    .map(|(at, reached)| (at > 0.0).then_some((at as u32, reached != 0.0)))
                    .collect();
                let finished_at = (read[0][i] != 0.0).then(|| read[1][i].to_bits());
                all.push((m, Ended { finished_at, stages }));
            }
        }
        Ok(all)
    }

    /// Waits until everything queued has run.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn wait(&mut self) -> Result<()> {
        self.slices.iter_mut().try_for_each(|(machine, _)| machine.wait())
    }
}

/// What a batch norm counts without using it, which not all files have.
const UNUSED: &str = ".num_batches_tracked";

/// What keeps given arrays from being those of a model, whose `names` have these `shapes`. Of arrays that the model lacks, those
/// count that belong to one of its layers, and all if one of its own is missing, which may be there under another name.
fn differences(names: &[String], shapes: &[Vec<usize>], given: &[NamedArray]) -> Vec<String> {
    let mut all = Vec::new();
    for (name, expected) in names.iter().zip(shapes) {
        match given.iter().find(|(n, ..)| n == name) {
            Some((_, shape, _)) if shape != expected => {
                all.push(format!("`{name}` has the shape {shape:?}, and the model needs {expected:?}"));
            }
            None if !name.ends_with(UNUSED) => all.push(format!("has no tensor `{name}`, which the model needs")),
            _ => {}
        }
    }
    let missing = all.iter().any(|difference| difference.starts_with("has no"));
    let layer = |name: &str| name.rsplit_once('.').map(|(layer, _)| layer.to_owned());
    let own: Vec<_> = names.iter().map(|name| layer(name)).collect();
    for (name, shape, _) in given.iter().filter(|(name, ..)| !names.contains(name)) {
        if missing || own.contains(&layer(name)) {
            all.push(format!("has `{name}` of the shape {shape:?}, for which the model has no place"));
        }
    }
    all
}

/// What the name of a lowering ends in where products are taken by cooperative matrices.
pub(super) const WITH_MATRICES: &str = " with cooperative matrices";

/// The profile that decides between kernel bodies.
fn profile(gpu: &Arc<Gpu>, mixed: bool, options: &Options) -> Result<Profile> {
    let profile = options.profile.as_ref().unwrap_or(gpu.profile()).clone();
    match options.matrices {
        _ if !mixed => Ok(profile),
        Matrices::Auto if profile == *gpu.profile() => Ok(selftest::tried(gpu)),
        Matrices::Auto => Ok(profile),
        Matrices::Yes if profile.cooperative.is_empty() => Err(Error::Device(format!(
            "{} has no cooperative matrices: use --matrices no, or auto",
            gpu.summary().name
        ))),
        Matrices::Yes => Ok(profile),
        Matrices::No => Ok(Profile { cooperative: Vec::new(), ..profile }),
    }
}

/// The plan of so many replicas.
///
/// # Errors
/// If it cannot be lowered.
pub(super) fn plan(compiled: &Compiled, replicas: usize, profile: &Profile, lowering: Lowering) -> Result<Plan> {
    lower_as(&compiled.graph, &compiled.functions, replicas, profile, lowering)
}

/// How many of a plan's replicas fit the adapter's binding limit at once.
fn most_replicas(plan: &Plan, profile: &Profile) -> Result<usize> {
    let mut most = profile.grid as usize;
    for (arena, (total, each)) in Arena::ALL.iter().zip(plan.bytes().iter().zip(plan.replica_bytes())) {
        let shared = total - each * plan.replicas as u64;
        if shared + each > profile.binding_bytes {
            return Err(Error::OutOfMemory(format!(
                "one replica needs {} MiB of {} memory, and the adapter binds at most {} MiB at once: use smaller layers, \
                 batches or probe sets, or another adapter",
                (shared + each) >> 20,
                format!("{arena:?}").to_lowercase(),
                profile.binding_bytes >> 20
            )));
        }
        // Offsets are 32-bit numbers of elements, whatever the adapter binds.
        let limit = profile.binding_bytes.min(4 * u64::from(u32::MAX));
        if let Some(fits) = (limit - shared).checked_div(each) {
            most = most.min(fits as usize);
        }
    }
    Ok(most)
}
