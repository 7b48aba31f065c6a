//! Softmax cross-entropy of each row: its loss, whether the largest logit is the label's, and the gradient, from one
//! reading of the logits.

use super::program::{Level, Program};
use super::program_twin::{Block, Registers};
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{Arena, HEADER, Memory};

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
    pub(super) fn name(&self) -> String {
        let parts = [
            self.loss.map(|_| "loss".to_owned()),
            self.correct.map(|_| "correct".to_owned()),
            self.gradient.as_ref().map(|p| format!("gradient {}", p.describe()).trim().to_owned()),
        ];
        format!("cross_entropy({})", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    fn gradient_at(&self) -> usize {
        4 + 2 * usize::from(self.loss.is_some()) + 2 * usize::from(self.correct.is_some())
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + self.gradient_at() + self.gradient.as_ref().map_or(0, Program::words)
    }

    pub(super) fn blocks(&self, job: &[u32]) -> u32 {
        job[1].div_ceil(64)
    }

    pub(super) fn routine(&self, entry: &str, width: u32) -> Routine {
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

    pub(super) fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let per_class = 3 + self.gradient.as_ref().map_or(0, Program::iterations);
        1 + u64::from(job[1].min(64).div_ceil(width)) * (4 + per_class * u64::from(job[2]))
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (rows, classes) = (job[1] as usize, job[2] as usize);
        let words = &job[HEADER..];
        let base = |at: usize| words[at] as usize + replica * words[at + 1] as usize;
        let (logits_at, labels_at) = (base(0), base(2));
        let mut registers = Registers::default();
        for row in 0..rows {
            let first = logits_at + row * classes;
            let logits: Vec<f64> =
                memory.arena(self.logits)[first..first + classes].iter().map(|&x| f64::from(x)).collect();
            let label = memory.bits(self.labels, labels_at + row) as usize;
            let best = (0..classes).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
            let largest = logits[best];
            let others = logits.iter().enumerate().filter(|(c, _)| *c != best);
            let rest: f64 = others.map(|(_, z)| (z - largest).exp()).sum();
            let mut at = 4;
            if let Some(arena) = self.loss {
                let loss = rest.ln_1p() - (logits.get(label).copied().unwrap_or(f64::NAN) - largest);
                let loss = if logits.iter().all(|z| z.is_finite()) { loss } else { f64::NAN };
                let index = base(at) + row;
                memory.arena_mut(arena)[index] = loss as f32;
                at += 2;
            }
            if let Some(arena) = self.correct {
                let index = base(at) + row;
                memory.arena_mut(arena)[index] = f32::from(u8::from(best == label));
            }
            if let Some(program) = &self.gradient {
                let elements: Vec<usize> = (row * classes..(row + 1) * classes).collect();
                let gradient = |c: usize| {
                    let share = (logits[c] - largest).exp() / (1.0 + rest);
                    match c == label {
                        true if best == label => -rest / (1.0 + rest),
                        true => share - 1.0,
                        false => share,
                    }
                };
                let values: Vec<f32> = (0..classes).map(|c| gradient(c) as f32).collect();
                for (elements, values) in
                    elements.chunks(super::program_twin::BLOCK).zip(values.chunks(super::program_twin::BLOCK))
                {
                    let block = Block {
                        words: &words[self.gradient_at()..],
                        replica,
                        count: rows * classes,
                        columns: classes,
                        elements,
                        accumulated: values,
                    };
                    program.run(&mut registers, &block, memory);
                }
            }
        }
    }
}
