//! Complexity of features: how little of a feature layers give away linearly (Fel et al. 2024).

use faer::MatRef;

use crate::error::Result;
use crate::measure::numerics::check::refuse;
use crate::measure::statistic::probe::{Fold, r_squared, ridge_probe};

/// V-information of a representation `x` `[examples, units]` about each feature `[examples, features]` (Xu et al. 2020), for
/// the family of linear maps with Gaussian noise of fixed variance, in units of the feature's variance: the held-out R² of ridge
/// regression with the penalty `alpha`. At most 1; NaN for a constant feature. With noise of free variance it is `-log2(1 - R²) / 2` bits.
///
/// # Errors
/// Those of [`ridge_probe`] and [`r_squared`].
pub fn usable_information(
    x: MatRef<'_, f64>,
    features: MatRef<'_, f64>,
    folds: &[Fold],
    alpha: f64,
) -> Result<Vec<f64>> {
    Ok(r_squared(features, ridge_probe(x, features, folds, alpha)?.as_ref())?.per_target)
}

/// Complexity of each feature: 1 less the mean over `layers` (representations of the same examples, first to last) of the
/// [`usable_information`] about it. 0 for a feature that every layer gives away linearly, about 1 for one that none does;
/// above 1 where probes overfit.
///
/// # Errors
/// No layers; those of [`usable_information`].
pub fn complexity(
    layers: &[MatRef<'_, f64>],
    features: MatRef<'_, f64>,
    folds: &[Fold],
    alpha: f64,
) -> Result<Vec<f64>> {
    if layers.is_empty() {
        return refuse("expected at least one layer to decode features from, got none");
    }
    let mut given = vec![0.0; features.ncols()];
    for layer in layers {
        let found = usable_information(*layer, features, folds, alpha)?;
        given.iter_mut().zip(found).for_each(|(sum, one)| *sum += one);
    }
    Ok(given.into_iter().map(|sum| 1.0 - sum / layers.len() as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::statistic::probe::k_fold;
    use faer::Mat;

    #[test]
    fn what_one_of_two_layers_gives_away_is_half_as_complex() {
        let line = Mat::from_fn(20, 1, |i, _| i as f64);
        let nothing = Mat::from_fn(20, 1, |i, _| if i % 2 == 0 { 1.0 } else { -1.0 });
        let folds = k_fold(20, 4).unwrap();
        let of = |layers: &[MatRef<'_, f64>]| complexity(layers, line.as_ref(), &folds, 0.0).unwrap()[0];
        assert!(of(&[line.as_ref()]).abs() < 1e-12);
        let none = usable_information(nothing.as_ref(), line.as_ref(), &folds, 0.0).unwrap()[0];
        assert!(none < 0.0);
        assert!((of(&[line.as_ref(), nothing.as_ref()]) - (1.0 - (1.0 + none) / 2.0)).abs() < 1e-12);
        assert!(complexity(&[], line.as_ref(), &folds, 0.0).is_err());
    }
}
