//! Input that no measure is defined for: errors in one sentence, never a panic, never a silent NaN.
#![allow(missing_docs)]

use super::common::random;
use faer::{Mat, MatRef, mat};
use isogram::Result;
use isogram::measure::single::decoding::*;
use isogram::measure::single::dimension::*;
use isogram::measure::single::geometry::*;
use isogram::measure::single::inference::*;
use isogram::measure::single::probe::*;
use isogram::measure::single::spectrum::*;
use isogram::measure::single::units::*;

type Named = (&'static str, fn(MatRef<'_, f64>, &[usize]) -> Result<Vec<f64>>);

const RAW: LogisticOptions = LogisticOptions { c: 1.0, standardise: false, tolerance: 1e-11, max_iterations: 200 };

fn one(value: Result<f64>) -> Result<Vec<f64>> {
    value.map(|v| vec![v])
}

fn dimension(value: Result<Dimension>) -> Result<Vec<f64>> {
    value.map(|d| vec![d.value])
}

fn folds(n: usize) -> Vec<Fold> {
    // Sound for any number of examples, so that the measure has to refuse.
    k_fold(n, 2).unwrap_or_default()
}

fn alternating(n: usize) -> Vec<usize> {
    (0..n).map(|i| i % 4).collect()
}

/// Every public function of one representation.
const FUNCTIONS: [Named; 43] = [
    ("Spectrum", |x, _| {
        let s = Spectrum::of(x)?;
        let mut values = vec![
            s.participation_ratio(),
            s.effective_rank_eigenvalues(),
            s.effective_rank_singular_values(),
            s.stable_rank(),
            s.components_for(0.9)? as f64,
        ];
        values.extend(s.explained_variance());
        Ok(values)
    }),
    ("power law", |x, _| one(Spectrum::of(x)?.power_law_exponent(1, 2))),
    ("rank_me", |x, _| one(rank_me(x))),
    ("PR examples", |x, _| one(participation_ratio_corrected(x, Sampled::Examples))),
    ("PR units", |x, _| one(participation_ratio_corrected(x, Sampled::Units))),
    ("PR both", |x, _| one(participation_ratio_corrected(x, Sampled::Both))),
    ("two_nn", |x, _| dimension(two_nn(x, 0.2, EmpiricalCdf::Rank, Duplicates::KeepOne))),
    ("two_nn drop", |x, _| dimension(two_nn(x, 0.2, EmpiricalCdf::RankMinusOne, Duplicates::DropPoints))),
    ("two_nn_likelihood", |x, _| dimension(two_nn_likelihood(x, Duplicates::KeepAll))),
    ("levina_bickel", |x, _| dimension(levina_bickel(x, 2, Combine::HarmonicMean, Duplicates::KeepOne))),
    ("levina_bickel mean", |x, _| dimension(levina_bickel(x, 3, Combine::Mean, Duplicates::DropPoints))),
    ("correlation_integral", |x, _| dimension(correlation_integral(x, 1, 3, Duplicates::KeepAll))),
    ("pca_participation_ratio", |x, _| one(pca_participation_ratio(x))),
    ("local PCA", |x, _| dimension(local_pca_participation_ratio(x, 3, Duplicates::KeepOne))),
    ("uniformity", |x, _| one(uniformity(x, 2.0))),
    ("pairwise_distances", |x, _| pairwise_distances(x).map(|c| vec![c.mean, c.median])),
    ("example_norms", |x, _| example_norms(x)),
    ("norms", |x, _| norms(x).map(|c| vec![c.mean, c.median])),
    ("treves_rolls", |x, _| treves_rolls(x, Across::Examples).map(|_| Vec::new())),
    ("hoyer", |x, _| hoyer(x, Across::Units).map(|_| Vec::new())),
    ("dead_unit_fraction", |x, _| one(dead_unit_fraction(x, 0.0))),
    ("constant_unit_fraction", |x, _| one(constant_unit_fraction(x))),
    ("class_selectivity", |x, y| class_selectivity(x, y).map(|_| Vec::new())),
    ("class_variance_fraction", |x, y| class_variance_fraction(x, y).map(|_| Vec::new())),
    ("logistic_probe", |x, y| logistic_probe(x, y, &folds(x.nrows()), &RAW).map(|c| vec![c.accuracy])),
    ("ridge_classifier", |x, y| ridge_classifier_probe(x, y, &folds(x.nrows()), 1.0).map(|c| vec![c.accuracy])),
    ("ridge_probe", |x, _| ridge_probe(x, x, &folds(x.nrows()), 1.0).map(|r| vec![r.pooled.share])),
    ("ridge_leave_one_out", |x, _| ridge_leave_one_out(x, x, &[1.0]).map(|l| l.errors)),
    ("in_sample_r2", |x, _| in_sample_r2(x, x).map(|r| vec![r.share])),
    ("usable_information", |x, y| usable_information(x, y, &folds(x.nrows()), &RAW).map(|u| vec![u.information])),
    ("feature_information", |x, _| feature_information(x, x, &folds(x.nrows()), 1.0).map(|_| Vec::new())),
    ("nearest_centroid", |x, y| nearest_centroid_probe(x, y, &folds(x.nrows())).map(|c| vec![c.accuracy])),
    ("neighbours", |x, y| neighbour_probe(x, y, 2, &folds(x.nrows())).map(|c| vec![c.accuracy])),
    ("ccgp", |x, y| ccgp(x, y, &[0, 1], 1, &Decoder::NearestCentroid).map(|c| vec![c.mean])),
    ("parallelism", |x, y| one(parallelism_score(x, y, &[0, 1]))),
    ("shattering", |x, y| {
        shattering_dimensionality(x, y, 2, &Decoder::Ridge { alpha: 1.0 }, Dichotomies::All).map(|s| vec![s.mean])
    }),
    ("silhouette", |x, y| one(silhouette(x, y))),
    ("davies_bouldin", |x, y| one(davies_bouldin(x, y))),
    ("calinski_harabasz", |x, y| one(calinski_harabasz(x, y))),
    ("nc1", |x, y| one(nc1(x, y))),
    ("nc1_trace_ratio", |x, y| one(nc1_trace_ratio(x, y))),
    ("nc2", |x, y| nc2(x, y).map(|c| vec![c.norm_variation, c.angle_excess])),
    ("target alignment", |x, y| one(target_alignment_centred(x, y))),
];

