//! The report as a whole: of whole runs, of parts of runs, and of damaged ones.

mod comparison;
mod paper;
mod published;
mod synthetic;

use std::path::{Path, PathBuf};

use serde_json::json;

use isogram::files::manifest::RunStatus;
use isogram::files::{Manifest, layout};
use isogram::report::build;
use synthetic::Synthetic;

/// A folder for a test; with `ISOGRAM_KEEP_REPORTS` set, one that stays, so that the reports can be looked at.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

fn folder(name: &str) -> Folder {
    match std::env::var_os("ISOGRAM_KEEP_REPORTS") {
        Some(keep) => {
            let path = Path::new(&keep).join(name);
            std::fs::create_dir_all(&path).unwrap();
            Folder { path, _temporary: None }
        }
        None => {
            let temporary = tempfile::tempdir().unwrap();
            Folder { path: temporary.path().to_owned(), _temporary: Some(temporary) }
        }
    }
}

fn report(dir: &Path) -> String {
    let path = build(dir).unwrap();
    assert_eq!(path, dir.join(layout::REPORT));
    let page = std::fs::read_to_string(path).unwrap();
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!page.contains(outside), "the page must not need a network: {outside}");
    }
    // By themselves, since the letters may stand in an image.
    for missing in [">NaN", " NaN", "\"NaN", ">inf", " inf ", "undefined"] {
        assert!(!page.contains(missing), "no number may be missing its value: {missing}");
    }
    page
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

