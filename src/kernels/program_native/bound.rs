//! A program with the words of one job, decoded once when a machine is built.

use std::ops::Range;

use super::code::{Code, codes, operands};
use super::places::{Place, Stored};
use super::update::Update;
use super::{BLOCK, Running};
use crate::kernels::program::{Instruction, Level, Pattern, Program, Target, Value};

/// Elements of a unit, about.
const UNIT: usize = 1 << 14;
/// Leaves of a program whose blocks can be read where they stand.
pub(super) const DIRECT: usize = 16;

/// A program with the words of one job.
#[derive(Clone, Debug)]
pub(in crate::kernels) struct Bound {
    pub(super) codes: Vec<Code>,
    pub(super) places: Vec<Place>,
    pub(super) stored: Vec<Stored>,
    pub(super) parameters: Vec<u32>,
    pub(super) extents: [usize; 4],
    /// Elements of the whole tensor.
    pub(super) count: usize,
    /// The last extent.
    pub(super) columns: usize,
    /// Blocks are whole rows, or parts of one.
    by_rows: bool,
    /// Instructions computed once: those that depend on nothing.
    pub(super) uniforms: Vec<usize>,
    /// Then those that depend on the column.
    pub(super) once: Vec<usize>,
    /// Values that depend on nothing and are used at each element, or stored.
    pub(super) spread: Vec<usize>,
    /// Those computed for each block.
    pub(super) each: Vec<usize>,
    /// Register of each instruction's value. The last register is spare.
    pub(super) register: Vec<usize>,
    pub(super) registers: usize,
    /// Values that are the same in each row: gathers copy rows.
    pub(super) row_wise: Vec<bool>,
    /// Values that are the same everywhere.
    pub(super) uniform: Vec<bool>,
    /// The whole of it, if it is an optimiser's step.
    pub(super) update: Option<Update>,
}

impl Bound {
    /// Decodes a program's words for a tensor of `count` elements and rows of `columns`. `wanted` are values that are used beside the
    /// outputs.
    pub fn new(program: &Program, words: &[u32], count: usize, columns: usize, wanted: &[Value]) -> Self {
        let columns = columns.max(1);
        let levels = program.levels();
        let by_rows = program.has_coordinates() && columns > 1;
        let fixed = |level: Level| match level {
            Level::Uniform => true,
            Level::Column => by_rows && columns <= BLOCK,
            _ => false,
        };
        let (codes, unsound) = codes(program, wanted);
        let instructions = codes.len();
        let needed = (0..instructions).filter(|&i| !matches!(codes[i], Code::Gone | Code::Choose { .. }));
        let (fixed_ones, each): (Vec<usize>, Vec<usize>) = needed.partition(|&i| fixed(levels[i]));
        let (uniforms, once): (Vec<usize>, Vec<usize>) = fixed_ones.iter().partition(|&&i| levels[i] == Level::Uniform);
        // A value is used until the last that uses it, or that may be it, has been computed.
        let (mut used, mut last) = (vec![false; instructions], vec![0; instructions]);
        for (output, unsound) in program.outputs.iter().zip(&unsound) {
            let own = if let Target::Ring(step) = output.target { Some(step) } else { None };
            [Some(unsound.map_or(output.value, |u| u.value)), unsound.and_then(|u| u.when), own]
                .into_iter()
                .flatten()
                .for_each(|v| last[v] = usize::MAX);
        }
        wanted.iter().for_each(|&v| last[v] = usize::MAX);
        for i in (0..instructions).rev() {
            let until = if matches!(codes[i], Code::Choose { .. }) { last[i] } else { i };
            let wide = levels[i] != Level::Uniform;
            for v in operands(&codes[i]) {
                last[v] = last[v].max(until);
                used[v] |= wide;
            }
        }
        last.iter().enumerate().filter(|(_, last)| **last == usize::MAX).for_each(|(v, _)| used[v] = true);
        let mut register = vec![0; instructions];
        fixed_ones.iter().enumerate().for_each(|(place, &i)| register[i] = place);
        let (mut registers, mut free) = (fixed_ones.len(), Vec::new());
        let mut living: Vec<Value> = Vec::new();
        for &i in &each {
            register[i] = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            living.push(i);
            living.retain(|&v| {
                let done = last[v] <= i;
                if done {
                    free.push(register[v]);
                }
                !done
            });
        }
        let place = |i: usize| {
            let (at, leaf) = (program.leaf_at(i), program.leaves[i]);
            let strided = leaf.pattern == Pattern::Strided;
            let strides = std::array::from_fn(|d| if strided { words[at + 2 + d] as usize } else { 0 });
            let stands_elsewhere = |o: usize| {
                let (output, to) = (program.outputs[o], program.output_at(o));
                may_be(&codes, output.value, i)
                    && (output.arena, &words[to..to + 2]) != (leaf.arena, &words[at..at + 2])
            };
            let direct =
                leaf.pattern == Pattern::Full && i < DIRECT && !(0..program.outputs.len()).any(stands_elsewhere);
            Place { leaf, offset: words[at] as usize, stride: words[at + 1] as usize, strides, direct }
        };
        let stored = |i: usize| {
            let (at, output) = (program.output_at(i), program.outputs[i]);
            let capacity = if matches!(output.target, Target::Ring(_)) { words[at + 2].max(1) as usize } else { 1 };
            let (offset, stride) = (words[at] as usize, words[at + 1] as usize);
            Stored { output, offset, stride, capacity, unsound: unsound[i] }
        };
        let at = program.parameters_at();
        let places: Vec<Place> = (0..program.leaves.len()).map(place).collect();
        let stored: Vec<Stored> = (0..program.outputs.len()).map(stored).collect();
        // What a program cannot tell of itself: whether the last stride of a tensor is 0 stands in the job.
        let mut row_wise: Vec<bool> = levels.iter().map(|l| matches!(l, Level::Uniform | Level::Row)).collect();
        for i in 0..instructions {
            row_wise[i] |= match codes[i] {
                Code::Plain(Instruction::Load(leaf, _)) => {
                    places[leaf].leaf.pattern == Pattern::Strided && places[leaf].strides[3] == 0
                }
                Code::Plain(Instruction::Unary(..) | Instruction::Binary(..) | Instruction::Select(..)) => {
                    operands(&codes[i]).all(|v| row_wise[v])
                }
                _ => false,
            };
        }
        Self {
            update: Update::recognise(&codes, &levels, &each, &places, &stored),
            places,
            stored,
            parameters: words[at..at + program.parameters].to_vec(),
            extents: std::array::from_fn(|d| if program.strided() { words[d] as usize } else { 1 }),
            count,
            columns,
            by_rows,
            spread: uniforms.iter().copied().filter(|&i| used[i]).collect(),
            uniforms,
            once,
            each,
            register,
            registers: registers + 1,
            uniform: levels.iter().map(|&l| l == Level::Uniform).collect(),
            row_wise,
            codes,
        }
    }

