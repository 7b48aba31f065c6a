//! Agreement with the values of published packages, measure by measure, in all reference cases.

use super::common::{CASES, Case, case, deviation, labels};
use faer::Mat;
use isogram::measure::Estimator;
use isogram::measure::pairwise::alignment::{Centring, kernel_target_alignment};
use isogram::measure::pairwise::bures::{bures_metric_squared_rsatoolbox, bures_similarity_rsatoolbox};
use isogram::measure::pairwise::cknna::{Cknna, cknna};
use isogram::measure::pairwise::distance_correlation::{distance_correlation, distance_correlation_squared_unbiased};
use isogram::measure::pairwise::gram::{Bandwidth, Kernel};
use isogram::measure::pairwise::kernel::{cka, hsic, minibatch_cka};
use isogram::measure::pairwise::rdm::{Dissimilarity, rdm};
use isogram::measure::pairwise::rsa::{Comparison, rsa};
use std::collections::BTreeMap;

const POISSON: Dissimilarity = Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 };

/// What we compute for a key of the reference files, nothing for keys of other areas.
fn ours(key: &str, c: &Case) -> Option<f64> {
    let (x, y) = (c.x.as_ref(), c.y.as_ref());
    let rbf = |b| Kernel::Rbf(b);
    let biased = Estimator::Biased;
    Some(
        match key {
            "cka_linear_biased" => cka(x, y, Kernel::Linear, biased),
            "cka_linear_debiased_song" => cka(x, y, Kernel::Linear, Estimator::Debiased),
            "cka_linear_lange" => cka(x, y, Kernel::Linear, Estimator::Lange),
            "cka_rbf_biased_t0.2" => cka(x, y, rbf(Bandwidth::MedianAll { factor: 0.2 }), biased),
            "cka_rbf_biased_t0.5" => cka(x, y, rbf(Bandwidth::MedianAll { factor: 0.5 }), biased),
            "cka_rbf_biased_t1.0" => cka(x, y, rbf(Bandwidth::MedianAll { factor: 1.0 }), biased),
            "cka_rbf_biased_sigma1" => cka(x, y, rbf(Bandwidth::Fixed(1.0)), biased),
            "cka_rbf_debiased_sigma1" => cka(x, y, rbf(Bandwidth::Fixed(1.0)), Estimator::Debiased),
            "cka_rbf_repsim_default" => cka(x, y, rbf(Bandwidth::MedianPairs { factor: 1.0 }), biased),
            "hsic_linear_gretton" => hsic(x, y, Kernel::Linear, biased),
            "hsic_linear_song" => hsic(x, y, Kernel::Linear, Estimator::Debiased),
            "distance_correlation" => distance_correlation(x, y),
            "distance_correlation_sqr_unbiased" => distance_correlation_squared_unbiased(x, y),
            "cknna_k10_l2norm" => cknna(x, y, Cknna::reference(10)),
            "cknna_k10_raw" => cknna(x, y, Cknna { unit_rows: false, ..Cknna::reference(10) }),
            _ => {
                if let Some(batch) = key.strip_prefix("cka_minibatch_b") {
                    return Some(minibatch_cka(x, y, Kernel::Linear, batch.parse().unwrap()).unwrap());
                }
                let (distance, how) = key.strip_prefix("rsa_")?.rsplit_once('_')?;
                // The comparisons' names contain an underscore themselves.
                let (distance, how) = match (distance.rsplit_once('_'), how) {
                    (Some((d, first)), "cov" | "metric") => (d, format!("{first}_{how}")),
                    _ => (distance, how.to_owned()),
                };
                let distance = match distance {
                    "sqeuclidean_over_p" => Dissimilarity::SquaredEuclideanPerUnit,
                    "euclidean" => Dissimilarity::Euclidean,
                    "correlation" => Dissimilarity::Correlation,
                    "cosine" => Dissimilarity::Cosine,
                    "cityblock" => Dissimilarity::Cityblock,
                    "poisson" => POISSON,
                    other => panic!("{other}"),
                };
                let rdms = || (rdm(x, distance).unwrap(), rdm(y, distance).unwrap());
                let how = match how.as_str() {
                    "cosine" => Comparison::Cosine,
                    "corr" | "pearson" => Comparison::Pearson,
                    "spearman" => Comparison::Spearman,
                    "rho-a" => Comparison::RhoA,
                    "tau-a" => Comparison::TauA,
                    "tau-b" => Comparison::TauB,
                    "cosine_cov" => Comparison::WhitenedCosine,
                    "corr_cov" => Comparison::WhitenedPearson,
                    // Where eigenvalues are negative, the package's own convention.
                    "bures" if distance == POISSON => {
                        let (a, b) = rdms();
                        return Some(bures_similarity_rsatoolbox(&a, &b).unwrap());
                    }
                    "bures_metric" if distance == POISSON => {
                        let (a, b) = rdms();
                        return Some(bures_metric_squared_rsatoolbox(&a, &b).unwrap());
                    }
                    "bures" => Comparison::Bures,
                    "bures_metric" => Comparison::BuresMetricSquared,
                    other => panic!("{other}"),
                };
                rsa(x, y, distance, how)
            }
        }
        .unwrap(),
    )
}

/// How near a value must come: 1e-9, unless the package itself rounds more coarsely.
fn tolerance(key: &str, case: &str) -> f64 {
    // Square roots of the eigenvalues of a product lose half the digits. The exact values are checked below.
    if key.ends_with("bures") {
        return 1e-6;
    }
    if key.ends_with("bures_metric") {
        return if case == "rotated" { f64::INFINITY } else { 1e-5 };
    }
    // Rounding in the packages breaks ties of these integers. `reference_noise` has the exact values.
    let by_rank = ["spearman", "rho-a", "tau-a", "tau-b"].iter().any(|r| key.ends_with(r));
    let rounded = ["correlation", "cosine", "poisson"].iter().any(|d| key.starts_with(&format!("rsa_{d}")));
    if case == "ties" && (by_rank && rounded || key == "cknna_k10_l2norm") {
        return 5e-3;
    }
    1e-9
}

