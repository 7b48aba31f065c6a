//! Analyses of features that take several passes over what `evaluate` left of the last hidden layer, of all replicas of a machine
//! at once.

use super::observer::{Seen, answers, last_layer};
use crate::config::{self, Measure};
use crate::error::Result;
use crate::graph::{Function, Graph, Machine};
use crate::measure::features::device::components::Principal;
use crate::measure::features::device::redundant::Following;

/// What an experiment wants of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Analyses {
    layer: usize,
    names: Vec<String>,
    components: Option<Principal>,
    redundant_labels: Option<Following>,
}

impl Analyses {
    /// Whether an experiment wants any.
    pub fn wanted(e: &config::Experiment) -> bool {
        e.observe.has(Measure::Components) || e.observe.has(Measure::RedundantLabels)
    }

    /// Those that an experiment wants, of representations that stand in variables, and the functions that they need.
    pub fn declare(g: &mut Graph, e: &config::Experiment, seen: &Seen) -> Result<(Self, Vec<Function>)> {
        let mut all = Self { names: seen.features.clone(), ..Self::default() };
        let mut functions = Vec::new();
        if e.observe.has(Measure::Components) {
            g.fence();
            let (layer, inputs) = last_layer(seen, Measure::Components)?;
            let (components, passes) = Principal::declare(g, inputs, &answers(seen, Measure::Components)?)?;
            (all.layer, all.components) = (layer, Some(components));
            functions.extend(passes);
        }
        if e.observe.has(Measure::RedundantLabels) {
            g.fence();
            let (layer, inputs) = last_layer(seen, Measure::RedundantLabels)?;
            let (following, passes) = Following::declare(g, inputs)?;
            (all.layer, all.redundant_labels) = (layer, Some(following));
            functions.extend(passes);
        }
        Ok((all, functions))
    }

    /// What they come to: for each metric its name, its hidden layer, and a value for each replica.
    pub fn run(&self, machine: &mut Machine) -> Result<Vec<(String, usize, Vec<f32>)>> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let mut of_replicas: Vec<Vec<(String, f64)>> = vec![Vec::new(); machine.replicas()];
        if let Some(components) = &self.components {
            for (all, found) in of_replicas.iter_mut().zip(components.run(machine)?) {
                all.extend(found.named(&names)?);
            }
        }
        if let Some(following) = &self.redundant_labels {
            for (all, found) in of_replicas.iter_mut().zip(following.run(machine)?) {
                all.extend(following.named(&found, &names)?);
            }
        }
        let first = of_replicas.first().into_iter().flatten().enumerate();
        Ok(first
            .map(|(i, (name, _))| (name.clone(), self.layer, of_replicas.iter().map(|all| all[i].1 as f32).collect()))
            .collect())
    }
}
