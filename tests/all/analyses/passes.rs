//! Components, interventions, classifiers and sub-structure on every machine and for several replicas, against the definitions
//! in f64, which are tested against scikit-learn.

use faer::Mat;
use isogram::graph::{Effect, Function, Graph, Machine, Tensor, VariableKind};
use isogram::kernels::program::DType;
use isogram::measure::features::components::Components;
use isogram::measure::features::device::Answers;
use isogram::measure::features::device::components::{MOST, Principal};
use isogram::measure::features::device::intervention::{PARTS, steering};
use isogram::measure::features::device::redundant::{Following, SIZES};
use isogram::measure::features::device::substructure::{Bits, Parts};
use isogram::measure::features::device::variance::Inputs;
use isogram::measure::features::intervention::{Steering, cosine};
use isogram::measure::features::redundant::redundant;
use isogram::measure::features::substructure::substructure;
use isogram::measure::features::variance::Constant;
use isogram::measure::statistic::probe::LogisticOptions;

use super::fixture::{Fixture, labels, near, sets};
use crate::support;

const FEATURES: usize = 3;
const NAMES: [&str; FEATURES] = ["easy", "hard", "rare"];

/// Activations of a replica: the fixture's, or others made of them.
fn activations(values: &[f32], replica: usize) -> Vec<f32> {
    let of = |(i, v): (usize, &f32)| match replica % 4 {
        0 => *v,
        1 => 3.0 * v - 0.25,
        2 => v + 10.0,
        _ => v * v + 0.1 * ((i * 37 % 101) as f32 / 101.0) * (replica as f32),
    };
    values.iter().enumerate().map(of).collect()
}

/// Activations of so many replicas on both sets, in f64 and as they are written.
struct Replicas {
    x: Vec<[Mat<f64>; 2]>,
    written: [Vec<f32>; 2],
    units: usize,
}

impl Replicas {
    fn new(f: &Fixture, count: usize) -> Self {
        let units = f.raw("fit/phi").0[1];
        let parts = ["fit/phi", "test/phi"].map(|name| {
            let (_, values) = f.raw(name);
            (0..count).map(|r| activations(&values, r)).collect::<Vec<_>>()
        });
        let matrix = |v: &[f32]| Mat::from_fn(v.len() / units, units, |i, j| f64::from(v[i * units + j]));
        let x = (0..count).map(|r| [&parts[0][r], &parts[1][r]].map(|v| matrix(v))).collect();
        Self { x, written: parts.map(|p| p.concat()), units }
    }

    fn write(&self, machine: &mut Machine) {
        machine.write_variable("fit", &self.written[0]).unwrap();
        machine.write_variable("test", &self.written[1]).unwrap();
    }
}

fn inputs(g: &mut Graph, f: &Fixture) -> Inputs {
    let [fit, test] = ["fit", "test"].map(|part| {
        let ([n, u], _) = f.raw(&format!("{part}/phi"));
        g.variable(part, &[n, u], DType::F32, VariableKind::State).unwrap()
    });
    let [fit_labels, test_labels] = ["fit/labels", "test/labels"].map(|name| data(g, f, name));
    Inputs { fit, fit_labels, test, test_labels }
}

fn data(g: &mut Graph, f: &Fixture, name: &str) -> Tensor {
    let (shape, values) = f.raw(name);
    g.data(values, &shape).unwrap()
}

/// The fixture's output layer, with an offset that the border takes off again.
fn answers(g: &mut Graph, f: &Fixture) -> Answers {
    let (_, bias) = f.raw("head/bias");
    let bias: Vec<f32> = bias.iter().map(|b| b + 0.5).collect();
    Answers { weight: data(g, f, "head/weight"), bias: Some(g.data(bias, &[1, FEATURES]).unwrap()), border: 0.5 }
}

/// A program of these functions on every machine, with the activations of so many replicas.
fn machines(g: &Graph, functions: &[Function], all: &Replicas) -> Vec<(&'static str, Machine)> {
    let mut machines = support::machines(g, functions, all.x.len());
    machines.iter_mut().for_each(|(_, machine)| all.write(machine));
    machines
}

/// Labels of each feature on both sets.
fn features(f: &Fixture) -> Vec<[Vec<usize>; 2]> {
    (0..FEATURES).map(|i| f.labels("labels", i)).collect()
}

/// A border that falls between two examples by rounding moves a share by one example or two.
fn examples(f: &Fixture) -> f64 {
    2.1 / f.raw("test/phi").0[0] as f64
}

