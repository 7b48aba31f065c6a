//! Distance correlation with Euclidean distances (Székely, Rizzo and Bakirov 2007): biased, which is biased upwards for few examples,
//! and bias-corrected squared (Székely and Rizzo 2014), which is zero in expectation for independent data, and negative at times.

use super::kernels::{at_unit_norm, few_examples, triangle};
use super::{KERNELS, NAME, ORTHOGONAL};
use crate::error::Result;
use crate::measure::Estimator;
use crate::measure::declaration::{Cosine, Device, Entry, FromProducts, Held, Host, Made, written};
use crate::measure::embedding::{Between, Centring, Embedding};
use crate::measure::numerics::algebra::{dot, inner, largest, power_of_two_scale, square};
use crate::measure::numerics::check::{check, finite, refuse};
use crate::measure::pairwise::gram::squared_distances;
use faer::{Mat, MatRef};

/// Correlation of centred distances.
pub(super) const DISTANCE_CORRELATION: Entry = Entry {
    formula: "biased: sqrt(dCov² / sqrt(dVar² dVar²)) of double-centred D; debiased: the squared form of U-centred D",
    range: [-1.0, 1.0],
    range_of: |g| (g.word("estimator") == "biased").then_some([0.0, 1.0]),
    invariances: ORTHOGONAL,
    cost: "n² p",
    held: |_, e| {
        let [n, p] = [e.n, e.p].map(|side| side as f64);
        Held { prepared: n * (n + 1.0) / 2.0, preparing: 4.0 * n * n + 2.0 * n * p, comparing: n }
    },
    source: "Székely, Rizzo, Bakirov 2007; debiased: Székely and Rizzo 2014",
    parameters: &[written(
        "estimator",
        &["debiased", "biased"],
        "debiased: squared and bias-corrected, may be negative; biased: the original",
    )],
    caution: few_examples,
    make: |g| {
        let biased = g.word("estimator") == "biased";
        let (estimator, value, of_cosine): (_, _, fn(f64) -> f64) = match biased {
            true => (Estimator::Biased, FromProducts::Root(ROOT), |r| r.max(0.0).sqrt()),
            false => (Estimator::Debiased, FromProducts::Cosine, |r| r),
        };
        let embedding = Embedding::new(Between::Euclidean, Centring::Hsic(estimator));
        let host = Host::new(
            move |x| centred_distances(x, estimator),
            move |a: &Vec<f64>, b: &Vec<f64>| finite(of_cosine(dot(a, b)), "distance correlation"),
        );
        let host = host.of_products(|a: &Vec<f64>| Some(a), of_cosine);
        Ok(Made { host, device: Some(Device::Cosine(Cosine { embedding, value })) })
    },
    ..Entry::similarity("distance_correlation", "correlation of centred distances", KERNELS)
};

/// Below this cosine its root in single precision is off by more than 1e-6.
const ROOT: f64 = 0.01;

/// The centred distances of a representation, as a [`triangle`] at unit norm: inner products of two are squared correlations.
fn centred_distances(x: MatRef<'_, f64>, estimator: Estimator) -> Result<Vec<f64>> {
    check(x, NAME, estimator.min_examples())?;
    let table = estimator.embed(distances(x)?);
    let own = inner(&table, &table);
    if own <= (32.0 * f64::EPSILON * table.nrows() as f64).powi(2) {
        return refuse(
            "expected distances that vary after centring, got examples that are all equally far; add examples",
        );
    }
    at_unit_norm(triangle(&table), "the norm of the distances")
}

/// Euclidean distances of all pairs, divided by the largest one, which no ratio feels.
fn distances(x: MatRef<'_, f64>) -> Result<Mat<f64>> {
    // At a scale near one, so that no square leaves the range.
    let near_one = x * faer::Scale(power_of_two_scale(largest(x)));
    let d: Vec<f64> = squared_distances(near_one.as_ref()).into_iter().map(f64::sqrt).collect();
    let most = d.iter().copied().fold(0.0, f64::max);
    if most == 0.0 {
        return refuse("expected examples that differ, got a constant representation; leave it out");
    }
    let scaled: Vec<f64> = d.into_iter().map(|d| d / most).collect();
    Ok(square(x.nrows(), &scaled, 0.0))
}
