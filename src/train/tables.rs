//! Where the examples of a group's program come from: data that all replicas share, settings that each was given, or
//! tables that each makes for itself.

use super::declared::Declared;
use super::prepared::Prepared;
use super::subset::{Subset, Targets};
use crate::config::ProbeFrom;
use crate::data::features::Set;
use crate::error::{Error, Result};
use crate::graph::{Effect, Function, Graph, Tensor, VariableKind};
use crate::kernels::program::DType;
use crate::nn::{Loss, LossKind};

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
}

impl PartNodes {
    /// The tables of which a batch takes rows.
    pub fn tables(&self) -> Vec<Tensor> {
        [self.inputs, self.targets].into_iter().chain(self.present).collect()
    }
}

/// A part that all replicas share.
pub(super) fn part(g: &mut Graph, part: &Subset, data: &Prepared, loss: &Loss) -> Result<PartNodes> {
    let inputs = g.data(part.inputs.clone(), &[part.examples, data.inputs])?;
    let values = g.data(part.values(data.outputs), &[part.examples, data.outputs])?;
    let targets = match (&part.targets, loss.kind) {
        (Targets::Classes(labels), LossKind::CrossEntropy) => g.data_integers(labels, &[part.examples, 1])?,
        _ => values,
    };
    Ok(PartNodes { inputs, targets, values, present: None })
}

/// Examples of each replica's own, as settings of the replica.
pub(super) fn own_part(g: &mut Graph, part: &Subset, data: &Prepared) -> Result<PartNodes> {
    if matches!(part.targets, Targets::Classes(_)) {
        return Err(Error::config("replicas with examples of their own need numeric targets, and these have classes"));
    }
    let mut setting =
        |name: &str, width: usize| g.variable(name, &[part.examples, width], DType::F32, VariableKind::Setting);
    let inputs = setting(OWN_INPUTS, data.inputs)?;
    let values = setting(OWN_TARGETS, data.outputs)?;
    Ok(PartNodes { inputs, targets: values, values, present: None })
}

/// Variables of each replica's own examples.
pub(super) const OWN_INPUTS: &str = "data/inputs";
pub(super) const OWN_TARGETS: &str = "data/targets";

/// The parts of a program, each added to the graph where it is first asked for.
pub(super) struct Tables<'a> {
    data: &'a Prepared,
    loss: &'a Loss,
    probe_from: ProbeFrom,
    train: Option<PartNodes>,
    /// Tables that each replica makes: training, fitting, testing.
    made: Option<[PartNodes; 3]>,
}

impl<'a> Tables<'a> {
    /// The parts of `data`, and the function that makes what replicas make for themselves.
    pub fn new(
        g: &mut Graph,
        data: &'a Prepared,
        loss: &'a Loss,
        probe_from: ProbeFrom,
        seed: Tensor,
    ) -> Result<(Self, Option<Function>)> {
        let mut tables = Self { data, loss, probe_from, train: None, made: None };
        let Some(declared) = data.declared.as_ref().filter(|d| d.per_replica()) else { return Ok((tables, None)) };
        let sizes = [data.train.examples, declared.fit_examples, data.test.examples];
        let mut effects = Vec::new();
        let mut made = Vec::new();
        for (set, examples) in Set::ALL.into_iter().zip(sizes) {
            made.push(table(g, declared, set, examples, seed, &mut effects)?);
        }
        tables.made = made.try_into().ok();
        Ok((tables, Some(Function::new(MAKE, effects))))
    }

    /// What is trained on.
    pub fn train(&mut self, g: &mut Graph) -> Result<PartNodes> {
        if let Some([train, ..]) = self.made {
            return Ok(train);
        }
        if let Some(train) = self.train {
            return Ok(train);
        }
        let mut train = match self.data.own {
            true => own_part(g, &self.data.train, self.data)?,
            false => part(g, &self.data.train, self.data, self.loss)?,
        };
        if let Some(present) = self.data.declared.as_ref().and_then(|d| d.present.as_ref()) {
            train.present = Some(g.data(present.clone(), &[self.data.train.examples, self.data.outputs])?);
        }
        self.train = Some(train);
        Ok(train)
    }

    /// On what representations are read.
    pub fn probe(&mut self, g: &mut Graph) -> Result<PartNodes> {
        let Some([train, _, test]) = self.made else {
            return if self.data.own { self.train(g) } else { part(g, &self.data.probe, self.data, self.loss) };
        };
        let source = if self.probe_from == ProbeFrom::Train { train } else { test };
        let count = self.data.probe.examples;
        let [inputs, values] = [g.rows(source.inputs, 0, count)?, g.rows(source.values, 0, count)?];
        Ok(PartNodes { inputs, targets: values, values, present: None })
    }

    /// What is held out for testing.
    pub fn test(&mut self, g: &mut Graph) -> Result<PartNodes> {
        match self.made {
            Some([_, _, test]) => Ok(test),
            None if self.data.own => self.train(g),
            None => part(g, &self.data.test, self.data, self.loss),
        }
    }

    /// What is held out to fit regressions on, if the data have such a set.
    pub fn fit(&mut self, g: &mut Graph) -> Result<Option<PartNodes>> {
        if let Some([_, fit, _]) = self.made {
            return Ok(Some(fit));
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
        let extents = g.shape(value).extents().to_vec();
        let name = format!("data/{}/{what}", set.name());
        let place = g.variable(name, &extents, DType::F32, VariableKind::Transient)?;
        effects.push(Effect::Assign(g.variable_of(place)?, value));
        Ok(place)
    };
    let (inputs, values) = (keep(g, "inputs", made.inputs)?, keep(g, "labels", made.labels)?);
    let present = made.present.map(|present| keep(g, "present", present)).transpose()?;
    Ok(PartNodes { inputs, targets: values, values, present })
}
