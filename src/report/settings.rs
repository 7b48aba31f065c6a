//! The settings of a sweep: replicas that differ in their seed alone stand under one label.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::files::manifest::{ReplicaEntry, ReplicaStatus};

/// Replicas that differ in their seed alone.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What tells them from the others, such as `tanh` or `tanh, width 32`.
    pub label: String,
    /// Those whose numbers stayed finite.
    pub replicas: Vec<u32>,
    /// How many others there are.
    pub diverged: usize,
}

/// All settings of a run.
#[derive(Debug, Default)]
pub struct Settings {
    /// In the order in which the sweep has them; by value, where many values of one number are swept.
    pub list: Vec<Setting>,
    /// What the labels are values of, such as `model.activation`.
    pub swept: Vec<String>,
    of: HashMap<u32, usize>,
}

impl Settings {
    /// Sorts replicas by their settings.
    pub fn of(replicas: &[ReplicaEntry]) -> Self {
        let swept = swept(replicas);
        let mut values: Vec<Vec<Value>> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut place_of = Vec::with_capacity(replicas.len());
        for replica in replicas {
            let own: Vec<Value> =
                swept.iter().map(|name| replica.settings.get(name).cloned().unwrap_or_default()).collect();
            let place = *places.entry(Value::from(own.clone()).to_string()).or_insert_with(|| {
                values.push(own);
                values.len() - 1
            });
            place_of.push(place);
        }
        let order = order(&values);
        let mut list: Vec<Setting> = order
            .iter()
            .map(|&i| Setting { label: label(&swept, &values[i]), replicas: Vec::new(), diverged: 0 })
            .collect();
        if (1..list.len()).any(|i| list[..i].iter().any(|other| other.label == list[i].label)) {
            for (setting, &i) in list.iter_mut().zip(&order) {
                setting.label = full_label(&swept, &values[i]);
            }
        }
        let mut rank = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &i)| rank[i] = place);
        let mut of = HashMap::new();
        for (replica, place) in replicas.iter().zip(place_of) {
            let setting = &mut list[rank[place]];
            if replica.status == ReplicaStatus::Ok {
                setting.replicas.push(replica.replica);
                of.insert(replica.replica, rank[place]);
            } else {
                setting.diverged += 1;
            }
        }
        Self { list, swept, of }
    }

    /// The setting of a replica that did not diverge.
    pub fn find(&self, replica: u32) -> Option<usize> {
        self.of.get(&replica).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Replicas left out because they diverged.
    pub fn diverged(&self) -> usize {
        self.list.iter().map(|setting| setting.diverged).sum()
    }

    /// The smallest and the largest number of replicas under a setting.
    pub fn sizes(&self) -> (usize, usize) {
        let sizes = || self.list.iter().map(|setting| setting.replicas.len());
        (sizes().min().unwrap_or(0), sizes().max().unwrap_or(0))
    }
}

/// The names of settings that are not the same in all replicas.
fn swept(replicas: &[ReplicaEntry]) -> Vec<String> {
    let empty = Map::new();
    let first = replicas.first().map_or(&empty, |replica| &replica.settings);
    let mut names: Vec<&String> = Vec::new();
    for replica in replicas {
        let differs = |name: &&String| replica.settings.get(*name) != first.get(*name);
        for name in first.keys().chain(replica.settings.keys()).filter(differs) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.into_iter().cloned().collect()
}

/// As they came; a sweep over many values of one number is read best by value.
fn order(values: &[Vec<Value>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let numbers: Option<Vec<f64>> =
        values.iter().map(|own| if let [one] = own.as_slice() { one.as_f64() } else { None }).collect();
    if let Some(numbers) = numbers
        && values.len() > super::figure::palette::DISTINCT
    {
        order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    }
    order
}

fn label(names: &[String], values: &[Value]) -> String {
    let part = |(name, value): (&String, &Value)| match value {
        Value::String(text) => text.clone(),
        value => format!("{} {}", name.rsplit('.').next().unwrap_or(name).replace('_', " "), rounded(value)),
    };
    joined(names.iter().zip(values).map(part))
}

fn full_label(names: &[String], values: &[Value]) -> String {
    joined(names.iter().zip(values).map(|(name, value)| format!("{name} = {}", shown(value))))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let label = parts.collect::<Vec<_>>().join(", ");
    if label.is_empty() { "all replicas".to_owned() } else { label }
}

/// A setting's value as a reader expects it: text without its quotes.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    }
}

/// A number to six digits, so that `0.009000000000000001` reads `0.009`.
fn rounded(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() => {
            let rounded = format!("{number:.5e}").parse().unwrap_or(number);
            if (1e-4..1e9).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
        }
        _ => shown(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replicas(settings: &[Value]) -> Vec<ReplicaEntry> {
        let entry = |(replica, settings): (usize, &Value)| ReplicaEntry {
            replica: replica as u32,
            group: 0,
            seed: 0,
            settings: settings.as_object().cloned().unwrap_or_default(),
            status: ReplicaStatus::Ok,
            diverged_at: None,
        };
        settings.iter().enumerate().map(entry).collect()
    }

    fn labels(settings: &[Value]) -> Vec<String> {
        Settings::of(&replicas(settings)).list.into_iter().map(|setting| setting.label).collect()
    }

    #[test]
    fn labels_say_what_differs() {
        assert_eq!(labels(&[json!({}), json!({})]), ["all replicas"]);
        assert_eq!(labels(&[json!({"m.a": "tanh", "d": 1}), json!({"m.a": "relu", "d": 1})]), ["tanh", "relu"]);
        assert_eq!(labels(&[json!({"o.learning_rate": 0.1}), json!({})]), ["learning rate 0.1", "learning rate none"]);
        let same = [json!({"a.init": "x", "b.init": "y"}), json!({"a.init": "y", "b.init": "x"}), json!({"a.init": 1})];
        assert_eq!(labels(&same), ["x, y", "y, x", "init 1, init none"]);
        let clash =
            [json!({"a.k": 1}), json!({"b.k": 1}), json!({"a.k": 1, "b.k": 1}), json!({"a.k": "k 1", "b.k": 1})];
        assert_eq!(labels(&clash)[2], "a.k = 1, b.k = 1");
        let many: Vec<Value> = (0..9).rev().map(|i| json!({ "n": i })).collect();
        assert_eq!(labels(&many)[..2], ["n 0", "n 1"]);
        let numbers = [json!({"r": 0.009000000000000001}), json!({"r": 1e-5}), json!({"r": 1.0}), json!({"r": 32})];
        assert_eq!(labels(&numbers), ["r 0.009", "r 1e-5", "r 1", "r 32"]);
        assert!(labels(&[]).is_empty());
    }

    #[test]
    fn diverged_replicas_are_counted_and_belong_nowhere() {
        let mut replicas = replicas(&[json!({"a": 1}), json!({"a": 2}), json!({"a": 1})]);
        replicas[2].status = ReplicaStatus::Diverged;
        let settings = Settings::of(&replicas);
        assert_eq!(
            (settings.diverged(), settings.find(2), settings.find(1), settings.find(9)),
            (1, None, Some(1), None)
        );
    }
}
