//! Packing: a panel of a factor laid out as tiles read it.

use std::ops::Range;

use half::f16;
use half::slice::HalfFloatSliceExt;
use pulp::{Simd, bytemuck};

use super::job::Factor;
use super::windowed::Windows;

/// Steps turned at once by [`Simd::interleave_shfl_f32s`].
pub const QUAD: usize = 4;

/// Lanes of the widest vector of any machine.
pub const MOST_LANES: usize = 16;

/// Lays out `lines` of `from` so that those of step t of `depth` begin at
/// `out[t * stride]`.
///
/// What follows them up to the next multiple of the vector's width is
/// overwritten too: by what happens to lie there, and then by the next step.
///
/// Windows whose lines each hold all of K are laid out as lines, `stride` apart: they are read as they lie.
#[inline(always)]
pub fn pack<S: Simd>(
    simd: S,
    from: Factor,
    lines: Range<usize>,
    depth: Range<usize>,
    rounded: bool,
    out: &mut [f32],
    stride: usize,
) {
    let steps = depth.len();
    if let Some(windows) = from.windows {
        if from.depth_last {
            return lay_out::<S>(from, windows, lines, depth, rounded, out, stride);
        }
        across_windows::<S>(from, windows, lines, depth, out, stride);
    } else if from.depth_last {
        turn(simd, from, lines, depth, out, stride);
    } else {
        copy(simd, from, lines, depth, out, stride);
    }
    if rounded {
        round(&mut out[..steps * stride]);
    }
}

/// Packs lines that lie side by side.
#[inline(always)]
fn copy<S: Simd>(simd: S, from: Factor, lines: Range<usize>, depth: Range<usize>, out: &mut [f32], stride: usize) {
    for (step, t) in depth.enumerate() {
        for i in (0..lines.len()).step_by(S::F32_LANES) {
            let vector = load(simd, from.values, t * from.leading + lines.start + i);
            store::<S>(out, step * stride + i, vector);
        }
    }
}

/// Packs lines that each hold all of K: turns four steps of a vector of lines at
/// a time in registers.
#[inline(always)]
fn turn<S: Simd>(simd: S, from: Factor, lines: Range<usize>, depth: Range<usize>, out: &mut [f32], stride: usize) {
    let lanes = S::F32_LANES;
    let whole = if lanes < QUAD { 0 } else { depth.len() / QUAD };
    // The last lines first: their excess is then overwritten by the first ones.
    for first in (0..lines.len()).step_by(lanes).rev() {
        // For want of a line the last one is read again.
        let line = |lane: usize| {
            let line = (lines.start + first + lane).min(lines.end - 1);
            &from.values[line * from.leading..][depth.clone()]
        };
        let mut quads: [&[[f32; QUAD]]; MOST_LANES] = [&[]; MOST_LANES];
        for (lane, quads) in quads.iter_mut().enumerate().take(lanes) {
            *quads = line(lane).as_chunks().0;
        }
        // `quads` is indexed by line first.
        #[allow(clippy::needless_range_loop)]
        for quad in 0..whole {
            let mut square = [simd.splat_f32s(0.0); QUAD];
            for (row, vector) in square.iter_mut().enumerate() {
                let parts: &mut [[f32; QUAD]] = bytemuck::cast_slice_mut(std::slice::from_mut(vector));
                for (part, values) in parts.iter_mut().enumerate() {
                    *values = quads[part * QUAD + row][quad];
                }
            }
            // Turns each four by four lanes of the four vectors.
            let square = simd.interleave_shfl_f32s(square);
            for (step, vector) in square.into_iter().enumerate() {
                store::<S>(out, (quad * QUAD + step) * stride + first, vector);
            }
        }
        for step in whole * QUAD..depth.len() {
            for lane in 0..lanes.min(lines.len() - first) {
                out[step * stride + first + lane] = line(lane)[step];
            }
        }
    }
}

/// Lays out windows one below the other, `stride` apart.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn lay_out<S: Simd>(
    from: Factor,
    windows: Windows,
    lines: Range<usize>,
    depth: Range<usize>,
    rounded: bool,
    out: &mut [f32],
    stride: usize,
) {
    let count = lines.len();
    let mut t = depth.start;
    while t < depth.end {
        let (tap, channel) = (t / from.leading, t % from.leading);
        let length = (from.leading - channel).min(depth.end - t);
        let to = t - depth.start;
        if length == 1 {
            windows.rows(lines.clone(), tap, |line, row| {
                out[line * stride + to] = row.map_or(0.0, |row| from.values[row * from.leading + channel]);
            });
            t += 1;
            continue;
        }
        windows.rows(lines.clone(), tap, |line, row| {
            let out = &mut out[line * stride + to..][..length];
            match row {
                Some(row) => copied::<S>(&from.values[row * from.leading + channel..][..length], out),
                None => out.fill(0.0),
            }
        });
        t += length;
    }
    if rounded {
        round(&mut out[..(count - 1) * stride + depth.len()]);
    }
}

/// Packs taps and channels of windows that lie below each other.
#[inline(always)]
fn across_windows<S: Simd>(
    from: Factor,
    windows: Windows,
    lines: Range<usize>,
    depth: Range<usize>,
    out: &mut [f32],
    stride: usize,
) {
    let mut i = lines.start;
    while i < lines.end {
        let (tap, channel) = (i / from.leading, i % from.leading);
        let length = (from.leading - channel).min(lines.end - i);
        let to = i - lines.start;
        if length == 1 {
            windows.rows(depth.clone(), tap, |step, row| {
                out[step * stride + to] = row.map_or(0.0, |row| from.values[row * from.leading + channel]);
            });
            i += 1;
            continue;
        }
        windows.rows(depth.clone(), tap, |step, row| {
            let out = &mut out[step * stride + to..][..length];
            match row {
                Some(row) => copied::<S>(&from.values[row * from.leading + channel..][..length], out),
                None => out.fill(0.0),
            }
        });
        i += length;
    }
}

/// A short copy: a call for it would take longer than it does.
#[inline(always)]
fn copied<S: Simd>(from: &[f32], to: &mut [f32]) {
    let ((from, rest), (to, left)) = (S::as_simd_f32s(from), S::as_mut_simd_f32s(to));
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
    for (to, from) in left.iter_mut().zip(rest) {
        *to = *from;
    }
}

/// The vector at `values[at]`, or what there is of it.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32], at: usize) -> S::f32s {
    match values.get(at..at + S::F32_LANES) {
        Some(whole) => S::as_simd_f32s(whole).0[0],
        None => simd.partial_load_f32s(&values[at..]),
    }
}

#[inline(always)]
fn store<S: Simd>(out: &mut [f32], at: usize, vector: S::f32s) {
    S::as_mut_simd_f32s(&mut out[at..at + S::F32_LANES]).0[0] = vector;
}

/// Rounds to half precision and back; subnormals become zeros of their sign.
fn round(values: &mut [f32]) {
    let mut halves = [f16::ZERO; 64];
    for values in values.chunks_mut(halves.len()) {
        let halves = &mut halves[..values.len()];
        halves.convert_from_f32_slice(values);
        halves.convert_to_f32_slice(values);
        for value in values {
            if value.abs() < f16::MIN_POSITIVE.to_f32_const() {
                *value = 0f32.copysign(*value);
            }
        }
    }
}
