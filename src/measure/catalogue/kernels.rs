//! Measures of kernels: HSIC, CKA, distance correlation, CKNNA.

use std::sync::Arc;

use super::device::{Cosine, Device, FromProducts, Neighbourhood, Surroundings};
use super::entry::{Direction, Entry, Extents, Held, Host, Invariance as I, Made, no_caution};
use super::given::{Given, Parameter, Takes};
use super::scale::{Scale, free};
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::embedding::{self, Between, Centring, Embedding, Pool};
use crate::measure::pairwise::cknna;
use crate::measure::pairwise::distance_correlation::CentredDistances;
use crate::measure::pairwise::gram::{Bandwidth, Kernel};
use crate::measure::pairwise::kernel::{self, Embedded};

const FAMILY: &str = "kernels";

const KERNEL: Parameter = Parameter {
    key: "kernel",
    takes: Takes::Word(&["linear", "rbf", "laplace"]),
    about: "linear: X Xᵀ; rbf: exp(-d²/2σ²); laplace: exp(-d/σ)",
};
const THRESHOLD: Parameter = Parameter {
    key: "threshold",
    takes: Takes::Number { default: 1.0, low: f64::MIN_POSITIVE, high: f64::MAX },
    about: "σ of rbf and laplace as a multiple of the median distance",
};
const MEDIAN: Parameter = Parameter {
    key: "median",
    takes: Takes::Word(&["all", "all-lower", "pairs", "nonzero"]),
    about: "which distances the median is of: all n² (Kornblith), the lower middle of those (torch), i < j, not zero",
};
const SIGMA: Parameter = Parameter {
    key: "sigma",
    takes: Takes::Number { default: 0.0, low: 0.0, high: f64::MAX },
    about: "σ itself, in place of a multiple of the median",
};
const ESTIMATORS: [&str; Estimator::ALL.len()] =
    [Estimator::ALL[0].word(), Estimator::ALL[1].word(), Estimator::ALL[2].word()];
const ESTIMATOR: Parameter = Parameter {
    key: "estimator",
    takes: Takes::Written(&ESTIMATORS),
    about: "debiased: Song et al. 2012; biased: Gretton et al. 2005; lange: without the diagonal after centring",
};
const CKA_OPTIONS: &[Parameter] = &[ESTIMATOR, KERNEL, THRESHOLD, MEDIAN, SIGMA];

const ORTHOGONAL: &[I] = &[I::Translation, I::Scaling, I::Permutation, I::Orthogonal];

