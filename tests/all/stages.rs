//! Stages of training: losses on chosen outputs, rules for the end, each replica by its own counters.

use isogram::config::{Experiment, Observe};
use isogram::files::Layer;
use isogram::gpu::AdapterChoice;
use isogram::graph::Lowering;
use isogram::train::{Interrupt, Options, Progress, Quiet, Stage, Summary, Sweep, resumable};

use crate::support;

const SETTINGS: &str = r#"
name = "stages"
steps = 1500
seeds = 3
check_every = 25
[[stages]]
outputs = ["pair"]
until = 0.98
[[stages]]
until = 0.98
fresh_optimiser = true
[data]
source = "features"
examples = 512
fit_examples = 128
test_examples = 128
[[data.features]]
name = "easy"
function = "linear"
units = 5
[[data.features]]
name = "pair"
function = "and"
units = 4
[model]
layers = [12]
activation = "tanh"
[loss]
kind = "bce"
[optimiser]
kind = "adam"
lr = 0.01
[batch]
size = 32
[observe]
at = { kind = "list", steps = [50] }
measures = ["loss", "accuracy", "variance_explained"]
"#;

fn experiment(overrides: &[(&str, &str)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SETTINGS, "stages.toml", &overrides).unwrap()
}

fn run(experiment: &Experiment, adapter: &AdapterChoice, lowering: Lowering, slice: Option<usize>) -> Summary {
    let options = Options { adapter: adapter.clone(), lowering, slice, ..Options::default() };
    Sweep::new(experiment.clone()).unwrap().run(&options, &mut Quiet).unwrap()
}

fn adapters() -> Vec<(AdapterChoice, Lowering)> {
    let mut all = vec![(AdapterChoice::Cpu, Lowering::Auto)];
    if support::gpu().is_some() {
        all.extend([Lowering::Layered, Lowering::Resident].map(|l| (AdapterChoice::Index(0), l)));
    }
    all
}

/// All that was said of a replica but when the run ended, as bits.
fn of(summary: &Summary, replica: u32) -> Vec<(Option<Layer>, String, u64)> {
    let last = summary.metrics.iter().map(|r| r.step).max().unwrap();
    let rows = summary.metrics.iter().filter(|r| r.replica == replica && r.step == last);
    let mut rows: Vec<_> =
        rows.filter(|r| r.name != "loss_train").map(|r| (r.layer, r.name.clone(), r.value.to_bits())).collect();
    rows.sort();
    rows
}

fn value(summary: &Summary, replica: usize, name: &str) -> f64 {
    let found =
        summary.metrics.iter().filter(|r| r.replica as usize == replica && r.name == name).max_by_key(|r| r.step);
    found.unwrap_or_else(|| panic!("no {name}")).value
}

#[test]
fn stages_follow_each_other_and_the_run_ends_with_the_last_replica() {
    for (adapter, lowering) in adapters() {
        let summary = run(&experiment(&[]), &adapter, lowering, None);
        assert!(summary.steps < 1500, "the run ends when all are done, and it took {}", summary.steps);
        let mut ends = Vec::new();
        for (r, ended) in summary.ended.iter().enumerate() {
            let Some(finished) = ended.finished_at else { panic!("replica {r} is not done: {ended:?}") };
            let [Some((first, true)), Some((second, true))] = ended.stages[..] else { panic!("{ended:?}") };
            assert!(first < second && second == finished && first % 25 == 0 && second % 25 == 0, "{ended:?}");
            assert_eq!(value(&summary, r, "finished_at"), f64::from(finished));
            assert_eq!(value(&summary, r, "stage_0_ended_at"), f64::from(first));
            for name in ["accuracy_easy", "accuracy_pair"] {
                assert!(value(&summary, r, name) >= 0.98, "{name} of {r}");
            }
            assert!(value(&summary, r, "explained_easy") > 0.05);
            ends.push(finished);
        }
        assert_eq!(ends.iter().max(), Some(&summary.steps));
        ends.dedup();
        assert!(ends.len() > 1, "replicas end each at its own time: {ends:?}");
    }
}

#[test]
fn a_replica_ends_with_the_same_bits_alone_and_in_company() {
    for (adapter, lowering) in adapters().into_iter().skip(1) {
        let all = run(&experiment(&[]), &adapter, lowering, None);
        let sliced = run(&experiment(&[]), &adapter, lowering, Some(2));
        for replica in 0..3u32 {
            let seeds = format!("[{replica}]");
            let alone = run(&experiment(&[("seeds", &seeds)]), &adapter, lowering, None);
            assert_eq!(of(&alone, 0), of(&all, replica));
            assert_eq!(of(&sliced, replica), of(&all, replica));
            assert_eq!(alone.ended[0], all.ended[replica as usize]);
        }
    }
}

