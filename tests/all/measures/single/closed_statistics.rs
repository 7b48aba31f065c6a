//! Cases that can be worked out by hand: statistics of one representation.
#![allow(missing_docs)]

use super::common::{close, random};
use faer::{Mat, mat};
use isogram::measure::single::dimension::*;
use isogram::measure::single::spectrum::*;
use isogram::measure::single::units::*;

const TIGHT: f64 = 1e-12;

fn cross() -> Mat<f64> {
    mat![[3.0, 5.0], [1.0, 5.0], [2.0, 6.0], [2.0, 4.0]]
}

#[test]
fn two_equal_directions_have_dimension_two() {
    let s = Spectrum::of(cross().as_ref()).unwrap();
    for value in [
        s.participation_ratio(),
        s.effective_rank_eigenvalues(),
        s.effective_rank_singular_values(),
        s.stable_rank(),
        s.rank() as f64,
    ] {
        assert!(close(value, 2.0, TIGHT), "{value}");
    }
    assert!(s.eigenvalues().iter().all(|v| close(*v, 2.0 / 3.0, TIGHT)));
    assert!(close(s.total_variance(), 4.0 / 3.0, TIGHT));
    assert_eq!(s.components_for(0.4).unwrap(), 1);
    assert_eq!(s.components_for(0.9).unwrap(), 2);
}

#[test]
fn a_power_law_gives_its_exponent() {
    let n = 128;
    let x = Mat::from_fn(n, 30, |i, j| {
        let rank = j as f64 + 1.0;
        rank.powf(-0.75) * (std::f64::consts::TAU * rank * i as f64 / n as f64).cos()
    });
    let s = Spectrum::of(x.as_ref()).unwrap();
    assert!(close(s.power_law_exponent(1, 30).unwrap(), 1.5, 1e-10));
    assert!(close(s.power_law_exponent(11, 30).unwrap(), 1.5, 1e-10));
    assert!(s.power_law_exponent(1, 31).is_err() && s.power_law_exponent(0, 5).is_err());
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
    let got = |sampled| participation_ratio_corrected(x.as_ref(), sampled).unwrap();
    assert!(close(got(Sampled::Both), sums[0][0] / sums[0][1], 1e-10));
    assert!(close(got(Sampled::Examples), sums[1][0] / sums[1][1], 1e-10));
    // Wide matrices take the other path.
    let wide = random(5, 9, 8);
    let rotated = Mat::from_fn(5, 12, |i, j| if j < 9 { wide[(i, j)] } else { 0.0 });
    let narrow = participation_ratio_corrected(wide.as_ref(), Sampled::Examples).unwrap();
    assert!(close(narrow, participation_ratio_corrected(rotated.as_ref(), Sampled::Examples).unwrap(), 1e-12));
    assert_eq!(participation_ratio_corrected(random(9, 1, 1).as_ref(), Sampled::Examples).unwrap(), 1.0);
}

