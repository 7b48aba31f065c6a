//! What can be computed is, and what cannot stands beside it with its reason: dead and diverged representations, measures
//! without memory, files and devices that are not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use faer::Mat;
use isogram::measure::catalogue::Measure;
use isogram::measure::compare::{Named, all_pairs};
use isogram::measure::outcome::Outcome;
use serde_json::Value;

/// Values without structure, uniform between -1/2 and 1/2.
fn value(seed: usize, i: usize, j: usize) -> f64 {
    let x = ((seed << 40) as u64 ^ (i * 4096 + j) as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

/// A folder with arrays of 64 bits.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn array(&self, name: &str, n: usize, p: usize, of: impl Fn(usize, usize) -> f64) {
        let mut bytes = header("<f8", &format!("({n}, {p})"));
        (0..n).for_each(|i| (0..p).for_each(|j| bytes.extend(of(i, j).to_le_bytes())));
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn run(&self, line: &str) -> Output {
        self.command(Command::new(env!("CARGO_BIN_EXE_isogram")).args(line.split_whitespace()))
    }

    fn command(&self, command: &mut Command) -> Output {
        command.current_dir(self.0.path()).env("XDG_RUNTIME_DIR", "/nowhere").output().unwrap()
    }

    /// The JSON of a command that ends with a code.
    fn json(&self, line: &str, code: i32) -> Value {
        let output = self.run(&format!("{line} --json"));
        assert_eq!(output.status.code(), Some(code), "{line}: {}", complaint(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{line}: {}", complaint(&output)))
    }
}

fn header(dtype: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn of(json: &Value, measure: usize, a: usize, b: usize) -> Option<f64> {
    json["measures"][measure]["values"][a][b].as_f64()
}

/// The reasons of one kind for a pair.
fn why<'a>(json: &'a Value, measure: usize, kind: &str, a: usize, b: usize) -> Option<&'a str> {
    let list = json["measures"][measure][kind].as_array().unwrap();
    list.iter().find(|gap| gap["a"] == a && gap["b"] == b)?["reason"].as_str()
}

/// Three live layers and two that do not vary, one of them at a number that sums of it do not hold exactly.
fn layers() -> Folder {
    let folder = Folder::new();
    folder.array("a.npy", 30, 4, |i, j| value(1, i, j));
    folder.array("b.npy", 30, 3, |i, j| value(2, i, j) + value(1, i, j));
    folder.array("dead.npy", 30, 5, |_, _| 0.0);
    folder.array("tenth.npy", 30, 5, |_, _| 0.1);
    folder
}

#[test]
fn batches_go_round_layers_that_do_not_vary() {
    let folder = layers();
    let measures = "--measures cka,cka:biased,procrustes,linear_regression";
    let whole = folder.json(&format!("compare a.npy b.npy dead.npy tenth.npy {measures}"), 0);
    let parts = folder.json(&format!("compare a.npy b.npy dead.npy tenth.npy {measures} --batch 7"), 0);
    for m in 0..4 {
        let (expected, got) = (of(&whole, m, 0, 1).unwrap(), of(&parts, m, 0, 1).unwrap());
        assert!((expected - got).abs() < 1e-12, "{m}: {got} against {expected}");
        for (a, b) in [(0, 2), (2, 1), (0, 3), (3, 3), (2, 3)] {
            for json in [&whole, &parts] {
                assert_eq!(of(json, m, a, b), None, "{m}, {a}, {b}");
                assert!(why(json, m, "undefined", a, b).is_some(), "{m}, {a}, {b}");
            }
        }
        assert!(why(&parts, m, "undefined", 0, 3).unwrap().contains("tenth.npy` is constant"));
    }
    // Only if nothing at all has a value is it a failure, in every form.
    for more in ["", " --batch 7", " --json", " --batch 7 --json"] {
        let output = folder.run(&format!("compare a.npy dead.npy --measures cka,procrustes{more}"));
        assert_eq!(output.status.code(), Some(1), "{more}");
        assert!(complaint(&output).contains("no pair has a value"), "{more}");
    }
}

#[test]
fn batches_take_of_a_family_what_they_can_and_refuse_what_is_named() {
    let folder = layers();
    let all = folder.json("compare a.npy b.npy --batch 7 --measures all", 0);
    let names: Vec<&str> = all["measures"].as_array().unwrap().iter().map(|m| m["measure"].as_str().unwrap()).collect();
    assert!(names.contains(&"cka:debiased") && names.contains(&"procrustes") && !names.contains(&"rsa"), "{names:?}");
    let whole = folder.json(&format!("compare a.npy b.npy --measures {}", names.join(",")), 0);
    for (m, name) in names.iter().enumerate() {
        let (expected, got) = (of(&whole, m, 0, 1).unwrap(), of(&all, m, 0, 1).unwrap());
        assert!((expected - got).abs() < 1e-12, "{name}: {got} against {expected}");
    }
    assert!(
        complaint(&folder.run("compare a.npy b.npy --batch 7 --measures all")).contains("are left out with --batch")
    );
    for refused in ["rsa", "all,rsa", "topology"] {
        let output = folder.run(&format!("compare a.npy b.npy --batch 7 --measures {refused}"));
        assert_eq!(output.status.code(), Some(2), "{refused}");
        assert!(complaint(&output).contains("needs all examples at once"), "{refused}: {}", complaint(&output));
    }
}

#[test]
fn batches_say_what_to_be_aware_of() {
    let folder = Folder::new();
    folder.array("a.npy", 12, 20, |i, j| value(1, i, j));
    folder.array("b.npy", 12, 30, |i, j| value(2, i, j));
    for more in ["", "--batch 5"] {
        let output = folder.run(&format!("compare a.npy b.npy --measures cka,cka:biased,procrustes {more}"));
        let text = said(&output);
        assert!(text.contains("noisy") && text.matches("biased towards alike").count() == 2, "{more}: {text}");
        assert!(text.contains("12 examples, 20 units"), "{more}: {text}");
        let json = folder.json(&format!("compare a.npy b.npy --measures cka:biased {more}"), 0);
        assert!(json["measures"][0]["caution"].as_str().unwrap().contains("biased"), "{more}");
    }
}

/// A turned copy is no distance away, by batches as at once, whatever its scale and offset.
#[test]
fn shapes_that_agree_are_no_distance_apart_by_batches() {
    let folder = Folder::new();
    let (s, c) = 0.7f64.sin_cos();
    let turned = |x: f64, y: f64, j: usize| if j == 0 { c * x - s * y } else { s * x + c * y };
    folder.array("a.npy", 40, 2, |i, j| value(1, i, j));
    folder.array("turned.npy", 40, 2, |i, j| turned(value(1, i, 0), value(1, i, 1), j));
    folder.array("wider.npy", 40, 3, |i, j| if j == 2 { 7.0 } else { turned(value(1, i, 0), value(1, i, 1), j) });
    folder.array("near.npy", 40, 2, |i, j| value(1, i, j) + 1e-9 * value(2, i, j));
    folder.array("small.npy", 40, 2, |i, j| 1e-300 * value(1, i, j));
    folder.array("large.npy", 40, 2, |i, j| 1e300 * value(3, i, j));
    let files = "a.npy a.npy turned.npy wider.npy near.npy small.npy large.npy";
    let names = "--measures procrustes,procrustes:normalised,cka:biased,linear_regression";
    let whole = folder.json(&format!("compare {files} {names}"), 0);
    let parts = folder.json(&format!("compare {files} {names} --batch 9"), 0);
    for (a, b) in [(0, 1), (0, 2), (2, 0), (0, 3), (3, 0), (1, 5)] {
        assert!(of(&parts, 0, a, b).unwrap() < 1e-14, "{a}, {b}: {:?}", of(&parts, 0, a, b));
    }
    for m in 0..4 {
        for (a, b) in (0..7).flat_map(|a| (0..7).map(move |b| (a, b))) {
            let (expected, got) = (of(&whole, m, a, b).unwrap(), of(&parts, m, a, b).unwrap());
            assert!((expected - got).abs() < 1e-12, "{m}, {a}, {b}: {got} against {expected}");
        }
    }
    // A distance of 1e-9 keeps its digits.
    let near = of(&parts, 0, 0, 4).unwrap();
    assert!(near > 1e-10 && (near / of(&whole, 0, 0, 4).unwrap() - 1.0).abs() < 1e-5, "{near}");
}

#[test]
fn one_diverged_replica_costs_only_its_own_pairs() {
    let folder = Folder::new();
    folder.array("a.npy", 20, 4, |i, j| value(1, i, j));
    folder.array("b.npy", 20, 3, |i, j| value(2, i, j) + value(1, i, j));
    folder.array("inf.npy", 20, 3, |i, j| if (i, j) == (4, 1) { f64::INFINITY } else { value(3, i, j) });
    folder.array("nan.npy", 20, 3, |i, j| if (i, j) == (0, 0) { f64::NAN } else { value(3, i, j) });
    let alone = folder.json("compare a.npy b.npy --measures procrustes,knn", 0);
    let beside = folder.json("compare a.npy inf.npy b.npy nan.npy --measures procrustes,knn", 0);
    for m in 0..2 {
        assert_eq!(of(&alone, m, 0, 1), of(&beside, m, 0, 1));
    }
    let left: Vec<&str> =
        beside["left_out"].as_array().unwrap().iter().map(|left| left["name"].as_str().unwrap()).collect();
    assert_eq!(left, ["inf.npy", "nan.npy"]);
    assert!(beside["left_out"][0]["reason"].as_str().unwrap().contains("row 4, column 1"));
    let parts = folder.json("compare a.npy inf.npy b.npy --measures procrustes --batch 6", 0);
    assert!((of(&parts, 0, 0, 2).unwrap() - of(&alone, 0, 0, 1).unwrap()).abs() < 1e-12);
    assert!(why(&parts, 0, "undefined", 0, 1).unwrap().contains("inf"));
    // Said on standard error too, and not to be had where two do not remain.
    assert!(complaint(&folder.run("compare a.npy inf.npy b.npy --measures knn")).contains("`inf.npy` is left out"));
    let output = folder.run("compare a.npy inf.npy");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("row 4, column 1") && complaint(&output).lines().count() == 1);
    let described = folder.json("describe inf.npy a.npy --statistics mean_norm", 0);
    assert!(described[0]["statistics"]["mean_norm"].as_f64().unwrap() > 0.0);
    assert!(described[1]["left_out"].as_str().unwrap().contains("row 4"));
}

#[test]
fn a_representation_that_cannot_be_used_is_an_entry_of_the_library_too() {
    let named =
        |name: &str, of: &dyn Fn(usize, usize) -> f64| Named { name: name.into(), values: Mat::from_fn(24, 3, of) };
    let a = named("a", &|i, j| value(1, i, j));
    let b = named("b", &|i, j| value(2, i, j));
    let bad = named("bad", &|i, j| if (i, j) == (7, 2) { f64::NEG_INFINITY } else { value(3, i, j) });
    let none = Named { name: "none".into(), values: Mat::zeros(24, 0) };
    let measures = ["procrustes", "linear_regression"].map(|name| Measure::parse(name).unwrap());
    let sound = all_pairs(&[a.clone(), b.clone()], &measures, None, &mut |_, _| {}).unwrap();
    let all = all_pairs(&[a, bad, none, b], &measures, None, &mut |_, _| {}).unwrap();
    for (sound, all) in sound.iter().zip(&all) {
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert_eq!(sound.cell(i, j), all.cell(3 * i, 3 * j));
        }
        for (i, j) in [(0, 1), (1, 3), (1, 1), (2, 1)] {
            let Outcome::Undefined(why) = all.cell(i, j) else { panic!("{:?}", all.cell(i, j)) };
            assert!(why.contains("`bad` holds -inf at row 7, column 2") || why.contains("`none` is empty"), "{why}");
        }
        assert_eq!(all.missing().count(), 12);
    }
}

