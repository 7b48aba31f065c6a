//! Sorting by merging, and ranks: runs of a few keys, then runs of twice as many, one dispatch a step. No barriers, any
//! number of keys, equal keys in the order in which they came.
//!
//! Beside its key each element carries a word: its place before the sort, or the number of greater keys that stood before
//! it, which adds up over the steps (Knight 1966).

use std::ops::Range;

use super::native::{At, Space, Task, base};
use super::template::Routine;
use super::{Arena, HEADER, Variant};
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
}

impl Variant for Sort {
    fn name(&self) -> String {
        let beside = |beside| if beside == Beside::Greater { ", counting" } else { "" };
        match self.step {
            Step::Runs(b) => format!("sort(runs{})", beside(b)),
            Step::Merge(b) => format!("sort(merge{})", beside(b)),
            Step::Ranks => "ranks".into(),
        }
    }

    fn job_words(&self) -> usize {
        HEADER + 5
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        job[1].div_ceil(job[3]).div_ceil(job[HEADER + 4])
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
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

    fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let halvings = u64::from(u32::BITS - job[1].leading_zeros()) + 1;
        let per_slice = match self.step {
            Step::Runs(_) => u64::from(job[2]),
            Step::Merge(_) => halvings + u64::from(job[3]),
            Step::Ranks => 2 * halvings,
        };
        1 + u64::from(job[HEADER + 4].div_ceil(width)) * (1 + per_slice)
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        Box::new(Native {
            kernel: self.clone(),
            count: job[1] as usize,
            run: job[2] as usize,
            words: job[HEADER..].to_vec(),
        })
    }
}

struct Native {
    kernel: Sort,
    count: usize,
    run: usize,
    words: Vec<u32>,
}

impl Task for Native {
    fn run(&self, at: At, _: Range<usize>, space: &mut Space) {
        let (count, run, step) = (self.count, self.run, self.kernel.step);
        let both = if matches!(step, Step::Runs(_)) { count } else { 2 * count };
        let source = at.view.get(self.kernel.source, base(&self.words, 0, at.replica), both);
        let target = base(&self.words, 2, at.replica);
        let (keys, beside) = source.split_at(count);
        let result = &mut space.results;
        result.clear();
        if step == Step::Ranks {
            result.resize(count, 0.0);
            let mut first = 0;
            while first < count {
                let last = first + keys[first..].partition_point(|k| k <= &keys[first]).max(1) - 1;
                let rank = if run == 1 { (first + 1) as f32 } else { (first + last) as f32 / 2.0 + 1.0 };
                beside[first..=last].iter().for_each(|place| result[place.to_bits() as usize] = rank);
                first = last + 1;
            }
            at.view.put(self.kernel.result, target, result);
            return;
        }
        result.resize(2 * count, 0.0);
        let length = if matches!(step, Step::Runs(_)) { run } else { 2 * run };
        let mut order: Vec<usize> = Vec::new();
        for start in (0..count).step_by(length) {
            let end = (start + length).min(count);
            order.clear();
            order.extend(start..end);
            // Stable; zero and negative zero, which becomes zero when zero is added, are equal.
            order.sort_by(|&a, &b| (keys[a] + 0.0).total_cmp(&(keys[b] + 0.0)));
            // The left run is sorted: how many of it are greater follows from where a key would stand in it.
            let left = &keys[start..end.min(start + run)];
            let greater = |key: f32| (left.len() - left.partition_point(|k| k <= &key)) as f32;
            for (place, &own) in (start..).zip(&order) {
                result[place] = keys[own];
                result[count + place] = match step {
                    Step::Runs(Beside::Place) => f32::from_bits(own as u32),
                    Step::Merge(Beside::Place) => beside[own],
                    Step::Runs(Beside::Greater) => (start..own).filter(|&i| keys[i] > keys[own]).count() as f32,
                    _ if own < start + run => beside[own],
                    _ => beside[own] + greater(keys[own]),
                };
            }
        }
        at.view.put(self.kernel.result, target, result);
    }
}
