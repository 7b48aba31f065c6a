//! Which replicas share a graph: those that agree in every setting but the few that each replica holds as variables.
//!
//! All settings are compared but those that their field says may differ (`scope`) and the sections that are listed, so that a setting that nobody thought of can only cut a group in
//! two, and never train two architectures as one.

use serde_json::Value;

use crate::config::{Experiment, inert, per_replica};

/// The variable that holds a setting that each replica has for itself, by its key: `setting/lr` for `optimiser.lr`.
pub(super) fn variable(key: &str) -> String {
    format!("setting/{}", key.rsplit('.').next().unwrap_or(key))
}

/// Those settings of one replica, in the order of [`per_replica`]: one for each of a list of sections; 0 for what is left out.
pub(super) fn values(e: &Experiment) -> Vec<Vec<f32>> {
    let mut all = serde_json::to_value(e).unwrap_or_default();
    let mut of = |key: &str| {
        let mut found = Vec::new();
        each(&mut all, key, &mut |value| found.push(value.as_f64().unwrap_or(0.0) as f32));
        found
    };
    per_replica().iter().map(|setting| of(&setting.key)).collect()
}

/// Does something with each value at a dotted key: of a list of sections, with that of each.
fn each(all: &mut Value, key: &str, visit: &mut dyn FnMut(&mut Value)) {
    if let Value::Array(items) = all {
        return items.iter_mut().for_each(|item| each(item, key, visit));
    }
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    match (all.get_mut(first), rest) {
        (Some(inner), Some(rest)) => each(inner, rest, visit),
        (Some(value), None) => visit(value),
        (None, _) => {}
    }
}

/// Sections on which no graph depends, beside the keys of [`inert`]: what a sweep is made of, and its data, which the sweep holds.
const HELD: [&str; 3] = ["seeds", "sweep", "data"];

/// What must agree between replicas that share a graph: every setting but those that each replica has as variables. A
/// function of one replica's settings alone: which graph a replica gets never depends on its company.
pub(super) fn structure(e: &Experiment) -> String {
    let Ok(mut all) = serde_json::to_value(e) else { return format!("{e:?}") };
    // What decides at zero, also in a section that is left out.
    let mut above_zero = Vec::new();
    for setting in per_replica() {
        each(&mut all, &setting.key, &mut |value| {
            above_zero.extend(setting.but_for_zero.then(|| Value::from(value.as_f64().unwrap_or(0.0) > 0.0)));
            *value = Value::Null;
        });
    }
    for key in inert().iter().map(String::as_str).chain(HELD) {
        each(&mut all, key, &mut |value| *value = Value::Null);
    }
    all["above zero"] = above_zero.into();
    // All of a stage's settings are variables.
    each(&mut all, "stages", &mut |stages| *stages = e.stages.len().into());
    all.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config;

    /// A value at a dotted path; of a list of sections, in its first.
    fn at<'v>(all: &'v mut Value, key: &str) -> &'v mut Value {
        key.split('.').fold(all, |section, part| {
            let section = if section.is_array() { &mut section[0] } else { section };
            &mut section[part]
        })
    }

    /// The structures of an experiment and of the same with another value of one key.
    fn structures(base: &Value, key: &str) -> [String; 2] {
        let was = base.clone();
        let was_there = at(&mut was.clone(), key).clone();
        let choices = config::choices(key).into_iter().map(Value::from);
        let lists = config::choices_of_items(key).into_iter().map(|word| json!([word]));
        let numbers = [json!(0.25), json!(0.75), json!(1), json!(2), json!(3), json!(1e-5)];
        let others = [
            json!(true),
            json!(false),
            json!("other"),
            json!(["1"]),
            json!([1]),
            json!([0, 1]),
            json!([[0, 1]]),
            json!([["a", "b"]]),
            json!({"kind": "log"}),
            json!([]),
            json!(["loss"]),
            json!(["cka"]),
            json!([{}]),
        ];
        let candidates = numbers.into_iter().chain(choices).chain(lists).chain(others);
        for value in candidates.filter(|value| *value != was_there) {
            let mut is = base.clone();
            *at(&mut is, key) = value;
            let read = |value: Value| serde_json::from_value::<Experiment>(value).ok();
            if let (Some(was), Some(is)) = (read(was.clone()), read(is))
                && was != is
            {
                return [structure(&was), structure(&is)];
            }
        }
        panic!("no other value of `{key}` was found");
    }

    #[test]
    fn every_setting_splits_a_group_or_is_declared_not_to() {
        let mut base = serde_json::to_value(Experiment::default()).unwrap();
        base["stages"] = json!([{"outputs": ["0"], "until": 0.5, "steps": 7, "fresh_optimiser": false}]);
        base["after"] = json!([{"kind": "prune", "fractions": [0.5]}]);
        base["data"]["features"] = json!([{"name": "a"}]);
        base["model"]["layers"] = json!([config::LayerSettings::default()]);
        base["loss"]["align"] = json!([config::Align::default()]);
        base["networks"]["NAME"] = json!(config::Network::default());
        for setting in per_replica().iter().filter(|setting| setting.but_for_zero) {
            *at(&mut base, &setting.key) = json!(1);
        }
        let mut seen = 0;
        for key in config::paths() {
            let inert = inert().contains(key)
                || HELD.iter().any(|i| key == i || key.starts_with(&format!("{i}.")))
                || key.starts_with("stages.");
            let declared = per_replica().iter().any(|s| s.key == *key);
            let [was, is] = structures(&base, key);
            assert_eq!(was == is, inert || declared, "`{key}`");
            seen += usize::from(declared);
        }
        assert_eq!(seen, per_replica().len(), "every declared setting is a key");
        assert!(seen > 8);
    }

    #[test]
    fn what_decides_by_being_zero_splits_there() {
        let of = |change: &dyn Fn(&mut Experiment)| {
            let mut e = Experiment::default();
            change(&mut e);
            structure(&e)
        };
        let plain = of(&|_| {});
        assert_ne!(of(&|e| e.optimiser.momentum = 0.5), plain);
        assert_ne!(of(&|e| e.optimiser.weight_decay = 0.5), plain);
        assert_ne!(of(&|e| e.optimiser.clip_norm = Some(0.5)), plain);
        assert_ne!(of(&|e| e.model.dropout = 0.5), plain);
        assert_ne!(of(&|e| e.model.input_dropout = 0.5), plain);
        assert_ne!(of(&|e| e.data.corrupted = 0.5), plain);
        assert_ne!(of(&|e| e.data.train_fraction = Some(0.5)), plain);
        assert_eq!(of(&|e| e.data.input_distance = 0.5), plain);
        assert_ne!(of(&|e| e.stages = vec![config::Stage::default()]), plain);
        assert_eq!(of(&|e| e.optimiser.lr = 0.5), plain);
    }
}