/// The Bures similarity and metric against singular values of the points themselves, which lose nothing.
#[test]
fn bures_to_full_precision() {
    for name in CASES {
        let c = case(name);
        let nbs = &c.json["pairwise"]["nbs"]["cross"];
        let nbs = nbs.as_object().unwrap().values().next().unwrap()["value"].as_f64().unwrap();
        let d = Dissimilarity::SquaredEuclidean;
        let ours = rsa(c.x.as_ref(), c.y.as_ref(), d, Comparison::Bures).unwrap();
        println!("nbs {name} {:.1e}", deviation(ours, nbs));
        assert!(deviation(ours, nbs) < 1e-9, "{name} {ours} {nbs}");
        // Correlation distances are half the squared distances of standardised rows.
        let points = |m: &Mat<f64>| {
            let mut z = isogram::measure::pairwise::algebra::centred(m.transpose());
            for j in 0..z.ncols() {
                let norm = isogram::measure::pairwise::algebra::dot(z.col_as_slice(j), z.col_as_slice(j)).sqrt();
                z.col_as_slice_mut(j).iter_mut().for_each(|v| *v /= norm * 2f64.sqrt());
            }
            isogram::measure::pairwise::algebra::centred(z.transpose())
        };
        let (x, y) = (points(&c.x), points(&c.y));
        let cross = x.transpose() * &y;
        let nuclear: f64 = isogram::measure::pairwise::algebra::singular_values(cross.as_ref()).unwrap().iter().sum();
        let (a, b) =
            (isogram::measure::pairwise::algebra::inner(&x, &x), isogram::measure::pairwise::algebra::inner(&y, &y));
        let d = Dissimilarity::Correlation;
        let similarity = rsa(c.x.as_ref(), c.y.as_ref(), d, Comparison::Bures).unwrap();
        let metric = rsa(c.x.as_ref(), c.y.as_ref(), d, Comparison::BuresMetricSquared).unwrap();
        println!("correlation {name} {:.1e}", deviation(similarity, nuclear / (a * b).sqrt()));
        println!("metric {name} {:.1e}", deviation(metric, a + b - 2.0 * nuclear));
        assert!(deviation(similarity, nuclear / (a * b).sqrt()) < 1e-9);
        assert!(deviation(metric, a + b - 2.0 * nuclear) < 1e-9);
    }
}

#[test]
fn all_reference_values() {
    let mut worst: BTreeMap<String, (f64, &str)> = BTreeMap::new();
    let mut failures = Vec::new();
    for name in CASES {
        let c = case(name);
        for (key, entry) in c.pairwise() {
            if !["cka_", "hsic_", "distance_correlation", "rsa_", "cknna_"].iter().any(|p| key.starts_with(p)) {
                continue;
            }
            let Some(value) = ours(key, &c) else {
                failures.push(format!("{name} {key}: not covered"));
                continue;
            };
            // Whole numbers at equal distances, among which the package takes those of the lower row.
            if key.starts_with("cknna_")
                && (name == "ties" || (name.starts_with("digits_pixels") && key.ends_with("raw")))
            {
                continue;
            }
            let theirs = entry["value"].as_f64().unwrap();
            let d = deviation(value, theirs);
            let w = worst.entry(key.to_owned()).or_insert((0.0, name));
            if d >= w.0 {
                *w = (d, name);
            }
            if d.is_nan() || d > tolerance(key, name) {
                failures.push(format!("{name} {key}: {value} against {theirs}, {d:.1e}"));
            }
        }
    }
    for (key, (d, name)) in &worst {
        println!("{key:45} {d:.1e} {name}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// ckatorch takes the lower of the two middle values for its median.
#[test]
fn lower_median_of_ckatorch() {
    for name in CASES {
        let c = case(name);
        for factor in [0.2, 0.5, 1.0] {
            let entry = &c.json["pairwise"][format!("cka_rbf_biased_t{factor:.1}")]["cross"]["ckatorch==1.0.3"];
            let theirs = entry["value"].as_f64().unwrap();
            let kernel = Kernel::Rbf(Bandwidth::MedianAllLower { factor });
            let ours = cka(c.x.as_ref(), c.y.as_ref(), kernel, Estimator::Biased).unwrap();
            println!("lower median {name} {factor} {:.1e}", deviation(ours, theirs));
            assert!(deviation(ours, theirs) < 1e-9, "{name} {factor}: {ours} against {theirs}");
        }
    }
}

#[test]
fn kernel_target_alignment_of_digits() {
    let labels = labels("digits_labels.npy");
    for name in &CASES[4..] {
        let c = case(name);
        for (part, x) in [("supervised_X", &c.x), ("supervised_Y", &c.y)] {
            for (key, centring) in
                [("kta_centered_linear", Centring::Centred), ("kta_uncentered_linear", Centring::Uncentred)]
            {
                let theirs = c.json[part][key]["value"].as_f64().unwrap();
                let ours = kernel_target_alignment(x.as_ref(), &labels, Kernel::Linear, centring).unwrap();
                println!("{key} {:.1e}", deviation(ours, theirs));
                assert!(deviation(ours, theirs) < 1e-9, "{name} {part} {key}: {ours} against {theirs}");
            }
        }
    }
}
