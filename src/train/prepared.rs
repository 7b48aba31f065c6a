//! Data ready for training: read, split, normalised, and a probe set chosen.

use super::dataset_files::{self, split};
use super::declared::Declared;
use super::sequences;
use super::subset::{Subset, Targets};
use crate::config;
use crate::data::features::Set;
use crate::data::{self, Conditions, Dataset, TwoPoints};
use crate::error::{Error, Result};

/// Data ready for training.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Name, for people.
    pub name: String,
    /// Width of the inputs.
    pub inputs: usize,
    /// Shape of an example, of as many values.
    pub shape: Vec<usize>,
    /// Width of the outputs: classes or values.
    pub outputs: usize,
    /// What is trained on.
    pub train: Subset,
    /// What is held out.
    pub test: Subset,
    /// The fixed examples on which representations are read.
    pub probe: Subset,
    /// Each replica has training examples of its own ([`Replica::data`](super::Replica::data)), as many as `train` and as
    /// wide, and is tested and probed on them too.
    pub own: bool,
    /// How the examples are declared, where they are made of features.
    pub declared: Option<Declared>,
    /// The conditions about which replicas make their examples, if they do. The parts have examples then, but no values.
    pub conditions: Option<Conditions>,
    /// What a user should know of how files were read: an index that was left out, or which classes there are.
    pub notes: Vec<String>,
}

impl Prepared {
    /// Whether all inputs are tokens, whole numbers below `count`.
    ///
    /// # Errors
    /// If one is not, with that one.
    pub(super) fn check_tokens(&self, count: usize) -> Result<()> {
        let unknown = |x: &f32| x.fract() != 0.0 || !(0.0..count as f32).contains(x);
        for (name, part) in [("training", &self.train), ("test", &self.test)] {
            if let Some(at) = part.inputs.iter().position(unknown) {
                let (row, position, x) = (at / self.inputs, at % self.inputs, part.inputs[at]);
                let advice = if x.fract() == 0.0 && x > 0.0 {
                    "let num_embeddings be above all tokens"
                } else {
                    "an embedding is for data of tokens"
                };
                return Err(Error::config(format!(
                    "model.layers: the embedding takes whole numbers below {count}, its num_embeddings, and position {position} of \
                     row {row} of the {name} examples (counted from 0) is {x}: {advice}"
                )));
            }
        }
        Ok(())
    }

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
            config::Source::Modular => split(data::modular(e.data.modulus as usize, e.data.operation), e)?,
            config::Source::Features => return Self::declared(e),
            config::Source::Conditions => return Self::conditions(e),
            source if source.is_of_tokens() && !e.data.is_labelled() => {
                let (parts, said) = sequences::read(e)?;
                notes = said;
                parts
            }
            _ => {
                let (parts, said) = dataset_files::read(e)?;
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
        if !e.data.source.is_of_tokens() {
            scale(e, &mut [&mut train.inputs, &mut test.inputs])?;
        }
        let (shape, outputs) = (train.inputs.shape.clone(), train.targets.width());
        Self::checked(e, shape, outputs, train.into(), test.into(), None)
    }

