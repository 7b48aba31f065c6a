//! Instructions as the processor computes them: some programs' fewer than they were.

use crate::kernels::program::{Binary, Instruction, Level, Program, Target, Unary, Value};

/// An instruction as it is computed here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Code {
    /// As it stands.
    Plain(Instruction),
    /// `x y + c`, either term negated, rounded once.
    MulAdd { x: Value, y: Value, c: Value, negated: [bool; 2] },
    /// `x y + z w`, or with `w` squared: a moving average.
    Average { x: Value, y: Value, z: Value, w: Value, squared: bool },
    /// `base - rate (first scale) / (sqrt(second) root + epsilon)`: a step of an adaptive optimiser.
    Adaptive { base: Value, rate: Value, first: Value, scale: Value, second: Value, root: Value, epsilon: Value },
    /// One value or the other for all elements: nothing is computed, and what reads it reads the one.
    Choose { c: Value, a: Value, b: Value },
    /// Part of another, or of a test as it is stored.
    Gone,
}

/// A flag that tells that something is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsound {
    /// What raises it.
    pub value: Value,
    /// Where this, which is the same everywhere, is not zero.
    pub when: Option<Value>,
}

/// The codes of a program's instructions, and of each output what raises a flag by not being finite, if that is what the output is.
/// `wanted` are values that are used beside the outputs.
pub(super) fn codes(program: &Program, wanted: &[Value]) -> (Vec<Code>, Vec<Option<Unsound>>) {
    let mut codes: Vec<Code> = program.instructions.iter().map(|&i| Code::Plain(i)).collect();
    let mut uses = vec![0i32; codes.len()];
    codes.iter().flat_map(operands).for_each(|v| uses[v] += 1);
    let stored = program.outputs.iter().flat_map(|o| match o.target {
        Target::Ring(step) => vec![o.value, step],
        _ => vec![o.value],
    });
    stored.chain(wanted.iter().copied()).for_each(|v| uses[v] += 1);
    let levels = program.levels();
    let unsound = program.outputs.iter().map(|output| {
        if output.target != Target::Flag {
            return None;
        }
        // What raises the flag may be left out as a whole.
        let (test, when) = match codes[output.value] {
            Code::Plain(Instruction::Binary(Binary::Mul, a, b)) if levels[b] == Level::Uniform => (a, Some(b)),
            _ => (output.value, None),
        };
        let [x, finite] = not_finite(&codes, test)?;
        let parts = [when.map(|_| output.value), Some(test), Some(finite)];
        for v in parts.into_iter().flatten() {
            uses[v] -= 1;
            if uses[v] > 0 {
                break;
            }
            operands(&codes[v]).filter(|&v| v != test && v != finite).for_each(|v| uses[v] -= 1);
            codes[v] = Code::Gone;
        }
        [Some(x), when].into_iter().flatten().for_each(|v| uses[v] += 1);
        Some(Unsound { value: x, when })
    });
    let unsound = unsound.collect();
    for i in 0..codes.len() {
        match codes[i] {
            Code::Plain(Instruction::Binary(function @ (Binary::Add | Binary::Sub), a, b)) => {
                let product = |v: Value| match codes[v] {
                    Code::Plain(Instruction::Binary(Binary::Mul, x, y)) if uses[v] == 1 => Some([x, y]),
                    _ => None,
                };
                let difference = function == Binary::Sub;
                let alone = |v: Value| (uses[v] == 1).then(|| codes[v]);
                let (gone, code) = match (product(a), product(b)) {
                    (Some([x, y]), Some([z, w])) if !difference => match alone(w) {
                        Some(Code::Plain(Instruction::Unary(Unary::Square, own))) => {
                            (vec![a, b, w], Code::Average { x, y, z, w: own, squared: true })
                        }
                        _ => (vec![a, b], Code::Average { x, y, z, w, squared: false }),
                    },
                    (_, Some([rate, quotient])) if difference => match adaptive(&codes, &uses, quotient) {
                        Some((gone, [first, scale, second, root, epsilon])) => {
                            let code = Code::Adaptive { base: a, rate, first, scale, second, root, epsilon };
                            ([gone, vec![b, quotient]].concat(), code)
                        }
                        None => (vec![b], Code::MulAdd { x: rate, y: quotient, c: a, negated: [true, false] }),
                    },
                    (_, Some([x, y])) => (vec![b], Code::MulAdd { x, y, c: a, negated: [false, false] }),
                    (Some([x, y]), _) => (vec![a], Code::MulAdd { x, y, c: b, negated: [false, difference] }),
                    _ => continue,
                };
                gone.into_iter().for_each(|v| codes[v] = Code::Gone);
                codes[i] = code;
            }
            Code::Plain(Instruction::Select(c, a, b)) if levels[c] == Level::Uniform && levels[i] != Level::Uniform => {
                codes[i] = Code::Choose { c, a, b };
            }
            _ => {}
        }
    }
    (codes, unsound)
}

