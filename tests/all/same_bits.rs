//! A replica's result does not depend on its company: exact comparisons, bit for bit.

use std::collections::BTreeSet;

use isogram::config::Experiment;
use isogram::files::Layer;
use isogram::gpu::AdapterChoice;
use isogram::graph::{Graph, Lowering, Tensor};
use isogram::train::{Interrupt, Observed, Observer, Options, Progress, Quiet, Seen, Summary, Sweep};

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

const LAYERED: Case = Case(AdapterChoice::Index(0), Lowering::Layered);
const RESIDENT: Case = Case(AdapterChoice::Index(0), Lowering::Resident);

fn options(slice: Option<usize>, case: &Case) -> Options {
    let Case(adapter, lowering) = case.clone();
    // One device for all, whose pipelines are compiled once.
    let gpu = support::gpu().filter(|_| adapter != AdapterChoice::Cpu);
    Options { adapter, gpu, lowering, slice, ..Options::default() }
}

fn run(sweep: &Sweep, slice: Option<usize>, case: &Case) -> Summary {
    sweep.run(&options(slice, case), &mut Quiet).unwrap()
}

/// As [`run`], with the bodies of GPUs: workgroups of 64, workgroup memory, barriers; they are in use anyway where there is one.
fn run_tiled(sweep: &Sweep, slice: Option<usize>, case: &Case) -> Summary {
    let profile = support::gpu().and_then(|gpu| support::tiled(&gpu));
    sweep.run(&Options { profile, ..options(slice, case) }, &mut Quiet).unwrap()
}

/// The reference, which knows one lowering, and the adapter with both.
fn cases() -> Vec<Case> {
    let gpu = support::gpu().map(|_| [LAYERED, RESIDENT]);
    std::iter::once(Case(AdapterChoice::Cpu, Lowering::Auto)).chain(gpu.into_iter().flatten()).collect()
}

type Row = (u64, Option<Layer>, String, u64);

/// All that was observed of a replica, as bits.
fn of(summary: &Summary, replica: u32) -> Vec<Row> {
    let rows = summary.metrics.iter().filter(|r| r.replica == replica);
    let mut rows: Vec<Row> = rows.map(|r| (r.step, r.layer, r.name.clone(), r.value.to_bits())).collect();
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
        // The processor has no grid for company to change.
        let companies: &[&str] = if case.0 == AdapterChoice::Cpu { &["3", "4"] } else { &["3", "4", "32", "33"] };
        company_changes_nothing(&[], companies, &case);
    }
}

/// Networks whose layers are listed.
const NETWORKS: [(&str, &str); 3] = [
    (
        "transformer",
        r#"[{ kind = "conv2d", out_channels = 8, kernel_size = 2, stride = 2 }, { kind = "positions" },
        { kind = "transformer", num_heads = 2, dim_feedforward = 6, norm_first = true, dropout = 0.1 }, { kind = "dropout" },
        { kind = "select" }, { kind = "dense" }]"#,
    ),
    (
        "convolutions",
        r#"[{ kind = "conv2d", out_channels = 5, kernel_size = 3, padding = "same", activation = "relu" }, { kind = "batch_norm" },
        { kind = "max_pool", kernel_size = 2 }, { kind = "conv2d", out_channels = 6, kernel_size = 3, stride = 2, padding = 1 },
        { kind = "layer_norm" }, { kind = "dropout" }, { kind = "flatten" }, { kind = "dense" }]"#,
    ),
    (
        "long short-term memory",
        r#"[{ kind = "lstm", hidden_size = 6, num_layers = 2, dropout = 0.1 }, { kind = "dropout" },
        { kind = "select", pooling = "last" }, { kind = "dense" }]"#,
    ),
];

#[test]
fn networks_of_layers_are_the_same_alone_in_company_reversed_and_in_slices() {
    for (name, layers) in NETWORKS {
        for case in cases().into_iter().filter(|case| case.1 != Lowering::Resident) {
            eprintln!("{name} on {case:?}");
            company_changes_nothing(&[("model.layers", layers), ("steps", "16")], &["3"], &case);
        }
    }
}

