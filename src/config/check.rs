//! What no key can tell alone: keys that need, exclude or bound each other.
//!
//! Types, ranges and lengths of single keys are in the schema; see `schema.rs`.

use std::collections::HashSet;

use super::{
    AfterKind, BatchMode, Criterion, Experiment, Feature, Form, LayerKind, LayerName, LayerSettings, Layers, LossKind,
    Measure, Normalise, OptimiserKind, ProbeFrom, Reduction, Scaling, ScheduleKind, align,
    checkpoints::Spacing,
    data::Source,
    network, observed_names,
    tree::{Complaint, shorten},
};
use crate::data::features::{self as made, Images};
use crate::error::nearest;
use crate::measure::catalogue as measures;

/// Most checkpoints of one run: each costs a read-back and rows in every table.
const MOST_CHECKPOINTS: u64 = 100_000;

/// Most features of which every two have classifiers of their own.
const MOST_PAIRED: usize = 8;

/// Checks one setting.
pub(super) fn cross(experiment: &Experiment) -> Result<(), Complaint> {
    top(experiment)?;
    stages(experiment)?;
    data(experiment)?;
    model_and_loss(experiment)?;
    network::check(experiment)?;
    align::check(experiment)?;
    optimiser(experiment)?;
    observe(experiment)?;
    after(experiment)
}

fn refuse(key: &str, message: impl AsRef<str>) -> Result<(), Complaint> {
    Err(Complaint::of(key, message))
}

fn top(e: &Experiment) -> Result<(), Complaint> {
    // The name becomes a folder's.
    let bad = |c: char| c.is_control() || "/\\<>:\"|?*".contains(c);
    if e.name.trim().is_empty() || e.name.len() > 100 || e.name.contains(bad) || e.name.starts_with('.') {
        return refuse("name", "expected 1 to 100 characters that a folder's name can have, not starting with a dot");
    }
    if let Some(seed) = e.seeds.repeated() {
        return refuse("seeds", format!("the seed {seed} comes twice, which would train the same replica twice"));
    }
    let seen = u64::from(e.steps) * u64::from(e.batch.size);
    if e.batch.mode != BatchMode::Full && seen > u64::from(u32::MAX) {
        return refuse("steps", format!("expected steps times batch.size below 4294967296, got {seen}"));
    }
    Ok(())
}

/// What is learned one after the other.
fn stages(e: &Experiment) -> Result<(), Complaint> {
    let names: Vec<String> = e.data.features.iter().map(|f| f.name.clone()).collect();
    for (i, stage) in e.stages.iter().enumerate() {
        let of = |message: String| refuse("stages", format!("stage {i}: {message}"));
        if !stage.outputs.is_empty() && e.loss.kind == LossKind::CrossEntropy {
            return of("expected loss.kind mse or bce, since cross_entropy has one loss for all outputs".into());
        }
        if stage.until.is_some()
            && e.loss.kind == LossKind::Mse
            && matches!(e.data.source, Source::TwoPoints | Source::Xor | Source::Contexts)
        {
            return of("expected steps in place of until, since numeric targets have no accuracy".into());
        }
        if let (false, Err(message)) = (names.is_empty(), stage.outputs_of(&names, names.len())) {
            return of(message);
        }
        if i + 1 < e.stages.len() && stage.until.is_none() && stage.steps.is_none() {
            return of("expected until or steps, since another stage follows, got neither".into());
        }
    }
    Ok(())
}