/// What this family has.
pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "cka",
        title: "centred kernel alignment",
        family: FAMILY,
        formula: "HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: ORTHOGONAL,
        scale: width,
        cost: "n² p",
        held: cka_held,
        source: "Kornblith et al. 2019, eq. 4; unbiased HSIC: Song et al. 2012, eq. 5",
        parameters: CKA_OPTIONS,
        caution: few_examples,
        make: cka,
    },
    Entry {
        name: "angular_cka",
        title: "angle of the centred kernels",
        family: FAMILY,
        formula: "arccos CKA(K, L), in radians",
        range: [0.0, std::f64::consts::PI],
        direction: Direction::Distance,
        symmetric: true,
        metric: true,
        invariances: ORTHOGONAL,
        scale: width,
        cost: "n² p",
        held: angular_held,
        source: "Williams et al. 2021",
        parameters: CKA_OPTIONS,
        caution: few_examples,
        make: |g| {
            let (k, e) = (kernel_of(g)?, estimator_of(g));
            let host = Host::new(
                move |x| kernel::angled(x, k, e),
                move |a: &kernel::Angled, b: &kernel::Angled| kernel::angle(a, b, k, e),
            );
            Ok(Made { host, device: cosine(k, e, None, FromProducts::Angle(SURE)) })
        },
    },
    Entry {
        name: "hsic",
        title: "Hilbert-Schmidt independence criterion",
        family: FAMILY,
        formula: "biased: tr(K H L H) / (n - 1)²; debiased: Song et al. 2012, eq. 5",
        range: [f64::NEG_INFINITY, f64::INFINITY],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: &[I::Translation, I::Permutation, I::Orthogonal],
        scale: |g| if g.word("kernel") == "linear" { Scale::Each(2) } else { width(g) },
        cost: "n² p",
        held: kernels_held,
        source: "Gretton et al. 2005; Song et al. 2012, eq. 5",
        parameters: CKA_OPTIONS,
        caution: no_caution,
        make: |g| {
            let (k, e) = (kernel_of(g)?, estimator_of(g));
            let over: fn(f64) -> f64 = match e {
                Estimator::Biased => |n| (n - 1.0) * (n - 1.0),
                Estimator::Debiased | Estimator::Lange => |n| n * (n - 3.0),
            };
            let host = Host::of_pair(move |x, y| kernel::hsic(x, y, k, e));
            Ok(Made { host, device: cosine(k, e, None, FromProducts::Product(over)) })
        },
    },
    Entry {
        name: "minibatch_cka",
        title: "CKA summed over batches of examples",
        family: FAMILY,
        formula: "Σ HSIC(K_b, L_b) / sqrt(Σ HSIC(K_b, K_b) Σ HSIC(L_b, L_b)), unbiased HSIC",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: ORTHOGONAL,
        scale: width,
        cost: "n batch p",
        held: |g, e| Held::of_pair(e, 8.0 * (g.count("batch") as f64).powi(2) + 2.0 * (e.n * (e.p + e.q)) as f64),
        source: "Nguyen, Raghu, Kornblith 2021",
        parameters: &[
            Parameter {
                key: "estimator",
                takes: Takes::Written(&[Estimator::Debiased.word()]),
                about: "debiased alone: other estimators depend on the size of the batches",
            },
            Parameter {
                key: "batch",
                takes: Takes::Count { default: 64, low: 4 },
                about: "examples of a batch; what does not fill the last is left out",
            },
            KERNEL,
            THRESHOLD,
            MEDIAN,
            SIGMA,
        ],
        caution: |g, e| {
            let left = e.n % g.count("batch").max(1);
            (left > 0).then(|| format!("the last {left} of {} examples do not fill a batch and are left out", e.n))
        },
        make: |g| {
            let (k, batch) = (kernel_of(g)?, g.count("batch"));
            let host = Host::of_pair(move |x, y| kernel::minibatch_cka(x, y, k, batch));
            Ok(Made { host, device: cosine(k, Estimator::Debiased, Some(batch), FromProducts::Cosine) })
        },
    },
    Entry {
        name: "distance_correlation",
        title: "correlation of centred distances",
        family: FAMILY,
        formula: "biased: sqrt(dCov² / sqrt(dVar² dVar²)) of double-centred D; debiased: the squared form of U-centred D",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: true,
        metric: false,
        invariances: ORTHOGONAL,
        scale: free,
        cost: "n² p",
        held: |_, e| {
            let [n, p] = [e.n, e.p].map(|side| side as f64);
            Held { prepared: n * (n + 1.0) / 2.0, preparing: 4.0 * n * n + 2.0 * n * p, comparing: n }
        },
        source: "Székely, Rizzo, Bakirov 2007; debiased: Székely and Rizzo 2014",
        parameters: &[Parameter {
            key: "estimator",
            takes: Takes::Written(&["debiased", "biased"]),
            about: "debiased: squared and bias-corrected, may be negative; biased: the original",
        }],
        caution: few_examples,
        make: |g| {
            let between = Between::Euclidean;
            Ok(if g.word("estimator") == "biased" {
                Made {
                    host: Host::new(CentredDistances::biased, CentredDistances::correlation)
                        .of_products(CentredDistances::vector, |r| r.max(0.0).sqrt()),
                    device: Some(Device::Cosine(Cosine {
                        embedding: Embedding::new(between, Centring::Hsic(Estimator::Biased)),
                        value: FromProducts::Root(ROOT),
                    })),
                }
            } else {
                Made {
                    host: Host::new(CentredDistances::debiased, CentredDistances::squared_correlation)
                        .of_products(CentredDistances::vector, |r| r),
                    device: Some(Device::Cosine(Cosine {
                        embedding: Embedding::new(between, Centring::Hsic(Estimator::Debiased)),
                        value: FromProducts::Cosine,
                    })),
                }
            })
        },
    },
    Entry {
        name: "cknna",
        title: "CKA among common nearest neighbours",
        family: FAMILY,
        formula: "unbiased HSIC of K, L masked to pairs that are neighbours in both (of those equally near by their chance), over the root of each with itself",
        range: [-1.0, 1.0],
        direction: Direction::Similarity,
        symmetric: false,
        metric: false,
        invariances: &[I::Scaling, I::Permutation, I::Orthogonal],
        scale: |g| if g.word("rows") == "raw" && g.number("epsilon") > 0.0 { Scale::Own } else { Scale::Free },
        cost: "n² p",
        held: cknna_held,
        source: "Huh et al. 2024",
        parameters: &[
            Parameter { key: "k", takes: Takes::Count { default: 10, low: 1 }, about: "neighbours" },
            Parameter {
                key: "rows",
                takes: Takes::Word(&["unit", "raw"]),
                about: "whether rows are first divided by their norm",
            },
            Parameter {
                key: "epsilon",
                takes: Takes::Number { default: 1e-6, low: 0.0, high: 1.0 },
                about: "added to the denominator (1e-6 in the authors' code)",
            },
        ],
        caution: no_caution,
        make: |g| {
            let settings = cknna::Cknna {
                neighbours: g.count("k"),
                unit_rows: g.word("rows") == "unit",
                epsilon: g.number("epsilon"),
            };
            let nearness = settings.nearness();
            let compare = Arc::new(move |a: Surroundings<'_>, b: Surroundings<'_>| {
                let masked = |s: Surroundings<'_>| cknna::Masked::at(s.values, s.neighbours, settings);
                cknna::compare(&masked(a)?, &masked(b)?, settings)
            });
            Ok(Made {
                host: Host::new(
                    move |x| cknna::Masked::of(x, settings),
                    move |a: &cknna::Masked, b: &cknna::Masked| cknna::compare(a, b, settings),
                ),
                device: Some(Device::Neighbours(Neighbourhood { k: settings.neighbours, nearness, compare })),
            })
        },
    },
];

