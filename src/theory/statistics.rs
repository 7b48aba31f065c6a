//! How well predictions agree with measurements.

use super::error::{TheoryError, same_length};

/// A straight line fitted by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Rise per unit of the horizontal.
    pub slope: f64,
    /// Height at zero.
    pub intercept: f64,
    /// Share of the vertical variance explained, 0 to 1.
    pub r2: f64,
}

/// Refuses what has no statistics: lists of different lengths, of fewer than `least`, or with a value that is not finite.
fn pairs(x: &[f64], y: &[f64], least: usize) -> Result<(), TheoryError> {
    same_length(("horizontal values", x.len()), ("vertical values", y.len()))?;
    if x.len() < least {
        return Err(TheoryError::input(format!("expected at least {least} values, and there are {}", x.len())));
    }
    match x.iter().chain(y).position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(i) => Err(TheoryError::input(format!(
            "values must be finite, and value {} is not: leave out what diverged",
            i % x.len()
        ))),
    }
}

/// Means, and mean products of what differs from them: `xx`, `xy`, `yy`.
fn moments(x: &[f64], y: &[f64]) -> ([f64; 2], [f64; 3]) {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let mut products = [0.0; 3];
    for (x, y) in x.iter().zip(y) {
        let (x, y) = (x - mx, y - my);
        products[0] += x * x;
        products[1] += x * y;
        products[2] += y * y;
    }
    ([mx, my], products.map(|p| p / n))
}

fn constant(which: &str) -> TheoryError {
    TheoryError::input(format!("{which} values must differ, and all are the same: there is nothing to explain"))
}

/// Pearson's correlation, -1 to 1.
///
/// # Errors
/// If there are fewer than two values, not as many of both, one that is not finite, or one list is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> Result<f64, TheoryError> {
    pairs(x, y, 2)?;
    let (_, [xx, xy, yy]) = moments(x, y);
    match () {
        () if xx == 0.0 => Err(constant("horizontal")),
        () if yy == 0.0 => Err(constant("vertical")),
        () => Ok((xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0)),
    }
}

/// The share of the variance of `measured` that `predicted` explains as it stands, with no constants fitted: 1 less the
/// ratio of the squared errors to the squared differences from the mean. Negative if the mean predicts better.
///
/// # Errors
/// As [`pearson`], but `predicted` may be constant.
pub fn r_squared(measured: &[f64], predicted: &[f64]) -> Result<f64, TheoryError> {
    pairs(measured, predicted, 2)?;
    let (_, [xx, ..]) = moments(measured, predicted);
    if xx == 0.0 {
        return Err(constant("measured"));
    }
    Ok(1.0 - squared_errors(measured, predicted) / (xx * measured.len() as f64))
}

