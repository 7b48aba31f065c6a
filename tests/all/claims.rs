//! Claims about a run: read before anything is trained, tried on its files, judged with intervals over seeds.

use std::path::Path;
use std::process::{Command, Output};

use isogram::files::{
    Layer, Manifest, MetricRow, PairRow, PairTable, ReplicaColumns, layout, write_metrics, write_pairs,
};
use isogram::papers::claims::{ClaimsFile, Tried, try_run};
use isogram::report::paper::{ClaimRow, Verdict};
use serde_json::json;

/// Eight seeds at each of two widths. Accuracy at the end is `0.9` and `0.95` with ±0.01 from seed to seed, and goes through `0.5`
/// on the way; the agreement of two networks is `0.6` and `0.8`, and `0.01` more for each of their seeds' difference.
fn made(dir: &Path) {
    let replicas: Vec<_> = (0..16u32)
        .map(|r| {
            json!({ "replica": r, "seed": r % 8, "settings": { "model.layers": if r < 8 { "16" } else { "64" } },
            "diverged_at": if r == 7 { json!(3) } else { json!(null) } })
        })
        .collect();
    let manifest = json!({ "format": 1, "isogram": "0", "experiment_name": "made", "replicas": replicas, "steps": 20, "status": "done" });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    manifest.write(&dir.join(layout::MANIFEST)).unwrap();
    let columns: Vec<_> = (0..16).map(|r| ReplicaColumns { seed: r % 8, settings: Vec::new() }).collect();
    let mut rows = Vec::new();
    for replica in 0..16u32 {
        let (wide, odd) = (replica >= 8, if replica.is_multiple_of(2) { 0.01 } else { -0.01 });
        let mut row = |step, layer, name: &str, value| {
            rows.push(MetricRow { replica, step, layer, name: name.to_owned(), value });
        };
        for (step, accuracy) in [(0, 0.1), (10, 0.5), (20, if wide { 0.95 } else { 0.9 })] {
            row(step, None, "accuracy_test", accuracy + odd);
            for layer in 0..2 {
                row(step, Some(Layer(layer)), "cka_labels:biased", 0.2 + 0.3 * f64::from(layer) + odd);
            }
        }
    }
    write_metrics(&dir.join(layout::METRICS), &columns, rows).unwrap();
    let mut pairs = PairTable::default();
    for a in 0..16u32 {
        for b in a + 1..16 {
            let value = if b < 8 { 0.6 } else { 0.8 } + 0.01 * f64::from((b % 8).abs_diff(a % 8));
            pairs.push(PairRow {
                name: "cka:debiased",
                step: 20,
                replica_a: a,
                replica_b: b,
                layer_a: "layers.1",
                layer_b: "layers.1",
                value,
            });
        }
    }
    write_pairs(&dir.join(layout::PAIRS), &pairs).unwrap();
}

const QUANTITIES: &str = r#"
title = "Made up"
[constant]
bar = { tiny = 0.1, else = 0.7 }
[quantity]
accuracy = { metric = "accuracy_test" }
by_width = { metric = "accuracy_test", by = "model.layers" }
wide = { metric = "accuracy_test", where = { "model.layers" = "64" }, digits = 2 }
agreement = { metric = "cka:debiased", layer = "last", by = "model.layers", title = "CKA" }
above = { each = "wide - first_step" }
first_step = { metric = "accuracy_test", at = "start" }
half = { metric = "step", at = "when accuracy_test >= 0.45" }
layers = { metric = "cka_labels:biased", layer = "all", reduce = "median" }
good = { metric = "accuracy_test", only = "accuracy_test >= 0.9" }
course = { metric = "accuracy_test", at = "all" }
gain = { each = "last(course) - course[0]" }
unlike = { metric = "cka:debiased", layer = "last", where = { "model.layers" = "64" }, with = { "model.layers" = "16" } }
all_pairs = { metric = "cka:debiased", layer = "last", across = "model.layers" }
"#;

fn tried(checks: &[&str]) -> Tried {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let claims: Vec<String> = checks
        .iter()
        .enumerate()
        .map(|(i, check)| format!("[[claim]]\nid = \"c{i}\"\nsentence = \"It is so\"\n{check}\n"))
        .collect();
    let file = ClaimsFile::parse(&format!("{QUANTITIES}{}", claims.join("")), "made.toml", None).unwrap();
    let (tried, page) = try_run(dir.path(), &file).unwrap();
    assert!(std::fs::read_to_string(page).unwrap().contains("It is so"));
    tried
}

