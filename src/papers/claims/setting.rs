//! Numbers of a paper that `--set` changes.

use super::sweep::at_scale;
use crate::papers::Scale;

/// A number that a paper's experiments read and `--set` changes.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// What it is, in a few words.
    pub what: String,
    /// The least and the greatest that it can be.
    pub range: [f64; 2],
    section: &'static str,
    value: toml::Value,
}

impl Setting {
    /// Of a section of a file, each a number, or a table of one for each scale, with `range` and `what`.
    ///
    /// # Errors
    /// A sentence that begins with the key.
    pub(super) fn of_section(section: &'static str, all: &toml::Table) -> Result<Vec<Self>, String> {
        let called = |name: &str, why: String| format!("{section}.{name}{why}");
        all.iter().map(|(name, value)| Self::of(section, name, value).map_err(|why| called(name, why))).collect()
    }

    fn of(section: &'static str, name: &str, value: &toml::Value) -> Result<Self, String> {
        let mut value = value.clone();
        let mut taken = |key: &str| value.as_table_mut().and_then(|table| table.remove(key));
        let wrong = |range: &toml::Value| format!(".range: expected two numbers, the lower first, got {range}");
        let range = taken("range").map_or(Ok([f64::NEG_INFINITY, f64::INFINITY]), |range| {
            let ends = range.as_array().map(|ends| ends.iter().filter_map(number).collect::<Vec<_>>());
            ends.and_then(|ends| <[f64; 2]>::try_from(ends).ok()).filter(|[a, b]| a <= b).ok_or_else(|| wrong(&range))
        })?;
        let what = match taken("what") {
            None => String::new(),
            Some(what) => {
                what.as_str().map(str::to_owned).ok_or_else(|| format!(".what: expected a text, got {what}"))?
            }
        };
        Ok(Self { name: name.to_owned(), what, range, section, value })
    }

    /// What it is at a scale.
    ///
    /// # Errors
    /// A sentence, if it has no value for the scale or what it has is no number.
    pub fn at(&self, scale: Option<Scale>) -> Result<f64, String> {
        let of = at_scale(&self.value, scale);
        let of = of.ok_or_else(|| format!("{}: has no value for this scale, and no `else`", self.called()))?;
        number(of).ok_or_else(|| format!("{}: expected a number, got {of}", self.called()))
    }

    fn called(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Refuses a number beyond its range.
    ///
    /// # Errors
    /// A sentence with the range.
    pub(super) fn check(&self, value: f64) -> Result<(), String> {
        let [low, high] = self.range;
        match (low..=high).contains(&value) {
            true => Ok(()),
            false => Err(format!("--set {}={value}: expected a number from {low} to {high}", self.name)),
        }
    }
}

fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or(value.as_integer().map(|n| n as f64))
}
