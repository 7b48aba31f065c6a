//! `isogram plan`.

use std::fmt::Write;

use isogram::config;
use isogram::graph::Plan;
use isogram::kernels::Arena;
use isogram::train::{Options, Outline, Sweep, Trial};
use serde_json::json;

use super::{DONE, PlanArgs, print};

pub fn plan(args: &PlanArgs) -> anyhow::Result<u8> {
    let experiment = config::load(&args.experiment.experiment, &args.experiment.overrides()?)?;
    if args.model {
        print(&experiment.model.written_out())?;
        return Ok(DONE);
    }
    let sweep = Sweep::new(experiment)?;
    let options = Options {
        adapter: args.experiment.adapter(),
        slice: args.experiment.slice.map(|n| n as usize),
        lowering: args.experiment.lowering,
        matrices: args.experiment.matrices,
        ..Options::default()
    };
    let outline = sweep.outline(&options)?;
    let asked = args.time && outline.refusal.is_none();
    let trial = if asked { Some(sweep.trial(&options)?) } else { None };
    let text = if args.json {
        serde_json::to_string_pretty(&as_json(&sweep, &outline, trial.as_ref()))?
    } else {
        as_text(&sweep, &outline, trial.as_ref())?
    };
    print(&text)?;
    Ok(DONE)
}

/// Dispatches of a training step.
fn steps(plan: &Plan) -> usize {
    plan.function("step").map_or(0, |f| plan.functions[f].dispatches.len())
}

fn as_json(sweep: &Sweep, outline: &Outline, trial: Option<&Trial>) -> serde_json::Value {
    let e = sweep.experiment();
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
    let needs = &outline.needs;
    json!({
        "experiment": e.name, "replicas": sweep.replicas().len(), "steps": e.steps,
        "groups": groups,
        "bytes": {"states": needs.states, "data": needs.data, "scratch": needs.scratch, "comparisons": needs.comparisons,
                  "rows": needs.rows, "total": needs.total()},
        "refused": outline.refusal.as_ref().map(ToString::to_string),
        "seconds_per_step": trial.map(|t| t.step_time.as_secs_f64()),
        "host_seconds_per_dispatch": trial.and_then(|t| t.host_per_dispatch).map(|t| t.as_secs_f64()),
    })
}

fn as_text(sweep: &Sweep, outline: &Outline, trial: Option<&Trial>) -> Result<String, std::fmt::Error> {
    let e = sweep.experiment();
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
            let limits = "limits of the adapter, or --slice";
            writeln!(text, "  in {} slices of up to {} ({limits}); of one slice:", slices.len(), slices[0])?;
        }
        for (arena, bytes) in Arena::ALL.iter().zip(plan.bytes()) {
            writeln!(text, "  {:<8} {:>10.1} KiB", format!("{arena:?}").to_lowercase(), bytes as f64 / 1024.0)?;
        }
        for function in &plan.functions {
            // What runs at checkpoints is long; what runs every step is what the plan is for.
            if function.name == "step" || function.dispatches.len() <= 24 {
                let times = trial.and_then(|t| t.dispatch_times.get(g)).filter(|_| function.name == "step");
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
    let needs = &outline.needs;
    writeln!(text, "\nmemory of all slices {}:", mib(needs.total()))?;
    for (what, bytes) in [
        ("states and results", needs.states),
        ("data and tables", needs.data),
        ("scratch, shared", needs.scratch),
        ("comparing all pairs", needs.comparisons),
        ("rows of the tables", needs.rows),
    ] {
        writeln!(text, "  {what:<20} {:>14}", mib(bytes))?;
    }
    if let Some(refusal) = &outline.refusal {
        writeln!(text, "`isogram run` would refuse it: {refusal}")?;
    }
    let per_step: usize = outline.groups.iter().map(|(_, slices, plan)| slices.len() * steps(plan)).sum();
    writeln!(text, "\n{per_step} dispatches per training step of the whole sweep")?;
    if let Some(trial) = trial {
        let total = trial.step_time.as_secs_f64() * f64::from(e.steps);
        writeln!(
            text,
            "estimated training time {total:.1} s ({:.2} ms a step, from a short trial)",
            trial.step_time.as_secs_f64() * 1e3
        )?;
    }
    if let Some(host) = trial.and_then(|t| t.host_per_dispatch) {
        writeln!(text, "host cost {:.2} us per dispatch, encoding and submission included", host.as_secs_f64() * 1e6)?;
    }
    Ok(text)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
