//! All groups of a run, and what they do together.

use std::sync::Arc;
use std::time::Duration;

use super::compile::Compiled;
use super::group::Group;
use super::stages::Ended;
use super::track::{Quantity, Tracked};
use crate::error::Result;
use crate::files::manifest::GroupEntry;
use crate::graph::{Machine, Reading, Room};

/// The groups of a run.
pub(super) struct Groups {
    pub all: Vec<Group>,
    /// What distinguishes each, for people.
    names: Vec<String>,
    /// Memory that they share.
    room: Arc<Room>,
    /// Records on their way from the device.
    pending: Option<Pending>,
    /// What has been recorded at every step, by replica.
    pub tracked: Vec<Tracked>,
}

/// Readings under way: of every slice of every group, with the steps that they hold.
struct Pending {
    from: u32,
    to: u32,
    readings: Vec<Reading>,
}

/// A slice of a group.
pub(super) struct Slice<'a> {
    group: usize,
    number: usize,
    pub compiled: &'a Compiled,
    pub machine: &'a mut Machine,
    /// Places in the sweep of its replicas.
    pub members: &'a [usize],
}

impl Slice<'_> {
    /// What the array of one of its variables is called in files that are kept until a run's end.
    pub fn array(&self, variable: &str) -> String {
        format!("{}/{}/{variable}", self.group, self.number)
    }
}

impl Groups {
    /// Of groups with their names, the memory that they share, and so many replicas.
    pub fn new(all: Vec<Group>, names: Vec<String>, room: Arc<Room>, replicas: usize) -> Self {
        Self { all, names, room, pending: None, tracked: vec![Tracked::default(); replicas] }
    }

    /// All slices.
    pub fn slices(&mut self) -> impl Iterator<Item = Slice<'_>> {
        self.all.iter_mut().enumerate().flat_map(|(g, group)| {
            let compiled = &*group.compiled;
            let slices = group.slices.iter_mut().enumerate();
            slices.map(move |(s, (machine, members))| Slice { group: g, number: s, compiled, machine, members })
        })
    }

    /// Queues so many steps from step `at`, with checks of stages after each multiple of `every`, of those that are not done.
    pub fn advance(&mut self, at: u32, steps: u32, every: u32) -> Result<()> {
        self.all.iter_mut().filter(|g| !g.done).try_for_each(|group| group.advance(at, steps, every.max(1)))
    }

    /// Waits until everything queued has run.
    pub fn wait(&mut self) -> Result<()> {
        self.all.iter_mut().try_for_each(Group::wait)
    }

    /// Time spent so far with states taking turns on the device.
    pub fn swapping(&self) -> Duration {
        self.room.swapping()
    }

    /// The step after which no replica is trained, if the stages of all are over.
    pub fn finished_at(&mut self) -> Result<Option<u32>> {
        // All are asked: each notes whether it is done.
        let ends = self.all.iter_mut().map(Group::finished_at).collect::<Result<Vec<_>>>()?;
        Ok(ends.into_iter().collect::<Option<Vec<u32>>>().map(|ends| ends.into_iter().max().unwrap_or(0)))
    }

    /// Loss at the step before `step` of the median replica of the first slice that is not done.
    pub fn median_loss(&mut self, step: u32) -> Result<Option<f64>> {
        let Some((machine, _)) = self.all.iter_mut().find(|g| !g.done).and_then(|g| g.slices.first_mut()) else {
            return Ok(None);
        };
        let results = machine.read_results()?;
        let all = machine.record(&results, "loss_of_step", step - 1, step)?;
        let mut losses: Vec<f32> = all.into_iter().flatten().filter(|x| x.is_finite()).collect();
        losses.sort_by(f32::total_cmp);
        Ok(losses.get(losses.len() / 2).map(|&x| f64::from(x)))
    }

    /// Begins to read the records of the steps from `from` to `to`, which have been queued, while the device goes on.
    pub fn begin_draining(&mut self, from: u32, to: u32) -> Result<()> {
        let readings = self.slices().map(|slice| slice.machine.begin_reading_results()).collect::<Result<_>>()?;
        self.pending = Some(Pending { from, to, readings });
        Ok(())
    }

    /// Takes the records whose reading was begun last, if any.
    pub fn finish_draining(&mut self) -> Result<()> {
        let Some(Pending { from, to, readings }) = self.pending.take() else { return Ok(()) };
        let mut tracked = std::mem::take(&mut self.tracked);
        for (Slice { compiled, machine, members, .. }, reading) in self.slices().zip(readings) {
            let results = machine.finish_reading_results(reading)?;
            for &quantity in &compiled.tracked {
                let values = machine.record(&results, &quantity.record(), from, to)?;
                for (&m, new) in members.iter().zip(values) {
                    extend(&mut tracked[m], quantity, &new);
                }
            }
        }
        self.tracked = tracked;
        Ok(())
    }

    /// What became of the stages of each replica.
    pub fn ended(&mut self) -> Result<Vec<Ended>> {
        let mut ended = vec![Ended::default(); self.tracked.len()];
        for group in &mut self.all {
            group.ended()?.into_iter().for_each(|(m, of)| ended[m] = of);
        }
        Ok(ended)
    }

    /// The step at which each replica diverged, as their states say.
    pub fn diverged(&mut self) -> Result<Vec<Option<u32>>> {
        let mut diverged = vec![None; self.tracked.len()];
        for Slice { machine, members, .. } in self.slices() {
            let read = machine.read_variables(&["alive", "diverged_at"])?;
            for (i, &m) in members.iter().enumerate().filter(|(i, _)| read[0][*i] == 0.0) {
                diverged[m] = Some(read[1][i].to_bits());
            }
        }
        Ok(diverged)
    }

    /// How the training step of each was lowered.
    pub fn lowering(&self) -> String {
        self.all.iter().map(Group::lowering).collect::<Vec<_>>().join(", ")
    }

    /// What the manifest says of them, and the number of each replica's.
    pub fn entries(&self) -> (Vec<GroupEntry>, Vec<u32>) {
        let mut of_replicas = vec![0; self.tracked.len()];
        for (g, group) in self.all.iter().enumerate() {
            group.slices.iter().flat_map(|(_, members)| members).for_each(|&m| of_replicas[m] = g as u32);
        }
        let entry = |(group, name): (&Group, &String)| GroupEntry {
            name: name.clone(),
            replicas: group.slices.iter().map(|(_, m)| m.len() as u64).sum(),
            parameters: group.compiled.parameters as u64,
            lowering: group.lowering(),
            dispatches_per_step: group.slices[0].0.plan().dispatches_per_run("step"),
        };
        (self.all.iter().zip(&self.names).map(entry).collect(), of_replicas)
    }
}

fn extend(tracked: &mut Tracked, quantity: Quantity, new: &[f32]) {
    match tracked.series.iter_mut().find(|(q, _)| *q == quantity) {
        Some((_, values)) => values.extend_from_slice(new),
        None => tracked.series.push((quantity, new.to_vec())),
    }
}
