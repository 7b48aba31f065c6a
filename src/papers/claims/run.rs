//! Claims about a run, tried on the files in its folder: nothing is trained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::file::{ClaimsFile, Tried};
use super::networks::Networks;
use crate::error::Result;
use crate::files::layout::{CLAIMS, METRICS};
use crate::files::write_atomic;
use crate::report::paper::{Page, Summary};

/// Tries the claims of a file on a finished run, and writes `claims.json` and `claims.html` into its folder. Returns what they
/// came to, and the path of the page.
///
/// # Errors
/// If the folder holds no finished run, or cannot be written in.
pub fn try_run(dir: &Path, file: &ClaimsFile) -> Result<(Tried, PathBuf)> {
    let networks = Networks::read(dir, &file.wanted())?;
    let count = networks.seeds.len();
    let tried = file.try_on(&BTreeMap::from([(String::new(), networks)]));
    let [_, json, html] = CLAIMS;
    let text = serde_json::to_string_pretty(&json!({
        "title": file.title,
        "summary": Summary::of(&tried.claims),
        "claims": tried.claims,
    }));
    write_atomic(&dir.join(json), text.unwrap_or_default().as_bytes())?;
    let page = Page {
        title: file.title.clone(),
        intro: vec![file.summary.clone()].into_iter().filter(|t| !t.is_empty()).collect(),
        claims: tried.claims.clone(),
        sections: tried.sections.clone(),
        facts: vec![
            ("run".into(), dir.display().to_string()),
            ("networks".into(), count.to_string()),
            ("from".into(), METRICS.into()),
        ],
        ..Page::default()
    };
    let page = page.write_as(dir, html)?;
    Ok((tried, page))
}
