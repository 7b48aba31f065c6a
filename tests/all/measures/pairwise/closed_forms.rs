//! Cases worked out by hand.

use super::noise;
use faer::{Mat, mat};
use isogram::measure::pairwise::gram::{
    Bandwidth, Kernel, double_centred, gram, hollow_centred, squared_distances, u_centred,
};
use isogram::measure::pairwise::noise::crossnobis;
use isogram::measure::pairwise::rank::{average_ranks, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use isogram::measure::pairwise::rdm::{Dissimilarity, rdm};

use crate::reference::value;

#[test]
fn bandwidths_by_hand() {
    // Points 0, 1, 3, 7: squared distances 1, 9, 49, 4, 36, 16; with four zeros and each twice the middle two of 16
    // are places 7 and 8: 0 0 0 0 1 1 4 4 | 9 9 16 16 36 36 49 49.
    let x = mat![[0.0], [1.0], [3.0], [7.0f64]];
    let d = squared_distances(x.as_ref());
    assert_eq!(d, [1.0, 9.0, 49.0, 4.0, 36.0, 16.0]);
    let sigma = |b: Bandwidth| b.sigma(&d, 4).unwrap();
    assert_eq!(sigma(Bandwidth::MedianAll { factor: 2.0 }), 2.0 * 6.5f64.sqrt());
    assert_eq!(sigma(Bandwidth::MedianAllLower { factor: 1.0 }), 2.0);
    assert_eq!(sigma(Bandwidth::MedianPairs { factor: 1.0 }), 3.5);
    assert_eq!(sigma(Bandwidth::MedianNonZero { factor: 1.0 }), 12.5f64.sqrt());
    assert_eq!(sigma(Bandwidth::Fixed(0.25)), 0.25);
    let k = gram(x.as_ref(), Kernel::Rbf(Bandwidth::Fixed(2.0))).unwrap();
    assert!((k[(0, 1)] - (-1.0f64 / 8.0).exp()).abs() < 1e-16 && k[(2, 2)] == 1.0);
    let k = gram(x.as_ref(), Kernel::Laplace(Bandwidth::Fixed(2.0))).unwrap();
    assert!((k[(0, 2)] - (-1.5f64).exp()).abs() < 1e-16);
}

#[test]
fn centring_by_hand() {
    let k = mat![[2.0, 1.0, 0.0, 3.0], [1.0, 5.0, 2.0, 1.0], [0.0, 2.0, 4.0, 1.0], [3.0, 1.0, 1.0, 7.0f64]];
    let c = double_centred(k.clone());
    let u = u_centred(k.clone());
    let l = hollow_centred(k.clone());
    for i in 0..4 {
        assert!((0..4).map(|j| c[(i, j)]).sum::<f64>().abs() < 1e-14);
        assert!((0..4).map(|j| u[(i, j)]).sum::<f64>().abs() < 1e-14);
        assert_eq!((u[(i, i)], l[(i, i)]), (0.0, 0.0));
    }
    // Row sums without the diagonal 4, 4, 3, 5; total 16: 1 − (4 + 4)/2 + 16/6.
    assert!((u[(0, 1)] - (1.0 - 4.0 + 16.0 / 6.0)).abs() < 1e-15);
    // Row sums 6, 9, 7, 12; total 34.
    assert!((c[(0, 1)] - (1.0 - 15.0 / 4.0 + 34.0 / 16.0)).abs() < 1e-15);
}

#[test]
fn hsic_by_hand() {
    // Song 2012, eq. 5, term by term.
    let (x, y) = (noise(5, 7, 3), noise(6, 7, 4));
    let n = 7.0;
    let (mut k, mut l) = (&x * x.transpose(), &y * y.transpose());
    for i in 0..7 {
        k[(i, i)] = 0.0;
        l[(i, i)] = 0.0;
    }
    let kl = &k * &l;
    let all = |m: &Mat<f64>| (0..7).flat_map(|i| (0..7).map(move |j| (i, j))).map(|ij| m[ij]).sum::<f64>();
    let trace: f64 = (0..7).map(|i| kl[(i, i)]).sum();
    let by_hand = (trace + all(&k) * all(&l) / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * all(&kl)) / (n * (n - 3.0));
    let ours = value("hsic", &x, &y);
    assert!((ours - by_hand).abs() < 1e-14);
    // One unit each: biased HSIC is the squared covariance of the two.
    let (x, y) = (mat![[1.0], [2.0], [6.0f64]], mat![[0.0], [1.0], [2.0f64]]);
    assert_eq!(value("hsic:biased", &x, &y), 6.25);
}

/// Many more examples than units are compared by features, and otherwise by Gram matrices: columns of zeros lead there.
#[test]
fn both_routes_of_linear_kernels_agree() {
    let (x, y) = (noise(8, 2060, 5), noise(9, 2060, 6));
    let wide = Mat::from_fn(2060, 1040, |i, j| if j < 6 { y[(i, j)] } else { 0.0 });
    for name in ["cka", "cka:biased", "cka:lange", "hsic"] {
        let (a, b) = (value(name, &x, &y), value(name, &x, &wide));
        assert!((a - b).abs() < 1e-12 * (1.0 + a.abs()), "{name}: {a} {b}");
    }
}

#[test]
fn debiased_values_may_be_negative() {
    let lowest = (1..200).map(|s| value("cka", &noise(s, 8, 30), &noise(s + 500, 8, 30))).fold(1.0, f64::min);
    assert!(lowest < -0.1);
}

#[test]
fn rdms_by_hand() {
    let x = mat![[0.0, 0.0], [3.0, 4.0], [0.0, 5.0f64]];
    let values = |d| rdm(x.as_ref(), d).unwrap().values().to_vec();
    assert_eq!(values(Dissimilarity::SquaredEuclidean), [25.0, 25.0, 10.0]);
    assert_eq!(values(Dissimilarity::SquaredEuclideanPerUnit), [12.5, 12.5, 5.0]);
    assert_eq!(values(Dissimilarity::Euclidean), [5.0, 5.0, 10f64.sqrt()]);
    assert_eq!(values(Dissimilarity::Cityblock), [7.0, 5.0, 4.0]);
    let y = mat![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 2.0, 1.0], [1.0, 0.0, 1.0f64]];
    let r = rdm(y.as_ref(), Dissimilarity::Correlation).unwrap();
    assert_eq!(r.values(), [0.0, 2.0, 1.0, 2.0, 1.0, 1.0]);
    assert_eq!((r.get(0, 0), r.get(2, 0), r.get(0, 4)), (Some(0.0), Some(2.0), None));
    let r = rdm(mat![[3.0, 4.0], [6.0, 8.0], [4.0, -3.0f64]].as_ref(), Dissimilarity::Cosine).unwrap();
    assert_eq!(r.values(), [0.0, 1.0, 1.0]);
    // Gram matrix of a squared Euclidean RDM: that of the centred points.
    let g = rdm(x.as_ref(), Dissimilarity::SquaredEuclidean).unwrap().gram();
    assert!((g[(0, 1)] + 5.0).abs() < 1e-14);
    // Crossnobis of two partitions: products of differences.
    let (a, b) = (mat![[0.0, 0.0], [2.0, 1.0f64]], mat![[1.0, 1.0], [0.0, 4.0f64]]);
    assert_eq!(crossnobis(&[a.as_ref(), b.as_ref()], None).unwrap().values(), [0.5]);
}

