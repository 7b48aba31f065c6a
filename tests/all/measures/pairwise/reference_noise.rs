//! Agreement with rsatoolbox for covariances, Mahalanobis, crossnobis and noise ceilings, and with exact arithmetic for
//! rank correlations of tied correlation distances.

use super::common::{deviation, matrix};
use faer::Mat;
use isogram::measure::pairwise::cknna::{Cknna, cknna};
use isogram::measure::pairwise::noise::{Noise, Shrinkage, covariance, crossnobis, mahalanobis};
use isogram::measure::pairwise::noise_ceiling::{Pooling, noise_ceiling};
use isogram::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use isogram::measure::pairwise::rsa::{Comparison, rsa};
use serde_json::Value;
use std::fs::File;

fn json(file: &str) -> Value {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_reader(File::open(path).unwrap()).unwrap()
}

fn list(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn assert_near(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len());
    let size = theirs.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs() / size).fold(0.0, f64::max);
    println!("{what:35} {worst:.1e}");
    assert!(worst < 1e-12, "{what}: {worst:.1e}");
}

fn entries(m: &Mat<f64>) -> Vec<f64> {
    (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)])).collect()
}

#[test]
fn noise_normalised_dissimilarities() {
    let reference = json("rsatoolbox_noise.json");
    let (x, y) = (matrix("kornblith_X.npy"), matrix("kornblith_Y.npy"));
    let part = |k: usize| x.subrows(12 * k, 12);
    for (name, how) in [
        ("full", Shrinkage::None),
        ("diag", Shrinkage::Variances),
        ("shrinkage_eye", Shrinkage::LedoitWolf),
        ("shrinkage_diag", Shrinkage::SchaferStrimmerRsatoolbox),
    ] {
        let c = covariance(y.as_ref(), how, None).unwrap();
        assert_near(&entries(&c), &list(&reference[format!("cov_{name}")]), &format!("cov {name}"));
        let few = covariance(y.subrows(0, 14), how, Some(9)).unwrap();
        assert_near(&entries(&few), &list(&reference[format!("cov_{name}_14_dof9")]), &format!("cov {name}, 14 rows"));
        let theirs = list(&reference[format!("mahalanobis_{name}")]);
        let m = mahalanobis(part(0), Noise::Covariance(c.as_ref())).unwrap();
        assert_near(m.values(), &theirs, &format!("mahalanobis {name}"));
        let (values, vectors) = isogram::measure::pairwise::algebra::symmetric_eigen(c.as_ref()).unwrap();
        let inverse = Mat::from_fn(c.nrows(), c.nrows(), |i, j| {
            (0..c.nrows()).map(|k| vectors[(i, k)] * vectors[(j, k)] / values[k]).sum()
        });
        let m = mahalanobis(part(0), Noise::Precision(inverse.as_ref())).unwrap();
        assert_near(m.values(), &theirs, &format!("mahalanobis {name}, precision"));
    }
    let parts = [part(0), part(1), part(2)];
    let plain = crossnobis(&parts, None).unwrap();
    assert_near(plain.values(), &list(&reference["crossnobis_plain"]), "crossnobis");
    assert!(plain.values().iter().any(|v| *v < 0.0));
    let c = covariance(y.as_ref(), Shrinkage::SchaferStrimmerRsatoolbox, None).unwrap();
    let whitened = crossnobis(&parts, Some(Noise::Covariance(c.as_ref()))).unwrap();
    assert_near(whitened.values(), &list(&reference["crossnobis_shrinkage_diag"]), "crossnobis, whitened");
}

#[test]
fn noise_ceilings() {
    let reference = json("rsatoolbox_noise.json");
    let x = matrix("kornblith_X.npy");
    let subjects: Vec<Rdm> =
        (0..4).map(|k| rdm(x.subrows(12 * k, 12), Dissimilarity::SquaredEuclideanPerUnit).unwrap()).collect();
    for (name, how) in [
        ("cosine", Comparison::Cosine),
        ("corr", Comparison::Pearson),
        ("spearman", Comparison::Spearman),
        ("rho-a", Comparison::RhoA),
        ("tau-a", Comparison::TauA),
        ("tau-b", Comparison::TauB),
        ("cosine_cov", Comparison::WhitenedCosine),
        ("corr_cov", Comparison::WhitenedPearson),
    ] {
        let theirs = list(&reference[format!("ceiling_{name}")]);
        let ours = noise_ceiling(&subjects, how, Pooling::Plain).unwrap();
        assert_near(&[ours.lower, ours.upper], &theirs, &format!("ceiling {name}"));
        let best = noise_ceiling(&subjects, how, Pooling::Matched).unwrap();
        assert!(best.upper >= ours.upper - 1e-12);
    }
}

/// On integer data the packages' rounding breaks ties of correlation, cosine and Poisson dissimilarities, and of nearest
/// neighbours by cosine. The exact values come from rational arithmetic, and from 60 digits for Poisson.
#[test]
fn exact_ties() {
    let exact = json("ties_exact.json");
    let (x, y) = (matrix("ties_X.npy"), matrix("ties_Y.npy"));
    let poisson = Dissimilarity::Poisson { prior_rate: 1.0, prior_weight: 0.1 };
    for (name, dissimilarity) in
        [("correlation", Dissimilarity::Correlation), ("cosine", Dissimilarity::Cosine), ("poisson", poisson)]
    {
        for (key, how) in [
            ("spearman", Comparison::Spearman),
            ("rho-a", Comparison::RhoA),
            ("tau-a", Comparison::TauA),
            ("tau-b", Comparison::TauB),
        ] {
            let theirs = exact[name][key].as_f64().unwrap();
            let ours = rsa(x.as_ref(), y.as_ref(), dissimilarity, how).unwrap();
            println!("{name} {key} {:.1e}", deviation(ours, theirs));
            assert!(deviation(ours, theirs) < 1e-13, "{name} {key}: {ours} against {theirs}");
        }
    }
    let ours = cknna(x.as_ref(), y.as_ref(), Cknna::reference(10)).unwrap();
    assert!(deviation(ours, exact["cknna"]["k10_l2norm"].as_f64().unwrap()) < 1e-13);
}
