//! What the measures claim: symmetry, range, identity, invariances, agreement of different routes.

use super::noise;
use faer::{Mat, MatRef, Scale};
use isogram::measure::numerics::algebra::symmetric_eigen;
use isogram::measure::pair::rsa::{Comparison, compare, whitened_cosine, whitened_pearson};
use isogram::measure::pairwise::noise::{Noise, Shrinkage, covariance, crossnobis, mahalanobis};
use isogram::measure::pairwise::noise_ceiling::{Pooling, noise_ceiling};
use isogram::measure::pairwise::rank::{average_ranks, cosine, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use isogram::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use proptest::prelude::*;

use crate::reference::{of, value};

const KERNELS: [&str; 3] = ["", ":rbf:threshold=0.7", ":laplace:pairs"];

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

/// A rotation of `p` dimensions: the eigenvectors of a random symmetric matrix.
fn rotation(seed: u64, p: usize) -> Mat<f64> {
    let a = noise(seed, p, p);
    symmetric_eigen((&a + a.transpose()).as_ref()).unwrap().1
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
        for kernel in KERNELS {
            for estimator in ["biased", "debiased", "lange"] {
                let of = |name: &str, x: &Mat<f64>, y: &Mat<f64>| value(&format!("{name}:{estimator}{kernel}"), x, y);
                let c = of("cka", &x, &y);
                let low = if estimator == "biased" { 0.0 } else { -1.0 };
                prop_assert!(c > low - 1e-12 && c < 1.0 + 1e-12);
                prop_assert!(near(of("cka", &y, &x), c, 1e-12) && near(of("cka", &x, &x), 1.0, 1e-12));
                prop_assert!(near(of("cka", &moved(x.as_ref(), seed + 1, scale), &y), c, 1e-9));
                prop_assert!(near(of("cka", &permuted(x.as_ref()), &permuted(y.as_ref())), c, 1e-10));
                let h = |a, b| of("hsic", a, b);
                prop_assert!(near(h(&x, &y) / (h(&x, &x) * h(&y, &y)).sqrt(), c, 1e-9));
                let angle = of("angular_cka", &x, &y);
                prop_assert!(near(angle.cos(), c, 1e-10));
                let z = noise(seed + 8, n, q);
                prop_assert!(angle <= of("angular_cka", &x, &z) + of("angular_cka", &z, &y) + 1e-12);
                prop_assert!(of("angular_cka", &x, &x) < 1e-12);
            }
        }
    }

    #[test]
    fn minibatches(seed in 1u64..1_000_000, n in 8usize..50, p in 1usize..6) {
        let (x, y) = (noise(seed, n, p), noise(seed + 3, n, p + 1));
        let whole = value(&format!("minibatch_cka:batch={n}"), &x, &y);
        prop_assert!(near(whole, value("cka", &x, &y), 1e-9));
        // A ragged last batch is left out.
        let batch = n / 2;
        let cut = |m: &Mat<f64>| m.subrows(0, 2 * batch).to_owned();
        let name = format!("minibatch_cka:batch={batch}");
        prop_assert!(near(value(&name, &x, &y), value(&name, &cut(&x), &cut(&y)), 1e-14));
    }

    #[test]
    fn cknna_claims(seed in 1u64..1_000_000, n in 12usize..40, p in 2usize..6, k in 4usize..10, scale in 1e-3f64..1e3) {
        let (x, y) = (noise(seed, n, p), noise(seed + 3, n, p + 1));
        let name = format!("cknna:epsilon=0:k={k}");
        let Ok(c) = of(&name, &x, &y) else { return Ok(()) };
        prop_assert!(near(value(&name, &x, &x), 1.0, 1e-12));
        let z = &x * rotation(seed + 1, p) * Scale(scale);
        prop_assert!(near(value(&name, &z, &y), c, 1e-8));
        // With every pair a neighbour it is debiased CKA of uncentred Gram matrices.
        let full = value(&format!("cknna:epsilon=0:raw:k={}", n - 1), &x, &y);
        prop_assert!(near(full, value("cka", &x, &y), 1e-8));
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
            Comparison::TauB, Comparison::WhitenedCosine, Comparison::WhitenedPearson,
        ] {
            let c = compare(&a, &b, how).unwrap();
            prop_assert!(c.abs() <= 1.0 + 1e-12);
            prop_assert!(near(compare(&b, &a, how).unwrap(), c, 1e-11));
            prop_assert!(near(compare(&a, &a, how).unwrap(), 1.0, 1e-11), "{how:?}");
            prop_assert!(near(compare(&larger, &b, how).unwrap(), c, 1e-10));
        }
        // Whitened cosine is biased linear CKA, for squared Euclidean distances.
        let c = value("cka:biased", &x, &y);
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
        let (values, vectors) = symmetric_eigen(v.as_ref()).unwrap();
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
        let x: Vec<Mat<f64>> = (0..3).map(|s| noise(seed + s, n, p + s as usize)).collect();
        let d = |i: usize, j: usize| value("rsa_bures_distance:sqeuclidean", &x[i], &x[j]);
        prop_assert!(d(0, 2) <= d(0, 1) + d(1, 2) + 1e-9);
        prop_assert!(d(0, 0) < 1e-6);
        prop_assert!(near(d(0, 1), d(1, 0), 1e-9));
        let similarity = |negative: &str| value(&format!("rsa_bures:sqeuclidean:{negative}"), &x[0], &x[1]);
        prop_assert!(near(similarity("rsatoolbox"), similarity("projected"), 1e-9));
        // tr A is the squared norm of the centred points over the units.
        let size = |x: &Mat<f64>| {
            let r = rdm(x.as_ref(), Dissimilarity::SquaredEuclideanPerUnit).unwrap();
            2.0 * r.values().iter().sum::<f64>() / (2 * n) as f64
        };
        let (ta, tb) = (size(&x[0]), size(&x[1]));
        let by_parts = ta + tb - 2.0 * similarity("projected") * (ta * tb).sqrt();
        prop_assert!(near(d(0, 1).powi(2), by_parts, 1e-8));
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
    for estimator in ["biased", "debiased", "lange"] {
        let angle = |size: f64| value(&format!("angular_cka:{estimator}"), &x, &(&x + &e * Scale(size)));
        let ratio = angle(1e-10) / angle(1e-5);
        assert!((ratio / 1e-5 - 1.0).abs() < 1e-4, "{ratio}");
    }
}

#[test]
fn extreme_scales() {
    let (x, y) = (noise(3, 12, 4), noise(4, 12, 3));
    for scale in [1e-300, 1e-160, 1e150, 1e300] {
        let z = &x * Scale(scale);
        for name in ["cka", "rsa:pearson", "rsa:cosine:pearson"] {
            assert!(near(value(name, &z, &y), value(name, &x, &y), 1e-12), "{name} at {scale}");
        }
    }
    assert!(near(cosine(&[1e300, 0.0], &[1e-300, 1e-300]).unwrap(), 0.5f64.sqrt(), 1e-15));
}

#[test]
fn same_input_same_bits() {
    let (x, y) = (noise(3, 70, 20), noise(4, 70, 90));
    let all =
        || crate::invariance::forms().iter().map(|m| m.of(x.as_ref(), y.as_ref()).map_or(0, f64::to_bits)).collect();
    let first: Vec<u64> = all();
    std::thread::scope(|s| {
        let handles: Vec<_> = (0..2).map(|_| s.spawn(all)).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), first);
        }
    });
}
