//! The body without barriers, for adapters that are programs on the CPU.

use crate::kernels::Variant;
use std::fmt::Write;

use super::tiled::borrowed;
use super::{MatMul, Routine, Windowed};
use crate::kernels::program::Level;
use crate::kernels::program_wgsl::Frame;

/// Lanes of the wide body: one vector of the software adapter.
pub(super) const LANES: u32 = 8;
/// Components of a vector.
const AXES: [&str; 4] = ["x", "y", "z", "w"];

/// Registers that hold a lane's part of one row: four columns each, or one each if there are fewer than four.
fn units(columns: usize) -> usize {
    if columns >= 4 { columns / 4 } else { columns }
}

/// Columns of a lane that a program takes at once.
struct Part {
    first: usize,
    /// What follows `t<row>_` in the name of their value.
    value: String,
    /// Name of the first column, kept within the result.
    clamped: String,
    suffix: String,
    four: bool,
}

impl MatMul {
    pub(super) fn wide_routine(&self, entry: &str, [rows, columns]: [u32; 2], broadcast: bool) -> Routine {
        let zero = if columns >= 4 { "vec4<f32>(0.0)" } else { "0.0" };
        let sums: Vec<(String, &str)> = (0..rows as usize)
            .flat_map(|i| (0..units(columns as usize)).map(move |u| (format!("{i}_{u}"), zero)))
            .collect();
        let around = match self.windowed {
            None => self.around(&sums),
            Some(Windowed::A) => self.around_windows(Windowed::A, if broadcast { rows / 8 } else { rows } as usize),
            Some(Windowed::B) => self.around_windows(Windowed::B, columns as usize),
        };
        let mut values = vec![
            ("entry", entry.to_owned()),
            ("job_words", self.job_words().to_string()),
            ("lanes", LANES.to_string()),
            ("rows", rows.to_string()),
            ("columns", columns.to_string()),
            ("declare", self.wide_declare(rows as usize, columns as usize, broadcast)),
            ("step", self.steps().to_string()),
            ("open", around.open),
            ("first", around.first.to_owned()),
            ("end", around.end.to_owned()),
            ("close", around.close),
            ("body", self.wide_body(rows as usize, columns as usize, broadcast)),
            ("before", self.wide_before(columns as usize)),
            ("per", self.rows_per_turn(rows as usize).to_string()),
            ("epilogue", self.wide_epilogue(rows as usize, columns as usize)),
        ];
        values.extend(self.places());
        let text = include_str!("../../../shaders/matmul_wide.wgsl");
        let routine = Routine::new(text, LANES, &borrowed(&values));
        Routine { subgroups: broadcast, ..routine }
    }

    /// Steps of K per turn of the wide body's inner loop: four where B is read along K, so that its four values come at
    /// once; otherwise one, which compiles in a quarter of the time and runs no slower.
    pub(super) fn steps(&self) -> usize {
        if self.vector_b && self.transpose_b { 4 } else { 1 }
    }

    /// Rows of the register tile that the epilogue takes per turn of its loop: several if the program is short.
    fn rows_per_turn(&self, rows: usize) -> usize {
        if self.program.instructions.len() <= 6 && rows >= 8 { 4 } else { 1 }
    }

    fn wide_declare(&self, rows: usize, columns: usize, broadcast: bool) -> String {
        let mut text = String::new();
        for i in 0..rows {
            if !broadcast {
                let _ = writeln!(text, "    let r{i} = min(row0 + {i}u, m - 1u);");
            }
            for u in 0..units(columns) {
                let zero = if columns >= 4 { "vec4<f32>(0.0)" } else { "0.0" };
                let _ = writeln!(text, "    var t{i}_{u} = {zero};");
            }
        }
        if broadcast && self.rows_by_four(rows) {
            let _ = writeln!(text, "    let r0 = min(row0 + 4u * within, m - 4u);");
        } else if broadcast {
            for g in 0..rows / 8 {
                let _ = writeln!(text, "    let r{g} = min(row0 + {}u + within, m - 1u);", 8 * g);
            }
        }
        // Columns are clamped so that idle lanes read memory that exists; their results are not stored.
        for c in 0..columns {
            let _ = writeln!(text, "    let c{c} = min(column0 + {c}u, n - 1u);");
        }
        for q in 0..columns / 4 {
            let _ = writeln!(text, "    let q{q} = min(column0 + {}u, max(n, 4u) - 4u);", 4 * q);
        }
        text
    }

