//! Matrix products `C = op(A) op(B)` per replica, with a program on each element of the result.
//!
//! Two families, because what is fast on a GPU is slow on a CPU adapter and the other way about:
//! - *wide*: no barriers; each of eight lanes holds a register tile of rows x columns, lanes side by side along the
//!   columns. All lanes need the same elements of A. Where a subgroup holds the eight lanes, each lane loads another row
//!   and the rest get it by broadcast: a software adapter loads lane by lane, so a load is dear and must not be repeated.
//! - *tiled*: tiles of A and B in workgroup memory, a 4 x 4 register tile per invocation.
//!
//! What was tried, with figures, is in `docs/kernels.md`.

use std::fmt::Write;

use super::program::{Level, Program};
use super::program_twin::{BLOCK, Block, Registers};
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{Arena, Body, HEADER, Memory};
use crate::gpu::Profile;

/// Lanes of the wide body: one vector of the software adapter.
const LANES: u32 = 8;
/// Components of a vector.
const AXES: [&str; 4] = ["x", "y", "z", "w"];
/// Words of the operands: A (offset, stride, leading extent), B likewise.
const OPERANDS: usize = 6;

/// Size of the tile that a body computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// Barrier-free: rows and columns per lane (columns a multiple of four), eight lanes.
    Wide {
        /// Rows per lane.
        rows: u32,
        /// Columns per lane.
        columns: u32,
        /// Elements of A are loaded once per subgroup and broadcast; rows are then a multiple of eight.
        broadcast: bool,
    },
    /// Workgroup memory: rows and columns per workgroup, 4 x 4 per invocation.
    Tiled {
        /// Rows per workgroup.
        rows: u32,
        /// Columns per workgroup.
        columns: u32,
    },
}

/// A matrix product. Job header: first block, M, N, K; then A (offset, replica stride, leading extent), B likewise;
/// then the words of the program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Arena of A.
    pub a: Arena,
    /// Arena of B.
    pub b: Arena,
    /// A is stored `[K, M]` rather than `[M, K]`.
    pub transpose_a: bool,
    /// B is stored `[N, K]` rather than `[K, N]`.
    pub transpose_b: bool,
    /// A can be read four values at a time.
    pub vector_a: bool,
    /// B can be read four values at a time.
    pub vector_b: bool,
    /// The program can take four columns of the result at a time.
    pub vector_c: bool,
    /// Which body, and its tile.
    pub tile: Tile,
    /// Evaluated on each element of the result (its accumulated value), and what is stored.
    pub program: Program,
}

/// Shape of a product and places of its operands, as far as they decide the variant.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Length of the inner products.
    pub k: usize,
    /// A is stored `[K, M]`.
    pub transpose_a: bool,
    /// B is stored `[N, K]`.
    pub transpose_b: bool,
    /// Offset, stride and leading extent of A are multiples of four, and its arena has four-vectors.
    pub aligned_a: bool,
    /// The same of B.
    pub aligned_b: bool,
}

impl Form {
    /// Four values of A stand together along K, or along M if transposed.
    pub fn vector_a(&self) -> bool {
        self.aligned_a && if self.transpose_a { self.m.is_multiple_of(4) } else { self.k.is_multiple_of(4) }
    }

    /// Four values of B stand together along N, or along K if transposed.
    pub fn vector_b(&self) -> bool {
        self.aligned_b && if self.transpose_b { self.k.is_multiple_of(4) } else { self.n.is_multiple_of(4) }
    }

    /// Columns per lane of the wide body, so that eight lanes fit the result. A transposed B is read four steps of K at
    /// a time, and eight columns of four steps are more than the registers and the nearest cache hold.
    fn columns(&self) -> u32 {
        match self.n {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ if self.transpose_b => 4,
            _ => 8,
        }
    }

    /// Results stand in whole fours along the columns.
    pub fn vector_c(&self) -> bool {
        self.n.is_multiple_of(4)
    }

    /// The tile for this shape: a function of one replica's product and the profile alone.
    pub fn tile(&self, profile: &Profile) -> Tile {
        match Body::of(profile) {
            Body::Wide if broadcasts(profile) && self.m > 4 => {
                // The fewest wasted rows; among equals the taller tile, which loads B less often.
                let waste = |rows: usize| self.m.div_ceil(rows) * rows;
                let rows = [32, 16, 8].into_iter().min_by_key(|&rows| waste(rows)).unwrap_or(8) as u32;
                Tile::Wide { rows, columns: self.columns(), broadcast: true }
            }
            Body::Wide => {
                let rows = match self.m {
                    0..=2 => 2,
                    3..=4 => 4,
                    _ => 8,
                };
                Tile::Wide { rows, columns: self.columns(), broadcast: false }
            }
            Body::Tiled if self.m >= 64 && self.n >= 64 && profile.workgroup_invocations >= 256 => {
                Tile::Tiled { rows: 64, columns: 64 }
            }
            Body::Tiled => Tile::Tiled { rows: 32, columns: 32 },
        }
    }

