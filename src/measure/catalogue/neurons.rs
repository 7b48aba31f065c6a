//! Measures that match units, and that compare neighbourhoods.

use std::sync::Arc;

use super::crosses;
use super::device::{Cross, Device, Neighbourhood, Tables};
use super::entry::{Direction, Entry, Extents, Held, Host, Invariance as I, Made, no_caution};
use super::given::{Given, Parameter, Takes};
use super::scale::{Scale, free};
use crate::error::{Error, Result};
use crate::measure::embedding::Between;
use crate::measure::neurons::clustering::{ClusterOptions, Edges, cluster_units};
use crate::measure::neurons::information::{BiasCorrection, Binning, mutual_information};
use crate::measure::neurons::matching::{Sign, UnitScale, bipartite_match, semi_match, soft_match_distance};
use crate::measure::neurons::neighbours::{Nearness, Neighbours, jaccard, mutual_overlap, nearest_neighbours};
use crate::measure::neurons::prediction::{LassoOptions, sparse_prediction};
use crate::measure::neurons::topology::{Rtd, of_distances, rtd, rtd_sampled};

const UNITS: &str = "units";
const NEIGHBOURS: &str = "neighbours";

const SIGN: Parameter = Parameter {
    key: "sign",
    takes: Takes::Word(&["signed", "absolute"]),
    about: "absolute: a unit and its negative are the same",
};
const MATCHING: &[I] = &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation];

const NEAREST: &[Parameter] = &[
    Parameter { key: "k", takes: Takes::Count { default: 10, low: 1 }, about: "neighbours of each example" },
    Parameter {
        key: "by",
        takes: Takes::Word(&["cosine", "euclidean", "inner-product"]),
        about: "what makes two examples near",
    },
];

