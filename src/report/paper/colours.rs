//! Scales of colours and the bars that explain them.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, Ruler};
use super::place::Point;
use super::text::{NUMBERS, fitting};
use crate::report::axis::Scale;
use crate::report::canvas::{Font, Pen, shortened, text_width};
use crate::report::palette::{self, MUTED};

/// The width of a bar without its numbers, in pixels.
const BAR: f64 = 14.0;
/// The height of the points at the ends of a bar beyond which there are values, in pixels.
const POINTED: f64 = 8.0;

/// A scale of colours for values: pale is low, dark is high, so that the order survives in grey.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Colours<'a> {
    pub label: &'a str,
    pub scale: Scale,
    /// Whether there are values below and above its ends.
    beyond: (bool, bool),
}

impl<'a> Colours<'a> {
    /// The colours of values on an axis.
    pub fn of(axis: &'a Axis, values: impl Iterator<Item = f64> + Clone) -> Self {
        let scale = axis.scale(values.clone(), 0.0);
        let (low, high) = match scale {
            Scale::Linear(low, high) | Scale::Log(low, high) => (low, high),
            Scale::SymLog { end, .. } => (0.0, end),
        };
        let slack = (high - low).abs() * 1e-9;
        let mut values = values.filter(|value| !value.is_nan());
        let beyond = values.clone().any(|value| value < low - slack);
        Self { label: &axis.label, scale, beyond: (beyond, values.any(|value| value > high + slack)) }
    }

    /// How far along the scale a value lies, from 0 to 1; `None` where there is no value.
    pub fn share(&self, value: f64) -> Option<f64> {
        match value {
            value if value.is_nan() => None,
            f64::INFINITY => Some(1.0),
            value => Some(self.scale.place(value)),
        }
    }

    /// The room that an upright bar takes with its numbers and its name, in pixels.
    pub fn room(&self) -> f64 {
        let numbers = super::axis::ticks(self.scale, 6).into_iter().map(|(_, text)| text_width(&text, NUMBERS.size));
        BAR + 12.0 + numbers.fold(0.0, f64::max) + if self.label.is_empty() { 0.0 } else { 20.0 }
    }

    /// Draws an upright bar from its upper left corner.
    pub fn bar(&self, pen: &mut Pen<'_>, (x, y): Point, height: f64) {
        let parts = 96;
        for i in 0..parts {
            let (t, done) = (1.0 - (f64::from(i) + 0.5) / f64::from(parts), f64::from(i) * height / f64::from(parts));
            // Each part reaches to the end, and the next lies on it: side by side, hairlines would show between them.
            pen.fill(x, y + done, BAR, height - done, palette::heat(t));
        }
        let (bottom, right) = (y + height, x + BAR);
        let mut outline = vec![(x, bottom), (x, y)];
        if self.beyond.1 {
            let point = (x + BAR / 2.0, y - POINTED);
            pen.polygon(&[(x, y), point, (right, y)], palette::heat(1.0), 1.0);
            outline.push(point);
        }
        outline.extend([(right, y), (right, bottom)]);
        if self.beyond.0 {
            let point = (x + BAR / 2.0, bottom + POINTED);
            pen.polygon(&[(x, bottom), point, (right, bottom)], palette::heat(0.0), 1.0);
            outline.push(point);
        }
        outline.push((x, bottom));
        pen.line(&outline, MUTED, 0.8, None);
        let ruler = Ruler { scale: self.scale, start: bottom, end: y };
        let mut widest: f64 = 0.0;
        for (at, text) in ruler.ticks(((height / 26.0) as usize).clamp(3, 8)) {
            pen.line(&[(right, at), (right + 4.0, at)], MUTED, 1.0, None);
            pen.text(&text, (right + 8.0, at), NUMBERS, HPos::Left, VPos::Center);
            widest = widest.max(text_width(&text, NUMBERS.size));
        }
        let label = shortened(self.label, fitting(height + 40.0, NUMBERS));
        let font = Font { upwards: true, ..NUMBERS };
        pen.text(&label, (right + 8.0 + widest + 12.0, y + height / 2.0), font, HPos::Center, VPos::Center);
    }
}

/// Draws a lying bar of the ramp for points, with its two ends and its name, from its upper left corner.
pub(super) fn ramp(pen: &mut Pen<'_>, scale: Scale, (x, y): Point, width: f64) {
    let parts = 60;
    for i in 0..parts {
        let (t, done) = ((f64::from(i) + 0.5) / f64::from(parts), f64::from(i) * width / f64::from(parts));
        pen.fill(x + done, y, width - done, 9.0, ramp_colour(t));
    }
    let ruler = Ruler { scale, start: x, end: x + width };
    let mut free = f64::NEG_INFINITY;
    for (at, text) in ruler.ticks(((width / 44.0) as usize).clamp(2, 6)) {
        let half = text_width(&text, 11.0) / 2.0;
        if at - half > free {
            pen.line(&[(at, y + 9.0), (at, y + 12.0)], MUTED, 1.0, None);
            pen.text(&text, (at, y + 14.0), Font { size: 11.0, ..NUMBERS }, HPos::Center, VPos::Top);
            free = at + half + 5.0;
        }
    }
}

/// The colour of points at a share of their scale: dark enough for white paper everywhere.
pub(super) fn ramp_colour(share: f64) -> RGBColor {
    palette::ramp(share)
}
