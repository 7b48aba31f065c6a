//! Refusal of bad input by what is not a measure of the catalogue.

use super::noise;
use faer::Mat;
use isogram::measure::pair::rsa::{Comparison, compare, whitened_cosine, whitened_pearson};
use isogram::measure::pairwise::gram::{Bandwidth, Kernel, gram};
use isogram::measure::pairwise::noise::{Noise, Shrinkage, covariance, crossnobis, mahalanobis};
use isogram::measure::pairwise::noise_ceiling::{Pooling, noise_ceiling};
use isogram::measure::pairwise::rank::{average_ranks, cosine, kendall_tau_a, kendall_tau_b, pearson, rho_a, spearman};
use isogram::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use isogram::{Error, Result};

use crate::reference::of;

const POISSON: Dissimilarity = Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 };
const COMPARISONS: [Comparison; 8] = [
    Comparison::Cosine,
    Comparison::Pearson,
    Comparison::Spearman,
    Comparison::RhoA,
    Comparison::TauA,
    Comparison::TauB,
    Comparison::WhitenedCosine,
    Comparison::WhitenedPearson,
];

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>) {
    let Err(Error::Measure(message)) = result else { panic!("accepted: {result:?}") };
    assert!(message.starts_with("expected") || message.contains("range of f64"), "{message}");
}

#[test]
fn bad_settings() {
    let x = noise(1, 12, 4);
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for b in [
            Bandwidth::Fixed(factor),
            Bandwidth::MedianAll { factor },
            Bandwidth::MedianAllLower { factor },
            Bandwidth::MedianPairs { factor },
            Bandwidth::MedianNonZero { factor },
        ] {
            refused(gram(x.as_ref(), Kernel::Rbf(b)));
        }
    }
    refused(Bandwidth::Fixed(1.0).sigma(&[1.0, 2.0], 3));
    refused(Bandwidth::Fixed(1.0).sigma(&[1.0, 2.0], usize::MAX));
    refused(Bandwidth::MedianAll { factor: 1.0 }.sigma(&[], 1));
    // A bandwidth so narrow that nothing off the diagonal is left, more in a batch or more neighbours than there are.
    for name in ["cka:rbf:sigma=1e-9", "minibatch_cka:batch=13", "cknna:k=12", "cknna:k=13"] {
        refused(of(name, &x, &noise(2, 12, 5)));
    }
}

#[test]
fn bad_vectors_and_rdms() {
    type Correlation = fn(&[f64], &[f64]) -> Result<f64>;
    let all: [(Correlation, bool); 6] = [
        (cosine, true),
        (pearson, false),
        (spearman, false),
        (rho_a, true),
        (kendall_tau_a, true),
        (kendall_tau_b, false),
    ];
    for (f, constant_is_fine) in all {
        refused(f(&[], &[]));
        refused(f(&[1.0, 2.0], &[1.0]));
        for bad in [f64::NAN, f64::INFINITY] {
            refused(f(&[1.0, 2.0, 3.0], &[1.0, bad, 2.0]));
            refused(f(&[1.0, bad, 3.0], &[1.0, 2.0, 2.0]));
        }
        if !constant_is_fine {
            refused(f(&[1.0], &[1.0]));
            refused(f(&[0.1; 5], &[1.0, 2.0, 3.0, 4.0, 5.0]));
        }
    }
    refused(cosine(&[0.0; 3], &[1.0, 2.0, 3.0]));
    refused(average_ranks(&[]));
    refused(average_ranks(&[1.0, f64::NAN]));
    for length in [0, 2, 4, 5, 7] {
        refused(Rdm::new(vec![1.0; length]));
    }
    refused(Rdm::new(vec![f64::NAN]));
    let (a, b) = (Rdm::new(vec![1.0, 2.0, 3.0]).unwrap(), Rdm::new(vec![1.0; 6]).unwrap());
    let (zero, constant) = (Rdm::new(vec![0.0; 3]).unwrap(), Rdm::new(vec![0.1; 3]).unwrap());
    for c in COMPARISONS {
        refused(compare(&a, &b, c));
        if !matches!(c, Comparison::RhoA | Comparison::TauA) {
            refused(compare(&a, &zero, c));
        }
        refused(noise_ceiling(&[], c, Pooling::Plain));
        refused(noise_ceiling(std::slice::from_ref(&a), c, Pooling::Matched));
        refused(noise_ceiling(&[a.clone(), b.clone()], c, Pooling::Plain));
    }
    for c in [Comparison::Pearson, Comparison::Spearman, Comparison::TauB, Comparison::WhitenedPearson] {
        refused(compare(&a, &constant, c));
        refused(noise_ceiling(&[a.clone(), constant.clone()], c, Pooling::Plain));
    }
    for f in [whitened_cosine, whitened_pearson] {
        refused(f(&a, &b));
        refused(f(&zero, &a));
    }
    let huge = Rdm::new(vec![1e308, 1.7e308, 1e300]).unwrap();
    for c in COMPARISONS {
        assert!(compare(&huge, &a, c).map_or(true, f64::is_finite), "{c:?}");
    }
}

