//! Runs that were never trained: plausible curves by formula, for tests and for looking at the report.

use std::path::Path;

use serde_json::{Map, Value, json};

use isogram::files::manifest::{
    AdapterEntry, DataEntry, GroupEntry, Manifest, ReplicaEntry, ReplicaStatus, RunStatus, Throughput,
};
use isogram::files::{Cell, Layer, MetricRow, PairRow, PairTable, ReplicaColumns, layout, write_metrics, write_pairs};

/// What a made-up run is like.
pub struct Synthetic {
    /// The swept setting.
    pub key: &'static str,
    /// Its values; none for no sweep.
    pub values: Vec<Value>,
    /// Seeds per value.
    pub seeds: u32,
    /// Hidden layers.
    pub layers: usize,
    /// Optimiser steps asked for.
    pub steps: u64,
    /// Steps done.
    pub done: u64,
    /// Every how many replicas one diverges; 0 for none.
    pub diverging: u32,
}

impl Synthetic {
    /// Two activations, as a first experiment would have them.
    pub fn two() -> Self {
        Self {
            key: "model.activation",
            values: vec![json!("tanh"), json!("relu")],
            seeds: 33,
            layers: 3,
            steps: 2000,
            done: 2000,
            diverging: 30,
        }
    }

    fn settings(&self) -> usize {
        self.values.len().max(1)
    }

    fn replicas(&self) -> u32 {
        self.settings() as u32 * self.seeds
    }

    fn setting(&self, replica: u32) -> usize {
        (replica / self.seeds) as usize
    }

    fn layer(i: usize) -> String {
        format!("layers.{i}")
    }

    fn checkpoints(&self) -> Vec<u64> {
        let scale = |i: u32| 10_f64.powf(f64::from(i) / 4.0).round() as u64;
        let mut steps: Vec<u64> =
            std::iter::once(0).chain((0..40).map(scale)).take_while(|&s| s < self.steps).collect();
        steps.push(self.steps);
        steps.dedup();
        steps.retain(|&step| step <= self.done);
        steps
    }

    /// Writes the manifest and both tables.
    pub fn write(&self, dir: &Path) {
        self.manifest().write(&dir.join(layout::MANIFEST)).unwrap();
        write_metrics(&dir.join(layout::METRICS), &self.columns(), self.metrics()).unwrap();
        write_pairs(&dir.join(layout::PAIRS), &self.pairs()).unwrap();
    }

    /// The manifest.
    pub fn manifest(&self) -> Manifest {
        let status = |replica: u32| match self.diverging {
            0 => ReplicaStatus::Ok,
            every if replica % every == every - 1 => ReplicaStatus::Diverged,
            _ => ReplicaStatus::Ok,
        };
        let replica = |replica: u32| ReplicaEntry {
            replica,
            group: 0,
            seed: replica % self.seeds,
            settings: self
                .values
                .get(self.setting(replica))
                .map_or_else(Map::new, |value| [(self.key.to_owned(), value.clone())].into_iter().collect()),
            status: status(replica),
            diverged_at: (status(replica) == ReplicaStatus::Diverged).then_some(17),
        };
        Manifest {
            format: 1,
            isogram: "0.1.0".to_owned(),
            created: 1_793_456_789,
            command: "isogram run digits.toml".to_owned(),
            experiment_name: "digits <tanh & relu>".to_owned(),
            description: "Made-up numbers: do two networks that differ in nothing but their seed represent the 8 × 8 \
                          digits in the same way, and does the activation matter?"
                .to_owned(),
            settings: json!({"model": {"widths": [64, 64, 64], "activation": "tanh",},
                             "loss": {"kind": "cross_entropy", "reduction": "mean"},
                             "optimiser": {"kind": "adam", "learning_rate": 0.003}, "steps": self.steps}),
            seeds: (0..self.seeds).collect(),
            replicas: (0..self.replicas()).map(replica).collect(),
            adapter: AdapterEntry {
                name: "llvmpipe (LLVM 19.1.7, 256 bits)".to_owned(),
                backend: "Vulkan".to_owned(),
                device_type: "CPU".to_owned(),
                driver: "llvmpipe".to_owned(),
                driver_info: "Mesa 25.0.7".to_owned(),
                profile: json!({}),
            },
            data: DataEntry { name: "digits".to_owned(), train: 1500, test: 297, inputs: 64, outputs: 10 },
            steps: self.steps,
            observed: None,
            checkpoints: self.checkpoints(),
            layers: (0..self.layers).map(Self::layer).collect(),
            layer_names: Vec::new(),
            groups: vec![GroupEntry {
                name: "all".to_owned(),
                replicas: u64::from(self.replicas()),
                parameters: 13_130,
                lowering: "layered".to_owned(),
                dispatches_per_step: 19.0,
            }],
            timings: [("training", 84.3), ("measuring", 12.9), ("compiling", 0.41)]
                .map(|(what, seconds)| (what.to_owned(), seconds))
                .into(),
            throughput: Throughput { replica_steps_per_second: 15_660.0 },
            status: if self.done < self.steps { RunStatus::Interrupted } else { RunStatus::Done },
            notes: Vec::new(),
        }
    }

