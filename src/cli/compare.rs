//! `isogram compare`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isogram::Error;
use isogram::data::LeftOut;
use isogram::files::{
    NamedMatrix, check_folder, write_atomic, write_matrices_npz, write_matrices_parquet, write_matrix_csv,
    write_reasons_csv,
};
use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Direction, Extents, Measure};
use isogram::measure::compare::inference::{Halves, Interval, Permuted, Sampling, halves, interval, permutation_test};
use isogram::measure::compare::{Machine, Named, Table, all_pairs};
use isogram::measure::outcome::Outcome;
use isogram::report::comparison::{Comparison, Kind};

use super::input::{Input, Shown, json_of, read, warn};
use super::{CompareArgs, DONE, FAILED, print, streamed};

/// What is compared where nothing is said: one or two of each family, those that most papers report.
const MAIN: [&str; 13] = [
    "cka",
    "cka:biased",
    "cka:rbf",
    "distance_correlation",
    "rsa",
    "rsa:pearson",
    "procrustes",
    "cca:mean-squared",
    "svcca",
    "linear_regression",
    "soft_match",
    "knn",
    "cknna",
];

pub fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    let names: Vec<String> = match (args.batch > 0, args.measures.is_empty()) {
        (true, _) => streamed::names(args),
        (false, false) => args.measures.clone(),
        (false, true) => MAIN.map(str::to_owned).to_vec(),
    };
    // Before anything is read: a wrong name or flag should not cost a long reading.
    let measures = Measure::parse_all(&names)?;
    check(args, &measures)?;
    if args.batch > 0 {
        return by_batches(args, measures);
    }
    let Input { set, left_out } = {
        let input = read(&args.files, &args.input, args.device.memory(), "; --batch ROWS reads it in parts")?;
        input.two()?;
        input
    };
    let examples = set.first().map_or(0, |x| x.values.nrows());
    let measures = measures.into_iter().map(|m| m.affordable(examples)).collect::<Result<Vec<_>, _>>()?;
    let gpu = adapter(args, &set, &measures)?;
    let on = Machine { gpu: gpu.as_ref(), memory: args.device.memory() };
    let begun = std::time::Instant::now();
    let mut show = |done: usize, total: usize| {
        if !args.quiet && !args.json && done < total && begun.elapsed().as_secs() >= 2 {
            eprintln!("{done} of {total} measures");
        }
    };
    let tables = all_pairs(&set, &measures, on, &mut show)?;
    let sure = Sure::of(args, &set, &measures, &tables, on);
    let set = set.iter().map(Shown::of).collect();
    Compared { set, measures, tables, sure, left_out }.give(args)
}

/// Everything that was found.
pub(super) struct Compared {
    pub set: Vec<Shown>,
    pub measures: Vec<Measure>,
    pub tables: Vec<Table>,
    pub sure: Sure,
    pub left_out: Vec<LeftOut>,
}

impl Compared {
    /// Prints and writes what was asked for. What cannot be written costs nothing of what is printed.
    pub fn give(&self, args: &CompareArgs) -> anyhow::Result<u8> {
        let mut written = Vec::new();
        let outcome = self.write_files(args, &mut written);
        warn(&self.left_out);
        if args.json {
            print(&serde_json::to_string_pretty(&self.json())?)?;
        } else {
            let mut text = if self.set.len() == 2 { self.pair() } else { self.summary() };
            text.truncate(text.trim_end().len());
            text.push_str(&self.sure.text(&self.set));
            print(&text)?;
            if !args.quiet {
                for path in &written {
                    eprintln!("{} written", path.display());
                }
            }
        }
        outcome?;
        // Failed if not one pair has a value by any measure.
        if self.tables.iter().any(Table::any) {
            return Ok(DONE);
        }
        eprintln!("isogram: no pair has a value by any of these measures; the reasons are above");
        Ok(FAILED)
    }
}

