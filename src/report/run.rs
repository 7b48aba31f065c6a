//! A run as it is read from its folder: the manifest, and the tables if they are there.

use std::path::Path;

use super::observed::Observed;
use super::older::Plain;
use super::paired::Paired;
use super::settings::Settings;
use crate::error::Result;
use crate::files::{Manifest, layout, read_metrics};

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
    /// The numbers observed; none if there is no table.
    pub observed: Option<Observed>,
    /// The pairs compared; none if there is no table.
    pub paired: Option<Paired>,
}

impl Run {
    /// Reads the files in the folder.
    pub fn read(dir: &Path) -> Result<Self> {
        let manifest = Manifest::read(&dir.join(layout::MANIFEST))?;
        let settings = Settings::of(&manifest.replicas);
        let metrics = dir.join(layout::METRICS);
        let observed = if metrics.exists() { Some(Observed::new(read_metrics(&metrics)?, &settings)) } else { None };
        let layers = match &observed {
            Some(observed) if manifest.layers.is_empty() => observed.layers(),
            _ => manifest.layers.clone(),
        };
        let pairs = dir.join(layout::PAIRS);
        let paired = if pairs.exists() {
            let plain = Plain::of(&manifest.settings);
            Some(Paired::read(&pairs, &settings, plain, chosen(&settings), layers.last().map(String::as_str))?)
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

/// Replicas ordered by setting; where there are too many, evenly chosen ones of each setting.
fn chosen(settings: &Settings) -> Vec<u32> {
    let all: usize = settings.list.iter().map(|setting| setting.replicas.len()).sum();
    let every = all.div_ceil(MOST_IN_MATRIX).max(1);
    let ordered = settings.list.iter().flat_map(|setting| setting.replicas.iter().step_by(every));
    ordered.copied().take(MOST_IN_MATRIX).collect()
}
