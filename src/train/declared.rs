//! Data that are declared rather than read: sets of features, made on the host where all replicas share them, else by each
//! replica where it is trained.

use super::prepared::{Part, Prepared, Targets};
use crate::config;
use crate::data::features::{Features, Set};
use crate::data::{Dataset, Targets as Made};
use crate::error::{Error, Result};

/// A declaration of features and the sets that a run makes of it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The features.
    pub features: Features,
    /// Seed of the sets that all replicas share; none where each replica has sets of its own, by its own seed. The parts in
    /// [`Prepared`] then have examples, but no values.
    pub seed: Option<u32>,
    /// Examples of the set on which regressions are fitted.
    pub fit_examples: usize,
    /// That set, if all replicas share it.
    pub fit: Option<Part>,
    /// 1 where a feature is present in a training example, `[examples, features]`: where all replicas share them and any is
    /// absent anywhere.
    pub present: Option<Vec<f32>>,
}

impl Declared {
    /// Whether each replica makes its own sets.
    pub fn per_replica(&self) -> bool {
        self.seed.is_none()
    }

    /// Names of the features, in the order of the outputs.
    pub fn names(&self) -> Vec<String> {
        self.features.features().iter().map(|f| f.name.clone()).collect()
    }
}

impl Prepared {
    /// The sets that an experiment declares.
    pub(super) fn declared(e: &config::Experiment) -> Result<Self> {
        let d = &e.data;
        let features = d.declared()?;
        let sizes = [d.examples, d.fit_examples, d.test_examples].map(|n| n as usize);
        let mut present = None;
        let mut part = |set: Set, examples: usize| -> Result<Part> {
            let Some(seed) = d.seed else {
                return Ok(Part { examples, inputs: Vec::new(), targets: Targets::Values(Vec::new()) });
            };
            let made = features.make(set, examples, seed)?;
            if set == Set::Train && features.any_absent() {
                present = Some(made.present.values);
            }
            let Dataset { inputs, targets, .. } = made.dataset;
            let targets = match targets {
                Made::Values(table) => Targets::Values(table.values),
                Made::Classes { labels, .. } => Targets::Classes(labels),
            };
            Ok(Part { examples, inputs: inputs.values, targets })
        };
        let (train, fit) = (part(Set::Train, sizes[0])?, part(Set::Fit, sizes[1])?);
        let test = part(Set::Test, sizes[2])?;
        let (inputs, outputs) = (features.inputs(), features.outputs());
        let fit = d.seed.map(|_| fit);
        let declared = Declared { features, seed: d.seed, fit_examples: sizes[1], fit, present };
        Self::checked(e, [inputs, outputs], train, test, Some(declared))
    }

    /// Whether each replica makes its own examples, so that there are none here.
    pub fn per_replica(&self) -> bool {
        self.declared.as_ref().is_some_and(Declared::per_replica)
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
