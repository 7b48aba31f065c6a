//! Values that matter, such as a plateau or a critical gain.

/// A value that matters: a dotted line with a label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// The value, in the unit of its axis.
    pub at: f64,
    /// What it is; may be empty.
    pub label: String,
}

impl Reference {
    /// A value with its name.
    pub fn new(at: f64, label: impl Into<String>) -> Self {
        Self { at, label: label.into() }
    }
}
