//! Legends: what a line's colour, shape and dashes mean. Many settings share one ramp, so that no legend outgrows its
//! figure.

use std::collections::HashSet;

use super::palette::{self, Hue, Look, MUTED, Rgb, Shape};
use super::place::Rect;
use super::svg::{Anchor, Stroke, Svg};
use super::text::{LABELS, shortened};
use super::{DASH, Dots, Facet, Line, Mark, RADIUS};

const ROW: f64 = 21.0;
const SWATCH: f64 = 34.0;
const POINT: f64 = 12.0;
const APART: f64 = 24.0;
const RAMP: f64 = 150.0;
/// Characters of a name that are shown at most, and of one at an end of the ramp.
const MOST: usize = 60;
const MOST_OF_RAMP: usize = 32;

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
    /// What marks are, by their names in the order in which they come: each as it looks, a line with points if any of its name
    /// has them and dashed if all are. Lines that share the ramp of colours have one entry.
    pub fn of(rows: &[Vec<Facet>]) -> Vec<Self> {
        let (mut entries, mut lines, mut ramp, mut seen) = (Vec::new(), Vec::new(), Vec::new(), HashSet::new());
        let marks = || rows.iter().flatten().flat_map(|facet| &facet.marks);
        lines.extend(marks().filter_map(|mark| if let Mark::Line(line) = mark { Some(line) } else { None }));
        for mark in marks() {
            match mark {
                Mark::Line(Line { name, .. }) if !name.is_empty() && seen.insert(name) => {
                    let same: Vec<&&Line> = lines.iter().filter(|line| line.name == *name).collect();
                    let all = |stroke| same.iter().all(|line| line.stroke == stroke);
                    let (label, colour) = (shortened(name, MOST), same[0].colour);
                    match same.iter().find_map(|line| line.shape) {
                        _ if palette::on_ramp(colour) => ramp.push(name),
                        Some(shape) if all(super::Stroke::Marks) => {
                            entries.push(Self::Point { label, look: Look { colour, shape, hollow: false } });
                        }
                        shape => {
                            entries.push(Self::Line { label, colour, shape, dashed: all(super::Stroke::Dashed) });
                        }
                    }
                }
                Mark::Dots(Dots { name, look, .. }) if !name.is_empty() && seen.insert(name) => {
                    entries.push(Self::Point { label: shortened(name, MOST), look: *look });
                }
                _ => {}
            }
        }
        if let (Some(first), Some(last)) = (ramp.first(), ramp.last()) {
            let [first, last] = [first, last].map(|name| shortened(name, MOST_OF_RAMP));
            entries.insert(0, Self::Ramp { first, last });
        }
        entries.extend(marks().any(|mark| matches!(mark, Mark::Equal)).then(|| Self::plain("equal", true)));
        entries
    }

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
