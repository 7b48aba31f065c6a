//! Checks of matrices of scores and costs.

use faer::MatRef;

use crate::error::{Error, Result};

/// Refuses an empty matrix and one with a value that is not finite.
pub(crate) fn check_matrix(m: MatRef<'_, f64>, name: &str) -> Result<()> {
    if m.nrows() == 0 || m.ncols() == 0 {
        let (rows, columns) = (m.nrows(), m.ncols());
        return Err(Error::Measure(format!("expected a {name} matrix with rows and columns, got {rows} × {columns}")));
    }
    if (0..m.ncols()).any(|j| m.col(j).iter().any(|v| !v.is_finite())) {
        return Err(Error::Measure(format!("expected finite values in the {name} matrix, got NaN or infinity")));
    }
    Ok(())
}

/// Largest magnitude in a matrix.
pub(crate) fn max_abs(m: MatRef<'_, f64>) -> f64 {
    (0..m.ncols()).flat_map(|j| m.col(j).iter()).fold(0.0, |a: f64, b| a.max(b.abs()))
}