/// What is wrong with the flags before anything is done.
fn check(args: &CompareArgs, measures: &[Measure]) -> anyhow::Result<()> {
    if measures.is_empty() {
        return Err(Error::config("--measures names none: leave it out for the main ones").into());
    }
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = measures.iter().map(Measure::name).find(|name| !seen.insert(name.clone())) {
        return Err(Error::config(format!("--measures has `{twice}` twice")).into());
    }
    let ends = |path: &Path, endings: &[&str]| {
        path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e.to_ascii_lowercase().as_str()))
    };
    if let Some(path) = args.matrix.as_ref().filter(|path| !ends(path, &["svg"])) {
        return Err(Error::config(format!("--matrix {}: expected a name that ends in .svg", path.display())).into());
    }
    if let Some(path) = args.out.iter().find(|path| !ends(path, &["csv", "parquet", "npz", "json"])) {
        let message = format!("--out {}: expected a name that ends in .csv, .parquet, .npz or .json", path.display());
        return Err(Error::config(message).into());
    }
    for path in args.out.iter().chain(&args.matrix) {
        check_folder(path)?;
    }
    if [args.interval, args.bootstrap].iter().any(|&draws| (1..20).contains(&draws)) {
        return Err(
            Error::config("--interval and --bootstrap need 20 draws or more for the ends of an interval").into()
        );
    }
    Ok(())
}

/// Files too large for memory: what needs all examples at once is refused beforehand.
fn by_batches(args: &CompareArgs, measures: Vec<Measure>) -> anyhow::Result<u8> {
    if args.permutations > 0 || args.interval > 0 || args.bootstrap > 0 || args.halves > 0 {
        return Err(Error::config(
            "--permutations, --interval, --bootstrap and --halves need all examples at once: leave --batch out",
        )
        .into());
    }
    if args.device.adapter.is_some() {
        return Err(Error::config("--batch computes on the CPU: leave --adapter out").into());
    }
    streamed::compare(args, measures)?.give(args)
}

/// A device where one is asked for, or where there is a GPU and the work is worth it.
fn adapter(args: &CompareArgs, set: &[Named], measures: &[Measure]) -> anyhow::Result<Option<Arc<Gpu>>> {
    let n = set.first().map_or(0, |x| x.values.nrows()) as f64;
    let units: f64 = set.iter().map(|x| x.values.ncols() as f64).sum();
    let pairs = (set.len() * set.len()) as f64 / 2.0;
    // Seconds of one core, about, against the second that a device takes to wake.
    let work = n * n * (2.0 * units + 2.0 * pairs) * 1e-10;
    Ok(args.device.open(work >= 2.0 && measures.iter().any(|m| m.made.device.is_some()))?)
}

impl Compared {
    /// Writes the pictures and tables that were asked for, and adds what was written to the list.
    fn write_files(&self, args: &CompareArgs, written: &mut Vec<PathBuf>) -> anyhow::Result<()> {
        let names: Vec<String> = self.set.iter().map(|x| x.name.clone()).collect();
        let (measures, tables) = (&self.measures, &self.tables);
        let matrices: Vec<NamedMatrix<'_>> = tables.iter().map(|t| (t.measure.as_str(), t.cells.as_slice())).collect();
        for path in &args.out {
            match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
                Some("csv") => {
                    for (table, &matrix) in tables.iter().zip(&matrices) {
                        let path = for_measure(path, &table.measure, tables.len());
                        write_matrix_csv(&path, &names, matrix)?;
                        written.push(path);
                    }
                    let reasons = for_measure(path, "reasons", 2);
                    if write_reasons_csv(&reasons, &names, &matrices)? {
                        written.push(reasons);
                    }
                    continue;
                }
                Some("parquet") => write_matrices_parquet(path, &names, &matrices)?,
                Some("npz") => write_matrices_npz(path, &names, &matrices)?,
                // No other ending is let through.
                _ => write_atomic(path, serde_json::to_string_pretty(&self.json())?.as_bytes())?,
            }
            written.push(path.clone());
        }
        let Some(path) = &args.matrix else { return Ok(()) };
        for (measure, table) in measures.iter().zip(tables) {
            let drawn = Comparison {
                title: "",
                measure: &table.measure,
                names: &names,
                values: &table.values(),
                kind: match measure.entry.direction {
                    Direction::Similarity => Kind::Similarity,
                    Direction::Distance => Kind::Distance,
                },
                range: None,
                clustered: true,
                symmetrised: !measure.entry.symmetric,
            }
            .draw()?;
            let path = for_measure(path, &table.measure, tables.len());
            write_atomic(&path, drawn.figure.file().as_bytes())?;
            written.push(path);
        }
        Ok(())
    }
}

