//! How a statistic is declared.

use super::source::Computation;
use crate::measure::declaration::scale::{Scale, free};
use crate::measure::declaration::{Given, Parameter};

/// The family of statistics of classes.
pub(super) const TASK: &str = "task";

/// A statistic, as the catalogue lists it.
pub struct StatisticEntry {
    /// Its name.
    pub name: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Which part of the catalogue it is in.
    pub family: &'static str,
    /// In plain text; `λ` are eigenvalues of the covariance, `s` singular values of the centred representation.
    pub formula: &'static str,
    /// Paper and equation.
    pub source: &'static str,
    /// Whether it needs a class for each example.
    pub labels: bool,
    /// What becomes of it when the data are multiplied by a number.
    pub scale: fn(&Given) -> Scale,
    /// Its options.
    pub parameters: &'static [Parameter],
    /// What it holds in memory on the CPU at most, in numbers of eight bytes, for so many examples and units.
    pub held: fn(&Given, f64, f64) -> f64,
    /// How it is computed.
    pub make: fn(&Given) -> Computation,
}

impl StatisticEntry {
    pub(super) const fn new(
        family: &'static str,
        name: &'static str,
        title: &'static str,
        make: fn(&Given) -> Computation,
    ) -> Self {
        let held = |_: &Given, n: f64, p: f64| 8.0 * n * p + 6.0 * p.min(n).powi(2) + 48.0 * n;
        Self { name, title, family, formula: "", source: "", labels: false, scale: free, parameters: &[], held, make }
    }

    /// One that holds more than copies of the representation and matrices of its units.
    pub(super) const fn holds(self, held: fn(&Given, f64, f64) -> f64) -> Self {
        Self { held, ..self }
    }

    pub(super) const fn formula(self, formula: &'static str) -> Self {
        Self { formula, ..self }
    }

    pub(super) const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub(super) const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    pub(super) const fn scaled(self, scale: fn(&Given) -> Scale) -> Self {
        Self { scale, ..self }
    }

    pub(super) const fn needs_labels(self) -> Self {
        Self { labels: true, ..self }
    }
}
