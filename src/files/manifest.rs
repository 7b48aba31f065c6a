//! `manifest.json`: what a run was, so that it can be understood, repeated and continued.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::atomic::write_atomic;
use crate::error::{Error, Result};

/// The version of the manifest's layout that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// What a run was.
///
/// Keys that this version does not know are passed over on reading, and missing ones that nothing depends on are
/// taken as empty, so that a newer or an older Isogram's runs can still be reported on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout, [`FORMAT`].
    pub format: u32,
    /// Version of Isogram that made the run.
    pub isogram: String,
    /// When the run was started, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub created: u64,
    /// The command line.
    #[serde(default)]
    pub command: String,
    /// The experiment's name.
    pub experiment_name: String,
    /// What the experiment is about, in the user's words.
    #[serde(default)]
    pub description: String,
    /// The experiment as resolved: every key, with its default where the user gave none.
    #[serde(default)]
    pub settings: Value,
    /// The seeds.
    #[serde(default)]
    pub seeds: Vec<u32>,
    /// The replicas, in the order of their numbers.
    pub replicas: Vec<ReplicaEntry>,
    /// The adapter that trained them.
    #[serde(default)]
    pub adapter: AdapterEntry,
    /// The data.
    #[serde(default)]
    pub data: DataEntry,
    /// Optimiser steps asked for.
    pub steps: u64,
    /// Steps at which something is observed.
    #[serde(default)]
    pub checkpoints: Vec<u64>,
    /// Names of the hidden layers, from the input upwards.
    #[serde(default)]
    pub layers: Vec<String>,
    /// What the experiment calls them, in the same order; none where `layers` are their only names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layer_names: Vec<String>,
    /// The groups into which the sweep was cut.
    #[serde(default)]
    pub groups: Vec<GroupEntry>,
    /// Seconds spent, by what they were spent on.
    #[serde(default)]
    pub timings: BTreeMap<String, f64>,
    /// How fast it went.
    #[serde(default)]
    pub throughput: Throughput,
    /// How far the run came.
    pub status: RunStatus,
    /// Rows of the tables that were observed while training; those after them are known only at the end.
    #[serde(default)]
    pub observed: Option<ObservedRows>,
    /// Anything the reader of the results should know.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One trained instance of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplicaEntry {
    /// Its number, as in the column `replica` of the tables.
    pub replica: u32,
    /// The place of its group in [`Manifest::groups`].
    #[serde(default)]
    pub group: u32,
    /// Its seed.
    #[serde(default)]
    pub seed: u32,
    /// The swept settings, by their dotted names.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Whether its numbers stayed finite.
    #[serde(default)]
    pub status: ReplicaStatus,
    /// The step at which it diverged.
    #[serde(default)]
    pub diverged_at: Option<u64>,
}

/// Whether a replica's numbers stayed finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaStatus {
    /// They did.
    #[default]
    Ok,
    /// They did not: it was frozen, and is left out of bands and pairs.
    Diverged,
}

/// Rows of a run's tables, from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObservedRows {
    /// Of `metrics.parquet`.
    pub metrics: u64,
    /// Of `pairs.parquet`.
    pub pairs: u64,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// It runs, or was killed.
    Running,
    /// It did all its steps.
    Done,
    /// The user stopped it, after its state was saved.
    Interrupted,
}

/// The adapter that trained the replicas.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AdapterEntry {
    /// Its name, as the driver gives it.
    pub name: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// Discrete, integrated, virtual or CPU.
    pub device_type: String,
    /// The driver.
    pub driver: String,
    /// The driver's version, in its own words.
    pub driver_info: String,
    /// What was decided from the adapter's limits and features.
    pub profile: Value,
}

/// The data that the replicas were trained on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataEntry {
    /// The name of the data set or file.
    pub name: String,
    /// Training examples.
    pub train: u64,
    /// Test examples.
    pub test: u64,
    /// Numbers per example.
    pub inputs: u64,
    /// Classes, or numbers per target.
    pub outputs: u64,
}

