//! The sets of a declaration, made on the host: the twin of `tensors.rs`, in whole numbers throughout.

use super::declare::{Features, Set};
use super::resolve::{Resolved, key};
use crate::data::{Dataset, Table, Targets};
use crate::error::Result;
use crate::kernels::random::{choice, permuted};

/// A set of examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// Inputs `[N, D]` and labels `[N, F]`, all 0 or 1.
    pub dataset: Dataset,
    /// 1 where a feature is present in an example, `[N, F]`.
    pub present: Table,
}

impl Features {
    /// Makes a set: the same bits as [`Features::tensors`] gives.
    ///
    /// # Errors
    /// If there are no examples, or too many.
    pub fn make(&self, set: Set, examples: usize, seed: u32) -> Result<Made> {
        let resolved = self.resolve(set, examples)?;
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let mut units = Vec::with_capacity(examples * inputs);
        let (mut labels, mut present) = (Vec::new(), Vec::new());
        let extra = key(&format!("data/{}/distractors", set.name()));
        for example in 0..examples as u32 {
            let facts = self.facts(&resolved, seed, example, examples as u32);
            for (feature, (r, fact)) in self.features().iter().zip(resolved.iter().zip(facts)) {
                let relevant = feature.function.relevant() as usize * feature.copies;
                units.extend((0..feature.units).map(|unit| {
                    if r.hides && !fact.present {
                        0
                    } else if unit < relevant {
                        fact.pattern >> (unit / feature.copies) & 1
                    } else {
                        choice(seed, r.unit_key, unit as u32, example, 2)
                    }
                }));
                labels.push(u32::from(fact.label));
                present.push(u32::from(fact.present));
            }
            units.extend((0..self.distractors() as u32).map(|unit| choice(seed, extra, unit, example, 2)));
        }
        let table = |values: Vec<u32>, width: usize| Table {
            rows: examples,
            shape: vec![width],
            values: values.into_iter().map(|v| v as f32).collect(),
        };
        let targets = Targets::Values(table(labels, outputs));
        let dataset = Dataset { name: "features".into(), inputs: table(units, inputs), targets };
        Ok(Made { dataset, present: table(present, outputs) })
    }

    /// What each feature is in an example of so many.
    pub(super) fn facts(&self, resolved: &[Resolved], seed: u32, example: u32, examples: u32) -> Vec<Fact> {
        let mut ranks: Vec<u32> = Vec::with_capacity(resolved.len());
        let fact = |r: &Resolved| {
            let rank = r.rank(seed, r.parent.map_or(example, |parent| ranks[parent]));
            ranks.push(rank);
            let (label, pattern) = r.pattern(seed, example, rank < r.ones);
            let present = r.present == examples || permuted(seed, r.presence_key, 0, example, examples) < r.present;
            Fact { label, pattern, present }
        };
        resolved.iter().map(fact).collect()
    }
}

/// What a feature is in an example.
pub(super) struct Fact {
    pub label: bool,
    /// Of its relevant bits.
    pub pattern: u32,
    pub present: bool,
}

impl Resolved {
    /// The example's rank here, from its number or its rank in the parent.
    fn rank(&self, seed: u32, from: u32) -> u32 {
        let [agree0, agree1] = self.agree;
        if from < self.first {
            let place = permuted(seed, self.label_key, 1, from, self.first);
            if place < agree1 { place } else { place - agree1 + self.ones }
        } else {
            let place = permuted(seed, self.label_key, 0, from - self.first, self.second);
            if place < agree0 { place + self.ones + self.first - agree1 } else { place - agree0 + agree1 }
        }
    }

    /// The label and the pattern of the relevant units.
    fn pattern(&self, seed: u32, example: u32, label: bool) -> (bool, u32) {
        let all = self.patterns.len() as u32;
        let (start, count) = match (self.sampled, label) {
            (true, _) => (0, all),
            (false, false) => (0, self.zeros),
            (false, true) => (self.zeros, all - self.zeros),
        };
        let place = start + choice(seed, self.pattern_key, 0, example, count);
        (place >= self.zeros, self.patterns[place as usize])
    }
}
