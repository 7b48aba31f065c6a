//! Where the examples of a group's program come from: data that all replicas share, perhaps each a part of them, settings that each
//! was given, or tables that each makes for itself.

use super::augment::{Augmenting, Key};
use super::declared::Declared;
use super::drawn::{Drawn, Parts};
use super::prepared::Prepared;
use super::subset::{Subset, Targets};
use crate::config::{Experiment, ProbeFrom};
use crate::data::features::Set;
use crate::data::{Conditions, Degrees};
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};
use crate::nn::{Loss, LossKind, one_hot};

/// The function that makes the tables, if there are any. It runs before all others, and again when a run is resumed:
/// snapshots do not hold what can be made anew.
pub(super) const MAKE: &str = "data";

/// One part of the data as nodes.
#[derive(Clone, Copy)]
pub(super) struct PartNodes {
    pub inputs: Tensor,
    /// Targets as the loss takes them.
    pub targets: Tensor,
    /// Targets as rows of values: as they are, or one-hot.
    pub values: Tensor,
    /// 1 where a target has a loss; none where all have.
    pub present: Option<Tensor>,
    /// 1 where an example belongs to the part, `[N, 1]`; none where all do.
    pub counted: Option<Tensor>,
}

/// What a step is trained on, as [`PartNodes`].
pub(super) struct Taken {
    pub inputs: Tensor,
    pub targets: Tensor,
    pub present: Option<Tensor>,
    pub counted: Option<Tensor>,
}

/// A part that all replicas share.
pub(super) fn part(g: &mut Graph, part: &Subset, data: &Prepared, loss: &Loss) -> Result<PartNodes> {
    let inputs = g.data(part.inputs.clone(), &[part.examples, data.inputs])?;
    if let Targets::Tokens(tokens) = &part.targets {
        let targets = g.data_integers(tokens, &[part.examples, part.positions()])?;
        if let Some(labels) = data.declared.as_ref().and_then(|declared| declared.labels(part)) {
            let features = labels.len() / part.examples;
            let values = g.data(labels, &[part.examples, features])?;
            return Ok(PartNodes { inputs, targets, values, present: None, counted: None });
        }
        // Of a vocabulary they are large: made where they are read, if they are.
        let each = g.reshape(targets, &[tokens.len(), 1])?;
        let each = one_hot(g, each, data.outputs)?;
        let values = g.reshape(each, &[part.examples, part.positions() * data.outputs])?;
        return Ok(PartNodes { inputs, targets, values, present: None, counted: None });
    }
    let values = g.data(part.values(data.outputs), &[part.examples, data.outputs])?;
    let targets = match (&part.targets, loss.kind) {
        (Targets::Classes(labels), LossKind::CrossEntropy) => g.data_integers(labels, &[part.examples, 1])?,
        _ => values,
    };
    Ok(PartNodes { inputs, targets, values, present: None, counted: None })
}

/// Classes `[N, 1]`, as floats, as the loss takes them, and one-hot.
fn labelled(g: &mut Graph, classes: Tensor, outputs: usize, loss: &Loss) -> Result<[Tensor; 2]> {
    let [examples, _] = g.matrix(classes)?;
    let column = g.column_index(&[examples, outputs]);
    let values = g.binary(Binary::Equal, column, classes)?;
    let targets = if loss.kind == LossKind::CrossEntropy { g.unary(Unary::ToInteger, classes) } else { values };
    Ok([targets, values])
}

/// Examples of each replica's own, as settings of the replica.
pub(super) fn own_part(g: &mut Graph, part: &Subset, data: &Prepared) -> Result<PartNodes> {
    if !matches!(part.targets, Targets::Values(_)) {
        return Err(Error::config("replicas with examples of their own need numeric targets, and these have classes"));
    }
    let mut setting =
        |name: &str, width: usize| g.variable(name, &[part.examples, width], DType::F32, VariableKind::Setting);
    let inputs = setting(OWN_INPUTS, data.inputs)?;
    let values = setting(OWN_TARGETS, data.outputs)?;
    Ok(PartNodes { inputs, targets: values, values, present: None, counted: None })
}

/// Variables of each replica's own examples.
pub(super) const OWN_INPUTS: &str = "data/inputs";
pub(super) const OWN_TARGETS: &str = "data/targets";

/// Tables that each replica makes.
#[derive(Clone, Copy)]
struct Made {
    train: PartNodes,
    /// What regressions are fitted on, if there is such a set.
    fit: Option<PartNodes>,
    test: PartNodes,
    /// Conditions without noise, if there are such.
    means: Option<PartNodes>,
}

/// Settings of the examples that a replica makes or draws, scalars.
#[derive(Clone, Copy)]
pub(super) struct Making {
    pub parts: Parts,
    /// Standard deviation of what is about conditions.
    pub noise: Tensor,
    /// Where conditions lie.
    pub degrees: Degrees,
}

