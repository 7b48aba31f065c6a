//! Statistics of single representations, and of representations with labels.

use faer::MatRef;

use super::given::{Given, Parameter, Takes};
use super::unknown;
use crate::error::{Error, Result};
use crate::measure::single::decoding::{nearest_centroid_probe, neighbour_probe, usable_information};
use crate::measure::single::dimension::{
    Combine, Duplicates, EmpiricalCdf, correlation_integral, levina_bickel, two_nn, two_nn_likelihood,
};
use crate::measure::single::geometry::{
    Decoder, Dichotomies, calinski_harabasz, davies_bouldin, nc1, shattering_dimensionality, silhouette,
    target_alignment_centred, target_alignment_uncentred,
};
use crate::measure::single::probe::{LogisticOptions, logistic_probe, ridge_classifier_probe, stratified_k_fold};
use crate::measure::single::spectrum::{Sampled, Spectrum, participation_ratio_corrected, rank_me};
use crate::measure::single::units::{
    Across, class_selectivity, dead_unit_fraction, hoyer, norms, pairwise_distances, treves_rolls, uniformity,
};

/// How a statistic is computed, of a representation `[examples, units]` and, where it needs them, labels.
pub type Compute = Box<dyn Fn(MatRef<'_, f64>, &[usize]) -> Result<f64> + Send + Sync>;

/// A statistic, as the catalogue lists it.
pub struct StatisticEntry {
    /// Its name.
    pub name: &'static str,
    /// In a few words.
    pub title: &'static str,
    /// Which part of the catalogue it is in.
    pub family: &'static str,
    /// In plain text; `λ` are eigenvalues of the covariance, `s` singular values of the centred representation.
    pub formula: &'static str,
    /// Paper and equation.
    pub source: &'static str,
    /// Whether it needs a class for each example.
    pub labels: bool,
    /// Its options.
    pub parameters: &'static [Parameter],
    /// How it is computed.
    pub make: fn(&Given) -> Compute,
}

/// A statistic with its options.
pub struct Statistic {
    /// What the catalogue says of it.
    pub entry: &'static StatisticEntry,
    /// Its options.
    pub given: Given,
    compute: Compute,
}

impl std::fmt::Debug for Statistic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

/// Every statistic.
pub fn statistics() -> impl Iterator<Item = &'static StatisticEntry> {
    ENTRIES.iter()
}

impl Statistic {
    /// A statistic by its name and options, such as `components:variance=0.99`.
    ///
    /// # Errors
    /// If there is none of the name (the message has the nearest) or an option does not fit.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.trim().split(':');
        let name = parts.next().unwrap_or("");
        let Some(entry) = ENTRIES.iter().find(|entry| entry.name == name) else {
            return Err(Error::Config(unknown("statistic", name, ENTRIES.iter().map(|entry| entry.name))));
        };
        let options: Vec<&str> = parts.collect();
        let given = Given::parse(name, entry.parameters, &options)?;
        let compute = (entry.make)(&given);
        Ok(Self { entry, given, compute })
    }

    /// Its canonical name.
    pub fn name(&self) -> String {
        format!("{}{}", self.entry.name, self.given.suffix())
    }

    /// Its value for `x` `[examples, units]`; `labels` are a class for each example, or empty.
    ///
    /// # Errors
    /// If it is not defined on `x`, or needs labels and has none.
    pub fn of(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<f64> {
        if self.entry.labels && labels.is_empty() {
            return Err(Error::Measure(format!("`{}` needs a label for each example", self.entry.name)));
        }
        let value = (self.compute)(x, labels)?;
        if value.is_finite() {
            return Ok(value);
        }
        Err(Error::Measure(format!("`{}` is not defined here: its value would be {value}", self.entry.name)))
    }
}

const SPECTRUM: &str = "spectrum";
const DIMENSION: &str = "intrinsic dimension";
const UNITS: &str = "units and examples";
const TASK: &str = "task";

const DUPLICATES: &str = "equal rows: points at distance zero left out but kept as neighbours (scikit-dimension's TwoNN), \
                         all but one removed, or all kept (scikit-dimension's CorrInt; an error where undetermined)";

fn duplicates(g: &Given) -> Duplicates {
    match g.word("duplicates") {
        "keep-one" => Duplicates::KeepOne,
        "keep-all" => Duplicates::KeepAll,
        _ => Duplicates::DropPoints,
    }
}