    /// Parts whose examples have this shape, and so many outputs, that fit the settings.
    fn checked(
        e: &config::Experiment,
        shape: Vec<usize>,
        outputs: usize,
        train: Subset,
        test: Subset,
        declared: Option<Declared>,
    ) -> Result<Self> {
        let check = |key: &str, wanted: Option<u32>, is: usize| match wanted {
            Some(wanted) if wanted as usize != is => {
                Err(Error::config(format!("{key} is {wanted}, but the data has {is}: leave the key out or correct it")))
            }
            _ => Ok(()),
        };
        let inputs = shape.iter().product();
        check("model.inputs", e.model.inputs, inputs)?;
        if let Some(own) = &e.model.input_shape
            && own.iter().try_fold(1, |product: usize, &n| product.checked_mul(n as usize)) != Some(inputs)
        {
            return Err(Error::config(format!(
                "model.input_shape is {own:?}, but the data has {inputs} values in an example, of the shape {shape:?}: leave the \
                 key out or correct it"
            )));
        }
        check("model.outputs", e.model.outputs, outputs)?;
        if matches!(train.targets, Targets::Values(_)) && e.loss.kind == config::LossKind::CrossEntropy {
            return Err(Error::config(
                "loss.kind is \"cross_entropy\", which needs one class per example, but the data has numeric targets: use \"mse\" or \"bce\"",
            ));
        }
        if matches!(train.targets, Targets::Tokens(_)) {
            if e.loss.kind != config::LossKind::CrossEntropy {
                return Err(Error::config(format!(
                    "loss.kind is \"{}\", but the data has a token at each position: use \"cross_entropy\"",
                    e.loss.kind
                )));
            }
            if train.positions() < 2 || test.positions() != train.positions() {
                return Err(Error::config(format!(
                    "expected sequences of at least 2 targets, as many in all parts of the data, got {} and {}",
                    train.positions(),
                    test.positions()
                )));
            }
        }
        let means = Subset { examples: 1 << e.data.bits, inputs: Vec::new(), targets: Targets::Values(Vec::new()) };
        let source = match e.probe.from {
            config::ProbeFrom::Test => &test,
            config::ProbeFrom::Train => &train,
            config::ProbeFrom::Means => &means,
        };
        let probe = source.take(e.probe.examples.map_or(source.examples, |n| n as usize), outputs)?;
        let cka = e.observe.measures.iter().any(|m| m.name().starts_with("cka"));
        if cka && probe.examples < 4 {
            return Err(Error::config(format!(
                "CKA needs at least 4 probe examples, and there are {}",
                probe.examples
            )));
        }
        let name = match (e.data.source, &e.data.inputs) {
            (_, Some(path)) => path.display().to_string(),
            (config::Source::Files, None) => "data".into(),
            (source, None) => source.to_string(),
        };
        Ok(Self {
            name,
            inputs,
            shape,
            outputs,
            train,
            test,
            probe,
            own: false,
            declared,
            conditions: None,
            notes: Vec::new(),
        })
    }

