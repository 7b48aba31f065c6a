//! Agreement with rsatoolbox for covariances, Mahalanobis, crossnobis and noise ceilings, and with exact arithmetic for
//! rank correlations of tied correlation distances.

use faer::Mat;
use isogram::measure::numerics::algebra::{centre, dot, inner, singular_values, symmetric_eigen};
use isogram::measure::pair::rsa::Comparison;
use isogram::measure::pairwise::noise::{Noise, Shrinkage, covariance, crossnobis, mahalanobis};
use isogram::measure::pairwise::noise_ceiling::{Pooling, noise_ceiling};
use isogram::measure::pairwise::rdm::{Dissimilarity, Rdm, rdm};
use serde_json::Value;
use std::fs::File;

use crate::reference::{CASES, case, matrix, value};

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
        let (values, vectors) = symmetric_eigen(c.as_ref()).unwrap();
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
    let near = |name: &str, theirs: f64| {
        let ours = value(name, &x, &y);
        assert!((ours - theirs).abs() < 1e-13 * theirs.abs().max(1e-3), "{name}: {ours} against {theirs}");
    };
    for rdm in ["correlation", "cosine", "poisson"] {
        for by in ["spearman", "rho-a", "tau-a", "tau-b"] {
            near(&format!("rsa:{rdm}:{by}"), exact[rdm][by].as_f64().unwrap());
        }
    }
    near("cknna", exact["cknna"]["k10_l2norm"].as_f64().unwrap());
}

/// The Bures similarity and metric against singular values of the points themselves, which lose nothing.
#[test]
fn bures_to_full_precision() {
    for c in CASES.map(case) {
        let near = |name: &str, theirs: f64| {
            let ours = value(name, &c.x, &c.y);
            assert!(
                (ours - theirs).abs() < 1e-9 * theirs.abs().max(1e-3),
                "{} {name}: {ours} against {theirs}",
                c.name
            );
        };
        let nbs = c.json["pairwise"]["nbs"]["cross"].as_object().unwrap().values().next().unwrap();
        near("rsa_bures:sqeuclidean", nbs["value"].as_f64().unwrap());
        // Correlation distances are half the squared distances of standardised rows.
        let points = |m: &Mat<f64>| {
            let mut z = centre(m.transpose());
            for j in 0..z.ncols() {
                let norm = dot(z.col_as_slice(j), z.col_as_slice(j)).sqrt();
                z.col_as_slice_mut(j).iter_mut().for_each(|v| *v /= norm * 2f64.sqrt());
            }
            centre(z.transpose())
        };
        let (x, y) = (points(&c.x), points(&c.y));
        let cross = x.transpose() * &y;
        let nuclear: f64 = singular_values(cross.as_ref()).unwrap().iter().sum();
        let (a, b) = (inner(&x, &x), inner(&y, &y));
        near("rsa_bures", nuclear / (a * b).sqrt());
        near("rsa_bures_distance:squared", a + b - 2.0 * nuclear);
    }
}

/// ckatorch takes the lower of the two middle values for its median.
#[test]
fn lower_median_of_ckatorch() {
    for c in CASES.map(case) {
        for factor in [0.2, 0.5, 1.0] {
            let entry = &c.json["pairwise"][format!("cka_rbf_biased_t{factor:.1}")]["cross"]["ckatorch==1.0.3"];
            let theirs = entry["value"].as_f64().unwrap();
            let ours = value(&format!("cka:biased:rbf:all-lower:threshold={factor}"), &c.x, &c.y);
            assert!((ours - theirs).abs() < 1e-9 * theirs, "{} {factor}: {ours} against {theirs}", c.name);
        }
    }
}
