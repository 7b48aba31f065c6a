//! Training: whole sweeps as a user would run them, on data that stands on the device.

use super::analysis::pseudo;
use super::timing::{Bench, Times, Work};
use crate::config::Experiment;
use crate::data::{Dataset, Table, Targets};
use crate::error::Result;
use crate::graph::Lowering;
use crate::train::{Options, Prepared, Sweep};

/// A sweep of one architecture.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    replicas: usize,
    inputs: usize,
    hidden: &'static [usize],
    batch: usize,
}

const TINY: Case = Case { name: "tiny", replicas: 256, inputs: 64, hidden: &[32, 32], batch: 32 };
const MEDIUM: Case = Case { name: "medium", replicas: 16, inputs: 784, hidden: &[512, 512], batch: 128 };
const DEEP: Case = Case { name: "20 x 500", replicas: 1, inputs: 64, hidden: &[500; 20], batch: 64 };

/// So many steps that what compiling costs does not count.
const STEPS: u32 = 1_000_000;

pub(super) fn training(bench: &mut Bench) -> Result<()> {
    let software = bench.profile.software;
    let tiny = Case { replicas: if software { 256 } else { 1024 }, ..TINY };
    let medium = Case { replicas: if software { 16 } else { 64 }, ..MEDIUM };
    tiny.measure(bench, Lowering::Auto)?;
    Case { name: "lone", replicas: 1, ..TINY }.measure(bench, Lowering::Auto)?;
    medium.measure(bench, Lowering::Auto)?;
    if !bench.quick {
        // The lowering that the rule did not take, for comparison.
        Case { name: "tiny, layered", ..tiny }.measure(bench, Lowering::Layered)?;
        Case { name: "lone, layered", replicas: 1, ..TINY }.measure(bench, Lowering::Layered)?;
        Case { name: "lone medium", replicas: 1, ..MEDIUM }.measure(bench, Lowering::Auto)?;
        DEEP.measure(bench, Lowering::Auto)?;
    }
    Ok(())
}

pub(super) fn replicas(bench: &mut Bench) -> Result<()> {
    let most = match (bench.quick, bench.profile.software) {
        (true, true) => 64,
        (false, true) => 1024,
        (_, false) => 16_384,
    };
    let mut replicas = 1;
    while replicas <= most {
        Case { name: "tiny", replicas, ..TINY }.measure(bench, Lowering::Auto)?;
        replicas *= if bench.quick { 8 } else { 4 };
    }
    Ok(())
}

impl Case {
    fn sweep(&self) -> Result<Sweep> {
        let layers: Vec<String> = self.hidden.iter().map(usize::to_string).collect();
        let text = format!(
            "name = \"bench\"\nsteps = {STEPS}\nseeds = {}\n[model]\nlayers = [{}]\nactivation = \"relu\"\n\
             [optimiser]\nkind = \"adam\"\nlr = 0.001\n[batch]\nsize = {}\n[observe]\nmeasures = [\"loss\"]\n\
             [probe]\nexamples = 16\n",
            self.replicas,
            layers.join(", "),
            self.batch
        );
        let experiment = Experiment::from_toml(&text, "the benchmark")?;
        // Ten classes around ten means, so that training has something to do.
        let examples = 8 * self.batch;
        let value = |e: usize, i: usize| pseudo(e * self.inputs + i) + 0.5 * pseudo((e % 10) * self.inputs + i + 7_919);
        let rows = (0..examples).map(|e| (0..self.inputs).map(|i| value(e, i)).collect::<Vec<f32>>());
        let values: Vec<f32> = rows.flatten().collect();
        let origin = std::path::Path::new("the benchmark's data");
        let inputs = Table::new(examples, vec![self.inputs], values, origin)?;
        let classes = (0..examples).map(|e| (e % 10) as u32).collect();
        let dataset = Dataset::new("synthetic", inputs, Targets::Classes { labels: classes, classes: 10 })?;
        let data = Prepared::from_dataset(dataset, &experiment)?;
        Sweep::with_data(experiment, data)
    }

    fn measure(&self, bench: &mut Bench, lowering: Lowering) -> Result<()> {
        let sweep = self.sweep()?;
        let gpu = bench.gpu.clone();
        let mut groups = sweep.groups(gpu.as_ref(), &Options { lowering, ..Options::default() })?;
        let mut times: Option<Times> = None;
        let (mut flops, mut bytes, mut note) = (0.0, 0.0, String::new());
        for (machine, _) in groups.iter_mut().flat_map(|g| &mut g.slices) {
            let plan = machine.plan();
            let step = plan.function("step").unwrap_or_default();
            let planned = &plan.functions[step];
            flops += planned.dispatches.iter().map(|d| d.flops).sum::<u64>() as f64;
            bytes += planned.dispatches.iter().map(|d| d.bytes).sum::<u64>() as f64;
            note = format!("{}, {} dispatches a step", plan.lowering("step").name(), planned.dispatches.len());
            let own = bench.times(machine, step)?;
            times = Some(times.map_or(own, |t| Times {
                median: t.median + own.median,
                low: t.low + own.low,
                high: t.high + own.high,
                repeats: t.repeats,
            }));
        }
        let Some(times) = times else { return Ok(()) };
        let shape: Vec<String> = [self.inputs].iter().chain(self.hidden).chain(&[10]).map(usize::to_string).collect();
        let network = if self.hidden.len() > 4 {
            format!("{}-{}x{}-10", self.inputs, self.hidden.len(), self.hidden[0])
        } else {
            shape.join("-")
        };
        let work = Work {
            name: self.name.into(),
            size: format!("{} x {network}, batch {}", self.replicas, self.batch),
            flops,
            bytes,
            count: Some((self.replicas as f64, "replica-steps/s")),
            note,
        };
        bench.keep(work, times);
        Ok(())
    }
}
