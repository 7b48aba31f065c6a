//! Falsifiable sentences of a paper, and numbers as they stand in them.

use std::fmt::{self, Display};

pub(crate) use crate::report::paper::measured;
pub use crate::report::paper::{ClaimKind as Kind, ClaimRow as Claim, Measured, Numbers, Verdict};

/// The median of values with the lowest and the highest; values that are not finite are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The median: of an even number, the mean of the middle two.
    pub median: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
    /// How many.
    pub count: usize,
}

impl Spread {
    /// Of some values; all NaN if there is none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = values.into_iter().filter(|x| x.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        let count = all.len();
        if count == 0 {
            return Self { median: f64::NAN, low: f64::NAN, high: f64::NAN, count };
        }
        let median = (all[(count - 1) / 2] + all[count / 2]) / 2.0;
        Self { median, low: all[0], high: all[count - 1], count }
    }
}

/// Such as `0.0951 (0.0933 to 0.0961)`.
impl Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high, count } = *self;
        match count {
            0 => f.write_str("none"),
            1 => number(median).fmt(f),
            _ => write!(f, "{} ({} to {})", number(median), number(low), number(high)),
        }
    }
}

impl Numbers for Spread {
    fn numbers(&self, to: &mut Vec<f64>) {
        match self.count {
            0 => {}
            1 => to.push(self.median),
            _ => to.extend([self.median, self.low, self.high]),
        }
    }
}

/// A number with three or four digits that count.
pub fn number(x: f64) -> Measured {
    let size = x.abs();
    let text = if !x.is_finite() {
        "none".to_owned()
    } else if x == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e5).contains(&size) {
        format!("{x:.2e}")
    } else {
        let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{x:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    Measured::new(text, vec![x])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_counts() {
        let texts = [0.0951234, 1.5, 0.0, 1234.6, 3e-6].map(|x| number(x).to_string());
        assert_eq!(texts, ["0.09512", "1.5", "0", "1235", "3.00e-6"]);
        assert_eq!(number(f64::NAN).to_string(), "none");
    }

    #[test]
    fn spreads_leave_out_what_is_not_finite() {
        let spread = Spread::of([3.0, f64::NAN, 1.0, 2.0, 10.0]);
        assert_eq!((spread.median, spread.low, spread.high, spread.count), (2.5, 1.0, 10.0, 4));
        assert_eq!(Spread::of([]).to_string(), "none");
        assert_eq!(Spread::of([0.5]).to_string(), "0.5");
        assert_eq!(measured!("{}", spread), Measured::new("2.5 (1 to 10)".into(), vec![2.5, 1.0, 10.0]));
    }
}
