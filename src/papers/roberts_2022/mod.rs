//! Roberts, Yaida & Hanin, *The Principles of Deep Learning Theory* (2022): its predictions for networks as they are drawn. All of it
//! is declared in `paper.toml`: thousands of networks with real weights, none of which is trained.

use serde_json::Value;

use super::claims::Declared;
use super::{Lab, Paper, Part, PartOutcome, Runner, part, parts_of, run_parts};
use crate::error::Result;

/// Its parts, in the order of the file.
const PARTS: [(Part, Runner<Declared>); 7] = [
    part("kernel", "the mean square by depth, at the critical variances and off them", |lab, d| d.run(lab, "kernel")),
    part("vertex", "how far mean squares of networks lie apart, by depth and width", |lab, d| d.run(lab, "vertex")),
    part("gaussian", "how far single units are from normal", |lab, d| d.run(lab, "gaussian")),
    part("pairs", "two inputs: their correlation by depth", |lab, d| d.run(lab, "pairs")),
    part("ntk", "mean and spread of the neural tangent kernel", |lab, d| d.run(lab, "ntk")),
    part("chaos", "networks as deep as they are wide: mean squares on a log scale", |lab, d| d.run(lab, "chaos")),
    part("untried", "training, and what else is listed, not tried", |lab, d| d.run(lab, "untried")),
];

/// The paper.
pub const PAPER: Paper = Paper {
    id: "roberts-2022",
    title: "The Principles of Deep Learning Theory",
    source: "Daniel A. Roberts, Sho Yaida and Boris Hanin, Cambridge University Press 2022 (arXiv 2106.10165)",
    summary: "Networks drawn at random are nearly Gaussian. Corrections are of the order of one over the width and add up from layer to \
              layer, so that depth over width says how far networks of different seeds lie apart.",
    settings,
    settings_by_name: false,
    settable: false,
    takes_data: false,
    parts: &parts_of(&PARTS),
    run,
};

const TEXT: &str = include_str!("paper.toml");

/// Its sweeps, for the report.
fn settings() -> Value {
    toml::from_str::<Value>(TEXT).ok().and_then(|file| file.get("sweep").cloned()).unwrap_or_default()
}

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
    let mut declared = Declared::parse(TEXT, PAPER.id, lab.scale(), &[])?;
    run_parts(lab, parts, &mut declared, &PARTS)
}
