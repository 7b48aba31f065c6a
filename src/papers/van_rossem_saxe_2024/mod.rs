//! van Rossem & Saxe, *When Representations Align: Universality in Representation Learning Dynamics* (ICML 2024).
//!
//! The settings are those of the released experiments, the predictions partly those of the paper and partly of independent
//! runs of its settings (their source is said with each claim). Convolutional networks wait for convolution.

mod contexts;
mod controls;
mod depth;
mod distances;
mod fits;
mod images;
mod optimisers;
mod phase;
mod real;
mod runs;
mod settings;
mod shared;
mod structure;
mod trajectories;
mod xor;

use super::{Lab, Outcome, Paper, Part, run_parts};
use crate::error::Result;
use shared::Shared;

/// The paper.
pub const PAPER: Paper = Paper {
    id: "van-rossem-saxe-2024",
    title: "When Representations Align: Universality in Representation Learning Dynamics",
    source: "Loek van Rossem and Andrew M. Saxe, ICML 2024 (PMLR 235:49098-49121, arXiv 2402.09142)",
    summary: "Two numbers per architecture, the effective rates 1/tau_h and 1/tau_y, predict how the representations of two \
              inputs approach or part during training, whatever the architecture; and how far apart they end.",
    settings: settings::as_json,
    settings_by_name: true,
    takes_data: true,
    parts: &[
        Part {
            name: "phase",
            what: "beyond the paper: rich to lazy over gain and depth, hundreds of networks in one sweep",
        },
        Part { name: "trajectories", what: "two points, every architecture: trajectories with the fitted theory" },
        Part { name: "depth", what: "the theory fitted at each layer of one network" },
        Part { name: "distances", what: "final distances, predicted against measured, over architectures and tasks" },
        Part { name: "controls", what: "altered equations, which should not fit" },
        Part { name: "xor", what: "exclusive or: rich, intermediate and lazy networks" },
        Part { name: "contexts", what: "two contexts: what a rich network compresses" },
        Part { name: "real", what: "a pair followed through real classification (digits, or MNIST with --data)" },
        Part { name: "structure", what: "distances of all pairs of 100 real images" },
        Part { name: "optimisers", what: "beyond the paper: momentum and Adam" },
    ],
    run,
};

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<Outcome>> {
    let mut shared = Shared::new(lab)?;
    run_parts(lab, parts, &mut shared, |name| match name {
        "phase" => phase::run,
        "trajectories" => trajectories::run,
        "depth" => depth::run,
        "distances" => distances::run,
        "controls" => controls::run,
        "xor" => xor::run,
        "contexts" => contexts::run,
        "real" => real::run,
        "structure" => structure::run,
        _ => optimisers::run,
    })
}
