//! Elementwise programs as WGSL statements.

use std::fmt::Write;

use super::functions::Wgsl;
use super::program::{DType, Distribution, Draw, Instruction, Leaf, Level, Pattern, Program, Target, Value};
use super::template::literal;

/// Levels of what is evaluated at each element, where columns and rows are not walked one after the other.
pub const INNER: [Level; 3] = [Level::Column, Level::Row, Level::Element];

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
    /// Suffix of the names of values that depend on the column alone.
    pub suffix: &'a str,
    /// Four neighbours along the last axis at once: `element` and `column` are those of the first, `accumulated` is a
    /// vector.
    pub four: bool,
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

    /// Statements that bind the values of these levels to `<prefix><n>`, those of columns to `<prefix><n><suffix>`.
    pub fn emit_values(&self, frame: &Frame, wanted: &[Level]) -> String {
        let mut text = String::new();
        if self.strided() && wanted.contains(&Level::Element) {
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
        let levels = self.levels();
        for (n, instruction) in self.instructions.iter().enumerate() {
            if !wanted.contains(&levels[n]) {
                continue;
            }
            let emission = Emission { program: self, frame, levels: &levels, four: frame.four && varies(levels[n]) };
            let (name, ty) = (emission.name(n), emission.ty(self.dtype(n)));
            let _ = writeln!(text, "    let {name}: {ty} = {};", emission.expression(*instruction));
        }
        text
    }

    /// Statements that store the outputs.
    pub fn emit_outputs(&self, frame: &Frame) -> String {
        let mut text = String::new();
        let levels = self.levels();
        let emission = Emission { program: self, frame, levels: &levels, four: frame.four };
        for (i, output) in self.outputs.iter().enumerate() {
            let at = self.output_at(i);
            let w = frame.words;
            let base = format!("{}out{i}", frame.prefix);
            let value = emission.value(output.value);
            let index = match output.target {
                Target::Full => format!("{base} + {}", frame.element),
                Target::Flag => {
                    let test =
                        if frame.four { format!("any({value} != vec4<f32>(0.0))") } else { format!("{value} != 0.0") };
                    let _ = writeln!(text, "    if ({test}) {{ {}[{base}] = 1.0; }}", output.arena.wgsl());
                    continue;
                }
                Target::Ring(step) => format!(
                    "{base} + ({} % table[{w} + {}u]) * {} + {}",
                    emission.name(step),
                    at + 2,
                    frame.count,
                    frame.element
                ),
            };
            let value = match (self.dtype(output.value), frame.four) {
                (DType::F32, _) => value,
                (DType::U32, false) => format!("bitcast<f32>({value})"),
                (DType::U32, true) => format!("bitcast<vec4<f32>>({value})"),
            };
            let arena = output.arena.wgsl();
            match (frame.four, output.arena.four().filter(|_| output.vector && output.target == Target::Full)) {
                (false, _) => {
                    let _ = writeln!(text, "    {arena}[{index}] = {value};");
                }
                (true, Some(four)) => {
                    let _ = writeln!(text, "    put_{four}(({index}) >> 2u, {value});");
                }
                (true, None) => {
                    let name = format!("{}four{i}", frame.prefix);
                    let _ = writeln!(text, "    let {name} = {value};");
                    for (j, axis) in AXES.iter().enumerate() {
                        let _ = writeln!(text, "    {arena}[{index} + {j}u] = {name}.{axis};");
                    }
                }
            }
        }
        text
    }
}

const AXES: [&str; 4] = ["x", "y", "z", "w"];

/// Whether values of this level differ between neighbours along the last axis.
fn varies(level: Level) -> bool {
    matches!(level, Level::Column | Level::Element)
}

/// What expressions are written with.
struct Emission<'a> {
    program: &'a Program,
    frame: &'a Frame<'a>,
    levels: &'a [Level],
    /// Four neighbours at once.
    four: bool,
}