/// What this family has.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "bipartite_match",
        title: "mean correlation of units matched one to one",
        family: UNITS,
        formula: "max over one-to-one matchings of the mean correlation of min(p, q) pairs",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: MATCHING,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Li et al. 2016",
        parameters: &[SIGN],
        caution: constant_units,
        make: |g| Ok(crosses::bipartite_match(sign(g)).into()),
    },
    Entry {
        name: "semi_match",
        title: "mean correlation of each unit's best partner",
        family: UNITS,
        formula: "mean_i max_j C_ij; mean: of both ways",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: MATCHING,
        scale: free,
        cost: "n p²",
        held: |_, e| Held::of_factors(e),
        source: "Li et al. 2016",
        parameters: &[
            SIGN,
            Parameter {
                key: "way",
                takes: Takes::Word(&["first", "mean"]),
                about: "of the first's units, or of both ways",
            },
        ],
        caution: constant_units,
        make: |g| Ok(crosses::semi_match(sign(g), g.word("way") == "mean").into()),
    },
    Entry {
        name: "soft_match",
        title: "mean correlation of units matched by optimal transport",
        family: UNITS,
        formula: "max over couplings P with uniform marginals of Σ P C",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: MATCHING,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Khosla and Williams 2024",
        parameters: &[SIGN],
        caution: constant_units,
        make: |g| Ok(crosses::soft_match(sign(g)).into()),
    },
    Entry {
        name: "soft_match_distance",
        title: "soft-matching distance of units",
        family: UNITS,
        formula: "sqrt(min over couplings P with uniform marginals of Σ P |x_i - y_j|²)",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: MATCHING,
        scale: |g| if g.word("scale") == "centred" { Scale::Common(1.0) } else { Scale::Free },
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Khosla and Williams 2024",
        parameters: &[
            SIGN,
            Parameter {
                key: "scale",
                takes: Takes::Word(&["normalised", "centred"]),
                about: "units at norm one, or centred as they are",
            },
        ],
        caution: constant_units,
        make: |g| {
            let sign = sign(g);
            Ok(match g.word("scale") {
                "centred" => {
                    Host::of_pair(move |x, y| Ok(soft_match_distance(x, y, UnitScale::Centred, sign)?.value)).into()
                }
                _ => crosses::soft_match_distance(sign).into(),
            })
        },
    },
    Entry {
        name: "information_match",
        title: "mean mutual information of matched units",
        family: UNITS,
        formula: "histogram estimate in nats of I(x_i; y_j), matched one to one or by each unit's best",
        range: [0.0, f64::INFINITY],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation],
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_units(e),
        source: "Li et al. 2016",
        parameters: &[
            Parameter {
                key: "matching",
                takes: Takes::Word(&["bipartite", "semi"]),
                about: "one to one, or the best partner of each unit of the first",
            },
            Parameter { key: "bins", takes: Takes::Count { default: 10, low: 2 }, about: "bins of each unit" },
            Parameter {
                key: "binning",
                takes: Takes::Word(&["quantile", "equal-width"]),
                about: "equally filled, or equally wide",
            },
            Parameter {
                key: "bias",
                takes: Takes::Word(&["plug-in", "miller-madow"]),
                about: "whether the bias of few examples is taken off",
            },
        ],
        caution: constant_units,
        make: |g| {
            let bins = g.count("bins");
            let binning =
                if g.word("binning") == "equal-width" { Binning::EqualWidth(bins) } else { Binning::Quantile(bins) };
            let bias =
                if g.word("bias") == "miller-madow" { BiasCorrection::MillerMadow } else { BiasCorrection::None };
            let semi = g.word("matching") == "semi";
            let host = Host::of_pair(move |x, y| {
                let scores = mutual_information(x, y, binning, bias)?;
                if semi { Ok(semi_match(&scores)?.x_to_y) } else { Ok(bipartite_match(&scores)?.mean) }
            });
            Ok(Made { host, device: cross(crosses::information_match(binning, bias, semi)) })
        },
    },
    Entry {
        name: "sparse_prediction",
        title: "R² of the second's units from few of the first's",
        family: UNITS,
        formula: "mean R² over units of y of the lasso min |y - X w|² / 2n + alpha |w|₁, standardised units",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: MATCHING,
        scale: free,
        cost: "n p² + passes p² q",
        held: |_, e| Held::of_units(e),
        source: "Li et al. 2016",
        parameters: &[
            Parameter {
                key: "alpha",
                takes: Takes::Number { default: 0.05, low: f64::MIN_POSITIVE, high: 1.0 },
                about: "penalty; 1 uses no unit",
            },
            Parameter {
                key: "report",
                takes: Takes::Word(&["r2", "units"]),
                about: "mean R², or mean number of units used",
            },
        ],
        caution: constant_units,
        make: |g| {
            let (alpha, units) = (g.number("alpha"), g.word("report") == "units");
            Ok(Host::of_pair(move |x, y| {
                let options = LassoOptions { alphas: vec![alpha], ..LassoOptions::default() };
                let path = sparse_prediction(x, y, &options)?.path;
                let found = path
                    .first()
                    .ok_or_else(|| Error::Measure("the lasso has no solution: no penalty was given".into()))?;
                Ok(if units { found.mean_units_used } else { found.mean_r_squared })
            })
            .into())
        },
    },
    Entry {
        name: "unit_clusters",
        title: "part of the units in clusters that both networks share",
        family: UNITS,
        formula: "spectral clustering of all units by |correlation|; units in clusters with units of both, over all",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: MATCHING,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_pair(e, 4.0 * (e.n * (e.p + e.q)) as f64 + 9.0 * ((e.p + e.q) as f64).powi(2)),
        source: "Li et al. 2016",
        parameters: &[
            Parameter { key: "clusters", takes: Takes::Count { default: 8, low: 1 }, about: "how many" },
            Parameter {
                key: "edges",
                takes: Takes::Word(&["within-and-between", "between"]),
                about: "which pairs of units have an affinity",
            },
        ],
        caution: constant_units,
        make: |g| {
            let mut options = ClusterOptions::new(g.count("clusters"));
            options.edges = if g.word("edges") == "between" { Edges::Between } else { Edges::WithinAndBetween };
            Ok(Host::of_pair(move |x, y| Ok(cluster_units(x, y, &options)?.shared_units)).into())
        },
    },
    Entry {
        name: "knn",
        title: "common nearest neighbours",
        family: NEIGHBOURS,
        formula: "mean |A ∩ B| / k over examples, expected where equally near ones are drawn; chance level k / (n - 1)",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: &[I::Scaling, I::Permutation, I::Orthogonal],
        scale: free,
        cost: "n² p",
        held: nearest_held,
        source: "Huh et al. 2024",
        parameters: NEAREST,
        caution: chance,
        make: |g| Ok(nearest(g, mutual_overlap)),
    },
    Entry {
        name: "knn_jaccard",
        title: "Jaccard index of nearest neighbours",
        family: NEIGHBOURS,
        formula: "mean |A ∩ B| / |A ∪ B| over examples, expected where equally near ones are drawn",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: &[I::Scaling, I::Permutation, I::Orthogonal],
        scale: free,
        cost: "n² p",
        held: nearest_held,
        source: "Klabunde et al. 2025",
        parameters: NEAREST,
        caution: no_caution,
        make: |g| Ok(nearest(g, jaccard)),
    },
    Entry {
        name: "rtd",
        title: "representation topology divergence",
        family: "topology",
        formula: "sum of the H1 bars of the graph of r1 within min(r1, r2), distances over their 0.9-quantile",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Scaling, I::Permutation, I::Orthogonal],
        scale: free,
        cost: "n³ and more",
        held: rtd_held,
        source: "Barannikov et al. 2022",
        parameters: &[
            Parameter {
                key: "way",
                takes: Takes::Word(&["first", "mean"]),
                about: "of the first to the second, or of both ways",
            },
            Parameter {
                key: "batch",
                takes: Takes::Count { default: 0, low: 0 },
                about: "examples drawn at a time; 0: all",
            },
            Parameter {
                key: "repeats",
                takes: Takes::Count { default: 10, low: 1 },
                about: "draws, if there is a batch",
            },
            Parameter { key: "seed", takes: Takes::Count { default: 0, low: 0 }, about: "of the draws" },
        ],
        caution: |g, e| {
            (g.count("batch") == 0 && e.n > 300)
                .then(|| format!("{} examples at once take long; rtd:batch=200 draws subsets", e.n))
        },
        make: |g| {
            let (mean, batch, repeats, seed) =
                (g.word("way") == "mean", g.count("batch"), g.count("repeats"), g.count("seed") as u64);
            if batch == 0 {
                g.refuse(&["repeats", "seed"], "nothing is drawn without a batch")?;
            }
            let value = move |r: Rtd| if mean { r.mean } else { r.x_to_y };
            let host = Host::of_pair(move |x, y| {
                Ok(value(if batch == 0 { rtd(x, y)? } else { rtd_sampled(x, y, batch, repeats, seed)?.average }))
            });
            let tables = Tables {
                between: Between::Euclidean,
                per_unit: false,
                compare: Arc::new(move |a, b| Ok(value(of_distances(a.square(), b.square())?))),
            };
            Ok(Made { host, device: (batch == 0).then_some(Device::Tables(tables)) })
        },
    },
];

