//! Names of layers, and replicas' columns, as files spell them.

use super::sweep::Replica;
use crate::config::SettingValue;
use crate::files::{Cell, ReplicaColumns};

/// Name of a hidden layer in files.
pub(super) fn layer_name(layer: usize) -> String {
    format!("layers.{layer}")
}

/// Seed and swept settings of each replica.
pub(super) fn columns(replicas: &[Replica]) -> Vec<ReplicaColumns> {
    let cell = |value: &SettingValue| match value {
        SettingValue::Number(x) => Cell::Number(*x),
        SettingValue::Bool(b) => Cell::Bool(*b),
        other => Cell::Text(other.to_string()),
    };
    replicas
        .iter()
        .map(|r| ReplicaColumns {
            seed: r.seed,
            settings: r.columns.iter().map(|(name, value)| (name.clone(), cell(value))).collect(),
        })
        .collect()
}