    /// Whether the eight lanes can load the tile's 32 rows of a transposed A four at a time.
    fn rows_by_four(&self, rows: usize) -> bool {
        rows == 32 && self.transpose_a && self.vector_a
    }

    fn wide_body(&self, rows: usize, columns: usize, broadcast: bool) -> String {
        let mut body = String::new();
        let steps = self.steps();
        if broadcast && self.rows_by_four(rows) {
            let a4 = self.a.four().unwrap_or("data_four");
            for s in 0..steps {
                let _ = writeln!(
                    body,
                    "        let g{s} = {};",
                    self.factor(&format!("{a4}((a_base + (k + {s}u) * lda + r0) >> 2u)"))
                );
            }
        } else if broadcast {
            self.wide_loads_shared(&mut body, rows / 8, steps);
        } else {
            self.wide_loads_a(&mut body, rows, steps);
        }
        self.wide_loads_b(&mut body, columns, steps);
        for s in 0..steps {
            for i in 0..rows {
                if broadcast && self.rows_by_four(rows) {
                    let _ =
                        writeln!(body, "        let a{s}_{i} = subgroupBroadcast(g{s}.{}, {}u);", AXES[i % 4], i / 4);
                } else if broadcast {
                    let _ = writeln!(body, "        let a{s}_{i} = subgroupBroadcast(g{s}_{}, {}u);", i / 8, i % 8);
                }
                for u in 0..units(columns) {
                    let term = self.inner.term(&format!("a{s}_{i}"), &format!("b{s}_{u}"));
                    let _ = writeln!(body, "        t{i}_{u} += {term};");
                }
            }
        }
        body
    }

    /// What of the program is evaluated before the loop over rows.
    fn wide_before(&self, columns: usize) -> String {
        let mut text =
            self.program.emit_bases(&self.frame()) + &self.program.emit_values(&self.frame(), &[Level::Uniform]);
        for part in self.parts(columns) {
            let frame = Frame { column: &part.clamped, suffix: &part.suffix, four: part.four, ..self.frame() };
            text.push_str(&self.program.emit_values(&frame, &[Level::Column]));
        }
        text
    }

    /// The program of the wide body on the first rows of the register tile, and the tile moved up by as many. Rows come
    /// to the top in turn, because an array indexed by the row takes drivers many times as long to compile.
    fn wide_epilogue(&self, rows: usize, columns: usize) -> String {
        let (mut text, per) = (String::new(), self.rows_per_turn(rows));
        for i in 0..per {
            let _ = writeln!(
                text,
                "        {{\n        let row = turn + {i}u;\n        if (row < m) {{\n        let line = {} * n;",
                self.frame().row
            );
            text.push_str(&self.program.emit_values(&self.frame(), &[Level::Row]));
            for part in self.parts(columns) {
                let value = format!("t{i}_{}", part.value);
                let frame = Frame {
                    element: "(line + column)",
                    accumulated: &value,
                    suffix: &part.suffix,
                    four: part.four,
                    ..self.frame()
                };
                let _ = writeln!(
                    text,
                    "        {{\n        let column = column0 + {}u;\n        if (column < n) {{",
                    part.first
                );
                text.push_str(&self.program.emit_values(&frame, &[Level::Element]));
                text.push_str(&self.program.emit_outputs(&frame));
                text.push_str("        }\n        }\n");
            }
            text.push_str("        }\n        }\n");
        }
        for i in 0..rows - per {
            for u in 0..units(columns) {
                let _ = writeln!(text, "        t{i}_{u} = t{}_{u};", i + per);
            }
        }
        text
    }

    /// The parts of a lane's columns that the program takes at once.
    fn parts(&self, columns: usize) -> Vec<Part> {
        if columns >= 4 && self.vector_c {
            let part = |q: usize| Part {
                first: 4 * q,
                value: q.to_string(),
                clamped: format!("q{q}"),
                suffix: format!("q{q}"),
                four: true,
            };
            return (0..columns / 4).map(part).collect();
        }
        let value = |c: usize| if columns >= 4 { format!("{}.{}", c / 4, AXES[c % 4]) } else { c.to_string() };
        let part = |c: usize| Part {
            first: c,
            value: value(c),
            clamped: format!("c{c}"),
            suffix: format!("c{c}"),
            four: false,
        };
        (0..columns).map(part).collect()
    }

