//! `isogram describe`.

use std::fmt::Write;

use isogram::Error;
use isogram::data::read_labels;
use isogram::files::{StatisticRow, write_statistics_csv, write_statistics_parquet};
use isogram::measure::catalogue::{Statistic, statistics};
use isogram::measure::compare::{Named, in_parallel};

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
    let wanted = names.iter().map(|name| Statistic::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let set = read(&args.files, &args.input)?;
    let labels = labels(args, &set)?;
    if let Some(one) = wanted.iter().find(|s| s.entry.labels && labels.is_empty()) {
        return Err(Error::config(format!(
            "`{}` needs a class for each example: give them with --labels FILE",
            one.entry.name
        ))
        .into());
    }
    let cells = in_parallel(set.len() * wanted.len(), |i| {
        let (x, statistic) = (&set[i / wanted.len()], &wanted[i % wanted.len()]);
        statistic.of(x.values.as_ref(), &labels).map_err(|e| e.to_string())
    });
    write_files(args, &set, &wanted, &cells)?;
    if args.json {
        let all: Vec<_> = set
            .iter()
            .zip(cells.chunks(wanted.len()))
            .map(|(x, values)| {
                let of: serde_json::Map<String, serde_json::Value> = wanted
                    .iter()
                    .zip(values)
                    .map(|(statistic, value)| {
                        let value = match value {
                            Ok(v) => serde_json::json!(v),
                            Err(reason) => serde_json::json!({ "undefined": reason }),
                        };
                        (statistic.name(), value)
                    })
                    .collect();
                serde_json::json!({
                    "name": x.name, "examples": x.values.nrows(), "units": x.values.ncols(), "statistics": of,
                })
            })
            .collect();
        print(&serde_json::to_string_pretty(&all)?)?;
        return Ok(DONE);
    }
    print(&table(&set, &wanted, &cells))?;
    Ok(DONE)
}

/// Long tables that were asked for.
fn write_files(
    args: &DescribeArgs,
    set: &[Named],
    wanted: &[Statistic],
    cells: &[Result<f64, String>],
) -> anyhow::Result<()> {
    let rows: Vec<StatisticRow> = cells
        .iter()
        .enumerate()
        .map(|(i, value)| {
            let (x, statistic) = (&set[i / wanted.len()], &wanted[i % wanted.len()]);
            (x.name.clone(), statistic.name(), value.as_ref().copied().unwrap_or(f64::NAN))
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

fn table(set: &[Named], wanted: &[Statistic], cells: &[Result<f64, String>]) -> String {
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
    let columns: Vec<String> = set.iter().map(name).collect();
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
    let mut notes = Vec::new();
    for (i, statistic) in wanted.iter().enumerate() {
        let values: Vec<String> = (0..set.len())
            .map(|x| match &cells[x * wanted.len() + i] {
                Ok(value) => number(*value),
                Err(_) => "-".into(),
            })
            .collect();
        text.push_str(&line(&statistic.name(), &values));
        let reason = (0..set.len()).find_map(|x| cells[x * wanted.len() + i].as_ref().err().map(|r| (x, r)));
        if let Some((x, reason)) = reason {
            notes.push(format!("{}: not defined for {}: {reason}", statistic.name(), set[x].name));
        }
    }
    for note in notes {
        let _ = write!(text, "\n{note}");
    }
    text
}