fn near(found: &[f64], expected: &[f64]) {
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9),
        "{found:?}, {expected:?}"
    );
}

#[test]
fn quantities_are_what_the_tables_hold() {
    let said = |measured: &str| -> ClaimRow {
        let claim = format!("check = \"accuracy > 0\"\nmeasured = \"{measured}\"");
        tried(&[&claim]).claims.remove(0)
    };
    // Replica 7, which diverged, is in none.
    let row = said("{count(accuracy)} of {networks(accuracy)}: {by_width:3}");
    assert_eq!(row.measured, "15 of 16: 16: 0.901 ± 0.011, 64: 0.950 ± 0.011");
    near(&row.values, &[15.0, (0.9 * 7.0 + 0.01) / 7.0, row.values[2], 0.95, row.values[4]]);
    let row = said("{agreement[0]} {agreement[1]} {half} {layers[1] - layers[0]} {mean(layers)} {count(agreement)}");
    // The mean difference of two of eight seeds is 3; of seven seeds 8/3.
    near(&row.values, &[0.6 + 0.08 / 3.0, 0.83, 10.0, 0.0, 0.3, row.values[5], 21.0, 28.0]);
    // Of seven seeds with each of the eight that are not their own: 140 steps from one to the other in 49 pairs.
    let (row, between) = (said("{mean(unlike)} {count(unlike)} {all_pairs:4}"), 0.8 + 1.4 / 49.0);
    near(&row.values[..3], &[between, 49.0, 0.6 + 0.08 / 3.0]);
    near(&[row.values[4], row.values[6], row.values[8]], &[between, between, 0.83]);
    assert!(row.measured.contains("16, 64: 0.82"), "{}", row.measured);
    let row = said("{above} {count(good)} {share(good)} {gain[0]:1} {bar}");
    near(&row.values, &[0.85, 0.0, 12.0, 0.75, (0.8 * 7.0 + 0.85 * 8.0) / 15.0]);
}

#[test]
fn verdicts_know_their_seeds() {
    let tried = tried(&[
        "check = \"rising(agreement, 0.1)\"",
        "check = \"wide >= 0.9499\"",
        "check = \"wide > 0.97 or by_width[0] > by_width[1]\"",
        "check = \"wide > bar\"\nneeds = \"share(good) >= 0.9\"",
        "untested = \"It needs what is not there.\"",
        "check = \"rising(agreement)\"\nkind = \"control\"\nsource = \"[A] fig. 1\"\npredicted = \"more\"\nnote = \"Half at {half}.\"",
        "check = { paper = \"wide > 2\" }",
    ]);
    let verdicts: Vec<Verdict> = tried.claims.iter().map(|c| c.verdict).collect();
    use Verdict::{Inconclusive, NotReproduced, NotTested, Reproduced};
    assert_eq!(verdicts, [Reproduced, Inconclusive, NotReproduced, NotTested, NotTested, Reproduced, NotTested]);
    let [wider, close, _, gated, ..] = &tried.claims[..] else { panic!() };
    let [low, high] = wider.interval.unwrap();
    assert!((wider.margin.unwrap() - (0.23 - 0.08 / 3.0 - 0.1)).abs() < 1e-9 && low > 0.05 && low < high);
    assert_eq!((wider.seeds, wider.predicted.as_str()), (8, "CKA rises at each step by at least 0.1"));
    assert!(
        close.explanation.contains("drawn anew") && close.explanation.contains("no number of seeds"),
        "{}",
        close.explanation
    );
    assert!(close.measured.starts_with("wide 0.95 ± 0.01 (8 networks)"), "{}", close.measured);
    assert!(
        gated.explanation.contains("It needs that the part of networks in good at least 0.9"),
        "{}",
        gated.explanation
    );
    assert_eq!((tried.claims[5].predicted.as_str(), tried.claims[5].explanation.as_str()), ("more", "Half at 10 ± 0."));
    assert!(tried.whole, "what is said to be untested is no failure");
}

