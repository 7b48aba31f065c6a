//! `isogram compare`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use faer::Mat;
use isogram::Error;
use isogram::data::read_representations;
use isogram::gpu::{AdapterChoice, Gpu};
use isogram::measure::catalogue::{Direction, Extents, Measure};
use isogram::measure::compare::{Named, Table, all_pairs};
use isogram::report::comparison::{Comparison, Kind, matrix_svg, write_matrices};

use super::{CompareArgs, DONE, InputArgs, On, print};

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
    let names: Vec<String> = match (args.measures.is_empty(), args.files.len()) {
        (false, _) => args.measures.clone(),
        (true, _) => MAIN.map(str::to_owned).to_vec(),
    };
    // Before anything is read: a wrong name should not cost a long reading.
    let measures = names.iter().map(|name| Measure::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let set = read(&args.files, &args.input)?;
    if set.len() < 2 {
        return Err(Error::config(format!(
            "expected two representations or more, got {}: name more files, or a file of several arrays",
            set.len()
        ))
        .into());
    }
    let gpu = adapter(args, &set, &measures)?;
    let mut show = |done: usize, total: usize| {
        if !args.quiet && !args.json && total > 1 && set.len() > 2 {
            eprintln!("{done} of {total} measures");
        }
    };
    let tables = all_pairs(&set, &measures, gpu.as_ref(), &mut show)?;
    let written = write_files(args, &set, &measures, &tables)?;
    if args.json {
        print(&serde_json::to_string_pretty(&json(&set, &measures, &tables))?)?;
        return Ok(DONE);
    }
    let text = if set.len() == 2 { pair(&set, &measures, &tables) } else { summary(&set, &measures, &tables) };
    print(&text)?;
    if !args.quiet {
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
    let choice = args.adapter.as_deref().map_or(AdapterChoice::Automatic, AdapterChoice::parse).or_environment();
    match args.on {
        On::Cpu => Ok(None),
        On::Gpu => Ok(Some(Gpu::open(&choice)?)),
        On::Auto => {
            let n = set.first().map_or(0, |x| x.values.nrows()) as f64;
            let units: f64 = set.iter().map(|x| x.values.ncols() as f64).sum();
            let pairs = (set.len() * set.len()) as f64 / 2.0;
            // Seconds of one core, about, against the second that a device takes to wake.
            let work = n * n * (2.0 * units + 2.0 * pairs) * 1e-10;
            if work < 2.0 || !measures.iter().any(|m| m.made.device.is_some()) {
                return Ok(None);
            }
            Ok(Gpu::open(&choice).ok().filter(|gpu| !gpu.profile().software))
        }
    }
}

/// Two representations: a line for each measure, or two where the way matters.
fn pair(set: &[Named], measures: &[Measure], tables: &[Table]) -> String {
    let mut text = String::new();
    for (letter, x) in ["a", "b"].iter().zip(set) {
        let _ = writeln!(text, "{letter}: {} ({} examples, {} units)", x.name, x.values.nrows(), x.values.ncols());
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
    let _ = writeln!(text, "{count} representations of {n} examples, {} pairs\n", count * (count - 1) / 2);
    if let ([table], true) = (tables, count <= 12) {
        let wide = set.iter().map(|x| x.name.chars().count()).max().unwrap_or(0).min(40);
        let _ = writeln!(text, "{}", table.measure);
        for (a, x) in set.iter().enumerate() {
            let name: String = x.name.chars().take(40).collect();
            let values: Vec<String> = (0..count).map(|b| number(table.values[a * count + b])).collect();
            let line: Vec<String> = values.iter().map(|v| format!("{v:>9}")).collect();
            let _ = writeln!(text, "{name:wide$}  {}", line.join(""));
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
            let _ = writeln!(
                text,
                "{:wide$}  {:>10}  {:>10}  {:>10}  {:>11}  {:<10}  {}",
                table.measure,
                at(0),
                at(values.len() / 2),
                at(values.len().saturating_sub(1)),
                all - values.len(),
                meaning(measure),
                table.place.name()
            );
        }
    }
    for (measure, table) in measures.iter().zip(tables) {
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

fn json(set: &[Named], measures: &[Measure], tables: &[Table]) -> serde_json::Value {
    let count = set.len();
    let value = |x: f64| if x.is_finite() { serde_json::json!(x) } else { serde_json::Value::Null };
    serde_json::json!({
        "representations": set.iter().map(|x| serde_json::json!({
            "name": x.name, "examples": x.values.nrows(), "units": x.values.ncols(),
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
