//! Plans: the finished list of dispatches of each function, and where everything stands. Data; no live GPU object.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::node::{Shape, VariableKind};
use crate::kernels::program::DType;
use crate::kernels::{Arena, Kernel, Slot};

/// A tensor's place and shape.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it stands.
    pub slot: Slot,
    /// Its shape, for one replica or for the pairs of the group.
    pub shape: Shape,
    /// Its element type.
    pub dtype: DType,
    /// Elements it takes.
    pub elements: usize,
}

/// A ring of recorded values.
#[derive(Clone, Debug)]
pub struct Ring {
    /// Where its first entry stands.
    pub place: Placed,
    /// Steps kept.
    pub capacity: usize,
}

/// One dispatch: a kernel, its jobs in the table, and how many replicas it runs over.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// What it is for: the nodes or variables that it computes.
    pub label: String,
    /// The kernel variant.
    pub kernel: Arc<Kernel>,
    /// First word of its jobs in the plan's table.
    pub jobs_at: u32,
    /// Number of jobs.
    pub jobs: u32,
    /// Workgroups per replica, over all jobs.
    pub blocks: u32,
    /// Replicas (1 for what they share).
    pub replicas: u32,
    /// About how many loop iterations an invocation makes in one block (see [`Variant::iterations`](crate::kernels::Variant::iterations)).
    pub iterations: u64,
    /// Floating-point operations, over all replicas.
    pub flops: u64,
    /// Bytes read and written if nothing is cached, over all replicas.
    pub bytes: u64,
}

impl Dispatch {
    /// The grid: blocks, folded into z beyond `limit`; replicas in y.
    pub fn grid(&self, limit: u32) -> [u32; 3] {
        let x = self.blocks.min(limit).max(1);
        [x, self.replicas, self.blocks.div_ceil(x)]
    }
}

/// Which lowering a function that is run many times in a row gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lowering {
    /// Resident where a replica is small enough for one workgroup, by a rule on its own shape and the profile.
    #[default]
    Auto,
    /// One dispatch per fused operation over all replicas.
    Layered,
    /// Many runs in one dispatch, one workgroup per replica.
    Resident,
}

impl Lowering {
    /// Its name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Layered => "layered",
            Self::Resident => "resident",
        }
    }
}

impl std::str::FromStr for Lowering {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Auto, Self::Layered, Self::Resident];
        known.into_iter().find(|l| l.name() == text).ok_or_else(|| "expected auto, layered or resident".to_owned())
    }
}

/// A function as one kernel.
#[derive(Clone, Debug)]
pub struct Resident {
    /// Kernels in order, each with the number of consecutive dispatches that it runs.
    pub segments: Vec<(Arc<Kernel>, u32)>,
    /// Where the rows of the program stand in the table: first job, jobs and blocks of each dispatch.
    pub rows_at: u32,
    /// Invocations per workgroup.
    pub width: u32,
    /// A workgroup advances as one, so that it needs no barriers: a software adapter runs a subgroup as one vector.
    pub lockstep: bool,
    /// Runs after which a dispatch must end, where the driver cuts long loops short.
    pub most_runs: u32,
}

/// The dispatches of one function.
#[derive(Clone, Debug)]
pub struct PlannedFunction {
    /// Its name.
    pub name: String,
    /// In order.
    pub dispatches: Vec<Dispatch>,
    /// Scratch memory per replica, elements.
    pub scratch_per_replica: usize,
    /// Bytes that any way of running it must read and write: variables, results, and what is gathered from data.
    pub least_bytes: u64,
    /// All dispatches as one kernel that runs the function many times, if it has that form.
    pub resident: Option<Resident>,
    /// Why it has, or has not; empty for functions that are not run many times in a row.
    pub lowering: String,
}

/// A lowered program: everything that an executor needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Replicas in the group.
    pub replicas: usize,
    /// Invocations per workgroup of kernels that leave it open.
    pub width: u32,
    /// Workgroups along one dimension of a grid at most.
    pub grid: u32,
    /// Elements of each arena, in the order of [`Arena::ALL`].
    pub elements: [usize; 4],
    /// Words of all jobs.
    pub table: Vec<u32>,
    /// Contents of the data arena.
    pub data: Vec<f32>,
    /// The functions.
    pub functions: Vec<PlannedFunction>,
    /// Places of variables, by name.
    pub variables: BTreeMap<String, (VariableKind, Placed)>,
    /// Elements that each further replica adds to each arena.
    pub strides: [usize; 4],
    /// Elements of each replica's state, from its first, that cannot be recomputed.
    pub saved: usize,
    /// Places of outputs, by name.
    pub outputs: BTreeMap<String, Placed>,
    /// Places of rings, by name.
    pub records: BTreeMap<String, Ring>,
}

