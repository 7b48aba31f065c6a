//! Functions of an element, one row each: what it is called, what it costs, in WGSL, in single precision on the processor, in
//! double precision, and its gradients.
//!
//! In single precision an integer is kept by its bits; in double precision it is the number.

use super::template::literal;
use crate::cpu::math;

/// Text of a function in WGSL.
pub enum Wgsl {
    /// For one value, and for a vector of four just so.
    Any(String),
    /// For one value; and for four.
    Each(String, String),
    /// For one value.
    One(String),
}

/// The gradient with respect to an argument, as an expression.
#[derive(Clone, Debug)]
pub enum Gradient {
    /// The gradient with respect to the result.
    Upstream,
    /// An argument.
    Argument(usize),
    /// The result.
    Result,
    /// A number.
    Number(f64),
    /// A function of one.
    Unary(Unary, Box<Self>),
    /// A function of two.
    Binary(Binary, Box<[Self; 2]>),
    /// `if a != 0 { b } else { c }`
    Select(Box<[Self; 3]>),
}

use Gradient::{Result as Y, Upstream as G};
const X: Gradient = Gradient::Argument(0);
const A: Gradient = Gradient::Argument(0);
const B: Gradient = Gradient::Argument(1);

impl Gradient {
    fn of(self, f: Unary) -> Self {
        Self::Unary(f, Box::new(self))
    }

    fn with(self, f: Binary, other: impl Into<Self>) -> Self {
        Self::Binary(f, Box::new([self, other.into()]))
    }

    fn select(self, a: impl Into<Self>, b: impl Into<Self>) -> Self {
        Self::Select(Box::new([self, a.into(), b.into()]))
    }
}

impl From<f64> for Gradient {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),+) => {$(
        impl<T: Into<Gradient>> std::ops::$trait<T> for Gradient {
            type Output = Self;

            fn $method(self, other: T) -> Self {
                self.with(Binary::$trait, other)
            }
        }
    )+};
}

operators!(Sub sub, Mul mul, Div div);

/// What is done with a function of one value in single precision: known where it is compiled, so that loops become vectors.
pub trait OnOne {
    /// Does it.
    fn with(self, f: impl Fn(f32) -> f32);
}

/// What is done with a function of two values, as [`OnOne`].
pub trait OnTwo {
    /// Does it.
    fn with(self, f: impl Fn(f32, f32) -> f32);
}

macro_rules! closure {
    (($($argument:ident),+) $value:expr) => { |$($argument),+| $value };
}

