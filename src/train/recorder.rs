//! What a run has observed so far, in memory and on disk.
//!
//! Each checkpoint's rows are written to files of their own under `partial/` as soon as they are known, so that a run
//! that is killed has lost nothing that was observed before its last snapshot. The final tables are made from all of
//! them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{self, MetricRow, PairRow, PairTable, ReplicaColumns};

const PARTIAL: &str = "partial";

/// The rows of a run.
#[derive(Debug)]
pub(super) struct Recorder {
    dir: Option<PathBuf>,
    columns: Vec<ReplicaColumns>,
    pub metrics: Vec<MetricRow>,
    pub pairs: PairTable,
}

impl Recorder {
    /// A recorder that writes under `dir`, if there is one.
    pub fn new(dir: Option<&Path>, columns: Vec<ReplicaColumns>) -> Result<Self> {
        if let Some(dir) = dir {
            let partial = dir.join(PARTIAL);
            std::fs::create_dir_all(&partial).map_err(Error::io(&partial))?;
        }
        Ok(Self { dir: dir.map(Path::to_owned), columns, metrics: Vec::new(), pairs: PairTable::default() })
    }

    fn partial(&self, kind: &str, step: u32) -> Option<PathBuf> {
        self.dir.as_ref().map(|dir| dir.join(PARTIAL).join(format!("{kind}-{step:09}")))
    }

    /// Path of the parameters of a checkpoint, kept until the run's end.
    pub fn parameters_path(&self, step: u32) -> Option<PathBuf> {
        self.partial("parameters", step).map(|p| p.with_extension("safetensors"))
    }

    /// Path of the representations of a checkpoint, kept until the run's end.
    pub fn representations_path(&self, step: u32) -> Option<PathBuf> {
        self.partial("representations", step).map(|p| p.with_extension("safetensors"))
    }

    /// Adds a checkpoint's rows, on disk first.
    pub fn checkpoint(&mut self, step: u32, metrics: Vec<MetricRow>, pairs: PairTable) -> Result<()> {
        if let Some(path) = self.partial("metrics", step) {
            files::write_metrics(&path.with_extension("parquet"), &self.columns, &metrics)?;
        }
        if let Some(path) = self.partial("pairs", step)
            && !pairs.is_empty()
        {
            files::write_pairs(&path.with_extension("parquet"), &pairs)?;
        }
        self.metrics.extend(metrics);
        for row in pairs.iter() {
            self.pairs.push(row);
        }
        Ok(())
    }

    /// Reads back the rows of checkpoints up to a step, and forgets later ones.
    pub fn restore(&mut self, checkpoints: &[u32], through: Option<u32>) -> Result<()> {
        for &step in checkpoints {
            let keep = through.is_some_and(|t| step <= t);
            for kind in ["metrics", "pairs"] {
                let Some(path) = self.partial(kind, step).map(|p| p.with_extension("parquet")) else { continue };
                if !path.exists() {
                    if keep && kind == "metrics" {
                        let message = format!("{} is missing: start the run anew", path.display());
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
        Ok(())
    }

    /// Writes the tables of everything so far.
    pub fn write(&self) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        files::write_metrics(&dir.join(files::layout::METRICS), &self.columns, &self.metrics)?;
        if !self.pairs.is_empty() {
            files::write_pairs(&dir.join(files::layout::PAIRS), &self.pairs)?;
        }
        Ok(())
    }

    /// Removes the parts, once the whole is written.
    pub fn clean(&self) -> Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let partial = dir.join(PARTIAL);
        std::fs::remove_dir_all(&partial).map_err(Error::io(&partial))
    }

    /// Adds a metric that is known only at the end.
    pub fn late(&mut self, row: MetricRow) {
        self.metrics.push(row);
    }

    /// Adds a pair that is known only at the end.
    pub fn late_pair(&mut self, row: PairRow<'_>) {
        self.pairs.push(row);
    }
}