/// A measure that memory has no room for is refused by itself, with what it needs.
#[cfg(target_os = "linux")]
#[test]
fn measures_without_memory_are_refused_alone() {
    let folder = Folder::new();
    // A table of all pairs of examples takes 512 MB.
    folder.array("a.npy", 8000, 3, |i, j| value(1, i, j));
    folder.array("b.npy", 8000, 2, |i, j| value(2, i, j) + value(1, i, j));
    let program = env!("CARGO_BIN_EXE_isogram");
    let measures = "cka,cka:rbf,rsa,procrustes,distance_correlation";
    let line = format!("{program} compare a.npy b.npy --measures {measures} --json --on cpu");
    let free = folder.json("compare a.npy b.npy --measures cka,procrustes --on cpu", 0);
    for shell in [format!("ulimit -v 1000000; exec {line}"), format!("exec {line} --memory 600MB")] {
        let output = folder.command(Command::new("sh").args(["-c", &shell]));
        assert_eq!(output.status.code(), Some(0), "{shell}: {}", complaint(&output));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        for (m, whole) in [(0, 0), (3, 1)] {
            assert_eq!(of(&json, m, 0, 1), of(&free, whole, 0, 1), "{shell}");
        }
        for m in [1, 2, 4] {
            let reason = why(&json, m, "failed", 0, 1).unwrap_or_else(|| panic!("{shell}: {m}"));
            assert!(reason.contains(" GB of memory at once") && reason.contains(" MB are free"), "{reason}");
        }
    }
    let output = folder.run("describe a.npy --statistics mean_distance,mean_norm --memory 600MB --json");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json[0]["statistics"]["mean_norm"].as_f64().is_some());
    assert!(json[0]["statistics"]["mean_distance"]["failed"].as_str().unwrap().contains("GB"));
}