fn data(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    let files = [
        ("data.inputs", &data.inputs),
        ("data.labels", &data.labels),
        ("data.targets", &data.targets),
        ("data.test_inputs", &data.test_inputs),
        ("data.test_labels", &data.test_labels),
        ("data.test_targets", &data.test_targets),
    ];
    let of_tables = matches!(data.source, Source::Files | Source::Tokens);
    for (key, path) in files {
        if path.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return refuse(key, "expected the path of a file, got an empty string");
        }
        let of_text = data.source == Source::Text && ["data.inputs", "data.test_inputs"].contains(&key);
        if !of_tables && !of_text && path.is_some() {
            let also = if key.ends_with("inputs") { "\"text\" or \"tokens\"" } else { "or \"tokens\"" };
            let message =
                format!("is only read with data.source = \"files\", {also}, but data.source is \"{}\"", data.source);
            return refuse(key, message);
        }
    }
    if matches!(data.source, Source::Files | Source::Text | Source::Tokens) && data.inputs.is_none() {
        return refuse("data.inputs", format!("expected a file, since data.source is \"{}\"", data.source));
    }
    if data.label_column.trim().is_empty() {
        return refuse("data.label_column", "expected first, last, none or a column's name, got an empty string");
    }
    if !of_tables && data.label_column != "none" {
        return refuse("data.label_column", "is only read with data.source = \"files\" or \"tokens\"");
    }
    if !of_tables && data.index.is_some() {
        return refuse("data.index", "is only read with data.source = \"files\" or \"tokens\"");
    }
    sequences(e)?;
    channels(e)?;
    if let (true, Some(key)) = (data.source.is_of_tokens(), data.augment.first()) {
        return refuse(key, format!("expected 0, since the inputs of {} are tokens", data.source));
    }
    if data.source == Source::Digits && data.classes.is_some_and(|classes| classes < 10) {
        return refuse("data.classes", "expected at least 10, since the digits have ten classes");
    }
    if data.targets.is_some() && data.is_labelled() {
        return refuse("data.targets", "expected either targets or labels, got both");
    }
    let own_test = data.test_inputs.is_some();
    if !own_test && data.test_labels.is_some() {
        return refuse("data.test_labels", "needs data.test_inputs");
    }
    if !own_test && data.test_targets.is_some() {
        return refuse("data.test_targets", "needs data.test_inputs");
    }
    if own_test && data.targets.is_some() != data.test_targets.is_some() {
        return refuse("data.test_inputs", "expected data.targets and data.test_targets both or neither, got one");
    }
    if own_test && data.labels.is_some() != data.test_labels.is_some() {
        return refuse("data.test_inputs", "expected data.labels and data.test_labels both or neither, got one");
    }
    let numeric = matches!(
        data.source,
        Source::TwoPoints | Source::Xor | Source::Contexts | Source::Features | Source::Conditions
    );
    if numeric && data.form != Form::Sequence && e.loss.kind == LossKind::CrossEntropy {
        let message =
            format!("expected mse or bce, since the targets of {} are numbers, got cross_entropy", data.source);
        return refuse("loss.kind", message);
    }
    features(e)?;
    drawn(e)?;
    conditions(e)?;
    if e.observe.has(Measure::FourierIpr) && data.source != Source::Modular {
        return refuse("observe.measures", format!("fourier_ipr needs data.source = \"modular\", got {}", data.source));
    }
    if data.targets.is_some() && data.source == Source::Files && e.loss.kind == LossKind::CrossEntropy {
        return refuse("loss.kind", "expected bce or mse, since data.targets gives numbers, got cross_entropy");
    }
    Ok(())
}

/// Channels of images that are scaled by numbers that are given.
fn channels(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    for (key, list, other, of_other) in
        [("data.mean", &data.mean, "data.std", &data.std), ("data.std", &data.std, "data.mean", &data.mean)]
    {
        if !list.is_empty() && data.normalise != Normalise::Channel {
            return refuse(key, format!("needs data.normalise = \"channel\", got {}", data.normalise));
        }
        if !list.is_empty() && of_other.is_empty() {
            return refuse(key, format!("expected {other} beside it, got none"));
        }
    }
    match data.std.iter().find(|std| **std <= 0.0) {
        Some(std) => refuse("data.std", format!("expected numbers above 0, since they divide, got {std}")),
        None => Ok(()),
    }
}