#[test]
fn bad_noise() {
    let x = noise(1, 6, 3);
    let residuals = noise(2, 20, 3);
    for shrinkage in [Shrinkage::None, Shrinkage::LedoitWolf, Shrinkage::SchaferStrimmer, Shrinkage::Variances] {
        for bad in [noise(1, 1, 3), noise(1, 0, 3), noise(1, 4, 0), Mat::from_fn(4, 2, |_, _| f64::NAN)] {
            refused(covariance(bad.as_ref(), shrinkage, None));
        }
        refused(covariance(residuals.as_ref(), shrinkage, Some(0)));
    }
    for share in [-0.1, 1.1, f64::NAN] {
        refused(covariance(residuals.as_ref(), Shrinkage::TowardsDiagonal(share), None));
    }
    refused(covariance(Mat::zeros(5, 2).as_ref(), Shrinkage::SchaferStrimmer, None));
    let singular = covariance(noise(3, 3, 3).as_ref(), Shrinkage::None, None).unwrap();
    for bad in [
        singular,
        Mat::zeros(3, 3),
        Mat::identity(4, 4),
        noise(1, 3, 3),
        Mat::<f64>::identity(3, 3) * faer::Scale(-1.0),
    ] {
        for noise in [Noise::Covariance(bad.as_ref()), Noise::Precision(bad.as_ref())] {
            refused(mahalanobis(x.as_ref(), noise));
            refused(crossnobis(&[x.as_ref(), x.as_ref()], Some(noise)));
        }
    }
    refused(crossnobis(&[], None));
    refused(crossnobis(&[x.as_ref()], None));
    refused(crossnobis(&[x.as_ref(), residuals.as_ref()], None));
    let one = noise(1, 1, 3);
    refused(crossnobis(&[one.as_ref(), one.as_ref()], None));
    let negative = Mat::from_fn(4, 3, |_, _| -1.0);
    refused(rdm(negative.as_ref(), POISSON));
    for (rate, weight) in [(f64::NAN, 0.1), (1.0, -0.1), (f64::INFINITY, 0.1), (-1.0, 0.1)] {
        refused(rdm(x.as_ref(), Dissimilarity::Poisson { prior_rate: rate, prior_weight: weight }));
    }
    let flat = Mat::from_fn(4, 3, |i, j| if i == 2 { 0.1 } else { (i + j * j) as f64 });
    refused(rdm(flat.as_ref(), Dissimilarity::Correlation));
    refused(rdm(Mat::from_fn(4, 3, |i, _| i as f64).as_ref(), Dissimilarity::Cosine));
    refused(rdm(noise(1, 4, 1).as_ref(), Dissimilarity::Correlation));
}
