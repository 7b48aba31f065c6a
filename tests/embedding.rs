//! Measures that are cosines of embeddings, on every machine, against the values that published packages give.

mod support;

use std::path::Path;

use isogram::data::read_table;
use isogram::measure::embedding::{Bandwidth, Between, Centring, Embedding, Pool};
use isogram::measure::pairs::{Layers, Pairs};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures");

const CASES: [&str; 6] =
    ["kornblith", "simrepo", "ties", "rotated", "digits_pixels__digits_seed0_h1", "digits_seed0_h1__digits_seed0_h2"];

/// Entry of the reference, what it is the cosine of, what becomes of the cosine, and the tolerance.
type Entry = (&'static str, Between, Centring, fn(f64) -> f64, f64);

fn entries() -> Vec<Entry> {
    use Between::{CityBlock, Correlation, Cosine, Euclidean, Gaussian, Linear, SquaredEuclidean};
    use Centring::{Double, Hollow, Mean, Raw, U};
    let same: fn(f64) -> f64 = |x| x;
    let median = |t| Gaussian(Bandwidth::Median(t, Pool::All));
    let fixed = Gaussian(Bandwidth::Fixed(1.0));
    vec![
        ("cka_linear_biased", Linear, Double, same, 1e-5),
        ("cka_linear_debiased_song", Linear, U, same, 1e-5),
        ("cka_linear_lange", Linear, Hollow, same, 1e-5),
        ("cka_rbf_biased_t0.2", median(0.2), Double, same, 1e-5),
        ("cka_rbf_biased_t0.5", median(0.5), Double, same, 1e-5),
        ("cka_rbf_biased_t1.0", median(1.0), Double, same, 1e-5),
        ("cka_rbf_biased_sigma1", fixed, Double, same, 1e-5),
        ("distance_correlation", Euclidean, Double, f64::sqrt, 1e-4),
        ("distance_correlation_sqr_unbiased", Euclidean, U, same, 1e-4),
        ("rsa_sqeuclidean_over_p_cosine", SquaredEuclidean, Raw, same, 1e-4),
        ("rsa_sqeuclidean_over_p_corr", SquaredEuclidean, Mean, same, 1e-4),
        ("rsa_sqeuclidean_over_p_cosine_cov", SquaredEuclidean, Double, same, 1e-4),
        ("rsa_correlation_cosine", Correlation, Raw, same, 1e-4),
        ("rsa_correlation_corr", Correlation, Mean, same, 1e-4),
        ("rsa_correlation_cosine_cov", Correlation, Double, same, 1e-4),
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
        for gpu in std::iter::once(None).chain(support::gpu().map(Some)) {
            let mut pairs = Pairs::new(gpu.as_ref(), 2, 1, [x.1, width], &embeddings, &[Layers::Same]).unwrap();
            pairs.fill(0, 0, &x.0, x.2).unwrap();
            pairs.fill(0, 1, &y.0, y.2).unwrap();
            for matrix in pairs.compare(Layers::Same).unwrap() {
                let (name, _, _, map, tolerance) = entries[matrix.measure];
                let Some(expected) = reference["pairwise"][name]["value"].as_f64() else { continue };
                let got = map(matrix.values[1]);
                let machine = if gpu.is_some() { "adapter" } else { "reference executor" };
                assert!(
                    (got - expected).abs() <= tolerance * expected.abs().max(1.0),
                    "{case} {name} on the {machine}: {got} against {expected}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried} values");
}
