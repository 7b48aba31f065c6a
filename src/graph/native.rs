//! A plan on the processor.
//!
//! A function whose values all differ between replicas is run replica by replica: a thread takes one through many runs, so that
//! its state stays in the caches of one core. Where there are fewer replicas than that keeps busy, and for what replicas share
//! or are compared in, the threads meet after each dispatch and share its units. Neither changes a bit: a unit computes the same
//! words wherever and whenever it runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::executor::{Room, zeroed};
use super::plan::{Dispatch, Plan};
use crate::cpu::{Isa, Memory, View, flushed};
use crate::error::Result;
use crate::kernels::{Arena, At, Space, Task};

/// Operations of a dispatch from which on several threads gain by sharing it, although they must meet.
const SHARED_WORK: u64 = 400_000;

/// A plan with its memory on the processor.
pub struct NativeMachine {
    plan: Arc<Plan>,
    isa: Isa,
    memory: Memory,
    room: Arc<Room>,
    functions: Vec<Vec<Step>>,
    /// Workspaces of threads, kept from run to run.
    spaces: Vec<Space>,
}

/// A dispatch: its jobs, decoded.
struct Step {
    tasks: Vec<Box<dyn Task>>,
    /// First unit of each job among those of one replica, and their number.
    units: Vec<usize>,
    replicas: usize,
    /// Of one replica.
    work: u64,
}

impl Step {
    fn new(dispatch: &Dispatch, plan: &Plan) -> Self {
        let words = dispatch.kernel.job_words();
        let job = |job: usize| &plan.table[dispatch.jobs_at as usize + job * words..][..words];
        let tasks: Vec<_> = (0..dispatch.jobs as usize).map(|i| dispatch.kernel.task(job(i))).collect();
        let mut units = vec![0];
        tasks.iter().for_each(|task| units.push(units[units.len() - 1] + task.units()));
        let replicas = dispatch.replicas as usize;
        let work = (dispatch.flops + dispatch.bytes) / replicas.max(1) as u64;
        Self { tasks, units, replicas, work }
    }

    /// All jobs, for one replica.
    fn run(&self, at: At, space: &mut Space) {
        self.tasks.iter().for_each(|task| task.run(at, 0..task.units(), space));
    }

    /// One unit of one replica, by its number among those of all.
    fn run_unit(&self, number: usize, isa: Isa, view: View, space: &mut Space) {
        let each = self.units[self.tasks.len()];
        let (replica, unit) = (number / each, number % each);
        let task = self.units.partition_point(|&first| first <= unit) - 1;
        let unit = unit - self.units[task];
        self.tasks[task].run(At { isa, replica, view }, unit..unit + 1, space);
    }
}

impl fmt::Debug for NativeMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeMachine")
            .field("isa", &self.isa)
            .field("replicas", &self.plan.replicas)
            .finish_non_exhaustive()
    }
}

impl NativeMachine {
    /// Arenas for a plan, zeroed but for its data; scratch is that of a room.
    ///
    /// # Errors
    /// If there is no memory for them, or no instruction set of the name that is asked for.
    pub fn new(plan: Arc<Plan>, room: &Arc<Room>) -> Result<Self> {
        Self::with(plan, room, Isa::chosen()?)
    }

    /// As [`NativeMachine::new`], with these instructions.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn with(plan: Arc<Plan>, room: &Arc<Room>, isa: Isa) -> Result<Self> {
        let mut memory = Memory::default();
        for arena in Arena::ALL.into_iter().filter(|arena| *arena != Arena::Scratch) {
            memory.replace(arena, zeroed(plan.elements[arena as usize])?);
        }
        memory.arena_mut(Arena::Data)[..plan.data.len()].copy_from_slice(&plan.data);
        let functions =
            plan.functions.iter().map(|f| f.dispatches.iter().map(|d| Step::new(d, &plan)).collect()).collect();
        Ok(Self { plan, isa, memory, room: room.clone(), functions, spaces: Vec::new() })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The instructions that it runs with.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The arenas.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The arenas, to change.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Runs a function so many times.
    pub fn run(&mut self, function: usize, times: u32) {
        self.steps(function, |steps, isa, view, replicas, spaces| run(steps, isa, view, replicas, times, spaces));
    }

