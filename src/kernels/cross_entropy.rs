//! Softmax cross-entropy of each row: its loss, whether the largest logit is the label's, and the gradient, from one
//! reading of the logits.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::native::{At, Space, Task, base};
use super::program::{Level, Program};
use super::program_native::Bound;
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{Arena, HEADER, Variant};
use crate::cpu::math;

/// The kernel. Job header: first block, rows, classes, unused; then logits (offset, stride), labels, loss if stored,
/// correctness if stored, and the words of the gradient's program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CrossEntropy {
    /// Arena of the logits, `[rows, classes]`.
    pub logits: Arena,
    /// Arena of the labels, `[rows]` integers.
    pub labels: Arena,
    /// Arena of the loss in nats, `[rows]`, if wanted.
    pub loss: Option<Arena>,
    /// Arena of the correctness (1 or 0), `[rows]`, if wanted.
    pub correct: Option<Arena>,
    /// Program on each element of softmax minus one-hot (its accumulated value), if the gradient is wanted.
    pub gradient: Option<Program>,
}

impl CrossEntropy {
    fn gradient_at(&self) -> usize {
        4 + 2 * usize::from(self.loss.is_some()) + 2 * usize::from(self.correct.is_some())
    }
}

impl Variant for CrossEntropy {
    fn name(&self) -> String {
        let parts = [
            self.loss.map(|_| "loss".to_owned()),
            self.correct.map(|_| "correct".to_owned()),
            self.gradient.as_ref().map(|p| format!("gradient {}", p.describe()).trim().to_owned()),
        ];
        format!("cross_entropy({})", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    fn job_words(&self) -> usize {
        HEADER + self.gradient_at() + self.gradient.as_ref().map_or(0, Program::words)
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        job[1].div_ceil(64)
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
        let frame = Frame {
            words: "program",
            element: "element",
            count: "(rows * classes)",
            columns: "classes",
            row: "row",
            column: "c",
            replica: "replica",
            accumulated: "gradient",
            prefix: "v",
            suffix: "",
            four: false,
        };
        let store = |arena: Option<Arena>, name: &str, value: &str| {
            arena.map_or(String::new(), |arena| format!("        {}[{name} + row] = {value};", arena.wgsl()))
        };
        let mut bases = self.gradient.as_ref().map_or(String::new(), |program| {
            program.emit_bases(&frame) + &program.emit_values(&frame, &[Level::Uniform])
        });
        let after_loss = 4 + 2 * usize::from(self.loss.is_some());
        for (arena, name, at) in [(self.loss, "loss_at", 4), (self.correct, "correct_at", after_loss)] {
            if arena.is_some() {
                bases.push_str(&format!(
                    "    let {name} = table[words + {at}u] + replica * table[words + {}u];\n",
                    at + 1
                ));
            }
        }
        let gradient = self.gradient.as_ref().map_or(String::new(), |program| {
            format!(
                "        for (var c = 0u; c < classes; c++) {{\n        let element = row * classes + c;\n        \
                 let share = exp({}[logits + c] - largest) * scale;\n        \
                 let gradient = select(share, select(share - 1.0, -rest * scale, best == label), c == label);\n\
                 {}{}        }}\n",
                self.logits.wgsl(),
                program.emit_values(&frame, &INNER),
                program.emit_outputs(&frame)
            )
        });
        Routine::new(
            include_str!("../../shaders/cross_entropy.wgsl"),
            width,
            &[
                ("entry", entry),
                ("lanes", &width.to_string()),
                ("job_words", &self.job_words().to_string()),
                ("logits", self.logits.wgsl()),
                ("labels", self.labels.wgsl()),
                ("gradient_at", &self.gradient_at().to_string()),
                (
                    "store_loss",
                    &store(self.loss, "loss_at", "select(broken, loss, is_finite(sum) && is_finite(largest))"),
                ),
                ("store_correct", &store(self.correct, "correct_at", "select(0.0, 1.0, best == label)")),
                ("bases", &bases),
                ("gradient", &gradient),
            ],
        )
    }

    fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let per_class = 3 + self.gradient.as_ref().map_or(0, Program::iterations);
        1 + u64::from(job[1].min(64).div_ceil(width)) * (4 + per_class * u64::from(job[2]))
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        let (rows, classes) = (job[1] as usize, job[2] as usize);
        let words = job[HEADER..].to_vec();
        let gradient = self
            .gradient
            .as_ref()
            .map(|program| Bound::new(program, &words[self.gradient_at()..], rows * classes, classes, &[]));
        Box::new(Native { kernel: self.clone(), rows, classes, words, gradient })
    }
}

/// Rows that are computed side by side, one to a lane.
const ROWS: usize = 32;
/// Such blocks of a unit.
const BLOCKS: usize = 4;

struct Native {
    kernel: CrossEntropy,
    rows: usize,
    classes: usize,
    words: Vec<u32>,
    gradient: Option<Bound>,
}

impl Task for Native {
    fn units(&self) -> usize {
        self.rows.div_ceil(ROWS * BLOCKS)
    }

