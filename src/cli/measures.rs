//! `isogram measures`: the catalogue.

use std::fmt::Write;

use isogram::measure::catalogue::{
    Direction, Entry, Parameter, StatisticEntry, family_word, measures, statistics, unknown_name,
};

use super::{DONE, MeasuresArgs, print};

pub fn list(args: &MeasuresArgs) -> anyhow::Result<u8> {
    if let Some(name) = &args.name {
        let text = measures()
            .find(|e| e.name == name)
            .map(of_measure)
            .or_else(|| statistics().find(|e| e.name == name).map(of_statistic));
        return match text {
            Some(text) => {
                print(&text)?;
                Ok(DONE)
            }
            None => Err(unknown_name(name).into()),
        };
    }
    if args.json {
        print(&serde_json::to_string_pretty(&json())?)?;
        return Ok(DONE);
    }
    let mut text = String::from("Measures of two representations (isogram compare)\n");
    let mut family = "";
    for e in measures() {
        if e.family != family {
            family = e.family;
            let _ = write!(text, "\n{family} (--measures {})\n", family_word(family));
        }
        let mut marks = Vec::new();
        if e.metric {
            marks.push("metric");
        }
        if !e.symmetric {
            marks.push("not symmetric");
        }
        if on_gpu(e) {
            marks.push("GPU");
        }
        let _ = writeln!(text, "  {:<24} {:<58} {}", e.name, e.title, marks.join(", "));
    }
    text.push_str("\nStatistics of one representation (isogram describe)\n");
    family = "";
    for e in statistics() {
        if e.family != family {
            family = e.family;
            let _ = write!(text, "\n{family} (--statistics {})\n", family_word(family));
        }
        let _ = writeln!(text, "  {:<24} {:<58} {}", e.name, e.title, if e.labels { "needs labels" } else { "" });
    }
    text.push_str(
        "\n`isogram measures NAME` says more of one: formula, range, invariances, options, source.\n\
         Options follow a name after colons: cka:rbf:threshold=0.5, knn:k=20:euclidean. A family stands for all that is in it,\n\
         and `all` for everything.",
    );
    print(&text)?;
    Ok(DONE)
}

/// Whether it has a form for a GPU with its default options.
fn on_gpu(e: &Entry) -> bool {
    isogram::measure::catalogue::Measure::parse(e.name).is_ok_and(|m| m.made.device.is_some())
}

fn range([low, high]: [f64; 2]) -> String {
    let bound = |x: f64| match x {
        f64::INFINITY => "infinity".to_owned(),
        f64::NEG_INFINITY => "-infinity".to_owned(),
        x if x == std::f64::consts::PI => "π".to_owned(),
        x => format!("{x}"),
    };
    format!("{} to {}", bound(low), bound(high))
}

fn options(text: &mut String, parameters: &[Parameter]) {
    if parameters.is_empty() {
        return;
    }
    text.push_str("options\n");
    for p in parameters {
        let _ = writeln!(text, "  {} = {}\n      {}", p.key, p.takes.describe(), p.about);
    }
}

fn of_measure(e: &Entry) -> String {
    let mut text = format!("{}: {}\n\n", e.name, e.title);
    let direction = match e.direction {
        Direction::Similarity => "larger is more alike",
        Direction::Distance => "larger is less alike",
    };
    let invariances: Vec<&str> = e.invariances.iter().map(|i| i.name()).collect();
    let _ = writeln!(text, "formula      {}", e.formula);
    let _ = writeln!(text, "range        {}; {direction}", range(e.range));
    let _ = writeln!(
        text,
        "symmetric    {}",
        if e.symmetric { "yes" } else { "no: the first explains, predicts or weighs" }
    );
    let _ = writeln!(text, "metric       {}", if e.metric { "yes, in its default form" } else { "no" });
    let _ = writeln!(
        text,
        "invariant to {}",
        if invariances.is_empty() { "nothing".to_owned() } else { invariances.join(", ") }
    );
    let _ = writeln!(text, "cost         {} for a pair (n examples, p units)", e.cost);
    let place = if on_gpu(e) { "CPU in f64; GPU in f32 for all pairs at once" } else { "CPU in f64" };
    let _ = writeln!(text, "runs on      {place}");
    let _ = writeln!(text, "source       {}", e.source);
    options(&mut text, e.parameters);
    text
}

fn of_statistic(e: &StatisticEntry) -> String {
    let mut text = format!("{}: {}\n\n", e.name, e.title);
    for (what, value) in [("formula", e.formula), ("source", e.source)] {
        if !value.is_empty() {
            let _ = writeln!(text, "{what:<12} {value}");
        }
    }
    let _ = writeln!(text, "labels       {}", if e.labels { "needed" } else { "not needed" });
    options(&mut text, e.parameters);
    text
}

fn json() -> serde_json::Value {
    let parameters = |all: &[Parameter]| {
        all.iter()
            .map(|p| serde_json::json!({"key": p.key, "takes": p.takes.describe(), "about": p.about}))
            .collect::<Vec<_>>()
    };
    let finite = |x: f64| if x.is_finite() { serde_json::json!(x) } else { serde_json::Value::Null };
    serde_json::json!({
        "measures": measures().map(|e| serde_json::json!({
            "name": e.name, "title": e.title, "family": e.family, "formula": e.formula,
            "range": [finite(e.range[0]), finite(e.range[1])],
            "larger_is": match e.direction { Direction::Similarity => "more alike", Direction::Distance => "less alike" },
            "symmetric": e.symmetric, "metric": e.metric,
            "invariances": e.invariances.iter().map(|i| i.name()).collect::<Vec<_>>(),
            "cost": e.cost, "gpu": on_gpu(e), "source": e.source, "options": parameters(e.parameters),
        })).collect::<Vec<_>>(),
        "statistics": statistics().map(|e| serde_json::json!({
            "name": e.name, "title": e.title, "family": e.family, "formula": e.formula, "labels": e.labels,
            "source": e.source, "options": parameters(e.parameters),
        })).collect::<Vec<_>>(),
    })
}
