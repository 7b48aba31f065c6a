//! Legends: what a line's colour, mark and dashes mean. Many settings share one ramp, so that no legend outgrows its
//! figure.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Font, Pen, shortened, text_width};
use super::palette::{self, INK, MUTED, Mark};
use super::run::Run;

const SIZE: f64 = 13.0;
const ROW: f64 = 22.0;
const SWATCH: f64 = 34.0;
const POINT: f64 = 12.0;
const APART: f64 = 26.0;
const RAMP: f64 = 150.0;

/// One line of a legend.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A line's look.
    Line {
        /// What it stands for.
        label: String,
        /// Its colour.
        colour: RGBColor,
        /// Its marks.
        mark: Option<Mark>,
        /// Whether it is dashed.
        dashed: bool,
    },
    /// The look of points without a line.
    Point {
        /// What they stand for.
        label: String,
        /// Their colour.
        colour: RGBColor,
        /// Their mark.
        mark: Mark,
        /// Whether they are hollow.
        hollow: bool,
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
    /// The entries of a run's settings.
    pub fn settings(run: &Run) -> Vec<Self> {
        let list = &run.settings.list;
        match list.as_slice() {
            [first, .., last] if list.len() > palette::DISTINCT => {
                vec![Self::Ramp { first: shortened(&first.label, 32), last: shortened(&last.label, 32) }]
            }
            _ => {
                let entry = |(i, setting): (usize, &super::settings::Setting)| Self::Line {
                    label: shortened(&setting.label, 44),
                    colour: palette::colour(i, list.len()),
                    mark: palette::mark(i, list.len()),
                    dashed: false,
                };
                list.iter().enumerate().map(entry).collect()
            }
        }
    }

    /// What bands and dashes mean.
    pub fn styles(banded: bool, dashed: bool) -> Vec<Self> {
        let line = |label: &str, dashed| Self::Line { label: label.to_owned(), colour: MUTED, mark: None, dashed };
        let mut entries = Vec::new();
        if dashed {
            entries.extend([line("linear CKA", false), line("debiased", true)]);
        }
        if banded {
            entries.push(Self::Band { label: "10–90 %".to_owned() });
        }
        entries
    }

    fn width(&self) -> f64 {
        match self {
            Self::Line { label, .. } | Self::Band { label } => SWATCH + 8.0 + text_width(label, SIZE),
            Self::Point { label, .. } => POINT + 6.0 + text_width(label, SIZE),
            Self::Ramp { first, last } => text_width(first, SIZE) + RAMP + 16.0 + text_width(last, SIZE),
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
pub fn draw(pen: &mut Pen<'_>, entries: &[Entry], (left, top): (f64, f64), width: f64) {
    let font = Font { size: SIZE, colour: INK, bold: false, upwards: false };
    for (entry, (x, y)) in entries.iter().zip(arranged(entries, width).0) {
        let (x, y) = (left + x, top + y + ROW / 2.0);
        match entry {
            Entry::Line { label, colour, mark, dashed } => {
                let dash = dashed.then_some(super::panel::DASH);
                pen.line(&[(x, y), (x + SWATCH, y)], *colour, 2.0, dash);
                if let Some(mark) = mark {
                    pen.mark(*mark, (x + SWATCH / 2.0, y), super::panel::MARK, *colour, false);
                }
                pen.text(label, (x + SWATCH + 8.0, y), font, HPos::Left, VPos::Center);
            }
            Entry::Point { label, colour, mark, hollow } => {
                pen.mark(*mark, (x + POINT / 2.0, y), super::panel::MARK + 0.6, *colour, *hollow);
                pen.text(label, (x + POINT + 6.0, y), font, HPos::Left, VPos::Center);
            }
            Entry::Band { label } => {
                let (right, above, below) = (x + SWATCH, y - 6.0, y + 6.0);
                pen.polygon(&[(x, above), (right, above), (right, below), (x, below)], MUTED, 0.25);
                pen.text(label, (right + 8.0, y), font, HPos::Left, VPos::Center);
            }
            Entry::Ramp { first, last } => {
                let start = x + text_width(first, SIZE) + 8.0;
                pen.text(first, (start - 8.0, y), font, HPos::Right, VPos::Center);
                let parts = 50;
                for part in 0..parts {
                    let t = f64::from(part) / f64::from(parts - 1);
                    let done = f64::from(part) * RAMP / f64::from(parts);
                    pen.fill(start + done, y - 6.0, RAMP - done, 12.0, palette::ramp(t));
                }
                pen.text(last, (start + RAMP + 8.0, y), font, HPos::Left, VPos::Center);
            }
        }
    }
}
