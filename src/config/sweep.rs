//! `[sweep]`: the settings that differ between replicas, and their values.

use std::{borrow::Cow, collections::HashSet, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    names::{canonical, canonicalise},
    schema,
    tree::{Complaint, Entry, Node, Place, Value},
    values,
};

/// One value of a swept key.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// A word or a path.
    Text(String),
    /// A number, whole or not.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A list, as of the widths of hidden layers.
    List(Vec<SettingValue>),
}

/// A swept key and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Dotted key, such as `optimiser.lr`.
    pub key: String,
    /// The values, in order.
    pub values: Vec<SettingValue>,
}

/// The settings that differ between replicas; how they are written is told at [`Experiment::sweep`](super::Experiment).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// The swept keys, in the order of the file.
    pub axes: Vec<Axis>,
    /// Groups of keys that are walked together.
    pub zip: Vec<Vec<String>>,
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Text(text) => f.write_str(text),
            SettingValue::Bool(bool) => write!(f, "{bool}"),
            SettingValue::Number(x) if *x != 0.0 && x.is_finite() && !(1e-4..1e15).contains(&x.abs()) => {
                write!(f, "{x:e}")
            }
            SettingValue::Number(number) => write!(f, "{number}"),
            SettingValue::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

/// The whole number that a float is, if it is one that a float holds exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}

impl SettingValue {
    /// The value as written into the tree of settings.
    pub(super) fn to_node(&self) -> Node {
        Node::new(match self {
            SettingValue::Text(text) => Value::Text(text.clone()),
            SettingValue::Bool(bool) => Value::Bool(*bool),
            SettingValue::Number(number) => whole(*number).map_or(Value::Number(*number), Value::Whole),
            SettingValue::List(items) => Value::List(items.iter().map(SettingValue::to_node).collect()),
        })
    }

    /// A value of the tree, unless it is a table or nothing that a key can hold.
    pub(super) fn from_node(node: &Node) -> Option<SettingValue> {
        Some(match &node.value {
            Value::Text(text) => SettingValue::Text(text.clone()),
            Value::Whole(whole) => SettingValue::Number(*whole as f64),
            Value::Number(number) => SettingValue::Number(*number),
            Value::Bool(bool) => SettingValue::Bool(*bool),
            Value::List(items) => SettingValue::List(items.iter().map(Self::from_node).collect::<Option<_>>()?),
            Value::Odd(_) | Value::Table(_) => return None,
        })
    }
}

/// Why a key cannot differ between the replicas of one run, if it cannot.
fn shared(key: &str) -> Option<&'static str> {
    let (section, leaf) = key.split_once('.').unwrap_or((key, ""));
    Some(match section {
        "seeds" => "every combination is trained once with each of the seeds already",
        "steps" => "all replicas of a run take the same number of steps, so that their checkpoints can be compared",
        "name" | "description" => "it belongs to the whole run",
        "data" if schema::per_replica().iter().any(|own| own.key == key) => return None,
        "data" => {
            "all replicas of a run share one data set, so that their representations can be compared; use one run per data set"
        }
        "probe" => "representations can only be compared on the same probe examples",
        "observe" | "after" | "save" => "all replicas of a run are observed and saved alike, into the same tables",
        "model" if leaf == "inputs" || leaf == "outputs" => "it must match the data, which all replicas share",
        _ => return None,
    })
}

