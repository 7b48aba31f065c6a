//! An optimiser's step in one pass: what it updates is read, moved and written back while its values are in registers.
//!
//! Run as any other program, each instruction would read its operands from the nearest cache and write its result there,
//! and what is new would be copied to its place at the end. The operations are those of the program, in its order, so that
//! the bits are the same.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::code::{Code, Unsound};
use super::places::{Place, Stored};
use crate::kernels::At;
use crate::kernels::program::{Instruction, Level, Pattern, Target, Value};

/// Elements of the inner loops: a fixed number, so that they become whole vectors of any width.
const CHUNK: usize = 16;

/// The exponent of what is not finite.
const NOT_FINITE: u32 = 0x7f80_0000;

/// A parameter's step, and that of its moments.
#[derive(Clone, Debug)]
pub(super) struct Update {
    rule: Rule,
    /// It is done where this is not zero, and nothing moves otherwise.
    pub moves: Value,
    /// Number of the parameter among what is stored.
    parameter: usize,
    /// Number of a flag that is raised where anything is not finite afterwards.
    flag: Option<usize>,
}

/// What moves a parameter along the enclosing kernel's value. Values depend on no element; moments are by their number among
/// what is stored.
#[derive(Clone, Debug)]
enum Rule {
    /// `p - rate g`
    Descent { rate: Value },
    /// `v = momentum v + g`, `p - rate v`
    Momentum { momentum: Value, velocity: usize, rate: Value },
    /// `m = a m + b g`, `v = c v + d g²`, `p - rate (m scale) / (sqrt(v) root + epsilon)`
    Adaptive { first: usize, second: usize, values: [Value; 8] },
}

