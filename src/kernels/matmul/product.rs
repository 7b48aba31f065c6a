//! Products of matrices, and sums of distances, whose bits depend on nothing
//! but the factors.
//!
//! Every result is its own chain of operations: K is cut into parts of
//! [`PART`], each part is summed in order from zero, and the parts are added in
//! order. Vectors and tiles only ever put *different* results side by side, so
//! neither the width of a register, nor the tile a result falls in, nor how the
//! caller cuts the rows and columns among its threads can be seen in the result.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Inner;
use super::few::{self, Few};
use super::job::{Factor, Job, PART, Workspace, grow};
use super::pack::{MOST_LANES, pack};
use super::tile::{self, AbsoluteDifference, Product, SquaredDifference, Term, Tile};

/// Rows of A packed at once: with [`PART`] they take 144 KB, which leaves room
/// in the 512 KB second-level cache of common machines. Changes no bit.
const PANEL_ROWS: usize = 144;

/// Steps of K up to which storing results is most of the work. Changes no bit.
const SHORT: usize = 16;

/// Rows of A then taken at once, where the results are more than the first-level cache holds: so those of a panel stay
/// there until they are handed over. Changes no bit.
const THIN_PANEL: usize = 14;

/// Elements in the first-level cache of common machines.
const FIRST_LEVEL: usize = 8192;

/// Columns of B packed at once (1 MB, streamed from the second or third level
/// once per [`PANEL_ROWS`]). Changes no bit.
const PANEL_COLUMNS: usize = 1024;

/// Computes the results of `rows` and `columns`, summed over `0..depth`, and hands them to `done` in whole rows: each time a range
/// of rows and their results, without gaps, row by row. `out` is where they stand until then, of [`room`] elements; small enough
/// results are handed over while they are in the nearest caches.
///
/// If `rounded`, the factors are taken as half-precision numbers: rounded to the nearest, subnormals flushed to zero.
#[allow(clippy::too_many_arguments)]
pub fn block<S: Simd>(
    simd: S,
    inner: Inner,
    rounded: bool,
    a: Factor,
    rows: Range<usize>,
    b: Factor,
    columns: Range<usize>,
    depth: usize,
    space: &mut Workspace,
    out: &mut [f32],
    done: &mut dyn FnMut(Range<usize>, &[f32]),
) {
    if depth == 0 {
        out.fill(0.0);
        for row in rows {
            done(row..row + 1, &out[..columns.len()]);
        }
        return;
    }
    if columns.len() == 1 && a.windows.is_none() && b.windows.is_none() {
        // Every term is symmetric, and a single column lies in `out` as a single row does: as a row it fills vectors instead of one
        // lane of each.
        let job =
            Job { rounded, a: b, rows: columns, b: a, columns: rows.clone(), depth, space, out, done: &mut |_, _| {} };
        summed(simd, inner, job);
        return done(rows.clone(), &out[..rows.len()]);
    }
    summed(simd, inner, Job { rounded, a, rows, b, columns, depth, space, out, done });
}

/// Elements that [`block`] needs for results of so many rows and columns, which may be [`symmetric`].
pub fn room(rows: usize, columns: usize, depth: usize, symmetric: bool) -> usize {
    columns * if passing(columns, depth, symmetric) { rows.min(PANEL_ROWS) } else { rows }
}

/// Whether the results of these rows and columns mirror each other, every term being symmetric, and are so many and so
/// long that copying half of them is quicker than computing them.
pub fn symmetric(a: Factor, rows: &Range<usize>, b: Factor, columns: &Range<usize>, depth: usize) -> bool {
    let same = a.windows.is_none()
        && b.windows.is_none()
        && std::ptr::eq(a.values, b.values)
        && a.leading == b.leading
        && a.depth_last == b.depth_last;
    same && rows == columns && (48..=2048).contains(&rows.len()) && depth >= 128
}

/// Rows of a large result to ask of [`block`] at once: enough that packing is small beside the sums.
pub const ROWS_AT_ONCE: usize = 7 * PANEL_ROWS;

/// Whether panels of rows are done one after the other, so that all stand in the same place.
fn passing(columns: usize, depth: usize, symmetric: bool) -> bool {
    depth <= PART && !symmetric && (2..=PANEL_COLUMNS).contains(&columns)
}

fn summed<S: Simd>(simd: S, inner: Inner, job: Job) {
    match inner {
        Inner::Product => of_term(simd, Product, job),
        Inner::SquaredDifference => of_term(simd, SquaredDifference, job),
        Inner::AbsoluteDifference => of_term(simd, AbsoluteDifference, job),
    }
}

fn of_term<S: Simd, T: Term>(simd: S, term: T, job: Job) {
    match few::suits::<S>(&job) {
        true => simd.vectorize(Few { job, term }),
        false => simd.vectorize(Summed { job, term }),
    }
}

struct Summed<'a, T> {
    job: Job<'a>,
    term: T,
}

