//! Representations from files: what a network makes of examples, one row for each.

use super::layout::{ArrayInfo, Kind, LeftOut};
use super::values::{check_values, width_of};
use crate::error::{Error, Result};

/// Values of units for examples, in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Representation {
    /// Where it comes from, as on a command line: `file`, or `file:array` for one of several arrays of a file.
    pub name: String,
    /// Number of examples.
    pub rows: usize,
    /// Shape of one example, such as `[512]`, `[tokens, units]` or `[channels, height, width]`. Never empty: a single
    /// column has the shape `[1]`.
    pub shape: Vec<usize>,
    /// All values row-major, `rows * width()` of them, every one finite.
    pub values: Vec<f64>,
    /// Type of the numbers in the file.
    pub dtype: Kind,
}

impl Representation {
    /// Makes a representation after checking that the parts fit each other, that there is at least one value, and that
    /// all are finite.
    ///
    /// # Errors
    /// [`Error::Data`], with the name in the place of a path; for a value that is not finite it names row and column.
    pub fn new(name: String, rows: usize, shape: Vec<usize>, dtype: Kind, values: Vec<f64>) -> Result<Representation> {
        let shape = if shape.is_empty() { vec![1] } else { shape };
        let info = ArrayInfo { name, rows, shape, dtype };
        let width = width_of(&info)?;
        if width.checked_mul(rows) != Some(values.len()) {
            let (shape, came) = (&info.shape, values.len());
            return Err(Error::data(
                &info.name,
                format!("{rows} examples of shape {shape:?} do not make {came} values"),
            ));
        }
        check_values(&info, &values, 0)?;
        Ok(Representation { name: info.name, rows, shape: info.shape, values, dtype })
    }

    /// Number of values of one example.
    pub fn width(&self) -> usize {
        // As many as the values divided by the rows, whatever was done to the shape.
        self.values.len() / self.rows.max(1)
    }

    /// The values of one example, or nothing if there is no such row.
    pub fn row(&self, row: usize) -> Option<&[f64]> {
        let width = self.width();
        self.values.get(row.checked_mul(width)?..row.checked_add(1)?.checked_mul(width)?)
    }
}

/// What a user can say of how files are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Whether the first column of a table is an index, which is left out; by default it is found out.
    pub index: Option<bool>,
    /// Refuse an archive in which anything is not read, rather than leave it out.
    pub strict: bool,
}

/// What came out of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// In the order of the file, at least one.
    pub representations: Vec<Representation>,
    /// What else the file holds, and why it was left out.
    pub left_out: Vec<LeftOut>,
    /// What a user should know of how the file was read, such as that its first column is an index. Sentences without a
    /// subject.
    pub notes: Vec<String>,
}