impl Update {
    /// The step that a program is, if it is one and no more: `each` are the codes that depend on the element.
    pub fn recognise(
        codes: &[Code],
        levels: &[Level],
        each: &[usize],
        places: &[Place],
        stored: &[Stored],
    ) -> Option<Self> {
        let uniform = |v: Value| (levels[v] == Level::Uniform).then_some(v);
        let gradient = |v: Value| matches!(codes[v], Code::Plain(Instruction::Accumulated)).then_some(());
        // What is stored, as it is where it moves; in place of what was there.
        let mut moves = None;
        let (mut moved, mut flags) = (Vec::new(), Vec::new());
        for (number, own) in stored.iter().enumerate() {
            match own.output.target {
                Target::Flag => flags.push((number, own.unsound?)),
                Target::Full => {
                    let (new, old) = match codes[own.output.value] {
                        Code::Choose { c, a, b } if moves.is_none_or(|known| known == c) => {
                            moves = Some(c);
                            (a, b)
                        }
                        _ => return None,
                    };
                    let Code::Plain(Instruction::Load(leaf, _)) = codes[old] else { return None };
                    let from = &places[leaf];
                    let in_place = from.leaf.pattern == Pattern::Full
                        && (from.leaf.arena, from.offset, from.stride) == (own.output.arena, own.offset, own.stride);
                    if !in_place {
                        return None;
                    }
                    moved.push((number, new, old));
                }
                _ => return None,
            }
        }
        // A product of a number and a moment's old value, either way about.
        let of_moment = |[a, b]: [Value; 2]| {
            let found = |v: Value| moved.iter().find(|(_, _, old)| *old == v).map(|(number, new, _)| (*number, *new));
            match (uniform(a), found(b), uniform(b), found(a)) {
                (Some(by), Some(of), ..) | (_, _, Some(by), Some(of)) => Some((by, of)),
                _ => None,
            }
        };
        let of_gradient = |[a, b]: [Value; 2]| match (uniform(a), uniform(b)) {
            (Some(by), _) if gradient(b).is_some() => Some(by),
            (_, Some(by)) if gradient(a).is_some() => Some(by),
            _ => None,
        };
        let average = |v: Value, wanted: bool| match codes[v] {
            Code::Average { x, y, z, w, squared } if squared == wanted => {
                let (kept, (number, new)) = of_moment([x, y])?;
                let taken = if squared { gradient(w).and(uniform(z)) } else { of_gradient([z, w]) }?;
                (new == v).then_some((number, kept, taken))
            }
            _ => None,
        };
        let of_parameter = |&(number, new, old): &(usize, Value, Value)| {
            let rule = match codes[new] {
                Code::MulAdd { x, y, c, negated: [true, false] } if c == old => {
                    let rate = uniform(x)?;
                    match codes[y] {
                        Code::Plain(Instruction::Accumulated) => Rule::Descent { rate },
                        Code::MulAdd { x, y: of, c, negated: [false, false] } => {
                            gradient(c)?;
                            let (momentum, (velocity, new)) = of_moment([x, of])?;
                            (new == y).then_some(Rule::Momentum { momentum, velocity, rate })?
                        }
                        _ => return None,
                    }
                }
                Code::Adaptive { base, rate, first, scale, second, root, epsilon } if base == old => {
                    let (m, a, b) = average(first, false)?;
                    let (v, c, d) = average(second, true)?;
                    let numbers = [rate, scale, root, epsilon];
                    numbers.iter().all(|&n| uniform(n).is_some()).then_some(())?;
                    Rule::Adaptive { first: m, second: v, values: [a, b, c, d, rate, scale, root, epsilon] }
                }
                _ => return None,
            };
            Some((number, rule))
        };
        let (parameter, rule) = moved.iter().find_map(of_parameter)?;
        let moments = match rule {
            Rule::Descent { .. } => 0,
            Rule::Momentum { .. } => 1,
            Rule::Adaptive { .. } => 2,
        };
        // Nothing else is computed or stored: the old values, the gradient and the new ones.
        let whole = moved.len() == moments + 1 && each.len() == 2 * moved.len() + 1;
        // One flag for all that is new, or none.
        let place = |(number, _): &(usize, Unsound)| {
            let own: &Stored = &stored[*number];
            (own.output.arena, own.offset, own.stride)
        };
        let all = moved.iter().all(|(_, new, _)| flags.iter().any(|(_, unsound)| unsound.value == *new));
        let same =
            flags.iter().all(|flag| place(flag) == place(&flags[0]) && flag.1.when.is_none_or(|w| moves == Some(w)));
        let flagged = flags.is_empty() || (flags.len() == moved.len() && all && same);
        let flag = flags.first().map(|(number, _)| *number);
        (whole && flagged).then_some(Self { rule, moves: moves?, parameter, flag })
    }

    /// Moves a range of elements along `gradient`. `value` gives what depends on no element.
    pub fn run(
        &self,
        at: At,
        stored: &[Stored],
        value: impl Fn(Value) -> f32,
        elements: Range<usize>,
        gradient: &[f32],
    ) {
        let of = |number: usize| {
            let own: &Stored = &stored[number];
            let first = own.offset + at.replica * own.stride + elements.start;
            at.view.get_mut(own.output.arena, first, elements.len())
        };
        let parameter = of(self.parameter);
        let unsound = match self.rule {
            Rule::Descent { rate } => {
                let step = Descent { rate: value(rate) };
                at.isa.run(Pass { step, moments: [], parameter, gradient })
            }
            Rule::Momentum { momentum, velocity, rate } => {
                let step = Momentum { momentum: value(momentum), rate: value(rate) };
                at.isa.run(Pass { step, moments: [of(velocity)], parameter, gradient })
            }
            Rule::Adaptive { first, second, values } => {
                let step = Adaptive(values.map(value));
                at.isa.run(Pass { step, moments: [of(first), of(second)], parameter, gradient })
            }
        };
        if let (true, Some(flag)) = (unsound, self.flag) {
            let own = &stored[flag];
            at.view.raise(own.output.arena, own.offset + at.replica * own.stride);
        }
    }
}

/// One element's step.
trait Step<const M: usize>: Copy {
    /// The parameter after it, and its moments, which are moved.
    fn step(self, parameter: f32, moments: &mut [f32; M], gradient: f32) -> f32;
}