    /// A value of A at the row `r<i>`, so many steps on.
    fn one_of_a(&self, i: usize, step: usize) -> String {
        let a = self.a.wgsl();
        match (self.windowed, self.transpose_a) {
            (Some(Windowed::A), _) => self.window_of_a(i, step),
            (_, true) => format!("{a}[a_base + (k + {step}u) * lda + r{i}]"),
            (_, false) => format!("{a}[a_base + r{i} * lda + k + {step}u]"),
        }
    }

    /// Loads of A for the broadcast: lane `l` takes row `l` of each eight.
    fn wide_loads_shared(&self, body: &mut String, groups: usize, steps: usize) {
        let a4 = self.a.four().unwrap_or("data_four");
        for g in 0..groups {
            if self.vector_a && !self.transpose_a && steps == 4 {
                let _ = writeln!(
                    body,
                    "        let va{g} = {};",
                    self.factor(&format!("{a4}((a_base + r{g} * lda + k) >> 2u)"))
                );
                for (s, axis) in AXES.iter().enumerate() {
                    let _ = writeln!(body, "        let g{s}_{g} = va{g}.{axis};");
                }
                continue;
            }
            for s in 0..steps {
                let _ = writeln!(body, "        let g{s}_{g} = {};", self.factor(&self.one_of_a(g, s)));
            }
        }
    }

    fn wide_loads_a(&self, body: &mut String, rows: usize, steps: usize) {
        let a4 = self.a.four().unwrap_or("data_four");
        if self.vector_a && !self.transpose_a && steps == 4 {
            for i in 0..rows {
                let _ = writeln!(
                    body,
                    "        let va{i} = {};",
                    self.factor(&format!("{a4}((a_base + r{i} * lda + k) >> 2u)"))
                );
            }
            for (s, axis) in AXES.iter().enumerate() {
                for i in 0..rows {
                    let _ = writeln!(body, "        let a{s}_{i} = va{i}.{axis};");
                }
            }
        } else if self.vector_a && self.transpose_a && rows >= 4 {
            for s in 0..steps {
                for g in 0..rows / 4 {
                    let row = format!("min(row0 + {}u, m - 4u)", 4 * g);
                    let load = self.factor(&format!("{a4}((a_base + (k + {s}u) * lda + {row}) >> 2u)"));
                    let _ = writeln!(body, "        let va{s}_{g} = {load};");
                    for (j, axis) in AXES.iter().enumerate() {
                        let _ = writeln!(body, "        let a{s}_{} = va{s}_{g}.{axis};", 4 * g + j);
                    }
                }
            }
        } else {
            for s in 0..steps {
                for i in 0..rows {
                    let _ = writeln!(body, "        let a{s}_{i} = {};", self.factor(&self.one_of_a(i, s)));
                }
            }
        }
    }

    fn wide_loads_b(&self, body: &mut String, columns: usize, steps: usize) {
        let (b, b4) = (self.b.wgsl(), self.b.four().unwrap_or("data_four"));
        let gather = |parts: &dyn Fn(usize) -> String, u: usize| {
            if columns < 4 {
                return parts(u);
            }
            format!("vec4<f32>({})", (0..4).map(|j| parts(4 * u + j)).collect::<Vec<_>>().join(", "))
        };
        if self.vector_b && self.transpose_b {
            for c in 0..columns {
                let _ = writeln!(
                    body,
                    "        let vb{c} = {};",
                    self.factor(&format!("{b4}((b_base + c{c} * ldb + k) >> 2u)"))
                );
            }
        }
        if self.windowed == Some(Windowed::B) {
            for (s, c) in (0..steps).flat_map(|s| (0..columns).map(move |c| (s, c))) {
                body.push_str(&self.window_of_b(c, s).0);
            }
        }
        for (s, axis) in AXES.iter().enumerate().take(steps) {
            for u in 0..units(columns) {
                let value = if self.vector_b && self.transpose_b {
                    gather(&|c| format!("vb{c}.{axis}"), u)
                } else if self.vector_b && columns >= 4 {
                    self.factor(&format!("{b4}((b_base + (k + {s}u) * ldb + q{u}) >> 2u)"))
                } else if self.windowed == Some(Windowed::B) {
                    self.factor(&gather(&|c| self.window_of_b(c, s).1, u))
                } else if self.transpose_b {
                    self.factor(&gather(&|c| format!("{b}[b_base + c{c} * ldb + k + {s}u]"), u))
                } else {
                    self.factor(&gather(&|c| format!("{b}[b_base + (k + {s}u) * ldb + c{c}]"), u))
                };
                let _ = writeln!(body, "        let b{s}_{u} = {value};");
            }
        }
    }
}
