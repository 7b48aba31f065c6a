//! What a run has observed so far, in memory and on disk.
//!
//! Each checkpoint's rows are written to files of their own under `partial/` as soon as they are known, so that a run
//! that is killed has lost nothing that was observed before its last snapshot. The final tables are made from all of
//! them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::layout::{METRICS, PAIRS, PARTIAL, partial};
use crate::files::manifest::ObservedRows;
use crate::files::{self, Manifest, MetricRow, PairTable, ReplicaColumns};

/// The rows of a run.
#[derive(Debug)]
pub(super) struct Recorder {
    dir: Option<PathBuf>,
    columns: Vec<ReplicaColumns>,
    pub metrics: Vec<MetricRow>,
    pub pairs: PairTable,
    /// Rows that were observed while training: what is known only at the end comes after them.
    pub observed: ObservedRows,
}

impl Recorder {
    /// A recorder that writes under `dir`, if there is one.
    pub fn new(dir: Option<&Path>, columns: Vec<ReplicaColumns>) -> Result<Self> {
        if let Some(dir) = dir {
            let partial = dir.join(PARTIAL);
            std::fs::create_dir_all(&partial).map_err(Error::io(&partial))?;
        }
        let (metrics, pairs, observed) = (Vec::new(), PairTable::default(), ObservedRows::default());
        Ok(Self { dir: dir.map(Path::to_owned), columns, metrics, pairs, observed })
    }

    fn partial(&self, what: &str, step: u32, ending: &str) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| partial(dir, what, step, ending))
    }

    /// Path of the parameters of a checkpoint, kept until the run's end.
    pub fn parameters_path(&self, step: u32) -> Option<PathBuf> {
        self.partial("parameters", step, "safetensors")
    }

    /// Path of the representations of a checkpoint, kept until the run's end.
    pub fn representations_path(&self, step: u32) -> Option<PathBuf> {
        self.partial("representations", step, "safetensors")
    }

    /// Adds a checkpoint's rows, on disk first.
    pub fn checkpoint(&mut self, step: u32, metrics: Vec<MetricRow>, pairs: PairTable) -> Result<()> {
        if let Some(path) = self.partial("metrics", step, "parquet") {
            files::write_metrics(&path, &self.columns, &metrics)?;
        }
        if let Some(path) = self.partial("pairs", step, "parquet")
            && !pairs.is_empty()
        {
            files::write_pairs(&path, &pairs)?;
        }
        self.metrics.extend(metrics);
        for row in pairs.iter() {
            self.pairs.push(row);
        }
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        self.observed = ObservedRows { metrics: self.metrics.len() as u64, pairs: self.pairs.len() as u64 };
    }

    /// Reads back the rows of checkpoints up to a step, and forgets later ones.
    pub fn restore(&mut self, checkpoints: &[u32], through: Option<u32>) -> Result<()> {
        for &step in checkpoints {
            let keep = through.is_some_and(|t| step <= t);
            for kind in ["metrics", "pairs"] {
                let Some(path) = self.partial(kind, step, "parquet") else { continue };
                if !path.exists() {
                    if keep && kind == "metrics" {
                        let message = format!("{} is missing: start the run anew in another folder", path.display());
                        return Err(Error::Resume(message));
                    }
                    continue;
                }
                if !keep {
                    std::fs::remove_file(&path).map_err(Error::io(&path))?;
                } else if kind == "metrics" {
                    let table = files::read_metrics(&path)?;
                    self.metrics.extend((0..table.len()).filter_map(|i| table.row(i)));
                } else {
                    let read = files::read_pairs(&path)?;
                    for row in read.iter() {
                        self.pairs.push(row);
                    }
                }
            }
        }
        self.count();
        Ok(())
    }

    /// Takes the rows of checkpoints from the tables of a run that is finished, and leaves out what was known only at its end.
    /// They are written as those of a run under way are.
    pub fn reopen(&mut self, manifest: &Manifest) -> Result<()> {
        let Some(dir) = self.dir.clone() else { return Ok(()) };
        let message =
            "the run does not say which of its rows were observed while training: start anew in another folder";
        let rows = manifest.observed.ok_or_else(|| Error::Resume(message.into()))?;
        let cut = |kind: &str, have: usize, want: u64| {
            if (have as u64) < want {
                let message = format!(
                    "its {kind} has {have} rows, and {want} were observed: start the run anew in another folder"
                );
                return Err(Error::Resume(message));
            }
            Ok(want as usize)
        };
        let table = files::read_metrics(&dir.join(METRICS))?;
        let count = cut(METRICS, table.len(), rows.metrics)?;
        let metrics: Vec<MetricRow> = (0..count).filter_map(|i| table.row(i)).collect();
        let path = dir.join(PAIRS);
        let pairs = if rows.pairs > 0 { files::read_pairs(&path)? } else { PairTable::default() };
        let count = cut(PAIRS, pairs.len(), rows.pairs)?;
        for &checkpoint in &manifest.checkpoints {
            let of = |step: u64| step == checkpoint;
            let mut own = PairTable::default();
            pairs.iter().take(count).filter(|row| of(row.step)).for_each(|row| own.push(row));
            self.checkpoint(checkpoint as u32, metrics.iter().filter(|row| of(row.step)).cloned().collect(), own)?;
        }
        Ok(())
    }

    /// Writes the tables of everything so far.
    pub fn write(&self) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        files::write_metrics(&dir.join(METRICS), &self.columns, &self.metrics)?;
        if !self.pairs.is_empty() {
            files::write_pairs(&dir.join(PAIRS), &self.pairs)?;
        }
        Ok(())
    }

    /// Removes the parts, once the whole is written.
    pub fn clean(&self) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let partial = dir.join(PARTIAL);
        std::fs::remove_dir_all(&partial).map_err(Error::io(&partial))
    }

    /// Adds what is known only at the end.
    pub fn late(&mut self, metrics: Vec<MetricRow>, pairs: Option<PairTable>) {
        self.metrics.extend(metrics);
        pairs.iter().flat_map(PairTable::iter).for_each(|row| self.pairs.push(row));
    }
}
