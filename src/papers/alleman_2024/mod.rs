//! Alleman, Lindsey & Fusi, *Task structure and nonlinearity jointly determine learned representational geometry* (ICLR 2024):
//! what a hidden layer represents, by its activation function alone.

mod analyses;

use super::claims::Declared;
use super::{Lab, Paper, Part, PartOutcome, Runner, part, parts_of, run_parts};
use crate::error::Result;

const TEXT: &str = include_str!("paper.toml");

/// Its parts; `paper.toml` says what they are.
const PARTS: [(Part, Runner<Declared>); 9] = [
    part("clusters", "four clusters: tanh and ReLU over training", |lab, file| file.run(lab, "clusters")),
    part("activations", "the same task with every activation", |lab, file| file.run(lab, "activations")),
    part("separability", "an exclusive or, separable by degrees, with noise", |lab, file| {
        file.run(lab, "separability")
    }),
    part("weights", "where the weights of units point in the end", |lab, file| file.run(lab, "weights")),
    part("alignment", "kernels of given alignment, 1 and 5 targets", |lab, file| file.run(lab, "alignment")),
    part("depth", "one, five and ten hidden layers, all trained", |lab, file| file.run(lab, "depth")),
    part("readout", "the readout trained, with biases and without", |lab, file| file.run(lab, "readout")),
    part("map", "beyond the paper: clipped lines, initial scale", |lab, file| file.run(lab, "map")),
    part("untried", "listed, not tried", |lab, file| file.run(lab, "untried")),
];

/// The paper.
pub const PAPER: Paper = Paper {
    id: "alleman-2024",
    title: "Task structure and nonlinearity jointly determine learned representational geometry",
    source: "Matteo Alleman, Jack W. Lindsey and Stefano Fusi, ICLR 2024 (arXiv 2401.13558)",
    summary: "Networks that solve a task equally well represent other things: the hidden layer of a tanh network takes the geometry of \
              the targets, that of a ReLU network keeps the geometry of the inputs. Means of conditions are drawn anew for each seed.",
    settings,
    settings_by_name: false,
    settable: true,
    takes_data: false,
    parts: &parts_of(&PARTS),
    run,
};

/// Its numbers at each scale, for the report.
fn settings() -> serde_json::Value {
    let file: toml::Table = toml::from_str(TEXT).unwrap_or_default();
    serde_json::to_value(file.get("setting")).unwrap_or_default()
}

fn run(lab: &mut Lab<'_>, parts: &[&'static Part]) -> Result<Vec<PartOutcome>> {
    let set = lab.request().set.clone();
    let mut file = Declared::parse_with(TEXT, PAPER.id, lab.scale(), &set, analyses::ANALYSES)?;
    run_parts(lab, parts, &mut file, &PARTS)
}
