//! A run as it is read from its folder: the manifest, and the tables if they are there.

use std::path::{Path, PathBuf};

use super::observed::Observed;
use super::older::Plain;
use super::paired::Paired;
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::files::manifest::RunStatus;
use crate::files::{Manifest, MetricsTable, layout, read_metrics};

/// Replicas that the replica-by-replica matrix shows at most.
pub const MOST_IN_MATRIX: usize = 256;

/// A run, ready to be shown.
pub struct Run {
    /// What it was.
    pub manifest: Manifest,
    /// Its settings and which replica is under which.
    pub settings: Settings,
    /// Its hidden layers, from the input upwards.
    pub layers: Vec<String>,
    /// The numbers observed.
    pub observed: Observed,
    /// The pairs compared; none if there is no table.
    pub paired: Option<Paired>,
}

impl Run {
    /// Reads the files in the folder.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(layout::MANIFEST);
        if !path.exists() {
            return Err(Error::data(dir, format!("holds no run of Isogram: there is no {}", layout::MANIFEST)));
        }
        let manifest = Manifest::read(&path)?;
        let settings = Settings::of(&manifest.replicas);
        let named =
            |layers: &[String]| -> Vec<String> { layers.iter().map(|layer| in_words(&manifest, layer)).collect() };
        let mut table = metrics(dir, &manifest)?;
        table.words.rename(&manifest.layers, &named(&manifest.layers));
        let observed = Observed::new(table, &settings);
        let layers = if manifest.layers.is_empty() { observed.layers() } else { named(&manifest.layers) };
        let pairs = dir.join(layout::PAIRS);
        let paired = if pairs.exists() {
            let plain = Plain::of(&manifest.settings);
            let last = manifest.layers.last().or(layers.last()).map(String::as_str);
            let mut paired = Paired::read(&pairs, &settings, plain, chosen(&settings), last)?;
            paired.rename(&manifest.layers, &named(&manifest.layers));
            Some(paired)
        } else {
            None
        };
        Ok(Self { manifest, settings, layers, observed, paired })
    }

    /// Whether there is more than one setting.
    pub fn is_sweep(&self) -> bool {
        self.settings.len() > 1
    }
}

/// A layer as figures call it: by its name, if it has one, and its number.
fn in_words(manifest: &Manifest, layer: &str) -> String {
    let place = manifest.layers.iter().position(|other| other == layer);
    match (place.and_then(|place| manifest.layer_names.get(place)), layer.strip_prefix("layers.")) {
        (Some(name), Some(number)) if name != layer => format!("{name} ({number})"),
        _ => layer.to_owned(),
    }
}

/// The observed numbers; of a run that was killed, those of the checkpoints that it came to.
fn metrics(dir: &Path, manifest: &Manifest) -> Result<MetricsTable> {
    let whole = dir.join(layout::METRICS);
    if whole.exists() {
        return read_metrics(&whole);
    }
    if manifest.status == RunStatus::Done {
        return Err(Error::data(
            &whole,
            "is missing, though the run is done, so there is nothing to report: put it back, or run the experiment again in \
             another folder",
        ));
    }
    let parts = std::fs::read_dir(dir.join(layout::PARTIAL)).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("metrics-") && name.ends_with(".parquet")
    };
    let mut parts: Vec<PathBuf> = parts.filter(is_part).collect();
    parts.sort();
    if parts.is_empty() {
        return Err(Error::data(
            dir,
            "nothing was observed in this run yet, so there is nothing to report: continue it first",
        ));
    }
    let mut table = MetricsTable::default();
    parts.iter().try_for_each(|part| table.read(part))?;
    Ok(table)
}

/// Replicas ordered by setting; where there are too many, evenly chosen ones of each setting.
fn chosen(settings: &Settings) -> Vec<u32> {
    let all: usize = settings.list.iter().map(|setting| setting.replicas.len()).sum();
    let every = all.div_ceil(MOST_IN_MATRIX).max(1);
    let ordered = settings.list.iter().flat_map(|setting| setting.replicas.iter().step_by(every));
    ordered.copied().take(MOST_IN_MATRIX).collect()
}
