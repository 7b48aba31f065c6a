//! The figure of runs on data that are made of features: when each is learned, and how much of each hidden layer varies with it.

use super::axis::Scale;
use super::curves::{banded, edges, left_out, median, over, setting_lines, some_layers, usable};
use super::figure::{Figure, Shown};
use super::legend::Entry;
use super::panel::{Panel, Panels};
use super::run::Run;

/// Features that a figure shows at most.
const MOST_FEATURES: usize = 6;

/// Accuracy and explained variance of each feature over training, of runs on data that are made of features.
pub fn explained(run: &Run) -> Option<Shown> {
    let source = run.manifest.settings.pointer("/data/source").and_then(serde_json::Value::as_str);
    (source == Some("features")).then(|| Shown {
        name: "features",
        title: "What do the hidden layers vary with?",
        figure: figure(run),
    })
}

fn figure(run: &Run) -> Result<Figure, String> {
    let observed = usable(run)?;
    let layers = some_layers(&run.layers);
    let named = run.manifest.settings.pointer("/data/features").and_then(serde_json::Value::as_array);
    let names = named.into_iter().flatten().filter_map(|f| f.get("name")?.as_str());
    let seen = |name: &str| layers.iter().any(|layer| observed.has(&format!("explained_{name}"), Some(layer)));
    let all: Vec<&str> = names.filter(|name| seen(name)).collect();
    if all.is_empty() {
        return Err("variance explained by features was not observed.".to_owned());
    }
    let features = &all[..all.len().min(MOST_FEATURES)];
    let accuracy = features.iter().any(|name| observed.has(&format!("accuracy_{name}"), None));
    let mut panels = Vec::new();
    for (row, name) in features.iter().enumerate() {
        let title = |text: &str| if row == 0 { text.to_owned() } else { String::new() };
        if accuracy {
            let bands = observed.by_setting(&format!("accuracy_{name}"), None, &run.settings);
            panels.push(Panel {
                title: title("accuracy"),
                label: (*name).to_owned(),
                scale: Scale::Linear(0.0, 1.0),
                lines: setting_lines(run, bands, false),
            });
        }
        for layer in &layers {
            let bands = observed.by_setting(&format!("explained_{name}"), Some(layer), &run.settings);
            panels.push(Panel {
                title: title(&format!("share of {layer}")),
                label: (*name).to_owned(),
                scale: Scale::Linear(0.0, 1.0),
                lines: setting_lines(run, bands, false),
            });
        }
    }
    // One scale for all that is a share: on the test set it may lie a little below zero.
    let columns = layers.len() + usize::from(accuracy);
    let lowest = panels.iter().flat_map(|panel| edges(&panel.lines)).fold(0.0_f64, f64::min);
    let low = if lowest < -0.02 { (lowest.max(-1.0) * 10.0).floor() / 10.0 } else { 0.0 };
    for (i, panel) in panels.iter_mut().enumerate() {
        if !accuracy || i % columns > 0 {
            panel.scale = Scale::Linear(low, 1.0);
        }
    }
    let mut legend = if run.is_sweep() { Entry::settings(run) } else { Vec::new() };
    legend.extend(Entry::styles(banded(run), false));
    let more = match all.len() - features.len() {
        0 => String::new(),
        _ => format!(" {} of {} features are shown.", features.len(), all.len()),
    };
    let caption = format!(
        "For each feature (rows) the accuracy with which the network answers for it, and the share of the variance of each hidden \
         layer that it explains, fitted on one held-out set and scored on another (columns). {}, {}.{}{more}",
        median(run),
        over(run),
        left_out(&layers, run)
    );
    let label = "Accuracy and explained variance of each feature over training".to_owned();
    let height = if features.len() > 3 { 120.0 } else { 165.0 };
    Ok(Figure { svg: Panels { label, columns, height, panels, legend }.draw(), caption })
}
