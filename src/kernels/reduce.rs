//! Sums and maxima along one axis, with a program before (on each element) and after (on each result).
//!
//! The order of a sum depends on the extents of one replica's tensor alone: not on subgroups, nor on the group.

use super::program::{Level, Program, Value};
use super::program_twin::{BLOCK, Block, Registers};
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{HEADER, Memory};

/// How elements are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// Sum.
    Sum,
    /// Maximum; not a number if any element is none.
    Max,
}

/// A reduction of a tensor seen as `[outer, length, inner]` to `[outer, inner]`.
///
/// Job header: first block, results (`outer * inner`), length, inner; then the last extents of input and result;
/// then the words of the two programs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// How elements are combined.
    pub fold: Fold,
    /// Evaluated on each element; it stores nothing.
    pub before: Program,
    /// The value of `before` that is combined.
    pub value: Value,
    /// Evaluated on each result (as its accumulated value), and what is stored.
    pub after: Program,
    /// Invocations that share one result: 1, or a workgroup that meets at one barrier.
    pub lanes: u32,
}

/// Results per workgroup when each is one invocation's.
const GROUP: u32 = 64;
const EXTRA: usize = 2;

impl Reduce {
    /// Invocations that share a result, from the extents of one replica's tensor and the width that suits the adapter:
    /// several where there are few results. Sums along the rows of a taller tensor go in order, so that columns of
    /// zeros added at the end change no bit.
    pub fn lanes_for(count: usize, length: usize, inner: usize, wide: u32) -> u32 {
        if inner == 1 && length >= 128 && count < 4 { wide } else { 1 }
    }

    pub(super) fn name(&self) -> String {
        let shared = if self.lanes > 1 { format!("/{}", self.lanes) } else { String::new() };
        let (before, after) = (self.before.describe(), self.after.describe());
        format!("{}{shared}({before}|{after})", if self.fold == Fold::Sum { "sum" } else { "max" })
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + EXTRA + self.before.words() + self.after.words()
    }

    pub(super) fn blocks(&self, job: &[u32]) -> u32 {
        if self.lanes > 1 { job[1] } else { job[1].div_ceil(GROUP) }
    }

    pub(super) fn routine(&self, entry: &str, width: u32) -> Routine {
        let before = Frame {
            words: "before",
            element: "element",
            count: "1u",
            columns: "columns_in",
            row: "(element / columns_in)",
            column: "(element % columns_in)",
            replica: "replica",
            accumulated: "0.0",
            prefix: "b",
            suffix: "",
            four: false,
        };
        let after = Frame {
            words: "after",
            element: "output",
            count: "count",
            columns: "columns_out",
            row: "(output / columns_out)",
            column: "(output % columns_out)",
            replica: "replica",
            accumulated: "total",
            prefix: "a",
            suffix: "",
            four: false,
        };
        let template = if self.lanes > 1 {
            include_str!("../../shaders/reduce_shared.wgsl")
        } else {
            include_str!("../../shaders/reduce.wgsl")
        };
        let (start, combine) = match self.fold {
            Fold::Sum => ("0.0", "total + part"),
            // Negative infinity, which is no literal.
            Fold::Max => ("bitcast<f32>(0xff800000u | (length & 0u))", "larger_of(total, part)"),
        };
        let lanes = if self.lanes > 1 { self.lanes } else { width };
        let routine = Routine::new(
            template,
            lanes,
            &[
                ("entry", entry),
                ("job_words", &self.job_words().to_string()),
                ("lanes", &lanes.to_string()),
                ("before_words", &self.before.words().to_string()),
                ("start", start),
                ("combine", combine),
                ("value", &format!("b{}", self.value)),
                (
                    "bases",
                    &[
                        self.before.emit_bases(&before),
                        self.after.emit_bases(&after),
                        self.before.emit_values(&before, &[Level::Uniform]),
                        self.after.emit_values(&after, &[Level::Uniform]),
                    ]
                    .concat(),
                ),
                ("before", &self.before.emit_values(&before, &INNER)),
                ("after", &self.after.emit_values(&after, &INNER)),
                ("outputs", &self.after.emit_outputs(&after)),
            ],
        );
        Routine { pad: if self.lanes > 1 { self.lanes } else { 0 }, ..routine }
    }

    pub(super) fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let (length, before, after) = (u64::from(job[2]), self.before.iterations(), self.after.iterations());
        if self.lanes > 1 {
            let lanes = u64::from(self.lanes);
            return 2 + length.div_ceil(lanes) * (1 + before) + lanes + after;
        }
        1 + u64::from(GROUP.min(job[1]).div_ceil(width)) * (2 + length * (1 + before) + after)
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (count, length, inner) = (job[1] as usize, job[2] as usize, job[3] as usize);
        let (columns_in, columns_out) = (job[4] as usize, job[5] as usize);
        let words = &job[HEADER + EXTRA..];
        let (mut registers, mut elements) = (Registers::default(), Vec::with_capacity(BLOCK));
        let mut totals = Vec::with_capacity(count);
        for result in 0..count {
            let first = (result / inner) * length * inner + result % inner;
            let mut total = match self.fold {
                Fold::Sum => 0.0f64,
                Fold::Max => f64::NEG_INFINITY,
            };
            for start in (0..length).step_by(BLOCK) {
                elements.clear();
                elements.extend((start..length.min(start + BLOCK)).map(|l| first + l * inner));
                let block =
                    Block { words, replica, count: 1, columns: columns_in, elements: &elements, accumulated: &[] };
                self.before.evaluate(&mut registers, &block, memory);
                for i in 0..elements.len() {
                    let x = f64::from(self.before.float(&registers, self.value, i));
                    total = match self.fold {
                        Fold::Sum => total + x,
                        Fold::Max if total.is_nan() || total > x => total,
                        Fold::Max => x,
                    };
                }
            }
            totals.push(total as f32);
        }
        for start in (0..count).step_by(BLOCK) {
            let end = count.min(start + BLOCK);
            elements.clear();
            elements.extend(start..end);
            let block = Block {
                words: &words[self.before.words()..],
                replica,
                count,
                columns: columns_out,
                elements: &elements,
                accumulated: &totals[start..end],
            };
            self.after.run(&mut registers, &block, memory);
        }
    }
}