const FOLDS: Parameter =
    Parameter { key: "folds", takes: Takes::Count { default: 5, low: 2 }, about: "stratified folds" };

/// An entry without labels or options to speak of.
macro_rules! plain {
    ($name:literal, $title:literal, $family:expr, $formula:literal, $source:literal, $compute:expr) => {
        StatisticEntry {
            name: $name,
            title: $title,
            family: $family,
            formula: $formula,
            source: $source,
            labels: false,
            parameters: &[],
            make: |_| Box::new(|x, _| $compute(x)),
        }
    };
}

const ENTRIES: &[StatisticEntry] = &[
    StatisticEntry {
        name: "participation_ratio",
        title: "participation ratio of the covariance",
        family: SPECTRUM,
        formula: "(Σ λ)² / Σ λ²",
        source: "Gao et al. 2017; corrected: Chun et al. 2026",
        labels: false,
        parameters: &[Parameter {
            key: "corrected",
            takes: Takes::Word(&["plain", "examples", "units", "both"]),
            about: "bias from few examples, few units, or both removed",
        }],
        make: |g| match g.word("corrected") {
            "examples" => Box::new(|x, _| participation_ratio_corrected(x, Sampled::Examples)),
            "units" => Box::new(|x, _| participation_ratio_corrected(x, Sampled::Units)),
            "both" => Box::new(|x, _| participation_ratio_corrected(x, Sampled::Both)),
            _ => Box::new(|x, _| Ok(Spectrum::of(x)?.participation_ratio())),
        },
    },
    StatisticEntry {
        name: "effective_rank",
        title: "exponential of the spectrum's entropy",
        family: SPECTRUM,
        formula: "exp H(s / Σ s), or exp H(λ / Σ λ)",
        source: "Roy and Vetterli 2007 (singular values)",
        labels: false,
        parameters: &[Parameter {
            key: "of",
            takes: Takes::Word(&["singular-values", "eigenvalues"]),
            about: "another number each",
        }],
        make: |g| match g.word("of") {
            "eigenvalues" => Box::new(|x, _| Ok(Spectrum::of(x)?.effective_rank_eigenvalues())),
            _ => Box::new(|x, _| Ok(Spectrum::of(x)?.effective_rank_singular_values())),
        },
    },
    plain!(
        "rankme",
        "RankMe",
        SPECTRUM,
        "exp H of the uncentred singular values, + 1e-7",
        "Garrido et al. 2023",
        rank_me
    ),
    plain!("stable_rank", "stable rank", SPECTRUM, "|X|² / s₁²", "Rudelson and Vershynin 2007", |x| Ok(
        Spectrum::of(x)?.stable_rank()
    )),
    StatisticEntry {
        name: "components",
        title: "principal components to reach a part of the variance",
        family: SPECTRUM,
        formula: "least k with Σ_{i≤k} λ / Σ λ above the part",
        source: "scikit-learn's PCA(n_components=part)",
        labels: false,
        parameters: &[Parameter {
            key: "variance",
            takes: Takes::Number { default: 0.95, low: 1e-9, high: 1.0 - 1e-12 },
            about: "part of the variance",
        }],
        make: |g| {
            let part = g.number("variance");
            Box::new(move |x, _| Ok(Spectrum::of(x)?.components_for(part)? as f64))
        },
    },
    StatisticEntry {
        name: "explained_variance",
        title: "part of the variance in one principal component",
        family: SPECTRUM,
        formula: "λ_k / Σ λ",
        source: "",
        labels: false,
        parameters: &[Parameter {
            key: "component",
            takes: Takes::Count { default: 1, low: 1 },
            about: "which, from 1",
        }],
        make: |g| {
            let k = g.count("component");
            Box::new(move |x, _| {
                let all = Spectrum::of(x)?.explained_variance();
                all.get(k - 1)
                    .copied()
                    .ok_or_else(|| Error::Measure(format!("component {k} was asked for, and there are {}", all.len())))
            })
        },
    },
    StatisticEntry {
        name: "alpha_req",
        title: "exponent of the eigenvalues' power law",
        family: SPECTRUM,
        formula: "-slope of log λ on log rank, least squares over the ranks given",
        source: "Agrawal et al. 2022; ranks 11 to 500 in Stringer et al. 2019",
        labels: false,
        parameters: &[
            Parameter { key: "first", takes: Takes::Count { default: 1, low: 1 }, about: "first rank" },
            Parameter { key: "last", takes: Takes::Count { default: 0, low: 0 }, about: "last rank; 0: all there are" },
        ],
        make: |g| {
            let (first, last) = (g.count("first"), g.count("last"));
            Box::new(move |x, _| {
                let spectrum = Spectrum::of(x)?;
                spectrum.power_law_exponent(first, if last == 0 { spectrum.rank() } else { last })
            })
        },
    },
    StatisticEntry {
        name: "two_nn",
        title: "TwoNN intrinsic dimension",
        family: DIMENSION,
        formula: "slope through the origin of -log(1 - F) on log(r₂ / r₁); or N / Σ log(r₂ / r₁)",
        source: "Facco et al. 2017",
        labels: false,
        parameters: &[
            Parameter {
                key: "form",
                takes: Takes::Word(&["fit", "likelihood"]),
                about: "least squares, or maximum likelihood",
            },
            Parameter {
                key: "discard",
                takes: Takes::Number { default: 0.1, low: 0.0, high: 0.99 },
                about: "part of the largest ratios left out of the fit",
            },
            Parameter {
                key: "cdf",
                takes: Takes::Word(&["rank", "rank-less-one"]),
                about: "F = i/N, or (i - 1)/N as older scikit-dimension has it",
            },
            Parameter {
                key: "duplicates",
                takes: Takes::Word(&["drop-points", "keep-one", "keep-all"]),
                about: DUPLICATES,
            },
        ],
        make: |g| {
            let (discard, likelihood) = (g.number("discard"), g.word("form") == "likelihood");
            let cdf = if g.word("cdf") == "rank" { EmpiricalCdf::Rank } else { EmpiricalCdf::RankMinusOne };
            let duplicates = duplicates(g);
            Box::new(move |x, _| {
                if likelihood {
                    Ok(two_nn_likelihood(x, duplicates)?.value)
                } else {
                    Ok(two_nn(x, discard, cdf, duplicates)?.value)
                }
            })
        },
    },
    StatisticEntry {
        name: "levina_bickel",
        title: "Levina and Bickel's intrinsic dimension",
        family: DIMENSION,
        formula: "harmonic mean over points of [Σ_{j<k} log(T_k / T_j) / (k - 1)]⁻¹",
        source: "Levina and Bickel 2004, MacKay and Ghahramani 2005",
        labels: false,
        parameters: &[
            Parameter { key: "k", takes: Takes::Count { default: 20, low: 2 }, about: "neighbours" },
            Parameter { key: "combine", takes: Takes::Word(&["harmonic", "mean", "median"]), about: "over points" },
            Parameter {
                key: "duplicates",
                takes: Takes::Word(&["keep-one", "drop-points", "keep-all"]),
                about: DUPLICATES,
            },
        ],
        make: |g| {
            let k = g.count("k");
            let combine = match g.word("combine") {
                "mean" => Combine::Mean,
                "median" => Combine::Median,
                _ => Combine::HarmonicMean,
            };
            let duplicates = duplicates(g);
            Box::new(move |x, _| Ok(levina_bickel(x, k, combine, duplicates)?.value))
        },
    },
    StatisticEntry {
        name: "correlation_dimension",
        title: "correlation dimension between two numbers of neighbours",
        family: DIMENSION,
        formula: "log(C(r₂) / C(r₁)) / log(r₂ / r₁), r the median distances to neighbours k1, k2",
        source: "Grassberger and Procaccia 1983; scikit-dimension's CorrInt",
        labels: false,
        parameters: &[
            Parameter { key: "k1", takes: Takes::Count { default: 10, low: 1 }, about: "fewer neighbours" },
            Parameter { key: "k2", takes: Takes::Count { default: 20, low: 2 }, about: "more neighbours" },
            Parameter {
                key: "duplicates",
                takes: Takes::Word(&["keep-all", "keep-one", "drop-points"]),
                about: DUPLICATES,
            },
        ],
        make: |g| {
            let (k1, k2, duplicates) = (g.count("k1"), g.count("k2"), duplicates(g));
            Box::new(move |x, _| Ok(correlation_integral(x, k1, k2, duplicates)?.value))
        },
    },
    StatisticEntry {
        name: "uniformity",
        title: "uniformity on the sphere",
        family: UNITS,
        formula: "log mean_{i<j} exp(-t |x_i - x_j|²), rows at unit length",
        source: "Wang and Isola 2020",
        labels: false,
        parameters: &[Parameter {
            key: "t",
            takes: Takes::Number { default: 2.0, low: f64::MIN_POSITIVE, high: f64::MAX },
            about: "sharpness",
        }],
        make: |g| {
            let t = g.number("t");
            Box::new(move |x, _| uniformity(x, t))
        },
    },
    plain!("mean_distance", "mean distance of two examples", UNITS, "mean_{i<j} |x_i - x_j|", "", |x| Ok(
        pairwise_distances(x)?.mean
    )),
    plain!("median_distance", "median distance of two examples", UNITS, "median_{i<j} |x_i - x_j|", "", |x| Ok(
        pairwise_distances(x)?.median
    )),
    plain!("mean_norm", "mean norm of an example", UNITS, "mean |x_i|", "", |x| Ok(norms(x)?.mean)),
    StatisticEntry {
        name: "sparsity",
        title: "mean sparsity",
        family: UNITS,
        formula: "treves-rolls: 1 - (mean |x|)² / mean x², scaled; hoyer: (√n - |x|₁/|x|₂) / (√n - 1)",
        source: "Treves and Rolls 1991, Vinje and Gallant 2000; Hoyer 2004",
        labels: false,
        parameters: &[
            Parameter { key: "form", takes: Takes::Word(&["treves-rolls", "hoyer"]), about: "which" },
            Parameter {
                key: "across",
                takes: Takes::Word(&["examples", "units"]),
                about: "examples: of each unit (lifetime); units: of each example (population)",
            },
        ],
        make: |g| {
            let across = if g.word("across") == "units" { Across::Units } else { Across::Examples };
            match g.word("form") {
                "hoyer" => Box::new(move |x, _| Ok(hoyer(x, across)?.mean)),
                _ => Box::new(move |x, _| Ok(treves_rolls(x, across)?.mean)),
            }
        },
    },
    StatisticEntry {
        name: "dead_units",
        title: "part of the units that never exceed a threshold",
        family: UNITS,
        formula: "mean_j [max_i |x_ij| <= threshold]",
        source: "",
        labels: false,
        parameters: &[Parameter {
            key: "threshold",
            takes: Takes::Number { default: 0.0, low: 0.0, high: f64::MAX },
            about: "largest size of a dead unit",
        }],
        make: |g| {
            let threshold = g.number("threshold");
            Box::new(move |x, _| dead_unit_fraction(x, threshold))
        },
    },
    StatisticEntry {
        name: "class_selectivity",
        title: "mean class selectivity of units",
        family: TASK,
        formula: "mean_j (largest class mean - mean of the others) / (their sum)",
        source: "Morcos et al. 2018, importance of single directions",
        labels: true,
        parameters: &[],
        make: |_| {
            Box::new(|x, labels| {
                let all: Vec<f64> = class_selectivity(x, labels)?.into_iter().filter(|v| v.is_finite()).collect();
                if all.is_empty() {
                    return Err(Error::Measure("no unit has a class selectivity: none is active".into()));
                }
                Ok(all.iter().sum::<f64>() / all.len() as f64)
            })
        },
    },
    StatisticEntry {
        name: "linear_probe",
        title: "held-out accuracy of a linear probe",
        family: TASK,
        formula: "logistic: L2-regularised multinomial logistic regression on standardised units; ridge: on one-hot labels",
        source: "Alain and Bengio 2016",
        labels: true,
        parameters: &[
            Parameter { key: "form", takes: Takes::Word(&["logistic", "ridge"]), about: "which" },
            Parameter {
                key: "strength",
                takes: Takes::Number { default: 1.0, low: f64::MIN_POSITIVE, high: f64::MAX },
                about: "C of logistic, alpha of ridge",
            },
            FOLDS,
        ],
        make: |g| {
            let (strength, folds, ridge) = (g.number("strength"), g.count("folds"), g.word("form") == "ridge");
            Box::new(move |x, labels| {
                let folds = stratified_k_fold(labels, folds)?;
                if ridge {
                    return Ok(ridge_classifier_probe(x, labels, &folds, strength)?.accuracy);
                }
                let options = LogisticOptions { c: strength, ..LogisticOptions::default() };
                Ok(logistic_probe(x, labels, &folds, &options)?.accuracy)
            })
        },
    },
    StatisticEntry {
        name: "v_information",
        title: "usable information about the labels, in bits",
        family: TASK,
        formula: "H(Y) - held-out cross-entropy of a logistic probe; may be negative",
        source: "Xu et al. 2020",
        labels: true,
        parameters: &[FOLDS],
        make: |g| {
            let folds = g.count("folds");
            Box::new(move |x, labels| {
                let folds = stratified_k_fold(labels, folds)?;
                Ok(usable_information(x, labels, &folds, &LogisticOptions::default())?.information)
            })
        },
    },
    StatisticEntry {
        name: "nearest_centroid",
        title: "held-out accuracy by the nearest class mean",
        family: TASK,
        formula: "",
        source: "",
        labels: true,
        parameters: &[FOLDS],
        make: |g| {
            let folds = g.count("folds");
            Box::new(move |x, labels| {
                Ok(nearest_centroid_probe(x, labels, &stratified_k_fold(labels, folds)?)?.accuracy)
            })
        },
    },
    StatisticEntry {
        name: "knn_probe",
        title: "held-out accuracy by nearest neighbours",
        family: TASK,
        formula: "",
        source: "",
        labels: true,
        parameters: &[Parameter { key: "k", takes: Takes::Count { default: 5, low: 1 }, about: "neighbours" }, FOLDS],
        make: |g| {
            let (k, folds) = (g.count("k"), g.count("folds"));
            Box::new(move |x, labels| Ok(neighbour_probe(x, labels, k, &stratified_k_fold(labels, folds)?)?.accuracy))
        },
    },
    StatisticEntry {
        name: "label_alignment",
        title: "alignment of the kernel with the labels",
        family: TASK,
        formula: "<K, L> / (|K| |L|), L = one-hot one-hotᵀ, both centred or neither",
        source: "Cortes et al. 2012 (centred), Cristianini et al. 2001 (uncentred)",
        labels: true,
        parameters: &[Parameter { key: "kernels", takes: Takes::Word(&["centred", "uncentred"]), about: "which" }],
        make: |g| match g.word("kernels") {
            "uncentred" => Box::new(target_alignment_uncentred),
            _ => Box::new(target_alignment_centred),
        },
    },
    StatisticEntry {
        name: "silhouette",
        title: "mean silhouette of the classes",
        family: TASK,
        formula: "mean (b - a) / max(a, b), a and b the mean distances within and to the nearest other class",
        source: "Rousseeuw 1987",
        labels: true,
        parameters: &[],
        make: |_| Box::new(silhouette),
    },
    StatisticEntry {
        name: "davies_bouldin",
        title: "Davies-Bouldin index of the classes",
        family: TASK,
        formula: "mean_i max_j (s_i + s_j) / |c_i - c_j|; smaller is better separated",
        source: "Davies and Bouldin 1979",
        labels: true,
        parameters: &[],
        make: |_| Box::new(davies_bouldin),
    },
    StatisticEntry {
        name: "calinski_harabasz",
        title: "variance between classes over that within",
        family: TASK,
        formula: "(tr B / (c - 1)) / (tr W / (n - c))",
        source: "Caliński and Harabasz 1974",
        labels: true,
        parameters: &[],
        make: |_| Box::new(calinski_harabasz),
    },
    StatisticEntry {
        name: "neural_collapse",
        title: "NC1, variability within classes over that between",
        family: TASK,
        formula: "tr(S_W S_B⁺) / c",
        source: "Papyan, Han, Donoho 2020",
        labels: true,
        parameters: &[],
        make: |_| Box::new(nc1),
    },
    StatisticEntry {
        name: "shattering",
        title: "shattering dimensionality of the labels as conditions",
        family: TASK,
        formula: "mean held-out accuracy over balanced dichotomies of the conditions",
        source: "Rigotti et al. 2013, Bernardi et al. 2020",
        labels: true,
        parameters: &[
            Parameter { key: "dichotomies", takes: Takes::Count { default: 50, low: 1 }, about: "drawn at most" },
            FOLDS,
        ],
        make: |g| {
            let (number, folds) = (g.count("dichotomies"), g.count("folds"));
            Box::new(move |x, labels| {
                let decoder = Decoder::Ridge { alpha: 1.0 };
                Ok(shattering_dimensionality(x, labels, folds, &decoder, Dichotomies::Sample { number, seed: 0 })?.mean)
            })
        },
    },
];
