//! `isogram claims`: what is claimed of a run, tried on its files; and how claims are printed.

use std::path::{Path, PathBuf};

use isogram::Error;
use isogram::files::layout::CLAIMS;
use isogram::papers::claims::{ClaimsFile, Tried, try_run};
use isogram::report::paper::{ClaimRow, Summary, Verdict};
use serde_json::json;

use super::{CLAIM_NOT_REPRODUCED, DONE, print};

/// Tries claims again: those of a file, or those that the run was begun with.
pub fn claims(run: &Path, file: Option<&Path>, as_json: bool) -> anyhow::Result<u8> {
    let own = run.join(CLAIMS[0]);
    let path = match file {
        Some(path) => path,
        None if own.exists() => own.as_path(),
        None => {
            let message = format!("{} has no {}: name a file of claims with --claims", run.display(), CLAIMS[0]);
            return Err(Error::config(message).into());
        }
    };
    let (tried, html) = try_run(run, &ClaimsFile::read(path)?)?;
    match as_json {
        true => print(&serde_json::to_string_pretty(&json!({ "page": html, "claims": tried.claims }))?)?,
        false => print(&text(&tried, &html))?,
    }
    Ok(code(&tried))
}

/// Claims that a run is to be tried on, read before anything is trained; with their text, which stays with the run.
pub struct Asked {
    pub file: ClaimsFile,
    text: Vec<u8>,
}

impl Asked {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let file = ClaimsFile::read(path)?;
        let text = std::fs::read(path).map_err(Error::io(path))?;
        Ok(Self { file, text })
    }

    /// Tries them on a run that is finished.
    pub fn of(&self, dir: &Path) -> Result<(Tried, PathBuf), Error> {
        isogram::files::write_atomic(&dir.join(CLAIMS[0]), &self.text)?;
        try_run(dir, &self.file)
    }
}

/// The exit code: done only if every claim that has a check was reproduced.
pub fn code(tried: &Tried) -> u8 {
    if tried.whole && !missed(&tried.claims) { DONE } else { CLAIM_NOT_REPRODUCED }
}

/// Whether some claim was tested and not reproduced, or not clearly.
pub fn missed(claims: &[ClaimRow]) -> bool {
    claims.iter().any(|claim| matches!(claim.verdict, Verdict::NotReproduced | Verdict::Inconclusive))
}

/// The claims with their summary, and where the page is.
pub fn text(tried: &Tried, html: &Path) -> String {
    format!("{}\n{}\n{}\n", table(&tried.claims), Summary::of(&tried.claims), html.display())
}

/// The claims, one to a few lines each.
pub fn table(claims: &[ClaimRow]) -> String {
    let mut text = String::new();
    let width = claims.iter().map(|claim| claim.id.len()).max().unwrap_or(0);
    for claim in claims {
        let (symbol, verdict) = (claim.verdict.symbol(), claim.verdict.to_string());
        text.push_str(&format!("{symbol} {verdict:<14}  {:<width$}  {}\n", claim.id, claim.sentence));
        let indent = " ".repeat(width + 20);
        if !claim.measured.is_empty() {
            let bounds = if claim.tolerance.is_empty() { String::new() } else { format!(" ({})", claim.tolerance) };
            text.push_str(&format!(
                "{indent}predicted {}{bounds}\n{indent}measured  {}\n",
                claim.predicted, claim.measured
            ));
        }
        if let (Some(margin), Some([low, high])) = (claim.margin, claim.interval) {
            let [margin, low, high] = [margin, low, high].map(isogram::papers::number);
            text.push_str(&format!("{indent}margin    {margin} (95 % over seeds: {low} to {high})\n"));
        }
        if !claim.explanation.is_empty() {
            text.push_str(&format!("{indent}{}\n", claim.explanation));
        }
    }
    text
}
