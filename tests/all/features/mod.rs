//! Data sets of Boolean features: what is made, and networks that are trained on them.

mod analysed;
mod forms;
mod made;
mod trained;

use isogram::data::Targets;
use isogram::data::features::Made;

fn labels(made: &Made) -> &[f32] {
    match &made.dataset.targets {
        Targets::Values(table) => &table.values,
        Targets::Classes { .. } | Targets::Tokens { .. } => panic!("numeric"),
    }
}
