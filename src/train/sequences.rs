//! Sequences of tokens of which each is predicted: texts, character by character, and tokens in files.

use std::path::Path;

use crate::config::{self, Source};
use crate::data::{self, Characters, Dataset, MOST_TOKENS, Table, Targets};
use crate::error::{Error, Result};
use crate::train::dataset_files::split;

/// What is trained on and what is held out, and what is to be said of how it was read.
type Read = ((Dataset, Dataset), Vec<String>);

/// Sequences in two parts.
pub(super) fn read(e: &config::Experiment) -> Result<Read> {
    if e.data.source == Source::Tokens { files(e) } else { text(e) }
}

/// Windows of a text.
fn text(e: &config::Experiment) -> Result<Read> {
    let d = &e.data;
    let (name, whole) = match &d.inputs {
        Some(path) => (path.display().to_string(), data::read_text(path)?),
        None => (d.source.to_string(), data::sentences()),
    };
    let held_out = d.test_inputs.as_deref().map(data::read_text).transpose()?;
    let characters = Characters::of([whole.as_str()].into_iter().chain(held_out.as_deref()));
    let different = characters.0.len();
    let most = d.classes.map_or(MOST_TOKENS, |classes| classes as usize);
    if different > most {
        return Err(Error::data(
            name,
            format!("has {different} different characters, where at most {most} are expected"),
        ));
    }
    let tokens = characters.tokens(&whole);
    let mut note = format!("{name}: {} characters, {different} different ones", tokens.len());
    if different <= 256 {
        note += &format!(", which are the tokens from 0: {:?}", characters.0.iter().collect::<String>());
    }
    let held_out = held_out.map(|text| characters.tokens(&text));
    let classes = d.classes.map_or(different, |classes| classes as usize);
    Ok((windows(&name, tokens, held_out, classes, e)?, vec![note]))
}

/// Windows of a long sequence, the last part of which is held out if nothing else is.
fn windows(
    name: &str,
    mut tokens: Vec<u32>,
    held_out: Option<Vec<u32>>,
    classes: usize,
    e: &config::Experiment,
) -> Result<(Dataset, Dataset)> {
    let d = &e.data;
    let held_out = held_out.unwrap_or_else(|| {
        let rest = (tokens.len() as f64 * d.test_fraction).round() as usize;
        tokens.split_off(tokens.len().saturating_sub(rest))
    });
    let (length, stride) = (d.sequence_length as usize, d.stride.unwrap_or(d.sequence_length) as usize);
    let of = |tokens: &[u32]| data::windows(name, tokens, classes, length, stride);
    Ok((of(&tokens)?, of(&held_out)?))
}

/// A file of sequences, and one of the tokens at their positions, if they are not to be the next ones.
struct Part<'a> {
    path: &'a Path,
    inputs: Table,
    targets: Option<(&'a Path, Table)>,
}

fn files(e: &config::Experiment) -> Result<Read> {
    let d = &e.data;
    let mut notes = Vec::new();
    let mut table = |path: &Path| -> Result<Table> {
        let read = data::read_examples(path, &data::LabelColumn::None, d.index)?;
        notes.extend(read.notes.iter().map(|note| format!("{}: {note}", path.display())));
        Ok(read.inputs)
    };
    let mut parts = Vec::new();
    for (inputs, targets) in [(&d.inputs, &d.targets), (&d.test_inputs, &d.test_targets)] {
        let Some(path) = inputs.as_deref() else { continue };
        let inputs = table(path)?;
        let targets = targets.as_deref().map(|path| Ok((path, table(path)?))).transpose()?;
        parts.push(Part { path, inputs, targets });
    }
    // As many tokens as are named, or as there are to be predicted in any part.
    let predicted = parts.iter().map(|part| part.targets.as_ref().map_or(&part.inputs, |(_, table)| table));
    let largest = predicted.flat_map(|table| &table.values).fold(1.0f32, |most, &x| most.max(x));
    let classes = d.classes.map_or((largest as usize).min(MOST_TOKENS - 1) + 1, |classes| classes as usize);
    let name = parts.first().map_or_else(String::new, |part| part.path.display().to_string());
    if parts.iter().all(|part| part.inputs.width() == 1 && part.targets.is_none()) {
        let mut long = parts.iter().map(|part| data::tokens(&part.inputs, classes, part.path));
        let (Some(whole), held_out) = (long.next().transpose()?, long.next().transpose()?) else {
            return Err(Error::config("data.source is \"tokens\", so data.inputs must name a file"));
        };
        return Ok((windows(&name, whole, held_out, classes, e)?, notes));
    }
    let mut sets = parts.into_iter().map(|part| dataset(part, classes, d.padding));
    let parts = match (sets.next().transpose()?, sets.next().transpose()?) {
        (Some(whole), Some(held_out)) => (whole, held_out),
        (Some(whole), None) => split(whole, e)?,
        _ => return Err(Error::config("data.source is \"tokens\", so data.inputs must name a file")),
    };
    let [train, test] = [&parts.0, &parts.1].map(|part| part.inputs.width());
    if train != test {
        return Err(Error::data(
            name,
            format!("has sequences of {train} tokens, and those of data.test_inputs have {test}"),
        ));
    }
    Ok((parts, notes))
}

/// Sequences with the tokens at their positions.
fn dataset(Part { path, inputs, targets }: Part<'_>, classes: usize, padding: Option<u32>) -> Result<Dataset> {
    let name = path.display().to_string();
    let Some((targets_path, targets)) = targets else {
        let tokens = data::tokens(&inputs, classes, path)?;
        return data::next_tokens(&name, &tokens, inputs.width(), classes, padding);
    };
    data::tokens(&inputs, MOST_TOKENS, path)?;
    let length = inputs.width();
    if targets.width() != length {
        let (is, of) = (targets.width(), targets_path.display());
        return Err(Error::data(
            of.to_string(),
            format!("has {is} targets in a row, and {name} sequences of {length} tokens"),
        ));
    }
    let tokens = data::target_tokens(&targets, classes, targets_path)?;
    let inputs = Table { shape: vec![length], ..inputs };
    Dataset::new(name, inputs, Targets::Tokens { tokens, length, classes })
}
