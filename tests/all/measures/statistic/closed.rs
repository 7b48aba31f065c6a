//! Cases that can be worked out by hand.
#![allow(missing_docs)]

use super::common::{close, of, random};
use faer::{Mat, mat};
use isogram::measure::statistic::dimension::{Duplicates, local_pca_participation_ratio};
use isogram::measure::statistic::geometry::*;
use isogram::measure::statistic::probe::*;

const TIGHT: f64 = 1e-12;

fn cross() -> Mat<f64> {
    mat![[3.0, 5.0], [1.0, 5.0], [2.0, 6.0], [2.0, 4.0]]
}

#[test]
fn two_equal_directions_have_dimension_two() {
    for name in ["participation_ratio", "effective_rank:eigenvalues", "effective_rank", "stable_rank"] {
        let value = of(name, cross().as_ref(), &[]).unwrap();
        assert!(close(value, 2.0, TIGHT), "{name}: {value}");
    }
    assert!(close(of("explained_variance:component=2", cross().as_ref(), &[]).unwrap(), 0.5, TIGHT));
    assert_eq!(of("components:variance=0.4", cross().as_ref(), &[]).unwrap(), 1.0);
    assert_eq!(of("components:variance=0.9", cross().as_ref(), &[]).unwrap(), 2.0);
}

#[test]
fn a_power_law_gives_its_exponent() {
    let n = 128;
    let x = Mat::from_fn(n, 30, |i, j| {
        let rank = j as f64 + 1.0;
        rank.powf(-0.75) * (std::f64::consts::TAU * rank * i as f64 / n as f64).cos()
    });
    for name in ["alpha_req", "alpha_req:last=30", "alpha_req:first=11:last=30"] {
        assert!(close(of(name, x.as_ref(), &[]).unwrap(), 1.5, 1e-10), "{name}");
    }
    assert!(
        of("alpha_req:last=31", x.as_ref(), &[]).is_err() && of("alpha_req:first=0:last=5", x.as_ref(), &[]).is_err()
    );
}

/// Averages over all ordered choices of four distinct examples, and pairs of units.
#[test]
fn corrected_participation_ratios_are_averages_over_distinct_examples_and_units() {
    let (n, p) = (6, 4);
    let x = random(n, p, 3);
    let mut sums = [[0.0; 2]; 2];
    for a in 0..p {
        for b in 0..p {
            for i in 0..n {
                for j in (0..n).filter(|j| *j != i) {
                    for k in (0..n).filter(|k| *k != i && *k != j) {
                        for l in (0..n).filter(|l| ![i, j, k].contains(l)) {
                            let d = |r: usize, s: usize, u: usize| x[(r, u)] - x[(s, u)];
                            let trace = d(i, j, a) * d(i, j, a) * d(k, l, b) * d(k, l, b);
                            let square = d(i, j, a) * d(k, l, a) * d(i, j, b) * d(k, l, b);
                            for sum in &mut sums[usize::from(a == b)..] {
                                sum[0] += trace;
                                sum[1] += square;
                            }
                        }
                    }
                }
            }
        }
    }
    let corrected = |x: &Mat<f64>, how: &str| of(&format!("participation_ratio:{how}"), x.as_ref(), &[]).unwrap();
    assert!(close(corrected(&x, "both"), sums[0][0] / sums[0][1], 1e-10));
    assert!(close(corrected(&x, "examples"), sums[1][0] / sums[1][1], 1e-10));
    // Wide matrices take the other path.
    let wide = random(5, 9, 8);
    let rotated = Mat::from_fn(5, 12, |i, j| if j < 9 { wide[(i, j)] } else { 0.0 });
    assert!(close(corrected(&wide, "examples"), corrected(&rotated, "examples"), 1e-12));
    assert_eq!(corrected(&random(9, 1, 1), "examples"), 1.0);
}

#[test]
fn the_correction_for_examples_takes_out_most_of_the_bias() {
    let (mut plain, mut corrected) = (0.0, 0.0);
    for seed in 1..=20 {
        let x = random(40, 60, seed);
        plain += of("participation_ratio", x.as_ref(), &[]).unwrap() / 20.0;
        corrected += of("participation_ratio:examples", x.as_ref(), &[]).unwrap() / 20.0;
    }
    assert!(plain < 26.0 && (55.0..65.0).contains(&corrected), "{plain} {corrected}");
}

