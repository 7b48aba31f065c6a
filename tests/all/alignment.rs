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
        support::close("the task's loss", &seen("loss").iter().map(|&x| x as f32).collect::<Vec<_>>(), &f.get("task").repeat(2), 1e-5);
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
    // Of layers that are zero there is no CKA, which harms those alone that ask for it.
    let zero = run(&[("loss.align", &terms), ("sweep.loss.align.0.weight", "[0, 1]"), ("model.gain", "0")]);
    let diverged: Vec<bool> = zero.manifest.replicas.iter().map(|r| r.diverged_at.is_some()).collect();
    assert_eq!(diverged, [false, false, true, true]);
}

#[test]
fn layers_that_are_aligned_come_together_and_what_is_held_stays() {
    let last = |summary: &Summary| summary.values("loss_align_0", 200);
    let of = |term: &str, weight: &str| {
        let terms = format!("[{{ of = 'layers.0', to = 'layers.1', {term} }}]");
        run(&[("steps", "200"), ("loss.align", &terms), ("loss.align.0.weight", weight), ("model.dropout", "0")])
    };
    for measure in ["cka", "rsa:pearson", "procrustes:disparity"] {
        let term = format!("measure = '{measure}'");
        let (without, with) = (last(&of(&term, "0")), last(&of(&term, "1")));
        for (without, with) in without.iter().zip(&with) {
            assert!(*with < 0.5 * without, "{measure}: {with} against {without}");
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
    assert_eq!(widths, "loss.align: term `own`: mse compares unit by unit, and there are 12 and 9: take a measure such as cka");
    assert!(said(&[("loss.align", &term("kl"))]).contains("term `own`: kl compares unit by unit"));
    let few = said(&[("loss.align", &term("cka")), ("batch.size", "3")]);
    assert_eq!(few, "loss.align: term `own`: this measure needs at least 4 examples, and there are 3");
}
