//! Definitions in f64 against scikit-learn and NumPy.

use faer::Mat;
use isogram::measure::catalogue::Measure;
use isogram::measure::features::components::Components;
use isogram::measure::features::intervention::{Steering, cosine};
use isogram::measure::features::redundant::redundant;
use isogram::measure::features::split::split;
use isogram::measure::features::substructure::substructure;
use isogram::measure::features::variance::{Constant, Explained, explained_by_class, explained_by_columns};
use isogram::measure::statistic::probe::LogisticOptions;
use serde_json::Value;

use super::fixture::{Fixture, labels, near, numbers, sets};

const TOLERANCE: f64 = 1e-10;

fn agrees(what: &str, got: &Explained, expected: &Value) {
    let of = |key: &str| expected[key].as_f64().unwrap();
    let got_all = [got.uniform(Constant::Counted), got.uniform(Constant::Masked), got.variance()];
    near(what, &got_all, &[of("uniform"), of("uniform_masked"), of("variance")], TOLERANCE);
    // scikit-learn gives 1 or 0 for constant units.
    let own: Vec<f64> = got
        .per_unit()
        .iter()
        .zip(&got.errors)
        .map(|(r2, sse)| if r2.is_nan() { f64::from(u8::from(*sse == 0.0)) } else { *r2 })
        .collect();
    near(&format!("{what}, units"), &own, &numbers(&expected["raw"]), TOLERANCE);
}

#[test]
fn variance_explained_is_what_scikit_learn_scores() {
    let f = Fixture::load();
    let x = f.both("phi");
    for i in 0..3 {
        let feature = f.labels("labels", i);
        let by_class = explained_by_class(sets(&x), labels(&feature)).unwrap();
        agrees(&format!("feature {i}"), &by_class, &f.expected["binary"][i]);
        // A column of zeros and ones is the same regression.
        let column = f.both("labels").map(|m| m.subcols(i, 1).to_owned());
        agrees("by column", &explained_by_columns(sets(&x), sets(&column)).unwrap(), &f.expected["binary"][i]);
        let nan: Vec<usize> = (0..12).filter(|u| by_class.per_unit()[*u].is_nan()).collect();
        assert_eq!((nan, by_class.constant()), (vec![10, 11], 2));
        near("TV", &[by_class.total_variance()], &[f.expected["total_variance"].as_f64().unwrap()], TOLERANCE);
    }
    let classes = f.labels("classes", 0);
    agrees("classes", &explained_by_class(sets(&x), labels(&classes)).unwrap(), &f.expected["classes"]);
    let columns = f.both("columns");
    agrees("columns", &explained_by_columns(sets(&x), sets(&columns)).unwrap(), &f.expected["columns"]);
}

#[test]
fn substructure_is_what_scikit_learn_scores() {
    let f = Fixture::load();
    let (x, bits) = (f.both("phi"), f.both("bits"));
    let parts = substructure(sets(&x), sets(&bits)).unwrap();
    assert_eq!(parts.len(), f.expected["substructure"].as_object().unwrap().len());
    for part in parts {
        agrees(&part.name, part.explained.as_ref().unwrap(), &f.expected["substructure"][&part.name]);
    }
}

#[test]
fn components_are_those_of_scikit_learn() {
    let f = Fixture::load();
    let (x, expected) = (f.both("phi"), &f.expected["components"]);
    let components = Components::of(x[0].as_ref()).unwrap();
    near("explained variance", &components.variance, &numbers(&expected["explained_variance"]), TOLERANCE);
    near("its share", &components.share, &numbers(&expected["explained_variance_ratio"]), TOLERANCE);
    let own: Vec<Vec<usize>> = (0..3).map(|i| f.labels("labels", i)[1].clone()).collect();
    for (i, feature) in own.iter().enumerate() {
        let got = components.squared_correlations(x[1].as_ref(), feature).unwrap();
        let of_feature: Vec<f64> =
            expected["squared_correlations"].as_array().unwrap().iter().map(|row| row[i].as_f64().unwrap()).collect();
        near("squared correlations", &got, &of_feature, TOLERANCE);
    }
    let references: Vec<&[usize]> = own.iter().map(Vec::as_slice).collect();
    let accuracy = components.accuracy(x[1].as_ref(), &f.head(), &references).unwrap();
    let rows = expected["accuracy"].as_array().unwrap();
    assert_eq!(accuracy.len(), rows.len());
    for (k, (got, row)) in accuracy.iter().zip(rows).enumerate() {
        near(&format!("accuracy from {k}"), got, &numbers(row), 1e-15);
    }
}

