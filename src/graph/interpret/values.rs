//! What each operation makes of the values of its inputs, in double precision, as the kernels define it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::iter::repeat_n;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::super::node::WHOLE;
use super::Values;
use crate::error::{Error, Result};
use crate::kernels::matmul::{Inner, Precision, rounded};
use crate::kernels::program::{Binary, Distribution, Draw, Unary};
use crate::kernels::random::{permuted, threefry};
use crate::kernels::reduce::Fold;
use crate::kernels::sort::{Beside, FIRST_RUN, Ties};

/// A tensor repeated along its axes of extent 1 until it has the extents `to`; axes that it lacks stand in front.
pub(super) fn spread<'v>(x: &'v [f64], from: &[usize], to: &[usize]) -> Cow<'v, [f64]> {
    let mut all = Cow::Borrowed(x);
    // Elements that stand together behind the axis at hand, which are already repeated.
    let mut behind = 1usize;
    for (axis, &extent) in to.iter().enumerate().rev() {
        let own = (axis + from.len()).checked_sub(to.len()).map_or(1, |i| from[i]);
        if own == 1 && extent != 1 {
            let parts = all.chunks(behind.max(1));
            all = Cow::Owned(parts.flat_map(|part| repeat_n(part, extent).flatten()).copied().collect());
        }
        behind *= extent;
    }
    all
}

pub(super) fn unary(f: Unary, x: f64) -> f64 {
    match f {
        Unary::Negate => -x,
        Unary::Abs => x.abs(),
        Unary::Sign if x > 0.0 => 1.0,
        Unary::Sign if x < 0.0 => -1.0,
        Unary::Sign => 0.0,
        Unary::Square => x * x,
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Erf => erf(x),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        // A slope of zero is zero at negative infinity too.
        Unary::Leaky(0) if x < 0.0 => 0.0,
        Unary::Leaky(bits) if x < 0.0 => x * f64::from(f32::from_bits(bits)),
        Unary::Elu(bits) if x < 0.0 => f64::from(f32::from_bits(bits)) * x.exp_m1(),
        Unary::Leaky(_) | Unary::Elu(_) | Unary::ToFloat => x,
        Unary::IsFinite => truth(x.is_finite()),
        Unary::Floor => x.floor(),
        Unary::ToInteger => f64::from(x as u32),
    }
}

pub(super) fn binary(f: Binary, a: f64, b: f64) -> f64 {
    match f {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Min => a.min(b),
        Binary::Max => a.max(b),
        Binary::Greater => truth(a > b),
        Binary::AtLeast => truth(a >= b),
        Binary::Equal => truth(a == b),
        Binary::AddInteger => f64::from((a as u32).wrapping_add(b as u32)),
    }
}

fn truth(t: bool) -> f64 {
    f64::from(u8::from(t))
}

/// The error function: a series of positive terms, and a continued fraction of the complement where that is small. Good to a
/// few units in the last place.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if x.is_nan() {
        return x;
    }
    let value = if a < 3.0 {
        let (mut term, mut sum, mut n) = (a, a, 1.0);
        while term > 1e-18 * sum {
            n += 2.0;
            term *= 2.0 * a * a / n;
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-a * a).exp() * sum
    } else if a > 6.0 {
        1.0
    } else {
        let fraction = (1..100).rev().fold(a, |fraction, k| a + f64::from(k) / 2.0 / fraction);
        1.0 - (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt())
    };
    value.copysign(x)
}

/// A uniform number in [0, 1) from a word: 24 bits, as kernels take.
fn unit(word: u32) -> f64 {
    f64::from(word >> 8) / 16_777_216.0
}

fn gauss(words: [u32; 2]) -> f64 {
    let radius = (-2.0 * (unit(words[0]) + 1.0 / 16_777_216.0).ln()).max(0.0).sqrt();
    radius * (std::f64::consts::TAU * unit(words[1])).cos()
}

/// A random value; the key is (seed, purpose, step).
pub(super) fn random(distribution: Distribution, [seed, purpose, step]: [u32; 3], element: u32) -> f64 {
    let words = |step| threefry([seed, purpose], [step, element]);
    match distribution {
        Distribution::Uniform => unit(words(step)[0]),
        Distribution::Normal => gauss(words(step)),
        Distribution::TruncatedNormal => {
            let attempts = |attempt: u32| gauss(words(step ^ (attempt << 26)));
            (0..64).map(attempts).find(|value| value.abs() <= 2.0).unwrap_or_else(|| attempts(63))
        }
    }
}

