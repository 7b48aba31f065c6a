//! Cases that can be worked out by hand.
#![allow(missing_docs)]

use super::common::{close, of, random};
use faer::{Mat, mat};
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
    let names =
        ["two_nn", "two_nn:likelihood", "levina_bickel", "levina_bickel:median", "correlation_dimension", "local_pca"];
    for name in names {
        near(of(&format!("{name}:keep-one"), x.as_ref(), &[]).unwrap());
    }
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

/// Labels of a design without contexts have dichotomies, and `contexts=2` says that they number its cells.
#[test]
fn an_abstract_code_generalises_and_is_parallel() {
    let (x, cells) = square(0.0);
    let of = |name: &str, labels: &[usize]| of(name, x.as_ref(), labels).unwrap();
    // The same square with the exclusive or as the value, in the contexts of the second variable.
    let xor: Vec<usize> = cells.iter().map(|c| 2 * ((c / 2) ^ (c % 2)) + c % 2).collect();
    for form in ["ridge:strength=0.001", "logistic", "centroid"] {
        assert_eq!(of(&format!("ccgp:contexts=2:{form}"), &cells), 1.0, "{form}");
        // It is reversed from context to context.
        assert_eq!(of(&format!("ccgp:contexts=2:{form}"), &xor), 0.0, "{form}");
        // Of three dichotomies two are variables, on which half of the splits fit on a diagonal; the third is the exclusive or.
        let all = of(&format!("ccgp:{form}"), &cells);
        assert!((all - 0.5).abs() < 1e-12, "{form}: {all}");
    }
    assert!(of("parallelism:contexts=2", &cells) > 0.99 && of("parallelism:contexts=2", &xor) < -0.99);
    // Two dichotomies are parallel, the exclusive or is the opposite.
    assert!(close(of("parallelism", &cells), 1.0 / 3.0, 0.01));
    // Names of the classes do not matter, but for their order.
    let named: Vec<usize> = cells.iter().map(|c| [3, 7, 20, 21][*c]).collect();
    assert_eq!(of("ccgp:contexts=2", &named), 1.0);
    for contexts in [1, 3, 4, 5] {
        for name in ["ccgp", "parallelism"] {
            assert!(super::common::of(&format!("{name}:contexts={contexts}"), x.as_ref(), &cells).is_err());
        }
    }
}

#[test]
fn a_cube_generalises_to_a_condition_left_out_of_each_side() {
    let noise = random(40, 3, 2);
    let corner: Vec<usize> = (0..40).map(|i| i % 8).collect();
    let x = Mat::from_fn(40, 3, |i, j| 2.0 * (corner[i] >> j & 1) as f64 - 1.0 + 0.05 * noise[(i, j)]);
    // Two values in four contexts.
    for form in ["ridge", "logistic", "centroid"] {
        assert_eq!(of(&format!("ccgp:contexts=4:{form}"), x.as_ref(), &corner).unwrap(), 1.0, "{form}");
    }
    assert!(of("parallelism:contexts=4", x.as_ref(), &corner).unwrap() > 0.95);
    // Four values in two contexts, of which each two are parallel.
    assert!(of("parallelism:contexts=2", x.as_ref(), &corner).unwrap() > 0.95);
}

#[test]
fn a_flat_square_shatters_into_two_of_three_dichotomies() {
    let shattered = |xor: f64| {
        let (x, conditions) = square(xor);
        of("shattering:folds=3", x.as_ref(), &conditions).unwrap()
    };
    assert_eq!(shattered(1.0), 1.0);
    assert!((2.0 / 3.0..2.8 / 3.0).contains(&shattered(0.0)), "{}", shattered(0.0));
}

/// Values of tests/reference/make_conditions.py (scikit-learn 1.9.1).
#[test]
fn conditions_generalise_and_shatter_as_in_scikit_learn() {
    let conditions: Vec<usize> = (0..66).map(|i| (i + i / 7 + 2 * (i / 11)) % 6).collect();
    let x = Mat::from_fn(66, 5, |i, j| {
        let noise = (i * 7919 + j * 104_729 + i * i * 31 + i * j * 17) % 1009;
        let c = conditions[i];
        (noise + 300 * (c >> (j % 3) & 1) + 180 * (c * (j + 2) % 5)) as f64 / 512.0
    });
    for (name, expected) in [
        ("ccgp:dichotomies=1", 0.6340607371270985),
        ("ccgp:dichotomies=3", 0.560258431664483),
        ("ccgp:contexts=2", 0.16729323308270677),
        ("ccgp:contexts=3", 0.10606060606060606),
        ("ccgp:strength=30:dichotomies=1", 0.6658818171403984),
        ("ccgp:strength=30:dichotomies=3", 0.548820525276157),
        ("ccgp:strength=30:contexts=2", 0.23872180451127817),
        ("ccgp:strength=30:contexts=3", 0.15151515151515152),
        ("ccgp:centroid:dichotomies=1", 0.6721648907918931),
        ("ccgp:centroid:dichotomies=3", 0.5293360105818788),
        ("ccgp:centroid:contexts=2", 0.15413533834586465),
        ("ccgp:centroid:contexts=3", 0.1818181818181818),
        ("ccgp:logistic:dichotomies=1", 0.6404661039443648),
        ("ccgp:logistic:dichotomies=3", 0.5574998468209758),
        ("ccgp:logistic:contexts=2", 0.1719924812030075),
        ("ccgp:logistic:contexts=3", 0.12121212121212122),
        ("shattering:folds=2", 0.706060606060606),
        ("shattering:folds=5", 0.7363636363636364),
        ("shattering:folds=5:dichotomies=3", 0.7575757575757575),
        // Of each two conditions that are left out either may be on either side of what is fitted to the others.
        ("ccgp", 0.5),
        ("ccgp:centroid", 0.5),
        ("ccgp:logistic", 0.5),
    ] {
        let found = of(name, x.as_ref(), &conditions).unwrap();
        assert!((found - expected).abs() < 1e-12, "{name}: {found} against {expected}");
    }
}

/// One example's nearest others are of both classes, equally far: which of them votes does not depend on which class comes first.
#[test]
fn equally_near_neighbours_vote_in_any_order() {
    let (first, second) = ([0.0, 1.0, 5.0, 5.5], [10.0, -1.0, 20.0, 20.5]);
    let value = |k: usize, a: [f64; 4], b: [f64; 4], names: [usize; 2]| {
        let x = Mat::from_fn(8, 1, |i, _| if i < 4 { a[i] } else { b[i - 4] });
        let labels: Vec<usize> = (0..8).map(|i| names[i / 4]).collect();
        of(&format!("knn_probe:folds=4:k={k}"), x.as_ref(), &labels).unwrap()
    };
    for k in 1..=6 {
        assert_eq!(value(k, first, second, [0, 1]), value(k, second, first, [1, 0]), "k = {k}");
        // Nor does rounding decide: tenths have no exact value.
        let tenths = |x: [f64; 4]| x.map(|v| 0.3 + 0.1 * v);
        assert_eq!(value(k, tenths(first), tenths(second), [0, 1]), value(k, first, second, [0, 1]), "k = {k}");
    }
    // At 0 the neighbours at 1 and -1 share one place, and the smaller label wins.
    assert_eq!(value(1, first, second, [0, 1]) - value(1, first, second, [1, 0]), 0.125);
}
