//! Heat maps of similarities from 0 to 1: labelled cells, and images for matrices of many networks.

use plotters::style::text_anchor::{HPos, VPos};

use super::canvas::{Font, Pen, text_width};
use super::numbers::fraction;
use super::palette::{self, INK, MUTED};

/// The usual text of heat maps.
pub const PLAIN: Font = Font { size: 12.5, colour: INK, bold: false, upwards: false };

/// The number in a cell, with a second one beneath it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Numbers {
    /// The number that gives the colour.
    pub main: Option<f64>,
    /// A smaller number.
    pub second: Option<f64>,
}

/// A square matrix of labelled cells.
pub struct Cells<'a> {
    /// What it compares.
    pub title: String,
    /// What its rows are of.
    pub rows: String,
    /// What its columns are of.
    pub columns: String,
    /// The names of rows and columns.
    pub names: &'a [&'a String],
    /// Its cells, row by row.
    pub values: Vec<Numbers>,
}

/// Sizes of cells and of the room for labels, in pixels.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    cell: f64,
    left: f64,
    below: f64,
    upright: bool,
}

impl Layout {
    /// The layout of matrices with these names.
    pub fn of(names: &[&String]) -> Self {
        // Three matrices of few layers fit beside each other; many layers need room for their numbers.
        let side = if names.len() > 4 { 300.0 } else { 224.0 };
        let cell = (side / names.len().max(1) as f64).clamp(34.0, 72.0);
        let longest = names.iter().map(|name| text_width(name, PLAIN.size)).fold(0.0, f64::max);
        let upright = longest > cell - 4.0;
        Self { cell, left: 34.0 + longest, below: if upright { 34.0 + longest } else { 48.0 }, upright }
    }

    /// Whether cells have room for a second number.
    pub fn has_second(self) -> bool {
        self.cell >= 48.0
    }

    /// The size of a whole matrix with its labels.
    pub fn size(self, names: usize) -> (f64, f64) {
        let side = self.cell * names as f64;
        ((self.left + side).max(230.0) + 10.0, 34.0 + side + self.below)
    }

    /// Draws a matrix whose labels and cells start at an upper left corner.
    pub fn draw(self, pen: &mut Pen<'_>, matrix: &Cells<'_>, (left, top): (f64, f64)) {
        let Self { cell, .. } = self;
        let (x0, y0) = (left + self.left, top + 34.0);
        let side = cell * matrix.names.len() as f64;
        let bold = Font { size: 14.0, bold: true, ..PLAIN };
        pen.text(&matrix.title, (left + 4.0, top + 22.0), bold, HPos::Left, VPos::Bottom);
        for (i, name) in matrix.names.iter().enumerate() {
            let middle = (i as f64 + 0.5) * cell;
            pen.text(name, (x0 - 7.0, y0 + middle), PLAIN, HPos::Right, VPos::Center);
            if self.upright {
                let font = Font { upwards: true, ..PLAIN };
                pen.text(name, (x0 + middle, y0 + side + 7.0), font, HPos::Right, VPos::Center);
            } else {
                pen.text(name, (x0 + middle, y0 + side + 7.0), PLAIN, HPos::Center, VPos::Top);
            }
        }
        let label = Font { colour: MUTED, ..PLAIN };
        let beside = (left + 12.0, y0 + side / 2.0);
        pen.text(&matrix.rows, beside, Font { upwards: true, ..label }, HPos::Center, VPos::Center);
        let beneath = (x0 + side / 2.0, y0 + side + self.below - 20.0);
        pen.text(&matrix.columns, beneath, label, HPos::Center, VPos::Top);
        for (i, numbers) in matrix.values.iter().enumerate() {
            let (row, column) = (i / matrix.names.len(), i % matrix.names.len());
            self.cell(pen, *numbers, (x0 + column as f64 * cell, y0 + row as f64 * cell));
        }
    }

    fn cell(self, pen: &mut Pen<'_>, numbers: Numbers, (x, y): (f64, f64)) {
        let Self { cell, .. } = self;
        let Some(main) = numbers.main else {
            // Not compared: a stroke through an empty cell, since every colour means a value.
            pen.line(&[(x + cell * 0.3, y + cell * 0.7), (x + cell * 0.7, y + cell * 0.3)], MUTED, 1.0, None);
            return;
        };
        pen.fill(x, y, cell - 1.0, cell - 1.0, palette::heat(main));
        let colour = palette::on_heat(main);
        let middle = (x + cell / 2.0 - 0.5, y + cell / 2.0 - 0.5);
        match numbers.second {
            Some(second) if self.has_second() => {
                let font = Font { size: 15.0, colour, ..PLAIN };
                pen.text(&fraction(main), (middle.0, middle.1 - 9.0), font, HPos::Center, VPos::Center);
                let font = Font { size: 12.0, colour, ..PLAIN };
                pen.text(
                    &format!("({})", fraction(second)),
                    (middle.0, middle.1 + 10.0),
                    font,
                    HPos::Center,
                    VPos::Center,
                );
            }
            _ => {
                let font = Font { size: 12.0, colour, ..PLAIN };
                pen.text(&fraction(main), middle, font, HPos::Center, VPos::Center);
            }
        }
    }
}

/// The room that a colour bar takes beside a figure, in pixels.
pub const BAR: f64 = 92.0;

/// Draws a colour bar from 0 to 1.
pub fn bar(pen: &mut Pen<'_>, (x, y): (f64, f64), height: f64) {
    let parts = 100;
    let part = height / f64::from(parts);
    for i in 0..parts {
        let t = 1.0 - (f64::from(i) + 0.5) / f64::from(parts);
        // Each part reaches to the end, and the next lies on it: side by side, hairlines would show between them.
        let done = f64::from(i) * part;
        pen.fill(x, y + done, 16.0, height - done, palette::heat(t));
    }
    let corners = [(x, y), (x + 16.0, y), (x + 16.0, y + height), (x, y + height), (x, y)];
    pen.line(&corners, MUTED, 0.8, None);
    for (value, text) in [(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")] {
        let at = y + height * (1.0 - value);
        pen.line(&[(x + 16.0, at), (x + 20.0, at)], MUTED, 1.0, None);
        pen.text(text, (x + 24.0, at), PLAIN, HPos::Left, VPos::Center);
    }
    let font = Font { upwards: true, ..PLAIN };
    pen.text("linear CKA", (x + 66.0, y + height / 2.0), font, HPos::Center, VPos::Center);
}
