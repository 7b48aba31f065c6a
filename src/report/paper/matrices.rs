//! Small matrices side by side, such as Gram matrices or distances, predicted beside measured.

use crate::report::figure::palette::Hue;
use crate::report::figure::{Axis, Cells, Colours, Facet, Figure, Frame, Mark, Size, digits};

/// The side of a cell up to which a matrix grows, and the sides between which it is drawn, in pixels.
const SIZE: Size = Size::Cells(46.0, (120.0, 250.0));

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

impl Matrices {
    /// Describes the figure.
    pub fn draw(&self) -> Figure {
        let all = self.rows.iter().flat_map(|row| &row.matrices).flat_map(|matrix| matrix.values.iter().copied());
        let shared = self.shared.then(|| Colours::of(&self.colours, all, Hue::Heat));
        let row = |row: &MatrixRow| row.matrices.iter().map(|matrix| self.facet(matrix, shared.as_ref())).collect();
        Figure {
            label: self.label.clone(),
            caption: self.caption.clone(),
            size: SIZE,
            names: self.rows.iter().map(|row| row.name.clone()).collect(),
            rows: self.rows.iter().map(row).collect(),
            colours: shared.clone(),
            ..Figure::default()
        }
    }

    fn facet(&self, matrix: &Matrix, shared: Option<&Colours>) -> Facet {
        let own = || Colours::of(&self.colours, matrix.values.iter().copied(), Hue::Heat);
        let text = |value: &f64| if value.is_nan() { String::new() } else { digits(*value, 3) };
        let cells = Cells {
            columns: matrix.columns.max(1),
            values: matrix.values.clone(),
            texts: if matrix.numbers { matrix.values.iter().map(text).collect() } else { Vec::new() },
            colours: shared.cloned().unwrap_or_else(own),
        };
        Facet {
            title: matrix.title.clone(),
            x: Axis::named("", matrix.column_names.clone()),
            y: Axis::named("", matrix.row_names.clone()),
            frame: Frame::Cells,
            colours: shared.is_none().then(|| cells.colours.clone()),
            marks: vec![Mark::Cells(cells)],
            ..Facet::default()
        }
    }
}
