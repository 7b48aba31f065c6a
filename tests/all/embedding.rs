//! Measures that are cosines of embeddings, on every machine, against the values that published packages give.

use std::path::Path;

use isogram::data::read_table;
use isogram::measure::Estimator;
use isogram::measure::device::products::by_rows::{self, Most};
use isogram::measure::device::products::{Layers, Pairs};
use isogram::measure::embedding::{Bandwidth, Between, Centring, Embedding, Pool};

use crate::support;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures");

const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

const DOUBLE: Centring = Centring::Hsic(Estimator::Biased);
const U: Centring = Centring::Hsic(Estimator::Debiased);
const HOLLOW: Centring = Centring::Hsic(Estimator::Lange);

/// Entry of the reference, what it is the cosine of, what becomes of the cosine, and the tolerance.
type Entry = (&'static str, Between, Centring, fn(f64) -> f64, f64);

fn entries() -> Vec<Entry> {
    use Between::{CityBlock, Correlation, Cosine, Euclidean, Gaussian, Linear, SquaredEuclidean};
    use Centring::{Mean, Raw};
    let same: fn(f64) -> f64 = |x| x;
    let median = |t| Gaussian(Bandwidth::Median(t, Pool::All));
    let fixed = Gaussian(Bandwidth::Fixed(1.0));
    vec![
        ("cka_linear_biased", Linear, DOUBLE, same, 1e-5),
        ("cka_linear_debiased_song", Linear, U, same, 1e-5),
        ("cka_linear_lange", Linear, HOLLOW, same, 1e-5),
        ("cka_rbf_biased_t0.2", median(0.2), DOUBLE, same, 1e-5),
        ("cka_rbf_biased_t0.5", median(0.5), DOUBLE, same, 1e-5),
        ("cka_rbf_biased_t1.0", median(1.0), DOUBLE, same, 1e-5),
        ("cka_rbf_biased_sigma1", fixed, DOUBLE, same, 1e-5),
        ("distance_correlation", Euclidean, DOUBLE, f64::sqrt, 1e-4),
        ("distance_correlation_sqr_unbiased", Euclidean, U, same, 1e-4),
        ("rsa_sqeuclidean_over_p_cosine", SquaredEuclidean, Raw, same, 1e-4),
        ("rsa_sqeuclidean_over_p_corr", SquaredEuclidean, Mean, same, 1e-4),
        ("rsa_sqeuclidean_over_p_cosine_cov", SquaredEuclidean, DOUBLE, same, 1e-4),
        ("rsa_correlation_cosine", Correlation, Raw, same, 1e-4),
        ("rsa_correlation_corr", Correlation, Mean, same, 1e-4),
        ("rsa_correlation_cosine_cov", Correlation, DOUBLE, same, 1e-4),
        ("rsa_euclidean_pearson", Euclidean, Mean, same, 1e-4),
        ("rsa_cosine_pearson", Cosine, Mean, same, 1e-4),
        ("rsa_cityblock_pearson", CityBlock, Mean, same, 1e-4),
    ]
}

fn load(name: &str) -> (Vec<f32>, usize, usize) {
    let table = read_table(&Path::new(FOLDER).join(name)).unwrap();
    (table.values.clone(), table.rows, table.width())
}

#[test]
fn cosines_of_embeddings_are_what_published_packages_give() {
    let entries = entries();
    let embeddings: Vec<Embedding> =
        entries.iter().map(|&(_, between, centring, ..)| Embedding::new(between, centring)).collect();
    let mut tried = 0;
    for case in CASES {
        let text = std::fs::read_to_string(format!("{FOLDER}/{case}.json")).unwrap();
        let reference: serde_json::Value = serde_json::from_str(&text).unwrap();
        let [x, y] = ["X", "Y"].map(|side| load(reference["meta"][side].as_str().unwrap()));
        let width = x.2.max(y.2);
        for (place, gpu) in support::executors() {
            let mut pairs = Pairs::new(gpu.as_ref(), 2, 1, [x.1, width], &embeddings, &[Layers::Same]).unwrap();
            pairs.fill(0, 0, &x.0, x.2).unwrap();
            pairs.fill(0, 1, &y.0, y.2).unwrap();
            for matrix in pairs.compare(Layers::Same).unwrap() {
                let (name, _, _, map, tolerance) = entries[matrix.measure];
                let Some(expected) = reference["pairwise"][name]["value"].as_f64() else { continue };
                let got = map(matrix.values[1]);
                assert!(
                    (got - expected).abs() <= tolerance * expected.abs().max(1.0),
                    "{case} {name} on {place}: {got} against {expected}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried} values");
}

/// Values without structure.
fn pseudo(i: usize) -> f32 {
    let mut x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 40) as f32) / (1u64 << 24) as f32 - 0.5
}

#[test]
fn large_sets_are_compared_by_rows_as_small_ones_are_at_once() {
    use Between::{CityBlock, Cosine, Euclidean, Gaussian, Linear, Poisson};
    use Centring::{DoubleOfMean, Mean, Raw};
    let (count, units) = (5, 6);
    for (n, between) in [
        (37, Linear),
        (70, Gaussian(Bandwidth::Median(0.7, Pool::Pairs))),
        (37, Euclidean),
        (64, Cosine),
        (21, CityBlock),
        (37, Poisson(0.6, 1.0)),
    ] {
        let embeddings: Vec<Embedding> =
            [DOUBLE, U, HOLLOW, Mean, DoubleOfMean, Raw].into_iter().map(|c| Embedding::new(between, c)).collect();
        let values: Vec<Vec<f32>> =
            (0..count).map(|r| (0..n * units).map(|i| pseudo(r * 10_000 + i)).collect()).collect();
        for (_, gpu) in support::executors() {
            let mut pairs = Pairs::new(gpu.as_ref(), count, 1, [n, units], &embeddings, &[Layers::Same]).unwrap();
            for (r, x) in values.iter().enumerate() {
                pairs.fill(0, r, x, units).unwrap();
            }
            let whole = pairs.compare(Layers::Same).unwrap();
            let most = Most { held: 2, rows: 8 };
            let take = |r: usize| (values[r].clone(), units);
            let found = by_rows::products(gpu.as_ref(), count, [n, units], &embeddings, most, &take).unwrap();
            for (matrix, found) in whole.iter().zip(&found) {
                let scale = matrix.products.iter().fold(0.0f64, |m, x| m.max(x.abs()));
                for (a, b) in matrix.products.iter().zip(found) {
                    assert!((a - b).abs() <= 2e-5 * scale, "{:?}: {a} and {b}", embeddings[matrix.measure]);
                }
            }
        }
    }
}
