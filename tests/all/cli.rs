//! The binary as a user meets it: outcomes, exit codes, bad input, interruption and resumption.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support;

fn isogram() -> Command {
    Command::new(env!("CARGO_BIN_EXE_isogram"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A sweep that trains for some seconds, with checkpoints all along.
const LONG: &str = r#"
name = "long"
steps = 20000
seeds = 3
[model]
layers = [16]
[batch]
size = 16
[probe]
examples = 40
[observe]
at = { kind = "linear", every = 1000 }
measures = ["loss", "accuracy", "weight_norm", "cka_pairs", "cka_layers", "cka_first", "cka_last"]
[save]
parameters = "final"
snapshot_every = 50
"#;

fn write(dir: &Path, name: &str, contents: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

fn run(toml: &Path, out: &Path, more: &[&str]) -> Output {
    isogram().arg("run").arg(toml).arg("--out").arg(out).args(more).output().unwrap()
}

/// What a run's files hold: parameters by their bits, and all rows in order.
pub fn contents(out: &Path) -> (Vec<u8>, Vec<String>) {
    let parameters = std::fs::read(out.join("parameters.safetensors")).unwrap();
    let metrics = isogram::files::read_metrics(&out.join("metrics.parquet")).unwrap();
    let mut rows: Vec<String> = (0..metrics.len())
        .filter_map(|i| metrics.row(i))
        .map(|r| format!("{} {} {:?} {} {:x}", r.replica, r.step, r.layer, r.name, r.value.to_bits()))
        .collect();
    let pairs = isogram::files::read_pairs(&out.join("pairs.parquet")).unwrap();
    rows.extend(pairs.iter().map(|p| {
        let (a, b, v) = (p.replica_a, p.replica_b, p.value.to_bits());
        format!("{} {} {a} {b} {} {} {v:x}", p.name, p.step, p.layer_a, p.layer_b)
    }));
    rows.sort();
    (parameters, rows)
}

#[test]
fn a_killed_run_continues_to_the_same_bits() {
    let dir = folder();
    let toml = write(dir.path(), "long.toml", LONG.as_bytes());
    let whole = dir.path().join("whole");
    let start = std::time::Instant::now();
    let output = run(&toml, &whole, &["--quiet"]);
    let took = start.elapsed();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = contents(&whole);
    assert!(expected.1.len() > 100);

    let out = dir.path().join("killed");
    let (mut killed, mut in_writes) = (0, 0);
    // Moments that no one chose, about a tenth of the run apart whatever the processor; then, as soon as a file is seen
    // under construction, until a kill has left one behind. A run that ends before that begins anew.
    for attempt in 0..60u32 {
        let mut command = isogram();
        command.arg("run").arg(&toml).arg("--out").arg(&out).arg("--quiet").stderr(Stdio::piped());
        if out.join("snapshots/latest.safetensors").exists() {
            command.arg("--resume");
        } else {
            std::fs::remove_dir_all(&out).ok();
        }
        let mut child = command.spawn().unwrap();
        // At least one more than those, though one of them may have hit a write by chance.
        let enough = killed > 4 && in_writes > 0;
        if !enough {
            std::thread::sleep(took * (8 + attempt * 5 % 9) / 100);
            while killed >= 4 && unfinished(&out) == 0 && child.try_wait().unwrap().is_none() {
                std::hint::spin_loop();
            }
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
                killed += 1;
                child.wait().unwrap();
                in_writes += unfinished(&out);
                continue;
            }
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        if enough {
            break;
        }
        std::fs::remove_dir_all(&out).unwrap();
    }
    let found = contents(&out);
    assert!(found.0 == expected.0, "parameters differ after {killed} kills");
    assert_eq!(found.1, expected.1, "rows differ after {killed} kills");
    assert!(killed > 4 && in_writes > 0, "{killed} kills, of which {in_writes} during a write");
    assert_eq!(unfinished(&out), 0, "what killed writes left is removed");
    println!("{killed} kills, of which {in_writes} during a write");
}

/// Files under construction in a run's folders.
fn unfinished(out: &Path) -> usize {
    let within = |dir: &Path| {
        let names = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.file_name());
        names.filter(|n| n.to_string_lossy().ends_with(".part")).count()
    };
    within(out) + within(&out.join("snapshots")) + within(&out.join("partial"))
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_says_so_and_resumes() {
    let dir = folder();
    let toml = write(dir.path(), "long.toml", LONG.replace("steps = 20000", "steps = 100000").as_bytes());
    let out = dir.path().join("run");
    let mut child = isogram()
        .arg("run")
        .arg(&toml)
        .arg("--out")
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !out.join("snapshots/latest.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--resume"), "{}", text(&output.stderr));
    assert!(out.join("metrics.parquet").exists());
    // Other settings are refused, with the difference named.
    let refused = run(&toml, &out, &["--resume", "--set", "optimiser.lr=0.5", "--steps", "100000"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("optimiser.lr"), "{}", text(&refused.stderr));
    // A run that is there is not overwritten.
    let again = run(&toml, &out, &[]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("not empty"));
}

#[test]
fn small_commands_work() {
    for args in [&["list"][..], &["list", "--json"], &["keys"], &["--version"], &["plan", "tiny", "--seeds", "2"]] {
        let output = isogram().args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        assert!(!output.stdout.is_empty());
    }
    let plan = isogram().args(["plan", "quickstart", "--seeds", "2", "--json"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert!(plan["groups"][0]["dispatches_per_step"].as_u64().unwrap() <= 16);
    if support::gpu().is_some() {
        let doctor = isogram().args(["doctor", "--json"]).output().unwrap();
        assert!(doctor.status.success(), "{}", text(&doctor.stderr));
        let found: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
        assert!(found[0]["selftest"].as_array().unwrap().iter().all(|t| t["passed"] == true));
    }
}

#[test]
fn a_run_leaves_its_files_and_a_report_can_be_rebuilt() {
    let dir = folder();
    let out = dir.path().join("run");
    let args = ["run", "tiny", "--seeds", "2", "--steps", "20", "--json", "--set", "save.representations=final"];
    let output = isogram().args(args).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["replica_steps_per_second"].as_f64().unwrap() > 0.0);
    for file in ["metrics.parquet", "manifest.json", "report.html", "representations.safetensors"] {
        assert!(out.join(file).exists(), "{file}");
    }
    let arrays = isogram::data::read_safetensors(&out.join("representations.safetensors")).unwrap();
    assert!(arrays.iter().any(|(name, shape, _)| name == "1/layers.0" && shape.len() == 2));
    std::fs::remove_file(out.join("report.html")).unwrap();
    let output = isogram().arg("report").arg(&out).output().unwrap();
    assert!(output.status.success() && out.join("report.html").exists());
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!html.contains("http://") || !html.contains("src=\"http"), "the report needs no network");
}

#[test]
fn a_benchmark_can_be_compared_with_an_earlier_one() {
    if support::gpu().is_none() {
        return;
    }
    let dir = folder();
    let (json, svg) = (dir.path().join("bench.json"), dir.path().join("roofline.svg"));
    let bench = |more: &[&str]| isogram().args(["bench", "--quick", "--quiet"]).args(more).output().unwrap();
    let first = isogram()
        .args(["bench", "--quick", "--quiet", "--suite", "cross-entropy,dispatch", "--json"])
        .arg(&json)
        .arg("--figure")
        .arg(&svg)
        .output()
        .unwrap();
    assert!(first.status.success(), "{}", text(&first.stderr));
    let results: isogram::bench::Results = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert!(results.peak_flops > 0.0 && results.copy_bytes > 0.0);
    let suites: Vec<_> = results.measurements.iter().map(|m| m.suite.as_str()).collect();
    // What a dispatch costs the host is another matter than the device, where there is one.
    assert_eq!(suites[..4], ["peak", "peak", "cross-entropy", "dispatch"]);
    assert!(results.measurements.iter().all(|m| m.low <= m.seconds && m.seconds <= m.high && m.low > 0.0));
    assert!(std::fs::read_to_string(&svg).unwrap().contains("FLOP per byte"));
    let second = bench(&["--suite", "dispatch", "--against", &json.display().to_string()]);
    let table = text(&second.stdout);
    assert!(table.lines().any(|l| l.starts_with("dispatch") && l.trim_end().ends_with('x')), "{table}");
    refused(&bench(&["--suite", "nonsense"]), "unknown suite", &["nonsense", "matmul"]);
    refused(&bench(&["--against", "nowhere.json"]), "missing file", &["nowhere.json"]);
    refused(&bench(&["--adapter", "nothing of this name"]), "no adapter", &["adapter"]);
}

#[test]
fn a_run_is_resumed_with_its_own_lowering() {
    if support::gpu().is_none() {
        return;
    }
    let dir = folder();
    let toml = write(dir.path(), "long.toml", LONG.replace("steps = 20000", "steps = 100000").as_bytes());
    let out = dir.path().join("run");
    let mut child = isogram();
    child.arg("run").arg(&toml).args(["--quiet", "--adapter", "0", "--lowering", "layered", "--out"]).arg(&out);
    let mut child = child.spawn().unwrap();
    while !out.join("snapshots/latest.safetensors").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = run(&toml, &out, &["--resume", "--adapter", "0", "--lowering", "resident"]);
    refused(&output, "another lowering", &["layered", "resident", "--lowering"]);
}

/// One sentence, no panic, the right code.
fn refused(output: &Output, what: &str, says: &[&str]) {
    let error = text(&output.stderr);
    let code = output.status.code();
    assert!(matches!(code, Some(1 | 2)), "{what}: exit code {code:?}: {error}");
    assert!(!error.contains("panicked") && !error.contains("RUST_BACKTRACE"), "{what}: {error}");
    for part in says {
        assert!(error.contains(part), "{what}: `{part}` is not in: {error}");
    }
}

#[test]
fn bad_input_gets_one_clear_sentence() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name).display().to_string();
    write(dir.path(), "nan.csv", b"1,2,0\n3,NaN,1\n5,6,1\n7,8,0\n");
    write(dir.path(), "ragged.csv", b"1,2,0\n3,4\n");
    write(dir.path(), "good.csv", b"1,2,0\n3,4,1\n5,6,1\n7,8,0\n1,3,0\n2,5,1\n1,2,0\n3,4,1\n5,6,1\n7,8,0\n");
    write(
        dir.path(),
        "cut.npy",
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (100, 4), }",
    );
    write(dir.path(), "cut-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 28, 0, 0, 0, 28, 1, 2]);
    write(dir.path(), "whole-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);
    write(dir.path(), "cut.safetensors", &[200, 0, 0, 0, 0, 0, 0, 0, b'{']);
    write(dir.path(), "three.csv", b"1,2,0\n3,4,1\n5,6,2\n7,8,0\n1,3,0\n2,5,1\n1,2,0\n3,4,1\n5,6,1\n7,8,0\n");
    let files = |inputs: &str, more: &str| {
        format!("steps = 5\n[data]\nsource = \"files\"\ninputs = \"{}\"\n{more}\n", at(inputs))
    };
    let labelled = "label_column = \"last\"";
    let labels = format!("labels = \"{}\"", at("good.csv"));
    let experiments = [
        ("malformed TOML", "steps = = 3".to_owned(), vec![":1:"]),
        ("unknown key", "[optimiser]\nlearning_rate = 0.1".into(), vec!["learning_rate", "lr", ":2:"]),
        ("wrong type", "[optimiser]\nlr = \"fast\"".into(), vec!["lr", "number"]),
        ("negative size", "[model]\nlayers = [-3]".into(), vec!["layers"]),
        ("absurd size", "[model]\nlayers = [900000000]".into(), vec!["layers"]),
        ("steps below none", "steps = -1".into(), vec!["steps"]),
        ("layers that do not fit", "[model]\ninputs = 65".into(), vec!["65", "64"]),
        ("classes that do not fit", "[model]\noutputs = 3".into(), vec!["3", "10"]),
        ("missing file", files("none.csv", labelled), vec!["none.csv"]),
        ("NaN in CSV", files("nan.csv", labelled), vec!["nan.csv", "2"]),
        ("ragged CSV", files("ragged.csv", labelled), vec!["ragged.csv"]),
        ("truncated npy", files("cut.npy", &labels), vec!["cut.npy"]),
        ("truncated IDX", files("cut-idx3-ubyte", &labels), vec!["cut-idx3-ubyte"]),
        ("truncated safetensors", files("cut.safetensors", &labels), vec!["cut.safetensors"]),
        ("label out of range", files("three.csv", "label_column = \"last\"\nclasses = 2"), vec!["three.csv", "2"]),
        ("no labels", files("whole-idx1-ubyte", ""), vec!["data.labels"]),
        (
            "initial weights of another shape",
            format!("[model]\ninit_from = \"{}\"", at("cut.safetensors")),
            vec!["cut.safetensors"],
        ),
        ("probe larger than the set", "[probe]\nexamples = 100000".into(), vec!["probe.examples"]),
        (
            "a pair that is not there",
            "[observe]\nmeasures = [\"distance\"]\npairs = [[0, 99999]]".into(),
            vec!["99999"],
        ),
        ("a hidden layer that is not there", "[observe]\nmeasures = [\"cka_pairs\"]\nlayers = [7]".into(), vec!["7"]),
    ];
    for (what, toml, says) in experiments {
        let path = write(dir.path(), "bad.toml", toml.as_bytes());
        let output = run(&path, &dir.path().join("out"), &[]);
        refused(&output, what, &says);
        std::fs::remove_dir_all(dir.path().join("out")).ok();
    }
    let full = dir.path().join("full");
    std::fs::create_dir(&full).unwrap();
    write(&full, "something", b"x");
    let cases: Vec<(&str, Vec<String>, Vec<&str>)> = vec![
        (
            "folder not empty",
            vec!["run".into(), "tiny".into(), "--out".into(), full.display().to_string()],
            vec!["not empty"],
        ),
        (
            "folder not writable",
            vec!["run".into(), "tiny".into(), "--out".into(), "/proc/nowhere/run".into()],
            vec!["/proc/nowhere"],
        ),
        (
            "no such adapter",
            vec!["run".into(), "tiny".into(), "--out".into(), at("a"), "--adapter".into(), "voodoo2".into()],
            vec!["voodoo2"],
        ),
        ("no such experiment", vec!["run".into(), "quickstrat".into()], vec!["quickstart"]),
        ("bad override", vec!["run".into(), "tiny".into(), "--set".into(), "steps".into()], vec!["KEY=VALUE"]),
        ("no such command", vec!["rum".into()], vec!["rum"]),
        (
            "nothing to resume",
            vec!["run".into(), "tiny".into(), "--resume".into(), "--out".into(), at("b")],
            vec!["snapshot"],
        ),
        ("no run to report", vec!["report".into(), at("c")], vec!["c"]),
    ];
    for (what, args, says) in cases {
        let output = isogram().args(&args).current_dir(dir.path()).env_remove("ISOGRAM_ADAPTER").output().unwrap();
        refused(&output, what, &says);
    }
}

#[test]
fn a_network_that_cannot_fit_is_refused_before_anything_is_trained() {
    if support::gpu().is_none() {
        return;
    }
    let dir = folder();
    let toml = write(dir.path(), "big.toml", b"steps = 5\n[model]\nlayers = [20000, 20000]\n");
    let output = run(&toml, &dir.path().join("out"), &[]);
    refused(&output, "too large", &["replica"]);
}
