//! Input that no measure is defined for: errors in one sentence, never a panic, never a silent NaN.
#![allow(missing_docs)]

use super::common::{of, random};
use faer::{Mat, MatRef};
use isogram::Result;
use isogram::measure::inference::*;
use isogram::measure::statistic::probe::*;

type Named = (&'static str, fn(MatRef<'_, f64>, &[usize]) -> Result<f64>);

const RAW: LogisticOptions = LogisticOptions { c: 1.0, standardise: false, tolerance: 1e-11, max_iterations: 200 };

fn folds(n: usize) -> Vec<Fold> {
    // Sound for any number of examples, so that the measure has to refuse.
    k_fold(n, 2).unwrap_or_default()
}

fn alternating(n: usize) -> Vec<usize> {
    (0..n).map(|i| i % 4).collect()
}

/// Statistics in forms that few examples suffice for.
const STATISTICS: [&str; 23] = [
    "alpha_req:last=2",
    "components",
    "correlation_dimension:k1=1:k2=3",
    "explained_variance",
    "levina_bickel:k=2",
    "local_pca:k=3",
    "levina_bickel:k=3:mean:drop-points",
    "participation_ratio",
    "participation_ratio:both",
    "participation_ratio:examples",
    "participation_ratio:units",
    "rankme",
    "sparsity",
    "sparsity:hoyer:units",
    "dead_units",
    "mean_distance",
    "median_distance",
    "mean_norm",
    "two_nn:discard=0.2:keep-one",
    "two_nn:discard=0.2:rank-less-one",
    "two_nn:likelihood:keep-all",
    "uniformity",
    "effective_rank",
];

/// The same with labels.
const LABELLED: [&str; 22] = [
    "calinski_harabasz",
    "ccgp:centroid",
    "ccgp:contexts=2",
    "class_selectivity",
    "davies_bouldin",
    "knn_probe:k=2:folds=2",
    "label_alignment",
    "label_alignment:uncentred",
    "label_r2:folds=2",
    "linear_probe:folds=2",
    "linear_probe:ridge:folds=2",
    "nc2",
    "nc2:equiangular",
    "nc2:equinorm",
    "nearest_centroid:folds=2",
    "neural_collapse",
    "neural_collapse:trace",
    "parallelism",
    "parallelism:rotated:draws=3",
    "shattering:folds=2",
    "silhouette",
    "v_information:folds=2",
];

/// What the library has beside them.
const FUNCTIONS: [Named; 2] = [
    ("probe", |x, y| Ok(probe(x, y, &folds(x.nrows()), &Decoder::Logistic(RAW))?.accuracy())),
    ("ridge_probe", |x, _| Ok(r_squared(x, ridge_probe(x, x, &folds(x.nrows()), 1.0)?.as_ref())?.share)),
];

/// Each of them by its name.
fn all(x: MatRef<'_, f64>, labels: &[usize]) -> Vec<(&'static str, Result<f64>)> {
    let named = STATISTICS.into_iter().chain(LABELLED).map(|name| (name, of(name, x, labels)));
    named.chain(FUNCTIONS.into_iter().map(|(name, f)| (name, f(x, labels)))).collect()
}

fn with(mut x: Mat<f64>, value: f64) -> Mat<f64> {
    x[(1, 1)] = value;
    x
}

#[test]
fn what_is_no_representation_is_refused() {
    let bad = [
        ("nothing", Mat::zeros(0, 0)),
        ("no examples", Mat::zeros(0, 3)),
        ("no units", Mat::zeros(12, 0)),
        ("NaN", with(random(12, 3, 1), f64::NAN)),
        ("infinity", with(random(12, 3, 1), f64::INFINITY)),
        ("minus infinity", with(random(12, 3, 1), f64::NEG_INFINITY)),
    ];
    for (what, x) in &bad {
        for (name, found) in all(x.as_ref(), &alternating(x.nrows())) {
            let message = found.err().map(|e| e.to_string());
            assert!(message.is_some_and(|m| m.len() > 20 && !m.contains('\n')), "{name} takes {what}");
        }
        let x = x.as_ref();
        let good = random(x.nrows(), 2, 2);
        assert!(bootstrap(&|_, _| Ok(0.0), x, good.as_ref(), 0.9, 5, 1).is_err(), "{what}");
        assert!(permutation_test(&|_, _| Ok(0.0), good.as_ref(), x, Alternative::Larger, 5, 1).is_err(), "{what}");
        assert!(noise_floor_units(&|_, _| Ok(0.0), x, 5, 1).is_err(), "{what}");
    }
}

