//! Papers, reproduced at the smallest scale: every claim comes out as is kept in `docs/papers`, with the numbers that are kept; and
//! the pages that are made of what is kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use isogram::papers::PAPERS;
use isogram::report::paper::{ClaimRow, Summary, Verdict};
use serde::Deserialize;

fn isogram(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_isogram")).args(args).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `isogram reproduce` writes as `claims.json`.
#[derive(Deserialize)]
struct Kept {
    claims: Vec<ClaimRow>,
    summary: Summary,
    facts: BTreeMap<String, String>,
}

impl Kept {
    fn read(file: &Path) -> Option<Self> {
        std::fs::read_to_string(file).ok().map(|text| serde_json::from_str(&text).expect("claims"))
    }

    /// The numbers of each claim.
    fn values(&self) -> Vec<&[f64]> {
        self.claims.iter().map(|row| &row.values[..]).collect()
    }

    /// How each claim came out.
    fn verdicts(&self) -> Vec<(&str, Verdict)> {
        self.claims.iter().map(|row| (row.id.as_str(), row.verdict)).collect()
    }

    fn claim(&self, id: &str) -> Option<&ClaimRow> {
        self.claims.iter().find(|row| row.id == id)
    }
}

/// A file of `docs/papers`: `ID.SCALE.json` is a `claims.json` as it was written, `ID.md` what is said of a paper.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/papers").join(name)
}

