//! `isogram run`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use isogram::config::{self, Experiment};
use isogram::files::layout::shown;
use isogram::files::manifest::RunStatus;
use isogram::files::{self, Made, Manifest};
use isogram::train::{Interrupt, Options, Progress, Quiet, Standing, Summary, Sweep, resumable};
use isogram::{Error, report};
use serde_json::json;

use super::claims::Asked;
use super::progress::Bar;
use super::{DONE, RunArgs, print};

pub fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let experiment = config::load(&args.experiment.experiment, &args.experiment.overrides()?)?;
    let adapter = args.experiment.adapter();
    let claims = args.claims.as_deref().map(Asked::read).transpose()?;
    let sweep = Sweep::new(experiment)?;
    let (dir, resume, made) = folder(args, sweep.experiment())?;
    if resume && sweep.standing(&dir)? == Standing::Finished {
        // Killed between its last table and its report, or asked for twice: all that can be missing is the report.
        let html = report::build(&dir)?;
        if !args.quiet {
            print(&format!("the run in {} is finished\n{}", dir.display(), html.display()))?;
        }
        return tried(claims.as_ref(), &dir, args.quiet);
    }
    let options = Options {
        adapter,
        gpu: None,
        out: Some(dir.clone()),
        resume,
        slice: args.experiment.slice.map(|n| n as usize),
        memory: None,
        lowering: args.experiment.lowering,
        matrices: args.experiment.matrices,
        profile: None,
        command: std::env::args().collect::<Vec<_>>().join(" "),
        interrupt: interrupt_on_signal()?,
    };
    let e = sweep.experiment();
    for note in sweep.data().notes.iter().filter(|_| !args.quiet) {
        eprintln!("isogram: {note}");
    }
    let quiet = args.quiet || args.json;
    let mut progress: Box<dyn Progress> =
        if quiet { Box::new(Quiet) } else { Box::new(Bar::new(e.steps, sweep.replicas().len())) };
    if !quiet {
        progress.note(&format!(
            "{}: {} networks, {} steps, into {}",
            e.name,
            sweep.replicas().len(),
            e.steps,
            dir.display()
        ));
    }
    let outcome = sweep.run(&options, progress.as_mut());
    drop(progress);
    let summary = match outcome {
        Ok(summary) => summary,
        Err(Error::Interrupted { step }) => {
            eprintln!(
                "isogram: interrupted at step {step}; everything so far is in {}; continue with --resume --out {}",
                dir.display(),
                shown(&dir)
            );
            return Ok(super::INTERRUPTED);
        }
        // What stands in the way of the work, rather than of what was asked: what was finished is there.
        Err(error @ (Error::Io { .. } | Error::Device(_) | Error::OutOfMemory(_))) if resumable(&dir) => {
            let kept =
                format!("{error}; what was observed before is kept: continue with --resume --out {}", shown(&dir));
            return Err(anyhow::Error::from(error).context(kept));
        }
        Err(error) => return Err(error.into()),
    };
    drop(made);
    let html = report::build(&dir)?;
    if args.json {
        let mut all = as_json(&summary, &html);
        let tried = claims.as_ref().map(|claims| claims.of(&dir)).transpose()?;
        let Some((tried, _)) = tried else { return print(&serde_json::to_string_pretty(&all)?).map(|()| DONE) };
        all["claims"] = json!(tried.claims);
        print(&serde_json::to_string_pretty(&all)?)?;
        return Ok(super::claims::code(&tried));
    }
    if !args.quiet {
        print(&table(&summary, &html))?;
    }
    tried(claims.as_ref(), &dir, args.quiet)
}

/// Tries what was claimed of a run, if anything was, and gives the exit code.
fn tried(claims: Option<&Asked>, dir: &Path, quiet: bool) -> anyhow::Result<u8> {
    let Some(claims) = claims else { return Ok(DONE) };
    let (tried, page) = claims.of(dir)?;
    if !quiet {
        print(&format!("\n{}", super::claims::text(&tried, &page)))?;
    }
    Ok(super::claims::code(&tried))
}

/// The run's folder, whether it holds a run to continue, and what was made of it.
fn folder(args: &RunArgs, e: &Experiment) -> Result<(PathBuf, bool, Made), Error> {
    if !args.resume {
        let (dir, made) = files::create_run_dir(args.out.as_deref(), &e.name, files::layout::SNAPSHOT)?;
        return Ok((dir, false, made));
    }
    let dir = match &args.out {
        Some(dir) => dir.clone(),
        None => latest(&e.name)?,
    };
    Ok((dir, true, Made::default()))
}

