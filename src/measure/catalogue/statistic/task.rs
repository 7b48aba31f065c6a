//! Statistics of representations with a class for each example.

use faer::Mat;

use super::{Form, StatisticEntry, count, number, word};
use crate::error::Error;
use crate::measure::catalogue::{Parameter, Scale};
use crate::measure::describe::{self, OfClasses, OfDistances, OnDevice};
use crate::measure::features::Sets;
use crate::measure::features::variance::{Constant, Explained, explained_by_class};
use crate::measure::single::decoding::{nearest_centroid_probe, neighbour_probe, usable_information};
use crate::measure::single::geometry::{
    Decoder, Dichotomies, calinski_harabasz, davies_bouldin, nc1, shattering_dimensionality, silhouette,
    target_alignment_centred, target_alignment_uncentred,
};
use crate::measure::single::input::{Classes, take_rows};
use crate::measure::single::probe::{
    LogisticOptions, logistic_probe, ridge_classifier_probe, ridge_probe, stratified_k_fold,
};
use crate::measure::single::units::class_selectivity;

const FAMILY: &str = "task";

const FOLDS: Parameter = count("folds", 5, 2, "stratified folds");

pub(super) const ENTRIES: &[StatisticEntry] = &[
    StatisticEntry::new(FAMILY, "class_selectivity", "mean class selectivity of units", |_| {
        Form::labelled(|x, labels| {
            let all: Vec<f64> = class_selectivity(x, labels)?.into_iter().filter(|v| v.is_finite()).collect();
            if all.is_empty() {
                return Err(Error::Measure("no unit has a class selectivity: none is active".into()));
            }
            Ok(all.iter().sum::<f64>() / all.len() as f64)
        })
        .on(OnDevice::Classes(OfClasses::Selectivity))
    })
    .formula("mean_j (largest class mean - mean of the others) / (their sum)")
    .source("Morcos et al. 2018, importance of single directions")
    .needs_labels(),
    StatisticEntry::new(FAMILY, "linear_probe", "held-out accuracy of a linear probe", |g| {
        let (strength, folds) = (g.number("strength"), g.count("folds"));
        if g.word("form") == "ridge" {
            return Form::labelled(move |x, labels| {
                Ok(ridge_classifier_probe(x, labels, &stratified_k_fold(labels, folds)?, strength)?.accuracy)
            })
            .on(OnDevice::Probe { decoder: describe::Decoder::Ridge(strength), folds });
        }
        let options = LogisticOptions { c: strength, ..LogisticOptions::default() };
        Form::labelled(move |x, labels| {
            Ok(logistic_probe(x, labels, &stratified_k_fold(labels, folds)?, &options)?.accuracy)
        })
        .on(OnDevice::Probe { decoder: describe::Decoder::Logistic(strength), folds })
    })
    .formula("logistic: L2-regularised multinomial logistic regression on standardised units; ridge: on one-hot labels")
    .source("Alain and Bengio 2016")
    .needs_labels()
    .scaled(|g| if g.word("form") == "ridge" { Scale::Own } else { Scale::Free })
    .with(&[
        word("form", &["logistic", "ridge"], "which"),
        number("strength", 1.0, [f64::MIN_POSITIVE, f64::MAX], "C of logistic, alpha of ridge"),
        FOLDS,
    ]),
    StatisticEntry::new(FAMILY, "v_information", "usable information about the labels, in bits", |g| {
        let (folds, options) = (g.count("folds"), LogisticOptions::default());
        Form::labelled(move |x, labels| {
            Ok(usable_information(x, labels, &stratified_k_fold(labels, folds)?, &options)?.information)
        })
        .on(OnDevice::Probe { decoder: describe::Decoder::Information(options.c), folds })
    })
    .formula("H(Y) - held-out cross-entropy of a logistic probe; may be negative")
    .source("Xu et al. 2020")
    .needs_labels()
    .with(&[FOLDS]),
    StatisticEntry::new(FAMILY, "label_r2", "held-out R² of one-hot labels by ridge regression", |g| {
        let (alpha, folds) = (g.number("alpha"), g.count("folds"));
        Form::labelled(move |x, labels| {
            let classes = Classes::of(labels, x.nrows(), 2)?;
            let one_hot = Mat::from_fn(x.nrows(), classes.number(), |i, c| f64::from(u8::from(classes.of[i] == c)));
            Ok(ridge_probe(x, one_hot.as_ref(), &stratified_k_fold(labels, folds)?, alpha)?.pooled.share)
        })
        .on(OnDevice::Probe { decoder: describe::Decoder::OneHot(alpha), folds })
    })
    .formula("1 - Σ (y - ŷ)² / Σ (y - mean y)² over held-out examples and classes")
    .source("scikit-learn's Ridge and cross_val_predict")
    .needs_labels()
    .scaled(|_| Scale::Own)
    .with(&[number("alpha", 1.0, [f64::MIN_POSITIVE, f64::MAX], "penalty"), FOLDS]),
    StatisticEntry::new(FAMILY, "variance_explained", "R² of the representation from the labels", |g| {
        let (uniform, same) = (g.word("of") == "uniform", g.word("fit") == "same");
        let value = move |e: &Explained| if uniform { e.uniform(Constant::Masked) } else { e.variance() };
        Form::labelled(move |x, labels| {
            if same {
                return Ok(value(&explained_by_class(Sets { fit: x, test: x }, Sets { fit: labels, test: labels })?));
            }
            Classes::of(labels, x.nrows(), 2)?;
            let mut sum = 0.0;
            for fold in stratified_k_fold(labels, 2)? {
                let pick = |rows: &[usize]| rows.iter().map(|i| labels[*i]).collect::<Vec<_>>();
                let (fit, test) = (take_rows(x, &fold.train), take_rows(x, &fold.test));
                let (fit_labels, test_labels) = (pick(&fold.train), pick(&fold.test));
                let sets = Sets { fit: fit.as_ref(), test: test.as_ref() };
                sum += value(&explained_by_class(sets, Sets { fit: &fit_labels, test: &test_labels })?);
            }
            Ok(0.5 * sum)
        })
    })
    .formula(
        "1 - Σ |x - m_class|² / Σ |x - mean x|², m the class means of the other half (label_r2 goes the other way)",
    )
    .source("Lampinen, Chan, Hermann 2024")
    .needs_labels()
    .with(&[
        word("of", &["variance", "uniform"], "of the total variance, or mean over the units that vary, each alike"),
        word(
            "fit",
            &["halves", "same"],
            "each half of every class scored by the means of the other; or all by their own, which is never negative",
        ),
    ]),
    StatisticEntry::new(FAMILY, "nearest_centroid", "held-out accuracy by the nearest class mean", |g| {
        let folds = g.count("folds");
        Form::labelled(move |x, labels| {
            Ok(nearest_centroid_probe(x, labels, &stratified_k_fold(labels, folds)?)?.accuracy)
        })
        .on(OnDevice::Probe { decoder: describe::Decoder::Centroid, folds })
    })
    .needs_labels()
    .with(&[FOLDS]),
    StatisticEntry::new(FAMILY, "knn_probe", "held-out accuracy by nearest neighbours", |g| {
        let (k, folds) = (g.count("k"), g.count("folds"));
        Form::labelled(move |x, labels| Ok(neighbour_probe(x, labels, k, &stratified_k_fold(labels, folds)?)?.accuracy))
            .on(OnDevice::Probe { decoder: describe::Decoder::Neighbours(k), folds })
    })
    .needs_labels()
    .with(&[count("k", 5, 1, "neighbours"), FOLDS]),
    StatisticEntry::new(FAMILY, "label_alignment", "alignment of the kernel with the labels", |g| {
        match g.word("kernels") {
            "uncentred" => {
                Form::labelled(target_alignment_uncentred).on(OnDevice::Classes(OfClasses::UncentredAlignment))
            }
            _ => Form::labelled(target_alignment_centred).on(OnDevice::Classes(OfClasses::Alignment)),
        }
    })
    .formula("<K, L> / (|K| |L|), L = one-hot one-hotᵀ, both centred or neither")
    .source("Cortes et al. 2012 (centred), Cristianini et al. 2001 (uncentred)")
    .needs_labels()
    .with(&[word("kernels", &["centred", "uncentred"], "which")]),
    StatisticEntry::new(FAMILY, "silhouette", "mean silhouette of the classes", |_| {
        Form::labelled(silhouette).on(OnDevice::Distances(OfDistances::Silhouette))
    })
    .formula("mean (b - a) / max(a, b), a and b the mean distances within and to the nearest other class")
    .source("Rousseeuw 1987")
    .needs_labels(),
    StatisticEntry::new(FAMILY, "davies_bouldin", "Davies-Bouldin index of the classes", |_| {
        Form::labelled(davies_bouldin).on(OnDevice::Classes(OfClasses::DaviesBouldin))
    })
    .formula("mean_i max_j (s_i + s_j) / |c_i - c_j|; smaller is better separated")
    .source("Davies and Bouldin 1979")
    .needs_labels(),
    StatisticEntry::new(FAMILY, "calinski_harabasz", "variance between classes over that within", |_| {
        Form::labelled(calinski_harabasz).on(OnDevice::Classes(OfClasses::CalinskiHarabasz))
    })
    .formula("(tr B / (c - 1)) / (tr W / (n - c))")
    .source("Caliński and Harabasz 1974")
    .needs_labels(),
    StatisticEntry::new(FAMILY, "neural_collapse", "NC1, variability within classes over that between", |_| {
        Form::labelled(nc1).on(OnDevice::Classes(OfClasses::Collapse))
    })
    .formula("tr(S_W S_B⁺) / c")
    .source("Papyan, Han, Donoho 2020")
    .needs_labels(),
    StatisticEntry::new(FAMILY, "shattering", "shattering dimensionality of the labels as conditions", |g| {
        let (number, folds) = (g.count("dichotomies"), g.count("folds"));
        Form::labelled(move |x, labels| {
            let decoder = Decoder::Ridge { alpha: 1.0 };
            Ok(shattering_dimensionality(x, labels, folds, &decoder, Dichotomies::Sample { number, seed: 0 })?.mean)
        })
    })
    .formula("mean held-out accuracy over balanced dichotomies of the conditions")
    .source("Rigotti et al. 2013, Bernardi et al. 2020")
    .needs_labels()
    .scaled(|_| Scale::Own)
    .with(&[count("dichotomies", 50, 1, "drawn at most"), FOLDS]),
];
