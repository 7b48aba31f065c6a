//! A group of replicas on a device: one compiled program, in as many slices as the adapter's limits ask for.

use std::sync::Arc;

use super::compile::{Compiled, replica_settings};
use super::sweep::Replica;
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Profile};
use crate::graph::{Machine, Plan, lower};
use crate::kernels::Arena;

/// Replicas that share one graph.
#[derive(Debug)]
pub struct Group {
    /// What was compiled.
    pub compiled: Compiled,
    /// The machines, each with the places in the sweep of its replicas.
    pub slices: Vec<(Machine, Vec<usize>)>,
}

impl Group {
    /// Splits replicas into slices that fit, and builds their machines. `slice` forces a size.
    ///
    /// # Errors
    /// If not even one replica fits, or the device has not enough memory.
    pub fn new(gpu: Option<&Arc<Gpu>>, compiled: Compiled, members: &[usize], slice: Option<usize>) -> Result<Self> {
        let profile = gpu.map_or_else(Profile::reference, |gpu| gpu.profile().clone());
        let most = most_replicas(&compiled, &profile)?;
        let size = slice.unwrap_or(most).min(most).max(1);
        let mut slices = Vec::new();
        for part in members.chunks(size) {
            let plan = plan(&compiled, part.len(), &profile)?;
            slices.push((Machine::new(gpu, plan)?, part.to_vec()));
        }
        Ok(Self { compiled, slices })
    }

    /// Sets the seeds and settings of all replicas and runs `init`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn initialise(&mut self, replicas: &[Replica]) -> Result<()> {
        for (machine, members) in &mut self.slices {
            let seeds: Vec<u32> = members.iter().map(|&m| replicas[m].seed).collect();
            machine.write_integers("seed", &seeds)?;
            let names = replica_settings(&replicas[members[0]].experiment).map(|(name, _)| name);
            for (i, name) in names.iter().enumerate() {
                let values: Vec<f32> =
                    members.iter().map(|&m| replica_settings(&replicas[m].experiment)[i].1 as f32).collect();
                machine.write_variable(name, &values)?;
            }
            machine.run("init", 1)?;
        }
        Ok(())
    }

    /// Replaces initial parameters by given ones, for all replicas: name and values each.
    ///
    /// # Errors
    /// If a parameter is missing or has another size.
    pub fn set_parameters(&mut self, named: &[(String, Vec<f32>)], origin: &std::path::Path) -> Result<()> {
        for name in &self.compiled.parameter_names {
            let Some((_, values)) = named.iter().find(|(n, _)| n == name) else {
                return Err(Error::data(origin, format!("has no tensor `{name}`, which the model needs")));
            };
            for (machine, members) in &mut self.slices {
                for replica in 0..members.len() {
                    machine.write_replica(name, replica, values).map_err(|e| Error::data(origin, e.to_string()))?;
                }
            }
        }
        Ok(())
    }

    /// Queues so many training steps for all replicas.
    ///
    /// # Errors
    /// If the device fails.
    pub fn step(&mut self, steps: u32) -> Result<()> {
        for (machine, _) in &mut self.slices {
            machine.run("step", steps)?;
        }
        Ok(())
    }

    /// Waits until everything queued has run.
    ///
    /// # Errors
    /// If the device failed meanwhile.
    pub fn wait(&mut self) -> Result<()> {
        self.slices.iter_mut().try_for_each(|(machine, _)| machine.wait())
    }
}

/// The plan of so many replicas.
///
/// # Errors
/// If it cannot be lowered.
pub(super) fn plan(compiled: &Compiled, replicas: usize, profile: &Profile) -> Result<Plan> {
    lower(&compiled.graph, &compiled.functions, replicas, profile)
}

/// How many replicas fit the adapter's binding and grid limits.
fn most_replicas(compiled: &Compiled, profile: &Profile) -> Result<usize> {
    let (one, two) = (plan(compiled, 1, profile)?, plan(compiled, 2, profile)?);
    let mut most = profile.grid as usize;
    for arena in Arena::ALL {
        let (a, b) = (one.bytes()[arena as usize], two.bytes()[arena as usize]);
        if a > profile.binding_bytes {
            return Err(Error::OutOfMemory(format!(
                "one replica needs {} MiB of {} memory, and the adapter binds at most {} MiB at once: use smaller layers, \
                 batches or probe sets, or another adapter",
                a >> 20,
                format!("{arena:?}").to_lowercase(),
                profile.binding_bytes >> 20
            )));
        }
        let each = (b - a).max(1);
        most = most.min(1 + ((profile.binding_bytes - a) / each) as usize);
    }
    Ok(most)
}
