//! What was measured: a text for the reader, and the numbers in it with all their digits.

use std::fmt::{self, Display};

/// What can stand in a [`Measured`] text.
pub trait Numbers: Display {
    /// Adds the numbers it shows, in their order.
    fn numbers(&self, to: &mut Vec<f64>);
}

/// A text with the numbers that were printed into it. Made by `measured!`, which is written as `format!` is: what is printed there
/// by an argument counts, what is captured by name in the text does not (bounds, names, how many were asked for).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    text: String,
    values: Vec<f64>,
}

impl Measured {
    /// Of a text and the numbers in it.
    pub fn new(text: String, values: Vec<f64>) -> Self {
        Self { text, values }
    }

    /// Several, with a text between them.
    pub fn joined(parts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let (texts, values): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.text, part.values)).unzip();
        Self { text: texts.join(between), values: values.concat() }
    }
}

impl Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Measured> for String {
    fn from(measured: Measured) -> Self {
        measured.text
    }
}

impl Numbers for Measured {
    fn numbers(&self, to: &mut Vec<f64>) {
        to.extend(&self.values);
    }
}

impl<T: Numbers + ?Sized> Numbers for &T {
    fn numbers(&self, to: &mut Vec<f64>) {
        (**self).numbers(to);
    }
}

impl Numbers for f64 {
    fn numbers(&self, to: &mut Vec<f64>) {
        to.push(*self);
    }
}

impl Numbers for usize {
    fn numbers(&self, to: &mut Vec<f64>) {
        to.push(*self as f64);
    }
}

impl Numbers for str {
    fn numbers(&self, _: &mut Vec<f64>) {}
}

impl Numbers for String {
    fn numbers(&self, _: &mut Vec<f64>) {}
}

/// A part of a text, its numbers added to the others.
pub(crate) fn noted<'a, T: Numbers>(part: &'a T, to: &mut Vec<f64>) -> &'a T {
    part.numbers(to);
    part
}

/// A [`Measured`] text, written as for `format!`.
macro_rules! measured {
    ($text:literal) => {
        $crate::report::paper::Measured::new(format!($text), Vec::new())
    };
    ($text:literal $(, $part:expr)+ $(,)?) => {{
        let mut values = Vec::new();
        let text = format!($text $(, $crate::report::paper::noted(&$part, &mut values))+);
        $crate::report::paper::Measured::new(text, values)
    }};
}
pub(crate) use measured;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_the_numbers_printed_into_them() {
        let asked = 8;
        let one = measured!("{:.2} ({} of {asked} networks, {})", 1.0 / 3.0, 6_usize, "all alike");
        assert_eq!(one, Measured::new("0.33 (6 of 8 networks, all alike)".into(), vec![1.0 / 3.0, 6.0]));
        let two = measured!("{}; {}", one, Measured::joined([measured!("{}", 0.5), measured!("none")], ", "));
        assert_eq!(
            two,
            Measured::new("0.33 (6 of 8 networks, all alike); 0.5, none".into(), vec![1.0 / 3.0, 6.0, 0.5])
        );
    }
}
