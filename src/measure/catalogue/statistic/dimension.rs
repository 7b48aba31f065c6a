//! Intrinsic dimensions.

use super::{Form, StatisticEntry, count, number, word};
use crate::measure::catalogue::Given;
use crate::measure::describe::{OfNeighbours, OnDevice};
use crate::measure::single::dimension::{
    Combine, Duplicates, EmpiricalCdf, correlation_integral, levina_bickel, two_nn, two_nn_likelihood,
};

const FAMILY: &str = "intrinsic dimension";

const DUPLICATES: &str = "equal rows: points at distance zero left out but kept as neighbours (scikit-dimension's TwoNN), \
                         all but one removed, or all kept (scikit-dimension's CorrInt; an error where undetermined)";

fn duplicates(g: &Given) -> Duplicates {
    match g.word("duplicates") {
        "keep-one" => Duplicates::KeepOne,
        "keep-all" => Duplicates::KeepAll,
        _ => Duplicates::DropPoints,
    }
}

pub(super) const ENTRIES: &[StatisticEntry] = &[
    StatisticEntry::new(FAMILY, "two_nn", "TwoNN intrinsic dimension", |g| {
        let (discard, duplicates) = (g.number("discard"), duplicates(g));
        let cdf = if g.word("cdf") == "rank" { EmpiricalCdf::Rank } else { EmpiricalCdf::RankMinusOne };
        if g.word("form") == "likelihood" {
            return Form::of(move |x| Ok(two_nn_likelihood(x, duplicates)?.value))
                .on(OnDevice::Neighbours(OfNeighbours::TwoNnLikelihood(duplicates)));
        }
        Form::of(move |x| Ok(two_nn(x, discard, cdf, duplicates)?.value))
            .on(OnDevice::Neighbours(OfNeighbours::TwoNn(discard, cdf, duplicates)))
    })
    .formula("slope through the origin of -log(1 - F) on log(r₂ / r₁); or N / Σ log(r₂ / r₁)")
    .source("Facco et al. 2017")
    .with(&[
        word("form", &["fit", "likelihood"], "least squares, or maximum likelihood"),
        number("discard", 0.1, [0.0, 0.99], "part of the largest ratios left out of the fit"),
        word("cdf", &["rank", "rank-less-one"], "F = i/N, or (i - 1)/N as older scikit-dimension has it"),
        word("duplicates", &["drop-points", "keep-one", "keep-all"], DUPLICATES),
    ]),
    StatisticEntry::new(FAMILY, "levina_bickel", "Levina and Bickel's intrinsic dimension", |g| {
        let (k, duplicates) = (g.count("k"), duplicates(g));
        let combine = match g.word("combine") {
            "mean" => Combine::Mean,
            "median" => Combine::Median,
            _ => Combine::HarmonicMean,
        };
        Form::of(move |x| Ok(levina_bickel(x, k, combine, duplicates)?.value))
            .on(OnDevice::Neighbours(OfNeighbours::LevinaBickel(k, combine, duplicates)))
    })
    .formula("harmonic mean over points of [Σ_{j<k} log(T_k / T_j) / (k - 1)]⁻¹")
    .source("Levina and Bickel 2004, MacKay and Ghahramani 2005")
    .with(&[
        count("k", 20, 2, "neighbours"),
        word("combine", &["harmonic", "mean", "median"], "over points"),
        word("duplicates", &["keep-one", "drop-points", "keep-all"], DUPLICATES),
    ]),
    StatisticEntry::new(
        FAMILY,
        "correlation_dimension",
        "correlation dimension between two numbers of neighbours",
        |g| {
            let (k1, k2, duplicates) = (g.count("k1"), g.count("k2"), duplicates(g));
            Form::of(move |x| Ok(correlation_integral(x, k1, k2, duplicates)?.value))
                .on(OnDevice::Neighbours(OfNeighbours::CorrelationDimension(k1, k2, duplicates)))
        },
    )
    .formula("log(C(r₂) / C(r₁)) / log(r₂ / r₁), r the median distances to neighbours k1, k2")
    .source("Grassberger and Procaccia 1983; scikit-dimension's CorrInt")
    .holds(|_, n, p| 2.0 * n * n + 8.0 * n * p)
    .with(&[
        count("k1", 10, 1, "fewer neighbours"),
        count("k2", 20, 2, "more neighbours"),
        word("duplicates", &["keep-all", "keep-one", "drop-points"], DUPLICATES),
    ]),
];
