//! A paper tried: its parts run, its claims gathered, and everything written to a folder.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::lab::{Lab, Request};
use super::{Paper, Part, PartOutcome};
use crate::error::nearest;
use crate::error::{Error, Result};
use crate::files::write_atomic;
use crate::report::paper::{ClaimRow, Page, Section, Summary};
use crate::train::Progress;

/// What trying a paper came to.
#[derive(Debug)]
pub struct Reproduction {
    /// Every claim of the parts that ran.
    pub claims: Vec<ClaimRow>,
    /// Sections of the report.
    pub sections: Vec<Section>,
    /// Names of the parts that ran.
    pub parts: Vec<&'static str>,
    /// What was done, for people: adapter, scale, networks, time.
    pub facts: Vec<(String, String)>,
    id: &'static str,
    scale: &'static str,
}

/// Runs parts of a paper: those named, or all.
///
/// # Errors
/// [`Error::Config`] if a part is not one of the paper's, or it cannot use what was given; else what training refuses.
pub fn reproduce(
    paper: &Paper,
    only: &[String],
    request: Request,
    progress: &mut dyn Progress,
) -> Result<Reproduction> {
    let parts = chosen(paper, only)?;
    if let (false, Some(first)) = (paper.settings_by_name, request.settings.first()) {
        return Err(Error::config(format!(
            "--settings {first}: {} has no settings to choose from: leave it out, and choose parts with --only",
            paper.id
        )));
    }
    if !paper.takes_data && request.data.is_some() {
        return Err(Error::config(format!("--data: {} makes all its data: leave it out", paper.id)));
    }
    let scale = request.scale.name();
    let mut lab = Lab::open(request, progress)?;
    let outcomes = (paper.run)(&mut lab, &parts)?;
    let (mut claims, mut sections) = (Vec::new(), Vec::new());
    for PartOutcome { claims: more, sections: pages } in outcomes {
        claims.extend(more);
        sections.extend(pages);
    }
    let seconds = lab.training().as_secs_f64();
    let rate = lab.replica_steps() as f64 / seconds.max(1e-9);
    let mut facts = vec![
        ("adapter".to_owned(), lab.adapter().to_string()),
        ("version".to_owned(), format!("isogram {}", env!("CARGO_PKG_VERSION"))),
        ("scale".to_owned(), scale.to_owned()),
        ("parts".to_owned(), parts.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")),
        ("time".to_owned(), format!("{:.0} s, of which training {seconds:.0} s", lab.elapsed().as_secs_f64())),
        (
            "networks".to_owned(),
            format!("{} trained, {} replica-steps, {rate:.0} replica-steps/s", lab.networks(), lab.replica_steps()),
        ),
    ];
    if lab.reused() > 0 {
        facts.push(("read back".to_owned(), format!("{} sweeps that an earlier start had finished", lab.reused())));
    }
    let parts = parts.iter().map(|p| p.name).collect();
    Ok(Reproduction { claims, sections, parts, facts, id: paper.id, scale })
}

fn chosen(paper: &Paper, only: &[String]) -> Result<Vec<&'static Part>> {
    if only.is_empty() {
        return Ok(paper.parts.iter().collect());
    }
    let names: Vec<&str> = paper.parts.iter().map(|p| p.name).collect();
    if let Some(wrong) = only.iter().find(|name| !names.contains(&name.as_str())) {
        let advice =
            nearest(wrong, names.iter().copied()).map_or(String::new(), |name| format!("; did you mean {name}?"));
        return Err(Error::config(format!("--only {wrong}: expected one of {}{advice}", names.join(", "))));
    }
    Ok(paper.parts.iter().filter(|p| only.iter().any(|name| name == p.name)).collect())
}

impl Reproduction {
    /// How many claims came out how.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.claims)
    }

    /// The claims as JSON, with what was run.
    pub fn json(&self) -> serde_json::Value {
        let facts: serde_json::Map<_, _> = self.facts.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        json!({
            "paper": self.id,
            "scale": self.scale,
            "parts": self.parts,
            "summary": self.summary(),
            "claims": self.claims,
            "facts": facts,
        })
    }

    /// Writes `claims.json`, `report.html` and `figures/*.svg` to a folder; returns the path of the report.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, paper: &Paper, dir: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let text = serde_json::to_string_pretty(&self.json()).unwrap_or_default();
        write_atomic(&dir.join("claims.json"), text.as_bytes())?;
        let page = Page {
            title: paper.title.to_owned(),
            authors: String::new(),
            source: paper.source.to_owned(),
            notes: Vec::new(),
            intro: vec![paper.summary.to_owned()],
            claims: self.claims.clone(),
            sections: self.sections.clone(),
            facts: self.facts.clone(),
            settings: (paper.settings)(),
        };
        page.write(dir)
    }
}
