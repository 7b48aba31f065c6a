//! Elementwise programs as WGSL statements.

use std::fmt::Write;

use super::program::{Binary, DType, Distribution, Draw, Instruction, Pattern, Program, Target, Unary, Value};
use super::template::literal;

/// Names of what surrounds a program in its kernel.
pub struct Frame<'a> {
    /// Expression of the position of the program's words in `table`.
    pub words: &'a str,
    /// Expression of the element's index.
    pub element: &'a str,
    /// Expression of the number of elements (used by rings).
    pub count: &'a str,
    /// Expression of the last extent.
    pub columns: &'a str,
    /// Expression of the index over the last extent.
    pub row: &'a str,
    /// Expression of the coordinate along the last axis.
    pub column: &'a str,
    /// Expression of the replica.
    pub replica: &'a str,
    /// Expression of the enclosing kernel's value.
    pub accumulated: &'a str,
    /// Prefix of the names of values.
    pub prefix: &'a str,
}

impl Program {
    /// Statements that bind the places of leaves and outputs, once before any loop: drivers cannot know that stores
    /// leave the table alone, and would read it again for each element.
    pub fn emit_bases(&self, frame: &Frame) -> String {
        let (mut text, w, p) = (String::new(), frame.words, frame.prefix);
        let places = (0..self.leaves.len())
            .map(|i| (format!("{p}in{i}"), self.leaf_at(i)))
            .chain((0..self.outputs.len()).map(|i| (format!("{p}out{i}"), self.output_at(i))));
        for (name, at) in places {
            let _ =
                writeln!(text, "    let {name} = table[{w} + {at}u] + {} * table[{w} + {}u];", frame.replica, at + 1);
        }
        for i in 0..self.parameters {
            let _ = writeln!(text, "    let {p}word{i} = table[{w} + {}u];", self.parameters_at() + i);
        }
        text
    }

    /// Statements that bind each value to `<prefix><n>`.
    pub fn emit_values(&self, frame: &Frame) -> String {
        let mut text = String::new();
        if self.strided() {
            // Coordinates of the element in four extents, last fastest.
            let (w, e, p) = (frame.words, frame.element, frame.prefix);
            let _ = writeln!(
                text,
                "    let {p}d1 = table[{w} + 1u]; let {p}d2 = table[{w} + 2u]; let {p}d3 = table[{w} + 3u];\n    \
                 let {p}c3 = {e} % {p}d3; let {p}q3 = {e} / {p}d3;\n    \
                 let {p}c2 = {p}q3 % {p}d2; let {p}q2 = {p}q3 / {p}d2;\n    \
                 let {p}c1 = {p}q2 % {p}d1; let {p}c0 = {p}q2 / {p}d1;"
            );
        }
        for (n, instruction) in self.instructions.iter().enumerate() {
            let ty = match self.dtype(n) {
                DType::F32 => "f32",
                DType::U32 => "u32",
            };
            let _ = writeln!(text, "    let {}{n}: {ty} = {};", frame.prefix, self.expression(*instruction, frame));
        }
        text
    }

    /// Statements that store the outputs.
    pub fn emit_outputs(&self, frame: &Frame) -> String {
        let mut text = String::new();
        for (i, output) in self.outputs.iter().enumerate() {
            let at = self.output_at(i);
            let w = frame.words;
            let base = format!("{}out{i}", frame.prefix);
            let index = match output.target {
                Target::Full => format!("{base} + {}", frame.element),
                Target::Flag => {
                    let (arena, value) = (output.arena.wgsl(), output.value);
                    let _ = writeln!(text, "    if ({}{value} != 0.0) {{ {arena}[{base}] = 1.0; }}", frame.prefix);
                    continue;
                }
                Target::Ring(step) => format!(
                    "{base} + ({}{step} % table[{w} + {}u]) * {} + {}",
                    frame.prefix,
                    at + 2,
                    frame.count,
                    frame.element
                ),
            };
            let value = match self.dtype(output.value) {
                DType::F32 => format!("{}{}", frame.prefix, output.value),
                DType::U32 => format!("bitcast<f32>({}{})", frame.prefix, output.value),
            };
            let _ = writeln!(text, "    {}[{index}] = {value};", output.arena.wgsl());
        }
        text
    }

    fn load(&self, leaf: usize, dtype: DType, index: &str, frame: &Frame) -> String {
        let arena = self.leaves[leaf].arena.wgsl();
        let value = format!("{arena}[{}in{leaf} + {index}]", frame.prefix);
        match dtype {
            DType::F32 => value,
            DType::U32 => format!("bitcast<u32>({value})"),
        }
    }

