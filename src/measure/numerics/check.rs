//! Checks of what a caller gives to a measure, so that every measure refuses bad input with the same sentences.

use crate::error::{Error, Result};
use faer::MatRef;

use super::algebra::largest;

/// Shorthand for an [`Error::Measure`].
pub fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::Measure(message.into()))
}

/// Checks one representation: at least `rows` examples, at least one unit, every value finite.
///
/// # Errors
/// [`Error::Measure`] which names the representation as `name`.
pub fn check(x: MatRef<'_, f64>, name: &str, rows: usize) -> Result<()> {
    if x.nrows() < rows {
        return refuse(format!(
            "expected at least {rows} examples (rows) in {name}, got {}; pass more examples",
            x.nrows()
        ));
    }
    if x.ncols() == 0 {
        return refuse(format!("expected at least one unit (column) in {name}, got none; pass a non-empty matrix"));
    }
    for j in 0..x.ncols() {
        if let Some(i) = x.col(j).iter().position(|v| !v.is_finite()) {
            return refuse(format!(
                "expected finite values in {name}, got {} at row {i}, column {j}; remove or repair that example",
                x[(i, j)]
            ));
        }
    }
    Ok(())
}

/// Checks two representations of the same examples, each as [`check`] does.
///
/// # Errors
/// [`Error::Measure`] when a representation is refused or the row counts differ.
pub fn check_pair(x: MatRef<'_, f64>, y: MatRef<'_, f64>, rows: usize) -> Result<()> {
    same_examples(x.nrows(), y.nrows())?;
    check(x, "the first representation", rows)?;
    check(y, "the second representation", rows)
}

/// Refuses two representations, or what was made of them, of different numbers of examples.
///
/// # Errors
/// [`Error::Measure`] when the numbers differ.
pub fn same_examples(first: usize, second: usize) -> Result<()> {
    if first == second {
        return Ok(());
    }
    refuse(format!("expected the same examples in both, got {first} and {second} rows; pass matching rows"))
}

/// Refuses an empty matrix of scores or costs, and one with a value that is not finite.
///
/// # Errors
/// [`Error::Measure`] which names the matrix as `name`.
pub fn check_matrix(m: MatRef<'_, f64>, name: &str) -> Result<()> {
    if m.nrows() == 0 || m.ncols() == 0 {
        let (rows, columns) = m.shape();
        return refuse(format!("expected a {name} matrix with rows and columns, got {rows} x {columns}; add units"));
    }
    if m.col_iter().any(|c| c.iter().any(|v| !v.is_finite())) {
        return refuse(format!("expected finite values in the {name} matrix, got NaN or infinity; repair the input"));
    }
    Ok(())
}

/// Checks a square matrix of finite values with at least `rows` rows, such as a Gram matrix, and that it is symmetric
/// up to rounding.
///
/// # Errors
/// [`Error::Measure`] which names the matrix as `name`.
pub fn check_symmetric(k: MatRef<'_, f64>, name: &str, rows: usize) -> Result<()> {
    if k.nrows() != k.ncols() {
        return refuse(format!("expected a square matrix as {name}, got {} x {}", k.nrows(), k.ncols()));
    }
    check(k, name, rows)?;
    let largest = largest(k);
    for j in 0..k.ncols() {
        for i in 0..j {
            if (k[(i, j)] - k[(j, i)]).abs() > 1e-10 * largest {
                return refuse(format!(
                    "expected a symmetric matrix as {name}, got {} at ({i}, {j}) and {} at ({j}, {i}); symmetrise it",
                    k[(i, j)],
                    k[(j, i)]
                ));
            }
        }
    }
    Ok(())
}

/// Passes a finite number on.
///
/// # Errors
/// [`Error::Measure`] for NaN or infinity, which only numbers near the limits of f64 lead to.
pub fn finite(value: f64, what: &str) -> Result<f64> {
    if value.is_finite() {
        Ok(value)
    } else {
        refuse(format!("{what} left the range of f64 (got {value}); scale the representations nearer to one"))
    }
}