/// One row of distances at a time.
fn nearest_held(g: &Given, e: Extents) -> Held {
    let [n, p, k] = [e.n, e.p, g.count("k")].map(|side| side as f64);
    Held { prepared: n * k, preparing: 3.0 * n * p + 6.0 * n, comparing: 2.0 * n + 4.0 * k }
}

/// The graph of both sets of distances has twice the examples for its points.
fn rtd_held(g: &Given, e: Extents) -> Held {
    let drawn = if g.count("batch") == 0 { e.n } else { g.count("batch").min(e.n) };
    Held::of_pair(e, 40.0 * (drawn as f64).powi(2) + 2.0 * (e.n * (e.p + e.q)) as f64)
}

fn constant_units(_: &Given, e: Extents) -> Option<String> {
    (e.constant > 0).then(|| match e.constant {
        1 => "1 unit is the same for all examples, has no correlation and is left out".to_owned(),
        many => format!("{many} units are the same for all examples, have no correlation and are left out"),
    })
}

fn sign(g: &Given) -> Sign {
    if g.word("sign") == "absolute" { Sign::Absolute } else { Sign::Signed }
}

fn nearest(g: &Given, compare: fn(&Neighbours, &Neighbours) -> Result<f64>) -> Made {
    let k = g.count("k");
    let nearness = match g.word("by") {
        "euclidean" => Nearness::Euclidean,
        "inner-product" => Nearness::InnerProduct,
        _ => Nearness::Cosine,
    };
    Made {
        host: Host::new(move |x| nearest_neighbours(x, k, nearness), compare),
        device: Some(Device::Neighbours(Neighbourhood {
            k,
            nearness,
            compare: Arc::new(move |a, b| compare(a.neighbours, b.neighbours)),
        })),
    }
}

fn cross(form: Cross) -> Option<Device> {
    Some(Device::Cross(form))
}

fn chance(g: &Given, e: super::Extents) -> Option<String> {
    (e.n > 1).then(|| format!("chance level {:.4}", g.count("k") as f64 / (e.n as f64 - 1.0)))
}