    /// A number that changes with any bit of the data (FNV-1a).
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut take = |word: u32| hash = (hash ^ u64::from(word)).wrapping_mul(0x0100_0000_01b3);
        if let Some(Declared { features, seed, fit_examples, .. }) = &self.declared {
            let sizes = [self.train.examples, *fit_examples, self.test.examples, self.probe.examples];
            format!("{features:?} {seed:?} {sizes:?}").bytes().for_each(|b| take(u32::from(b)));
        }
        if let Some(conditions) = &self.conditions {
            let sizes = [self.train.examples, self.test.examples, self.probe.examples];
            format!("{conditions:?} {sizes:?}").bytes().for_each(|b| take(u32::from(b)));
        }
        for part in [&self.train, &self.test, &self.probe] {
            part.inputs.iter().for_each(|x| take(x.to_bits()));
            match &part.targets {
                Targets::Classes(labels) | Targets::Tokens(labels) => labels.iter().for_each(|&l| take(l)),
                Targets::Values(values) => values.iter().for_each(|x| take(x.to_bits())),
            }
        }
        hash
    }

    /// The sets that an experiment declares.
    fn declared(e: &config::Experiment) -> Result<Self> {
        let d = &e.data;
        let features = d.declared()?;
        let sizes = [d.examples, d.fit_examples, d.test_examples].map(|n| n as usize);
        let order = features.order(&d.output_order)?;
        let (mut present, mut made) = (None, Vec::new());
        if let Some(seed) = d.seed {
            for (set, examples) in Set::ALL.into_iter().zip(sizes) {
                made.push(match d.form {
                    config::Form::Sequence => features.make_sequences(set, examples, seed, &order)?,
                    form => {
                        let made = match form {
                            config::Form::Image => features.make_images(set, examples, seed, &d.image)?,
                            _ => features.make(set, examples, seed)?,
                        };
                        if set == Set::Train && features.any_absent() {
                            present = Some(made.present.values);
                        }
                        made.dataset
                    }
                });
            }
        }
        if d.form == config::Form::Image {
            scale(e, &mut made.iter_mut().map(|dataset| &mut dataset.inputs).collect::<Vec<_>>())?;
        }
        let shape = made.first().map_or_else(|| vec![features.inputs()], |dataset| dataset.inputs.shape.clone());
        let outputs = made.first().map_or(features.outputs(), |dataset| dataset.targets.width());
        // Where each replica makes its own there is their number alone.
        let unmade = |examples| Subset { examples, inputs: Vec::new(), targets: Targets::Values(Vec::new()) };
        let mut made = made.into_iter().map(Subset::from);
        let [train, fit, test] = sizes.map(|examples| made.next().unwrap_or_else(|| unmade(examples)));
        let answered = (d.form == config::Form::Sequence).then(|| {
            (0..order.len()).map(|f| features.inputs() + order.iter().position(|&o| o == f).unwrap_or(f)).collect()
        });
        let fit = d.seed.map(|_| fit);
        let declared = Declared { features, seed: d.seed, fit_examples: sizes[1], fit, present, answered };
        Self::checked(e, shape, outputs, train, test, Some(declared))
    }

    /// Parts of which replicas make the examples.
    fn conditions(e: &config::Experiment) -> Result<Self> {
        let conditions = e.data.conditions();
        conditions.check().map_err(|(key, message)| Error::config(format!("{key}: {message}")))?;
        let part = |examples: u32| Subset {
            examples: examples as usize,
            inputs: Vec::new(),
            targets: Targets::Values(Vec::new()),
        };
        let (shape, outputs) = (vec![conditions.dimensions], conditions.parities.len());
        let made = Self::checked(e, shape, outputs, part(e.data.examples), part(e.data.test_examples), None)?;
        Ok(Self { conditions: Some(conditions), ..made })
    }

    /// Whether each replica makes its own examples, so that there are none here.
    pub fn per_replica(&self) -> bool {
        self.conditions.is_some() || self.declared.as_ref().is_some_and(Declared::per_replica)
    }

    /// Refuses what needs to see the examples.
    pub(super) fn needs_examples(&self, what: &str) -> Result<()> {
        if !self.per_replica() {
            return Ok(());
        }
        Err(Error::config(format!(
            "{what}, and each replica has its own here: give data.seed a number, so that all share them"
        )))
    }
}

/// A data set of which nothing is held out: what is trained on is tested on.
fn whole(dataset: Dataset) -> (Dataset, Dataset) {
    (dataset.clone(), dataset)
}

/// `[channels, height, width]` of examples that are images, as the network takes them, for what needs them to be such.
pub(super) fn image(e: &config::Experiment, shape: &[usize], what: &str) -> Result<[usize; 3]> {
    let own: Option<Vec<usize>> = e.model.input_shape.as_ref().map(|own| own.iter().map(|&n| n as usize).collect());
    // One that does not fit is refused where the data are checked.
    let values = |shape: &[usize]| shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    let own = own.filter(|own| values(own) == values(shape));
    data::image(own.as_deref().unwrap_or(shape)).map_err(|error| Error::config(format!("{what}: {error}")))
}

/// Scales the inputs of all parts as those of the first, which is trained on, say.
fn scale(e: &config::Experiment, parts: &mut [&mut data::Table]) -> Result<()> {
    let train = &*parts[0];
    let all: Vec<usize> = (0..train.rows).collect();
    let scaling = match e.data.normalise {
        data::Normalise::None => return Ok(()),
        data::Normalise::Channel => {
            let given = (!e.data.mean.is_empty()).then_some([e.data.mean.as_slice(), e.data.std.as_slice()]);
            data::Scaling::of_channels(image(e, &train.shape, "data.normalise is \"channel\"")?, train, &all, given)?
        }
        how => data::Scaling::fit(how, train, &all)?,
    };
    parts.iter_mut().try_for_each(|part| scaling.apply(part))
}
