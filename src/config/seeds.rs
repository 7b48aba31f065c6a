//! `seeds`: a number of replicas of each setting, or which ones.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The seeds of every setting: one replica each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Seeds {
    /// The seeds from 0 to one less than this number.
    Count(#[schemars(range(min = 1, max = 1000000))] u32),
    /// These seeds, without repetition.
    List(#[schemars(length(min = 1, max = 1000000))] Vec<u32>),
}

impl Default for Seeds {
    fn default() -> Seeds {
        Seeds::Count(8)
    }
}

impl Seeds {
    /// The number of seeds.
    pub fn len(&self) -> usize {
        match self {
            Seeds::Count(count) => *count as usize,
            Seeds::List(list) => list.len(),
        }
    }

    /// Whether there are none, which no valid experiment has.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The seeds, in the order given.
    pub fn to_vec(&self) -> Vec<u32> {
        match self {
            Seeds::Count(count) => (0..*count).collect(),
            Seeds::List(list) => list.clone(),
        }
    }

    /// A seed that comes twice, if one does.
    pub(super) fn repeated(&self) -> Option<u32> {
        let Seeds::List(list) = self else { return None };
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        list.iter().copied().find(|seed| !seen.insert(*seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lists_and_repetitions() {
        assert_eq!(Seeds::Count(3).to_vec(), [0, 1, 2]);
        assert_eq!(Seeds::List(vec![5, 1]).len(), 2);
        assert_eq!(Seeds::List(vec![5, 1, 5]).repeated(), Some(5));
        assert_eq!(Seeds::Count(3).repeated(), None);
        assert!(Seeds::Count(0).is_empty());
    }
}