/// The path, with the measure's name before the ending where there are several.
fn for_measure(path: &Path, measure: &str, count: usize) -> PathBuf {
    if count == 1 {
        return path.to_owned();
    }
    let part = |p: Option<&std::ffi::OsStr>| p.and_then(|s| s.to_str()).unwrap_or("").to_owned();
    let (stem, ending) = (part(path.file_stem()), part(path.extension()));
    path.with_file_name(format!("{stem}-{}.{ending}", measure.replace([':', '='], "-")))
}

/// Permutation tests and intervals that were asked for.
#[derive(Default)]
pub(super) struct Sure {
    permuted: Vec<(usize, usize, String, Result<Permuted, Outcome>)>,
    intervals: Vec<(usize, usize, String, Result<Interval, Outcome>)>,
    halves: Vec<(usize, String, Result<Halves, Outcome>)>,
}

impl Sure {
    fn of(args: &CompareArgs, set: &[Named], measures: &[Measure], tables: &[Table], on: Machine<'_>) -> Self {
        let mut all = Self::default();
        for (measure, table) in measures.iter().zip(tables) {
            for (i, x) in set.iter().enumerate().filter(|_| args.halves > 0) {
                let found = halves(x, measure, on, args.halves as usize, args.seed);
                all.halves.push((i, measure.name(), found.map_err(|e| Outcome::from(&e))));
            }
            for a in 0..set.len() {
                for b in 0..set.len() {
                    if a == b || (measure.entry.symmetric && b < a) {
                        continue;
                    }
                    // What has no value has no more with other examples.
                    let (pair, known) = ([&set[a], &set[b]], table.cell(a, b).result());
                    let known = known.map_err(|_| table.cell(a, b).clone());
                    if args.permutations > 0 {
                        let found = known.clone().and_then(|_| {
                            permutation_test(pair, measure, on, args.permutations as usize, args.seed)
                                .map_err(|e| Outcome::from(&e))
                        });
                        all.permuted.push((a, b, measure.name(), found));
                    }
                    for (draws, sampling) in [(args.interval, Sampling::Halves), (args.bootstrap, Sampling::Bootstrap)]
                    {
                        if draws > 0 {
                            let found = known.clone().and_then(|_| {
                                interval(pair, measure, on, sampling, draws.max(2) as usize, args.seed)
                                    .map_err(|e| Outcome::from(&e))
                            });
                            all.intervals.push((a, b, measure.name(), found));
                        }
                    }
                }
            }
        }
        all
    }

