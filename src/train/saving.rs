//! What a run saves besides its tables: parameters, representations, the manifest.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::compile::{fit_representation_name, representation_name};
use super::rows::layer_name;
use super::runner::{Runner, parameter_shapes};
use crate::config::Keep;
use crate::data::{NamedArray, write_safetensors};
use crate::error::Result;
use crate::files::manifest::{
    AdapterEntry, DataEntry, GroupEntry, Manifest, ReplicaEntry, ReplicaStatus, RunStatus, Throughput,
};
use crate::files::{self};

impl Runner<'_> {
    pub(super) fn save_parameters(&mut self, step: u32) -> Result<()> {
        let Some(path) = self.recorder.parameters_path(step) else { return Ok(()) };
        let mut arrays = Vec::new();
        for (g, group) in self.groups.iter_mut().enumerate() {
            for (s, (machine, members)) in group.slices.iter_mut().enumerate() {
                let names: Vec<&str> = group.compiled.parameter_names.iter().map(String::as_str).collect();
                for (name, values) in names.iter().zip(machine.read_variables(&names)?) {
                    arrays.push((format!("{g}/{s}/{name}"), vec![members.len(), values.len() / members.len()], values));
                }
            }
        }
        write_safetensors(&path, &arrays, &[])
    }

    pub(super) fn save_representations(&mut self, step: u32) -> Result<()> {
        let Some(path) = self.recorder.representations_path(step) else { return Ok(()) };
        let arrays = self.representations("")?;
        write_safetensors(&path, &arrays, &[])
    }

    /// Representations of every replica: `<prefix><replica>/<layer>`, `[examples, units]`.
    pub(super) fn representations(&mut self, prefix: &str) -> Result<Vec<NamedArray>> {
        let data = &self.sweep.data;
        let examples = data.probe.examples;
        let fit_examples = data.declared.as_ref().map(|d| d.fit_examples);
        let mut arrays = Vec::new();
        for group in &mut self.groups {
            for (machine, members) in &mut group.slices {
                for (layer, &units) in group.compiled.hidden.iter().enumerate() {
                    let mut sets = vec![(representation_name(layer), "", examples)];
                    sets.extend(fit_examples.map(|n| (fit_representation_name(layer), "fit/", n)));
                    for (variable, set, examples) in sets {
                        let values = machine.read_variable(&variable)?;
                        for (part, m) in values.chunks(examples * units).zip(members.iter()) {
                            let name = format!("{prefix}{m}/{set}{}", layer_name(layer));
                            arrays.push((*m, (name, vec![examples, units], part.to_vec())));
                        }
                    }
                }
            }
        }
        Ok(by_replica(arrays))
    }

    /// Parameters at the end of training, if they were asked for: `<replica>/<name>`, of the shapes that PyTorch gives them.
    pub(super) fn final_parameters(&mut self) -> Result<Vec<NamedArray>> {
        let mut arrays = Vec::new();
        if self.sweep.experiment.save.parameters != Keep::Final {
            return Ok(Vec::new());
        }
        for group in &mut self.groups {
            let shapes = parameter_shapes(&group.compiled);
            let names: Vec<&str> = group.compiled.parameter_names.iter().map(String::as_str).collect();
            for (machine, members) in &mut group.slices {
                for ((name, values), shape) in names.iter().zip(machine.read_variables(&names)?).zip(&shapes) {
                    for (part, m) in values.chunks(shape.iter().product()).zip(members.iter()) {
                        arrays.push((*m, (format!("{m}/{name}"), shape.clone(), part.to_vec())));
                    }
                }
            }
        }
        Ok(by_replica(arrays))
    }

    /// Representations at the end of training, if they were asked for.
    pub(super) fn final_representations(&mut self) -> Result<Vec<NamedArray>> {
        if self.sweep.experiment.save.representations != Keep::Final {
            return Ok(Vec::new());
        }
        for group in &mut self.groups {
            for (machine, _) in &mut group.slices {
                machine.run("evaluate", 1)?;
            }
        }
        self.representations("")
    }

    /// Parameters and representations that were asked for, in their final files.
    pub(super) fn write_tensors(&mut self, representations: &[NamedArray], parameters: &[NamedArray]) -> Result<()> {
        let Some(dir) = self.options.out.clone() else { return Ok(()) };
        let save = self.sweep.experiment.save.clone();
        let checkpoints = self.checkpoints();
        let metadata = [("layout".to_owned(), "step/replica/name, or replica/name for the end of training".to_owned())];
        if save.parameters != Keep::None {
            let mut arrays = parameters.to_vec();
            let mut kept = Vec::new();
            for (g, group) in self.groups.iter_mut().enumerate().filter(|_| save.parameters == Keep::Checkpoints) {
                let shapes = parameter_shapes(&group.compiled);
                for (s, (_, members)) in group.slices.iter_mut().enumerate() {
                    let names: Vec<&str> = group.compiled.parameter_names.iter().map(String::as_str).collect();
                    let mut add = |step: u32, name: &str, shape: &[usize], values: &[f32]| {
                        for (part, m) in values.chunks(shape.iter().product()).zip(members.iter()) {
                            kept.push(((step, *m), (format!("{step}/{m}/{name}"), shape.to_vec(), part.to_vec())));
                        }
                    };
                    for &step in &checkpoints {
                        let Some(path) = self.recorder.parameters_path(step) else { continue };
                        let saved = crate::data::read_safetensors(&path)?;
                        for (name, shape) in names.iter().zip(&shapes) {
                            let full = format!("{g}/{s}/{name}");
                            if let Some((_, _, values)) = saved.iter().find(|(n, _, _)| *n == full) {
                                add(step, name, shape, values);
                            }
                        }
                    }
                }
            }
            arrays.extend(by_replica(kept));
            write_safetensors(&dir.join(files::layout::PARAMETERS), &arrays, &metadata)?;
        }
        if save.representations != Keep::None {
            let mut arrays = representations.to_vec();
            if save.representations == Keep::Checkpoints {
                for &step in &checkpoints {
                    let Some(path) = self.recorder.representations_path(step) else { continue };
                    for (name, shape, values) in crate::data::read_safetensors(&path)? {
                        arrays.push((format!("{step}/{name}"), shape, values));
                    }
                }
            }
            write_safetensors(&dir.join(files::layout::REPRESENTATIONS), &arrays, &metadata)?;
        }
        Ok(())
    }

    pub(super) fn write_manifest(&self, status: RunStatus) -> Result<Manifest> {
        let e = &self.sweep.experiment;
        let mut group_of = vec![0; self.sweep.replicas.len()];
        for (g, (_, members)) in
            self.groups.iter().enumerate().flat_map(|(g, group)| group.slices.iter().map(move |s| (g, s)))
        {
            members.iter().for_each(|&m| group_of[m] = g as u32);
        }
        let replicas = self.sweep.replicas.iter().enumerate().map(|(r, replica)| ReplicaEntry {
            replica: r as u32,
            group: group_of[r],
            seed: replica.seed,
            settings: replica
                .columns
                .iter()
                .map(|(key, value)| (key.clone(), serde_json::to_value(value).unwrap_or(Value::Null)))
                .collect::<Map<_, _>>(),
            status: if self.diverged[r].is_some() { ReplicaStatus::Diverged } else { ReplicaStatus::Ok },
            diverged_at: self.diverged[r].map(u64::from),
        });
        let groups = self.groups.iter().zip(&self.names).map(|(group, name)| {
            let plan = group.slices[0].0.plan();
            GroupEntry {
                name: name.clone(),
                replicas: group.slices.iter().map(|(_, m)| m.len() as u64).sum(),
                parameters: group.compiled.parameters as u64,
                lowering: group.lowering(),
                dispatches_per_step: plan.dispatches_per_run("step"),
            }
        });
        let seconds = |d: Duration| d.as_secs_f64();
        let adapter = &self.stamp.adapter;
        let manifest = Manifest {
            format: 1,
            isogram: env!("CARGO_PKG_VERSION").into(),
            created: self.created,
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
                name: self.sweep.data.name.clone(),
                train: self.sweep.data.train.examples as u64,
                test: self.sweep.data.test.examples as u64,
                inputs: self.sweep.data.inputs as u64,
                outputs: self.sweep.data.outputs as u64,
            },
            steps: u64::from(e.steps),
            checkpoints: self.checkpoints().into_iter().map(u64::from).collect(),
            layers: self.layers.iter().map(|&l| layer_name(l)).collect(),
            groups: groups.collect(),
            timings: [
                ("total".to_owned(), seconds(self.began.elapsed())),
                ("training".to_owned(), seconds(self.training)),
                ("observing".to_owned(), seconds(self.observing)),
            ]
            .into(),
            throughput: Throughput { replica_steps_per_second: self.trained as f64 / seconds(self.training).max(1e-9) },
            status,
            observed: Some(self.recorder.observed),
            notes: self.notes.clone(),
        };
        if let Some(dir) = &self.options.out {
            manifest.write(&dir.join(files::layout::MANIFEST))?;
        }
        Ok(manifest)
    }
}

/// Arrays in the order of their replicas, whatever the slices that they came from.
fn by_replica<K: Ord + Copy>(mut arrays: Vec<(K, NamedArray)>) -> Vec<NamedArray> {
    arrays.sort_by_key(|(of, _)| *of);
    arrays.into_iter().map(|(_, array)| array).collect()
}
