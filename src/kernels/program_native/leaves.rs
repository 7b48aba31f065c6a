//! Reading the tensors of a program.

use std::ops::Range;

use super::Values;
use super::bound::Bound;
use super::places::Place;
use crate::kernels::native::At;
use crate::kernels::program::Pattern;

/// The parts of rows of `columns` that a range of elements meets: for each, its place in the range, its first column, its length
/// and its row.
#[inline(always)]
pub(super) fn by_row(first: usize, count: usize, columns: usize, mut part: impl FnMut(Range<usize>, usize, usize)) {
    let (mut row, mut column, mut done) = (first / columns, first % columns, 0);
    while done < count {
        let length = (columns - column).min(count - done);
        part(done..done + length, column, row);
        (row, column, done) = (row + 1, 0, done + length);
    }
}

/// The elements of a leaf for `count` elements from `first` on.
#[inline(always)]
pub(super) fn load(bound: &Bound, at: At, place: &Place, first: usize, count: usize, out: &mut [f32]) {
    let base = place.offset + at.replica * place.stride;
    let arena = place.leaf.arena;
    match place.leaf.pattern {
        Pattern::Full => out[..count].copy_from_slice(at.view.get(arena, base + first, count)),
        Pattern::Scalar => out.fill(at.view.word(arena, base)),
        Pattern::Row if bound.columns == 1 => out.fill(at.view.word(arena, base)),
        Pattern::Row => {
            let row = at.view.get(arena, base, bound.columns);
            by_row(first, count, bound.columns, |to, column, _| {
                let length = to.len();
                out[to].copy_from_slice(&row[column..column + length]);
            });
        }
        Pattern::Column if bound.columns == 1 => {
            out[..count].copy_from_slice(at.view.get(arena, base + first, count));
        }
        Pattern::Column => {
            by_row(first, count, bound.columns, |to, _, row| out[to].fill(at.view.word(arena, base + row)))
        }
        Pattern::Strided => {
            // Coordinates are counted on, not divided for.
            let (mut coordinates, mut rest) = ([0; 4], first);
            for d in (0..4).rev() {
                let extent = bound.extents[d].max(1);
                coordinates[d] = if d == 0 { rest } else { rest % extent };
                rest /= extent;
            }
            let mut done = 0;
            while done < count {
                let start = base + (0..4).map(|d| coordinates[d] * place.strides[d]).sum::<usize>();
                let length = (bound.extents[3] - coordinates[3]).min(count - done);
                let step = place.strides[3];
                let to = &mut out[done..done + length];
                match step {
                    0 => to.fill(at.view.word(arena, start)),
                    1 => to.copy_from_slice(at.view.get(arena, start, length)),
                    _ => {
                        let from = at.view.get(arena, start, (length - 1) * step + 1);
                        to.iter_mut().zip(from.iter().step_by(step)).for_each(|(o, x)| *o = *x);
                    }
                }
                done += length;
                coordinates[3] = 0;
                for d in (0..3).rev() {
                    coordinates[d] += 1;
                    if d == 0 || coordinates[d] < bound.extents[d] {
                        break;
                    }
                    coordinates[d] = 0;
                }
            }
        }
    }
}

/// Elements of the rows that `rows` names; `whole` if all elements of a row name the same.
#[inline(always)]
pub(super) fn gather(bound: &Bound, at: At, place: &Place, rows: &Values, whole: bool, first: usize, out: &mut [f32]) {
    let base = place.offset + at.replica * place.stride;
    let index = |i: usize| base + rows[i].to_bits() as usize * bound.columns;
    by_row(first, out.len(), bound.columns, |to, column, _| {
        let length = to.len();
        if whole {
            let from = at.view.get(place.leaf.arena, index(to.start) + column, length);
            out[to].copy_from_slice(from);
        } else {
            for (i, column) in to.zip(column..) {
                out[i] = at.view.word(place.leaf.arena, index(i) + column);
            }
        }
    });
}
