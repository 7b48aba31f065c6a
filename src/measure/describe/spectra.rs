//! Statistics of spectra from singular values found on the device.

use std::sync::Arc;

use faer::Mat;

use super::form::OfSpectrum;
use super::gram::squared_norm;
use super::jacobi::singular_values;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::compare::Named;
use crate::measure::single::input::centred;
use crate::measure::single::spectrum::{Sampled, Spectrum, corrected_by, rank_me_of};

/// Singular values below this part of the largest may be rounding of f32: whether they are zero is for f64 to say.
const TRUSTED: f64 = 2e-6;

/// Shares of variance this close to a limit are on one side or the other by rounding.
const CLOSE: f64 = 1e-5;

/// Errors of the sum of squared covariances may grow so many times in a corrected participation ratio where the sum is made
/// of singular values,
const GROWTH: f64 = 30.0;

/// and so many times where it is made of exact products.
const EXACT_GROWTH: f64 = 1e7;

/// Spectra of the centred representations; `None` where the device gives none.
pub(super) fn spectra(gpu: Option<&Arc<Gpu>>, set: &[&Named]) -> Result<Vec<Option<Spectrum>>> {
    let matrices: Vec<Mat<f64>> = set.iter().map(|x| centred(x.values.as_ref())).collect();
    let found = singular_values(gpu, &matrices)?;
    let of = |(x, values): (&Mat<f64>, Result<Vec<f64>>)| {
        values.and_then(|values| Spectrum::from_singular_values(values, [x.nrows(), x.ncols()])).ok()
    };
    Ok(matrices.iter().zip(found).map(of).collect())
}

/// RankMe of each representation.
pub(super) fn rank_me(gpu: Option<&Arc<Gpu>>, set: &[&Named]) -> Result<Vec<Option<f64>>> {
    let matrices: Vec<Mat<f64>> = set.iter().map(|x| x.values.clone()).collect();
    let found = singular_values(gpu, &matrices)?;
    Ok(found.into_iter().map(|values| values.and_then(|values| rank_me_of(&values)).ok()).collect())
}

/// The statistic of a representation with this spectrum, if single precision decides it.
pub(super) fn value(gpu: Option<&Arc<Gpu>>, x: &Named, spectrum: &Spectrum, form: OfSpectrum) -> Option<f64> {
    let values = spectrum.singular_values();
    let largest = values.first().copied()?;
    Some(match form {
        OfSpectrum::ParticipationRatio => spectrum.participation_ratio(),
        OfSpectrum::EffectiveRank => spectrum.effective_rank_singular_values(),
        OfSpectrum::EffectiveRankOfEigenvalues => spectrum.effective_rank_eigenvalues(),
        OfSpectrum::StableRank => spectrum.stable_rank(),
        OfSpectrum::ExplainedVariance(component) => *spectrum.explained_variance().get(component.checked_sub(1)?)?,
        OfSpectrum::Components(part) => {
            let mut sum = 0.0;
            let clear = spectrum.explained_variance().iter().all(|share| {
                sum += share;
                (sum - part).abs() > CLOSE
            });
            if !clear {
                return None;
            }
            spectrum.components_for(part).ok()? as f64
        }
        OfSpectrum::PowerLaw(first, last) => {
            // Centring takes one dimension of the examples.
            let most = x.values.ncols().min(x.values.nrows() - 1);
            let last = if last == 0 { most } else { last };
            if *values.get(last.checked_sub(1)?)? <= TRUSTED * largest {
                return None;
            }
            spectrum.power_law_exponent(first, last).ok()?
        }
        OfSpectrum::Corrected(sampled) => {
            // Singular values, where they do, are there already.
            let fast = |_: &Mat<f64>, magnitude: f64| Ok(values.iter().map(|s| (s / magnitude).powi(4)).sum());
            let exact = |x: &Mat<f64>, _: f64| squared_norm(gpu, x.as_ref());
            match corrected(x, sampled, GROWTH, fast) {
                Some(value) => value,
                None => corrected(x, sampled, EXACT_GROWTH, exact)?,
            }
        }
    })
}

/// A corrected participation ratio from the sum of all squared covariances of the centred representation over its largest
/// magnitude; nothing if its errors would grow more than so many times.
fn corrected(x: &Named, sampled: Sampled, growth: f64, all: impl FnOnce(&Mat<f64>, f64) -> Result<f64>) -> Option<f64> {
    let of = |x: &Mat<f64>, magnitude: f64, own: f64| {
        let all = all(x, magnitude).unwrap_or(f64::NAN);
        if sampled == Sampled::Examples { all } else { all - own }
    };
    let found = corrected_by(x.values.as_ref(), sampled, of).ok()?;
    // Not a number, if the device could not do it.
    (found.amplification <= growth).then_some(found.value)
}
