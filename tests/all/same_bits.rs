//! A replica's result does not depend on its company: exact comparisons, bit for bit.

use isogram::config::Experiment;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Graph, Lowering, Tensor};
use isogram::train::{Observed, Observer, Options, Quiet, Seen, Summary, Sweep};

use crate::support;

/// A two-layer network with dropout, a schedule and both kinds of CKA, small enough to train many times.
const SETTINGS: &str = r#"
name = "bits"
steps = 24
seeds = 4
[model]
layers = [12]
activation = "tanh"
dropout = 0.1
[optimiser]
kind = "adam"
lr = 0.01
schedule = { kind = "cosine", warmup = 3 }
[batch]
size = 8
[probe]
examples = 24
[observe]
at = { kind = "list", steps = [5, 16] }
measures = ["loss", "accuracy", "weight_norm", "gradient_norm", "cka_pairs", "cka_input", "cka_labels", "cka_first"]
"#;

fn experiment(overrides: &[(&str, &str)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SETTINGS, "bits.toml", &overrides).unwrap()
}

/// Where a sweep runs, and how its steps are lowered.
#[derive(Clone, Debug, PartialEq)]
struct Case(AdapterChoice, Lowering);

const LAYERED: Case = Case(AdapterChoice::Automatic, Lowering::Layered);
const RESIDENT: Case = Case(AdapterChoice::Automatic, Lowering::Resident);

fn run(sweep: &Sweep, slice: Option<usize>, case: &Case) -> Summary {
    let Case(adapter, lowering) = case.clone();
    sweep.run(&Options { adapter, lowering, slice, ..Options::default() }, &mut Quiet).unwrap()
}

/// The reference, which knows one lowering, and the adapter with both.
fn cases() -> Vec<Case> {
    let gpu = support::gpu().map(|_| [LAYERED, RESIDENT]);
    std::iter::once(Case(AdapterChoice::Reference, Lowering::Auto)).chain(gpu.into_iter().flatten()).collect()
}

type Row = (u64, Option<String>, String, u64);

/// All that was observed of a replica, as bits.
fn of(summary: &Summary, replica: u32) -> Vec<Row> {
    let rows = summary.metrics.iter().filter(|r| r.replica == replica);
    let mut rows: Vec<Row> = rows.map(|r| (r.step, r.layer.clone(), r.name.clone(), r.value.to_bits())).collect();
    rows.sort();
    rows
}

/// The CKA of two replicas at each step, as bits.
fn pair(summary: &Summary, a: u32, b: u32) -> Vec<(u64, String, u64)> {
    let found = summary.pairs.iter().filter(|p| (p.replica_a, p.replica_b) == (a.min(b), a.max(b)));
    let mut rows: Vec<_> = found.map(|p| (p.step, p.name.to_owned(), p.value.to_bits())).collect();
    rows.sort();
    rows
}

#[test]
fn seed_0_is_the_same_alone_in_company_reversed_and_in_slices() {
    for case in cases() {
        let sweep = |seeds: &str| Sweep::new(experiment(&[("seeds", seeds)])).unwrap();
        let alone = of(&run(&sweep("1"), None, &case), 0);
        assert!(alone.len() > 20);
        for seeds in ["3", "4", "32", "33"] {
            // The reference is slow, and has no grid for company to change.
            if case.0 == AdapterChoice::Reference && seeds.len() > 1 {
                continue;
            }
            let company = run(&sweep(seeds), None, &case);
            assert_eq!(of(&company, 0), alone, "among {seeds} on {case:?}");
        }
        let four = run(&sweep("4"), None, &case);
        let reversed = run(&sweep("[3, 2, 1, 0]"), None, &case);
        for replica in 0..4 {
            assert_eq!(of(&reversed, 3 - replica), of(&four, replica), "reversed on {case:?}");
        }
        assert_eq!(pair(&reversed, 3, 2), pair(&four, 0, 1));
        let sliced = run(&sweep("4"), Some(3), &case);
        for replica in 0..4 {
            assert_eq!(of(&sliced, replica), of(&four, replica), "in slices on {case:?}");
        }
        assert_eq!(pair(&sliced, 0, 3), pair(&four, 0, 3));
        assert!(!pair(&sliced, 0, 3).is_empty());
    }
}

