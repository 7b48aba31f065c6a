//! Many measures by one word: `all`, or the name of a family, among the names of single ones.

use super::{Measure, Statistic, measures, statistics};
use crate::error::Result;

/// The word for all there are.
pub const ALL: &str = "all";

/// Examples above which a measure of cost n³ and more takes minutes, and is taken of draws of them.
const MANY: usize = 300;

/// The name of a family, as it is typed: in small letters, without blanks.
pub fn family_word(family: &str) -> String {
    family.to_lowercase().replace(' ', "-")
}

/// The names that some words stand for, and whether each was named by itself; `entries` are names and families.
fn spelled(words: &[String], entries: &[(&'static str, &'static str)]) -> Vec<(String, bool)> {
    let mut names: Vec<(String, bool)> = Vec::new();
    for asked in words.iter().map(|w| w.trim()).filter(|w| !w.is_empty()) {
        let typed = family_word(asked);
        let of = |family: &str| typed == ALL || typed == family_word(family);
        let members: Vec<&str> = entries.iter().filter(|(_, family)| of(family)).map(|(name, _)| *name).collect();
        match members.is_empty() {
            true => {
                names.retain(|(name, alone)| *alone || name != asked);
                names.push((asked.to_owned(), true));
            }
            false => {
                for member in members {
                    if !names.iter().any(|(name, _)| name == member) {
                        names.push((member.to_owned(), false));
                    }
                }
            }
        }
    }
    names
}

impl Measure {
    /// Measures by names with options, by families, or `all`: each in its default form, and once.
    ///
    /// # Errors
    /// As [`Measure::parse`].
    pub fn parse_all(words: &[String]) -> Result<Vec<Self>> {
        let entries: Vec<_> = measures().map(|entry| (entry.name, entry.family)).collect();
        spelled(words, &entries).into_iter().map(|(name, alone)| Ok(Self { alone, ..Self::parse(&name)? })).collect()
    }

    /// Itself, or, if it is of a family and takes minutes with so many examples, its form that draws some of them.
    ///
    /// # Errors
    /// Never, for measures of the catalogue.
    pub fn affordable(self, examples: usize) -> Result<Self> {
        if self.alone || self.entry.name != "rtd" || examples <= MANY {
            return Ok(self);
        }
        Self::parse("rtd:batch=200:repeats=3")
    }
}

impl Statistic {
    /// Statistics by names with options, by families, or `all`: each in its default form, and once.
    ///
    /// # Errors
    /// As [`Statistic::parse`].
    pub fn parse_all(words: &[String]) -> Result<Vec<Self>> {
        let entries: Vec<_> = statistics().map(|entry| (entry.name, entry.family)).collect();
        let of = |(name, alone): (String, bool)| {
            let mut statistic = Self::parse(&name)?;
            statistic.alone = alone;
            Ok(statistic)
        };
        spelled(words, &entries).into_iter().map(of).collect()
    }
}