#[test]
fn layers_that_are_aligned_are_the_same_alone_in_company_reversed_and_in_slices() {
    let terms = r#"{ of = "layers.0", to = "layers.1", measure = "cka", weight = 0.3, until = 15 },
        { of = "layers.1", to = "layers.2", measure = "rsa:pearson" }"#;
    // Its iterations are many dispatches, which a software adapter takes minutes to compile.
    let iterated = r#"{ of = "layers.1", to = "layers.0", measure = "procrustes:squared", weight = 0.01, from = 3, stop_gradient = true }"#;
    for case in cases().into_iter().filter(|case| case.1 != Lowering::Resident) {
        let all = if case.0 == AdapterChoice::Cpu { format!("[{terms}, {iterated}]") } else { format!("[{terms}]") };
        company_changes_nothing(&[("model.layers", "[12, 9]"), ("loss.align", &all), ("steps", "18")], &["3"], &case);
    }
}

/// Replica 0 alone, among so many, in the reverse order, and in slices of a sweep with these settings.
fn company_changes_nothing(settings: &[(&str, &str)], companies: &[&str], case: &Case) {
    let sweep = |seeds: &str| Sweep::new(experiment(&[settings, &[("seeds", seeds)]].concat())).unwrap();
    let alone = of(&run(&sweep("1"), None, case), 0);
    assert!(alone.len() > 20);
    for seeds in companies {
        let company = run(&sweep(seeds), None, case);
        assert_eq!(of(&company, 0), alone, "among {seeds} on {case:?}");
    }
    let four = run(&sweep("4"), None, case);
    let reversed = run(&sweep("[3, 2, 1, 0]"), None, case);
    for replica in 0..4 {
        assert_eq!(of(&reversed, 3 - replica), of(&four, replica), "reversed on {case:?}");
    }
    assert_eq!(pair(&reversed, 3, 2), pair(&four, 0, 1));
    let sliced = run(&sweep("4"), Some(3), case);
    for replica in 0..4 {
        assert_eq!(of(&sliced, replica), of(&four, replica), "in slices on {case:?}");
    }
    assert_eq!(pair(&sliced, 0, 3), pair(&four, 0, 3));
    assert!(!pair(&sliced, 0, 3).is_empty());
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
                        // Of the observer, and since the last time that anything was observed.
                        && !["output_norm", "hidden_norm", "loss_train"].contains(&r.2.as_str())
                })
                .collect()
        };
        let expected = shared(of(&plain, 0));
        assert_eq!(shared(of(&watched, 0)), expected, "on {case:?}");
        for name in ["weight_norm", "gradient_norm", "loss", "cka_input:biased"] {
            let steps: BTreeSet<u64> = expected.iter().filter(|r| r.2 == name).map(|r| r.0).collect();
            assert_eq!(steps, BTreeSet::from([0, 5, 16, 24]), "{name} is compared");
        }
        assert!(watched.metrics.iter().any(|r| r.name == "hidden_norm"));
    }
}

/// Prints the bits of a short run; run by the test below with other numbers of threads.
#[test]
fn print_bits() {
    if std::env::var_os("ISOGRAM_PRINT_BITS").is_some() {
        let sweep = Sweep::new(experiment(&[("seeds", "3")])).unwrap();
        let bits = |summary: Summary| (of(&summary, 0), pair(&summary, 0, 2));
        println!("BITS {:?}", [LAYERED, RESIDENT].map(|case| bits(run(&sweep, None, &case))));
        println!("TILED {:?}", [LAYERED, RESIDENT].map(|case| bits(run_tiled(&sweep, None, &case))));
    }
}