    fn run(&self, at: At, units: Range<usize>, space: &mut Space) {
        let base = |word: usize| base(&self.words, word, at.replica);
        let Space { registers, results, work, .. } = space;
        let mut gradient = self.gradient.as_ref().map(|bound| bound.start(at, registers));
        work.resize(2 * ROWS * self.classes, 0.0);
        let end = self.rows.min(units.end * ROWS * BLOCKS);
        for row in (units.start * ROWS * BLOCKS..end).step_by(ROWS) {
            let count = ROWS.min(end - row);
            let logits = at.view.get(self.kernel.logits, base(0) + row * self.classes, count * self.classes);
            let labels = at.view.get(self.kernel.labels, base(2) + row, count);
            results.resize(count * self.classes, 0.0);
            let (loss, correct) = at.isa.run(Rows {
                logits,
                labels,
                classes: self.classes,
                work,
                gradient: gradient.is_some().then_some(results.as_mut_slice()),
            });
            let mut word = 4;
            for (arena, values) in [(self.kernel.loss, loss), (self.kernel.correct, correct)] {
                if let Some(arena) = arena {
                    at.view.put(arena, base(word) + row, &values[..count]);
                    word += 2;
                }
            }
            if let Some(gradient) = &mut gradient {
                gradient.store_all(row * self.classes..(row + count) * self.classes, results);
            }
        }
    }
}

/// Up to [`ROWS`] rows: the loss and correctness of each, and softmax minus one-hot if there is a place for it.
struct Rows<'a> {
    logits: &'a [f32],
    labels: &'a [f32],
    classes: usize,
    /// Logits with a lane for each row, and their exponentials.
    work: &'a mut [f32],
    gradient: Option<&'a mut [f32]>,
}

impl WithSimd for Rows<'_> {
    type Output = ([f32; ROWS], [f32; ROWS]);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Self::Output {
        let Self { logits, labels, classes, work, gradient } = self;
        let rows = labels.len();
        let (z, e) = work.split_at_mut(ROWS * classes);
        let (z, e) = (z.as_chunks_mut::<ROWS>().0, e.as_chunks_mut::<ROWS>().0);
        for (row, logits) in logits.chunks_exact(classes).enumerate() {
            for (z, logit) in z.iter_mut().zip(logits) {
                z[row] = *logit;
            }
        }
        let mut label = [0u32; ROWS];
        label.iter_mut().zip(labels).for_each(|(to, from)| *to = from.to_bits());
        let (mut largest, mut best) = (z[0], [0u32; ROWS]);
        for (c, z) in (0u32..).zip(&*z).skip(1) {
            for i in 0..ROWS {
                let more = z[i] > largest[i];
                largest[i] = if more { z[i] } else { largest[i] };
                best[i] = if more { c } else { best[i] };
            }
        }
        // What the others add to the 1 of the largest: by itself, so that a loss far below a rounding of 1 keeps its digits.
        let (mut rest, mut own) = ([0.0f32; ROWS], [0.0f32; ROWS]);
        for (c, (z, e)) in (0u32..).zip(z.iter().zip(&mut *e)) {
            for i in 0..ROWS {
                e[i] = math::exp(z[i] - largest[i]);
            }
            for i in 0..ROWS {
                rest[i] += if best[i] == c { 0.0 } else { e[i] };
                own[i] = if label[i].min(classes as u32 - 1) == c { z[i] } else { own[i] };
            }
        }
        let (mut loss, mut correct, mut scale) = ([0.0f32; ROWS], [0.0f32; ROWS], [0.0f32; ROWS]);
        for i in 0..ROWS {
            loss[i] = math::ln_1p(rest[i]) - (own[i] - largest[i]);
            scale[i] = 1.0 / (1.0 + rest[i]);
            correct[i] = f32::from(u8::from(best[i] == label[i]));
        }
        for i in 0..ROWS {
            let known = (largest[i] + rest[i]).is_finite();
            loss[i] = if known { loss[i] } else { f32::NAN };
        }
        if let Some(gradient) = gradient {
            for (c, e) in (0u32..).zip(&mut *e) {
                for i in 0..ROWS {
                    let share = e[i] * scale[i];
                    let at_label = if best[i] == c { -rest[i] * scale[i] } else { share - 1.0 };
                    e[i] = if label[i] == c { at_label } else { share };
                }
            }
            for (row, gradient) in gradient.chunks_exact_mut(classes).enumerate().take(rows) {
                for (to, e) in gradient.iter_mut().zip(&*e) {
                    *to = e[row];
                }
            }
        }
        (loss, correct)
    }
}