const LABELLED: [&str; 16] = [
    "class_selectivity",
    "class_variance_fraction",
    "logistic_probe",
    "ridge_classifier",
    "usable_information",
    "nearest_centroid",
    "neighbours",
    "ccgp",
    "parallelism",
    "shattering",
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "nc1",
    "nc1_trace_ratio",
    "nc2",
];

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
        for (name, f) in FUNCTIONS {
            let message = f(x.as_ref(), &alternating(x.nrows())).err().map(|e| e.to_string());
            assert!(message.is_some_and(|m| m.len() > 20 && !m.contains('\n')), "{name} takes {what}");
        }
        let x = x.as_ref();
        let good = random(x.nrows(), 2, 2);
        assert!(geometry_null(x, &alternating(x.nrows()), GeometryNull::Rotate, 1, 1).is_err(), "{what}");
        assert!(bootstrap(&|_, _| Ok(0.0), x, good.as_ref(), 0.9, 5, 1).is_err(), "{what}");
        assert!(permutation_test(&|_, _| Ok(0.0), good.as_ref(), x, Alternative::Larger, 5, 1).is_err(), "{what}");
        assert!(noise_floor_units(&|_, _| Ok(0.0), x, 5, 1).is_err(), "{what}");
        assert!(target_alignment_uncentred(x, &alternating(x.nrows())).is_err(), "{what}");
        assert!(nc3(x, &alternating(x.nrows()), good.as_ref()).is_err(), "{what}");
        assert!(nc4(x, &alternating(x.nrows()), good.as_ref(), &[0.0; 4]).is_err(), "{what}");
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
        for (name, f) in FUNCTIONS {
            if let Ok(values) = f(x.as_ref(), &alternating(x.nrows())) {
                assert!(values.iter().all(|v| v.is_finite()), "{name} of {what}: {values:?}");
            }
        }
    }
    for (what, x) in odd.iter().take(2) {
        for name in ["Spectrum", "PR both", "two_nn", "levina_bickel", "correlation_integral", "nc1", "nc2"] {
            let f = FUNCTIONS.iter().find(|f| f.0 == name).unwrap().1;
            assert!(f(x.as_ref(), &alternating(12)).is_err(), "{name} of {what}");
        }
    }
}

