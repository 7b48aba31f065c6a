//! Training from a declaration: learning, company, resumption, masked losses, and what is refused.

use isogram::config::Experiment;
use isogram::data::features::Set;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Effect, Function as Run, Graph, Lowering};
use isogram::train::{Interrupt, Observed, Observer, Options, Progress, Quiet, Seen, Stage, Summary, Sweep, resumable};

use super::labels;
use crate::support;

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
    if support::gpu().is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu }
}

pub fn options(lowering: Lowering) -> Options {
    Options { adapter: adapter(), lowering, ..Options::default() }
}

/// All that was observed of a replica, as bits.
pub fn rows(summary: &Summary, replica: u32) -> Vec<(u64, String, u64)> {
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
    if support::gpu().is_some_and(|gpu| gpu.profile().software) {
        let of = |lowering| rows(&train(&[steps, at], options(lowering)), 2);
        assert_eq!(of(Lowering::Layered), of(Lowering::Resident));
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
    use isogram::nn::{AbsentTerms, Loss, LossKind, Reduction};
    let z: [f64; 6] = [0.3, -1.2, 2.0, 0.0, -0.5, 1.5];
    let y: [f64; 6] = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let masks: [[f64; 6]; 2] = [[1.0, 0.0, 1.0, 1.0, 0.0, 0.0], [0.0; 6]];
    let bce = |z: f64, y: f64| z.exp().ln_1p() - y * z;
    let mse = |z: f64, y: f64| (z - y).powi(2);
    type Term<'a> = &'a dyn Fn(f64, f64) -> f64;
    let cases: [(Loss, Term, f64); 3] = [
        (Loss::new(LossKind::Bce, Reduction::Mean), &bce, 1.0 / 6.0),
        (Loss::new(LossKind::Mse, Reduction::HalfMean), &mse, 0.5 / 6.0),
        (Loss::new(LossKind::Mse, Reduction::Sum), &mse, 1.0 / 3.0),
    ];
    for (loss, term, factor) in cases {
        for m in &masks {
            let sum: f64 = (0..6).map(|i| m[i] * term(z[i], y[i])).sum();
            let present = m.iter().sum::<f64>().max(1.0);
            for (absent, expected) in
                [(AbsentTerms::Zero, sum * factor), (AbsentTerms::LeftOut, sum * factor * 6.0 / present)]
            {
                let loss = Loss { absent, ..loss.clone() };
                let mut g = Graph::new();
                let data = |g: &mut Graph, v: &[f64]| g.data(v.iter().map(|&x| x as f32).collect(), &[3, 2]).unwrap();
                let (z, y, m) = (data(&mut g, &z), data(&mut g, &y), data(&mut g, m));
                let value = loss.masked(&mut g, z, y, m).unwrap();
                for (name, mut machine) in
                    support::machines(&g, &[Run::new("f", vec![Effect::Output("v".into(), value)])], 1)
                {
                    machine.run("f", 1).unwrap();
                    let got = f64::from(machine.read_output("v").unwrap()[0]);
                    assert!((got - expected).abs() < 1e-6, "{name}: {loss:?} {absent:?}: {got}, not {expected}");
                }
                let refused = Loss::default().masked(&mut g, z, y, m).unwrap_err().to_string();
                assert!(refused.contains("cannot be masked"), "{refused}");
                let narrow = g.rows(m, 0, 1).unwrap();
                assert!(loss.masked(&mut g, z, y, narrow).unwrap_err().to_string().contains("[3, 2]"));
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
