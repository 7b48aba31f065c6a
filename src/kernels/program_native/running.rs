//! A program that runs at a replica.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::bound::{Bound, DIRECT};
use super::code::{Code, Unsound};
use super::update::Update;
use super::{BLOCK, CHUNK, NARROW, Values, draws, functions, leaves};
use crate::kernels::At;
use crate::kernels::program::{Instruction, Target, Value};

/// A block of values.
#[derive(Clone)]
#[repr(align(64))]
struct Register(Values);

/// A thread's registers.
#[derive(Default)]
#[allow(clippy::vec_box)] // A register is taken out while it is written, by its pointer.
pub(in crate::kernels) struct Registers(Vec<Box<Register>>);

/// A program that runs at a replica.
pub(in crate::kernels) struct Running<'r> {
    bound: &'r Bound,
    at: At<'r>,
    registers: &'r mut [Box<Register>],
}

impl<'r> Running<'r> {
    pub(super) fn new(bound: &'r Bound, at: At<'r>, registers: &'r mut Registers) -> Self {
        while registers.0.len() < bound.registers {
            registers.0.push(Box::new(Register([0.0; BLOCK])));
        }
        let mut running = Self { bound, at, registers: &mut registers.0[..bound.registers] };
        running.compute(&bound.uniforms, 0, 1, &[]);
        if running.update().is_some() {
            return running;
        }
        for &value in &bound.spread {
            let register = &mut running.registers[bound.register[value]].0;
            let same = register[0];
            register.fill(same);
        }
        running.compute(&bound.once, 0, bound.whole_rows(), &[]);
        running
    }

    /// The optimiser's step that the program is, if it is one and the replica moves.
    fn update(&self) -> Option<&'r Update> {
        self.bound.update.as_ref().filter(|update| self.uniform(update.moves) != 0.0)
    }

    /// A value that is the same everywhere.
    fn uniform(&self, value: Value) -> f32 {
        self.registers[self.bound.register[value]].0[0]
    }

    /// Evaluates and stores a range of elements; `accumulated` holds the enclosing kernel's value of each.
    pub fn store_all(&mut self, elements: Range<usize>, accumulated: &[f32]) {
        if let Some(update) = self.update() {
            return update.run(self.at, &self.bound.stored, |value| self.uniform(value), elements, accumulated);
        }
        let begin = elements.start;
        self.bound.blocks(elements, |first, count| {
            let own = if accumulated.is_empty() { &[] } else { &accumulated[first - begin..][..count] };
            let sources = self.compute(&self.bound.each, first, count, own);
            self.store(first, count, &sources);
        });
    }

    /// Evaluates a block of elements that stand one after the other, and gives a value of each.
    pub fn evaluate(&mut self, value: Value, first: usize, count: usize) -> &Values {
        let sources = self.compute(&self.bound.each, first, count, &[]);
        of(self.bound, self.registers, &sources, value)
    }

    fn compute<'s>(&mut self, steps: &[usize], first: usize, count: usize, accumulated: &'s [f32]) -> Sources<'s>
    where
        'r: 's,
    {
        let mut sources = Sources { leaves: [None; DIRECT], accumulated: accumulated.try_into().ok() };
        let (bound, at) = (self.bound, self.at);
        let (registers, own) = (&mut *self.registers, &mut sources);
        match count {
            _ if steps.is_empty() => {}
            ..=NARROW => {
                at.isa.run(Steps::<NARROW> { bound, at, registers, sources: own, steps, first, count, accumulated })
            }
            _ => at.isa.run(Steps::<CHUNK> { bound, at, registers, sources: own, steps, first, count, accumulated }),
        }
        sources
    }

    /// Stores the outputs of a block.
    fn store(&self, first: usize, count: usize, sources: &Sources) {
        let (bound, view) = (self.bound, self.at.view);
        let of = |value| &of(bound, self.registers, sources, value)[..count];
        for stored in &bound.stored {
            let (arena, base) = (stored.output.arena, stored.offset + self.at.replica * stored.stride);
            match stored.output.target {
                // What is read where it stands is stored nowhere else.
                Target::Full if stands(bound, self.registers, sources, stored.output.value) => {}
                Target::Full => view.put(arena, base + first, of(stored.output.value)),
                Target::Flag => {
                    // Folded over bits, so that it is done by vectors.
                    let raised = match stored.unsound {
                        Some(Unsound { when: Some(when), .. }) if self.uniform(when) == 0.0 => false,
                        Some(Unsound { value, .. }) => {
                            of(value).iter().fold(0, |most, x| most.max(x.to_bits() & 0x7f80_0000)) == 0x7f80_0000
                        }
                        None => of(stored.output.value).iter().fold(0, |any, x| any | (x.to_bits() << 1)) != 0,
                    };
                    if raised {
                        view.raise(arena, base);
                    }
                }
                Target::Ring(step) => {
                    for (i, (value, step)) in of(stored.output.value).iter().zip(of(step)).enumerate() {
                        let place = step.to_bits() as usize % stored.capacity;
                        view.put(arena, base + place * bound.count + first + i, &[*value]);
                    }
                }
            }
        }
    }
}

/// Values of a whole block that are read where they stand.
struct Sources<'s> {
    leaves: [Option<&'s Values>; DIRECT],
    accumulated: Option<&'s Values>,
}

/// The value that a choice between two fell on.
#[inline(always)]
fn chosen(bound: &Bound, registers: &[Box<Register>], mut value: Value) -> Value {
    while let Code::Choose { c, a, b } = bound.codes[value] {
        value = if registers[bound.register[c]].0[0] != 0.0 { a } else { b };
    }
    value
}

