//! Sorting by merging, and ranks: runs of a few keys, then runs of twice as many, one dispatch a step. No barriers, any
//! number of keys, equal keys in the order in which they came.
//!
//! Beside its key each element carries a word: its place before the sort, or the number of greater keys that stood before
//! it, which adds up over the steps (Knight 1966).

use super::template::Routine;
use super::{Arena, HEADER, Memory};
use crate::gpu::Profile;

/// Keys of the runs that the first step makes.
pub const FIRST_RUN: usize = 16;

/// What each element carries beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Beside {
    /// Its place before the sort, an integer.
    Place,
    /// How many strictly greater keys stood before it, a float: exact up to 2^24.
    Greater,
}

/// Which rank equal keys share. Ranks begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ties {
    /// The mean of their ranks.
    Average,
    /// The smallest of their ranks.
    Lowest,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Keys `[N]` to runs of [`FIRST_RUN`].
    Runs(Beside),
    /// Runs to runs of twice as many.
    Merge(Beside),
    /// Sorted keys with places to ranks, each at its place.
    Ranks,
}

/// The kernel. Job header: first block, elements, run length (of the step to ranks: 1 for the lowest of equals), elements of
/// a slice; then the source (offset, stride), the result, and the slices of a block.
///
/// Keys are finite. But for the first source and the ranks, tensors are `[2, N]`: keys, and the words beside them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// Which step.
    pub step: Step,
    /// Arena of the source.
    pub source: Arena,
    /// Arena of the result.
    pub result: Arena,
}

impl Sort {
    /// Elements of a slice, which one invocation makes, and slices of a block: long slices for a software adapter, where a
    /// search costs as much as many elements; on a GPU what neighbours write should lie close. No result depends on them.
    pub(crate) fn slices(&self, run: usize, profile: &Profile) -> [usize; 2] {
        match self.step {
            Step::Runs(_) | Step::Ranks => [1, 256],
            Step::Merge(_) => {
                let each = (if profile.software { 64 } else { 8 }).min(2 * run);
                [each, 512 / each]
            }
        }
    }

    pub(super) fn name(&self) -> String {
        let beside = |beside| if beside == Beside::Greater { ", counting" } else { "" };
        match self.step {
            Step::Runs(b) => format!("sort(runs{})", beside(b)),
            Step::Merge(b) => format!("sort(merge{})", beside(b)),
            Step::Ranks => "ranks".into(),
        }
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + 5
    }

    pub(super) fn blocks(&self, job: &[u32]) -> u32 {
        job[1].div_ceil(job[3]).div_ceil(job[HEADER + 4])
    }

    pub(super) fn routine(&self, entry: &str, width: u32) -> Routine {
        let (template, beside) = match self.step {
            Step::Runs(Beside::Place) => (include_str!("../../shaders/sort_runs.wgsl"), "bitcast<f32>(own)"),
            Step::Runs(Beside::Greater) => (include_str!("../../shaders/sort_runs.wgsl"), "f32(greater)"),
            Step::Merge(Beside::Place) => (include_str!("../../shaders/sort_merge.wgsl"), "beside"),
            Step::Merge(Beside::Greater) => {
                (include_str!("../../shaders/sort_merge.wgsl"), "beside + f32(select(middle - left, 0u, of_left))")
            }
            Step::Ranks => (include_str!("../../shaders/ranks.wgsl"), ""),
        };
        Routine::new(
            template,
            width,
            &[
                ("entry", entry),
                ("lanes", &width.to_string()),
                ("beside", beside),
                ("source", self.source.wgsl()),
                ("target", self.result.wgsl()),
            ],
        )
    }

    pub(super) fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let halvings = u64::from(u32::BITS - job[1].leading_zeros()) + 1;
        let per_slice = match self.step {
            Step::Runs(_) => u64::from(job[2]),
            Step::Merge(_) => halvings + u64::from(job[3]),
            Step::Ranks => 2 * halvings,
        };
        1 + u64::from(job[HEADER + 4].div_ceil(width)) * (1 + per_slice)
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (count, run) = (job[1] as usize, job[2] as usize);
        let words = &job[HEADER..];
        let origin = words[0] as usize + replica * words[1] as usize;
        let base = words[2] as usize + replica * words[3] as usize;
        let source = memory.arena(self.source);
        let keys = source[origin..origin + count].to_vec();
        let beside = match self.step {
            Step::Runs(_) => Vec::new(),
            _ => source[origin + count..origin + 2 * count].to_vec(),
        };
        if self.step == Step::Ranks {
            for (place, key) in keys.iter().enumerate() {
                let first = keys.partition_point(|k| k < key);
                let last = keys.partition_point(|k| k <= key) - 1;
                let rank = if run == 1 { (first + 1) as f32 } else { (first + last) as f32 / 2.0 + 1.0 };
                memory.arena_mut(self.result)[base + beside[place].to_bits() as usize] = rank;
            }
            return;
        }
        let length = if matches!(self.step, Step::Runs(_)) { run } else { 2 * run };
        for start in (0..count).step_by(length) {
            let end = (start + length).min(count);
            let mut order: Vec<usize> = (start..end).collect();
            // Stable; zero and negative zero, which becomes zero when zero is added, are equal.
            order.sort_by(|&a, &b| (keys[a] + 0.0).total_cmp(&(keys[b] + 0.0)));
            for (place, &own) in (start..).zip(&order) {
                let word = match self.step {
                    Step::Runs(Beside::Place) => f32::from_bits(own as u32),
                    Step::Merge(Beside::Place) => beside[own],
                    Step::Runs(Beside::Greater) => (start..own).filter(|&i| keys[i] > keys[own]).count() as f32,
                    // The left run is sorted.
                    _ if own < start + run => beside[own],
                    _ => beside[own] + keys[start..start + run].iter().filter(|&&k| k > keys[own]).count() as f32,
                };
                let result = memory.arena_mut(self.result);
                result[base + place] = keys[own];
                result[base + count + place] = word;
            }
        }
    }
}
