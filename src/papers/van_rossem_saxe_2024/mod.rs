//! van Rossem & Saxe, *When Representations Align: Universality in Representation Learning Dynamics* (ICML 2024).
//!
//! The settings are those of the released experiments, the predictions partly those of the paper and partly of independent
//! runs of its settings (their source is said with each claim).

mod analyses;
mod contexts;
mod distances;
mod fits;
mod images;
mod phase;
mod real;
mod runs;
mod settings;
mod shared;
mod structure;
mod xor;

use super::{Lab, Paper, Part, PartOutcome, Runner, part, parts_of, run_parts};
use crate::error::Result;
use shared::Shared;

/// Its parts, each with what runs it.
const PARTS: [(Part, Runner<Shared>); 10] = [
    part("phase", "beyond the paper: rich to lazy over gain and depth, hundreds of networks in one sweep", phase::run),
    part("trajectories", "two points, every architecture: trajectories with the fitted theory", |lab, shared| {
        shared.declared(lab, "trajectories")
    }),
    part("depth", "the theory fitted at each layer of one network", |lab, shared| shared.declared(lab, "depth")),
    part("distances", "final distances, predicted against measured, over architectures and tasks", distances::run),
    part("controls", "altered equations, which should not fit", |lab, shared| shared.declared(lab, "controls")),
    part("xor", "exclusive or: rich, intermediate and lazy networks", xor::run),
    part("contexts", "two contexts: what a rich network compresses", contexts::run),
    part("real", "a pair followed through real classification (digits, or MNIST with --data)", real::run),
    part("structure", "distances of all pairs of 100 real images", structure::run),
    part("optimisers", "beyond the paper: momentum and Adam", |lab, shared| shared.declared(lab, "optimisers")),
];

/// The paper.
pub const PAPER: Paper = Paper {
    id: "van-rossem-saxe-2024",
    title: "When Representations Align: Universality in Representation Learning Dynamics",
    source: "Loek van Rossem and Andrew M. Saxe, ICML 2024 (PMLR 235:49098-49121, arXiv 2402.09142)",
    summary: "Two numbers per architecture, the effective rates 1/tau_h and 1/tau_y, predict how the representations of two \
              inputs approach or part during training, whatever the architecture; and how far apart they end.",
    settings: super::Settings::By(table),
    settings_by_name: true,
    settable: false,
    takes_data: true,
    parts: &parts_of(&PARTS),
    run: super::Run::By(run),
};

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
    let mut shared = Shared::new(lab)?;
    run_parts(lab, parts, &mut shared, &PARTS)
}

/// The released settings, as the paper's file has them.
fn table() -> serde_json::Value {
    let file: toml::Table = toml::from_str(shared::FILE).unwrap_or_default();
    let sweep = file.get("sweep").and_then(|sweeps| sweeps.get("table"));
    serde_json::to_value(sweep).unwrap_or_default()
}