    /// Elements of a unit: whole rows of those that are blocks.
    fn per_unit(&self) -> usize {
        if self.by_rows && self.columns <= BLOCK { (UNIT / self.columns).max(1) * self.columns } else { UNIT }
    }

    /// Parts of the tensor that can be computed side by side.
    pub fn units(&self) -> usize {
        self.count.div_ceil(self.per_unit())
    }

    /// The elements of some of them.
    pub fn elements_of(&self, units: Range<usize>) -> Range<usize> {
        units.start * self.per_unit()..self.count.min(units.end * self.per_unit())
    }

    /// Elements of the largest block of whole rows.
    pub(super) fn whole_rows(&self) -> usize {
        if self.by_rows { self.columns.min(BLOCK) * (BLOCK / self.columns).max(1) } else { BLOCK }
            .min(self.count.max(1))
    }

    /// Calls `block` with the first element and the number of elements of each block of a range, which is of whole rows or within
    /// one if the program sees rows.
    pub fn blocks(&self, elements: Range<usize>, mut block: impl FnMut(usize, usize)) {
        let mut first = elements.start;
        while first < elements.end {
            let most = if !self.by_rows {
                BLOCK
            } else if self.columns <= BLOCK {
                BLOCK / self.columns * self.columns
            } else {
                BLOCK.min(self.columns - first % self.columns)
            };
            let count = most.min(elements.end - first);
            block(first, count);
            first += count;
        }
    }

    /// The program at a replica, with what is computed once.
    pub fn start<'r>(&'r self, at: crate::kernels::At<'r>, registers: &'r mut super::Registers) -> Running<'r> {
        Running::new(self, at, registers)
    }
}

/// Whether a value is, or may be by a choice, a leaf's.
fn may_be(codes: &[Code], value: Value, leaf: usize) -> bool {
    match codes[value] {
        Code::Plain(Instruction::Load(own, _)) => own == leaf,
        Code::Choose { a, b, .. } => may_be(codes, a, leaf) || may_be(codes, b, leaf),
        _ => false,
    }
}