/// Whether inputs are scaled by what is measured of each of them, or of channels.
fn measured(e: &Experiment) -> bool {
    matches!(e.data.normalise, Normalise::Standard | Normalise::Channel)
}

/// Data that are sequences of tokens.
fn sequences(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    if !data.source.is_of_tokens() && data.stride.is_some() {
        return refuse("data.stride", format!("is of windows of tokens, and data.source is \"{}\"", data.source));
    }
    if data.source != Source::Tokens && data.padding.is_some() {
        return refuse(
            "data.padding",
            format!("needs data.source = \"tokens\", but data.source is \"{}\"", data.source),
        );
    }
    if !data.source.is_of_tokens() {
        return Ok(());
    }
    if measured(e) {
        return refuse(
            "data.normalise",
            format!("expected none or unit, since tokens are not scaled, got {}", data.normalise),
        );
    }
    if !data.is_labelled() && e.loss.kind != LossKind::CrossEntropy {
        let message =
            format!("expected cross_entropy, since a token is predicted at each position, got {}", e.loss.kind);
        return refuse("loss.kind", message);
    }
    Ok(())
}

/// Data that are noise about conditions.
fn conditions(e: &Experiment) -> Result<(), Complaint> {
    if e.data.source != Source::Conditions {
        return match e.probe.from {
            ProbeFrom::Means => {
                refuse("probe.from", format!("means needs data.source = \"conditions\", got {}", e.data.source))
            }
            _ => Ok(()),
        };
    }
    if measured(e) {
        return refuse(
            "data.normalise",
            format!("expected none or unit, since each replica makes its examples, got {}", e.data.normalise),
        );
    }
    if !e.stages.is_empty() {
        return refuse("stages", "expected none with data.source = \"conditions\"");
    }
    e.data.conditions().check().or_else(|(key, message)| refuse(key, message))?;
    own_examples(e)
}

/// What each replica draws of examples that all share.
fn drawn(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    let keys = [("data.train_fraction", data.train_fraction.is_some()), ("data.corrupted", data.corrupted > 0.0)];
    let Some((key, _)) = keys.into_iter().find(|(_, set)| *set) else { return Ok(()) };
    if matches!(data.source, Source::Features | Source::Conditions) {
        let message =
            format!("is of examples that all replicas share, and those of {} are made: leave it out", data.source);
        return refuse(key, message);
    }
    if data.source.is_of_tokens() && !data.is_labelled() {
        return refuse(
            key,
            "is of examples that have a target each, and these have one at each position: leave it out",
        );
    }
    if data.train_fraction.is_some() && data.test_inputs.is_some() {
        return refuse("data.train_fraction", "expected either data.train_fraction or data.test_inputs, got both");
    }
    if !e.stages.is_empty() {
        return refuse(key, "expected no [[stages]], whose losses and ends are of whole sets");
    }
    if data.corrupted > 0.0
        && (data.targets.is_some() || matches!(data.source, Source::TwoPoints | Source::Xor | Source::Contexts))
    {
        return refuse("data.corrupted", "expected examples with classes, and these have numeric targets");
    }
    Ok(())
}