#[test]
fn a_whole_run_shows_everything() {
    let dir = folder("two");
    Synthetic::two().write(&dir.path);
    let page = report(&dir.path);
    assert_eq!(count(&page, "<figure id="), 5);
    assert_eq!(count(&page, "No figure"), 0);
    assert_eq!(std::fs::read_dir(dir.path.join(layout::FIGURES)).unwrap().count(), 10, "as SVG and as Vega-Lite");
    assert!(page.contains("2 of 66 networks diverged (1 of tanh and 1 of relu) and are left out"), "{page}");
    assert!(page.contains("digits &lt;tanh &amp; relu&gt;") && !page.contains("<tanh"));
    assert!(page.contains("over 32 seeds per setting (without 2 networks that diverged)"));
    assert!(page.contains("cross-entropy (nats)") && page.contains("accuracy (fraction)"));
    assert!(page.contains("pd.read_parquet(\"metrics.parquet\")"));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn many_settings_share_a_ramp() {
    let dir = folder("many");
    let values = (1..=12).map(|i| json!(f64::from(i) * 0.001)).collect();
    let run = Synthetic { key: "optimiser.lr", values, seeds: 4, diverging: 0, ..Synthetic::two() };
    run.write(&dir.path);
    let page = report(&dir.path);
    assert_eq!(count(&page, "<figure id="), 5);
    assert!(page.contains("the highest of 12 settings"), "only the extremes are named");
}

#[test]
fn some_settings_split_plain_from_debiased() {
    let dir = folder("six");
    let values =
        ["tanh", "relu", "gelu", "sigmoid", "leaky_relu_with_a_long_name", "identity"].map(|a| json!(a)).into();
    Synthetic { values, seeds: 6, layers: 4, diverging: 0, ..Synthetic::two() }.write(&dir.path);
    assert_eq!(count(&report(&dir.path), "<figure id="), 5);
}

#[test]
fn large_runs_are_sampled() {
    let dir = folder("large");
    Synthetic { seeds: 150, layers: 1, steps: 4, done: 4, diverging: 0, ..Synthetic::two() }.write(&dir.path);
    let page = report(&dir.path);
    assert!(page.contains("between 150 of 300 networks"), "{page}");
    assert!(page.contains("it takes two hidden layers"));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
}

#[test]
fn no_sweep_and_many_layers() {
    let dir = folder("plain");
    Synthetic { values: vec![], seeds: 10, layers: 11, diverging: 0, ..Synthetic::two() }.write(&dir.path);
    let page = report(&dir.path);
    assert_eq!(count(&page, "<figure id="), 5);
    assert!(page.contains("8 of 11 hidden layers are shown") && !page.contains("per setting"));
}

#[test]
fn one_network_has_nothing_to_be_compared_with() {
    let dir = folder("one");
    Synthetic { values: vec![], seeds: 1, diverging: 0, ..Synthetic::two() }.write(&dir.path);
    let page = report(&dir.path);
    assert_eq!(count(&page, "<figure id="), 2);
    assert_eq!(count(&page, "it takes two networks to compare"), 3);
}

#[test]
fn an_interrupted_run_says_how_far_it_came() {
    let dir = folder("interrupted");
    Synthetic { done: 300, ..Synthetic::two() }.write(&dir.path);
    let page = report(&dir.path);
    assert!(page.contains("interrupted: the files reach step 300 of 2,000"), "{page}");
    assert!(page.contains("different layers were not compared"));
    assert_eq!(count(&page, "<figure id="), 4);
}

#[test]
fn a_run_without_metrics_has_nothing_to_report_and_one_without_pairs_fewer_figures() {
    let dir = folder("bare");
    Synthetic::two().write(&dir.path);
    std::fs::remove_file(dir.path.join(layout::PAIRS)).unwrap();
    std::fs::create_dir_all(dir.path.join(layout::FIGURES)).unwrap();
    let old = dir.path.join(layout::FIGURES).join("cka_replicas.svg");
    std::fs::write(&old, "of an earlier report").unwrap();
    let page = report(&dir.path);
    assert!(page.contains("no pairs.parquet") && count(&page, "No figure") > 0);
    assert!(!old.exists());
    let mut manifest = Manifest::read(&dir.path.join(layout::MANIFEST)).unwrap();
    let metrics = dir.path.join(layout::METRICS);
    let rows = std::fs::read(&metrics).unwrap();
    std::fs::remove_file(&metrics).unwrap();
    let said = build(&dir.path).unwrap_err().to_string();
    assert!(said.contains("metrics.parquet: is missing, though the run is done"), "{said}");
    // A run that was killed has the rows of its checkpoints, or nothing yet.
    manifest.status = RunStatus::Running;
    manifest.write(&dir.path.join(layout::MANIFEST)).unwrap();
    let said = build(&dir.path).unwrap_err().to_string();
    assert!(said.contains("nothing was observed in this run yet"), "{said}");
    std::fs::create_dir(dir.path.join(layout::PARTIAL)).unwrap();
    std::fs::write(dir.path.join(layout::PARTIAL).join("metrics-000000000.parquet"), rows).unwrap();
    assert!(report(&dir.path).contains("This run is not done: the files reach step 2,000"));
    manifest.replicas.clear();
    manifest.write(&dir.path.join(layout::MANIFEST)).unwrap();
    assert_eq!(count(&report(&dir.path), "the run has no networks"), 5);
    std::fs::remove_file(dir.path.join(layout::MANIFEST)).unwrap();
    let said = build(&dir.path).unwrap_err().to_string();
    assert!(said.contains("holds no run of Isogram: there is no manifest.json"), "{said}");
}

#[test]
fn a_run_in_which_all_diverged_says_so() {
    let dir = folder("diverged");
    Synthetic { seeds: 2, diverging: 1, ..Synthetic::two() }.write(&dir.path);
    let page = report(&dir.path);
    assert_eq!(count(&page, "every network diverged"), 5);
    assert!(page.contains("4 of 4 networks diverged"));
}

#[test]
fn damaged_files_get_one_clear_sentence() {
    let dir = folder("damaged");
    let said = build(&dir.path.join("nowhere")).unwrap_err().to_string();
    assert!(said.contains("manifest.json"), "{said}");
    Synthetic { seeds: 2, steps: 3, done: 3, ..Synthetic::two() }.write(&dir.path);
    for (file, expected) in [
        (layout::PAIRS, "not a whole parquet file"),
        (layout::METRICS, "not a whole parquet file"),
        (layout::MANIFEST, "no manifest of an Isogram run"),
    ] {
        let path = dir.path.join(file);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let said = build(&dir.path).unwrap_err().to_string();
        assert!(said.contains(file) && said.contains(expected) && !said.contains('\n'), "{said}");
        std::fs::write(&path, whole).unwrap();
    }
    assert!(Manifest::read(&dir.path.join(layout::MANIFEST)).is_ok());
}