#[test]
fn odd_representations_never_panic_nor_give_nan() {
    let constant_unit = Mat::from_fn(12, 3, |i, j| if j == 1 { 0.1 } else { random(12, 3, 1)[(i, j)] });
    let twice = Mat::from_fn(12, 3, |i, j| random(6, 3, 1)[(i / 2, j)]);
    let odd = [
        ("zeros", Mat::zeros(12, 3)),
        ("a constant", Mat::from_fn(12, 3, |_, _| 0.1)),
        ("a constant unit", constant_unit),
        ("duplicates", twice),
        ("one example", random(1, 3, 1)),
        ("two examples", random(2, 3, 1)),
        ("three examples", random(3, 3, 1)),
        ("one unit", random(12, 1, 1)),
        ("many units", random(12, 40, 1)),
        ("rank one", Mat::from_fn(12, 3, |i, j| (i * (j + 1)) as f64)),
        ("huge", Mat::from_fn(12, 3, |i, j| 1e69 * random(12, 3, 1)[(i, j)])),
        ("tiny", Mat::from_fn(12, 3, |i, j| 1e-69 * random(12, 3, 1)[(i, j)])),
        ("hugest", Mat::from_fn(12, 3, |i, j| 1e300 * random(12, 3, 1)[(i, j)])),
        ("tiniest", Mat::from_fn(12, 3, |i, j| 1e-300 * random(12, 3, 1)[(i, j)])),
        ("mixed", Mat::from_fn(12, 3, |i, j| 10_f64.powi((i as i32 - 4) * 8) * random(12, 3, 1)[(i, j)])),
        ("the largest", Mat::from_fn(12, 3, |i, j| if (i + j) % 2 == 0 { f64::MAX } else { f64::MIN })),
        ("the smallest", Mat::from_fn(12, 3, |i, j| if (i + j) % 2 == 0 { 5e-324 } else { 0.0 })),
        ("far from the origin", Mat::from_fn(12, 3, |i, j| 1e12 + random(12, 3, 1)[(i, j)])),
    ];
    for (what, x) in &odd {
        for (name, found) in all(x.as_ref(), &alternating(x.nrows())) {
            assert!(found.as_ref().map_or(true, |v| v.is_finite()), "{name} of {what}: {found:?}");
        }
    }
    for (what, x) in odd.iter().take(2) {
        for name in ["participation_ratio", "participation_ratio:both", "two_nn:keep-one", "neural_collapse", "nc2"] {
            assert!(of(name, x.as_ref(), &alternating(12)).is_err(), "{name} of {what}");
        }
        for name in ["levina_bickel:k=2", "correlation_dimension:k1=1:k2=3", "explained_variance"] {
            assert!(of(name, x.as_ref(), &alternating(12)).is_err(), "{name} of {what}");
        }
    }
}

#[test]
fn labels_must_fit() {
    let x = Mat::from_fn(12, 3, |i, j| random(12, 3, 1)[(i, j)].abs());
    for (what, labels) in
        [("few", alternating(11)), ("many", alternating(13)), ("none", Vec::new()), ("one class", vec![3; 12])]
    {
        for name in LABELLED {
            // A matrix of ones is a kernel as well.
            if what == "one class" && name == "label_alignment:uncentred" {
                continue;
            }
            assert!(of(name, x.as_ref(), &labels).is_err(), "{name} takes {what} labels");
        }
        for (name, f) in FUNCTIONS.iter().filter(|f| f.0 != "ridge_probe") {
            assert!(f(x.as_ref(), &labels).is_err(), "{name} takes {what} labels");
        }
    }
    let own: Vec<usize> = (0..12).collect();
    for name in ["silhouette", "davies_bouldin", "calinski_harabasz"] {
        assert!(of(name, x.as_ref(), &own).is_err());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let (m, y) = (random(12, 3, 1), alternating(12));
    let x = m.as_ref();
    for name in [
        "components:variance=0",
        "components:variance=1",
        "components:variance=NaN",
        "alpha_req:first=0:last=2",
        "alpha_req:first=2:last=2",
        "alpha_req:first=3:last=2",
        "alpha_req:last=4",
        "two_nn:discard=-0.1",
        "two_nn:discard=1",
        "two_nn:discard=0.99",
        "levina_bickel:k=1",
        "levina_bickel:k=12",
        "local_pca:k=1",
        "local_pca:k=12",
        "local_pca:k=18446744073709551614",
        "correlation_dimension:k1=0:k2=2",
        "correlation_dimension:k1=2:k2=2",
        "correlation_dimension:k1=3:k2=2",
        "correlation_dimension:k1=2:k2=12",
        "uniformity:t=0",
        "uniformity:t=-1",
        "uniformity:t=inf",
        "dead_units:threshold=-1",
        "linear_probe:strength=0",
        "knn_probe:k=9:folds=3",
        "nearest_centroid:folds=4",
        "shattering:folds=4",
        "shattering:dichotomies=0",
        "parallelism:contexts=3",
        "ccgp:contexts=4",
        "ccgp:draws=0",
        // Of values of 0 or more.
        "sparsity:units",
        "class_selectivity",
    ] {
        assert!(of(name, x, &y).is_err(), "{name}");
    }
    for k in [0, 1, 13, usize::MAX] {
        assert!(k_fold(12, k).is_err() && stratified_k_fold(&y, k).is_err());
    }
    assert!(k_fold(0, 2).is_err() && stratified_k_fold(&[], 2).is_err());
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(ridge(x, x, alpha).is_err());
    }
    for options in [
        LogisticOptions { c: 0.0, ..RAW },
        LogisticOptions { c: f64::NAN, ..RAW },
        LogisticOptions { tolerance: 0.0, ..RAW },
        LogisticOptions { max_iterations: 0, ..RAW },
    ] {
        assert!(logistic(x, &y, &options).is_err(), "{options:?}");
    }
    for k in [0, 9, usize::MAX] {
        assert!(probe(x, &y, &stratified_k_fold(&y, 3).unwrap(), &Decoder::Neighbours(k)).is_err());
    }
    let fold = |train: &[usize], test: &[usize]| Fold { train: train.to_vec(), test: test.to_vec() };
    for (what, folds) in [
        ("none", vec![]),
        ("empty", vec![fold(&[], &[])]),
        ("out of range", vec![fold(&[0, 12], &[1])]),
        ("tested twice", vec![fold(&[0], &[1, 1])]),
        ("not all tested", vec![fold(&[0], &[1])]),
        ("tested and fitted", vec![fold(&[0, 1], &(1..12).collect::<Vec<_>>())]),
    ] {
        assert!(probe(x, &y, &folds, &Decoder::Centroid).is_err(), "{what}");
        assert!(ridge_probe(x, x, &folds, 1.0).is_err(), "{what}");
    }
    // A class that a training part lacks.
    let rare: Vec<usize> = (0..12).map(|i| if i == 0 { 9 } else { i % 2 }).collect();
    assert!(probe(x, &rare, &k_fold(12, 3).unwrap(), &Decoder::Logistic(RAW)).is_err());
}

