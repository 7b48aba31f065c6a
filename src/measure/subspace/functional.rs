//! Functional similarity: how differently two networks answer, from their outputs alone. Measures of representations are
//! judged by how well they follow these.

use crate::error::Result;
use crate::measure::subspace::prepare::{check_pair, fail};
use faer::MatRef;

/// Mean Jensen-Shannon divergence, in bits, in [0, 1], between the softmaxes of the rows of `x` and `y` (both n × classes,
/// logits); 0 for equal outputs.
///
/// # Errors
/// When the shapes differ, there are fewer than 2 rows, or an entry is not finite.
pub fn output_jsd_bits(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
    check_pair(x, y)?;
    if x.ncols() != y.ncols() {
        return fail(format!(
            "outputs must have the same classes, but x has {} columns and y has {}; compare networks of one task",
            x.ncols(),
            y.ncols()
        ));
    }
    let n = x.nrows();
    let mut sum = 0.0;
    for i in 0..n {
        let (p, q) = (softmax(x, i), softmax(y, i));
        sum += p.iter().zip(&q).map(|(p, q)| divergence(*p, *q)).sum::<f64>();
    }
    Ok(sum / (n as f64 * 2.0 * std::f64::consts::LN_2))
}

/// The softmax of row `i`.
fn softmax(x: MatRef<'_, f64>, i: usize) -> Vec<f64> {
    let largest = (0..x.ncols()).map(|j| x[(i, j)]).fold(f64::NEG_INFINITY, f64::max);
    let mut p: Vec<f64> = (0..x.ncols()).map(|j| (x[(i, j)] - largest).exp()).collect();
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|v| *v /= total);
    p
}

/// `p ln(p/m) + q ln(q/m)` with `m = (p + q)/2`: never negative, and exact where p and q are close.
fn divergence(p: f64, q: f64) -> f64 {
    let m = 0.5 * (p + q);
    let term = |v: f64| if v > 0.0 { v * (v / m).ln() } else { 0.0 };
    let d = (p - q).abs() / (p + q);
    if d < 0.5 {
        m * ((-d * d).ln_1p() + 2.0 * d * d.atanh())
    } else if m > 0.0 {
        term(p) + term(q)
    } else {
        0.0
    }
}

/// The class of largest output for each row; the lowest index among equals.
///
/// # Errors
/// When there are no columns or an entry is NaN.
pub fn predicted_classes(outputs: MatRef<'_, f64>) -> Result<Vec<usize>> {
    if outputs.ncols() == 0 {
        return fail("outputs need at least 1 column (class), there is none; give the logits");
    }
    (0..outputs.nrows())
        .map(|i| {
            let mut best = 0;
            for j in 0..outputs.ncols() {
                if outputs[(i, j)].is_nan() {
                    return fail(format!("row {i} of the outputs holds NaN; remove or repair that example"));
                }
                if outputs[(i, j)] > outputs[(i, best)] {
                    best = j;
                }
            }
            Ok(best)
        })
        .collect()
}

/// Fraction of examples for which two networks predict different classes, in [0, 1].
///
/// # Errors
/// When the lengths differ or are 0.
pub fn disagreement(a: &[usize], b: &[usize]) -> Result<f64> {
    check_lengths(a.len(), b.len(), "the second predictions")?;
    let differing = a.iter().zip(b).filter(|(a, b)| a != b).count();
    Ok(differing as f64 / a.len() as f64)
}

fn check_lengths(first: usize, other: usize, name: &str) -> Result<()> {
    if first == 0 || first != other {
        return fail(format!(
            "predictions and labels must have one entry per example, but the first has {first} and {name} {other}; use \
             the same examples for all"
        ));
    }
    Ok(())
}

/// Error consistency of two networks on the same examples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErrorConsistency {
    /// Cohen's kappa of being right: 1 when both err on the same examples, 0 when they agree as often as their accuracies
    /// alone would have it, negative when less.
    pub kappa: f64,
    /// Fraction of examples on which both are right or both are wrong.
    pub observed: f64,
    /// The same expected of independent networks of these accuracies.
    pub expected: f64,
    /// Accuracy of the first.
    pub accuracy_a: f64,
    /// Accuracy of the second.
    pub accuracy_b: f64,
}

/// Error consistency (Geirhos, Meding & Wichmann 2020) of predictions `a` and `b` given the true `labels`.
///
/// # Errors
/// When the lengths differ or are 0, or kappa is not defined because both are right, or both wrong, on every example.
pub fn error_consistency(a: &[usize], b: &[usize], labels: &[usize]) -> Result<ErrorConsistency> {
    check_lengths(a.len(), b.len(), "the second predictions")?;
    check_lengths(a.len(), labels.len(), "the labels")?;
    let n = a.len();
    let right_a = a.iter().zip(labels).filter(|(a, l)| a == l).count();
    let right_b = b.iter().zip(labels).filter(|(b, l)| b == l).count();
    let same = a.iter().zip(b).zip(labels).filter(|((a, b), l)| (a == l) == (b == l)).count();
    if (right_a == n && right_b == n) || (right_a == 0 && right_b == 0) {
        return fail(format!(
            "error consistency is not defined when both networks are {} on all {n} examples; use harder or easier ones",
            if right_a == n { "right" } else { "wrong" }
        ));
    }
    let n = n as f64;
    let (accuracy_a, accuracy_b, observed) = (right_a as f64 / n, right_b as f64 / n, same as f64 / n);
    let expected = accuracy_a * accuracy_b + (1.0 - accuracy_a) * (1.0 - accuracy_b);
    Ok(ErrorConsistency { kappa: (observed - expected) / (1.0 - expected), observed, expected, accuracy_a, accuracy_b })
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::mat;

    #[test]
    fn certain_opposite_outputs_are_one_bit_apart() {
        let x = mat![[2000.0, 0.0], [0.0, 2000.0]];
        let y = mat![[0.0, 2000.0], [2000.0, 0.0]];
        assert_eq!(output_jsd_bits(x.as_ref(), y.as_ref()).unwrap(), 1.0);
        assert_eq!(output_jsd_bits(x.as_ref(), x.as_ref()).unwrap(), 0.0);
    }

    #[test]
    fn close_outputs_keep_their_digits() {
        // Near p = q = 1/2 the divergence is δ²/(2 ln 2) bits with δ half the difference of the logits' halves.
        let x = mat![[0.0, 0.0], [0.0, 0.0]];
        let y = mat![[2e-7, 0.0], [2e-7, 0.0]];
        let expected = (5e-8f64).powi(2) / (2.0 * std::f64::consts::LN_2);
        let found = output_jsd_bits(x.as_ref(), y.as_ref()).unwrap();
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn kappa_by_hand() {
        let labels = [0, 0, 1, 1, 2, 2, 0, 1];
        let a = [0, 0, 1, 1, 2, 0, 1, 2]; // right on the first five
        let b = [0, 0, 1, 0, 0, 2, 1, 2]; // right on 0, 1, 2, 5
        let e = error_consistency(&a, &b, &labels).unwrap();
        assert_eq!((e.accuracy_a, e.accuracy_b, e.observed, e.expected), (0.625, 0.5, 0.625, 0.5));
        assert_eq!(e.kappa, 0.25);
        assert_eq!(disagreement(&a, &b).unwrap(), 0.375);
        let outputs = mat![[1.0, 1.0, 0.0], [0.0, 2.0, 3.0]];
        assert_eq!(predicted_classes(outputs.as_ref()).unwrap(), [0, 2]);
    }
}
