//! Elementary functions in single precision that vectorise, with the same bits on every instruction set.
//!
//! Each is one branch-free scalar function of IEEE operations alone: sums, products, quotients, `mul_add` (always fused),
//! comparisons with selects, and integer operations on bits. A loop over a slice in a function compiled for AVX2 with FMA,
//! for AVX-512 or for NEON becomes vector code; compiled for anything less it is slower, `mul_add` being a call there, and
//! gives the same. Nothing is contracted or reordered, so results are equal bit by bit (which NaN comes is not defined).
//!
//! The polynomials are minimax fits by Remez exchange with coefficients rounded to their type. Each states where it is
//! good, and how far it is then off relative to the function; half a unit in the last place (ulp) is 2^-24 = 6e-8 at most.
//! The errors stated of functions are the largest over all 2^32 arguments against double precision, those of subnormal
//! results in units of 2^-149.

use std::f32::consts::{LN_2, LOG2_E, TAU};

/// 1.5 * 2^23: adding it rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// The same for double precision, 1.5 * 2^52.
const ROUND_DOUBLE: f64 = 6_755_399_441_055_744.0;
/// ln 2 in 15 bits, so that its product with an exponent is exact, and the rest.
const LN_2_PARTS: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
/// From here down `exp` is 0 when rounded.
const EXP_LOWEST: f32 = -104.0;
/// From here up `exp` is infinite when rounded.
const EXP_HIGHEST: f32 = 89.0;
/// From here up `sin` and `cos` are NaN: neighbouring numbers lie a million turns apart.
const SIN_LIMIT: f32 = 1e14;

/// The smaller, or NaN if `x` is.
#[inline(always)]
fn at_most<T: PartialOrd>(x: T, limit: T) -> T {
    if x > limit { limit } else { x }
}

/// The larger, or NaN if `x` is.
#[inline(always)]
fn at_least<T: PartialOrd>(x: T, limit: T) -> T {
    if x < limit { limit } else { x }
}

/// `c[0] + c[1] x + c[2] x^2 + ...`
#[inline(always)]
fn polynomial<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut sum = c[N - 1];
    for i in 1..N {
        sum = sum.mul_add(x, c[N - 1 - i]);
    }
    sum
}

/// 2^n for `n` from -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// `x 2^n` for `n` from -150 to 128 and `x` from 1/2 to 2, rounded once.
#[inline(always)]
fn scaled(x: f32, n: i32) -> f32 {
    let half = n >> 1;
    x * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// The integer next to `x factor`, as a float and as an integer, for results up to 2^22.
#[inline(always)]
fn nearest(x: f32, factor: f32) -> (f32, i32) {
    let shifted = x.mul_add(factor, ROUND);
    (shifted - ROUND, (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32))
}

/// `r` and `n` with `x = r + n ln 2` and `|r| <= ln 2 / 2`.
#[inline(always)]
fn exp_reduced(x: f32) -> (f32, i32) {
    let (n, integer) = nearest(x, LOG2_E);
    (n.mul_add(-LN_2_PARTS[1], n.mul_add(-LN_2_PARTS[0], x)), integer)
}

/// `exp(r) - 1` for `|r| <= ln 2 / 2`: `r + r^2 q(r)`, off by 4.9e-10.
#[inline(always)]
fn exp_m1_reduced(r: f32) -> f32 {
    let q = [0.5, 0.166_666_66, 0.041_666_467, 0.008_333_642, 0.001_393_498_9, 0.000_196_657_36];
    polynomial(r, q).mul_add(r * r, r)
}

/// `exp(x)` for `x` from -87 to 88.
#[inline(always)]
fn exp_normal(x: f32) -> f32 {
    let (r, n) = exp_reduced(x);
    (exp_m1_reduced(r) + 1.0) * power_of_two(n)
}

/// `exp(x)` for `x` from [`EXP_LOWEST`] to [`EXP_HIGHEST`].
#[inline(always)]
fn exp_bounded(x: f32) -> f32 {
    let (r, n) = exp_reduced(x);
    scaled(exp_m1_reduced(r) + 1.0, n)
}

/// e^x, within 0.98 ulp.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    exp_bounded(at_least(at_most(x, EXP_HIGHEST), EXP_LOWEST))
}

