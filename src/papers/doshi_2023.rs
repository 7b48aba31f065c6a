//! What the paper's file asks of networks that is no metric of the engine: the spectrum of each unit's weights, and the network of
//! cosines that needs no training.

use std::f64::consts::TAU;

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::fourier::participation_of;
use crate::measure::pairwise::rank::spearman;
use crate::measure::random::Random;
use crate::papers::claims::{Analysis, Rows, Subject};

/// The analyses by name.
pub const ANALYSES: &[Analysis] = &[("units", |of| vec![spectra(of)]), ("cosine", |of| vec![Ok(cosine(of.seed))])];

/// The mean IPR of the units, the part of them up to each of some values, and how the weights of a batch norm go with it.
fn spectra(of: &Subject<'_>) -> Result<Rows> {
    let [into, second] = [0, 1].map(|i| of.parameter(&format!("layers.{i}.weight")));
    let (norm, out) = match of.parameter("layers.2.weight") {
        Ok(third) => (Some(second?), third),
        Err(_) => (None, second?),
    };
    let all = ratios(into?.as_ref(), out.as_ref());
    let part = |at: f64| all.iter().filter(|ratio| **ratio <= at + 1e-12).count() as f64 / all.len() as f64;
    let mut rows = vec![("ipr_host".into(), all.iter().sum::<f64>() / all.len() as f64)];
    rows.extend((0..=20).map(|i| f64::from(i) * 0.05).map(|at| (format!("ipr_up_to_{at:.2}"), part(at))));
    if let Some(weight) = norm {
        let sizes: Vec<f64> = weight.row(0).iter().map(|x| x.abs()).collect();
        rows.push(("norm_follows_ipr".into(), spearman(&sizes, &all)?));
    }
    Ok(rows)
}

/// Of each unit, the mean IPR of its weights from a, from b and to the classes. `into` is N × 2p, `out` p × N.
fn ratios(into: MatRef<'_, f64>, out: MatRef<'_, f64>) -> Vec<f64> {
    let p = out.nrows();
    let unit = |k: usize| {
        let row: Vec<f64> = into.row(k).iter().copied().collect();
        let column: Vec<f64> = out.col(k).iter().copied().collect();
        [&row[..p], &row[p..], &column].iter().map(|of| participation_of(of)).sum::<f64>() / 3.0
    };
    (0..into.nrows()).map(unit).collect()
}

/// Moduli and widths at which the network of cosines is tried.
const SIZES: [(usize, usize); 5] = [(97, 32), (97, 64), (97, 128), (97, 256), (31, 128)];

/// The accuracy of the network of cosines at some sizes, and its mean IPR.
fn cosine(seed: u32) -> Rows {
    let mut rows = Rows::new();
    for (p, width) in SIZES {
        let [into, out] = waves(p, width, seed);
        rows.push((format!("cosine_{p}_{width}"), accuracy(into.as_ref(), out.as_ref())));
        if (p, width) == (97, 128) {
            let all = ratios(into.as_ref(), out.as_ref());
            rows.push(("cosine_ipr".into(), all.iter().sum::<f64>() / all.len() as f64));
        }
    }
    rows
}

/// The weights of Gromov (2023), N × 2p and p × N: a unit has one frequency, dealt out evenly in a random order, and two random
/// phases, whose sum its weights to the classes have.
fn waves(p: usize, width: usize, seed: u32) -> [Mat<f64>; 2] {
    let mut random = Random::new(seed.into(), 0);
    let frequencies = p / 2;
    let order = random.permutation(frequencies);
    let phase = |random: &mut Random| TAU * random.below(1 << 30) as f64 / f64::from(1 << 30);
    let units: Vec<_> =
        (0..width).map(|k| (order[k % frequencies] + 1, phase(&mut random), phase(&mut random))).collect();
    let wave = |k: usize, x: usize| TAU * (units[k].0 * x % p) as f64 / p as f64;
    let into = Mat::from_fn(width, 2 * p, |k, j| {
        let (_, u, v) = units[k];
        if j < p { (wave(k, j) + u).cos() } else { (wave(k, j - p) + v).cos() }
    });
    [into, Mat::from_fn(p, width, |q, k| (wave(k, q) + units[k].1 + units[k].2).cos())]
}

/// The part of all pairs whose sum a network with squares between these weights gives.
fn accuracy(into: MatRef<'_, f64>, out: MatRef<'_, f64>) -> f64 {
    let p = out.nrows();
    let hidden = Mat::from_fn(into.nrows(), p * p, |k, i| (into[(k, i / p)] + into[(k, p + i % p)]).powi(2));
    let answers = out * hidden;
    let right = |i: &usize| {
        let answer = (0..p).max_by(|&a, &b| answers[(a, *i)].total_cmp(&answers[(b, *i)]));
        answer == Some((i / p + i % p) % p)
    };
    (0..p * p).filter(right).count() as f64 / (p * p) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_cosines_add_and_narrow_ones_do_not() {
        let of = |width| {
            let [into, out] = waves(11, width, 3);
            (accuracy(into.as_ref(), out.as_ref()), ratios(into.as_ref(), out.as_ref()))
        };
        let (right, ratios) = of(200);
        assert!(right == 1.0 && ratios.iter().all(|ratio| (ratio - 1.0).abs() < 1e-9));
        assert!(of(2).0 < 0.6);
    }
}