/// Sum of the squared differences.
pub(super) fn squared_errors(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Root of the mean squared error over the root of the mean squared measurement, 0 for a perfect prediction and 1 for
/// predicting zero throughout.
///
/// # Errors
/// If the lists do not fit each other, are empty, hold what is not finite, or all measurements are zero.
pub fn relative_rmse(measured: &[f64], predicted: &[f64]) -> Result<f64, TheoryError> {
    pairs(measured, predicted, 1)?;
    let size: f64 = measured.iter().map(|m| m * m).sum();
    if size == 0.0 {
        return Err(TheoryError::input("measurements must not all be zero: errors relative to them have no value"));
    }
    Ok((squared_errors(measured, predicted) / size).sqrt())
}

/// Slope of the line through the origin that is nearest in `y`.
///
/// # Errors
/// If the lists do not fit each other, are empty, hold what is not finite, or all of `x` is zero.
pub fn slope_through_origin(x: &[f64], y: &[f64]) -> Result<f64, TheoryError> {
    pairs(x, y, 1)?;
    let (xx, xy) = x.iter().zip(y).fold((0.0, 0.0), |(xx, xy), (x, y)| (xx + x * x, xy + x * y));
    if xx == 0.0 {
        return Err(TheoryError::input(
            "horizontal values must not all be zero: no line through the origin is nearest",
        ));
    }
    Ok(xy / xx)
}

/// The straight line nearest in `y`.
///
/// # Errors
/// As [`pearson`], but `y` may be constant.
pub fn line(x: &[f64], y: &[f64]) -> Result<Line, TheoryError> {
    pairs(x, y, 2)?;
    let ([mx, my], [xx, xy, yy]) = moments(x, y);
    if xx == 0.0 {
        return Err(constant("horizontal"));
    }
    let slope = xy / xx;
    let r2 = if yy > 0.0 { (xy / xx.sqrt() / yy.sqrt()).powi(2).min(1.0) } else { 1.0 };
    Ok(Line { slope, intercept: my - slope * mx, r2 })
}

/// The middle value, or the mean of the two in the middle.
///
/// # Errors
/// If there are none, or one is not a number.
pub fn median(values: &[f64]) -> Result<f64, TheoryError> {
    pairs(values, values, 1)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    Ok(if sorted.len() % 2 == 1 { sorted[half] } else { 0.5 * (sorted[half - 1] + sorted[half]) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_recovered_and_noise_lowers_its_share() {
        let x: Vec<f64> = (0..10).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x).collect();
        let found = line(&x, &y).unwrap();
        assert!((found.slope + 2.0).abs() < 1e-12 && (found.intercept - 3.0).abs() < 1e-12 && found.r2 > 1.0 - 1e-12);
        assert!((pearson(&x, &y).unwrap() + 1.0).abs() < 1e-12);
        let noisy: Vec<f64> = y.iter().enumerate().map(|(i, y)| y + if i % 2 == 0 { 3.0 } else { -3.0 }).collect();
        let found = line(&x, &noisy).unwrap();
        assert!(found.r2 < 0.9 && found.r2 > 0.5);
        assert!((found.r2 - pearson(&x, &noisy).unwrap().powi(2)).abs() < 1e-12);
    }

    #[test]
    fn known_values() {
        let (m, p) = ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0]);
        assert!((r_squared(&m, &p).unwrap() - 0.8).abs() < 1e-12);
        assert!((relative_rmse(&m, &p).unwrap() - (1.0f64 / 30.0).sqrt()).abs() < 1e-12);
        assert!((slope_through_origin(&m, &p).unwrap() - 34.0 / 30.0).abs() < 1e-12);
        assert!((pearson(&m, &p).unwrap() - 0.982_707_629_824).abs() < 1e-9);
        assert_eq!(r_squared(&m, &[2.5; 4]).unwrap(), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]).unwrap(), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).unwrap(), 2.5);
        assert_eq!(line(&m, &[7.0; 4]).unwrap(), Line { slope: 0.0, intercept: 7.0, r2: 1.0 });
    }

    #[test]
    fn what_has_no_statistics_is_refused() {
        assert!(pearson(&[], &[]).is_err());
        assert!(pearson(&[1.0], &[1.0]).is_err());
        assert!(pearson(&[1.0, 2.0], &[1.0]).is_err());
        assert!(pearson(&[1.0, 1.0], &[1.0, 2.0]).unwrap_err().to_string().contains("horizontal"));
        assert!(pearson(&[1.0, 2.0], &[1.0, f64::NAN]).unwrap_err().to_string().contains("value 1"));
        assert!(r_squared(&[2.0, 2.0], &[1.0, 2.0]).is_err());
        assert!(relative_rmse(&[0.0], &[1.0]).is_err());
        assert!(slope_through_origin(&[0.0, 0.0], &[1.0, 1.0]).is_err());
        assert!(line(&[1.0, 1.0], &[1.0, 2.0]).is_err());
        assert!(median(&[]).is_err());
        assert!(median(&[f64::NAN]).is_err());
    }
}
