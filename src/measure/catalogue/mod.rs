//! The catalogue: every measure by its name, with what it promises and how it is computed.
//!
//! Each measure is defined once, in f64 on the CPU. Many have a second form on the GPU, in f32, for all pairs of a set at
//! once; tests hold it to the first. A new measure is a function and an entry in one of the lists.

mod crosses;
mod device;
mod documentation;
mod entry;
mod families;
mod given;
mod kernels;
mod neurons;
mod rdms;
pub(crate) mod scale;
mod subspaces;

pub use device::{
    Cosine, Cross, Crossed, Device, FromProducts, Neighbourhood, Nuclear, NuclearValue, Of, Ranks, Remainder, Side,
    Surroundings, Tables,
};
pub use documentation::documentation;
pub use entry::{Direction, Entry, Extents, Held, Host, Invariance, Made, Prepared};
pub use families::{ALL, family_word};
pub use given::{Given, Parameter, Takes, Value};
pub use scale::Scale;

pub use super::statistic::{Statistic, StatisticEntry, statistics};
use crate::error::{Error, Result};

/// Every measure, family by family.
pub fn measures() -> impl Iterator<Item = &'static Entry> {
    [kernels::ENTRIES, rdms::ENTRIES, subspaces::ENTRIES, neurons::ENTRIES].into_iter().flatten()
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
        use std::f64::consts::{FRAC_PI_2, PI, SQRT_2};
        let is = |key: &str, word: &str| self.given.word(key) == word;
        match self.entry.name {
            "cka" | "distance_correlation" if is("estimator", "biased") => [0.0, 1.0],
            "angular_cka" if is("estimator", "biased") => [0.0, FRAC_PI_2],
            "hsic" if is("estimator", "biased") => [0.0, f64::INFINITY],
            "procrustes" | "shape" if is("form", "angular") => [0.0, FRAC_PI_2],
            "procrustes" if is("form", "normalised") => [0.0, SQRT_2],
            "procrustes" if is("form", "disparity") => [0.0, 1.0],
            "permutation_procrustes" if is("form", "angular") => [0.0, PI],
            "cca" if !is("form", "pillai") => [0.0, 1.0],
            "sparse_prediction" if is("report", "units") => [0.0, f64::INFINITY],
            _ => self.entry.range,
        }
    }

    /// What it holds in memory on the CPU for representations of these extents, in bytes.
    pub fn held(&self, extents: Extents) -> Held {
        let Held { prepared, preparing, comparing } = (self.entry.held)(&self.given, extents);
        Held { prepared: 8.0 * prepared, preparing: 8.0 * preparing, comparing: 8.0 * comparing }
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