#[test]
fn what_a_run_does_not_have_is_said() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    for (quantity, wrong) in [
        (
            "metric = \"acuracy_test\"",
            "claim `c`: quantity `q`: metric: `acuracy_test` was not observed; did you mean accuracy_test?",
        ),
        ("metric = \"cka_labels:biased\"", "layer: cka_labels:biased is of hidden layers"),
        ("metric = \"cka_labels:biased\", layer = 7", "was not observed of layer 7"),
        ("metric = \"accuracy_test\", layer = \"last\"", "layer: accuracy_test is of the whole network"),
        (
            "metric = \"accuracy_test\", where = { \"model.layers\" = \"32\" }",
            "no network has model.layers = \"32\"; networks differ in model.layers (16, 64)",
        ),
        ("metric = \"accuracy_test\", by = \"seed\"", "by: not all networks have a value of seed"),
        ("metric = \"accuracy_test\", at = \"later\"", "at: expected a step"),
        ("each = \"q + 1\"", "is made of itself"),
        ("metric = \"accuracy_test\", only = \"acuracy_test > 0\"", "only: `acuracy_test` was not observed"),
        ("metric = \"accuracy_test\", sweep = \"other\"", "there is no sweep `other`"),
        ("metric = \"accuracy_test\", across = \"model.layers\"", "across: is of measures between networks"),
        (
            "metric = \"cka:debiased\", layer = \"last\", by = \"model.layers\", across = \"model.layers\"",
            "by: of pairs of unlike",
        ),
    ] {
        let text = format!("quantity.q = {{ {quantity} }}\n[[claim]]\nid = \"c\"\nsentence = \"s\"\ncheck = \"q > 0\"");
        let (tried, _) = try_run(dir.path(), &ClaimsFile::parse(&text, "made.toml", None).unwrap()).unwrap();
        let row = &tried.claims[0];
        assert!(
            row.verdict == Verdict::NotTested && !tried.whole && row.explanation.contains(wrong),
            "{quantity}: {}",
            row.explanation
        );
    }
}

#[test]
fn mistakes_in_a_file_name_claim_and_key() {
    let claim = "[[claim]]\nid = \"c\"\nsentence = \"s\"\n";
    for (text, wrong) in [
        ("[quantity\n".to_owned(), "my.toml:1: not valid TOML"),
        ("quantities = 1".to_owned(), "my.toml: quantities: a claims file has"),
        ("quantity.q = { metrc = \"x\" }".to_owned(), "quantity `q`: unknown field `metrc`"),
        ("quantity.\"q-1\" = { metric = \"x\" }".to_owned(), "quantity `q-1`: a name has letters"),
        (format!("{claim}chek = \"1 > 0\""), "claim `c`: unknown field `chek`"),
        (format!("{claim}check = \"1 >\""), "claim `c`: check: at the end: expected a number"),
        (
            format!("quantity.wide = {{ metric = \"x\" }}\n{claim}check = \"wyde > 1\""),
            "claim `c`: check: there is no quantity `wyde`; did you mean wide?",
        ),
        (format!("{claim}check = \"1 > 0\"\nmeasured = \"{{1\""), "claim `c`: measured: a bracket is opened"),
        (claim.to_owned(), "claim `c`: expected `check`, or `untested`"),
        (format!("{claim}untested = \"x\"\n{claim}untested = \"y\""), "another claim has this id"),
        ("constant.a = \"x\"".to_owned(), "constant.a: expected a number"),
    ] {
        let said = ClaimsFile::parse(&text, "my.toml", None).unwrap_err().to_string();
        assert!(said.contains(wrong) && said.contains("my.toml") && !said.contains('\n'), "{text}: {said}");
    }
}

const SMALL: &str = "steps = 20\nseeds = 3\n[model]\nlayers = [4]\n[batch]\nsize = 4\n[probe]\nexamples = 12\n[observe]\nmeasures = [\"loss\"]\n[sweep]\n\"model.gain\" = [0.5, 1.0]\n";
const CLAIMS: &str = "[quantity]\nstart = { metric = \"loss_test\", at = \"start\" }\nend = { metric = \"loss_test\", by = \"model.gain\" }\n[[claim]]\nid = \"learns\"\nsentence = \"Networks learn\"\ncheck = \"end < start\"\n[[claim]]\nid = \"not\"\nsentence = \"They learn all there is\"\ncheck = \"end < 0\"\n[[figure]]\nname = \"losses\"\nheading = \"Losses\"\npanel = [{ x = \"gain\", y = \"loss\", curves = [\"end\"] }]\n";

