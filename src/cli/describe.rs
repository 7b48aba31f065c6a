//! `isogram describe`.

use std::sync::Arc;

use isogram::Error;
use isogram::data::{LabelColumn, read_labels_of};
use isogram::files::{StatisticRow, check_folder, write_statistics_csv, write_statistics_parquet};
use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Statistic, statistics};
use isogram::measure::compare::request::{Notes, REASONS, number, without};
use isogram::measure::compare::{Named, Place, Resources};
use isogram::measure::describe::{Described, MAIN, describe as describe_all};

use super::input::{Input, of_classes, read, warn};
use super::{DONE, DescribeArgs, FAILED, print};

pub fn describe(args: &DescribeArgs) -> anyhow::Result<u8> {
    let names: Vec<String> = if args.statistics.is_empty() {
        let with_labels = statistics().filter(|entry| entry.labels && args.labels.is_some()).map(|entry| entry.name);
        MAIN.iter().copied().chain(with_labels).map(str::to_owned).collect()
    } else {
        args.statistics.clone()
    };
    let wanted = Statistic::parse_all(&names)?;
    for path in &args.out {
        if !path.extension().is_some_and(|e| ["csv", "parquet"].iter().any(|known| e.eq_ignore_ascii_case(known))) {
            let message = format!("--out {}: expected a name that ends in .csv or .parquet", path.display());
            return Err(Error::config(message).into());
        }
        check_folder(path)?;
    }
    let memory = args.device.memory();
    let Input { set, left_out } = read(&args.files, &args.input, memory, "")?;
    let labels = labels(args, &set)?;
    if let Some(one) = wanted.iter().find(|s| s.entry.labels && s.is_named() && labels.is_empty()) {
        return Err(Error::config(format!(
            "`{}` needs a class for each example: give them with --labels FILE",
            one.entry.name
        ))
        .into());
    }
    let gpu = adapter(args, &set, &wanted)?;
    let cells = describe_all(&set, &wanted, &labels, Resources { memory, ..gpu.as_ref().into() });
    let cautions = if wanted.iter().any(|s| s.entry.labels) { of_classes(&labels) } else { Vec::new() };
    let outcome = write_files(args, &set, &wanted, &cells);
    warn(&left_out);
    if args.json {
        let mut all: Vec<_> = set
            .iter()
            .zip(cells.chunks(wanted.len()))
            .map(|(x, values)| {
                let entries = |of: fn(&Described) -> serde_json::Value| -> serde_json::Map<String, serde_json::Value> {
                    wanted.iter().zip(values).map(|(statistic, cell)| (statistic.name(), of(cell))).collect()
                };
                serde_json::json!({
                    "name": x.name, "examples": x.values.nrows(), "units": x.values.ncols(),
                    "cautions": cautions,
                    "statistics": entries(|cell| match (cell.value.kind(), cell.value.reason()) {
                        (Some(kind), Some(reason)) => serde_json::json!({ kind: reason }),
                        _ => serde_json::json!(cell.value.value()),
                    }),
                    "where": entries(|cell| serde_json::json!(cell.place.name())),
                })
            })
            .collect();
        all.extend(left_out.iter().map(|left| serde_json::json!({"name": left.name, "left_out": left.reason})));
        print(&serde_json::to_string_pretty(&all)?)?;
    } else {
        print(&table(&set, &wanted, &cells, &cautions))?;
    }
    outcome?;
    if cells.iter().any(|cell| cell.value.value().is_some()) {
        return Ok(DONE);
    }
    eprintln!("isogram: no statistic has a value for any representation; the reasons are above");
    Ok(FAILED)
}

/// A device where one is asked for, or where there is a GPU and the work is worth it.
fn adapter(args: &DescribeArgs, set: &[Named], wanted: &[Statistic]) -> anyhow::Result<Option<Arc<Gpu>>> {
    let on_device = wanted.iter().filter(|s| s.device.is_some()).count() as f64;
    // Seconds of one core, about, against the seconds that a device takes to wake.
    let each = |x: &Named| (x.values.nrows() as f64).powi(2) * x.values.ncols() as f64 * 1e-9;
    Ok(args.device.open(on_device * set.iter().map(each).sum::<f64>() >= 4.0)?)
}