/// The latest unfinished run of an experiment under `runs/`.
fn latest(name: &str) -> Result<PathBuf, Error> {
    let runs = Path::new(files::layout::RUNS);
    let mut found: Vec<PathBuf> = std::fs::read_dir(runs)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| resumable(path))
        .filter(|path| {
            Manifest::read(&path.join(files::layout::MANIFEST))
                .is_ok_and(|m| m.experiment_name == name && m.status != RunStatus::Done)
        })
        .collect();
    found.sort();
    found.pop().ok_or_else(|| {
        Error::Resume(format!(
            "there is no unfinished run of {name} under {}: start one without --resume, or name its folder with --out",
            runs.display()
        ))
    })
}

/// Hears Ctrl-C and the termination signal; a second one ends the process at once.
pub(super) fn interrupt_on_signal() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(super::INTERRUPTED), interrupt.0.clone())?;
        signal_hook::flag::register(signal, interrupt.0.clone())?;
    }
    Ok(interrupt)
}

struct Row {
    name: String,
    networks: usize,
    diverged: usize,
    loss: Option<(f64, f64)>,
    accuracy: Option<(f64, f64)>,
}

/// Mean and standard deviation.
fn spread(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Some((mean, variance.sqrt()))
}

fn rows(summary: &Summary) -> Vec<Row> {
    let m = &summary.manifest;
    let name_of = |settings: &serde_json::Map<String, serde_json::Value>| {
        let parts: Vec<String> = settings
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            .collect();
        if parts.is_empty() { "all".to_owned() } else { parts.join(" ") }
    };
    let (mut names, mut place): (Vec<String>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    let mut setting = Vec::with_capacity(m.replicas.len());
    for replica in &m.replicas {
        let name = name_of(&replica.settings);
        setting.push(*place.entry(name.clone()).or_insert_with(|| {
            names.push(name);
            names.len() - 1
        }));
    }
    let values = |metric: &str| {
        let mut values = vec![Vec::new(); names.len()];
        for row in summary.metrics.iter().filter(|row| row.name == metric && row.step == m.steps) {
            values[setting[row.replica as usize]].push(row.value);
        }
        values
    };
    let (losses, accuracies) = (values("loss_test"), values("accuracy_test"));
    let count = |i: usize, diverged: bool| {
        let own = m.replicas.iter().zip(&setting).filter(|(_, s)| **s == i);
        own.filter(|(r, _)| !diverged || r.diverged_at.is_some()).count()
    };
    let row = |(i, name): (usize, &String)| Row {
        networks: count(i, false),
        diverged: count(i, true),
        loss: spread(&losses[i]),
        accuracy: spread(&accuracies[i]),
        name: name.clone(),
    };
    names.iter().enumerate().map(row).collect()
}

fn table(summary: &Summary, html: &Path) -> String {
    let rows = rows(summary);
    let width = rows.iter().map(|r| r.name.len()).max().unwrap_or(0).max(8);
    let mut text = format!("{:<width$}  networks  held-out loss      held-out accuracy\n", "setting");
    let pair = |p: Option<(f64, f64)>| p.map_or_else(|| "-".to_owned(), |(m, s)| format!("{m:.4} ± {s:.4}"));
    for row in &rows {
        let diverged = if row.diverged > 0 { format!("  ({} diverged)", row.diverged) } else { String::new() };
        text.push_str(&format!(
            "{:<width$}  {:>8}  {:<17}  {}{diverged}\n",
            row.name,
            row.networks,
            pair(row.loss),
            pair(row.accuracy)
        ));
    }
    let m = &summary.manifest;
    let total = m.timings.get("total").copied().unwrap_or(0.0);
    text.push_str(&format!(
        "{:.1} s on {}, {:.0} replica-steps/s while training\n{}",
        total,
        m.adapter.name,
        m.throughput.replica_steps_per_second,
        html.display()
    ));
    text
}

fn as_json(summary: &Summary, html: &Path) -> serde_json::Value {
    let m = &summary.manifest;
    let number = |p: Option<(f64, f64)>| p.map(|(mean, sd)| json!({"mean": mean, "sd": sd}));
    let settings: Vec<_> = rows(summary)
        .into_iter()
        .map(|r| {
            json!({"setting": r.name, "networks": r.networks, "diverged": r.diverged,
                   "loss_test": number(r.loss), "accuracy_test": number(r.accuracy)})
        })
        .collect();
    json!({
        "dir": summary.dir, "report": html, "adapter": m.adapter.name, "steps": m.steps,
        "resumed_from": summary.resumed_from, "seconds": m.timings,
        "replica_steps_per_second": m.throughput.replica_steps_per_second, "settings": settings,
    })
}
