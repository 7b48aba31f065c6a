//! Comparison of representational dissimilarity matrices.

use faer::Mat;

use std::sync::Arc;

use super::crosses;
use super::device::{Cosine, Device, FromProducts, Ranks, Tables};
use super::entry::{Direction, Entry, Extents, Held, Host, Invariance as I, Made, no_caution};
use super::given::{Given, Parameter, Takes};
use super::scale::Scale;
use crate::error::{Error, Result};
use crate::measure::Estimator;
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::pairwise::bures::{Wanted, bures_metric_squared_rsatoolbox, bures_similarity_rsatoolbox};
use crate::measure::pairwise::rank::average_ranks;
use crate::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use crate::measure::pairwise::rsa::{Comparison, compare};
use crate::measure::ranks::RankComparison;

const DISTANCE: Parameter = Parameter {
    key: "rdm",
    takes: Takes::Word(&["correlation", "sqeuclidean", "euclidean", "cosine", "cityblock", "poisson"]),
    about: "dissimilarity of two examples",
};
const NEGATIVE: Parameter = Parameter {
    key: "negative",
    takes: Takes::Word(&["projected", "rsatoolbox"]),
    about: "what becomes of negative eigenvalues of the Gram matrix",
};
const INVARIANCES: &[I] = &[I::Scaling, I::Permutation];

/// What this family has.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "rsa",
        title: "representational similarity analysis",
        family: "RDMs",
        formula: "the RDMs' upper triangles compared by rank correlation (what only rounding tells apart ties), correlation or cosine, whitened or not",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: INVARIANCES,
        scale: |g| if g.word("rdm") == "poisson" { Scale::Own } else { Scale::Free },
        cost: "n² p, ranks n² log n",
        held: rdms_held,
        source: "Kriegeskorte et al. 2008; whitened: Diedrichsen et al. 2021; rho-a, tau-a: Nili et al. 2014, Schütt et al. 2023",
        parameters: &[
            DISTANCE,
            Parameter {
                key: "by",
                takes: Takes::Word(&[
                    "spearman",
                    "pearson",
                    "cosine-of",
                    "kendall",
                    "tau-a",
                    "tau-b",
                    "rho-a",
                    "whitened-cosine",
                    "whitened-pearson",
                ]),
                about: "how RDMs are compared; kendall is tau-a",
            },
        ],
        caution: no_caution,
        make: rsa,
    },
    Entry {
        name: "rsa_bures",
        title: "Bures similarity of RDMs",
        family: "RDMs",
        formula: "tr((G_x½ G_y G_x½)½) / sqrt(tr G_x tr G_y), G = -½ H D H",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: INVARIANCES,
        scale: |g| if g.word("rdm") == "poisson" { Scale::Own } else { Scale::Free },
        cost: "n³",
        held: factored_held,
        source: "Harvey et al. 2024; Schütt et al. 2023",
        parameters: &[DISTANCE, NEGATIVE],
        caution: no_caution,
        make: |g| {
            let d = dissimilarity(g);
            Ok(if g.word("negative") == "rsatoolbox" {
                let host = Host::new(move |x| rdm(x, d), bures_similarity_rsatoolbox);
                factored(host, d, Wanted::SimilarityRsatoolbox, false)
            } else {
                factored(by(d, Comparison::Bures), d, Wanted::Similarity, false)
            })
        },
    },
    Entry {
        name: "rsa_bures_distance",
        title: "Bures metric of RDMs",
        family: "RDMs",
        formula: "sqrt(tr G_x + tr G_y - 2 tr((G_x½ G_y G_x½)½)), or its square",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: &[I::Permutation],
        scale: distance_scale,
        cost: "n³",
        held: factored_held,
        source: "Bhatia, Jain, Lim 2019; Schütt et al. 2023",
        parameters: &[
            DISTANCE,
            Parameter { key: "form", takes: Takes::Word(&["metric", "squared"]), about: "the metric or its square" },
            NEGATIVE,
        ],
        caution: no_caution,
        make: |g| {
            let (d, squared) = (dissimilarity(g), g.word("form") == "squared");
            if g.word("negative") == "rsatoolbox" {
                let host = sized(d, move |a, b| {
                    let value = bures_metric_squared_rsatoolbox(a, b)?;
                    Ok(if squared { value } else { value.max(0.0).sqrt() })
                });
                return Ok(factored(host, d, Wanted::MetricSquaredRsatoolbox, !squared));
            }
            let form = if squared { Comparison::BuresMetricSquared } else { Comparison::BuresMetric };
            let host = sized(d, move |a, b| compare(a, b, form));
            Ok(factored(host, d, Wanted::MetricSquared, !squared))
        },
    },
];

