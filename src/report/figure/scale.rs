//! Axes as a section describes them, the scales that they become, and rulers: scales with a place in the drawing.

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
    /// Whether a linear axis runs from its higher end to its lower one.
    pub reversed: bool,
    /// The names of its categories, where it has any: category `i` reaches from `i` to `i + 1`, and vertical axes start
    /// at the top. Equal names of neighbours become one, with ticks where groups end.
    pub names: Vec<String>,
    /// Whether names beneath may stand upright; else those that have no room are left out.
    pub upright: bool,
}

impl Axis {
    /// An even axis, fitted to its values.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// A logarithmic axis, fitted to its values.
    pub fn log(label: impl Into<String>) -> Self {
        Self { spacing: Spacing::Log, ..Self::linear(label) }
    }

    /// A logarithmic axis from zero, fitted to its values.
    pub fn log_from_zero(label: impl Into<String>) -> Self {
        Self { spacing: Spacing::LogFromZero, ..Self::linear(label) }
    }

    /// An axis that these values fill: logarithmic where they span more than a factor of thirty.
    pub fn filled(label: impl Into<String>, values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = ends(values);
        Self {
            spacing: if low > 0.0 && high / low > 30.0 { Spacing::Log } else { Spacing::Linear },
            ..Self::linear(label)
        }
    }

    /// An axis of categories, whose names may be empty.
    pub fn named(label: impl Into<String>, names: Vec<String>) -> Self {
        Self { upright: true, names, ..Self::linear(label) }
    }

    /// The same axis between two ends.
    #[must_use]
    pub fn within(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The scale of this axis for values, with a margin at both ends (a fraction of the span) where it is fitted.
    pub fn scale(&self, values: impl Iterator<Item = f64>, margin: f64) -> Scale {
        let sound = |&(low, high): &(f64, f64)| {
            low.is_finite() && high.is_finite() && low < high && (self.spacing != Spacing::Log || low > 0.0)
        };
        let range = self.range.filter(sound);
        let (low, high) = ends(values.filter(|value| self.spacing == Spacing::Linear || *value > 0.0));
        let (empty, alike) = (low > high, low == high);
        match (self.spacing, range) {
            (Spacing::Linear, Some((low, high))) if self.reversed => Scale::Linear(high, low),
            (Spacing::Linear, Some((low, high))) => Scale::Linear(low, high),
            (Spacing::Linear, None) if empty => Scale::Linear(0.0, 1.0),
            (Spacing::Linear, None) => {
                let margin = if alike { 0.5 * high.abs().max(1e-3) } else { (high - low) * margin };
                // A quantity that cannot be negative gets no axis below zero.
                Scale::Linear(if low >= 0.0 { (low - margin).max(0.0) } else { low - margin }, high + margin)
            }
            (Spacing::Log, Some((low, high))) => Scale::Log(low, high),
            (Spacing::Log, None) if empty => Scale::Log(0.1, 1.0),
            (Spacing::Log, None) => {
                let factor = if alike { 2.0 } else { (high / low).powf(margin).min(1e3) };
                Scale::Log((low / factor).max(f64::MIN_POSITIVE), (high * factor).min(f64::MAX))
            }
            (Spacing::LogFromZero, _) => {
                let end = range.map_or(if empty { 1.0 } else { high }, |(_, high)| high.max(f64::MIN_POSITIVE));
                Scale::SymLog { unit: if empty { end } else { low.min(end) }, end }
            }
        }
    }
}

/// The least and the greatest finite value; the first is above the second where there is none.
pub fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values = values.filter(|value| value.is_finite());
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
}

/// How a quantity is laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Evenly, between two values; the first may be the higher one.
    Linear(f64, f64),
    /// By orders of magnitude, between two positive values.
    Log(f64, f64),
    /// From zero to `end`: evenly up to about `unit`, by orders of magnitude beyond, so that step 0 can be shown.
    SymLog {
        /// Where the even part ends.
        unit: f64,
        /// The end of the axis.
        end: f64,
    },
}