/// Of `(first scale) / (sqrt(second) root + epsilon)` whose parts are used nowhere else, those parts and what they are of.
fn adaptive(codes: &[Code], uses: &[i32], quotient: Value) -> Option<(Vec<Value>, [Value; 5])> {
    let alone = |v: Value| (uses[v] == 1).then(|| codes[v]);
    let Code::Plain(Instruction::Binary(Binary::Div, above, below)) = alone(quotient)? else { return None };
    let Code::Plain(Instruction::Binary(Binary::Mul, first, scale)) = alone(above)? else { return None };
    let Code::MulAdd { x, y, c: epsilon, negated: [false, false] } = alone(below)? else { return None };
    let Code::Plain(Instruction::Unary(Unary::Sqrt, second)) = alone(x)? else { return None };
    Some((vec![above, below, x], [first, scale, second, y, epsilon]))
}

/// Of `1 - is_finite(x)`, `x` and the test.
fn not_finite(codes: &[Code], value: Value) -> Option<[Value; 2]> {
    let Code::Plain(Instruction::Binary(Binary::Sub, one, finite)) = codes[value] else { return None };
    let Code::Plain(Instruction::Unary(Unary::IsFinite, x)) = codes[finite] else { return None };
    matches!(codes[one], Code::Plain(Instruction::Constant(bits)) if bits == 1.0f32.to_bits()).then_some([x, finite])
}

/// The values that an instruction uses.
pub(super) fn operands(code: &Code) -> impl Iterator<Item = Value> + use<> {
    let list = match *code {
        Code::Gone => Vec::new(),
        Code::MulAdd { x, y, c, .. } => vec![x, y, c],
        Code::Average { x, y, z, w, .. } => vec![x, y, z, w],
        Code::Adaptive { base, rate, first, scale, second, root, epsilon } => {
            vec![base, rate, first, scale, second, root, epsilon]
        }
        Code::Choose { c, a, b } => vec![c, a, b],
        Code::Plain(instruction) => match instruction {
            Instruction::Gather(_, a, _) | Instruction::Unary(_, a) => vec![a],
            Instruction::Binary(_, a, b) => vec![a, b],
            Instruction::Select(a, b, c) => vec![a, b, c],
            Instruction::Random { seed, purpose, step, .. } => vec![seed, purpose, step],
            Instruction::Draw { seed, purpose, step, examples, batch, .. } => {
                vec![seed, purpose, step, examples, batch]
            }
            _ => Vec::new(),
        },
    };
    list.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Arena;
    use crate::kernels::program::{DType, Leaf, Output, Pattern};

    #[test]
    fn a_guarded_update_becomes_a_sum_a_choice_and_a_test() {
        let leaf = |pattern| Leaf { arena: Arena::State, pattern, vector: false };
        let output = |value, target| Output { value, arena: Arena::State, target, vector: false };
        use Instruction as I;
        let program = Program {
            leaves: vec![leaf(Pattern::Full), leaf(Pattern::Full), leaf(Pattern::Scalar)],
            parameters: 0,
            instructions: vec![
                I::Load(0, DType::F32),
                I::Load(1, DType::F32),
                I::Load(2, DType::F32),
                I::Binary(Binary::Mul, 2, 1),
                I::Binary(Binary::Sub, 0, 3),
                I::Select(2, 4, 0),
                I::Constant(1.0f32.to_bits()),
                I::Unary(Unary::IsFinite, 4),
                I::Binary(Binary::Sub, 6, 7),
            ],
            outputs: vec![output(5, Target::Full), output(8, Target::Flag)],
        };
        let (codes, unsound) = codes(&program, &[]);
        assert_eq!(unsound, [None, Some(Unsound { value: 4, when: None })]);
        assert!(matches!(codes[4], Code::MulAdd { x: 2, y: 1, c: 0, negated: [true, false] }));
        assert!(matches!(codes[5], Code::Choose { c: 2, a: 4, b: 0 }));
        assert!([3, 7, 8].iter().all(|&i: &usize| matches!(codes[i], Code::Gone)));
    }
}
