//! Matrix products `C = op(A) op(B)` per replica, with a program on each element of the result. What is summed over K
//! may also be the squared or absolute difference of the two factors ([`Inner`]): then `C` holds distances. Of a batch of
//! products each is computed as one alone would be, to the same bits.
//!
//! Three bodies, because what is fast on a GPU is slow on a CPU adapter and the other way about:
//! - *wide*: no barriers; each of eight lanes holds a register tile of rows x columns, lanes side by side along the
//!   columns. All lanes need the same elements of A. Where a subgroup holds the eight lanes, each lane loads another row
//!   and the rest get it by broadcast: a software adapter loads lane by lane, so a load is dear and must not be repeated.
//! - *tiled*: tiles of A and B in workgroup memory, a 4 x 4 register tile per invocation.
//! - *cooperative*: the same by cooperative matrices, for 16-bit factors on adapters that have them.
//!
//! What was tried, with figures, is in `docs/kernels.md`.

mod cooperative;
mod few;
mod form;
mod inner;
mod job;
mod native;
mod pack;
mod parts;
mod precision;
mod product;
mod tile;
mod tiled;
mod wide;
mod windowed;

pub use form::Form;
pub use inner::Inner;
pub(super) use job::Workspace as Packed;
pub use precision::{Factors, Precision, rounded};
pub use windowed::Windowed;

use super::program::Program;
use super::program_wgsl::{Frame, INNER};
use super::template::Routine;
use super::{Arena, HEADER, Task, Variant};
use wide::LANES;

/// Words of the operands: A (offset, stride, leading extent), B likewise.
const OPERANDS: usize = 6;
/// Words of a batch: how many products, and how far apart their factors A and B stand.
const BATCH: usize = 3;

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
    /// Cooperative matrices (tensor cores) on 16-bit factors in workgroup memory: each subgroup has 32 x 32
    /// results.
    Cooperative {
        /// Rows and columns per workgroup: 32 times the subgroups along each.
        side: u32,
        /// Rows and columns of the hardware's matrices.
        matrix: u32,
        /// Invocations of a subgroup.
        subgroup: u32,
    },
}

/// A matrix product. Job header: first block, M, N, K; then A (offset, replica stride, leading extent), B likewise;
/// if it is a batch, how many products and from one to the next of A and of B; those of windows (four) if there are
/// such; then the words of the program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Many products of matrices that follow each other, rather than one.
    pub batched: bool,
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
    /// What becomes of the factors before they are multiplied.
    pub factors: Factors,
    /// What of the two factors is summed.
    pub inner: Inner,
    /// Whether a factor stands in memory as images, of which the product takes the windows.
    pub windowed: Option<Windowed>,
    /// Whether long sums are taken in parts: a sum of very many equal terms in single precision is off by
    /// half a last digit each.
    pub in_parts: bool,
    /// Evaluated on each element of the result (its accumulated value), and what is stored.
    pub program: Program,
}

impl MatMul {
    fn parts_of(&self, depth: u64) -> u64 {
        if self.in_parts { depth.div_ceil(u64::from(parts::LENGTH)) + 2 } else { 0 }
    }

    /// Turns of the loop around that over K in the wide body.
    fn turns_of_windows(&self, job: &[u32]) -> u64 {
        let words = &job[HEADER + OPERANDS..];
        match self.windowed {
            None => 0,
            Some(Windowed::A) => u64::from(words[1]) + 1,
            Some(Windowed::B) => u64::from(job[3] / words[2].max(1)) + 1,
        }
    }

    /// Invocations of a workgroup.
    fn threads(&self) -> u64 {
        u64::from(match self.tile {
            Tile::Wide { .. } => LANES,
            Tile::Tiled { rows, columns } => rows * columns / 16,
            Tile::Cooperative { side, subgroup, .. } => (side / 32) * (side / 32) * subgroup,
        })
    }

    /// An expression for a factor, or four of them, as it enters the product.
    fn factor(&self, read: &str) -> String {
        match self.factors {
            Factors::Single => read.to_owned(),
            Factors::Rounded | Factors::Stored => format!("quantizeToF16({read})"),
        }
    }