/// Upper triangles, and ranks or what is sorted beside them.
fn rdms_held(g: &Given, e: Extents) -> Held {
    let [n, p] = [e.n, e.p].map(|side| side as f64);
    let comparing = if g.word("by") == "spearman" { 0.0 } else { 3.0 * n * n };
    Held { prepared: 0.5 * n * n, preparing: 2.0 * n * n + 3.0 * n * p, comparing }
}

/// Square roots of Gram matrices.
fn factored_held(_: &Given, e: Extents) -> Held {
    let [n, p] = [e.n, e.p].map(|side| side as f64);
    Held { prepared: 0.5 * n * n, preparing: n * n + 3.0 * n * p, comparing: 12.0 * n * n }
}

fn dissimilarity(g: &Given) -> Dissimilarity {
    match g.word("rdm") {
        "sqeuclidean" => Dissimilarity::SquaredEuclideanPerUnit,
        "euclidean" => Dissimilarity::Euclidean,
        "cosine" => Dissimilarity::Cosine,
        "cityblock" => Dissimilarity::Cityblock,
        "poisson" => Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 },
        _ => Dissimilarity::Correlation,
    }
}

/// What a table on the device holds for a dissimilarity, and whether it is divided by the number of units.
fn between(d: Dissimilarity) -> (Between, bool) {
    match d {
        Dissimilarity::SquaredEuclideanPerUnit => (Between::SquaredEuclidean, true),
        Dissimilarity::SquaredEuclidean => (Between::SquaredEuclidean, false),
        Dissimilarity::Euclidean => (Between::Euclidean, false),
        Dissimilarity::Correlation => (Between::Correlation, false),
        Dissimilarity::Cosine => (Between::Cosine, false),
        Dissimilarity::Cityblock => (Between::CityBlock, false),
        Dissimilarity::Poisson { prior_rate, prior_weight } => {
            (Between::Poisson((prior_rate * prior_weight) as f32, (1.0 / (1.0 + prior_weight)) as f32), true)
        }
    }
}

fn by(d: Dissimilarity, comparison: Comparison) -> Host {
    Host::new(move |x| rdm(x, d), move |a: &Rdm, b: &Rdm| compare(a, b, comparison))
}

/// A comparison of RDMs that keep their size.
fn sized(d: Dissimilarity, compare: impl Fn(&Rdm, &Rdm) -> Result<f64> + Send + Sync + 'static) -> Host {
    let power = degree(d);
    Host::sized(
        move |x| rdm(x, d),
        move |a: &Rdm, b: &Rdm, factors| {
            if power == 0 || factors == [1.0, 1.0] {
                return compare(a, b);
            }
            compare(&a.times(factors[0].powi(power)), &b.times(factors[1].powi(power)))
        },
    )
}

/// The power of the data's scale that a dissimilarity grows with.
fn degree(d: Dissimilarity) -> i32 {
    match d {
        Dissimilarity::SquaredEuclidean | Dissimilarity::SquaredEuclideanPerUnit => 2,
        Dissimilarity::Euclidean | Dissimilarity::Cityblock => 1,
        _ => 0,
    }
}

