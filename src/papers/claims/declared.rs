//! A paper, or a part of one, that is declared in a file: its sweeps are trained when a claim or a figure asks for them.

use std::collections::BTreeMap;

use super::file::ClaimsFile;
use super::networks::Networks;
use super::sweep::{self, Analyses};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::papers::{Lab, PartOutcome, Scale};

/// A paper's file, with the sweeps that were trained so far.
pub struct Declared {
    /// What the file says.
    pub file: ClaimsFile,
    analyses: Analyses,
    trained: BTreeMap<String, Networks>,
}

impl Declared {
    /// Reads a paper's text at a scale, with what can be computed of its networks.
    ///
    /// # Errors
    /// As [`ClaimsFile::parse`].
    pub fn parse(text: &str, origin: &str, scale: Scale, analyses: Analyses) -> Result<Self> {
        Self::parse_with(text, origin, scale, &[], analyses)
    }

    /// The same with other values of some of its `[setting]`s.
    ///
    /// # Errors
    /// As [`ClaimsFile::parse`].
    pub fn parse_with(
        text: &str,
        origin: &str,
        scale: Scale,
        set: &[(String, f64)],
        analyses: Analyses,
    ) -> Result<Self> {
        let file = ClaimsFile::parse_with(text, origin, Some(scale), set)?;
        Ok(Self { file, analyses, trained: BTreeMap::new() })
    }

    /// The networks of a sweep, trained if they were not.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn networks(&mut self, lab: &mut Lab<'_>, sweep: &str) -> Result<&Networks> {
        if !self.trained.contains_key(sweep) {
            let networks = sweep::train(lab, &self.file.sweeps, sweep, self.analyses)?;
            self.trained.insert(sweep.to_owned(), networks);
        }
        Ok(&self.trained[sweep])
    }

    /// The experiment of a sweep that has no variants.
    ///
    /// # Errors
    /// If there is no such sweep.
    pub fn experiment(&self, sweep: &str, scale: Scale) -> Result<Experiment> {
        let (_, mut all) = sweep::experiments(&self.file.sweeps, sweep, Some(scale)).map_err(Error::config)?;
        all.pop().map(|(_, experiment)| experiment).ok_or_else(|| Error::config(format!("{sweep} has no experiment")))
    }

    /// Runs a part: trains what it asks for, tries its claims and draws its figures.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn run(&mut self, lab: &mut Lab<'_>, part: &str) -> Result<PartOutcome> {
        for name in self.file.sweeps_of(part) {
            self.networks(lab, &name)?;
        }
        let tried = self.file.try_part(part, &self.trained);
        Ok(PartOutcome { claims: tried.claims, sections: tried.sections })
    }
}