/// With the bodies of GPUs, whose invocations meet at barriers.
#[test]
fn tiled_bodies_give_the_same_bits_alone_in_company_and_in_slices_whatever_the_lowering() {
    let Some(gpu) = support::gpu() else { return };
    let sweep = |seeds: &str| Sweep::new(experiment(&[("seeds", seeds)])).unwrap();
    let alone = of(&run_tiled(&sweep("1"), None, &LAYERED), 0);
    assert!(alone.len() > 20);
    let layered = run_tiled(&sweep("5"), Some(2), &LAYERED);
    assert_eq!(of(&layered, 0), alone, "in slices");
    let resident = run_tiled(&sweep("[4, 3, 2, 1, 0]"), None, &RESIDENT);
    // No software adapter fuses multiplications with additions, whatever the text around them.
    if gpu.profile().software {
        for replica in 0..5 {
            assert_eq!(of(&resident, 4 - replica), of(&layered, replica), "resident, replica {replica}");
        }
        assert_eq!(pair(&resident, 4, 1), pair(&layered, 0, 3));
    }
}

/// A run in the resident form that is stopped between two checkpoints and continued.
#[test]
fn a_resident_run_resumes_to_the_same_bits() {
    struct Stop(Interrupt, u32);
    impl Progress for Stop {
        fn steps(&mut self, done: u32, _: u32, _: Option<f64>) {
            if done >= self.1 {
                self.0.ask();
            }
        }
    }
    if support::gpu().is_none() {
        return;
    }
    let stopped = experiment(&[("seeds", "2"), ("save.snapshot_every", "3"), ("save.parameters", "'final'")]);
    let sweep = Sweep::new(stopped).unwrap();
    let whole = run(&sweep, None, &RESIDENT);
    let dir = tempfile::tempdir().unwrap();
    let out = Some(dir.path().join("run"));
    let mut summary = None;
    for stop in [3, 9, 18, 25] {
        let options = Options { out: out.clone(), resume: stop > 3, ..options(None, &RESIDENT) };
        match sweep.run(&options, &mut Stop(options.interrupt.clone(), stop)) {
            Ok(done) => summary = Some(done),
            Err(isogram::Error::Interrupted { step }) => assert_eq!(step, u64::from(stop)),
            Err(error) => panic!("{error}"),
        }
    }
    let resumed = summary.expect("the last run goes to the end");
    assert_eq!(resumed.resumed_from, Some(18));
    for replica in 0..2 {
        assert_eq!(of(&resumed, replica), of(&whole, replica));
    }
    assert_eq!(pair(&resumed, 0, 1), pair(&whole, 0, 1));
    assert_eq!(resumed.parameters, whole.parameters);
}

