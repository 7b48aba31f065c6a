//! Elementwise programs on the CPU, a block of elements at a time.

use super::program::{Binary, DType, Distribution, Draw, Instruction, Pattern, Program, Target, Unary};
use super::{Memory, random};

/// Elements evaluated together: long enough to hide the walk over the instructions.
pub(super) const BLOCK: usize = 256;

/// Registers of one program: a block of words per instruction.
#[derive(Default)]
pub(super) struct Registers {
    words: Vec<[u32; BLOCK]>,
}

/// What surrounds the elements of a block.
pub(super) struct Block<'a> {
    /// The program's words of the job.
    pub words: &'a [u32],
    /// The replica.
    pub replica: usize,
    /// Elements of the whole tensor (used by rings).
    pub count: usize,
    /// The last extent.
    pub columns: usize,
    /// Index of each element.
    pub elements: &'a [usize],
    /// The enclosing kernel's value for each element; empty outside one.
    pub accumulated: &'a [f32],
}

impl Program {
    fn base(&self, at: usize, block: &Block) -> usize {
        block.words[at] as usize + block.replica * block.words[at + 1] as usize
    }

    fn leaf_index(&self, leaf: usize, element: usize, block: &Block) -> usize {
        let at = self.leaf_at(leaf);
        match self.leaves[leaf].pattern {
            Pattern::Full => element,
            Pattern::Scalar => 0,
            Pattern::Row => element % block.columns,
            Pattern::Column => element / block.columns,
            Pattern::Strided => {
                let (mut rest, mut index) = (element, 0);
                for d in (0..4).rev() {
                    let extent = block.words[d] as usize;
                    let coordinate = if d == 0 { rest } else { rest % extent };
                    rest /= extent.max(1);
                    index += coordinate * block.words[at + 2 + d] as usize;
                }
                index
            }
        }
    }

    /// Evaluates the program on a block and returns the registers of each value.
    pub(super) fn evaluate<'r>(
        &self,
        registers: &'r mut Registers,
        block: &Block,
        memory: &Memory,
    ) -> &'r [[u32; BLOCK]] {
        registers.words.resize(self.instructions.len().max(registers.words.len()), [0; BLOCK]);
        for (n, instruction) in self.instructions.iter().enumerate() {
            let (earlier, later) = registers.words.split_at_mut(n);
            let out = &mut later[0];
            let f = |value: usize, i: usize| f32::from_bits(earlier[value][i]);
            let u = |value: usize, i: usize| earlier[value][i];
            let elements = block.elements;
            match *instruction {
                Instruction::Constant(bits) => out[..elements.len()].fill(bits),
                Instruction::Parameter(p, _) => out[..elements.len()].fill(block.words[self.parameters_at() + p]),
                Instruction::Load(leaf, _) => {
                    let base = self.base(self.leaf_at(leaf), block);
                    let arena = self.leaves[leaf].arena;
                    for (o, &e) in out.iter_mut().zip(elements) {
                        *o = memory.bits(arena, base + self.leaf_index(leaf, e, block));
                    }
                }
                Instruction::Gather(leaf, row, _) => {
                    let base = self.base(self.leaf_at(leaf), block);
                    for (i, &e) in elements.iter().enumerate() {
                        let index = u(row, i) as usize * block.columns + e % block.columns;
                        out[i] = memory.bits(self.leaves[leaf].arena, base + index);
                    }
                }
                Instruction::Accumulated => {
                    for (o, x) in out.iter_mut().zip(block.accumulated) {
                        *o = x.to_bits();
                    }
                }
                Instruction::Column => {
                    for (o, &e) in out.iter_mut().zip(elements) {
                        *o = ((e % block.columns) as f32).to_bits();
                    }
                }
                Instruction::Row => {
                    for (o, &e) in out.iter_mut().zip(elements) {
                        *o = ((e / block.columns) as f32).to_bits();
                    }
                }
                Instruction::Unary(Unary::ToFloat, x) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = (u(x, i) as f32).to_bits();
                    }
                }
                Instruction::Unary(Unary::ToInteger, x) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = f(x, i) as u32;
                    }
                }
                Instruction::Unary(function, x) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = unary(function, f(x, i)).to_bits();
                    }
                }
                Instruction::Binary(Binary::AddInteger, a, b) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = u(a, i).wrapping_add(u(b, i));
                    }
                }
                Instruction::Binary(function, a, b) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = binary(function, f(a, i), f(b, i)).to_bits();
                    }
                }
                Instruction::Select(c, a, b) => {
                    for (i, o) in out[..elements.len()].iter_mut().enumerate() {
                        *o = if f(c, i) != 0.0 { u(a, i) } else { u(b, i) };
                    }
                }
                Instruction::Random { distribution, seed, purpose, step } => {
                    let draw = match distribution {
                        Distribution::Uniform => random::uniform,
                        Distribution::Normal => random::normal,
                        Distribution::TruncatedNormal => random::truncated,
                    };
                    for (i, &e) in elements.iter().enumerate() {
                        out[i] = draw(u(seed, i), u(purpose, i), u(step, i), e as u32).to_bits();
                    }
                }
                Instruction::Draw { draw, seed, purpose, step, examples, batch } => {
                    for (i, &e) in elements.iter().enumerate() {
                        let (s, p, t, m, b) = (u(seed, i), u(purpose, i), u(step, i), u(examples, i), u(batch, i));
                        out[i] = match draw {
                            Draw::Shuffled => {
                                let place = t.wrapping_mul(b).wrapping_add(e as u32);
                                random::permuted(s, p, place / m, place % m, m)
                            }
                            Draw::Replacement => random::threefry([s, p], [t, e as u32])[0] % m,
                            Draw::Permutation => random::permuted(s, p, t, b, m),
                            Draw::Choice => random::choice(s, p, t, b, m),
                        };
                    }
                }
            }
        }
        &registers.words
    }

    /// Evaluates the program on a block and stores its outputs.
    pub(super) fn run(&self, registers: &mut Registers, block: &Block, memory: &mut Memory) {
        self.evaluate(registers, block, memory);
        for (i, output) in self.outputs.iter().enumerate() {
            let at = self.output_at(i);
            let base = self.base(at, block);
            for (j, &element) in block.elements.iter().enumerate() {
                let index = match output.target {
                    Target::Flag => {
                        if f32::from_bits(registers.words[output.value][j]) != 0.0 {
                            memory.arena_mut(output.arena)[base] = 1.0;
                        }
                        continue;
                    }
                    Target::Full => element,
                    Target::Ring(step) => {
                        let place = registers.words[step][j] as usize % block.words[at + 2].max(1) as usize;
                        place * block.count + element
                    }
                };
                memory.set_bits(output.arena, base + index, registers.words[output.value][j]);
            }
        }
    }

    /// The float value of instruction `value` after [`Program::evaluate`].
    pub(super) fn float(&self, registers: &Registers, value: usize, i: usize) -> f32 {
        debug_assert_eq!(self.dtype(value), DType::F32);
        f32::from_bits(registers.words[value][i])
    }
}