impl Default for Scale {
    fn default() -> Self {
        Self::Linear(0.0, 1.0)
    }
}

impl Scale {
    /// The values at its two ends.
    pub fn ends(self) -> (f64, f64) {
        match self {
            Self::Linear(low, high) | Self::Log(low, high) => (low, high),
            Self::SymLog { end, .. } => (0.0, end),
        }
    }

    /// Where a value lies, from 0 to 1 between the ends and on beyond them; not finite where it has no place.
    fn share(self, value: f64) -> f64 {
        match self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value / low).ln() / (high / low).ln(),
            Self::SymLog { unit, end } => (value / unit).ln_1p() / (end / unit).ln_1p(),
        }
    }

    /// Where a value lies, from 0 to 1; values beyond the ends lie at the ends.
    pub fn place(self, value: f64) -> f64 {
        let place = self.share(value);
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Values at which the axis is labelled, and their labels: about `most` of them.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        let texts = |values: Vec<f64>| -> Vec<(f64, String)> {
            let every = values.len().div_ceil(most.max(1)).max(1);
            values.into_iter().step_by(every).map(|value| (value, brief(value))).collect()
        };
        match self {
            Self::Linear(low, high) => linear(low.min(high), low.max(high), most),
            Self::Log(low, high) => {
                let fine = decades(low, high, &[1.0, 2.0, 5.0]);
                let ticks = texts(if fine.len() <= most { fine } else { decades(low, high, &[1.0]) });
                // Without two powers of ten it is labelled as an even one.
                let even = if ticks.len() < 2 { linear(low, high, most.min(5)) } else { Vec::new() };
                if even.len() > ticks.len() { even } else { ticks }
            }
            Self::SymLog { unit, end } => {
                let fine = decades(unit, end, &[1.0, 2.0, 5.0]);
                let coarse = decades(unit, end, &[1.0]);
                // Powers of ten where there are enough of them to read the scale by.
                let ticks = if coarse.len() >= 3 || fine.len() > most { coarse } else { fine };
                std::iter::once((0.0, "0".to_owned())).chain(texts(ticks)).collect()
            }
        }
    }
}

/// `1`, `2` and `5` times powers of ten (whichever of them are `wanted`), from `low` to `high`.
fn decades(low: f64, high: f64, wanted: &[f64]) -> Vec<f64> {
    let first = low.log10().floor().max(-300.0) as i32;
    let last = high.log10().ceil().min(300.0) as i32;
    let all = (first..=last).flat_map(|power| wanted.iter().map(move |&times| times * 10_f64.powi(power)));
    all.filter(|&value| value >= low * 0.999 && value <= high * 1.001).collect()
}

fn linear(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        return Vec::new();
    }
    let rough = span / most.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let first = (low / step - 1e-9).ceil();
    let count = ((high / step + 1e-9).floor() - first).clamp(0.0, 100.0) as usize;
    // Beyond what a few digits show, all labels would be the same.
    let odd = span < 1e-4 || high.abs().max(low.abs()) >= 1e7;
    let text = |value: f64| match value.abs() {
        0.0 if odd => "0".to_owned(),
        _ if odd => format!("{value:.1e}"),
        size if size >= 1e4 => brief(value),
        _ => format!("{value:.decimals$}"),
    };
    // Adding zero turns -0 into 0.
    let values = (0..=count).map(|i| (first + i as f64) * step + 0.0);
    values.map(|value| (value, text(value).replacen('-', if value < 0.0 { "−" } else { "-" }, 1))).collect()
}

/// A round number in few characters: `0.02`, `5`, `2000`, `10k`, `3M`.
fn brief(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1e-3 => format!("{value:.0e}"),
        size if size < 1e4 => format!("{}", (value * 1e6).round() / 1e6),
        size if size < 1e6 => format!("{}k", (value / 1e2).round() / 1e1),
        size if size < 1e9 => format!("{}M", (value / 1e4).round() / 1e2),
        _ => format!("{value:.0e}"),
    }
}