macro_rules! functions {
    (
        $(#[$of:meta])*
        $kind:ident($($argument:ident),+), $on:ident $list:tt;
        $(
            $(#[$doc:meta])*
            $name:ident $(($parameter:ident: $type:ty))? {
                $(cost: $cost:expr,)?
                wgsl: $wgsl:expr,
                f32: $single:expr,
                f64: $double:expr,
                $(gradients: [$($gradient:expr),*],)?
            }
        )+
    ) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $($(#[$doc])* $name $(($type))?,)+
        }

        #[allow(unused_variables)] // Not all that is said of a function depends on its parameter.
        impl $kind {
            /// The names of all.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name $(($parameter))? => stringify!($name),)+ }
            }

            /// Operations that it costs, about.
            pub fn cost(self) -> u32 {
                match self { $(Self::$name $(($parameter))? => 1 $(+ $cost - 1)?,)+ }
            }

            /// Its text, of the names of its arguments.
            pub fn wgsl(self, $($argument: &str),+) -> Wgsl {
                match self { $(Self::$name $(($parameter))? => $wgsl,)+ }
            }

            /// Hands it on in single precision.
            #[inline(always)]
            pub fn apply(self, on: impl $on) {
                match self { $(Self::$name $(($parameter))? => on.with(closure!($list $single)),)+ }
            }

            /// Its value in double precision.
            pub fn value(self, $($argument: f64),+) -> f64 {
                match self { $(Self::$name $(($parameter))? => $double,)+ }
            }

            /// Gradients with respect to the arguments; none where they are zero.
            pub fn gradients(self) -> Vec<Gradient> {
                match self { $(Self::$name $(($parameter))? => vec![$($($gradient),*)?],)+ }
            }
        }
    };
}

functions! {
    /// Functions of one value. Parameters are held by the bits of a float.
    Unary(x), OnOne(x);

    /// `-x`
    Negate {
        wgsl: Wgsl::Any(format!("-{x}")),
        f32: -x,
        f64: -x,
        gradients: [G * -1.0],
    }
    /// `|x|`
    Abs {
        wgsl: call("abs", x),
        f32: x.abs(),
        f64: x.abs(),
        gradients: [G * X.of(Unary::Sign)],
    }
    /// Sign: -1, 0 or 1.
    Sign {
        wgsl: one("sign", x),
        f32: one_if(x > 0.0) - one_if(x < 0.0),
        f64: truth(x > 0.0) - truth(x < 0.0),
    }
    /// `x * x`
    Square {
        wgsl: Wgsl::Any(format!("{x} * {x}")),
        f32: x * x,
        f64: x * x,
        gradients: [G * (X * 2.0)],
    }
    /// `sqrt(x)`
    Sqrt {
        wgsl: call("sqrt", x),
        f32: x.sqrt(),
        f64: x.sqrt(),
        gradients: [G * (Y.of(Unary::Reciprocal) * 0.5)],
    }
    /// `1 / x`
    Reciprocal {
        wgsl: Wgsl::Any(format!("1.0 / {x}")),
        f32: 1.0 / x,
        f64: 1.0 / x,
        gradients: [G * (Y.of(Unary::Square) * -1.0)],
    }
    /// `exp(x)`
    Exp {
        cost: 8,
        wgsl: call("exp", x),
        f32: math::exp(x),
        f64: x.exp(),
        gradients: [G * Y],
    }
    /// Natural logarithm.
    Log {
        cost: 8,
        wgsl: call("log", x),
        f32: math::ln(x),
        f64: x.ln(),
        gradients: [G * X.of(Unary::Reciprocal)],
    }
    /// `sin(x)`
    Sin {
        cost: 8,
        wgsl: one("sin", x),
        f32: math::sin(x),
        f64: x.sin(),
        gradients: [G * X.of(Unary::Cos)],
    }
    /// `cos(x)`
    Cos {
        cost: 8,
        wgsl: one("cos", x),
        f32: math::cos(x),
        f64: x.cos(),
        gradients: [G * (X.of(Unary::Sin) * -1.0)],
    }
    /// Error function.
    Erf {
        cost: 8,
        wgsl: one("erf_of", x),
        f32: math::erf(x),
        f64: erf(x),
        gradients: [G * ((X.of(Unary::Square) * -1.0).of(Unary::Exp) * std::f64::consts::FRAC_2_SQRT_PI)],
    }
    /// Hyperbolic tangent.
    Tanh {
        cost: 8,
        wgsl: one("tanh_of", x),
        f32: math::tanh(x),
        f64: x.tanh(),
        gradients: [G * (Gradient::Number(1.0) - Y.of(Unary::Square))],
    }
    /// Logistic function.
    Sigmoid {
        cost: 8,
        wgsl: one("sigmoid_of", x),
        f32: math::sigmoid(x),
        f64: 1.0 / (1.0 + (-x).exp()),
        gradients: [G * (Y * (Gradient::Number(1.0) - Y))],
    }
    /// `log(1 + exp(x))`
    Softplus {
        cost: 8,
        wgsl: one("softplus_of", x),
        f32: math::softplus(x),
        f64: x.max(0.0) + (-x.abs()).exp().ln_1p(),
        // Not 1 - exp(-y), whose digits cancel where the function is small.
        gradients: [G * X.of(Unary::Sigmoid)],
    }
    /// `x` where positive, 0 elsewhere.
    Relu {
        wgsl: Wgsl::Each(
            format!("select({x}, 0.0, {x} < 0.0)"),
            format!("select({x}, vec4<f32>(0.0), {x} < vec4<f32>(0.0))"),
        ),
        f32: if x < 0.0 { 0.0 } else { x },
        f64: if x < 0.0 { 0.0 } else { x },
        gradients: [G * Y.with(Binary::Greater, 0.0).select(1.0, 0.0)],
    }
    /// `x` where positive, `slope * x` elsewhere.
    Leaky(slope: u32) {
        wgsl: Wgsl::One(format!("select({x}, {x} * {}, {x} < 0.0)", literal(f32::from_bits(slope)))),
        f32: if x < 0.0 { x * f32::from_bits(slope) } else { x },
        f64: if x < 0.0 { x * double(slope) } else { x },
        // With a negative slope the result no longer tells the side.
        gradients: [G * (if double(slope) < 0.0 { X } else { Y }).with(Binary::Greater, 0.0).select(1.0, double(slope))],
    }
    /// `x` where positive, `alpha * (exp(x) - 1)` elsewhere.
    Elu(alpha: u32) {
        cost: 8,
        wgsl: Wgsl::One(format!("select({x}, {} * elu_of(min({x}, 0.0)), {x} < 0.0)", literal(f32::from_bits(alpha)))),
        f32: if x < 0.0 { f32::from_bits(alpha) * math::exp_m1(x) } else { x },
        f64: if x < 0.0 { double(alpha) * x.exp_m1() } else { x },
        // Not y + alpha, whose digits cancel far below zero.
        gradients: [G * X.with(Binary::Greater, 0.0).select(1.0, X.of(Unary::Exp) * double(alpha))],
    }
    /// 1 where the bits are those of a finite number, else 0.
    IsFinite {
        wgsl: Wgsl::One(format!("select(0.0, 1.0, is_finite({x}))")),
        f32: one_if(x.to_bits() & 0x7f80_0000 != 0x7f80_0000),
        f64: truth(x.is_finite()),
    }
    /// Largest integer not above.
    Floor {
        wgsl: call("floor", x),
        f32: x.floor(),
        f64: x.floor(),
    }
    /// An integer as a float.
    ToFloat {
        wgsl: Wgsl::Each(format!("f32({x})"), format!("vec4<f32>({x})")),
        f32: x.to_bits() as f32,
        f64: x,
    }
    /// A whole float as an integer.
    ToInteger {
        wgsl: Wgsl::Each(format!("u32({x})"), format!("vec4<u32>({x})")),
        f32: f32::from_bits(x as u32),
        f64: f64::from(x as u32),
    }
}

functions! {
    /// Functions of two values. Comparisons give 1 or 0.
    Binary(a, b), OnTwo(a, b);

    /// Sum.
    Add {
        wgsl: Wgsl::Any(format!("{a} + {b}")),
        f32: a + b,
        f64: a + b,
        gradients: [G, G],
    }
    /// Difference.
    Sub {
        wgsl: Wgsl::Any(format!("{a} - {b}")),
        f32: a - b,
        f64: a - b,
        gradients: [G, G * -1.0],
    }
    /// Product.
    Mul {
        wgsl: Wgsl::Any(format!("{a} * {b}")),
        f32: a * b,
        f64: a * b,
        gradients: [G * B, G * A],
    }
    /// Quotient.
    Div {
        wgsl: Wgsl::Any(format!("{a} / {b}")),
        f32: a / b,
        f64: a / b,
        gradients: [G / B, (G * (Y / B)) * -1.0],
    }
    /// Power of a positive base.
    Pow {
        cost: 8,
        wgsl: Wgsl::Any(format!("pow({a}, {b})")),
        f32: math::pow(a, b),
        f64: a.powf(b),
        gradients: [
            G * (B * A.with(Binary::Pow, B.with(Binary::Add, -1.0))),
            G * (Y * A.of(Unary::Log))
        ],
    }
    /// Smaller; of a number and what is none, the number.
    Min {
        wgsl: Wgsl::Any(format!("min({a}, {b})")),
        f32: a.min(b),
        f64: a.min(b),
        gradients: [G * B.with(Binary::AtLeast, A), G * A.with(Binary::Greater, B)],
    }
    /// Larger; of a number and what is none, the number.
    Max {
        wgsl: Wgsl::Any(format!("max({a}, {b})")),
        f32: a.max(b),
        f64: a.max(b),
        gradients: [G * A.with(Binary::AtLeast, B), G * B.with(Binary::Greater, A)],
    }
    /// `a > b`
    Greater {
        wgsl: test(a, ">", b),
        f32: one_if(a > b),
        f64: truth(a > b),
    }
    /// `a >= b`
    AtLeast {
        wgsl: test(a, ">=", b),
        f32: one_if(a >= b),
        f64: truth(a >= b),
    }
    /// `a == b`
    Equal {
        wgsl: test(a, "==", b),
        f32: one_if(a == b),
        f64: truth(a == b),
    }
    /// Sum of integers.
    AddInteger {
        wgsl: Wgsl::Any(format!("{a} + {b}")),
        f32: f32::from_bits(a.to_bits().wrapping_add(b.to_bits())),
        f64: f64::from((a as u32).wrapping_add(b as u32)),
    }
}

/// A function of WGSL's that takes vectors.
fn call(name: &str, x: &str) -> Wgsl {
    Wgsl::Any(format!("{name}({x})"))
}

/// A function of one value, by its name.
fn one(name: &str, x: &str) -> Wgsl {
    Wgsl::One(format!("{name}({x})"))
}

fn test(a: &str, sign: &str, b: &str) -> Wgsl {
    let of = |zero, one| format!("select({zero}, {one}, {a} {sign} {b})");
    Wgsl::Each(of("0.0", "1.0"), of("vec4<f32>(0.0)", "vec4<f32>(1.0)"))
}

fn double(bits: u32) -> f64 {
    f64::from(f32::from_bits(bits))
}

/// A choice of two numbers, which is one instruction for a vector; a conversion is several.
#[inline(always)]
fn one_if(t: bool) -> f32 {
    if t { 1.0 } else { 0.0 }
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
}