#[test]
fn interventions_are_what_bisection_finds() {
    let f = Fixture::load();
    let (x, expected) = (f.both("phi"), &f.expected["interventions"]);
    let mut directions = Vec::new();
    for i in 0..3 {
        let row = &expected["features"][i];
        let steering = Steering::new(sets(&x), &f.labels("labels", i)[0], &f.head(), i).unwrap();
        near("direction", steering.direction(), &numbers(&row["direction"]), 1e-13);
        for (alpha, each) in row["flips"].as_object().unwrap() {
            let flips = steering.flips(alpha.parse().unwrap()).unwrap();
            near("flips", &flips.each, &numbers(each), 1e-15);
            let off: f64 = (0..3).filter(|o| *o != i).map(|o| flips.each[o]).sum::<f64>() / 2.0;
            near("off target", &[flips.target, flips.off_target], &[flips.each[i], off], 1e-15);
        }
        for (part, norm) in row["norms"].as_object().unwrap() {
            let got = steering.norm_to_flip(part.parse().unwrap()).unwrap();
            near("norm", &[got], &[norm.as_f64().unwrap()], TOLERANCE);
        }
        near("spread", &[steering.spread().powi(2)], &[f.expected["total_variance"].as_f64().unwrap()], TOLERANCE);
        directions.push(steering.direction().to_vec());
    }
    for (i, row) in expected["cosines"].as_array().unwrap().iter().enumerate() {
        let got: Vec<f64> = (0..3).map(|j| cosine(&directions[i], &directions[j]).unwrap()).collect();
        near("cosines", &got, &numbers(row), 1e-12);
    }
}

#[test]
fn the_classifier_of_a_redundant_label_is_that_of_scikit_learn() {
    let f = Fixture::load();
    let (x, expected) = (f.both("phi"), &f.expected["redundant"]);
    let [easy, hard] = [0, 1].map(|i| f.labels("labels", i));
    let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
    let n = expected["n"].as_u64().unwrap() as usize;
    let got = redundant(sets(&x), labels(&easy), labels(&hard), n, &options).unwrap();
    let predictions: Vec<f64> = got.predictions.iter().map(|p| *p as f64).collect();
    near("predictions", &predictions, &numbers(&expected["predictions"]), 0.0);
    near("share", &[got.first], &[expected["first"].as_f64().unwrap()], 1e-15);
    let weights: Vec<f64> = got.classifier.weights.col(0).iter().copied().collect();
    near("coefficients", &weights, &numbers(&expected["coefficients"]), 1e-8);
    near("intercept", &got.classifier.intercept, &[expected["intercept"].as_f64().unwrap()], 1e-8);
    assert!(got.agreeing.unwrap() > 0.9);
    // With the features exchanged it follows the other one as often as it did not follow this one.
    let other = redundant(sets(&x), labels(&hard), labels(&easy), n, &options).unwrap();
    near("exchanged", &[got.first + other.first], &[1.0], 1e-15);
}

#[test]
fn cka_is_the_sum_of_what_projectors_split_it_into() {
    let f = Fixture::load();
    let (a, b, expected) = (f.matrix("test/phi"), f.matrix("test/other"), &f.expected["split"]);
    let mut features: Vec<Vec<usize>> = (0..3).map(|i| f.labels("labels", i)[1].clone()).collect();
    features.push(f.labels("classes", 0)[1].clone());
    let features: Vec<&[usize]> = features.iter().map(Vec::as_slice).collect();
    let got = split(a.as_ref(), b.as_ref(), &features).unwrap();
    near("CKA", &[got.cka], &[expected["cka"].as_f64().unwrap()], 1e-13);
    let known = alignment_of(&a, &b);
    near("CKA of the catalogue", &[got.cka], &[known], 1e-13);
    for (i, row) in expected["terms"].as_array().unwrap().iter().enumerate() {
        let own: Vec<f64> = (0..5).map(|j| got.terms[(i, j)]).collect();
        near("terms", &own, &numbers(row), 1e-13);
    }
    let own: f64 = (0..4).map(|i| got.own(i).unwrap()).sum();
    near("sum", &[own + got.cross() + got.rest()], &[got.cka], 1e-13);
    assert!(got.overlap > 0.1 && got.overlap < 1.0, "{}", got.overlap);
}

fn alignment_of(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let host = Measure::parse("cka:biased").unwrap().made.host;
    host.compare(&host.prepare(a.as_ref()).unwrap(), &host.prepare(b.as_ref()).unwrap()).unwrap()
}
