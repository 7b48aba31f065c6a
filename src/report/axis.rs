//! Scales of axes and the numbers along them.

/// How a quantity is laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Evenly, between two values.
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

impl Scale {
    /// The scale of optimiser steps for these steps.
    pub fn steps(steps: impl Iterator<Item = u64> + Clone) -> Self {
        let unit = steps.clone().filter(|&step| step > 0).min().unwrap_or(1) as f64;
        Self::SymLog { unit, end: steps.max().unwrap_or(0).max(1) as f64 }
    }

    /// A scale on which these values fill the axis: logarithmic where they span more than a factor of thirty.
    pub fn fitting(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Self::Linear(0.0, 1.0);
        }
        if low > 0.0 && high / low > 30.0 {
            return Self::Log(low / 1.15, high * 1.15);
        }
        let margin = if high > low { (high - low) * 0.05 } else { 0.5 * high.abs().max(1e-3) };
        // A quantity that cannot be negative gets no axis below zero.
        Self::Linear(if low >= 0.0 { (low - margin).max(0.0) } else { low - margin }, high + margin)
    }

    /// Where a value lies, from 0 to 1; values beyond the ends lie at the ends.
    pub fn place(self, value: f64) -> f64 {
        let place = match self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value / low).ln() / (high / low).ln(),
            Self::SymLog { unit, end } => (value / unit).ln_1p() / (end / unit).ln_1p(),
        };
        if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) }
    }

    /// Values at which the axis is labelled, and their labels: about `most` of them.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        match self {
            Self::Linear(low, high) => linear(low, high, most),
            Self::Log(low, high) => {
                let fine = decades(low, high, &[1.0, 2.0, 5.0]);
                let ticks = if fine.len() <= most { fine } else { decades(low, high, &[1.0]) };
                thinned(ticks, most).into_iter().map(|value| (value, brief(value))).collect()
            }
            Self::SymLog { unit, end } => {
                let fine = decades(unit, end, &[1.0, 2.0, 5.0]);
                let coarse = decades(unit, end, &[1.0]);
                // Powers of ten where there are enough of them to read the scale by.
                let ticks = if coarse.len() >= 3 || fine.len() > most { coarse } else { fine };
                let zero = std::iter::once((0.0, "0".to_owned()));
                zero.chain(thinned(ticks, most).into_iter().map(|value| (value, brief(value)))).collect()
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

fn thinned(ticks: Vec<f64>, most: usize) -> Vec<f64> {
    let every = ticks.len().div_ceil(most.max(1)).max(1);
    ticks.into_iter().step_by(every).collect()
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
    // Adding zero turns -0 into 0.
    (0..=count)
        .map(|i| (first + i as f64) * step + 0.0)
        .map(|value| (value, if value.abs() >= 1e4 { brief(value) } else { format!("{value:.decimals$}") }))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks(6).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(labels(Scale::Linear(0.0, 1.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(Scale::Linear(-0.07, 0.31)), ["0.0", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(Scale::Linear(9_800.0, 11_600.0)), ["10k", "10.5k", "11k", "11.5k"]);
        assert_eq!(labels(Scale::Log(0.004, 3.0)), ["0.01", "0.1", "1"]);
        assert_eq!(labels(Scale::SymLog { unit: 1.0, end: 20_000.0 }), ["0", "1", "10", "100", "1000", "10k"]);
        assert_eq!(labels(Scale::SymLog { unit: 1.0, end: 1.0 }), ["0", "1"]);
        assert_eq!(labels(Scale::SymLog { unit: 50.0, end: 600.0 }), ["0", "50", "100", "200", "500"]);
    }

    #[test]
    fn odd_ranges_neither_hang_nor_panic() {
        let values = [0.0, -1.0, 1.0, 1e-300, 1e300, f64::INFINITY, f64::NAN];
        for a in values {
            for b in values {
                let scale = Scale::fitting([a, b].into_iter());
                assert!(scale.ticks(6).len() < 20, "{scale:?}");
                assert!((0.0..=1.0).contains(&scale.place(a)), "{scale:?}");
            }
        }
        let none = Scale::steps(std::iter::empty());
        assert_eq!((none.place(0.0), none.place(1.0)), (0.0, 1.0));
    }
}
