//! Class labels: checking, counting, spreading out.

use std::path::Path;

use crate::error::{Error, Result};

/// Most classes that a set of labels may imply. A larger label is far more likely a wrong column than a class, and each
/// class costs an output of every network.
const MAX_CLASSES: u32 = 1 << 16;

/// Checks that every label is smaller than the number of classes. `path` is named in the error.
pub fn check_labels(labels: &[u32], classes: usize, path: &Path) -> Result<()> {
    let Some(row) = labels.iter().position(|&label| label as usize >= classes) else { return Ok(()) };
    let label = labels[row];
    Err(Error::data(
        path,
        format!(
            "the label of row {row} (counted from 0) is {label}, but with {classes} classes a label is at most {}; \
             number the classes from 0 or raise the number of classes",
            classes.saturating_sub(1)
        ),
    ))
}

/// The number of classes that the labels imply: the largest label and one more. `path` is named in the error that comes
/// when there are no labels or a label is too large to be a class.
pub fn count_classes(labels: &[u32], path: &Path) -> Result<usize> {
    match labels.iter().copied().max() {
        None => Err(Error::data(path, "expected at least one label, but there is none")),
        Some(largest) if largest < MAX_CLASSES => Ok(largest as usize + 1),
        Some(_) => check_labels(labels, MAX_CLASSES as usize, path).map(|()| MAX_CLASSES as usize),
    }
}

/// Labels as rows of `classes` values, 1 at the label and 0 elsewhere. A label that is out of range (which
/// [`check_labels`] finds) gives a row of zeros.
pub fn one_hot(labels: &[u32], classes: usize) -> Vec<f32> {
    let mut values = vec![0.0; labels.len() * classes];
    // `max(1)`: a chunk cannot be of size 0; with no classes there are no values, hence no chunks.
    for (row, &label) in values.chunks_exact_mut(classes.max(1)).zip(labels) {
        if let Some(value) = row.get_mut(label as usize) {
            *value = 1.0;
        }
    }
    values
}

/// The number as a label, if it is one.
pub(super) fn as_label(value: f64) -> Option<u32> {
    // The bounds also leave NaN out; the cast is exact for a whole number within them.
    ((0.0..=f64::from(u32::MAX)).contains(&value) && value.fract() == 0.0).then_some(value as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_out_of_range_name_the_row() {
        let path = Path::new("labels.npy");
        check_labels(&[0, 1, 2], 3, path).unwrap();
        let message = check_labels(&[0, 1, 3], 3, path).unwrap_err().to_string();
        assert!(message.starts_with("labels.npy: the label of row 2") && message.contains("at most 2"), "{message}");
        assert!(check_labels(&[0], 0, path).is_err());
    }

    #[test]
    fn classes_are_counted() {
        let path = Path::new("x");
        assert_eq!(count_classes(&[0, 4, 2], path).unwrap(), 5);
        assert_eq!(count_classes(&[65_535], path).unwrap(), 65_536);
        assert!(count_classes(&[], path).is_err());
        assert!(count_classes(&[0, 65_536], path).unwrap_err().to_string().contains("row 1"));
        assert!(count_classes(&[u32::MAX], path).is_err());
    }

    #[test]
    fn one_hot_rows() {
        assert_eq!(one_hot(&[1, 0], 3), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(one_hot(&[7], 2), [0.0, 0.0]);
        assert!(one_hot(&[1], 0).is_empty());
    }

    #[test]
    fn only_whole_numbers_are_labels() {
        assert_eq!(as_label(3.0), Some(3));
        assert_eq!(as_label(f64::from(u32::MAX)), Some(u32::MAX));
        for bad in [-1.0, 0.5, 4_294_967_296.0, f64::NAN, f64::INFINITY] {
            assert_eq!(as_label(bad), None, "{bad}");
        }
    }
}