    fn text(&self, set: &[Shown]) -> String {
        let mut text = String::new();
        let who = |a: usize, b: usize| {
            if set.len() == 2 { String::new() } else { format!("{}, {}: ", set[a].name, set[b].name) }
        };
        let way = |a: usize, b: usize| if set.len() == 2 && a > b { " (b, a)" } else { "" };
        if !self.permuted.is_empty() {
            text.push_str("\n\nagainst examples in other orders");
        }
        for (a, b, name, found) in &self.permuted {
            let _ = match found {
                Ok(t) => write!(
                    text,
                    "\n{}{name}{}: {}, p = {:.4}; {} on average where examples have nothing to do with each other",
                    who(*a, *b),
                    way(*a, *b),
                    number(t.observed),
                    t.p_value,
                    number(t.mean)
                ),
                Err(why) => write!(text, "\n{}{name}{}: {}", who(*a, *b), way(*a, *b), without(why)),
            };
        }
        if !self.intervals.is_empty() {
            text.push_str("\n\n95 % interval over examples");
        }
        for (a, b, name, found) in &self.intervals {
            let _ = match found {
                Ok(i) => write!(
                    text,
                    "\n{}{name}{}: {} ({} to {}), {}",
                    who(*a, *b),
                    way(*a, *b),
                    number(i.estimate),
                    number(i.low),
                    number(i.high),
                    drawn(i.sampling)
                ),
                Err(why) => write!(text, "\n{}{name}{}: {}", who(*a, *b), way(*a, *b), without(why)),
            };
        }
        if !self.halves.is_empty() {
            text.push_str("\n\nbetween random halves of the units of one representation");
        }
        for (i, name, found) in &self.halves {
            let _ = match found {
                Ok(h) => write!(
                    text,
                    "\n{}: {name}: {} ({} to {})",
                    set[*i].name,
                    number(h.floor.mean),
                    number(h.floor.low),
                    number(h.floor.high)
                ),
                Err(why) => write!(text, "\n{}: {name}: {}", set[*i].name, without(why)),
            };
        }
        text
    }

    fn json(&self) -> [serde_json::Value; 3] {
        let permuted = self.permuted.iter().map(|(a, b, name, found)| match found {
            Ok(t) => serde_json::json!({
                "a": a, "b": b, "measure": name, "value": t.observed, "p": t.p_value, "mean_of_null": t.mean,
                "where": t.place.name(),
            }),
            Err(why) => entry(serde_json::json!({"a": a, "b": b, "measure": name}), why),
        });
        let intervals = self.intervals.iter().map(|(a, b, name, found)| match found {
            Ok(i) => serde_json::json!({
                "a": a, "b": b, "measure": name, "value": i.estimate, "low": i.low, "high": i.high,
                "from": drawn(i.sampling), "where": i.place.name(),
            }),
            Err(why) => entry(serde_json::json!({"a": a, "b": b, "measure": name}), why),
        });
        let halves = self.halves.iter().map(|(i, name, found)| match found {
            Ok(h) => serde_json::json!({
                "representation": i, "measure": name, "mean": h.floor.mean, "low": h.floor.low, "high": h.floor.high,
                "where": h.place.name(),
            }),
            Err(why) => entry(serde_json::json!({"representation": i, "measure": name}), why),
        });
        [permuted.collect(), intervals.collect(), halves.collect()]
    }
}

fn drawn(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Halves => "from random halves",
        Sampling::Bootstrap => "bootstrap",
    }
}

/// An entry for JSON, with why there is no value under `undefined` or `failed`.
fn entry(mut entry: serde_json::Value, why: &Outcome) -> serde_json::Value {
    if let (Some(kind), Some(reason)) = (why.kind(), why.reason()) {
        entry[kind] = reason.into();
    }
    entry
}

/// Why there is no value, as it is said in tables.
pub(super) fn without(why: &Outcome) -> String {
    let what = if matches!(why, Outcome::Failed(_)) { "not computed" } else { "not defined" };
    format!("{what}: {}", why.reason().unwrap_or_default())
}

/// What there is to say below a table: each sentence once, after the names that it is about.
#[derive(Default)]
pub(super) struct Notes(Vec<(String, Vec<String>)>);

impl Notes {
    pub fn add(&mut self, name: &str, said: String) {
        match self.0.iter_mut().find(|(known, _)| *known == said) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((said, vec![name.to_owned()])),
        }
    }

    pub fn text(&self) -> String {
        self.0.iter().map(|(said, names)| format!("\n{}: {said}", names.join(", "))).collect()
    }
}

