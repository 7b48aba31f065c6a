//! The examples: against truth tables written down here, their exact counts, their independence, and the same bits on host
//! and device.

use isogram::data::features::{Absent, Agreement, Balance, Feature, Features, Function, Made, Set};
use isogram::graph::{Effect, Function as Run, Graph, VariableKind};
use isogram::kernels::program::DType;

use super::labels;
use crate::support;

fn feature(name: &str, function: &str) -> Feature {
    Feature::new(name, function.parse().unwrap())
}

fn exact(name: &str, function: &str, rate: f64) -> Feature {
    Feature { balance: Balance::Rate(rate), ..feature(name, function) }
}

fn agreeing(name: &str, function: &str, with: &str, fraction: f64) -> Feature {
    Feature { agrees: Some(Agreement { with: with.into(), fraction }), ..feature(name, function) }
}

/// One column of a row-major table, as bits.
fn column(values: &[f32], width: usize, at: usize) -> Vec<bool> {
    values.iter().skip(at).step_by(width).map(|&v| v == 1.0).collect()
}

fn count(bits: &[bool]) -> usize {
    bits.iter().filter(|b| **b).count()
}

/// What a name says, from its words alone.
fn says(name: &str, bits: &[bool]) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let gate = |word: &str, a: bool, b: bool| match word {
        "and" => a & b,
        "or" => a | b,
        "xor" => a ^ b,
        _ => panic!("{word}"),
    };
    let ones = |n: &str| (n.parse::<usize>().unwrap(), count(&bits[..n.parse::<usize>().unwrap()]));
    match words[..] {
        ["linear"] => bits[0],
        ["parity", n] => ones(n).1 % 2 == 1,
        ["majority", n] => ones(n).1 > ones(n).0 / 2,
        ["sum", n, "at", "least", t] => ones(n).1 >= t.parse().unwrap(),
        [top, left, right] => gate(top, gate(left, bits[0], bits[1]), gate(right, bits[2], bits[3])),
        [word] => gate(word, bits[0], bits[1]),
        _ => panic!("{name}"),
    }
}

#[test]
fn every_function_is_what_its_name_says() {
    for function in Function::all() {
        let name = function.to_string();
        for balance in [Balance::Rate(0.5), Balance::Rate(0.2), Balance::Sampled] {
            let copies = if function.relevant() <= 4 { 3 } else { 1 };
            let spec = Feature { units: 14, copies, balance, ..Feature::new("f", function) };
            let made = Features::new(vec![spec], 0).unwrap().make(Set::Test, 60, 3).unwrap();
            for (row, label) in made.dataset.inputs.values.chunks(14).zip(labels(&made)) {
                let bits: Vec<bool> = row.iter().map(|&v| v == 1.0).collect();
                let relevant = function.relevant() as usize;
                let shown: Vec<bool> = (0..relevant).map(|r| bits[r * copies]).collect();
                assert_eq!(says(&name, &shown), *label == 1.0, "{name} {row:?}");
                for (unit, bit) in bits[..relevant * copies].iter().enumerate() {
                    assert_eq!(*bit, shown[unit / copies], "{name}: copies");
                }
            }
            let ones = count(&column(labels(&made), 1, 0));
            match balance {
                Balance::Rate(rate) => assert_eq!(ones, (rate * 60.0).round() as usize, "{name}"),
                Balance::Sampled => {}
            }
        }
    }
}

/// Everything that a declaration can have, at once.
fn rich() -> Features {
    let features = vec![
        exact("easy", "linear", 0.5),
        feature("hard", "xor_xor_xor"),
        Feature { presence: 0.3, train_rate: Some(0.25), ..feature("rare", "majority_5") },
        Feature { copies: 2, units: 9, ..agreeing("alike", "or_and_xor", "easy", 0.9) },
        Feature {
            units: 5,
            presence: 0.71,
            absent: Absent::Loss,
            ..agreeing("chained", "sum_4_at_least_2", "alike", 0.25)
        },
        Feature { copies: 1, units: 3, ..agreeing("same", "linear", "easy", 1.0) },
        Feature { balance: Balance::Sampled, ..feature("free", "and") },
        Feature { units: 12, ..agreeing("opposite", "parity_12", "rare", 0.0) },
    ];
    Features::new(features, 6).unwrap()
}