    /// Time of each dispatch of a function by itself, over all replicas: the median of several tries.
    pub fn dispatch_times(&mut self, function: usize) -> Vec<Duration> {
        self.steps(function, |steps, isa, view, replicas, spaces| {
            let time = |step: &Step, spaces: &mut [Space]| {
                let begun = Instant::now();
                run(std::slice::from_ref(step), isa, view, replicas, 1, spaces);
                begun.elapsed()
            };
            let median = |step: &Step| {
                let mut tries: Vec<Duration> = (0..7).map(|_| time(step, spaces)).collect();
                tries.sort_unstable();
                tries[tries.len() / 2]
            };
            steps.iter().map(median).collect()
        })
    }

    /// Hands out what a function runs with.
    fn steps<T>(&mut self, function: usize, run: impl FnOnce(&[Step], Isa, View, usize, &mut [Space]) -> T) -> T {
        let mut scratch = self.room.host().lock().expect("no panic while held");
        self.memory.replace(Arena::Scratch, std::mem::take(&mut scratch));
        self.spaces.resize_with(rayon::current_num_threads(), Space::default);
        let found = run(&self.functions[function], self.isa, self.memory.view(), self.plan.replicas, &mut self.spaces);
        *scratch = self.memory.replace(Arena::Scratch, Vec::new());
        found
    }
}

/// Runs dispatches in order so many times, in the way that suits them.
fn run(steps: &[Step], isa: Isa, view: View, replicas: usize, times: u32, spaces: &mut [Space]) {
    let threads = spaces.len();
    // What replicas share must be there for all of them.
    let apart = steps.iter().all(|step| step.replicas == replicas);
    let shares = |step: &Step| threads > 1 && step.work * step.replicas as u64 >= SHARED_WORK;
    // Whole rounds of replicas keep all threads busy; else their units must.
    let enough = replicas.is_multiple_of(threads) || replicas >= 8 * threads;
    if apart && (enough || !steps.iter().any(shares)) {
        return by_replica(steps, isa, view, replicas, times, spaces);
    }
    for _ in 0..times {
        // What stands between two meetings of the replicas is done for one after the other, while its values are near.
        for part in steps.chunk_by(|a, b| enough && a.replicas == replicas && b.replicas == replicas) {
            match part {
                _ if enough && part[0].replicas == replicas && replicas > 1 => {
                    by_replica(part, isa, view, replicas, 1, spaces);
                }
                _ => part.iter().for_each(|step| match shares(step) {
                    true => by_unit(step, isa, view, spaces),
                    false => shared_out(step.replicas, 1, spaces, |replica, space| {
                        step.run(At { isa, replica, view }, space);
                    }),
                }),
            }
        }
    }
}

/// Each thread takes whole replicas through all runs.
fn by_replica(steps: &[Step], isa: Isa, view: View, replicas: usize, times: u32, spaces: &mut [Space]) {
    let one = |replica: usize, space: &mut Space| {
        for _ in 0..times {
            steps.iter().for_each(|step| step.run(At { isa, replica, view }, space));
        }
    };
    let work: u64 = steps.iter().map(|step| step.work).sum::<u64>() * u64::from(times) * replicas as u64;
    shared_out(replicas, if work < SHARED_WORK { 1 } else { spaces.len() }, spaces, one);
}

/// The threads share the units of one dispatch.
fn by_unit(step: &Step, isa: Isa, view: View, spaces: &mut [Space]) {
    let units = step.replicas * step.units[step.tasks.len()];
    shared_out(units, spaces.len(), spaces, |unit, space| step.run_unit(unit, isa, view, space));
}

/// Runs so many items on so many threads, each of which takes the next when it is done with one.
fn shared_out(items: usize, threads: usize, spaces: &mut [Space], run: impl Fn(usize, &mut Space) + Sync) {
    let threads = threads.min(items);
    if threads <= 1 {
        return flushed(|| (0..items).for_each(|item| run(item, &mut spaces[0])));
    }
    let next = AtomicUsize::new(0);
    spaces[..threads].par_iter_mut().with_max_len(1).for_each(|space| {
        flushed(|| {
            loop {
                let item = next.fetch_add(1, Ordering::Relaxed);
                if item >= items {
                    return;
                }
                run(item, space);
            }
        });
    });
}
