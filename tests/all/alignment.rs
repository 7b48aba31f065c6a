//! Terms of the loss between layers: against PyTorch, per replica, switched on and off, resumed.

use isogram::config::Experiment;
use isogram::data::write_safetensors;
use isogram::gpu::AdapterChoice;
use isogram::train::{Interrupt, Options, Progress, Quiet, Summary, Sweep};

use crate::pytorch::Fixture;
use crate::support;

const SETTINGS: &str = r#"
name = "aligned"
steps = 12
seeds = 2
[model]
layers = [12, 9]
activation = "tanh"
dropout = 0.1
[batch]
size = 8
[probe]
examples = 24
[observe]
at = { kind = "list", steps = [5] }
[save]
parameters = "final"
"#;

/// A term that holds two layers together.
const TERM: &str = r#"{ of = "layers.0", to = "layers.1", measure = "cka:biased", weight = 0.5 }"#;

fn experiment(overrides: &[(&str, &str)]) -> isogram::Result<Experiment> {
    let overrides: Vec<_> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Experiment::with_overrides(SETTINGS, "aligned.toml", &overrides)
}

fn run(overrides: &[(&str, &str)]) -> Summary {
    let sweep = Sweep::new(experiment(overrides).unwrap()).unwrap();
    sweep.run(&Options { adapter: AdapterChoice::Cpu, ..Options::default() }, &mut Quiet).unwrap()
}

/// What was observed of a replica but for its terms, and its parameters, as bits.
fn bits(summary: &Summary, replica: u32) -> (Vec<(u64, String, u64)>, Vec<u32>) {
    let own = summary.metrics.iter().filter(|r| r.replica == replica && !r.name.starts_with("loss_align"));
    let parameters = summary.parameters.iter().filter(|(name, ..)| name.starts_with(&format!("{replica}/")));
    (
        own.map(|r| (r.step, r.name.clone(), r.value.to_bits())).collect(),
        parameters.flat_map(|(_, _, values)| values.iter().map(|x| x.to_bits())).collect(),
    )
}

/// Cross-entropy and terms, as the script of the fixture has them.
const TERMS: &str = r#"
align = [
  { name = "cka", of = "fc1", to = "fc2", weight = 0.7 },
  { name = "biased", of = "fc1", to = "head", measure = "cka:biased", weight = 0.5, stop_gradient = true },
  { name = "cosine", of = "fc2", to = "fc1", measure = "rsa:cosine-of", weight = 0.3, stop_gradient = true },
  { name = "disparity", of = "fc2", to = "head", measure = "procrustes:disparity", weight = 0.6 },
  { name = "mse", of = "fc2", to = "fc1", measure = "mse", weight = 0.8 },
]"#;

/// Trains the network of the fixture for a step and compares what is observed before it and the weights after it, on every executor.
fn as_in_pytorch(terms: &str, more: &str, which: &str) {
    let f = Fixture::load("../reference/align");
    let dir = tempfile::tempdir().unwrap();
    let write = |file: &str, names: &[(&str, &str)]| {
        let array = |(name, of): &(&str, &str)| ((*name).to_owned(), f.extents(of).to_vec(), f.f32(of));
        write_safetensors(&dir.path().join(file), &names.iter().map(array).collect::<Vec<_>>(), &[]).unwrap();
    };
    write("x.safetensors", &[("x", "x")]);
    write("labels.safetensors", &[("labels", "labels")]);
    let all = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "head.weight", "head.bias"];
    write("weights.safetensors", &all.map(|name| (name, name)));
    let teacher = ["fc1.weight", "fc1.bias", "head.weight", "head.bias"];
    let named = teacher.map(|name| (name, format!("teacher.{name}")));
    write("teacher.safetensors", &named.each_ref().map(|(name, of)| (*name, of.as_str())));
    let text = format!(
        r#"
steps = 1
seeds = 2
[data]
source = "files"
inputs = "x.safetensors"
labels = "labels.safetensors"
test_inputs = "x.safetensors"
test_labels = "labels.safetensors"
classes = 5
normalise = "none"
[model]
init_from = "weights.safetensors"
layers = [{{ name = "fc1", out_features = 8, activation = "tanh" }}, {{ name = "fc2", out_features = 8, activation = "tanh" }},
          {{ name = "head" }}]
{more}
[loss]
{terms}
[batch]
mode = "full"
[optimiser]
kind = "sgd"
lr = 0.1
[save]
parameters = "final"
"#
    );
    let path = dir.path().join("aligned.toml");
    std::fs::write(&path, text).unwrap();
    let sweep = Sweep::new(isogram::config::load(path.to_str().unwrap(), &[]).unwrap()).unwrap();
    for (place, gpu) in support::executors() {
        let adapter = if gpu.is_some() { AdapterChoice::Index(0) } else { AdapterChoice::Cpu };
        let summary = sweep.run(&Options { adapter, gpu, ..Options::default() }, &mut Quiet).unwrap();
        let seen = |name: &str| summary.values(name, 0);
        for term in sweep.experiment().loss.align.iter().map(|term| term.name.clone().unwrap()) {
            let values = seen(&format!("loss_align_{term}")).iter().map(|&x| x as f32).collect::<Vec<_>>();
            let expected = f.get(&format!("term/{term}")).repeat(2);
            support::close(&format!("{term} on {place}"), &values, &expected, 1e-5);
        }
        support::close(
            "the task's loss",
            &seen("loss").iter().map(|&x| x as f32).collect::<Vec<_>>(),
            &f.get("task").repeat(2),
            1e-5,
        );
        for name in all {
            let own = |replica: &str| format!("{replica}/{name}");
            for replica in ["0", "1"] {
                let (_, _, got) = summary.parameters.iter().find(|(n, ..)| *n == own(replica)).unwrap();
                support::close(&format!("{name} on {place}"), got, f.get(&format!("{which}/{name}")), 1e-5);
            }
        }
    }
}