/// Turns `[sweep]` as written, nested or dotted, into a list of dotted keys; `zip` keeps its name.
pub(super) fn flatten(sweep: Entry) -> Result<Vec<Entry>, Complaint> {
    let Value::Table(entries) = sweep.node.value else {
        let message = format!("sweep: expected a table of keys with their values, got {}", sweep.node.describe());
        return Err(Complaint::at(sweep.node.place, message));
    };
    let mut flat: Vec<Entry> = Vec::new();
    let mut seen = HashSet::new();
    // A stack, last on top, keeps the order of the text.
    let mut left: Vec<(String, Entry)> = entries.into_iter().rev().map(|entry| (String::new(), entry)).collect();
    while let Some((prefix, Entry { key, place, mut node })) = left.pop() {
        let key = key.split('.').map(|part| canonical(part.trim())).collect::<Vec<_>>().join(".");
        let key = schema::join(&prefix, &key);
        let nested = !node.entries().iter().any(|entry| values::FORMS.contains(&entry.key.as_str()));
        if let Value::Table(inner) = &mut node.value
            && nested
        {
            left.extend(std::mem::take(inner).into_iter().rev().map(|entry| (key.clone(), entry)));
            continue;
        }
        if !seen.insert(key.clone()) {
            return Err(Complaint::at(place, format!("sweep.{key}: the key is swept twice")));
        }
        canonicalise(&mut node)?;
        flat.push(Entry { key, place, node });
    }
    Ok(flat)
}

impl Sweep {
    /// Reads the flattened table, with every value checked in its place.
    pub(super) fn read(entries: &[Entry]) -> Result<Sweep, Complaint> {
        let mut sweep = Sweep::default();
        for Entry { key, place, node } in entries {
            if key == "zip" {
                sweep.zip = read_zip(node)?;
                continue;
            }
            let schema = sweepable(key).map_err(|message| Complaint::at(*place, message))?;
            let nodes = values::read(key, node)?;
            let mut values = Vec::with_capacity(nodes.len());
            for (index, item) in nodes.iter().enumerate() {
                let path = format!("sweep.{key}[{index}]");
                let value = SettingValue::from_node(item).ok_or_else(|| {
                    let (expected, got) = (schema::describe(schema), item.describe());
                    Complaint::at(item.place, format!("{path}: expected {expected}, got {got}"))
                })?;
                // Checked as it will be set: a formula's 32.0 is as good as 32.
                schema::check(&value.to_node(), schema, &path)
                    .map_err(|complaint| Complaint { place: item.place, ..complaint })?;
                values.push(value);
            }
            sweep.axes.push(Axis { key: key.clone(), values });
        }
        Ok(sweep)
    }

    /// What can be wrong with a sweep as a whole, also with one that a program built.
    pub(super) fn verify(&self) -> Result<(), Complaint> {
        let mut keys = HashSet::new();
        for Axis { key, values } in &self.axes {
            sweepable(key).map_err(|message| Complaint { message, ..Complaint::of(format!("sweep.{key}"), "") })?;
            if !keys.insert(key.as_str()) {
                return Err(Complaint::of(format!("sweep.{key}"), "the key is swept twice"));
            }
            if values.is_empty() {
                return Err(Complaint::of(format!("sweep.{key}"), "expected at least one value, got an empty list"));
            }
            let zipped = self.zip.iter().flatten().any(|name| name == key);
            let mut seen = HashSet::new();
            // Side by side with another key a value may well come again.
            if let Some(twice) = values.iter().map(ToString::to_string).find(|value| !seen.insert(value.clone()))
                && !zipped
            {
                let message = format!("the value {twice} comes twice, which would train the same replicas twice");
                return Err(Complaint::of(format!("sweep.{key}"), message));
            }
        }
        let mut zipped = HashSet::new();
        for group in &self.zip {
            let mut first: Option<(&str, usize)> = None;
            for key in group {
                let Some(axis) = self.axes.iter().find(|axis| axis.key == *key) else {
                    return Err(Complaint::of("sweep.zip", format!("`{key}` has no values in [sweep]")));
                };
                if !zipped.insert(key.as_str()) {
                    return Err(Complaint::of("sweep.zip", format!("`{key}` is named twice")));
                }
                let (other, length) = *first.get_or_insert((key, axis.values.len()));
                if length != axis.values.len() {
                    let message = format!(
                        "keys walked together need equally many values, but `{other}` has {length} and `{key}` has {}",
                        axis.values.len()
                    );
                    return Err(Complaint::of("sweep.zip", message));
                }
            }
        }
        Ok(())
    }

