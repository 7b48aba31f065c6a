//! Windows of claims, by scale: those of the notes where values are known, and rougher ones declared beforehand, from the
//! direction and rough size of each effect, where networks are smaller.

use super::networks::{mean, spread};
use crate::papers::Scale;

/// Lowest and highest value that bears a claim out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window(pub f64, pub f64);

impl Window {
    /// Whether a value is inside; what is not a number never is.
    pub fn holds(self, value: f64) -> bool {
        value >= self.0 && value <= self.1
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Window(low, high) = *self;
        match (low.is_finite(), high.is_finite()) {
            (true, true) => write!(f, "{low} to {high}"),
            (true, false) => write!(f, "at least {low}"),
            (false, true) => write!(f, "at most {high}"),
            (false, false) => write!(f, "any"),
        }
    }
}

/// Whether values are known for this scale.
pub fn known(scale: Scale) -> bool {
    scale >= Scale::Notes
}

/// `0.585 ± 0.051 / 0.115 ± 0.070 (8 of 8 networks)`.
pub fn both(easy: &[f64], hard: &[f64], of: u32) -> String {
    format!("{} / {} ({} of {of} networks learned both)", spread(easy), spread(hard), easy.len())
}

/// Mean of the first less that of the second.
pub fn gap(easy: &[f64], hard: &[f64]) -> f64 {
    mean(easy) - mean(hard)
}