/// Long tables that were asked for.
fn write_files(args: &DescribeArgs, set: &[Named], wanted: &[Statistic], cells: &[Described]) -> anyhow::Result<()> {
    let rows: Vec<StatisticRow> = cells
        .iter()
        .enumerate()
        .map(|(i, cell)| {
            let (x, statistic) = (&set[i / wanted.len()], &wanted[i % wanted.len()]);
            (x.name.clone(), statistic.name(), cell.value.clone())
        })
        .collect();
    for path in &args.out {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => write_statistics_csv(path, &rows)?,
            // No other ending is let through.
            _ => write_statistics_parquet(path, &rows)?,
        }
    }
    Ok(())
}

fn labels(args: &DescribeArgs, set: &[Named]) -> anyhow::Result<Vec<usize>> {
    let Some(path) = &args.labels else { return Ok(Vec::new()) };
    let labels = read_labels_of(path, &LabelColumn::parse(&args.label_column))?;
    let labels: Vec<usize> = labels.classes().into_iter().map(|class| class as usize).collect();
    for x in set {
        if x.values.nrows() != labels.len() {
            return Err(Error::data(
                path,
                format!("holds {} labels, and `{}` has {} examples", labels.len(), x.name, x.values.nrows()),
            )
            .into());
        }
    }
    Ok(labels)
}

fn table(set: &[Named], wanted: &[Statistic], cells: &[Described], cautions: &[String]) -> String {
    let mut text = String::new();
    let name = |x: &Named| -> String {
        let all: Vec<char> = x.name.chars().collect();
        if all.len() <= 20 {
            x.name.clone()
        } else {
            format!("…{}", all[all.len() - 19..].iter().collect::<String>())
        }
    };
    let wide = wanted.iter().map(|s| s.name().len()).max().unwrap_or(9).max(9);
    // Where, if not all of it is on the CPU.
    let placed = cells.iter().any(|cell| cell.place == Place::Gpu);
    let mut columns: Vec<String> = set.iter().map(name).collect();
    if placed {
        columns.push("where".into());
    }
    let widths: Vec<usize> = columns.iter().map(|c| c.chars().count().max(11)).collect();
    let line = |first: &str, rest: &[String]| {
        let cells: Vec<String> = rest
            .iter()
            .zip(&widths)
            .map(|(c, &w)| format!("{}{c}", " ".repeat(w.saturating_sub(c.chars().count()))))
            .collect();
        format!("{first:wide$}  {}\n", cells.join("  "))
    };
    text.push_str(&line("", &columns));
    text.push_str(&line("examples", &set.iter().map(|x| x.values.nrows().to_string()).collect::<Vec<_>>()));
    text.push_str(&line("units", &set.iter().map(|x| x.values.ncols().to_string()).collect::<Vec<_>>()));
    // One line for each reason, however many statistics it is the reason of.
    let mut notes = Notes::default();
    for (i, statistic) in wanted.iter().enumerate() {
        let of = |x: usize| &cells[x * wanted.len() + i];
        let mut values: Vec<String> = (0..set.len()).map(|x| number(of(x).value.or_nan())).collect();
        if placed {
            let mut places: Vec<&str> = (0..set.len()).map(|x| of(x).place.name()).collect();
            places.dedup();
            values.push(if places.len() == 1 { places[0].into() } else { "both".into() });
        }
        text.push_str(&line(&statistic.name(), &values));
        let mut known: Vec<(String, Vec<&str>)> = Vec::new();
        for (x, cell) in (0..set.len()).map(|x| (x, of(x))).filter(|(_, cell)| cell.value.value().is_none()) {
            let said = without(&cell.value);
            match known.iter_mut().find(|(reason, _)| *reason == said) {
                Some((_, names)) => names.push(&set[x].name),
                None => known.push((said, vec![&set[x].name])),
            }
        }
        for (said, names) in known.iter().take(REASONS) {
            let (what, reason) = said.split_once(": ").unwrap_or((said.as_str(), ""));
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            notes.add(&statistic.name(), format!("{what} for {}{more}: {reason}", names[0]));
        }
    }
    for caution in cautions {
        notes.add("labels", caution.clone());
    }
    text + &notes.text()
}