#[test]
fn a_step_on_terms_within_a_network_is_that_of_pytorch() {
    as_in_pytorch(TERMS, "", "own");
}

/// The terms whose second layer is a teacher's.
const TAUGHT: &str = r#"
  { name = "pearson", of = "fc2", to = "teacher.fc1", measure = "rsa:pearson", weight = 0.4 },
  { name = "squared", of = "fc1", to = "teacher.fc1", measure = "procrustes:squared", weight = 0.02 },
  { name = "kl", of = "head", to = "teacher.head", measure = "kl", weight = 0.9 },
]"#;

/// A teacher from a file.
const TEACHER: &str = r#"
[networks.teacher]
init_from = "teacher.safetensors"
freeze = true
layers = [{ name = "fc1", out_features = 7, activation = "tanh" }, { name = "head" }]"#;

#[test]
fn a_step_on_terms_with_a_teacher_is_that_of_pytorch() {
    as_in_pytorch(&TERMS.replace("\n]", TAUGHT), TEACHER, "all");
}

#[test]
fn a_term_without_a_weight_or_outside_of_its_steps_changes_no_bit() {
    let plain = run(&[]);
    let terms = format!("[{TERM}]");
    let with = |key: &str, values: &str| run(&[("loss.align", &terms), (&format!("sweep.loss.align.0.{key}"), values)]);
    let weights = with("weight", "[0, 0.5]");
    for replica in 0..2 {
        assert_eq!(bits(&weights, replica), bits(&plain, replica), "without a weight");
        assert_ne!(bits(&weights, 2 + replica), bits(&plain, replica), "with one");
    }
    // One group, whatever the weights.
    assert_eq!(weights.manifest.groups.len(), 1);
    let late = with("from", "[12, 11, 0]");
    let early = with("until", "[1, 12, 100]");
    for replica in 0..2 {
        assert_eq!(bits(&late, replica), bits(&plain, replica), "from the end");
        assert_ne!(bits(&late, 2 + replica), bits(&plain, replica), "at the last step");
        assert_eq!(bits(&late, 4 + replica), bits(&weights, 2 + replica), "from the start");
        assert_ne!(bits(&early, replica).1, bits(&plain, replica).1, "at the first step");
        assert_eq!(bits(&early, 2 + replica), bits(&early, 4 + replica), "to the end");
    }
    // Of layers that are zero this measure has no value and no gradient, which harms those alone that ask for it.
    let terms = "[{ of = 'layers.0', to = 'layers.1', measure = 'procrustes:disparity' }]";
    let zero = run(&[("loss.align", terms), ("sweep.loss.align.0.weight", "[0, 1]"), ("model.gain", "0")]);
    let diverged: Vec<bool> = zero.manifest.replicas.iter().map(|r| r.diverged_at.is_some()).collect();
    assert_eq!(diverged, [false, false, true, true]);
}