/// Data that are made of features.
fn features(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    if data.source != Source::Features {
        if let Some(measure) = e.observe.measures.iter().find(|m| m.of_features()) {
            let message = format!("{measure} needs data.source = \"features\", got {}", data.source);
            return refuse("observe.measures", message);
        }
        form(e)?;
        return match data.features.is_empty() {
            true => Ok(()),
            false => {
                let message = format!("needs data.source = \"features\", but data.source is \"{}\"", data.source);
                refuse("data.features", message)
            }
        };
    }
    if data.features.is_empty() {
        return refuse("data.features", "expected at least one [[data.features]], since data.source is \"features\"");
    }
    let declared = data.declared().map_err(|error| Complaint::of("data.features", error.to_string()))?;
    let number = data.features.len();
    if e.observe.has(Measure::RedundantLabels) && !(2..=MOST_PAIRED).contains(&number) {
        let message =
            format!("redundant_labels takes every two features: expected 2 to {MOST_PAIRED} of them, got {number}");
        return refuse("observe.measures", message);
    }
    let names: Vec<&str> = data.features.iter().map(|f| f.name.as_str()).collect();
    if let Some(message) = observed_names::shared(&e.observe, &names) {
        return refuse("data.features", message);
    }
    if e.observe.has(Measure::Substructure) && !declared.features().iter().any(made::Feature::is_of_four_bits) {
        let message = "substructure is of features of four bits, such as xor_xor_xor or parity_4 with one copy of each, and \
                       data.features has none";
        return refuse("observe.measures", message);
    }
    form(e)?;
    match data.form {
        Form::Units => {}
        Form::Image => {
            declared.check_images(&data.image).map_err(|error| Complaint::of("data.features", error.to_string()))?;
        }
        Form::Sequence => {
            declared
                .order(&data.output_order)
                .map_err(|error| Complaint::of("data.output_order", error.to_string()))?;
        }
    }
    if data.form != Form::Image && measured(e) {
        return refuse(
            "data.normalise",
            format!("expected none or unit, since features are 0 or 1, got {}", data.normalise),
        );
    }
    own_examples(e)
}

/// What examples of features are, if they are no units.
fn form(e: &Experiment) -> Result<(), Complaint> {
    let data = &e.data;
    let is = |form: Form| data.source == Source::Features && data.form == form;
    if data.form != Form::Units && data.source != Source::Features {
        return refuse("data.form", format!("needs data.source = \"features\", got {}", data.source));
    }
    for (key, set, form) in [
        ("data.image", data.image != Images::default(), Form::Image),
        ("data.features.shows", data.features.iter().any(|f| !f.shows.is_empty()), Form::Image),
        ("data.output_order", !data.output_order.is_empty(), Form::Sequence),
    ] {
        if set && !is(form) {
            return refuse(key, format!("needs data.source = \"features\" and data.form = \"{form}\""));
        }
    }
    if data.form == Form::Units {
        return Ok(());
    }
    if data.seed.is_none() {
        return refuse(
            "data.seed",
            format!("expected a number, since all replicas share examples of form {}, got none", data.form),
        );
    }
    let plain = Feature::default();
    if is(Form::Image) {
        let units = |f: &Feature| f.units != plain.units || f.copies.is_some();
        if data.distractors > 0 || data.features.iter().any(units) {
            return refuse("data.features", "expected no units, copies or distractors, since pictures have none");
        }
    }
    let mut unseen = vec![(Measure::Substructure, Form::Image)];
    unseen.extend([Measure::Interventions, Measure::Components, Measure::RedundantLabels].map(|m| (m, Form::Sequence)));
    if let Some((measure, form)) = unseen.into_iter().find(|(measure, form)| e.observe.has(*measure) && is(*form)) {
        return refuse("observe.measures", format!("{measure} is not of features in the form {form}"));
    }
    if is(Form::Sequence) {
        if e.loss.kind != LossKind::CrossEntropy {
            let message =
                format!("expected cross_entropy, since each feature is answered by a token, got {}", e.loss.kind);
            return refuse("loss.kind", message);
        }
        if data.features.iter().any(|f| f.presence < 1.0) {
            return refuse("data.features", "expected a presence of 1, since all features of a sequence are answered");
        }
        if let Some(key) = data.augment.first() {
            return refuse(key, "expected 0, since the inputs are tokens");
        }
    }
    Ok(())
}

/// What is compared of replicas that make their own examples.
fn own_examples(e: &Experiment) -> Result<(), Complaint> {
    if e.data.seed.is_some() {
        return Ok(());
    }
    // Replicas that see different examples cannot be compared example by example.
    let own = "compares replicas, which have probe examples of their own here: give data.seed a number, so that they share them";
    if let Some(measure) = e.observe.measures.iter().find(|m| matches!(m, Measure::CkaPairs | Measure::CkaLayers)) {
        return refuse("observe.measures", format!("{measure} {own}"));
    }
    match e.observe.compare.first() {
        Some(measure) => refuse("observe.compare", format!("{measure} {own}")),
        None => Ok(()),
    }
}