#[test]
fn the_correction_for_examples_takes_out_most_of_the_bias() {
    let (mut plain, mut corrected) = (0.0, 0.0);
    for seed in 1..=20 {
        let x = random(40, 60, seed);
        plain += Spectrum::of(x.as_ref()).unwrap().participation_ratio() / 20.0;
        corrected += participation_ratio_corrected(x.as_ref(), Sampled::Examples).unwrap() / 20.0;
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
    let got = two_nn_likelihood(x.as_ref(), Duplicates::KeepOne).unwrap();
    assert!(close(got.value, 4.0 / sum, TIGHT) && got.points == 4 && got.duplicates == 0);
    let k2 = levina_bickel(x.as_ref(), 2, Combine::HarmonicMean, Duplicates::KeepOne).unwrap();
    assert!(close(k2.value, 4.0 / sum, TIGHT));
    let mean = ratios.iter().map(|l| 0.25 / l).sum::<f64>();
    assert!(close(levina_bickel(x.as_ref(), 2, Combine::Mean, Duplicates::KeepOne).unwrap().value, mean, TIGHT));
    let fit = |shift: f64| {
        let y = [1.0, 2.0, 3.0].map(|i: f64| -(1.0 - (i - shift) / 4.0).ln());
        let xy: f64 = ratios.iter().zip(y).map(|(x, y)| x * y).sum();
        xy / ratios.iter().take(3).map(|x| x * x).sum::<f64>()
    };
    for (cdf, shift) in [(EmpiricalCdf::Rank, 0.0), (EmpiricalCdf::RankMinusOne, 1.0)] {
        assert!(close(two_nn(x.as_ref(), 0.25, cdf, Duplicates::KeepOne).unwrap().value, fit(shift), TIGHT));
    }
    assert!(two_nn(x.as_ref(), 0.0, EmpiricalCdf::Rank, Duplicates::KeepOne).is_err());
    assert!(two_nn(x.as_ref(), 0.0, EmpiricalCdf::RankMinusOne, Duplicates::KeepOne).is_ok());
}

#[test]
fn duplicates_are_left_out_and_counted() {
    let (x, twice) = (line(), mat![[0.0], [1.0], [-0.0], [3.0], [7.0], [1.0]]);
    let want = two_nn_likelihood(x.as_ref(), Duplicates::KeepOne).unwrap();
    let got = two_nn_likelihood(twice.as_ref(), Duplicates::KeepOne).unwrap();
    assert_eq!((got.value, got.points, got.duplicates), (want.value, 4, 2));
    let dropped = two_nn_likelihood(twice.as_ref(), Duplicates::DropPoints).unwrap();
    assert_eq!((dropped.points, dropped.duplicates), (2, 4));
    assert!(two_nn_likelihood(twice.as_ref(), Duplicates::KeepAll).is_err());
}

#[test]
fn a_grid_has_no_two_nn_dimension() {
    let x = Mat::from_fn(25, 2, |i, j| if j == 0 { (i / 5) as f64 } else { (i % 5) as f64 });
    for duplicates in [Duplicates::KeepOne, Duplicates::DropPoints, Duplicates::KeepAll] {
        assert!(two_nn(x.as_ref(), 0.1, EmpiricalCdf::Rank, duplicates).is_err());
        assert!(two_nn_likelihood(x.as_ref(), duplicates).is_err());
    }
}

#[test]
fn dimensions_of_a_square_are_about_two() {
    let x = random(600, 2, 5);
    let x = Mat::from_fn(600, 7, |i, j| (0..2).map(|k| x[(i, k)] * ((j + 3 * k) as f64).cos()).sum());
    let near = |d: f64| assert!((1.6..2.3).contains(&d), "{d}");
    near(two_nn(x.as_ref(), 0.1, EmpiricalCdf::Rank, Duplicates::KeepOne).unwrap().value);
    near(two_nn_likelihood(x.as_ref(), Duplicates::KeepOne).unwrap().value);
    near(levina_bickel(x.as_ref(), 20, Combine::HarmonicMean, Duplicates::KeepOne).unwrap().value);
    near(levina_bickel(x.as_ref(), 20, Combine::Median, Duplicates::KeepOne).unwrap().value);
    near(correlation_integral(x.as_ref(), 10, 20, Duplicates::KeepOne).unwrap().value);
    near(local_pca_participation_ratio(x.as_ref(), 20, Duplicates::KeepOne).unwrap().value);
}

#[test]
fn units_by_hand() {
    let x = mat![[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]];
    assert!(close(uniformity(x.as_ref(), 2.0).unwrap(), -4.0, TIGHT));
    assert!(close(pairwise_distances(x.as_ref()).unwrap().mean, 13_f64.sqrt(), TIGHT));
    assert_eq!(example_norms(x.as_ref()).unwrap(), [2.0, 3.0]);
    assert_eq!(norms(x.as_ref()).unwrap(), Centre { mean: 2.5, median: 2.5 });
    assert_eq!(dead_unit_fraction(x.as_ref(), 0.0).unwrap(), 1.0 / 3.0);
    assert_eq!(dead_unit_fraction(x.as_ref(), 2.0).unwrap(), 2.0 / 3.0);
    assert_eq!(constant_unit_fraction(x.as_ref()).unwrap(), 1.0 / 3.0);
    for sparsity in [treves_rolls, hoyer] {
        let population = sparsity(x.as_ref(), Across::Units).unwrap();
        assert!(population.values.iter().all(|v| close(*v, 1.0, TIGHT)) && population.silent == 0);
        let lifetime = sparsity(x.as_ref(), Across::Examples).unwrap();
        assert!(close(lifetime.mean, 1.0, TIGHT) && lifetime.silent == 1 && lifetime.values[2].is_nan());
        let even = sparsity(mat![[4.0, 4.0, 4.0, 4.0]].as_ref(), Across::Units).unwrap();
        assert!(close(even.mean, 0.0, TIGHT));
    }
    // Rates 1 and 3: a = 4/5, (1 - a) / (1 - 1/2); Hoyer (√2 - 4/√10) / (√2 - 1).
    let two = mat![[1.0, 3.0]];
    assert!(close(treves_rolls(two.as_ref(), Across::Units).unwrap().mean, 0.4, TIGHT));
    let want = (2_f64.sqrt() - 4.0 / 10_f64.sqrt()) / (2_f64.sqrt() - 1.0);
    assert!(close(hoyer(two.as_ref(), Across::Units).unwrap().mean, want, TIGHT));
}

#[test]
fn selectivity_by_hand() {
    // Class means of the units: (2, 0, 0), (1, 1, 1) and silence.
    let x = mat![[1.0, 1.0, 0.0], [3.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
    let got = class_selectivity(x.as_ref(), &[7, 7, 9, 4]).unwrap();
    assert_eq!(got[..2], [1.0, 0.0]);
    assert!(got[2].is_nan());
    let share = class_variance_fraction(x.as_ref(), &[0, 0, 1, 1]).unwrap();
    // Unit 0: mean 1, between 2·1 + 2·1, total 0 + 4 + 1 + 1.
    assert!(close(share[0], 4.0 / 6.0, TIGHT) && share[1].is_nan());
}
