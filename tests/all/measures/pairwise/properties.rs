//! What the measures claim: symmetry, range, identity, invariances, agreement of different routes.

use super::common::noise;
use faer::{Mat, MatRef, Scale};
use isogram::measure::Estimator;
use isogram::measure::pairwise::alignment::{Centring, kernel_alignment, kernel_target_alignment};
use isogram::measure::pairwise::bures::{
    bures_metric, bures_metric_squared, bures_similarity, bures_similarity_rsatoolbox,
};
use isogram::measure::pairwise::cknna::{Cknna, cknna};
use isogram::measure::pairwise::distance_correlation::{distance_correlation, distance_correlation_squared_unbiased};
use isogram::measure::pairwise::gram::{Bandwidth, Kernel, gram};
use isogram::measure::pairwise::kernel::{
    angular_cka, cka, cka_distance, cka_of_grams, hsic, hsic_of_grams, minibatch_cka,
};
use isogram::measure::pairwise::noise::{Noise, Shrinkage, covariance, crossnobis, mahalanobis};
use isogram::measure::pairwise::noise_ceiling::{Pooling, noise_ceiling};
use isogram::measure::pairwise::rank::{average_ranks, cosine, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use isogram::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use isogram::measure::pairwise::rsa::{Comparison, compare, rsa, whitened_cosine, whitened_pearson};
use proptest::prelude::*;

const ESTIMATORS: [Estimator; 3] = [Estimator::Biased, Estimator::Debiased, Estimator::Lange];
const KERNELS: [Kernel; 3] = [
    Kernel::Linear,
    Kernel::Rbf(Bandwidth::MedianAll { factor: 0.7 }),
    Kernel::Laplace(Bandwidth::MedianPairs { factor: 1.0 }),
];

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

/// A rotation of `p` dimensions: the eigenvectors of a random symmetric matrix.
fn rotation(seed: u64, p: usize) -> Mat<f64> {
    let a = noise(seed, p, p);
    isogram::measure::pairwise::algebra::symmetric_eigen((&a + a.transpose()).as_ref()).unwrap().1
}

fn moved(x: MatRef<'_, f64>, seed: u64, scale: f64) -> Mat<f64> {
    let y = x * rotation(seed, x.ncols()) * Scale(scale);
    Mat::from_fn(y.nrows(), y.ncols(), |i, j| y[(i, j)] + 0.3 * (j as f64 + 1.0))
}

fn permuted(x: MatRef<'_, f64>) -> Mat<f64> {
    let n = x.nrows();
    let step = (2..n).find(|s| gcd(*s, n) == 1).unwrap_or(1);
    Mat::from_fn(n, x.ncols(), |i, j| x[((i * step + 1) % n, j)])
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cka_claims(seed in 1u64..1_000_000, n in 5usize..40, p in 1usize..12, q in 1usize..12, scale in 1e-3f64..1e3) {
        let (x, y) = (noise(seed, n, p), noise(seed + 7, n, q));
        let (x, y) = (x.as_ref(), y.as_ref());
        for kernel in KERNELS {
            for estimator in ESTIMATORS {
                let c = cka(x, y, kernel, estimator).unwrap();
                let low = if estimator == Estimator::Biased { 0.0 } else { -1.0 };
                prop_assert!(c > low - 1e-12 && c < 1.0 + 1e-12);
                prop_assert!(near(cka(y, x, kernel, estimator).unwrap(), c, 1e-12));
                prop_assert!(near(cka(x, x, kernel, estimator).unwrap(), 1.0, 1e-12));
                let z = moved(x, seed + 1, scale);
                prop_assert!(near(cka(z.as_ref(), y, kernel, estimator).unwrap(), c, 1e-9));
                let (a, b) = (permuted(x), permuted(y));
                prop_assert!(near(cka(a.as_ref(), b.as_ref(), kernel, estimator).unwrap(), c, 1e-10));
                // The same from Gram matrices, and from HSIC.
                let (k, l) = (gram(x, kernel).unwrap(), gram(y, kernel).unwrap());
                let g = cka_of_grams(k.as_ref(), l.as_ref(), estimator).unwrap();
                prop_assert!(near(g, c, 1e-9), "{kernel:?} {estimator:?} {g} {c}");
                let h = |a, b| hsic(a, b, kernel, estimator).unwrap();
                prop_assert!(near(h(x, y) / (h(x, x) * h(y, y)).sqrt(), c, 1e-9));
                prop_assert!(near(hsic_of_grams(k.as_ref(), l.as_ref(), estimator).unwrap(), h(x, y), 1e-9));
                let angle = angular_cka(x, y, kernel, estimator).unwrap();
                prop_assert!(near(angle.cos(), c, 1e-10));
                prop_assert!(near(cka_distance(x, y, kernel, estimator).unwrap(), 1.0 - c, 1e-10));
            }
        }
    }

    #[test]
    fn angular_cka_is_a_metric(seed in 1u64..1_000_000, n in 5usize..30, p in 1usize..9) {
        let m: Vec<Mat<f64>> = (0..3).map(|s| noise(seed + s, n, p)).collect();
        for kernel in KERNELS {
            for estimator in ESTIMATORS {
                let d = |i: usize, j: usize| angular_cka(m[i].as_ref(), m[j].as_ref(), kernel, estimator).unwrap();
                prop_assert!(d(0, 2) <= d(0, 1) + d(1, 2) + 1e-12);
                prop_assert!(d(0, 0) < 1e-12);
            }
        }
    }

    #[test]
    fn minibatches(seed in 1u64..1_000_000, n in 8usize..50, p in 1usize..6) {
        let (x, y) = (noise(seed, n, p), noise(seed + 3, n, p + 1));
        let whole = minibatch_cka(x.as_ref(), y.as_ref(), Kernel::Linear, n).unwrap();
        prop_assert!(near(whole, cka(x.as_ref(), y.as_ref(), Kernel::Linear, Estimator::Debiased).unwrap(), 1e-9));
        // A ragged last batch is left out.
        let batch = n / 2;
        let even = 2 * batch;
        let cut = |m: &Mat<f64>| m.subrows(0, even).to_owned();
        let a = minibatch_cka(x.as_ref(), y.as_ref(), Kernel::Linear, batch).unwrap();
        let b = minibatch_cka(cut(&x).as_ref(), cut(&y).as_ref(), Kernel::Linear, batch).unwrap();
        prop_assert_eq!(a, b);
    }

    #[test]
    fn distance_correlation_claims(seed in 1u64..1_000_000, n in 5usize..30, p in 1usize..6, scale in 1e-3f64..1e3) {
        let (x, y) = (noise(seed, n, p), noise(seed + 3, n, p + 1));
        let (x, y) = (x.as_ref(), y.as_ref());
        let z = moved(x, seed + 1, scale);
        type Measure = fn(MatRef<'_, f64>, MatRef<'_, f64>) -> isogram::Result<f64>;
        for (measure, low) in
            [(distance_correlation as Measure, 0.0), (distance_correlation_squared_unbiased as Measure, -1.0)]
        {
            let d = measure(x, y).unwrap();
            prop_assert!((low - 1e-12..=1.0 + 1e-12).contains(&d));
            prop_assert!(near(measure(y, x).unwrap(), d, 1e-12));
            prop_assert!(near(measure(x, x).unwrap(), 1.0, 1e-12));
            prop_assert!(near(measure(z.as_ref(), y).unwrap(), d, 1e-9));
        }
    }

    #[test]
    fn cknna_claims(seed in 1u64..1_000_000, n in 12usize..40, p in 2usize..6, k in 4usize..10, scale in 1e-3f64..1e3) {
        let (x, y) = (noise(seed, n, p), noise(seed + 3, n, p + 1));
        let settings = Cknna { epsilon: 0.0, ..Cknna::reference(k) };
        let Ok(c) = cknna(x.as_ref(), y.as_ref(), settings) else { return Ok(()) };
        prop_assert!(near(cknna(x.as_ref(), x.as_ref(), settings).unwrap(), 1.0, 1e-12));
        let z = &x * rotation(seed + 1, p) * Scale(scale);
        prop_assert!(near(cknna(z.as_ref(), y.as_ref(), settings).unwrap(), c, 1e-8));
        // With every pair a neighbour it is debiased CKA of uncentred Gram matrices.
        let all = Cknna { neighbours: n - 1, unit_rows: false, epsilon: 0.0 };
        let full = cknna(x.as_ref(), y.as_ref(), all).unwrap();
        prop_assert!(near(full, cka(x.as_ref(), y.as_ref(), Kernel::Linear, Estimator::Debiased).unwrap(), 1e-8));
    }

    #[test]
    fn alignment_claims(seed in 1u64..1_000_000, n in 4usize..30, p in 1usize..6) {
        let x = noise(seed, n, p);
        let labels: Vec<usize> = (0..n).map(|i| i % 3).collect();
        let onehot = Mat::from_fn(n, 3, |i, j| if labels[i] == j { 1.0 } else { 0.0 });
        let centred =
            kernel_target_alignment(x.as_ref(), &labels, Kernel::Linear, Centring::Centred).unwrap();
        prop_assert!(near(centred, cka(x.as_ref(), onehot.as_ref(), Kernel::Linear, Estimator::Biased).unwrap(), 1e-10));
        let raw = kernel_target_alignment(onehot.as_ref(), &labels, Kernel::Linear, Centring::Uncentred).unwrap();
        prop_assert!(near(raw, 1.0, 1e-12));
        let k = gram(x.as_ref(), Kernel::Linear).unwrap();
        prop_assert!(near(kernel_alignment(k.as_ref(), k.as_ref(), Centring::Uncentred).unwrap(), 1.0, 1e-12));
    }

    #[test]
    fn ranks_against_counting(pairs in prop::collection::vec((-4i32..5, -3i32..4), 3..60)) {
        let a: Vec<f64> = pairs.iter().map(|p| f64::from(p.0) / 3.0).collect();
        let b: Vec<f64> = pairs.iter().map(|p| f64::from(p.1) * 1e5).collect();
        let n = a.len();
        let ranks = average_ranks(&a).unwrap();
        for i in 0..n {
            let below = a.iter().filter(|v| **v < a[i]).count();
            let equal = a.iter().filter(|v| **v == a[i]).count();
            prop_assert_eq!(ranks[i], below as f64 + (equal as f64 + 1.0) / 2.0);
        }
        let sign = |d: f64| if d > 0.0 { 1i64 } else if d < 0.0 { -1 } else { 0 };
        let (mut s, mut ua, mut ub) = (0i64, 0i64, 0i64);
        for i in 0..n {
            for j in 0..i {
                let (da, db) = (sign(a[i] - a[j]), sign(b[i] - b[j]));
                s += da * db;
                ua += da * da;
                ub += db * db;
            }
        }
        prop_assert_eq!(kendall_tau_a(&a, &b).unwrap(), s as f64 / (n * (n - 1) / 2) as f64);
        if ua > 0 && ub > 0 {
            prop_assert!(near(kendall_tau_b(&a, &b).unwrap(), s as f64 / (ua as f64 * ub as f64).sqrt(), 1e-14));
            prop_assert_eq!(kendall_tau_b(&a, &a).unwrap(), 1.0);
            let (ra, rb) = (average_ranks(&a).unwrap(), average_ranks(&b).unwrap());
            prop_assert!(near(spearman(&a, &b).unwrap(), pearson(&ra, &rb).unwrap(), 1e-13));
            prop_assert_eq!(spearman(&a, &a).unwrap(), 1.0);
            prop_assert!(rho_a(&a, &b).unwrap().abs() <= spearman(&a, &b).unwrap().abs() + 1e-15);
            let c: Vec<f64> = a.iter().map(|v| -v).collect();
            prop_assert_eq!(spearman(&c, &b).unwrap(), -spearman(&a, &b).unwrap());
            prop_assert_eq!(kendall_tau_b(&c, &b).unwrap(), -kendall_tau_b(&a, &b).unwrap());
        }
    }

    #[test]
    fn comparisons_of_rdms(seed in 1u64..1_000_000, n in 4usize..16, p in 2usize..8, scale in 1e-3f64..1e3) {
        let (x, y) = (noise(seed, n, p), noise(seed + 5, n, p + 1));
        let d = Dissimilarity::SquaredEuclidean;
        let (a, b) = (rdm(x.as_ref(), d).unwrap(), rdm(y.as_ref(), d).unwrap());
        let larger = Rdm::new(a.values().iter().map(|v| v * scale).collect()).unwrap();
        for how in [
            Comparison::Cosine, Comparison::Pearson, Comparison::Spearman, Comparison::RhoA, Comparison::TauA,
            Comparison::TauB, Comparison::WhitenedCosine, Comparison::WhitenedPearson, Comparison::Bures,
        ] {
            let c = compare(&a, &b, how).unwrap();
            prop_assert!(c.abs() <= 1.0 + 1e-12);
            prop_assert!(near(compare(&b, &a, how).unwrap(), c, 1e-11));
            prop_assert!(near(compare(&a, &a, how).unwrap(), 1.0, 1e-11), "{how:?}");
            prop_assert!(near(compare(&larger, &b, how).unwrap(), c, 1e-10));
        }
        // Whitened cosine is biased linear CKA, for squared Euclidean distances.
        let c = cka(x.as_ref(), y.as_ref(), Kernel::Linear, Estimator::Biased).unwrap();
        prop_assert!(near(whitened_cosine(&a, &b).unwrap(), c, 1e-10));
        // Without noise, Mahalanobis and crossnobis are squared Euclidean over p.
        let over_p = rdm(x.as_ref(), Dissimilarity::SquaredEuclideanPerUnit).unwrap();
        let same = crossnobis(&[x.as_ref(), x.as_ref(), x.as_ref()], None).unwrap();
        let identity = Mat::<f64>::identity(p, p);
        let m = mahalanobis(x.as_ref(), Noise::Covariance(identity.as_ref())).unwrap();
        for ((u, v), w) in over_p.values().iter().zip(same.values()).zip(m.values()) {
            prop_assert!(near(*v, *u, 1e-13) && near(*w, *u, 1e-13));
        }
    }

    #[test]
    fn whitening_against_the_full_covariance(seed in 1u64..1_000_000, n in 3usize..7) {
        // The definition: V of size N x N from the contrasts of all pairs, and its inverse.
        let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
        let size = pairs.len();
        let e = |a: usize, b: usize| f64::from(u8::from(a == b));
        let xi = |k: (usize, usize), l: (usize, usize)| e(k.0, l.0) - e(k.0, l.1) - e(k.1, l.0) + e(k.1, l.1);
        let v = Mat::from_fn(size, size, |k, l| xi(pairs[k], pairs[l]).powi(2));
        let (values, vectors) = isogram::measure::pairwise::algebra::symmetric_eigen(v.as_ref()).unwrap();
        let column = |s: &[f64]| Mat::from_fn(size, 1, |i, _| s[i]);
        let product = |a: &[f64], b: &[f64]| -> f64 {
            let (a, b) = (vectors.transpose() * column(a), vectors.transpose() * column(b));
            (0..size).map(|k| a[(k, 0)] * b[(k, 0)] / values[k]).sum()
        };
        let (a, b) = (noise(seed, size, 1), noise(seed + 1, size, 1));
        let (a, b) = (a.col_as_slice(0).to_vec(), b.col_as_slice(0).to_vec());
        let full = |a: &[f64], b: &[f64]| product(a, b) / (product(a, a) * product(b, b)).sqrt();
        let less = |a: &[f64]| { let m = a.iter().sum::<f64>() / size as f64; a.iter().map(|v| v - m).collect::<Vec<_>>() };
        let (ra, rb) = (Rdm::new(a.clone()).unwrap(), Rdm::new(b.clone()).unwrap());
        prop_assert!(near(whitened_cosine(&ra, &rb).unwrap(), full(&a, &b), 1e-9));
        prop_assert!(near(whitened_pearson(&ra, &rb).unwrap(), full(&less(&a), &less(&b)), 1e-9));
    }

    #[test]
    fn bures_is_a_metric(seed in 1u64..1_000_000, n in 4usize..14, p in 1usize..6) {
        let r: Vec<Rdm> = (0..3)
            .map(|s| rdm(noise(seed + s, n, p + s as usize).as_ref(), Dissimilarity::SquaredEuclidean).unwrap())
            .collect();
        let d = |i: usize, j: usize| bures_metric(&r[i], &r[j]).unwrap();
        prop_assert!(d(0, 2) <= d(0, 1) + d(1, 2) + 1e-9);
        prop_assert!(d(0, 0) < 1e-6);
        prop_assert!(near(d(0, 1), d(1, 0), 1e-9));
        prop_assert!(near(bures_similarity_rsatoolbox(&r[0], &r[1]).unwrap(), bures_similarity(&r[0], &r[1]).unwrap(), 1e-9));
        // tr A is the squared norm of the centred points.
        let size = |r: &Rdm| 2.0 * r.values().iter().sum::<f64>() / (2 * n) as f64;
        let (ta, tb) = (size(&r[0]), size(&r[1]));
        let by_parts = ta + tb - 2.0 * bures_similarity(&r[0], &r[1]).unwrap() * (ta * tb).sqrt();
        prop_assert!(near(bures_metric_squared(&r[0], &r[1]).unwrap(), by_parts, 1e-8));
    }

    #[test]
    fn whitened_ceiling_is_not_exceeded(seed in 1u64..1_000_000, n in 4usize..9, subjects in 2usize..6) {
        let all: Vec<Rdm> = (0..subjects as u64)
            .map(|s| rdm(noise(seed + s, n, 5).as_ref(), Dissimilarity::SquaredEuclidean).unwrap())
            .collect();
        let model = rdm(noise(seed + 99, n, 5).as_ref(), Dissimilarity::SquaredEuclidean).unwrap();
        for how in [Comparison::Cosine, Comparison::Pearson, Comparison::Spearman, Comparison::WhitenedCosine,
            Comparison::WhitenedPearson]
        {
            let Ok(ceiling) = noise_ceiling(&all, how, Pooling::Matched) else {
                // Two opposite rankings of few dissimilarities add up to a constant.
                prop_assert_eq!(how, Comparison::Spearman);
                continue;
            };
            prop_assert!(ceiling.lower <= ceiling.upper + 1e-12);
            let mean = |m: &Rdm| all.iter().map(|s| compare(m, s, how).unwrap()).sum::<f64>() / subjects as f64;
            // Spearman's pool of tied mean ranks is the best one among rankings only.
            if how != Comparison::Spearman {
                prop_assert!(mean(&model) <= ceiling.upper + 1e-12);
                prop_assert!(mean(&all[0]) <= ceiling.upper + 1e-12);
            }
        }
    }

    #[test]
    fn integer_ties_survive(seed in 1u64..1_000_000, n in 3usize..12, p in 2usize..9) {
        // Doubling the units, their order and a scale by an integer change no tie of correlation or cosine.
        let x = noise(seed, n, p);
        let x = Mat::from_fn(n, p, |i, j| (x[(i, j)] * 3.0).round() + if j == 0 { 5.0 } else { 0.0 });
        prop_assume!((0..n).all(|i| (1..p).any(|j| x[(i, j)] != x[(i, 0)])));
        let z = Mat::from_fn(n, 2 * p, |i, j| 3.0 * x[(i, (j + p - 1) % p)]);
        for d in [Dissimilarity::Correlation, Dissimilarity::Cosine, Dissimilarity::SquaredEuclidean,
            Dissimilarity::Cityblock]
        {
            let (a, b) = (rdm(x.as_ref(), d).unwrap(), rdm(z.as_ref(), d).unwrap());
            prop_assert_eq!(average_ranks(a.values()).unwrap(), average_ranks(b.values()).unwrap());
        }
    }

    #[test]
    fn covariance_claims(seed in 1u64..1_000_000, n in 4usize..30, p in 1usize..8) {
        let r = noise(seed, n, p);
        let full = covariance(r.as_ref(), Shrinkage::None, None).unwrap();
        for how in [Shrinkage::Variances, Shrinkage::TowardsDiagonal(0.3), Shrinkage::LedoitWolf,
            Shrinkage::SchaferStrimmer, Shrinkage::SchaferStrimmerRsatoolbox]
        {
            let c = covariance(r.as_ref(), how, None).unwrap();
            let trace = |m: &Mat<f64>| (0..p).map(|i| m[(i, i)]).sum::<f64>();
            prop_assert!(near(trace(&c), trace(&full), 1e-12));
            prop_assert!((0..p).all(|i| (0..p).all(|j| c[(i, j)] == c[(j, i)])));
        }
        // Data whitened by their own covariance have the identity as covariance: mean distance 2 n/(n - 1).
        if n > p + 1 {
            let m = mahalanobis(r.as_ref(), Noise::Covariance(full.as_ref())).unwrap();
            let mean = m.values().iter().sum::<f64>() / m.values().len() as f64;
            prop_assert!(near(mean, 2.0, 1e-9));
        }
    }
}

#[test]
fn tiny_angles_keep_their_digits() {
    let x = noise(3, 30, 4);
    let e = noise(4, 30, 4);
    for estimator in ESTIMATORS {
        let angle = |size: f64| {
            let y = &x + &e * Scale(size);
            angular_cka(x.as_ref(), y.as_ref(), Kernel::Linear, estimator).unwrap()
        };
        let ratio = angle(1e-10) / angle(1e-5);
        assert!((ratio / 1e-5 - 1.0).abs() < 1e-4, "{ratio}");
    }
}

#[test]
fn extreme_scales() {
    let (x, y) = (noise(3, 12, 4), noise(4, 12, 3));
    let plain = cka(x.as_ref(), y.as_ref(), Kernel::Linear, Estimator::Debiased).unwrap();
    for scale in [1e-300, 1e-160, 1e150, 1e300] {
        let z = &x * Scale(scale);
        let c = cka(z.as_ref(), y.as_ref(), Kernel::Linear, Estimator::Debiased).unwrap();
        assert!(near(c, plain, 1e-12), "{scale} {c} {plain}");
        let (a, b) = (Dissimilarity::Correlation, Dissimilarity::Cosine);
        for d in [a, b] {
            let r = rsa(z.as_ref(), y.as_ref(), d, Comparison::Pearson).unwrap();
            assert!(near(r, rsa(x.as_ref(), y.as_ref(), d, Comparison::Pearson).unwrap(), 1e-12));
        }
    }
    assert!(near(cosine(&[1e300, 0.0], &[1e-300, 1e-300]).unwrap(), 0.5f64.sqrt(), 1e-15));
}

#[test]
fn same_input_same_bits() {
    let (x, y) = (noise(3, 70, 20), noise(4, 70, 90));
    let all = || KERNELS.map(|k| ESTIMATORS.map(|e| cka(x.as_ref(), y.as_ref(), k, e).unwrap().to_bits()));
    let first = all();
    std::thread::scope(|s| {
        let handles: Vec<_> = (0..3).map(|_| s.spawn(all)).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), first);
        }
    });
}