impl Plan {
    /// A function by its name.
    pub fn function(&self, name: &str) -> Option<usize> {
        self.functions.iter().position(|f| f.name == name)
    }

    /// How a function was lowered.
    pub fn lowering(&self, function: &str) -> Lowering {
        match self.function(function).and_then(|f| self.functions[f].resident.as_ref()) {
            Some(_) => Lowering::Resident,
            None => Lowering::Layered,
        }
    }

    /// Dispatches that one of many runs of a function takes: of a resident function, its share of a dispatch.
    pub fn dispatches_per_run(&self, function: &str) -> f64 {
        self.function(function).map_or(0.0, |f| {
            let f = &self.functions[f];
            f.resident.as_ref().map_or(f.dispatches.len() as f64, |r| 1.0 / f64::from(r.most_runs))
        })
    }

    /// Bytes of each arena.
    pub fn bytes(&self) -> [u64; 4] {
        self.elements.map(|n| 4 * n as u64)
    }

    /// Bytes that each further replica adds to each arena.
    pub fn replica_bytes(&self) -> [u64; 4] {
        self.strides.map(|n| 4 * n as u64)
    }

    /// Distinct kernel variants.
    pub fn kernels(&self) -> Vec<Arc<Kernel>> {
        let mut kernels: Vec<Arc<Kernel>> = Vec::new();
        for dispatch in self.functions.iter().flat_map(|f| &f.dispatches) {
            if !kernels.contains(&dispatch.kernel) {
                kernels.push(dispatch.kernel.clone());
            }
        }
        kernels
    }
}

/// Writes a byte count for people.
pub(crate) fn human_bytes(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit < 4 {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", ["B", "KiB", "MiB", "GiB", "TiB"][unit]) }
}

/// Writes an operation count for people.
pub(crate) fn human_count(count: u64) -> String {
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 1000.0 && unit < 4 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { count.to_string() } else { format!("{value:.1} {}", ["", "k", "M", "G", "T"][unit]) }
}

impl PlannedFunction {
    /// The dispatches as a table, with the time that each took if it was measured.
    pub fn table(&self, times: &[Duration]) -> String {
        let mut text = String::new();
        self.write_table(times, &mut text).expect("writing to a string does not fail");
        text
    }

    fn write_table(&self, times: &[Duration], f: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(f, "{}: {} dispatches", self.name, self.dispatches.len())?;
        if !self.lowering.is_empty() {
            let form = match self.resident {
                Some(_) => "resident (many runs in one dispatch, the same kernels in the same order)",
                None => "layered",
            };
            writeln!(f, "  {form}: {}", self.lowering)?;
        }
        let measured = times.len() == self.dispatches.len() && !times.is_empty();
        write!(
            f,
            "  {:>3}  {:<34} {:<46} {:>14} {:>5} {:>10} {:>9}",
            "#", "what", "kernel", "grid", "jobs", "bytes", "FLOP"
        )?;
        writeln!(f, "{}", if measured { format!(" {:>9} {:>8}", "time", "GFLOP/s") } else { String::new() })?;
        for (n, d) in self.dispatches.iter().enumerate() {
            let [x, y, z] = d.grid(65_535);
            let grid = if z > 1 { format!("{x}x{y}x{z}") } else { format!("{x}x{y}") };
            write!(
                f,
                "  {n:>3}  {:<34} {:<46} {grid:>14} {:>5} {:>10} {:>9}",
                clip(&d.label, 34),
                clip(&d.kernel.name(), 46),
                d.jobs,
                human_bytes(d.bytes),
                human_count(d.flops)
            )?;
            if measured {
                let seconds = times[n].as_secs_f64();
                write!(f, " {:>6.0} us {:>8.1}", seconds * 1e6, d.flops as f64 / seconds / 1e9)?;
            }
            writeln!(f)?;
        }
        let (bytes, flops) = self.dispatches.iter().fold((0, 0), |(b, f), d| (b + d.bytes, f + d.flops));
        write!(
            f,
            "       {} moved ({} is the least possible), {} operations",
            human_bytes(bytes),
            human_bytes(self.least_bytes),
            human_count(flops)
        )?;
        if measured {
            let total: Duration = times.iter().sum();
            write!(f, ", {:.2} ms one after the other", total.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

fn clip(text: &str, width: usize) -> String {
    if text.chars().count() > width {
        format!("{}…", text.chars().take(width - 1).collect::<String>())
    } else {
        text.to_owned()
    }
}

impl fmt::Display for PlannedFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(&[], f)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} replicas", self.replicas)?;
        for (arena, bytes) in Arena::ALL.iter().zip(self.bytes()) {
            writeln!(f, "  {:<8} {:>10}", format!("{arena:?}").to_lowercase(), human_bytes(bytes))?;
        }
        for function in &self.functions {
            writeln!(f, "{function}")?;
        }
        Ok(())
    }
}
