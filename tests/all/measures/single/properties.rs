//! Invariances, ranges and identities that the measures claim.
#![allow(missing_docs)]

use super::common::{close, random};
use faer::{Mat, MatRef};
use isogram::Result;
use isogram::measure::single::dimension::*;
use isogram::measure::single::geometry::*;
use isogram::measure::single::inference::*;
use isogram::measure::single::probe::*;
use isogram::measure::single::spectrum::*;
use isogram::measure::single::units::*;
use proptest::prelude::*;

fn rotation(p: usize, seed: u64) -> Mat<f64> {
    random(p, p, seed + 1000).qr().compute_Q()
}

/// Rotated, scaled and moved.
fn similar(x: &Mat<f64>, seed: u64) -> Mat<f64> {
    let turned = x * rotation(x.ncols(), seed);
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| 3.7 * turned[(i, j)] + j as f64 - 2.5)
}

fn shuffled_rows(x: &Mat<f64>) -> Mat<f64> {
    let n = x.nrows();
    Mat::from_fn(n, x.ncols(), |i, j| x[((i * 7 + 3) % n, j)])
}

type Statistic = fn(MatRef<'_, f64>) -> Result<f64>;

/// Statistics that neither rotation, scale nor translation changes.
const SIMILARITY_INVARIANT: [(&str, Statistic); 10] = [
    ("participation ratio", |x| Ok(Spectrum::of(x)?.participation_ratio())),
    ("effective rank of eigenvalues", |x| Ok(Spectrum::of(x)?.effective_rank_eigenvalues())),
    ("effective rank of singular values", |x| Ok(Spectrum::of(x)?.effective_rank_singular_values())),
    ("stable rank", |x| Ok(Spectrum::of(x)?.stable_rank())),
    ("corrected participation ratio", |x| participation_ratio_corrected(x, Sampled::Examples)),
    ("TwoNN", |x| Ok(two_nn(x, 0.1, EmpiricalCdf::Rank, Duplicates::KeepOne)?.value)),
    ("TwoNN likelihood", |x| Ok(two_nn_likelihood(x, Duplicates::KeepOne)?.value)),
    ("Levina-Bickel", |x| Ok(levina_bickel(x, 5, Combine::Mean, Duplicates::KeepOne)?.value)),
    ("correlation integral", |x| Ok(correlation_integral(x, 3, 6, Duplicates::KeepOne)?.value)),
    ("local PCA", |x| Ok(local_pca_participation_ratio(x, 6, Duplicates::KeepOne)?.value)),
];

type Labelled = fn(MatRef<'_, f64>, &[usize]) -> Result<f64>;

const LABELLED_INVARIANT: [(&str, Labelled); 7] = [
    ("silhouette", silhouette),
    ("Davies-Bouldin", davies_bouldin),
    ("Calinski-Harabasz", calinski_harabasz),
    ("NC1", nc1),
    ("NC2", |x, y| Ok(nc2(x, y)?.norm_variation)),
    ("centred alignment", target_alignment_centred),
    ("parallelism", |x, y| {
        parallelism_score(x, &y.iter().enumerate().map(|(i, l)| 2 * l + i / 3 % 2).collect::<Vec<_>>(), &[0, 2])
    }),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statistics_ignore_rotation_scale_and_origin(n in 14_usize..40, p in 2_usize..12, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        for (name, f) in SIMILARITY_INVARIANT {
            let (a, b) = (f(x.as_ref()).unwrap(), f(similar(&x, seed).as_ref()).unwrap());
            prop_assert!(close(a, b, 1e-7), "{name}: {a} {b}");
            let b = f(shuffled_rows(&x).as_ref());
            if n % 7 != 0 {
                prop_assert!(close(a, b.unwrap(), 1e-7), "{name} of other order");
            }
        }
    }

    #[test]
    fn labelled_statistics_ignore_rotation_scale_and_origin(n in 14_usize..40, p in 2_usize..12, seed in 1_u64..1_000_000) {
        let (x, y) = (random(n, p, seed), (0..n).map(|i| i % 2).collect::<Vec<_>>());
        for (name, f) in LABELLED_INVARIANT {
            let (a, b) = (f(x.as_ref(), &y).unwrap(), f(similar(&x, seed).as_ref(), &y).unwrap());
            prop_assert!(close(a, b, 1e-7), "{name}: {a} {b}");
        }
        let renamed: Vec<usize> = y.iter().map(|l| 90 - 40 * l).collect();
        prop_assert!(close(silhouette(x.as_ref(), &y).unwrap(), silhouette(x.as_ref(), &renamed).unwrap(), 1e-12));
    }

    #[test]
    fn dimensionalities_lie_between_one_and_the_rank(n in 2_usize..30, p in 1_usize..30, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        let s = Spectrum::of(x.as_ref()).unwrap();
        let rank = s.rank() as f64;
        prop_assert_eq!(s.rank(), (n - 1).min(p));
        for d in [s.participation_ratio(), s.effective_rank_eigenvalues(), s.effective_rank_singular_values(), s.stable_rank()] {
            prop_assert!((1.0 - 1e-9..=rank + 1e-6).contains(&d), "{d} {rank}");
        }
        prop_assert!(s.effective_rank_singular_values() >= s.effective_rank_eigenvalues() - 1e-9);
        prop_assert!(s.effective_rank_eigenvalues() >= s.participation_ratio() - 1e-9);
        prop_assert!(close(s.explained_variance().iter().sum(), 1.0, 1e-12));
        prop_assert!(s.components_for(0.5).unwrap() <= s.components_for(0.9).unwrap());
        let variance: f64 = (0..p).map(|j| {
            let m = x.col(j).iter().sum::<f64>() / n as f64;
            x.col(j).iter().map(|v| (v - m) * (v - m)).sum::<f64>() / (n as f64 - 1.0)
        }).sum();
        prop_assert!(close(s.total_variance(), variance, 1e-9));
    }

    #[test]
    fn sparsities_lie_between_zero_and_one(n in 2_usize..20, p in 2_usize..20, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        let rates = Mat::from_fn(n, p, |i, j| x[(i, j)].max(0.0));
        let scaled = Mat::from_fn(n, p, |i, j| 1e60 * rates[(i, j)]);
        for across in [Across::Examples, Across::Units] {
            for f in [treves_rolls, hoyer] {
                let got = f(rates.as_ref(), across).unwrap();
                prop_assert!(got.values.iter().filter(|v| !v.is_nan()).all(|v| (-1e-12..=1.0 + 1e-12).contains(v)));
                let big = f(scaled.as_ref(), across).unwrap();
                prop_assert!(got.silent == big.silent);
                prop_assert!(got.mean.is_nan() || close(got.mean, big.mean, 1e-10));
            }
        }
        prop_assert!(uniformity(x.as_ref(), 2.0).unwrap() <= 0.0);
        let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
        let in_range = |values: Vec<f64>| values.iter().all(|v| v.is_nan() || (0.0..=1.0).contains(v));
        prop_assert!(in_range(class_selectivity(rates.as_ref(), &labels).unwrap()));
        prop_assert!(in_range(class_variance_fraction(x.as_ref(), &labels).unwrap()));
    }

    #[test]
    fn leave_one_out_is_what_refitting_gives(n in 4_usize..14, p in 1_usize..16, seed in 1_u64..1_000_000) {
        let (x, y) = (random(n, p, seed), random(n, 2, seed + 7));
        let folds = k_fold(n, n).unwrap();
        let got = ridge_leave_one_out(x.as_ref(), y.as_ref(), &[0.5, 5.0]).unwrap();
        for (alpha, error) in [0.5, 5.0].iter().zip(&got.errors) {
            let refitted = ridge_probe(x.as_ref(), y.as_ref(), &folds, *alpha).unwrap().predictions;
            let want = (&refitted - &y).squared_norm_l2() / (2 * n) as f64;
            prop_assert!(close(*error, want, 1e-9), "{error} {want}");
        }
    }

    #[test]
    fn ridge_has_no_gradient_at_its_optimum(n in 3_usize..20, p in 1_usize..20, seed in 1_u64..1_000_000) {
        let (x, y) = (random(n, p, seed), random(n, 3, seed + 5));
        let fitted = ridge(x.as_ref(), y.as_ref(), 0.7).unwrap();
        let residual = fitted.predict(x.as_ref()).unwrap() - &y;
        let gradient = x.transpose() * &residual + faer::Scale(0.7) * &fitted.weights;
        prop_assert!(gradient.norm_max() < 1e-9);
        for t in 0..3 {
            prop_assert!(residual.col(t).iter().sum::<f64>().abs() < 1e-9);
        }
    }

    #[test]
    fn logistic_regression_has_no_gradient_at_its_optimum(
        n in 6_usize..40, p in 1_usize..45, k in 2_usize..5, seed in 1_u64..1_000_000,
    ) {
        let x = random(n, p, seed);
        let labels: Vec<usize> = (0..n).map(|i| 3 * (i % k)).collect();
        let options = LogisticOptions { c: 10.0, standardise: false, ..LogisticOptions::default() };
        let fitted = logistic(x.as_ref(), &labels, &options).unwrap();
        let logs = fitted.log_probabilities(x.as_ref()).unwrap();
        // For two classes, weights are of the second class alone.
        let columns: Vec<usize> = if k == 2 { vec![1] } else { (0..k).collect() };
        let residual = Mat::from_fn(n, columns.len(), |i, c| {
            logs[(i, columns[c])].exp() - f64::from(u8::from(i % k == columns[c]))
        });
        let gradient = faer::Scale(10.0) * (x.transpose() * &residual) + &fitted.weights;
        prop_assert!(gradient.norm_max() < 1e-6, "{}", gradient.norm_max());
        for c in 0..columns.len() {
            prop_assert!(residual.col(c).iter().sum::<f64>().abs() < 1e-7);
        }
        for i in 0..n {
            prop_assert!(close((0..k).map(|c| logs[(i, c)].exp()).sum(), 1.0, 1e-12));
        }
    }

    #[test]
    fn folds_test_every_example_once(n in 4_usize..60, k in 2_usize..5, classes in 1_usize..4) {
        let labels: Vec<usize> = (0..n).map(|i| (i * i + i / 3) % classes).collect();
        for folds in [k_fold(n, k).ok(), stratified_k_fold(&labels, k).ok()].into_iter().flatten() {
            let mut tested = vec![0; n];
            for fold in &folds {
                fold.test.iter().for_each(|i| tested[*i] += 1);
                prop_assert_eq!(fold.train.len() + fold.test.len(), n);
            }
            prop_assert!(tested.iter().all(|t| *t == 1));
            let sizes: Vec<usize> = folds.iter().map(|f| f.test.len()).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= classes);
        }
    }

    #[test]
    fn p_values_are_never_zero_and_draws_repeat(seed in 0_u64..u64::MAX) {
        let (x, y) = (random(12, 2, 1), random(12, 2, 2));
        let f = |a: MatRef<'_, f64>, b: MatRef<'_, f64>| Ok((a.transpose() * b).norm_l2());
        let one = permutation_test(&f, x.as_ref(), y.as_ref(), Alternative::TwoSided, 19, seed).unwrap();
        prop_assert!(one.p_value >= 0.05 && one.p_value <= 1.0);
        prop_assert_eq!(&one, &permutation_test(&f, x.as_ref(), y.as_ref(), Alternative::TwoSided, 19, seed).unwrap());
        let interval = bootstrap(&f, x.as_ref(), y.as_ref(), 0.9, 21, seed).unwrap();
        prop_assert!(interval.low <= interval.high);
        prop_assert_eq!(&interval, &bootstrap(&f, x.as_ref(), y.as_ref(), 0.9, 21, seed).unwrap());
    }
}

/// Pearson correlation of two single units.
fn pearson(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<f64> {
    let prediction = in_sample_r2(a, b)?.share;
    Ok(prediction.sqrt())
}

fn first_minus_second(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<f64> {
    Ok((a.col(0).iter().sum::<f64>() - b.col(0).iter().sum::<f64>()) / a.nrows() as f64)
}

#[test]
fn intervals_have_the_width_of_the_standard_error() {
    // Difference of means of 100 pairs: standard error from the sample itself.
    let (x, y) = (random(100, 1, 11), random(100, 1, 12));
    let differences: Vec<f64> = (0..100).map(|i| x[(i, 0)] - y[(i, 0)]).collect();
    let mean = differences.iter().sum::<f64>() / 100.0;
    let error = (differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / 99.0 / 100.0).sqrt();
    let boot = bootstrap(&first_minus_second, x.as_ref(), y.as_ref(), 0.95, 4000, 1).unwrap();
    let mut intervals = vec![boot];
    for size in [25, 50, 75] {
        intervals.push(subsample(&first_minus_second, x.as_ref(), y.as_ref(), size, 0.95, 4000, 2).unwrap());
    }
    for interval in intervals {
        assert!(close(interval.estimate, mean, 1e-12));
        let width = (interval.high - interval.low) / (2.0 * 1.96 * error);
        assert!((0.94..1.06).contains(&width), "{width}");
        assert!(interval.low < mean && mean < interval.high);
    }
}

#[test]
fn permutations_find_what_is_there_and_nothing_else() {
    let (x, noise) = (random(40, 1, 3), random(40, 1, 4));
    let y = Mat::from_fn(40, 1, |i, _| x[(i, 0)] + 0.5 * noise[(i, 0)]);
    let there = permutation_test(&pearson, x.as_ref(), y.as_ref(), Alternative::Larger, 199, 1).unwrap();
    assert_eq!(there.p_value, 1.0 / 200.0);
    // Under the null, p-values are uniform: their mean over many pairs is a half.
    let p: Vec<f64> = (0..60)
        .map(|seed| {
            let (a, b) = (random(15, 1, 100 + seed), random(15, 1, 900 + seed));
            permutation_test(&pearson, a.as_ref(), b.as_ref(), Alternative::Larger, 39, seed).unwrap().p_value
        })
        .collect();
    let mean = p.iter().sum::<f64>() / p.len() as f64;
    assert!((0.38..0.62).contains(&mean), "{mean}");
}

#[test]
fn noise_floors() {
    let share = |a: MatRef<'_, f64>, b: MatRef<'_, f64>| Ok(in_sample_r2(a, b)?.share);
    let latent = random(200, 2, 8);
    let (loads, noise) = (random(2, 20, 9), random(200, 20, 10));
    let clean = &latent * &loads;
    let noisy = Mat::from_fn(200, 20, |i, j| clean[(i, j)] + noise[(i, j)]);
    let (high, low) = (
        noise_floor_units(&share, clean.as_ref(), 9, 1).unwrap(),
        noise_floor_units(&share, noisy.as_ref(), 9, 1).unwrap(),
    );
    assert!(close(high.mean, 1.0, 1e-9) && low.mean < 0.9, "{high:?} {low:?}");
    let same = noise_floor_examples(&share, clean.as_ref(), clean.as_ref(), 9, 1).unwrap();
    assert!(same.high < 1e-9, "{same:?}");
    let differ = noise_floor_examples(&share, noisy.as_ref(), clean.as_ref(), 9, 1).unwrap();
    assert!(differ.mean > 1e-6 && differ.low <= differ.mean && differ.mean <= differ.high);
}
