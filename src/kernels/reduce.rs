//! Sums and maxima along one axis, with a program before (on each element) and after (on each result).
//!
//! The order of a sum depends on the extents of one replica's tensor alone: not on subgroups, nor on the group.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::native::{At, Space, Task};
use super::program::{Level, Program, Value};
use super::program_native::{Bound, Running};
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{HEADER, Variant};

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
}

impl Variant for Reduce {
    fn name(&self) -> String {
        let shared = if self.lanes > 1 { format!("/{}", self.lanes) } else { String::new() };
        let (before, after) = (self.before.describe(), self.after.describe());
        format!("{}{shared}({before}|{after})", if self.fold == Fold::Sum { "sum" } else { "max" })
    }

    fn job_words(&self) -> usize {
        HEADER + EXTRA + self.before.words() + self.after.words()
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        if self.lanes > 1 { job[1] } else { job[1].div_ceil(GROUP) }
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
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

    fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let (length, before, after) = (u64::from(job[2]), self.before.iterations(), self.after.iterations());
        if self.lanes > 1 {
            let lanes = u64::from(self.lanes);
            return 2 + length.div_ceil(lanes) * (1 + before) + lanes + after;
        }
        1 + u64::from(GROUP.min(job[1]).div_ceil(width)) * (2 + length * (1 + before) + after)
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        let [count, length, inner, columns_in, columns_out] = [1, 2, 3, 4, 5].map(|i| job[i] as usize);
        let (before, after) = job[HEADER + EXTRA..].split_at(self.before.words());
        Box::new(Native {
            fold: self.fold,
            before: Bound::new(&self.before, before, count * length, columns_in, &[self.value]),
            value: self.value,
            after: Bound::new(&self.after, after, count, columns_out, &[]),
            count,
            length,
            inner,
            // Whole rows of the result, of elements enough to be worth a thread's while.
            per_unit: inner.max(columns_out) * (UNIT / (length * inner.max(columns_out)).max(1)).max(1),
        })
    }
}

/// Elements of a unit, about.
const UNIT: usize = 1 << 15;
/// Sums that an element of a row can go to: by its place, whatever the width of vectors.
const LANES: usize = 16;

/// Sums are in double precision: each along a row in sixteen parts, by the element's place, or along columns in order.
struct Native {
    fold: Fold,
    before: Bound,
    value: Value,
    after: Bound,
    count: usize,
    length: usize,
    inner: usize,
    per_unit: usize,
}

impl Task for Native {
    fn units(&self) -> usize {
        self.count.div_ceil(self.per_unit)
    }

    fn run(&self, at: At, units: Range<usize>, space: &mut Space) {
        let results = units.start * self.per_unit..self.count.min(units.end * self.per_unit);
        let Space { registers, results: totals, sums, .. } = space;
        totals.clear();
        let mut before = self.before.start(at, registers);
        if self.inner == 1 {
            self.along_rows(at, results.clone(), &mut before, totals);
        } else {
            self.along_columns(at, results.clone(), &mut before, sums, totals);
        }
        self.after.start(at, registers).store_all(results, totals);
    }
}

impl Native {
    fn begin(&self) -> f64 {
        match self.fold {
            Fold::Sum => 0.0,
            Fold::Max => f64::NEG_INFINITY,
        }
    }

    /// Results whose elements stand one after the other.
    fn along_rows(&self, at: At, results: Range<usize>, before: &mut Running<'_>, totals: &mut Vec<f32>) {
        let (mut lanes, mut place) = ([self.begin(); LANES], 0);
        let elements = results.start * self.length..results.end * self.length;
        self.before.blocks(elements, |first, count| {
            let mut values = &before.evaluate(self.value, first, count)[..count];
            while !values.is_empty() {
                let (own, rest) = values.split_at(values.len().min(self.length - place));
                at.isa.run(Along { fold: self.fold, lanes: &mut lanes, place, values: own });
                (values, place) = (rest, place + own.len());
                if place == self.length {
                    totals.push(together(self.fold, std::mem::replace(&mut lanes, [self.begin(); LANES])) as f32);
                    place = 0;
                }
            }
        });
    }

    /// Results that stand side by side in each of the rows that are added up. Blocks go on from one outer index to the next: often
    /// all rows of one are fewer elements than a block has.
    fn along_columns(
        &self,
        at: At,
        results: Range<usize>,
        before: &mut Running<'_>,
        sums: &mut Vec<f64>,
        totals: &mut Vec<f32>,
    ) {
        sums.clear();
        sums.resize(self.inner, self.begin());
        let mut place = [0; 2];
        self.before.blocks(results.start * self.length..results.end * self.length, |first, count| {
            let values = &before.evaluate(self.value, first, count)[..count];
            let (fold, begin, length) = (self.fold, self.begin(), self.length);
            at.isa.run(Across { fold, begin, length, sums, totals, place: &mut place, values });
        });
    }
}

#[inline(always)]
fn combined(fold: Fold, total: f64, x: f64) -> f64 {
    match fold {
        Fold::Sum => total + x,
        // Not a number if any is none.
        Fold::Max => {
            if total.is_nan() || total > x {
                total
            } else {
                x
            }
        }
    }
}

/// The sums of all lanes, as a tree.
fn together(fold: Fold, mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = combined(fold, lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Elements of a row from a place in it, each to its lane.
struct Along<'a> {
    fold: Fold,
    lanes: &'a mut [f64; LANES],
    place: usize,
    values: &'a [f32],
}

impl WithSimd for Along<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { fold, lanes, place, values } = self;
        let head = values.len().min(place.next_multiple_of(LANES) - place);
        let (head, values) = values.split_at(head);
        for (lane, x) in lanes[place % LANES..].iter_mut().zip(head) {
            *lane = combined(fold, *lane, f64::from(*x));
        }
        let (whole, tail) = values.as_chunks::<LANES>();
        let mut sums = *lanes;
        for chunk in whole {
            for i in 0..LANES {
                sums[i] = combined(fold, sums[i], f64::from(chunk[i]));
            }
        }
        *lanes = sums;
        for (lane, x) in lanes.iter_mut().zip(tail) {
            *lane = combined(fold, *lane, f64::from(*x));
        }
    }
}

/// Elements of rows, each to its column's sum; sums of so many rows are done.
struct Across<'a> {
    fold: Fold,
    begin: f64,
    length: usize,
    sums: &'a mut [f64],
    totals: &'a mut Vec<f32>,
    /// Row and column of the first.
    place: &'a mut [usize; 2],
    values: &'a [f32],
}

impl WithSimd for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { fold, begin, length, sums, totals, place: [row, column], mut values } = self;
        while !values.is_empty() {
            let (own, rest) = values.split_at(values.len().min(sums.len() - *column));
            let to = sums[*column..].iter_mut().zip(own);
            match fold {
                Fold::Sum => to.for_each(|(sum, x)| *sum += f64::from(*x)),
                Fold::Max => to.for_each(|(sum, x)| *sum = combined(Fold::Max, *sum, f64::from(*x))),
            }
            (*column, values) = (*column + own.len(), rest);
            if *column == sums.len() {
                (*row, *column) = (*row + 1, 0);
                if *row == length {
                    totals.extend(sums.iter().map(|&sum| sum as f32));
                    sums.fill(begin);
                    *row = 0;
                }
            }
        }
    }
}
