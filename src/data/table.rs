//! Examples side by side in memory.

use std::path::Path;

use super::decode::Value;
use crate::error::{Error, Result};

/// A number of examples of the same shape, one after another (row-major).
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Number of examples.
    pub rows: usize,
    /// Shape of one example, such as `[64]`, `[8, 8]` or `[3, 32, 32]`. Never empty: a single column has the shape
    /// `[1]`.
    pub shape: Vec<usize>,
    /// All values, `rows * width()` of them, every one finite.
    pub values: Vec<f32>,
}

impl Table {
    /// Makes a table after checking that the parts fit each other and that every value is finite. `source` is the file
    /// (or whatever stands for it in messages) that the values come from.
    pub fn new(rows: usize, shape: Vec<usize>, values: Vec<f32>, source: &Path) -> Result<Table> {
        let shape = if shape.is_empty() { vec![1] } else { shape };
        let width = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        if width.and_then(|width| width.checked_mul(rows)) != Some(values.len()) {
            let came = values.len();
            return Err(Error::data(source, format!("{rows} examples of shape {shape:?} do not make {came} values")));
        }
        if values.is_empty() {
            return Err(Error::data(
                source,
                format!(
                    "expected at least one example with one value, but it holds {rows} examples of shape {shape:?}"
                ),
            ));
        }
        let table = Table { rows, shape, values };
        check_finite(&table.values, 0, table.width(), source)?;
        Ok(table)
    }

    /// Number of values of one example.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// The values of one example.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        let width = self.width();
        &self.values[row * width..(row + 1) * width]
    }

    /// The examples with these numbers, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> Table {
        Table { rows: rows.len(), shape: self.shape.clone(), values: select_rows(&self.values, self.width(), rows) }
    }

    /// The same values with examples of another shape, such as `[64]` seen as `[8, 8]`.
    pub fn reshaped(self, shape: Vec<usize>) -> Result<Table> {
        let width = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
        if shape.is_empty() || width != Some(self.width()) {
            let (from, count) = (&self.shape, self.width());
            return Err(Error::Shape(format!(
                "examples of shape {from:?} ({count} values) cannot be seen as {shape:?}; the product must stay"
            )));
        }
        Ok(Table { shape, ..self })
    }
}

/// The rows of `width` values with these numbers, in this order.
///
/// # Panics
/// If there is no such row.
pub fn select_rows<V: Copy>(values: &[V], width: usize, rows: &[usize]) -> Vec<V> {
    let mut selected = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        selected.extend_from_slice(&values[row * width..(row + 1) * width]);
    }
    selected
}

/// Checks that every value of rows of `width` values is finite. `first` is the number of the first of them.
pub(super) fn check_finite<V: Value>(values: &[V], first: usize, width: usize, source: &Path) -> Result<()> {
    let Some(at) = values.iter().position(|value| !value.to_f64().is_finite()) else { return Ok(()) };
    let (row, column, value) = (first + at / width.max(1), at % width.max(1), values[at]);
    Err(Error::data(
        source,
        format!("row {row}, column {column} (counted from 0) is {value}, but {}; repair or drop that row", V::WANTED),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize, shape: &[usize], values: &[f32]) -> Result<Table> {
        Table::new(rows, shape.to_vec(), values.to_vec(), Path::new("x.npy"))
    }

    #[test]
    fn parts_must_fit() {
        assert_eq!(table(2, &[], &[1.0, 2.0]).unwrap().shape, [1]);
        assert_eq!(table(2, &[1, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap().width(), 2);
        for (rows, shape, values) in
            [(2, &[2][..], &[1.0; 3][..]), (0, &[2], &[]), (2, &[0], &[]), (2, &[usize::MAX, 3], &[1.0])]
        {
            assert!(table(rows, shape, values).is_err(), "{rows} {shape:?}");
        }
    }

    #[test]
    fn values_must_be_finite() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let message = table(2, &[3], &[0.0, 0.0, 0.0, 0.0, 0.0, bad]).unwrap_err().to_string();
            assert!(message.contains("row 1, column 2"), "{message}");
        }
    }

    #[test]
    fn rows_are_selected_in_order() {
        let all = table(3, &[2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let some = all.select(&[2, 0]);
        assert_eq!((some.rows, some.values.as_slice()), (2, &[4.0, 5.0, 0.0, 1.0][..]));
        assert_eq!(all.row(1), [2.0, 3.0]);
    }

    #[test]
    fn reshaping_keeps_the_values() {
        let all = table(1, &[4], &[0.0, 1.0, 2.0, 3.0]).unwrap();
        assert_eq!(all.clone().reshaped(vec![2, 2]).unwrap().shape, [2, 2]);
        assert!(all.clone().reshaped(vec![3]).is_err());
        assert!(all.reshaped(vec![]).is_err());
    }
}
