//! Elementwise programs over tensors: activations, updates, gathers, random values, everything without a sum.

use std::ops::Range;

use super::native::{At, Space, Task};
use super::program::{Level, Program};
use super::program_native::Bound;
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{HEADER, Variant};

/// Elements per workgroup.
const ELEMENTS: u32 = 256;

/// An elementwise kernel. Job header: first block, elements, last extent, unused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    /// What is evaluated and stored.
    pub program: Program,
    /// Four neighbours at once: the number of elements is a multiple of four, and so is the last extent if coordinates
    /// matter.
    pub vector: bool,
}

impl Variant for Map {
    fn name(&self) -> String {
        format!("map{}({})", if self.vector { "4" } else { "" }, self.program.describe())
    }

    fn job_words(&self) -> usize {
        HEADER + self.program.words()
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        job[1].div_ceil(ELEMENTS)
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
        let frame = Frame {
            words: "words",
            element: "element",
            count: "count",
            columns: "columns",
            row: "(element / columns)",
            column: "(element % columns)",
            replica: "replica",
            accumulated: "0.0",
            prefix: "v",
            suffix: "",
            four: self.vector,
        };
        Routine::new(
            include_str!("../../shaders/map.wgsl"),
            width,
            &[
                ("entry", entry),
                ("stride", &(width * if self.vector { 4 } else { 1 }).to_string()),
                ("each", if self.vector { "4" } else { "1" }),
                ("job_words", &self.job_words().to_string()),
                ("bases", &self.program.emit_bases(&frame)),
                ("uniform", &self.program.emit_values(&frame, &[Level::Uniform])),
                ("values", &self.program.emit_values(&frame, &INNER)),
                ("outputs", &self.program.emit_outputs(&frame)),
            ],
        )
    }

    fn iterations(&self, _: &[u32], width: u32) -> u64 {
        1 + u64::from(ELEMENTS.div_ceil(if self.vector { 4 * width } else { width })) * (1 + self.program.iterations())
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        Box::new(Native(Bound::new(&self.program, &job[HEADER..], job[1] as usize, job[2] as usize, &[])))
    }
}

struct Native(Bound);

impl Task for Native {
    fn units(&self) -> usize {
        self.0.units()
    }

    fn run(&self, at: At, units: Range<usize>, space: &mut Space) {
        self.0.start(at, &mut space.registers).store_all(self.0.elements_of(units), &[]);
    }
}