#[test]
fn counts_are_exact() {
    let (spec, n) = (rich(), 1003);
    for seed in [0, 1, 77] {
        for set in Set::ALL {
            let made = spec.make(set, n, seed).unwrap();
            let of = |name: &str| {
                let at = spec.features().iter().position(|f| f.name == name).unwrap();
                (column(labels(&made), 8, at), column(&made.present.values, 8, at))
            };
            let part = |x: f64, of: usize| (x * of as f64).round() as usize;
            let ((easy, all), (hard, _)) = (of("easy"), of("hard"));
            assert_eq!((count(&easy), count(&hard), count(&all)), (502, 502, n));
            let (rare, present) = of("rare");
            let train = set == Set::Train;
            assert_eq!(count(&rare), if train { part(0.25, n) } else { 502 });
            assert_eq!(count(&present), if train { part(0.3, n) } else { n });
            assert_eq!(count(&of("chained").1), if train { part(0.71, n) } else { n });
            let agrees = |a: &[bool], b: &[bool], class: bool| {
                let pairs = a.iter().zip(b).filter(|(_, other)| **other == class);
                (pairs.clone().filter(|(a, b)| a == b).count(), pairs.count())
            };
            for (name, with, fraction) in
                [("alike", "easy", 0.9), ("chained", "alike", 0.25), ("same", "easy", 1.0), ("opposite", "rare", 0.0)]
            {
                for class in [false, true] {
                    let (same, size) = agrees(&of(name).0, &of(with).0, class);
                    assert_eq!(same, part(fraction, size), "{name} with {with}, class {class}, {set:?}");
                }
            }
            // Absent blocks are 0, where they are said to be; others are not.
            for (row, there) in made.dataset.inputs.values.chunks(spec.inputs()).zip(made.present.values.chunks(8)) {
                assert!(there[2] == 1.0 || row[32..48].iter().all(|&v| v == 0.0));
            }
            let hidden = made.dataset.inputs.values.chunks(spec.inputs()).filter(|row| row[57..62] == [0.0; 5]).count();
            assert!(hidden < n / 8, "blocks of a feature whose loss alone is masked stay: {hidden}");
        }
    }
}

/// Chi-square of the table of two bits; its 0.9999 quantile with one degree of freedom is 15.1.
fn association(a: &[bool], b: &[bool]) -> f64 {
    let n = a.len() as f64;
    let (p, q) = (count(a) as f64 / n, count(b) as f64 / n);
    let both = a.iter().zip(b).filter(|(a, b)| **a && **b).count() as f64 / n;
    n * (both - p * q).powi(2) / (p * (1.0 - p) * q * (1.0 - q))
}

#[test]
fn streams_and_units_are_independent_and_fair() {
    let features = vec![
        exact("a", "linear", 0.5),
        feature("b", "xor_xor_xor"),
        feature("c", "xor_xor_xor"),
        feature("d", "linear"),
    ];
    let spec = Features::new(features, 8).unwrap();
    let (n, width) = (4096, spec.inputs());
    let sets: Vec<Made> = [(Set::Train, 0), (Set::Fit, 0), (Set::Test, 0), (Set::Train, 1)]
        .map(|(set, seed)| spec.make(set, n, seed).unwrap())
        .into();
    let label = |made: &Made, at| column(labels(made), 4, at);
    let mut worst = 0.0f64;
    for (i, made) in sets.iter().enumerate() {
        for at in 0..4 {
            for other in 0..at {
                worst = worst.max(association(&label(made, at), &label(made, other)));
            }
            for later in &sets[i + 1..] {
                worst = worst.max(association(&label(made, at), &label(later, at)));
                assert_ne!(made.dataset.inputs.values, later.dataset.inputs.values);
            }
        }
        let units: Vec<Vec<bool>> = (0..width).map(|at| column(&made.dataset.inputs.values, width, at)).collect();
        // Every unit is fair, and none of four tells of their parity, nor a distractor of any label.
        for (at, unit) in units.iter().enumerate() {
            let z = (count(unit) as f64 - n as f64 / 2.0) / (n as f64 / 4.0).sqrt();
            assert!(z.abs() < 4.5, "unit {at}: {z}");
            let copies = at < 4 || (48..52).contains(&at);
            for label in (0..4).filter(|_| !copies).map(|l| label(made, l)) {
                worst = worst.max(association(unit, &label));
            }
        }
        for (a, b) in [(16, 17), (17, 19), (4, 5), (20, 36), (64, 65), (63, 71)] {
            worst = worst.max(association(&units[a], &units[b]));
        }
    }
    // About a thousand tables: the largest of so many is beyond 25 once in two thousand times.
    assert!(worst < 25.0, "{worst}");
    // Sampled labels of `and` come with one chance in four.
    let free = Features::new(vec![Feature { balance: Balance::Sampled, ..feature("x", "and") }], 0).unwrap();
    let made = free.make(Set::Train, 20_000, 5).unwrap();
    let ones = count(&column(labels(&made), 1, 0)) as f64;
    assert!((ones - 5000.0).abs() < 5.0 * (20_000.0 * 0.25 * 0.75f64).sqrt(), "{ones}");
    // Patterns of one label are as likely: of `or`, three have label 1.
    let made = Features::new(vec![feature("x", "or")], 0).unwrap().make(Set::Train, 12_000, 5).unwrap();
    let mut seen = [0.0f64; 4];
    made.dataset.inputs.values.chunks(16).for_each(|row| seen[row[0] as usize + 2 * row[1] as usize] += 1.0);
    assert_eq!(seen[0], 6000.0);
    let square: f64 = seen[1..].iter().map(|k| (k - 2000.0).powi(2) / 2000.0).sum();
    assert!(square < 18.4, "{seen:?}");
}

