//! What the paper says of vision and of transformers, which waits for their layers.

use crate::papers::PartOutcome;
use crate::papers::claim::{Claim, Kind};

/// The claims, none of them tried.
pub fn outcome() -> PartOutcome {
    let claim = |id: &str, sentence: &str, source: &str, why: &str| {
        Claim::new(id, Kind::Prediction, sentence).source(source).untried(why)
    };
    let claims = vec![
        claim(
            "untried.position",
            "Transformers represent features that they decode earlier in the output more strongly",
            "[A] abstract; [M] .375 .226 .237 .088 over four positions",
            "needs attention and embeddings, which are not there yet",
        ),
        claim(
            "untried.colour",
            "Convolutional networks represent colour more strongly than shape, residual ones the reverse",
            "[S]",
            "needs convolution and pooling, which are not there yet",
        ),
    ];
    PartOutcome { claims, sections: Vec::new() }
}
