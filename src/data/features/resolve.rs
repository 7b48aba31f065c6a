//! What a declaration comes to in a set of so many examples: whole numbers and keys, which host and device share.

use super::declare::{Absent, Balance, Feature, Features, Set};
use crate::error::{Error, Result};
use crate::kernels::random;

/// Most examples of one set: indices are kept as floats on the device.
pub const MOST_EXAMPLES: usize = 1 << 24;

impl Features {
    /// What the declaration comes to in a set.
    pub(super) fn resolve(&self, set: Set, examples: usize) -> Result<Vec<Resolved>> {
        if examples == 0 || examples > MOST_EXAMPLES {
            return Err(Error::config(format!(
                "a set has 1 to {MOST_EXAMPLES} examples, and {examples} were asked for"
            )));
        }
        let mut all: Vec<Resolved> = Vec::with_capacity(self.features().len());
        for feature in self.features() {
            let resolved = self.resolved(feature, set, examples, &all);
            all.push(resolved);
        }
        Ok(all)
    }

    fn resolved(&self, feature: &Feature, set: Set, examples: usize, before: &[Resolved]) -> Resolved {
        let rate = match (feature.balance, feature.train_rate) {
            (_, Some(rate)) if set == Set::Train => Some(rate),
            (Balance::Rate(rate), _) => Some(rate),
            (Balance::Sampled, _) => None,
        };
        let (patterns, zeros) = feature.function.table();
        let key = |what: &str| key(&format!("data/{}/{}/{what}", set.name(), feature.name));
        let mut made = Resolved {
            parent: None,
            depth: 0,
            first: examples as u32,
            second: 0,
            agree: [0, examples as u32],
            ones: part_of(rate.unwrap_or(0.5), examples as u32),
            sampled: rate.is_none(),
            patterns,
            zeros,
            present: examples as u32,
            hides: feature.absent == Absent::BlockAndLoss,
            label_key: key("label"),
            pattern_key: key("pattern"),
            unit_key: key("units"),
            presence_key: key("presence"),
        };
        if set == Set::Train {
            made.present = part_of(feature.presence, examples as u32);
        }
        if let Some(agreement) = &feature.agrees
            && let Some(parent) = self.features().iter().position(|f| f.name == agreement.with)
        {
            let ones = before[parent].ones;
            let sizes = [examples as u32 - ones, ones];
            made.agree = sizes.map(|size| part_of(agreement.fraction, size));
            (made.parent, made.depth) = (Some(parent), before[parent].depth + 1);
            (made.first, made.second) = (ones, sizes[0]);
            made.ones = made.agree[1] + sizes[0] - made.agree[0];
            made.sampled = false;
        }
        made
    }
}

/// What a feature comes to in one set.
///
/// Its examples are ranked: example `i` has a rank below `ones` where its label is 1. The rank is a permutation of
/// `0..n`: of the example's number if it is independent, else of its rank in the feature that it agrees with, each label
/// class of that one by itself.
pub(super) struct Resolved {
    /// The feature that it agrees with.
    pub parent: Option<usize>,
    /// Features that it agrees with, at any remove.
    pub depth: usize,
    /// Ranks of the parent that belong to label 1: all where there is none.
    pub first: u32,
    /// The others.
    pub second: u32,
    /// How many of those with label 0, and with label 1, of the parent agree.
    pub agree: [u32; 2],
    /// Examples whose label is 1.
    pub ones: u32,
    /// Labels follow from patterns that are all as likely.
    pub sampled: bool,
    /// Patterns, those of label 0 first.
    pub patterns: Vec<u32>,
    /// How many those are.
    pub zeros: u32,
    /// Examples in which it is present.
    pub present: u32,
    /// Its block is 0 where it is absent.
    pub hides: bool,
    pub label_key: u32,
    pub pattern_key: u32,
    pub unit_key: u32,
    pub presence_key: u32,
}

/// The number that stands for a purpose. Tables on the device hold it as the bits of a float, of which some drivers change
/// those that are no number: one bit is left out, so that none is.
pub(super) fn key(path: &str) -> u32 {
    random::purpose(path) & 0xff7f_ffff
}

/// A part of so many, rounded to a whole number.
fn part_of(fraction: f64, size: u32) -> u32 {
    (fraction * f64::from(size)).round() as u32
}
