//! Axes as a caller describes them, and rulers: scales with a place in the drawing.

use crate::report::axis::Scale;

/// How values are laid along an axis or along a scale of colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spacing {
    /// Evenly.
    #[default]
    Linear,
    /// By orders of magnitude. Values at or below zero have no place.
    Log,
    /// By orders of magnitude with a place for zero, as for training steps that start at 0.
    LogFromZero,
}

/// An axis, or a scale of colours: what it shows, how, and from where to where.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What it shows, with the unit: `epoch`, `squared distance`, `gain (fraction of critical)`. May be empty.
    pub label: String,
    /// How values are laid along it.
    pub spacing: Spacing,
    /// Its two ends, the lower first, in the unit of the values; `None` fits it to the values. Ends that make no axis
    /// (equal, not finite, or not positive where it is logarithmic) are taken for `None`.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// An even axis, fitted to its values.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), spacing: Spacing::Linear, range: None }
    }

    /// A logarithmic axis, fitted to its values.
    pub fn log(label: impl Into<String>) -> Self {
        Self { spacing: Spacing::Log, ..Self::linear(label) }
    }

    /// A logarithmic axis from zero, fitted to its values.
    pub fn log_from_zero(label: impl Into<String>) -> Self {
        Self { spacing: Spacing::LogFromZero, ..Self::linear(label) }
    }

    /// The same axis between two ends.
    #[must_use]
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The scale of this axis for values, with a margin at both ends (a fraction of the span) where it is fitted.
    pub(super) fn scale(&self, values: impl Iterator<Item = f64>, margin: f64) -> Scale {
        let sound = |&(low, high): &(f64, f64)| {
            low.is_finite() && high.is_finite() && low < high && (self.spacing != Spacing::Log || low > 0.0)
        };
        let range = self.range.filter(sound);
        let shown = |value: &f64| value.is_finite() && (self.spacing == Spacing::Linear || *value > 0.0);
        let (low, high) =
            values.filter(shown).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (empty, alike) = (low > high, low == high);
        match self.spacing {
            Spacing::Linear => match range {
                Some((low, high)) => Scale::Linear(low, high),
                None if empty => Scale::Linear(0.0, 1.0),
                None => {
                    let margin = if alike { 0.5 * high.abs().max(1e-3) } else { (high - low) * margin };
                    // A quantity that cannot be negative gets no axis below zero.
                    Scale::Linear(if low >= 0.0 { (low - margin).max(0.0) } else { low - margin }, high + margin)
                }
            },
            Spacing::Log => match range {
                Some((low, high)) => Scale::Log(low, high),
                None if empty => Scale::Log(0.1, 1.0),
                None => {
                    let factor = if alike { 2.0 } else { (high / low).powf(margin).min(1e3) };
                    Scale::Log((low / factor).max(f64::MIN_POSITIVE), (high * factor).min(f64::MAX))
                }
            },
            Spacing::LogFromZero => {
                let end = range.map_or(if empty { 1.0 } else { high }, |(_, high)| high.max(f64::MIN_POSITIVE));
                Scale::SymLog { unit: if empty { end } else { low.min(end) }, end }
            }
        }
    }
}

/// A scale with a place: from a start to an end, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ruler {
    pub scale: Scale,
    pub start: f64,
    pub end: f64,
}

impl Ruler {
    /// Where a value lies, also beyond the ends; `None` where it has no place at all.
    pub fn at(self, value: f64) -> Option<f64> {
        let share = match self.scale {
            Scale::Linear(low, high) => (value - low) / (high - low),
            Scale::Log(low, high) => (value / low).ln() / (high / low).ln(),
            Scale::SymLog { unit, end } => (value / unit).ln_1p() / (end / unit).ln_1p(),
        };
        // Far beyond the ends is far enough: what is drawn is cut at the ends.
        share.is_finite().then(|| self.start + share.clamp(-50.0, 50.0) * (self.end - self.start))
    }

    /// Where a value lies; the nearer end for what lies beyond.
    pub fn clamped(self, value: f64) -> f64 {
        self.start + self.scale.place(value) * (self.end - self.start)
    }

    /// Whether a value lies between the ends.
    pub fn holds(self, value: f64) -> bool {
        let (low, high) = (self.start.min(self.end) - 0.01, self.start.max(self.end) + 0.01);
        self.at(value).is_some_and(|at| (low..=high).contains(&at))
    }

    /// Where the axis is labelled, and with what: about `most` labels.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        let ticks = ticks(self.scale, most);
        ticks
            .into_iter()
            .filter(|(value, _)| self.holds(*value))
            .map(|(value, text)| (self.clamped(value), text))
            .collect()
    }
}

/// The labelled values of a scale: a logarithmic scale without two powers of ten is labelled as an even one.
pub(super) fn ticks(scale: Scale, most: usize) -> Vec<(f64, String)> {
    let ticks = scale.ticks(most);
    match scale {
        Scale::Log(low, high) if ticks.len() < 2 => {
            let even = Scale::Linear(low, high).ticks(most.min(5));
            if even.len() > ticks.len() { even } else { ticks }
        }
        _ => ticks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_fit_their_values_and_refuse_senseless_ends() {
        let fitted = |axis: &Axis, values: &[f64]| axis.scale(values.iter().copied(), 0.05);
        let even = Axis::linear("x");
        assert_eq!(fitted(&even, &[0.0, f64::NAN, 2.0]), Scale::Linear(0.0, 2.1));
        assert_eq!(fitted(&even, &[]), Scale::Linear(0.0, 1.0));
        assert_eq!(fitted(&even.clone().within(0.2, 0.8), &[5.0]), Scale::Linear(0.2, 0.8));
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
            assert_eq!(fitted(&even.clone().within(low, high), &[0.0, 2.0]), Scale::Linear(0.0, 2.1));
        }
        let log = Axis::log("x").within(-1.0, 10.0);
        let Scale::Log(low, high) = fitted(&log, &[-3.0, 0.0, 1.0, 100.0]) else { panic!() };
        assert!((0.7..1.0).contains(&low) && (100.0..130.0).contains(&high), "{low} {high}");
        assert_eq!(fitted(&Axis::log_from_zero("x"), &[0.0, 5.0, 80.0]), Scale::SymLog { unit: 5.0, end: 80.0 });
    }

    #[test]
    fn rulers_reach_beyond_their_ends_but_never_to_nowhere() {
        let ruler = Ruler { scale: Scale::Linear(0.0, 1.0), start: 100.0, end: 0.0 };
        assert_eq!((ruler.at(0.25), ruler.at(1.5), ruler.clamped(1.5)), (Some(75.0), Some(-50.0), 0.0));
        assert!(ruler.holds(1.0) && !ruler.holds(1.2) && ruler.at(f64::NAN).is_none());
        let log = Ruler { scale: Scale::Log(0.4, 0.9), ..ruler };
        assert!(log.at(0.0).is_none() && log.at(-1.0).is_none());
        assert!(log.ticks(5).len() >= 2, "a narrow logarithmic axis has labels too");
    }
}
