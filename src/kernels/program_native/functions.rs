//! Functions of each element, in loops of a fixed number of elements that become whole vectors.

use super::Values;
use crate::kernels::functions::{OnOne, OnTwo};

#[inline(always)]
fn chunk<const C: usize>(register: &Values, start: usize) -> &[f32; C] {
    register[start..start + C].try_into().expect("a chunk is so long")
}

#[inline(always)]
fn chunk_mut<const C: usize>(register: &mut Values, start: usize) -> &mut [f32; C] {
    (&mut register[start..start + C]).try_into().expect("a chunk is so long")
}

/// `if c != 0 { a } else { b }`.
#[inline(always)]
pub(super) fn select<const C: usize>(values: [&Values; 3], out: &mut Values, vectors: usize) {
    join::<C>(values, out, vectors, |c, a, b| if c != 0.0 { a } else { b });
}

/// `x y + c`, the product or the other term negated, rounded once.
#[inline(always)]
pub(super) fn mul_add<const C: usize>(values: [&Values; 3], negated: [bool; 2], out: &mut Values, vectors: usize) {
    match negated {
        [false, false] => join::<C>(values, out, vectors, |x, y, c| x.mul_add(y, c)),
        [true, _] => join::<C>(values, out, vectors, |x, y, c| (-x).mul_add(y, c)),
        [_, true] => join::<C>(values, out, vectors, |x, y, c| x.mul_add(y, -c)),
    }
}

/// `x y + z w`, or with `w` squared.
#[inline(always)]
pub(super) fn average<const C: usize>([x, y, z, w]: [&Values; 4], squared: bool, out: &mut Values, vectors: usize) {
    for start in (0..vectors).step_by(C) {
        let [x, y, z, w] = [x, y, z, w].map(|v| chunk::<C>(v, start));
        let out = chunk_mut::<C>(out, start);
        if squared {
            for i in 0..C {
                out[i] = z[i].mul_add(w[i] * w[i], x[i] * y[i]);
            }
        } else {
            for i in 0..C {
                out[i] = z[i].mul_add(w[i], x[i] * y[i]);
            }
        }
    }
}

/// `base - rate (first scale) / (sqrt(second) root + epsilon)`.
#[inline(always)]
pub(super) fn adaptive<const C: usize>(values: [&Values; 7], out: &mut Values, vectors: usize) {
    for start in (0..vectors).step_by(C) {
        let [base, rate, first, scale, second, root, epsilon] = values.map(|v| chunk::<C>(v, start));
        let out = chunk_mut::<C>(out, start);
        for i in 0..C {
            let quotient = first[i] * scale[i] / second[i].sqrt().mul_add(root[i], epsilon[i]);
            out[i] = (-rate[i]).mul_add(quotient, base[i]);
        }
    }
}

#[inline(always)]
fn join<const C: usize>([a, b, c]: [&Values; 3], out: &mut Values, vectors: usize, f: impl Fn(f32, f32, f32) -> f32) {
    for start in (0..vectors).step_by(C) {
        let (a, b, c) = (chunk::<C>(a, start), chunk::<C>(b, start), chunk::<C>(c, start));
        let out = chunk_mut::<C>(out, start);
        for i in 0..C {
            out[i] = f(a[i], b[i], c[i]);
        }
    }
}

/// A function of each of a register's values.
pub(super) struct Map<'a, const C: usize> {
    pub x: &'a Values,
    pub out: &'a mut Values,
    pub vectors: usize,
}

impl<const C: usize> OnOne for Map<'_, C> {
    #[inline(always)]
    fn with(self, f: impl Fn(f32) -> f32) {
        for start in (0..self.vectors).step_by(C) {
            let (x, out) = (chunk::<C>(self.x, start), chunk_mut::<C>(self.out, start));
            for i in 0..C {
                out[i] = f(x[i]);
            }
        }
    }
}

/// A function of the values of two registers, one by one.
pub(super) struct Zip<'a, const C: usize> {
    pub a: &'a Values,
    pub b: &'a Values,
    pub out: &'a mut Values,
    pub vectors: usize,
}

impl<const C: usize> OnTwo for Zip<'_, C> {
    #[inline(always)]
    fn with(self, f: impl Fn(f32, f32) -> f32) {
        for start in (0..self.vectors).step_by(C) {
            let (a, b, out) = (chunk::<C>(self.a, start), chunk::<C>(self.b, start), chunk_mut::<C>(self.out, start));
            for i in 0..C {
                out[i] = f(a[i], b[i]);
            }
        }
    }
}
