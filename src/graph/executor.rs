//! The room where a plan meets a device.
//!
//! Everything is made once, when the machine is built: arenas, pipelines, the one bind group, a staging buffer. To run
//! a function is to encode its dispatches again, many runs to a submission, in one compute pass: a pipeline, sixteen
//! bytes and a call each. At most two submissions are in flight; their length follows the time that they take, and one run
//! of much work is cut into several by what its dispatches are estimated to do, so that no operating system's watchdog sees
//! a long one.

mod room;
mod timing;
mod transfer;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) use room::zeroed;
pub use room::{Room, RoomSize};
pub use timing::Clock;
pub use transfer::Submission;

use super::plan::{Dispatch, Plan, PlannedFunction};
use crate::error::Result;
use crate::gpu::{Gpu, Pipeline};
use crate::kernels::template;
use room::Guest;

/// What a submission should take, so that a watchdog of two seconds is far and an interrupt is heard soon.
const TARGET: Duration = Duration::from_millis(100);
/// Dispatches in one submission, however fast they are.
const MOST_DISPATCHES: usize = 4096;
/// Runs in one submission of a function that is one dispatch, however fast they are.
const MOST_RUNS: usize = 1 << 16;
const IN_FLIGHT: usize = 2;
/// Work of the dispatches of one run that share a submission: about a tenth of a second of a small GPU (see [`work`]).
const MOST_WORK: u64 = 1 << 34;

/// A plan on a device.
pub struct GpuMachine {
    gpu: Arc<Gpu>,
    plan: Arc<Plan>,
    room: Arc<Room>,
    /// What comes and goes, if it does: state and results.
    guest: Option<Arc<Guest>>,
    arenas: [wgpu::Buffer; 4],
    table: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
    functions: Vec<Loaded>,
    /// Where results are copied while the device goes on.
    results: Option<wgpu::Buffer>,
    in_flight: VecDeque<Queued>,
    /// When the last submission was found done.
    last_done: Option<Instant>,
}

/// A submission on its way.
struct Queued {
    index: wgpu::SubmissionIndex,
    at: Instant,
    function: usize,
    runs: usize,
}

/// A function, ready to encode.
struct Loaded {
    /// Its dispatches; a resident function has one, whose last word is the number of runs.
    commands: Vec<Command>,
    resident: bool,
    /// Runs that one dispatch may hold.
    most_runs: u32,
    /// Runs per submission that took about [`TARGET`] last time.
    pace: usize,
    /// Dispatches that share a submission: all of them, unless one run is too much work.
    parts: Vec<Range<usize>>,
}

impl Loaded {
    fn encode(&self, pass: &mut wgpu::ComputePass, part: Range<usize>, runs: u32) {
        for first in (0..runs).step_by(self.most_runs as usize) {
            for command in &self.commands[part.clone()] {
                let blocks = command.immediates[3];
                command.encode(pass, if self.resident { (runs - first).min(self.most_runs) } else { blocks });
            }
        }
    }
}

/// A dispatch, ready to encode.
struct Command {
    pipeline: Pipeline,
    immediates: [u32; 4],
    grid: [u32; 3],
}

impl Command {
    /// Encodes the dispatch with this last word.
    fn encode(&self, pass: &mut wgpu::ComputePass, last: u32) {
        let mut immediates = self.immediates;
        immediates[3] = last;
        pass.set_pipeline(&self.pipeline);
        pass.set_immediates(0, bytemuck::bytes_of(&immediates));
        pass.dispatch_workgroups(self.grid[0], self.grid[1], self.grid[2]);
    }
}

impl std::fmt::Debug for GpuMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GpuMachine")
            .field("gpu", &self.gpu)
            .field("replicas", &self.plan.replicas)
            .finish_non_exhaustive()
    }
}

impl GpuMachine {
    /// Makes everything that running the plan needs.
    ///
    /// # Errors
    /// If a kernel does not compile or the device has not enough memory.
    pub fn new(gpu: Arc<Gpu>, plan: impl Into<Arc<Plan>>) -> Result<Self> {
        let plan = plan.into();
        let room = Room::of(Some(&gpu), &plan)?;
        Self::within(gpu, plan, &room, false, None)
    }

