//! A claims file: quantities, claims and figures as TOML, and what they come to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::evaluate::{Truth, number, truths};
use super::expression::{Expression, parse};
use super::figure::{FigureText, with};
use super::networks::Networks;
use super::quantities::{Book, Quantities, unknown};
use super::quantity::Quantity;
use super::setting::Setting;
use super::sweep::{SweepText, Sweeps, at_scale, experiments};
use super::text::Text;
use super::verdict::{OverNetworks, judge};
use crate::error::{Error, Result, nearest};
use crate::papers::Scale;
use crate::papers::claim::{Claim, Kind, Measured, measured};
use crate::report::paper::Section;

/// A claim as a file says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimText {
    /// Its short name, unique in the file.
    id: String,
    /// The claim in one falsifiable sentence.
    sentence: String,
    /// What sort of claim it is.
    #[serde(default)]
    kind: Kind,
    /// Where it comes from, with a mark of how sure that is.
    #[serde(default)]
    source: String,
    /// What must hold: a text, or one for each scale.
    check: Option<toml::Value>,
    /// What must hold or the claim is not tested.
    needs: Option<String>,
    /// What the paper has; by default what the check asks.
    predicted: Option<String>,
    /// What is said of what was measured, with quantities and expressions in braces.
    measured: Option<String>,
    /// A remark, likewise.
    note: Option<String>,
    /// Why it is not tested, of a claim without a check, or without one at this scale.
    untested: Option<String>,
}

/// A claims file that was read and whose texts make sense by themselves.
#[derive(Clone, Debug, Default)]
pub struct ClaimsFile {
    /// What the claims are about.
    pub title: String,
    /// Of a paper, who wrote it and where it appeared.
    pub source: String,
    /// What it says, in a sentence or two.
    pub summary: String,
    origin: String,
    /// A paper's numbers that can be set.
    pub settings: Vec<Setting>,
    quantities: BTreeMap<String, Quantity>,
    constants: BTreeMap<String, f64>,
    /// A paper's sweeps.
    pub(super) sweeps: Sweeps,
    /// Its parts; those of a run's claims are one without a name.
    pub parts: Vec<PartText>,
}

/// A part of a paper.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PartText {
    /// Its name on the command line.
    pub name: String,
    /// What it tries, in one line.
    pub what: String,
    /// Its claims.
    claim: Vec<toml::Value>,
    /// Its figures.
    figure: Vec<toml::Value>,
    #[serde(skip)]
    claims: Vec<ReadClaim>,
    #[serde(skip)]
    figures: Vec<ReadFigure>,
}

/// A claim whose texts were read.
#[derive(Clone, Debug)]
struct ReadClaim {
    of: ClaimText,
    /// None of a claim that is not tested, or not at this scale.
    check: Option<Expression>,
    needs: Option<Expression>,
    measured: Text,
    note: Text,
}

/// A figure whose texts were read.
#[derive(Clone, Debug)]
struct ReadFigure {
    of: FigureText,
    caption: Text,
    /// Quantities in it.
    names: Vec<String>,
}

impl ReadClaim {
    fn names(&self) -> Vec<&str> {
        let conditions = [&self.check, &self.needs].into_iter().flatten().flat_map(Expression::names);
        conditions.chain(self.measured.names()).chain(self.note.names()).collect()
    }
}

/// What the claims of a file came to.
#[derive(Debug, Default)]
pub struct Tried {
    /// The claims.
    pub claims: Vec<Claim>,
    /// The figures.
    pub sections: Vec<Section>,
    /// Whether every claim that has a check could be tested.
    pub whole: bool,
}

/// The sections of a claims file.
const SECTIONS: [&str; 11] =
    ["title", "source", "summary", "default", "setting", "constant", "quantity", "sweep", "part", "claim", "figure"];

