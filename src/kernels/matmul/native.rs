//! The native body: some rows of the result at a time, then the program over them while they are in the nearest cache.

use std::ops::Range;

use pulp::{Simd, WithSimd, bytemuck};

use super::job::{Factor, Workspace};
use super::product;
use super::windowed::{Windowed, Windows};
use super::{Factors, Inner, MatMul, OPERANDS};
use crate::kernels::native::{At, Space, Task};
use crate::kernels::program_native::Bound;
use crate::kernels::{Arena, HEADER};

impl MatMul {
    pub(super) fn native(&self, job: &[u32]) -> Box<dyn Task> {
        let [m, n, k] = [1, 2, 3].map(|i| job[i] as usize);
        let words = &job[HEADER..];
        let windows = |which| {
            let at = (self.windowed == Some(which)).then_some(&words[OPERANDS..])?;
            Some([0, 1, 2, 3].map(|i| at[i] as usize))
        };
        let batch = if self.batched { &words[OPERANDS..] } else { &[1, 0, 0] };
        let [batches, a_next, b_next] = [0, 1, 2].map(|i| batch[i] as usize);
        let operand = |arena, at: usize, depth_last, lines: usize, next, windows| Operand {
            arena,
            next,
            offset: words[at] as usize,
            stride: words[at + 1] as usize,
            leading: words[at + 2] as usize,
            depth_last,
            lines,
            depth: k,
            windows,
        };
        Box::new(Native {
            a: operand(self.a, 0, !self.transpose_a, m, a_next, windows(Windowed::A)),
            b: operand(self.b, 3, self.transpose_b, n, b_next, windows(Windowed::B)),
            batches,
            extents: [m, n, k],
            unit: unit(m, n, k),
            inner: self.inner,
            rounded: self.factors != Factors::Single,
            program: Bound::new(&self.program, &job[self.words_before()..], batches * m * n, n, &[]),
        })
    }
}

/// Where a factor stands.
struct Operand {
    arena: Arena,
    /// From one matrix of a batch to the next.
    next: usize,
    offset: usize,
    stride: usize,
    leading: usize,
    depth_last: bool,
    lines: usize,
    depth: usize,
    /// Words of its windows.
    windows: Option<[usize; 4]>,
}

impl Operand {
    fn of<'a>(&self, at: At<'a>, batch: usize) -> Factor<'a> {
        let begin = self.offset + at.replica * self.stride + batch * self.next;
        if let Some([table, taps, made, read]) = self.windows {
            let rows = if self.depth_last { self.lines } else { self.depth } / made * read;
            let values = at.view.get(self.arena, begin, rows * self.leading);
            let table = bytemuck::cast_slice(at.view.get(Arena::Data, table, made * taps));
            let windows = Some(Windows { table, taps, made, read });
            return Factor { values, leading: self.leading, depth_last: self.depth_last, windows };
        }
        let [lines, length] = if self.depth_last { [self.lines, self.depth] } else { [self.depth, self.lines] };
        let words = if lines == 0 || length == 0 { 0 } else { (lines - 1) * self.leading + length };
        let values = at.view.get(self.arena, begin, words);
        Factor { values, leading: self.leading, depth_last: self.depth_last, windows: None }
    }
}

/// Rows and columns of a unit: few enough that all threads share one network's products, many enough that packing is small. Parts
/// of a row only where they are whole blocks of the program.
fn unit(m: usize, n: usize, depth: usize) -> [usize; 2] {
    let mut unit = [576, if n >= 512 { 256 } else { n.max(1) }];
    let wanted = 2 * rayon::current_num_threads();
    // Long sums repay reading the other factor again.
    let fewest = if depth > 4096 { 8 } else { 72 };
    unit[0] = unit[0].min(m.max(1));
    while unit[0] > fewest && m.div_ceil(unit[0]) * n.div_ceil(unit[1]) < wanted {
        unit[0] = unit[0].div_ceil(2);
    }
    unit
}

struct Native {
    a: Operand,
    b: Operand,
    /// Products, one after the other.
    batches: usize,
    extents: [usize; 3],
    /// Rows and columns of a unit.
    unit: [usize; 2],
    inner: Inner,
    rounded: bool,
    program: Bound,
}

impl Native {
    /// How many units stand below each other, and side by side.
    fn grid(&self) -> [usize; 2] {
        [0, 1].map(|d| self.extents[d].div_ceil(self.unit[d]))
    }
}

impl Task for Native {
    fn units(&self) -> usize {
        self.batches * self.grid().iter().product::<usize>()
    }

    fn run(&self, at: At, units: Range<usize>, space: &mut Space) {
        let [m, n, depth] = self.extents;
        let Space { registers, results, product, .. } = space;
        let mut program = self.program.start(at, registers);
        let mut block = |batch: usize, rows: Range<usize>, columns: Range<usize>| {
            let (a, b) = (self.a.of(at, batch), self.b.of(at, batch));
            let symmetric = product::symmetric(a, &rows, b, &columns, depth);
            let room = product::room(rows.len(), columns.len(), depth, symmetric);
            results.resize(room.max(results.len()), 0.0);
            at.isa.run(Block {
                native: self,
                a,
                b,
                rows,
                columns: columns.clone(),
                space: product,
                out: &mut results[..room],
                done: &mut |rows, values| match (columns.len() == n, batch * m + rows.start..batch * m + rows.end) {
                    (true, rows) => program.store_all(rows.start * n..rows.end * n, values),
                    (false, rows) => rows.zip(values.chunks_exact(columns.len())).for_each(|(row, values)| {
                        program.store_all(row * n + columns.start..row * n + columns.end, values);
                    }),
                },
            });
        };
        if units == (0..self.units()) {
            let whole = product::symmetric(self.a.of(at, 0), &(0..m), self.b.of(at, 0), &(0..n), depth);
            let most = if whole { m.max(1) } else { product::ROWS_AT_ONCE };
            let all = (0..self.batches).flat_map(|batch| (0..m).step_by(most).map(move |i| (batch, i)));
            return all.for_each(|(batch, i)| block(batch, i..m.min(i + most), 0..n));
        }
        for unit in units {
            let ([down, across], batch) = (self.grid(), unit / self.grid().iter().product::<usize>());
            let unit = unit - batch * down * across;
            let [rows, columns] = [(0, unit / across), (1, unit % across)].map(|(d, i)| {
                let start = i * self.unit[d];
                start..self.extents[d].min(start + self.unit[d])
            });
            block(batch, rows, columns);
        }
    }
}

struct Block<'a> {
    native: &'a Native,
    a: Factor<'a>,
    b: Factor<'a>,
    rows: Range<usize>,
    columns: Range<usize>,
    space: &'a mut Workspace,
    out: &'a mut [f32],
    done: &'a mut dyn FnMut(Range<usize>, &[f32]),
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { native: Native { extents, inner, rounded, .. }, a, b, rows, columns, space, out, done } = self;
        product::block(simd, *inner, *rounded, a, rows, b, columns, extents[2], space, out, done);
    }
}