/// e^x - 1, within 1.44 ulp, with all digits next to 0.
#[inline(always)]
pub fn exp_m1(x: f32) -> f32 {
    let (r, n) = exp_reduced(at_least(at_most(x, EXP_HIGHEST), -20.0));
    let half = power_of_two(n.wrapping_sub(1)); // 2^128 is out of range, so that the sum is doubled at the end.
    let m = exp_m1_reduced(r);
    (if n == 0 { m } else { 2.0 * m.mul_add(half, half - 0.5) }).copysign(x)
}

/// What of the exponent of `x` leaves a significand from 2/3 to 4/3, in place (`n << 23` for 2^n).
#[inline(always)]
fn exponent_in_place(x: f32) -> u32 {
    x.to_bits().wrapping_sub((2.0f32 / 3.0).to_bits()) & 0xff80_0000
}

/// `ln(2^n (1 + f))` for `|f| <= 1/3`, given `n << 23`: `f - f^2 / 2 + f^3 p(f)`, off by 5.5e-9.
#[inline(always)]
fn ln_reduced(f: f32, in_place: u32, offset: f32) -> f32 {
    let p = [
        -0.5,
        0.333_332_15,
        -0.249_997_97,
        0.200_104_13,
        -0.166_804_97,
        0.140_057_43,
        -0.121_841_06,
        0.139_851_14,
        -0.128_924_33,
    ];
    let n = (in_place as i32 as f32).mul_add(1.0 / 8_388_608.0, offset);
    n.mul_add(LN_2, polynomial(f, p).mul_add(f * f, f))
}

/// `inside` where `x` has a finite logarithm, and the logarithm of `x` elsewhere.
#[inline(always)]
fn ln_or(inside: f32, x: f32) -> f32 {
    let zero = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    let outside = if x > 0.0 { f32::INFINITY } else { zero };
    if (x > 0.0) & (x < f32::INFINITY) { inside } else { outside }
}

/// Natural logarithm, within 0.94 ulp.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let normal = if subnormal { x * 8_388_608.0 } else { x };
    let in_place = exponent_in_place(normal);
    let f = f32::from_bits(normal.to_bits().wrapping_sub(in_place)) - 1.0;
    ln_or(ln_reduced(f, in_place, if subnormal { -23.0 } else { 0.0 }), x)
}

/// `ln(1 + x)` for finite `x` above -1.
#[inline(always)]
fn ln_1p_finite(x: f32) -> f32 {
    let in_place = exponent_in_place(1.0 + x);
    let scale = f32::from_bits(4.0f32.to_bits().wrapping_sub(in_place)); // 4 / 2^n, as 2^-128 is no normal number.
    ln_reduced((x * scale).mul_add(0.25, scale.mul_add(0.25, -1.0)), in_place, 0.0)
}

/// ln(1 + x), within 1.55 ulp, with all digits next to 0.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    ln_or(ln_1p_finite(x), 1.0 + x).copysign(x)
}

/// Hyperbolic tangent, within 1.33 ulp.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let a = at_most(x.abs(), 10.0);
    let square = a * a;
    // tanh(a) = a + a^3 p(a^2) up to 0.625, off by 4.5e-9.
    let p = [-0.333_332_8, 0.133_314_06, -0.053_736_515, 0.020_628_167, -0.005_692_296_7];
    let near = polynomial(square, p).mul_add(square * a, a);
    let far = 1.0 - 2.0 / (exp_normal(2.0 * a) + 1.0);
    (if a < 0.625 { near } else { far }).copysign(x)
}