/// The kernel at neighbours alone, each with its place and its chance.
fn cknna_held(g: &Given, e: Extents) -> Held {
    let [n, p, k] = [e.n, e.p, g.count("k")].map(|side| side as f64);
    Held { prepared: n * (6.0 * k + 4.0), preparing: 4.0 * n * p + n * (2.0 * k + 12.0), comparing: 2.0 * n + 4.0 * k }
}

/// Of measures whose kernel may have a width in the units of the data.
fn width(g: &Given) -> Scale {
    if g.number("sigma") > 0.0 { Scale::Own } else { Scale::Free }
}

/// As of CKA up to so many examples that no table is kept.
fn angular_held(g: &Given, e: Extents) -> Held {
    if kernel::keeps_table(e.n) { cka_held(g, e) } else { kernels_held(g, e) }
}

/// Four tables beside the one kept. With the linear kernel and many more examples than units, features in place of tables, but a
/// table all the same beside one of more units.
fn cka_held(g: &Given, e: Extents) -> Held {
    let [n, p, q] = [e.n, e.p, e.q].map(|side| side as f64);
    let features = |units: usize| g.word("kernel") == "linear" && kernel::keeps_features(e.n, units);
    let (prepared, preparing) =
        if features(e.p) { (n * p, 2.0 * n * p + p * p) } else { (n * (n + 1.0) / 2.0, 4.0 * n * n + 2.0 * n * p) };
    let comparing = match [features(e.p), features(e.q)] {
        [true, true] => p * q + 2.0 * n,
        [false, false] => n,
        _ => 4.0 * n * n,
    };
    Held { prepared, preparing, comparing }
}

