//! Windows of claims, by scale: those of the notes where values are known, and rougher ones declared beforehand, from the
//! direction and rough size of each effect, where networks are smaller.

use super::networks::{mean, spread};
use crate::papers::Scale;
use crate::papers::claim::{Claim, Measured, Verdict, measured};

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

/// A claim at the paper's own sizes, with the remark that its window was set at those of [`Scale::Notes`]; all but the shares of
/// the headline were, and what has networks of its own whatever the scale.
pub fn at_paper_sizes(claim: Claim) -> Claim {
    let own = |id: &str| {
        let parts = ["map.", "homomorphic."];
        ["headline.uniform", "headline.variance"].contains(&id) || parts.iter().any(|part| id.starts_with(part))
    };
    if claim.verdict == Verdict::NotTested || own(&claim.id) {
        return claim;
    }
    let place = format!("{}; window set with 8,192 examples in place of 32,768", claim.place);
    claim.source(place)
}

/// Whether values are known for this scale.
pub fn known(scale: Scale) -> bool {
    scale >= Scale::Notes
}

/// `0.585 ± 0.051 / 0.115 ± 0.070 (8 of 8 networks)`.
pub fn both(easy: &[f64], hard: &[f64], of: u32) -> Measured {
    measured!("{} / {} ({} of {of} networks learned both)", spread(easy), spread(hard), easy.len())
}

/// Mean of the first less that of the second.
pub fn gap(easy: &[f64], hard: &[f64]) -> f64 {
    mean(easy) - mean(hard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::claim::Kind;

    #[test]
    fn claims_say_where_their_windows_were_set() {
        let of = |id: &str| {
            let claim = Claim::new(id, Kind::Prediction, "something").source("[M]");
            (at_paper_sizes(claim.clone()).place, at_paper_sizes(claim.measured("1", 8, true)).place)
        };
        let said = "[M]; window set with 8,192 examples in place of 32,768";
        assert_eq!(of("headline.layers"), ("[M]".to_owned(), said.to_owned()));
        assert_eq!(of("headline.uniform").1, "[M]");
        assert_eq!(of("map.when").1, "[M]");
    }
}
