//! Snapshots: the state of all groups at a step, from which a run continues to the same bits.
//!
//! Random numbers and batches follow from counters that are part of the state, so there is nothing else to save. A
//! snapshot names what made it; another version, adapter, driver or setting is refused, since it could not give the
//! same bits.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::group::{Group, WITH_MATRICES};
use super::options::Matrices;
use crate::data::{read_safetensors, read_safetensors_metadata, write_safetensors};
use crate::error::{Error, Result};
use crate::files::layout::SNAPSHOTS;
use crate::gpu::AdapterSummary;

/// What a snapshot was made by and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stamp {
    /// Steps done.
    pub step: u32,
    /// Last checkpoint observed.
    pub observed: Option<u32>,
    /// Adapter and driver.
    pub adapter: AdapterSummary,
    /// All settings, as JSON.
    pub settings: Value,
    /// How the training step of each group was lowered.
    pub lowering: String,
    /// Whether kernels check their indices.
    pub checked: bool,
    /// Fingerprint of the data.
    pub data: u64,
}

fn path(dir: &Path) -> PathBuf {
    dir.join(SNAPSHOTS).join("latest.safetensors")
}

/// Whether a run in this folder can be continued.
pub(super) fn exists(dir: &Path) -> bool {
    path(dir).exists()
}

/// Whether the run in this folder takes products by cooperative matrices: what a trial decided is kept. `Auto` if there is no
/// such run.
pub(super) fn matrices(dir: &Path) -> Matrices {
    let Ok(metadata) = read_safetensors_metadata(&path(dir)) else { return Matrices::Auto };
    match metadata.iter().find(|(key, _)| key == "lowering") {
        Some((_, lowering)) if lowering.contains(WITH_MATRICES) => Matrices::Yes,
        Some(_) => Matrices::No,
        None => Matrices::Auto,
    }
}