/// The parts of a program, each added to the graph where it is first asked for.
pub(super) struct Tables<'a> {
    data: &'a Prepared,
    loss: &'a Loss,
    probe_from: ProbeFrom,
    train: Option<PartNodes>,
    /// The training part as it is, where all replicas share it.
    shared: Option<PartNodes>,
    /// Tables that each replica makes.
    made: Option<Made>,
    /// What each replica draws of what all share.
    drawn: Option<Drawn>,
}

impl<'a> Tables<'a> {
    /// The parts of `data`, and the function that makes what replicas make for themselves.
    pub fn new(
        g: &mut Graph,
        data: &'a Prepared,
        e: &'a Experiment,
        seed: Tensor,
        making: Making,
    ) -> Result<(Self, Option<Function>)> {
        let mut effects = Vec::new();
        let drawn = Drawn::declare(g, e, data, seed, making.parts, &mut effects)?;
        let mut made = None;
        if let Some(declared) = data.declared.as_ref().filter(|d| d.per_replica()) {
            let mut table = |set, examples| table(g, declared, set, examples, seed, &mut effects);
            made = Some(Made {
                train: table(Set::Train, data.train.examples)?,
                fit: Some(table(Set::Fit, declared.fit_examples)?),
                test: table(Set::Test, data.test.examples)?,
                means: None,
            });
        }
        if let Some(conditions) = &data.conditions {
            let seed = e.data.seed.map_or(seed, |shared| g.integer(shared));
            let sizes = [data.train.examples, data.test.examples];
            made = Some(about_conditions(g, conditions, sizes, seed, making, &mut effects)?);
        }
        let tables = Self { data, loss: &e.loss, probe_from: e.probe.from, train: None, shared: None, made, drawn };
        Ok((tables, (!effects.is_empty()).then(|| Function::new(MAKE, effects))))
    }

    /// What is trained on.
    pub fn train(&mut self, g: &mut Graph) -> Result<PartNodes> {
        if let Some(made) = self.made {
            return Ok(made.train);
        }
        if let Some(train) = self.train {
            return Ok(train);
        }
        let mut train = match self.data.own {
            true => own_part(g, &self.data.train, self.data)?,
            false => self.shared(g)?,
        };
        if let Some(present) = self.data.declared.as_ref().and_then(|d| d.present.as_ref()) {
            train.present = Some(g.data(present.clone(), &[self.data.train.examples, self.data.outputs])?);
        }
        if let Some(drawn) = self.drawn {
            train.counted = drawn.trained;
            if let Some(labels) = drawn.labels {
                [train.targets, train.values] = labelled(g, labels.classes, self.data.outputs, self.loss)?;
            }
        }
        self.train = Some(train);
        Ok(train)
    }

    /// The training part with its true targets, where all replicas share it.
    pub fn shared(&mut self, g: &mut Graph) -> Result<PartNodes> {
        if let Some(shared) = self.shared {
            return Ok(shared);
        }
        let shared = part(g, &self.data.train, self.data, self.loss)?;
        self.shared = Some(shared);
        Ok(shared)
    }

    /// The nodes of a part; those of the training part, if that is all examples and each replica draws its own.
    fn part_of_all(&mut self, g: &mut Graph, of: &Subset) -> Result<PartNodes> {
        let all = self.drawn.is_some_and(|drawn| drawn.trained.is_some()) && of.examples == self.data.train.examples;
        if all { self.shared(g) } else { part(g, of, self.data, self.loss) }
    }

    /// What a step is trained on.
    pub fn batch(&mut self, g: &mut Graph, e: &Experiment, augmenting: Augmenting, key: Key) -> Result<Taken> {
        let train = self.train(g)?;
        let [examples, _] = g.matrix(train.inputs)?;
        let count = self.drawn.and_then(|drawn| drawn.count(g));
        let count = count.unwrap_or_else(|| g.integer(examples as u32));
        let PartNodes { targets, present, counted, .. } = train;
        let mut rows = e.batch.rows(g, count, key.seed, key.step);
        if let (Some(some), Some(drawn)) = (rows, self.drawn) {
            rows = Some(drawn.rows(g, some)?);
        }
        let inputs = augmenting.inputs(g, e, &self.data.shape, train.inputs, rows, key)?;
        let Some(rows) = rows else { return Ok(Taken { inputs, targets, present, counted }) };
        let targets = match self.drawn.and_then(|drawn| drawn.labels) {
            // Of labels, and not of one-hot rows, which stand nowhere.
            Some(labels) => {
                let classes = g.gather(labels.classes, rows)?;
                labelled(g, classes, self.data.outputs, self.loss)?[0]
            }
            None => g.gather(targets, rows)?,
        };
        let present = present.map(|present| g.gather(present, rows)).transpose()?;
        Ok(Taken { inputs, targets, present, counted: None })
    }