/// A draw from (seed, purpose, step, count, batch or position).
pub(super) fn draw(draw: Draw, given: [u32; 5], element: u32) -> Result<f64> {
    let [seed, purpose, step, count, last] = given;
    if count == 0 {
        return Err(Error::Numerics("there is nothing to draw from".into()));
    }
    let drawn = match draw {
        Draw::Shuffled => {
            let place = step.wrapping_mul(last).wrapping_add(element);
            permuted(seed, purpose, place / count, place % count, count)
        }
        Draw::Replacement => threefry([seed, purpose], [step, element])[0] % count,
        // Such a place has no end to its walk.
        Draw::Permutation if last >= count => {
            return Err(Error::Numerics(format!("a permutation of {count} has no place {last}")));
        }
        Draw::Permutation => permuted(seed, purpose, step, last, count),
        Draw::Choice => threefry([seed, purpose], [step, last])[0] % count,
    };
    Ok(f64::from(drawn))
}

/// A factor of a product as it enters it.
pub(super) fn factor(x: &[f64], precision: Precision) -> Cow<'_, [f64]> {
    match precision {
        Precision::Single => Cow::Borrowed(x),
        // The rounding is part of the meaning.
        Precision::Half => Cow::Owned(x.iter().map(|&x| f64::from(rounded(x as f32))).collect()),
    }
}

/// Matrix product of two factors, each with its extents and whether it is transposed first.
pub(super) fn product(
    a: &[f64],
    (of_a, transpose_a): ([usize; 2], bool),
    b: &[f64],
    (of_b, transpose_b): ([usize; 2], bool),
) -> Values {
    let (a, b) = (MatRef::from_row_major_slice(a, of_a[0], of_a[1]), MatRef::from_row_major_slice(b, of_b[0], of_b[1]));
    let (a, b) = (if transpose_a { a.transpose() } else { a }, if transpose_b { b.transpose() } else { b });
    let mut values = vec![0.0; a.nrows() * b.ncols()];
    let result = MatMut::from_row_major_slice_mut(&mut values, a.nrows(), b.ncols());
    matmul(result, Accum::Replace, a, b, 1.0, Par::Seq);
    values.into()
}

/// Distances between the rows of `a` and of `b`, which are of `length` elements.
pub(super) fn distances(a: &[f64], b: &[f64], length: usize, inner: Inner) -> Values {
    let term = |(x, y): (&f64, &f64)| match inner {
        Inner::Product => x * y,
        Inner::SquaredDifference => (x - y) * (x - y),
        Inner::AbsoluteDifference => (x - y).abs(),
    };
    let rows = a.chunks(length);
    rows.flat_map(|x| b.chunks(length).map(move |y| x.iter().zip(y).map(term).sum::<f64>())).collect()
}

/// Reduction along an axis, or of all elements.
pub(super) fn reduce(fold: Fold, x: &[f64], extents: &[usize], axis: usize) -> Values {
    let (length, inner) =
        if axis == WHOLE { (x.len(), 1) } else { (extents[axis], extents[axis + 1..].iter().product::<usize>()) };
    let mut totals = Vec::with_capacity(x.len() / length.max(1));
    for outer in x.chunks((length * inner).max(1)) {
        let at = totals.len();
        totals.resize(at + inner, if fold == Fold::Sum { 0.0 } else { f64::NEG_INFINITY });
        for line in outer.chunks(inner) {
            for (total, &x) in totals[at..].iter_mut().zip(line) {
                *total = match fold {
                    Fold::Sum => *total + x,
                    // What is no number stays so.
                    Fold::Max if total.is_nan() || *total > x => *total,
                    Fold::Max => x,
                };
            }
        }
    }
    totals.into()
}

/// Logits of one example with its label, and what cross-entropy makes of them.
pub(super) struct Labelled<'v> {
    logits: &'v [f64],
    label: usize,
    best: usize,
    /// What the others add to the 1 of the largest.
    rest: f64,
}