impl<T: Term> WithSimd for Summed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Job { rounded, a, rows, b, columns, depth, space, out, done } = self.job;
        let symmetric = symmetric(a, &rows, b, &columns, depth);
        let passing = passing(columns.len(), depth, symmetric);
        let tall = tile::rows::<S, T>();
        let wide = tile::columns::<S>();
        let lanes = S::F32_LANES;
        grow(&mut space.tile, tile::room::<S, T>());
        let thin = passing && depth <= SHORT && rows.len() * columns.len() > FIRST_LEVEL;
        let high = if thin { THIN_PANEL / tall * tall } else { PANEL_ROWS };
        let a_direct = !rounded && a.windows.is_none() && (columns.len() <= 4 * wide || rows.len() <= 4);
        let b_direct = !rounded && b.windows.is_none() && !b.depth_last && rows.len() <= 4 * tall;
        // Tiles read whole vectors: a panel that does not fill them is packed all the same.
        let as_it_stands = |panel: &Range<usize>| b_direct && panel.len().is_multiple_of(lanes);

        for t in (0..depth).step_by(PART) {
            let part = t..depth.min(t + PART);
            // Packing runs on past a tile by part of a vector.
            let a_room = tall * part.len() + lanes;
            // From right to left: the first part of a row that ends in part of a
            // vector runs on into the next row, whose results are set after it.
            for j in columns.clone().step_by(PANEL_COLUMNS).rev() {
                let across = j..columns.end.min(j + PANEL_COLUMNS);
                for i in rows.clone().step_by(high) {
                    let down = i..rows.end.min(i + high);
                    let top = if passing { i } else { rows.start };
                    if !a_direct {
                        grow(&mut space.a, down.len().div_ceil(tall) * a_room);
                        for steps in split_whole(part.clone(), at_a_stretch(a)) {
                            for (index, tile) in split(down.clone(), tall).enumerate() {
                                let start = index * a_room + (steps.start - t) * tile.len();
                                let high = tile.len();
                                let (start, stride) = match a.windows {
                                    None => (start, high),
                                    Some(_) => (index * a_room, part.len()),
                                };
                                pack(simd, a, tile, steps.clone(), rounded, &mut space.a[start..], stride);
                            }
                        }
                    }
                    if i == rows.start && !as_it_stands(&across) {
                        grow(&mut space.b, across.len().next_multiple_of(wide) * part.len() + wide);
                        for steps in split_whole(part.clone(), at_a_stretch(b)) {
                            let panels = split_whole(across.clone(), wide);
                            for panel in panels.filter(|panel| !as_it_stands(panel)) {
                                let width = panel.len().next_multiple_of(lanes);
                                let start = (panel.start - j) * part.len() + (steps.start - t) * width;
                                pack(simd, b, panel, steps.clone(), rounded, &mut space.b[start..], width);
                            }
                        }
                    }
                    for panel in split_whole(across.clone(), wide).rev() {
                        let (b, b_stride) = match as_it_stands(&panel) {
                            true => (&b.values[t * b.leading + panel.start..], b.leading),
                            false => (&space.b[(panel.start - j) * part.len()..], panel.len().next_multiple_of(lanes)),
                        };
                        for (index, tile) in split(down.clone(), tall).enumerate() {
                            let mut valid = panel.len();
                            if symmetric {
                                // Whole vectors as far as the diagonal.
                                valid = valid.min(tile.end.saturating_sub(panel.start).next_multiple_of(lanes));
                                if valid == 0 {
                                    continue;
                                }
                            }
                            let high = tile.len();
                            let (a, along, a_stride) = match (a_direct, a.depth_last) {
                                (false, _) if a.windows.is_some() => (&space.a[index * a_room..], true, part.len()),
                                (false, _) => (&space.a[index * a_room..], false, high),
                                (true, false) => (&a.values[t * a.leading + tile.start..], false, a.leading),
                                (true, true) => (&a.values[tile.start * a.leading + t..], true, a.leading),
                            };
                            let corner = (tile.start - top) * columns.len() + (panel.start - columns.start);
                            let tile = Tile { a, a_stride, b, b_stride, depth: part.len(), term: self.term };
                            tile.run(
                                simd,
                                high,
                                along,
                                valid,
                                &mut out[corner..],
                                columns.len(),
                                t == 0,
                                &mut space.tile,
                            );
                        }
                    }
                    if part.end == depth && j == columns.start && !symmetric {
                        done(down.clone(), &out[(i - top) * columns.len()..(down.end - top) * columns.len()]);
                    }
                }
            }
        }
        if symmetric {
            mirror(simd, out, rows.len());
            done(rows, out);
        }
    }
}

/// Copies what stands below the diagonal of `out`, of `extent` rows and columns, to above it.
#[inline(always)]
fn mirror<S: Simd>(simd: S, out: &mut [f32], extent: usize) {
    // What stands right of each strip of rows is whole vectors: the packing of others runs on into the next row.
    for end in (1..=extent).rev().step_by(MOST_LANES) {
        let start = end.saturating_sub(MOST_LANES);
        for i in start..end {
            for j in i + 1..end {
                out[i * extent + j] = out[j * extent + i];
            }
        }
        if end < extent {
            let (above, below) = out.split_at_mut(end * extent);
            let below = Factor { values: &below[start..], leading: extent, depth_last: true, windows: None };
            pack(simd, below, 0..extent - end, 0..end - start, false, &mut above[start * extent + end..], extent);
        }
    }
}

/// Steps of a factor to pack before going on to the next tile. Lines that each
/// hold all of K are read to their end; of those that lie side by side only as
/// many at a time as there are pages and streams to keep open.
#[inline(always)]
fn at_a_stretch(factor: Factor) -> usize {
    if factor.depth_last || factor.windows.is_some() { PART } else { 16 }
}

/// `whole` in the fewest pieces of at most `most`, as even as they come.
#[inline(always)]
fn split(whole: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let pieces = whole.len().div_ceil(most);
    let (least, longer) = (whole.len() / pieces, whole.len() % pieces);
    let mut start = whole.start;
    (0..pieces).map(move |piece| {
        let end = start + least + usize::from(piece < longer);
        std::mem::replace(&mut start, end)..end
    })
}

/// `whole` in pieces of `most`, the last one shorter.
#[inline(always)]
fn split_whole(whole: Range<usize>, most: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let end = whole.end;
    whole.step_by(most).map(move |start| start..end.min(start + most))
}
