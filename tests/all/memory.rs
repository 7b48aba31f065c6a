//! Memory is planned before it is used: sizes are known without a device, slices share what they can, states take turns where they
//! must, to the same bits, and a lack of memory is a sentence.

use std::path::Path;
use std::process::{Command, Output};

use isogram::Error;
use isogram::config::Experiment;
use isogram::gpu::{AdapterChoice, Gpu};
use isogram::train::{Interrupt, Options, Progress, Quiet, Summary, Sweep};

use crate::support;

/// What leaves something behind on the device between one function and the next: kept representations, pairs, gradients, masks.
const SETTINGS: &str = r#"
name = "memory"
steps = 12
seeds = 5
[model]
layers = [6, 5]
dropout = 0.1
[optimiser]
lr = 0.01
[batch]
size = 8
[probe]
examples = 16
[observe]
at = { kind = "list", steps = [5] }
measures = ["loss", "gradient_norm", "cka_pairs", "cka_layers", "cka_first"]
compare = ["procrustes"]
[save]
parameters = "final"
representations = "checkpoints"
"#;

fn sweep(more: &[(&str, &str)]) -> Sweep {
    let more: Vec<_> = more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sweep::new(Experiment::with_overrides(SETTINGS, "memory.toml", &more).unwrap()).unwrap()
}

/// Asks a run to stop when it has come so far.
struct Stop(Interrupt);

impl Progress for Stop {
    fn steps(&mut self, _: u32, _: u32, _: Option<f64>) {
        self.0.ask();
    }
}

/// Everything that was observed, as bits.
fn bits(summary: &Summary) -> Vec<String> {
    let metrics = summary
        .metrics
        .iter()
        .map(|r| format!("{} {} {:?} {} {:x}", r.replica, r.step, r.layer, r.name, r.value.to_bits()));
    let pairs = summary.pairs.iter().map(|p| {
        let (a, b, v) = (p.replica_a, p.replica_b, p.value.to_bits());
        format!("{} {} {a} {b} {} {} {v:x}", p.name, p.step, p.layer_a, p.layer_b)
    });
    let values = |values: &[f32]| values.iter().map(|v| format!("{:x}", v.to_bits())).collect::<Vec<_>>().join(" ");
    let parameters = summary.parameters.iter().map(|(name, _, v)| format!("{name} {}", values(v)));
    let mut rows: Vec<String> = metrics.chain(pairs).chain(parameters).collect();
    rows.sort();
    rows
}

/// Bytes of device memory in which two of the slices have a state of their own and the others take turns.
fn tight(sweep: &Sweep, options: &Options) -> Option<u64> {
    let needs = sweep.outline(options).unwrap().needs;
    Some(needs.device() - 2 * needs.states / 5)
}