impl<'v> Labelled<'v> {
    pub(super) fn new(logits: &'v [f64], label: usize) -> Self {
        let best = (1..logits.len()).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
        let others = logits.iter().enumerate().filter(|(c, _)| *c != best);
        let rest = others.map(|(_, z)| (z - logits[best]).exp()).sum();
        Self { logits, label, best, rest }
    }

    /// In nats; not a number if a logit is not finite or the label is of no class.
    pub(super) fn loss(self) -> f64 {
        match self.logits.get(self.label) {
            Some(own) if self.logits.iter().all(|z| z.is_finite()) => {
                self.rest.ln_1p() - (own - self.logits[self.best])
            }
            _ => f64::NAN,
        }
    }

    pub(super) fn correct(self) -> f64 {
        truth(self.best == self.label)
    }

    /// Softmax minus one-hot.
    pub(super) fn gradient(self) -> Vec<f64> {
        let (largest, sum) = (self.logits[self.best], 1.0 + self.rest);
        let share = |c: usize| (self.logits[c] - largest).exp() / sum;
        (0..self.logits.len())
            .map(|c| match c == self.label {
                true if self.best == c => -self.rest / sum,
                true => share(c) - 1.0,
                false => share(c),
            })
            .collect()
    }
}

/// Orthonormal rows or columns, whichever are fewer: Gram and Schmidt's, done twice.
pub(super) fn orthogonal(x: &[f64], [rows, columns]: [usize; 2]) -> Values {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let at = |vector: usize, i: usize| if rows >= columns { i * columns + vector } else { vector * columns + i };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(count);
    for v in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|i| x[at(v, i)]).collect();
        for _ in 0..2 {
            let dots: Vec<f64> = done.iter().map(|q| dot(q, &vector)).collect();
            for (q, dot) in done.iter().zip(dots) {
                vector.iter_mut().zip(q).for_each(|(x, q)| *x -= dot * q);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        done.push(vector);
    }
    let mut result = vec![0.0; x.len()];
    for (v, vector) in done.iter().enumerate() {
        vector.iter().enumerate().for_each(|(i, &x)| result[at(v, i)] = x);
    }
    result.into()
}

/// Rows of the `k` smallest elements of each of so many columns, in the order of (element, row), but for row `first + c` of
/// column `c`.
pub(super) fn nearest(x: &[f64], columns: usize, k: usize, first: usize) -> Values {
    let mut found = vec![0.0; k * columns];
    for column in 0..columns {
        let of = |row: usize| x[row * columns + column];
        let others = (0..x.len() / columns).filter(|row| row.checked_sub(column) != Some(first));
        let mut order: Vec<usize> = others.collect();
        order.sort_by(|&a, &b| of(a).total_cmp(&of(b)));
        order.iter().take(k).enumerate().for_each(|(place, &row)| found[place * columns + column] = row as f64);
    }
    found.into()
}

/// The order of keys: zero and negative zero, which becomes zero when zero is added, are equal.
fn compare(a: f64, b: f64) -> Ordering {
    (a + 0.0).total_cmp(&(b + 0.0))
}

/// Keys in sorted runs, with a number beside each: `[2, N]`.
pub(super) fn sort_runs(keys: &[f64], beside: Beside) -> Values {
    let number = |start: usize, own: usize| match beside {
        Beside::Place => own as f64,
        Beside::Greater => keys[start..own].iter().filter(|&&k| k > keys[own]).count() as f64,
    };
    sorted(keys, FIRST_RUN, number)
}

/// Sorted runs made runs of twice as many.
pub(super) fn merge(source: &[f64], run: usize, beside: Beside) -> Values {
    let (keys, numbers) = source.split_at(source.len() / 2);
    sorted(keys, 2 * run, |start, own| match beside {
        // The left run is sorted: those greater stand at its end.
        Beside::Greater if own >= start + run => {
            let left = &keys[start..start + run];
            numbers[own] + (run - left.partition_point(|&k| k <= keys[own])) as f64
        }
        _ => numbers[own],
    })
}

