//! Lampinen, Chan & Hermann, *Learned feature representations are biased by complexity, learning order, position, and more*
//! (TMLR 2024).
//!
//! Each claim says where it comes from: `[A]` the authors' own material, `[S]` readers' notes on the paper, `[P]` a
//! reconstruction, `[M]` values measured with independent code (the authors' published demonstration, or JAX) on the
//! reconstructed settings.

mod analyses;
mod homomorphic;
mod map;
mod networks;
mod rsa;
mod shared;
mod windows;

use super::{Lab, Paper, Part, PartOutcome, Runner, Scale, part, parts_of, run_parts};
use crate::error::Result;
use shared::Shared;

/// Its parts, each with what runs it.
const PARTS: [(Part, Runner<Shared>); 16] = [
    part("headline", "an easy and a hard feature over training, layer by layer", |lab, shared| {
        shared.declared(lab, "headline")
    }),
    part("complexity", "eight functions of four units beside an easy feature, and matched controls", |lab, shared| {
        shared.declared(lab, "complexity")
    }),
    part("order", "either feature first, then both", |lab, shared| shared.declared(lab, "order")),
    part("prevalence", "two equal features, of which one is seen less often", |lab, shared| {
        shared.declared(lab, "prevalence")
    }),
    part("architecture", "depth and width", |lab, shared| shared.declared(lab, "architecture")),
    part("optimisers", "Adam, momentum, weight decay, dropout, activations", |lab, shared| {
        shared.declared(lab, "optimisers")
    }),
    part(
        "components",
        "principal components: which feature they go with, and what is answered from the first few",
        |lab, shared| shared.declared(lab, "components"),
    ),
    part("density", "in how many units each feature is found", |lab, shared| shared.declared(lab, "density")),
    part("interventions", "how far one must go along a feature's direction to change the answer", |lab, shared| {
        shared.declared(lab, "interventions")
    }),
    part("classifier", "which feature a new classifier follows that could use either", |lab, shared| {
        shared.declared(lab, "classifier")
    }),
    part("substructure", "what is kept of how the hard feature is computed", |lab, shared| {
        shared.declared(lab, "substructure")
    }),
    part("rsa", "similarity of networks trained on both features, on one, and untrained", |lab, shared| {
        shared.declared(lab, "rsa")
    }),
    part("homomorphic", "bits under homomorphic encryption: a computation that does not show", |lab, shared| {
        shared.declared(lab, "homomorphic")
    }),
    part("map", "beyond the paper: complexity, prevalence, order and depth, a thousand networks", map::run),
    part(
        "vision",
        "colour, shape and texture of a thing in a picture, in plain and residual convolutional networks: exploratory",
        |lab, shared| shared.declared(lab, "vision"),
    ),
    part("position", "a transformer that answers for features one after the other, in either order", |lab, shared| {
        shared.declared(lab, "position")
    }),
];

/// The paper.
pub const PAPER: Paper = Paper {
    id: "lampinen-2024",
    title: "Learned feature representations are biased by complexity, learning order, position, and more",
    source: "Andrew Kyle Lampinen, Stephanie C. Y. Chan and Katherine Hermann, TMLR 09/2024 (arXiv 2405.05847)",
    summary: "Of two features that a network computes equally well, the simpler, the earlier learned and the more frequent fills more of \
              its representations: what a network represents most is not what it computes most.",
    settings: super::Settings::By(shared::settings),
    settings_by_name: false,
    settable: false,
    takes_data: false,
    parts: &parts_of(&PARTS),
    run: super::Run::By(run),
};

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
    let mut shared = Shared::new(lab)?;
    let mut outcomes = run_parts(lab, parts, &mut shared, &PARTS)?;
    if lab.scale() == Scale::Paper {
        for outcome in &mut outcomes {
            outcome.claims = std::mem::take(&mut outcome.claims).into_iter().map(windows::at_paper_sizes).collect();
        }
    }
    Ok(outcomes)
}