    /// As [`GpuMachine::new`], with the scratch memory of a room; a guest has its state and results there too. Tables and data
    /// are those of a sibling, where it has the same.
    ///
    /// # Errors
    /// As [`GpuMachine::new`].
    pub fn within(
        gpu: Arc<Gpu>,
        plan: Arc<Plan>,
        room: &Arc<Room>,
        guest: bool,
        sibling: Option<&GpuMachine>,
    ) -> Result<Self> {
        let bytes = plan.bytes();
        let data = match sibling.filter(|s| s.plan.data == plan.data && s.plan.elements[0] == plan.elements[0]) {
            Some(sibling) => sibling.arenas[0].clone(),
            None => {
                let data = gpu.buffer("data", bytes[0])?;
                gpu.queue.write_buffer(&data, 0, bytemuck::cast_slice(&plan.data));
                data
            }
        };
        let table = match sibling.filter(|s| Arc::ptr_eq(&s.plan, &plan)) {
            Some(sibling) => sibling.table.clone(),
            None => {
                let table = gpu.buffer("table", 4 * plan.table.len() as u64)?;
                gpu.queue.write_buffer(&table, 0, bytemuck::cast_slice(&plan.table));
                table
            }
        };
        let [state, out] = match guest {
            true => room.places()?.clone(),
            false => [gpu.buffer("state", bytes[1])?, gpu.buffer("result", bytes[3])?],
        };
        let guest = guest.then(|| Guest::new(&plan));
        let arenas = [data, state, room.scratch()?.clone(), out];
        let [data, state, scratch, out] = &arenas;
        let mut bound = vec![&table, data, state, scratch, out];
        if gpu.has_views() {
            bound.extend([data, state, scratch]);
        }
        let entries: Vec<_> = (0..)
            .zip(bound)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("arenas"),
            layout: &gpu.bind_layout,
            entries: &entries,
        });
        gpu.count_object();
        let functions = plan.functions.iter().map(|f| load(&gpu, f, &plan)).collect::<Result<_>>()?;
        gpu.check()?;
        let room = room.clone();
        let (results, in_flight, last_done) = (None, VecDeque::new(), None);
        Ok(Self { gpu, plan, room, guest, arenas, table, bind_group, functions, results, in_flight, last_done })
    }

    /// Sees to it that the state and the results are on the device.
    fn here(&self) -> Result<()> {
        self.guest.as_ref().map_or(Ok(()), |guest| self.room.enter(&self.gpu, guest))
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    fn encode(&self, dispatches: impl FnOnce(&mut wgpu::ComputePass)) -> wgpu::SubmissionIndex {
        let mut encoder = self.gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: None });
            pass.set_bind_group(0, &self.bind_group, &[]);
            dispatches(&mut pass);
        }
        self.gpu.queue.submit([encoder.finish()])
    }

    /// Encodes and submits so many runs of a function.
    fn submit(&self, function: usize, runs: u32) -> wgpu::SubmissionIndex {
        let loaded = &self.functions[function];
        self.encode(|pass| loaded.encode(pass, 0..loaded.commands.len(), runs))
    }

    /// Queues `times` runs of a function. Returns before they have run, unless too many are waiting.
    ///
    /// # Errors
    /// If the device fails.
    pub fn run(&mut self, function: usize, times: u32) -> Result<()> {
        self.here()?;
        let mut left = times;
        let parts = self.functions[function].parts.clone();
        while left > 0 {
            let most = if parts.len() > 1 { 1 } else { self.functions[function].pace };
            let runs = most.clamp(1, left as usize);
            for part in &parts {
                let index = self.encode(|pass| self.functions[function].encode(pass, part.clone(), runs as u32));
                self.in_flight.push_back(Queued { index, at: Instant::now(), function, runs });
                self.throttle()?;
            }
            left -= runs as u32;
        }
        self.gpu.check()
    }

    /// Waits for the oldest submission when too many are in flight, and learns from it how long the next may be.
    fn throttle(&mut self) -> Result<()> {
        if self.in_flight.len() < IN_FLIGHT {
            return Ok(());
        }
        let Some(Queued { index, at, function, runs }) = self.in_flight.pop_front() else { return Ok(()) };
        let begun = Instant::now();
        self.gpu.wait_for(index)?;
        let done = Instant::now();
        let since = self.last_done.map_or(at, |last| last.max(at));
        self.last_done = Some(done);
        let loaded = &mut self.functions[function];
        let most = if loaded.resident { MOST_RUNS } else { MOST_DISPATCHES / loaded.commands.len().max(1) };
        loaded.pace = next_pace(loaded.pace, runs, [done - begun, done - since], most.max(1));
        Ok(())
    }

    /// Waits until everything queued has run.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn wait(&mut self) -> Result<()> {
        self.in_flight.clear();
        self.gpu.wait()
    }
}

