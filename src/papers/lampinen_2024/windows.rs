//! At the paper's own sizes most bounds are those of smaller ones, and claims say so.

use crate::papers::claim::{Claim, Verdict};

/// A claim at the paper's own sizes, with the remark that its window was set at those of the notes; all but the shares of
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
