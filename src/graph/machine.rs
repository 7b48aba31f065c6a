//! A plan that can be run, on a GPU or on the processor, behind one set of verbs.

use std::sync::Arc;

use super::executor::{Clock, GpuMachine, Room, Submission};
use super::native::NativeMachine;
use super::node::VariableKind;
use super::plan::{Placed, Plan};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::kernels::Arena;

/// A plan with its memory, ready to run.
#[derive(Debug)]
pub enum Machine {
    /// On a device.
    Gpu(Box<GpuMachine>),
    /// On the processor.
    Cpu(Box<NativeMachine>),
}

/// One replica's variable to copy into another machine's: see [`Machine::copy_variables`].
#[derive(Clone, Debug)]
pub struct Copy {
    /// Variable read.
    pub from: String,
    /// Replica that it is read of.
    pub from_replica: usize,
    /// Variable written; it has as many rows, and at least as many columns: those beyond are left alone.
    pub to: String,
    /// Replica that it is written to.
    pub to_replica: usize,
}

impl Machine {
    /// Builds a machine: on `gpu`, or on the processor without one.
    ///
    /// # Errors
    /// If a kernel does not compile or the device has not enough memory.
    pub fn new(gpu: Option<&Arc<Gpu>>, plan: impl Into<Arc<Plan>>) -> Result<Self> {
        let plan = plan.into();
        let room = Room::of(gpu, &plan)?;
        Self::within(gpu, plan, &room, false, None)
    }

