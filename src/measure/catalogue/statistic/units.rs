//! Statistics of units and examples as they are.

use super::{Form, StatisticEntry, number, word};
use crate::measure::catalogue::{Given, Scale};
use crate::measure::describe::{OfDistances, OnDevice};
use crate::measure::single::units::{
    Across, dead_unit_fraction, hoyer, norms, pairwise_distances, treves_rolls, uniformity,
};

const FAMILY: &str = "units and examples";

/// A list of the distances of all pairs, which grows as it is made, and a sorted copy.
const ALL_PAIRS: fn(&Given, f64, f64) -> f64 = |_, n, p| 2.0 * n * n + 4.0 * n * p;
/// A length grows with the data.
fn length(_: &Given) -> Scale {
    Scale::Each(1)
}

pub(super) const ENTRIES: &[StatisticEntry] = &[
    StatisticEntry::new(FAMILY, "uniformity", "uniformity on the sphere", |g| {
        let t = g.number("t");
        Form::of(move |x| uniformity(x, t)).on(OnDevice::Distances(OfDistances::Uniformity(t)))
    })
    .formula("log mean_{i<j} exp(-t |x_i - x_j|²), rows at unit length")
    .source("Wang and Isola 2020")
    .with(&[number("t", 2.0, [f64::MIN_POSITIVE, f64::MAX], "sharpness")]),
    StatisticEntry::new(FAMILY, "mean_distance", "mean distance of two examples", |_| {
        Form::of(|x| Ok(pairwise_distances(x)?.mean)).on(OnDevice::Distances(OfDistances::Mean))
    })
    .formula("mean_{i<j} |x_i - x_j|")
    .holds(ALL_PAIRS)
    .scaled(length),
    StatisticEntry::new(FAMILY, "median_distance", "median distance of two examples", |_| {
        Form::of(|x| Ok(pairwise_distances(x)?.median)).on(OnDevice::Distances(OfDistances::Median))
    })
    .formula("median_{i<j} |x_i - x_j|")
    .holds(ALL_PAIRS)
    .scaled(length),
    StatisticEntry::new(FAMILY, "mean_norm", "mean norm of an example", |_| Form::of(|x| Ok(norms(x)?.mean)))
        .formula("mean |x_i|")
        .scaled(length),
    StatisticEntry::new(FAMILY, "sparsity", "mean sparsity", |g| {
        let across = if g.word("across") == "units" { Across::Units } else { Across::Examples };
        match g.word("form") {
            "hoyer" => Form::of(move |x| Ok(hoyer(x, across)?.mean)),
            _ => Form::of(move |x| Ok(treves_rolls(x, across)?.mean)),
        }
    })
    .formula("treves-rolls: 1 - (mean |x|)² / mean x², scaled; hoyer: (√n - |x|₁/|x|₂) / (√n - 1)")
    .source("Treves and Rolls 1991, Vinje and Gallant 2000; Hoyer 2004")
    .with(&[
        word("form", &["treves-rolls", "hoyer"], "which"),
        word(
            "across",
            &["examples", "units"],
            "examples: of each unit (lifetime); units: of each example (population)",
        ),
    ]),
    StatisticEntry::new(FAMILY, "dead_units", "part of the units that never exceed a threshold", |g| {
        let threshold = g.number("threshold");
        Form::of(move |x| dead_unit_fraction(x, threshold))
    })
    .formula("mean_j [max_i |x_ij| <= threshold]")
    .scaled(|g| if g.number("threshold") > 0.0 { Scale::Own } else { Scale::Free })
    .with(&[number("threshold", 0.0, [0.0, f64::MAX], "largest size of a dead unit")]),
];