/// Tables of both at once, but of many examples of few units in the linear kernel.
fn kernels_held(g: &Given, e: Extents) -> Held {
    if g.word("kernel") == "linear" && e.n > e.p + e.q && g.word("estimator") == "biased" {
        return Held::of_units(e);
    }
    Held::of_tables(e, 6.0)
}

fn estimator_of(g: &Given) -> Estimator {
    Estimator::of_word(g.word("estimator"))
}

fn kernel_of(g: &Given) -> Result<Kernel> {
    if g.word("kernel") == "linear" {
        g.refuse(&["threshold", "median", "sigma"], "the linear kernel has no width; add rbf or laplace")?;
    }
    if g.number("sigma") > 0.0 {
        g.refuse(&["threshold", "median"], "sigma says the width itself")?;
    }
    let factor = g.number("threshold");
    let bandwidth = match g.word("median") {
        _ if g.number("sigma") > 0.0 => Bandwidth::Fixed(g.number("sigma")),
        "all-lower" => Bandwidth::MedianAllLower { factor },
        "pairs" => Bandwidth::MedianPairs { factor },
        "nonzero" => Bandwidth::MedianNonZero { factor },
        _ => Bandwidth::MedianAll { factor },
    };
    Ok(match g.word("kernel") {
        "rbf" => Kernel::Rbf(bandwidth),
        "laplace" => Kernel::Laplace(bandwidth),
        _ => Kernel::Linear,
    })
}

/// Beyond this cosine an angle in single precision is off by more than 1e-5.
const SURE: f64 = 0.99;

/// Below this cosine its root in single precision is off by more than 1e-6.
const ROOT: f64 = 0.01;

/// The form for a device.
fn cosine(kernel: Kernel, estimator: Estimator, batch: Option<usize>, value: FromProducts) -> Option<Device> {
    let centring = Centring::Hsic(estimator);
    // One factor for a whole table drops out of its cosine with others.
    let relative = estimator == Estimator::Debiased && batch.is_none() && !matches!(value, FromProducts::Product(_));
    let width = |b: Bandwidth| match b {
        Bandwidth::MedianAll { factor } => embedding::Bandwidth::Median(factor as f32, Pool::All),
        Bandwidth::MedianAllLower { factor } => embedding::Bandwidth::Median(factor as f32, Pool::AllLower),
        Bandwidth::MedianPairs { factor } => embedding::Bandwidth::Median(factor as f32, Pool::Pairs),
        Bandwidth::MedianNonZero { factor } => embedding::Bandwidth::Median(factor as f32, Pool::NonZero),
        Bandwidth::Fixed(sigma) if relative => embedding::Bandwidth::Relative(sigma as f32),
        Bandwidth::Fixed(sigma) => embedding::Bandwidth::Fixed(sigma as f32),
    };
    let between = match kernel {
        Kernel::Linear => Between::Linear,
        Kernel::Rbf(b) => Between::Gaussian(width(b)),
        Kernel::Laplace(b) => Between::Laplace(width(b)),
    };
    Some(Device::Cosine(Cosine { embedding: Embedding { between, centring, batch }, value }))
}

fn cka(g: &Given) -> Result<Made> {
    let (kernel, estimator) = (kernel_of(g)?, estimator_of(g));
    Ok(Made {
        host: Host::new(
            move |x| kernel::embedded(x, kernel, estimator),
            move |a: &Embedded, b: &Embedded| kernel::cka_of_embedded(a, b, estimator),
        )
        .of_products(Embedded::vector, |cosine| cosine),
        device: cosine(kernel, estimator, None, FromProducts::Cosine),
    })
}

/// Both estimators need examples: the biased one to be less biased, the debiased one to be less noisy.
fn few_examples(g: &Given, e: Extents) -> Option<String> {
    let units = e.p.max(e.q);
    if e.n >= 2 * units {
        return None;
    }
    Some(match g.word("estimator") {
        "debiased" => {
            format!("{} examples of up to {units} units: unbiased, but noisy; compare with its noise floor", e.n)
        }
        _ => format!("{} examples of up to {units} units: biased towards alike; take the debiased form", e.n),
    })
}
