//! How far a result is from what is right.

/// Largest difference relative to the largest value expected, and of values above a thousandth of that also a part of their
/// own relative difference; infinite if anything is not a number, or the lengths differ.
pub(super) fn difference(expected: &[f32], got: &[f32]) -> f64 {
    if expected.len() != got.len() {
        return f64::INFINITY;
    }
    let scale = f64::from(expected.iter().fold(1e-30f32, |m, x| m.max(x.abs())));
    expected.iter().zip(got).fold(0.0, |error: f64, (e, g)| {
        let (off, size) = ((f64::from(*e) - f64::from(*g)).abs(), f64::from(e.abs()));
        let own = if size > 1e-3 * scale { off / size / OWN } else { 0.0 };
        let difference = (off / scale).max(own);
        if difference.is_nan() { f64::INFINITY } else { error.max(difference) }
    })
}

/// The largest difference of several tensors.
pub(super) fn worst(expected: &[Vec<f32>], got: &[Vec<f32>]) -> f64 {
    if expected.len() != got.len() {
        return f64::INFINITY;
    }
    expected.iter().zip(got).map(|(e, g)| difference(e, g)).fold(0.0, f64::max)
}

/// How many times more a small value may be off, relative to itself, than the largest: sums of large terms may be small.
const OWN: f64 = 30.0;

#[cfg(test)]
mod tests {
    use super::{difference, worst};

    #[test]
    fn a_difference_sees_small_values_and_lengths() {
        assert_eq!(difference(&[1.0, 0.5], &[1.0, 0.5]), 0.0);
        assert!((difference(&[2.0, 1.0], &[2.0, 1.02]) - 0.01).abs() < 1e-6);
        // A hundredth of the largest, wrong by half: five thousandths of the largest, but more than that of itself.
        assert!(difference(&[1.0, 0.01], &[1.0, 0.015]) > 0.016);
        assert_eq!(difference(&[1.0, 2.0], &[1.0]), f64::INFINITY);
        assert_eq!(difference(&[1.0], &[f32::NAN]), f64::INFINITY);
        assert_eq!(worst(&[vec![1.0], vec![2.0]], &[vec![1.0]]), f64::INFINITY);
    }
}