/// Saves the state of all groups; a snapshot replaces the one before only when it is whole.
pub(super) fn save(dir: &Path, groups: &mut [Group], stamp: &Stamp) -> Result<()> {
    let folder = dir.join(SNAPSHOTS);
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let mut arrays = Vec::new();
    for (g, group) in groups.iter_mut().enumerate() {
        for (s, (machine, members)) in group.slices.iter_mut().enumerate() {
            let state = machine.read_state()?;
            let per = state.len() / members.len();
            arrays.push((format!("group.{g}.slice.{s}"), vec![members.len(), per], state));
        }
    }
    let metadata = [
        ("isogram", env!("CARGO_PKG_VERSION").to_owned()),
        ("step", stamp.step.to_string()),
        ("observed", stamp.observed.map_or_else(String::new, |o| o.to_string())),
        ("adapter", serde_json::to_string(&stamp.adapter).unwrap_or_default()),
        ("settings", stamp.settings.to_string()),
        ("lowering", stamp.lowering.clone()),
        ("checked", stamp.checked.to_string()),
        ("data", stamp.data.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    write_safetensors(&path(dir), &arrays, &metadata)
}

/// Restores what [`save`] saved, after checking that the same run is continued.
pub(super) fn load(dir: &Path, groups: &mut [Group], expected: &Stamp) -> Result<Stamp> {
    let file = path(dir);
    if !file.exists() {
        return Err(Error::Resume(format!("{} holds no snapshot: start the run anew", dir.display())));
    }
    let metadata = read_safetensors_metadata(&file)?;
    let get = |key: &str| metadata.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).unwrap_or_default();
    if get("isogram") != env!("CARGO_PKG_VERSION") {
        return Err(Error::Resume(format!(
            "the run was made by isogram {}, and this is {}: use that version",
            get("isogram"),
            env!("CARGO_PKG_VERSION")
        )));
    }
    let broken = || Error::Resume(format!("{} is not a snapshot of this program", file.display()));
    let adapter: AdapterSummary = serde_json::from_str(get("adapter")).map_err(|_| broken())?;
    if adapter != expected.adapter {
        return Err(Error::Resume(format!(
            "the run was made on {adapter}, and this is {}: only the same adapter and driver give the same bits",
            expected.adapter
        )));
    }
    let settings: Value = serde_json::from_str(get("settings")).map_err(|_| broken())?;
    if let Some(difference) = difference("", &settings, &expected.settings) {
        return Err(Error::Resume(format!("{difference}: continue with the run's own settings, or start anew")));
    }
    if get("lowering") != expected.lowering {
        return Err(Error::Resume(format!(
            "the run's training steps were lowered {}, and these are {}: use the run's --lowering and --matrices",
            get("lowering"),
            expected.lowering
        )));
    }
    let checked = get("checked") == "true";
    if checked != expected.checked {
        let (was, is, set) = if checked { ("with", "without", "1") } else { ("without", "with", "0") };
        return Err(Error::Resume(format!(
            "the run's kernels were compiled {was} checks of their indices, and these are {is}: continue with ISOGRAM_CHECKED={set} \
             in the environment"
        )));
    }
    if get("data") != expected.data.to_string() {
        return Err(Error::Resume("the data files have changed since the run began: start anew".into()));
    }
    let step = get("step").parse().map_err(|_| broken())?;
    let observed = match get("observed") {
        "" => None,
        text => Some(text.parse().map_err(|_| broken())?),
    };
    let arrays = read_safetensors(&file)?;
    let slices: usize = groups.iter().map(|g| g.slices.len()).sum();
    if arrays.len() != slices {
        return Err(Error::Resume(format!(
            "the run was cut into {} slices, and now there are {slices}: use the run's --slice",
            arrays.len()
        )));
    }
    for (g, group) in groups.iter_mut().enumerate() {
        for (s, (machine, _)) in group.slices.iter_mut().enumerate() {
            let name = format!("group.{g}.slice.{s}");
            let (_, _, state) = arrays.iter().find(|(n, _, _)| *n == name).ok_or_else(broken)?;
            machine.write_state(state)?;
        }
    }
    Ok(Stamp { step, observed, adapter, settings, ..expected.clone() })
}

/// The first setting in which two runs differ, as a phrase.
fn difference(path: &str, was: &Value, is: &Value) -> Option<String> {
    if let (Value::Object(a), Value::Object(b)) = (was, is) {
        let keys = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
        return keys
            .filter_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                difference(&path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null))
            })
            .next();
    }
    (was != is).then(|| format!("{path} was {was}, and now is {is}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Matrices, SNAPSHOTS, difference, matrices, path, write_safetensors};

    #[test]
    fn a_difference_is_named_by_its_key() {
        let was = json!({"optimiser": {"lr": 0.1, "kind": "sgd"}, "steps": 3});
        let is = json!({"optimiser": {"lr": 0.2, "kind": "sgd"}, "steps": 3});
        assert_eq!(difference("", &was, &is).unwrap(), "optimiser.lr was 0.1, and now is 0.2");
        assert_eq!(difference("", &was, &was), None);
    }

    #[test]
    fn what_a_trial_of_matrices_decided_is_read_from_the_snapshot() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(matrices(dir.path()), Matrices::Auto);
        std::fs::create_dir(dir.path().join(SNAPSHOTS)).unwrap();
        for (lowering, expected) in [
            ("layered", Matrices::No),
            ("layered with cooperative matrices", Matrices::Yes),
            ("resident, layered with cooperative matrices", Matrices::Yes),
        ] {
            let state = [("group.0.slice.0".to_owned(), vec![1, 1], vec![0.0])];
            let metadata = [("lowering".to_owned(), lowering.to_owned())];
            write_safetensors(&path(dir.path()), &state, &metadata).unwrap();
            assert_eq!(matrices(dir.path()), expected, "{lowering}");
        }
    }
}
