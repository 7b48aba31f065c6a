//! What several parts need: the networks of the base configuration, trained once.

use super::networks::Networks;
use super::settings::Config;
use crate::error::Result;
use crate::papers::{Lab, Scale};

/// Networks that several parts use.
pub struct Shared {
    /// Seeds of each configuration.
    pub seeds: u32,
    scale: Scale,
    base: Option<Networks>,
}

impl Shared {
    /// Nothing trained yet.
    pub fn new(lab: &Lab<'_>) -> Self {
        Self { seeds: lab.seeds(6, 8, 8), scale: lab.scale(), base: None }
    }

    /// The base configuration at this scale.
    pub fn config(&self) -> Config {
        Config::base(self.scale)
    }

    /// Networks of the base configuration, trained until both features are learned; with representations and parameters.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn base(&mut self, lab: &mut Lab<'_>) -> Result<&Networks> {
        if self.base.is_none() {
            let config = Config { keep: true, ..self.config() };
            self.base = Some(Networks::train(lab, &config, self.seeds)?);
        }
        self.base.as_ref().ok_or_else(|| crate::Error::config("no network was trained"))
    }
}
