//! Agreement with published packages: `tests/reference/measures/*.json` names package and call of each value.
#![allow(missing_docs)]

use super::common::{CASES, Case, Worst, array, close, labels};
use faer::MatRef;
use isogram::measure::single::decoding::{neighbour_probe, usable_information};
use isogram::measure::single::dimension::*;
use isogram::measure::single::geometry::*;
use isogram::measure::single::probe::*;
use isogram::measure::single::spectrum::{Sampled, Spectrum, participation_ratio_corrected, rank_me};
use isogram::measure::single::units::{pairwise_distances, uniformity};

/// Relative agreement with references that are exact in f64.
const EXACT: f64 = 1e-9;

#[test]
fn single_representations() {
    let mut worst = Worst::default();
    for name in CASES {
        let case = Case::load(name);
        for side in ["X", "Y"] {
            single(&case, side, &mut worst);
        }
    }
    worst.print();
}

fn single(case: &Case, side: &str, worst: &mut Worst) {
    let matrix = case.matrix(side);
    let (x, section, place) = (matrix.as_ref(), format!("single_{side}"), format!("{} {side}", case.name));
    let spectrum = Spectrum::of(x).unwrap();
    for key in case.keys(&section) {
        let want = case.values(&section, &key);
        let mut agree = |got: f64, tolerance: f64| worst.agree(&key, &place, got, want[0], tolerance);
        // Rows that coincide or lie on a grid: the estimators are not determined, the packages divide by zero or give 0.
        let ties = case.name == "ties";
        match key.as_str() {
            "participation_ratio" => agree(spectrum.participation_ratio(), EXACT),
            "participation_ratio_[naive,row,col,both]" => {
                let both = participation_ratio_corrected(x, Sampled::Both).unwrap();
                let values = [
                    spectrum.participation_ratio(),
                    participation_ratio_corrected(x, Sampled::Examples).unwrap(),
                    participation_ratio_corrected(x, Sampled::Units).unwrap(),
                    both,
                ];
                for ((variant, got), want) in ["naive", "row", "col", "both"].iter().zip(values).zip(want) {
                    worst.agree(&format!("participation_ratio_{variant}"), &place, got, want, EXACT);
                }
            }
            "effective_rank_eig" => agree(spectrum.effective_rank_eigenvalues(), EXACT),
            "effective_rank_sv" => agree(spectrum.effective_rank_singular_values(), EXACT),
            "rankme" => agree(rank_me(x).unwrap(), EXACT),
            "stable_rank" => agree(spectrum.stable_rank(), EXACT),
            "n_pcs_[90,95,99]" => {
                let got = [0.9, 0.95, 0.99].map(|f| spectrum.components_for(f).unwrap() as f64);
                assert_eq!(got.as_slice(), want, "{place} {key}");
            }
            "explained_variance_ratio_top10" => {
                for (got, want) in spectrum.explained_variance().iter().zip(&want) {
                    // Ratios of zero eigenvalues are rounding in either.
                    worst.agree(&key, &place, got + 1e-3, want + 1e-3, EXACT);
                }
            }
            "corrint" => {
                let got = correlation_integral(x, 10, 20, Duplicates::KeepAll).unwrap().value;
                agree(got, EXACT);
            }
            "mle_levina_bickel_k10" if ties => {
                assert_eq!(want, [0.0]);
                assert!(levina_bickel(x, 10, Combine::HarmonicMean, Duplicates::KeepAll).is_err());
                let kept = levina_bickel(x, 10, Combine::HarmonicMean, Duplicates::KeepOne).unwrap();
                assert!(kept.value > 2.0 && kept.duplicates > 0);
            }
            "mle_levina_bickel_k10" => {
                for duplicates in [Duplicates::KeepAll, Duplicates::KeepOne, Duplicates::DropPoints] {
                    agree(levina_bickel(x, 10, Combine::HarmonicMean, duplicates).unwrap().value, EXACT);
                }
            }
            "lpca_participation_ratio" => agree(pca_participation_ratio(x).unwrap(), EXACT),
            "twonn_mle" => agree(two_nn_likelihood(x, Duplicates::DropPoints).unwrap().value, EXACT),
            "uniformity_t2" => agree(uniformity(x, 2.0).unwrap(), EXACT),
            "mean_pairwise_euclidean" => agree(pairwise_distances(x).unwrap().mean, EXACT),
            "median_pairwise_euclidean" => agree(pairwise_distances(x).unwrap().median, EXACT),
            _ if key.starts_with("alpha_req_ols_rank") => {
                let (first, last) = key.trim_start_matches("alpha_req_ols_rank").split_once('-').unwrap();
                agree(spectrum.power_law_exponent(first.parse().unwrap(), last.parse().unwrap()).unwrap(), EXACT);
            }
            _ if key.starts_with("twonn_discard") => {
                let discard: f64 = key.trim_start_matches("twonn_discard").parse().unwrap();
                let got = two_nn(x, discard, EmpiricalCdf::Rank, Duplicates::DropPoints);
                if want == [0.0] {
                    assert!(ties && got.is_err(), "{place}: more than half of the ratios are 1");
                } else {
                    agree(got.unwrap().value, EXACT);
                }
            }
            _ => panic!("{place}: {key} is not covered"),
        }
    }
}