#[cfg(target_os = "linux")]
#[test]
fn arrays_beyond_any_memory_are_left_out_at_once() {
    let folder = layers();
    // Two terabytes of nothing, which take no room on the disk.
    let bytes = header("<f4", "(1000000000, 500)");
    std::fs::write(folder.path("huge.npy"), &bytes).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(folder.path("huge.npy")).unwrap();
    if file.set_len(bytes.len() as u64 + 2_000_000_000_000).is_err() {
        return; // The file system holds no such file.
    }
    let begun = std::time::Instant::now();
    let json = folder.json("compare a.npy huge.npy b.npy --measures procrustes", 0);
    assert!(of(&json, 0, 0, 1).is_some() && begun.elapsed().as_secs() < 20);
    let reason = json["left_out"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("12.0 TB") && reason.contains("--batch"), "{reason}");
}

#[test]
fn a_device_that_is_named_is_used_or_refused() {
    let folder = layers();
    for command in ["compare a.npy b.npy", "describe a.npy"] {
        let output = folder.run(&format!("{command} --adapter nosuch"));
        assert_ne!(output.status.code(), Some(0), "{command}");
        assert!(complaint(&output).contains("nosuch"), "{}", complaint(&output));
        let output = folder.run(&format!("{command} --adapter nosuch --on cpu"));
        assert_eq!(output.status.code(), Some(2), "{command}");
        let output = folder.run(&format!("{command} --adapter reference"));
        assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    }
    assert_eq!(folder.run("compare a.npy b.npy --batch 5 --adapter nosuch").status.code(), Some(2));
}