    /// The axes that change together, by index, in the order of the first of each.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        let index = |key: &String| self.axes.iter().position(|axis| axis.key == *key);
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut done = HashSet::new();
        for (number, axis) in self.axes.iter().enumerate() {
            if done.contains(&number) {
                continue;
            }
            let zipped = self.zip.iter().find(|group| group.contains(&axis.key));
            let group: Vec<usize> = zipped.map_or(vec![number], |group| group.iter().filter_map(index).collect());
            done.extend(group.iter().copied());
            groups.push(group);
        }
        groups
    }

    /// The number of combinations.
    pub(super) fn combinations(&self) -> u64 {
        let length = |group: &Vec<usize>| group.first().map_or(1, |&axis| self.axes[axis].values.len() as u64);
        self.groups().iter().map(length).fold(1, u64::saturating_mul)
    }
}

/// The schema of a key that can be swept, or the sentence that says why it cannot.
fn sweepable(key: &str) -> Result<&'static serde_json::Value, String> {
    let schema = schema::find(key).map_err(|message| format!("sweep.{}: {message}", super::tree::shorten(key)))?;
    if let Some(reason) = shared(key) {
        return Err(format!("sweep.{key}: `{key}` cannot be swept: {reason}"));
    }
    if matches!(schema::shape(schema), schema::Shape::Table) {
        return Err(format!("sweep.{key}: `{key}` is a section; sweep one of its keys"));
    }
    Ok(schema)
}

/// Reads the groups of `zip`; a lone group may be written without the outer list.
fn read_zip(node: &Node) -> Result<Vec<Vec<String>>, Complaint> {
    let wrong = |node: &Node| {
        let message = format!(
            "sweep.zip: expected groups of swept keys such as [[\"model.gain\", \"optimiser.lr\"]], got {}",
            node.describe()
        );
        Complaint::at(node.place, message)
    };
    let Value::List(items) = &node.value else { return Err(wrong(node)) };
    let group = |items: &[Node]| -> Result<Vec<String>, Complaint> {
        items
            .iter()
            .map(|item| match &item.value {
                Value::Text(key) => Ok(key.split('.').map(canonical).collect::<Vec<_>>().join(".")),
                _ => Err(wrong(item)),
            })
            .collect()
    };
    if items.iter().all(|item| matches!(item.value, Value::Text(_))) && !items.is_empty() {
        return Ok(vec![group(items)?]);
    }
    items
        .iter()
        .map(|item| match &item.value {
            Value::List(keys) if !keys.is_empty() => group(keys),
            _ => Err(wrong(item)),
        })
        .collect()
}

impl Serialize for SettingValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            SettingValue::Text(text) => serializer.serialize_str(text),
            SettingValue::Bool(bool) => serializer.serialize_bool(*bool),
            SettingValue::Number(number) => match whole(*number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*number),
            },
            SettingValue::List(items) => items.serialize(serializer),
        }
    }
}

impl Serialize for Sweep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for Axis { key, values } in &self.axes {
            map.serialize_entry(key, values)?;
        }
        if !self.zip.is_empty() {
            map.serialize_entry("zip", &self.zip)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Sweep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sweep, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Sweep;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of swept keys with their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sweep, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, toml::Value>()? {
                    entries.push(Entry { key, place: Place::Nowhere, node: Node::from_toml(value) });
                }
                let place = Place::Nowhere;
                let table = Entry { key: "sweep".into(), place, node: Node::new(Value::Table(entries)) };
                let sweep = flatten(table).and_then(|entries| Sweep::read(&entries));
                sweep.map_err(|complaint| serde::de::Error::custom(complaint.message))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl JsonSchema for Sweep {
    fn schema_name() -> Cow<'static, str> {
        "Sweep".into()
    }

    // Its keys are the dotted names of all other keys, so a schema can say no more than that it is a table.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "description": "Settings that differ between replicas." })
    }
}