#[test]
fn a_diverging_neighbour_is_alone_in_it() {
    for case in cases() {
        let calm = run(&Sweep::new(experiment(&[("seeds", "2")])).unwrap(), None, &case);
        // The same seeds, beside replicas whose learning rate blows them up.
        let mixed = experiment(&[("seeds", "2"), ("sweep.optimiser.lr", "[0.01, 1e38]")]);
        let mixed = run(&Sweep::new(mixed).unwrap(), None, &case);
        for replica in 0..2 {
            assert_eq!(of(&mixed, replica), of(&calm, replica), "beside a diverging replica on {case:?}");
        }
        assert_eq!(pair(&mixed, 0, 1), pair(&calm, 0, 1));
        for entry in &mixed.manifest.replicas {
            assert_eq!(entry.diverged_at.is_some(), entry.replica >= 2, "replica {}", entry.replica);
        }
        // It is left out from the step at which it diverged.
        assert!(of(&mixed, 2).iter().all(|(step, ..)| *step <= mixed.manifest.replicas[2].diverged_at.unwrap()));
        assert!(mixed.pairs.iter().all(|p| p.replica_b < 2 || p.step == 0));
    }
}

/// Doubles what is observed.
struct Again;

impl Observer for Again {
    fn observe(&self, g: &mut Graph, seen: &Seen) -> isogram::Result<Vec<Observed>> {
        let norm = |g: &mut Graph, t: Tensor| isogram::nn::global_norm(g, &[t]);
        let mut all = vec![Observed::new("output_norm", norm(g, seen.output)?)];
        for (layer, &h) in seen.hidden.iter().enumerate() {
            all.push(Observed::at("hidden_norm", layer, norm(g, h)?));
        }
        Ok(all)
    }
}

#[test]
fn observing_changes_nothing() {
    for case in cases() {
        let plain = run(&Sweep::new(experiment(&[("seeds", "2")])).unwrap(), None, &case);
        let more = experiment(&[("seeds", "2"), ("observe.at", "{ kind = 'list', steps = [2, 5, 9, 16, 20] }")]);
        let watched = run(&Sweep::new(more).unwrap().observer(Again), None, &case);
        let shared = |rows: Vec<Row>| -> Vec<Row> {
            rows.into_iter()
                .filter(|r| {
                    [0, 5, 16, 24].contains(&r.0)
                        && !r.2.ends_with("t_norm")
                        && r.2 != "hidden_norm"
                        && r.2 != "loss_train"
                })
                .collect()
        };
        let weights = |s: &Summary| s.values("weight_norm", 24).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(shared(of(&watched, 0)), shared(of(&plain, 0)), "on {case:?}");
        assert_eq!(weights(&watched), weights(&plain));
        assert!(watched.metrics.iter().any(|r| r.name == "hidden_norm"));
    }
}

/// Prints the bits of a short run; run by the test below with other numbers of threads.
#[test]
fn print_bits() {
    if std::env::var_os("ISOGRAM_PRINT_BITS").is_some() {
        let bits = [LAYERED, RESIDENT].map(|case| {
            let summary = run(&Sweep::new(experiment(&[("seeds", "3")])).unwrap(), None, &case);
            (of(&summary, 0), pair(&summary, 0, 2))
        });
        println!("BITS {bits:?}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    if support::gpu().is_none() {
        return;
    }
    let bits = |threads: Option<&str>| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "same_bits::print_bits", "--nocapture"]).env("ISOGRAM_PRINT_BITS", "1");
        if let Some(threads) = threads {
            command.env("LP_NUM_THREADS", threads);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().find(|line| line.contains("BITS")).map(str::to_owned).unwrap_or_else(|| panic!("{text}"))
    };
    let default = bits(None);
    assert_eq!(bits(Some("0")), default);
    assert_eq!(bits(Some("1")), default);
}

