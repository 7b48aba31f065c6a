//! What a run says of itself.

use serde_json::{Map, Value, json};

use super::Runner;
use crate::config::Layers;
use crate::error::Result;
use crate::files::manifest::{AdapterEntry, DataEntry, Manifest, ReplicaEntry, ReplicaStatus, RunStatus};
use crate::files::{Layer, layout};

impl Runner<'_> {
    /// Names of the layers that are looked at, where they are described one by one. Networks that differ in layers have those of
    /// the first.
    fn layer_names(&self) -> Vec<String> {
        let Some(replica) = self.sweep.replicas.first() else { return Vec::new() };
        let (e, layers) = (&replica.experiment, &self.observation.layers);
        match &*e.model.network() {
            Layers::Widths(_) if e.networks.is_empty() => Vec::new(),
            _ => layers.iter().map_while(|&l| e.hidden().get(l).cloned()).collect(),
        }
    }

    /// The manifest, also written into the run's folder if it has one.
    pub fn write_manifest(&self, status: RunStatus) -> Result<Manifest> {
        let (e, data, adapter) = (&self.sweep.experiment, &self.sweep.data, &self.stamp.adapter);
        let (groups, group_of) = self.groups.entries();
        let diverged = &self.observation.diverged;
        let replicas = self.sweep.replicas.iter().enumerate().map(|(r, replica)| ReplicaEntry {
            replica: r as u32,
            group: group_of[r],
            seed: replica.seed,
            settings: replica
                .columns
                .iter()
                .map(|(key, value)| (key.clone(), serde_json::to_value(value).unwrap_or(Value::Null)))
                .collect::<Map<_, _>>(),
            status: if diverged[r].is_some() { ReplicaStatus::Diverged } else { ReplicaStatus::Ok },
            diverged_at: diverged[r].map(u64::from),
        });
        let manifest = Manifest {
            format: 1,
            isogram: env!("CARGO_PKG_VERSION").into(),
            created: self.clock.created,
            command: self.options.command.clone(),
            experiment_name: e.name.clone(),
            description: e.description.clone(),
            settings: self.stamp.settings.clone(),
            seeds: e.seeds.to_vec(),
            replicas: replicas.collect(),
            adapter: AdapterEntry {
                name: adapter.name.clone(),
                backend: adapter.backend.clone(),
                device_type: adapter.device_type.clone(),
                driver: adapter.driver.clone(),
                driver_info: adapter.driver_info.clone(),
                profile: serde_json::to_value(&self.profile).unwrap_or_else(|_| json!({})),
            },
            data: DataEntry {
                name: data.name.clone(),
                train: data.train.examples as u64,
                test: data.test.examples as u64,
                inputs: data.inputs as u64,
                outputs: data.outputs as u64,
            },
            steps: u64::from(e.steps),
            checkpoints: self.checkpoints().into_iter().map(u64::from).collect(),
            layers: self.observation.layers.iter().map(|&l| Layer::of(l).to_string()).collect(),
            layer_names: self.layer_names(),
            groups,
            timings: self.clock.seconds().into(),
            throughput: self.clock.throughput(),
            status,
            observed: Some(self.recorder.observed),
            notes: self.notes.clone(),
        };
        if let Some(dir) = &self.options.out {
            manifest.write(&dir.join(layout::MANIFEST))?;
        }
        Ok(manifest)
    }
}
