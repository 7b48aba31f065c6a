//! The figures of curves over training: loss and accuracy, agreement between seeds, and agreement with what does not
//! move.

use super::Shown;
use super::band::Band;
use super::figure::palette::{self, INK};
use super::figure::{Axis, Entry, Facet, Figure, Line, Mark, Size, Stroke, ends};
use super::numbers::counted;
use super::observed::Observed;
use super::paired::{Class, Paired};
use super::run::Run;
use crate::measure::Estimator;

/// Settings up to which plain and debiased curves share a panel.
const OVERLAID: usize = 4;
/// Hidden layers that a figure shows at most.
const MOST_LAYERS: usize = 8;

/// Loss and accuracy over training.
pub fn learning(run: &Run) -> Shown {
    Shown { name: "learning", title: "Loss and accuracy over training", figure: learning_figure(run) }
}

fn learning_figure(run: &Run) -> Result<Figure, String> {
    let observed = usable(run)?;
    let loss = loss_label(run);
    let wanted = [
        ("loss_train", "training batches", loss.as_str(), false),
        ("loss", "probe set", loss.as_str(), false),
        ("accuracy", "probe set", "accuracy (fraction)", true),
    ];
    let panels: Vec<Facet> = wanted
        .into_iter()
        .filter(|(name, ..)| observed.has(name, None))
        .map(|(name, title, label, fraction)| {
            let lines = setting_lines(run, observed.by_setting(name, None, &run.settings), false);
            let y = if fraction { Axis::linear(label).within(0.0, 1.0) } else { Axis::filled(label, edges(&lines)) };
            panel(title, y, lines)
        })
        .collect();
    if panels.is_empty() {
        return Err("neither loss nor accuracy was observed.".to_owned());
    }
    Ok(Figure {
        label: "Loss and accuracy over training".to_owned(),
        caption: format!("{}, {}. Steps are on a logarithmic axis that starts at 0.", median(run), over(run)),
        ..over_steps(run, panels, wanted.len(), 240.0)
    })
}

/// CKA between networks of different seeds over training.
pub fn between_seeds(run: &Run) -> Shown {
    let title = if run.is_sweep() { "Do different seeds and settings agree?" } else { "Do different seeds agree?" };
    Shown { name: "cka_between_seeds", title, figure: between_figure(run) }
}

fn between_figure(run: &Run) -> Result<Figure, String> {
    let paired = pairs(run)?;
    let layers = some_layers(&run.layers);
    let overlaid = run.settings.len() <= OVERLAID;
    let kinds: &[&[Estimator]] = match (paired.main(), overlaid) {
        (Estimator::Debiased, _) => &[&[Estimator::Debiased]],
        (_, true) => &[&[Estimator::Biased, Estimator::Debiased]],
        (_, false) => &[&[Estimator::Biased], &[Estimator::Debiased]],
    };
    let mut panels = Vec::new();
    for kinds in kinds {
        for layer in &layers {
            let lines = kinds.iter().flat_map(|&kind| pair_lines(run, paired, kind, layer, overlaid)).collect();
            let debiased = kinds[0] == Estimator::Debiased;
            let label = if debiased { "linear CKA, debiased" } else { "linear CKA" };
            panels.push(panel(layer.as_str(), Axis::linear(label), lines));
        }
    }
    if panels.iter().all(|panel| panel.marks.is_empty()) {
        return Err("no pair of networks was compared at the same layer.".to_owned());
    }
    share_scale(&mut panels);
    let mut figure = over_steps(run, panels, if overlaid { layers.len().min(4) } else { layers.len() }, 230.0);
    let what = if run.is_sweep() {
        "Linear CKA between the same hidden layer of two networks: of one setting and different seeds (coloured), or of \
         different settings (dark)"
    } else {
        "Linear CKA between the same hidden layer of two networks of different seeds"
    };
    figure.caption = format!(
        "{what}. {} of pairs, {}. The debiased estimate corrects for the number of examples in the probe set.{}",
        median(run),
        over(run),
        left_out(&layers, run)
    );
    figure.label = "Linear CKA between networks of different seeds over training".to_owned();
    Ok(figure)
}

/// CKA of each layer with input, labels, and its own first and last state.
pub fn references(run: &Run) -> Shown {
    Shown { name: "cka_references", title: "What does each layer resemble?", figure: references_figure(run) }
}

