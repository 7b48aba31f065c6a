//! The processor as an executor: whatever instructions and threads it works with, the same bits.

use std::path::Path;
use std::process::{Command, Output};

use isogram::cpu::{Isa, SIMD_VARIABLE};

use crate::cli::contents;

/// Networks large enough that threads share their products, of which there are fewer than threads take whole; every kind of
/// random number; sums along rows and columns; functions that are not the hardware's.
const SWEEP: &str = r#"
name = "processor"
steps = 40
seeds = 3
[model]
layers = [200, 33]
activation = "tanh"
dropout = 0.2
[optimiser]
kind = "adam"
lr = 0.002
[batch]
size = 50
[probe]
examples = 40
[observe]
at = { kind = "linear", every = 20 }
measures = ["loss", "accuracy", "weight_norm", "cka_pairs", "cka_input"]
compare = ["cka:debiased", "rsa"]
describe = ["participation_ratio"]
[save]
parameters = "final"
"#;

/// Windows of images, and what goes with them.
const LAYERS: &str = r#"
name = "layers"
steps = 15
seeds = 3
[model]
layers = [
  { kind = "conv2d", out_channels = 6, kernel_size = 3, padding = "same", activation = "relu" },
  { kind = "batch_norm" },
  { kind = "conv2d", out_channels = 19, kernel_size = [3, 2], stride = 2, padding = 1, activation = "gelu" },
  { kind = "max_pool", kernel_size = 2 },
  { kind = "flatten" },
  { kind = "dense" },
]
[optimiser]
kind = "adam"
lr = 0.002
[batch]
size = 50
[observe]
at = { kind = "linear", every = 5 }
measures = ["loss", "accuracy", "cka_pairs"]
[save]
parameters = "final"
"#;

fn run(toml: &Path, out: &Path, instructions: Option<&str>, threads: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isogram"));
    command.args(["run", "--quiet", "--adapter", "cpu", "--threads", threads]).arg(toml).arg("--out").arg(out);
    instructions.map(|name| command.env(SIMD_VARIABLE, name));
    command.output().unwrap()
}

#[test]
fn no_instruction_set_and_no_number_of_threads_changes_a_bit() {
    for (name, sweep) in [("sweep", SWEEP), ("layers", LAYERS)] {
        let folder = tempfile::tempdir().unwrap();
        let toml = folder.path().join("sweep.toml");
        std::fs::write(&toml, sweep).unwrap();
        let sets = Isa::available();
        let cases = sets.iter().map(|isa| (isa.name(), "2")).chain(["1", "7"].map(|threads| (sets[0].name(), threads)));
        let mut first = None;
        for (n, (instructions, threads)) in cases.enumerate() {
            let out = folder.path().join(n.to_string());
            let output = run(&toml, &out, Some(instructions), threads);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let found = contents(&out);
            let first = first.get_or_insert_with(|| found.clone());
            let usual = sets[0].name();
            assert!(*first == found, "{name}: {instructions} with {threads} threads differs from {usual} with 2");
        }
    }
}

#[test]
fn what_the_processor_has_not_is_refused_in_clear_words() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, out) = (folder.path().join("sweep.toml"), folder.path().join("out"));
    std::fs::write(&toml, SWEEP).unwrap();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let output = run(&toml, &out, Some("avx1024"), "1");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("avx1024") && said(&output).contains("portable"), "{}", said(&output));
    let output = run(&toml, &out, None, "0");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--threads"), "{}", said(&output));
    assert!(!out.exists(), "nothing is left of what is refused");
    let output = run(&toml, &out, None, "999");
    assert!(output.status.success() && said(&output).contains("999 threads on"), "{}", said(&output));
}

/// What single precision of PyTorch keeps to its own double precision over these steps of such networks: the loss of a batch
/// within 4.1e-6 of itself (median 4e-7), measured by `tests/fixtures/single_and_double.py`.
const SINGLE_TO_DOUBLE: f64 = 4.1e-6;

#[test]
fn the_processor_trains_as_the_adapter_does() {
    let folder = tempfile::tempdir().unwrap();
    let run = |adapter: &str| {
        let out = folder.path().join(adapter);
        let output = Command::new(env!("CARGO_BIN_EXE_isogram"))
            .args(["run", "quickstart", "--quiet", "--steps", "500", "--set", "seeds=1", "--adapter", adapter])
            .args(["--set", r#"observe.measures=["loss", "accuracy", "weight_norm"]"#, "--out"])
            .arg(&out)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        isogram::files::read_metrics(&out.join("metrics.parquet")).unwrap()
    };
    let (cpu, adapter) = (run("cpu"), run("0"));
    assert!(cpu.len() > 100 && cpu.len() == adapter.len());
    for (a, b) in (0..cpu.len()).map(|i| (cpu.row(i).unwrap(), adapter.row(i).unwrap())) {
        assert_eq!((a.replica, a.step, &a.layer, &a.name), (b.replica, b.step, &b.layer, &b.name));
        let most = match a.name.as_str() {
            // One example in all.
            "accuracy_test" => 1.0 / 359.0 + 1e-9,
            _ => SINGLE_TO_DOUBLE * b.value.abs().max(1e-3),
        };
        assert!((a.value - b.value).abs() <= most, "{} at step {}: {} and {}", a.name, a.step, a.value, b.value);
    }
}
