//! A paper tried: its parts run, its claims gathered, and everything written to a folder.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::claims::{Analyses, Declared};
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
    pub parts: Vec<String>,
    /// What was done, for people: adapter, scale, networks, time.
    pub facts: Vec<(String, String)>,
    about: About,
    scale: &'static str,
}

/// Which paper it is.
#[derive(Debug)]
struct About {
    id: String,
    title: String,
    source: String,
    summary: String,
    settings: serde_json::Value,
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
    let names = chosen(paper.parts.iter().map(|p| p.name), only)?;
    refused(paper.id, &request, [paper.settings_by_name, paper.settable, paper.takes_data])?;
    let parts: Vec<&Part> = paper.parts.iter().filter(|p| names.iter().any(|name| name == p.name)).collect();
    let about = About {
        id: paper.id.to_owned(),
        title: paper.title.to_owned(),
        source: paper.source.to_owned(),
        summary: paper.summary.to_owned(),
        settings: paper.settings(),
    };
    tried(about, names, request, progress, |lab| paper.run(lab, &parts))
}

/// Runs parts of a paper that is declared in a file of one's own: those named, or all.
///
/// # Errors
/// As [`reproduce`], and [`Error::Config`] for a mistake in the file.
pub fn reproduce_file(
    path: &Path,
    only: &[String],
    request: Request,
    progress: &mut dyn Progress,
) -> Result<Reproduction> {
    let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
    let origin = path.display().to_string();
    let mut declared = Declared::parse_with(&text, &origin, request.scale, &request.set, Analyses::default())?;
    let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let names = chosen(declared.file.parts.iter().map(|p| p.name.as_str()), only)?;
    refused(&id, &request, [false, true, false])?;
    let file = &declared.file;
    let (title, source, summary) = (file.title.clone(), file.source.clone(), file.summary.clone());
    let about = About { id, title, source, summary, settings: serde_json::Value::Null };
    let parts = names.clone();
    tried(about, names, request, progress, |lab| parts.iter().map(|part| declared.run(lab, part)).collect())
}

/// That settings by name, numbers or data are asked for where there are none.
fn refused(id: &str, request: &Request, [settings, settable, data]: [bool; 3]) -> Result<()> {
    if let (false, Some(first)) = (settings, request.settings.first()) {
        return Err(Error::config(format!(
            "--settings {first}: {id} has no settings to choose from: leave it out, and choose parts with --only"
        )));
    }
    if let (false, Some((name, _))) = (settable, request.set.first()) {
        return Err(Error::config(format!("--set {name}: {id} has no numbers that can be set: leave it out")));
    }
    match !data && request.data.is_some() {
        true => Err(Error::config(format!("--data: {id} makes all its data: leave it out"))),
        false => Ok(()),
    }
}

fn tried(
    about: About,
    parts: Vec<String>,
    request: Request,
    progress: &mut dyn Progress,
    run: impl FnOnce(&mut Lab<'_>) -> Result<Vec<PartOutcome>>,
) -> Result<Reproduction> {
    let scale = request.scale.name();
    let mut lab = Lab::open(request, progress)?;
    let (mut claims, mut sections) = (Vec::new(), Vec::new());
    for PartOutcome { claims: more, sections: pages } in run(&mut lab)? {
        claims.extend(more);
        sections.extend(pages);
    }
    let seconds = lab.training().as_secs_f64();
    let rate = lab.replica_steps() as f64 / seconds.max(1e-9);
    let mut facts = vec![
        ("adapter".to_owned(), lab.adapter().to_string()),
        ("version".to_owned(), format!("isogram {}", env!("CARGO_PKG_VERSION"))),
        ("scale".to_owned(), scale.to_owned()),
        ("parts".to_owned(), parts.join(", ")),
        ("time".to_owned(), format!("{:.0} s, of which training {seconds:.0} s", lab.elapsed().as_secs_f64())),
        (
            "networks".to_owned(),
            format!("{} trained, {} replica-steps, {rate:.0} replica-steps/s", lab.networks(), lab.replica_steps()),
        ),
    ];
    if lab.reused() > 0 {
        facts.push(("read back".to_owned(), format!("{} sweeps that an earlier start had finished", lab.reused())));
    }
    Ok(Reproduction { claims, sections, parts, facts, about, scale })
}

fn chosen<'a>(names: impl Iterator<Item = &'a str>, only: &[String]) -> Result<Vec<String>> {
    let names: Vec<&str> = names.collect();
    if let Some(wrong) = only.iter().find(|name| !names.contains(&name.as_str())) {
        let advice =
            nearest(wrong, names.iter().copied()).map_or(String::new(), |name| format!("; did you mean {name}?"));
        return Err(Error::config(format!("--only {wrong}: expected one of {}{advice}", names.join(", "))));
    }
    let wanted = |name: &&str| only.is_empty() || only.iter().any(|own| own == name);
    Ok(names.into_iter().filter(wanted).map(str::to_owned).collect())
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
            "paper": self.about.id,
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
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let text = serde_json::to_string_pretty(&self.json()).unwrap_or_default();
        write_atomic(&dir.join("claims.json"), text.as_bytes())?;
        let page = Page {
            title: self.about.title.clone(),
            authors: String::new(),
            source: self.about.source.clone(),
            notes: Vec::new(),
            intro: Some(&self.about.summary).filter(|text| !text.is_empty()).into_iter().cloned().collect(),
            claims: self.claims.clone(),
            sections: self.sections.clone(),
            facts: self.facts.clone(),
            settings: self.about.settings.clone(),
        };
        page.write(dir)
    }
}
