//! The scale of the colours of a comparison, and how its values are written.

use super::{Comparison, Kind};
use crate::report::figure::ends;
use crate::report::numbers::measured;

/// Values less negative than this share of the largest are taken for noise around zero, such as the debiased CKA of
/// unrelated representations has.
const NOISE: f64 = 0.05;

/// The ends of the scale of a comparison: its range where it has one, else one that holds its values.
pub(super) fn span(comparison: &Comparison<'_>) -> (f64, f64) {
    let count = comparison.names.len();
    // What is compared with itself says nothing about a scale of distances.
    let apart = comparison.values.iter().enumerate().filter(|(i, _)| count < 2 || i / count != i % count);
    let (least, most) = ends(apart.map(|(_, &value)| value));
    let given = comparison.range.filter(|(low, high)| low < high && (high - low).is_finite());
    given.unwrap_or_else(|| {
        let low = if least < -NOISE * most.abs() { least } else { 0.0 };
        let high = match comparison.kind {
            Kind::Similarity if most <= 1.0 && least >= -1.0 => 1.0,
            _ => most.max(0.0),
        };
        // Half as far as floats reach, so that the difference is finite.
        let bound = f64::MAX / 2.0;
        let (low, high) = (low.clamp(-bound, bound), high.clamp(-bound, bound));
        if low < high { (low, high) } else { (0.0, 1.0) }
    })
}

/// A value as cells show it, all to the same digits, where the largest is of this size.
pub(super) fn text(value: f64, size: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".to_owned() } else { "−∞".to_owned() };
    }
    if !(1e-3..1e5).contains(&size) {
        return measured(value).replace('-', "−");
    }
    let decimals = (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
    let text = format!("{value:.decimals$}");
    let zero = text.trim_start_matches('-').chars().all(|digit| digit == '0' || digit == '.');
    if zero { text.trim_start_matches('-').to_owned() } else { text.replace('-', "−") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values() {
        let ends = |kind: Kind, values: &[f64], range: Option<(f64, f64)>| {
            let names = vec![String::new(); values.len().isqrt()];
            span(&Comparison { names: &names, values, kind, range, ..Comparison::default() })
        };
        assert_eq!(ends(Kind::Similarity, &[1.0, 0.3, 0.3, 1.0], None), (0.0, 1.0));
        assert_eq!(ends(Kind::Similarity, &[1.0, -0.3, 0.3, 1.0], None), (-0.3, 1.0));
        assert_eq!(ends(Kind::Similarity, &[1.0, -0.001, 0.3, 1.0], None), (0.0, 1.0));
        assert_eq!(ends(Kind::Similarity, &[9.0, 4.0, 3.0, 9.0], None), (0.0, 4.0));
        assert_eq!(ends(Kind::Distance, &[0.0, 0.2, 0.4, 0.0], None), (0.0, 0.4));
        assert_eq!(ends(Kind::Distance, &[0.0, 0.2, 0.4, 0.0], Some((0.0, 2.0))), (0.0, 2.0));
        assert_eq!(ends(Kind::Similarity, &[1.0, 0.1, 0.1, 1.0], Some((-1.0, 1.0))), (-1.0, 1.0));
        for odd in [0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(ends(Kind::Distance, &[odd; 4], Some((1.0, 1.0))), (0.0, 1.0));
        }
        let (low, high) = ends(Kind::Distance, &[0.0, f64::MAX, -f64::MAX, 0.0], None);
        assert!(low < 0.0 && high > 0.0 && (high - low).is_finite());
    }

    #[test]
    fn cells_show_digits_that_matter() {
        let texts = |size, values: &[f64]| values.iter().map(|&value| text(value, size)).collect::<Vec<_>>();
        let odd = [0.934, -0.001, -0.017, f64::NAN, f64::INFINITY];
        assert_eq!(texts(1.0, &odd), ["0.93", "0.00", "−0.02", "", "∞"]);
        assert_eq!(texts(0.05, &[0.0123]), ["0.0123"]);
        assert_eq!(texts(250.0, &[123.4]), ["123"]);
        assert_eq!(texts(1e9, &[1.5e8]), ["1.50e8"]);
    }
}
