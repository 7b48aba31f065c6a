//! Cases that can be worked out by hand: probes, decoding and task geometry.
#![allow(missing_docs)]

use super::common::{close, random};
use faer::{Mat, mat};
use isogram::measure::single::decoding::*;
use isogram::measure::single::geometry::*;
use isogram::measure::single::probe::*;

const TIGHT: f64 = 1e-12;

#[test]
fn folds_are_those_of_scikit_learn() {
    let tests: Vec<_> = k_fold(7, 3).unwrap().into_iter().map(|f| f.test).collect();
    assert_eq!(tests, [vec![0, 1, 2], vec![3, 4], vec![5, 6]]);
    let labels = [2, 0, 1, 1, 0, 2, 2, 2, 1, 0, 0, 0, 1, 2, 2, 0, 0];
    let tests: Vec<_> = stratified_k_fold(&labels, 3).unwrap().into_iter().map(|f| f.test).collect();
    assert_eq!(tests, [vec![0, 1, 2, 4, 5, 9], vec![3, 6, 7, 8, 10, 11], vec![12, 13, 14, 15, 16]]);
}

#[test]
fn ridge_by_hand() {
    // Centred x = (-1, 0, 1), y = (-2, 0, 2): w = 4 / (2 + α).
    let (x, y) = (mat![[1.0], [2.0], [3.0]], mat![[3.0], [5.0], [7.0]]);
    let fitted = ridge(x.as_ref(), y.as_ref(), 2.0).unwrap();
    assert!(close(fitted.weights[(0, 0)], 1.0, TIGHT) && close(fitted.intercept[0], 3.0, TIGHT));
    assert!(close(in_sample_r2(x.as_ref(), y.as_ref()).unwrap().share, 1.0, TIGHT));
    let r2 = r_squared(y.as_ref(), fitted.predict(x.as_ref()).unwrap().as_ref()).unwrap();
    assert!(close(r2.uniform, 0.75, TIGHT) && r2.constant == 0);
}

#[test]
fn the_two_flavours_of_r2_weigh_targets_differently() {
    let y = mat![[1.0, 10.0, 5.0], [-1.0, -10.0, 5.0]];
    let prediction = mat![[1.0, 0.0, 5.0], [-1.0, 0.0, 5.0]];
    let r2 = r_squared(y.as_ref(), prediction.as_ref()).unwrap();
    assert!(close(r2.uniform, 0.5, TIGHT) && close(r2.share, 2.0 / 202.0, TIGHT) && r2.constant == 1);
    assert!(r2.per_target[2].is_nan());
}

#[test]
fn information_by_hand() {
    assert!(close(label_entropy(&[3, 3, 8, 8]).unwrap(), 1.0, TIGHT));
    assert_eq!(label_entropy(&[3, 3]).unwrap(), 0.0);
    // Units that know nothing: the probe can only lose.
    let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let folds = stratified_k_fold(&labels, 4).unwrap();
    let noise = random(40, 10, 9);
    let got = usable_information(noise.as_ref(), &labels, &folds, &LogisticOptions::default()).unwrap();
    assert!(got.information < 0.0, "{got:?}");
    let line = Mat::from_fn(40, 1, |i, _| i as f64);
    let know = feature_information(line.as_ref(), line.as_ref(), &folds, 0.0).unwrap();
    assert!(close(know[0].fixed_variance, 1.0, TIGHT) && know[0].bits > 20.0);
    let complexity = feature_complexity(&[line.as_ref(), noise.as_ref()], line.as_ref(), &folds, 0.0).unwrap();
    let nothing = feature_information(noise.as_ref(), line.as_ref(), &folds, 0.0).unwrap();
    assert!(nothing[0].fixed_variance < 0.0 && nothing[0].bits < 0.0);
    assert!(close(complexity[0], 1.0 - (1.0 + nothing[0].fixed_variance) / 2.0, TIGHT), "{complexity:?}");
}

#[test]
fn neighbours_and_centroids_vote() {
    let x = mat![[0.0], [10.0], [0.1], [10.1], [0.2], [10.2]];
    let labels = [4, 9, 4, 9, 4, 9];
    let folds = stratified_k_fold(&labels, 3).unwrap();
    assert_eq!(nearest_centroid_probe(x.as_ref(), &labels, &folds).unwrap().accuracy, 1.0);
    assert_eq!(neighbour_probe(x.as_ref(), &labels, 1, &folds).unwrap().accuracy, 1.0);
    // All four neighbours: two votes each, the smaller label wins.
    assert_eq!(neighbour_probe(x.as_ref(), &labels, 4, &folds).unwrap().predictions, [4; 6]);
}

