//! Measures of shapes and subspaces: Procrustes, canonical correlations, regression.

use super::crosses;
use super::device::{Cross, Device, Nuclear, NuclearValue};
use super::entry::{Direction, Entry, Extents, Held, Host, Invariance as I, Made, no_caution};
use super::given::{Given, Parameter, Takes};
use super::scale::{Scale, free};
use crate::error::Error;
use crate::measure::subspace::based::{Based, Basis};
use crate::measure::subspace::{canonical, functional, permutation, ridge, shape, shape_metric, svcca};

const ORTHOGONAL: &[I] = &[I::Translation, I::Scaling, I::Permutation, I::Orthogonal];
const LINEAR: &[I] = &[I::Translation, I::Scaling, I::UnitScaling, I::Permutation, I::Orthogonal, I::Linear];
const SHAPES: &str = "shapes";
const SUBSPACES: &str = "subspaces";
const PREDICTION: &str = "prediction";

/// Penalties that leaving one out chooses from.
const GRID: &[f64] = &[1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3];

/// What this family has.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "procrustes",
        title: "orthogonal Procrustes distance",
        family: SHAPES,
        formula: "angular: arccos(|XᵀY|_* / |X||Y|); normalised: sqrt(2 - 2 s); euclidean: min_Q |X - YQ|; squared; disparity: 1 - s²",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: ORTHOGONAL,
        scale: |g| match g.word("form") {
            "euclidean" => Scale::Common(1.0),
            "squared" => Scale::Common(2.0),
            _ => Scale::Free,
        },
        cost: "n p² + p³",
        held: |_, e| based_held(e),
        source: "Williams et al. 2021; Ding et al. 2021",
        parameters: &[Parameter {
            key: "form",
            takes: Takes::Word(&["angular", "normalised", "euclidean", "squared", "disparity"]),
            about: "euclidean and squared keep the scale; disparity is scipy's",
        }],
        caution: few_examples,
        make: |g| {
            let form: fn(&shape::Procrustes) -> f64 = match g.word("form") {
                "normalised" => |p| p.normalised,
                "euclidean" => |p| p.euclidean,
                "squared" => |p| p.squared,
                "disparity" => |p| p.disparity,
                _ => |p| p.angular,
            };
            Ok(Made { host: procrustes(Basis::Unit, form), device: nuclear(Basis::Unit, NuclearValue::Distance(form)) })
        },
    },
    Entry {
        name: "nbs",
        title: "normalised Bures similarity",
        family: SHAPES,
        formula: "|XᵀY|_* / (|X| |Y|)",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: ORTHOGONAL,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| based_held(e),
        source: "Harvey et al. 2024",
        parameters: &[],
        caution: few_examples,
        make: |_| {
            Ok(Made {
                host: procrustes(Basis::Unit, |p| p.nbs),
                device: nuclear(Basis::Unit, NuclearValue::Distance(|p| p.nbs)),
            })
        },
    },
    Entry {
        name: "shape",
        title: "generalised shape metric",
        family: SHAPES,
        formula: "Procrustes of X (α I + (1 - α) (XᵀX)^-½), variance kept",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: &[I::Translation, I::Permutation, I::Orthogonal],
        scale: |g| match (g.number("alpha") < 1.0, g.word("form")) {
            // Variances below an absolute number are raised to it, as in the package.
            (true, _) => Scale::Own,
            (false, "angular") => Scale::Free,
            _ => Scale::Common(1.0),
        },
        cost: "n p² + p³",
        held: |_, e| based_held(e),
        source: "Williams et al. 2021 (netrep's LinearMetric)",
        parameters: &[
            Parameter {
                key: "alpha",
                takes: Takes::Number { default: 1.0, low: 0.0, high: 1.0 },
                about: "1: Procrustes; 0: fully whitened",
            },
            Parameter {
                key: "form",
                takes: Takes::Word(&["angular", "euclidean", "euclidean-netrep"]),
                about: "euclidean-netrep counts directions without variance as the package does",
            },
        ],
        caution: few_examples,
        make: |g| {
            let (alpha, form) = (g.number("alpha"), g.word("form"));
            let basis = Basis::Whitened(alpha);
            let (host, device) = match form {
                "angular" => (procrustes(basis, |p| p.angular), nuclear(basis, NuclearValue::Distance(|p| p.angular))),
                "euclidean" => {
                    (procrustes(basis, |p| p.euclidean), nuclear(basis, NuclearValue::Distance(|p| p.euclidean)))
                }
                _ => (
                    Host::of_pair(move |x, y| Ok(shape_metric::shape_metric(x, y, alpha)?.euclidean_netrep)),
                    cross(crosses::netrep_euclidean(alpha)),
                ),
            };
            Ok(Made { host, device })
        },
    },
    Entry {
        name: "permutation_procrustes",
        title: "Procrustes distance by matching units",
        family: SHAPES,
        formula: "arccos(max_P tr(XᵀYP) / (|X| |Y|)), or min_P |X - YP|",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: &[I::Translation, I::Scaling, I::Permutation],
        scale: |g| if g.word("form") == "euclidean" { Scale::Common(1.0) } else { Scale::Free },
        cost: "n p² + p³",
        held: |_, e| Held::of_units(e),
        source: "Williams et al. 2021",
        parameters: &[Parameter {
            key: "form",
            takes: Takes::Word(&["angular", "euclidean"]),
            about: "euclidean keeps the scale",
        }],
        caution: few_examples,
        make: |g| {
            let angular = g.word("form") == "angular";
            let host = Host::of_pair(move |x, y| {
                let p = permutation::permutation_procrustes(x, y)?;
                Ok(if angular { p.angular } else { p.euclidean })
            });
            Ok(Made { host, device: cross(crosses::permutation_procrustes(angular)) })
        },
    },
    Entry {
        name: "cca",
        title: "canonical correlations",
        family: SUBSPACES,
        formula: "ρ: cosines of the angles between the column spaces; mean ρ, mean ρ², Σρ² (pillai), Σρ²/sqrt(p q) (yanai)",
        range: [0.0, f64::INFINITY],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: LINEAR,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Raghu et al. 2017; mean squared: Kornblith et al. 2019, table 1",
        parameters: &[
            Parameter {
                key: "form",
                takes: Takes::Word(&["mean", "mean-squared", "pillai", "yanai"]),
                about: "what is made of the correlations",
            },
            Parameter {
                key: "columns",
                takes: Takes::Word(&["centred", "uncentred"]),
                about: "uncentred as in the notebook of Kornblith et al.",
            },
            Parameter {
                key: "component",
                takes: Takes::Count { default: 0, low: 0 },
                about: "one correlation, from the largest, in place of a summary of all",
            },
        ],
        caution: forced_ones,
        make: |g| {
            let form = g.word("form");
            let centred = g.word("columns") == "centred";
            let component = g.count("component");
            if component > 0 {
                g.refuse(&["form"], "one correlation is taken")?;
                let one = move |c: &canonical::CanonicalCorrelations| {
                    c.correlations.get(component - 1).copied().ok_or_else(|| {
                        Error::Measure(format!(
                            "correlation {component} was asked for, and there are {}",
                            c.correlations.len()
                        ))
                    })
                };
                return Ok(crosses::correlations(centred, None, one).into());
            }
            let summary: fn(&canonical::CanonicalCorrelations) -> f64 = match form {
                "mean-squared" => |c| c.mean_squared(),
                "pillai" => |c| c.pillai(),
                "yanai" => |c| c.yanai_gcd(),
                _ => |c| c.mean(),
            };
            let value = match form {
                "mean" if centred => NuclearValue::Mean,
                "mean-squared" if centred => NuclearValue::MeanSquared,
                _ => return Ok(crosses::correlations(centred, None, move |c| Ok(summary(c))).into()),
            };
            let basis = Basis::Orthonormal;
            Ok(Made { host: correlations(basis, summary), device: nuclear(basis, value) })
        },
    },
    Entry {
        name: "svcca",
        title: "canonical correlations of the main components",
        family: SUBSPACES,
        formula: "CCA of the principal components that hold a part of the variance, or of a number of them",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: ORTHOGONAL,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Raghu et al. 2017",
        parameters: &[
            Parameter {
                key: "variance",
                takes: Takes::Number { default: 0.99, low: 1e-9, high: 1.0 - 1e-9 },
                about: "part of the variance that is kept",
            },
            Parameter {
                key: "dimensions",
                takes: Takes::Count { default: 0, low: 0 },
                about: "components that are kept, in place of a part of the variance",
            },
            Parameter {
                key: "form",
                takes: Takes::Word(&["mean", "mean-squared", "repsim"]),
                about: "of the correlations; repsim takes components of whitened data, and the sum of squares over the smaller rank",
            },
        ],
        caution: no_caution,
        make: |g| {
            let squared = g.word("form") == "mean-squared";
            if g.count("dimensions") > 0 {
                g.refuse(&["variance"], "a number of components is kept")?;
            }
            if g.word("form") == "repsim" {
                g.refuse(&["dimensions"], "repsim keeps a part of the variance")?;
                let part = g.number("variance");
                return Ok(crosses::repsim_svcca(part).into());
            }
            let keep = match g.count("dimensions") {
                0 => svcca::Keep::Variance(g.number("variance")),
                d => svcca::Keep::Dimensions(d),
            };
            let summary: fn(&canonical::CanonicalCorrelations) -> f64 =
                if squared { |c| c.mean_squared() } else { |c| c.mean() };
            Ok(match keep {
                svcca::Keep::Variance(part) => {
                    let value = if squared { NuclearValue::MeanSquared } else { NuclearValue::Mean };
                    let basis = Basis::Components(part);
                    Made { host: correlations(basis, summary), device: nuclear(basis, value) }
                }
                svcca::Keep::Dimensions(_) => crosses::correlations(true, Some(keep), move |c| Ok(summary(c))).into(),
            })
        },
    },
    Entry {
        name: "pwcca",
        title: "projection-weighted canonical correlations",
        family: SUBSPACES,
        formula: "Σ α_i ρ_i, α_i ∝ Σ_j |<h_i, x_j>| with canonical variables h",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Scaling, I::Permutation],
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Morcos et al. 2018",
        parameters: &[Parameter {
            key: "weights",
            takes: Takes::Word(&["first", "mean"]),
            about: "from the first representation, or the mean of both ways",
        }],
        caution: forced_ones,
        make: |g| {
            let mean = g.word("weights") == "mean";
            Ok(crosses::projection_weighted(mean).into())
        },
    },
    Entry {
        name: "eigenspace_overlap",
        title: "overlap of the left singular subspaces",
        family: SUBSPACES,
        formula: "|UᵀV|² / max(p, q), not centred",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: &[I::Scaling, I::UnitScaling, I::Permutation, I::Orthogonal, I::Linear],
        scale: free,
        cost: "n p²",
        held: |_, e| Held::of_factors(e),
        source: "May et al. 2019",
        parameters: &[Parameter {
            key: "over",
            takes: Takes::Word(&["units", "ranks"]),
            about: "what the overlap is divided by: the larger number of units, or of ranks",
        }],
        caution: no_caution,
        make: |g| Ok(crosses::eigenspace_overlap(g.word("over") == "units").into()),
    },
    Entry {
        name: "gulp",
        title: "difference of ridge predictors over all targets",
        family: SUBSPACES,
        formula: "d² = |S_x - S_y|² of the ridge smoothers of X, Y scaled to |.| = sqrt(n)",
        range: [0.0, f64::INFINITY],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: ORTHOGONAL,
        scale: free,
        cost: "n p² + p³",
        held: |_, e| Held::of_factors(e),
        source: "Boix-Adserà et al. 2022",
        parameters: &[
            Parameter {
                key: "lambda",
                takes: Takes::Number { default: 1e-2, low: 0.0, high: f64::MAX },
                about: "penalty",
            },
            Parameter { key: "form", takes: Takes::Word(&["distance", "squared"]), about: "the metric or its square" },
        ],
        caution: no_caution,
        make: |g| Ok(crosses::gulp(g.number("lambda"), g.word("form") == "squared").into()),
    },
    Entry {
        name: "linear_regression",
        title: "R² of the second from the first, linearly",
        family: PREDICTION,
        formula: "|Q_xᵀ Y|² / |Y|², on the examples of the fit",
        range: [0.0, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Scaling, I::Permutation, I::Orthogonal],
        scale: free,
        cost: "n p²",
        held: |_, e| Held::of_factors(e),
        source: "Kornblith et al. 2019, table 1",
        parameters: &[Parameter {
            key: "average",
            takes: Takes::Word(&["variance", "uniform"]),
            about: "targets weighted by their variance, or equally",
        }],
        caution: |_, e| {
            (e.n <= e.p.min(e.q) + 1).then(|| {
                format!(
                    "{} examples are not more than the {} units: the fit is exact whatever the data",
                    e.n,
                    e.p.min(e.q)
                )
            })
        },
        make: |g| Ok(crosses::linear_regression(g.word("average") == "uniform").into()),
    },
    Entry {
        name: "ridge",
        title: "held-out R² of the second from the first by ridge regression",
        family: PREDICTION,
        formula: "R² of held-out predictions over contiguous folds, pooled; or the mean over folds, or the median correlation",
        range: [f64::NEG_INFINITY, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Permutation, I::Orthogonal],
        scale: |g| if g.number("alpha") == 0.0 && g.word("choose") == "fixed" { Scale::Free } else { Scale::Own },
        cost: "folds (n p² + p³)",
        held: |_, e| Held::of_units(e),
        source: "scikit-learn's Ridge and KFold; brain-score for the median correlation",
        parameters: &[
            Parameter {
                key: "alpha",
                takes: Takes::Number { default: 1.0, low: 0.0, high: f64::MAX },
                about: "penalty",
            },
            Parameter {
                key: "choose",
                takes: Takes::Word(&["fixed", "leave-one-out"]),
                about: "alpha as given, or the best of 1e-3 to 1e3 by leave-one-out within each training part",
            },
            Parameter { key: "folds", takes: Takes::Count { default: 5, low: 2 }, about: "folds" },
            Parameter {
                key: "score",
                takes: Takes::Word(&["pooled", "uniform", "fold-mean", "median-pearson"]),
                about: "what is made of the predictions",
            },
        ],
        caution: no_caution,
        make: |g| {
            let (alpha, folds, score) = (g.number("alpha"), g.count("folds"), g.word("score"));
            let choose = g.word("choose") == "leave-one-out";
            if choose {
                g.refuse(&["alpha"], "the penalty is chosen by leaving one out")?;
            }
            let value = move |s: &ridge::RidgeScore| {
                let none = || {
                    Error::Measure(
                        "a fold has targets that do not vary, so this score is not defined; take the pooled one".into(),
                    )
                };
                match score {
                    "uniform" => Ok(s.r2_pooled_uniform),
                    "fold-mean" => s.r2_fold_mean.ok_or_else(none),
                    "median-pearson" => s.median_pearson.ok_or_else(none),
                    _ => Ok(s.r2_pooled),
                }
            };
            let host = Host::of_pair(move |x, y| {
                let penalty = if choose { ridge::Penalty::LeaveOneOut(GRID) } else { ridge::Penalty::Fixed(alpha) };
                value(&ridge::ridge_kfold(x, y, penalty, folds)?)
            });
            // The penalty that leaving one out chooses depends on what is predicted.
            let device = if choose { None } else { cross(crosses::ridge(alpha, folds, value)) };
            Ok(Made { host, device })
        },
    },
    Entry {
        name: "ridge_loo",
        title: "leave-one-out error of ridge regression at its best penalty",
        family: PREDICTION,
        formula: "-mean squared leave-one-out error at the best of the penalties 1e-3 to 1e3; or that penalty, or R²",
        range: [f64::NEG_INFINITY, f64::INFINITY],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Translation, I::Permutation, I::Orthogonal],
        scale: |_| Scale::Own,
        cost: "penalties n² p",
        held: |_, e| Held::of_units(e),
        source: "scikit-learn's RidgeCV",
        parameters: &[Parameter {
            key: "report",
            takes: Takes::Word(&["score", "alpha", "r2"]),
            about: "score is in the squared units of the second",
        }],
        caution: no_caution,
        make: |g| {
            let report = match g.word("report") {
                "alpha" => ridge::LooReport::Alpha,
                "r2" => ridge::LooReport::R2,
                _ => ridge::LooReport::Score,
            };
            let host = Host::of_pair(move |x, y| {
                let found = ridge::ridge_loo(x, y, GRID)?;
                Ok(match report {
                    ridge::LooReport::Alpha => found.alpha,
                    ridge::LooReport::R2 => found.r2,
                    ridge::LooReport::Score => found.best,
                })
            });
            Ok(Made { host, device: cross(crosses::ridge_loo(GRID, report)) })
        },
    },
    Entry {
        name: "output_jsd",
        title: "Jensen-Shannon divergence of outputs",
        family: PREDICTION,
        formula: "mean over examples of JSD(softmax x, softmax y), in bits; as many units on both sides",
        range: [0.0, 1.0],
        direction: Direction::Distance,
        symmetric: true,
        metric: false,
        invariances: &[],
        scale: |_| Scale::Own,
        cost: "n p",
        held: |_, e| Held::of_pair(e, 4.0 * (e.p + e.q) as f64),
        source: "Lin 1991; Klabunde et al. 2025",
        parameters: &[],
        caution: no_caution,
        make: |_| Ok(Made { host: Host::of_pair(functional::output_jsd_bits), device: Some(Device::Outputs) }),
    },
];

