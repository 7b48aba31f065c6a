//! Panels with two numeric axes, laid out as small multiples under one legend. What is in them is drawn by others.

use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Ruler, ticks};
use super::place::Rect;
use super::text::{LABELS, NOTES, NUMBERS, TITLES, fitting, usual_width};
use crate::report::axis::Scale;
use crate::report::canvas::{self, Font, Pen, shortened, text_width};
use crate::report::legend::{self, Entry};
use crate::report::palette::{GRID, INK};
use crate::report::panel::WIDTH;

const RIGHT: f64 = 22.0;
/// The least width of a figure: a legend may be wider than a lone panel.
const LEAST: f64 = 640.0;
/// Between panels that share their numbers.
const APART: f64 = 20.0;
/// Room for the name of a vertical axis.
const NAME: f64 = 20.0;
/// Room above a panel for its title.
const TITLE: f64 = 25.0;
/// Room under a panel for numbers, and for the name of its axis.
const UNDER: (f64, f64) = (23.0, 19.0);

/// One axis of one panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Side<'a> {
    pub label: &'a str,
    pub scale: Scale,
}

/// One panel.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    pub title: &'a str,
    /// A remark, beside the title if it fits there.
    pub note: &'a str,
    pub x: Side<'a>,
    pub y: Side<'a>,
}

/// The panels of a figure.
#[derive(Debug)]
pub(super) struct Plots<'a> {
    /// What the figure shows, for those who cannot see it.
    pub label: &'a str,
    /// Panels beside each other; 0 chooses.
    pub columns: usize,
    /// Whether panels are as high as they are wide, and their axes are read alike.
    pub square: bool,
    /// What colours, marks and dashes mean.
    pub legend: Vec<Entry>,
    /// The panels, row by row.
    pub plots: Vec<Plot<'a>>,
}

/// Where a panel's values lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub x: Ruler,
    pub y: Ruler,
    pub rect: Rect,
    /// Whether the remark stands beside the title already.
    pub noted: bool,
    /// Whether both axes are read alike: as many numbers, and grid lines for both.
    square: bool,
}

/// What all panels have in common, and the room that this leaves them.
struct Layout {
    columns: usize,
    left: f64,
    apart: f64,
    panel: (f64, f64),
    /// The upper end of each row.
    tops: Vec<f64>,
    total: (f64, f64),
    same_x: bool,
    same_y: bool,
    same_names: (bool, bool),
}

