//! `isogram describe`.

use std::fmt::Write;
use std::sync::Arc;

use isogram::Error;
use isogram::data::read_labels;
use isogram::files::{StatisticRow, write_statistics_csv, write_statistics_parquet};
use isogram::gpu::Gpu;
use isogram::measure::catalogue::{Statistic, statistics};
use isogram::measure::compare::{Named, Place};
use isogram::measure::describe::{Described, describe as describe_all};

use super::compare::{number, read};
use super::{DONE, DescribeArgs, print};

/// What is shown where nothing is said, besides everything that needs labels if there are any.
const MAIN: [&str; 13] = [
    "participation_ratio",
    "effective_rank",
    "rankme",
    "stable_rank",
    "components:variance=0.9",
    "components:variance=0.99",
    "explained_variance",
    "alpha_req",
    "two_nn",
    "levina_bickel",
    "uniformity",
    "sparsity",
    "dead_units",
];

pub fn describe(args: &DescribeArgs) -> anyhow::Result<u8> {
    let names: Vec<String> = if args.statistics.is_empty() {
        let with_labels = statistics().filter(|entry| entry.labels && args.labels.is_some()).map(|entry| entry.name);
        MAIN.into_iter().chain(with_labels).map(str::to_owned).collect()
    } else {
        args.statistics.clone()
    };
    let wanted = Statistic::parse_all(&names)?;
    let set = read(&args.files, &args.input)?;
    let labels = labels(args, &set)?;
    if let Some(one) = wanted.iter().find(|s| s.entry.labels && s.is_named() && labels.is_empty()) {
        return Err(Error::config(format!(
            "`{}` needs a class for each example: give them with --labels FILE",
            one.entry.name
        ))
        .into());
    }
    let gpu = adapter(args, &set, &wanted)?;
    let cells = describe_all(&set, &wanted, &labels, gpu.as_ref())?;
    write_files(args, &set, &wanted, &cells)?;
    if args.json {
        let all: Vec<_> = set
            .iter()
            .zip(cells.chunks(wanted.len()))
            .map(|(x, values)| {
                let entries = |of: fn(&Described) -> serde_json::Value| -> serde_json::Map<String, serde_json::Value> {
                    wanted.iter().zip(values).map(|(statistic, cell)| (statistic.name(), of(cell))).collect()
                };
                serde_json::json!({
                    "name": x.name, "examples": x.values.nrows(), "units": x.values.ncols(),
                    "statistics": entries(|cell| match &cell.value {
                        Ok(v) => serde_json::json!(v),
                        Err(reason) => serde_json::json!({ "undefined": reason.to_string() }),
                    }),
                    "where": entries(|cell| serde_json::json!(cell.place.name())),
                })
            })
            .collect();
        print(&serde_json::to_string_pretty(&all)?)?;
        return Ok(DONE);
    }
    print(&table(&set, &wanted, &cells))?;
    Ok(DONE)
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
            (x.name.clone(), statistic.name(), cell.value.as_ref().copied().unwrap_or(f64::NAN))
        })
        .collect();
    for path in &args.out {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => write_statistics_csv(path, &rows)?,
            Some("parquet") => write_statistics_parquet(path, &rows)?,
            _ => {
                let message = format!("--out {}: expected a name that ends in .csv or .parquet", path.display());
                return Err(Error::config(message).into());
            }
        }
    }
    Ok(())
}

fn labels(args: &DescribeArgs, set: &[Named]) -> anyhow::Result<Vec<usize>> {
    let Some(path) = &args.labels else { return Ok(Vec::new()) };
    let labels: Vec<usize> = read_labels(path)?.into_iter().map(|l| l as usize).collect();
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

fn table(set: &[Named], wanted: &[Statistic], cells: &[Described]) -> String {
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
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for (i, statistic) in wanted.iter().enumerate() {
        let of = |x: usize| &cells[x * wanted.len() + i];
        let mut values: Vec<String> =
            (0..set.len()).map(|x| of(x).value.as_ref().map_or("-".into(), |value| number(*value))).collect();
        if placed {
            let mut places: Vec<&str> = (0..set.len()).map(|x| of(x).place.name()).collect();
            places.dedup();
            values.push(if places.len() == 1 { places[0].into() } else { "both".into() });
        }
        text.push_str(&line(&statistic.name(), &values));
        let reason = (0..set.len()).find_map(|x| of(x).value.as_ref().err().map(|r| (x, r)));
        if let Some((x, reason)) = reason {
            let said = format!("not defined for {}: {reason}", set[x].name);
            match notes.iter_mut().find(|(known, _)| *known == said) {
                Some((_, names)) => names.push(statistic.name()),
                None => notes.push((said, vec![statistic.name()])),
            }
        }
    }
    for (said, names) in notes {
        let _ = write!(text, "\n{}: {said}", names.join(", "));
    }
    text
}
