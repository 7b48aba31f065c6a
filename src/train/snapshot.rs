//! Snapshots: the state of all groups at a step, from which a run continues to the same bits.
//!
//! Random numbers and batches follow from counters that are part of the state, so there is nothing else to save. A
//! snapshot names what made it; another version, adapter, driver or setting is refused, since it could not give the
//! same bits.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::group::{Group, WITH_MATRICES};
use super::options::Matrices;
use super::resume::{self, Reached};
use super::sweep::Sweep;
use crate::data::{read_safetensors_array, read_safetensors_metadata, write_safetensors_one_by_one};
use crate::error::{Error, Result};
use crate::files::layout::{MANIFEST, SNAPSHOT, SNAPSHOTS};
use crate::files::manifest::RunStatus;
use crate::files::{Manifest, make_dir};
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
    dir.join(SNAPSHOT)
}

/// How far a run in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is more to do.
    Unfinished,
    /// All is done.
    Finished,
}

impl Sweep {
    /// How far the run in a folder is, if this sweep may continue it.
    ///
    /// # Errors
    /// [`Error::Resume`] if there is none, or it differs from this sweep in more than what may differ.
    pub fn standing(&self, dir: &Path) -> Result<Standing> {
        let found = find(dir, self)?;
        let done = found.finished.is_some_and(|manifest| manifest.steps == u64::from(self.experiment().steps));
        Ok(if done { Standing::Finished } else { Standing::Unfinished })
    }
}

/// Whether a folder holds a run that can be continued.
pub fn resumable(dir: &Path) -> bool {
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
    let _made = make_dir(&folder)?;
    let mut shapes = Vec::new();
    for (g, group) in groups.iter().enumerate() {
        for (s, (machine, members)) in group.slices.iter().enumerate() {
            shapes.push((array(g, s), vec![members.len(), machine.plan().saved]));
        }
    }
    let slices: Vec<usize> = groups.iter().map(Group::slice).collect();
    let metadata = [
        ("isogram", env!("CARGO_PKG_VERSION").to_owned()),
        ("step", stamp.step.to_string()),
        ("observed", stamp.observed.map_or_else(String::new, |o| o.to_string())),
        ("adapter", serde_json::to_string(&stamp.adapter).unwrap_or_default()),
        ("settings", stamp.settings.to_string()),
        ("lowering", stamp.lowering.clone()),
        ("checked", stamp.checked.to_string()),
        ("data", stamp.data.to_string()),
        ("slices", serde_json::to_string(&slices).unwrap_or_default()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let mut machines = groups.iter_mut().flat_map(|g| &mut g.slices);
    write_safetensors_one_by_one(&path(dir), &shapes, &metadata, |_| {
        let (machine, _) = machines.next().ok_or_else(|| Error::Device("a slice is missing".into()))?;
        machine.read_state().map(Cow::Owned)
    })
}

fn array(group: usize, slice: usize) -> String {
    format!("group.{group}.slice.{slice}")
}

/// A run that was found in a folder.
pub(super) struct Found {
    /// Where it stands, with what made it.
    pub stamp: Stamp,
    /// Replicas in the slices of each group.
    pub slices: Vec<usize>,
    /// Whether it is done, and its files are whole.
    pub finished: Option<Manifest>,
}

/// Looks for a run in a folder, and checks that a sweep may continue it, as far as can be said without a device.
pub(super) fn find(dir: &Path, sweep: &Sweep) -> Result<Found> {
    let file = path(dir);
    if !file.exists() {
        let used = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        let advice = if used {
            "name the folder of a run, or start one in another, without --resume"
        } else {
            "start one without --resume"
        };
        return Err(Error::Resume(format!("{} holds no snapshot of a run: {advice}", dir.display())));
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
    let settings: Value = serde_json::from_str(get("settings")).map_err(|_| broken())?;
    let step = get("step").parse().map_err(|_| broken())?;
    let observed = match get("observed") {
        "" => None,
        text => Some(text.parse().map_err(|_| broken())?),
    };
    let finished = Manifest::read(&dir.join(MANIFEST)).ok().filter(|m| m.status == RunStatus::Done);
    let same_data = get("data") == sweep.data.fingerprint().to_string();
    resume::check(&settings, sweep, Reached { step, finished: finished.is_some() }, same_data)?;
    if !same_data {
        return Err(Error::Resume("the data files have changed since the run began: start anew".into()));
    }
    let stamp = Stamp {
        step,
        observed,
        adapter: serde_json::from_str(get("adapter")).map_err(|_| broken())?,
        settings,
        lowering: get("lowering").to_owned(),
        checked: get("checked") == "true",
        data: sweep.data.fingerprint(),
    };
    let slices = serde_json::from_str(get("slices")).map_err(|_| broken())?;
    Ok(Found { stamp, slices, finished })
}

/// Restores the states that [`save`] saved, where `is` is what would save them now.
pub(super) fn restore(dir: &Path, groups: &mut [Group], found: &Found, is: &Stamp) -> Result<Stamp> {
    let was = &found.stamp;
    if was.adapter != is.adapter {
        return Err(Error::Resume(format!(
            "the run was made on {}, and this is {}: only the same adapter and driver give the same bits",
            was.adapter, is.adapter
        )));
    }
    if was.lowering != is.lowering {
        return Err(Error::Resume(format!(
            "the run's training steps were lowered {}, and these are {}: use the run's --lowering and \
             --matrices",
            was.lowering, is.lowering
        )));
    }
    if was.checked != is.checked {
        let (had, has, set) = if was.checked { ("with", "without", "1") } else { ("without", "with", "0") };
        return Err(Error::Resume(format!(
            "the run's kernels were compiled {had} checks of their indices, and these are {has}: continue with ISOGRAM_CHECKED={set} \
             in the environment"
        )));
    }
    let slices: Vec<usize> = groups.iter().map(Group::slice).collect();
    if found.slices != slices {
        return Err(Error::Resume(format!(
            "the run was cut into slices of {:?} replicas, and now they are of {slices:?}: leave --slice out, or use the run's",
            found.slices
        )));
    }
    for (g, group) in groups.iter_mut().enumerate() {
        for (s, (machine, _)) in group.slices.iter_mut().enumerate() {
            let (_, _, state) = read_safetensors_array(&path(dir), &array(g, s))?;
            machine.write_state(&state)?;
        }
    }
    // From here on it is what it is now that continues: it may have been given more steps.
    Ok(Stamp { step: was.step, observed: was.observed, ..is.clone() })
}

#[cfg(test)]
mod tests {
    use super::{Matrices, SNAPSHOTS, matrices, path};
    use crate::data::write_safetensors;

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
