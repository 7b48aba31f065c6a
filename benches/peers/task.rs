//! What both Rust peers share: a task as `./run` wrote it, how time is taken, and the JSON that comes back.
//! The frame of a peer is the same as in peer.py and common.py.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A workload ready to be trained. Weights are in x out, row by row.
pub struct Task {
    pub name: String,
    pub widths: Vec<usize>,
    pub batch: usize,
    pub steps: usize,
    pub replicas: usize,
    pub lr: f64,
    /// [examples, widths[0]]
    pub x: Vec<f32>,
    /// A class per example
    pub y: Vec<u32>,
    /// [replicas, steps, batch]
    rows: Vec<u32>,
    /// [replicas, parameters]
    parameters: Vec<f32>,
}

/// Words of four bytes, least byte first.
fn words<T>(path: PathBuf, from: fn([u8; 4]) -> T) -> Vec<T> {
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    bytes.as_chunks::<4>().0.iter().map(|&word| from(word)).collect()
}

impl Task {
    pub fn read(folder: &Path, name: &str) -> Task {
        let folder = folder.join(name);
        let shape = fs::read_to_string(folder.join("shape.txt")).expect("shape.txt");
        let values = |key: &str| -> Vec<f64> {
            let line = shape.lines().find(|line| line.starts_with(key)).expect("a line of shape.txt");
            line.split_whitespace().skip(1).map(|value| value.parse().expect("a number")).collect()
        };
        let count = |key| values(key)[0] as usize;
        Task {
            name: name.to_owned(),
            widths: values("widths").into_iter().map(|width| width as usize).collect(),
            batch: count("batch"),
            steps: count("steps"),
            replicas: count("replicas"),
            lr: values("lr")[0],
            x: words(folder.join("x.f32"), f32::from_le_bytes),
            y: words(folder.join("y.u32"), u32::from_le_bytes),
            rows: words(folder.join("rows.u32"), u32::from_le_bytes),
            parameters: words(folder.join("parameters.f32"), f32::from_le_bytes),
        }
    }

    /// The examples of a replica's batch of a step.
    pub fn rows(&self, replica: usize, step: usize) -> &[u32] {
        let at = (replica * self.steps + step % self.steps) * self.batch;
        &self.rows[at..at + self.batch]
    }

    /// Weight and bias of each layer of a replica, before the first step.
    pub fn layers(&self, replica: usize) -> Vec<(&[f32], &[f32])> {
        let mut rest = &self.parameters[self.parameters.len() / self.replicas * replica..];
        let mut take = |count| {
            let (taken, after) = rest.split_at(count);
            rest = after;
            taken
        };
        self.widths.windows(2).map(|w| (take(w[0] * w[1]), take(w[1]))).collect()
    }
}

/// The arguments, and what was measured.
pub struct Peer {
    engine: String,
    quick: bool,
    wanted: Vec<String>,
    folder: PathBuf,
    json: PathBuf,
    measurements: Vec<String>,
    losses: Vec<String>,
}

impl Peer {
    pub fn new(engine: &str) -> Peer {
        let arguments: Vec<String> = std::env::args().collect();
        let value = |key: &str| {
            let at = arguments.iter().position(|argument| argument == key).unwrap_or_else(|| panic!("{key} is needed"));
            arguments[at + 1].clone()
        };
        Peer {
            engine: engine.to_owned(),
            quick: arguments.iter().any(|argument| argument == "--quick"),
            wanted: value("--workloads").split(',').map(str::to_owned).collect(),
            folder: value("--folder").into(),
            json: value("--json").into(),
            measurements: Vec::new(),
            losses: Vec::new(),
        }
    }

    pub fn wants(&self, workload: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == workload)
    }

    pub fn tasks(&self) -> Vec<Task> {
        let names = ["tiny", "lone", "medium"].into_iter().filter(|name| self.wants(name));
        names.map(|name| Task::read(&self.folder, name)).collect()
    }

    /// Times a call that does `work` units and returns when they are done: 7 repeats (5 with --quick) of about a second
    /// (0.2 s) each, after a warm-up.
    pub fn speed(&mut self, workload: &str, variant: &str, work: f64, mut call: impl FnMut()) {
        let (repeats, seconds) = if self.quick { (5, 0.2) } else { (7, 1.0) };
        call();
        let (start, mut count) = (Instant::now(), 0);
        while count < 2 || start.elapsed().as_secs_f64() < seconds / 2.0 {
            call();
            count += 1;
        }
        let calls = (seconds * f64::from(count) / start.elapsed().as_secs_f64()).round().max(1.0);
        let mut rates = Vec::new();
        for _ in 0..repeats {
            let start = Instant::now();
            for _ in 0..calls as usize {
                call();
            }
            rates.push(work * calls / start.elapsed().as_secs_f64());
        }
        eprintln!("{}, {variant}: {workload}", self.engine);
        let engine = &self.engine;
        self.measurements
            .push(format!(r#"{{"workload": "{workload}", "engine": "{engine}, {variant}", "rates": {rates:?}}}"#));
    }

    /// Loss of each step's batch before its update, a list per replica.
    pub fn losses(&mut self, workload: &str, variant: &str, values: &[Vec<f32>]) {
        assert!(values.iter().flatten().all(|value| value.is_finite()), "a loss is not finite");
        let engine = &self.engine;
        self.losses
            .push(format!(r#"{{"workload": "{workload}", "engine": "{engine}, {variant}", "values": {values:?}}}"#));
    }

    pub fn write(&self, device: &str, version: &str) {
        let (measurements, losses) = (self.measurements.join(", "), self.losses.join(", "));
        let text = format!(
            r#"{{"device": {device:?}, "version": {version:?}, "measurements": [{measurements}], "losses": [{losses}], "cka": []}}"#
        );
        fs::write(&self.json, text).expect("the results can be written");
    }
}
