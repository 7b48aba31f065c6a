//! `isogram compare`, `describe` and `measures` as a user runs them, and the catalogue observed by an experiment.

use std::path::Path;
use std::process::{Command, Output};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/measures");

fn isogram(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isogram"))
        .current_dir(FIXTURES)
        .env("XDG_RUNTIME_DIR", "/nowhere")
        .args(args)
        .output()
        .expect("the binary runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn two_files_give_a_table_of_the_main_measures() {
    let output = isogram(&["compare", "digits_seed0_h1.npy", "digits_seed0_h2.npy", "--on", "cpu"]);
    assert!(output.status.success(), "{}", complaint(&output));
    let text = said(&output);
    for line in ["cka:debiased ", "procrustes ", "linear_regression ", "knn "] {
        assert!(text.lines().any(|l| l.starts_with(line)), "{line}\n{text}");
    }
    // Both ways where the way matters.
    let regression = text.lines().find(|l| l.starts_with("linear_regression")).unwrap();
    let numbers = regression.split_whitespace().filter(|w| w.parse::<f64>().is_ok()).count();
    assert_eq!(numbers, 2, "{regression}");
}

#[test]
fn json_holds_the_values_to_the_last_digit() {
    let output =
        isogram(&["compare", "kornblith_X.npy", "kornblith_Y.npy", "--measures", "cka:biased,pwcca", "--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cka = value["measures"][0]["values"][0][1].as_f64().unwrap();
    assert!((cka - 0.5576132566117579).abs() < 1e-12, "{cka}");
    let pwcca = &value["measures"][1];
    assert_eq!(pwcca["symmetric"], false);
    assert!(pwcca["values"][0][1] != pwcca["values"][1][0]);
}

/// Batches that do not divide the examples, against the whole.
#[test]
fn batches_of_rows_give_what_the_whole_gives() {
    let files = ["digits_pixels.npy", "digits_seed0_h1.npy", "digits_seed0_h2.npy"];
    let names = "cka,cka:biased,cka:lange,procrustes,procrustes:euclidean,nbs,linear_regression";
    let values = |more: &[&str]| -> serde_json::Value {
        let mut args = vec!["compare"];
        args.extend(files);
        args.extend(["--measures", names, "--json", "--on", "cpu"]);
        args.extend(more);
        let output = isogram(&args);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", complaint(&output)))
    };
    let (whole, parts) = (values(&[]), values(&["--batch", "37"]));
    for m in 0..7 {
        for (a, b) in [(0, 1), (1, 0), (0, 2), (2, 1)] {
            let of = |v: &serde_json::Value| v["measures"][m]["values"][a][b].as_f64().unwrap();
            let (expected, got) = (of(&whole), of(&parts));
            // Units of the pixels that never vary make the regression's covariance singular.
            assert!(
                (expected - got).abs() < 1e-8 * (1.0 + expected.abs()),
                "{m} of {a}, {b}: {got} against {expected}"
            );
        }
    }
    let output = isogram(&["compare", files[0], files[1], "--measures", "rsa", "--batch", "10"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("all examples at once"), "{}", complaint(&output));
}

#[test]
fn matrices_are_drawn_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let files = ["digits_pixels.npy", "digits_seed0_h1.npy", "digits_seed0_h2.npy"];
    let (svg, npz, csv, parquet) = (path("m.svg"), path("m.npz"), path("m.csv"), path("m.parquet"));
    let mut args = vec!["compare"];
    args.extend(files);
    args.extend(["--measures", "cka,procrustes", "--matrix", &svg]);
    for out in [&npz, &csv, &parquet] {
        args.extend(["--out", out]);
    }
    let output = isogram(&args);
    assert!(output.status.success(), "{}", complaint(&output));
    for name in ["m-cka-debiased.svg", "m-procrustes.svg"] {
        assert!(std::fs::read_to_string(path(name)).unwrap().starts_with("<svg"), "{name}");
    }
    for name in ["m.npz", "m-cka-debiased.csv", "m-procrustes.csv", "m.parquet"] {
        assert!(std::fs::metadata(path(name)).unwrap().len() > 100, "{name}");
    }
    let arrays = isogram::data::read_representations(Path::new(&format!("{npz}:cka:debiased"))).unwrap();
    assert_eq!((arrays[0].rows, arrays[0].width()), (3, 3));
    assert!((arrays[0].values[0] - 1.0).abs() < 1e-12);
}

#[test]
fn permutations_and_intervals_say_how_sure_a_value_is() {
    let args =
        ["compare", "kornblith_X.npy", "kornblith_Y.npy", "--measures", "cka,procrustes", "--permutations", "99"];
    let output = isogram(&[&args[..], &["--interval", "50", "--json"]].concat());
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["permutations"][0]["p"], 0.01);
    let interval = &value["intervals"][0];
    let of = |key: &str| interval[key].as_f64().unwrap();
    assert!(of("low") < of("value") && of("value") < of("high"), "{interval}");
}

#[test]
fn single_representations_are_described() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (csv, parquet) = (path("s.csv"), path("s.parquet"));
    let args = ["describe", "digits_seed0_h1.npy", "--labels", "digits_labels.npy", "--json"];
    let output = isogram(&[&args[..], &["--out", &csv, "--out", &parquet]].concat());
    assert!(output.status.success(), "{}", complaint(&output));
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(text.lines().any(|l| l.starts_with("digits_seed0_h1.npy,participation_ratio,")), "{text}");
    assert!(std::fs::metadata(&parquet).unwrap().len() > 100);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let statistics = &value[0]["statistics"];
    assert!(statistics["participation_ratio"].as_f64().unwrap() > 1.0);
    assert!(statistics["linear_probe"].as_f64().unwrap() > 0.8);
}

#[test]
fn what_cannot_be_done_is_one_sentence() {
    let cases: [(&[&str], i32, &str); 6] = [
        (&["compare", "kornblith_X.npy"], 2, "two representations"),
        (&["compare", "kornblith_X.npy", "ties_X.npy"], 1, "same examples"),
        (&["compare", "kornblith_X.npy", "kornblith_Y.npy", "--measure", "ckaa"], 2, "did you mean `cka`"),
        (&["compare", "kornblith_X.npy", "nowhere.npy"], 1, "nowhere.npy"),
        (&["describe", "digits_seed0_h1.npy", "--statistics", "linear_probe"], 2, "--labels"),
        (&["measures", "procrustse"], 2, "`procrustes`"),
    ];
    for (args, code, expected) in cases {
        let output = isogram(args);
        let complaint = complaint(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {complaint}");
        assert!(complaint.contains(expected) && complaint.trim().lines().count() == 1, "{args:?}: {complaint}");
    }
}

#[test]
fn the_catalogue_is_listed() {
    let all = said(&isogram(&["measures"]));
    assert!(all.contains("soft_match_distance") && all.contains("participation_ratio"));
    let one = said(&isogram(&["measures", "cka"]));
    assert!(one.contains("Kornblith") && one.contains("estimator = debiased|biased|lange"), "{one}");
    let json: serde_json::Value = serde_json::from_slice(&isogram(&["measures", "--json"]).stdout).unwrap();
    assert!(json["measures"].as_array().unwrap().len() >= 30 && json["statistics"].as_array().unwrap().len() >= 25);
}

/// Values that a run observes are those that `compare` finds in the representations that it saves.
#[test]
fn an_experiment_observes_by_the_same_names() {
    let dir = tempfile::tempdir().unwrap();
    let toml = dir.path().join("small.toml");
    let run = dir.path().join("run");
    std::fs::write(
        &toml,
        r#"
        name = "small"
        steps = 20
        seeds = 3
        [model]
        layers = [12, 8]
        [probe]
        examples = 40
        [observe]
        at = { kind = "linear", count = 2 }
        measures = ["loss"]
        compare = ["procrustes", "rsa:pearson", "linear_regression"]
        describe = ["participation_ratio", "linear_probe:ridge:folds=2"]
        [save]
        representations = "final"
        "#,
    )
    .unwrap();
    let output = isogram(&["run", toml.to_str().unwrap(), "--out", run.to_str().unwrap(), "--quiet"]);
    assert!(output.status.success(), "{}", complaint(&output));
    let pairs = isogram::files::read_pairs(&run.join("pairs.parquet")).unwrap();
    let file = run.join("representations.safetensors");
    let array = |replica: usize| format!("{}:{replica}/layers.1", file.display());
    let output = isogram(&[
        "compare",
        &array(0),
        &array(1),
        &array(2),
        "--measures",
        "procrustes,rsa:pearson,linear_regression",
        "--json",
        "--on",
        "cpu",
    ]);
    let value: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", complaint(&output)));
    let mut compared = 0;
    for row in pairs.iter().filter(|row| row.step == 20 && row.layer_a == "layers.1") {
        let measure = value["measures"].as_array().unwrap().iter().find(|m| m["measure"] == row.name).unwrap();
        let expected = measure["values"][row.replica_a as usize][row.replica_b as usize].as_f64().unwrap();
        assert!((row.value - expected).abs() < 2e-5, "{}: {} against {expected}", row.name, row.value);
        compared += 1;
    }
    // Three pairs of each symmetric measure, six of the other.
    assert_eq!(compared, 3 + 3 + 6);
    let metrics = isogram::files::read_metrics(&run.join("metrics.parquet")).unwrap();
    let named = |name: &str| (0..metrics.len()).filter(|&i| metrics.row(i).is_some_and(|row| row.name == name)).count();
    // Three replicas, two layers, at the start, in the middle and at the end.
    assert_eq!(named("participation_ratio"), named("linear_probe:ridge:folds=2"));
    assert!(named("participation_ratio") >= 3 * 2 * 2);
}

#[test]
fn flags_that_cannot_be_met_are_refused_before_anything_is_read() {
    let files = ["kornblith_X.npy", "kornblith_Y.npy"];
    for more in [
        &["--measures", "cka,cka"][..],
        &["--matrix", "m.png"],
        &["--out", "m.xyz"],
        &["--interval", "3"],
        &["--measures", ","],
        &["--measures", "two_nn"],
        &["--batch", "10", "--permutations", "9"],
    ] {
        let mut args = vec!["compare"];
        args.extend(files);
        args.extend(more);
        let output = isogram(&args);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {}", complaint(&output));
        assert!(output.stdout.is_empty() && complaint(&output).trim().lines().count() == 1, "{more:?}");
    }
}

#[test]
fn few_representations_are_shown_pair_by_pair() {
    let files = ["digits_pixels.npy", "digits_seed0_h1.npy", "digits_seed0_h2.npy"];
    let mut args = vec!["compare"];
    args.extend(files);
    args.extend(["--measures", "cka,procrustes", "--on", "cpu"]);
    let text = said(&isogram(&args));
    for line in ["1 digits_pixels.npy", "3 digits_seed0_h2.npy"] {
        assert_eq!(text.lines().filter(|l| l.starts_with(line)).count(), 2, "{text}");
    }
}

#[test]
fn halves_of_units_are_compared_on_both_machines() {
    let args = ["compare", "digits_seed0_h1.npy", "digits_seed0_h2.npy", "--measures", "cka,bipartite_match"];
    let mut means = Vec::new();
    for on in ["cpu", "gpu"] {
        let mut all = args.to_vec();
        all.extend(["--halves", "20", "--json", "--on", on]);
        let output = isogram(&all);
        if on == "gpu" && !output.status.success() && std::env::var_os("ISOGRAM_REQUIRE_ADAPTER").is_none() {
            return;
        }
        assert!(output.status.success(), "{}", complaint(&output));
        let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let halves = value["halves"].as_array().unwrap();
        assert_eq!(halves.len(), 4);
        for h in halves {
            let [low, mean, high] = ["low", "mean", "high"].map(|k| h[k].as_f64().unwrap());
            assert!(0.0 < low && low <= mean && mean <= high && high < 1.0, "{h}");
        }
        means.push(halves.iter().map(|h| h["mean"].as_f64().unwrap()).collect::<Vec<_>>());
    }
    for (cpu, gpu) in means[0].iter().zip(&means[1]) {
        assert!((cpu - gpu).abs() < 1e-5, "{cpu} and {gpu}");
    }
}

#[test]
fn options_without_effect_are_refused() {
    for (measure, word) in [
        ("cka:threshold=0.5", "threshold"),
        ("cka:rbf:sigma=1:threshold=0.5", "threshold"),
        ("ridge:leave-one-out:alpha=2", "alpha"),
        ("rtd:seed=3", "seed"),
        ("svcca:dimensions=4:variance=0.9", "variance"),
    ] {
        let output = isogram(&["compare", "kornblith_X.npy", "kornblith_Y.npy", "--measures", measure]);
        assert!(!output.status.success(), "{measure}");
        assert!(complaint(&output).contains(&format!("`{word}` has no effect")), "{}", complaint(&output));
    }
}
