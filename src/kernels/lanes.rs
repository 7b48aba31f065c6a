//! Counter-based random numbers over lanes: what [`super::random`] gives one at a time, for vector code.
//!
//! The functions over `L` lanes take everything per lane. Those that fill a slice take one seed, purpose and step for
//! consecutive elements. Whole numbers and uniform values are those of the scalar functions bit by bit; normal values differ
//! from them by rounding, as their logarithm and cosine are those of [`crate::cpu::math`], and are the same on every instruction
//! set. All are finite.

use crate::cpu::math::{cos_turns, ln};
use std::array::from_fn;

/// Lanes of the functions that fill slices.
const LANES: usize = 16;
/// Positions that are permuted at a time, so many that a byte tells them apart.
const BLOCK: usize = 256;
/// 2^-24, the distance of uniform values.
const UNIT: f32 = 1.0 / 16_777_216.0;

/// The threefry2x32 block function with 20 rounds (Salmon et al. 2011).
#[inline(always)]
pub fn block(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    const ROTATIONS: [[u32; 4]; 2] = [[13, 15, 26, 6], [17, 29, 16, 24]];
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1bd1_1bda];
    let [mut a, mut b] = [counter[0].wrapping_add(keys[0]), counter[1].wrapping_add(keys[1])];
    for group in 0..5 {
        for by in ROTATIONS[group % 2] {
            a = a.wrapping_add(b);
            b = b.rotate_left(by) ^ a;
        }
        a = a.wrapping_add(keys[(group + 1) % 3]);
        b = b.wrapping_add(keys[(group + 2) % 3]).wrapping_add(group as u32 + 1);
    }
    [a, b]
}

/// The threefry2x32 block function with 20 rounds, lane by lane.
#[inline(always)]
pub fn threefry<const L: usize>(key: [[u32; L]; 2], counter: [[u32; L]; 2]) -> [[u32; L]; 2] {
    let mut out = [[0; L]; 2];
    for l in 0..L {
        [out[0][l], out[1][l]] = block([key[0][l], key[1][l]], [counter[0][l], counter[1][l]]);
    }
    out
}

/// The upper 24 bits as a number in [0, 1).
#[inline(always)]
pub fn unit(bits: u32) -> f32 {
    (bits >> 8) as i32 as f32 * UNIT
}

/// A standard normal value of two words (Box and Muller); the first is moved to (0, 1] so that the logarithm is finite.
#[inline(always)]
pub fn gauss(bits: [u32; 2]) -> f32 {
    let radius = (-2.0 * ln(unit(bits[0]) + UNIT)).sqrt();
    let turn = unit(bits[1]);
    radius * cos_turns(turn - if turn > 0.5 { 1.0 } else { 0.0 })
}

/// Uniform in [0, 1).
#[inline(always)]
pub fn uniform<const L: usize>(seed: [u32; L], purpose: [u32; L], step: [u32; L], element: [u32; L]) -> [f32; L] {
    threefry([seed, purpose], [step, element])[0].map(unit)
}

/// Standard normal (Box and Muller).
#[inline(always)]
pub fn normal<const L: usize>(seed: [u32; L], purpose: [u32; L], step: [u32; L], element: [u32; L]) -> [f32; L] {
    let [radius, turn] = threefry([seed, purpose], [step, element]);
    let mut out = [0.0; L];
    for l in 0..L {
        out[l] = gauss([radius[l], turn[l]]);
    }
    out
}

/// Standard normal within two standard deviations, by rejection.
#[inline(always)]
pub fn truncated<const L: usize>(seed: [u32; L], purpose: [u32; L], step: [u32; L], element: [u32; L]) -> [f32; L] {
    let mut out = normal(seed, purpose, step, element);
    for attempt in 1..64 {
        if out.iter().all(|x| x.abs() <= 2.0) {
            break;
        }
        let next = normal(seed, purpose, step.map(|step| step ^ (attempt << 26)), element);
        for l in 0..L {
            out[l] = if out[l].abs() <= 2.0 { out[l] } else { next[l] };
        }
    }
    out
}