#[test]
fn task_measures() {
    let (y, mut worst) = (labels(), Worst::default());
    for name in CASES {
        let case = Case::load(name);
        for side in ["X", "Y"] {
            let (section, x) = (format!("supervised_{side}"), case.matrix(side));
            for key in case.keys(&section) {
                let want = case.values(&section, &key);
                supervised(x.as_ref(), &y, &key, &want, &format!("{name} {side}"), &mut worst);
            }
        }
    }
    worst.print();
}

fn supervised(x: MatRef<'_, f64>, y: &[usize], key: &str, want: &[f64], place: &str, worst: &mut Worst) {
    let folds = stratified_k_fold(y, 5).unwrap();
    let options = LogisticOptions::default();
    let mut agree = |got: f64| worst.agree(key, place, got, want[0], EXACT);
    match key {
        "ridge_classifier_alpha1_5fold_acc" => {
            agree(ridge_classifier_probe(x, y, &folds, 1.0).unwrap().mean_accuracy());
        }
        "ridge_onehot_5fold_r2" => {
            let one_hot = faer::Mat::from_fn(y.len(), 10, |i, c| f64::from(u8::from(y[i] == c)));
            agree(ridge_probe(x, one_hot.as_ref(), &folds, 1.0).unwrap().pooled.share);
        }
        "logreg_5fold_[acc,logloss_bits,H(Y)_bits,V_information_bits]" => {
            let got = usable_information(x, y, &folds, &options).unwrap();
            assert_eq!(got.accuracy, want[0], "{place} {key}");
            // The package stops lbfgs at a tolerance; its optimum is compared below.
            worst.agree("logreg_logloss_bits", place, got.cross_entropy, want[1], 1e-6);
            worst.agree("logreg_H(Y)_bits", place, got.entropy, want[2], EXACT);
            worst.agree("logreg_V_information_bits", place, got.information, want[3], 1e-6);
        }
        "knn5_5fold_acc" => agree(neighbour_probe(x, y, 5, &folds).unwrap().mean_accuracy()),
        "silhouette_euclidean" => agree(silhouette(x, y).unwrap()),
        "davies_bouldin" => agree(davies_bouldin(x, y).unwrap()),
        "calinski_harabasz" => agree(calinski_harabasz(x, y).unwrap()),
        "kta_centered_linear" => agree(target_alignment_centred(x, y).unwrap()),
        "kta_uncentered_linear" => agree(target_alignment_uncentred(x, y).unwrap()),
        "neural_collapse_nc1" => agree(nc1(x, y).unwrap()),
        "ccgp_a=label>=5_b=parity" => {
            let variable: Vec<usize> = y.iter().map(|l| usize::from(*l >= 5)).collect();
            let parity: Vec<usize> = y.iter().map(|l| l % 2).collect();
            let decoder = Decoder::Logistic(LogisticOptions { standardise: false, ..options });
            agree(ccgp_across_contexts(x, &variable, &parity, 1, &decoder).unwrap().mean);
        }
        "parallelism_score_a|b" => {
            let conditions: Vec<usize> = y.iter().map(|l| 2 * usize::from(*l >= 5) + l % 2).collect();
            agree(parallelism_of_pairs(x, &conditions, &[(2, 0), (3, 1)]).unwrap());
        }
        _ => panic!("{place}: {key} is not covered"),
    }
}