#[test]
fn states_that_take_turns_come_to_the_same_bits() {
    let Some(gpu) = support::gpu() else { return };
    let options = Options { gpu: Some(gpu), ..Options::default() };
    let sweep = sweep(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (whole, turns) = (folder.path().join("whole"), folder.path().join("turns"));
    let expected = sweep.run(&Options { out: Some(whole.clone()), ..options.clone() }, &mut Quiet).unwrap();
    let sliced = Options { slice: Some(1), ..options };
    let sliced = Options { memory: tight(&sweep, &sliced), out: Some(turns.clone()), ..sliced };
    // Stopped on the way, too: what waits on the host is saved with the rest.
    let asked = Options { interrupt: Interrupt::default(), ..sliced.clone() };
    let stopped = sweep.run(&asked, &mut Stop(asked.interrupt.clone()));
    assert!(matches!(stopped, Err(Error::Interrupted { .. })));
    // A run is cut as it was when it began.
    let found = sweep.run(&Options { slice: None, resume: true, ..sliced }, &mut Quiet).unwrap();
    assert!(found.manifest.notes.iter().any(|n| n.contains("took turns")), "{:?}", found.manifest.notes);
    assert_eq!(bits(&found), bits(&expected));
    let saved = |out: &Path| std::fs::read(out.join("representations.safetensors")).unwrap();
    assert!(saved(&turns) == saved(&whole));
}

#[test]
fn groups_and_stages_take_turns_too() {
    let Some(gpu) = support::gpu() else { return };
    let more = [
        ("seeds", "3"),
        ("sweep.model.layers", "[[6], [9]]"),
        ("dropout", "0"),
        ("loss.kind", "bce"),
        ("check_every", "2"),
        ("stages", "[{ steps = 3 }, { steps = 6 }]"),
        ("save.representations", "none"),
        ("observe.compare", "[]"),
    ];
    let sweep = sweep(&more.map(|(k, v)| if k == "dropout" { ("model.dropout", v) } else { (k, v) }));
    let options = Options { gpu: Some(gpu), ..Options::default() };
    let expected = sweep.run(&options, &mut Quiet).unwrap();
    let sliced = Options { slice: Some(2), ..options };
    let found = sweep.run(&Options { memory: tight(&sweep, &sliced), ..sliced }, &mut Quiet).unwrap();
    assert!(found.manifest.notes.iter().any(|n| n.contains("took turns")), "{:?}", found.manifest.notes);
    assert_eq!((bits(&found), &found.ended), (bits(&expected), &expected.ended));
}

#[test]
fn a_lack_of_memory_is_said_in_bytes_with_what_helps() {
    let Some(gpu) = support::gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Scratch is most of what many networks take at once.
    let sweep = sweep(&[
        ("seeds", "64"),
        ("observe.measures", "[\"loss\"]"),
        ("observe.compare", "[]"),
        ("probe.examples", "350"),
        ("save.representations", "none"),
    ]);
    let options = Options { gpu: Some(gpu), out: Some(folder.path().join("out")), ..Options::default() };
    let needs = sweep.outline(&options).unwrap().needs;
    let sliced = sweep.outline(&Options { slice: Some(8), ..options.clone() }).unwrap().needs;
    assert!(sliced.scratch < needs.scratch, "{sliced:?} {needs:?}");
    // By hand: state and results of all networks stay whatever the slices.
    assert!(sliced.states.abs_diff(needs.states) <= needs.states / 50, "{sliced:?} {needs:?}");
    // A size that was asked for is kept to.
    let short = Options { memory: Some(needs.scratch), slice: Some(64), ..options };
    let error = sweep.run(&short, &mut Quiet).unwrap_err();
    let said = error.to_string();
    assert!(
        matches!(error, Error::OutOfMemory(_)) && said.contains("MiB are there") && said.contains("--slice N"),
        "{said}"
    );
    assert!(!folder.path().join("out").exists(), "nothing is left");
    sweep.run(&Options { slice: Some(8), ..short.clone() }, &mut Quiet).unwrap();
    // Otherwise slices are as small as they must be.
    let found = sweep.outline(&Options { slice: None, ..short }).unwrap();
    assert!(found.refusal.is_none() && found.groups[0].1.len() > 1, "{:?}", found.groups[0].1);
}

#[test]
fn each_buffer_that_is_refused_is_an_error_and_costs_nothing() {
    if support::gpu().is_none() {
        return;
    }
    let gpu = Gpu::open(&AdapterChoice::Automatic).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (out, whole) = (folder.path().join("out"), folder.path().join("whole"));
    let options = Options { gpu: Some(gpu.clone()), slice: Some(3), ..Options::default() };
    let sweep = sweep(&[("observe.compare", "[]"), ("save.representations", "none")]);
    let expected = sweep.run(&Options { out: Some(whole), ..options.clone() }, &mut Quiet).unwrap();
    let run = Options { out: Some(out), ..options };
    let asked = Options { interrupt: Interrupt::default(), ..run.clone() };
    sweep.run(&asked, &mut Stop(asked.interrupt.clone())).unwrap_err();
    let resumed = Options { resume: true, ..run };
    for n in 1.. {
        gpu.refuse_buffer(n);
        match sweep.run(&resumed, &mut Quiet) {
            Ok(found) => {
                assert!(n > 8, "{n} buffers");
                assert_eq!(bits(&found), bits(&expected));
                break;
            }
            Err(error) => {
                assert!(matches!(error, Error::OutOfMemory(_)), "{n}: {error}");
                assert!(error.to_string().contains("MiB of"), "{n}: {error}");
            }
        }
        assert!(n < 60);
    }
}

/// The binary with so much address space, in KiB.
fn limited(kib: u32, args: &str, within: &Path) -> Output {
    let line = format!("ulimit -v {kib}; exec {} {args}", env!("CARGO_BIN_EXE_isogram"));
    Command::new("bash").args(["-c", &line]).current_dir(within).env("ISOGRAM_ADAPTER", "cpu").output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_plan_of_a_million_networks_takes_no_memory_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let output = limited(1_500_000, "plan tiny --seeds 1000000 --json", folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (bytes, group) = (&plan["bytes"], &plan["groups"][0]);
    let of = |value: &serde_json::Value| value.as_u64().unwrap();
    let slices: Vec<u64> = group["slices"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(slices.iter().sum::<u64>(), 1_000_000);
    // State and results of all slices, not of one: the first is the arena's second and fourth number.
    let one = (of(&group["arena_bytes"][1]) + of(&group["arena_bytes"][3])) / slices[0];
    assert!(of(&bytes["states"]).abs_diff(one * 1_000_000) < 1_000_000, "{bytes} {one}");
    assert!(
        plan["refused"].as_str().unwrap().contains("comparing all pairs of 1000000 networks"),
        "{}",
        plan["refused"]
    );
}

#[cfg(unix)]
#[test]
fn what_the_host_has_no_memory_for_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let output =
        limited(1_500_000, "run tiny --seeds 60000 --set \"observe.measures=['loss']\" --quiet", folder.path());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("this run takes about") && said.contains("are free") && said.contains("--seeds N"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