#[test]
fn layers_that_are_aligned_come_together() {
    let last = |summary: &Summary| summary.values("loss_align_0", 200);
    let of = |term: &str, weight: &str| {
        let terms = format!("[{{ of = 'layers.0', to = 'layers.1', {term} }}]");
        run(&[("steps", "200"), ("loss.align", &terms), ("loss.align.0.weight", weight), ("model.dropout", "0")])
    };
    for (measure, part) in [("cka", 0.5), ("rsa:pearson", 0.5), ("procrustes:disparity", 0.75)] {
        let term = format!("measure = '{measure}'");
        let (without, with) = (last(&of(&term, "0")), last(&of(&term, "1")));
        for (without, with) in without.iter().zip(&with) {
            assert!(*with < part * without, "{measure}: {with} against {without}");
        }
    }
}

/// Stops a run after so many steps.
struct Stop(Interrupt, u32);

impl Progress for Stop {
    fn steps(&mut self, done: u32, _: u32, _: Option<f64>) {
        if done >= self.1 {
            self.0.ask();
        }
    }
}

/// A run that is stopped between two checkpoints and continued has the bits of one that is not.
fn resumes(overrides: &[(&str, &str)]) {
    let overrides = [overrides, &[("save.snapshot_every", "3")]].concat();
    let whole = run(&overrides);
    let sweep = Sweep::new(experiment(&overrides).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let resumed = |resume: bool, stop: u32| {
        let out = Some(dir.path().join("run"));
        let options = Options { adapter: AdapterChoice::Cpu, out, resume, ..Options::default() };
        sweep.run(&options, &mut Stop(options.interrupt.clone(), stop))
    };
    assert!(matches!(resumed(false, 7), Err(isogram::Error::Interrupted { .. })));
    let resumed = resumed(true, 100).unwrap();
    assert!(resumed.resumed_from.is_some_and(|step| step >= 7));
    for replica in 0..whole.manifest.replicas.len() as u32 {
        assert_eq!(bits(&resumed, replica), bits(&whole, replica));
    }
}

#[test]
fn a_run_with_terms_resumes_to_the_same_bits() {
    let terms = format!("[{TERM}]");
    resumes(&[("loss.align", &terms), ("sweep.loss.align.0.until", "[4, 9]")]);
}

#[test]
fn what_cannot_be_compared_says_which_term_and_why() {
    let said = |overrides: &[(&str, &str)]| {
        let sweep = experiment(overrides).and_then(Sweep::new);
        let options = Options { adapter: AdapterChoice::Cpu, ..Options::default() };
        sweep.and_then(|sweep| sweep.run(&options, &mut Quiet)).unwrap_err().to_string()
    };
    let term = |measure: &str| format!("[{{ name = 'own', of = 'layers.0', to = 'layers.1', measure = '{measure}' }}]");
    let widths = said(&[("loss.align", &term("mse"))]);
    assert_eq!(
        widths,
        "loss.align: term `own`: mse compares unit by unit, and there are 12 and 9: take a measure such as cka"
    );
    assert!(said(&[("loss.align", &term("kl"))]).contains("term `own`: kl compares unit by unit"));
    let few = said(&[("loss.align", &term("cka")), ("batch.size", "3")]);
    assert_eq!(few, "loss.align: term `own`: this measure needs at least 4 examples, and there are 3");
}

/// The example of the documentation.
fn documented() -> String {
    let page = include_str!("../../docs/experiments.md");
    let (_, rest) = page.split_once("## Several networks").unwrap();
    let (_, rest) = rest.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_example_of_the_documentation_runs() {
    let overrides = [("steps", "4"), ("seeds", "1"), ("save.representations", "final"), ("save.parameters", "final")];
    let overrides = overrides.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let e = Experiment::with_overrides(&documented(), "example.toml", &overrides).unwrap();
    let sweep = Sweep::new(e).unwrap();
    let summary = sweep.run(&Options { adapter: AdapterChoice::Cpu, ..Options::default() }, &mut Quiet).unwrap();
    assert_eq!(summary.manifest.replicas.len(), 4);
    assert_eq!(summary.manifest.layer_names, ["bn1", "fc2", "guide.bn1"]);
    for name in ["loss", "guide.loss", "guide.accuracy", "loss_align_early", "loss_align_1", "input_gradient_norm"] {
        let values = summary.values(name, 4);
        assert!(values.len() == 4 && values.iter().all(|v| v.is_finite()), "{name}: {values:?}");
    }
    for name in ["guide.loss_test", "guide.accuracy_test"] {
        assert_eq!(summary.values(name, 4).len(), 4, "{name}");
    }
    let named = |name: &str| summary.parameters.iter().find(|(n, ..)| n == name);
    assert_eq!(named("0/guide.conv1.weight").unwrap().1, [4, 1, 3, 3]);
    assert_eq!(named("1/guide.conv1.weight").unwrap().1, [8, 1, 3, 3]);
}

#[test]
fn two_networks_learn_side_by_side_as_each_does_alone() {
    // The one beside has the other's layers, its own initial weights, and the optimiser's step for itself.
    let pair = run(&[("networks.twin", "{}"), ("model.dropout", "0")]);
    let alone = run(&[("model.dropout", "0")]);
    let of = |summary: &Summary, name: &str| summary.values(name, 12);
    assert_eq!(of(&pair, "loss"), of(&alone, "loss"));
    assert_ne!(of(&pair, "twin.loss"), of(&pair, "loss"));
    assert!(
        pair.values("twin.loss", 12).iter().zip(pair.values("twin.loss", 0)).all(|(after, before)| *after < before)
    );
    // Its weights are those that start a network of the same layers.
    let start = |summary: &Summary, name: &str| summary.parameters.iter().find(|(n, ..)| n == name).unwrap().2.clone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("twin.safetensors");
    let first = run(&[("networks.twin", "{}"), ("model.dropout", "0"), ("optimiser.lr", "0"), ("seeds", "[1]")]);
    let twin = ["layers.0", "layers.1", "layers.2"].map(|layer| ["weight", "bias"].map(|of| format!("{layer}.{of}")));
    let arrays = twin.as_flattened().iter().map(|name| {
        let (_, shape, values) = first.parameters.iter().find(|(n, ..)| *n == format!("0/twin.{name}")).unwrap();
        (name.clone(), shape.clone(), values.clone())
    });
    write_safetensors(&path, &arrays.collect::<Vec<_>>(), &[]).unwrap();
    let again = run(&[("model.init_from", path.to_str().unwrap()), ("model.dropout", "0"), ("seeds", "[1]")]);
    assert_eq!(of(&again, "loss")[0], of(&pair, "twin.loss")[1]);
    assert_eq!(start(&again, "0/layers.1.weight"), start(&pair, "1/twin.layers.1.weight"));
}

#[test]
fn frozen_networks_stay_and_cost_no_state() {
    let settings = [
        ("networks.guide", "{ layers = [6], freeze = true }"),
        ("loss.align", "[{ of = 'layers.0', to = 'guide.layers.0', measure = 'cka:biased' }]"),
    ];
    let of = |summary: &Summary, name: &str| summary.parameters.iter().find(|(n, ..)| n == name).unwrap().2.clone();
    let (few, many) = (run(&[&settings[..], &[("steps", "1"), ("observe.at", "{}")]].concat()), run(&settings));
    let weight = "1/guide.layers.0.weight";
    assert_eq!(of(&few, weight), of(&many, weight));
    assert_ne!(of(&few, "1/layers.0.weight"), of(&many, "1/layers.0.weight"));
    assert_eq!(many.manifest.groups[0].parameters, run(&[]).manifest.groups[0].parameters);
    // What stands in the metrics of another network than that of [model] is called by its name.
    assert!(many.metrics.iter().any(|r| r.name == "guide.loss"));
}

#[test]
fn runs_of_several_networks_resume_to_the_same_bits() {
    resumes(&[
        ("networks.guide", "{ layers = [6], freeze = true }"),
        ("networks.twin", "{ loss = false }"),
        (
            "loss.align",
            "[{ of = 'layers.0', to = 'guide.layers.0' }, { of = 'twin.layers.1', to = 'layers.1', stop_gradient = true }]",
        ),
    ]);
}

#[test]
fn what_layers_of_other_networks_represent_is_compared_and_saved() {
    let summary = run(&[
        ("networks.twin", "{ layers = [7] }"),
        ("observe.layers", "['layers.1', 'twin.layers.0']"),
        ("observe.compare", "['cka']"),
        ("observe.describe", "['participation_ratio']"),
        ("save.representations", "final"),
    ]);
    assert_eq!(summary.manifest.layers, ["layers.1", "layers.2"]);
    assert_eq!(summary.manifest.layer_names, ["layers.1", "twin.layers.0"]);
    let widths: Vec<usize> = summary.representations.iter().filter(|r| r.replica == 0).map(|r| r.shape[1]).collect();
    assert_eq!(widths, [12, 9, 7]);
    let pairs: Vec<&str> = summary.pairs.iter().filter(|p| p.step == 12).map(|p| p.layer_a).collect();
    assert_eq!(pairs, ["layers.1", "layers.2"]);
}

/// The gradient of the loss with respect to the inputs and to activations, against differences of the loss.
#[test]
fn gradients_that_are_observed_are_those_of_the_loss() {
    let summary = run(&[
        ("model.layers", "[]"),
        ("loss.kind", "'mse'"),
        ("observe.gradients", "['input']"),
        ("save.representations", "final"),
        ("seeds", "1"),
    ]);
    // Of a linear model and squared errors: 2/(N C) (y - t) W, and its norm.
    let gradient = summary.representations.iter().find(|r| r.layer.is_none()).unwrap();
    assert_eq!(gradient.clone().into_array().0, "0/gradient/input");
    assert_eq!(gradient.shape, [24, 64]);
    let norm = gradient.values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let [observed] = summary.values("input_gradient_norm", 12)[..] else { panic!() };
    assert!((norm / observed - 1.0).abs() < 1e-5, "{norm} against {observed}");
    let sweep = Sweep::new(experiment(&[("loss.kind", "'mse'")]).unwrap()).unwrap();
    let probe = &sweep.data().probe;
    let of = |name: &str| summary.parameters.iter().find(|(n, ..)| n == name).unwrap().2.clone();
    let (weight, bias, targets) = (of("0/layers.0.weight"), of("0/layers.0.bias"), probe.values(10));
    for n in 0..24 {
        let x = &probe.inputs[64 * n..64 * (n + 1)];
        let error = |c: usize| {
            let y: f64 = x.iter().zip(&weight[64 * c..]).map(|(x, w)| f64::from(x * w)).sum();
            y + f64::from(bias[c]) - f64::from(targets[10 * n + c])
        };
        let errors: Vec<f64> = (0..10).map(error).collect();
        for d in 0..64 {
            let sum: f64 = (0..10).map(|c| errors[c] * f64::from(weight[64 * c + d])).sum();
            let (expected, got) = (2.0 / 240.0 * sum, f64::from(gradient.values[64 * n + d]));
            assert!((expected - got).abs() < 1e-5 * observed, "{expected} against {got}");
        }
    }
}

#[test]
fn gradients_of_images_and_layers_have_the_form_of_what_they_are_of() {
    let layers = r#"[{ kind = "conv2d", name = "conv1", out_channels = 3, kernel_size = 3, activation = "tanh" },
        { kind = "max_pool", kernel_size = 2 }, { kind = "flatten" }, { name = "fc", out_features = 5, activation = "tanh" }, {}]"#;
    let settings = [
        ("model.layers", layers),
        ("model.dropout", "0"),
        ("observe.gradients", "['conv1', 'fc', 'input']"),
        ("save.representations", "checkpoints"),
    ];
    let sweep = Sweep::new(experiment(&settings).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("run");
    let options = Options { adapter: AdapterChoice::Cpu, out: Some(out.clone()), ..Options::default() };
    let summary = sweep.run(&options, &mut Quiet).unwrap();
    let saved = isogram::data::read_safetensors(&out.join("representations.safetensors")).unwrap();
    let shape = |name: &str| saved.iter().find(|(n, ..)| n == name).unwrap().1.clone();
    assert_eq!(shape("5/1/gradient/layers.0"), shape("5/1/layers.0"));
    assert_eq!(shape("5/1/gradient/layers.0"), [24, 3, 6, 6]);
    assert_eq!(shape("12/0/gradient/layers.3"), [24, 5]);
    assert_eq!(shape("0/0/gradient/input"), [24, 64]);
    let norms = summary.metrics.iter().filter(|r| r.name == "layer_gradient_norm" && r.step == 12 && r.replica == 0);
    let norms: Vec<(u32, f64)> = norms.map(|r| (r.layer.unwrap().0, r.value)).collect();
    assert_eq!(norms.iter().map(|(layer, _)| *layer).collect::<Vec<_>>(), [0, 3]);
    for (layer, norm) in norms {
        let (_, _, values) = saved.iter().find(|(n, ..)| *n == format!("12/0/gradient/layers.{layer}")).unwrap();
        let own = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!(norm > 0.0 && (own / norm - 1.0).abs() < 1e-5, "{layer}: {own} against {norm}");
    }
}
