//! Data ready for training: read, split, normalised, and a probe set chosen.

use std::path::{Path, PathBuf};

use super::declared::Declared;
use crate::config;
use crate::data::{self, Dataset, Table, TwoPoints};
use crate::error::{Error, Result};

/// What a network is trained towards.
#[derive(Clone, Debug)]
pub enum Targets {
    /// One class per example.
    Classes(Vec<u32>),
    /// Values, row-major.
    Values(Vec<f32>),
}

/// One part of the data. Where each replica makes its own examples ([`Declared::per_replica`]) it has their number alone.
#[derive(Clone, Debug)]
pub struct Part {
    /// Examples.
    pub examples: usize,
    /// `[examples, inputs]`
    pub inputs: Vec<f32>,
    /// One per example.
    pub targets: Targets,
}

/// Data ready for training.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Name, for people.
    pub name: String,
    /// Width of the inputs.
    pub inputs: usize,
    /// Width of the outputs: classes or values.
    pub outputs: usize,
    /// What is trained on.
    pub train: Part,
    /// What is held out.
    pub test: Part,
    /// The fixed examples on which representations are read.
    pub probe: Part,
    /// Each replica has training examples of its own ([`Replica::data`](super::Replica::data)), as many as `train` and as
    /// wide, and is tested and probed on them too.
    pub own: bool,
    /// How the examples are declared, where they are made of features.
    pub declared: Option<Declared>,
    /// What a user should know of how files were read: an index that was left out, or which classes there are.
    pub notes: Vec<String>,
}

impl Prepared {
    /// Reads and splits the data that an experiment names.
    ///
    /// # Errors
    /// If files cannot be used, or settings do not fit them.
    pub fn load(e: &config::Experiment) -> Result<Self> {
        let mut notes = Vec::new();
        let (train, test) = match e.data.source {
            config::Source::Digits => {
                let mut digits = data::digits();
                if let (data::Targets::Classes { classes, .. }, Some(wanted)) = (&mut digits.targets, e.data.classes) {
                    // More outputs than digits: the rest are never right.
                    *classes = wanted as usize;
                }
                split(digits, e)?
            }
            config::Source::TwoPoints => {
                let [dx2, dy2] = [e.data.input_distance, e.data.target_distance];
                whole(data::two_points(&TwoPoints { dx2, dy2, ..TwoPoints::default() }))
            }
            config::Source::Xor => whole(data::xor()),
            config::Source::Contexts => whole(data::contexts()),
            config::Source::Features => return Self::declared(e),
            config::Source::Files => {
                let (parts, said) = files(e)?;
                notes = said;
                parts
            }
        };
        Ok(Self { notes, ..Self::new(train, test, e)? })
    }

    /// Splits, normalises and checks a data set already in memory.
    ///
    /// # Errors
    /// If settings do not fit it.
    pub fn from_dataset(dataset: Dataset, e: &config::Experiment) -> Result<Self> {
        let (train, test) = split(dataset, e)?;
        Self::new(train, test, e)
    }

    fn new(mut train: Dataset, mut test: Dataset, e: &config::Experiment) -> Result<Self> {
        let all: Vec<usize> = (0..train.inputs.rows).collect();
        let scaling = data::normalise(e.data.normalise, &mut train.inputs, &all)?;
        scaling.apply(&mut test.inputs)?;
        let widths = [train.inputs.width(), train.targets.width()];
        let part = |d: &Dataset| Part {
            examples: d.inputs.rows,
            inputs: d.inputs.values.clone(),
            targets: match &d.targets {
                data::Targets::Classes { labels, .. } => Targets::Classes(labels.clone()),
                data::Targets::Values(table) => Targets::Values(table.values.clone()),
            },
        };
        Self::checked(e, widths, part(&train), part(&test), None)
    }

    /// Parts of these widths, of inputs and outputs, that fit the settings.
    pub(super) fn checked(
        e: &config::Experiment,
        [inputs, outputs]: [usize; 2],
        train: Part,
        test: Part,
        declared: Option<Declared>,
    ) -> Result<Self> {
        let check = |key: &str, wanted: Option<u32>, is: usize| match wanted {
            Some(wanted) if wanted as usize != is => {
                Err(Error::config(format!("{key} is {wanted}, but the data has {is}: leave the key out or correct it")))
            }
            _ => Ok(()),
        };
        check("model.inputs", e.model.inputs, inputs)?;
        check("model.outputs", e.model.outputs, outputs)?;
        if matches!(train.targets, Targets::Values(_)) && e.loss.kind == config::LossKind::CrossEntropy {
            return Err(Error::config(
                "loss.kind is \"cross_entropy\", which needs one class per example, but the data has numeric targets: use \"mse\" or \"bce\"",
            ));
        }
        let source = match e.probe.from {
            config::ProbeFrom::Test => &test,
            config::ProbeFrom::Train => &train,
        };
        let probe = source.take(e.probe.examples.map_or(source.examples, |n| n as usize), outputs)?;
        let cka = e.observe.measures.iter().any(|m| m.reads_hidden_layers());
        if cka && probe.examples < 4 {
            return Err(Error::config(format!(
                "CKA needs at least 4 probe examples, and there are {}",
                probe.examples
            )));
        }
        Ok(Self { name: String::new(), inputs, outputs, train, test, probe, own: false, declared, notes: Vec::new() }
            .named(e))
    }

