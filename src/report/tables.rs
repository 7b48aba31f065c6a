//! The tables of the report: settings with their final numbers, replicas, and the facts of the run.

use std::collections::HashMap;

use super::band::mean_and_deviation;
use super::figure::palette;
use super::figure::shortened;
use super::numbers::{counted, duration, grouped, measured, spread};
use super::run::Run;
use super::settings::shown;
use crate::files::layout::date;
use crate::files::manifest::{ReplicaStatus, RunStatus};

/// Replicas that the page lists at most; the rest are in the files.
const MOST_REPLICAS: usize = 2000;

/// What is shown of the end of training, and its heading.
const FINAL: [(&str, &str); 5] = [
    ("loss_train", "last batch loss"),
    ("loss", "probe loss"),
    ("accuracy", "probe accuracy"),
    ("loss_test", "test loss"),
    ("accuracy_test", "test accuracy"),
];

/// A table with headings.
#[derive(Debug)]
pub struct Table {
    /// The headings.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Rows that were left out.
    pub left_out: usize,
}

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// The colour of the setting in the figures.
    pub colour: String,
    /// The texts of the cells.
    pub cells: Vec<Field>,
}

/// A cell of a table.
#[derive(Debug)]
pub struct Field {
    /// What is shown.
    pub text: String,
    /// What it is sorted by, if it is a number.
    pub number: Option<f64>,
}

impl Field {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: None }
    }

    fn number(text: impl Into<String>, number: f64) -> Self {
        Self { text: text.into(), number: number.is_finite().then_some(number) }
    }

    fn empty() -> Self {
        Self::text("–")
    }
}

/// Each replica's last value, and the step at which it was observed.
type LastValues = HashMap<u32, (u64, f64)>;

/// Final values by replica, for those names of [`FINAL`] that were observed.
fn finals(run: &Run) -> Vec<(&'static str, LastValues)> {
    let observed = &run.observed;
    let known = FINAL.into_iter().filter(|(name, _)| observed.has(name, None));
    known.map(|(name, heading)| (heading, observed.at_end(name, None))).collect()
}

/// Each setting with the mean and the standard deviation over seeds of its final numbers.
pub fn settings(run: &Run) -> Table {
    let finals = finals(run);
    let mut head = vec![if run.is_sweep() { run.settings.swept.join(", ") } else { "setting".to_owned() }];
    head.extend(["seeds".to_owned(), "diverged".to_owned()]);
    head.extend(finals.iter().map(|(heading, _)| (*heading).to_owned()));
    let count = run.settings.len();
    let row = |(i, setting): (usize, &super::settings::Setting)| {
        let (ok, bad) = (setting.replicas.len(), setting.diverged);
        let mut cells = vec![
            Field::text(&setting.label),
            Field::number(grouped(ok as u64), ok as f64),
            Field::number(grouped(bad as u64), bad as f64),
        ];
        for (_, values) in &finals {
            let own = setting.replicas.iter().filter_map(|replica| values.get(replica).map(|&(_, value)| value));
            cells.push(match mean_and_deviation(own) {
                Some((mean, Some(deviation), _)) => Field::number(spread(mean, deviation), mean),
                Some((mean, None, _)) => Field::number(measured(mean), mean),
                None => Field::empty(),
            });
        }
        Row { colour: palette::colour(i, count).to_string(), cells }
    };
    Table { head, rows: run.settings.list.iter().enumerate().map(row).collect(), left_out: 0 }
}

/// Each replica with its final numbers.
pub fn replicas(run: &Run) -> Table {
    let finals = finals(run);
    let mut head = vec!["replica".to_owned()];
    head.extend(run.settings.swept.iter().cloned());
    head.extend(["seed".to_owned(), "status".to_owned()]);
    head.extend(finals.iter().map(|(heading, _)| (*heading).to_owned()));
    let all = &run.manifest.replicas;
    let rows = all.iter().take(MOST_REPLICAS).map(|replica| {
        let mut cells = vec![Field::number(replica.replica.to_string(), f64::from(replica.replica))];
        cells.extend(run.settings.swept.iter().map(|name| match replica.settings.get(name) {
            Some(value) => Field { text: shown(value), number: value.as_f64() },
            None => Field::empty(),
        }));
        cells.push(Field::number(replica.seed.to_string(), f64::from(replica.seed)));
        cells.push(Field::text(match (replica.status, replica.diverged_at) {
            (ReplicaStatus::Ok, _) => "ok".to_owned(),
            (ReplicaStatus::Diverged, Some(step)) => format!("diverged at step {}", grouped(step)),
            (ReplicaStatus::Diverged, None) => "diverged".to_owned(),
        }));
        cells.extend(finals.iter().map(|(_, values)| match values.get(&replica.replica) {
            Some(&(_, value)) => Field::number(measured(value), value),
            None => Field::empty(),
        }));
        Row { colour: String::new(), cells }
    });
    Table { head, rows: rows.collect(), left_out: all.len().saturating_sub(MOST_REPLICAS) }
}

