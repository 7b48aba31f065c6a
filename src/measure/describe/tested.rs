//! Held-out scores of decoders: what the device fits or finds, finished in f64.

use std::sync::Arc;

use faer::Mat;

use super::classes::{Labels, nearest_centroid};
use super::form::Decoder;
use super::intake::Standard;
use super::probes::{Link, Probe, held_out_scores};
use super::{Found, voting};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::compare::Named;
use crate::measure::single::decoding::label_entropy;
use crate::measure::single::probe::{Fold, partition, stratified_k_fold, winners};

/// Units up to which the inverse of a probe's curvature is made.
const WIDEST: usize = 1024;

/// Held-out scores of each representation, where there are any.
type Scores = Vec<Option<Mat<f64>>>;

/// For each decoder with its folds, its value for each representation.
pub(super) fn values(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    labels: &Labels,
    given: &[usize],
    wanted: &[(usize, (Decoder, usize))],
) -> Result<Found> {
    let mut found = Found::new();
    let mut fitted: Vec<((Decoder, usize), Scores)> = Vec::new();
    for &(s, (decoder, number)) in wanted {
        let Ok(folds) = stratified_k_fold(given, number) else { continue };
        let standard = || set.iter().map(|x| Standard::of(x.values.as_ref())).collect::<Vec<_>>();
        let values = match decoder {
            Decoder::Centroid => {
                let centred: Vec<_> = set.iter().map(|x| Standard::centred(x.values.as_ref())).collect();
                nearest_centroid(gpu, set, &centred, labels, &folds)?
            }
            Decoder::Neighbours(k) => voting::accuracy(gpu, set, &standard(), labels, k, &folds)?,
            Decoder::Logistic(_) | Decoder::Information(_) | Decoder::Ridge(_) | Decoder::OneHot(_) => {
                // Accuracy and information are of the same probe.
                let key = match decoder {
                    Decoder::Information(c) => (Decoder::Logistic(c), number),
                    other => (other, number),
                };
                if !fitted.iter().any(|(known, _)| *known == key) {
                    fitted.push((key, scores(gpu, set, labels, &folds, key.0)?));
                }
                let Some((_, scores)) = fitted.iter().find(|(known, _)| *known == key) else { continue };
                let of = |scores: &Option<Mat<f64>>| {
                    let scores = scores.as_ref()?;
                    match decoder {
                        Decoder::Information(_) => {
                            Some(label_entropy(given).ok()? - cross_entropy_bits(scores, labels))
                        }
                        Decoder::OneHot(_) => share(scores, labels),
                        _ => accuracy(scores, labels),
                    }
                };
                scores.iter().map(of).collect()
            }
        };
        found.push((s, values));
    }
    Ok(found)
}

/// Held-out scores of each representation, `[examples, classes]` (one column for two classes), where a probe could be fitted.
fn scores(gpu: Option<&Arc<Gpu>>, set: &[&Named], labels: &Labels, folds: &[Fold], decoder: Decoder) -> Result<Scores> {
    let (n, k, of) = (labels.classes.of.len(), labels.classes.number(), &labels.classes.of);
    let lacking = |fold: &Fold| (0..k).any(|class| !fold.train.iter().any(|&i| of[i] == class));
    let least = folds.iter().map(|f| f.train.len()).min().unwrap_or(0);
    // With more units than examples the CPU solves in the span of the examples.
    let suited: Vec<usize> = (0..set.len()).filter(|&i| set[i].values.ncols() <= WIDEST.min(least)).collect();
    let mut all = vec![None; set.len()];
    if partition(folds, n).is_err() || folds.iter().any(lacking) || suited.is_empty() {
        return Ok(all);
    }
    let one_hot = |i: usize, c: usize| f64::from(u8::from(of[i] == c));
    let (targets, probe) = match decoder {
        Decoder::Ridge(alpha) => {
            let targets = Mat::from_fn(n, k, |i, c| 2.0 * one_hot(i, c) - 1.0);
            (targets, Probe { link: Link::Identity, penalty: alpha, standardise: false })
        }
        Decoder::OneHot(alpha) => {
            (Mat::from_fn(n, k, one_hot), Probe { link: Link::Identity, penalty: alpha, standardise: false })
        }
        Decoder::Logistic(c) | Decoder::Information(c) => {
            let (targets, link) = match k {
                2 => (Mat::from_fn(n, 1, |i, _| one_hot(i, 1)), Link::Sigmoid),
                _ => (Mat::from_fn(n, k, one_hot), Link::Softmax),
            };
            (targets, Probe { link, penalty: 1.0 / c, standardise: true })
        }
        Decoder::Centroid | Decoder::Neighbours(_) => return Ok(all),
    };
    let matrices: Vec<Mat<f64>> = suited.iter().map(|&i| set[i].values.clone()).collect();
    match held_out_scores(gpu, &matrices, &targets, folds, probe) {
        Ok(found) => suited.into_iter().zip(found).for_each(|(i, scores)| all[i] = scores.ok()),
        // A penalty without effect, and the like: the CPU says what it makes of it.
        Err(Error::Measure(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(all)
}

/// Scores as the CPU has them: a single column stands for the second of two classes.
fn wide(scores: &Mat<f64>) -> Mat<f64> {
    if scores.ncols() > 1 {
        return scores.clone();
    }
    Mat::from_fn(scores.nrows(), 2, |i, c| if c == 0 { 0.0 } else { scores[(i, 0)] })
}

/// Scores of two classes closer than this are as good as equal in single precision.
const CLOSE: f64 = 1e-5;

fn accuracy(scores: &Mat<f64>, labels: &Labels) -> Option<f64> {
    let scores = wide(scores);
    let classes: Vec<usize> = (0..labels.classes.number()).collect();
    let tied = |i: usize| {
        let mut row: Vec<f64> = scores.row(i).iter().copied().collect();
        row.sort_unstable_by(|a, b| b.total_cmp(a));
        row[0] - row[1] < CLOSE
    };
    if (0..scores.nrows()).any(tied) {
        return None;
    }
    let predicted = winners(scores.as_ref(), &classes);
    let right = predicted.iter().zip(&labels.classes.of).filter(|(a, b)| a == b).count();
    Some(right as f64 / predicted.len() as f64)
}

/// R² of one-hot labels, pooled over examples and classes.
fn share(scores: &Mat<f64>, labels: &Labels) -> Option<f64> {
    let n = scores.nrows() as f64;
    let (mut left, mut total) = (0.0, 0.0);
    for c in 0..scores.ncols() {
        let mean = labels.classes.counts[c] as f64 / n;
        for (i, &own) in labels.classes.of.iter().enumerate() {
            let target = f64::from(u8::from(own == c));
            left += (target - scores[(i, c)]).powi(2);
            total += (target - mean).powi(2);
        }
    }
    (total > 0.0).then_some(1.0 - left / total)
}

/// Mean over examples of `-log2 p(label)`.
fn cross_entropy_bits(scores: &Mat<f64>, labels: &Labels) -> f64 {
    let scores = wide(scores);
    let of = |i: usize| {
        let row: Vec<f64> = scores.row(i).iter().copied().collect();
        let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total = top + row.iter().map(|v| (v - top).exp()).sum::<f64>().ln();
        total - row[labels.classes.of[i]]
    };
    (0..scores.nrows()).map(of).sum::<f64>() / scores.nrows() as f64 / std::f64::consts::LN_2
}
