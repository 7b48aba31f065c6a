//! The resident lowering: one workgroup takes one replica through whole runs of a function, inside one dispatch.
//!
//! It is made from the layered plan: the same kernels over the same jobs in the same order, with a barrier where a
//! dispatch ended. So both lowerings compute the same values from the same words, and what a replica reads and writes
//! stays in the caches nearest to the workgroup that owns it.

use std::fmt::Write;
use std::sync::Arc;

use super::plan::{Dispatch, Lowering, Resident, human_bytes, human_count};
use crate::gpu::Profile;
use crate::kernels::{Kernel, Routine, template};

/// Operations per run and replica up to which a software adapter gains by the resident form: one workgroup is one of its
/// threads, and beyond this what dispatches cost no longer counts. Not tuned.
const SOFTWARE_FLOPS: u64 = 20_000_000;
/// Runs from which on it gains although its driver takes about ten seconds to compile a whole step as one kernel.
const SOFTWARE_RUNS: u32 = 10_000;
/// Operations of a GPU, where a workgroup is a small part of the machine.
const GPU_FLOPS: u64 = 4_000_000;
/// Bytes of state and temporaries per replica that the caches next to a workgroup can be expected to hold.
const GPU_BYTES: u64 = 192 << 10;

/// Words of a row of the program.
pub(super) const ROW: u32 = 3;

impl Resident {
    /// The function's dispatches as one kernel; their rows are appended to `table`.
    pub(super) fn new(dispatches: &[Dispatch], profile: &Profile, table: &mut Vec<u32>) -> Self {
        let rows_at = table.len() as u32;
        let mut segments: Vec<(Arc<Kernel>, u32)> = Vec::new();
        for dispatch in dispatches {
            table.extend([dispatch.jobs_at, dispatch.jobs, dispatch.blocks]);
            match segments.last_mut() {
                Some((kernel, rows)) if *kernel == dispatch.kernel => *rows += 1,
                _ => segments.push((dispatch.kernel.clone(), 1)),
            }
        }
        let per_run = turns(dispatches.iter().map(|d| (d.blocks, d.iterations)));
        let most_runs = most_turns(profile).map_or(u32::MAX, |most| (most / per_run).max(1) as u32);
        let width = profile.width();
        let lockstep = profile.software && profile.cpu && profile.subgroup_barriers && profile.subgroup_min >= width;
        Self { segments, rows_at, width, lockstep, most_runs }
    }

    /// A short name for labels and messages.
    pub fn name(&self) -> String {
        format!("resident({} kernels)", self.segments.len())
    }

    /// The WGSL text of the whole.
    pub fn wgsl(&self) -> String {
        let mut kernels: Vec<&Arc<Kernel>> = Vec::new();
        let (mut calls, mut row) = (String::new(), 0);
        let mut routines: Vec<Routine> = Vec::new();
        for (kernel, rows) in &self.segments {
            let number = kernels.iter().position(|k| *k == kernel).unwrap_or_else(|| {
                kernels.push(kernel);
                routines.push(kernel.routine(&format!("kernel{}", kernels.len() - 1), self.width));
                kernels.len() - 1
            });
            // What a block leaves in workgroup memory must be read before the next block writes there.
            let between = if routines[number].pad > 0 { "                workgroupBarrier();\n" } else { "" };
            let _ = write!(
                calls,
                "        for (var row = {row}u; row < {}u; row++) {{\n            let words = dispatch.jobs_at + row * {ROW}u;\n            \
                 let jobs_at = table[words];\n            let jobs = table[words + 1u];\n            \
                 let blocks = table[words + 2u];\n            for (var block = 0u; block < blocks; block++) {{\n                \
                 kernel{number}(Place(jobs_at, jobs, block, replica), lane, {{{{within}}}});\n{between}            }}\n            \
                 storageBarrier();\n            workgroupBarrier();\n        }}\n",
                row + rows
            );
            row += rows;
        }
        template::resident(&routines, &calls, self.lockstep)
    }
}

/// About how many loop iterations an invocation makes in one run, of dispatches of so many blocks and iterations in a block.
pub(super) fn turns(work: impl Iterator<Item = (u32, u64)>) -> u64 {
    work.map(|(blocks, iterations)| 1 + u64::from(blocks) * (1 + iterations)).sum::<u64>() + 1
}

/// How many one dispatch may make, where the driver cuts long loops short: half of what is known to be safe, since the count
/// is an estimate.
pub(super) fn most_turns(profile: &Profile) -> Option<u64> {
    profile.loop_iterations.map(|most| most / 2)
}

/// What decides between the lowerings: quantities of one replica.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Operations of one run.
    pub flops: u64,
    /// State and temporaries.
    pub bytes: u64,
}

/// Whether a function gets the resident form, and why.
pub(super) fn choose(size: Size, runs: u32, wanted: Lowering, profile: &Profile) -> (bool, String) {
    let (flops, bytes) = (human_count(size.flops), human_bytes(size.bytes));
    match wanted {
        _ if profile.native => (false, "each core takes a replica through many runs".into()),
        Lowering::Layered => (false, "asked for".into()),
        Lowering::Resident => (true, "asked for".into()),
        Lowering::Auto if profile.software => {
            let fits = size.flops <= SOFTWARE_FLOPS;
            let limit = human_count(SOFTWARE_FLOPS);
            let word = if fits { "at most" } else { "more than" };
            let why =
                format!("a run of one replica takes {flops} operations, {word} the {limit} that one thread should do");
            if fits && runs < SOFTWARE_RUNS {
                let why =
                    format!("{runs} runs are fewer than the {SOFTWARE_RUNS} that repay compiling them as one kernel");
                return (false, why);
            }
            (fits, why)
        }
        Lowering::Auto => {
            let fits = size.flops <= GPU_FLOPS && size.bytes <= GPU_BYTES;
            let limits = format!("{} and {}", human_count(GPU_FLOPS), human_bytes(GPU_BYTES));
            let word = if fits { "within" } else { "beyond" };
            (
                fits,
                format!("one replica takes {flops} operations a run and {bytes}, {word} the {limits} of one workgroup"),
            )
        }
    }
}