fn references_figure(run: &Run) -> Result<Figure, String> {
    let observed = usable(run)?;
    let layers = some_layers(&run.layers);
    let wanted = [
        ("cka_input", "the input"),
        ("cka_labels", "the labels"),
        ("cka_first", "its first checkpoint"),
        ("cka_last", "its last checkpoint"),
    ];
    let anywhere =
        |name: &str| run.layers.iter().any(|layer| observed.has(&Estimator::Biased.named(name), Some(layer)));
    let present: Vec<_> = wanted.into_iter().filter(|(name, _)| anywhere(name)).collect();
    if present.is_empty() {
        return Err("CKA with input, labels and checkpoints was not observed.".to_owned());
    }
    let overlaid = run.settings.len() <= OVERLAID;
    let mut panels = Vec::new();
    for (row, layer) in layers.iter().enumerate() {
        for (name, what) in &present {
            let by = |e: Estimator| observed.by_setting(&e.named(name), Some(layer), &run.settings);
            let mut lines = setting_lines(run, by(Estimator::Biased), false);
            if overlaid {
                let debiased = by(Estimator::Debiased);
                lines.extend(setting_lines(run, debiased, true));
            }
            let title = if row == 0 { format!("with {what}") } else { String::new() };
            panels.push(panel(title, Axis::linear(format!("CKA, {layer}")), lines));
        }
    }
    share_scale(&mut panels);
    let height = if layers.len() > 3 { 120.0 } else { 165.0 };
    let caption = format!(
        "Linear CKA of each hidden layer (rows) with the input, the labels, and the same layer of the same network at the \
         first and at the last checkpoint (columns). {}, {}.{}",
        median(run),
        over(run),
        left_out(&layers, run)
    );
    Ok(Figure {
        label: "Linear CKA of each hidden layer with references over training".to_owned(),
        caption,
        ..over_steps(run, panels, present.len(), height)
    })
}

/// The observed numbers, if there is a network to show them of.
pub fn usable(run: &Run) -> Result<&Observed, String> {
    anyone(run)?;
    Ok(&run.observed)
}

/// The compared pairs, if there are any.
pub fn pairs(run: &Run) -> Result<&Paired, String> {
    anyone(run)?;
    let networks: usize = run.settings.list.iter().map(|setting| setting.replicas.len()).sum();
    if networks < 2 {
        return Err("it takes two networks to compare, and there is one.".to_owned());
    }
    let paired = run.paired.as_ref().ok_or_else(|| "the run has left no pairs.parquet (yet).".to_owned())?;
    match (paired.any, paired.unclear) {
        (true, _) => Ok(paired),
        (false, true) => Err("the rows `cka` of pairs.parquet, which an earlier version wrote, are biased by \
                              `observe.measures` and debiased by `observe.compare`, and nothing tells them apart; run it \
                              again to have both."
            .to_owned()),
        (false, false) => Err("pairs.parquet holds no linear CKA of pairs of networks.".to_owned()),
    }
}

fn anyone(run: &Run) -> Result<(), String> {
    match run.settings.sizes() {
        (_, 0) if run.settings.diverged() > 0 => Err("every network diverged.".to_owned()),
        (_, 0) => Err("the run has no networks.".to_owned()),
        _ => Ok(()),
    }
}

/// A panel of lines over optimiser steps.
pub fn panel(title: impl Into<String>, y: Axis, lines: Vec<Line>) -> Facet {
    let marks = lines.into_iter().map(Mark::Line).collect();
    Facet { title: title.into(), x: Axis::log_from_zero("optimiser steps"), y, marks, ..Facet::default() }
}

/// A figure of panels over optimiser steps, so many beside each other and so high, in pixels.
pub fn over_steps(run: &Run, panels: Vec<Facet>, columns: usize, height: f64) -> Figure {
    let dashed = has_dashes(&panels);
    let rows = Figure::wrapped(panels, columns);
    let mut legend = Entry::of(&rows);
    if dashed {
        legend.extend([Entry::plain("linear CKA", false), Entry::plain("debiased", true)]);
    }
    if banded(run) {
        legend.push(Entry::Band { label: "10–90 %".to_owned() });
    }
    Figure { size: Size::Wide(height), shared: (true, false), legend, rows, ..Figure::default() }
}

/// A line through medians, with its band where that is not clear.
fn line(name: &str, bands: &[Band], dashed: bool, opacity: f64) -> Line {
    let of = |value: fn(&Band) -> f64| bands.iter().map(value).collect::<Vec<f64>>();
    let (low, high) = if opacity > 0.0 { (of(|b| b.low), of(|b| b.high)) } else { (Vec::new(), Vec::new()) };
    let stroke = if dashed { Stroke::Dashed } else { Stroke::Solid };
    Line {
        name: name.to_owned(),
        stroke,
        opacity,
        x: of(|b| b.step as f64),
        y: of(|b| b.mid),
        low,
        high,
        ..Line::default()
    }
}

pub fn setting_lines(run: &Run, bands: Vec<Vec<Band>>, dashed: bool) -> Vec<Line> {
    let count = run.settings.len();
    let of = |(i, points): (usize, Vec<Band>)| {
        let (colour, shape) = (palette::colour(i, count), palette::shape(i, count));
        let name = if run.is_sweep() { run.settings.list[i].label.as_str() } else { "" };
        Line { colour, shape, ..line(name, &points, dashed, if dashed { 0.0 } else { opacity(run) }) }
    };
    bands.into_iter().enumerate().filter(|(_, points)| !points.is_empty()).map(of).collect()
}

