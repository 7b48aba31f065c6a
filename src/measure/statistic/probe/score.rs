//! Scores of predictions of several targets.

use faer::MatRef;

use crate::error::Result;
use crate::measure::statistic::input::{centred, check, dot, fail, mean, same_rows};

/// Coefficients of determination of several targets. At most 1; negative where predictions are worse than the mean.
#[derive(Clone, Debug, PartialEq)]
pub struct R2 {
    /// Mean over targets of `1 - SSE / SST`, each target alike (scikit-learn's `uniform_average`). Constant targets are
    /// left out, where scikit-learn counts 1 or 0 for them, which inflates or deflates the mean.
    pub uniform: f64,
    /// Share of the total variance: `1 - Σ SSE / Σ SST` (scikit-learn's `variance_weighted`).
    pub share: f64,
    /// R² of each target; NaN for constant ones.
    pub per_target: Vec<f64>,
    /// Number of constant targets.
    pub constant: usize,
}

/// R² of predictions, both flavours, against the mean of the given targets as baseline.
///
/// `y` and `prediction`: examples × targets.
///
/// # Errors
/// Fewer than two examples, shapes that differ, values that are not finite, or constant targets only.
pub fn r_squared(y: MatRef<'_, f64>, prediction: MatRef<'_, f64>) -> Result<R2> {
    let y_centred = checked(y, prediction)?;
    let (mut sse_sum, mut sst_sum, mut per_target) = (0.0, 0.0, Vec::new());
    for t in 0..y.ncols() {
        let sst = dot(y_centred.col_as_slice(t), y_centred.col_as_slice(t));
        let sse: f64 = y.col(t).iter().zip(prediction.col(t).iter()).map(|(a, b)| (a - b) * (a - b)).sum();
        sse_sum += sse;
        sst_sum += sst;
        per_target.push(if sst > 0.0 { 1.0 - sse / sst } else { f64::NAN });
    }
    if sst_sum == 0.0 {
        return fail("all targets are constant: R² is not determined");
    }
    let known: Vec<f64> = per_target.iter().copied().filter(|v| !v.is_nan()).collect();
    Ok(R2 {
        uniform: mean(&known),
        share: 1.0 - sse_sum / sst_sum,
        constant: per_target.len() - known.len(),
        per_target,
    })
}

fn checked(y: MatRef<'_, f64>, prediction: MatRef<'_, f64>) -> Result<faer::Mat<f64>> {
    check(y, "the targets", 2)?;
    check(prediction, "the predictions", 2)?;
    same_rows(y.nrows(), prediction.nrows(), "targets and predictions")?;
    if y.ncols() != prediction.ncols() {
        return fail(format!("there are {} targets, but predictions of {}", y.ncols(), prediction.ncols()));
    }
    Ok(centred(y))
}
