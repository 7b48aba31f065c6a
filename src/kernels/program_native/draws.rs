//! Random numbers of elements that stand one after the other.

use super::Values;
use super::bound::Bound;
use crate::kernels::lanes;
use crate::kernels::program::{Distribution, Draw, Value};

/// Lanes of random numbers whose keys differ from element to element.
const LANES: usize = 16;

/// Random values of elements that stand one after the other.
#[inline(always)]
pub(super) fn random(
    bound: &Bound,
    distribution: Distribution,
    keys: [Value; 3],
    values: [&Values; 3],
    first: usize,
    out: &mut [f32],
) {
    if keys.iter().all(|&v| bound.uniform[v]) {
        let [seed, purpose, step] = values.map(|v| v[0].to_bits());
        let fill = match distribution {
            Distribution::Uniform => lanes::fill_uniform,
            Distribution::Normal => lanes::fill_normal,
            Distribution::TruncatedNormal => lanes::fill_truncated,
        };
        return fill(seed, purpose, step, first as u32, out);
    }
    for (at, out) in (0..).step_by(LANES).zip(out.chunks_mut(LANES)) {
        let [seed, purpose, step] = values.map(|v| words(v, at));
        let elements = std::array::from_fn(|l| (first + at + l) as u32);
        let drawn = match distribution {
            Distribution::Uniform => lanes::uniform(seed, purpose, step, elements),
            Distribution::Normal => lanes::normal(seed, purpose, step, elements),
            Distribution::TruncatedNormal => lanes::truncated(seed, purpose, step, elements),
        };
        out.copy_from_slice(&drawn[..out.len()]);
    }
}

/// Whole numbers drawn for elements that stand one after the other.
#[inline(always)]
pub(super) fn draws(bound: &Bound, draw: Draw, keys: [Value; 5], values: [&Values; 5], first: usize, out: &mut [f32]) {
    let out: &mut [u32] = bytemuck::cast_slice_mut(out);
    if keys.iter().all(|&v| bound.uniform[v]) {
        let [s, p, t, m, b] = values.map(|v| v[0].to_bits());
        match draw {
            Draw::Shuffled => {
                let mut done = 0;
                while done < out.len() {
                    // One permutation up to the end of its epoch.
                    let place = t.wrapping_mul(b).wrapping_add((first + done) as u32);
                    let left = (m - place % m).min((u32::MAX - place).saturating_add(1)) as usize;
                    let length = left.min(out.len() - done);
                    lanes::fill_permuted(s, p, place / m, m, place % m, &mut out[done..done + length]);
                    done += length;
                }
                return;
            }
            Draw::Replacement => return lanes::fill_choice(s, p, t, m, first as u32, out),
            Draw::Permutation | Draw::Choice => {}
        }
    }
    for (at, out) in (0..).step_by(LANES).zip(out.chunks_mut(LANES)) {
        let [s, p, t, m, b] = values.map(|v| words(v, at));
        let elements: [u32; LANES] = std::array::from_fn(|l| (first + at + l) as u32);
        let drawn = match draw {
            Draw::Shuffled => {
                let place: [u32; LANES] = std::array::from_fn(|l| t[l].wrapping_mul(b[l]).wrapping_add(elements[l]));
                let of = |f: fn(u32, u32) -> u32| std::array::from_fn(|l| f(place[l], m[l].max(1)));
                lanes::permuted(s, p, of(|place, m| place / m), of(|place, m| place % m), m.map(|m| m.max(1)))
            }
            Draw::Replacement => lanes::choice(s, p, t, elements, m.map(|m| m.max(1))),
            // Beyond the elements of the block stands anything.
            Draw::Permutation => {
                let position = std::array::from_fn(|l| if l < out.len() { b[l] } else { 0 });
                lanes::permuted(s, p, t, position, m.map(|m| m.max(1)))
            }
            Draw::Choice => lanes::choice(s, p, t, b, m.map(|m| m.max(1))),
        };
        out.copy_from_slice(&drawn[..out.len()]);
    }
}

/// The words of a register from a place on.
#[inline(always)]
fn words(register: &Values, at: usize) -> [u32; LANES] {
    std::array::from_fn(|l| register[at + l].to_bits())
}
