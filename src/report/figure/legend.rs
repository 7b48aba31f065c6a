//! Legends: what a line's colour, shape and dashes mean. Many settings share one ramp, so that no legend outgrows its
//! figure.

use super::palette::{Hue, Look, MUTED, Rgb, Shape};
use super::place::Rect;
use super::svg::{Anchor, Stroke, Svg};
use super::text::LABELS;
use super::{DASH, RADIUS};

const ROW: f64 = 21.0;
const SWATCH: f64 = 34.0;
const POINT: f64 = 12.0;
const APART: f64 = 24.0;
const RAMP: f64 = 150.0;

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// A line's look.
    Line {
        /// What it stands for.
        label: String,
        /// Its colour.
        colour: Rgb,
        /// The shape of its points.
        shape: Option<Shape>,
        /// Whether it is dashed.
        dashed: bool,
    },
    /// The look of points without a line.
    Point {
        /// What they stand for.
        label: String,
        /// How they look.
        look: Look,
    },
    /// A band's look.
    Band {
        /// What it stands for.
        label: String,
    },
    /// The ramp of many settings, with the first and the last of them.
    Ramp {
        /// The label of the first.
        first: String,
        /// The label of the last.
        last: String,
    },
}

impl Entry {
    /// A line without points, in the colour of what holds for all.
    pub fn plain(label: impl Into<String>, dashed: bool) -> Self {
        Self::Line { label: label.into(), colour: MUTED, shape: None, dashed }
    }

    fn width(&self) -> f64 {
        match self {
            Self::Line { label, .. } | Self::Band { label } => SWATCH + 8.0 + LABELS.width(label),
            Self::Point { label, .. } => POINT + 6.0 + LABELS.width(label),
            Self::Ramp { first, last } => LABELS.width(first) + RAMP + 16.0 + LABELS.width(last),
        }
    }
}

/// Where entries go within a width, and the height that they take.
fn arranged(entries: &[Entry], width: f64) -> (Vec<(f64, f64)>, f64) {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        if x > 0.0 && x + entry.width() > width {
            (x, y) = (0.0, y + ROW);
        }
        places.push((x, y));
        x += entry.width() + APART;
    }
    (places, if entries.is_empty() { 0.0 } else { y + ROW })
}

/// The height of a legend.
pub fn height(entries: &[Entry], width: f64) -> f64 {
    arranged(entries, width).1
}

/// Draws a legend from an upper left corner.
pub fn draw(svg: &mut Svg, entries: &[Entry], (left, top): (f64, f64), width: f64) {
    for (entry, (x, y)) in entries.iter().zip(arranged(entries, width).0) {
        let (x, y) = (left + x, top + y + ROW / 2.0);
        let label = |svg: &mut Svg, label: &str, x: f64| svg.text(label, (x, y), LABELS, Anchor::Start);
        match entry {
            Entry::Line { label: text, colour, shape, dashed } => {
                let stroke = Stroke { dash: dashed.then_some(DASH), ..Stroke::new(*colour, 2.0) };
                svg.line(&[(x, y), (x + SWATCH, y)], stroke);
                if let Some(shape) = shape {
                    svg.point(*shape, (x + SWATCH / 2.0, y), RADIUS, *colour, false);
                }
                label(svg, text, x + SWATCH + 8.0);
            }
            Entry::Point { label: text, look } => {
                svg.point(look.shape, (x + POINT / 2.0, y), RADIUS + 0.6, look.colour, look.hollow);
                label(svg, text, x + POINT + 6.0);
            }
            Entry::Band { label: text } => {
                let (right, above, below) = (x + SWATCH, y - 6.0, y + 6.0);
                svg.polygon(&[(x, above), (right, above), (right, below), (x, below)], MUTED, 0.25);
                label(svg, text, right + 8.0);
            }
            Entry::Ramp { first, last } => {
                let start = x + LABELS.width(first) + 8.0;
                label(svg, first, x);
                let parts = 50;
                for part in 0..parts {
                    let done = f64::from(part) * RAMP / f64::from(parts);
                    let rest = Rect::sized(start + done, y - 6.0, RAMP - done, 12.0);
                    svg.fill(rest, Hue::Ramp.at(f64::from(part) / f64::from(parts - 1)));
                }
                label(svg, last, start + RAMP + 8.0);
            }
        }
    }
}