    /// The tile of products whose rows are replicas: fixed, since a choice by their number would let company change
    /// the bits.
    pub fn replica_tile(profile: &Profile) -> Tile {
        match Body::of(profile) {
            Body::Wide if broadcasts(profile) => Tile::Wide { rows: 32, columns: 4, broadcast: true },
            Body::Wide => Tile::Wide { rows: 8, columns: 4, broadcast: false },
            Body::Tiled => Tile::Tiled { rows: 32, columns: 32 },
        }
    }
}

/// Whether the eight lanes of the wide body are sure to stand in one subgroup.
fn broadcasts(profile: &Profile) -> bool {
    profile.subgroups && profile.subgroup_min >= LANES
}

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
    pub(super) fn name(&self) -> String {
        let letter = |t: bool| if t { 'T' } else { 'N' };
        let tile = match self.tile {
            Tile::Wide { rows, columns, broadcast } => {
                format!("wide{rows}x{columns}{}", if broadcast { "b" } else { "" })
            }
            Tile::Tiled { rows, columns } => format!("tiled{rows}x{columns}"),
        };
        let letters = [self.vector_a, self.vector_b, self.vector_c].map(|v| if v { "v" } else { "s" });
        let vectors = letters.concat();
        let (a, b) = (letter(self.transpose_a), letter(self.transpose_b));
        format!("matmul_{a}{b}_{tile}_{vectors}({})", self.program.describe())
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + OPERANDS + self.program.words()
    }

    pub(super) fn blocks(&self, job: &[u32]) -> u32 {
        let (rows, columns) = match self.tile {
            Tile::Wide { rows, columns, .. } => (rows, columns * LANES),
            Tile::Tiled { rows, columns } => (rows, columns),
        };
        job[1].div_ceil(rows) * job[2].div_ceil(columns)
    }

    pub(super) fn iterations(&self, job: &[u32]) -> u64 {
        let depth = u64::from(job[3]);
        match self.tile {
            Tile::Wide { rows, columns, .. } => {
                let steps = self.steps() as u64;
                2 + depth.div_ceil(steps) + u64::from(rows) * (1 + u64::from(columns) * self.program.iterations())
            }
            Tile::Tiled { rows, columns } => {
                let threads = u64::from(rows * columns / 16);
                let loads = 2 + (u64::from(16 * rows)).div_ceil(threads) + (u64::from(16 * columns)).div_ceil(threads);
                2 + depth.div_ceil(16) * (loads + 18) + 20 + 16 * self.program.iterations()
            }
        }
    }

    fn frame() -> Frame<'static> {
        Frame {
            words: "program",
            element: "(row * n + column)",
            count: "(m * n)",
            columns: "n",
            row: "row",
            column: "column",
            replica: "replica",
            accumulated: "value",
            prefix: "v",
            suffix: "",
            four: false,
        }
    }

    pub(super) fn routine(&self, entry: &str) -> Routine {
        let frame = Self::frame();
        let epilogue = format!("{}{}", self.program.emit_values(&frame, &INNER), self.program.emit_outputs(&frame));
        let words = self.job_words().to_string();
        match self.tile {
            Tile::Wide { rows, columns, broadcast } => {
                let routine = Routine::new(
                    include_str!("../../shaders/matmul_wide.wgsl"),
                    LANES,
                    &[
                        ("entry", entry),
                        ("job_words", &words),
                        ("lanes", &LANES.to_string()),
                        ("rows", &rows.to_string()),
                        ("columns", &columns.to_string()),
                        ("declare", &self.wide_declare(rows as usize, columns as usize, broadcast)),
                        ("step", &self.steps().to_string()),
                        ("body", &self.wide_body(rows as usize, columns as usize, broadcast)),
                        ("before", &self.wide_before(columns as usize)),
                        ("per", &self.rows_per_turn(rows as usize).to_string()),
                        ("epilogue", &self.wide_epilogue(rows as usize, columns as usize)),
                    ],
                );
                Routine { subgroups: broadcast, ..routine }
            }
            Tile::Tiled { rows, columns } => {
                let (a, b) = (self.a.wgsl(), self.b.wgsl());
                let load_a = if self.transpose_a { "(k0 + kk) * lda + row" } else { "row * lda + k0 + kk" };
                let load_b = if self.transpose_b { "column * ldb + k0 + kk" } else { "(k0 + kk) * ldb + column" };
                // Neighbouring invocations read neighbouring addresses: along K where K is the fast axis.
                let split = |k_fast: bool, extent: u32| {
                    if k_fast {
                        "let kk = i % 16u; let local = i / 16u;".to_owned()
                    } else {
                        format!("let local = i % {extent}u; let kk = i / {extent}u;")
                    }
                };
                let (tile_a, tile_b) = (16 * (rows + 4), 16 * (columns + 4));
                let routine = Routine::new(
                    include_str!("../../shaders/matmul_tiled.wgsl"),
                    rows * columns / 16,
                    &[
                        ("entry", entry),
                        ("job_words", &words),
                        ("rows", &rows.to_string()),
                        ("columns", &columns.to_string()),
                        ("column_threads", &(columns / 4).to_string()),
                        ("threads", &(rows * columns / 16).to_string()),
                        ("tile_a", &tile_a.to_string()),
                        ("pitch_a", &(rows + 4).to_string()),
                        ("pitch_b", &(columns + 4).to_string()),
                        ("elements_a", &(16 * rows).to_string()),
                        ("elements_b", &(16 * columns).to_string()),
                        ("split_a", &split(!self.transpose_a, rows)),
                        ("split_b", &split(self.transpose_b, columns)),
                        ("load_a", &format!("{a}[a_base + {load_a}]")),
                        ("load_b", &format!("{b}[b_base + {load_b}]")),
                        (
                            "bases",
                            &(self.program.emit_bases(&frame) + &self.program.emit_values(&frame, &[Level::Uniform])),
                        ),
                        ("epilogue", &epilogue),
                    ],
                );
                Routine { pad: tile_a + tile_b, ..routine }
            }
        }
    }

    /// Steps of K per turn of the wide body's inner loop: four where B is read along K, so that its four values come at
    /// once; otherwise one, which compiles in a quarter of the time and runs no slower.
    fn steps(&self) -> usize {
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
            let _ = writeln!(text, "    let r0 = min(row0 + 4u * at.within, m - 4u);");
        } else if broadcast {
            for g in 0..rows / 8 {
                let _ = writeln!(text, "    let r{g} = min(row0 + {}u + at.within, m - 1u);", 8 * g);
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
            let a4 = self.a.wgsl4().unwrap_or("data4");
            for s in 0..steps {
                let _ = writeln!(body, "        let g{s} = {a4}[(a_base + (k + {s}u) * lda + r0) >> 2u];");
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
                    let _ = writeln!(body, "        t{i}_{u} += a{s}_{i} * b{s}_{u};");
                }
            }
        }
        body
    }

    /// What of the program is evaluated before the loop over rows.
    fn wide_before(&self, columns: usize) -> String {
        let mut text =
            self.program.emit_bases(&Self::frame()) + &self.program.emit_values(&Self::frame(), &[Level::Uniform]);
        for part in self.parts(columns) {
            let frame = Frame { column: &part.clamped, suffix: &part.suffix, four: part.four, ..Self::frame() };
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
                "        {{\n        let row = turn + {i}u;\n        if (row < m) {{\n        let line = row * n;"
            );
            text.push_str(&self.program.emit_values(&Self::frame(), &[Level::Row]));
            for part in self.parts(columns) {
                let value = format!("t{i}_{}", part.value);
                let frame = Frame {
                    element: "(line + column)",
                    accumulated: &value,
                    suffix: &part.suffix,
                    four: part.four,
                    ..Self::frame()
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

    /// Loads of A for the broadcast: lane `l` takes row `l` of each eight.
    fn wide_loads_shared(&self, body: &mut String, groups: usize, steps: usize) {
        let (a, a4) = (self.a.wgsl(), self.a.wgsl4().unwrap_or("data4"));
        for g in 0..groups {
            if self.vector_a && !self.transpose_a && steps == 4 {
                let _ = writeln!(body, "        let va{g} = {a4}[(a_base + r{g} * lda + k) >> 2u];");
                for (s, axis) in AXES.iter().enumerate() {
                    let _ = writeln!(body, "        let g{s}_{g} = va{g}.{axis};");
                }
                continue;
            }
            for s in 0..steps {
                let index = if self.transpose_a {
                    format!("(k + {s}u) * lda + r{g}")
                } else {
                    format!("r{g} * lda + k + {s}u")
                };
                let _ = writeln!(body, "        let g{s}_{g} = {a}[a_base + {index}];");
            }
        }
    }

    fn wide_loads_a(&self, body: &mut String, rows: usize, steps: usize) {
        let (a, a4) = (self.a.wgsl(), self.a.wgsl4().unwrap_or("data4"));
        if self.vector_a && !self.transpose_a && steps == 4 {
            for i in 0..rows {
                let _ = writeln!(body, "        let va{i} = {a4}[(a_base + r{i} * lda + k) >> 2u];");
            }
            for (s, axis) in AXES.iter().enumerate() {
                for i in 0..rows {
                    let _ = writeln!(body, "        let a{s}_{i} = va{i}.{axis};");
                }
            }
        } else if self.vector_a && rows >= 4 {
            for s in 0..steps {
                for g in 0..rows / 4 {
                    let row = format!("min(row0 + {}u, m - 4u)", 4 * g);
                    let _ = writeln!(body, "        let va{s}_{g} = {a4}[(a_base + (k + {s}u) * lda + {row}) >> 2u];");
                    for (j, axis) in AXES.iter().enumerate() {
                        let _ = writeln!(body, "        let a{s}_{} = va{s}_{g}.{axis};", 4 * g + j);
                    }
                }
            }
        } else {
            for s in 0..steps {
                for i in 0..rows {
                    let index = if self.transpose_a {
                        format!("(k + {s}u) * lda + r{i}")
                    } else {
                        format!("r{i} * lda + k + {s}u")
                    };
                    let _ = writeln!(body, "        let a{s}_{i} = {a}[a_base + {index}];");
                }
            }
        }
    }

    fn wide_loads_b(&self, body: &mut String, columns: usize, steps: usize) {
        let (b, b4) = (self.b.wgsl(), self.b.wgsl4().unwrap_or("data4"));
        let gather = |parts: &dyn Fn(usize) -> String, u: usize| {
            if columns < 4 {
                return parts(u);
            }
            format!("vec4<f32>({})", (0..4).map(|j| parts(4 * u + j)).collect::<Vec<_>>().join(", "))
        };
        if self.vector_b && self.transpose_b {
            for c in 0..columns {
                let _ = writeln!(body, "        let vb{c} = {b4}[(b_base + c{c} * ldb + k) >> 2u];");
            }
        }
        for (s, axis) in AXES.iter().enumerate().take(steps) {
            for u in 0..units(columns) {
                let value = if self.vector_b && self.transpose_b {
                    gather(&|c| format!("vb{c}.{axis}"), u)
                } else if self.vector_b && columns >= 4 {
                    format!("{b4}[(b_base + (k + {s}u) * ldb + q{u}) >> 2u]")
                } else if self.transpose_b {
                    gather(&|c| format!("{b}[b_base + c{c} * ldb + k + {s}u]"), u)
                } else {
                    gather(&|c| format!("{b}[b_base + (k + {s}u) * ldb + c{c}]"), u)
                };
                let _ = writeln!(body, "        let b{s}_{u} = {value};");
            }
        }
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (m, n, k) = (job[1] as usize, job[2] as usize, job[3] as usize);
        let w = &job[HEADER..];
        let (a_base, lda) = (w[0] as usize + replica * w[1] as usize, w[2] as usize);
        let (b_base, ldb) = (w[3] as usize + replica * w[4] as usize, w[5] as usize);
        let (mut registers, mut elements) = (Registers::default(), Vec::with_capacity(BLOCK));
        let mut sums = vec![0.0f64; n];
        let mut values = vec![0.0f32; n];
        // Results are written after all of A and B are read, in case a plan reuses their place: it never does, but the
        // twin should not be the one to depend on it.
        let mut product = Vec::with_capacity(m * n);
        for row in 0..m {
            let (a, b) = (memory.arena(self.a), memory.arena(self.b));
            let a_of = |t: usize| f64::from(a[a_base + if self.transpose_a { t * lda + row } else { row * lda + t }]);
            if self.transpose_b {
                for (column, sum) in sums.iter_mut().enumerate() {
                    let line = &b[b_base + column * ldb..][..k];
                    *sum = line.iter().enumerate().map(|(t, &x)| a_of(t) * f64::from(x)).sum();
                }
            } else {
                sums.fill(0.0);
                for t in 0..k {
                    let factor = a_of(t);
                    for (sum, &x) in sums.iter_mut().zip(&b[b_base + t * ldb..][..n]) {
                        *sum += factor * f64::from(x);
                    }
                }
            }
            product.extend(sums.iter().map(|&x| x as f32));
        }
        for row in 0..m {
            values.copy_from_slice(&product[row * n..(row + 1) * n]);
            for start in (0..n).step_by(BLOCK) {
                let end = n.min(start + BLOCK);
                elements.clear();
                elements.extend(row * n + start..row * n + end);
                let block = Block {
                    words: &w[OPERANDS..],
                    replica,
                    count: m * n,
                    columns: n,
                    elements: &elements,
                    accumulated: &values[start..end],
                };
                self.program.run(&mut registers, &block, memory);
            }
        }
    }
}
