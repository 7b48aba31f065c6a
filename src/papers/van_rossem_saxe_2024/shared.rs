//! What several parts need: the paper's file, with the networks that it declares, trained once.

use super::analyses::ANALYSES;
use crate::error::{Error, Result, nearest};
use crate::papers::claims::Declared;
use crate::papers::{Lab, PartOutcome};

/// The paper's file.
pub const FILE: &str = include_str!("paper.toml");

/// Networks that several parts use.
pub struct Shared {
    width: u32,
    declared: Declared,
}

impl Shared {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// If the user named a setting that is not in the table.
    pub fn new(lab: &Lab<'_>) -> Result<Self> {
        let declared = Declared::parse(FILE, "van-rossem-saxe-2024", lab.scale(), ANALYSES)?;
        let known = declared.file.choices();
        if let Some(wrong) = lab.request().settings.iter().find(|name| !known.contains(&name.as_str())) {
            let near = nearest(wrong, known.iter().copied());
            let advice = near.map_or(String::new(), |name| format!("; did you mean {name}?"));
            return Err(Error::config(format!("--settings {wrong}: expected one of {}{advice}", known.join(", "))));
        }
        Ok(Self { width: lab.at(50, 100, 500), declared })
    }

    /// Units of the widest hidden layers.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Runs a part that is declared in the paper's file.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn declared(&mut self, lab: &mut Lab<'_>, part: &str) -> Result<PartOutcome> {
        self.declared.run(lab, part)
    }

    /// A number of each network of a sweep's variant that learned; none if the variant is not asked for.
    ///
    /// # Errors
    /// As [`Lab::train`].
    pub fn of(&mut self, lab: &mut Lab<'_>, sweep: &str, variant: &str, metric: &str) -> Result<Vec<f64>> {
        let networks = self.declared.networks(lab, sweep)?;
        let last = |name: &str, network: usize| {
            networks.curve(name, None).and_then(|curve| curve.values.last()).map_or(f64::NAN, |row| row[network])
        };
        let ours = (0..networks.seeds.len()).filter(|&n| networks.variant(n) == variant && last("learned", n) >= 1.0);
        Ok(ours.map(|n| last(metric, n)).filter(|x| x.is_finite()).collect())
    }
}