#[derive(Clone, Copy)]
struct Descent {
    rate: f32,
}

impl Step<0> for Descent {
    #[inline(always)]
    fn step(self, parameter: f32, _: &mut [f32; 0], gradient: f32) -> f32 {
        (-self.rate).mul_add(gradient, parameter)
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    momentum: f32,
    rate: f32,
}

impl Step<1> for Momentum {
    #[inline(always)]
    fn step(self, parameter: f32, [velocity]: &mut [f32; 1], gradient: f32) -> f32 {
        *velocity = self.momentum.mul_add(*velocity, gradient);
        (-self.rate).mul_add(*velocity, parameter)
    }
}

#[derive(Clone, Copy)]
struct Adaptive([f32; 8]);

impl Step<2> for Adaptive {
    #[inline(always)]
    fn step(self, parameter: f32, [first, second]: &mut [f32; 2], gradient: f32) -> f32 {
        let Self([a, b, c, d, rate, scale, root, epsilon]) = self;
        *first = b.mul_add(gradient, a * *first);
        *second = d.mul_add(gradient * gradient, c * *second);
        let quotient = *first * scale / second.sqrt().mul_add(root, epsilon);
        (-rate).mul_add(quotient, parameter)
    }
}

/// A step over elements; gives whether anything is not finite afterwards.
struct Pass<'a, S, const M: usize> {
    step: S,
    parameter: &'a mut [f32],
    moments: [&'a mut [f32]; M],
    gradient: &'a [f32],
}

impl<R: Step<M>, const M: usize> WithSimd for Pass<'_, R, M> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        let Self { step, parameter, mut moments, gradient } = self;
        let whole = parameter.len() / CHUNK * CHUNK;
        let mut most = [0; CHUNK];
        for start in (0..whole).step_by(CHUNK) {
            most = over::<R, M, CHUNK>(step, parameter, &mut moments, gradient, start, most);
        }
        let mut last = [0];
        for start in whole..parameter.len() {
            last = over::<R, M, 1>(step, parameter, &mut moments, gradient, start, last);
        }
        most.into_iter().chain(last).any(|exponent| exponent == NOT_FINITE)
    }
}

