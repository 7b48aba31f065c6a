//! CKA on every machine against the values that published packages give (see `tests/reference/measures`).

use faer::Mat;
use isogram::graph::{Effect, Function, Graph};
use isogram::measure::Estimator;
use isogram::measure::device::products::{Layers, Pairs, input_name};
use isogram::measure::embedding::{self, Embedding};

use crate::reference::{CASES, case};
use crate::support;

struct Case {
    name: &'static str,
    x: (Vec<f32>, [usize; 2]),
    y: (Vec<f32>, [usize; 2]),
    plain: f64,
    debiased: f64,
}

fn cases() -> impl Iterator<Item = Case> {
    CASES.into_iter().map(|name| {
        let case = case(name);
        let rows = |x: &Mat<f64>| {
            let values = (0..x.nrows()).flat_map(|i| x.row(i).iter().map(|&v| v as f32).collect::<Vec<_>>()).collect();
            (values, [x.nrows(), x.ncols()])
        };
        let value = |key: &str| case.value("pairwise", key, None).unwrap();
        let (plain, debiased) = (value("cka_linear_biased"), value("cka_linear_debiased_song"));
        Case { name, x: rows(&case.x), y: rows(&case.y), plain, debiased }
    })
}

#[test]
fn cka_of_two_is_that_of_published_packages() {
    for case in cases() {
        let mut g = Graph::new();
        let x = g.data(case.x.0.clone(), &case.x.1).unwrap();
        let y = g.data(case.y.0.clone(), &case.y.1).unwrap();
        let estimators = [Estimator::Biased, Estimator::Debiased].map(Embedding::linear);
        let [plain, debiased] = [0, 1].map(|i| embedding::many(&mut g, &[x, y], &[(0, 1)], &estimators).unwrap()[i][0]);
        let trained = embedding::differentiable(&mut g, x, y, estimators[0]).unwrap();
        let f = Function::new(
            "f",
            vec![
                Effect::Output("plain".into(), plain),
                Effect::Output("debiased".into(), debiased),
                Effect::Output("trained".into(), trained),
            ],
        );
        for (machine_name, mut machine) in support::machines(&g, &[f], 1) {
            machine.run("f", 1).unwrap();
            for (name, expected) in [("plain", case.plain), ("debiased", case.debiased), ("trained", case.plain)] {
                let got = f64::from(machine.read_output(name).unwrap()[0]);
                assert!(
                    (got - expected).abs() < 1e-5,
                    "{} {name} on {machine_name}: {got} against {expected}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn all_pairs_cka_is_that_of_published_packages() {
    for case in cases() {
        let units = case.x.1[1].max(case.y.1[1]).next_multiple_of(4);
        let pad = |(values, [rows, columns]): &(Vec<f32>, [usize; 2])| {
            let mut out = vec![0.0; rows * units];
            for r in 0..*rows {
                out[r * units..r * units + columns].copy_from_slice(&values[r * columns..(r + 1) * columns]);
            }
            out
        };
        for (_, gpu) in support::executors() {
            let kinds = [Estimator::Biased, Estimator::Debiased].map(Embedding::linear);
            let mut pairs = Pairs::new(gpu.as_ref(), 3, 1, [case.x.1[0], units], &kinds, &[Layers::Same]).unwrap();
            for (replica, values) in [pad(&case.x), pad(&case.y), pad(&case.x)].iter().enumerate() {
                pairs.machine().write_replica(&input_name(0), replica, values).unwrap();
            }
            for matrix in pairs.compare(Layers::Same).unwrap() {
                let expected = [case.plain, case.debiased][matrix.measure];
                for (a, b, value) in [(0, 1, expected), (1, 0, expected), (1, 2, expected), (0, 2, 1.0), (1, 1, 1.0)] {
                    let got = matrix.values[a * 3 + b];
                    assert!(
                        (got - value).abs() < 1e-5,
                        "{} {:?} {a} {b}: {got} against {value}",
                        case.name,
                        matrix.measure
                    );
                }
            }
        }
    }
}
