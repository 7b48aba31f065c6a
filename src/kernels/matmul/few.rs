//! Products of few rows: reading B is most of the work, so that it is read once, as it stands.

use std::ops::Range;

use pulp::{Simd, WithSimd, bytemuck};

use super::job::{Factor, Job, PART, grow};
use super::pack::{MOST_LANES, QUAD, pack};
use super::tile::Term;

/// Vectors of columns at once where there are few columns.
const FEWEST: usize = 2;

/// Steps of K read from each line at a time, so that what a slice costs is small beside them.
const BLOCK: usize = 32;

/// Whether a job has so few rows that it gains by this, and whole vectors and blocks of B can be read.
pub(super) fn suits<S: Simd>(job: &Job) -> bool {
    let most = if job.b.depth_last { 6 } else { 2 };
    !job.rounded
        && job.a.windows.is_none()
        && job.b.windows.is_none()
        && (1..=most).contains(&job.rows.len())
        && job.columns.end >= FEWEST * S::F32_LANES
        && (!job.b.depth_last || (S::F32_LANES >= QUAD && job.depth >= BLOCK))
}

/// A job that [`suits`].
pub(super) struct Few<'a, T> {
    pub(super) job: Job<'a>,
    /// What is summed.
    pub(super) term: T,
}

impl<T: Term> WithSimd for Few<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Job { a, rows, b, columns, depth, space, out, done, .. } = self.job;
        grow(&mut space.a, depth * rows.len() + S::F32_LANES);
        pack(simd, a, rows.clone(), 0..depth, false, &mut space.a, rows.len());
        Packed { a: &space.a, b, columns, depth, term: self.term }.run(simd, rows.len(), out);
        done(rows, out);
    }
}

struct Packed<'a, T> {
    /// Those of step t begin at t times their number.
    a: &'a [f32],
    b: Factor<'a>,
    columns: Range<usize>,
    depth: usize,
    term: T,
}

impl<T: Term> Packed<'_, T> {
    /// Sums `rows` rows into `out`.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S, rows: usize, out: &mut [f32]) {
        let registers = S::REGISTER_COUNT >= 32;
        macro_rules! sized {
            ($($rows:literal $turned:literal: $wide:literal or $narrow:literal,)*) => {
                match (rows, self.b.depth_last, registers) {
                    $(
                        ($rows, $turned, true) => self.sized::<S, $rows, $wide, $turned>(simd, out),
                        ($rows, $turned, false) => self.sized::<S, $rows, $narrow, $turned>(simd, out),
                    )*
                    _ => unreachable!("{rows} are not few rows"),
                }
            };
        }
        // Chains enough to hide the latency of a sum, few enough that they stay in registers beside what is turned.
        sized!(
            1 false: 16 or 8, 2 false: 8 or 4,
            1 true: 1 or 2, 2 true: 1 or 2, 3 true: 1 or 1, 4 true: 1 or 1,
            5 true: 1 or 1, 6 true: 1 or 1,
        );
    }

    #[inline(always)]
    fn sized<S: Simd, const ROWS: usize, const WIDE: usize, const TURNED: bool>(&self, simd: S, out: &mut [f32]) {
        let columns = &self.columns;
        for t in (0..self.depth).step_by(PART) {
            let part = t..self.depth.min(t + PART);
            if columns.end < WIDE * S::F32_LANES {
                for first in columns.clone().step_by(FEWEST * S::F32_LANES) {
                    self.group::<S, ROWS, FEWEST, TURNED>(simd, first, part.clone(), out);
                }
            } else {
                for first in columns.clone().step_by(WIDE * S::F32_LANES) {
                    self.group::<S, ROWS, WIDE, TURNED>(simd, first, part.clone(), out);
                }
            }
        }
    }

    /// Sums a block of K but for its first `skipped` steps, of lines that each hold all of K: turned in registers and
    /// used at once.
    #[inline(always)]
    fn block<S: Simd, const ROWS: usize, const WIDE: usize>(
        &self,
        simd: S,
        start: usize,
        t: usize,
        skipped: usize,
        sums: &mut [[S::f32s; WIDE]; ROWS],
    ) {
        let Self { a, b, term, .. } = self;
        let a = &a[t * ROWS..][..BLOCK * ROWS];
        let mut lines = [[&[[0.0; QUAD]; BLOCK / QUAD]; MOST_LANES]; WIDE];
        for (wide, lines) in lines.iter_mut().enumerate() {
            for (lane, line) in lines.iter_mut().enumerate().take(S::F32_LANES) {
                let at = (start + wide * S::F32_LANES + lane) * b.leading + t;
                *line = b.values[at..].as_chunks().0.first_chunk().unwrap();
            }
        }
        for quad in 0..BLOCK / QUAD {
            for wide in 0..WIDE {
                let mut square = [simd.splat_f32s(0.0); QUAD];
                for (row, vector) in square.iter_mut().enumerate() {
                    let parts: &mut [[f32; QUAD]] = bytemuck::cast_slice_mut(std::slice::from_mut(vector));
                    for (part, values) in parts.iter_mut().enumerate() {
                        *values = lines[wide][part * QUAD + row][quad];
                    }
                }
                // Turns each four by four lanes of the four vectors.
                let square = simd.interleave_shfl_f32s(square);
                for step in 0..QUAD {
                    if quad * QUAD + step < skipped {
                        continue;
                    }
                    for row in 0..ROWS {
                        let a = simd.splat_f32s(a[(quad * QUAD + step) * ROWS + row]);
                        sums[row][wide] = term.add(simd, a, square[step], sums[row][wide]);
                    }
                }
            }
        }
    }

    /// Sums one part of K of `WIDE` vectors of columns from the `first` on; the last ones begin before it, to be whole.
    #[inline(always)]
    fn group<S: Simd, const ROWS: usize, const WIDE: usize, const TURNED: bool>(
        &self,
        simd: S,
        first: usize,
        part: Range<usize>,
        out: &mut [f32],
    ) {
        let Self { a, b, columns, term, .. } = self;
        let start = first.min(columns.end - WIDE * S::F32_LANES);
        let mut sums = [[simd.splat_f32s(0.0); WIDE]; ROWS];
        if TURNED {
            let rest = part.len() % BLOCK;
            for t in (part.start..part.end - rest).step_by(BLOCK) {
                self.block(simd, start, t, 0, &mut sums);
            }
            if rest > 0 {
                self.block(simd, start, part.end - BLOCK, BLOCK - rest, &mut sums);
            }
        } else {
            for t in part.clone() {
                let a = &a[t * ROWS..][..ROWS];
                let b = S::as_simd_f32s(&b.values[t * b.leading + start..][..WIDE * S::F32_LANES]).0;
                for row in 0..ROWS {
                    let a = simd.splat_f32s(a[row]);
                    for wide in 0..WIDE {
                        sums[row][wide] = term.add(simd, a, b[wide], sums[row][wide]);
                    }
                }
            }
        }
        for row in 0..ROWS {
            let sums: &[f32] = &bytemuck::cast_slice(&sums[row])[first - start..];
            let c = &mut out[row * columns.len() + first - columns.start..][..sums.len()];
            if part.start == 0 {
                c.copy_from_slice(sums);
            } else {
                c.iter_mut().zip(sums).for_each(|(c, &sum)| *c += sum);
            }
        }
    }
}
