//! The report of a run: figures, tables and plain sentences, all computed from the files that the run left.
//!
//! [`build`] needs nothing but the folder, so a report can be made again at any time, also of a run that is still going
//! or was stopped half-way. Whatever cannot be shown is left out with a sentence on why.

mod axis;
mod band;
mod canvas;
pub mod comparison;
mod curves;
mod features;
mod figure;
mod findings;
mod heat;
mod html;
mod legend;
mod matrices;
mod numbers;
mod observed;
mod older;
mod paired;
mod palette;
mod panel;
pub mod paper;
mod png;
mod roofline;
mod run;
pub use roofline::roofline;
mod settings;
#[cfg(test)]
mod synthetic;
mod tables;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{layout, write_atomic};
use figure::{Figure, Shown};

/// Reads `manifest.json`, `metrics.parquet` and `pairs.parquet` in `run_dir`, and writes `report.html` and
/// `figures/*.svg` beside them. Returns the path of `report.html`.
///
/// The manifest and the metrics must be there, those of a run that was killed as far as it came; missing pairs, one seed or no
/// sweep only leave figures out.
///
/// # Errors
/// [`Error::Data`] when a file is malformed or cut short, [`Error::Io`] when one cannot be read or written.
pub fn build(run_dir: &Path) -> Result<PathBuf> {
    let run = run::Run::read(run_dir)?;
    let mut shown = vec![
        curves::learning(&run),
        curves::between_seeds(&run),
        curves::references(&run),
        matrices::layers(&run),
        matrices::replicas(&run),
    ];
    // Of other data there is nothing to say about features, not even that they were not observed.
    if let Some(explained) = features::explained(&run) {
        shown.insert(1, explained);
    }
    write_figures(&run_dir.join(layout::FIGURES), &shown)?;
    let page = html::page(&run, &shown).map_err(|e| Error::data(run_dir, format!("the report's template: {e:#}")))?;
    let path = run_dir.join(layout::REPORT);
    write_atomic(&path, page.as_bytes())?;
    Ok(path)
}

fn write_figures(folder: &Path, shown: &[Shown]) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    for shown in shown {
        let path = folder.join(format!("{}.svg", shown.name));
        match &shown.figure {
            Ok(Figure { svg, .. }) => write_atomic(&path, canvas::on_white(svg).as_bytes())?,
            // A figure of an earlier report of the same run would be taken for one of this report.
            Err(_) if path.exists() => std::fs::remove_file(&path).map_err(Error::io(&path))?,
            Err(_) => {}
        }
    }
    Ok(())
}