fn unary(f: Unary, x: f32) -> f32 {
    match f {
        Unary::Negate => -x,
        Unary::Abs => x.abs(),
        Unary::Sign => {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                0.0
            }
        }
        Unary::Square => x * x,
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Erf => erf(x),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Leaky(bits) => {
            if x < 0.0 {
                if bits == 0 { 0.0 } else { x * f32::from_bits(bits) }
            } else {
                x
            }
        }
        Unary::Elu(bits) => {
            if x < 0.0 {
                f32::from_bits(bits) * x.exp_m1()
            } else {
                x
            }
        }
        Unary::IsFinite => f32::from(u8::from(x.is_finite())),
        Unary::Floor => x.floor(),
        Unary::ToFloat | Unary::ToInteger => unreachable!("handled by the caller, which knows both types"),
    }
}

fn binary(f: Binary, a: f32, b: f32) -> f32 {
    let truth = |t: bool| f32::from(u8::from(t));
    match f {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::Greater => truth(a > b),
        Binary::AtLeast => truth(a >= b),
        Binary::Equal => truth(a == b),
        Binary::AddInteger => unreachable!("handled by the caller, which knows both types"),
    }
}

/// Error function in f64: the Maclaurin series where it converges fast, a continued fraction for the complement beyond.
fn erf(x: f32) -> f32 {
    let a = f64::from(x).abs();
    if a.is_nan() {
        return x;
    }
    let value = if a < 3.0 {
        let (mut term, mut sum, mut n) = (a, a, 0.0);
        while term.abs() > 1e-17 * sum.abs() && n < 200.0 {
            n += 1.0;
            term *= -a * a / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else if a > 6.0 {
        1.0
    } else {
        let mut fraction = a;
        for k in (1..60).rev() {
            fraction = a + f64::from(k) / 2.0 / fraction;
        }
        1.0 - (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt())
    };
    (value.copysign(f64::from(x))) as f32
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_error_function_has_its_tabulated_values() {
        // Abramowitz and Stegun, table 7.1.
        for (x, y) in
            [(0.5, 0.520_499_9), (1.0, 0.842_700_8), (2.0, 0.995_322_3), (3.2, 0.999_994), (-1.0, -0.842_700_8)]
        {
            assert!((super::erf(x) - y as f32).abs() < 1e-6, "erf({x})");
        }
    }
}
