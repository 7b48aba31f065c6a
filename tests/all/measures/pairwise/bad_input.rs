//! Refusal of bad input by every public function.

use super::common::noise;
use faer::{Mat, MatRef};
use isogram::measure::Estimator;
use isogram::measure::pairwise::alignment::{Centring, kernel_alignment, kernel_target_alignment};
use isogram::measure::pairwise::bures::{
    bures_metric, bures_metric_squared, bures_metric_squared_rsatoolbox, bures_similarity, bures_similarity_rsatoolbox,
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
use isogram::{Error, Result};

const RBF: Kernel = Kernel::Rbf(Bandwidth::MedianAll { factor: 1.0 });
const LAPLACE: Kernel = Kernel::Laplace(Bandwidth::MedianNonZero { factor: 1.0 });
const POISSON: Dissimilarity = Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 };
const ESTIMATORS: [Estimator; 3] = [Estimator::Biased, Estimator::Debiased, Estimator::Lange];
const COMPARISONS: [Comparison; 11] = [
    Comparison::Cosine,
    Comparison::Pearson,
    Comparison::Spearman,
    Comparison::RhoA,
    Comparison::TauA,
    Comparison::TauB,
    Comparison::WhitenedCosine,
    Comparison::WhitenedPearson,
    Comparison::Bures,
    Comparison::BuresMetric,
    Comparison::BuresMetricSquared,
];

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>) {
    let Err(Error::Measure(message)) = result else { panic!("accepted: {result:?}") };
    assert!(message.starts_with("expected") || message.contains("range of f64"), "{message}");
}

type Pairwise = Box<dyn Fn(MatRef<'_, f64>, MatRef<'_, f64>) -> Result<f64>>;

/// Every measure of two representations, with whether it is defined for a constant one.
fn pairwise() -> Vec<(Pairwise, bool)> {
    let mut all: Vec<(Pairwise, bool)> = Vec::new();
    for kernel in [Kernel::Linear, RBF, LAPLACE] {
        for e in ESTIMATORS {
            let linear = kernel == Kernel::Linear;
            all.push((Box::new(move |x, y| hsic(x, y, kernel, e)), linear));
            all.push((Box::new(move |x, y| cka(x, y, kernel, e)), false));
            all.push((Box::new(move |x, y| angular_cka(x, y, kernel, e)), false));
            all.push((Box::new(move |x, y| cka_distance(x, y, kernel, e)), false));
        }
        all.push((Box::new(move |x, y| minibatch_cka(x, y, kernel, 6)), false));
    }
    all.push((Box::new(distance_correlation), false));
    all.push((Box::new(distance_correlation_squared_unbiased), false));
    all.push((Box::new(|x, y| cknna(x, y, Cknna::reference(3))), true));
    all.push((Box::new(|x, y| cknna(x, y, Cknna { unit_rows: false, ..Cknna::reference(3) })), true));
    for d in [
        Dissimilarity::SquaredEuclidean,
        Dissimilarity::SquaredEuclideanPerUnit,
        Dissimilarity::Euclidean,
        Dissimilarity::Correlation,
        Dissimilarity::Cosine,
        Dissimilarity::Cityblock,
        POISSON,
    ] {
        for c in COMPARISONS {
            let zero_is_fine = matches!(c, Comparison::RhoA | Comparison::TauA);
            all.push((Box::new(move |x, y| rsa(x, y, d, c)), zero_is_fine));
        }
    }
    all
}

#[test]
fn bad_representations() {
    let good = noise(1, 12, 4).as_ref() * faer::Scale(0.05);
    let with = |v: f64| {
        let mut x = good.clone();
        x[(5, 2)] = v;
        x
    };
    for (measure, defined_for_constant) in pairwise() {
        for bad in [
            noise(2, 11, 4),
            with(f64::NAN),
            with(f64::INFINITY),
            with(f64::NEG_INFINITY),
            Mat::zeros(12, 0),
            Mat::zeros(0, 0),
        ] {
            refused(measure(good.as_ref(), bad.as_ref()));
            refused(measure(bad.as_ref(), good.as_ref()));
        }
        for rows in 0..2 {
            refused(measure(noise(1, rows, 3).as_ref(), noise(2, rows, 3).as_ref()));
        }
        // Few rows, rank one, duplicates and zero columns: a value or a refusal, and always finite.
        for rows in 2..7 {
            if let Ok(v) = measure(noise(1, rows, 3).as_ref(), noise(2, rows, 3).as_ref()) {
                assert!(v.is_finite());
            }
        }
        let odd = [
            Mat::from_fn(12, 3, |i, j| (i * (j + 1)) as f64),
            Mat::from_fn(12, 2, |i, _| (i / 6) as f64),
            Mat::from_fn(12, 3, |i, j| if j == 1 { i as f64 } else { 0.0 }),
            Mat::from_fn(12, 1, |i, _| i as f64),
            with(1e200),
            with(-1e308),
            with(1e-320),
            &good * faer::Scale(1e-310),
            &good * faer::Scale(1e306),
        ];
        for x in &odd {
            for y in odd.iter().chain([&good]) {
                if let Ok(v) = measure(x.as_ref(), y.as_ref()) {
                    assert!(v.is_finite());
                }
            }
        }
        for constant in [Mat::zeros(12, 3), Mat::from_fn(12, 3, |_, j| 0.1 * (j + 1) as f64)] {
            match measure(constant.as_ref(), good.as_ref()) {
                Ok(v) => assert!(defined_for_constant && v.is_finite(), "{v}"),
                error => refused(error),
            }
        }
    }
}