impl Plots<'_> {
    /// Draws frames, axes and legend, and calls `content` for every panel.
    pub fn draw(&self, mut content: impl FnMut(&mut Pen<'_>, usize, Frame)) -> String {
        let layout = self.layout();
        canvas::draw(layout.total.0, layout.total.1, self.label, |pen| {
            legend::draw(pen, &self.legend, (layout.left, 2.0), layout.total.0 - layout.left - RIGHT);
            for (i, plot) in self.plots.iter().enumerate() {
                let (row, column) = (i / layout.columns, i % layout.columns);
                let left = layout.left + column as f64 * (layout.panel.0 + layout.apart);
                let rect = Rect::sized(left, layout.tops[row], layout.panel.0, layout.panel.1);
                let frame = Frame {
                    x: Ruler { scale: plot.x.scale, start: rect.left, end: rect.right },
                    y: Ruler { scale: plot.y.scale, start: rect.bottom, end: rect.top },
                    rect,
                    noted: plot.note.is_empty() || noted_above(pen, plot, rect),
                    square: self.square,
                };
                let lowest = i + layout.columns >= self.plots.len();
                frame.x_axis(pen, &plot.x, lowest || !layout.same_x, lowest || !layout.same_names.0);
                frame.y_axis(pen, &plot.y, column == 0 || !layout.same_y, column == 0 || !layout.same_names.1);
                pen.line(&[(rect.left, rect.top), (rect.left, rect.bottom), (rect.right, rect.bottom)], INK, 1.0, None);
                let title = shortened(plot.title, fitting(layout.panel.0 + layout.apart * 0.6, TITLES));
                pen.text(&title, (rect.left, rect.top - 8.0), TITLES, HPos::Left, VPos::Bottom);
                content(pen, i, frame);
            }
        })
    }

    fn layout(&self) -> Layout {
        let count = self.plots.len();
        let columns = if self.columns == 0 { chosen(count) } else { self.columns.min(count.max(1)) };
        let rows = count.div_ceil(columns);
        let alike =
            |of: &dyn Fn(&Plot<'_>, &Plot<'_>) -> bool| self.plots.windows(2).all(|pair| of(&pair[0], &pair[1]));
        let same_x = alike(&|a, b| a.x.scale == b.x.scale);
        let same_y = alike(&|a, b| a.y.scale == b.y.scale);
        let same_names = (alike(&|a, b| a.x.label == b.x.label), alike(&|a, b| a.y.label == b.y.label));
        let named = |of: &dyn Fn(&Plot<'_>) -> bool| self.plots.iter().any(of);
        let (x_named, y_named) = (named(&|plot| !plot.x.label.is_empty()), named(&|plot| !plot.y.label.is_empty()));
        // The numbers of a high panel; a low one has no more, and none that are wider.
        let numbers = self.plots.iter().flat_map(|plot| ticks(plot.y.scale, 8));
        let widest = numbers.map(|(_, text)| text_width(&text, NUMBERS.size)).fold(12.0, f64::max);
        let beside = if y_named { NAME } else { 0.0 };
        let left = widest + 8.0 + beside;
        let apart = match (same_y, same_names.1) {
            (true, true) => APART,
            (false, true) => widest + 8.0 + APART * 0.8,
            (_, false) => left + APART * 0.6,
        };
        let width = (WIDTH - left - RIGHT - apart * (columns - 1) as f64) / columns as f64;
        let panel = if self.square {
            let side = width.min(if columns < 3 { 370.0 } else { 300.0 });
            (side, side)
        } else {
            let width = width.min(if columns == 1 { 620.0 } else { 480.0 });
            (width, (width * 0.62).clamp(118.0, 260.0))
        };
        let total = (left + RIGHT + panel.0 * columns as f64 + apart * (columns - 1) as f64).max(LEAST);
        let names = if x_named { UNDER.1 } else { 0.0 };
        let between =
            10.0 + if same_x { 0.0 } else { UNDER.0 } + if same_names.0 { 0.0 } else { names } + TITLE.min(6.0);
        let mut at = legend::height(&self.legend, total - left - RIGHT) + 6.0;
        let mut tops = Vec::with_capacity(rows);
        for row in 0..rows {
            let mut row_plots = self.plots.iter().skip(row * columns).take(columns);
            at += if row_plots.any(|plot| !plot.title.is_empty()) { TITLE } else { 4.0 };
            tops.push(at);
            at += panel.1 + between;
            // Panels that end a column above a shorter last row keep their numbers, for which there must be room.
            if row + 2 == rows && !count.is_multiple_of(columns) && same_x {
                at += UNDER.0 + if same_names.0 { names } else { 0.0 };
            }
        }
        let height = at - between + UNDER.0 + names + 6.0;
        Layout { columns, left, apart, panel, tops, total: (total, height), same_x, same_y, same_names }
    }
}

/// Writes a remark of one line above the right end of a panel, if the title leaves room for it.
fn noted_above(pen: &mut Pen<'_>, plot: &Plot<'_>, rect: Rect) -> bool {
    let taken = usual_width(plot.title, TITLES) + 10.0 + usual_width(plot.note, NOTES);
    let fits = !plot.title.is_empty() && !plot.note.contains('\n') && taken <= rect.right - rect.left;
    if fits {
        pen.text(plot.note, (rect.right, rect.top - 9.0), NOTES, HPos::Right, VPos::Bottom);
    }
    fits
}

/// How many panels stand beside each other where the caller does not say.
fn chosen(count: usize) -> usize {
    match count {
        0..=3 => count.max(1),
        4 => 2,
        5..=6 | 9 => 3,
        7..=8 | 10..=16 => 4,
        _ => 5,
    }
}

impl Frame {
    fn x_axis(self, pen: &mut Pen<'_>, side: &Side<'_>, numbered: bool, named: bool) {
        let Rect { left, right, bottom, .. } = self.rect;
        // A number that would touch its left neighbour is left out; its tick stays.
        let mut free = f64::NEG_INFINITY;
        for (x, text) in self.x.ticks(((right - left) / 44.0) as usize) {
            if self.square {
                pen.line(&[(x, self.rect.top), (x, bottom)], GRID, 1.0, None);
            }
            pen.line(&[(x, bottom), (x, bottom + 4.0)], INK, 1.0, None);
            let half = text_width(&text, NUMBERS.size) / 2.0;
            if numbered && x - half > free {
                pen.text(&text, (x, bottom + 7.0), NUMBERS, HPos::Center, VPos::Top);
                free = x + half + 5.0;
            }
        }
        if named {
            let label = shortened(side.label, fitting(right - left + 30.0, LABELS));
            let below = if numbered { UNDER.0 } else { 6.0 };
            pen.text(&label, ((left + right) / 2.0, bottom + below), LABELS, HPos::Center, VPos::Top);
        }
    }

    fn y_axis(self, pen: &mut Pen<'_>, side: &Side<'_>, numbered: bool, named: bool) {
        let Rect { left, right, top, bottom } = self.rect;
        let mut widest: f64 = 0.0;
        let most = if self.square { (right - left) / 44.0 } else { ((bottom - top) / 25.0).min(6.0) };
        for (y, text) in self.y.ticks(most as usize) {
            pen.line(&[(left, y), (right, y)], GRID, 1.0, None);
            if numbered {
                pen.text(&text, (left - 6.0, y), NUMBERS, HPos::Right, VPos::Center);
                widest = widest.max(text_width(&text, NUMBERS.size));
            }
        }
        if named {
            let font = Font { upwards: true, ..LABELS };
            let label = shortened(side.label, fitting(bottom - top + 24.0, LABELS));
            let at = (left - widest - 16.0, (top + bottom) / 2.0);
            pen.text(&label, at, font, HPos::Center, VPos::Center);
        }
    }
}