    fn frame(&self) -> Frame<'static> {
        let [element, count, row] = match self.batched {
            false => ["(row * n + column)", "(m * n)", "row"],
            true => ["((batch * m + row) * n + column)", "(batches * m * n)", "(batch * m + row)"],
        };
        Frame {
            words: "program",
            element,
            count,
            columns: "n",
            row,
            column: "column",
            replica: "replica",
            accumulated: "value",
            prefix: "v",
            suffix: "",
            four: false,
        }
    }

    /// The program on one result.
    fn epilogue(&self) -> String {
        let frame = self.frame();
        self.program.emit_values(&frame, &INNER) + &self.program.emit_outputs(&frame)
    }

    /// Rows and columns of a workgroup's tile.
    fn block(&self) -> [u32; 2] {
        match self.tile {
            Tile::Wide { rows, columns, .. } => [rows, columns * LANES],
            Tile::Tiled { rows, columns } => [rows, columns],
            Tile::Cooperative { side, .. } => [side, side],
        }
    }

    /// Words of a job before those of the program.
    fn words_before(&self) -> usize {
        let windows = if self.windowed.is_some() { windowed::WORDS } else { 0 };
        HEADER + OPERANDS + if self.batched { BATCH } else { 0 } + windows
    }

    /// What the templates of all bodies say of a batch: which of its products a block belongs to, and where that stands.
    fn places(&self) -> [(&'static str, String); 5] {
        let [rows, columns] = self.block();
        let text = |text: &str| if self.batched { text.to_owned() } else { String::new() };
        let which = format!(
            "    let batches = table[job + 10u];\n    let tiles = ((m + {}u) / {rows}u) * ((n + {}u) / {columns}u);\n    \
             let batch = (at.block - table[job]) / tiles;\n",
            rows - 1,
            columns - 1
        );
        [
            ("batch", text(&which)),
            ("batch_a", text(" + batch * table[job + 11u]")),
            ("batch_b", text(" + batch * table[job + 12u]")),
            ("batch_tile", text(" - batch * tiles")),
            ("words", self.words_before().to_string()),
        ]
    }
}

impl Variant for MatMul {
    fn name(&self) -> String {
        let letter = |t: bool| if t { 'T' } else { 'N' };
        let tile = match self.tile {
            Tile::Wide { rows, columns, broadcast } => {
                format!("wide{rows}x{columns}{}", if broadcast { "b" } else { "" })
            }
            Tile::Tiled { rows, columns } => format!("tiled{rows}x{columns}"),
            Tile::Cooperative { side, matrix, .. } => format!("cooperative{side}x{side}m{matrix}"),
        };
        let half = match self.factors {
            Factors::Single if self.in_parts => "_parts",
            Factors::Single => "",
            Factors::Rounded | Factors::Stored => "_f16",
        };
        let letters = [self.vector_a, self.vector_b, self.vector_c].map(|v| if v { "v" } else { "s" });
        let vectors = letters.concat();
        let (a, b) = (letter(self.transpose_a), letter(self.transpose_b));
        let what = self.inner.name();
        let windows = match self.windowed {
            None => "",
            Some(Windowed::A) => "_windowsA",
            Some(Windowed::B) => "_windowsB",
        };
        let batch = if self.batched { "_batch" } else { "" };
        format!("{what}{windows}_{a}{b}{half}{batch}_{tile}_{vectors}({})", self.program.describe())
    }

    fn job_words(&self) -> usize {
        self.words_before() + self.program.words()
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        let [rows, columns] = self.block();
        let batches = if self.batched { job[HEADER + OPERANDS] } else { 1 };
        batches * job[1].div_ceil(rows) * job[2].div_ceil(columns)
    }

    fn iterations(&self, job: &[u32], _: u32) -> u64 {
        let depth = u64::from(job[3]);
        match self.tile {
            Tile::Wide { rows, columns, .. } => {
                let steps = self.steps() as u64;
                2 + depth.div_ceil(steps)
                    + self.parts_of(depth)
                    + self.turns_of_windows(job)
                    + u64::from(rows) * (1 + u64::from(columns) * self.program.iterations())
            }
            Tile::Tiled { rows, columns } => {
                let threads = self.threads();
                let loads = 2 + (u64::from(16 * rows)).div_ceil(threads) + (u64::from(16 * columns)).div_ceil(threads);
                2 + depth.div_ceil(16) * (loads + 18) + self.parts_of(depth) + 20 + 16 * self.program.iterations()
            }
            Tile::Cooperative { side, .. } => {
                let threads = self.threads();
                let loads = 2 + u64::from(2 * cooperative::DEPTH * side).div_ceil(threads);
                2 + depth.div_ceil(u64::from(cooperative::DEPTH)) * loads
                    + u64::from(side * side).div_ceil(threads) * (1 + self.program.iterations())
            }
        }
    }

    fn routine(&self, entry: &str, _: u32) -> Routine {
        match self.tile {
            Tile::Wide { rows, columns, broadcast } => self.wide_routine(entry, [rows, columns], broadcast),
            Tile::Tiled { rows, columns } => self.tiled_routine(entry, [rows, columns]),
            Tile::Cooperative { side, matrix, subgroup } => self.cooperative_routine(entry, [side, matrix, subgroup]),
        }
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        self.native(job)
    }
}
