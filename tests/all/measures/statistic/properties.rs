//! Invariances, ranges and identities that the measures claim.
#![allow(missing_docs)]

use super::common::{close, of, random};
use faer::{Mat, MatRef};
use isogram::Result;
use isogram::measure::inference::*;
use isogram::measure::statistic::probe::*;
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

/// Statistics that neither rotation, scale nor translation changes.
const INVARIANT: [&str; 10] = [
    "participation_ratio",
    "effective_rank:eigenvalues",
    "effective_rank",
    "stable_rank",
    "participation_ratio:examples",
    "two_nn:keep-one",
    "two_nn:likelihood:keep-one",
    "levina_bickel:k=5:mean",
    "correlation_dimension:k1=3:k2=6:keep-one",
    "local_pca:k=6",
];

const LABELLED_INVARIANT: [&str; 7] = [
    "silhouette",
    "davies_bouldin",
    "calinski_harabasz",
    "neural_collapse",
    "neural_collapse:trace",
    "nc2:equinorm",
    "label_alignment",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn statistics_ignore_rotation_scale_and_origin(n in 14_usize..40, p in 2_usize..12, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        for name in INVARIANT {
            let f = |x: &Mat<f64>| of(name, x.as_ref(), &[]);
            let (a, b) = (f(&x).unwrap(), f(&similar(&x, seed)).unwrap());
            prop_assert!(close(a, b, 1e-7), "{name}: {a} {b}");
            let b = f(&shuffled_rows(&x));
            if n % 7 != 0 {
                prop_assert!(close(a, b.unwrap(), 1e-7), "{name} of other order");
            }
        }
    }

    #[test]
    fn labelled_statistics_ignore_rotation_scale_and_origin(n in 14_usize..40, p in 2_usize..12, seed in 1_u64..1_000_000) {
        let (x, y) = (random(n, p, seed), (0..n).map(|i| i % 2).collect::<Vec<_>>());
        for name in LABELLED_INVARIANT {
            let (a, b) = (of(name, x.as_ref(), &y).unwrap(), of(name, similar(&x, seed).as_ref(), &y).unwrap());
            prop_assert!(close(a, b, 1e-7), "{name}: {a} {b}");
        }
        let cells: Vec<usize> = y.iter().enumerate().map(|(i, l)| 2 * l + i / 3 % 2).collect();
        for name in ["parallelism", "parallelism:contexts=2"] {
            let (a, b) = (of(name, x.as_ref(), &cells).unwrap(), of(name, similar(&x, seed).as_ref(), &cells).unwrap());
            prop_assert!(close(a, b, 1e-7), "{name}: {a} {b}");
        }
        let renamed: Vec<usize> = y.iter().map(|l| 90 - 40 * l).collect();
        let silhouette = |y: &[usize]| of("silhouette", x.as_ref(), y).unwrap();
        prop_assert!(close(silhouette(&y), silhouette(&renamed), 1e-12));
    }

    #[test]
    fn dimensionalities_lie_between_one_and_the_rank(n in 2_usize..30, p in 1_usize..30, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        let rank = (n - 1).min(p) as f64;
        let of = |name: &str| of(name, x.as_ref(), &[]).unwrap();
        let all = ["effective_rank", "effective_rank:eigenvalues", "participation_ratio", "stable_rank"].map(of);
        for d in all {
            prop_assert!((1.0 - 1e-9..=rank + 1e-6).contains(&d), "{d} {rank}");
        }
        prop_assert!(all[0] >= all[1] - 1e-9 && all[1] >= all[2] - 1e-9, "{all:?}");
        let shares = (1..=n.min(p)).map(|k| of(&format!("explained_variance:component={k}"))).sum();
        prop_assert!(close(shares, 1.0, 1e-12));
        prop_assert!(of("components:variance=0.5") <= of("components:variance=0.9"));
    }

    #[test]
    fn sparsities_lie_between_zero_and_one(n in 2_usize..20, p in 2_usize..20, seed in 1_u64..1_000_000) {
        let x = random(n, p, seed);
        let rates = Mat::from_fn(n, p, |i, j| x[(i, j)].max(0.0));
        let labels: Vec<usize> = (0..n).map(|i| i % 2).collect();
        for name in ["sparsity", "sparsity:units", "sparsity:hoyer", "sparsity:hoyer:units", "class_selectivity"] {
            // Nothing where all is silent.
            if let Ok(got) = of(name, rates.as_ref(), &labels) {
                prop_assert!((-1e-12..=1.0 + 1e-12).contains(&got), "{name}: {got}");
            }
        }
        prop_assert!(of("uniformity", x.as_ref(), &[]).unwrap() <= 0.0);
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

/// R² of least squares on the examples that it was fitted to.
fn in_sample(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
    Ok(r_squared(y, ridge(x, y, 0.0)?.predict(x)?.as_ref())?.share)
}

/// Pearson correlation of two single units.
fn pearson(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Result<f64> {
    Ok(in_sample(a, b)?.sqrt())
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
    let latent = random(200, 2, 8);
    let (loads, noise) = (random(2, 20, 9), random(200, 20, 10));
    let clean = &latent * &loads;
    let noisy = Mat::from_fn(200, 20, |i, j| clean[(i, j)] + noise[(i, j)]);
    let (high, low) = (
        noise_floor_units(&in_sample, clean.as_ref(), 9, 1).unwrap(),
        noise_floor_units(&in_sample, noisy.as_ref(), 9, 1).unwrap(),
    );
    assert!(close(high.mean, 1.0, 1e-9) && low.mean < 0.9, "{high:?} {low:?}");
}