#[test]
fn a_feature_does_not_depend_on_its_neighbours() {
    let one = Features::new(vec![feature("hard", "xor_and_or")], 0).unwrap();
    let two = Features::new(vec![feature("easy", "linear"), feature("hard", "xor_and_or")], 3).unwrap();
    let (one, two) = (one.make(Set::Train, 100, 4).unwrap(), two.make(Set::Train, 100, 4).unwrap());
    let block: Vec<f32> = two.dataset.inputs.values.chunks(35).flat_map(|row| row[16..32].to_vec()).collect();
    assert_eq!(block, one.dataset.inputs.values);
    assert_eq!(column(labels(&one), 1, 0), column(labels(&two), 2, 1));
}

#[test]
fn device_and_host_make_the_same_bits() {
    let declarations = [
        (rich(), 211),
        (Features::new(vec![feature("only", "linear")], 0).unwrap(), 1),
        (Features::new(vec![feature("easy", "linear"), feature("hard", "xor_xor_xor")], 0).unwrap(), 1024),
    ];
    for (spec, n) in declarations {
        // By each replica's seed, and by one for all.
        let seeds = [3, 0, u32::MAX];
        for shared in [false, true] {
            let mut g = Graph::new();
            let seed = g.variable("seed", &[1, 1], DType::U32, VariableKind::State).unwrap();
            let key = if shared { g.integer(9) } else { seed };
            let mut effects = Vec::new();
            for set in Set::ALL {
                let made = spec.tensors(&mut g, set, n, key).unwrap();
                let parts = [("inputs", Some(made.inputs)), ("labels", Some(made.labels)), ("present", made.present)];
                for (name, part) in parts {
                    effects.extend(part.map(|t| Effect::Output(format!("{set:?} {name}"), t)));
                }
            }
            let there = effects.iter().any(|e| matches!(e, Effect::Output(name, _) if name == "Train present"));
            assert_eq!(there, spec.any_absent());
            for (machine_name, mut machine) in support::machines(&g, &[Run::new("make", effects)], 3) {
                machine.write_integers("seed", &seeds).unwrap();
                machine.run("make", 1).unwrap();
                for set in Set::ALL {
                    let twins: Vec<Made> = if shared { vec![9] } else { seeds.to_vec() }
                        .iter()
                        .map(|&s| spec.make(set, n, s).unwrap())
                        .collect();
                    let mut same = |name: &str, of: &dyn Fn(&Made) -> Vec<f32>| {
                        let got = machine.read_output(&format!("{set:?} {name}")).unwrap();
                        let expected: Vec<f32> = twins.iter().flat_map(of).collect();
                        assert!(got == expected, "{machine_name}: {set:?} {name} of {n}, shared: {shared}");
                    };
                    same("inputs", &|m| m.dataset.inputs.values.clone());
                    same("labels", &|m| labels(m).to_vec());
                    if set == Set::Train && there {
                        same("present", &|m| m.present.values.clone());
                    }
                }
            }
        }
    }
}

#[test]
fn sets_of_no_examples_and_of_too_many_are_refused() {
    let spec = Features::new(vec![feature("a", "linear")], 0).unwrap();
    for n in [0, (1 << 24) + 1] {
        assert!(spec.make(Set::Fit, n, 0).unwrap_err().to_string().contains("1 to 16777216 examples"));
    }
}
