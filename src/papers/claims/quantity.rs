//! What a claims file says of a quantity: a metric, of a layer, at a step, of some networks; and what becomes of them over seeds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::evaluate::{deviation, mean, median};

/// What a claims file says of a quantity. What it leaves out, `[default]` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quantity {
    /// What sentences call it; by default its name.
    pub title: Option<String>,
    /// The name of a metric (`metrics.parquet`) or of a measure between networks (`pairs.parquet`); `step` is the step itself, and the
    /// name of a setting that networks differ in is its number.
    /// A star is for numbers: `component_share_*` is the list of all such names, as they are in the end.
    pub metric: Option<String>,
    /// In place of a metric: an expression of other quantities, for each network.
    pub each: Option<String>,
    /// Of a paper, the sweep it is about.
    pub sweep: Option<String>,
    /// The hidden layer, from 0: its number, `last`, or `all` for a list over layers.
    pub layer: Option<toml::Value>,
    /// The step: a number, `start`, `end`, `all` for a list over steps, or `when METRIC >= NUMBER`, for each network the first
    /// step at which that is so.
    pub at: Option<toml::Value>,
    /// Only networks with these values of settings; one value of each, or a list.
    #[serde(rename = "where")]
    pub settings: BTreeMap<String, toml::Value>,
    /// Of a measure between networks: pairs of one of these networks and one with these values of settings, which differ in their seed.
    pub with: BTreeMap<String, toml::Value>,
    /// Of a measure between networks: a list over the values of this setting of either, those of the first changing slowest.
    pub across: Option<String>,
    /// A list over the values of this setting, in the order of the sweep; of several, over all their combinations, the last one
    /// changing fastest.
    pub by: Option<toml::Value>,
    /// Only networks of which this is so at the end: a condition on metrics of the whole network. An empty text is none.
    pub only: Option<String>,
    /// What becomes of networks: mean (the default), median, min, max, sd, sum, or first, that of the first seed.
    pub reduce: Option<Reduce>,
    /// Decimals in texts; by default as many as count.
    pub digits: Option<usize>,
}

/// What many networks become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduce {
    /// The mean.
    #[default]
    Mean,
    /// The median.
    Median,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The standard deviation of a sample.
    Sd,
    /// The sum.
    Sum,
    /// That of the first seed.
    First,
}

impl Reduce {
    /// Of some values; NaN of none, but for a sum.
    pub fn of(self, values: &[f64]) -> f64 {
        let ends = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f).unwrap_or(f64::NAN);
        match self {
            Self::Mean => mean(values),
            Self::Median => median(values),
            Self::Min => ends(f64::min),
            Self::Max => ends(f64::max),
            Self::Sd => deviation(values),
            Self::Sum => values.iter().sum(),
            Self::First => values.first().copied().unwrap_or(f64::NAN),
        }
    }
}

impl Quantity {
    /// The same with what it leaves out as another has it. Layer, step and setting are of metrics: an expression has those of its
    /// quantities.
    pub(super) fn or(self, default: &Self) -> Self {
        let of = |own: Option<toml::Value>, other: &Option<toml::Value>| {
            own.or_else(|| other.clone().filter(|_| self.each.is_none()))
        };
        Self {
            layer: of(self.layer, &default.layer),
            at: of(self.at, &default.at),
            by: of(self.by, &default.by),
            sweep: self.sweep.or_else(|| default.sweep.clone()),
            only: self.only.or_else(|| default.only.clone()),
            reduce: self.reduce.or(default.reduce),
            digits: self.digits.or(default.digits),
            settings: if self.settings.is_empty() { default.settings.clone() } else { self.settings },
            ..self
        }
    }
}