fn model_and_loss(e: &Experiment) -> Result<(), Complaint> {
    if e.model.init_from.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
        return refuse("model.init_from", "expected the path of a file, got an empty string");
    }
    if e.model.init_from.is_none() && !e.model.rename.is_empty() {
        return refuse("model.rename", "names of a file are renamed: expected model.init_from beside it");
    }
    if let Err((key, message)) = e.model.check_preset() {
        return refuse(key, message);
    }
    if e.model.lower >= e.model.upper {
        return refuse(
            "model.lower",
            format!("expected a number below model.upper, {}, got {}", e.model.upper, e.model.lower),
        );
    }
    let network = e.model.network();
    if let Err(message) = network.check() {
        return refuse("model.layers", message);
    }
    match &*network {
        Layers::Widths(widths) if e.model.skip > 0 && widths.iter().any(|width| *width != widths[0]) => {
            return refuse("model.skip", "expected 0, since the hidden layers have different widths");
        }
        Layers::List(_) if e.model.skip > 0 => {
            return refuse("model.skip", "expected 0, since model.layers is not a list of widths");
        }
        Layers::List(list) if e.model.input_dropout > 0.0 && list.iter().any(|l| l.kind == LayerKind::Embedding) => {
            return refuse("model.input_dropout", "expected 0, since the inputs of an embedding are tokens");
        }
        Layers::List(list) if e.model.dropout > 0.0 && !LayerSettings::any_drops(list) => {
            return refuse("model.dropout", "expected a layer of kind dropout without p in model.layers, got none");
        }
        _ => {}
    }
    let half = matches!(e.loss.reduction, Reduction::HalfMean | Reduction::HalfSum);
    if half && e.loss.kind != LossKind::Mse {
        let message = format!("expected mean or sum, since loss.kind is {}, got {}", e.loss.kind, e.loss.reduction);
        return refuse("loss.reduction", message);
    }
    Ok(())
}

fn optimiser(e: &Experiment) -> Result<(), Complaint> {
    let (optimiser, schedule) = (&e.optimiser, &e.optimiser.schedule);
    if optimiser.momentum > 0.0 && optimiser.kind != OptimiserKind::Sgd {
        let message = format!("only sgd has momentum, but optimiser.kind is {}", optimiser.kind);
        return refuse("optimiser.momentum", message);
    }
    if optimiser.nesterov && optimiser.momentum == 0.0 {
        return refuse("optimiser.nesterov", "expected optimiser.momentum above 0, got 0");
    }
    let adaptive = optimiser.kind != OptimiserKind::Sgd;
    if adaptive && (optimiser.epsilon as f32) == 0.0 {
        return refuse("optimiser.epsilon", "expected a number above 0 in 32 bits, since it divides");
    }
    if schedule.kind == ScheduleKind::Step && schedule.every.is_none() {
        return refuse("optimiser.schedule.every", "expected a number of steps, since optimiser.schedule.kind is step");
    }
    let end = schedule.steps.unwrap_or(e.steps);
    if schedule.warmup > end {
        let message = format!("expected at most the {end} steps of the schedule, got {}", schedule.warmup);
        return refuse("optimiser.schedule.warmup", message);
    }
    Ok(())
}