#[test]
fn ranks_by_hand() {
    assert_eq!(average_ranks(&[10.0, -0.0, 10.0, 0.0, 7.0]).unwrap(), [4.5, 1.5, 4.5, 1.5, 3.0]);
    let (a, b) = ([1.0, 2.0, 2.0, 3.0], [1.0, 3.0, 2.0, 4.0]);
    assert_eq!(kendall_tau_a(&a, &b).unwrap(), 5.0 / 6.0);
    assert_eq!(kendall_tau_b(&a, &b).unwrap(), 5.0 / 30f64.sqrt());
    assert_eq!(spearman(&a, &b).unwrap(), 4.5 / (4.5f64 * 5.0).sqrt());
    assert_eq!(rho_a(&a, &b).unwrap(), 12.0 * 4.5 / 60.0);
    assert_eq!(rho_a(&a, &[2.0; 4]).unwrap(), 0.0);
    assert_eq!(kendall_tau_a(&a, &[2.0; 4]).unwrap(), 0.0);
    assert_eq!(pearson(&[1.0, 2.0, 3.0], &[1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]).unwrap(), 1.0);
}

#[test]
fn bures_of_rank_one() {
    // Centred points on a line each: the similarity is the absolute correlation.
    let (x, y) = (mat![[1.0], [2.0], [6.0], [3.0f64]], mat![[1.0], [-1.0], [-2.0], [4.0f64]]);
    let r = pearson(x.col_as_slice(0), y.col_as_slice(0)).unwrap();
    assert!((value("rsa_bures:sqeuclidean", &x, &y) - r.abs()).abs() < 1e-14);
    // tr A = 14, tr B = 21.
    for negative in ["projected", "rsatoolbox"] {
        let metric = value(&format!("rsa_bures_distance:sqeuclidean:squared:{negative}"), &x, &y);
        assert!((metric - (14.0 + 21.0 - 2.0 * r.abs() * (14.0f64 * 21.0).sqrt())).abs() < 1e-12);
    }
}
