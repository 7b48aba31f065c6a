//! Lampinen, Chan & Hermann, *Learned feature representations are biased by complexity, learning order, position, and more*
//! (TMLR 2024): the experiments on binary features.
//!
//! Each claim says where it comes from: `[A]` the authors' own material, `[S]` readers' notes on the paper, `[P]` a
//! reconstruction, `[M]` values measured with independent code (the authors' published demonstration, or JAX) on the
//! reconstructed settings. What the paper says of vision and of transformers is listed as not tried.

mod networks;
mod settings;
mod shared;
mod start;

use super::{Lab, Outcome, Paper, Part};
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
    parts: &[Part {
        name: "start",
        what: "an easy and a hard feature over training, layer by layer: the paper's headline",
    }],
    run,
};

type Runner = fn(&mut Lab<'_>, &mut Shared) -> Result<Outcome>;

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<Outcome>> {
    let mut shared = Shared::new(lab);
    let mut outcomes = Vec::new();
    for part in parts {
        lab.note(&format!("{}: {}", part.name, part.what));
        let runner: Runner = match part.name {
            _ => start::run,
        };
        outcomes.push(runner(lab, &mut shared)?);
    }
    Ok(outcomes)
}