/// The facts of the run: what, on what, for how long. Those that are not known are left out.
pub fn facts(run: &Run) -> Vec<(String, String)> {
    let manifest = &run.manifest;
    let adapter = &manifest.adapter;
    let mut facts: Vec<(&str, String)> = vec![
        ("networks", networks(run)),
        ("data", data(run)),
        ("training", training(run)),
        ("hidden layers", run.layers.join(", ")),
        ("adapter", joined(&[&adapter.name, &adapter.backend, &adapter.device_type])),
        ("driver", joined(&[&adapter.driver, &adapter.driver_info])),
        ("groups", groups(run)),
        ("time", times(run)),
    ];
    if manifest.throughput.replica_steps_per_second > 0.0 {
        let speed = manifest.throughput.replica_steps_per_second.min(1e18).round() as u64;
        facts.push(("throughput", format!("{} replica-steps per second", grouped(speed))));
    }
    facts.push(("started", if manifest.created > 0 { moment(manifest.created) } else { String::new() }));
    facts.push(("version", format!("Isogram {}", manifest.isogram)));
    facts.push(("command", manifest.command.clone()));
    let known = facts.into_iter().filter(|(_, fact)| !fact.is_empty());
    known.map(|(name, fact)| (name.to_owned(), fact)).collect()
}

/// How far the run came, if not to its end.
pub fn progress(run: &Run) -> Option<String> {
    let manifest = &run.manifest;
    let reached = run.observed.last_step();
    let reached = reached.map_or("nothing was observed yet".to_owned(), |step| {
        format!("the files reach step {} of {}", grouped(step), grouped(manifest.steps))
    });
    match manifest.status {
        RunStatus::Done => None,
        RunStatus::Interrupted => Some(format!("This run was interrupted: {reached}. It continues with --resume.")),
        RunStatus::Running => {
            Some(format!("This run is not done: {reached}. If it was killed, it continues with --resume."))
        }
    }
}

fn networks(run: &Run) -> String {
    let manifest = &run.manifest;
    let count = counted(manifest.replicas.len(), "network");
    let seeds = counted(manifest.seeds.len(), "seed");
    match (run.is_sweep(), manifest.seeds.is_empty()) {
        (_, true) => count,
        (true, false) => format!("{count}: {} × {seeds}", counted(run.settings.len(), "setting")),
        (false, false) => format!("{count}, {seeds}"),
    }
}

fn data(run: &Run) -> String {
    let data = &run.manifest.data;
    if data.name.is_empty() {
        return String::new();
    }
    let test = if data.test > 0 { format!(", {} to test", grouped(data.test)) } else { String::new() };
    let (train, inputs, outputs) = (grouped(data.train), grouped(data.inputs), grouped(data.outputs));
    format!("{}: {train} examples to train{test}; {inputs} inputs, {outputs} outputs", data.name)
}

fn training(run: &Run) -> String {
    let checkpoints = run.manifest.checkpoints.len();
    let observed =
        if checkpoints > 0 { format!(", observed at {}", counted(checkpoints, "checkpoint")) } else { String::new() };
    format!("{}{observed}", counted(usize::try_from(run.manifest.steps).unwrap_or(usize::MAX), "optimiser step"))
}

fn groups(run: &Run) -> String {
    let group = |group: &crate::files::manifest::GroupEntry| {
        format!(
            "{}: {} × {} parameters, {}, {} dispatches per step",
            group.name,
            grouped(group.replicas),
            grouped(group.parameters),
            group.lowering,
            measured(group.dispatches_per_step)
        )
    };
    let all = &run.manifest.groups;
    let mut parts: Vec<String> = all.iter().take(6).map(group).collect();
    if all.len() > parts.len() {
        parts.push(format!("and {} more", all.len() - parts.len()));
    }
    parts.join(" | ")
}

fn times(run: &Run) -> String {
    let part = |(what, &seconds): (&String, &f64)| format!("{} {}", what.replace('_', " "), duration(seconds));
    run.manifest.timings.iter().map(part).collect::<Vec<_>>().join(", ")
}

fn joined(parts: &[&String]) -> String {
    let parts: Vec<&str> = parts.iter().map(|part| part.as_str()).filter(|part| !part.is_empty()).collect();
    shortened(&parts.join(", "), 200)
}

fn moment(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600 % 24, seconds / 60 % 60)
}
