//! The page of a reproduced paper: one file with its figures and its style inside, which needs no network.

use std::path::{Path, PathBuf};

use minijinja::{Environment, Value, context};

use super::claim::{ClaimRow, Summary, Verdict};
use crate::error::{Error, Result};
use crate::files::{layout, write_atomic};
use crate::report::figure::Figure;

/// The report of a reproduced paper.
#[derive(Debug, Default)]
pub struct Page {
    /// The paper's title.
    pub title: String,
    /// The paper's authors, and the year; may be empty.
    pub authors: String,
    /// Where the paper appeared, and where its code lies; may be empty.
    pub source: String,
    /// What the reader should know first, such as a scale that was made smaller; one box each.
    pub notes: Vec<String>,
    /// What the paper says and what was done, in paragraphs.
    pub intro: Vec<String>,
    /// The claims, in the order of the table.
    pub claims: Vec<ClaimRow>,
    /// The figures. The first of them comes right after the summary of claims, before their table.
    pub sections: Vec<Section>,
    /// What the reproduction ran on and with: adapter, version, scale, seeds, time.
    pub facts: Vec<(String, String)>,
    /// The resolved settings; null for none.
    pub settings: serde_json::Value,
}

/// A part of the report around one figure.
#[derive(Debug, Clone)]
pub struct Section {
    /// The name of the figure's file without `.svg`: letters, digits, `-` and `_`, unique on the page.
    pub name: String,
    /// The heading.
    pub heading: String,
    /// Paragraphs before the figure.
    pub text: Vec<String>,
    /// The figure, or why there is none: a sentence.
    pub figure: Result<Figure, String>,
    /// Small print after the figure.
    pub notes: Vec<String>,
}

impl Section {
    /// A section without paragraphs.
    pub fn new(name: impl Into<String>, heading: impl Into<String>, figure: Result<Figure, String>) -> Self {
        Self { name: name.into(), heading: heading.into(), text: Vec::new(), figure, notes: Vec::new() }
    }

    /// The same with a paragraph more.
    #[must_use]
    pub fn text(mut self, paragraph: impl Into<String>) -> Self {
        self.text.push(paragraph.into());
        self
    }

    /// The same with a line of small print more.
    #[must_use]
    pub fn note(mut self, line: impl Into<String>) -> Self {
        self.notes.push(line.into());
        self
    }
}

impl Page {
    /// How many claims came out how.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.claims)
    }

    /// The whole page as text.
    ///
    /// # Errors
    /// [`Error::Config`] when two figures have the same name, or one has a name that makes no file name.
    pub fn html(&self) -> Result<String> {
        self.check_names()?;
        self.render().map_err(|e| Error::config(format!("the report's template: {e:#}")))
    }

    /// Writes `report.html`, `figures/NAME.svg` and, for Vega-Lite, `figures/NAME.vl.json` in a folder, and removes figures of these names that could not be
    /// drawn this time. Returns the path of `report.html`.
    ///
    /// # Errors
    /// As [`Page::html`]; [`Error::Io`] when a file cannot be written or removed.
    pub fn write(&self, dir: &Path) -> Result<PathBuf> {
        self.write_as(dir, layout::REPORT)
    }

    /// The same with another name for `report.html`.
    ///
    /// # Errors
    /// As [`Page::write`].
    pub fn write_as(&self, dir: &Path, name: &str) -> Result<PathBuf> {
        let html = self.html()?;
        let folder = dir.join(layout::FIGURES);
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        for section in &self.sections {
            Figure::write(section.figure.as_ref().ok(), &folder, &section.name)?;
        }
        let path = dir.join(name);
        write_atomic(&path, html.as_bytes())?;
        Ok(path)
    }

    fn check_names(&self) -> Result<()> {
        for (i, Section { name, .. }) in self.sections.iter().enumerate() {
            let sound = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || !name.chars().all(sound) {
                return Err(Error::config(format!(
                    "the figure `{name}` cannot be written: its name must consist of letters, digits, `-` and `_`"
                )));
            }
            if self.sections[..i].iter().any(|other| other.name == *name) {
                return Err(Error::config(format!("two figures have the name `{name}`; give one another name")));
            }
        }
        Ok(())
    }

    fn render(&self) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        // The names end in `.html`, so every text is escaped.
        environment.add_template("paper.html", include_str!("paper.html"))?;
        environment.add_template("section.html", include_str!("section.html"))?;
        let mut drawn = 0;
        let sections: Vec<Value> = self.sections.iter().map(|section| section_value(section, &mut drawn)).collect();
        let settings = serde_json::to_string_pretty(&self.settings).unwrap_or_default();
        let of = |(how, verdict): (&str, Verdict)| {
            let ids = self.claims.iter().filter(|claim| claim.verdict == verdict).map(|claim| claim.id.clone());
            (how.to_owned(), ids.collect::<Vec<String>>())
        };
        let missed = [("Not reproduced", Verdict::NotReproduced), ("Inconclusive", Verdict::Inconclusive)];
        let missed: Vec<_> = missed.into_iter().map(of).filter(|(_, ids)| !ids.is_empty()).collect();
        environment.get_template("paper.html")?.render(context! {
            style => concat!(include_str!("../report.css"), include_str!("paper.css")),
            title => &self.title,
            authors => &self.authors,
            source => &self.source,
            notes => &self.notes,
            intro => &self.intro,
            summary => capitalised(&self.summary().to_string()),
            missed,
            claims => self.claims.iter().map(claim_value).collect::<Vec<_>>(),
            first => sections.first(),
            rest => sections.get(1..).unwrap_or_default(),
            facts => &self.facts,
            settings => (!self.settings.is_null()).then_some(settings),
            figures_folder => layout::FIGURES,
        })
    }
}

fn section_value(section: &Section, drawn: &mut usize) -> Value {
    let Section { name, heading, text, notes, .. } = section;
    let (number, svg, caption) = match &section.figure {
        Ok(figure) => {
            *drawn += 1;
            (Some(*drawn), Some(figure.svg()), &figure.caption)
        }
        Err(why) => (None, None, why),
    };
    context! { name, heading, text, notes, number, svg, caption }
}

fn claim_value(claim: &ClaimRow) -> Value {
    let ClaimRow { id, sentence, place, predicted, measured, tolerance, seeds, explanation, .. } = claim;
    context! {
        id, sentence, place, predicted, measured, tolerance, seeds, explanation,
        kind => claim.kind.to_string(),
        verdict => claim.verdict.to_string(),
        symbol => claim.verdict.symbol(),
        class => claim.verdict.class(),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