fn line() -> Mat<f64> {
    mat![[0.0], [1.0], [3.0], [7.0]]
}

#[test]
fn neighbour_dimensions_of_four_points() {
    let x = line();
    let ratios = [1.5_f64, 1.5, 2.0, 3.0].map(f64::ln);
    let sum: f64 = ratios.iter().sum();
    let mean = ratios.iter().map(|l| 0.25 / l).sum::<f64>();
    let fit = |shift: f64| {
        let y = [1.0, 2.0, 3.0].map(|i: f64| -(1.0 - (i - shift) / 4.0).ln());
        let xy: f64 = ratios.iter().zip(y).map(|(x, y)| x * y).sum();
        xy / ratios.iter().take(3).map(|x| x * x).sum::<f64>()
    };
    for (name, want) in [
        ("two_nn:likelihood", 4.0 / sum),
        ("levina_bickel:k=2", 4.0 / sum),
        ("levina_bickel:k=2:mean", mean),
        ("two_nn:discard=0.25", fit(0.0)),
        ("two_nn:discard=0.25:rank-less-one", fit(1.0)),
    ] {
        for duplicates in ["drop-points", "keep-one", "keep-all"] {
            let got = of(&format!("{name}:{duplicates}"), x.as_ref(), &[]).unwrap();
            assert!(close(got, want, TIGHT), "{name}: {got}, not {want}");
        }
    }
    assert!(of("two_nn:discard=0", x.as_ref(), &[]).is_err());
    assert!(of("two_nn:discard=0:rank-less-one", x.as_ref(), &[]).is_ok());
}

#[test]
fn duplicates_are_left_out() {
    let (x, twice) = (line(), mat![[0.0], [1.0], [-0.0], [3.0], [7.0], [1.0]]);
    let likelihood = |x: &Mat<f64>, how: &str| of(&format!("two_nn:likelihood:{how}"), x.as_ref(), &[]);
    assert_eq!(likelihood(&twice, "keep-one").unwrap(), likelihood(&x, "keep-one").unwrap());
    // The two points that are alone are left, with neighbours at 2 and 3, and at 4 and 6.
    let dropped = 2.0 / ((1.0_f64).ln() + (6.0_f64 / 4.0).ln());
    assert!(
        close(likelihood(&twice, "drop-points").unwrap(), dropped, TIGHT),
        "{:?}",
        likelihood(&twice, "drop-points")
    );
    assert!(likelihood(&twice, "keep-all").is_err());
}

#[test]
fn a_grid_has_no_two_nn_dimension() {
    let x = Mat::from_fn(25, 2, |i, j| if j == 0 { (i / 5) as f64 } else { (i % 5) as f64 });
    for duplicates in ["drop-points", "keep-one", "keep-all"] {
        for form in ["fit", "likelihood"] {
            assert!(of(&format!("two_nn:{form}:{duplicates}"), x.as_ref(), &[]).is_err());
        }
    }
}

#[test]
fn dimensions_of_a_square_are_about_two() {
    let x = random(600, 2, 5);
    let x = Mat::from_fn(600, 7, |i, j| (0..2).map(|k| x[(i, k)] * ((j + 3 * k) as f64).cos()).sum());
    let near = |d: f64| assert!((1.6..2.3).contains(&d), "{d}");
    let names = ["two_nn", "two_nn:likelihood", "levina_bickel", "levina_bickel:median", "correlation_dimension"];
    for name in names {
        near(of(&format!("{name}:keep-one"), x.as_ref(), &[]).unwrap());
    }
    near(local_pca_participation_ratio(x.as_ref(), 20, Duplicates::KeepOne).unwrap());
}

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
    let exact = ridge(x.as_ref(), y.as_ref(), 0.0).unwrap().predict(x.as_ref()).unwrap();
    assert!(close(r_squared(y.as_ref(), exact.as_ref()).unwrap().share, 1.0, TIGHT));
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
    // Units that know nothing: the probe can only lose.
    let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let folds = stratified_k_fold(&labels, 4).unwrap();
    let noise = random(40, 10, 9);
    let scores = probe(noise.as_ref(), &labels, &folds, &Decoder::Logistic(LogisticOptions::default())).unwrap();
    assert!(close(scores.entropy_bits(), 1.0, TIGHT));
    let information = of("v_information:folds=4", noise.as_ref(), &labels).unwrap();
    assert!(close(information, 1.0 - scores.cross_entropy_bits(), TIGHT) && information < 0.0, "{information}");
}