    fn expression(&self, instruction: Instruction, frame: &Frame) -> String {
        let p = frame.prefix;
        let v = |value: Value| format!("{p}{value}");
        match instruction {
            Instruction::Constant(bits) => literal(f32::from_bits(bits)),
            Instruction::Parameter(i, dtype) => {
                let word = format!("{}word{i}", frame.prefix);
                if dtype == DType::F32 { format!("bitcast<f32>({word})") } else { word }
            }
            Instruction::Load(leaf, dtype) => {
                let at = self.leaf_at(leaf);
                let index = match self.leaves[leaf].pattern {
                    Pattern::Full => frame.element.to_owned(),
                    Pattern::Scalar => "0u".to_owned(),
                    Pattern::Row => frame.column.to_owned(),
                    Pattern::Column => frame.row.to_owned(),
                    Pattern::Strided => (0..4)
                        .map(|d| format!("{p}c{d} * table[{} + {}u]", frame.words, at + 2 + d))
                        .collect::<Vec<_>>()
                        .join(" + "),
                };
                self.load(leaf, dtype, &index, frame)
            }
            Instruction::Gather(leaf, row, dtype) => {
                self.load(leaf, dtype, &format!("{} * {} + {}", v(row), frame.columns, frame.column), frame)
            }
            Instruction::Accumulated => frame.accumulated.to_owned(),
            Instruction::Column => format!("f32({})", frame.column),
            Instruction::Row => format!("f32({})", frame.row),
            Instruction::Unary(f, x) => unary(f, &v(x)),
            Instruction::Binary(f, a, b) => binary(f, &v(a), &v(b)),
            Instruction::Select(c, a, b) => format!("select({}, {}, {} != 0.0)", v(b), v(a), v(c)),
            Instruction::Random { distribution, seed, purpose, step } => {
                let name = match distribution {
                    Distribution::Uniform => "uniform_of",
                    Distribution::Normal => "normal_of",
                    Distribution::TruncatedNormal => "truncated_of",
                };
                format!("{name}({}, {}, {}, {})", v(seed), v(purpose), v(step), frame.element)
            }
            Instruction::Draw { draw, seed, purpose, step, examples, batch } => {
                let (s, q, t, m, b) = (v(seed), v(purpose), v(step), v(examples), v(batch));
                let e = frame.element;
                match draw {
                    Draw::Shuffled => {
                        let place = format!("({t} * {b} + {e})");
                        format!("permuted({s}, {q}, {place} / {m}, {place} % {m}, {m})")
                    }
                    Draw::Replacement => {
                        format!("threefry(vec2<u32>({s}, {q}), vec2<u32>({t}, {e})).x % {m}")
                    }
                }
            }
        }
    }
}

fn unary(f: Unary, x: &str) -> String {
    match f {
        Unary::Negate => format!("-{x}"),
        Unary::Abs => format!("abs({x})"),
        Unary::Sign => format!("sign({x})"),
        Unary::Square => format!("{x} * {x}"),
        Unary::Sqrt => format!("sqrt({x})"),
        Unary::Reciprocal => format!("1.0 / {x}"),
        Unary::Exp => format!("exp({x})"),
        Unary::Log => format!("log({x})"),
        Unary::Sin => format!("sin({x})"),
        Unary::Cos => format!("cos({x})"),
        Unary::Erf => format!("erf_of({x})"),
        Unary::Tanh => format!("tanh_of({x})"),
        Unary::Sigmoid => format!("sigmoid_of({x})"),
        Unary::Softplus => format!("softplus_of({x})"),
        Unary::Leaky(0) => format!("select({x}, 0.0, {x} < 0.0)"),
        Unary::Leaky(bits) => format!("select({x}, {x} * {}, {x} < 0.0)", literal(f32::from_bits(bits))),
        Unary::Elu(bits) => {
            format!("select({x}, {} * elu_of(min({x}, 0.0)), {x} < 0.0)", literal(f32::from_bits(bits)))
        }
        Unary::IsFinite => format!("select(0.0, 1.0, is_finite({x}))"),
        Unary::Floor => format!("floor({x})"),
        Unary::ToFloat => format!("f32({x})"),
        Unary::ToInteger => format!("u32({x})"),
    }
}

fn binary(f: Binary, a: &str, b: &str) -> String {
    match f {
        Binary::Add | Binary::AddInteger => format!("{a} + {b}"),
        Binary::Sub => format!("{a} - {b}"),
        Binary::Mul => format!("{a} * {b}"),
        Binary::Div => format!("{a} / {b}"),
        Binary::Pow => format!("pow({a}, {b})"),
        Binary::Min => format!("min({a}, {b})"),
        Binary::Max => format!("max({a}, {b})"),
        Binary::Greater => format!("select(0.0, 1.0, {a} > {b})"),
        Binary::AtLeast => format!("select(0.0, 1.0, {a} >= {b})"),
        Binary::Equal => format!("select(0.0, 1.0, {a} == {b})"),
    }
}