    /// A number that changes with any bit of the data (FNV-1a).
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut take = |word: u32| hash = (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
        if let Some(Declared { features, seed, fit_examples, .. }) = &self.declared {
            let sizes = [self.train.examples, *fit_examples, self.test.examples, self.probe.examples];
            format!("{features:?} {seed:?} {sizes:?}").bytes().for_each(|b| take(u32::from(b)));
        }
        for part in [&self.train, &self.test, &self.probe] {
            part.inputs.iter().for_each(|x| take(x.to_bits()));
            match &part.targets {
                Targets::Classes(labels) => labels.iter().for_each(|&l| take(l)),
                Targets::Values(values) => values.iter().for_each(|x| take(x.to_bits())),
            }
        }
        hash
    }

    fn named(mut self, e: &config::Experiment) -> Self {
        self.name = match (e.data.source, &e.data.inputs) {
            (config::Source::Files, None) => "data".into(),
            (config::Source::Files, Some(path)) => path.display().to_string(),
            (source, _) => source.to_string(),
        };
        self
    }
}

impl Part {
    /// The first examples.
    fn take(&self, count: usize, outputs: usize) -> Result<Part> {
        if count == 0 || count > self.examples {
            return Err(Error::config(format!(
                "probe.examples is {count}, but {} examples are there to choose from",
                self.examples
            )));
        }
        if self.inputs.is_empty() {
            // Each replica makes them: there is their number alone.
            return Ok(Part { examples: count, ..self.clone() });
        }
        let width = self.inputs.len() / self.examples;
        Ok(Part {
            examples: count,
            inputs: self.inputs[..count * width].to_vec(),
            targets: match &self.targets {
                Targets::Classes(labels) => Targets::Classes(labels[..count].to_vec()),
                Targets::Values(values) => Targets::Values(values[..count * outputs].to_vec()),
            },
        })
    }

    /// Some of the examples, in the order given.
    ///
    /// # Panics
    /// If there is no such example.
    pub fn select(&self, rows: &[usize], outputs: usize) -> Part {
        let width = self.inputs.len() / self.examples;
        let of = |values: &[f32], width: usize| -> Vec<f32> {
            rows.iter().flat_map(|&row| values[row * width..(row + 1) * width].iter().copied()).collect()
        };
        Part {
            examples: rows.len(),
            inputs: of(&self.inputs, width),
            targets: match &self.targets {
                Targets::Classes(labels) => Targets::Classes(rows.iter().map(|&row| labels[row]).collect()),
                Targets::Values(values) => Targets::Values(of(values, outputs)),
            },
        }
    }

    /// Values of one target; 1 for classes.
    pub fn values_width(&self) -> usize {
        match &self.targets {
            Targets::Classes(_) => 1,
            Targets::Values(values) => values.len() / self.examples.max(1),
        }
    }

    /// Targets as rows of values: as they are, or one-hot.
    pub fn values(&self, outputs: usize) -> Vec<f32> {
        match &self.targets {
            Targets::Classes(labels) => data::one_hot(labels, outputs),
            Targets::Values(values) => values.clone(),
        }
    }
}

fn select(dataset: &Dataset, rows: &[usize]) -> Dataset {
    let targets = match &dataset.targets {
        data::Targets::Classes { labels, classes } => {
            data::Targets::Classes { labels: rows.iter().map(|&r| labels[r]).collect(), classes: *classes }
        }
        data::Targets::Values(table) => data::Targets::Values(table.select(rows)),
    };
    Dataset { name: dataset.name.clone(), inputs: dataset.inputs.select(rows), targets }
}

/// A data set of which nothing is held out: what is trained on is tested on.
fn whole(dataset: Dataset) -> (Dataset, Dataset) {
    (dataset.clone(), dataset)
}

fn split(dataset: Dataset, e: &config::Experiment) -> Result<(Dataset, Dataset)> {
    let stratified = e.data.stratified && matches!(dataset.targets, data::Targets::Classes { .. });
    let parts =
        data::split(&dataset.targets, dataset.inputs.rows, e.data.test_fraction, stratified, e.data.split_seed)?;
    Ok((select(&dataset, &parts.train), select(&dataset, &parts.test)))
}

/// The parts of a data set in files, and what is to be said of how they were read.
fn files(e: &config::Experiment) -> Result<((Dataset, Dataset), Vec<String>)> {
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
        let examples = data::read_examples(inputs, &own, d.index)?;
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
