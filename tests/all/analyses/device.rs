//! The variance explained as nodes of a graph, on every machine and for several replicas, against scikit-learn and f64.

use faer::Mat;
use isogram::gpu::Profile;
use isogram::graph::{Effect, Function, Graph, Plan, Tensor, VariableKind, lower};
use isogram::kernels::program::DType;
use isogram::measure::features::device::variance::{ExplainedNodes, Inputs, explained, explained_by_classes};
use isogram::measure::features::variance::{Constant, THRESHOLDS, explained_by_class};

use super::fixture::{Fixture, labels, near, numbers, sets};
use crate::support;

const TOLERANCE: f64 = 1e-5;
const FEATURES: usize = 5;
const CLASSES: usize = 4;

/// The features of the fixture, one that a single example has, and one that all but one have.
fn features(f: &Fixture, part: &str) -> ([usize; 2], Vec<f32>) {
    let ([n, known], values) = f.raw(&format!("{part}/labels"));
    let of = |(i, row): (usize, &[f32])| {
        let rarest = [f32::from(u8::from(i == 7)), f32::from(u8::from(i != 9))];
        row.iter().copied().chain(rarest).collect::<Vec<f32>>()
    };
    ([n, known + 2], values.chunks(known).enumerate().flat_map(of).collect())
}

fn feature(f: &Fixture, i: usize) -> [Vec<usize>; 2] {
    ["fit", "test"].map(|part| features(f, part).1.chunks(FEATURES).map(|row| row[i] as usize).collect())
}

/// Everything that is asked of the nodes, in one function.
fn graph(f: &Fixture, own_labels: bool) -> (Graph, Function) {
    let mut g = Graph::new();
    let variable = |g: &mut Graph, name: &str| {
        let ([n, u], _) = f.raw(name);
        g.variable(name, &[n, u], DType::F32, VariableKind::State).unwrap()
    };
    let [fit, test] = ["fit/phi", "test/phi"].map(|name| variable(&mut g, name));
    let [fit_labels, test_labels] = ["fit", "test"].map(|part| {
        let (shape, values) = features(f, part);
        if own_labels {
            return g.variable(format!("{part}/labels"), &shape, DType::F32, VariableKind::State).unwrap();
        }
        g.data(values, &shape).unwrap()
    });
    let [fit_classes, test_classes] = ["fit/classes", "test/classes"].map(|name| {
        let ([n, _], values) = f.raw(name);
        let one_hot = (0..n * CLASSES).map(|i| f32::from(u8::from(values[i / CLASSES] == (i % CLASSES) as f32)));
        g.data(one_hot.collect(), &[n, CLASSES]).unwrap()
    });
    let by_feature = explained(&mut g, Inputs { fit, fit_labels, test, test_labels }).unwrap();
    let inputs = Inputs { fit, fit_labels: fit_classes, test, test_labels: test_classes };
    let by_class = explained_by_classes(&mut g, inputs).unwrap();
    let mut effects = outputs(&mut g, "feature", &by_feature);
    effects.extend(outputs(&mut g, "class", &by_class));
    for (name, value) in by_feature.named(&mut g, &["easy", "hard", "rare", "one", "but one"]).unwrap() {
        effects.push(Effect::Output(name, value));
    }
    let own = by_feature.per_unit(&mut g, 1).unwrap();
    effects.push(Effect::Output("hard per unit".into(), own));
    (g, Function::new("f", effects))
}

fn outputs(g: &mut Graph, prefix: &str, nodes: &ExplainedNodes) -> Vec<Effect> {
    let density = nodes.density(g, THRESHOLDS[1] as f32).unwrap();
    let all: [(&str, Tensor); 6] = [
        ("r2", nodes.r2),
        ("varies", nodes.varies),
        ("uniform", nodes.uniform),
        ("variance", nodes.variance),
        ("total", nodes.total),
        ("density", density),
    ];
    all.iter().map(|(name, t)| Effect::Output(format!("{prefix} {name}"), *t)).collect()
}

