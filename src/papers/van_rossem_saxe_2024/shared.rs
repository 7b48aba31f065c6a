//! What several parts need: the networks of the settings table with their fits, trained once.

use super::fits::{Fitted, Trained};
use super::runs::{Run, train};
use super::settings::{STEPS, Setting, TABLE};
use crate::error::nearest;
use crate::error::{Error, Result};
use crate::papers::Lab;
use crate::theory::{Task, fit_mean_rate};

/// Networks that several parts use.
pub struct Shared {
    width: u32,
    seeds: u32,
    only: Vec<String>,
    table: Option<Vec<Trained>>,
}

impl Shared {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// If the user named a setting that is not in the table, or is not tried.
    pub fn new(lab: &Lab<'_>) -> Result<Self> {
        let only = lab.request().settings.clone();
        let tried = || TABLE.into_iter().filter(|s| s.missing.is_none()).map(|s| s.name);
        if let Some(wrong) = only.iter().find(|name| !tried().any(|known| known == **name)) {
            let advice = nearest(wrong, tried()).map_or(String::new(), |name| format!("; did you mean {name}?"));
            let all = tried().collect::<Vec<_>>().join(", ");
            return Err(Error::config(format!("--settings {wrong}: expected one of {all}{advice}")));
        }
        Ok(Self { width: lab.at(50, 100, 500), seeds: lab.seeds(3, 4, 3), only, table: None })
    }

    /// Units of the widest hidden layers.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Seeds of each setting.
    pub fn seeds(&self) -> u32 {
        self.seeds
    }

    /// The settings that are tried, at this scale.
    pub fn settings(&self) -> Vec<Setting> {
        // Others compare with the default, so that it is always there.
        let wanted =
            |s: &Setting| self.only.is_empty() || s.name == "default" || self.only.iter().any(|name| name == s.name);
        TABLE.into_iter().filter(|s| s.missing.is_none() && wanted(s)).map(|s| s.narrowed(self.width)).collect()
    }

    /// The settings table, trained and fitted.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn table(&mut self, lab: &mut Lab<'_>) -> Result<&[Trained]> {
        if self.table.is_none() {
            let settings = self.settings();
            let runs = train(lab, &settings, self.seeds, STEPS)?;
            self.table = Some(Trained::all(&settings, runs));
        }
        Ok(self.table.as_deref().unwrap_or_default())
    }
}

/// The theory's loss at the points that were fitted, with the rate of the mean output fitted to the network's own loss.
pub fn loss_curve(run: &Run, fitted: &Fitted, task: Task) -> Option<Vec<f64>> {
    let losses: Vec<f64> = fitted.times.iter().map(|t| run.loss[*t as usize]).collect();
    fit_mean_rate(&fitted.times, &losses, &fitted.fit.curves, task).ok().map(|mean| mean.losses)
}
