//! A representation with a name.

use faer::Mat;

/// A representation with a name, `[examples, units]`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name in tables and pictures.
    pub name: String,
    /// Its values.
    pub values: Mat<f64>,
}