impl Compared {
    /// Two representations: a line for each measure, or two where the way matters.
    fn pair(&self) -> String {
        let mut text = String::new();
        for (letter, x) in ["a", "b"].iter().zip(&self.set) {
            let units = if x.units == 1 { "1 unit".to_owned() } else { format!("{} units", x.units) };
            let _ = writeln!(text, "{letter}: {} ({} examples, {units})", x.name, x.examples);
        }
        let wide = self.tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
        let _ = writeln!(text, "\n{:wide$}  {:>10}  {:>10}  {:<10}  where", "measure", "a, b", "b, a", "larger is");
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            let value = |a: usize, b: usize| number(table.cell(a, b).or_nan());
            let other = if measure.entry.symmetric { String::new() } else { value(1, 0) };
            let _ = writeln!(
                text,
                "{:wide$}  {:>10}  {other:>10}  {:<10}  {}",
                table.measure,
                value(0, 1),
                meaning(measure),
                table.place.name()
            );
        }
        let mut notes = Notes::default();
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            self.refusal(&mut notes, table);
            let forth = table.cell(0, 1);
            if forth.value().is_none() {
                notes.add(&table.measure, without(forth));
            }
            let back = table.cell(1, 0);
            if back.value().is_none() && (back != forth) && !measure.entry.symmetric {
                notes.add(&format!("{} (b, a)", table.measure), without(back));
            }
            self.cautions(&mut notes, measure, table);
        }
        text + &notes.text()
    }

    fn refusal(&self, notes: &mut Notes, table: &Table) {
        if let Some(why) = &table.refused {
            notes.add(&table.measure, format!("on the CPU, because {why}"));
        }
    }

    /// What to be aware of with values that there are.
    fn cautions(&self, notes: &mut Notes, measure: &Measure, table: &Table) {
        if let Some(caution) = table.any().then(|| self.caution(measure)).flatten() {
            notes.add(&table.measure, caution);
        }
    }

    /// Of the pair, or of the widest representation of several.
    fn caution(&self, measure: &Measure) -> Option<String> {
        let (first, second) = match &self.set[..] {
            [a, b] => (a, b),
            all => {
                let widest = all.iter().max_by_key(|x| x.units)?;
                (widest, widest)
            }
        };
        let constant = self.set.iter().map(|x| x.constant).sum();
        measure.caution(Extents { constant, ..Extents::new(first.examples, first.units, second.units) })
    }

    /// More than two: for each measure the range over pairs, or the whole matrix if it is small.
    fn summary(&self) -> String {
        let mut text = String::new();
        let (n, count) = (self.set.first().map_or(0, |x| x.examples), self.set.len());
        let _ = writeln!(text, "{count} representations of {n} examples\n");
        if count <= if self.tables.len() == 1 { 12 } else { 6 } {
            for table in &self.tables {
                matrix(&mut text, &self.set, table);
            }
        } else {
            let wide = self.tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
            let _ = writeln!(
                text,
                "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  where",
                "measure", "least", "median", "most", "no value", "larger is"
            );
            for (measure, table) in self.measures.iter().zip(&self.tables) {
                let pairs: Vec<(usize, usize)> = (0..count)
                    .flat_map(|a| (0..count).filter(move |&b| a != b).map(move |b| (a, b)))
                    .filter(|&(a, b)| !measure.entry.symmetric || a < b)
                    .collect();
                let mut values: Vec<f64> = pairs.iter().filter_map(|&(a, b)| table.cell(a, b).value()).collect();
                values.sort_by(f64::total_cmp);
                let at = |q: usize| values.get(q).map_or_else(|| "-".to_owned(), |&v| number(v));
                let middle = match values.len() {
                    0 => "-".to_owned(),
                    n => number((values[(n - 1) / 2] + values[n / 2]) / 2.0),
                };
                let _ = writeln!(
                    text,
                    "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  {}",
                    table.measure,
                    at(0),
                    middle,
                    at(values.len().saturating_sub(1)),
                    pairs.len() - values.len(),
                    meaning(measure),
                    table.place.name()
                );
            }
        }
        let mut notes = Notes::default();
        for (measure, table) in self.measures.iter().zip(&self.tables) {
            self.refusal(&mut notes, table);
            self.gaps(&mut notes, measure, table);
            self.cautions(&mut notes, measure, table);
        }
        text + &notes.text()
    }

    /// Each reason for which pairs have no value, with the first of them.
    fn gaps(&self, notes: &mut Notes, measure: &Measure, table: &Table) {
        let mut reasons: Vec<(&Outcome, (usize, usize), usize)> = Vec::new();
        for gap in table.missing().filter(|gap| gap.a != gap.b && (!measure.entry.symmetric || gap.a < gap.b)) {
            match reasons.iter().position(|(known, ..)| *known == gap.outcome) {
                Some(place) => reasons[place].2 += 1,
                None if reasons.len() < REASONS => reasons.push((gap.outcome, (gap.a, gap.b), 0)),
                None => {}
            }
        }
        for (why, (a, b), more) in reasons {
            let others = match more {
                0 => String::new(),
                1 => ", and another pair".to_owned(),
                more => format!(", and {more} other pairs"),
            };
            let what = without(why);
            let (what, reason) = what.split_once(": ").unwrap_or((what.as_str(), ""));
            let (a, b) = (&self.set[a].name, &self.set[b].name);
            notes.add(&table.measure, format!("{what} for {a} and {b}{others}: {reason}"));
        }
    }
}