#[test]
fn a_run_is_tried_on_its_claims_and_again_from_its_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("small.toml"), SMALL).unwrap();
    std::fs::write(folder.path().join("mine.toml"), CLAIMS).unwrap();
    std::fs::write(folder.path().join("bad.toml"), CLAIMS.replace("end < 0", "ende < 0")).unwrap();
    let isogram = |args: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isogram"));
        command.args(args).current_dir(&folder).env("ISOGRAM_ADAPTER", "cpu").output().unwrap()
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // A mistake in the claims is found before anything is trained.
    let output = isogram(&["run", "small.toml", "--claims", "bad.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("bad.toml: claim `not`: check: there is no quantity `ende`; did you mean end?")
    );
    assert!(!folder.path().join("run").exists());
    let output = isogram(&["run", "small.toml", "--claims", "mine.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("✗ not reproduced") && said.contains("claims.html"), "{said}");
    let kept = std::fs::read(folder.path().join("run/claims.json")).unwrap();
    assert!(folder.path().join("run/figures/losses.svg").exists() && folder.path().join("run/report.html").exists());
    // Again from the files, and with other claims.
    let output = isogram(&["claims", "run"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(
        said.ends_with(&text(&output.stdout)) && std::fs::read(folder.path().join("run/claims.json")).unwrap() == kept
    );
    std::fs::write(folder.path().join("mine.toml"), CLAIMS.replace("end < 0", "end > 0")).unwrap();
    let output = isogram(&["claims", "run", "--claims", "mine.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["claims"][1]["verdict"], "reproduced");
    let output = isogram(&["claims", "."]);
    assert!(
        output.status.code() == Some(2) && text(&output.stderr).contains("has no claims.toml"),
        "{}",
        text(&output.stderr)
    );
}

const GRID: &str = r#"
title = "A grid"
[setting]
width = { tiny = 3, else = 8, range = [1, 64], what = "units" }
low = 0.5
[quantity]
loss = { metric = "loss", by = ["optimiser.lr", "model.gain"] }
start = { metric = "loss", at = "start", by = ["optimiser.lr", "model.gain"] }
rate = { metric = "optimiser.lr", by = ["optimiser.lr", "model.gain"] }
gain = { metric = "model.gain", by = ["optimiser.lr", "model.gain"] }
moved = { each = "abs(loss - start)" }
course = { metric = "weight_norm", at = "all" }
matched = { metric = "bipartite_match", layer = 0, at = "start" }
rotated = { metric = "bipartite_match:rotation", layer = 0, at = "start" }
excess = { each = "matched - rotated" }
norm = { metric = "weight_norm", at = "all", where = { "optimiser.lr" = 0.0 }, by = "model.gain" }
begun = { metric = "weight_norm", at = "start" }
twins = { sweep = "long", each = "begun@long.long / begun@long.short", reduce = "min" }
of_first = { sweep = "long", metric = "weight_norm", at = "start", where = { variant = "long" }, reduce = "first" }
courses = { sweep = "long", metric = "weight_norm", at = "all", by = "variant", title = "norm" }
[sweep.grid]
seeds = 2
[sweep.grid.set]
"model.layers" = ["{width}"]
[sweep.grid.experiment]
steps = 4
batch.size = 4
probe.examples = 12
model.init = "normal"
model.bias = false
observe = { measures = ["loss", "weight_norm"], at = { kind = "list", steps = [0] }, compare = ["bipartite_match", "bipartite_match:rotation"] }
[sweep.grid.experiment.sweep]
"optimiser.lr" = [0.0, 0.01, 0.1]
"model.gain" = ["{low}", "{2 * low}"]
[sweep.paired]
from = "grid"
seeds = 6
set = { sweep = { "model.gain" = [1.0] } }
[sweep.long]
from = "grid"
set = { sweep = {} }
vary = [{ name = "short" }, { name = "long", set = { steps = 6 } }]
[[part]]
name = "grid"
what = "a grid"
[[part.claim]]
id = "own"
sentence = "A variant has the steps at which it was observed, not those of another"
check = "size(course@long.short) within 0 of 2 and max(course@long.short) > 0 and size(course@long) within 0 of 6"
[[part.claim]]
id = "places"
sentence = "The last setting changes fastest"
check = "size(loss@grid) within 0 of 6 and all(rate@grid[2..4] within 0 of 0.01) and gain@grid[1] within 0 of 2 * low and all(networks(loss@grid) within 0 of 2)"
[[part.claim]]
id = "moved"
sentence = "What does not learn does not move"
check = "all(moved@grid[0..2] within 0 of 0) and all(moved@grid[2..6] > 0)"
[[part.claim]]
id = "norm"
sentence = "Twice the gain is twice the norm, at {width} units"
check = "norm@grid[2] / norm@grid[0] within 1e-4 of 2"
measured = "{low} {width}"
[[part.claim]]
id = "pairs"
sentence = "Networks are compared that differ in their seed alone"
check = "abs(matched@paired) <= 1 and abs(rotated@paired) <= 1 and exists(excess@paired)"
measured = "{count(excess@paired):0}"
[[part.claim]]
id = "twins"
sentence = "Networks of two variants go together by their seed"
check = "count(twins) within 0 of 2 and twins within 0 of 1 and sum(rate@grid > 0) within 0 of 4 and exists(of_first)"
[[part.claim]]
id = "scale"
sentence = "It has a bound at another scale"
check = { paper = "twins > 0" }
untested = "It belongs to larger networks."
[[part.figure]]
name = "split"
heading = "A panel for each variant"
panel = [{ split = true, x = "step", curves = ["courses"], dashed = ["courses"] }]
[[part.figure]]
name = "map"
heading = "A map"
panel = [{ cells = "moved@grid", colours = "change of the loss", numbers = true, within = [0.0, 1.0] }, { title = "norm", cells = "norm@grid" }]
[[part.figure]]
name = "flat"
heading = "No map"
panel = [{ cells = "flat@grid" }]
"#;

#[test]
fn a_paper_has_settings_and_maps_over_what_its_sweeps_vary() {
    let folder = tempfile::tempdir().unwrap();
    let text = GRID.replace("moved = {", "flat = { metric = \"loss_test\", by = \"model.gain\" }\nmoved = {");
    std::fs::write(folder.path().join("grid.toml"), text).unwrap();
    let isogram = |set: &[&str]| -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isogram"));
        command.args(["reproduce", "grid.toml", "--scale", "tiny", "--quiet", "--out"]).args(set);
        let output = command.current_dir(&folder).env("ISOGRAM_ADAPTER", "cpu").output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), said.concat())
    };
    let (code, said) = isogram(&["first"]);
    assert_eq!(code, Some(0), "{said}");
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let claims: serde_json::Value = serde_json::from_str(&read("first/claims.json")).unwrap();
    assert_eq!(claims["claims"][3]["measured"], "0.5 3");
    assert!(claims["facts"]["networks"].as_str().unwrap().starts_with("22 trained"));
    let map = read("first/figures/map.svg");
    for text in ["optimiser.lr", "model.gain", "change of the loss", ">step<", ">0.1<"] {
        assert!(map.contains(text), "no {text}");
    }
    let split = read("first/figures/split.svg");
    assert!([">short<", ">long<", ">norm<", ">theory<"].iter().all(|text| split.contains(text)), "{split}");
    assert!(read("first/report.html").contains("It belongs to larger networks."));
    assert!(read("first/report.html").contains("expected a list over two things"));
    assert_eq!(claims["claims"][4]["measured"], "15");
    // What was compared is read back as it was.
    let (code, said) = isogram(&["first", "--resume"]);
    assert_eq!(code, Some(0), "{said}");
    let again: serde_json::Value = serde_json::from_str(&read("first/claims.json")).unwrap();
    assert_eq!(again["claims"], claims["claims"]);
    // A number is changed everywhere, and what is none is refused before anything is trained.
    let (code, said) = isogram(&["second", "--set", "low=0.25", "--set", "width=2"]);
    assert_eq!(code, Some(0), "{said}");
    let claims: serde_json::Value = serde_json::from_str(&read("second/claims.json")).unwrap();
    assert_eq!(claims["claims"][3]["measured"], "0.25 2");
    for (set, wrong) in [
        (["third", "--set", "with=2"], "--set with: expected one of low, width; did you mean width?"),
        (["third", "--set", "low=much"], "expected a name, = and a number"),
        (["third", "--set", "width=0"], "--set width=0: expected a number from 1 to 64"),
    ] {
        let (code, said) = isogram(&set);
        assert!(code == Some(2) && said.contains(wrong), "{said}");
    }
    let wrong = |text: &str| ClaimsFile::parse(text, "x.toml", None).unwrap_err().to_string();
    assert!(
        wrong("[setting]\na = 1\n[sweep.s.experiment]\nsteps = \"{b}\"")
            .contains("sweep.s.experiment.steps: {b}: there is no quantity `b`")
    );
    assert!(wrong("setting.a = 1\nconstant.a = 2").contains("constant.a: a setting has this name"));
    assert!(wrong("setting.a = { else = 1, range = [2, 1] }").contains("setting.a.range: expected two numbers"));
    // Within a longer text a setting becomes its number.
    let text = "setting.a = 0.5\nquantity.q = { metric = \"part_{a}\" }\nclaim = [{ id = \"c\", sentence = \"s\", check = \"q > 0\" }]";
    assert!(ClaimsFile::parse(text, "x.toml", None).unwrap().wanted().contains("part_0.5"));
}