/// Sorts each run of so many keys, equal ones in the order in which they came; `number` says what stands beside a key, from
/// where its run begins and where it stood.
fn sorted(keys: &[f64], run: usize, number: impl Fn(usize, usize) -> f64) -> Values {
    let mut result = vec![0.0; 2 * keys.len()];
    for start in (0..keys.len()).step_by(run) {
        let mut order: Vec<usize> = (start..keys.len().min(start + run)).collect();
        order.sort_by(|&a, &b| compare(keys[a], keys[b]));
        for (place, own) in (start..).zip(order) {
            result[place] = keys[own];
            result[keys.len() + place] = number(start, own);
        }
    }
    result.into()
}

/// Ranks from 1 of sorted keys with places beside them, each at its place.
pub(super) fn ranks(source: &[f64], ties: Ties) -> Values {
    let (keys, places) = source.split_at(source.len() / 2);
    let mut result = vec![0.0; keys.len()];
    for (key, &place) in keys.iter().zip(places) {
        let (first, beyond) = (keys.partition_point(|k| k < key), keys.partition_point(|k| k <= key));
        result[place as usize] = match ties {
            Ties::Lowest => (first + 1) as f64,
            Ties::Average => (first + beyond + 1) as f64 / 2.0,
        };
    }
    result.into()
}

/// Inner products of a value of each replica with another of each: `[R, R]`.
pub(super) fn pair_dot(a: &[Values], b: &[Values]) -> Values {
    a.iter().flat_map(|x| b.iter().map(|y| x.iter().zip(&**y).map(|(x, y)| x * y).sum::<f64>())).collect()
}

/// Exact inner products of whole numbers of each replica with its own and those of later ones: `[R, R, words]`, of which
/// [`product`](crate::kernels::exact::product) makes the values. Kernels spread a product over many words; here the first six
/// hold it.
pub(super) fn pair_exact(x: &[Values], words: usize) -> Result<Values> {
    let limit = f64::from(1 << 23);
    if let Some(odd) = x.iter().flat_map(|x| x.iter()).find(|x| !(x.abs() < limit && x.fract() == 0.0)) {
        return Err(Error::Numerics(format!("{odd} is no whole number below {limit} in magnitude")));
    }
    let mut result = vec![0.0; x.len() * x.len() * words];
    for (i, a) in x.iter().enumerate() {
        for (j, b) in x.iter().enumerate().skip(i) {
            let product: i128 = a.iter().zip(&**b).map(|(&a, &b)| i128::from(a as i64) * i128::from(b as i64)).sum();
            // Sums of digits of 2^24, 2^12 and 1, of which each is of two words, the first of 2^16.
            let (high, middle, low) = (product >> 24, (product >> 12) & 0xfff, product & 0xfff);
            let digits = [high >> 16, high & 0xffff, 0, middle, 0, low];
            let at = (i * x.len() + j) * words;
            for (word, digit) in result[at..at + words].iter_mut().zip(digits) {
                *word = f64::from(digit as i32 as u32);
            }
        }
    }
    Ok(result.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_has_fifteen_digits() {
        // From a computation with thirty digits.
        for (x, y) in [
            (0.02, 0.022_564_574_691_844_94),
            (0.5, 0.520_499_877_813_046_5),
            (1.0, 0.842_700_792_949_714_9),
            (2.0, 0.995_322_265_018_952_7),
            (2.9, 0.999_958_902_121_900_5),
            (3.2, 0.999_993_974_238_848_2),
            (-1.0, -0.842_700_792_949_714_9),
        ] {
            assert!((erf(x) - y).abs() <= 4.0 * f64::EPSILON * f64::abs(y), "erf({x}) = {}", erf(x));
        }
        assert_eq!([erf(0.0), erf(40.0), erf(f64::NEG_INFINITY)], [0.0, 1.0, -1.0]);
        assert!(erf(f64::NAN).is_nan());
    }

    #[test]
    fn tensors_are_repeated_along_any_axis() {
        let x = [1.0, 2.0, 3.0];
        assert_eq!(*spread(&x, &[3], &[2, 3]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(*spread(&x, &[3, 1], &[3, 2]), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(*spread(&x[..2], &[2, 1, 1], &[2, 2, 1]), [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(*spread(&x[..1], &[1, 1], &[2, 2]), [1.0; 4]);
        assert_eq!(*spread(&x, &[1, 3, 1], &[2, 3, 1]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
    }
}