    fn columns(&self) -> Vec<ReplicaColumns> {
        let cell = |value: &Value| match value {
            Value::Number(number) => Cell::Number(number.as_f64().unwrap()),
            value => Cell::Text(value.as_str().unwrap().to_owned()),
        };
        let replica = |replica: u32| ReplicaColumns {
            seed: replica % self.seeds,
            settings: self
                .values
                .get(self.setting(replica))
                .map(|v| (self.key.to_owned(), cell(v)))
                .into_iter()
                .collect(),
        };
        (0..self.replicas()).map(replica).collect()
    }

    /// How far training has come, from 0 to 1, and how this setting differs, likewise.
    fn state(&self, replica: u32, step: u64) -> (f64, f64) {
        let kind = (self.setting(replica) as f64 + 0.5) / self.settings() as f64;
        let pace = 120.0 * (1.0 + kind) * (1.0 + 0.3 * noise(replica, 1));
        (1.0 - (-(step as f64) / pace).exp(), kind)
    }

    fn metrics(&self) -> Vec<MetricRow> {
        let mut rows = Vec::new();
        for replica in 0..self.replicas() {
            let mut add = |step, layer: Option<usize>, name: &str, value| {
                rows.push(MetricRow { replica, step, layer: layer.map(Layer::of), name: name.to_owned(), value });
            };
            let loss = |step: u64, wobble: f64| {
                let (learned, kind) = self.state(replica, step);
                2.31 * (1.0 - learned) * (1.0 + wobble) + (0.012 + 0.03 * kind) * (1.0 + wobble)
            };
            for step in 1..=self.done {
                add(step, None, "loss_train", loss(step, 0.25 * noise(replica, step as u32)));
            }
            for &step in &self.checkpoints() {
                let (learned, kind) = self.state(replica, step);
                let jitter = |salt: u32| 0.02 * noise(replica, salt.wrapping_add(step as u32));
                add(step, None, "loss", loss(step, 0.0));
                add(step, None, "accuracy", (0.1 + (0.87 - 0.05 * kind) * learned + 0.5 * jitter(2)).clamp(0.0, 1.0));
                add(step, None, "weight_norm", 8.0 + learned);
                for layer in 0..self.layers {
                    let deep = (layer as f64 + 1.0) / self.layers as f64;
                    let values = [
                        ("cka_input", 0.95 - 0.25 * deep - 0.4 * deep * learned),
                        ("cka_labels", 0.15 + (0.2 + 0.55 * deep) * learned * (1.0 - 0.3 * kind)),
                        ("cka_first", 1.0 - (0.3 + 0.35 * deep) * learned),
                        ("cka_last", 1.0 - (0.3 + 0.35 * deep) * (1.0 - learned)),
                    ];
                    for (salt, (name, value)) in (10..).zip(values) {
                        let value = (value + jitter(salt)).min(1.0);
                        add(step, Some(layer), &format!("{name}:biased"), value);
                        add(step, Some(layer), &format!("{name}:debiased"), value - 0.12 * (1.0 - value));
                    }
                }
            }
            if self.done == self.steps {
                add(self.steps, None, "loss_test", loss(self.steps, 0.0) * 2.1);
                add(self.steps, None, "accuracy_test", 0.93 + 0.01 * noise(replica, 5));
            }
        }
        rows
    }

    fn pairs(&self) -> PairTable {
        let names: Vec<String> = (0..self.layers).map(Self::layer).collect();
        let mut table = PairTable::default();
        let checkpoints = self.checkpoints();
        for &step in &checkpoints {
            let last = step == self.steps;
            for a in 0..self.replicas() {
                for b in a..self.replicas() {
                    if a == b && !last {
                        continue;
                    }
                    for (i, layer_a) in names.iter().enumerate() {
                        for (j, layer_b) in names.iter().enumerate() {
                            if (i != j && !last) || (a == b && i >= j) {
                                continue;
                            }
                            let value = self.similarity(a, b, i, j, step);
                            let mut push = |name, value| {
                                let (replica_a, replica_b) = (a, b);
                                table.push(PairRow { name, step, replica_a, replica_b, layer_a, layer_b, value });
                            };
                            push("cka:biased", value);
                            push("cka:debiased", value - 0.25 * (1.0 - value));
                        }
                    }
                }
            }
        }
        table
    }

    fn similarity(&self, a: u32, b: u32, i: usize, j: usize, step: u64) -> f64 {
        let ((learned, kind), (other, kind_b)) = (self.state(a, step), self.state(b, step));
        let deep = ((i + j) as f64 / 2.0 + 1.0) / self.layers as f64;
        let apart = (i as f64 - j as f64).abs() / self.layers as f64;
        let shared = 0.55 + 0.25 * (1.0 - deep) + (0.12 + 0.2 * deep * (1.0 - kind)) * learned.min(other);
        let across = 0.5 * (kind - kind_b).abs() * deep * learned;
        (shared - across - 0.35 * apart + 0.03 * noise(a * 7919 + b, (i * 31 + j) as u32)).clamp(0.0, 1.0)
    }
}

/// A number from -1 to 1 that looks like chance.
fn noise(a: u32, b: u32) -> f64 {
    let mut x = a.wrapping_mul(0x9E37_79B9) ^ b.wrapping_mul(0x85EB_CA6B).rotate_left(13);
    for _ in 0..3 {
        x = (x ^ x >> 15).wrapping_mul(0x2C1B_3C6D);
    }
    f64::from(x ^ x >> 16) / f64::from(u32::MAX) * 2.0 - 1.0
}