#[test]
fn the_second_run_of_a_plan_creates_nothing() {
    let Some(gpu) = support::gpu() else { return };
    let sweep = Sweep::new(experiment(&[])).unwrap();
    let model = isogram::train::Perceptron::new(&sweep.experiment().model);
    let observer = isogram::train::built_in(sweep.experiment());
    let compiled = isogram::train::compile(sweep.experiment(), sweep.data(), &model, &[&observer], None).unwrap();
    for lowering in [Lowering::Layered, Lowering::Resident] {
        let plan = isogram::graph::lower_as(&compiled.graph, &compiled.functions, 4, gpu.profile(), lowering).unwrap();
        assert_eq!(plan.lowering("step"), lowering);
        let step = &plan.functions[plan.function("step").unwrap()];
        // Adam, schedule, dropout, metrics and divergence test on, in a two-layer network.
        assert!(step.dispatches.len() <= 16, "{step}");
        let mut machine = isogram::graph::Machine::new(Some(&gpu), plan).unwrap();
        for function in ["init", "step", "evaluate"] {
            machine.run(function, 2).unwrap();
        }
        machine.read_results().unwrap();
        let before = gpu.objects_created();
        for function in ["init", "step", "evaluate"] {
            machine.run(function, 3).unwrap();
        }
        machine.read_results().unwrap();
        assert_eq!(gpu.objects_created(), before);
    }
}

/// The two lowerings run the same kernels over the same words in the same order. What may differ is how a compiler
/// contracts products and sums when it sees a whole step: not at all on a software adapter, which has no fused
/// multiply-add, and by an ulp per operation elsewhere.
#[test]
fn both_lowerings_give_the_same_curve() {
    let Some(gpu) = support::gpu() else { return };
    let more = experiment(&[("seeds", "3"), ("observe.at", "{ kind = 'list', steps = [1, 2, 5, 9, 16, 20] }")]);
    let sweep = Sweep::new(more).unwrap();
    let (layered, resident) = (run(&sweep, None, &LAYERED), run(&sweep, None, &RESIDENT));
    assert_eq!(layered.metrics.len(), resident.metrics.len());
    for (a, b) in layered.metrics.iter().zip(&resident.metrics) {
        assert_eq!((a.step, &a.name, &a.layer, a.replica), (b.step, &b.name, &b.layer, b.replica));
        if gpu.profile().software {
            assert_eq!(a.value.to_bits(), b.value.to_bits(), "{a:?} {b:?}");
        } else {
            assert!((a.value - b.value).abs() <= 1e-3 * a.value.abs().max(1e-3), "{a:?} {b:?}");
        }
    }
    let first = |s: &Summary| of(s, 0).into_iter().filter(|r| r.0 == 0).collect::<Vec<_>>();
    assert_eq!(first(&layered), first(&resident), "initial values come from one dispatch whatever the lowering");
}

#[test]
fn a_step_of_a_three_layer_network_takes_few_dispatches() {
    let e = experiment(&[("model.layers", "[64, 64]"), ("batch.size", "32")]);
    let sweep = Sweep::new(e).unwrap();
    let model = isogram::train::Perceptron::new(&sweep.experiment().model);
    let observer = isogram::train::built_in(sweep.experiment());
    let compiled = isogram::train::compile(sweep.experiment(), sweep.data(), &model, &[&observer], None).unwrap();
    for profile in [isogram::gpu::Profile::least(true), isogram::gpu::Profile::least(false)] {
        let plan = isogram::graph::lower(&compiled.graph, &compiled.functions, 4, &profile).unwrap();
        let step = &plan.functions[plan.function("step").unwrap()];
        assert!(step.dispatches.len() <= 16, "{step}");
    }
}
