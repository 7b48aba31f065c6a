//! Where everything goes: title, names, cells, dendrogram, colours, and what there is to say.

use plotters::style::text_anchor::{HPos, VPos};

use super::cells::Cells;
use super::labels::Labels;
use super::order::{Bracket, Tree};
use super::scale::Scale;
use super::{Comparison, Kind};
use crate::report::canvas::{self, Font, Pen, shortened, text_width};
use crate::report::heat::PLAIN;
use crate::report::palette::{INK, MUTED};

/// The side of a cell up to which a matrix grows, and the sides between which it is drawn, in pixels.
const CELL: f64 = 44.0;
const SIDES: (f64, f64) = (150.0, 660.0);
/// Room above the cells, for the title; without one, for half a letter of the bar's numbers.
const TITLE: f64 = 36.0;
const NO_TITLE: f64 = 12.0;
const MARGIN: f64 = 8.0;
/// The dendrogram's width, and the gaps beside it, in pixels.
const TREE: f64 = 120.0;
const GAPS: (f64, f64) = (14.0, 18.0);
/// The height of a line of the caption, in pixels.
const LINE: f64 = 17.0;
const BOLD: Font = Font { size: 15.0, bold: true, ..PLAIN };
const SMALL: Font = Font { size: 11.5, ..PLAIN };

/// A comparison with all sizes known.
pub(super) struct Layout<'a> {
    comparison: &'a Comparison<'a>,
    scale: Scale,
    labels: Labels,
    cells: Cells,
    brackets: Option<Vec<Bracket>>,
}

impl<'a> Layout<'a> {
    pub fn of(comparison: &'a Comparison<'a>, tree: Option<&Tree>, order: &[usize]) -> Self {
        let count = order.len();
        let side = (count as f64 * CELL).clamp(SIDES.0, SIDES.1);
        let names = order.iter().map(|&item| comparison.names.get(item).map_or("", String::as_str));
        let values = order.iter().flat_map(|&a| order.iter().map(move |&b| comparison.value(a, b))).collect();
        Self {
            comparison,
            scale: Scale::of(comparison),
            labels: Labels::of(names, side / count as f64),
            cells: Cells { values, count, side: side / count as f64 },
            brackets: tree.map(Tree::brackets),
        }
    }

    /// What is not shown.
    pub fn notes(&self) -> Vec<String> {
        let thinned = self.labels.thinned();
        thinned.map(|shown| format!("{shown} of {} names are shown.", self.cells.count)).into_iter().collect()
    }

    /// Draws everything; with a caption, title and caption too.
    pub fn draw(&self, caption: Option<&str>) -> String {
        let side = self.cells.side * self.cells.count as f64;
        let title = if caption.is_some() { self.comparison.title } else { "" };
        let (left, top) = (MARGIN + self.labels.beside(), if title.is_empty() { NO_TITLE } else { TITLE });
        let tree = if self.brackets.is_some() { GAPS.0 + TREE } else { 0.0 };
        let bar = left + side + tree + GAPS.1;
        let bar_height = (side - 16.0).min(220.0);
        let width =
            (bar + self.scale.room(bar_height) + MARGIN).max(text_width(title, BOLD.size).min(900.0) + 2.0 * MARGIN);
        let lines = caption.map_or_else(Vec::new, |caption| wrapped(caption, width - 2.0 * MARGIN));
        // Beneath the dendrogram stand its numbers and what they are.
        let axis = if self.brackets.is_some() { 58.0 } else { 0.0 };
        let beneath = top + side + self.labels.beneath().max(axis) + 10.0;
        let height = beneath + if lines.is_empty() { 0.0 } else { lines.len() as f64 * LINE + 8.0 };
        let what =
            if self.comparison.title.is_empty() { "Comparison of representations" } else { self.comparison.title };
        let label = format!("{what}: {} between {} representations", self.comparison.measure, self.cells.count);
        canvas::draw(width, height, &label, |pen| {
            let most = ((width - 2.0 * MARGIN) / text_width("m", BOLD.size)).max(8.0) as usize;
            pen.text(&shortened(title, most), (MARGIN, top - 14.0), BOLD, HPos::Left, VPos::Bottom);
            self.cells.draw(pen, (left, top), &self.scale);
            self.labels.draw(pen, (left, top));
            if let Some(brackets) = &self.brackets {
                self.tree(pen, brackets, (left + side + GAPS.0, top), side);
            }
            // Pointed ends reach above and beneath the bar.
            self.scale.bar(pen, (bar, top + 8.0), bar_height, self.comparison.measure);
            for (i, line) in lines.iter().enumerate() {
                let font = Font { colour: MUTED, ..PLAIN };
                pen.text(line, (MARGIN, beneath + (i as f64 + 0.5) * LINE), font, HPos::Left, VPos::Center);
            }
        })
    }

    /// The dendrogram, items at its left, with its axis beneath.
    fn tree(&self, pen: &mut Pen<'_>, brackets: &[Bracket], (left, top): (f64, f64), side: f64) {
        let values = || brackets.iter().map(|bracket| bracket.value).filter(|value| value.is_finite());
        let (least, most) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), v| (l.min(v), m.max(v)));
        if least > most {
            return;
        }
        // Where items start: at a distance of zero, or where similarities end. Small differences are not drawn larger
        // than the scale of colours would show them, but for a share of it.
        let span = (self.scale.high - self.scale.low) * 0.05;
        let (start, end) = match self.comparison.kind {
            Kind::Similarity => {
                let start = self.scale.high.max(most);
                (start, least.min(start - span))
            }
            Kind::Distance => {
                let start = least.min(0.0);
                (start, most.max(start + span))
            }
        };
        let room = TREE - 10.0;
        let x = |value: f64| left + ((value - start) / (end - start)).clamp(0.0, 1.0) * room;
        let y = |place: f64| top + place * self.cells.side;
        let mut strokes = Vec::with_capacity(brackets.len() * 3);
        for bracket in brackets {
            let meet = x(bracket.value);
            for (place, from) in bracket.ends {
                strokes.push([(from.map_or(left, x), y(place)), (meet, y(place))]);
            }
            strokes.push([(meet, y(bracket.ends[0].0)), (meet, y(bracket.ends[1].0))]);
        }
        pen.strokes(&strokes, INK, (self.cells.side * 0.4).clamp(0.3, 1.1));
        let bottom = top + side + 5.0;
        pen.line(&[(left, bottom), (left + room, bottom)], MUTED, 1.0, None);
        let mut taken: Vec<(f64, f64)> = Vec::new();
        for (value, text) in Scale::ticks(start.min(end), start.max(end), 4) {
            let at = x(value);
            pen.line(&[(at, bottom), (at, bottom + 4.0)], MUTED, 1.0, None);
            let half = text_width(&text, SMALL.size) / 2.0;
            if taken.iter().all(|(from, to)| at + half + 4.0 < *from || at - half - 4.0 > *to) {
                pen.text(&text, (at, bottom + 7.0), SMALL, HPos::Center, VPos::Top);
                taken.push((at - half, at + half));
            }
        }
        let font = Font { colour: MUTED, ..SMALL };
        pen.text("mean between groups", (left + room / 2.0, bottom + 25.0), font, HPos::Center, VPos::Top);
    }
}

/// Lines of words that fit a width, in pixels.
fn wrapped(text: &str, width: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(&format!("{line} {word}"), PLAIN.size * 0.93) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