    /// Builds a machine that shares memory with others: see [`GpuMachine::within`].
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn within(
        gpu: Option<&Arc<Gpu>>,
        plan: Arc<Plan>,
        room: &Arc<Room>,
        guest: bool,
        sibling: Option<&Machine>,
    ) -> Result<Self> {
        let Some(gpu) = gpu else { return Ok(Self::Cpu(Box::new(NativeMachine::new(plan, room)?))) };
        let sibling = match sibling {
            Some(Self::Gpu(sibling)) => Some(sibling.as_ref()),
            _ => None,
        };
        Ok(Self::Gpu(Box::new(GpuMachine::within(gpu.clone(), plan, room, guest, sibling)?)))
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Gpu(m) => m.plan(),
            Self::Cpu(m) => m.plan(),
        }
    }

    /// Replicas in the group.
    pub fn replicas(&self) -> usize {
        self.plan().replicas
    }

    /// Runs a function so many times. On a GPU the work is queued; reading waits for it.
    ///
    /// # Errors
    /// If there is no such function, or the device fails.
    pub fn run(&mut self, function: &str, times: u32) -> Result<()> {
        let index = self
            .plan()
            .function(function)
            .ok_or_else(|| Error::Device(format!("the plan has no function `{function}`")))?;
        match self {
            Self::Gpu(m) => m.run(index, times),
            Self::Cpu(m) => {
                m.run(index, times);
                Ok(())
            }
        }
    }

    /// Waits until everything queued has run.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn wait(&mut self) -> Result<()> {
        match self {
            Self::Gpu(m) => m.wait(),
            Self::Cpu(_) => Ok(()),
        }
    }

    fn read(&mut self, arena: Arena, start: usize, count: usize) -> Result<Vec<f32>> {
        match self {
            Self::Gpu(m) => m.read(arena, start, count),
            Self::Cpu(m) => Ok(m.memory().arena(arena)[start..start + count].to_vec()),
        }
    }

    fn write(&mut self, arena: Arena, start: usize, values: &[f32]) -> Result<()> {
        match self {
            Self::Gpu(m) => m.write(arena, start, values),
            Self::Cpu(m) => {
                m.memory_mut().arena_mut(arena)[start..start + values.len()].copy_from_slice(values);
                Ok(())
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Placed> {
        let found = self.plan().variables.get(name).map(|(_, placed)| placed.clone());
        found.ok_or_else(|| Error::Device(format!("the plan has no variable `{name}`")))
    }

    /// A variable of every replica, one after the other: `[R, elements]`.
    ///
    /// # Errors
    /// If there is no such variable, or the device fails.
    pub fn read_variable(&mut self, name: &str) -> Result<Vec<f32>> {
        let placed = self.variable(name)?;
        self.read_pieces(placed.slot.offset as usize, placed.elements)
    }

    /// A variable of one replica.
    ///
    /// # Errors
    /// If there is no such variable or replica, or the device fails.
    pub fn read_replica(&mut self, name: &str, replica: usize) -> Result<Vec<f32>> {
        let placed = self.variable(name)?;
        self.check_replica(replica)?;
        let start = placed.slot.offset as usize + replica * placed.slot.stride as usize;
        self.read(Arena::State, start, placed.elements)
    }

    /// Several variables of every replica, from one reading of the state.
    ///
    /// # Errors
    /// As [`Machine::read_variable`].
    pub fn read_variables(&mut self, names: &[&str]) -> Result<Vec<Vec<f32>>> {
        let placed = names.iter().map(|name| self.variable(name)).collect::<Result<Vec<_>>>()?;
        let from = placed.iter().map(|p| p.slot.offset as usize).min().unwrap_or(0);
        let to = placed.iter().map(|p| p.slot.offset as usize + p.elements).max().unwrap_or(0);
        let pieces = self.read_pieces(from, to - from)?;
        let of = |p: &Placed| {
            let at = p.slot.offset as usize - from;
            pieces.chunks(to - from).flat_map(|piece| &piece[at..at + p.elements]).copied().collect()
        };
        Ok(placed.iter().map(of).collect())
    }

    /// Seconds that so many runs of a function take on an otherwise idle device or processor, by this clock.
    ///
    /// # Errors
    /// If the device fails.
    pub fn time(&mut self, function: usize, runs: u32, clock: &Clock) -> Result<f64> {
        match self {
            Self::Gpu(m) => m.time(function, runs, clock),
            Self::Cpu(m) => {
                let begun = std::time::Instant::now();
                m.run(function, runs);
                Ok(begun.elapsed().as_secs_f64())
            }
        }
    }

    /// Host time per dispatch of a function, encoding and submission included; none on the processor. It runs
    /// the function.
    ///
    /// # Errors
    /// If the device fails.
    pub fn host_cost(&mut self, function: &str, runs: u32) -> Result<Option<std::time::Duration>> {
        match (self.plan().function(function), self) {
            (Some(index), Self::Gpu(m)) => m.host_cost(index, runs).map(Some),
            _ => Ok(None),
        }
    }

    /// Time of each dispatch of a function; none of a resident function. It runs the dispatches, so what they compute is of no
    /// use afterwards.
    ///
    /// # Errors
    /// If the device fails.
    pub fn dispatch_times(&mut self, function: &str) -> Result<Vec<std::time::Duration>> {
        match (self.plan().function(function), self) {
            (Some(index), Self::Gpu(m)) if m.plan().functions[index].resident.is_none() => m.dispatch_times(index),
            (Some(index), Self::Cpu(m)) => Ok(m.dispatch_times(index)),
            _ => Ok(Vec::new()),
        }
    }

    /// An integer variable of every replica.
    ///
    /// # Errors
    /// As [`Machine::read_variable`].
    pub fn read_integers(&mut self, name: &str) -> Result<Vec<u32>> {
        Ok(self.read_variable(name)?.into_iter().map(f32::to_bits).collect())
    }

    /// Sets a variable of one replica.
    ///
    /// # Errors
    /// If there is no such variable or replica, or the number of values differs.
    pub fn write_replica(&mut self, name: &str, replica: usize, values: &[f32]) -> Result<()> {
        let placed = self.variable(name)?;
        self.check_replica(replica)?;
        if values.len() != placed.elements {
            return Err(Error::Shape(format!(
                "variable `{name}` {} does not take {} values",
                placed.shape,
                values.len()
            )));
        }
        self.write(Arena::State, placed.slot.offset as usize + replica * placed.slot.stride as usize, values)
    }

    /// Sets a variable of all replicas, `[R, elements]`.
    ///
    /// # Errors
    /// If there is no such variable, or the number of values differs.
    pub fn write_variable(&mut self, name: &str, values: &[f32]) -> Result<()> {
        let placed = self.variable(name)?;
        if values.len() != placed.elements * self.replicas() {
            return Err(Error::Shape(format!(
                "variable `{name}` {} of {} replicas does not take {} values",
                placed.shape,
                self.replicas(),
                values.len()
            )));
        }
        self.write_pieces(placed.slot.offset as usize, placed.elements, values)
    }

    /// Sets an integer variable of all replicas.
    ///
    /// # Errors
    /// As [`Machine::write_variable`].
    pub fn write_integers(&mut self, name: &str, values: &[u32]) -> Result<()> {
        self.write_variable(name, &values.iter().map(|&v| f32::from_bits(v)).collect::<Vec<_>>())
    }

    fn check_replica(&self, replica: usize) -> Result<()> {
        if replica < self.replicas() {
            return Ok(());
        }
        Err(Error::Shape(format!("there is no replica {replica} in a group of {}", self.replicas())))
    }

    fn gather(&self, placed: &Placed, arena: &[f32]) -> Vec<f32> {
        let runs = if placed.slot.stride == 0 { 1 } else { self.replicas() };
        (0..runs)
            .flat_map(|r| {
                let at = placed.slot.offset as usize + r * placed.slot.stride as usize;
                arena[at..at + placed.elements].iter().copied()
            })
            .collect()
    }

    /// Everything that functions gave as outputs or records, read back at once.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read_results(&mut self) -> Result<Results> {
        let values = self.read(Arena::Out, 0, self.plan().elements[Arena::Out as usize])?;
        Ok(Results { values })
    }

    /// Begins to read everything that functions gave so far, while the device goes on: whatever is queued from here on is not
    /// in it. One reading at a time.
    ///
    /// # Errors
    /// If the device fails, or another such reading has not been finished.
    pub fn begin_reading_results(&mut self) -> Result<Reading> {
        match self {
            Self::Gpu(m) => m.begin_reading().map(Reading::Queued),
            Self::Cpu(_) => self.read_results().map(Reading::Done),
        }
    }

    /// Waits for a reading and takes it.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn finish_reading_results(&mut self, reading: Reading) -> Result<Results> {
        match (self, reading) {
            (_, Reading::Done(results)) => Ok(results),
            (Self::Gpu(m), Reading::Queued(submission)) => Ok(Results { values: m.finish_reading(submission)? }),
            (Self::Cpu(_), Reading::Queued(_)) => {
                Err(Error::Device("a reading of another machine was handed to the processor".into()))
            }
        }
    }

    /// An output: of every replica one after the other, or one for the group.
    ///
    /// # Errors
    /// If there is no such output, or the device fails.
    pub fn read_output(&mut self, name: &str) -> Result<Vec<f32>> {
        let results = self.read_results()?;
        self.output(&results, name)
    }

    /// An output among results read before.
    ///
    /// # Errors
    /// If there is no such output.
    pub fn output(&self, results: &Results, name: &str) -> Result<Vec<f32>> {
        let placed = self.plan().outputs.get(name);
        let placed = placed.ok_or_else(|| Error::Device(format!("the plan has no output `{name}`")))?;
        Ok(self.gather(placed, &results.values))
    }

    /// A record among results read before: for each replica, entry `step` for each step from `from` to `to`.
    ///
    /// # Errors
    /// If there is no such record, or it no longer holds the steps.
    pub fn record(&self, results: &Results, name: &str, from: u32, to: u32) -> Result<Vec<Vec<f32>>> {
        let ring = self.plan().records.get(name);
        let ring = ring.ok_or_else(|| Error::Device(format!("the plan has no record `{name}`")))?;
        if (to - from) as usize > ring.capacity {
            return Err(Error::Device(format!(
                "the record `{name}` keeps {} steps, and {} were asked for: read it more often",
                ring.capacity,
                to - from
            )));
        }
        let (slot, elements) = (ring.place.slot, ring.place.elements);
        Ok((0..self.replicas())
            .map(|r| {
                let base = slot.offset as usize + r * slot.stride as usize;
                (from..to)
                    .flat_map(|step| {
                        let at = base + (step as usize % ring.capacity) * elements;
                        results.values[at..at + elements].iter().copied()
                    })
                    .collect()
            })
            .collect())
    }

    /// The same `count` elements of each replica's state, from `offset`, one replica after the other.
    fn read_pieces(&mut self, offset: usize, count: usize) -> Result<Vec<f32>> {
        let (replicas, stride) = (self.replicas(), self.plan().strides[Arena::State as usize]);
        match self {
            Self::Gpu(m) => m.read_pieces(offset, count),
            Self::Cpu(m) => {
                let state = m.memory().arena(Arena::State);
                Ok((0..replicas).flat_map(|r| &state[offset + r * stride..][..count]).copied().collect())
            }
        }
    }

    /// Writes what [`Machine::read_pieces`] reads.
    fn write_pieces(&mut self, offset: usize, count: usize, values: &[f32]) -> Result<()> {
        let stride = self.plan().strides[Arena::State as usize];
        match self {
            Self::Gpu(m) => m.write_pieces(offset, count, values),
            Self::Cpu(m) => {
                let state = m.memory_mut().arena_mut(Arena::State);
                for (replica, piece) in values.chunks(count.max(1)).enumerate() {
                    state[offset + replica * stride..][..piece.len()].copy_from_slice(piece);
                }
                Ok(())
            }
        }
    }

    /// The state of all replicas, one after the other, without what can be recomputed.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read_state(&mut self) -> Result<Vec<f32>> {
        self.read_pieces(0, self.plan().saved)
    }

    /// Replaces the state of all replicas by what [`Machine::read_state`] gave.
    ///
    /// # Errors
    /// If the size differs.
    pub fn write_state(&mut self, state: &[f32]) -> Result<()> {
        let saved = self.plan().saved;
        let expected = saved * self.replicas();
        if state.len() != expected {
            return Err(Error::Resume(format!(
                "the saved state has {} elements, and {expected} are expected",
                state.len()
            )));
        }
        self.write_pieces(0, saved, state)
    }

    /// Names of the variables of a kind, in order.
    pub fn variables_of(&self, kind: VariableKind) -> Vec<String> {
        self.plan().variables.iter().filter(|(_, (k, _))| *k == kind).map(|(n, _)| n.clone()).collect()
    }

    /// Copies variables from another machine, without leaving the device.
    ///
    /// # Errors
    /// If a variable or replica does not exist, sizes differ, or the machines are on different devices.
    pub fn copy_variables(&mut self, other: &Machine, copies: &[Copy]) -> Result<()> {
        let mut parts = Vec::with_capacity(copies.len());
        for copy in copies {
            let (from, to) = (other.variable(&copy.from)?, self.variable(&copy.to)?);
            other.check_replica(copy.from_replica)?;
            self.check_replica(copy.to_replica)?;
            let at = |p: &Placed, r: usize| p.slot.offset as usize + r * p.slot.stride as usize;
            let (source, target) = (at(&from, copy.from_replica), at(&to, copy.to_replica));
            let (narrow, wide) = (from.shape.columns(), to.shape.columns());
            let (rows, room) = (from.elements / narrow, to.elements / wide);
            if narrow == wide && rows == room {
                parts.push((source, target, from.elements));
            } else if narrow < wide && rows == room {
                parts.extend((0..rows).map(|row| (source + row * narrow, target + row * wide, narrow)));
            } else {
                return Err(Error::Shape(format!(
                    "`{}` {} cannot be copied to `{}` {}",
                    copy.from, from.shape, copy.to, to.shape
                )));
            }
        }
        match (self, other) {
            (Self::Gpu(to), Machine::Gpu(from)) => to.copy_from(from, Arena::State, Arena::State, &parts),
            (Self::Cpu(to), Machine::Cpu(from)) => {
                for (source, target, count) in parts {
                    let values = from.memory().arena(Arena::State)[source..source + count].to_vec();
                    to.memory_mut().arena_mut(Arena::State)[target..target + count].copy_from_slice(&values);
                }
                Ok(())
            }
            _ => Err(Error::Device("tensors cannot be copied between a device and the processor".into())),
        }
    }
}

/// Results on their way from the device.
#[derive(Debug)]
pub enum Reading {
    /// They arrive when this submission is done.
    Queued(Submission),
    /// They are here.
    Done(Results),
}

/// Outputs and records of a machine at one moment.
#[derive(Clone, Debug)]
pub struct Results {
    values: Vec<f32>,
}