    /// 1 where the label of a training example was drawn, `[N, 1]`, if any was.
    pub fn replaced(&self) -> Option<Tensor> {
        self.drawn.and_then(|drawn| drawn.labels).map(|labels| labels.replaced)
    }

    /// On what representations are read.
    pub fn probe(&mut self, g: &mut Graph) -> Result<PartNodes> {
        let (of_train, count) = (self.probe_from == ProbeFrom::Train, self.data.probe.examples);
        let Some(Made { train, test, means, .. }) = self.made else {
            if self.data.own {
                return self.train(g);
            }
            let data = self.data;
            let mut probe = self.part_of_all(g, &data.probe)?;
            let Some(drawn) = self.drawn else { return Ok(probe) };
            let counted = if of_train { drawn.trained } else { drawn.held_out(g)? };
            probe.counted = counted.map(|counted| g.rows(counted, 0, count)).transpose()?;
            if let Some(labels) = drawn.labels.filter(|_| of_train) {
                let classes = g.rows(labels.classes, 0, count)?;
                [probe.targets, probe.values] = labelled(g, classes, self.data.outputs, self.loss)?;
            }
            return Ok(probe);
        };
        let source = match self.probe_from {
            ProbeFrom::Train => train,
            ProbeFrom::Test => test,
            ProbeFrom::Means => means.unwrap_or(test),
        };
        let [inputs, values] = [g.rows(source.inputs, 0, count)?, g.rows(source.values, 0, count)?];
        Ok(PartNodes { inputs, targets: values, values, present: None, counted: None })
    }

    /// What is held out for testing.
    pub fn test(&mut self, g: &mut Graph) -> Result<PartNodes> {
        match self.made {
            Some(made) => Ok(made.test),
            None if self.data.own => self.train(g),
            None => {
                let counted = self.drawn.map_or(Ok(None), |drawn| drawn.held_out(g))?;
                let data = self.data;
                Ok(PartNodes { counted, ..self.part_of_all(g, &data.test)? })
            }
        }
    }

    /// What is held out to fit regressions on, if the data have such a set.
    pub fn fit(&mut self, g: &mut Graph) -> Result<Option<PartNodes>> {
        if let Some(made) = self.made {
            return Ok(made.fit);
        }
        let fit = self.data.declared.as_ref().and_then(|d| d.fit.as_ref());
        fit.map(|fit| part(g, fit, self.data, self.loss)).transpose()
    }
}

/// A set that each replica makes, as variables that are not saved.
fn table(
    g: &mut Graph,
    declared: &Declared,
    set: Set,
    examples: usize,
    seed: Tensor,
    effects: &mut Vec<Effect>,
) -> Result<PartNodes> {
    let made = declared.features.tensors(g, set, examples, seed)?;
    let mut keep = |g: &mut Graph, what: &str, value: Tensor| -> Result<Tensor> {
        kept(g, format!("data/{}/{what}", set.name()), value, effects)
    };
    let (inputs, values) = (keep(g, "inputs", made.inputs)?, keep(g, "labels", made.labels)?);
    let present = made.present.map(|present| keep(g, "present", present)).transpose()?;
    Ok(PartNodes { inputs, targets: values, values, present, counted: None })
}

/// A value that each replica makes once, as a variable that is not saved.
fn kept(g: &mut Graph, name: String, value: Tensor, effects: &mut Vec<Effect>) -> Result<Tensor> {
    let extents = g.shape(value).extents().to_vec();
    let place = g.variable(name, &extents, DType::F32, VariableKind::Transient)?;
    effects.push(Effect::Assign(g.variable_of(place)?, value));
    Ok(place)
}

/// Sets of examples about conditions, for training and testing, and the conditions themselves.
fn about_conditions(
    g: &mut Graph,
    conditions: &Conditions,
    [train, test]: [usize; 2],
    seed: Tensor,
    making: Making,
    effects: &mut Vec<Effect>,
) -> Result<Made> {
    let means = conditions.means(g, seed, making.degrees)?;
    let mut set = |set: Set, examples: usize| -> Result<PartNodes> {
        let made = conditions.tensors(g, set, examples, seed, means, making.noise)?;
        let inputs = kept(g, format!("data/{}/inputs", set.name()), made.inputs, effects)?;
        Ok(PartNodes { inputs, targets: made.targets, values: made.targets, present: None, counted: None })
    };
    let (train, test) = (set(Set::Train, train)?, set(Set::Test, test)?);
    let inputs = kept(g, "data/means".into(), means, effects)?;
    let number = conditions.number();
    let values = g.data(conditions.targets(number), &[number, conditions.parities.len()])?;
    let means = PartNodes { inputs, targets: values, values, present: None, counted: None };
    Ok(Made { train, fit: None, test, means: Some(means) })
}
