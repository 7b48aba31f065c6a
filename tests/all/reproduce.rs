//! Papers, reproduced at the smallest scale: every claim comes out as the committed table says, with the numbers it says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isogram::report::paper::{ClaimRow, Verdict};
use serde::{Deserialize, Serialize};

fn isogram(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isogram")).args(args).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How a claim came out, and the numbers of its text.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Came {
    verdict: Verdict,
    values: Vec<f64>,
}

/// Claims by their names.
type Claims = BTreeMap<String, Came>;

fn claims(file: &Path) -> Claims {
    let read: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let rows: Vec<ClaimRow> = serde_json::from_value(read["claims"].clone()).unwrap();
    rows.into_iter().map(|row| (row.id, Came { verdict: row.verdict, values: row.values })).collect()
}

/// A claim a line.
fn table(claims: &Claims) -> String {
    let json = |came| serde_json::to_string(came).unwrap();
    let rows: Vec<String> = claims.iter().map(|(id, came)| format!("  \"{id}\": {}", json(came))).collect();
    format!("{{\n{}\n}}\n", rows.join(",\n"))
}

/// Whether a number is the committed one. Training on the processor gives the same bits whatever its instructions, so only what a
/// claim computes of it in double precision may differ between machines: the order of sums in a decomposition, the last bit of a
/// logarithm, and the least steady, fits, whose equations are solved to 1e-7. A hundred times that is still a tenth of the last
/// digit that is printed, and far below any window. The absolute part is for differences of numbers near one.
fn same(found: f64, committed: f64) -> bool {
    (found - committed).abs() <= 1e-5 * committed.abs() + 1e-9
}

#[test]
fn papers_and_parts_are_listed_and_mistakes_named() {
    let list = isogram(&["reproduce", "--list"]);
    assert!(list.status.success());
    assert!(text(&list.stdout).contains("van-rossem-saxe-2024") && text(&list.stdout).contains("trajectories"));
    for (args, said) in [
        (vec!["reproduce"], "name a paper"),
        (vec!["reproduce", "van-rossem-2024"], "there is no paper"),
        (vec!["reproduce", "van-rossem-saxe-2024", "--only", "trajectory"], "did you mean trajectories?"),
        (vec!["reproduce", "van-rossem-saxe-2024", "--scale", "huge"], "expected tiny, small, notes or paper"),
        (vec!["reproduce", "van-rossem-saxe-2024", "--settings", "shalow"], "did you mean shallow?"),
        (vec!["reproduce", "lampinen-2024", "--settings", "shallow"], "lampinen-2024 has no settings to choose from"),
        (vec!["reproduce", "lampinen-2024", "--data", "."], "lampinen-2024 makes all its data"),
        (vec!["reproduce", "lampinen-2024", "--set", "xi=0.1"], "lampinen-2024 has no numbers that can be set"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_isogram")).args(&args).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(said), "{args:?}: {}", text(&output.stderr));
        let left = std::fs::read_dir(folder.path().join("runs")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{args:?} left a folder behind");
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = isogram(&["reproduce", "van-rossem-saxe-2024", "--resume", "--out", out]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no finished sweeps"), "{}", text(&output.stderr));
}

/// Every claim of a paper at the smallest scale, on the processor, against the committed table; and again from what was kept.
/// `ISOGRAM_BLESS=1 cargo test --test all reproduce` writes the table anew.
fn claims_come_out_as_committed(paper: &str, figure: &str) {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/claims/{paper}.tiny.json"));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("paper");
    let out = dir.to_str().unwrap();
    let args = ["reproduce", paper, "--scale", "tiny", "--adapter", "cpu", "--quiet", "--out", out];
    let output = isogram(&args);
    let found = claims(&dir.join("claims.json"));
    let failed = found.values().any(|came| came.verdict == Verdict::NotReproduced);
    assert_eq!(output.status.code(), Some(if failed { 3 } else { 0 }), "{}", text(&output.stderr));
    if std::env::var_os("ISOGRAM_BLESS").is_some() {
        std::fs::write(&committed, table(&found)).unwrap();
    }
    let expected: Claims =
        serde_json::from_str(&std::fs::read_to_string(&committed).expect("a committed table")).unwrap();
    let verdicts = |of: &Claims| of.iter().map(|(id, came)| (id.clone(), came.verdict)).collect::<Vec<_>>();
    assert!(!expected.is_empty());
    assert_eq!(verdicts(&found), verdicts(&expected), "{}", text(&output.stdout));
    let moved = |(id, came): (&String, &Came)| {
        let now = &found[id].values;
        let all = now.len() == came.values.len() && now.iter().zip(&came.values).all(|(a, b)| same(*a, *b));
        (!all).then(|| format!("{id}: {:?} committed, {now:?} found", came.values))
    };
    let moved: Vec<String> = expected.iter().filter_map(moved).collect();
    assert!(moved.is_empty(), "numbers moved, though no verdict did:\n{}", moved.join("\n"));
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(expected.keys().all(|id| page.contains(id.as_str())));
    assert!(dir.join(figure).exists());
    // Asked for again, nothing is trained, and the claims are the same.
    let again = isogram(&[&args[..], &["--resume"]].concat());
    assert_eq!(again.status.code(), output.status.code(), "{}", text(&again.stderr));
    assert_eq!(claims(&dir.join("claims.json")), found);
    assert!(text(&again.stdout).contains(" 0 trained, 0 replica-steps"), "{}", text(&again.stdout));
}

#[test]
fn claims_of_van_rossem_and_saxe() {
    claims_come_out_as_committed("van-rossem-saxe-2024", "figures/phase.svg");
}

#[test]
fn claims_of_lampinen_chan_and_hermann() {
    claims_come_out_as_committed("lampinen-2024", "figures/headline.svg");
}

#[test]
fn claims_of_doshi_das_he_and_gromov() {
    claims_come_out_as_committed("doshi-2023", "figures/map.svg");
}

#[test]
fn claims_of_alleman_lindsey_and_fusi() {
    claims_come_out_as_committed("alleman-2024", "figures/map.svg");
}

#[test]
fn claims_of_li_yosinski_clune_lipson_and_hopcroft() {
    claims_come_out_as_committed("li-2015", "figures/map.svg");
}

#[test]
fn claims_of_chen_zhou_and_yan() {
    claims_come_out_as_committed("chen-2024-ifm", "figures/merging.svg");
}

#[test]
fn claims_of_roberts_yaida_and_hanin() {
    claims_come_out_as_committed("roberts-2022", "figures/kernel.svg");
}