#[test]
fn labels_that_do_not_exclude_each_other() {
    let x = mat![[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.3], [0.1, 0.2], [0.8, 0.9]];
    let labels =
        mat![[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]];
    let fitted = multi_label_logistic(x.as_ref(), labels.as_ref(), &LogisticOptions::default()).unwrap();
    assert!(fitted.labels[2].is_none());
    for (l, probe) in fitted.labels.iter().take(2).enumerate() {
        let predicted = probe.as_ref().unwrap().predict(x.as_ref()).unwrap();
        assert!(predicted.iter().enumerate().all(|(i, p)| *p as f64 == labels[(i, l)]));
    }
}

#[test]
fn multi_label_probes_are_probes_of_each_label() {
    let x = random(30, 3, 12);
    let labels = Mat::from_fn(30, 3, |i, l| [f64::from(u8::from(x[(i, 0)] > 0.0)), (i % 2) as f64, 1.0][l]);
    let (folds, options) = (k_fold(30, 3).unwrap(), LogisticOptions::default());
    let got = multi_label_probe(x.as_ref(), labels.as_ref(), &folds, &options).unwrap();
    assert!(got[2].is_none() && got[0].as_ref().unwrap().accuracy > 0.8);
    let own: Vec<usize> = (0..30).map(|i| i % 2).collect();
    let alone = logistic_probe(x.as_ref(), &own, &folds, &options).unwrap();
    assert_eq!(got[1].as_ref().unwrap().cross_entropy_bits, alone.cross_entropy_bits);
    assert!(multi_label_probe(x.as_ref(), x.as_ref(), &folds, &options).is_err());
    assert!(multi_label_probe(x.as_ref(), labels.as_ref(), &[], &options).is_err());
}

/// Four conditions at the corners of a square (`xor` lifts the diagonal), three noisy examples of each.
fn square(xor: f64) -> (Mat<f64>, Vec<usize>) {
    let noise = random(24, 3, 4);
    let conditions: Vec<usize> = (0..24).map(|i| i % 4).collect();
    let x = Mat::from_fn(24, 3, |i, j| {
        let (a, b) = (2.0 * (conditions[i] / 2) as f64 - 1.0, 2.0 * (conditions[i] % 2) as f64 - 1.0);
        [a, b, xor * a * b][j] + 0.02 * noise[(i, j)]
    });
    (x, conditions)
}

fn decoders() -> [Decoder; 3] {
    let raw = LogisticOptions { standardise: false, ..LogisticOptions::default() };
    [Decoder::Logistic(raw), Decoder::Ridge { alpha: 1e-3 }, Decoder::NearestCentroid]
}

#[test]
fn an_abstract_code_generalises_and_is_parallel() {
    let (x, conditions) = square(0.0);
    for decoder in decoders() {
        let got = ccgp(x.as_ref(), &conditions, &[2, 3], 1, &decoder).unwrap();
        // Fitted on a diagonal, a decoder cannot tell which of the two variables is meant.
        assert_eq!((got.splits[0], got.splits[3], got.splits.len()), (1.0, 1.0, 4), "{decoder:?}");
        let variable: Vec<usize> = conditions.iter().map(|c| c / 2).collect();
        let context: Vec<usize> = conditions.iter().map(|c| c % 2).collect();
        assert_eq!(ccgp_across_contexts(x.as_ref(), &variable, &context, 1, &decoder).unwrap().mean, 1.0);
        // The exclusive or is reversed from context to context.
        let xor: Vec<usize> = conditions.iter().map(|c| (c / 2) ^ (c % 2)).collect();
        assert_eq!(ccgp_across_contexts(x.as_ref(), &xor, &context, 1, &decoder).unwrap().mean, 0.0);
    }
    assert!(parallelism_score(x.as_ref(), &conditions, &[2, 3]).unwrap() > 0.99);
    assert!(parallelism_of_pairs(x.as_ref(), &conditions, &[(2, 0), (3, 1)]).unwrap() > 0.99);
    assert!(parallelism_of_pairs(x.as_ref(), &conditions, &[(2, 1), (3, 0)]).unwrap().abs() < 0.1);
}

#[test]
fn a_cube_generalises_to_a_condition_left_out_of_each_side() {
    let noise = random(40, 3, 2);
    let conditions: Vec<usize> = (0..40).map(|i| i % 8).collect();
    let x = Mat::from_fn(40, 3, |i, j| 2.0 * (conditions[i] >> j & 1) as f64 - 1.0 + 0.05 * noise[(i, j)]);
    for decoder in decoders() {
        let got = ccgp(x.as_ref(), &conditions, &[4, 5, 6, 7], 3, &decoder).unwrap();
        assert_eq!((got.mean, got.splits.len()), (1.0, 16), "{decoder:?}");
    }
    assert!(parallelism_score(x.as_ref(), &conditions, &[4, 5, 6, 7]).unwrap() > 0.95);
}