/// The logistic function, 1 / (1 + e^-x), within 1.69 ulp, with all digits where it is small.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let (r, n) = exp_reduced(at_least(at_most(-x, -EXP_LOWEST), -87.0));
    let m = exp_m1_reduced(r);
    // With e^-x = (1 + m) 2^n, numerator and denominator are divided by 2^n if that is above 1. The numerator is in two
    // factors as it may be 2^-150, and the sum in the order that rounds but once.
    let down = n.max(0);
    let factors = [power_of_two(-(down >> 1)), power_of_two((down >> 1).wrapping_sub(down))];
    let (numerator, scale) = (factors[0] * factors[1], power_of_two(n.min(0)));
    let tiny = m + numerator + 1.0;
    let denominator = if numerator < 2.5e-4 { tiny } else { m.mul_add(scale, numerator + scale) };
    factors[0] / denominator * factors[1]
}

/// ln(1 + e^x), within 1.82 ulp, with all digits where it is small.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let small = exp_bounded(at_least(-x.abs(), EXP_LOWEST));
    at_least(x, 0.0) + ln_1p_finite(small)
}

/// The sine of `x` plus so many quarter turns.
#[inline(always)]
fn sin_quarters(x: f32, quarters: u32) -> f32 {
    const QUARTER: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17];
    let wide = f64::from(x);
    let shifted = wide.mul_add(std::f64::consts::FRAC_2_PI, ROUND_DOUBLE);
    let n = shifted - ROUND_DOUBLE;
    let r = n.mul_add(-QUARTER[1], n.mul_add(-QUARTER[0], wide)) as f32;
    let quarter = (shifted.to_bits() as u32).wrapping_add(quarters);
    let square = r * r;
    // sin(r) = r + r^3 s(r^2), off by 4e-9, and cos(r) = 1 - r^2 / 2 + r^4 c(r^2), off by 1.2e-10, for |r| <= pi / 4.
    let sine = polynomial(square, [-0.166_666_55, 0.008_332_189, -0.000_195_182_85]).mul_add(square * r, r);
    let cosine = polynomial(square, [1.0, -0.5, 0.041_666_646, -0.001_388_731, 2.443_243_3e-5]);
    let value = if quarter & 1 == 0 { sine } else { cosine };
    let signed = f32::from_bits(value.to_bits() ^ ((quarter & 2) << 30));
    if x.abs() < SIN_LIMIT { signed } else { f32::NAN }
}

/// Sine of `x` radians, within 1.53 ulp; NaN from 1e14 on.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    if x == 0.0 { x } else { sin_quarters(x, 0) }
}

/// Cosine of `x` radians, within 1.54 ulp; NaN from 1e14 on.
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    sin_quarters(x, 1)
}

/// Cosine of so many turns, which are multiples of 2^-24 from -1/2 to 1/2, within 2.3 ulp.
#[inline(always)]
pub fn cos_turns(turns: f32) -> f32 {
    // The sine of b turns from a quarter below to a quarter above is 2 pi b + b p(b^2), off by 5.5e-9.
    let b = 0.25 - turns.abs();
    let p = [-2.082_329_3e-7, -41.341_68, 81.602_32, -76.577_03, 39.726_03];
    b.mul_add(TAU, b * polynomial(b * b, p))
}

/// The error function, within 1.04 ulp.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let a = at_most(x.abs(), 3.93);
    // erf(a) = a + a p(a^2) up to 1, off by 1.4e-9, and 1 - exp(-a + a q(a)) beyond, off by 2.6e-9.
    let p = [0.128_379_17, -0.376_126_26, 0.112_835_79, -0.026_853_347, 0.005_187_162, -0.000_799_785_3, 7.806_903e-5];
    let near = polynomial(a * a, p).mul_add(a, a);
    let q = [-0.128_480_02, -0.635_831_53, -0.105_116_09, 0.022_798_45, -0.003_186_946_3, 0.000_210_642_57];
    let far = 1.0 - exp_normal(polynomial(a, q).mul_add(a, -a));
    (if a < 1.0 { near } else { far }).copysign(x)
}

