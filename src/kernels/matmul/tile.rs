//! The innermost loop: a tile of results kept in registers over one part of K.

use pulp::Simd;

/// Vectors of columns in a tile.
const VECTORS: usize = 2;

/// Rows of the tallest tile of any machine.
const MOST_ROWS: usize = 14;

/// Rows of a tile that is as fast as any where a term is more than one operation, or there are only 16 registers.
const FEW_ROWS: usize = 6;

/// Most rows of a tile: with two vectors each, as many as leave registers for
/// two vectors of B and an element of A. Not more than it takes: a third of what
/// compiling the crate took was loops for tall tiles of differences.
#[inline(always)]
pub const fn rows<S: Simd, T: Term>() -> usize {
    if S::REGISTER_COUNT >= 32 && T::OPERATIONS == 1 { MOST_ROWS } else { FEW_ROWS }
}

/// Most columns of a tile.
#[inline(always)]
pub const fn columns<S: Simd>() -> usize {
    VECTORS * S::F32_LANES
}

/// Elements of the largest tile.
#[inline(always)]
pub const fn room<S: Simd, T: Term>() -> usize {
    rows::<S, T>() * columns::<S>()
}

/// One term added to a sum.
pub trait Term: Copy {
    /// Operations of a processor that it takes.
    const OPERATIONS: usize;

    /// `sum` and the term of `a` and `b`.
    fn add<S: Simd>(self, simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s;
}

#[derive(Clone, Copy)]
pub struct Product;

impl Term for Product {
    const OPERATIONS: usize = 1;

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        simd.mul_add_f32s(a, b, sum)
    }
}

#[derive(Clone, Copy)]
pub struct SquaredDifference;

impl Term for SquaredDifference {
    const OPERATIONS: usize = 2;

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        let difference = simd.sub_f32s(a, b);
        simd.mul_add_f32s(difference, difference, sum)
    }
}

#[derive(Clone, Copy)]
pub struct AbsoluteDifference;

impl Term for AbsoluteDifference {
    const OPERATIONS: usize = 3;

    #[inline(always)]
    fn add<S: Simd>(self, simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        simd.add_f32s(sum, simd.abs_f32s(simd.sub_f32s(a, b)))
    }
}

/// One part of K of both factors, for a tile of results.
#[derive(Clone, Copy)]
pub struct Tile<'a, T> {
    /// A from the tile's first row and the part's first step on.
    pub a: &'a [f32],
    /// From one row to the next if rows lie along K, else from one step to the next.
    pub a_stride: usize,
    /// B from the tile's first column and the part's first step on; whole vectors.
    pub b: &'a [f32],
    /// From one step to the next.
    pub b_stride: usize,
    /// Steps of this part.
    pub depth: usize,
    /// What is summed.
    pub term: T,
}

impl<T: Term> Tile<'_, T> {
    /// Sums `rows` rows, lying `along` K or across it, of `width` columns into
    /// `c`, whose rows are `c_stride` apart: the `first` part sets the results,
    /// the others are added. `spare` is room for a tile.
    ///
    /// A first part may set results past the `width` too, as far as its last
    /// vector reaches: the caller sees that those are set later.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub fn run<S: Simd>(
        self,
        simd: S,
        rows: usize,
        along: bool,
        width: usize,
        c: &mut [f32],
        c_stride: usize,
        first: bool,
        spare: &mut [f32],
    ) {
        let wide = width.div_ceil(S::F32_LANES);
        let stride = wide * S::F32_LANES;
        let fits = width == stride || first && (rows - 1) * c_stride + stride <= c.len();
        // Whole vectors first go where there is room for them. One call, since each is all the loops once more.
        let (target, target_stride) = if fits { (&mut *c, c_stride) } else { (&mut *spare, stride) };
        self.whole(simd, rows, along, wide, target, target_stride, first || !fits);
        if fits {
            return;
        }
        for (row, sums) in spare.chunks(stride).take(rows).enumerate() {
            let (whole, rest) = S::as_mut_simd_f32s(&mut c[row * c_stride..][..width]);
            let (sums, _) = S::as_simd_f32s(sums);
            for (c, &sum) in whole.iter_mut().zip(sums) {
                *c = if first { sum } else { simd.add_f32s(*c, sum) };
            }
            let sum = sums[whole.len()];
            let sum = if first { sum } else { simd.add_f32s(simd.partial_load_f32s(rest), sum) };
            simd.partial_store_f32s(rest, sum);
        }
    }

    /// Chooses the loop compiled for this size.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn whole<S: Simd>(
        self,
        simd: S,
        rows: usize,
        along: bool,
        wide: usize,
        c: &mut [f32],
        c_stride: usize,
        first: bool,
    ) {
        macro_rules! sized {
            ($($rows:literal)*) => {
                match (rows, wide, along) {
                    $(
                        ($rows, 1, true) => self.sized::<S, $rows, 1, true>(simd, c, c_stride, first),
                        ($rows, 1, false) => self.sized::<S, $rows, 1, false>(simd, c, c_stride, first),
                        ($rows, _, true) => self.sized::<S, $rows, VECTORS, true>(simd, c, c_stride, first),
                        ($rows, _, false) => self.sized::<S, $rows, VECTORS, false>(simd, c, c_stride, first),
                    )*
                    _ => unreachable!("a tile of {rows} rows"),
                }
            };
        }
        const { assert!(MOST_ROWS == 14 && FEW_ROWS == 6, "the loops below") };
        if const { self::rows::<S, T>() == MOST_ROWS } {
            sized!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
        } else {
            sized!(1 2 3 4 5 6)
        }
    }

    /// A tile whose size the compiler knows, so that its sums stay in registers.
    #[inline(always)]
    fn sized<S: Simd, const ROWS: usize, const WIDE: usize, const ALONG: bool>(
        self,
        simd: S,
        c: &mut [f32],
        c_stride: usize,
        first: bool,
    ) {
        let Tile { a, a_stride, b, b_stride, depth, term } = self;
        let mut sums = [[simd.splat_f32s(0.0); WIDE]; ROWS];
        let mut lines: [&[f32]; ROWS] = [&[]; ROWS];
        if ALONG {
            for row in 0..ROWS {
                lines[row] = &a[row * a_stride..][..depth];
            }
        }
        for t in 0..depth {
            let b = S::as_simd_f32s(&b[t * b_stride..][..WIDE * S::F32_LANES]).0;
            let across: &[f32] = if ALONG { &[] } else { &a[t * a_stride..][..ROWS] };
            for row in 0..ROWS {
                let a = simd.splat_f32s(if ALONG { lines[row][t] } else { across[row] });
                for vector in 0..WIDE {
                    sums[row][vector] = term.add(simd, a, b[vector], sums[row][vector]);
                }
            }
        }
        // Two plain loops: one that asks for `first` in every row is too long to be
        // unrolled, and sums that are indexed at run time do not stay in registers.
        if first {
            for row in 0..ROWS {
                let c = S::as_mut_simd_f32s(&mut c[row * c_stride..][..WIDE * S::F32_LANES]).0;
                c[..WIDE].copy_from_slice(&sums[row]);
            }
        } else {
            for row in 0..ROWS {
                let c = S::as_mut_simd_f32s(&mut c[row * c_stride..][..WIDE * S::F32_LANES]).0;
                for vector in 0..WIDE {
                    c[vector] = simd.add_f32s(c[vector], sums[row][vector]);
                }
            }
        }
    }
}