#[test]
fn a_flat_square_shatters_into_two_of_three_dichotomies() {
    for (lift, least) in [(0.0, 0.0), (1.0, 1.0)] {
        let (x, conditions) = square(lift);
        let decoder = Decoder::Logistic(LogisticOptions::default());
        let got = shattering_dimensionality(x.as_ref(), &conditions, 3, &decoder, Dichotomies::All).unwrap();
        assert_eq!(got.dichotomies.iter().map(|d| d.0.clone()).collect::<Vec<_>>(), [[0, 1], [0, 2], [0, 3]]);
        let accuracies: Vec<f64> = got.dichotomies.iter().map(|d| d.1).collect();
        assert_eq!(accuracies[..2], [1.0, 1.0]);
        assert!(if least == 1.0 { accuracies[2] == 1.0 } else { accuracies[2] < 0.8 }, "{accuracies:?}");
    }
}

#[test]
fn the_geometry_null_keeps_clouds_and_breaks_relations() {
    let noise = random(40, 20, 6);
    let conditions: Vec<usize> = (0..40).map(|i| i % 4).collect();
    let x = Mat::from_fn(40, 20, |i, j| {
        let (a, b) = ((conditions[i] / 2) as f64, (conditions[i] % 2) as f64);
        3.0 * a * (j as f64).sin() + 3.0 * b * (2.0 * j as f64).cos() + 0.3 * noise[(i, j)]
    });
    for null in [GeometryNull::PermuteUnits, GeometryNull::Rotate] {
        let moved = geometry_null(x.as_ref(), &conditions, null, 1, 2).unwrap();
        assert_eq!(moved, geometry_null(x.as_ref(), &conditions, null, 1, 2).unwrap());
        for i in 0..40 {
            for j in (0..40).filter(|j| conditions[*j] == conditions[i]) {
                let distance = |m: &Mat<f64>| (m.row(i) - m.row(j)).norm_l2();
                assert!(close(distance(&moved), distance(&x), 1e-10));
            }
        }
        let score = |m: faer::MatRef<'_, f64>| parallelism_score(m, &conditions, &[2, 3]);
        let alternative = isogram::measure::single::inference::Alternative::Larger;
        let test = against_geometry_null(x.as_ref(), &conditions, null, alternative, 99, 3, &score).unwrap();
        assert!(test.observed > 0.95 && test.p_value == 0.01, "{null:?} {} {}", test.observed, test.p_value);
    }
}

#[test]
fn collapse_is_zero_at_a_simplex() {
    let corners = mat![[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]];
    let labels: Vec<usize> = (0..12).map(|i| 10 * (i % 3)).collect();
    let x = Mat::from_fn(12, 3, |i, j| 5.0 + corners[(i % 3, j)]);
    assert!(nc1(x.as_ref(), &labels).unwrap().abs() < TIGHT && nc1_trace_ratio(x.as_ref(), &labels).unwrap() < TIGHT);
    let frame = nc2(x.as_ref(), &labels).unwrap();
    assert!(frame.norm_variation < TIGHT && frame.angle_variation < TIGHT && frame.angle_excess < TIGHT, "{frame:?}");
    let weights = Mat::from_fn(3, 3, |c, j| 0.5 * corners[(c, j)]);
    assert!(nc3(x.as_ref(), &labels, weights.as_ref()).unwrap() < TIGHT);
    assert_eq!(nc4(x.as_ref(), &labels, weights.as_ref(), &[0.0; 3]).unwrap(), 0.0);
    assert!(close(nc4(x.as_ref(), &labels, weights.as_ref(), &[99.0, 0.0, 0.0]).unwrap(), 2.0 / 3.0, TIGHT));
    let opposite = Mat::from_fn(3, 3, |c, j| -corners[(c, j)]);
    assert!(close(nc3(x.as_ref(), &labels, opposite.as_ref()).unwrap(), 4.0, TIGHT));
}

#[test]
fn clusters_by_hand() {
    // Two classes on a line: {0, 2} and {10, 12}.
    let (x, labels) = (mat![[0.0], [2.0], [10.0], [12.0]], [1, 1, 5, 5]);
    let want = (9.0 / 11.0 + 7.0 / 9.0) / 2.0;
    assert!(close(silhouette(x.as_ref(), &labels).unwrap(), want, TIGHT));
    assert!(close(davies_bouldin(x.as_ref(), &labels).unwrap(), 0.2, TIGHT));
    assert!(close(calinski_harabasz(x.as_ref(), &labels).unwrap(), 100.0 / (4.0 / 2.0), TIGHT));
    assert_eq!(silhouette_samples(mat![[0.0], [0.0], [3.0]].as_ref(), &[0, 0, 1]).unwrap(), [1.0, 1.0, 0.0]);
}

#[test]
fn alignment_of_the_labels_themselves_is_one() {
    let labels = [0, 1, 2, 0, 1, 2, 2];
    let x = Mat::from_fn(7, 3, |i, c| f64::from(u8::from(labels[i] == c)));
    assert!(close(target_alignment_centred(x.as_ref(), &labels).unwrap(), 1.0, TIGHT));
    assert!(close(target_alignment_uncentred(x.as_ref(), &labels).unwrap(), 1.0, TIGHT));
}