#[test]
fn neighbours_and_centroids_vote() {
    let x = mat![[0.0], [10.0], [0.1], [10.1], [0.2], [10.2]];
    let labels = [4, 9, 4, 9, 4, 9];
    assert_eq!(of("nearest_centroid:folds=3", x.as_ref(), &labels).unwrap(), 1.0);
    assert_eq!(of("knn_probe:k=1:folds=3", x.as_ref(), &labels).unwrap(), 1.0);
    // All four neighbours: two votes each, the smaller label wins.
    let folds = stratified_k_fold(&labels, 3).unwrap();
    assert_eq!(probe(x.as_ref(), &labels, &folds, &Decoder::Neighbours(4)).unwrap().predictions(), [4; 6]);
}

#[test]
fn multi_label_probes_are_probes_of_each_label() {
    let x = random(30, 3, 12);
    let labels = Mat::from_fn(30, 3, |i, l| [f64::from(u8::from(x[(i, 0)] > 0.0)), (i % 2) as f64, 1.0][l]);
    let (folds, options) = (k_fold(30, 3).unwrap(), LogisticOptions::default());
    let got = multi_label_probe(x.as_ref(), labels.as_ref(), &folds, &options).unwrap();
    assert!(got[2].is_none() && got[0].as_ref().unwrap().accuracy() > 0.8);
    let own: Vec<usize> = (0..30).map(|i| i % 2).collect();
    let alone = probe(x.as_ref(), &own, &folds, &Decoder::Logistic(options)).unwrap();
    assert_eq!(got[1].as_ref().unwrap().values, alone.values);
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
    [Decoder::Logistic(raw), Decoder::Ridge { alpha: 1e-3 }, Decoder::Centroid]
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
        let alternative = isogram::measure::inference::Alternative::Larger;
        let test = against_geometry_null(x.as_ref(), &conditions, null, alternative, 99, 3, &score).unwrap();
        assert!(test.observed > 0.95 && test.p_value == 0.01, "{null:?} {} {}", test.observed, test.p_value);
    }
}

#[test]
fn collapse_is_zero_at_a_simplex() {
    let corners = mat![[2.0, -1.0, -1.0], [-1.0, 2.0, -1.0], [-1.0, -1.0, 2.0]];
    let labels: Vec<usize> = (0..12).map(|i| 10 * (i % 3)).collect();
    let x = Mat::from_fn(12, 3, |i, j| 5.0 + corners[(i % 3, j)]);
    assert!(of("neural_collapse", x.as_ref(), &labels).unwrap() < TIGHT);
    assert!(nc1_trace_ratio(x.as_ref(), &labels).unwrap() < TIGHT);
    let frame = nc2(x.as_ref(), &labels).unwrap();
    assert!(frame.norm_variation < TIGHT && frame.angle_variation < TIGHT && frame.angle_excess < TIGHT, "{frame:?}");
    let weights = Mat::from_fn(3, 3, |c, j| 0.5 * corners[(c, j)]);
    assert!(nc3(x.as_ref(), &labels, weights.as_ref()).unwrap() < TIGHT);
    assert_eq!(nc4(x.as_ref(), &labels, weights.as_ref(), &[0.0; 3]).unwrap(), 0.0);
    assert!(close(nc4(x.as_ref(), &labels, weights.as_ref(), &[99.0, 0.0, 0.0]).unwrap(), 2.0 / 3.0, TIGHT));
    let opposite = Mat::from_fn(3, 3, |c, j| -corners[(c, j)]);
    assert!(close(nc3(x.as_ref(), &labels, opposite.as_ref()).unwrap(), 4.0, TIGHT));
}
