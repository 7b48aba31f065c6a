//! Scale: no value depends on how large the numbers of its data are, unless it says so.
//!
//! A representation is brought to a scale near one where it enters a measure or statistic, by a power of two, which rounds
//! nothing. Squares and sums of squares then neither overflow nor vanish, whatever the data; where a value has a scale of its
//! own, it is given back as the [`Scale`] of its measure says.

use std::borrow::Cow;

use faer::{Mat, MatRef};

use crate::measure::representation::Named;

/// What becomes of a value when its data are multiplied by positive numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Nothing, whichever representation is multiplied by whatever.
    Free,
    /// It is multiplied by `(s t)` to this power, if the first is multiplied by `s` and the second by `t`.
    Each(i32),
    /// It is multiplied by `s` to this power, if all is multiplied by `s`.
    Common(f64),
    /// An option is in the units of the data (a width, a penalty, a prior): the value depends on their scale.
    Own,
}

impl Scale {
    /// As the catalogue says it.
    pub fn describe(self) -> String {
        let power = |of: &str, p: f64| if p == 1.0 { of.to_owned() } else { format!("{of} to the power {p}") };
        match self {
            Self::Free => "does not depend on the scale of the data".into(),
            Self::Each(p) => format!("grows with the scale of each representation to the power {p}"),
            Self::Common(p) => format!("grows with {}", power("the scale of the data", p)),
            Self::Own => "depends on the scale of the data, in whose units an option is".into(),
        }
    }
}

/// `Free`, for what has no scale whatever its options.
pub(crate) fn free(_: &super::given::Given) -> Scale {
    Scale::Free
}

/// The exponent of the power of two that the largest magnitude lies at or above: zero for zeros.
pub(crate) fn exponent(x: MatRef<'_, f64>) -> i32 {
    let largest = x.col_iter().flat_map(|c| c.iter()).fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest > 0.0 && largest.is_finite() { largest.log2().floor() as i32 } else { 0 }
}

/// `value 2^power`, rounded once at most.
pub(crate) fn shifted(value: f64, power: i32) -> f64 {
    // Steps that are numbers themselves; the middle one may lie beyond what the value and the result do.
    let step = |value: f64, power: i32| value * f64::from(power).exp2();
    match power {
        -1000..=1000 => step(value, power),
        _ => step(step(value, power / 2), power - power / 2),
    }
}

/// Every value times `2^power`.
pub(crate) fn multiplied(x: MatRef<'_, f64>, power: i32) -> Mat<f64> {
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| shifted(x[(i, j)], power))
}

/// Exponents up to which single precision holds values, their squares and sums of those without a thought.
const NEAR: i32 = 20;

/// The set, with what single precision would not hold at a scale near one; and which of them are so.
pub(crate) fn near_one(set: &[Named]) -> (Cow<'_, [Named]>, Vec<bool>) {
    let exponents: Vec<i32> = set.iter().map(|x| exponent(x.values.as_ref())).collect();
    let far: Vec<bool> = exponents.iter().map(|e| e.abs() > NEAR).collect();
    if !far.contains(&true) {
        return (Cow::Borrowed(set), far);
    }
    let near = |(x, &e): (&Named, &i32)| match e.abs() > NEAR {
        true => Named { name: x.name.clone(), values: multiplied(x.values.as_ref(), -e) },
        false => x.clone(),
    };
    (Cow::Owned(set.iter().zip(&exponents).map(near).collect()), far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_to_the_ends_of_the_range() {
        let x = faer::mat![[1e300, -3.0], [0.0, 5e-324]];
        assert_eq!(exponent(x.as_ref()), 996);
        let y = multiplied(x.as_ref(), -996);
        assert!((1.0..2.0).contains(&y[(0, 0)]));
        assert_eq!(multiplied(y.as_ref(), 996)[(0, 0)], 1e300);
        let tiny = faer::mat![[5e-324]];
        assert_eq!(exponent(tiny.as_ref()), -1074);
        assert_eq!(multiplied(tiny.as_ref(), 1074)[(0, 0)], 1.0);
        assert_eq!(shifted(1.0, -1074), 5e-324);
        assert_eq!(exponent(faer::mat![[0.0]].as_ref()), 0);
    }
}
