//! Values as colours. One scale runs from pale to dark; the other, for values on both sides of zero, from gold by way of
//! grey to dark blue, darker all along as well: both keep their order on grey paper.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Comparison, Kind};
use crate::report::axis::Scale as Ticks;
use crate::report::canvas::{Font, Pen, shortened, text_width};
use crate::report::heat::PLAIN;
use crate::report::numbers::measured;
use crate::report::palette::{self, MUTED};

/// Values less negative than this share of the largest are taken for noise around zero, such as the debiased CKA of
/// unrelated representations has.
const NOISE: f64 = 0.05;
/// The width of the bar without its numbers, in pixels.
const BAR: f64 = 16.0;
/// The height of the points at the ends of the bar beyond which there are values, in pixels.
const POINTED: f64 = 8.0;

/// From values to colours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub diverging: bool,
    /// Whether there are values below and above the ends.
    beyond: (bool, bool),
}

impl Scale {
    /// The scale of a comparison: its range where it has one, else one that holds its values.
    pub fn of(comparison: &Comparison<'_>) -> Self {
        let count = comparison.names.len();
        let all = || comparison.values.iter().copied().filter(|value| !value.is_nan());
        // What is compared with itself says nothing about a scale of distances.
        let apart = comparison.values.iter().enumerate().filter(|(i, _)| count < 2 || i / count != i % count);
        let finite = apart.map(|(_, &value)| value).filter(|value| value.is_finite());
        let (least, most) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(v), m.max(v)));
        let given = comparison.range.filter(|(low, high)| low < high && (high - low).is_finite());
        let (low, high) = given.unwrap_or_else(|| {
            let low = if least < -NOISE * most.abs() { least } else { 0.0 };
            let high = match comparison.kind {
                Kind::Similarity if most <= 1.0 && least >= -1.0 => 1.0,
                _ => most.max(0.0),
            };
            // Half as far as floats reach, so that the difference is finite.
            let bound = f64::MAX / 2.0;
            let (low, high) = (low.clamp(-bound, bound), high.clamp(-bound, bound));
            if low < high { (low, high) } else { (0.0, 1.0) }
        });
        let slack = (high - low) * 1e-9;
        let beyond = (all().any(|value| value < low - slack), all().any(|value| value > high + slack));
        Self { low, high, diverging: low < 0.0 && high > 0.0, beyond }
    }

    /// How far along the colours a value lies, from 0 to 1; nothing for NaN.
    pub fn share(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let value = value.clamp(self.low, self.high);
        Some(if self.diverging {
            // As many shades for a step below zero as for one above.
            0.5 + 0.5 * value / self.high.max(-self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        })
    }

    pub fn colour(&self, share: f64) -> RGBColor {
        if self.diverging { palette::diverging(share) } else { palette::heat(share) }
    }

    /// A value as cells show it, all to the same digits.
    pub fn text(&self, value: f64) -> String {
        let size = self.high.abs().max(self.low.abs());
        if value.is_nan() {
            return String::new();
        }
        if value.is_infinite() {
            return if value > 0.0 { "∞".to_owned() } else { "−∞".to_owned() };
        }
        if !(1e-3..1e5).contains(&size) {
            return measured(value).replace('-', "−");
        }
        let decimals = (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
        let text = format!("{value:.decimals$}");
        let zero = text.trim_start_matches('-').chars().all(|digit| digit == '0' || digit == '.');
        if zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
    }

    /// Values at which the scale is labelled, and their labels.
    pub fn ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
        let ticks = Ticks::Linear(low, high).ticks(most);
        // Beyond what a few digits show, all labels would be the same.
        let small = (high - low).abs() < 1e-4 || high.abs().max(low.abs()) >= 1e7;
        let text = |value: f64, text: String| if small && value != 0.0 { format!("{value:.1e}") } else { text };
        ticks.into_iter().map(|(value, label)| (value, text(value, label).replace('-', "−"))).collect()
    }

    /// The room that a bar of this height takes with its numbers and its name, in pixels.
    pub fn room(&self, height: f64) -> f64 {
        let numbers = self.labels(height).into_iter().map(|(_, text)| text_width(&text, PLAIN.size));
        BAR + 8.0 + numbers.fold(0.0, f64::max) + 24.0
    }

    fn labels(&self, height: f64) -> Vec<(f64, String)> {
        Self::ticks(self.low, self.high, ((height / 28.0) as usize).clamp(2, 8))
    }

    /// Draws the bar from its upper left corner.
    pub fn bar(&self, pen: &mut Pen<'_>, (x, y): (f64, f64), height: f64, name: &str) {
        let parts = 128;
        let colour = |value: f64| self.colour(self.share(value).unwrap_or(0.0));
        for i in 0..parts {
            let t = 1.0 - (f64::from(i) + 0.5) / f64::from(parts);
            let done = f64::from(i) * height / f64::from(parts);
            // Each part reaches to the end, and the next lies on it: side by side, hairlines would show between them.
            pen.fill(x, y + done, BAR, height - done, colour(self.low + (self.high - self.low) * t));
        }
        let (bottom, right, middle) = (y + height, x + BAR, x + BAR / 2.0);
        let mut outline = vec![(x, bottom), (x, y)];
        if self.beyond.1 {
            pen.polygon(&[(x, y), (middle, y - POINTED), (right, y)], colour(self.high), 1.0);
            outline.push((middle, y - POINTED));
        }
        outline.extend([(right, y), (right, bottom)]);
        if self.beyond.0 {
            pen.polygon(&[(x, bottom), (middle, bottom + POINTED), (right, bottom)], colour(self.low), 1.0);
            outline.push((middle, bottom + POINTED));
        }
        outline.push((x, bottom));
        pen.line(&outline, MUTED, 0.8, None);
        let mut widest: f64 = 0.0;
        for (value, text) in self.labels(height) {
            let at = bottom - height * (value - self.low) / (self.high - self.low);
            pen.line(&[(right, at), (right + 4.0, at)], MUTED, 1.0, None);
            pen.text(&text, (right + 8.0, at), PLAIN, HPos::Left, VPos::Center);
            widest = widest.max(text_width(&text, PLAIN.size));
        }
        let name = shortened(name, (height / (PLAIN.size * 0.58)) as usize);
        let font = Font { upwards: true, ..PLAIN };
        pen.text(&name, (right + 8.0 + widest + 12.0, y + height / 2.0), font, HPos::Center, VPos::Center);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(kind: Kind, values: &[f64], range: Option<(f64, f64)>) -> Scale {
        let names = vec![String::new(); values.len().isqrt()];
        Scale::of(&Comparison { names: &names, values, kind, range, ..Comparison::default() })
    }

    #[test]
    fn scales_hold_their_values() {
        let ends = |scale: Scale| (scale.low, scale.high, scale.diverging);
        assert_eq!(ends(scale(Kind::Similarity, &[1.0, 0.3, 0.3, 1.0], None)), (0.0, 1.0, false));
        assert_eq!(ends(scale(Kind::Similarity, &[1.0, -0.3, 0.3, 1.0], None)), (-0.3, 1.0, true));
        assert_eq!(ends(scale(Kind::Similarity, &[1.0, -0.001, 0.3, 1.0], None)), (0.0, 1.0, false));
        assert_eq!(ends(scale(Kind::Similarity, &[9.0, 4.0, 3.0, 9.0], None)), (0.0, 4.0, false));
        assert_eq!(ends(scale(Kind::Distance, &[0.0, 0.2, 0.4, 0.0], None)), (0.0, 0.4, false));
        assert_eq!(ends(scale(Kind::Distance, &[0.0, 0.2, 0.4, 0.0], Some((0.0, 2.0)))), (0.0, 2.0, false));
        assert_eq!(ends(scale(Kind::Similarity, &[1.0, 0.1, 0.1, 1.0], Some((-1.0, 1.0)))), (-1.0, 1.0, true));
        for odd in [0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let scale = scale(Kind::Distance, &[odd; 4], Some((1.0, 1.0)));
            assert_eq!(ends(scale), (0.0, 1.0, false));
            assert_eq!(scale.share(odd).is_none(), odd.is_nan());
        }
        let wide = scale(Kind::Distance, &[0.0, f64::MAX, -f64::MAX, 0.0], None);
        assert!(wide.share(f64::MAX) == Some(1.0) && wide.share(0.0) == Some(0.5), "{wide:?}");
    }

    #[test]
    fn every_colour_is_darker_than_the_one_before() {
        let light = |RGBColor(r, g, b): RGBColor| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b);
        for range in [(0.0, 1.0), (-1.0, 1.0), (-0.3, 1.0), (-1.0, 0.2)] {
            let scale = scale(Kind::Similarity, &[1.0; 4], Some(range));
            let values = (0..=50).map(|i| range.0 + (range.1 - range.0) * f64::from(i) / 50.0);
            let lights: Vec<f64> = values.map(|value| light(scale.colour(scale.share(value).unwrap()))).collect();
            assert!(lights.windows(2).all(|pair| pair[0] > pair[1]), "{range:?}: {lights:?}");
        }
    }

    #[test]
    fn cells_show_digits_that_matter() {
        let texts = |range, values: &[f64]| {
            let scale = scale(Kind::Distance, &[0.0; 4], Some(range));
            values.iter().map(|&value| scale.text(value)).collect::<Vec<_>>()
        };
        let odd = [0.934, -0.001, -0.017, f64::NAN, f64::INFINITY];
        assert_eq!(texts((0.0, 1.0), &odd), ["0.93", "0.00", "−0.02", "", "∞"]);
        assert_eq!(texts((0.0, 0.05), &[0.0123]), ["0.0123"]);
        assert_eq!(texts((0.0, 250.0), &[123.4]), ["123"]);
        assert_eq!(texts((0.0, 1e9), &[1.5e8]), ["1.50e8"]);
    }
}