#[test]
fn bad_settings() {
    let (x, y) = (noise(1, 12, 4), noise(2, 12, 5));
    let (x, y) = (x.as_ref(), y.as_ref());
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for b in [
            Bandwidth::Fixed(factor),
            Bandwidth::MedianAll { factor },
            Bandwidth::MedianAllLower { factor },
            Bandwidth::MedianPairs { factor },
            Bandwidth::MedianNonZero { factor },
        ] {
            refused(gram(x, Kernel::Rbf(b)));
            refused(cka(x, y, Kernel::Laplace(b), Estimator::Biased));
        }
    }
    refused(Bandwidth::Fixed(1.0).sigma(&[1.0, 2.0], 3));
    refused(Bandwidth::Fixed(1.0).sigma(&[1.0, 2.0], usize::MAX));
    refused(Bandwidth::MedianAll { factor: 1.0 }.sigma(&[], 1));
    // A bandwidth so narrow that nothing off the diagonal is left.
    refused(cka(x, y, Kernel::Rbf(Bandwidth::Fixed(1e-9)), Estimator::Debiased));
    for batch in [0, 1, 3, 13] {
        refused(minibatch_cka(x, y, Kernel::Linear, batch));
    }
    for neighbours in [0, 12, 13, usize::MAX] {
        refused(cknna(x, y, Cknna::reference(neighbours)));
    }
    for epsilon in [-1.0, f64::NAN, f64::INFINITY] {
        refused(cknna(x, y, Cknna { epsilon, ..Cknna::reference(3) }));
    }
    for centring in [Centring::Centred, Centring::Uncentred] {
        refused(kernel_target_alignment(x, &[0; 11], Kernel::Linear, centring));
        refused(kernel_target_alignment(x, &[], RBF, centring));
        refused(kernel_target_alignment(Mat::zeros(12, 2).as_ref(), &[0, 1, 2].repeat(4), Kernel::Linear, centring));
    }
    refused(kernel_target_alignment(x, &[1; 12], Kernel::Linear, Centring::Centred));
    let constant = Mat::from_fn(12, 2, |_, j| 0.1 + j as f64);
    refused(kernel_target_alignment(constant.as_ref(), &[0, 1, 2].repeat(4), Kernel::Linear, Centring::Centred));
    let square = noise(3, 5, 5);
    let (good, zero, other) = (Mat::<f64>::identity(5, 5), Mat::zeros(5, 5), Mat::<f64>::identity(6, 6));
    let mut nan = good.clone();
    nan[(1, 1)] = f64::NAN;
    for bad in [&square, &nan, &other, &noise(3, 5, 4), &Mat::zeros(0, 0)] {
        for e in ESTIMATORS {
            refused(hsic_of_grams(good.as_ref(), bad.as_ref(), e));
            refused(cka_of_grams(bad.as_ref(), good.as_ref(), e));
        }
        refused(kernel_alignment(good.as_ref(), bad.as_ref(), Centring::Uncentred));
        refused(kernel_alignment(good.as_ref(), bad.as_ref(), Centring::Centred));
    }
    for c in [Centring::Centred, Centring::Uncentred] {
        refused(kernel_alignment(good.as_ref(), zero.as_ref(), c));
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
    for c in [Comparison::Bures, Comparison::BuresMetric, Comparison::BuresMetricSquared] {
        refused(noise_ceiling(&[a.clone(), a.clone()], c, Pooling::Plain));
    }
    for c in [Comparison::Pearson, Comparison::Spearman, Comparison::TauB, Comparison::WhitenedPearson] {
        refused(compare(&a, &constant, c));
        refused(noise_ceiling(&[a.clone(), constant.clone()], c, Pooling::Plain));
    }
    for f in [
        whitened_cosine,
        whitened_pearson,
        bures_similarity,
        bures_metric,
        bures_metric_squared,
        bures_similarity_rsatoolbox,
        bures_metric_squared_rsatoolbox,
    ] {
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
