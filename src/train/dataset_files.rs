//! Data sets in files: whole, or with a part of their own that is held out.

use std::path::{Path, PathBuf};

use crate::config;
use crate::data::{self, Dataset, Table};
use crate::error::{Error, Result};

fn select(dataset: &Dataset, rows: &[usize]) -> Dataset {
    let targets = match &dataset.targets {
        data::Targets::Classes { labels, classes } => {
            data::Targets::Classes { labels: rows.iter().map(|&r| labels[r]).collect(), classes: *classes }
        }
        data::Targets::Tokens { tokens, length, classes } => data::Targets::Tokens {
            tokens: data::select_rows(tokens, *length, rows),
            length: *length,
            classes: *classes,
        },
        data::Targets::Values(table) => data::Targets::Values(table.select(rows)),
    };
    Dataset { name: dataset.name.clone(), inputs: dataset.inputs.select(rows), targets }
}

/// A data set in two: what is trained on, and what is held out; twice the whole where each replica draws what it is trained on.
pub(super) fn split(dataset: Dataset, e: &config::Experiment) -> Result<(Dataset, Dataset)> {
    if e.data.train_fraction.is_some() {
        return Ok((dataset.clone(), dataset));
    }
    let stratified = e.data.stratified && matches!(dataset.targets, data::Targets::Classes { .. });
    let parts =
        data::split(&dataset.targets, dataset.inputs.rows, e.data.test_fraction, stratified, e.data.split_seed)?;
    Ok((select(&dataset, &parts.train), select(&dataset, &parts.test)))
}

/// The parts of a data set in files, and what is to be said of how they were read.
pub(super) fn read(e: &config::Experiment) -> Result<((Dataset, Dataset), Vec<String>)> {
    let d = &e.data;
    let Some(inputs) = &d.inputs else {
        return Err(Error::config("data.source is \"files\", so data.inputs must name a file"));
    };
    let whole = FromFiles::read(inputs, d.labels.as_deref(), d.targets.as_deref(), d)?;
    let held_out = match &d.test_inputs {
        None => None,
        Some(test) => Some(FromFiles::read(test, d.test_labels.as_deref(), d.test_targets.as_deref(), d)?),
    };
    let mut notes: Vec<String> =
        [Some(&whole), held_out.as_ref()].into_iter().flatten().flat_map(|part| part.notes.clone()).collect();
    // Classes have the same numbers in both parts.
    let all = [Some(&whole), held_out.as_ref()].into_iter().flatten();
    let labelled: Vec<(&data::Labels, &Path)> = all
        .filter_map(|part| match &part.outputs {
            Outputs::Labels(labels, path) => Some((labels, path.as_path())),
            Outputs::Values(_) => None,
        })
        .collect();
    let numbered = match labelled.as_slice() {
        [] => None,
        labelled => Some(data::number_classes(labelled, d.classes.map(|classes| classes as usize))?),
    };
    if let Some(note) = numbered.as_ref().and_then(|numbered| numbered.note.as_ref()) {
        notes.push(format!("{}: {note}", labelled[0].1.display()));
    }
    let mut of = numbered.iter().flat_map(|numbered| numbered.of.iter().cloned());
    let classes = numbered.as_ref().map_or(0, |numbered| numbered.classes);
    let mut dataset = |part: FromFiles| {
        let targets = match part.outputs {
            Outputs::Labels(..) => data::Targets::Classes { labels: of.next().unwrap_or_default(), classes },
            Outputs::Values(values) => data::Targets::Values(values),
        };
        Dataset::new(part.name, part.inputs, targets)
    };
    let whole = dataset(whole)?;
    let Some(held_out) = held_out else { return Ok((split(whole, e)?, notes)) };
    let held_out = dataset(held_out)?;
    let same_kind = std::mem::discriminant(&whole.targets) == std::mem::discriminant(&held_out.targets);
    if held_out.inputs.width() != whole.inputs.width()
        || held_out.targets.width() != whole.targets.width()
        || !same_kind
    {
        return Err(Error::data(
            held_out.name,
            format!(
                "expected {} inputs and {} outputs as in {}, got {} and {}",
                whole.inputs.width(),
                whole.targets.width(),
                inputs.display(),
                held_out.inputs.width(),
                held_out.targets.width()
            ),
        ));
    }
    Ok(((whole, held_out), notes))
}

/// One part of a data set as it is in files.
struct FromFiles {
    name: String,
    inputs: Table,
    outputs: Outputs,
    notes: Vec<String>,
}

enum Outputs {
    /// Labels, and the file that they are from.
    Labels(data::Labels, PathBuf),
    Values(Table),
}

impl FromFiles {
    fn read(inputs: &Path, labels: Option<&Path>, targets: Option<&Path>, d: &config::Data) -> Result<Self> {
        let name = inputs.display().to_string();
        let column = data::LabelColumn::parse(&d.label_column);
        // With a file of labels, the column is one of that.
        let own = if labels.is_some() { data::LabelColumn::None } else { column.clone() };
        let mut examples = data::read_examples(inputs, &own, d.index)?;
        if examples.bytes && !d.mean.is_empty() {
            examples.inputs.values.iter_mut().for_each(|value| *value /= 255.0);
        }
        let notes = examples.notes.iter().map(|note| format!("{name}: {note}")).collect();
        let outputs = match (targets, labels, examples.labels) {
            (Some(targets), ..) => {
                let read = data::read_examples(targets, &data::LabelColumn::None, d.index)?;
                let said = read.notes.iter().map(|note| format!("{}: {note}", targets.display()));
                let notes: Vec<String> = Vec::into_iter(notes).chain(said).collect();
                return Ok(Self { name, inputs: examples.inputs, outputs: Outputs::Values(read.inputs), notes });
            }
            (None, Some(labels), _) => Outputs::Labels(data::read_labels_of(labels, &column)?, labels.to_owned()),
            (None, None, Some(labels)) => Outputs::Labels(labels, inputs.to_owned()),
            (None, None, None) if data::is_table(inputs)? => Outputs::Values(examples.inputs.clone()),
            (None, None, None) => {
                return Err(Error::config(format!(
                    "data.inputs is {name}, which holds no labels: name a file of labels (data.labels) or of values to predict (data.targets)"
                )));
            }
        };
        Ok(Self { name, inputs: examples.inputs, outputs, notes })
    }
}