/// Natural logarithm of a positive number.
#[inline(always)]
fn ln_double(x: f32) -> f64 {
    let subnormal = x < f32::MIN_POSITIVE;
    let normal = if subnormal { x * 8_388_608.0 } else { x };
    let in_place = exponent_in_place(normal);
    let m = f64::from(f32::from_bits(normal.to_bits().wrapping_sub(in_place)));
    let n = (in_place as i32 as f32).mul_add(1.0 / 8_388_608.0, if subnormal { -23.0 } else { 0.0 });
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    // ln(m) = 2 artanh(s) = 2 s + s^3 p(s^2) for |s| <= 1/5, off by 1.7e-15.
    let p = 0.173_749_609_075_835_37f64.mul_add(z, 0.180_714_913_582_421_03);
    let p = p.mul_add(z, 0.222_251_931_215_966_12).mul_add(z, 0.285_713_883_256_522_25);
    let p = p.mul_add(z, 0.400_000_002_500_395_4).mul_add(z, 0.666_666_666_661_501_2);
    f64::from(n).mul_add(std::f64::consts::LN_2, p.mul_add(z * s, 2.0 * s))
}

/// x^y, within 0.98 ulp (on 10^8 pairs), for `x` not below 0 (else NaN, with -0 taken as 0); as in C, 1 if `x` is 1 or `y` is 0.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let log = ln_double(x) + f64::from(ln_or(0.0, x));
    let product = at_least(at_most(f64::from(y) * log, f64::from(EXP_HIGHEST)), f64::from(EXP_LOWEST));
    let (n, integer) = nearest(product as f32, LOG2_E);
    let r = f64::from(n).mul_add(-std::f64::consts::LN_2, product) as f32;
    let power = scaled(exp_m1_reduced(r) + 1.0, integer);
    if (x == 1.0) | (y == 0.0) { 1.0 } else { power }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Simd, WithSimd};

    struct Map<'a, F>(F, &'a [f32], &'a mut [f32]);

    impl<F: Fn(f32) -> f32> WithSimd for Map<'_, F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (o, &x) in self.2.iter_mut().zip(self.1) {
                *o = (self.0)(x);
            }
        }
    }

    /// Units in the last place of `want` between `got` and `want`; infinite where one is NaN or the wrong infinity.
    fn ulps(got: f32, want: f64) -> f64 {
        if f64::from(got) == want || got == want as f32 && got.is_infinite() || got.is_nan() && want.is_nan() {
            return 0.0;
        }
        let got = if got.is_infinite() { 2f64.powi(128).copysign(got.into()) } else { got.into() };
        let exponent = ((want.abs().to_bits() >> 52) as i32 - 1023).max(-126);
        let error = (got - want).abs() / 2f64.powi(exponent - 23);
        if error.is_nan() { f64::INFINITY } else { error }
    }

    /// The largest error of `f` against `exact` over every `step`-th argument, and where it is.
    fn worst<F: Fn(f32) -> f32 + Copy + Sync>(
        f: F,
        exact: fn(f64) -> f64,
        step: u64,
        keep: fn(f32) -> bool,
    ) -> (f64, f32) {
        let part = |from: u64, to: u64| {
            let mut worst = (0.0, 0.0);
            let mut out = [0.0; 1024];
            let mut bits =
                (from..to).step_by(step as usize).map(|bits| f32::from_bits(bits as u32)).filter(|&x| keep(x));
            loop {
                let x: Vec<f32> = bits.by_ref().take(1024).collect();
                if x.is_empty() {
                    return worst;
                }
                pulp::Arch::new().dispatch(Map(f, &x, &mut out[..x.len()]));
                for (&got, &x) in out.iter().zip(&x) {
                    let error = ulps(got, exact(x.into()));
                    if error > worst.0 {
                        worst = (error, x);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let half = scope.spawn(|| part(0, 1 << 31));
            let other = part(1 << 31, 1 << 32);
            let half = half.join().unwrap();
            if half.0 > other.0 { half } else { other }
        })
    }

    fn accuracy(step: u64, powers: usize) {
        let mut failed = false;
        macro_rules! check {
            ($f:ident, $limit:expr, $exact:expr, $keep:expr) => {
                let (error, at) = worst($f, $exact, step, $keep);
                println!("{:10} {error:.3} ulp at {at:e} ({:#010x})", stringify!($f), at.to_bits());
                failed |= error > $limit;
            };
        }
        check!(exp, 1.0, f64::exp, |_| true);
        check!(exp_m1, 2.0, f64::exp_m1, |_| true);
        check!(ln, 1.0, f64::ln, |_| true);
        check!(ln_1p, 2.0, f64::ln_1p, |_| true);
        check!(tanh, 2.0, f64::tanh, |_| true);
        check!(sigmoid, 2.0, |x| 1.0 / (1.0 + (-x).exp()), |_| true);
        check!(softplus, 3.0, |x| x.max(0.0) + (-x.abs()).exp().ln_1p() + 0.0 * x, |x| x.is_finite());
        check!(sin, 2.0, f64::sin, |x| x.abs() < SIN_LIMIT);
        check!(cos, 2.0, f64::cos, |x| x.abs() < SIN_LIMIT);
        check!(cos_turns, 2.3, |x| (std::f64::consts::TAU * (0.25 - x.abs())).sin(), |x| x.abs() <= 0.5
            && (x * 16_777_216.0).fract() == 0.0);
        check!(erf, 3.0, libm::erf, |_| true);
        let error = worst_power(powers);
        println!("pow        {error:.3} ulp");
        assert!(!failed && error <= 4.0);
    }

    /// A generator of bits that look random (splitmix64).
    fn random_words() -> impl Iterator<Item = u32> {
        (1u64..).map(|i| {
            let z = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) as u32
        })
    }

    /// Arguments where functions have their edges, with both signs and both neighbours.
    fn special() -> impl Iterator<Item = f32> {
        let edges = [0.0, f32::MIN_POSITIVE, 1e-8, 0.625, 1.0, 2.0, 3.93, 10.0, 20.0, 87.3, 88.72, 89.0, 103.9, 104.0];
        let edges = edges.into_iter().chain([1e5, 1e14, 1e38, f32::MAX, f32::INFINITY, f32::NAN]);
        edges.flat_map(|x| [x, x.next_up(), x.next_down()]).flat_map(|x| [x, -x])
    }

    #[test]
    fn the_edges_are_those_of_the_definitions() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let tiny = f32::from_bits(1);
        let same = |got: f32, want: f32| {
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{got} {want}")
        };
        for (f, cases) in [
            (exp as fn(f32) -> f32, [(0.0, 1.0), (inf, inf), (-inf, 0.0), (88.8, inf), (-103.2, tiny), (-104.0, 0.0)]),
            (exp_m1, [(0.0, 0.0), (-0.0, -0.0), (tiny, tiny), (inf, inf), (-inf, -1.0), (3e-9, 3e-9)]),
            (ln, [(1.0, 0.0), (0.0, -inf), (-0.0, -inf), (inf, inf), (-tiny, nan), (-inf, nan)]),
            (ln_1p, [(0.0, 0.0), (-0.0, -0.0), (-1.0, -inf), (inf, inf), (-1.5, nan), (-tiny, -tiny)]),
            (tanh, [(0.0, 0.0), (-0.0, -0.0), (tiny, tiny), (inf, 1.0), (-inf, -1.0), (-3e-9, -3e-9)]),
            (sigmoid, [(0.0, 0.5), (inf, 1.0), (-inf, 0.0), (-103.2, tiny), (f32::MAX, 1.0), (f32::MIN, 0.0)]),
            (
                softplus,
                [(inf, inf), (-inf, 0.0), (-103.2, tiny), (f32::MAX, f32::MAX), (f32::MIN, 0.0), (100.0, 100.0)],
            ),
            (sin, [(0.0, 0.0), (-0.0, -0.0), (tiny, tiny), (-tiny, -tiny), (1e14, nan), (-inf, nan)]),
            (cos, [(0.0, 1.0), (-0.0, 1.0), (tiny, 1.0), (-tiny, 1.0), (-1e14, nan), (inf, nan)]),
            (cos_turns, [(0.0, 1.0), (0.5, -1.0), (-0.5, -1.0), (0.25, 0.0), (-0.25, 0.0), (-0.0, 1.0)]),
            (erf, [(0.0, 0.0), (-0.0, -0.0), (inf, 1.0), (-inf, -1.0), (4.0, 1.0), (-tiny, -tiny)]),
        ] {
            same(f(nan), nan);
            cases.iter().for_each(|&(x, want)| same(f(x), want));
        }
        let bases = [0.0, 2.0 * tiny, 0.25, 1.0, 4.0, 2f32.powi(120), inf, nan];
        for y in [0.0, 1.0, 0.5, 3.0, 1e-30, 1e30, inf].into_iter().flat_map(|y| [y, -y]).chain([nan]) {
            bases.iter().for_each(|&x| same(pow(x, y), x.powf(y)));
            if y != 0.0 {
                same(pow(-2.0, y), nan);
            }
        }
    }

    #[test]
    fn bits_are_equal_on_every_instruction_set() {
        let x: Vec<f32> = special().chain(random_words().map(f32::from_bits)).take(1 << 18).collect();
        // Half of all bits are tiny or huge numbers.
        let moderate = random_words().map(|bits| (bits as i32 as f32) * 5e-8);
        let x: Vec<f32> = x.into_iter().chain(moderate.take(1 << 18)).collect();
        fn all<S: Simd>(simd: S, f: impl Fn(f32) -> f32, x: &[f32]) -> Vec<u32> {
            let mut out = vec![0.0; x.len()];
            simd.vectorize(Map(f, x, &mut out));
            out.into_iter().map(|x| if x.is_nan() { f32::NAN } else { x }.to_bits()).collect()
        }
        macro_rules! check {
            ($($f:expr),*) => { $(
                let scalar = all(pulp::Scalar::new(), $f, &x);
                #[cfg(target_arch = "x86_64")]
                {
                    if let Some(v3) = pulp::x86::V3::try_new() {
                        assert!(all(v3, $f, &x) == scalar, stringify!($f));
                    }
                    if let Some(v4) = pulp::x86::V4::try_new() {
                        assert!(all(v4, $f, &x) == scalar, stringify!($f));
                    }
                }
                #[cfg(target_arch = "aarch64")]
                if let Some(neon) = pulp::aarch64::Neon::try_new() {
                    assert!(all(neon, $f, &x) == scalar, stringify!($f));
                }
            )* };
        }
        check!(exp, exp_m1, ln, ln_1p, tanh, sigmoid, softplus, sin, cos, cos_turns, erf);
        check!(|x| pow(x, 1.7), |x| pow(x, -30.0), |x| pow(1.7, x), |x| pow(0.999, x));
    }

    /// The largest error of `pow` over so many positive bases with exponents that give normal results.
    fn worst_power(pairs: usize) -> f64 {
        let mut words = random_words();
        (0..pairs)
            .map(|_| {
                let x = f32::from_bits(words.next().unwrap() % 0x7f80_0000);
                let y = words.next().unwrap() as i32 as f32 * (87.0 / 2f32.powi(31)) / ln(x).abs();
                let want = f64::from(x).powf(y.into());
                if want >= f64::from(f32::MIN_POSITIVE) { ulps(pow(x, y), want) } else { 0.0 }
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_within_their_limits_on_a_sample() {
        accuracy(4099, 500_000);
    }

    #[test]
    #[ignore = "minutes"]
    fn errors_are_within_their_limits_on_all_arguments() {
        accuracy(1, 100_000_000);
    }
}
