//! Data that are declared rather than read: sets of features, made on the host where all replicas share them, else by each
//! replica where it is trained.

use super::subset::{Subset, Targets};
use crate::data::features::Features;

/// A declaration of features and the sets that a run makes of it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The features.
    pub features: Features,
    /// Seed of the sets that all replicas share; none where each replica has sets of its own, by its own seed. The parts in
    /// [`Prepared`](super::Prepared) then have examples, but no values.
    pub seed: Option<u32>,
    /// Examples of the set on which regressions are fitted.
    pub fit_examples: usize,
    /// That set, if all replicas share it.
    pub fit: Option<Subset>,
    /// 1 where a feature is present in a training example, `[examples, features]`: where all replicas share them and any is
    /// absent anywhere.
    pub present: Option<Vec<f32>>,
    /// The position at which each feature is answered, where examples are sequences.
    pub answered: Option<Vec<usize>>,
}

impl Declared {
    /// Whether each replica makes its own sets.
    pub fn per_replica(&self) -> bool {
        self.seed.is_none()
    }

    /// Labels `[N, F]` of sequences, from what is answered.
    pub fn labels(&self, part: &Subset) -> Option<Vec<f32>> {
        let (Some(answered), Targets::Tokens(tokens)) = (&self.answered, &part.targets) else { return None };
        let rows = tokens.chunks_exact(part.positions());
        Some(rows.flat_map(|row| answered.iter().map(|&position| row[position] as f32)).collect())
    }

    /// Names of the features, in the order of the outputs.
    pub fn names(&self) -> Vec<String> {
        self.features.features().iter().map(|f| f.name.clone()).collect()
    }
}