fn observe(e: &Experiment) -> Result<(), Complaint> {
    let observe = &e.observe;
    checkpoints(e)?;
    let mut seen = HashSet::new();
    if let Some(twice) = observe.measures.iter().find(|measure| !seen.insert(**measure)) {
        return refuse("observe.measures", format!("{twice} comes twice"));
    }
    let (names, own) = (e.hidden(), e.model.network().hidden().len());
    let hidden = names.len();
    let mut seen = HashSet::new();
    for layer in observe.numbered(&names).layers.iter().flatten() {
        let number = match layer {
            LayerName::Number(number) => *number,
            LayerName::Name(name) => {
                let meant = nearest(name, names.iter().map(String::as_str));
                let advice =
                    meant.map_or_else(|| format!("they are {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
                return refuse("observe.layers", format!("no hidden layer is named `{}`; {advice}", shorten(name)));
            }
        };
        if number as usize >= hidden {
            // Of a list the last is no hidden layer, and dropout makes none.
            let what = if matches!(*e.model.network(), Layers::List(_)) { "hidden layers" } else { "model.layers" };
            let message = format!("expected layers below {hidden}, the number of {what}, got {number}");
            return refuse("observe.layers", message);
        }
        if !seen.insert(number) {
            return refuse("observe.layers", format!("the layer {number} comes twice"));
        }
    }
    gradients(e)?;
    if let Some(measure) = observe.measures.iter().find(|measure| own == 0 && measure.reads_hidden_layers()) {
        return refuse("observe.measures", format!("{measure} reads hidden layers, but model.layers is empty"));
    }
    if observe.has(Measure::Distance) && observe.pairs.is_empty() {
        return refuse("observe.pairs", "expected pairs of probe examples, since observe.measures has distance");
    }
    for [a, b] in &observe.pairs {
        if a == b {
            return refuse("observe.pairs", format!("expected two different examples, got {a} and {b}"));
        }
        if let Some(examples) = e.probe.examples.filter(|examples| a.max(b) >= examples) {
            let message = format!("expected examples below {examples}, which is probe.examples, got {}", a.max(b));
            return refuse("observe.pairs", message);
        }
    }
    catalogue(e)?;
    let cka = observe.measures.iter().find(|measure| measure.name().starts_with("cka"));
    if let (Some(measure), Some(examples @ ..4)) = (cka, e.probe.examples) {
        return refuse("probe.examples", format!("expected at least 4, since {measure} is measured, got {examples}"));
    }
    Ok(())
}

/// What is done once training is over.
fn after(e: &Experiment) -> Result<(), Complaint> {
    let mut seen = HashSet::new();
    for (i, after) in e.after.iter().enumerate() {
        let of = |key: &str, message: String| refuse(&format!("after.{key}"), format!("the {i}th of them: {message}"));
        if e.model.network().hidden().is_empty() {
            return of("kind", format!("{} is of hidden layers, but model.layers is empty", after.kind));
        }
        if *after != after.own() {
            return of("kind", format!("{} has no such keys as are given", after.kind));
        }
        if after.kind != AfterKind::Ablate && after.fractions.is_empty() && after.thresholds.is_empty() {
            return of("fractions", "expected parts of the units, got an empty list".into());
        }
        if let Some(part) = after.fractions.iter().find(|part| !(**part > 0.0 && **part < 1.0)) {
            return of("fractions", format!("expected parts above 0 and below 1, got {part}"));
        }
        if let Some(threshold) = after.thresholds.iter().find(|threshold| !(0.0..=1.0).contains(*threshold)) {
            return of("thresholds", format!("expected thresholds from 0 to 1, got {threshold}"));
        }
        if after.scale == Scaling::Balanced
            && let Some(bent) = e.model.activations().into_iter().find(|activation| !activation.is_homogeneous())
        {
            let message = format!("balanced units keep their function with identity, relu and leaky_relu, got {bent}");
            return of("scale", message);
        }
        if after.by == Criterion::FourierIpr && e.data.source != Source::Modular {
            return of("by", format!("fourier_ipr needs data.source = \"modular\", got {}", e.data.source));
        }
        let names = match after.kind {
            AfterKind::Prune => after.fractions.iter().map(|&fraction| after.part(fraction)).collect(),
            AfterKind::Ablate => vec![after.kind.to_string()],
            AfterKind::Merge => after.merged().into_iter().map(|(name, ..)| name).collect(),
        };
        if let Some(twice) = names.into_iter().find(|name| !seen.insert(name.clone())) {
            return of("kind", format!("{twice} comes twice"));
        }
    }
    Ok(())
}

/// Where gradients are looked at.
fn gradients(e: &Experiment) -> Result<(), Complaint> {
    let (mut seen, mut known) = (HashSet::new(), e.model.network().hidden());
    known.push("input".into());
    for place in &e.observe.gradients {
        if !known.contains(place) {
            let meant = nearest(place, known.iter().map(String::as_str));
            let advice =
                meant.map_or_else(|| format!("they are {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
            return refuse("observe.gradients", format!("no hidden layer is named `{}`; {advice}", shorten(place)));
        }
        if !seen.insert(place) {
            return refuse("observe.gradients", format!("{place} comes twice"));
        }
    }
    Ok(())
}

/// Names of the catalogue, and whether there is anything for them to look at.
fn catalogue(e: &Experiment) -> Result<(), Complaint> {
    let parsed = |key: &str, names: &[String], parse: &dyn Fn(&[String]) -> crate::Result<Vec<String>>| {
        for name in names {
            // By itself, so that what is wrong is named.
            let found = parse(std::slice::from_ref(name)).map_err(|error| {
                match Measure::ALL.iter().find(|m| m.name() == name) {
                    Some(word) => Complaint::of(key, format!("{word} belongs in observe.measures")),
                    None => Complaint::of(key, error.to_string()),
                }
            })?;
            if found.is_empty() {
                return refuse(key, "expected a name or a family, got an empty text");
            }
            if e.model.network().hidden().is_empty() {
                return refuse(key, format!("{name} reads hidden layers, but model.layers is empty"));
            }
        }
        let mut seen = HashSet::new();
        let all = parse(names).map_err(|error| Complaint::of(key, error.to_string()))?;
        match all.iter().find(|&name| !seen.insert(name)) {
            Some(twice) => refuse(key, format!("{twice} comes twice")),
            None => Ok(()),
        }
    };
    parsed("observe.compare", &e.observe.compare, &|names| {
        Ok(measures::Measure::parse_all(names)?.iter().map(measures::Measure::name).collect())
    })?;
    parsed("observe.describe", &e.observe.describe, &|names| {
        Ok(measures::Statistic::parse_all(names)?.iter().map(measures::Statistic::name).collect())
    })
}

fn checkpoints(e: &Experiment) -> Result<(), Complaint> {
    let at = &e.observe.at;
    match at.kind {
        Spacing::Log if at.every.is_some() => refuse("observe.at.every", "only linear checkpoints have it"),
        Spacing::Linear if at.every.is_some() && at.count.is_some() => {
            refuse("observe.at.every", "expected either every or count, got both")
        }
        Spacing::Linear => match at.every {
            Some(every) if u64::from(e.steps / every.max(1)) > MOST_CHECKPOINTS => refuse(
                "observe.at.every",
                format!("expected at most {MOST_CHECKPOINTS} checkpoints, got {}", e.steps / every.max(1)),
            ),
            _ => no_steps(e),
        },
        Spacing::List if at.every.is_some() => refuse("observe.at.every", "only linear checkpoints have it"),
        Spacing::List if at.count.is_some() => refuse("observe.at.count", "only log and linear checkpoints have it"),
        Spacing::List if at.steps.is_empty() => refuse("observe.at.steps", "expected at least one step, got none"),
        Spacing::List => match at.steps.iter().find(|step| **step > e.steps) {
            Some(step) => refuse("observe.at.steps", format!("expected steps up to {}, got {step}", e.steps)),
            None => Ok(()),
        },
        Spacing::Log => no_steps(e),
    }
}

fn no_steps(e: &Experiment) -> Result<(), Complaint> {
    if e.observe.at.steps.is_empty() { Ok(()) } else { refuse("observe.at.steps", "needs observe.at.kind = \"list\"") }
}