/// A Bures metric grows with the root of the RDM.
fn distance_scale(g: &Given) -> Scale {
    let d = dissimilarity(g);
    let power = f64::from(degree(d));
    match (d, g.word("form")) {
        (Dissimilarity::Poisson { .. }, _) => Scale::Own,
        (_, "squared") => Scale::Common(power),
        _ => Scale::Common(power / 2.0),
    }
}

fn factored(host: Host, d: Dissimilarity, wanted: Wanted, root: bool) -> Made {
    Made { host, device: Some(Device::Cross(crosses::bures(d, wanted, root))) }
}

/// A comparison of two tables of dissimilarities, which are made on either machine.
fn on_tables(d: Dissimilarity, compare: impl Fn(&Rdm, &Rdm) -> Result<f64> + Clone + Send + Sync + 'static) -> Made {
    let (between, per_unit) = between(d);
    let tables = Tables { between, per_unit, compare: Arc::new(compare.clone()) };
    Made { host: Host::new(move |x| rdm(x, d), compare), device: Some(Device::Tables(tables)) }
}

fn rsa(g: &Given) -> Result<Made> {
    let d = dissimilarity(g);
    let (comparison, centring) = match g.word("by") {
        "pearson" => (Comparison::Pearson, Some(Centring::Mean)),
        "cosine-of" => (Comparison::Cosine, Some(Centring::Raw)),
        "whitened-cosine" => (Comparison::WhitenedCosine, Some(Centring::Hsic(Estimator::Biased))),
        "whitened-pearson" => (Comparison::WhitenedPearson, Some(Centring::DoubleOfMean)),
        "kendall" | "tau-a" => (Comparison::TauA, None),
        "tau-b" => (Comparison::TauB, None),
        "rho-a" => (Comparison::RhoA, None),
        _ => (Comparison::Spearman, None),
    };
    let mut made = on_tables(d, move |a, b| compare(a, b, comparison));
    if comparison == Comparison::Spearman {
        made.host = by_ranks(d);
    } else if RankComparison::of(comparison).is_some() {
        // Ties are found once for all pairs of an RDM.
        let ranked = move |a: &Rdm, b: &Rdm| compare(a, b, comparison);
        made.host = Host::new(move |x| Ok(rdm(x, d)?.with_ties()), ranked);
    }
    if let (Some(rank), Some(Device::Tables(tables))) = (RankComparison::of(comparison), &made.device) {
        made.device = Some(Device::Ranks(Ranks { comparison: rank, tables: tables.clone() }));
    }
    if let Some(centring) = centring {
        let embedding = Embedding::new(between(d).0, centring);
        made.device = Some(Device::Cosine(Cosine { embedding, value: FromProducts::Cosine }));
    }
    Ok(made)
}

/// Spearman's correlation with each RDM ranked once: centred ranks at unit length, whose inner product it is.
fn by_ranks(d: Dissimilarity) -> Host {
    Host::new(
        move |x| {
            let table = rdm(x, d)?.with_ties();
            let mut ranks = average_ranks(table.values())?;
            let mean = (ranks.len() as f64 + 1.0) / 2.0;
            ranks.iter_mut().for_each(|r| *r -= mean);
            let norm = ranks.iter().map(|r| r * r).sum::<f64>().sqrt();
            if norm == 0.0 {
                return Err(Error::Measure(
                    "expected dissimilarities that differ, got a constant RDM, whose ranks say nothing; leave it out"
                        .into(),
                ));
            }
            let count = ranks.len();
            Ok(Mat::from_fn(count, 1, |i, _| ranks[i] / norm))
        },
        |a: &Mat<f64>, b: &Mat<f64>| {
            if a.nrows() != b.nrows() {
                return Err(Error::Measure(format!(
                    "expected RDMs of the same examples, got {} and {} pairs",
                    a.nrows(),
                    b.nrows()
                )));
            }
            Ok((a.transpose() * b)[(0, 0)])
        },
    )
}