/// Half of the bits of the permutation that covers `0..count`.
#[inline(always)]
fn half_bits(count: u32) -> u32 {
    ((33 - (count - 1).leading_zeros()) / 2).clamp(1, 15)
}

/// Six rounds of a Feistel network on numbers of twice `half` bits.
#[inline(always)]
fn feistel<const L: usize>(key: [[u32; L]; 2], epoch: [u32; L], half: [u32; L], value: [u32; L]) -> [u32; L] {
    let mut left: [u32; L] = from_fn(|l| value[l] >> half[l]);
    let mut right: [u32; L] = from_fn(|l| value[l] & !(!0 << half[l]));
    for round in 0..6u32 {
        let [mixed, _] = threefry(key, [epoch, right.map(|right| (round << 16) | right)]);
        for l in 0..L {
            let next = left[l] ^ (mixed[l] & !(!0 << half[l]));
            (left[l], right[l]) = (right[l], next);
        }
    }
    from_fn(|l| (left[l] << half[l]) | right[l])
}

/// Position `position` of a keyed permutation of `0..count`: a Feistel network with cycle walking. Positions are below
/// their counts, also in lanes that are not used: the walk might not end otherwise.
#[inline(always)]
pub fn permuted<const L: usize>(
    seed: [u32; L],
    purpose: [u32; L],
    epoch: [u32; L],
    position: [u32; L],
    count: [u32; L],
) -> [u32; L] {
    let half = count.map(half_bits);
    let mut out = feistel([seed, purpose], epoch, half, position);
    while (0..L).any(|l| out[l] >= count[l]) {
        let next = feistel([seed, purpose], epoch, half, out);
        for l in 0..L {
            out[l] = if out[l] < count[l] { out[l] } else { next[l] };
        }
    }
    out
}

/// One of `0..count`, each as likely to within `count` in 2^32. Counts are not zero.
#[inline(always)]
pub fn choice<const L: usize>(
    seed: [u32; L],
    purpose: [u32; L],
    step: [u32; L],
    element: [u32; L],
    count: [u32; L],
) -> [u32; L] {
    let [bits, _] = threefry([seed, purpose], [step, element]);
    from_fn(|l| bits[l] % count[l])
}

/// [`uniform`] for the elements from `first` on.
#[inline(always)]
pub fn fill_uniform(seed: u32, purpose: u32, step: u32, first: u32, out: &mut [f32]) {
    for (i, o) in out.iter_mut().enumerate() {
        *o = unit(block([seed, purpose], [step, first.wrapping_add(i as u32)])[0]);
    }
}

/// [`normal`] for the elements from `first` on.
#[inline(always)]
pub fn fill_normal(seed: u32, purpose: u32, step: u32, first: u32, out: &mut [f32]) {
    for (i, o) in out.iter_mut().enumerate() {
        *o = gauss(block([seed, purpose], [step, first.wrapping_add(i as u32)]));
    }
}

/// [`truncated`] for the elements from `first` on.
#[inline(always)]
pub fn fill_truncated(seed: u32, purpose: u32, step: u32, first: u32, out: &mut [f32]) {
    for (chunk, out) in out.chunks_mut(LANES).enumerate() {
        let elements = from_fn(|l| first.wrapping_add((chunk * LANES + l) as u32));
        let values = truncated([seed; LANES], [purpose; LANES], [step; LANES], elements);
        out.copy_from_slice(&values[..out.len()]);
    }
}