/// Whatever was found of a replica is the same in company, bit for bit, on each machine.
fn same_in_company<T: std::fmt::Debug>(run: impl Fn(usize) -> Vec<(&'static str, Vec<T>)>) {
    let alone = run(1);
    for ((machine, one), (_, many)) in alone.iter().zip(run(9)) {
        // As text, which tells numbers apart by their bits but for kinds of NaN.
        assert_eq!(format!("{:?}", one[0]), format!("{:?}", many[0]), "{machine}");
    }
}

#[test]
fn components_are_those_of_f64() {
    let f = Fixture::load();
    let own = features(&f);
    let run = |count: usize| {
        let (mut g, all) = (Graph::new(), Replicas::new(&f, count));
        let (of, head) = (inputs(&mut g, &f), answers(&mut g, &f));
        let (principal, functions) = Principal::declare(&mut g, of, &head).unwrap();
        let mut found = Vec::new();
        for (machine_name, mut machine) in machines(&g, &functions, &all) {
            let got = principal.run(&mut machine).unwrap();
            for (r, (x, got)) in all.x.iter().zip(&got).enumerate() {
                let what = format!("{machine_name}, replica {r}");
                let expected = Components::of(x[0].as_ref()).unwrap();
                let rank = expected.share.len();
                near(&format!("{what}: shares"), &got.share[..rank], &expected.share, 1e-5);
                assert!(got.share[rank..].iter().all(|s| *s < 1e-6), "{what}: {:?}", got.share);
                let kept = all.units.min(MOST);
                let tests: Vec<&[usize]> = own.iter().map(|labels| labels[1].as_slice()).collect();
                let accuracy = expected.accuracy(x[1].as_ref(), &f.head(), &tests).unwrap();
                for i in 0..FEATURES {
                    let squared = expected.squared_correlations(x[1].as_ref(), tests[i]).unwrap();
                    // Components of nearly equal variance are no directions of their own; the fixture has none.
                    near(&format!("{what}: r2"), &got.squared[i][..rank], &squared, 2e-4);
                    let of: Vec<f64> = accuracy.iter().map(|all| all[i]).collect();
                    near(&format!("{what}: accuracy"), &got.accuracy[i][..=rank], &of, examples(&f));
                    assert_eq!(got.accuracy[i].len(), kept + 1);
                }
            }
            let named = got[0].named(&NAMES).unwrap();
            assert_eq!(named.iter().find(|(n, _)| n == "component_share_1").unwrap().1, got[0].share[0]);
            assert_eq!(named.iter().find(|(n, _)| n == "component_r2_hard_2").unwrap().1, got[0].squared[1][1]);
            assert_eq!(named.iter().find(|(n, _)| n == "accuracy_rare_from_3").unwrap().1, got[0].accuracy[2][3]);
            assert!(got[0].named(&["one"]).is_err());
            found.push((machine_name, got));
        }
        found
    };
    same_in_company(run);
}

#[test]
fn representations_without_variance_or_numbers_have_no_components() {
    let f = Fixture::load();
    let mut all = Replicas::new(&f, 3);
    let n = all.written[0].len() / 3;
    all.written[0][..n].fill(2.5);
    all.written[0][n] = f32::NAN;
    let mut g = Graph::new();
    let (of, head) = (inputs(&mut g, &f), answers(&mut g, &f));
    let (principal, functions) = Principal::declare(&mut g, of, &head).unwrap();
    let (following, classifiers) = Following::declare(&mut g, of).unwrap();
    let functions = [functions, classifiers].concat();
    for (name, mut machine) in machines(&g, &functions, &all) {
        let got = principal.run(&mut machine).unwrap();
        let none = |r: usize| got[r].share.iter().chain(&got[r].squared[0]).all(|v| v.is_nan());
        assert!(none(0) && none(1) && !none(2), "{name}: {got:?}");
        let got = following.run(&mut machine).unwrap();
        assert!(got[0].iter().chain(&got[1]).all(|found| found.first.is_nan()), "{name}: {got:?}");
        assert!(got[2].iter().all(|found| found.first.is_finite()), "{name}: {got:?}");
    }
}

#[test]
fn interventions_are_those_of_f64() {
    let f = Fixture::load();
    let own = features(&f);
    let run = |count: usize| {
        let (mut g, all) = (Graph::new(), Replicas::new(&f, count));
        let (of, head) = (inputs(&mut g, &f), answers(&mut g, &f));
        let nodes = steering(&mut g, of, &head).unwrap();
        let named = nodes.named(&mut g, &NAMES).unwrap();
        let names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let effects = named.into_iter().map(|(name, value)| Effect::Output(name, value)).collect();
        let mut found = Vec::new();
        for (machine_name, mut machine) in machines(&g, &[Function::new("f", effects)], &all) {
            machine.run("f", 1).unwrap();
            let results = machine.read_results().unwrap();
            let read = |name: &str| -> Vec<f64> {
                machine.output(&results, name).unwrap().into_iter().map(f64::from).collect()
            };
            for (r, x) in all.x.iter().enumerate() {
                let steer = |i: usize| Steering::new(sets(x), &own[i][0], &f.head(), i).unwrap();
                for (i, name) in NAMES.iter().enumerate() {
                    let (what, expected) = (format!("{machine_name}, replica {r}, {name}"), steer(i));
                    let flips = expected.flips(1.0).unwrap();
                    let got = [read(&format!("flips_{name}"))[r], read(&format!("flips_others_{name}"))[r]];
                    near(&format!("{what}: flips"), &got, &[flips.target, flips.off_target], examples(&f));
                    for part in PARTS {
                        let norm = expected.norm_to_flip(part).unwrap();
                        let got = read(&format!("flip_norm_{:.0}_{name}", 100.0 * part))[r];
                        assert_eq!(got.is_finite(), norm.is_finite(), "{what}: {got}, {norm}");
                        if norm.is_finite() {
                            near(&format!("{what}: norm"), &[got / norm], &[1.0], 1e-4);
                        }
                    }
                    let length = expected.direction().iter().map(|d| d * d).sum::<f64>().sqrt() / expected.spread();
                    near(&format!("{what}: length"), &[read(&format!("direction_{name}"))[r]], &[length], 1e-4);
                    for (o, other) in NAMES.iter().enumerate().skip(i + 1) {
                        let got = read(&format!("direction_cosine_{name}_{other}"))[r];
                        let cosine = cosine(expected.direction(), steer(o).direction()).unwrap();
                        near(&format!("{what}: cosine"), &[got], &[cosine], 1e-4);
                    }
                }
            }
            let first: Vec<u64> = names.iter().map(|name| read(name)[0].to_bits()).collect();
            found.push((machine_name, vec![first]));
        }
        found
    };
    same_in_company(run);
}

#[test]
fn classifiers_are_those_of_f64() {
    let f = Fixture::load();
    let own = features(&f);
    let run = |count: usize| {
        let (mut g, all) = (Graph::new(), Replicas::new(&f, count));
        let of = inputs(&mut g, &f);
        let (following, functions) = Following::declare(&mut g, of).unwrap();
        assert_eq!(following.problems().len(), FEATURES * (FEATURES - 1) / 2 * SIZES.len());
        let mut found = Vec::new();
        for (machine_name, mut machine) in machines(&g, &functions, &all) {
            let got = following.run(&mut machine).unwrap();
            for (r, x) in all.x.iter().enumerate() {
                for (problem, got) in following.problems().iter().zip(&got[r]) {
                    let (a, b) = (&own[problem.first], &own[problem.second]);
                    let agreeing = a[0].iter().zip(&b[0]).filter(|(a, b)| a == b).count();
                    let size = problem.size.min(agreeing);
                    assert_eq!(got.examples, size);
                    let options = LogisticOptions { standardise: false, ..LogisticOptions::default() };
                    let expected = redundant(sets(x), labels(a), labels(b), size, &options).unwrap();
                    let what = format!("{machine_name}, replica {r}, {problem:?}");
                    let conflicts = expected.conflicts.len() as f64;
                    near(&format!("{what}: conflicts"), &[got.first], &[expected.first], 1.1 / conflicts);
                    near(&format!("{what}: others"), &[got.agreeing], &[expected.agreeing.unwrap()], examples(&f));
                }
            }
            let named = following.named(&got[0], &NAMES).unwrap();
            assert_eq!(named.iter().find(|(n, _)| n == "follows_easy_over_hard_64").unwrap().1, got[0][1].first);
            assert!(following.named(&got[0], &["one"]).is_err());
            let bits = |found: &Vec<_>| format!("{found:?}");
            found.push((machine_name, got.iter().map(bits).collect::<Vec<_>>()));
        }
        found
    };
    same_in_company(run);
}

#[test]
fn a_label_of_one_class_has_no_classifier() {
    let f = Fixture::load();
    let (mut g, all) = (Graph::new(), Replicas::new(&f, 2));
    let of = inputs(&mut g, &f);
    let [n, _] = f.raw("fit/labels").0;
    // The second feature is only ever 1 where the first is 0.
    let fit_labels = g.data((0..2 * n).map(|i| if i % 4 == 1 { 1.0 } else { 0.0 }).collect(), &[n, 2]).unwrap();
    let [m, _] = f.raw("test/labels").0;
    let test_labels = g.data((0..2 * m).map(|i| (i % 3 % 2) as f32).collect(), &[m, 2]).unwrap();
    let (following, functions) = Following::declare(&mut g, Inputs { fit_labels, test_labels, ..of }).unwrap();
    for (name, mut machine) in machines(&g, &functions, &all) {
        let got = following.run(&mut machine).unwrap();
        assert!(got.iter().flatten().all(|found| found.first.is_nan() && found.examples == 0), "{name}: {got:?}");
    }
}

#[test]
fn substructure_is_that_of_f64() {
    let f = Fixture::load();
    let bits = f.both("bits");
    let run = |count: usize| {
        let (mut g, all) = (Graph::new(), Replicas::new(&f, count));
        let of = inputs(&mut g, &f);
        // The bits stand between others.
        let [fit, test] = ["fit/bits", "test/bits"].map(|name| {
            let ([n, k], values) = f.raw(name);
            let wide = values.chunks(k).enumerate().flat_map(|(i, row)| {
                [(i % 2) as f32, 1.0].into_iter().chain(row.iter().copied()).chain([0.0]).collect::<Vec<_>>()
            });
            g.data(wide.collect(), &[n, k + 3]).unwrap()
        });
        let parts = Parts::of_inputs(&mut g, Bits { fit, test }, 2, bits[0].ncols()).unwrap();
        assert!(Parts::of_inputs(&mut g, Bits { fit, test }, 6, 4).is_err());
        let nodes = parts.explained(&mut g, of.fit, of.test).unwrap();
        let mut effects = Vec::new();
        for part in &nodes {
            effects.push(Effect::Output(format!("{} variance", part.name), part.variance));
            effects.push(Effect::Output(format!("{} uniform", part.name), part.uniform));
        }
        let mut found = Vec::new();
        for (machine_name, mut machine) in machines(&g, &[Function::new("f", effects)], &all) {
            machine.run("f", 1).unwrap();
            let results = machine.read_results().unwrap();
            let read = |name: String| machine.output(&results, &name).unwrap();
            for (r, x) in all.x.iter().enumerate() {
                let expected = substructure(sets(x), sets(&bits)).unwrap();
                assert_eq!(expected.len(), nodes.len());
                for part in expected {
                    let explained = part.explained.unwrap();
                    let got = ["variance", "uniform"].map(|of| f64::from(read(format!("{} {of}", part.name))[r]));
                    let what = format!("{machine_name}, replica {r}, {}", part.name);
                    near(&what, &got, &[explained.variance(), explained.uniform(Constant::Masked)], 1e-4);
                }
            }
            let first: Vec<u32> = nodes.iter().map(|p| read(format!("{} variance", p.name))[0].to_bits()).collect();
            found.push((machine_name, vec![first]));
        }
        found
    };
    same_in_company(run);
}

#[test]
fn dependent_regressors_give_no_number() {
    let f = Fixture::load();
    let mut g = Graph::new();
    let of = inputs(&mut g, &f);
    // The second distractor is the first.
    let [fit, test] = ["fit/bits", "test/bits"].map(|name| {
        let ([n, k], mut values) = f.raw(name);
        values.chunks_mut(k).for_each(|row| row[5] = row[4]);
        g.data(values, &[n, k]).unwrap()
    });
    let parts = Parts::of_inputs(&mut g, Bits { fit, test }, 0, 6).unwrap();
    let nodes = parts.explained(&mut g, of.fit, of.test).unwrap();
    let effects = nodes.iter().map(|part| Effect::Output(part.name.clone(), part.variance)).collect();
    for (name, mut machine) in machines(&g, &[Function::new("f", effects)], &Replicas::new(&f, 1)) {
        machine.run("f", 1).unwrap();
        assert!(machine.read_output("distractors").unwrap()[0].is_nan(), "{name}");
        assert!(machine.read_output("bits").unwrap()[0].is_finite(), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut g = Graph::new();
    let mut of = |n: usize, u: usize| g.data(vec![1.0; n * u], &[n, u]).unwrap();
    let (fit, fit_labels, test, test_labels) = (of(6, 3), of(6, 2), of(4, 3), of(4, 2));
    let (narrow, one, other) = (of(2, 2), of(6, 1), of(4, 1));
    let inputs = Inputs { fit, fit_labels, test, test_labels };
    let head = Answers { weight: narrow, bias: None, border: 0.0 };
    assert!(Principal::declare(&mut g, inputs, &head).is_err());
    assert!(steering(&mut g, inputs, &head).is_err());
    assert!(steering(&mut g, Inputs { fit: test, ..inputs }, &head).is_err());
    assert!(Following::declare(&mut g, Inputs { fit_labels: one, test_labels: other, ..inputs }).is_err());
}
