//! Panels of curves over optimiser steps, laid out as small multiples.

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Scale;
use super::band::Band;
use super::canvas::{self, Font, Pen, shortened, text_width};
use super::legend::{self, Entry};
use super::palette::{GRID, INK, Mark};

/// Lengths of dashes and gaps, in pixels.
pub const DASH: (f64, f64) = (6.0, 3.5);
/// Radius of marks, in pixels.
pub const MARK: f64 = 3.4;

/// The width of all figures, in pixels.
pub const WIDTH: f64 = 1080.0;
/// Marks closer than this, in pixels, would cover the line.
const MARKS_APART: f64 = 34.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const NUMBERS: f64 = 13.0;
const LABELS: f64 = 13.0;
const TITLE: f64 = 26.0;
/// Between rows: the lowest number of one must not touch the highest, or the title, of the next.
const ROWS_APART: f64 = 20.0;

/// A curve.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its colour.
    pub colour: RGBColor,
    /// Its marks.
    pub mark: Option<Mark>,
    /// Whether it is dashed, and its marks hollow.
    pub dashed: bool,
    /// How opaque its band is; 0 for none.
    pub band: f64,
    /// What it shows.
    pub points: Vec<Band>,
}

/// One panel.
#[derive(Debug, Clone)]
pub struct Panel {
    /// What it shows; may be empty.
    pub title: String,
    /// What its vertical axis shows, with the unit; may be empty.
    pub label: String,
    /// Its vertical scale.
    pub scale: Scale,
    /// Its curves.
    pub lines: Vec<Line>,
}

/// Panels that share the axis of steps.
#[derive(Debug, Clone)]
pub struct Panels {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// Panels beside each other.
    pub columns: usize,
    /// Height of a panel, in pixels.
    pub height: f64,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// What colours, marks and dashes mean.
    pub legend: Vec<Entry>,
}

impl Panels {
    /// Draws the figure.
    pub fn draw(&self) -> String {
        let columns = self.columns.max(1);
        let rows = self.panels.len().div_ceil(columns);
        let shared = self.panels.windows(2).all(|pair| pair[0].scale == pair[1].scale);
        let gap = if shared { 22.0 } else { 74.0 };
        let room = WIDTH - LEFT - RIGHT - gap * (columns - 1) as f64;
        let width = (room / columns as f64).min(480.0);
        let total = LEFT + RIGHT + width * columns as f64 + gap * (columns - 1) as f64;
        // A legend may be wider than a lone panel.
        let total = total.max(720.0_f64.min(WIDTH));
        let top = legend::height(&self.legend, total - LEFT - RIGHT) + 6.0;
        let titles: Vec<f64> = (0..rows)
            .map(|row| {
                let mut row_panels = self.panels.iter().skip(row * columns).take(columns);
                let title = if row_panels.all(|panel| panel.title.is_empty()) { 0.0 } else { TITLE };
                if row == 0 { title } else { title + ROWS_APART }
            })
            .collect();
        let height = top + titles.iter().sum::<f64>() + rows as f64 * self.height + 52.0;
        let steps = Scale::steps(self.points().map(|point| point.step).collect::<Vec<_>>().into_iter());
        canvas::draw(total, height, &self.label, |pen| {
            legend::draw(pen, &self.legend, (LEFT, 2.0), total - LEFT - RIGHT);
            for (i, panel) in self.panels.iter().enumerate() {
                let (row, column) = (i / columns, i % columns);
                let frame = Frame {
                    x: LEFT + column as f64 * (width + gap),
                    y: top + titles[..=row].iter().sum::<f64>() + row as f64 * self.height,
                    width,
                    height: self.height,
                };
                let lowest = i + columns >= self.panels.len();
                frame.draw(pen, panel, steps, lowest, !shared || column == 0);
            }
        })
    }

    fn points(&self) -> impl Iterator<Item = &Band> + Clone {
        self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points)
    }
}

/// Where a panel's curves lie, in pixels.
#[derive(Debug, Clone, Copy)]
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn draw(self, pen: &mut Pen<'_>, panel: &Panel, steps: Scale, with_steps: bool, with_values: bool) {
        let plain = Font { size: NUMBERS, colour: INK, bold: false, upwards: false };
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        for (value, text) in panel.scale.ticks((self.height / 32.0) as usize) {
            let y = self.y_of(panel.scale, value);
            pen.line(&[(self.x, y), (right, y)], GRID, 1.0, None);
            if with_values {
                pen.text(&text, (self.x - 7.0, y), plain, HPos::Right, VPos::Center);
            }
        }
        // A label that would touch its left neighbour is left out; its tick stays.
        let mut free = f64::NEG_INFINITY;
        for (step, text) in steps.ticks((self.width / 42.0) as usize) {
            let x = self.x + steps.place(step) * self.width;
            pen.line(&[(x, bottom), (x, bottom + 4.0)], INK, 1.0, None);
            let half = text_width(&text, NUMBERS) / 2.0;
            if with_steps && x - half > free {
                pen.text(&text, (x, bottom + 8.0), plain, HPos::Center, VPos::Top);
                free = x + half + 6.0;
            }
        }
        let place = |point: &Band, value: f64| {
            (self.x + steps.place(point.step as f64) * self.width, self.y_of(panel.scale, value))
        };
        for line in panel.lines.iter().filter(|line| line.band > 0.0 && line.points.len() > 1) {
            let above = line.points.iter().map(|point| place(point, point.high));
            let below = line.points.iter().rev().map(|point| place(point, point.low));
            pen.polygon(&above.chain(below).collect::<Vec<_>>(), line.colour, line.band);
        }
        pen.line(&[(self.x, self.y), (self.x, bottom), (right, bottom)], INK, 1.0, None);
        for (i, line) in panel.lines.iter().enumerate() {
            let points: Vec<(f64, f64)> = line.points.iter().map(|point| place(point, point.mid)).collect();
            pen.line(&points, line.colour, 1.9, line.dashed.then_some(DASH));
            // A lone point is no line: it needs a mark to be seen at all.
            let mark = line.mark.or((points.len() == 1).then_some(Mark::Circle));
            let Some(mark) = mark else { continue };
            // Lines take turns, so that the marks of lines that lie on each other can be told apart.
            let turn = MARKS_APART * i as f64 / panel.lines.len() as f64;
            let mut free = if points.len() > 12 { self.x + turn } else { f64::NEG_INFINITY };
            for &(x, y) in &points {
                if x >= free {
                    pen.mark(mark, (x, y), MARK, line.colour, line.dashed);
                    free = x + MARKS_APART;
                }
            }
        }
        let bold = Font { size: 14.0, bold: true, ..plain };
        let most = (self.width / (14.0 * 0.6)) as usize;
        pen.text(&shortened(&panel.title, most), (self.x, self.y - 9.0), bold, HPos::Left, VPos::Bottom);
        let label = Font { size: LABELS, ..plain };
        if with_values {
            let upwards = Font { upwards: true, ..label };
            let most = (self.height / (LABELS * 0.52)) as usize;
            let at = (self.x - 50.0, self.y + self.height / 2.0);
            pen.text(&shortened(&panel.label, most), at, upwards, HPos::Center, VPos::Center);
        }
        if with_steps {
            let at = (self.x + self.width / 2.0, bottom + 27.0);
            pen.text("optimiser steps", at, label, HPos::Center, VPos::Top);
        }
    }

    fn y_of(self, scale: Scale, value: f64) -> f64 {
        self.y + self.height * (1.0 - scale.place(value))
    }
}