#[test]
fn regressions_between_representations() {
    let mut worst = Worst::default();
    for name in CASES {
        let case = Case::load(name);
        let (x, y) = (case.matrix("X"), case.matrix("Y"));
        let folds = k_fold(x.nrows(), 5).unwrap();
        for (key, from, to) in [("x_to_y", &x, &y), ("y_to_x", &y, &x)] {
            let key_in = format!("linreg_r2_{key}");
            if case.keys("pairwise").contains(&key_in) {
                let got = in_sample_r2(from.as_ref(), to.as_ref()).unwrap().share;
                worst.agree(&key_in, name, got, case.values("pairwise", &key_in)[0], EXACT);
            }
            let key_cv = format!("ridge_alpha1_5fold_{key}_[r2,median_pearson]");
            if case.keys("pairwise").contains(&key_cv) {
                let got = ridge_probe(from.as_ref(), to.as_ref(), &folds, 1.0).unwrap();
                let want = case.values("pairwise", &key_cv);
                worst.agree(&key_cv, name, got.pooled.share, want[0], EXACT);
                if name != "ties" || want[1].is_finite() {
                    worst.agree(&key_cv, name, got.median_pearson, want[1], EXACT);
                }
            }
        }
        let key = "ridgecv_loo_x_to_y_[alpha,best_neg_mse]";
        if case.keys("pairwise").iter().any(|k| k == key) {
            let alphas: Vec<f64> = (-3..=3).map(|e| 10_f64.powi(e)).collect();
            let got = ridge_leave_one_out(x.as_ref(), y.as_ref(), &alphas).unwrap();
            let want = case.values("pairwise", key);
            assert!((got.alpha / want[0] - 1.0).abs() < EXACT, "{name}: {} instead of {}", got.alpha, want[0]);
            let best = got.errors.iter().copied().fold(f64::INFINITY, f64::min);
            worst.agree(key, name, -best, want[1], EXACT);
        }
    }
    worst.print();
}

#[test]
fn logistic_probes_reach_the_optimum() {
    // Newton iterations with dense Hessians in NumPy, to gradients below 1e-12.
    let (y, options) = (labels(), LogisticOptions::default());
    for (name, want) in [
        ("digits_pixels.npy", 0.169_058_594_580_124),
        ("digits_seed0_h1.npy", 0.089_942_163_742_451_6),
        ("digits_seed0_h2.npy", 0.070_689_985_520_890_6),
    ] {
        let x = array(name);
        let got = usable_information(x.as_ref(), &y, &stratified_k_fold(&y, 5).unwrap(), &options).unwrap();
        assert!(close(got.cross_entropy, want, 1e-9), "{name}: {} instead of {want}", got.cross_entropy);
    }
    // scikit-learn 1.9.1, LogisticRegression(solver="newton-cholesky", tol=1e-13) of label >= 5.
    let high: Vec<usize> = y.iter().map(|l| usize::from(*l >= 5)).collect();
    let raw = LogisticOptions { standardise: false, ..options };
    for (name, intercept, weight) in [
        ("digits_pixels.npy", -1.746_761_737_871_617_8, 1.542_699_785_240_819_7),
        ("digits_seed0_h1.npy", 0.310_211_824_006_251_6, 0.094_601_250_878_135_5),
        ("digits_seed0_h2.npy", -1.209_338_951_090_475_5, 0.110_075_383_381_309_1),
    ] {
        let fitted = logistic(array(name).as_ref(), &high, &raw).unwrap();
        assert!(close(fitted.intercept[0], intercept, 1e-8), "{name}: {}", fitted.intercept[0]);
        assert!(close(fitted.weights[(10, 0)], weight, 1e-8), "{name}: {}", fitted.weights[(10, 0)]);
    }
    // Fewer examples than units, three classes, C = 2.
    let x = array("simrepo_X.npy");
    let three: Vec<usize> = (0..20).map(|i| i % 3).collect();
    let fitted = logistic(x.subrows(0, 20), &three, &LogisticOptions { c: 2.0, ..raw }).unwrap();
    assert!(close(fitted.weights[(5, 1)], -0.439_843_972_358_042_1, 1e-9), "{}", fitted.weights[(5, 1)]);
    assert!(close(fitted.intercept[0], 1.094_167_97, 1e-7), "{:?}", fitted.intercept);
}

#[test]
fn local_pca_agrees_with_scikit_dimension() {
    // lPCA(ver="participation_ratio").fit_pw(X, n_neighbors=20), mean over points (0.5.0).
    let got = local_pca_participation_ratio(array("kornblith_X.npy").as_ref(), 20, Duplicates::KeepAll).unwrap();
    assert!(close(got.value, 6.538_924_468_577_862, 1e-12), "{got:?}");
}

#[test]
fn ridge_agrees_with_scikit_learn() {
    // Ridge(0.3).fit(X, Y) on the simrepo case (1.9.1).
    let fitted = ridge(array("simrepo_X.npy").as_ref(), array("simrepo_Y.npy").as_ref(), 0.3).unwrap();
    assert!(close(fitted.weights[(4, 3)], 0.031_603_657_589_630_005, 1e-12), "{}", fitted.weights[(4, 3)]);
    assert!(close(fitted.intercept[2], 0.766_220_975_938_648_5, 1e-12), "{}", fitted.intercept[2]);
}
