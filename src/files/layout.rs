//! Where things lie in a run's folder, and how a fresh folder is made.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::atomic::check_writable;
use crate::error::{Error, Result};

/// What the run was: version, adapter, settings, seeds, timings.
pub const MANIFEST: &str = "manifest.json";
/// Every observed number, in long form.
pub const METRICS: &str = "metrics.parquet";
/// Every compared pair of representations.
pub const PAIRS: &str = "pairs.parquet";
/// Activations on the probe set, when asked for.
pub const REPRESENTATIONS: &str = "representations.safetensors";
/// Trained parameters, when asked for.
pub const PARAMETERS: &str = "parameters.safetensors";
/// Saved states from which a run continues.
pub const SNAPSHOTS: &str = "snapshots";
/// Rows and tensors of a run's checkpoints until it is done.
pub const PARTIAL: &str = "partial";
/// The latest of them.
pub const SNAPSHOT: &str = "snapshots/latest.safetensors";
/// The report, one file.
pub const REPORT: &str = "report.html";
/// What is claimed of a run, and what the claims came to: as text, as numbers, as a page.
pub const CLAIMS: [&str; 3] = ["claims.toml", "claims.json", "claims.html"];
/// The report's figures, each as SVG and as Vega-Lite.
pub const FIGURES: &str = "figures";
/// The folder that holds the runs for which no folder was named.
pub const RUNS: &str = "runs";

/// Where something of a checkpoint is kept until its run is done, such as `partial/metrics-000000064.parquet`.
pub fn partial(dir: &Path, what: &str, step: u32, ending: &str) -> PathBuf {
    dir.join(PARTIAL).join(format!("{what}-{step:09}.{ending}"))
}

/// Folders that were made for work that has not begun: those that are still empty when this is dropped are removed again, so
/// that a refusal leaves nothing behind.
#[derive(Debug, Default)]
#[must_use = "what is dropped at once is removed at once"]
pub struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        // The innermost first. Only a folder with nothing in it can be removed so.
        for dir in self.0.iter().rev() {
            for inner in [SNAPSHOTS, PARTIAL, FIGURES] {
                std::fs::remove_dir(dir.join(inner)).ok();
            }
            std::fs::remove_dir(dir).ok();
        }
    }
}

/// Makes a folder and those above it, and says which were not there.
///
/// # Errors
/// [`Error::Io`] when it cannot be made.
pub fn make_dir(dir: &Path) -> Result<Made> {
    let mut made =
        Made(dir.ancestors().filter(|d| !d.as_os_str().is_empty() && !d.exists()).map(Path::to_owned).collect());
    made.0.reverse();
    std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
    Ok(made)
}

/// Makes the folder of a new run and finds out whether it can be written in.
///
/// With `out`, that folder: it may exist if it is empty; where it holds `continued`, what it holds can be continued. Without, a fresh `runs/<name>-<yyyymmdd-hhmmss>` (UTC) in the
/// current folder, with `-2`, `-3` ... when two runs start in the same second.
///
/// # Errors
/// [`Error::Config`] when `out` holds something already, [`Error::Io`] when the folder cannot be made or written in.
pub fn create_run_dir(out: Option<&Path>, name: &str, continued: &str) -> Result<(PathBuf, Made)> {
    let (dir, made) = match out {
        Some(out) => (out.to_owned(), make_empty(out, continued)?),
        None => make_fresh(Path::new(RUNS), name, SystemTime::now())?,
    };
    check_writable(&dir)?;
    Ok((dir, made))
}

fn make_empty(out: &Path, continued: &str) -> Result<Made> {
    if out.exists() && !out.is_dir() {
        return Err(Error::config(format!("--out {}: this is a file, not a folder; pick another name", out.display())));
    }
    let made = make_dir(out)?;
    if std::fs::read_dir(out).map_err(Error::io(out))?.next().is_some() {
        let advice = if out.join(continued).exists() {
            format!("pick another, or continue what is in it with --resume --out {}", shown(out))
        } else {
            "pick another".to_owned()
        };
        return Err(Error::config(format!("--out {}: this folder is not empty; {advice}", out.display())));
    }
    Ok(made)
}

/// A path as a shell takes it.
pub fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,@%=:~".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn make_fresh(runs: &Path, name: &str, now: SystemTime) -> Result<(PathBuf, Made)> {
    let mut made = make_dir(runs)?;
    let stem = format!("{}-{}", file_name(name), stamp(now));
    for attempt in 1_u32.. {
        let dir = runs.join(if attempt == 1 { stem.clone() } else { format!("{stem}-{attempt}") });
        // Creating is the test: between a look and a creation another run could take the name.
        match std::fs::create_dir(&dir) {
            Ok(()) => {
                made.0.push(dir.clone());
                return Ok((dir, made));
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io(&dir)(e)),
        }
    }
    Err(Error::config(format!("{}: no free name for a new run", runs.display())))
}