/// Reasons of one measure that are shown; JSON and files have all.
const REASONS: usize = 5;

/// All pairs of one measure, the first of the pair in the row; columns are numbered.
fn matrix(text: &mut String, set: &[Shown], table: &Table) {
    let count = set.len();
    // Of a long name the end tells more.
    let short = |name: &str| -> String {
        let all: Vec<char> = name.chars().collect();
        if all.len() <= 40 {
            name.to_owned()
        } else {
            format!("…{}", all[all.len() - 39..].iter().collect::<String>())
        }
    };
    let names: Vec<String> = set.iter().enumerate().map(|(i, x)| format!("{} {}", i + 1, short(&x.name))).collect();
    let wide = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(table.measure.chars().count());
    let heads: String = (1..=count).map(|i| format!("{i:>10}")).collect();
    let _ = writeln!(text, "{:wide$}{heads}", table.measure);
    for (a, name) in names.iter().enumerate() {
        let line: String = (0..count).map(|b| format!("{:>10}", number(table.cell(a, b).or_nan()))).collect();
        let _ = writeln!(text, "{name:wide$}{line}");
    }
    text.push('\n');
}

fn meaning(measure: &Measure) -> &'static str {
    match measure.entry.direction {
        Direction::Similarity => "more alike",
        Direction::Distance => "less alike",
    }
}

/// Five significant digits, and no more than fit a column.
pub(super) fn number(x: f64) -> String {
    if x.is_nan() {
        return "-".into();
    }
    let size = x.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) { format!("{x:.3e}") } else { format!("{x:.5}") }
}

impl Compared {
    fn json(&self) -> serde_json::Value {
        let count = self.set.len();
        let [permutations, intervals, halves] = self.sure.json();
        let gaps = |table: &Table, kind: &str| -> serde_json::Value {
            let of_kind = table.missing().filter(|gap| gap.outcome.kind() == Some(kind));
            of_kind.map(|gap| serde_json::json!({"a": gap.a, "b": gap.b, "reason": gap.reason()})).collect()
        };
        serde_json::json!({
            "permutations": permutations,
            "intervals": intervals,
            "halves": halves,
            "left_out": json_of(&self.left_out),
            "representations": self.set.iter().map(|x| serde_json::json!({
                "name": x.name, "examples": x.examples, "units": x.units,
            })).collect::<Vec<_>>(),
            "measures": self.measures.iter().zip(&self.tables).map(|(measure, table)| serde_json::json!({
                "measure": table.measure,
                "larger_is": meaning(measure),
                "symmetric": measure.entry.symmetric,
                "where": table.place.name(),
                "refused_by_device": table.refused,
                "caution": self.caution(measure),
                "values": (0..count).map(|a| (0..count).map(|b| table.cell(a, b).value()).collect::<Vec<_>>())
                    .collect::<Vec<_>>(),
                "undefined": gaps(table, "undefined"),
                "failed": gaps(table, "failed"),
            })).collect::<Vec<_>>(),
        })
    }
}