#[test]
fn labels_must_fit() {
    let x = Mat::from_fn(12, 3, |i, j| random(12, 3, 1)[(i, j)].abs());
    for (what, labels) in
        [("few", alternating(11)), ("many", alternating(13)), ("none", Vec::new()), ("one class", vec![3; 12])]
    {
        for (name, f) in FUNCTIONS.iter().filter(|f| LABELLED.contains(&f.0)) {
            assert!(f(x.as_ref(), &labels).is_err(), "{name} takes {what} labels");
        }
    }
    let own: Vec<usize> = (0..12).collect();
    for f in [silhouette, davies_bouldin, calinski_harabasz] {
        assert!(f(x.as_ref(), &own).is_err());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let (m, y) = (random(12, 3, 1), alternating(12));
    let x = m.as_ref();
    let s = Spectrum::of(x).unwrap();
    let four = stratified_k_fold(&y, 3).unwrap();
    let keep = Duplicates::KeepOne;
    for fraction in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(s.components_for(fraction).is_err());
    }
    for (first, last) in [(0, 2), (2, 2), (3, 2), (1, 4), (usize::MAX, usize::MAX)] {
        assert!(s.power_law_exponent(first, last).is_err());
    }
    for discard in [-0.1, 1.0, 2.0, 0.99, f64::NAN] {
        assert!(two_nn(x, discard, EmpiricalCdf::Rank, keep).is_err(), "{discard}");
    }
    for k in [0, 1, 12, usize::MAX - 1] {
        assert!(levina_bickel(x, k, Combine::Mean, keep).is_err());
        assert!(local_pca_participation_ratio(x, k, keep).is_err());
    }
    for (k1, k2) in [(0, 2), (2, 2), (3, 2), (2, 12)] {
        assert!(correlation_integral(x, k1, k2, keep).is_err());
    }
    for t in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(uniformity(x, t).is_err());
    }
    assert!(dead_unit_fraction(x, -1.0).is_err() && dead_unit_fraction(x, f64::NAN).is_err());
    assert!(treves_rolls(x, Across::Units).is_err() && class_selectivity(x, &y).is_err(), "negative values");
    for k in [0, 1, 13, usize::MAX] {
        assert!(k_fold(12, k).is_err() && stratified_k_fold(&y, k).is_err());
    }
    assert!(k_fold(0, 2).is_err() && stratified_k_fold(&[], 2).is_err() && label_entropy(&[]).is_err());
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(ridge(x, x, alpha).is_err() && ridge_leave_one_out(x, x, &[alpha]).is_err());
    }
    assert!(ridge_leave_one_out(x, x, &[]).is_err());
    assert!(ridge_leave_one_out(random(4, 9, 1).as_ref(), random(4, 2, 1).as_ref(), &[0.0]).is_err());
    for options in [
        LogisticOptions { c: 0.0, ..RAW },
        LogisticOptions { c: f64::NAN, ..RAW },
        LogisticOptions { tolerance: 0.0, ..RAW },
        LogisticOptions { max_iterations: 0, ..RAW },
    ] {
        assert!(logistic(x, &y, &options).is_err(), "{options:?}");
    }
    for k in [0, 9, usize::MAX] {
        assert!(neighbour_probe(x, &y, k, &four).is_err());
    }
    assert!(feature_complexity(&[], x, &four, 1.0).is_err());
    let fold = |train: &[usize], test: &[usize]| Fold { train: train.to_vec(), test: test.to_vec() };
    for (what, folds) in [
        ("none", vec![]),
        ("empty", vec![fold(&[], &[])]),
        ("out of range", vec![fold(&[0, 12], &[1])]),
        ("tested twice", vec![fold(&[0], &[1, 1])]),
        ("not all tested", vec![fold(&[0], &[1])]),
        ("tested and fitted", vec![fold(&[0, 1], &(1..12).collect::<Vec<_>>())]),
    ] {
        assert!(nearest_centroid_probe(x, &y, &folds).is_err(), "{what}");
        assert!(ridge_probe(x, x, &folds, 1.0).is_err(), "{what}");
    }
    // A class that a training part lacks.
    let rare: Vec<usize> = (0..12).map(|i| if i == 0 { 9 } else { i % 2 }).collect();
    assert!(logistic_probe(x, &rare, &k_fold(12, 3).unwrap(), &RAW).is_err());
}

