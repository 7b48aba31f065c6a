//! Doshi, Das, He & Gromov, *To grok or not to grok: disentangling generalization and memorization on corrupted algorithmic datasets*
//! (ICLR 2024): networks that learn addition modulo p from labels of which a part is replaced.

mod analyses;

use serde_json::Value;

use super::claims::Declared;
use super::{Lab, Paper, Part, PartOutcome, Runner, part, parts_of, run_parts};
use crate::error::Result;

const TEXT: &str = include_str!("paper.toml");

/// Its parts; `paper.toml` says what they are.
const PARTS: [(Part, Runner<Declared>); 10] = [
    part("analytic", "the network of cosines that adds modulo p", |lab, file| file.run(lab, "analytic")),
    part("grokking", "clean labels and decay: accuracies and IPR over training", |lab, file| file.run(lab, "grokking")),
    part("phases", "labels replaced: coexistence, inversion, forgetting", |lab, file| file.run(lab, "phases")),
    part("pruning", "units removed by their IPR, by their norm, at random", |lab, file| file.run(lab, "pruning")),
    part("stages", "what is learned, and given up, when", |lab, file| file.run(lab, "stages")),
    part("dropout", "dropout in place of decay", |lab, file| file.run(lab, "dropout")),
    part("minibatch", "small batches without batch norm: a control", |lab, file| file.run(lab, "minibatch")),
    part("batchnorm", "batch norm: which units its weights turn down", |lab, file| file.run(lab, "batchnorm")),
    part("map", "phases over alpha, xi and decay, with several seeds", |lab, file| file.run(lab, "map")),
    part("untried", "listed, not tried", |lab, file| file.run(lab, "untried")),
];

/// The paper.
pub const PAPER: Paper = Paper {
    id: "doshi-2023",
    title: "To grok or not to grok: disentangling generalization and memorization on corrupted algorithmic datasets",
    source: "Darshil Doshi, Aritra Das, Tianyu He and Andrey Gromov, ICLR 2024 (arXiv 2310.13061)",
    summary: "A network can learn the rule of addition modulo p and, at once, the labels that break it: periodic units hold the rule, \
              others the exceptions. Weight decay and dropout turn the latter into the former.",
    settings,
    settings_by_name: false,
    settable: true,
    takes_data: false,
    parts: &parts_of(&PARTS),
    run,
};

/// Its numbers at each scale, for the report.
fn settings() -> Value {
    let file: toml::Table = toml::from_str(TEXT).unwrap_or_default();
    serde_json::to_value(file.get("setting")).unwrap_or_default()
}

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
    let set = lab.request().set.clone();
    let mut file = Declared::parse_with(TEXT, PAPER.id, lab.scale(), &set, analyses::ANALYSES)?;
    run_parts(lab, parts, &mut file, &PARTS)
}