/// A scale with a place: from a start to an end, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ruler {
    pub scale: Scale,
    pub start: f64,
    pub end: f64,
}

impl Ruler {
    /// Where a value lies, also beyond the ends; `None` where it has no place at all.
    pub fn at(self, value: f64) -> Option<f64> {
        let share = self.scale.share(value);
        // Far beyond the ends is far enough: what is drawn is cut at the ends.
        share.is_finite().then(|| self.start + share.clamp(-50.0, 50.0) * (self.end - self.start))
    }

    /// Where a value lies; the nearer end for what lies beyond.
    pub fn clamped(self, value: f64) -> f64 {
        self.start + self.scale.place(value) * (self.end - self.start)
    }

    /// Where a value lies that lies between the ends.
    pub fn held(self, value: f64) -> Option<f64> {
        let (low, high) = (self.start.min(self.end) - 0.01, self.start.max(self.end) + 0.01);
        self.at(value).filter(|at| (low..=high).contains(at))
    }

    /// Where the axis is labelled, and with what: about `most` labels.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        let ticks = self.scale.ticks(most).into_iter();
        ticks.filter_map(|(value, text)| Some((self.held(value)?, text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks(6).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(Scale::Linear(0.0, 1.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Scale::Linear(0.31, -0.07)), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(Scale::Linear(-1.0, 1.0)), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(Scale::Linear(0.0, 3e-8)), ["0", "5.0e-9", "1.0e-8", "1.5e-8", "2.0e-8", "2.5e-8", "3.0e-8"]);
        assert_eq!(labels(Scale::Linear(9_800.0, 11_600.0)), ["10k", "10.5k", "11k", "11.5k"]);
        assert_eq!(labels(Scale::Log(0.004, 3.0)), ["0.01", "0.1", "1"]);
        assert_eq!(labels(Scale::SymLog { unit: 1.0, end: 20_000.0 }), ["0", "1", "10", "100", "1000", "10k"]);
        assert_eq!(labels(Scale::SymLog { unit: 1.0, end: 1.0 }), ["0", "1"]);
        assert_eq!(labels(Scale::SymLog { unit: 50.0, end: 600.0 }), ["0", "50", "100", "200", "500"]);
        assert!(labels(Scale::Log(0.4, 0.9)).len() >= 2, "a narrow logarithmic axis has labels too");
    }

    #[test]
    fn odd_ranges_neither_hang_nor_panic() {
        let values = [0.0, -1.0, 1.0, 1e-300, 1e300, f64::INFINITY, f64::NAN];
        for (a, b) in values.into_iter().flat_map(|a| values.map(|b| (a, b))) {
            for axis in [Axis::filled("", [a, b].into_iter()), Axis::log(""), Axis::log_from_zero("")] {
                let scale = axis.scale([a, b].into_iter(), 0.05);
                assert!(scale.ticks(6).len() < 20, "{scale:?}");
                assert!((0.0..=1.0).contains(&scale.place(a)), "{scale:?}");
            }
        }
    }

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
        assert_eq!(Axis::filled("", [0.01, 1.0].into_iter()).spacing, Spacing::Log);
        assert_eq!(Axis::filled("", [0.1, 1.0].into_iter()).spacing, Spacing::Linear);
    }

    #[test]
    fn rulers_reach_beyond_their_ends_but_never_to_nowhere() {
        let ruler = Ruler { scale: Scale::Linear(0.0, 1.0), start: 100.0, end: 0.0 };
        assert_eq!((ruler.at(0.25), ruler.at(1.5), ruler.clamped(1.5)), (Some(75.0), Some(-50.0), 0.0));
        assert!(ruler.held(1.0).is_some() && ruler.held(1.2).is_none() && ruler.at(f64::NAN).is_none());
        let log = Ruler { scale: Scale::Log(0.4, 0.9), ..ruler };
        assert!(log.at(0.0).is_none() && log.at(-1.0).is_none());
    }
}
