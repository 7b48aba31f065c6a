//! `isogram compare`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use isogram::Error;
use isogram::data::LeftOut;
use isogram::files::{
    NamedMatrix, check_folder, write_atomic, write_matrices_npz, write_matrices_parquet, write_matrix_csv,
    write_reasons_csv,
};
use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Direction, Measure};
use isogram::measure::compare::request::{Compared, Request};
use isogram::measure::compare::{Named, Resources, Table};
use isogram::report::comparison::{Comparison, Kind};

use super::input::{Input, json_of, read, warn};
use super::{CompareArgs, DONE, FAILED, print, streamed};

pub fn compare(args: &CompareArgs) -> anyhow::Result<u8> {
    // Before anything is read: a wrong name or flag should not cost a long reading.
    let names = if args.batch > 0 { streamed::names(args) } else { args.measures.clone() };
    let request = Request {
        permutations: args.permutations as usize,
        interval: args.interval as usize,
        bootstrap: args.bootstrap as usize,
        halves: args.halves as usize,
        seed: args.seed,
        ..Request::of(&names)?
    };
    request.check()?;
    check(args)?;
    if args.batch > 0 {
        return by_batches(args, request);
    }
    let Input { set, left_out } = {
        let input = read(&args.files, &args.input, args.device.memory(), "; --batch ROWS reads it in parts")?;
        input.two()?;
        input
    };
    let gpu = adapter(args, &set, &request.measures)?;
    let on = Resources { memory: args.device.memory(), ..gpu.as_ref().into() };
    let begun = std::time::Instant::now();
    let mut show = |done: usize, total: usize| {
        if !args.quiet && !args.json && done < total && begun.elapsed().as_secs() >= 2 {
            eprintln!("{done} of {total} measures");
        }
    };
    give(args, &request.compare(&set, on, &mut show)?, &left_out)
}

/// Prints and writes what was asked for. What cannot be written costs nothing of what is printed.
fn give(args: &CompareArgs, found: &Compared, left_out: &[LeftOut]) -> anyhow::Result<u8> {
    let json = || {
        let mut json = found.json();
        json["left_out"] = json_of(left_out);
        serde_json::to_string_pretty(&json)
    };
    let mut written = Vec::new();
    let outcome = write_files(args, found, &json, &mut written);
    warn(left_out);
    if args.json {
        print(&json()?)?;
    } else {
        print(&found.to_string())?;
        if !args.quiet {
            for path in &written {
                eprintln!("{} written", path.display());
            }
        }
    }
    outcome?;
    // Failed if not one pair has a value by any measure.
    if found.tables.iter().any(Table::any) {
        return Ok(DONE);
    }
    eprintln!("isogram: no pair has a value by any of these measures; the reasons are above");
    Ok(FAILED)
}

/// What is wrong with the files to be written before anything is done.
fn check(args: &CompareArgs) -> anyhow::Result<()> {
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
    Ok(())
}

/// Files too large for memory: what needs all examples at once is refused beforehand.
fn by_batches(args: &CompareArgs, request: Request) -> anyhow::Result<u8> {
    if request.draws() {
        return Err(Error::config(
            "--permutations, --interval, --bootstrap and --halves need all examples at once: leave --batch out",
        )
        .into());
    }
    if args.device.adapter.is_some() {
        return Err(Error::config("--batch computes on the CPU: leave --adapter out").into());
    }
    let (found, left_out) = streamed::compare(args, request.measures)?;
    give(args, &found, &left_out)
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

/// Writes the pictures and tables that were asked for, and adds what was written to the list.
fn write_files(
    args: &CompareArgs,
    found: &Compared,
    json: &dyn Fn() -> serde_json::Result<String>,
    written: &mut Vec<PathBuf>,
) -> anyhow::Result<()> {
    let names: Vec<String> = found.representations.iter().map(|x| x.name.clone()).collect();
    let (measures, tables) = (&found.measures, &found.tables);
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
            _ => write_atomic(path, json()?.as_bytes())?,
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

/// The path, with the measure's name before the ending where there are several.
fn for_measure(path: &Path, measure: &str, count: usize) -> PathBuf {
    if count == 1 {
        return path.to_owned();
    }
    let part = |p: Option<&std::ffi::OsStr>| p.and_then(|s| s.to_str()).unwrap_or("").to_owned();
    let (stem, ending) = (part(path.file_stem()), part(path.extension()));
    path.with_file_name(format!("{stem}-{}.{ending}", measure.replace([':', '='], "-")))
}
