//! `isogram compare`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use faer::Mat;
use isogram::Error;
use isogram::data::read_representations;
use isogram::files::{NamedMatrix, write_atomic, write_matrices_npz, write_matrices_parquet, write_matrix_csv};
use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Direction, Extents, Measure};
use isogram::measure::compare::inference::{Halves, Interval, Permuted, Sampling, halves, interval, permutation_test};
use isogram::measure::compare::{Named, Table, all_pairs};
use isogram::report::comparison::{Comparison, Kind};

use super::{CompareArgs, DONE, FAILED, InputArgs, print, streamed};

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
        return by_batches(args, &measures);
    }
    let set = read(&args.files, &args.input)?;
    if set.len() < 2 {
        return Err(Error::config(format!(
            "expected two representations or more, got {}: name more files, or a file of several arrays",
            set.len()
        ))
        .into());
    }
    let examples = set.first().map_or(0, |x| x.values.nrows());
    let measures = measures.into_iter().map(|m| m.affordable(examples)).collect::<Result<Vec<_>, _>>()?;
    let gpu = adapter(args, &set, &measures)?;
    let begun = std::time::Instant::now();
    let mut show = |done: usize, total: usize| {
        if !args.quiet && !args.json && done < total && begun.elapsed().as_secs() >= 2 {
            eprintln!("{done} of {total} measures");
        }
    };
    let tables = all_pairs(&set, &measures, gpu.as_ref(), &mut show)?;
    let sure = Sure::of(args, &set, &measures, gpu.as_ref());
    let written = write_files(args, &set, &measures, &tables, &sure)?;
    if args.json {
        print(&serde_json::to_string_pretty(&json(&set, &measures, &tables, &sure))?)?;
        return Ok(DONE);
    }
    let mut text = if set.len() == 2 { pair(&set, &measures, &tables) } else { summary(&set, &measures, &tables) };
    text.truncate(text.trim_end().len());
    text.push_str(&sure.text(&set));
    print(&text)?;
    if !args.quiet {
        for path in written {
            eprintln!("{} written", path.display());
        }
    }
    Ok(outcome(&set, &tables))
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
    if [args.interval, args.bootstrap].iter().any(|&draws| (1..20).contains(&draws)) {
        return Err(
            Error::config("--interval and --bootstrap need 20 draws or more for the ends of an interval").into()
        );
    }
    Ok(())
}

/// Failed if not one pair has a value by any measure.
fn outcome(set: &[Named], tables: &[Table]) -> u8 {
    let count = set.len();
    let any = tables.iter().any(|t| (0..count * count).any(|i| i / count != i % count && !t.values[i].is_nan()));
    if any { DONE } else { FAILED }
}

/// Files too large for memory: what needs all examples at once is refused beforehand.
fn by_batches(args: &CompareArgs, measures: &[Measure]) -> anyhow::Result<u8> {
    if args.permutations > 0 || args.interval > 0 || args.bootstrap > 0 || args.halves > 0 {
        return Err(Error::config(
            "--permutations, --interval, --bootstrap and --halves need all examples at once: leave --batch out",
        )
        .into());
    }
    let (mut set, tables) = streamed::compare(args, measures)?;
    shorten(&mut set);
    let none = Sure::default();
    let written = write_files(args, &set, measures, &tables, &none)?;
    let text = match (args.json, set.len()) {
        (true, _) => serde_json::to_string_pretty(&json(&set, measures, &tables, &none))?,
        (false, 2) => pair(&set, measures, &tables),
        (false, _) => summary(&set, measures, &tables),
    };
    print(&text)?;
    if !args.quiet && !args.json {
        for path in written {
            eprintln!("{} written", path.display());
        }
    }
    Ok(DONE)
}

/// Every array of the files, with one row of units for each example.
pub(super) fn read(files: &[PathBuf], how: &InputArgs) -> anyhow::Result<Vec<Named>> {
    let mut set = Vec::new();
    for file in files {
        for representation in read_representations(file)? {
            let flat = representation.flattened(how.flatten, how.channels)?;
            let width = flat.width();
            let values = Mat::from_fn(flat.rows, width, |i, j| flat.values[i * width + j]);
            set.push(Named { name: flat.name, values });
        }
    }
    shorten(&mut set);
    Ok(set)
}

