//! Statistics of single representations, and of representations with labels.

mod dimension;
mod spectra;
mod task;
mod units;

use faer::MatRef;

use super::given::{Given, Parameter, Takes};
use super::scale::{Scale, exponent, free, multiplied, shifted};
use super::unknown;
use crate::error::{Error, Result};
use crate::measure::describe::OnDevice;

/// How a statistic is computed, of a representation `[examples, units]` and, where it needs them, labels.
pub type Compute = Box<dyn Fn(MatRef<'_, f64>, &[usize]) -> Result<f64> + Send + Sync>;

/// A statistic with its options, ready to be computed.
pub struct Form {
    /// In f64 on the CPU.
    pub compute: Compute,
    /// In f32 on a device, if it has such a form.
    pub device: Option<OnDevice>,
}

impl Form {
    /// Of a representation alone, on the CPU.
    fn of(compute: impl Fn(MatRef<'_, f64>) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self { compute: Box::new(move |x, _| compute(x)), device: None }
    }

    /// Of a representation and its labels, on the CPU.
    fn labelled(compute: impl Fn(MatRef<'_, f64>, &[usize]) -> Result<f64> + Send + Sync + 'static) -> Self {
        Self { compute: Box::new(compute), device: None }
    }

    /// The same on a device as well.
    fn on(self, device: OnDevice) -> Self {
        Self { device: Some(device), ..self }
    }
}

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
    pub make: fn(&Given) -> Form,
}

impl StatisticEntry {
    const fn new(family: &'static str, name: &'static str, title: &'static str, make: fn(&Given) -> Form) -> Self {
        let held = |_: &Given, n: f64, p: f64| 8.0 * n * p + 6.0 * p.min(n).powi(2) + 48.0 * n;
        Self { name, title, family, formula: "", source: "", labels: false, scale: free, parameters: &[], held, make }
    }

    /// One that holds more than copies of the representation and matrices of its units.
    const fn holds(self, held: fn(&Given, f64, f64) -> f64) -> Self {
        Self { held, ..self }
    }

    const fn formula(self, formula: &'static str) -> Self {
        Self { formula, ..self }
    }

    const fn source(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    const fn with(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    const fn scaled(self, scale: fn(&Given) -> Scale) -> Self {
        Self { scale, ..self }
    }

    const fn needs_labels(self) -> Self {
        Self { labels: true, ..self }
    }
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

/// Every statistic.
pub fn statistics() -> impl Iterator<Item = &'static StatisticEntry> {
    [spectra::ENTRIES, dimension::ENTRIES, units::ENTRIES, task::ENTRIES].into_iter().flatten()
}

impl Statistic {
    /// A statistic by its name and options, such as `components:variance=0.99`.
    ///
    /// # Errors
    /// If there is none of the name (the message has the nearest) or an option does not fit.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or("");
        let Some(entry) = statistics().find(|entry| entry.name == name) else {
            return Err(Error::Config(unknown("statistic", name, statistics().map(|entry| entry.name))));
        };
        let options: Vec<&str> = parts.collect();
        let given = Given::parse(name, entry.parameters, &options)?;
        let Form { compute, device } = (entry.make)(&given);
        Ok(Self { entry, given, device, compute, alone: true })
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

const fn count(key: &'static str, default: usize, low: usize, about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Count { default, low }, about }
}

const fn number(key: &'static str, default: f64, [low, high]: [f64; 2], about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Number { default, low, high }, about }
}

const fn word(key: &'static str, words: &'static [&'static str], about: &'static str) -> Parameter {
    Parameter { key, takes: Takes::Word(words), about }
}
