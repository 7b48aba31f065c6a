//! Pairs of examples followed at every step: against PyTorch, and without any effect on training.

use std::path::Path;
use std::sync::Arc;

use isogram::config::Experiment;
use isogram::data::{TwoPoints, read_safetensors, two_points};
use isogram::gpu::AdapterChoice;
use isogram::graph::Lowering;
use isogram::train::{Options, Prepared, Quantity, Quiet, Replica, Subset, Summary, Sweep, Targets, Track};

use crate::support;

const SETTINGS: &str = r#"
name = "pair"
steps = 300
seeds = 2
[data]
source = "two_points"
normalise = "none"
[model]
layers = [12, 12, 12, 12]
activation = "leaky_relu"
skip = 2
init = "xavier_normal"
gain = 0.9
[loss]
kind = "mse"
reduction = "half_mean"
[optimiser]
kind = "sgd"
lr = 0.05
[batch]
mode = "full"
[observe]
at = { kind = "list", steps = [0, 300] }
measures = ["loss"]
"#;

fn experiment(overrides: &[(&str, &str)]) -> Experiment {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SETTINGS, "pair.toml", &overrides).unwrap()
}

fn pair() -> Track {
    Track { pairs: vec![[0, 1]] }
}

fn run(sweep: &Sweep, adapter: &AdapterChoice, lowering: Lowering) -> Summary {
    sweep.run(&Options { adapter: adapter.clone(), lowering, ..Options::default() }, &mut Quiet).unwrap()
}

fn adapters() -> Vec<AdapterChoice> {
    let gpu = support::gpu().map(|_| AdapterChoice::Index(0));
    std::iter::once(AdapterChoice::Cpu).chain(gpu).collect()
}

/// Whether a step's text changes no bit of what it computes: a GPU's compiler may fuse multiplications with additions in one text
/// and not in another.
fn exact(adapter: &AdapterChoice) -> bool {
    *adapter == AdapterChoice::Cpu || support::gpu().is_some_and(|gpu| gpu.profile().software)
}

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

#[test]
fn a_pair_moves_as_in_pytorch() {
    let start = format!("{:?}", fixture("tracked_init.safetensors").display().to_string());
    let sweep = Sweep::new(experiment(&[("model.init_from", &start), ("seeds", "1")])).unwrap().track(pair());
    let expected = read_safetensors(&fixture("tracked.safetensors")).unwrap();
    let of = |name: &str| -> Vec<f64> {
        let (_, _, values) = expected.iter().find(|(n, ..)| n == name).unwrap();
        values.iter().map(|x| f64::from(*x)).collect()
    };
    for adapter in adapters() {
        let summary = run(&sweep, &adapter, Lowering::Layered);
        let tracked = &summary.tracked[0];
        let close = |what: &str, quantity: Quantity| {
            support::close(what, tracked.of(quantity), &of(what), 2e-4);
        };
        close("loss", Quantity::Loss);
        close("output", Quantity::Output(0));
        close("alignment", Quantity::Alignment(0));
        for layer in 0..4 {
            close(&format!("distance.{layer}"), Quantity::Distance(0, layer));
        }
        assert_eq!(tracked.series.len(), 7);
    }
}

#[test]
fn tracking_changes_nothing_whatever_the_lowering() {
    for adapter in adapters() {
        let untracked = run(&Sweep::new(experiment(&[])).unwrap(), &adapter, Lowering::Layered);
        let mut seen: Option<Summary> = None;
        for lowering in [Lowering::Layered, Lowering::Resident] {
            if adapter == AdapterChoice::Cpu && lowering == Lowering::Resident {
                continue;
            }
            let tracked = run(&Sweep::new(experiment(&[])).unwrap().track(pair()), &adapter, lowering);
            let (with, without) = (tracked.values("loss", 300), untracked.values("loss", 300));
            if exact(&adapter) {
                assert_eq!(with, without, "{adapter:?} {lowering:?}");
            } else {
                support::close("loss", &with.iter().map(|x| *x as f32).collect::<Vec<_>>(), &without, 1e-4);
            }
            assert!(tracked.tracked.iter().all(|t| t.of(Quantity::Loss).len() == 300));
            if let Some(seen) = seen.as_ref().filter(|_| exact(&adapter)) {
                assert_eq!(seen.tracked, tracked.tracked, "{lowering:?}");
            }
            seen = Some(tracked);
        }
    }
}

