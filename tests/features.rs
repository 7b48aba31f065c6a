//! Data sets of Boolean features: against truth tables written down here, their exact counts, their independence, the same
//! bits on host and device, and networks that are trained on them.

mod support;

use isogram::config::Experiment;
use isogram::data::Targets;
use isogram::data::features::{Absent, Agreement, Balance, Feature, Features, Function, Made, Set};
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Function as Run, Graph, Lowering, VariableKind};
use isogram::kernels::program::DType;
use isogram::train::{Interrupt, Observed, Observer, Options, Progress, Quiet, Seen, Stage, Summary, Sweep, resumable};

fn feature(name: &str, function: &str) -> Feature {
    Feature::new(name, function.parse().unwrap())
}

fn exact(name: &str, function: &str, rate: f64) -> Feature {
    Feature { balance: Balance::Rate(rate), ..feature(name, function) }
}

fn agreeing(name: &str, function: &str, with: &str, fraction: f64) -> Feature {
    Feature { agrees: Some(Agreement { with: with.into(), fraction }), ..feature(name, function) }
}

fn labels(made: &Made) -> &[f32] {
    match &made.dataset.targets {
        Targets::Values(table) => &table.values,
        Targets::Classes { .. } => panic!("numeric"),
    }
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

const SMALL: &str = r#"
name = "features"
steps = 400
seeds = 3
[data]
source = "features"
examples = 256
fit_examples = 32
test_examples = 64
[[data.features]]
name = "easy"
function = "linear"
units = 6
[[data.features]]
name = "both"
function = "and"
units = 6
presence = 0.5
[model]
layers = [16]
[loss]
kind = "bce"
[optimiser]
lr = 0.02
[observe]
at = { kind = "list", steps = [7, 200] }
measures = ["loss", "accuracy", "cka_labels"]
"#;

fn experiment(overrides: &[(&str, &str)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SMALL, "features.toml", &overrides).unwrap()
}

fn train(overrides: &[(&str, &str)], options: Options) -> Summary {
    Sweep::new(experiment(overrides)).unwrap().run(&options, &mut Quiet).unwrap()
}

fn adapter() -> AdapterChoice {
    if support::gpu().is_some() { AdapterChoice::Automatic } else { AdapterChoice::Reference }
}

fn options(lowering: Lowering) -> Options {
    Options { adapter: adapter(), lowering, ..Options::default() }
}

/// All that was observed of a replica, as bits.
fn rows(summary: &Summary, replica: u32) -> Vec<(u64, String, u64)> {
    let of = summary.metrics.iter().filter(|r| r.replica == replica);
    of.map(|r| (r.step, format!("{} {:?}", r.name, r.layer), r.value.to_bits())).collect()
}

#[test]
fn a_network_learns_from_what_a_file_declares() {
    for more in [
        vec![],
        vec![("data.seed", "4")],
        vec![("loss.absent", "left_out"), ("batch.mode", "replacement")],
        vec![("loss.kind", "mse"), ("data.seed", "4"), ("batch.mode", "full")],
    ] {
        let summary = train(&more, options(Lowering::Auto));
        for name in ["accuracy_easy", "accuracy_both", "accuracy"] {
            let values = summary.values(name, 400);
            assert_eq!(values.len(), 3, "{name}");
            assert!(values.iter().all(|a| *a > 0.9), "{more:?}: {name} {values:?}");
        }
        let parts = |step| ["accuracy_easy", "accuracy_both", "accuracy"].map(|name| summary.values(name, step)[1]);
        let [easy, both, all] = parts(7);
        assert!((all - (easy + both) / 2.0).abs() < 1e-6);
        let data = &summary.manifest.data;
        assert_eq!((data.train, data.test, data.inputs, data.outputs), (256, 64, 12, 2));
        // Shared examples are seen alike; own ones are not.
        let losses = summary.values("loss", 0);
        assert!(losses[0] != losses[1]);
    }
}

#[test]
fn a_replica_s_examples_are_its_own_whatever_its_company() {
    let steps = ("steps", "40");
    let at = ("observe.at", "{ kind = 'list', steps = [7] }");
    for lowering in [Lowering::Layered, Lowering::Resident] {
        let many = train(&[steps, at], options(lowering));
        let alone = train(&[steps, at, ("seeds", "[1]")], options(lowering));
        assert!(rows(&alone, 0).len() > 12);
        assert_eq!(rows(&alone, 0), rows(&many, 1), "{lowering:?}");
        let sliced = train(&[steps, at], Options { slice: Some(2), ..options(lowering) });
        for replica in 0..3 {
            assert_eq!(rows(&sliced, replica), rows(&many, replica), "{lowering:?} in slices");
        }
    }
    // A shared seed gives the host's examples, and a replica of that seed makes the same ones: the first batches agree.
    let of =
        |more: &[(&str, &str)]| train(&[&[steps, at, ("seeds", "[4]")], more].concat(), options(Lowering::Layered));
    assert_eq!(rows(&of(&[]), 0), rows(&of(&[("data.seed", "4")]), 0));
}

/// Asks to stop at a step.
struct StopAt(u32, Interrupt);

impl Progress for StopAt {
    fn stage(&mut self, _: Stage) {}
    fn steps(&mut self, step: u32, _: u32, _: Option<f64>) {
        if step >= self.0 {
            self.1.ask();
        }
    }
    fn note(&mut self, _: &str) {}
}

#[test]
fn a_resumed_run_makes_its_examples_again() {
    let settings = [("steps", "60"), ("observe.at", "{ kind = 'list', steps = [7, 20] }")];
    let straight = train(&settings, options(Lowering::Layered));
    let folder = tempfile::tempdir().unwrap();
    let within = Options { out: Some(folder.path().to_owned()), ..options(Lowering::Layered) };
    let interrupt = Interrupt::default();
    let stopping = Options { interrupt: interrupt.clone(), ..within.clone() };
    let sweep = Sweep::new(experiment(&settings)).unwrap();
    sweep.run(&stopping, &mut StopAt(10, interrupt)).unwrap_err();
    assert!(resumable(folder.path()));
    let size = std::fs::metadata(folder.path().join("snapshots/latest.safetensors")).unwrap().len();
    let tables = 3 * 4 * (256 * 16 + 32 * 14 + 64 * 14);
    assert!(size < tables, "a snapshot of {size} bytes holds no examples, which are {tables}");
    let resumed = sweep.run(&Options { resume: true, ..within }, &mut Quiet).unwrap();
    assert!(resumed.resumed_from.is_some_and(|step| (1..60).contains(&step)), "{:?}", resumed.resumed_from);
    for replica in 0..3 {
        let late = |s: &Summary| rows(s, replica).into_iter().filter(|r| r.0 == 60).collect::<Vec<_>>();
        assert!(!late(&straight).is_empty());
        assert_eq!(late(&resumed), late(&straight));
    }
}

/// Reports sizes and means of the set for fitting.
struct Fitting;

impl Observer for Fitting {
    fn observe(&self, g: &mut Graph, seen: &Seen) -> isogram::Result<Vec<Observed>> {
        let fit = seen.fit.as_ref().expect("asked for");
        assert_eq!(seen.features, ["easy", "both"]);
        assert_eq!(g.shape(fit.inputs).extents(), [32, 12]);
        assert_eq!(g.shape(fit.hidden[0]).extents(), [32, 16]);
        assert_eq!(g.shape(fit.output).extents(), [32, 2]);
        Ok(vec![
            Observed::new("fit_inputs", g.mean_all(fit.inputs)?),
            Observed::new("fit_values", g.mean_all(fit.values)?),
            Observed::new("fit_hidden", g.mean_all(fit.hidden[0])?),
        ])
    }

    fn reads_fit_set(&self) -> bool {
        true
    }
}

#[test]
fn observers_see_the_set_for_fitting() {
    for shared in [&[("data.seed", "2")][..], &[]] {
        let e = experiment(&[&[("steps", "1"), ("observe.at", "{}")], shared].concat());
        let spec = e.data.declared().unwrap();
        let summary = Sweep::new(e).unwrap().observer(Fitting).run(&options(Lowering::Auto), &mut Quiet).unwrap();
        for replica in 0..3 {
            let seed = if shared.is_empty() { replica as u32 } else { 2 };
            let made = spec.make(Set::Fit, 32, seed).unwrap();
            let mean = |v: &[f32]| v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
            let of = |name: &str| {
                let values = summary.values(name, 0);
                *values.get(replica).unwrap()
            };
            assert!((of("fit_inputs") - mean(&made.dataset.inputs.values)).abs() < 1e-6);
            assert!((of("fit_values") - mean(labels(&made))).abs() < 1e-6);
            assert!(of("fit_hidden") > 0.0);
        }
    }
}

#[test]
fn masked_losses_are_what_they_say() {
    use isogram::nn::{Loss, Masked, Reduction};
    let z: [f64; 6] = [0.3, -1.2, 2.0, 0.0, -0.5, 1.5];
    let y: [f64; 6] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let masks: [[f64; 6]; 2] = [[1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0.0; 6]];
    let bce = |z: f64, y: f64| z.exp().ln_1p() - y * z;
    let mse = |z: f64, y: f64| (z - y).powi(2);
    type Term<'a> = &'a dyn Fn(f64, f64) -> f64;
    let cases: [(Loss, Term, f64); 3] = [
        (Loss::BinaryCrossEntropy(Reduction::Mean), &bce, 1.0 / 6.0),
        (Loss::SquaredError(Reduction::HalfMean), &mse, 0.5 / 6.0),
        (Loss::SquaredError(Reduction::Sum), &mse, 1.0 / 3.0),
    ];
    for (loss, term, factor) in cases {
        for m in &masks {
            let sum: f64 = (0..6).map(|i| m[i] * term(z[i], y[i])).sum();
            let present = m.iter().sum::<f64>().max(1.0);
            for (absent, expected) in [(Masked::Zero, sum * factor), (Masked::LeftOut, sum * factor * 6.0 / present)] {
                let mut g = Graph::new();
                let data = |g: &mut Graph, v: &[f64]| g.data(v.iter().map(|&x| x as f32).collect(), &[3, 2]).unwrap();
                let (z, y, m) = (data(&mut g, &z), data(&mut g, &y), data(&mut g, m));
                let value = loss.masked(&mut g, z, y, m, absent).unwrap();
                for (name, mut machine) in
                    support::machines(&g, &[Run::new("f", vec![Effect::Output("v".into(), value)])], 1)
                {
                    machine.run("f", 1).unwrap();
                    let got = f64::from(machine.read_output("v").unwrap()[0]);
                    assert!((got - expected).abs() < 1e-6, "{name}: {loss:?} {absent:?}: {got}, not {expected}");
                }
                let refused = Loss::CrossEntropy.masked(&mut g, z, y, m, absent).unwrap_err().to_string();
                assert!(refused.contains("cannot be masked"), "{refused}");
                let narrow = g.rows(m, 0, 1).unwrap();
                assert!(loss.masked(&mut g, z, y, narrow, absent).unwrap_err().to_string().contains("[3, 2]"));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let refusal = |key: &str, value: &str| {
        let overrides = [(key.to_owned(), value.to_owned())];
        Experiment::with_overrides(SMALL, "features.toml", &overrides).unwrap_err().to_string()
    };
    let of = |features: &str| refusal("data.features", features);
    let cases: &[(String, &str)] = &[
        (refusal("data.source", "xor"), "needs data.source = \"features\""),
        (refusal("loss.kind", "cross_entropy"), "expected mse or bce, since the targets of features are numbers"),
        (refusal("data.normalise", "standard"), "expected none or unit"),
        (refusal("observe.measures", "['cka_pairs']"), "cka_pairs compares replicas"),
        (refusal("observe.compare", "['procrustes']"), "give data.seed a number"),
        (refusal("data.examples", "0"), "data.examples: expected a whole number from 1 to 16777216"),
        (refusal("data.seed", "replica"), "data.seed: expected a whole number of 0 or more"),
        (of("[]"), "expected at least one [[data.features]]"),
        (of("[3]"), "data.features[0]: expected a table, got 3"),
        (of("[{ nmae = 'x' }]"), "unknown key `nmae` in [[data.features]]; did you mean `name`?"),
        (of("[{ name = 'x', function = 'xor_xor_xro' }]"), "did you mean \"xor_xor_xor\"?"),
        (of("[{ name = 'x' }]"), "feature `x`: function: expected linear, and, or"),
        (of("[{ function = 'and' }]"), "expected a name"),
        (
            of("[{ name = 'x', function = 'and', balance = 1.5 }]"),
            "data.features[0].balance: expected a number above 0",
        ),
        (of("[{ name = 'x', function = 'and', balance = 'exat' }]"), "did you mean \"exact\"?"),
        (of("[{ name = 'x', function = 'and', presence = 0 }]"), "data.features[0].presence"),
        (of("[{ name = 'x', function = 'and', absent = 'block' }]"), "data.features[0].absent"),
        (of("[{ name = 'x', function = 'and', agreement = 0.5 }]"), "agreement needs agrees_with"),
        (of("[{ name = 'x', function = 'and', agrees_with = 'y' }]"), "no feature declared before it"),
        (
            of("[{ name = 'y', function = 'or' }, { name = 'x', function = 'and', agrees_with = 'y', balance = 0.5 }]"),
            "either balance or agrees_with",
        ),
        (
            of("[{ name = 'y', function = 'linear' }, { name = 'x', function = 'and', agrees_with = 'y' }]"),
            "give that one balance = \"exact\"",
        ),
        (of("[{ name = 'x', function = 'and', units = 1 }]"), "needs a block of 2, but units is 1"),
    ];
    for (message, part) in cases {
        assert!(message.contains(part) && !message.contains('\n'), "{message:?} lacks {part:?}");
    }
    let track = isogram::train::Track { pairs: vec![[0, 1]] };
    let tracked = Sweep::new(experiment(&[])).unwrap().track(track).run(&options(Lowering::Layered), &mut Quiet);
    assert!(tracked.unwrap_err().to_string().contains("give data.seed a number"));
    // What is written is read again.
    let e = experiment(&[("data.features", "[{ name = 'x', function = 'and', balance = 0.25 }]")]);
    assert_eq!(Experiment::from_toml(&toml::to_string(&e).unwrap(), "again.toml").unwrap(), e);
}
