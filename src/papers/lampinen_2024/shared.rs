//! What several parts need: the networks of the base configuration, trained once.

use super::analyses::ANALYSES;
use super::settings::Config;
use crate::error::Result;
use crate::papers::claims::Declared;
use crate::papers::{Lab, PartOutcome, Scale};

/// Networks that several parts use.
pub struct Shared {
    /// Seeds of each configuration.
    pub seeds: u32,
    scale: Scale,
    declared: Declared,
}

impl Shared {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// None, but for a mistake in the paper's own file.
    pub fn new(lab: &Lab<'_>) -> Result<Self> {
        let declared = Declared::parse(include_str!("paper.toml"), "lampinen-2024", lab.scale(), ANALYSES)?;
        Ok(Self { seeds: lab.seeds(6, 8, 8), scale: lab.scale(), declared })
    }

    /// Runs a part that is declared in the paper's file.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn declared(&mut self, lab: &mut Lab<'_>, part: &str) -> Result<PartOutcome> {
        self.declared.run(lab, part)
    }

    /// The base configuration at this scale.
    pub fn config(&self) -> Config {
        Config::base(self.scale)
    }
}
