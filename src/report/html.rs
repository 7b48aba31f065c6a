//! The page: one file with its figures and its style inside, which needs no network.

use minijinja::{Environment, Value, context};

use super::Shown;
use super::run::Run;
use super::tables::Table;
use super::{findings, tables};
use crate::files::layout;

/// The whole page as text.
pub fn page(run: &Run, shown: &[Shown]) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // The name ends in `.html`, so every text from the run is escaped.
    environment.add_template("report.html", include_str!("report.html"))?;
    let manifest = &run.manifest;
    environment.get_template("report.html")?.render(context! {
        style => include_str!("report.css"),
        script => include_str!("report.js"),
        name => &manifest.experiment_name,
        description => &manifest.description,
        notes => &manifest.notes,
        progress => tables::progress(run),
        findings => findings::findings(run),
        figures => shown.iter().map(figure).collect::<Vec<_>>(),
        settings => table(tables::settings(run)),
        swatches => run.is_sweep(),
        replicas => table(tables::replicas(run)),
        facts => tables::facts(run),
        resolved => serde_json::to_string_pretty(&manifest.settings).unwrap_or_default(),
        metrics => layout::METRICS,
        pairs => layout::PAIRS,
        figures_folder => layout::FIGURES,
    })
}

fn figure(shown: &Shown) -> Value {
    let (svg, text) = match &shown.figure {
        Ok(figure) => (Some(figure.svg()), &figure.caption),
        Err(why) => (None, why),
    };
    context! { name => shown.name, title => shown.title, svg, text }
}

fn table(table: Table) -> Value {
    let row = |row: tables::Row| {
        let cell = |cell: tables::Field| context! { text => cell.text, number => cell.number };
        context! { colour => row.colour, cells => row.cells.into_iter().map(cell).collect::<Vec<_>>() }
    };
    let rows: Vec<Value> = table.rows.into_iter().map(row).collect();
    context! { head => table.head, rows, left_out => table.left_out }
}