/// Leaves the folder out of names where all have the same.
fn shorten(set: &mut [Named]) {
    let folder = |name: &str| Path::new(name).parent().map(Path::to_owned);
    let Some(first) = set.first().map(|x| folder(&x.name)) else { return };
    if set.iter().all(|x| folder(&x.name) == first) {
        for x in set {
            if let Some(name) = Path::new(&x.name).file_name().and_then(|n| n.to_str()) {
                x.name = name.to_owned();
            }
        }
    }
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

/// Pictures and tables that were asked for; what was written.
fn write_files(
    args: &CompareArgs,
    set: &[Named],
    measures: &[Measure],
    tables: &[Table],
    sure: &Sure,
) -> anyhow::Result<Vec<PathBuf>> {
    let names: Vec<String> = set.iter().map(|x| x.name.clone()).collect();
    let mut written = Vec::new();
    if let Some(path) = &args.matrix {
        for (measure, table) in measures.iter().zip(tables) {
            let drawn = Comparison {
                title: "",
                measure: &table.measure,
                names: &names,
                values: &table.values,
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
            write_atomic(&path, drawn.svg.as_bytes())?;
            written.push(path);
        }
    }
    let matrices: Vec<NamedMatrix<'_>> = tables.iter().map(|t| (t.measure.as_str(), t.values.as_slice())).collect();
    for path in &args.out {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => {
                for (table, &matrix) in tables.iter().zip(&matrices) {
                    let path = for_measure(path, &table.measure, tables.len());
                    write_matrix_csv(&path, &names, matrix)?;
                    written.push(path);
                }
                continue;
            }
            Some("parquet") => write_matrices_parquet(path, &names, &matrices)?,
            Some("npz") => write_matrices_npz(path, &names, &matrices)?,
            Some("json") => {
                let all = json(set, measures, tables, sure);
                write_atomic(path, serde_json::to_string_pretty(&all)?.as_bytes())?;
            }
            _ => {
                return Err(Error::config(format!(
                    "--out {}: expected a name that ends in .csv, .parquet, .npz or .json",
                    path.display()
                ))
                .into());
            }
        }
        written.push(path.clone());
    }
    Ok(written)
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
struct Sure {
    permuted: Vec<(usize, usize, String, Result<Permuted, String>)>,
    intervals: Vec<(usize, usize, String, Result<Interval, String>)>,
    halves: Vec<(usize, String, Result<Halves, String>)>,
}

impl Sure {
    fn of(args: &CompareArgs, set: &[Named], measures: &[Measure], gpu: Option<&Arc<Gpu>>) -> Self {
        let mut all = Self::default();
        for measure in measures {
            for (i, x) in set.iter().enumerate().filter(|_| args.halves > 0) {
                let found = halves(x, measure, gpu, args.halves as usize, args.seed);
                all.halves.push((i, measure.name(), found.map_err(|e| e.to_string())));
            }
            for a in 0..set.len() {
                for b in 0..set.len() {
                    if a == b || (measure.entry.symmetric && b < a) {
                        continue;
                    }
                    let pair = [&set[a], &set[b]];
                    if args.permutations > 0 {
                        let found = permutation_test(pair, measure, gpu, args.permutations as usize, args.seed);
                        all.permuted.push((a, b, measure.name(), found.map_err(|e| e.to_string())));
                    }
                    for (draws, sampling) in [(args.interval, Sampling::Halves), (args.bootstrap, Sampling::Bootstrap)]
                    {
                        if draws > 0 {
                            let found = interval(pair, measure, gpu, sampling, draws.max(2) as usize, args.seed);
                            all.intervals.push((a, b, measure.name(), found.map_err(|e| e.to_string())));
                        }
                    }
                }
            }
        }
        all
    }

    fn text(&self, set: &[Named]) -> String {
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
                Err(reason) => write!(text, "\n{}{name}: {reason}", who(*a, *b)),
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
                Err(reason) => write!(text, "\n{}{name}: {reason}", who(*a, *b)),
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
                Err(reason) => write!(text, "\n{}: {name}: {reason}", set[*i].name),
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
            Err(reason) => serde_json::json!({"a": a, "b": b, "measure": name, "undefined": reason}),
        });
        let intervals = self.intervals.iter().map(|(a, b, name, found)| match found {
            Ok(i) => serde_json::json!({
                "a": a, "b": b, "measure": name, "value": i.estimate, "low": i.low, "high": i.high,
                "from": drawn(i.sampling), "where": i.place.name(),
            }),
            Err(reason) => serde_json::json!({"a": a, "b": b, "measure": name, "undefined": reason}),
        });
        let halves = self.halves.iter().map(|(i, name, found)| match found {
            Ok(h) => serde_json::json!({
                "representation": i, "measure": name, "mean": h.floor.mean, "low": h.floor.low, "high": h.floor.high,
                "where": h.place.name(),
            }),
            Err(reason) => serde_json::json!({"representation": i, "measure": name, "undefined": reason}),
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

/// Two representations: a line for each measure, or two where the way matters.
fn pair(set: &[Named], measures: &[Measure], tables: &[Table]) -> String {
    let mut text = String::new();
    for (letter, x) in ["a", "b"].iter().zip(set) {
        let units = match x.values.ncols() {
            // Not held, when read by batches.
            0 => String::new(),
            1 => ", 1 unit".to_owned(),
            many => format!(", {many} units"),
        };
        let _ = writeln!(text, "{letter}: {} ({} examples{units})", x.name, x.values.nrows());
    }
    let extents = extents(set, 0, 1);
    let wide = tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
    let _ = writeln!(text, "\n{:wide$}  {:>10}  {:>10}  {:<10}  where", "measure", "a, b", "b, a", "larger is");
    for (measure, table) in measures.iter().zip(tables) {
        let value = |a: usize, b: usize| number(table.values[a * 2 + b]);
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
    let mut notes: Vec<String> = Vec::new();
    for (measure, table) in measures.iter().zip(tables) {
        if let Some(why) = &table.refused {
            notes.push(format!("{}: on the CPU, because {why}", table.measure));
        }
        if let Some(undefined) = table.undefined.iter().find(|u| u.a != u.b) {
            notes.push(format!("{}: not defined here: {}", table.measure, undefined.reason));
        } else if let Some(caution) = measure.caution(extents) {
            notes.push(format!("{}: {caution}", table.measure));
        }
    }
    for note in notes {
        let _ = write!(text, "\n{note}");
    }
    text
}

/// More than two: for each measure the range over pairs, or the whole matrix if it is small and the only one.
fn summary(set: &[Named], measures: &[Measure], tables: &[Table]) -> String {
    let mut text = String::new();
    let (n, count) = (set.first().map_or(0, |x| x.values.nrows()), set.len());
    let _ = writeln!(text, "{count} representations of {n} examples\n");
    if count <= if tables.len() == 1 { 12 } else { 6 } {
        for table in tables {
            matrix(&mut text, set, table);
        }
    } else {
        let wide = tables.iter().map(|t| t.measure.len()).max().unwrap_or(7).max(7);
        let _ = writeln!(
            text,
            "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  where",
            "measure", "least", "median", "most", "not defined", "larger is"
        );
        for (measure, table) in measures.iter().zip(tables) {
            let mut values: Vec<f64> = (0..count)
                .flat_map(|a| (0..count).filter(move |&b| a != b).map(move |b| (a, b)))
                .filter(|&(a, b)| !measure.entry.symmetric || a < b)
                .map(|(a, b)| table.values[a * count + b])
                .collect();
            let all = values.len();
            values.retain(|v| !v.is_nan());
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
                all - values.len(),
                meaning(measure),
                table.place.name()
            );
        }
    }
    for (measure, table) in measures.iter().zip(tables) {
        if let Some(why) = &table.refused {
            let _ = write!(text, "\n{}: on the CPU, because {why}", table.measure);
        }
        if let Some(u) = table.undefined.iter().find(|u| u.a != u.b) {
            let (a, b) = (&set[u.a].name, &set[u.b].name);
            let _ = write!(text, "\n{}: not defined for {a} and {b}, among others: {}", table.measure, u.reason);
        }
        let widest = (0..count).max_by_key(|&i| set[i].values.ncols()).unwrap_or(0);
        if let Some(caution) = measure.caution(extents(set, widest, widest)) {
            let _ = write!(text, "\n{}: {caution}", table.measure);
        }
    }
    text
}

/// All pairs of one measure, the first of the pair in the row; columns are numbered.
fn matrix(text: &mut String, set: &[Named], table: &Table) {
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
        let line: String = (0..count).map(|b| format!("{:>10}", number(table.values[a * count + b]))).collect();
        let _ = writeln!(text, "{name:wide$}{line}");
    }
    text.push('\n');
}

fn extents(set: &[Named], a: usize, b: usize) -> Extents {
    Extents { n: set[a].values.nrows(), p: set[a].values.ncols(), q: set[b].values.ncols() }
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

fn json(set: &[Named], measures: &[Measure], tables: &[Table], sure: &Sure) -> serde_json::Value {
    let count = set.len();
    let value = |x: f64| if x.is_finite() { serde_json::json!(x) } else { serde_json::Value::Null };
    let [permutations, intervals, halves] = sure.json();
    serde_json::json!({
        "permutations": permutations,
        "intervals": intervals,
        "halves": halves,
        "representations": set.iter().map(|x| serde_json::json!({
            "name": x.name, "examples": x.values.nrows(),
            // Not held, when read by batches.
            "units": (x.values.ncols() > 0).then_some(x.values.ncols()),
        })).collect::<Vec<_>>(),
        "measures": measures.iter().zip(tables).map(|(measure, table)| serde_json::json!({
            "measure": table.measure,
            "larger_is": meaning(measure),
            "symmetric": measure.entry.symmetric,
            "where": table.place.name(),
            "values": (0..count).map(|a| (0..count).map(|b| value(table.values[a * count + b])).collect::<Vec<_>>())
                .collect::<Vec<_>>(),
            "undefined": table.undefined.iter().map(|u| serde_json::json!({
                "a": u.a, "b": u.b, "reason": u.reason,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}
