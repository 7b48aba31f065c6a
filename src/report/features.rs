//! The figure of runs on data that are made of features: when each is learned, and how much of each hidden layer varies with it.

use super::Shown;
use super::curves::{left_out, lowest, median, over, over_steps, panel, setting_lines, some_layers, usable};
use super::figure::{Axis, Figure};
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
        let axis = || Axis::linear(*name).within(0.0, 1.0);
        if accuracy {
            let bands = observed.by_setting(&format!("accuracy_{name}"), None, &run.settings);
            panels.push(panel(title("accuracy"), axis(), setting_lines(run, bands, false)));
        }
        for layer in &layers {
            let bands = observed.by_setting(&format!("explained_{name}"), Some(layer), &run.settings);
            panels.push(panel(title(&format!("share of {layer}")), axis(), setting_lines(run, bands, false)));
        }
    }
    // One scale for all that is a share: on the test set it may lie a little below zero.
    let columns = layers.len() + usize::from(accuracy);
    let lowest = lowest(&panels);
    let low = if lowest < -0.02 { (lowest.max(-1.0) * 10.0).floor() / 10.0 } else { 0.0 };
    for (i, panel) in panels.iter_mut().enumerate() {
        if !accuracy || i % columns > 0 {
            panel.y.range = Some((low, 1.0));
        }
    }
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
    Ok(Figure {
        label: "Accuracy and explained variance of each feature over training".to_owned(),
        caption,
        ..over_steps(run, panels, columns, if features.len() > 3 { 120.0 } else { 165.0 })
    })
}