#[test]
fn shapes_must_fit() {
    let (m, other) = (random(12, 3, 1), random(11, 3, 1));
    let (x, o) = (m.as_ref(), other.as_ref());
    assert!(ridge(x, o, 1.0).is_err() && r_squared(x, o).is_err() && in_sample_r2(x, o).is_err());
    assert!(r_squared(x, random(12, 2, 1).as_ref()).is_err() && median_pearson(x, o).is_err());
    assert!(r_squared(Mat::<f64>::zeros(5, 2).as_ref(), random(5, 2, 1).as_ref()).is_err());
    assert!(held_out_r2(x, x, random(12, 4, 1).as_ref(), x, 1.0).is_err());
    let fitted = logistic(x, &alternating(12), &RAW).unwrap();
    assert!(fitted.predict(random(5, 2, 1).as_ref()).is_err());
    assert!(multi_label_logistic(x, o, &RAW).is_err() && multi_label_logistic(x, x, &RAW).is_err());
    let y = alternating(12);
    assert!(nc3(x, &y, x).is_err() && nc3(x, &y, Mat::<f64>::zeros(4, 3).as_ref()).is_err());
    assert!(nc4(x, &y, random(4, 3, 1).as_ref(), &[0.0; 3]).is_err());
    assert!(nc4(x, &y, random(4, 3, 1).as_ref(), &[f64::NAN; 4]).is_err());
}

#[test]
fn task_designs_must_fit() {
    let (m, y) = (random(12, 3, 1), alternating(12));
    let (x, d) = (m.as_ref(), Decoder::Ridge { alpha: 1.0 });
    for positive in [&[][..], &[0, 1, 2, 3], &[7]] {
        assert!(ccgp(x, &y, positive, 1, &d).is_err() && parallelism_score(x, &y, positive).is_err());
    }
    assert!(parallelism_score(x, &y, &[0]).is_err());
    for k in [0, 2, usize::MAX] {
        assert!(ccgp(x, &y, &[0, 1], k, &d).is_err());
    }
    let halves: Vec<usize> = y.iter().map(|c| c % 2).collect();
    for k in [0, 4] {
        assert!(ccgp_across_contexts(x, &halves, &y, k, &d).is_err());
    }
    // Each context holds one value of the variable only.
    assert!(ccgp_across_contexts(x, &halves, &halves, 1, &d).is_err());
    assert!(ccgp_across_contexts(x, &halves[..5], &y, 1, &d).is_err());
    for pairs in [&[][..], &[(0, 1)], &[(0, 1), (2, 9)], &[(0, 0), (2, 1)]] {
        assert!(parallelism_of_pairs(x, &y, pairs).is_err());
    }
    for folds in [0, 1, 4] {
        assert!(shattering_dimensionality(x, &y, folds, &d, Dichotomies::All).is_err());
    }
    let none = Dichotomies::Sample { number: 0, seed: 1 };
    assert!(shattering_dimensionality(x, &y, 2, &d, none).is_err());
    let many: Vec<usize> = (0..60).map(|i| i % 30).collect();
    assert!(shattering_dimensionality(random(60, 2, 1).as_ref(), &many, 2, &d, Dichotomies::All).is_err());
    assert!(parallelism_score(random(60, 2, 1).as_ref(), &many, &(0..15).collect::<Vec<_>>()).is_err());
    assert!(ccgp(random(60, 2, 1).as_ref(), &many, &(0..15).collect::<Vec<_>>(), 7, &d).is_err());
    let larger = Alternative::Larger;
    assert!(against_geometry_null(x, &y, GeometryNull::PermuteUnits, larger, 0, 1, &|_| Ok(0.0)).is_err());
}

#[test]
fn resampling_must_fit() {
    let (m, other) = (random(12, 3, 1), random(11, 3, 1));
    let (x, o) = (m.as_ref(), other.as_ref());
    let zero: Measure<'_> = &|_, _| Ok(0.0);
    let nan: Measure<'_> = &|_, _| Ok(f64::NAN);
    let failing: Measure<'_> = &|a, b| in_sample_r2(a, Mat::zeros(b.nrows(), 1).as_ref()).map(|r| r.share);
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
    assert!(noise_floor_examples(zero, x, o, 2, 1).is_err() && noise_floor_examples(zero, x, x, 0, 1).is_err());
    let three = mat![[1.0], [2.0], [3.0]];
    assert!(noise_floor_examples(zero, three.as_ref(), three.as_ref(), 2, 1).is_err());
}
