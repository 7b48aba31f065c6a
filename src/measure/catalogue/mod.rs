//! The catalogue: every measure by its name, with what it promises and how it is computed.
//!
//! A measure of two representations is one file of [`pair`], and a line in its list: its [`Entry`] says what it promises
//! and how it is computed, in f64 on the CPU and, if it has such a form, in f32 on a GPU for all pairs of a set at once; tests hold
//! the second to the first. Here is what they are made of: names and options, what is said of them, and forms of computation.

mod documentation;
mod families;

pub use documentation::documentation;
pub use families::{ALL, family_word};

use faer::MatRef;

pub use super::declaration::{
    Cosine, Cross, Crossed, Device, Direction, Entry, Extents, FromProducts, Given, Held, Host, Invariance, Made,
    Neighbourhood, Nuclear, NuclearValue, Of, Parameter, Prepared, Ranks, Remainder, Scale, Side, Surroundings, Tables,
    Takes, Value,
};
use super::pair;
pub use super::statistic::{Statistic, StatisticEntry, statistics};
use crate::error::{Error, Result};

/// Every measure, family by family.
pub fn measures() -> impl Iterator<Item = &'static Entry> {
    pair::ALL.iter().copied()
}

/// A measure with its options.
pub struct Measure {
    /// What the catalogue says of it.
    pub entry: &'static Entry,
    /// Its options.
    pub given: Given,
    /// How it is computed.
    pub made: Made,
    /// Whether it was named by itself, not with its family.
    alone: bool,
}

impl std::fmt::Debug for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Measure {
    /// A measure by its name and options, such as `cka:rbf:threshold=0.5`.
    ///
    /// # Errors
    /// If there is none of the name (the message has the nearest) or an option does not fit.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or("");
        let Some(entry) = measures().find(|entry| entry.name == name) else {
            return Err(Error::Config(unknown("measure", name, measures().map(|entry| entry.name))));
        };
        let options: Vec<&str> = parts.collect();
        let given = Given::parse(name, entry.parameters, &options)?;
        let Made { host, device } = (entry.make)(&given)?;
        let made = Made { host: host.of_scale((entry.scale)(&given)), device };
        Ok(Self { entry, given, made, alone: true })
    }

    /// Its canonical name: options that are not as by default follow in a fixed order.
    pub fn name(&self) -> String {
        format!("{}{}", self.entry.name, self.given.suffix())
    }

    /// What becomes of its values when the data are multiplied by numbers.
    pub fn scale(&self) -> Scale {
        (self.entry.scale)(&self.given)
    }

    /// Its form for a GPU by embeddings, if it has one.
    pub fn cosine(&self) -> Option<Cosine> {
        match self.made.device {
            Some(Device::Cosine(cosine)) => Some(cosine),
            _ => None,
        }
    }

    /// Something to be aware of with representations of these extents.
    pub fn caution(&self, extents: Extents) -> Option<String> {
        (self.entry.caution)(&self.given, extents)
    }

    /// Least and largest value with these options: what the catalogue says is for all of them.
    pub fn range(&self) -> [f64; 2] {
        (self.entry.range_of)(&self.given).unwrap_or(self.entry.range)
    }

    /// Its value for two representations `[examples, units]` of the same examples, on the CPU.
    ///
    /// # Errors
    /// If the measure is not defined on them.
    pub fn of(&self, x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
        let host = &self.made.host;
        host.compare(&host.prepare(x)?, &host.prepare(y)?)
    }

    /// What it holds in memory on the CPU for representations of these extents, in bytes.
    pub fn held(&self, extents: Extents) -> Held {
        let Held { prepared, preparing, comparing } = (self.entry.held)(&self.given, extents);
        Held { prepared: 8.0 * prepared, preparing: 8.0 * preparing, comparing: 8.0 * comparing }
    }
}

impl Statistic {
    /// A statistic by its name and options, such as `components:variance=0.99`.
    ///
    /// # Errors
    /// If there is none of the name (the message has the nearest) or an option does not fit.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or("");
        let Some(entry) = statistics().find(|entry| entry.name == name) else {
            return Err(Error::Config(unknown("statistic", name, statistics().map(|entry| entry.name))));
        };
        let options: Vec<&str> = parts.collect();
        let given = Given::parse(name, entry.parameters, &options)?;
        Ok(Self::of_options(entry, given))
    }
}

/// The error for a name that is neither a measure nor a statistic.
pub fn unknown_name(name: &str) -> Error {
    let all = measures().map(|entry| entry.name).chain(statistics().map(|entry| entry.name));
    Error::Config(unknown("measure or statistic", name, all))
}

/// A sentence about an unknown name, with the nearest known one.
pub(crate) fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str>) -> String {
    // A name of the other kind belongs to the other command.
    if what == "measure" && statistics().any(|entry| entry.name == name) {
        return format!("`{name}` is a statistic of one representation: see `isogram describe`");
    }
    if what == "statistic" && measures().any(|entry| entry.name == name) {
        return format!("`{name}` is a measure of two representations: see `isogram compare`");
    }
    let lower = name.to_lowercase();
    let nearest = known
        .map(|k| (strsim::damerau_levenshtein(&lower, k), k))
        .min()
        .filter(|(distance, k)| *distance <= k.len().max(3) / 2);
    match nearest {
        Some((_, k)) => format!("there is no {what} `{name}`; did you mean `{k}`? `isogram measures` lists all"),
        None => format!("there is no {what} or family of them `{name}`; `isogram measures` lists all"),
    }
}