/// Runs of a function in its next submission, from those in one that the host waited for (`waited`) and that took no longer
/// than `at_most`: it may have been done before the host came to wait, or have stood behind others.
fn next_pace(pace: usize, runs: usize, [waited, at_most]: [Duration; 2], most: usize) -> usize {
    if waited > 2 * TARGET {
        (runs / 2).max(1)
    } else if at_most < TARGET && runs >= pace / 2 {
        (pace * 2).min(most)
    } else {
        pace
    }
}

/// What a dispatch is estimated to do: operations, or eight for each byte moved.
fn work(dispatch: &Dispatch) -> u64 {
    dispatch.flops.max(dispatch.bytes.saturating_mul(8))
}

/// Dispatches in order, those together that are not too much work for one submission.
fn parts(work: impl Iterator<Item = u64>) -> Vec<Range<usize>> {
    let (mut parts, mut first, mut total, mut count) = (Vec::new(), 0, 0u64, 0);
    for work in work {
        if count > first && total.saturating_add(work) > MOST_WORK {
            parts.push(first..count);
            (first, total) = (count, 0);
        }
        (total, count) = (total.saturating_add(work), count + 1);
    }
    parts.push(first..count);
    parts
}

fn load(gpu: &Gpu, function: &PlannedFunction, plan: &Plan) -> Result<Loaded> {
    if let Some(resident) = &function.resident {
        let pipeline = pipeline(gpu, &resident.name(), resident.wgsl())?;
        let rows = function.dispatches.len() as u32;
        let immediates = [resident.rows_at, rows, 0, 0];
        let command = Command { pipeline, immediates, grid: [1, plan.replicas as u32, 1] };
        let (commands, parts) = (vec![command], std::iter::once(0..1).collect());
        return Ok(Loaded { commands, resident: true, most_runs: resident.most_runs, pace: 1, parts });
    }
    let each = function.dispatches.iter();
    let commands = each.clone().map(|d| command(gpu, d, plan.width, plan.grid)).collect::<Result<Vec<_>>>()?;
    let pace = (16 / commands.len().max(1)).max(1);
    Ok(Loaded { commands, resident: false, most_runs: 1, pace, parts: parts(each.map(work)) })
}

/// A kernel's pipeline, in the form that suits the device's bindings.
fn pipeline(gpu: &Gpu, name: &str, text: String) -> Result<Pipeline> {
    gpu.pipeline(name, &if gpu.has_views() { template::with_views(&text) } else { text })
}

fn command(gpu: &Gpu, dispatch: &Dispatch, width: u32, limit: u32) -> Result<Command> {
    let grid = dispatch.grid(limit);
    Ok(Command {
        pipeline: pipeline(gpu, &dispatch.kernel.name(), dispatch.kernel.wgsl(width))?,
        immediates: [dispatch.jobs_at, dispatch.jobs, grid[0], dispatch.blocks],
        grid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_much_work_is_cut_into_submissions() {
        let cut = |work: &[u64]| parts(work.iter().copied());
        let all = |end| std::iter::once(0..end).collect::<Vec<_>>();
        assert_eq!(cut(&[1, 2, 3]), all(3));
        assert_eq!(cut(&[]), all(0));
        // A dispatch is never cut; what would join one that is full goes into the next.
        assert_eq!(cut(&[1, MOST_WORK, 1, MOST_WORK - 1, 5]), [0..1, 1..2, 2..4, 4..5]);
        assert_eq!(cut(&[u64::MAX, u64::MAX]), [0..1, 1..2]);
    }

    #[test]
    fn a_submission_that_may_have_been_long_does_not_make_the_next_longer() {
        let ms = Duration::from_millis;
        assert_eq!(next_pace(8, 8, [ms(20), ms(20)], 64), 16);
        assert_eq!(next_pace(48, 48, [ms(20), ms(20)], 64), 64);
        // Done before the host came back: it may have taken all that time.
        assert_eq!(next_pace(8, 8, [ms(0), ms(900)], 64), 8);
        assert_eq!(next_pace(8, 8, [ms(300), ms(300)], 64), 4);
        assert_eq!(next_pace(1, 1, [ms(300), ms(300)], 64), 1);
        // A short rest at the end says little.
        assert_eq!(next_pace(64, 3, [ms(1), ms(1)], 4096), 64);
    }
}
