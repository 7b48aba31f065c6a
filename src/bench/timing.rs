//! Timing: warm-up, repeats long enough for the clock, medians and quartiles, and the roofline.

use std::sync::Arc;

use super::{Measurement, Results};
use crate::cpu::{self, Isa};
use crate::error::Result;
use crate::gpu::{AdapterSummary, Gpu, Profile};
use crate::graph::executor::{Clock, GpuMachine};
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::program::DType;

/// Repeats of each measurement.
const REPEATS: usize = 11;
/// Longest submission: short of any operating system's watchdog.
const LONGEST: f64 = 0.5;

/// What a benchmark run holds.
pub(super) struct Bench<'h> {
    /// None is the processor.
    pub gpu: Option<Arc<Gpu>>,
    pub profile: Profile,
    pub quick: bool,
    pub suite: &'static str,
    clock: Clock,
    peak_flops: f64,
    copy_bytes: f64,
    measurements: Vec<Measurement>,
    heard: &'h mut dyn FnMut(&Measurement),
}

/// Median and quartiles of repeats, seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub median: f64,
    pub low: f64,
    pub high: f64,
    pub repeats: usize,
}

impl Times {
    pub fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize];
        Self { median: at(0.5), low: at(0.25), high: at(0.75), repeats: seconds.len() }
    }

    fn scaled(self, by: f64) -> Self {
        Self { median: self.median * by, low: self.low * by, high: self.high * by, ..self }
    }
}

/// What one repeat does.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub name: String,
    pub size: String,
    pub flops: f64,
    pub bytes: f64,
    /// What is counted per repeat, and its unit per second; `None` for GFLOP/s.
    pub count: Option<(f64, &'static str)>,
    pub note: String,
}

impl<'h> Bench<'h> {
    /// Measures the roofline.
    pub fn new(gpu: Option<&Arc<Gpu>>, quick: bool, heard: &'h mut dyn FnMut(&Measurement)) -> Result<Self> {
        let clock = Clock::of(gpu.map(Arc::as_ref));
        let mut bench = Self {
            gpu: gpu.cloned(),
            profile: gpu.map_or_else(Profile::processor, |gpu| gpu.profile().clone()),
            quick,
            suite: "peak",
            clock,
            peak_flops: 0.0,
            copy_bytes: 0.0,
            measurements: Vec::new(),
            heard,
        };
        bench.peak()?;
        Ok(bench)
    }

    pub fn finish(self) -> Results {
        Results {
            isogram: env!("CARGO_PKG_VERSION").into(),
            adapter: self.gpu.as_ref().map_or_else(AdapterSummary::cpu, |gpu| gpu.summary().clone()),
            clock: self.clock.name().into(),
            quick: self.quick,
            peak_flops: self.peak_flops,
            copy_bytes: self.copy_bytes,
            measurements: self.measurements,
        }
    }

    /// A machine with one function, `run`, of these effects, run many times.
    pub fn machine(&self, graph: &Graph, effects: Vec<Effect>, replicas: usize) -> Result<Machine> {
        self.machine_of(graph, effects, replicas, &self.profile)
    }

    /// The same with the bodies that another profile chooses.
    pub fn machine_of(
        &self,
        graph: &Graph,
        effects: Vec<Effect>,
        replicas: usize,
        profile: &Profile,
    ) -> Result<Machine> {
        let plan = lower(graph, &[Function::new("run", effects)], replicas, profile)?;
        Machine::new(self.gpu.as_ref(), plan)
    }

    /// Times one run of a function: the median of repeats, each of as many runs as the clock needs.
    pub fn times(&self, machine: &mut Machine, function: usize) -> Result<Times> {
        // The first run compiles; the second warms caches.
        machine.time(function, 1, &self.clock)?;
        let once = machine.time(function, 1, &self.clock)?.max(1e-7);
        // A function that keeps its replicas resident is one dispatch, and needs a few runs to show what it costs.
        let mut runs = ((self.least() / once) as u32).clamp(1, 1 << 14);
        let each = machine.time(function, runs, &self.clock)? / f64::from(runs);
        runs = ((self.least() / each) as u32).clamp(1, (LONGEST / each).max(1.0) as u32);
        let seconds = (0..REPEATS).map(|_| machine.time(function, runs, &self.clock)).collect::<Result<Vec<_>>>()?;
        Ok(Times::of(seconds).scaled(1.0 / f64::from(runs)))
    }

    fn least(&self) -> f64 {
        if self.quick { 0.02 } else { 0.08 }
    }