/// Every option that takes a number says what it expects of a negative one.
#[test]
fn negative_numbers_are_answered_with_what_is_expected() {
    let folder = layers();
    for line in [
        "compare a.npy b.npy --permutations -5",
        "compare a.npy b.npy --batch -1",
        "compare a.npy b.npy --seed -3",
        "run tiny --steps -5",
        "run tiny --slice -2",
        "reproduce lampinen-2024 --seeds -1",
    ] {
        let output = folder.run(line);
        let text = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {text}");
        assert!(text.contains("invalid value '-") && !text.contains("use '--"), "{line}: {text}");
    }
}

#[test]
fn a_folder_that_is_missing_is_said_before_anything_is_computed() {
    let folder = layers();
    for line in [
        "compare a.npy b.npy --measures cka --out missing/dir/a.csv",
        "compare a.npy b.npy --measures cka --matrix missing/dir/a.svg",
        "describe a.npy --out missing/dir/a.csv",
    ] {
        let output = folder.run(line);
        let text = complaint(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {text}");
        assert!(output.stdout.is_empty() && !text.contains(".part") && text.lines().count() == 1, "{line}: {text}");
        // The advice works as it is written.
        let advice = text.trim().split_once("make it first: ").unwrap().1.to_owned();
        assert!(folder.command(Command::new("sh").args(["-c", &advice])).status.success(), "{advice}");
        let output = folder.run(line);
        assert!(output.status.success(), "{line}: {}", complaint(&output));
        std::fs::remove_dir_all(folder.path("missing")).unwrap();
    }
}

#[test]
fn reasons_are_in_the_files_too() {
    let folder = layers();
    let output =
        folder.run("compare a.npy dead.npy b.npy --measures cka,procrustes --out x.csv --out x.npz --out x.json");
    assert!(output.status.success(), "{}", complaint(&output));
    let read = |name: &str| std::fs::read_to_string(folder.path(name)).unwrap();
    let reasons = read("x-reasons.csv");
    // Both ways of two pairs, and the dead one with itself, by each measure.
    assert_eq!(reasons.lines().count(), 1 + 2 * 5, "{reasons}");
    assert!(reasons.contains("cka") && reasons.contains(",a.npy,dead.npy,undefined,"), "{reasons}");
    let table = said(&output);
    assert!(table.contains("not defined for a.npy and dead.npy, and another pair: "), "{table}");
    let npz = |name: &str| {
        let path = PathBuf::from(format!("{}:{name}", folder.path("x.npz").display()));
        isogram::data::read_representations(Path::new(&path)).unwrap().remove(0)
    };
    let which = npz("reason").values;
    assert_eq!(which.iter().filter(|&&place| place < 0.0).count(), 2 * 4);
    let json: Value = serde_json::from_str(&read("x.json")).unwrap();
    assert_eq!(json["measures"][0]["undefined"].as_array().unwrap().len(), 5);
    let output = folder.run("describe a.npy dead.npy --statistics two_nn,mean_norm --out s.csv");
    assert!(output.status.success(), "{}", complaint(&output));
    let lines = read("s.csv");
    let row = lines.lines().find(|line| line.starts_with("dead.npy,two_nn,")).unwrap();
    assert!(row.starts_with("dead.npy,two_nn,,undefined,") && row.len() > 40, "{row}");
}

/// Of half of few examples nearly equal, the deviations reach beyond what a measure can be.
#[test]
fn intervals_stay_within_the_range_of_the_measure() {
    let folder = Folder::new();
    folder.array("a.npy", 12, 3, |i, j| value(1, i, j));
    folder.array("b.npy", 12, 3, |i, j| value(1, i, j) + 0.15 * value(2, i, j));
    folder.array("c.npy", 12, 3, |i, j| value(4, i, j));
    let names = "cka:biased,procrustes,nbs,cca,linear_regression,rsa:pearson,knn:k=3";
    let ranges =
        [[0.0, 1.0], [0.0, std::f64::consts::FRAC_PI_2], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 1.0], [0.0, 1.0]];
    let json = folder.json(&format!("compare a.npy b.npy c.npy --measures {names} --interval 60 --bootstrap 60"), 0);
    let mut at_an_end = 0;
    for interval in json["intervals"].as_array().unwrap() {
        let [low, high] = ["low", "high"].map(|key| interval[key].as_f64().unwrap_or_else(|| panic!("{interval}")));
        let m = json["measures"].as_array().unwrap().iter().position(|m| m["measure"] == interval["measure"]).unwrap();
        let [least, most] = ranges[m];
        assert!(least <= low && low <= high && high <= most + 1e-12, "{interval}");
        at_an_end += usize::from(low == least || high == most);
    }
    assert!(at_an_end > 0);
}

#[test]
fn labels_that_say_little_are_said() {
    let folder = layers();
    folder.array("one.npy", 30, 1, |_, _| 2.0);
    let output = folder.run("describe a.npy --labels one.npy --statistics silhouette,mean_norm");
    assert!(output.status.success() && said(&output).contains("of one class:"), "{}", said(&output));
    let text = said(&folder.run("describe a.npy --labels one.npy --statistics mean_norm"));
    assert!(!text.contains("one class"), "{text}");
    let output = folder.run("describe dead.npy --statistics two_nn");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("no statistic has a value"));
}

#[test]
fn units_that_do_not_vary_are_said_of_matchings() {
    let folder = Folder::new();
    folder.array("a.npy", 30, 4, |i, j| value(1, i, j));
    folder.array("b.npy", 30, 3, |i, j| if j == 1 { 0.0 } else { value(2, i, j) });
    for name in ["bipartite_match", "soft_match"] {
        let text = said(&folder.run(&format!("compare a.npy b.npy --measures {name}")));
        assert!(text.contains("1 unit is the same for all examples"), "{text}");
        let text = said(&folder.run(&format!("compare a.npy a.npy --measures {name}")));
        assert!(!text.contains("the same for all examples"), "{text}");
    }
}