impl Emission<'_> {
    fn name(&self, value: Value) -> String {
        let suffix = if self.levels[value] == Level::Column { self.frame.suffix } else { "" };
        format!("{}{value}{suffix}", self.frame.prefix)
    }

    fn ty(&self, dtype: DType) -> &'static str {
        match (dtype, self.four) {
            (DType::F32, false) => "f32",
            (DType::U32, false) => "u32",
            (DType::F32, true) => "vec4<f32>",
            (DType::U32, true) => "vec4<u32>",
        }
    }

    /// A value as an operand.
    fn value(&self, value: Value) -> String {
        let name = self.name(value);
        if self.four && !varies(self.levels[value]) {
            return format!("{}({name})", self.ty(self.program.dtype(value)));
        }
        name
    }

    fn load(&self, leaf: usize, dtype: DType, index: &str) -> String {
        let Leaf { arena, vector, .. } = self.program.leaves[leaf];
        let place = format!("{}in{leaf} + {index}", self.frame.prefix);
        let value = match (self.four, arena.four().filter(|_| vector)) {
            (false, _) => format!("{}[{place}]", arena.wgsl()),
            (true, Some(four)) => format!("{four}(({place}) >> 2u)"),
            (true, None) => {
                let arena = arena.wgsl();
                let parts: Vec<_> = (0..4).map(|j| format!("{arena}[{place} + {j}u]")).collect();
                format!("vec4<f32>({})", parts.join(", "))
            }
        };
        match dtype {
            DType::F32 => value,
            DType::U32 => format!("bitcast<{}>({value})", self.ty(dtype)),
        }
    }

    /// A function's text, given its text with something behind the name of each argument.
    fn function(&self, of: impl Fn(&str) -> Wgsl) -> String {
        match of("") {
            Wgsl::Any(text) => text,
            Wgsl::Each(one, four) => {
                if self.four {
                    four
                } else {
                    one
                }
            }
            Wgsl::One(text) if !self.four => text,
            Wgsl::One(_) => {
                let of_axis = |axis: &&str| match of(&format!(".{axis}")) {
                    Wgsl::Any(text) | Wgsl::Each(text, _) | Wgsl::One(text) => text,
                };
                format!("vec4<f32>({})", AXES.iter().map(of_axis).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn expression(&self, instruction: Instruction) -> String {
        let (frame, p) = (self.frame, self.frame.prefix);
        let v = |value: Value| self.value(value);
        match instruction {
            Instruction::Constant(bits) => literal(f32::from_bits(bits)),
            Instruction::Parameter(i, dtype) => {
                let word = format!("{p}word{i}");
                if dtype == DType::F32 { format!("bitcast<f32>({word})") } else { word }
            }
            Instruction::Load(leaf, dtype) => {
                let at = self.program.leaf_at(leaf);
                let index = match self.program.leaves[leaf].pattern {
                    Pattern::Full => frame.element.to_owned(),
                    Pattern::Scalar => "0u".to_owned(),
                    Pattern::Row => frame.column.to_owned(),
                    Pattern::Column => frame.row.to_owned(),
                    Pattern::Strided => (0..4)
                        .map(|d| format!("{p}c{d} * table[{} + {}u]", frame.words, at + 2 + d))
                        .collect::<Vec<_>>()
                        .join(" + "),
                };
                self.load(leaf, dtype, &index)
            }
            Instruction::Gather(leaf, row, dtype) => {
                // The row is the same for neighbours along the last axis.
                let row = if self.four && varies(self.levels[row]) { format!("{}.x", v(row)) } else { self.name(row) };
                self.load(leaf, dtype, &format!("{row} * {} + {}", frame.columns, frame.column))
            }
            Instruction::Accumulated => frame.accumulated.to_owned(),
            Instruction::Column if self.four => {
                format!("vec4<f32>(f32({})) + vec4<f32>(0.0, 1.0, 2.0, 3.0)", frame.column)
            }
            Instruction::Column => format!("f32({})", frame.column),
            Instruction::Row => format!("f32({})", frame.row),
            Instruction::Unary(f, x) => self.function(|axis| f.wgsl(&(v(x) + axis))),
            Instruction::Binary(f, a, b) => self.function(|axis| f.wgsl(&(v(a) + axis), &(v(b) + axis))),
            Instruction::Select(c, a, b) => {
                let zero = if self.four { "vec4<f32>(0.0)" } else { "0.0" };
                format!("select({}, {}, {} != {zero})", v(b), v(a), v(c))
            }
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
                    Draw::Permutation => format!("permuted({s}, {q}, {t}, {b}, {m})"),
                    Draw::Choice => format!("threefry(vec2<u32>({s}, {q}), vec2<u32>({t}, {b})).x % {m}"),
                }
            }
        }
    }
}
