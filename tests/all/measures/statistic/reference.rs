//! Agreement with published packages of what `catalogue.rs` has no values for.
#![allow(missing_docs)]

use super::common::{array, close, labels, of};
use isogram::measure::statistic::probe::*;

#[test]
fn logistic_probes_reach_the_optimum() {
    // Newton iterations with dense Hessians in NumPy, to gradients below 1e-12.
    let (y, options) = (labels(), LogisticOptions::default());
    for (name, want) in [
        ("digits_pixels.npy", 0.169_058_594_580_124),
        ("digits_seed0_h1.npy", 0.089_942_163_742_451_6),
        ("digits_seed0_h2.npy", 0.070_689_985_520_890_6),
    ] {
        let folds = stratified_k_fold(&y, 5).unwrap();
        let got = probe(array(name).as_ref(), &y, &folds, &Decoder::Logistic(options)).unwrap().cross_entropy_bits();
        assert!(close(got, want, 1e-9), "{name}: {got} instead of {want}");
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
    let got = of("local_pca:keep-all", array("kornblith_X.npy").as_ref(), &[]).unwrap();
    assert!(close(got, 6.538_924_468_577_862, 1e-12), "{got:?}");
}

#[test]
fn ridge_agrees_with_scikit_learn() {
    // Ridge(0.3).fit(X, Y) on the simrepo case (1.9.1).
    let fitted = ridge(array("simrepo_X.npy").as_ref(), array("simrepo_Y.npy").as_ref(), 0.3).unwrap();
    assert!(close(fitted.weights[(4, 3)], 0.031_603_657_589_630_005, 1e-12), "{}", fitted.weights[(4, 3)]);
    assert!(close(fitted.intercept[2], 0.766_220_975_938_648_5, 1e-12), "{}", fitted.intercept[2]);
}