/// A tensor's values where they stand.
#[inline(always)]
fn standing<'s>(bound: &Bound, sources: &Sources<'s>, value: Value) -> Option<&'s Values> {
    match bound.codes[value] {
        Code::Plain(Instruction::Load(leaf, _)) if leaf < DIRECT => sources.leaves[leaf],
        Code::Plain(Instruction::Accumulated) => sources.accumulated,
        _ => None,
    }
}

/// The values of an instruction.
#[inline(always)]
fn of<'s>(bound: &Bound, registers: &'s [Box<Register>], sources: &Sources<'s>, value: Value) -> &'s Values {
    let value = chosen(bound, registers, value);
    standing(bound, sources, value).unwrap_or_else(|| &registers[bound.register[value]].0)
}

/// Whether the values of an instruction are a tensor's, where they stand.
fn stands(bound: &Bound, registers: &[Box<Register>], sources: &Sources, value: Value) -> bool {
    let value = chosen(bound, registers, value);
    !matches!(bound.codes[value], Code::Plain(Instruction::Accumulated)) && standing(bound, sources, value).is_some()
}

/// Some instructions over a block, in loops of so many elements.
struct Steps<'a, 's, 'r, const C: usize> {
    bound: &'a Bound,
    at: At<'r>,
    registers: &'a mut [Box<Register>],
    sources: &'a mut Sources<'s>,
    steps: &'a [usize],
    first: usize,
    count: usize,
    accumulated: &'s [f32],
}

impl<'s, 'r: 's, const C: usize> WithSimd for Steps<'_, 's, 'r, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { bound, at, registers, sources, steps, first, count, accumulated } = self;
        let spare = bound.registers - 1;
        let vectors = count.next_multiple_of(C).min(BLOCK);
        for &i in steps {
            let code = bound.codes[i];
            match code {
                Code::Plain(Instruction::Load(leaf, _)) if count == BLOCK && bound.places[leaf].direct => {
                    let place = &bound.places[leaf];
                    let begin = place.offset + at.replica * place.stride + first;
                    sources.leaves[leaf] = at.view.get(place.leaf.arena, begin, BLOCK).try_into().ok();
                    continue;
                }
                Code::Plain(Instruction::Accumulated) if sources.accumulated.is_some() => continue,
                _ => {}
            }
            // The register that is written is taken out: no operand is ever the same.
            let target = bound.register[i];
            registers.swap(spare, target);
            let (operands, out) = registers.split_at_mut(spare);
            let out = &mut out[0].0;
            // Not a closure, which would be compiled without the vector instructions unless it is inlined.
            macro_rules! of {
                ($value:expr) => {
                    of(bound, operands, sources, $value)
                };
            }
            match code {
                Code::Plain(instruction) => match instruction {
                    Instruction::Constant(bits) => out[..vectors].fill(f32::from_bits(bits)),
                    Instruction::Parameter(p, _) => out[..vectors].fill(f32::from_bits(bound.parameters[p])),
                    Instruction::Load(leaf, _) => {
                        leaves::load(bound, at, &bound.places[leaf], first, count, &mut out[..vectors]);
                    }
                    Instruction::Gather(leaf, row, _) => {
                        let (place, whole) = (&bound.places[leaf], bound.row_wise[row]);
                        leaves::gather(bound, at, place, of!(row), whole, first, &mut out[..count]);
                    }
                    Instruction::Accumulated => out[..count].copy_from_slice(&accumulated[..count]),
                    // Rows are counted on: a division for each element costs more than all the rest.
                    Instruction::Column => leaves::by_row(first, count, bound.columns, |to, column, _| {
                        (column as u32..).zip(&mut out[to]).for_each(|(c, o)| *o = c as f32);
                    }),
                    Instruction::Row => {
                        leaves::by_row(first, count, bound.columns, |to, _, row| out[to].fill(row as f32));
                    }
                    Instruction::Unary(function, x) => function.apply(functions::Map::<C> { x: of!(x), out, vectors }),
                    Instruction::Binary(function, a, b) => {
                        function.apply(functions::Zip::<C> { a: of!(a), b: of!(b), out, vectors })
                    }
                    Instruction::Select(c, a, b) => functions::select::<C>([of!(c), of!(a), of!(b)], out, vectors),
                    Instruction::Random { distribution, seed, purpose, step } => {
                        let keys = [seed, purpose, step];
                        draws::random(bound, distribution, keys, keys.map(|v| of!(v)), first, &mut out[..count]);
                    }
                    Instruction::Draw { draw, seed, purpose, step, examples, batch } => {
                        let keys = [seed, purpose, step, examples, batch];
                        draws::draws(bound, draw, keys, keys.map(|v| of!(v)), first, &mut out[..count]);
                    }
                },
                Code::MulAdd { x, y, c, negated } => {
                    functions::mul_add::<C>([of!(x), of!(y), of!(c)], negated, out, vectors);
                }
                Code::Average { x, y, z, w, squared } => {
                    functions::average::<C>([of!(x), of!(y), of!(z), of!(w)], squared, out, vectors);
                }
                Code::Adaptive { base, rate, first, scale, second, root, epsilon } => {
                    let values = [base, rate, first, scale, second, root, epsilon].map(|v| of!(v));
                    functions::adaptive::<C>(values, out, vectors);
                }
                Code::Choose { .. } | Code::Gone => {}
            }
            registers.swap(spare, target);
        }
    }
}
