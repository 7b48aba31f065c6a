//! Statistics of one representation, and of a representation with labels. Each is declared once, in the file of its subject:
//! its name, formula, source, options, and a function of what it is computed from (`source`).

mod classes;
mod dimension;
mod distances;
pub(crate) mod entry;
mod geometry;
pub(crate) mod input;
mod moments;
mod neighbours;
pub mod probe;
mod source;
pub mod spectrum;
mod standard;
mod units;

use faer::MatRef;

pub use entry::StatisticEntry;
pub use source::{Batch, Computation, Compute, OnDevice};

use super::declaration::Given;
use super::declaration::scale::{Scale, exponent, multiplied, shifted};
use crate::error::{Error, Result};

/// Every statistic, family by family.
const ALL: &[StatisticEntry] = &[
    spectrum::PARTICIPATION_RATIO,
    spectrum::EFFECTIVE_RANK,
    spectrum::RANKME,
    spectrum::STABLE_RANK,
    spectrum::COMPONENTS,
    spectrum::EXPLAINED_VARIANCE,
    spectrum::ALPHA_REQ,
    dimension::TWO_NN,
    dimension::LEVINA_BICKEL,
    dimension::CORRELATION_DIMENSION,
    dimension::LOCAL_PCA,
    units::UNIFORMITY,
    units::MEAN_DISTANCE,
    units::MEDIAN_DISTANCE,
    units::MEAN_NORM,
    units::SPARSITY,
    units::DEAD_UNITS,
    classes::CLASS_SELECTIVITY,
    probe::LINEAR_PROBE,
    probe::V_INFORMATION,
    probe::LABEL_R2,
    classes::VARIANCE_EXPLAINED,
    probe::NEAREST_CENTROID,
    probe::KNN_PROBE,
    classes::LABEL_ALIGNMENT,
    classes::SILHOUETTE,
    classes::DAVIES_BOULDIN,
    classes::CALINSKI_HARABASZ,
    geometry::NEURAL_COLLAPSE,
    geometry::NC2,
    geometry::SHATTERING,
    geometry::CCGP,
    geometry::PARALLELISM,
];

/// Every statistic.
pub fn statistics() -> impl Iterator<Item = &'static StatisticEntry> {
    ALL.iter()
}

/// A statistic with its options.
pub struct Statistic {
    /// What the catalogue says of it.
    pub entry: &'static StatisticEntry,
    /// Its options.
    pub given: Given,
    /// Its form for a device, if it has one.
    pub device: Option<OnDevice>,
    compute: Compute,
    /// Whether it was named by itself, not with its family.
    pub(super) alone: bool,
}

impl std::fmt::Debug for Statistic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl Statistic {
    /// With its options.
    pub(super) fn of_options(entry: &'static StatisticEntry, given: Given) -> Self {
        let Computation { compute, device } = (entry.make)(&given);
        Self { entry, given, device, compute, alone: true }
    }

    /// What it holds in memory on the CPU for a representation `[n, p]`, in bytes, at most.
    pub fn held(&self, n: usize, p: usize) -> f64 {
        8.0 * (self.entry.held)(&self.given, n as f64, p as f64)
    }

    /// Its canonical name.
    pub fn name(&self) -> String {
        format!("{}{}", self.entry.name, self.given.suffix())
    }

    /// Whether it was named by itself, not with its family.
    pub fn is_named(&self) -> bool {
        self.alone
    }

    /// What becomes of its value when the data are multiplied by a number.
    pub fn scale(&self) -> Scale {
        (self.entry.scale)(&self.given)
    }

    /// Its value for `x` `[examples, units]`, brought to a scale near one if the statistic says what that does; `labels` are a class for each example, or empty.
    ///
    /// # Errors
    /// If it is not defined on `x`, or needs labels and has none.
    pub fn of(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
        if self.entry.labels && labels.is_empty() {
            return Err(Error::Measure(format!("`{}` needs a label for each example", self.entry.name)));
        }
        let scale = self.scale();
        let exponent = if scale == Scale::Own { 0 } else { exponent(x) };
        let value = match exponent {
            0 => (self.compute)(x, labels)?,
            _ => (self.compute)(multiplied(x, -exponent).as_ref(), labels)?,
        };
        let value = match scale {
            // With one representation the two are the same.
            Scale::Each(power) => shifted(value, power * exponent),
            Scale::Common(power) => value * (power * f64::from(exponent)).exp2(),
            Scale::Free | Scale::Own => value,
        };
        if value.is_finite() {
            return Ok(value);
        }
        Err(Error::Measure(format!("`{}` is not defined here: its value would be {value}", self.entry.name)))
    }
}
