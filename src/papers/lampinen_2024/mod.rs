//! Lampinen, Chan & Hermann, *Learned feature representations are biased by complexity, learning order, position, and more*
//! (TMLR 2024): the experiments on binary features.
//!
//! Each claim says where it comes from: `[A]` the authors' own material, `[S]` readers' notes on the paper, `[P]` a
//! reconstruction, `[M]` values measured with independent code (the authors' published demonstration, or JAX) on the
//! reconstructed settings. What the paper says of vision and of transformers is listed as not tried.

mod analysed;
mod classifier;
mod complexity;
mod components;
mod density;
mod headline;
mod homomorphic;
mod interventions;
mod map;
mod networks;
mod order;
mod prevalence;
mod rsa;
mod settings;
mod shared;
mod substructure;
mod untried;
mod variations;
mod windows;

use super::{Lab, Outcome, Paper, Part, Scale, run_parts};
use crate::error::Result;
use shared::Shared;

/// The paper.
pub const PAPER: Paper = Paper {
    id: "lampinen-2024",
    title: "Learned feature representations are biased by complexity, learning order, position, and more",
    source: "Andrew Kyle Lampinen, Stephanie C. Y. Chan and Katherine Hermann, TMLR 09/2024 (arXiv 2405.05847)",
    summary: "Of two features that a network computes equally well, the simpler, the earlier learned and the more frequent fills more of \
              its representations: what a network represents most is not what it computes most.",
    settings: settings::as_json,
    settings_by_name: false,
    takes_data: false,
    parts: &[
        Part { name: "headline", what: "an easy and a hard feature over training, layer by layer" },
        Part { name: "complexity", what: "eight functions of four units beside an easy feature, and matched controls" },
        Part { name: "order", what: "either feature first, then both" },
        Part { name: "prevalence", what: "two equal features, of which one is seen less often" },
        Part { name: "architecture", what: "depth and width" },
        Part { name: "optimisers", what: "Adam, momentum, weight decay, dropout, activations" },
        Part {
            name: "components",
            what: "principal components: which feature they go with, and what is answered from the first few",
        },
        Part { name: "density", what: "in how many units each feature is found" },
        Part { name: "interventions", what: "how far one must go along a feature's direction to change the answer" },
        Part { name: "classifier", what: "which feature a new classifier follows that could use either" },
        Part { name: "substructure", what: "what is kept of how the hard feature is computed" },
        Part { name: "rsa", what: "similarity of networks trained on both features, on one, and untrained" },
        Part { name: "homomorphic", what: "bits under homomorphic encryption: a computation that does not show" },
        Part { name: "map", what: "beyond the paper: complexity, prevalence, order and depth, a thousand networks" },
        Part { name: "untried", what: "vision and transformers: listed, not tried" },
    ],
    run,
};

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<Outcome>> {
    let mut shared = Shared::new(lab);
    let mut outcomes = run_parts(lab, parts, &mut shared, |name| match name {
        "headline" => headline::run,
        "complexity" => complexity::run,
        "order" => order::run,
        "prevalence" => prevalence::run,
        "architecture" => variations::architecture,
        "optimisers" => variations::optimisers,
        "components" => components::run,
        "density" => density::run,
        "interventions" => interventions::run,
        "classifier" => classifier::run,
        "substructure" => substructure::run,
        "rsa" => rsa::run,
        "homomorphic" => homomorphic::run,
        "map" => map::run,
        _ => |_, _| Ok(untried::outcome()),
    })?;
    if lab.scale() == Scale::Paper {
        for outcome in &mut outcomes {
            outcome.claims = std::mem::take(&mut outcome.claims).into_iter().map(windows::at_paper_sizes).collect();
        }
    }
    Ok(outcomes)
}