/// The experiment's name as part of a file name on any system.
fn file_name(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let cleaned: String = name.chars().map(kept).take(80).collect();
    let cleaned = cleaned.trim_matches(['-', '.']);
    if cleaned.is_empty() { "run".to_owned() } else { cleaned.to_owned() }
}

/// `yyyymmdd-hhmmss` in UTC.
pub(super) fn stamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let clock = seconds % 86_400;
    format!("{year:04}{month:02}{day:02}-{:02}{:02}{:02}", clock / 3600, clock / 60 % 60, clock % 60)
}

/// Year, month and day (from 1) of a number of days since 1970-01-01, in the Gregorian calendar.
pub(crate) fn date(mut days: u64) -> (u64, u64, u64) {
    // Whole cycles of 400 years first, so that an absurd clock costs no time.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    loop {
        let length = 365 + u64::from(leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_right_around_leap_days() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(20_757), (2026, 10, 31));
        assert_eq!(date(47_541), (2100, 3, 1));
        assert_eq!(date(146_097), (2370, 1, 1));
        assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(951_782_400 + 3_723)), "20000229-010203");
    }

    #[test]
    fn two_runs_of_one_second_get_two_folders() {
        let dir = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let (first, _first) = make_fresh(dir.path(), "tanh vs/relu", now).unwrap();
        let (second, _second) = make_fresh(dir.path(), "tanh vs/relu", now).unwrap();
        assert!(first.ends_with("tanh-vs-relu-20010909-014640"), "{first:?}");
        assert!(second.ends_with("tanh-vs-relu-20010909-014640-2"), "{second:?}");
        assert!(make_fresh(dir.path(), "../..", now).unwrap().0.ends_with("run-20010909-014640"));
    }

    #[test]
    fn a_used_folder_is_refused_with_a_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b");
        let made = create_run_dir(Some(&out), "x", SNAPSHOT).unwrap();
        assert_eq!(made.0, out);
        assert_eq!(create_run_dir(Some(&out), "x", SNAPSHOT).unwrap().0, out, "an empty folder may be used");
        std::fs::write(out.join("file"), "x").unwrap();
        let said = create_run_dir(Some(&out), "x", SNAPSHOT).unwrap_err().to_string();
        assert!(said.contains("not empty") && !said.contains("--resume"), "there is no run to continue: {said}");
        std::fs::create_dir(out.join(SNAPSHOTS)).unwrap();
        std::fs::write(out.join(SNAPSHOT), "x").unwrap();
        let said = create_run_dir(Some(&out), "x", SNAPSHOT).unwrap_err().to_string();
        assert!(said.contains("not empty") && said.contains("--resume --out "), "{said}");
        let said = create_run_dir(Some(&out.join("file")), "x", SNAPSHOT).unwrap_err().to_string();
        assert!(said.contains("is a file"), "{said}");
    }

    #[test]
    fn folders_in_which_nothing_was_done_are_removed_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("a/b/c");
        let (_, made) = create_run_dir(Some(&out), "x", SNAPSHOT).unwrap();
        std::fs::create_dir(out.join(SNAPSHOTS)).unwrap();
        drop(made);
        assert!(!dir.path().join("a").exists());
        std::fs::create_dir(dir.path().join("a")).unwrap();
        drop(create_run_dir(Some(&out), "x", SNAPSHOT).unwrap());
        assert!(dir.path().join("a").exists() && !dir.path().join("a/b").exists(), "what was there stays");
        let (_, made) = create_run_dir(Some(&out), "x", SNAPSHOT).unwrap();
        std::fs::write(out.join("row"), "x").unwrap();
        drop(made);
        assert!(out.join("row").exists());
        let (fresh, made) = make_fresh(&dir.path().join("runs"), "x", UNIX_EPOCH).unwrap();
        assert!(fresh.exists());
        drop(made);
        assert!(!dir.path().join("runs").exists());
    }

    #[test]
    fn a_path_is_shown_as_a_shell_takes_it() {
        assert_eq!(shown(Path::new("runs/a-1")), "runs/a-1");
        assert_eq!(shown(Path::new("my runs/it's")), "'my runs/it'\\''s'");
    }
}