fn pair_lines(run: &Run, paired: &Paired, kind: Estimator, layer: &str, overlaid: bool) -> Vec<Line> {
    let within = (0..run.settings.len()).map(|i| paired.over_steps(kind, layer, Class::Within(i))).collect();
    let dashed = overlaid && kind != paired.main();
    let mut lines = setting_lines(run, within, dashed);
    let across = paired.over_steps(kind, layer, Class::Across);
    if !across.is_empty() {
        let opacity = if dashed { 0.0 } else { opacity(run) };
        lines.push(Line { colour: INK, ..line("across settings", &across, dashed, opacity) });
    }
    lines
}

/// Bands over bands make mud: the more there are, the thinner; beyond what has its own colour, none.
fn opacity(run: &Run) -> f64 {
    match run.settings.len() {
        _ if run.settings.sizes().1 < 2 => 0.0,
        0..=3 => 0.2,
        4..=palette::DISTINCT => 0.12,
        _ => 0.0,
    }
}

pub fn banded(run: &Run) -> bool {
    opacity(run) > 0.0
}

fn lines(panels: &[Facet]) -> impl Iterator<Item = &Line> {
    panels
        .iter()
        .flat_map(|panel| &panel.marks)
        .filter_map(|mark| if let Mark::Line(line) = mark { Some(line) } else { None })
}

fn has_dashes(panels: &[Facet]) -> bool {
    lines(panels).any(|line| line.stroke == Stroke::Dashed)
}

/// The values that lines and their bands reach.
fn edges(lines: &[Line]) -> impl Iterator<Item = f64> {
    let of = |line: &Line| if line.low.is_empty() { line.y.clone() } else { [&line.low[..], &line.high].concat() };
    lines.iter().flat_map(of)
}

/// The lowest value of all panels, if it is less than zero.
pub fn lowest(panels: &[Facet]) -> f64 {
    lines(panels).map(|line| ends(line.y.iter().chain(&line.low).copied()).0).fold(0.0, f64::min)
}

/// From 0 to 1; lower where debiased values lie below zero, which they may.
fn share_scale(panels: &mut [Facet]) {
    let lowest = lowest(panels);
    let low = if lowest < -0.01 { (lowest * 10.0).floor() / 10.0 } else { 0.0 };
    panels.iter_mut().for_each(|panel| panel.y.range = Some((low, 1.0)));
}

/// All hidden layers, or where there are many, evenly chosen ones with the first and the last.
pub fn some_layers(layers: &[String]) -> Vec<&String> {
    if layers.len() <= MOST_LAYERS {
        return layers.iter().collect();
    }
    (0..MOST_LAYERS).map(|i| &layers[i * (layers.len() - 1) / (MOST_LAYERS - 1)]).collect()
}

/// A sentence on the layers that a figure does not show.
pub fn left_out(layers: &[&String], run: &Run) -> String {
    if layers.len() == run.layers.len() {
        return String::new();
    }
    format!(" {} of {} hidden layers are shown.", layers.len(), run.layers.len())
}

pub fn median(run: &Run) -> &'static str {
    if banded(run) {
        "Lines are medians, bands reach from the 10th to the 90th percentile"
    } else if run.settings.sizes().1 > 1 {
        "Lines are medians"
    } else {
        "Lines are single networks"
    }
}

/// Over how many networks a figure is.
pub fn over(run: &Run) -> String {
    let (least, most) = run.settings.sizes();
    let each = if run.is_sweep() { " per setting" } else { "" };
    let seeds = if least == most { counted(most, "seed") } else { format!("{least} to {}", counted(most, "seed")) };
    let diverged = match run.settings.diverged() {
        0 => String::new(),
        count => format!(" (without {} that diverged)", counted(count, "network")),
    };
    format!("over {seeds}{each}{diverged}")
}

/// What the loss is, with its unit, by the experiment's own words for it: `loss.kind` and `loss.reduction`.
pub fn loss_label(run: &Run) -> String {
    // Where the loss itself is swept, one axis holds several.
    if run.settings.swept.iter().any(|name| name.starts_with("loss.")) {
        return "loss".to_owned();
    }
    let word = |key: &str| run.manifest.settings.pointer(key).and_then(serde_json::Value::as_str);
    match (word("/loss/kind"), word("/loss/reduction")) {
        (Some("cross_entropy"), _) => "cross-entropy (nats)".to_owned(),
        (Some("bce"), _) => "binary cross-entropy (nats)".to_owned(),
        (Some("mse"), Some("sum")) => "squared error".to_owned(),
        (Some("mse"), Some("half_mean")) => "half the mean squared error".to_owned(),
        (Some("mse"), Some("half_sum")) => "half the squared error".to_owned(),
        (Some("mse"), _) => "mean squared error".to_owned(),
        _ => "loss".to_owned(),
    }
}
