//! What the paper's file asks of trained networks that is no metric of the engine: how four conditions are laid out.

use faer::MatRef;

use crate::config::ProbeFrom;
use crate::error::{Error, Result};
use crate::measure::statistic::probe::{Decoder, LogisticOptions};
use crate::papers::claims::{Analysis, Rows, Subject};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[("geometry", |of| vec![geometry(of)]), ("weights", |of| vec![weights(of)])];

/// Conditions with the target 1, and with 0: the target is bit 0 of a condition.
const SIDES: [[usize; 2]; 2] = [[1, 3], [0, 2]];

/// Of the means, the parallelism score; of noisy examples, how decoders do in conditions and dichotomies they were not made for.
fn geometry(of: &Subject<'_>) -> Result<Rows> {
    if of.experiment.data.bits != 2 {
        return Err(Error::config(format!("geometry is of data.bits = 2, got {}", of.experiment.data.bits)));
    }
    let x = of.representation(of.depth() - 1, false)?;
    match of.experiment.probe.from {
        ProbeFrom::Means => Ok(vec![("parallelism_best".into(), parallelism(x.as_ref()))]),
        _ => Ok(vec![("ccgp_target".into(), ccgp(x.as_ref())?), ("decoding_untrained".into(), untrained(x.as_ref())?)]),
    }
}

/// The larger, of the two pairings of conditions of two sides, of the cosine of their differences.
fn parallelism(means: MatRef<'_, f64>) -> f64 {
    let difference =
        |a: usize, b: usize| -> Vec<f64> { (0..means.ncols()).map(|j| means[(a, j)] - means[(b, j)]).collect() };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = |a: Vec<f64>, b: Vec<f64>| dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt();
    let [[a, b], [c, d]] = SIDES;
    cosine(difference(a, c), difference(b, d)).max(cosine(difference(a, d), difference(b, c)))
}

/// Part of the examples that are told right, those with `fit` being fitted to.
fn accuracy(x: MatRef<'_, f64>, fit: impl Fn(usize) -> bool, label: impl Fn(usize) -> usize) -> Result<f64> {
    let (train, test): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|i| fit(*i));
    let rows = |of: &[usize]| faer::Mat::from_fn(of.len(), x.ncols(), |i, j| x[(of[i], j)]);
    let labels = |of: &[usize]| of.iter().map(|i| label(*i)).collect::<Vec<_>>();
    let decoder = Decoder::Logistic(LogisticOptions { standardise: false, ..LogisticOptions::default() });
    let found = decoder.predict(rows(&train).as_ref(), &labels(&train), rows(&test).as_ref())?;
    Ok(found.iter().zip(labels(&test)).filter(|(found, label)| **found == *label).count() as f64 / test.len() as f64)
}

/// Accuracy in two conditions of what was fitted in one condition of each side, the mean over the four choices.
fn ccgp(x: MatRef<'_, f64>) -> Result<f64> {
    let choices = SIDES[0].iter().flat_map(|a| SIDES[1].iter().map(move |b| [*a, *b]));
    let all =
        choices.map(|fitted| accuracy(x, |i| fitted.contains(&(i % 4)), |i| i & 1)).collect::<Result<Vec<_>>>()?;
    Ok(all.iter().sum::<f64>() / 4.0)
}

/// Held-out accuracy of the two balanced dichotomies that are not the target, fitted on the first half of the examples.
fn untrained(x: MatRef<'_, f64>) -> Result<f64> {
    let (first, half) = (|i: usize| i >> 1 & 1, x.nrows() / 2);
    Ok((accuracy(x, |i| i < half, first)? + accuracy(x, |i| i < half, |i| first(i) ^ (i & 1))?) / 2.0)
}

/// Of W m over the four means, with each unit's own mean taken off, the share that is along the target.
fn weights(of: &Subject<'_>) -> Result<Rows> {
    let a = of.representation(0, false)?;
    Ok(vec![("along_classes".into(), along(a.as_ref()))])
}

fn along(a: MatRef<'_, f64>) -> f64 {
    let (mut part, mut all) = (0.0, 0.0);
    for unit in a.col_iter() {
        let mean = unit.iter().sum::<f64>() / 4.0;
        part += unit.iter().enumerate().map(|(k, v)| if k & 1 == 1 { *v } else { -v }).sum::<f64>().powi(2) / 4.0;
        all += unit.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    }
    part / all
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    /// Corners of a rectangle, the target along the first axis, and as many examples a little off each.
    fn corners(twist: bool) -> Mat<f64> {
        Mat::from_fn(40, 2, |i, j| {
            let bit = |j: usize| (i >> j & 1) as f64 * 2.0 - 1.0;
            let off = 0.01 * ((i / 4) as f64 - 4.5);
            off + if j == 0 && twist { bit(0) * bit(1) } else { bit(j) }
        })
    }

    #[test]
    fn a_rectangle_is_abstract_and_a_twisted_one_is_not() {
        let (plain, twisted) = (corners(false), corners(true));
        let means = |x: &Mat<f64>| Mat::from_fn(4, 2, |k, j| (0..10).map(|r| x[(r * 4 + k, j)]).sum::<f64>() / 10.0);
        assert!((parallelism(means(&plain).as_ref()) - 1.0).abs() < 1e-9);
        // Of an exclusive or in a plane either pairing has opposite differences.
        assert!((parallelism(means(&twisted).as_ref()) + 1.0).abs() < 1e-9);
        assert!((along(means(&plain).as_ref()) - 0.5).abs() < 1e-9 && along(means(&twisted).as_ref()) < 1e-9);
        assert!(ccgp(plain.as_ref()).unwrap() > ccgp(twisted.as_ref()).unwrap() + 0.2);
        // Neither holds all three: of a rectangle the exclusive or cannot be read, of a twisted one the target.
        assert_eq!(untrained(twisted.as_ref()).unwrap(), 1.0);
        assert!(untrained(plain.as_ref()).unwrap() < 0.9);
    }
}
