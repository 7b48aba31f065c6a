//! One trained instance of a model.

use std::sync::Arc;

use super::subset::Subset;
use crate::config::{Experiment, SettingValue};
use crate::files::{Cell, ReplicaColumns};

/// One trained instance: its seed and resolved settings.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Seed.
    pub seed: u32,
    /// The swept settings; replicas that differ in their seeds alone share them.
    pub columns: Arc<Vec<(String, SettingValue)>>,
    /// All settings, shared in the same way.
    pub experiment: Arc<Experiment>,
    /// Training examples of its own, where replicas have such: see [`Sweep::of_replicas`](super::Sweep::of_replicas).
    pub data: Option<Arc<Subset>>,
}

impl Replica {
    /// Seed and swept settings, as tables have them.
    pub(super) fn row(&self) -> ReplicaColumns {
        let cell = |value: &SettingValue| match value {
            SettingValue::Number(x) => Cell::Number(*x),
            SettingValue::Bool(b) => Cell::Bool(*b),
            other => Cell::Text(other.to_string()),
        };
        let settings = self.columns.iter().map(|(name, value)| (name.clone(), cell(value))).collect();
        ReplicaColumns { seed: self.seed, settings }
    }
}
