//! Functions of each element, in loops of a fixed number of elements that become whole vectors.

use super::Values;
use crate::cpu::math;
use crate::kernels::program::{Binary, Unary};

#[inline(always)]
fn chunk<const C: usize>(register: &Values, start: usize) -> &[f32; C] {
    register[start..start + C].try_into().expect("a chunk is so long")
}

#[inline(always)]
fn chunk_mut<const C: usize>(register: &mut Values, start: usize) -> &mut [f32; C] {
    (&mut register[start..start + C]).try_into().expect("a chunk is so long")
}

#[inline(always)]
fn map<const C: usize>(x: &Values, out: &mut Values, vectors: usize, f: impl Fn(f32) -> f32) {
    for start in (0..vectors).step_by(C) {
        let (x, out) = (chunk::<C>(x, start), chunk_mut::<C>(out, start));
        for i in 0..C {
            out[i] = f(x[i]);
        }
    }
}

#[inline(always)]
fn zip<const C: usize>(a: &Values, b: &Values, out: &mut Values, vectors: usize, f: impl Fn(f32, f32) -> f32) {
    for start in (0..vectors).step_by(C) {
        let (a, b, out) = (chunk::<C>(a, start), chunk::<C>(b, start), chunk_mut::<C>(out, start));
        for i in 0..C {
            out[i] = f(a[i], b[i]);
        }
    }
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

/// A function of one value.
#[inline(always)]
pub(super) fn unary<const C: usize>(function: Unary, x: &Values, out: &mut Values, vectors: usize) {
    match function {
        Unary::Negate => map::<C>(x, out, vectors, |x| -x),
        Unary::Abs => map::<C>(x, out, vectors, f32::abs),
        Unary::Sign => map::<C>(x, out, vectors, |x| f32::from(i8::from(x > 0.0) - i8::from(x < 0.0))),
        Unary::Square => map::<C>(x, out, vectors, |x| x * x),
        Unary::Sqrt => map::<C>(x, out, vectors, f32::sqrt),
        Unary::Reciprocal => map::<C>(x, out, vectors, |x| 1.0 / x),
        Unary::Exp => map::<C>(x, out, vectors, math::exp),
        Unary::Log => map::<C>(x, out, vectors, math::ln),
        Unary::Sin => map::<C>(x, out, vectors, math::sin),
        Unary::Cos => map::<C>(x, out, vectors, math::cos),
        Unary::Erf => map::<C>(x, out, vectors, math::erf),
        Unary::Tanh => map::<C>(x, out, vectors, math::tanh),
        Unary::Sigmoid => map::<C>(x, out, vectors, math::sigmoid),
        Unary::Softplus => map::<C>(x, out, vectors, math::softplus),
        Unary::Leaky(0) => map::<C>(x, out, vectors, |x| if x < 0.0 { 0.0 } else { x }),
        Unary::Leaky(bits) => {
            let slope = f32::from_bits(bits);
            map::<C>(x, out, vectors, |x| if x < 0.0 { x * slope } else { x });
        }
        Unary::Elu(bits) => {
            let alpha = f32::from_bits(bits);
            map::<C>(x, out, vectors, |x| if x < 0.0 { alpha * math::exp_m1(x) } else { x });
        }
        Unary::IsFinite => map::<C>(x, out, vectors, |x| f32::from(u8::from(x.to_bits() & 0x7f80_0000 != 0x7f80_0000))),
        Unary::Floor => map::<C>(x, out, vectors, f32::floor),
        Unary::ToFloat => map::<C>(x, out, vectors, |x| x.to_bits() as f32),
        Unary::ToInteger => map::<C>(x, out, vectors, |x| f32::from_bits(x as u32)),
    }
}

/// A function of two values.
#[inline(always)]
pub(super) fn binary<const C: usize>(function: Binary, a: &Values, b: &Values, out: &mut Values, vectors: usize) {
    let truth = |t: bool| f32::from(u8::from(t));
    match function {
        Binary::Add => zip::<C>(a, b, out, vectors, |a, b| a + b),
        Binary::Sub => zip::<C>(a, b, out, vectors, |a, b| a - b),
        Binary::Mul => zip::<C>(a, b, out, vectors, |a, b| a * b),
        Binary::Div => zip::<C>(a, b, out, vectors, |a, b| a / b),
        Binary::Pow => zip::<C>(a, b, out, vectors, math::pow),
        // As WGSL has it for numbers: whichever compares so, and the other of one that is none.
        Binary::Min => zip::<C>(a, b, out, vectors, f32::min),
        Binary::Max => zip::<C>(a, b, out, vectors, f32::max),
        Binary::Greater => zip::<C>(a, b, out, vectors, move |a, b| truth(a > b)),
        Binary::AtLeast => zip::<C>(a, b, out, vectors, move |a, b| truth(a >= b)),
        Binary::Equal => zip::<C>(a, b, out, vectors, move |a, b| truth(a == b)),
        Binary::AddInteger => {
            zip::<C>(a, b, out, vectors, |a, b| f32::from_bits(a.to_bits().wrapping_add(b.to_bits())));
        }
    }
}