#[test]
fn with_dropout_the_whole_network_is_tracked() {
    let settings = [
        ("model.dropout", "0.2"),
        ("model.input_dropout", "0.1"),
        ("steps", "40"),
        ("observe.at", "{ kind = \"list\", steps = [0, 40] }"),
    ];
    for adapter in adapters() {
        let summary = run(&Sweep::new(experiment(&settings)).unwrap().track(pair()), &adapter, Lowering::Auto);
        let same = run(
            &Sweep::new(experiment(&[("steps", "40"), ("observe.at", "{ kind = \"list\", steps = [0, 40] }")]))
                .unwrap()
                .track(pair()),
            &adapter,
            Lowering::Auto,
        );
        // The masks are on the batch alone: before training the two networks are the same, and their losses are not.
        for r in 0..2 {
            let at_start = |s: &Summary, q| s.tracked[r].of(q)[0];
            assert_eq!(at_start(&summary, Quantity::Distance(0, 3)), at_start(&same, Quantity::Distance(0, 3)));
            assert_eq!(at_start(&summary, Quantity::Output(0)), at_start(&same, Quantity::Output(0)));
            assert_ne!(at_start(&summary, Quantity::Loss), at_start(&same, Quantity::Loss));
        }
    }
}

#[test]
fn replicas_with_points_of_their_own_are_as_if_alone() {
    let task = |dx2: f64, dy2: f64| TwoPoints { dx2, dy2, ..TwoPoints::default() };
    let part = |task: &TwoPoints| {
        let points = two_points(task);
        let isogram::data::Targets::Values(targets) = points.targets else { panic!("numbers") };
        Subset { examples: 2, inputs: points.inputs.values, targets: Targets::Values(targets.values) }
    };
    let grid = [(1.0, 0.5), (0.25, 1.0), (2.0, 0.0)];
    let e = experiment(&[("seeds", "1")]);
    for adapter in adapters() {
        let replicas: Vec<Replica> = grid
            .iter()
            .map(|&(dx2, dy2)| Replica {
                seed: 0,
                columns: Arc::default(),
                experiment: Arc::new(e.clone()),
                data: Some(Arc::new(part(&task(dx2, dy2)))),
            })
            .collect();
        let sweep = Sweep::of_replicas(e.clone(), Prepared::load(&e).unwrap(), replicas).unwrap().track(pair());
        let together = run(&sweep, &adapter, Lowering::Layered);
        for (i, (dx2, dy2)) in grid.iter().enumerate() {
            let (dx2, dy2) = (dx2.to_string(), dy2.to_string());
            let own = [("seeds", "1"), ("data.input_distance", &*dx2), ("data.target_distance", &*dy2)];
            let alone = run(&Sweep::new(experiment(&own)).unwrap().track(pair()), &adapter, Lowering::Layered);
            assert_eq!(together.tracked[i], alone.tracked[0], "{dx2} {dy2} on {adapter:?}");
        }
        assert!(together.tracked[0].of(Quantity::Output(0))[299] > 0.45);
    }
    let some = Replica { seed: 0, columns: Arc::default(), experiment: Arc::new(e.clone()), data: None };
    let other = Replica { data: Some(Arc::new(part(&task(1.0, 1.0)))), ..some.clone() };
    let refused = Sweep::of_replicas(e.clone(), Prepared::load(&e).unwrap(), vec![some, other]).unwrap_err();
    assert!(refused.to_string().contains("examples of its own"), "{refused}");
}

#[test]
fn a_pair_that_is_not_there_is_refused() {
    let sweep = Sweep::new(experiment(&[])).unwrap().track(Track { pairs: vec![[0, 2]] });
    let error = sweep.run(&Options::default(), &mut Quiet).unwrap_err();
    assert!(error.to_string().contains("example 2"), "{error}");
}