/// Rates that end replicas at the first step and at later ones, between checkpoints and, in the resident form, within a
/// dispatch: both lowerings find them at the same step, and their neighbour does not notice.
#[test]
fn replicas_that_diverge_late_do_so_at_the_same_step_whatever_the_lowering() {
    let of_rates = |more: &[(&str, &str)]| {
        let base = [
            ("seeds", "1"),
            ("optimiser.kind", "'sgd'"),
            ("optimiser.schedule", "{}"),
            ("model.dropout", "0.0"),
            ("model.activation", "'identity'"),
            ("loss.kind", "'mse'"),
        ];
        Sweep::new(experiment(&[&base[..], more].concat())).unwrap()
    };
    let mut seen = Vec::new();
    for case in cases() {
        let calm = run(&of_rates(&[("optimiser.lr", "0.01")]), None, &case);
        let mixed = run(&of_rates(&[("sweep.optimiser.lr", "[0.01, 1.0, 1e2, 1e6, 1e15, 1e30]")]), None, &case);
        assert_eq!(of(&mixed, 0), of(&calm, 0), "beside diverging replicas on {case:?}");
        let steps: Vec<_> = mixed.manifest.replicas.iter().map(|r| r.diverged_at).collect();
        assert_eq!(steps[0], None);
        for (replica, step) in steps.iter().enumerate() {
            let last = of(&mixed, replica as u32).iter().map(|r| r.0).max().unwrap();
            assert!(step.is_none_or(|step| last <= step), "{step:?}, rows up to {last} on {case:?}");
        }
        let moments: BTreeSet<_> = steps.iter().flatten().collect();
        assert!(moments.len() > 2, "{steps:?} on {case:?}");
        if case.0 != AdapterChoice::Cpu {
            seen.push(steps);
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[test]
fn the_mean_training_loss_of_many_steps_keeps_its_digits() {
    // Nothing moves, so the mean is the loss of any step. A running sum of 20,000 terms would be off by some 1e-4.
    let still = |steps: &str| {
        experiment(&[
            ("seeds", "1"),
            ("steps", steps),
            ("data.source", "'two_points'"),
            ("data.normalise", "'none'"),
            ("model.layers", "[]"),
            ("model.dropout", "0.0"),
            ("loss.kind", "'mse'"),
            ("optimiser.kind", "'sgd'"),
            ("optimiser.lr", "0.0"),
            ("optimiser.schedule", "{}"),
            ("batch.mode", "'full'"),
            ("probe.examples", "2"),
            ("observe.at", &format!("{{ kind = 'list', steps = [0, {steps}] }}")),
            ("observe.measures", "['loss']"),
        ])
    };
    let loss = |steps: u64| {
        let sweep = Sweep::new(still(&steps.to_string())).unwrap();
        run(&sweep, None, &Case(AdapterChoice::Cpu, Lowering::Auto)).values("loss_train", steps)[0]
    };
    let (one, many) = (loss(1), loss(20_000));
    assert!((many / one - 1.0).abs() < 3e-5, "{many} against {one}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    if !support::gpu().is_some_and(|gpu| gpu.profile().software) {
        eprintln!("no software adapter: the number of its threads is NOT varied");
        return;
    }
    let bits = |environment: &[(&str, &str)]| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "same_bits::print_bits", "--nocapture"]).env("ISOGRAM_PRINT_BITS", "1");
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = |with: &str| text.lines().find(|line| line.contains(with)).map(str::to_owned);
        [line("BITS").unwrap_or_else(|| panic!("{text}")), line("TILED").unwrap_or_else(|| panic!("{text}"))]
    };
    let default = bits(&[]);
    // Nor do checks of indices, which users do not have.
    for environment in [
        &[("LP_NUM_THREADS", "0"), ("ISOGRAM_CHECKED", "0")][..],
        &[("LP_NUM_THREADS", "1")],
        &[("LP_NUM_THREADS", "8")],
    ] {
        assert!(bits(environment) == default, "{environment:?}");
    }
}

#[test]
fn the_second_run_of_a_plan_creates_nothing() {
    if support::gpu().is_none() {
        return;
    }
    // Its own device: other tests make things on the one that they share.
    let gpu = isogram::gpu::Gpu::open(&AdapterChoice::Automatic).unwrap();
    let sweep = Sweep::new(experiment(&[])).unwrap();
    let observer = isogram::train::built_in(sweep.experiment());
    let compiled =
        isogram::train::compile(sweep.experiment(), sweep.data(), &sweep.experiment().model, &[&observer], None)
            .unwrap();
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
        let (before, alive) = (gpu.objects_created(), gpu.objects_alive());
        assert!(alive > 0, "the graphics library counts");
        for function in ["init", "step", "evaluate"] {
            machine.run(function, 3).unwrap();
        }
        machine.read_results().unwrap();
        assert_eq!(gpu.objects_created(), before);
        assert_eq!(gpu.objects_alive(), alive);
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
    let observer = isogram::train::built_in(sweep.experiment());
    let compiled =
        isogram::train::compile(sweep.experiment(), sweep.data(), &sweep.experiment().model, &[&observer], None)
            .unwrap();
    for profile in [isogram::gpu::Profile::least(true), isogram::gpu::Profile::least(false)] {
        let plan = isogram::graph::lower(&compiled.graph, &compiled.functions, 4, &profile).unwrap();
        let step = &plan.functions[plan.function("step").unwrap()];
        assert!(step.dispatches.len() <= 16, "{step}");
    }
}