/// The step of so many elements; and the largest exponent bits of each lane.
#[inline(always)]
fn over<R: Step<M>, const M: usize, const C: usize>(
    step: R,
    parameter: &mut [f32],
    moments: &mut [&mut [f32]; M],
    gradient: &[f32],
    start: usize,
    mut most: [u32; C],
) -> [u32; C] {
    let read = |from: &[f32]| -> [f32; C] { from[start..start + C].try_into().expect("a chunk is so long") };
    let (mut p, g) = (read(parameter), read(gradient));
    let mut m: [[f32; C]; M] = std::array::from_fn(|k| read(moments[k]));
    for i in 0..C {
        let mut own: [f32; M] = std::array::from_fn(|k| m[k][i]);
        p[i] = step.step(p[i], &mut own, g[i]);
        (0..M).for_each(|k| m[k][i] = own[k]);
        most[i] = most[i].max(p[i].to_bits() & NOT_FINITE);
        (0..M).for_each(|k| most[i] = most[i].max(own[k].to_bits() & NOT_FINITE));
    }
    parameter[start..start + C].copy_from_slice(&p);
    (0..M).for_each(|k| moments[k][start..start + C].copy_from_slice(&m[k]));
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, Memory};
    use crate::kernels::Arena;
    use crate::kernels::program::{Binary, DType, Leaf, Output, Program, Unary};
    use crate::kernels::program_native::{Bound, Registers};

    /// A step of Adam over so many elements: its scalars at 0, then the parameter and its moments; the flag is last.
    fn adam(count: usize) -> (Program, Vec<u32>) {
        use Instruction as I;
        let leaf = |pattern| Leaf { arena: Arena::State, pattern, vector: false };
        let output = |value, target| Output { value, arena: Arena::State, target, vector: false };
        let two = I::Binary;
        let scalars = 9;
        let program = Program {
            leaves: [[Pattern::Full; 3].as_slice(), [Pattern::Scalar; 9].as_slice()]
                .concat()
                .into_iter()
                .map(leaf)
                .collect(),
            parameters: 0,
            instructions: [
                (0..12).map(|i| I::Load(i, DType::F32)).collect::<Vec<_>>(),
                vec![
                    I::Accumulated,              // 12
                    two(Binary::Mul, 4, 1),      // 13
                    two(Binary::Mul, 5, 12),     // 14
                    two(Binary::Add, 13, 14),    // 15: the first moment
                    two(Binary::Mul, 6, 2),      // 16
                    I::Unary(Unary::Square, 12), // 17
                    two(Binary::Mul, 7, 17),     // 18
                    two(Binary::Add, 16, 18),    // 19: the second
                    I::Unary(Unary::Sqrt, 19),   // 20
                    two(Binary::Mul, 20, 10),    // 21
                    two(Binary::Add, 21, 11),    // 22
                    two(Binary::Mul, 15, 9),     // 23
                    two(Binary::Div, 23, 22),    // 24
                    two(Binary::Mul, 8, 24),     // 25
                    two(Binary::Sub, 0, 25),     // 26: the parameter
                    I::Select(3, 26, 0),         // 27
                    I::Select(3, 15, 1),         // 28
                    I::Select(3, 19, 2),         // 29
                    I::Constant(1f32.to_bits()), // 30
                ],
                [26, 15, 19]
                    .into_iter()
                    .zip([31, 34, 37])
                    .flat_map(|(v, at)| {
                        [I::Unary(Unary::IsFinite, v), two(Binary::Sub, 30, at), two(Binary::Mul, at + 1, 3)]
                    })
                    .collect(),
            ]
            .concat(),
            outputs: [27, 28, 29]
                .map(|v| output(v, Target::Full))
                .into_iter()
                .chain([33, 36, 39].map(|v| output(v, Target::Flag)))
                .collect(),
        };
        let of = |k: usize| [(scalars + k * count) as u32, 0];
        let full = (0..3).flat_map(of);
        let words = full.clone().chain((0..9).flat_map(|k| [k, 0])).chain(full).chain([of(3); 3].concat());
        (program, words.collect())
    }

    #[test]
    fn a_step_has_the_bits_of_its_program() {
        for (count, moves, wrong) in [(1, 1.0, None), (37, 1.0, None), (300, 1.0, Some(299)), (300, 0.0, Some(7))] {
            let (program, words) = adam(count);
            let bound = Bound::new(&program, &words, count, count, &[]);
            assert!(bound.update.is_some());
            let mut plain = bound.clone();
            plain.update = None;
            let mut gradient: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37).sin()).collect();
            wrong.into_iter().for_each(|i: usize| gradient[i] = f32::INFINITY);
            for isa in Isa::available() {
                let [one, other] = [&bound, &plain].map(|bound| {
                    let mut memory = Memory::new([0, 0, 0, 0].map(|_: usize| 9 + 3 * count + 1));
                    let state = memory.arena_mut(Arena::State);
                    state[..9].copy_from_slice(&[moves, 0.9, 0.1, 0.999, 0.001, 0.01, 1.3, 1.1, 1e-8]);
                    state[9..9 + 3 * count]
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, x)| *x = (i as f32 * 0.11).cos().abs());
                    let at = At { isa, replica: 0, view: memory.view() };
                    bound.start(at, &mut Registers::default()).store_all(0..count, &gradient);
                    memory.arena(Arena::State).iter().map(|x| x.to_bits()).collect::<Vec<_>>()
                });
                assert_eq!(one, other, "{count} elements, {isa}");
                let raised = one[9 + 3 * count] != 0;
                assert_eq!(raised, wrong.is_some() && moves != 0.0);
            }
        }
    }
}