impl ClaimsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Config`]: a sentence with the file, the claim or quantity and the key.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        Self::parse(&text, &path.display().to_string(), None)
    }

    /// Reads a text, of which `origin` says where it is from; constants and checks are those of a scale, if there is one.
    ///
    /// # Errors
    /// As [`ClaimsFile::read`].
    pub fn parse(text: &str, origin: &str, scale: Option<Scale>) -> Result<Self> {
        Self::parse_with(text, origin, scale, &[])
    }

    /// The same with other values of some of its `[setting]`s.
    ///
    /// # Errors
    /// As [`ClaimsFile::read`].
    pub fn parse_with(text: &str, origin: &str, scale: Option<Scale>, set: &[(String, f64)]) -> Result<Self> {
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            Error::config(format!(
                "{origin}:{}: not valid TOML: {}",
                before.matches('\n').count() + 1,
                one_line(error.message())
            ))
        })?;
        Self::of_table(table, origin, scale, set).map_err(|why| Error::config(format!("{origin}: {}", one_line(&why))))
    }

    fn of_table(
        mut table: toml::Table,
        origin: &str,
        scale: Option<Scale>,
        set: &[(String, f64)],
    ) -> Result<Self, String> {
        if let Some(wrong) = table.keys().find(|key| !SECTIONS.contains(&key.as_str())) {
            let advice = nearest(wrong, SECTIONS).map_or(String::new(), |near| format!("; did you mean {near}?"));
            return Err(format!("{wrong}: a claims file has {}{advice}", SECTIONS.join(", ")));
        }
        let mut file = Self { origin: origin.to_owned(), ..Self::default() };
        file.title = taken(&mut table, "title")?.unwrap_or_else(|| "Claims".to_owned());
        file.source = taken(&mut table, "source")?.unwrap_or_default();
        file.summary = taken(&mut table, "summary")?.unwrap_or_default();
        file.settings = Setting::of_section("setting", &taken(&mut table, "setting")?.unwrap_or_default())?;
        for setting in &file.settings {
            file.constants.insert(setting.name.clone(), setting.at(scale)?);
        }
        for (name, value) in set {
            let known: Vec<&str> = file.settings.iter().map(|setting| setting.name.as_str()).collect();
            let advice =
                || nearest(name, known.iter().copied()).map_or(String::new(), |near| format!("; did you mean {near}?"));
            let wrong = || match known.as_slice() {
                [] => format!("--set {name}: the file has no [setting]"),
                some => format!("--set {name}: expected one of {}{}", some.join(", "), advice()),
            };
            file.settings.iter().find(|setting| setting.name == *name).ok_or_else(wrong)?.check(*value)?;
            file.constants.insert(name.clone(), *value);
        }
        for constant in Setting::of_section("constant", &taken(&mut table, "constant")?.unwrap_or_default())? {
            if file.constants.insert(constant.name.clone(), constant.at(scale)?).is_some() {
                return Err(format!("constant.{}: a setting has this name", constant.name));
            }
        }
        let default: Quantity = taken(&mut table, "default")?.unwrap_or_default();
        for (name, value) in taken::<BTreeMap<String, toml::Value>>(&mut table, "quantity")?.unwrap_or_default() {
            if !parse(&name).is_ok_and(|read| read == Expression::Name(name.clone())) {
                return Err(format!(
                    "quantity `{name}`: a name has letters, digits and `_`, begins with none of the digits, and is no word of checks"
                ));
            }
            let mut own = value.try_into::<Quantity>().map_err(|e| format!("quantity `{name}`: {}", e.message()))?;
            for text in [&mut own.metric, &mut own.title].into_iter().flatten() {
                *text = with(text, &file.constants);
            }
            for (key, value) in &mut own.settings {
                fill(value, &file.constants).map_err(|why| format!("quantity `{name}`: where.{key}{why}"))?;
            }
            file.quantities.insert(name, own.or(&default));
        }
        for (name, of) in &file.quantities {
            let wrong = |key: &str, why: String| format!("quantity `{name}`: {key}: {why}");
            of.each.as_deref().map_or(Ok(()), |text| file.checked(text).map(drop)).map_err(|why| wrong("each", why))?;
            let only = of.only.as_deref().filter(|text| !text.is_empty());
            only.map(parse).transpose().map_err(|why| wrong("only", why))?;
        }
        if let Some(sweeps) = table.get_mut("sweep") {
            fill(sweeps, &file.constants).map_err(|why| format!("sweep.{why}"))?;
        }
        file.sweeps = taken(&mut table, "sweep")?.unwrap_or_default();
        for name in file.sweeps.keys() {
            experiments(&file.sweeps, name, scale)?;
        }
        let [claim, figure] = ["claim", "figure"].map(|key| taken(&mut table, key));
        let mut parts: Vec<PartText> = taken(&mut table, "part")?.unwrap_or_default();
        let plain =
            PartText { claim: claim?.unwrap_or_default(), figure: figure?.unwrap_or_default(), ..PartText::default() };
        if !plain.claim.is_empty() || !plain.figure.is_empty() {
            parts.push(plain);
        }
        let mut ids = BTreeSet::new();
        for mut part in parts {
            for value in std::mem::take(&mut part.claim) {
                let claim = file.claim(value, scale)?;
                if !ids.insert(claim.of.id.clone()) {
                    return Err(format!("claim `{}`: another claim has this id", claim.of.id));
                }
                part.claims.push(claim);
            }
            for value in std::mem::take(&mut part.figure) {
                part.figures.push(file.figure(value)?);
            }
            file.parts.push(part);
        }
        Ok(file)
    }

    fn claim(&self, value: toml::Value, scale: Option<Scale>) -> Result<ReadClaim, String> {
        let called = value.get("id").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let wrong = |why: &str| format!("claim `{called}`: {why}");
        let of = value.try_into::<ClaimText>().map_err(|e| wrong(e.message()))?;
        let condition = |key: &str, text: &str| self.checked(text).map_err(|why| wrong(&format!("{key}: {why}")));
        let check = match (&of.check, &of.untested) {
            (None, Some(_)) => None,
            (Some(check), _) if of.untested.is_none() || check.is_table() => match at_scale(check, scale) {
                Some(toml::Value::String(text)) => Some(condition("check", text)?),
                Some(other) => return Err(wrong(&format!("check: expected a text, got {other}"))),
                None => None,
            },
            _ => return Err(wrong("expected `check`, or `untested` with the reason")),
        };
        let needs = of.needs.as_deref().map(|text| condition("needs", text)).transpose()?;
        let text = |key: &str, text: &Option<String>| {
            let wrong = |why: String| wrong(&format!("{key}: {why}"));
            let text = Text::parse(text.as_deref().unwrap_or_default()).map_err(wrong)?;
            self.known(text.names()).map_err(wrong).map(|()| text)
        };
        Ok(ReadClaim { check, needs, measured: text("measured", &of.measured)?, note: text("note", &of.note)?, of })
    }

    fn figure(&self, value: toml::Value) -> Result<ReadFigure, String> {
        let called = value.get("name").and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let wrong = |why: String| format!("figure `{called}`: {why}");
        let of = value.try_into::<FigureText>().map_err(|e| wrong(e.message().to_owned()))?;
        let caption = Text::parse(&of.caption).map_err(wrong)?;
        let mut names = of.names().map_err(wrong)?;
        names.extend(caption.names().into_iter().map(str::to_owned));
        self.known(names.iter().map(String::as_str).collect()).map_err(wrong)?;
        Ok(ReadFigure { of, caption, names })
    }

    /// An expression all of whose names are declared.
    fn checked(&self, text: &str) -> Result<Expression, String> {
        let read = parse(text)?;
        self.known(read.names())?;
        Ok(read)
    }

    fn known(&self, names: Vec<&str>) -> Result<(), String> {
        let known = || self.quantities.keys().chain(self.constants.keys());
        let plain = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
        let wrong = names.into_iter().map(plain).find(|name| !known().any(|other| other == name));
        wrong.map_or(Ok(()), |wrong| Err(unknown(&wrong, known())))
    }

    /// Metrics and measures that its quantities are of.
    pub fn wanted(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.quantities.values().filter_map(|q| q.metric.clone()).collect();
        // Those of conditions on steps: `when accuracy_test >= 0.99`.
        let conditions = self.quantities.values().filter_map(|q| q.at.as_ref()?.as_str()?.split_whitespace().nth(1));
        all.extend(conditions.map(str::to_owned));
        let only = self.quantities.values().filter_map(|q| parse(q.only.as_ref()?).ok());
        all.extend(only.flat_map(|e| e.names().into_iter().map(str::to_owned).collect::<Vec<_>>()));
        all
    }

    /// Variants that can be chosen by their names.
    pub fn choices(&self) -> Vec<&str> {
        self.sweeps.values().flat_map(SweepText::choices).collect()
    }

    /// The sweeps that a part asks for.
    pub(super) fn sweeps_of(&self, part: &str) -> BTreeSet<String> {
        let mut open: Vec<String> = Vec::new();
        for part in self.parts.iter().filter(|p| p.name == part) {
            open.extend(part.claims.iter().flat_map(ReadClaim::names).map(str::to_owned));
            open.extend(part.figures.iter().flat_map(|figure| figure.names.iter().cloned()));
        }
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let (plain, at) = name.split_once('@').map_or((name.as_str(), None), |(plain, at)| (plain, Some(at)));
            let Some(of) = self.quantities.get(plain) else { continue };
            let inner = of.each.as_ref().and_then(|text| parse(text).ok());
            open.extend(inner.iter().flat_map(|e| e.names()).map(|name| match at {
                Some(at) if !name.contains('@') => format!("{name}@{at}"),
                _ => name.to_owned(),
            }));
            let own = at.and_then(|at| at.split('.').next()).or(of.sweep.as_deref());
            found.extend(own.filter(|_| of.metric.is_some()).map(str::to_owned));
        }
        found
    }

    /// Tries all its claims on a run.
    pub fn try_on(&self, networks: &BTreeMap<String, Networks>) -> Tried {
        let mut all = Tried { whole: true, ..Tried::default() };
        for part in &self.parts {
            let Tried { claims, sections, whole } = self.try_part(&part.name, networks);
            all.claims.extend(claims);
            all.sections.extend(sections);
            all.whole &= whole;
        }
        all
    }

    /// Tries the claims of a part on networks: what cannot be found there makes a claim one that was not tested.
    pub fn try_part(&self, part: &str, networks: &BTreeMap<String, Networks>) -> Tried {
        let quantities = Quantities { declared: &self.quantities, constants: &self.constants, networks };
        let (mut book, mut tried) = (Book::new(), Tried { whole: true, ..Tried::default() });
        for part in self.parts.iter().filter(|p| p.name == part) {
            for claim in &part.claims {
                let row = Claim::new(&claim.of.id, claim.of.kind, with(&claim.of.sentence, &self.constants));
                let row = row.source(&claim.of.source);
                let Some(check) = &claim.check else {
                    let why = claim.of.untested.as_deref().unwrap_or("It has no bounds at this scale.");
                    tried.claims.push(row.untried(why));
                    continue;
                };
                let judged = self.tried(row.clone(), claim, check, &quantities, &mut book);
                tried.claims.push(judged.unwrap_or_else(|why| {
                    tried.whole = false;
                    row.untried(format!("{}: claim `{}`: {why}.", self.origin, claim.of.id))
                }));
            }
            for figure in &part.figures {
                let found = figure.names.iter().try_for_each(|name| quantities.find(name, &mut book));
                let names = OverNetworks { book: &book, constants: &self.constants, draw: None };
                let drawn = found.and_then(|()| figure.of.drawn(figure.caption.filled(&names)?.into(), &names));
                tried.sections.push(Section::new(&figure.of.name, &figure.of.heading, drawn));
            }
        }
        tried
    }

    fn tried(
        &self,
        row: Claim,
        claim: &ReadClaim,
        check: &Expression,
        quantities: &Quantities<'_>,
        book: &mut Book,
    ) -> Result<Claim, String> {
        claim.names().into_iter().try_for_each(|name| quantities.find(name, book))?;
        let called = |name: &str| match (self.constants.get(name), book.get(name)) {
            (Some(constant), _) => constant.to_string(),
            (_, Some(found)) => found.title.clone(),
            _ => name.to_owned(),
        };
        let names = OverNetworks { book, constants: &self.constants, draw: None };
        let asked = check.sentence(&called);
        let row = match &claim.of.predicted {
            Some(predicted) => row.predicted(with(predicted, &self.constants), asked),
            None => row.predicted(asked, ""),
        };
        if let Some(needs) = &claim.needs
            && !Truth::all(&truths(needs, &names)?).holds
        {
            return Ok(row.untried(format!("It needs that {}, and that is not so.", needs.sentence(&called))));
        }
        let judged = judge(check, &names)?;
        let measured =
            if claim.measured.is_empty() { by_default(check, book) } else { claim.measured.filled(&names)? };
        let both = [judged.why, claim.note.filled(&names)?.into()];
        let note = both.into_iter().filter(|text: &String| !text.is_empty()).collect::<Vec<_>>().join(" ");
        let row = row.measured(measured, judged.seeds as u32, true).note(note);
        Ok(Claim { verdict: judged.verdict, margin: judged.margin, interval: judged.interval, ..row })
    }
}

/// Every quantity of a check, with its networks.
fn by_default(check: &Expression, book: &Book) -> Measured {
    let of = |name: &str| {
        let found = book.get(name)?;
        let number = match found.counts(None).as_slice() {
            [(count, asked)] if count == asked => format!(" ({count} {})", found.kind()),
            [(count, asked)] => format!(" ({count} of {asked} {})", found.kind()),
            _ => String::new(),
        };
        let title = &found.title;
        Some(measured!("{title} {}{number}", found.text(None)))
    };
    Measured::joined(check.names().into_iter().filter_map(of), "; ")
}

/// Puts numbers in the place of texts that are an expression of constants in braces, such as `"{alpha}"`; in longer texts a constant's
/// name in braces becomes its number.
fn fill(value: &mut toml::Value, constants: &BTreeMap<String, f64>) -> Result<(), String> {
    let inside = |key: &str, why: String| format!("{key}{}{why}", if why.starts_with(':') { "" } else { "." });
    match value {
        toml::Value::Table(all) => {
            all.iter_mut().try_for_each(|(key, value)| fill(value, constants).map_err(|why| inside(key, why)))
        }
        toml::Value::Array(all) => all
            .iter_mut()
            .enumerate()
            .try_for_each(|(place, value)| fill(value, constants).map_err(|why| inside(&place.to_string(), why))),
        toml::Value::String(text) => {
            let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
                *text = with(text, constants);
                return Ok(());
            };
            let wrong = |why: String| format!(": {text}: {why}");
            let names = OverNetworks { book: &Book::new(), constants, draw: None };
            let found = parse(inner).and_then(|read| number(&read, &names)).map_err(wrong)?;
            let [one] = found[..] else { return Err(wrong(format!("gives {} numbers", found.len()))) };
            let whole = one.fract() == 0.0 && one.abs() < 1e15;
            *value = if whole { toml::Value::Integer(one as i64) } else { toml::Value::Float(one) };
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A section of a file, if it is there.
fn taken<T: DeserializeOwned>(table: &mut toml::Table, key: &str) -> Result<Option<T>, String> {
    table
        .remove(key)
        .map(|value| value.try_into().map_err(|e: toml::de::Error| format!("{key}: {}", e.message())))
        .transpose()
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
