//! Many replicas' values as a median and a band.

use std::collections::BTreeMap;

/// The spread of a quantity over replicas or pairs at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Optimiser steps done.
    pub step: u64,
    /// The tenth percentile.
    pub low: f64,
    /// The median.
    pub mid: f64,
    /// The ninetieth percentile.
    pub high: f64,
    /// How many values.
    pub count: usize,
}

impl Band {
    /// The band of values, less those that are not finite; none if nothing is left.
    pub fn of(step: u64, values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let at = |q| quantile(&values, q);
        Some(Self { step, low: at(0.1)?, mid: at(0.5)?, high: at(0.9)?, count: values.len() })
    }
}

/// The bands of a quantity over steps.
pub fn bands<V: Copy + Into<f64>>(values: &BTreeMap<u64, Vec<V>>) -> Vec<Band> {
    values.iter().filter_map(|(&step, values)| Band::of(step, values.iter().map(|&v| v.into()))).collect()
}

/// The quantile of sorted values, with a straight line between neighbours.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let place = q * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// Mean and standard deviation (over n - 1) of the finite values, and their number.
pub fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> Option<(f64, Option<f64>, usize)> {
    let values = values.filter(|value| value.is_finite());
    let count = values.clone().count();
    if count == 0 {
        return None;
    }
    let mean = values.clone().sum::<f64>() / count as f64;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    Some((mean, (count > 1).then(|| (squares / (count - 1) as f64).sqrt()), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_that_of_the_finite_values() {
        let values = (0..=10).map(f64::from).chain([f64::NAN, f64::INFINITY]);
        assert_eq!(Band::of(3, values), Some(Band { step: 3, low: 1.0, mid: 5.0, high: 9.0, count: 11 }));
        assert_eq!(Band::of(3, [f64::NAN]), None);
        assert_eq!(Band::of(0, [2.0, 4.0]).map(|band| band.mid), Some(3.0));
    }

    #[test]
    fn one_value_has_a_mean_and_no_deviation() {
        assert_eq!(mean_and_deviation([2.0].into_iter()), Some((2.0, None, 1)));
        assert_eq!(mean_and_deviation([1.0, 3.0].into_iter()), Some((2.0, Some(2_f64.sqrt()), 2)));
        assert_eq!(mean_and_deviation([f64::NAN].into_iter()), None);
    }
}
