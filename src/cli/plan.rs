//! `isogram plan`.

use std::fmt::Write;

use isogram::config;
use isogram::gpu::AdapterChoice;
use isogram::kernels::Arena;
use isogram::train::{Options, Sweep};
use serde_json::json;

use super::{DONE, PlanArgs, print};

pub fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let sweep = Sweep::new(config::load(&args.experiment.experiment, &args.experiment.overrides()?)?)?;
    let mut adapter = args.experiment.adapter().or_environment();
    if adapter == AdapterChoice::Automatic && isogram::gpu::list_adapters().is_empty() {
        adapter = AdapterChoice::Reference;
    }
    let outline = sweep.outline(&Options {
        adapter,
        slice: args.experiment.slice.map(|n| n as usize),
        lowering: args.experiment.lowering,
        matrices: args.experiment.matrices,
        ..Options::default()
    })?;
    let e = sweep.experiment();
    let steps = |plan: &isogram::graph::Plan| plan.function("step").map_or(0, |f| plan.functions[f].dispatches.len());
    if args.json {
        let groups: Vec<_> = outline
            .groups
            .iter()
            .map(|(name, slices, plan)| {
                let functions: Vec<_> = plan
                    .functions
                    .iter()
                    .map(|f| {
                        let dispatches: Vec<_> = f
                            .dispatches
                            .iter()
                            .map(|d| {
                                json!({"label": d.label, "kernel": d.kernel.name(), "grid": d.grid(65_535), "jobs": d.jobs,
                                       "bytes": d.bytes, "flops": d.flops})
                            })
                            .collect();
                        json!({"name": f.name, "dispatches": dispatches, "resident": f.resident.is_some(),
                               "lowering": f.lowering})
                    })
                    .collect();
                json!({"group": name, "slices": slices, "arena_bytes": plan.bytes(), "functions": functions,
                       "dispatches_per_step": steps(plan)})
            })
            .collect();
        let value = json!({
            "experiment": e.name, "replicas": sweep.replicas().len(), "steps": e.steps,
            "groups": groups,
            "seconds_per_step": outline.step_time.map(|t| t.as_secs_f64()),
            "host_seconds_per_dispatch": outline.host_per_dispatch.map(|t| t.as_secs_f64()),
        });
        print(&serde_json::to_string_pretty(&value)?)?;
        return Ok(DONE);
    }
    let mut text = String::new();
    writeln!(
        text,
        "{}: {} networks in {} groups, {} steps",
        e.name,
        sweep.replicas().len(),
        outline.groups.len(),
        e.steps
    )?;
    for (g, (name, slices, plan)) in outline.groups.iter().enumerate() {
        writeln!(text, "\ngroup {name}: {} replicas", slices.iter().sum::<usize>())?;
        if slices.len() > 1 {
            writeln!(text, "  in {} slices of up to {} (limits of the adapter, or --slice)", slices.len(), slices[0])?;
        }
        for (arena, bytes) in Arena::ALL.iter().zip(plan.bytes()) {
            writeln!(text, "  {:<8} {:>10.1} KiB", format!("{arena:?}").to_lowercase(), bytes as f64 / 1024.0)?;
        }
        for function in &plan.functions {
            // What runs at checkpoints is long; what runs every step is what the plan is for.
            if function.name == "step" || function.dispatches.len() <= 24 {
                let times = outline.dispatch_times.get(g).filter(|_| function.name == "step");
                writeln!(text, "{}", function.table(times.map_or(&[], Vec::as_slice)))?;
            } else {
                writeln!(
                    text,
                    "{}: {} dispatches (at checkpoints; all of them with --json)",
                    function.name,
                    function.dispatches.len()
                )?;
            }
        }
    }
    let per_step: usize = outline.groups.iter().map(|(_, slices, plan)| slices.len() * steps(plan)).sum();
    writeln!(text, "\n{per_step} dispatches per training step of the whole sweep")?;
    match outline.step_time {
        Some(time) => {
            let total = time.as_secs_f64() * f64::from(e.steps);
            writeln!(
                text,
                "estimated training time {total:.1} s ({:.2} ms a step, from a short trial)",
                time.as_secs_f64() * 1e3
            )?;
        }
        None => writeln!(text, "no estimate of the time: there is no adapter")?,
    }
    if let Some(host) = outline.host_per_dispatch {
        writeln!(text, "host cost {:.2} us per dispatch, encoding and submission included", host.as_secs_f64() * 1e6)?;
    }
    print(&text)?;
    Ok(DONE)
}
