//! How differently two networks answer, from their outputs alone. Measures of representations are judged by how well they follow
//! this.

use super::PREDICTION;
use crate::error::Result;
use crate::measure::declaration::{Device, Entry, Held, Host, Made, Scale};
use crate::measure::numerics::check::{check_pair, refuse};
use faer::MatRef;

/// Jensen-Shannon divergence of outputs.
pub(super) const OUTPUT_JSD: Entry = Entry {
    formula: "mean over examples of JSD(softmax x, softmax y), in bits; as many units on both sides",
    range: [0.0, 1.0],
    invariances: &[],
    scale: |_| Scale::Own,
    cost: "n p",
    held: |_, e| Held::of_pair(e, 4.0 * (e.p + e.q) as f64),
    source: "Lin 1991; Klabunde et al. 2025",
    make: |_| Ok(Made { host: Host::of_pair(divergence_in_bits), device: Some(Device::Outputs) }),
    ..Entry::distance("output_jsd", "Jensen-Shannon divergence of outputs", PREDICTION)
};

/// Mean Jensen-Shannon divergence, in bits, in [0, 1], between the softmaxes of the rows of `x` and `y` (both n × classes,
/// logits); 0 for equal outputs.
///
/// # Errors
/// When the shapes differ, there are fewer than 2 rows, or an entry is not finite.
fn divergence_in_bits(x: MatRef<'_, f64>, y: MatRef<'_, f64>) -> Result<f64> {
    check_pair(x, y, 2)?;
    if x.ncols() != y.ncols() {
        return refuse(format!(
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

#[cfg(test)]
mod tests {
    use crate::measure::pair::testing::value;
    use faer::mat;

    #[test]
    fn certain_opposite_outputs_are_one_bit_apart() {
        let x = mat![[2000.0, 0.0], [0.0, 2000.0]];
        let y = mat![[0.0, 2000.0], [2000.0, 0.0]];
        assert_eq!(value("output_jsd", &x, &y), 1.0);
        assert_eq!(value("output_jsd", &x, &x), 0.0);
    }

    #[test]
    fn close_outputs_keep_their_digits() {
        // Near p = q = 1/2 the divergence is δ²/(2 ln 2) bits with δ half the difference of the logits' halves.
        let x = mat![[0.0, 0.0], [0.0, 0.0]];
        let y = mat![[2e-7, 0.0], [2e-7, 0.0]];
        let expected = (5e-8f64).powi(2) / (2.0 * std::f64::consts::LN_2);
        let found = value("output_jsd", &x, &y);
        assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    }
}