/// [`permuted`] for the positions from `first` on. Those that walk on move together, so that lanes do not wait for others.
#[inline(always)]
pub fn fill_permuted(seed: u32, purpose: u32, epoch: u32, count: u32, first: u32, out: &mut [u32]) {
    let (key, epoch, half) = ([[seed; LANES], [purpose; LANES]], [epoch; LANES], [half_bits(count); LANES]);
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut values: [u32; BLOCK] = from_fn(|i| first.wrapping_add((block * BLOCK + i) as u32));
        let mut places: [u8; BLOCK] = from_fn(|i| i as u8);
        let mut walking = out.len();
        let mut last = [0; BLOCK];
        while walking > 0 {
            let mut kept = 0;
            for at in (0..walking).step_by(LANES) {
                let next = feistel(key, epoch, half, from_fn(|l| values[at + l]));
                for l in 0..LANES.min(walking - at) {
                    let place = places[at + l];
                    last[usize::from(place)] = next[l];
                    (values[kept], places[kept]) = (next[l], place);
                    kept += usize::from(next[l] >= count);
                }
            }
            walking = kept;
        }
        out.copy_from_slice(&last[..out.len()]);
    }
}

/// [`choice`] for the elements from `first` on.
#[inline(always)]
pub fn fill_choice(seed: u32, purpose: u32, step: u32, count: u32, first: u32, out: &mut [u32]) {
    let reciprocal = u32::MAX / count;
    for (i, o) in out.iter_mut().enumerate() {
        let bits = block([seed, purpose], [step, first.wrapping_add(i as u32)])[0];
        // The quotient, or one less.
        let quotient = ((u64::from(bits) * u64::from(reciprocal)) >> 32) as u32;
        let rest = bits.wrapping_sub(quotient.wrapping_mul(count));
        *o = rest.min(rest.wrapping_sub(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random;
    use pulp::{Simd, WithSimd};

    const L: usize = 16;

    /// Words that differ from lane to lane and from call to call.
    fn words(call: u32) -> [u32; L] {
        let [a, _] = threefry([[7; L], [call; L]], [from_fn(|l| l as u32), [0; L]]);
        a
    }

    #[test]
    fn threefry_gives_the_published_known_answers() {
        for (key, counter, answer) in [
            ([0, 0], [0, 0], [0x6b20_0159, 0x99ba_4efe]),
            ([u32::MAX; 2], [u32::MAX; 2], [0x1cb9_96fc, 0xbb00_2be7]),
            ([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3], [0xc492_3a9c, 0x483d_f7a0]),
        ] {
            let lanes = |words: [u32; 2]| words.map(|word| [word; L]);
            assert_eq!(threefry(lanes(key), lanes(counter)), lanes(answer));
        }
    }

    #[test]
    fn lanes_give_what_the_scalar_functions_give() {
        for call in 0..500 {
            let [seed, purpose, step, element] = [4 * call, 4 * call + 1, 4 * call + 2, 4 * call + 3].map(words);
            let count = from_fn(|l| (words(!call)[l] >> (2 + l + l % 7)).max(1));
            let position = from_fn(|l| element[l] % count[l]);
            let [u, n, t] = [uniform, normal, truncated].map(|f| f(seed, purpose, step, element));
            let (p, c) = (permuted(seed, purpose, step, position, count), choice(seed, purpose, step, element, count));
            for l in 0..L {
                let (s, p1, e) = (seed[l], purpose[l], element[l]);
                assert_eq!(u[l], random::uniform(s, p1, step[l], e));
                assert_eq!(p[l], random::permuted(s, p1, step[l], position[l], count[l]));
                assert_eq!(c[l], random::choice(s, p1, step[l], e, count[l]));
                let close = |x: f32, y: f32| assert!((x - y).abs() <= 2e-6 * (1.0 + y.abs()), "{x} {y}");
                close(n[l], random::normal(s, p1, step[l], e));
                close(t[l], random::truncated(s, p1, step[l], e));
            }
        }
    }

    #[test]
    fn slices_are_filled_with_what_lanes_give() {
        for (length, first) in [(0, 0), (1, 5), (16, 0), (100, 3), (256, 1), (1000, 797), (16, u32::MAX - 5)] {
            let (mut floats, mut whole) = (vec![f32::NAN; length], vec![u32::MAX; length]);
            let element = |i: usize| [first.wrapping_add(i as u32)];
            for (fill, lanes) in [
                (
                    fill_uniform as fn(u32, u32, u32, u32, &mut [f32]),
                    uniform as fn([u32; 1], [u32; 1], [u32; 1], [u32; 1]) -> [f32; 1],
                ),
                (fill_normal, normal),
                (fill_truncated, truncated),
            ] {
                fill(1, 2, 3, first, &mut floats);
                assert!((0..length).all(|i| [floats[i]] == lanes([1], [2], [3], element(i))));
            }
            for count in [1, 2, 3, 1797, 65_536, 1 << 31, u32::MAX] {
                fill_choice(1, 2, 3, count, first, &mut whole);
                assert!((0..length).all(|i| [whole[i]] == choice([1], [2], [3], element(i), [count])));
            }
            for count in [1797, 5000, 1 << 20] {
                if first < 1797 {
                    fill_permuted(1, 2, 3, count, first, &mut whole);
                    assert!((0..length).all(|i| [whole[i]] == permuted([1], [2], [3], element(i), [count])));
                }
            }
        }
    }

    #[test]
    fn normal_values_are_finite_and_exact_to_rounding_for_all_bits() {
        struct Gauss<'a>(u32, &'a mut [[f32; 2]]);
        impl WithSimd for Gauss<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                for (o, i) in self.1.iter_mut().zip(self.0..) {
                    *o = [gauss([i << 8, 0]), gauss([255, i << 8])];
                }
            }
        }
        let mut out = [[0.0; 2]; 4096];
        for from in (0..1 << 24).step_by(out.len()) {
            pulp::Arch::new().dispatch(Gauss(from, &mut out));
            for (&[radius, turned], i) in out.iter().zip(from..) {
                let exact = (-2.0 * (f64::from(i + 1) / 16_777_216.0).ln()).sqrt();
                assert!((f64::from(radius) - exact).abs() <= 1.5e-7 * exact, "{i} {radius} {exact}");
                let exact = (48.0 * std::f64::consts::LN_2).sqrt()
                    * (std::f64::consts::TAU * f64::from(i) / 16_777_216.0).cos();
                assert!((f64::from(turned) - exact).abs() <= 2e-7 * exact.abs() + 1e-14, "{i} {turned} {exact}");
            }
        }
    }

    #[test]
    fn bits_are_equal_on_every_instruction_set() {
        struct All<'a>(&'a mut [u32]);
        impl WithSimd for All<'_> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _: S) {
                let (words, mut floats) = (self.0, [0.0; 5000]);
                let mut parts = words.chunks_mut(5000);
                for fill in [fill_uniform, fill_normal, fill_truncated] {
                    fill(1, 2, 3, 4, &mut floats);
                    parts.next().unwrap().copy_from_slice(&floats.map(f32::to_bits));
                }
                fill_permuted(1, 2, 3, 5000, 0, parts.next().unwrap());
                fill_choice(1, 2, 3, 5000, 0, parts.next().unwrap());
            }
        }
        fn all<S: Simd>(simd: S) -> Vec<u32> {
            let mut out = vec![0; 25_000];
            simd.vectorize(All(&mut out));
            out
        }
        let scalar = all(pulp::Scalar::new());
        #[cfg(target_arch = "x86_64")]
        {
            assert!(pulp::x86::V3::try_new().is_none_or(|v3| all(v3) == scalar));
            assert!(pulp::x86::V4::try_new().is_none_or(|v4| all(v4) == scalar));
        }
        #[cfg(target_arch = "aarch64")]
        assert!(pulp::aarch64::Neon::try_new().is_none_or(|neon| all(neon) == scalar));
    }
}
