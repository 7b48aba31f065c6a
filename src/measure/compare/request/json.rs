//! What was found, as JSON.

use serde_json::{Value, json};

use super::text::{meaning, sampled};
use super::{Compared, Drawn};
use crate::measure::compare::Table;
use crate::measure::outcome::Outcome;

impl Compared {
    /// Everything, with reasons where there is no value.
    pub fn json(&self) -> Value {
        let count = self.representations.len();
        let halves = self.halves.iter().map(|(i, measure, found)| {
            entry(
                json!({"representation": i, "measure": measure}),
                found,
                |h| json!({"mean": h.floor.mean, "low": h.floor.low, "high": h.floor.high, "where": h.place.name()}),
            )
        });
        let gaps = |table: &Table, kind: &str| -> Value {
            let of_kind = table.missing().filter(|gap| gap.outcome.kind() == Some(kind));
            of_kind.map(|gap| json!({"a": gap.a, "b": gap.b, "reason": gap.reason()})).collect()
        };
        json!({
            "permutations": drawn(&self.permuted, |t| {
                json!({"value": t.observed, "p": t.p_value, "mean_of_null": t.mean, "where": t.place.name()})
            }),
            "intervals": drawn(&self.intervals, |i| json!({
                "value": i.estimate, "low": i.low, "high": i.high, "from": sampled(i.sampling), "where": i.place.name(),
            })),
            "halves": halves.collect::<Value>(),
            "representations": self.representations.iter().map(|x| json!({
                "name": x.name, "examples": x.examples, "units": x.units,
            })).collect::<Vec<_>>(),
            "measures": self.measures.iter().zip(&self.tables).map(|(measure, table)| json!({
                "measure": table.measure,
                "larger_is": meaning(measure),
                "symmetric": measure.entry.symmetric,
                "where": table.place.name(),
                "refused_by_device": table.refused,
                "caution": self.caution(measure),
                "values": (0..count).map(|a| (0..count).map(|b| table.cell(a, b).value()).collect::<Vec<_>>())
                    .collect::<Vec<_>>(),
                "undefined": gaps(table, "undefined"),
                "failed": gaps(table, "failed"),
            })).collect::<Vec<_>>(),
        })
    }
}
/// What draws say of each pair.
fn drawn<T>(all: &[Drawn<T>], say: impl Fn(&T) -> Value) -> Value {
    let of = |d: &Drawn<T>| entry(json!({"a": d.a, "b": d.b, "measure": d.measure}), &d.value, &say);
    all.iter().map(of).collect()
}

/// `about` with what was found, or with why there is no value under `undefined` or `failed`.
fn entry<T>(mut about: Value, found: &Result<T, Outcome>, say: impl Fn(&T) -> Value) -> Value {
    match found {
        Ok(value) => {
            if let (Some(about), Value::Object(mut said)) = (about.as_object_mut(), say(value)) {
                about.append(&mut said);
            }
        }
        Err(why) => {
            if let (Some(kind), Some(reason)) = (why.kind(), why.reason()) {
                about[kind] = reason.into();
            }
        }
    }
    about
}
