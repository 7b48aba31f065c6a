//! The report of a run: figures, tables and plain sentences, all computed from the files that the run left.
//!
//! [`build`] needs nothing but the folder, so a report can be made again at any time, also of a run that is still going
//! or was stopped half-way. Whatever cannot be shown is left out with a sentence on why.

mod band;
pub mod comparison;
mod curves;
mod features;
pub mod figure;
mod findings;
mod html;
mod matrices;
mod numbers;
mod observed;
mod older;
mod paired;
pub mod paper;
mod roofline;
mod run;
pub use roofline::roofline;
mod settings;
mod tables;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::{layout, write_atomic};
use figure::Figure;

/// A place in the report where a figure belongs.
#[derive(Debug)]
struct Shown {
    /// The name of its file, without its ending.
    name: &'static str,
    /// Its heading.
    title: &'static str,
    /// The figure, or why there is none.
    figure: Result<Figure, String>,
}

/// Reads `manifest.json`, `metrics.parquet` and `pairs.parquet` in `run_dir`, and writes `report.html` and
/// `figures/*.svg`, with `figures/*.vl.json` for Vega-Lite, beside them. Returns the path of `report.html`.
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
    let folder = run_dir.join(layout::FIGURES);
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    shown.iter().try_for_each(|shown| Figure::write(shown.figure.as_ref().ok(), &folder, shown.name))?;
    let page = html::page(&run, &shown).map_err(|e| Error::data(run_dir, format!("the report's template: {e:#}")))?;
    let path = run_dir.join(layout::REPORT);
    write_atomic(&path, page.as_bytes())?;
    Ok(path)
}
