//! What is paid besides the work: dispatches, building plans, compiling kernels.

use std::time::Instant;

use super::timing::{Bench, Times, Work};
use crate::error::Result;
use crate::gpu::{AdapterChoice, Gpu};
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::program::DType;

/// A chain of dispatches that each do next to nothing.
fn chain(g: &mut Graph, length: usize) -> Result<Vec<Effect>> {
    let mut effects = Vec::new();
    let x = g.variable("x", &[8, 8], DType::F32, VariableKind::State)?;
    let mut value = x;
    for _ in 0..length {
        value = g.matmul(value, x)?;
    }
    effects.push(Effect::Assign(g.variable_of(x)?, value));
    Ok(effects)
}

pub(super) fn dispatch(bench: &mut Bench) -> Result<()> {
    const LENGTH: usize = 16;
    let mut g = Graph::new();
    let effects = chain(&mut g, LENGTH)?;
    let mut machine = bench.machine(&g, effects, 1)?;
    let dispatches = machine.plan().functions[0].dispatches.len() as f64;
    let scaled = |t: Times, by: f64| Times { median: t.median * by, low: t.low * by, high: t.high * by, ..t };
    let work = |name: &str, note: &str| Work {
        name: name.into(),
        size: "8x8x8 product".into(),
        flops: 0.0,
        bytes: 0.0,
        count: Some((1.0, "dispatches/s")),
        note: note.into(),
    };
    let device = bench.times(&mut machine, 0)?;
    bench.keep(work("device", "each waits for the one before"), scaled(device, 1.0 / dispatches));
    let host = (0..11).map(|_| machine.host_cost("run", 32)).collect::<Result<Vec<_>>>()?;
    let host: Vec<f64> = host.into_iter().flatten().map(|time| time.as_secs_f64()).collect();
    if !host.is_empty() {
        bench.keep(work("host", "encoding, finishing and submitting"), Times::of(host));
    }
    Ok(())
}

pub(super) fn build(bench: &mut Bench) -> Result<()> {
    let mut g = Graph::new();
    let effects = chain(&mut g, 64)?;
    let functions = [Function::new("run", effects)];
    let profile = bench.profile.clone();
    let plans = (0..11).map(|_| {
        let begun = Instant::now();
        lower(&g, &functions, 64, &profile)?;
        Ok(begun.elapsed().as_secs_f64())
    });
    let plans = plans.collect::<Result<Vec<_>>>()?;
    let once = |name: &str, size: &str, note: &str| Work {
        name: name.into(),
        size: size.into(),
        flops: 0.0,
        bytes: 0.0,
        count: Some((1.0, "/s")),
        note: note.into(),
    };
    bench.keep(once("plan", "64 products", "fusing, ordering and placing"), Times::of(plans));
    // A device of its own, so that nothing is compiled yet. The driver may still have it from an earlier run.
    let choice = bench.gpu.as_ref().map(|gpu| AdapterChoice::Name(gpu.summary().name.clone()));
    let mut seconds = Vec::new();
    for _ in 0..3 {
        let gpu = choice.as_ref().map(Gpu::open).transpose()?;
        let begun = Instant::now();
        let mut machine = Machine::new(gpu.as_ref(), lower(&g, &functions, 64, &profile)?)?;
        machine.run("run", 1)?;
        machine.wait()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    let note = "until the first run is done; the driver may have the kernels from an earlier run";
    bench.keep(once("first run", "64 products", note), Times::of(seconds));
    Ok(())
}