#[test]
fn shapes_must_fit() {
    let (m, other) = (random(12, 3, 1), random(11, 3, 1));
    let (x, o) = (m.as_ref(), other.as_ref());
    assert!(ridge(x, o, 1.0).is_err() && r_squared(x, o).is_err() && ridge_probe(x, o, &folds(12), 1.0).is_err());
    assert!(r_squared(x, random(12, 2, 1).as_ref()).is_err());
    assert!(r_squared(Mat::<f64>::zeros(5, 2).as_ref(), random(5, 2, 1).as_ref()).is_err());
    assert!(ridge(x, x, 1.0).unwrap().predict(random(12, 4, 1).as_ref()).is_err());
    let fitted = logistic(x, &alternating(12), &RAW).unwrap();
    assert!(fitted.predict(random(5, 2, 1).as_ref()).is_err());
    assert!(multi_label_probe(x, o, &folds(12), &RAW).is_err() && multi_label_probe(x, x, &folds(12), &RAW).is_err());
}

#[test]
fn task_designs_must_fit() {
    let m = random(60, 2, 1);
    let of = |name: &str, conditions: usize| of(name, m.as_ref(), &(0..60).map(|i| i % conditions).collect::<Vec<_>>());
    // More dichotomies than are taken, or more pairings; sides of different sizes, or of one condition.
    for (name, conditions) in [
        ("shattering:folds=2:dichotomies=30000", 30),
        ("ccgp:dichotomies=30000", 30),
        ("parallelism", 30),
        ("parallelism", 5),
        ("parallelism", 2),
        ("ccgp", 3),
    ] {
        assert!(of(name, conditions).is_err(), "{name} of {conditions}");
    }
}

#[test]
fn resampling_must_fit() {
    let (m, other) = (random(12, 3, 1), random(11, 3, 1));
    let (x, o) = (m.as_ref(), other.as_ref());
    let zero: Measure<'_> = &|_, _| Ok(0.0);
    let nan: Measure<'_> = &|_, _| Ok(f64::NAN);
    let failing: Measure<'_> = &|a, b| r_squared(Mat::zeros(b.nrows(), 1).as_ref(), a.subcols(0, 1)).map(|r| r.share);
    for level in [0.0, 1.0, -0.5, f64::NAN] {
        assert!(bootstrap(zero, x, x, level, 5, 1).is_err() && subsample(zero, x, x, 6, level, 5, 1).is_err());
    }
    assert!(bootstrap(zero, x, o, 0.9, 5, 1).is_err() && bootstrap(zero, x, x, 0.9, 1, 1).is_err());
    for size in [0, 1, 12, 13] {
        assert!(subsample(zero, x, x, size, 0.9, 5, 1).is_err());
    }
    assert!(permutation_test(zero, x, o, Alternative::Larger, 5, 1).is_err());
    assert!(permutation_test(zero, x, x, Alternative::Larger, 0, 1).is_err());
    assert!(permutation_test(nan, x, x, Alternative::Larger, 5, 1).is_err());
    assert!(permutation_test(failing, x, x, Alternative::Larger, 5, 1).is_err());
    assert!(
        noise_floor_units(zero, x, 0, 1).is_err() && noise_floor_units(zero, random(5, 1, 1).as_ref(), 2, 1).is_err()
    );
}