/// Activations of a replica: the fixture's, or others made of them.
fn activations(values: &[f32], replica: usize) -> Vec<f32> {
    let of = |(i, v): (usize, &f32)| match replica % 4 {
        0 => *v,
        1 => 3.0 * v - 0.25,
        // A large offset: what varies is in the last digits, as in f64 of the same values.
        2 => v + 1000.0,
        _ => v * v + 0.1 * ((i * 37 % 101) as f32 / 101.0) * (replica as f32),
    };
    values.iter().enumerate().map(of).collect()
}

fn matrix(values: &[f32], columns: usize) -> Mat<f64> {
    Mat::from_fn(values.len() / columns, columns, |i, j| f64::from(values[i * columns + j]))
}

fn numbers_of(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Every output of the first replica, as bits.
fn run(f: &Fixture, replicas: usize, own_labels: bool) -> Vec<(String, Vec<Vec<u32>>)> {
    let (g, function) = graph(f, own_labels);
    let names: Vec<String> = function
        .effects
        .iter()
        .map(|e| match e {
            Effect::Output(name, _) => name.clone(),
            _ => unreachable!("only outputs are made"),
        })
        .collect();
    let mut all = Vec::new();
    for (machine_name, mut machine) in support::machines(&g, std::slice::from_ref(&function), replicas) {
        let parts = ["fit/phi", "test/phi"].map(|name| {
            let (_, values) = f.raw(name);
            (0..replicas).map(|r| activations(&values, r)).collect::<Vec<_>>()
        });
        machine.write_variable("fit/phi", &parts[0].concat()).unwrap();
        machine.write_variable("test/phi", &parts[1].concat()).unwrap();
        if own_labels {
            for part in ["fit", "test"] {
                let values = features(f, part).1.repeat(replicas);
                machine.write_variable(&format!("{part}/labels"), &values).unwrap();
            }
        }
        machine.run("f", 1).unwrap();
        let results = machine.read_results().unwrap();
        let read = |name: &str| machine.output(&results, name).unwrap();
        let units = f.raw("fit/phi").0[1];
        for r in (0..replicas).take(8) {
            let x = [&parts[0][r], &parts[1][r]].map(|v| matrix(v, units));
            let of = |name: &str| {
                let all = read(name);
                let each = all.len() / replicas;
                numbers_of(&all[r * each..(r + 1) * each])
            };
            let what = format!("{machine_name}, replica {r}");
            for i in 0..FEATURES {
                let expected = explained_by_class(sets(&x), labels(&feature(f, i))).unwrap();
                let own = [of("feature variance")[i], of("feature uniform")[i]];
                near(
                    &format!("{what}: shares"),
                    &own,
                    &[expected.variance(), expected.uniform(Constant::Masked)],
                    TOLERANCE,
                );
                let zeros: Vec<f64> =
                    expected.per_unit().into_iter().map(|v| if v.is_nan() { 0.0 } else { v }).collect();
                near(&format!("{what}: units"), &of("feature r2")[i * units..(i + 1) * units], &zeros, TOLERANCE);
                near(&format!("{what}: density"), &[of("feature density")[i]], &[expected.density(0.1)], 1e-6);
                let total = expected.total_variance();
                near(&format!("{what}: TV"), &[of("feature total")[0] / total], &[1.0], TOLERANCE);
            }
            let varies: Vec<f64> = (0..units).map(|u| f64::from(u8::from(u < 10))).collect();
            if r % 4 < 3 {
                near(&format!("{what}: varies"), &of("feature varies"), &varies, 0.0);
            }
            let expected = explained_by_class(sets(&x), labels(&f.labels("classes", 0))).unwrap();
            let own = [of("class variance")[0], of("class uniform")[0]];
            near(
                &format!("{what}: classes"),
                &own,
                &[expected.variance(), expected.uniform(Constant::Masked)],
                TOLERANCE,
            );
            // Names refer to the same values.
            assert_eq!(of("explained_rare")[0], of("feature variance")[2]);
            assert_eq!(of("explained_uniform_easy")[0], of("feature uniform")[0]);
            assert_eq!(of("density_hard_0.1")[0], of("feature density")[1]);
            assert_eq!(of("total_variance"), of("feature total"));
            assert_eq!(of("hard per unit"), of("feature r2")[units..2 * units]);
        }
        // Against scikit-learn itself.
        for i in 0..3 {
            let expected = &f.expected["binary"][i];
            near(
                "scikit-learn, variance",
                &[f64::from(read("feature variance")[i])],
                &[expected["variance"].as_f64().unwrap()],
                TOLERANCE,
            );
            let mut raw = numbers(&expected["raw"]);
            raw[10] = 0.0;
            let got = numbers_of(&read("feature r2")[i * units..(i + 1) * units]);
            near("scikit-learn, units", &got, &raw, TOLERANCE);
        }
        let first: Vec<Vec<u32>> = names
            .iter()
            .map(|n| {
                let all = read(n);
                all[..all.len() / replicas].iter().map(|v| v.to_bits()).collect()
            })
            .collect();
        all.push((machine_name.to_owned(), first));
    }
    all
}

#[test]
fn nodes_give_what_f64_gives_alone_and_in_company() {
    let f = Fixture::load();
    let alone = run(&f, 1, false);
    for replicas in [5, 33] {
        for ((machine, one), (_, of_many)) in alone.iter().zip(run(&f, replicas, false)) {
            assert_eq!(one, &of_many, "{machine}, {replicas} replicas");
        }
    }
    // Labels that could differ between replicas.
    run(&f, 3, true);
}

fn plan(profile: &Profile, named: bool) -> Plan {
    let mut g = Graph::new();
    let [fit, test] = ["fit", "test"].map(|n| g.variable(n, &[1024, 64], DType::F32, VariableKind::State).unwrap());
    let values: Vec<f32> = (0..2048).map(|i| (i % 3 % 2) as f32).collect();
    let labels = g.data(values, &[1024, 2]).unwrap();
    let nodes = explained(&mut g, Inputs { fit, fit_labels: labels, test, test_labels: labels }).unwrap();
    let effects = if named {
        let all = nodes.named(&mut g, &["easy", "hard"]).unwrap();
        all.into_iter().map(|(name, value)| Effect::Output(name, value)).collect()
    } else {
        vec![Effect::Output("variance".into(), nodes.variance), Effect::Output("uniform".into(), nodes.uniform)]
    };
    lower(&g, &[Function::new("f", effects)], 64, profile).unwrap()
}

#[test]
fn two_features_of_64_replicas_take_a_handful_of_dispatches() {
    let mut profiles = vec![Profile::processor()];
    if let Some(gpu) = support::gpu() {
        let own = gpu.profile().clone();
        profiles.push(Profile { software: !own.software, ..own.clone() });
        profiles.push(own);
    }
    for profile in profiles {
        for (named, most) in [(false, 8), (true, 11)] {
            let plan = plan(&profile, named);
            let dispatches = plan.functions[0].dispatches.len();
            println!("{}", plan.functions[0]);
            assert!(dispatches <= most, "{dispatches} dispatches");
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut g = Graph::new();
    let mut data = |n: usize, u: usize| g.data(vec![1.0; n * u], &[n, u]).unwrap();
    let (a, b, c, two, three) = (data(6, 3), data(4, 3), data(4, 2), data(6, 2), data(4, 1));
    let mut refused = |fit, fit_labels, test, test_labels| {
        let inputs = Inputs { fit, fit_labels, test, test_labels };
        assert!(explained(&mut g, inputs).is_err() && explained_by_classes(&mut g, inputs).is_err());
    };
    refused(a, c, b, c);
    refused(a, two, c, c);
    refused(a, two, b, three);
    refused(a, two, b, two);
    let inputs = Inputs { fit: a, fit_labels: two, test: b, test_labels: c };
    let nodes = explained(&mut g, inputs).unwrap();
    assert!(nodes.named(&mut g, &["one"]).is_err());
    assert!(nodes.per_unit(&mut g, 2).is_err());
}
