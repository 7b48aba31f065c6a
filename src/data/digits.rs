//! The data set that comes with the program.

use std::path::Path;

use super::csv::{Columns, LabelColumn, columns_of};
use super::{Dataset, Table, Targets};

/// The bundled handwritten digits: 1,797 examples of shape `[8, 8]` with values from 0 to 16, in 10 classes.
///
/// Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
/// test set (CC BY 4.0).
pub fn digits() -> Dataset {
    const TEXT: &str = include_str!("../../data/digits.csv");
    // The text is part of the program, and a test reads it: this cannot fail for a user.
    let read: Columns<f32> = columns_of(TEXT.as_bytes(), Path::new("digits.csv"), &LabelColumn::Last, None)
        .expect("the bundled digits are sound");
    let labels = read.labels.map(|labels| labels.classes()).unwrap_or_default();
    let inputs = Table { rows: read.rows, shape: vec![8, 8], values: read.values };
    Dataset { name: "digits".into(), inputs, targets: Targets::Classes { labels, classes: 10 } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_complete() {
        let digits = digits();
        assert_eq!(digits.name, "digits");
        assert_eq!((digits.inputs.rows, &digits.inputs.shape[..], digits.inputs.width()), (1797, &[8, 8][..], 64));
        assert_eq!(digits.inputs.values.len(), 1797 * 64);
        assert!(digits.inputs.values.iter().all(|value| (0.0..=16.0).contains(value) && value.fract() == 0.0));
        assert_eq!(digits.inputs.values.iter().copied().fold(0.0, f32::max), 16.0);
        let Targets::Classes { labels, classes } = &digits.targets else { panic!("digits have classes") };
        assert_eq!((*classes, labels.len(), &labels[..5]), (10, 1797, &[0, 1, 2, 3, 4][..]));
        let zeros = labels.iter().filter(|&&label| label == 0).count();
        assert_eq!(zeros, 178);
    }
}