/// Each brought into its form once: no wider than there are examples.
fn based_held(e: Extents) -> Held {
    let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
    let (a, b) = (p.min(n), q.min(n));
    Held { prepared: n * a, preparing: 4.0 * n * p + 6.0 * a * a, comparing: 3.0 * n * (a + b) + 6.0 * (a + b).powi(2) }
}

/// A measure of the Procrustes family, each representation brought into its form once.
fn procrustes(basis: Basis, form: fn(&shape::Procrustes) -> f64) -> Host {
    Host::sized(move |x| Based::of(x, basis), move |a: &Based, b: &Based, sizes| Ok(form(&a.procrustes(b, sizes)?)))
}

/// A summary of canonical correlations, likewise.
fn correlations(basis: Basis, summary: fn(&canonical::CanonicalCorrelations) -> f64) -> Host {
    Host::new(move |x| Based::of(x, basis), move |a: &Based, b: &Based| Ok(summary(&a.canonical(b)?)))
}

fn nuclear(basis: Basis, value: NuclearValue) -> Option<Device> {
    Some(Device::Nuclear(Nuclear { basis, value, cross: crosses::singular(basis, value) }))
}

fn cross(form: Cross) -> Option<Device> {
    Some(Device::Cross(form))
}

fn few_examples(_: &Given, e: Extents) -> Option<String> {
    let units = e.p.max(e.q);
    (e.n < 2 * units).then(|| {
        format!("{} examples of up to {units} units: biased towards alike; compare with independent data", e.n)
    })
}

fn forced_ones(_: &Given, e: Extents) -> Option<String> {
    (e.n <= e.p + e.q).then(|| {
        format!("{} examples for {} + {} units: some canonical correlations are 1 whatever the data", e.n, e.p, e.q)
    })
}
