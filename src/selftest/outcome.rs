//! How a case came out.

/// The outcome of one case.
#[derive(Clone, Debug)]
pub struct CaseOutcome {
    /// What was tried.
    pub case: String,
    /// Kernels that ran.
    pub kernels: Vec<String>,
    /// Largest difference from what is right, relative to the largest value.
    pub error: f64,
    /// What is allowed.
    pub tolerance: f64,
}

impl CaseOutcome {
    /// Whether it is small enough.
    pub fn passed(&self) -> bool {
        self.error <= self.tolerance
    }
}