/// Replicas that were trained together by the same dispatches.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupEntry {
    /// What its replicas have in common.
    pub name: String,
    /// How many replicas.
    pub replicas: u64,
    /// Parameters of one replica.
    pub parameters: u64,
    /// How the graph was lowered: `layered` or `resident`.
    pub lowering: String,
    /// Dispatches per optimiser step; below one where a dispatch does many steps.
    pub dispatches_per_step: f64,
}

/// How fast a run went.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Throughput {
    /// Optimiser steps of single replicas per second of training.
    pub replica_steps_per_second: f64,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, [`Error::Data`] when it is no manifest or that of a newer version.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io(path))?;
        let malformed = |e: serde_json::Error| Error::data(path, format!("this is no manifest of an Isogram run: {e}"));
        let value: Value = serde_json::from_slice(&text).map_err(malformed)?;
        // The version is looked at first: a newer layout deserves a better answer than the first key that differs.
        if let Some(format) = value.get("format").and_then(Value::as_u64)
            && format > u64::from(FORMAT)
        {
            let version = value.get("isogram").and_then(Value::as_str).unwrap_or("a newer version");
            return Err(Error::data(
                path,
                format!(
                    "format {format} was written by Isogram {version}, and this version reads up to format {FORMAT}; \
                     use that version"
                ),
            ));
        }
        // From the text again, so that the message names the line.
        serde_json::from_slice(&text).map_err(malformed)
    }

    /// Writes the manifest, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        // JSON has no infinities: a null in their place would make the file unreadable.
        let mut finite = self.clone();
        finite.timings.retain(|_, seconds| seconds.is_finite());
        let numbers = finite.groups.iter_mut().map(|group| &mut group.dispatches_per_step);
        for number in numbers.chain([&mut finite.throughput.replica_steps_per_second]) {
            *number = if number.is_finite() { *number } else { 0.0 };
        }
        let mut text = serde_json::to_vec_pretty(&finite).map_err(|e| Error::data(path, e.to_string()))?;
        text.push(b'\n');
        write_atomic(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{
        "format": 1, "isogram": "0.1.0", "experiment_name": "x", "steps": 10, "status": "interrupted", "surprise": [1],
        "replicas": [{"replica": 0, "seed": 7, "settings": {"model.activation": "tanh"}, "status": "diverged",
                      "diverged_at": 3, "mood": "low"}]
    }"#;

    fn read(text: &str) -> Result<Manifest> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.json");
        std::fs::write(&path, text).unwrap();
        Manifest::read(&path)
    }

    #[test]
    fn unknown_keys_are_passed_over_and_the_rest_survives_a_round_trip() {
        let mut manifest = read(SMALL).unwrap();
        assert_eq!(manifest.status, RunStatus::Interrupted);
        assert_eq!(manifest.replicas[0].status, ReplicaStatus::Diverged);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manifest.json");
        manifest.write(&path).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), manifest);
        manifest.throughput.replica_steps_per_second = f64::INFINITY;
        manifest.timings.insert("training".to_owned(), f64::NAN);
        manifest.write(&path).unwrap();
        let back = Manifest::read(&path).unwrap();
        assert!(back.timings.is_empty() && back.throughput.replica_steps_per_second == 0.0);
    }

    #[test]
    fn a_bad_manifest_gets_one_clear_sentence() {
        for (text, said) in [
            ("{", "no manifest"),
            ("[]", "no manifest"),
            ("", "no manifest"),
            (r#"{"format": 1}"#, "missing field"),
            (r#"{"format": 9, "isogram": "3.0"}"#, "written by Isogram 3.0"),
            (&SMALL.replace("\"steps\": 10", "\"steps\": -1"), "line 2"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(said) && message.contains("manifest.json"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }
}