    /// Times function 0 of a machine and keeps the measurement.
    pub fn measure(&mut self, machine: &mut Machine, work: Work) -> Result<()> {
        let times = self.times(machine, 0)?;
        self.keep(work, times);
        Ok(())
    }

    /// Keeps a measurement.
    pub fn keep(&mut self, work: Work, times: Times) {
        let (rate, rate_unit) = match work.count {
            Some((count, unit)) => (count / times.median, unit),
            None => (work.flops / times.median / 1e9, "GFLOP/s"),
        };
        // The roofline: each limit would take so long by itself.
        let least = (work.flops / self.peak_flops).max(work.bytes / self.copy_bytes);
        let measurement = Measurement {
            suite: self.suite.into(),
            name: work.name,
            size: work.size,
            seconds: times.median,
            low: times.low,
            high: times.high,
            repeats: times.repeats,
            flops: work.flops,
            bytes: work.bytes,
            rate,
            rate_unit: rate_unit.into(),
            roofline_share: (least > 0.0).then_some(least / times.median),
            note: work.note,
        };
        (self.heard)(&measurement);
        self.measurements.push(measurement);
    }

    /// Peak rate of multiplications and additions, and bandwidth of a copy too large for caches.
    fn peak(&mut self) -> Result<()> {
        let elements: usize = if self.quick { 1 << 22 } else { 1 << 24 };
        let mut g = Graph::new();
        let x = g.variable("x", &[elements / 1024, 1024], DType::F32, VariableKind::Transient)?;
        let y = g.variable("y", &[elements / 1024, 1024], DType::F32, VariableKind::Transient)?;
        let copied = g.scale(x, 0.999);
        let mut machine = self.machine(&g, vec![Effect::Assign(g.variable_of(y)?, copied)], 1)?;
        let copy = self.times(&mut machine, 0)?;
        self.copy_bytes = 8.0 * elements as f64 / copy.median;

        let bytes = 8.0 * elements as f64;
        let size = format!("{} MiB", elements >> 18);
        let count = Some((bytes / 1e9, "GB/s"));
        self.keep(Work { name: "copy".into(), size, flops: 0.0, bytes, count, note: String::new() }, copy);
        let (size, flops, fma) = match &mut machine {
            Machine::Gpu(machine) => self.device_peak(machine)?,
            Machine::Cpu(machine) => self.processor_peak(machine.isa()),
        };
        self.peak_flops = flops / fma.median;
        let note = "registers alone".into();
        self.keep(Work { name: "multiply-add".into(), size, flops, bytes: 0.0, count: None, note }, fma);
        Ok(())
    }

    /// What was run, its operations, and its time.
    fn processor_peak(&self, isa: Isa) -> (String, f64, Times) {
        const TURNS: u32 = 1 << 22;
        let time = |_| {
            let begun = std::time::Instant::now();
            let flops = cpu::multiply_add(isa, TURNS);
            (begun.elapsed().as_secs_f64(), flops)
        };
        let (seconds, flops): (Vec<f64>, Vec<f64>) = (0..REPEATS).map(time).unzip();
        (format!("{} threads, {isa}", rayon::current_num_threads()), flops[0], Times::of(seconds))
    }

    fn device_peak(&self, machine: &mut GpuMachine) -> Result<(String, f64, Times)> {
        let lanes = self.profile.width();
        let groups = if self.profile.software { 64 } else { 4096 };
        let chains: String = (0..8).map(|i| format!("        a{i} = a{i} * slope + vec4<f32>(start);\n")).collect();
        const TURNS: u32 = 2048;
        let text = include_str!("../../shaders/peak.wgsl")
            .replace("{{lanes}}", &lanes.to_string())
            .replace("{{turns}}", &TURNS.to_string())
            .replace("{{room}}", &machine.plan().elements[2].max(4).to_string())
            .replace("{{chains}}", &chains);
        let text = format!("{}{text}", crate::kernels::template::prelude());
        let flops = 2.0 * 4.0 * 8.0 * f64::from(TURNS * lanes) * f64::from(groups);
        let one = |runs| machine.time_module("peak", &text, groups, runs, &self.clock);
        one(1)?;
        let runs = ((self.least() / one(1)?.max(1e-7)) as u32).clamp(1, 4096);
        let seconds = (0..REPEATS).map(|_| one(runs)).collect::<Result<Vec<_>>>()?;
        let fma = Times::of(seconds).scaled(1.0 / f64::from(runs));
        Ok((format!("{groups} x {lanes} lanes"), flops, fma))
    }
}
