//! A run's folder: one writer, continued by what began it, and nothing lost by what the system refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isogram::config::Experiment;
use isogram::files::{FolderLock, Manifest, layout};
use isogram::gpu::AdapterChoice;
use isogram::train::{Interrupt, Options, Progress, Quiet, Stage, Sweep};
use isogram::{Error, report};

/// A sweep that takes no time.
const SMALL: &str = r#"
name = "small"
steps = 40
seeds = 2
[model]
layers = [4]
[batch]
size = 4
[probe]
examples = 12
[observe]
measures = ["loss", "cka_pairs", "cka_layers"]
at = { kind = "linear", every = 20 }
[save]
parameters = "final"
"#;

fn isogram(args: &[&str], within: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isogram"));
    command.args(args).current_dir(within).env("ISOGRAM_ADAPTER", "cpu").output().unwrap()
}

fn said(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!error.contains("panicked"), "{error}");
    error
}

/// A folder with the experiment in it.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("small.toml"), SMALL).unwrap();
    dir
}

fn sweep(more: &[(&str, &str)]) -> Sweep {
    let more: Vec<_> = more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Sweep::new(Experiment::with_overrides(SMALL, "small.toml", &more).unwrap()).unwrap()
}

fn options(out: &Path, resume: bool) -> Options {
    Options { adapter: AdapterChoice::Cpu, out: Some(out.to_owned()), resume, ..Options::default() }
}

/// Asks a run to stop when it has come so far.
struct Stop(Interrupt);

impl Progress for Stop {
    fn steps(&mut self, _: u32, _: u32, _: Option<f64>) {
        self.0.ask();
    }
}

/// A run that was stopped after its first checkpoint.
fn interrupted(out: &Path) {
    let options = options(out, false);
    let error = sweep(&[]).run(&options, &mut Stop(options.interrupt.clone())).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
}

/// Every file of a run that holds results, by its bytes.
fn results(out: &Path) -> Vec<Vec<u8>> {
    [layout::METRICS, layout::PAIRS, layout::PARAMETERS].map(|file| std::fs::read(out.join(file)).unwrap()).into()
}

/// All files in a folder and those within, by their bytes.
fn everything(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(everything(&path))
        } else {
            all.push((path.clone(), std::fs::read(&path).unwrap()))
        }
    }
    all.sort();
    all
}