fn blessing() -> bool {
    std::env::var_os("ISOGRAM_BLESS").is_some()
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
    // Every number that a paper's experiments read is shown with what it may be.
    for paper in PAPERS.iter() {
        let shown = isogram(&["keys", paper.id]);
        assert!(shown.status.success(), "{}", text(&shown.stderr));
        let shown = text(&shown.stdout);
        assert!(paper.parts.iter().all(|part| shown.contains(part.name)), "{shown}");
        for setting in paper.numbers().unwrap() {
            assert!(shown.contains(&setting.what) && !setting.what.is_empty(), "{}: {}", paper.id, setting.name);
            assert!(setting.range.iter().all(|end| end.is_finite()), "{}: {}", paper.id, setting.name);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = isogram(&["reproduce", "van-rossem-saxe-2024", "--resume", "--out", out]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no finished sweeps"), "{}", text(&output.stderr));
}

/// Every claim of a paper at the smallest scale, on the processor, against what is kept; and again from what was trained.
/// `ISOGRAM_BLESS=1 cargo test --test all reproduce` keeps what was found.
fn claims_come_out_as_committed(paper: &str, figure: &str) {
    let committed = kept(&format!("{paper}.tiny.json"));
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("paper");
    let out = dir.to_str().unwrap();
    let args = ["reproduce", paper, "--scale", "tiny", "--adapter", "cpu", "--quiet", "--out", out];
    let output = isogram(&args);
    let written = dir.join("claims.json");
    let found = Kept::read(&written).unwrap_or_else(|| panic!("{}", text(&output.stderr)));
    let failed = found.claims.iter().any(|row| row.verdict == Verdict::NotReproduced);
    assert_eq!(output.status.code(), Some(if failed { 3 } else { 0 }), "{}", text(&output.stderr));
    if blessing() {
        std::fs::copy(&written, &committed).unwrap();
    }
    let expected = Kept::read(&committed).expect("what is kept");
    assert!(!expected.claims.is_empty());
    assert_eq!(found.verdicts(), expected.verdicts(), "{}", text(&output.stdout));
    let moved = |(now, then): (&ClaimRow, &ClaimRow)| {
        let (now, then) = (&now.values, &then.values);
        let all = now.len() == then.len() && now.iter().zip(then).all(|(a, b)| same(*a, *b));
        (!all).then(|| format!("{then:?} kept, {now:?} found"))
    };
    let both = found.claims.iter().zip(&expected.claims);
    let moved: Vec<String> = both.filter_map(|pair| Some(format!("{}: {}", pair.0.id, moved(pair)?))).collect();
    assert!(moved.is_empty(), "numbers moved, though no verdict did:\n{}", moved.join("\n"));
    let page = std::fs::read_to_string(dir.join("report.html")).unwrap();
    assert!(expected.claims.iter().all(|row| page.contains(row.id.as_str())));
    assert!(dir.join(figure).exists());
    // Asked for again, nothing is trained, and the claims are the same.
    let again = isogram(&[&args[..], &["--resume"]].concat());
    assert_eq!(again.status.code(), output.status.code(), "{}", text(&again.stderr));
    let resumed = Kept::read(&written).expect("claims");
    assert_eq!((resumed.verdicts(), resumed.values()), (found.verdicts(), found.values()));
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

/// What is kept of a paper, the smallest scale first; the one that the tests run only if there is no other.
fn scales(paper: &str) -> Vec<(&'static str, Kept)> {
    let read = |scale| Some((scale, Kept::read(&kept(&format!("{paper}.{scale}.json")))?));
    let all: Vec<_> = ["tiny", "small", "notes", "paper"].into_iter().filter_map(read).collect();
    let others = usize::from(all.len() > 1);
    all.into_iter().skip(others).collect()
}

/// The claims of a paper, and how they came out at each scale that is kept.
fn table_of_claims(paper: &str) -> String {
    let kept = scales(paper);
    let plain = |text: &str| text.replace('|', "\\|");
    let mut table = "| claim | | predicted (allowed) |".to_owned();
    kept.iter().for_each(|(scale, run)| table += &format!(" {scale}, {} |", run.facts["time"]));
    table += &format!("\n|---|---|---|{}\n", "---|".repeat(kept.len()));
    let mut rows: Vec<&ClaimRow> = Vec::new();
    for row in kept.iter().flat_map(|(_, run)| &run.claims) {
        if !rows.iter().any(|other| other.id == row.id) {
            rows.push(row);
        }
    }
    for row in rows {
        let allowed = if row.tolerance.is_empty() { String::new() } else { format!(" ({})", row.tolerance) };
        table += &plain(&format!("`{}`\t{}\t{}{allowed}", row.id, row.sentence, row.predicted));
        for (_, run) in &kept {
            table += &plain(&match run.claim(&row.id) {
                None => "\t".to_owned(),
                Some(came) if came.verdict == Verdict::Reproduced => format!("\treproduced: {}", came.measured),
                Some(came) if came.verdict == Verdict::NotTested => format!("\tnot tested: {}", came.explanation),
                Some(came) => format!("\t**{}**: {}", came.verdict, came.measured),
            });
        }
        table.push('\n');
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| match line.starts_with('|') {
            true => line.to_owned(),
            false => format!("| {} |", line.replace('\t', " | ")),
        })
        .collect();
    lines.join("\n")
}

/// `docs/papers.md`, and the table in README.
#[test]
fn pages_of_papers_say_what_is_kept() {
    let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut page = read(&kept("introduction.md"));
    let mut rows = String::new();
    for paper in PAPERS.iter() {
        let about = read(&kept(&format!("{}.md", paper.id)));
        assert!(about.contains("{{claims}}"), "{}.md has no place for its claims", paper.id);
        page += &format!("\n{}", about.replace("{{claims}}", &table_of_claims(paper.id)));
        for (scale, run) in scales(paper.id) {
            let named = format!("*{}*", paper.title);
            let command = format!("isogram reproduce {} --scale {scale}", paper.id);
            let networks = run.facts["networks"].split(" trained").next().unwrap_or_default();
            let time = run.facts["time"].split(',').next().unwrap_or_default();
            rows += &format!("| {named} | `{command}` | {networks} | {time} | {} |\n", run.summary);
        }
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let old = read(&readme);
    let (before, rest) = old.split_once("<!-- papers -->\n").expect("a place for the table");
    let (_, after) = rest.split_once("<!-- end of papers -->\n").expect("its end");
    let head = "| paper | command | networks | time | claims |\n|---|---|---|---|---|\n";
    let new = format!("{before}<!-- papers -->\n{head}{rows}<!-- end of papers -->\n{after}");
    for (path, text) in [(kept("../papers.md"), page), (readme, new)] {
        if blessing() {
            std::fs::write(&path, &text).unwrap();
        }
        assert!(read(&path) == text, "{} is out of date: run this test with ISOGRAM_BLESS=1", path.display());
    }
}