#[test]
fn a_replica_that_diverges_is_not_waited_for() {
    // Rates of which one learns, and others leave the range of single precision in the first steps.
    for (rates, learns) in [(["0.01", "1e38"], Some(0)), (["1e38", "0.01"], Some(1)), (["1e38", "3e38"], None)] {
        for (adapter, lowering) in adapters() {
            let all = format!("{SETTINGS}[sweep]\n\"optimiser.lr\" = [{}, {}]\n", rates[0], rates[1]);
            let often = "{ kind = \"linear\", count = 40 }";
            let overrides = [("seeds", "1"), ("observe.at", often)].map(|(k, v)| (k.to_owned(), v.to_owned()));
            let experiment = Experiment::with_overrides(&all, "stages.toml", &overrides).unwrap();
            let summary = run(&experiment, &adapter, lowering, None);
            for (r, ended) in summary.ended.iter().enumerate() {
                assert_eq!(ended.finished_at.is_some(), learns == Some(r), "{rates:?}: {ended:?}");
            }
            let end = learns.and_then(|r| summary.ended[r].finished_at);
            match end {
                Some(finished) => assert_eq!(summary.steps, finished, "{rates:?}"),
                None => assert!(summary.steps < 25, "{rates:?}: {} steps of networks that are lost", summary.steps),
            }
            // Nothing is observed after the end, and nothing twice.
            for r in 0..2 {
                let of = summary.metrics.iter().filter(|m| m.replica == r && m.name == "loss");
                let steps: Vec<u64> = of.map(|m| m.step).collect();
                assert!(steps.windows(2).all(|w| w[0] < w[1]), "{rates:?}: {steps:?}");
                assert!(steps.last().is_some_and(|last| *last <= u64::from(summary.steps)), "{rates:?}: {steps:?}");
                if learns == Some(r as usize) {
                    assert_eq!(steps.last(), Some(&u64::from(summary.steps)));
                }
            }
        }
    }
}

#[test]
fn outputs_without_a_loss_are_not_trained() {
    let settings = [("steps", "60"), ("save.parameters", "\"final\"")];
    let folder = tempfile::tempdir().unwrap();
    let read = |steps: &str, name: &str| {
        let mut e = experiment(&settings);
        e.steps = steps.parse().unwrap();
        e.observe = Observe::default();
        let out = folder.path().join(name);
        let options = Options { adapter: AdapterChoice::Cpu, out: Some(out.clone()), ..Options::default() };
        Sweep::new(e).unwrap().run(&options, &mut Quiet).unwrap();
        let arrays = isogram::data::read_safetensors(&out.join("parameters.safetensors")).unwrap();
        arrays.into_iter().find(|(n, ..)| n == "0/layers.1.weight").unwrap().2
    };
    let (start, end) = (read("1", "a"), read("25", "b"));
    // Rows are outputs. The first has no loss yet, so it moves not at all; the second does.
    assert_eq!(start[..12], end[..12]);
    assert_ne!(start[12..], end[12..]);
}

#[test]
fn steps_end_a_stage_and_a_fresh_optimiser_forgets() {
    let stages = |fresh: bool| {
        let mut e = experiment(&[("steps", "200"), ("seeds", "1")]);
        e.stages[0].outputs.clear();
        (e.stages[0].until, e.stages[0].steps) = (None, Some(60));
        (e.stages[1].until, e.stages[1].steps, e.stages[1].fresh_optimiser) = (None, Some(50), fresh);
        run(&e, &AdapterChoice::Cpu, Lowering::Auto, None)
    };
    let (fresh, kept) = (stages(true), stages(false));
    for summary in [&fresh, &kept] {
        // Rounded up to a check.
        assert_eq!(summary.ended[0].stages, [Some((75, false)), Some((125, false))]);
        assert_eq!((summary.steps, summary.ended[0].finished_at), (125, Some(125)));
    }
    assert_ne!(value(&fresh, 0, "loss").to_bits(), value(&kept, 0, "loss").to_bits());
    // Of one stage after the other on the same outputs, with the optimiser kept, nothing is seen.
    let mut plain = experiment(&[("steps", "125"), ("seeds", "1")]);
    plain.stages.clear();
    let plain = run(&plain, &AdapterChoice::Cpu, Lowering::Auto, None);
    assert_eq!(value(&plain, 0, "accuracy").to_bits(), value(&kept, 0, "accuracy").to_bits());
    assert!((value(&plain, 0, "loss") - value(&kept, 0, "loss")).abs() < 1e-6);
}

/// Stops the run once it trains.
struct StopAt(Interrupt, u32);

impl Progress for StopAt {
    fn stage(&mut self, _: Stage) {}
    fn steps(&mut self, done: u32, _: u32, _: Option<f64>) {
        if done >= self.1 {
            self.0.ask();
        }
    }
}

#[test]
fn a_run_with_stages_resumes_to_the_same_bits() {
    let Some((adapter, _)) = adapters().into_iter().nth(1) else { return };
    let whole = run(&experiment(&[]), &adapter, Lowering::Auto, None);
    for stop in [1, 60, whole.steps - 20] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let interrupt = Interrupt::default();
        let mut options = Options {
            adapter: adapter.clone(),
            out: Some(out.clone()),
            interrupt: interrupt.clone(),
            ..Options::default()
        };
        let sweep = Sweep::new(experiment(&[("save.snapshot_every", "10")])).unwrap();
        sweep.run(&options, &mut StopAt(interrupt, stop)).unwrap_err();
        assert!(resumable(&out));
        (options.resume, options.interrupt) = (true, Interrupt::default());
        let resumed = sweep.run(&options, &mut Quiet).unwrap();
        assert_eq!((resumed.steps, &resumed.ended), (whole.steps, &whole.ended), "stopped at {stop}");
        for replica in 0..3 {
            assert_eq!(of(&resumed, replica), of(&whole, replica), "stopped at {stop}");
        }
    }
}

#[test]
fn stages_that_make_no_sense_are_refused() {
    let refusal = |edit: &dyn Fn(&mut Experiment)| {
        let mut e = experiment(&[]);
        edit(&mut e);
        e.settings().map(drop).unwrap_err().to_string()
    };
    let said = refusal(&|e| e.stages[0].outputs = vec!["paar".into()]);
    assert!(said.contains("`paar`") && said.contains("easy, pair"), "{said}");
    let said = refusal(&|e| e.stages[0].until = None);
    assert!(said.contains("until or steps"), "{said}");
    let said = refusal(&|e| e.stages[1].outputs = vec!["easy".into(), "0".into()]);
    assert!(said.contains("twice"), "{said}");
}
