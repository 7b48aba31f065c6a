//! Small matrices side by side, such as Gram matrices or distances, predicted beside measured.

use plotters::style::text_anchor::{HPos, VPos};

use super::axis::Axis;
use super::cells::Cells;
use super::colours::Colours;
use super::names::Names;
use super::text::{LABELS, TITLES, fitting};
use crate::report::canvas::{self, Font, Pen, shortened, text_width};
use crate::report::figure::Figure;
use crate::report::panel::WIDTH;

const APART: f64 = 24.0;
const TITLE: f64 = 28.0;
/// Room for the name of a row of matrices.
const NAME: f64 = 24.0;
/// The side of a cell up to which a matrix grows, and the sides between which it is drawn, in pixels.
const CELL: f64 = 46.0;
const SIDES: (f64, f64) = (120.0, 250.0);

/// A figure of matrices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrices {
    /// What the figure shows, for those who cannot see it.
    pub label: String,
    /// What stands under it; says over how many seeds.
    pub caption: String,
    /// The scale of colours: its name with the unit, whether it is logarithmic, and its ends.
    pub colours: Axis,
    /// Whether one scale is fitted to all matrices; else each has its own, with its own bar.
    pub shared: bool,
    /// Rows of matrices, which stand beside each other.
    pub rows: Vec<MatrixRow>,
}

/// Matrices beside each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MatrixRow {
    /// What they have in common, at their left; may be empty.
    pub name: String,
    /// The matrices.
    pub matrices: Vec<Matrix>,
}

/// A matrix.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    /// What it shows; may be empty.
    pub title: String,
    /// Its number of columns. The number of rows follows from the values.
    pub columns: usize,
    /// Its values, row by row from the top, in the unit of the colours; NaN for none.
    pub values: Vec<f64>,
    /// The names of its rows; may be empty. Equal names of neighbours become one, with ticks where groups end.
    pub row_names: Vec<String>,
    /// The names of its columns, likewise.
    pub column_names: Vec<String>,
    /// Whether values are written into cells that have room for them.
    pub numbers: bool,
}

impl Matrix {
    fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }
}

/// Where a matrix goes and how large it is, in pixels.
struct Spot<'a> {
    matrix: &'a Matrix,
    colours: Colours<'a>,
    at: (f64, f64),
    cell: f64,
    names: (Names, Names),
}

impl Matrices {
    /// Draws the figure.
    pub fn draw(&self) -> Figure {
        let all = self.rows.iter().flat_map(|row| &row.matrices).flat_map(|matrix| matrix.values.iter().copied());
        let shared = Colours::of(&self.colours, all);
        let side = self.side(&shared);
        let named = if self.rows.iter().any(|row| !row.name.is_empty()) { NAME } else { 0.0 };
        let (mut spots, mut names, mut top) = (Vec::new(), Vec::new(), 0.0);
        let mut width: f64 = 0.0;
        for row in &self.rows {
            let (spotted, right, height) = self.row(row, (named, top), side, &shared);
            names.push((row.name.as_str(), top + TITLE, side));
            spots.extend(spotted);
            width = width.max(right);
            top += height + APART * 0.5;
        }
        let bar = if self.shared { shared.room() } else { 0.0 };
        let total = ((width + bar).max(320.0), (top - APART * 0.5).max(60.0) + 2.0);
        let svg = canvas::draw(total.0, total.1, &self.label, |pen| {
            for (name, at, height) in names {
                let text = shortened(name, fitting(height + 20.0, LABELS));
                let font = Font { upwards: true, ..LABELS };
                pen.text(&text, (NAME / 2.0, at + height / 2.0), font, HPos::Center, VPos::Center);
            }
            for spot in &spots {
                self.spot(pen, spot);
            }
            if self.shared {
                shared.bar(pen, (width, TITLE), side.min(200.0));
            }
        });
        Figure { svg, caption: self.caption.clone() }
    }

    /// The side of all matrices: large enough for their cells, small enough for the widest row.
    fn side(&self, shared: &Colours<'_>) -> f64 {
        let side = |matrix: &Matrix| matrix.rows().max(matrix.columns) as f64 * CELL;
        let all = self.rows.iter().flat_map(|row| &row.matrices);
        let wanted = all.map(side).fold(0.0, f64::max).clamp(SIDES.0, SIDES.1);
        let room = |row: &MatrixRow| {
            let names = row.matrices.iter().map(|matrix| Names::of(&matrix.row_names).beside());
            let bars = if self.shared { shared.room() } else { row.matrices.len() as f64 * (shared.room() + 10.0) };
            let count = row.matrices.len().max(1) as f64;
            (WIDTH - NAME - bars - names.sum::<f64>() - APART * count) / count
        };
        self.rows.iter().map(room).fold(wanted, f64::min).max(60.0)
    }

    /// Where the matrices of a row go, how far to the right they reach, and how high they are.
    fn row<'a>(
        &'a self,
        row: &'a MatrixRow,
        (mut x, top): (f64, f64),
        side: f64,
        shared: &Colours<'a>,
    ) -> (Vec<Spot<'a>>, f64, f64) {
        let mut height: f64 = 0.0;
        let mut spots = Vec::new();
        for matrix in &row.matrices {
            let cell = side / matrix.rows().max(matrix.columns).max(1) as f64;
            let names = (Names::of(&matrix.row_names), Names::of(&matrix.column_names));
            x += names.0.beside();
            height = height.max(TITLE + cell * matrix.rows() as f64 + names.1.beneath(cell));
            let own = || Colours::of(&self.colours, matrix.values.iter().copied());
            let colours = if self.shared { shared.clone() } else { own() };
            let width = cell * matrix.columns as f64;
            let bar = if self.shared { 0.0 } else { 8.0 + colours.room() };
            let titled = text_width(&matrix.title, TITLES.size).min(side);
            spots.push(Spot { matrix, colours, at: (x, top + TITLE), cell, names });
            x += (width + bar).max(titled) + APART;
        }
        (spots, x, height)
    }

    fn spot(&self, pen: &mut Pen<'_>, spot: &Spot<'_>) {
        let Spot { matrix, colours, at, cell, names } = spot;
        let (width, height) = (cell * matrix.columns as f64, cell * matrix.rows() as f64);
        let title = shortened(&matrix.title, fitting(width.max(height) + APART * 0.8, TITLES));
        pen.text(&title, (at.0, at.1 - 8.0), TITLES, HPos::Left, VPos::Bottom);
        let cells = Cells {
            values: &matrix.values,
            columns: matrix.columns.max(1),
            size: (*cell, *cell),
            numbers: matrix.numbers,
            digits: 3,
        };
        cells.draw(pen, *at, colours);
        names.0.rows(pen, *at, *cell);
        names.1.columns(pen, (at.0, at.1 + height), *cell);
        if !self.shared {
            colours.bar(pen, (at.0 + width + 8.0, at.1), height.min(200.0));
        }
    }
}