/// The flags behind `with ` at the end of a message, as a shell splits them.
fn advised(message: &str) -> Vec<String> {
    let flags = message.trim_end().rsplit_once("with --").expect("an advice").1;
    let echoed = Command::new("sh").arg("-c").arg(format!("printf '%s\\n' --{flags}")).output().unwrap();
    String::from_utf8(echoed.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_second_writer_is_refused_and_changes_nothing() {
    let dir = folder();
    let (whole, out) = (dir.path().join("whole"), dir.path().join("out"));
    sweep(&[]).run(&options(&whole, false), &mut Quiet).unwrap();
    interrupted(&out);
    let held = FolderLock::take(&out).unwrap();
    let before = everything(&out);
    let second = isogram(&["run", "small.toml", "--resume", "--out", "out", "--quiet"], dir.path());
    assert_eq!(second.status.code(), Some(1));
    let me = format!("process {} on ", std::process::id());
    assert!(said(&second).contains(&me) && said(&second).contains("another folder"), "{}", said(&second));
    assert_eq!(everything(&out), before);
    // To read is no harm.
    assert!(isogram(&["report", "out"], dir.path()).status.success());
    drop(held);
    // What a killed process leaves is a name without a lock.
    std::fs::write(out.join(".isogram.lock"), r#"{"pid":1,"host":"elsewhere","since":"then","began":null}"#).unwrap();
    let third = isogram(&["run", "small.toml", "--resume", "--out", "out", "--quiet"], dir.path());
    assert!(third.status.success(), "{}", said(&third));
    assert!(results(&out) == results(&whole));
    assert!(!out.join(".isogram.lock").exists());
    let reproduced = dir.path().join("paper");
    std::fs::create_dir_all(reproduced.join("sweeps")).unwrap();
    let _held = FolderLock::take(&reproduced).unwrap();
    let second = isogram(&["reproduce", "van-rossem-saxe-2024", "--resume", "--out", "paper"], dir.path());
    assert!(said(&second).contains(&me), "{}", said(&second));
}

#[test]
fn a_finished_run_is_continued_by_itself_alone() {
    let dir = folder();
    let out = dir.path().join("out");
    sweep(&[]).run(&options(&out, false), &mut Quiet).unwrap();
    let before = results(&out);
    let resume = |more: &[&str]| {
        isogram(&[&["run", "small.toml", "--resume", "--out", "out", "--quiet"], more].concat(), dir.path())
    };
    for (more, says) in [
        (&["--set", "optimiser.lr=0.5"][..], "optimiser.lr was 0.001, and now is 0.5"),
        (&["--set", "loss.kind=bce"], "loss.kind was \"cross_entropy\", and now is \"bce\""),
        (&["--seeds", "3"], "seeds was 2, and now is 3"),
        (&["--set", "sweep.model.gain=[1, 2]"], "sweep.model.gain was null, and now is [1"),
        (&["--steps", "30"], "observe.at"),
        (
            &["--steps", "50", "--set", "observe.at={ kind = 'linear', every = 25 }"],
            "observe.at.every was 20, and now is 25",
        ),
    ] {
        let output = resume(more);
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        let says = if says == "observe.at" { "steps was 40, and now is 30" } else { says };
        assert!(said(&output).contains(says), "{more:?}: {}", said(&output));
    }
    for more in [&[][..], &["--set", "name=other"], &["--set", "save.snapshot_every=3"]] {
        let output = resume(more);
        assert!(output.status.success(), "{more:?}: {}", said(&output));
    }
    assert!(results(&out) == before, "nothing was to be done");
    // More steps: the rows are those of a run that took as many from the start.
    let longer = dir.path().join("longer");
    let more = [("steps", "80")];
    sweep(&more).run(&options(&longer, false), &mut Quiet).unwrap();
    let output = resume(&["--steps", "80"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(results(&out) == results(&longer));
    // And a schedule to the end of a run has none of another length.
    let cosine = [("optimiser.schedule.kind", "cosine")];
    let out = dir.path().join("cosine");
    sweep(&cosine).run(&options(&out, false), &mut Quiet).unwrap();
    let more = sweep(&[cosine[0], ("steps", "80")]).run(&options(&out, true), &mut Quiet).unwrap_err();
    assert!(more.to_string().contains("optimiser.schedule.steps"), "{more}");
}

#[test]
fn a_run_that_is_extended_can_be_interrupted_and_its_library_form_does_the_same() {
    let dir = folder();
    let (out, longer) = (dir.path().join("out"), dir.path().join("longer"));
    let more = sweep(&[("steps", "80")]);
    sweep(&[]).run(&options(&out, false), &mut Quiet).unwrap();
    more.run(&options(&longer, false), &mut Quiet).unwrap();
    let asked = options(&out, true);
    more.run(&asked, &mut Stop(asked.interrupt.clone())).unwrap_err();
    more.run(&options(&out, true), &mut Quiet).unwrap();
    assert!(results(&out) == results(&longer));
    // Done again, what is known only at the end is there once.
    more.run(&options(&out, true), &mut Quiet).unwrap();
    assert!(results(&out) == results(&longer));
}

#[test]
fn advice_works_as_it_is_written() {
    let dir = folder();
    let out = dir.path().join("my run");
    interrupted(&out);
    // A folder that is used: by a run, by something else.
    let output = isogram(&["run", "small.toml", "--out", "my run"], dir.path());
    assert_eq!(output.status.code(), Some(2));
    let flags = advised(&said(&output));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    assert_eq!(flags, ["--resume", "--out", "my run"]);
    let output = isogram(&[&["run", "small.toml"], &flags[..]].concat(), dir.path());
    assert!(output.status.success(), "{}", said(&output));
    std::fs::create_dir(dir.path().join("used")).unwrap();
    std::fs::write(dir.path().join("used/notes"), "x").unwrap();
    let output = isogram(&["run", "small.toml", "--out", "used"], dir.path());
    assert!(said(&output).contains("not empty") && !said(&output).contains("--resume"), "{}", said(&output));
    // Nothing to continue.
    for args in [&["run", "small.toml", "--resume", "--out", "fresh"][..], &["run", "small.toml", "--resume"]] {
        let output = isogram(args, dir.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("start one without --resume"), "{}", said(&output));
    }
    let output = isogram(&["run", "small.toml", "--out", "fresh"], dir.path());
    assert!(output.status.success(), "{}", said(&output));
    let output = isogram(&["run", "small.toml", "--resume", "--out", "used"], dir.path());
    assert!(said(&output).contains("name the folder of a run, or start one in another"), "{}", said(&output));
    // A reproduction's folder is not that of a run.
    std::fs::create_dir_all(dir.path().join("paper/sweeps")).unwrap();
    let output = isogram(&["run", "small.toml", "--out", "paper"], dir.path());
    assert!(!said(&output).contains("--resume"), "{}", said(&output));
    let output = isogram(&["reproduce", "lampinen-2024", "--out", "paper"], dir.path());
    let flags = advised(&said(&output));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let args = [&["reproduce", "lampinen-2024", "--only", "none"], &flags[..]].concat();
    assert!(said(&isogram(&args, dir.path())).contains("--only none"), "the flags are taken");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_how_it_continues() {
    let dir = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_isogram"));
    child.args(["run", "small.toml", "--out", "my run", "--set", "save.snapshot_every=50", "--steps", "4000"]);
    child.args(["--set", "observe.at={ kind = 'list', steps = [3] }", "--quiet"]);
    let child = child.current_dir(dir.path()).env("ISOGRAM_ADAPTER", "cpu").stderr(std::process::Stdio::piped());
    let mut child = child.spawn().unwrap();
    while !dir.path().join("my run").join(layout::SNAPSHOT).exists() {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    let flags = advised(&said(&output));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let rest = ["--steps", "4000", "--set", "observe.at={ kind = 'list', steps = [3] }", "--quiet"];
    let output = isogram(&[&["run", "small.toml"], &flags[..], &rest].concat(), dir.path());
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn nothing_is_left_of_what_is_refused() {
    let dir = folder();
    std::fs::write(dir.path().join("wide.toml"), "steps = 1\nseeds = 1\n[model]\nlayers = [65536, 32767]\n").unwrap();
    for args in [
        &["run", "small.toml", "--adapter", "nosuch"][..],
        &["run", "small.toml", "--adapter", "nosuch", "--out", "a/b/c"],
        &["run", "small.toml", "--set", "model.init_from=none.safetensors"],
        &["run", "small.toml", "--set", "model.init_from=none.safetensors", "--out", "a/b"],
        &["run", "wide.toml"],
        &["reproduce", "lampinen-2024", "--adapter", "nosuch"],
        &["reproduce", "lampinen-2024", "--adapter", "nosuch", "--out", "a/b"],
        &["run", "small.toml", "--resume", "--out", "a/b"],
    ] {
        let output = isogram(args, dir.path());
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "{args:?} left {left:?}");
    }
}

#[test]
fn a_folder_without_metrics_is_not_reported_on() {
    let dir = folder();
    let out = dir.path().join("out");
    sweep(&[]).run(&options(&out, false), &mut Quiet).unwrap();
    std::fs::remove_file(out.join(layout::METRICS)).unwrap();
    let output = isogram(&["report", "out"], dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("metrics.parquet: is missing"), "{}", said(&output));
    let output = isogram(&["report", "."], dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("holds no run of Isogram"), "{}", said(&output));
    // As it is advised: again, in another folder.
    assert!(isogram(&["run", "small.toml", "--out", "again", "--quiet"], dir.path()).status.success());
    assert!(isogram(&["report", "again"], dir.path()).status.success());
}

/// Does something to the folder when a stage begins.
struct At<F>(Stage, F);

impl<F: FnMut()> Progress for At<F> {
    fn stage(&mut self, stage: Stage) {
        if stage == self.0 {
            (self.1)();
        }
    }
}

#[test]
fn a_file_that_cannot_take_its_name_costs_nothing() {
    let dir = folder();
    let (whole, out) = (dir.path().join("whole"), dir.path().join("out"));
    sweep(&[]).run(&options(&whole, false), &mut Quiet).unwrap();
    let blocks = out.join(layout::METRICS);
    let mut progress = At(Stage::Writing, || std::fs::create_dir(&blocks).unwrap());
    let error = sweep(&[]).run(&options(&out, false), &mut progress).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("metrics.parquet"), "{error}");
    assert_eq!(std::fs::read_dir(out.join(layout::PARTIAL)).unwrap().count(), 6, "rows of three checkpoints");
    std::fs::remove_dir(&blocks).unwrap();
    sweep(&[]).run(&options(&out, true), &mut Quiet).unwrap();
    assert!(results(&out) == results(&whole));
    assert!(everything(&out).iter().all(|(path, _)| !path.to_string_lossy().contains(".isogram-")));
}

#[test]
fn a_part_that_is_gone_or_cut_short_is_named() {
    let dir = folder();
    let out = dir.path().join("out");
    interrupted(&out);
    let part = out.join(layout::PARTIAL).join("metrics-000000000.parquet");
    let rows = std::fs::read(&part).unwrap();
    std::fs::write(&part, &rows[..rows.len() / 2]).unwrap();
    let resume = || sweep(&[]).run(&options(&out, true), &mut Quiet).map(drop).map_err(|e| e.to_string());
    assert!(resume().unwrap_err().contains("metrics-000000000.parquet: this is not a whole parquet file"));
    std::fs::remove_file(&part).unwrap();
    assert!(resume().unwrap_err().contains("metrics-000000000.parquet is missing"));
    std::fs::write(&part, rows).unwrap();
    let snapshot = out.join(layout::SNAPSHOT);
    let state = std::fs::read(&snapshot).unwrap();
    std::fs::write(&snapshot, &state[..state.len() - 4]).unwrap();
    assert!(resume().unwrap_err().contains("latest.safetensors: its header claims"));
    std::fs::write(&snapshot, state).unwrap();
    resume().unwrap();
    let manifest = Manifest::read(&out.join(layout::MANIFEST)).unwrap();
    assert_eq!(
        manifest.observed.unwrap().metrics,
        10,
        "two losses of two networks at three checkpoints, one at the first"
    );
    report::build(&out).unwrap();
}

/// A file that may not grow, as on a disk that is full.
#[cfg(unix)]
#[test]
fn a_full_disk_costs_nothing_that_was_observed() {
    let dir = folder();
    let whole = dir.path().join("whole");
    // The file of all checkpoints is larger than any other.
    let wide = [("save.representations", "checkpoints"), ("probe.examples", "300")];
    sweep(&wide).run(&options(&whole, false), &mut Quiet).unwrap();
    let args = "run small.toml --set save.representations=checkpoints --set probe.examples=300 --quiet";
    let limited = format!("ulimit -f 24; exec {} {args} --out out", env!("CARGO_BIN_EXE_isogram"));
    let output = Command::new("bash")
        .args(["-c", &limited])
        .current_dir(dir.path())
        .env("ISOGRAM_ADAPTER", "cpu")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{:?} {}", output.status, said(&output));
    assert!(said(&output).contains("representations.safetensors: File too large"), "{}", said(&output));
    let flags = advised(&said(&output));
    let args: Vec<&str> = args.split(' ').chain(flags.iter().map(String::as_str)).collect();
    let output = isogram(&args, dir.path());
    assert!(output.status.success(), "{}", said(&output));
    assert!(results(&dir.path().join("out")) == results(&whole));
}
