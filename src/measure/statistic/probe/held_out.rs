//! Held-out scores of decoders of classes.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::decoder::{Decoder, complete};
use super::folds::{folds_of, tested};
use super::nearest::{centroids, votes};
use super::{Fold, Link, LogisticOptions, Probe, held_out_scores, partition, probe, stratified_k_fold, winners};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::statistic::input::{Classes, fail, mean};
use crate::measure::statistic::source::{Batch, Source};

/// Units up to which the inverse of a probe's curvature is made on a device.
const WIDEST: usize = 1024;

/// Scores of two classes closer than this are as good as equal in single precision.
const CLOSE: f64 = 1e-5;

/// Scores of a decoder on folds that it was not fitted to.
#[derive(Debug)]
pub(in crate::measure::statistic) struct HeldOut {
    pub decoder: Decoder,
    pub out: Out,
}

/// What is left out of the fit in turn.
#[derive(Debug)]
pub(in crate::measure::statistic) enum Out {
    /// One of so many stratified folds.
    Folds(usize),
    /// One of so many contexts of a design whose cells the labels number ([`Classes::in_contexts`]); its values are decoded.
    Contexts(usize),
}

impl HeldOut {
    /// What is decoded, a class for each example, and the folds.
    fn task(&self, labels: &[usize]) -> Result<(Vec<usize>, Vec<Fold>)> {
        match self.out {
            Out::Folds(k) => Ok((labels.to_vec(), stratified_k_fold(labels, k)?)),
            Out::Contexts(contexts) => {
                let cells = Classes::of(labels, labels.len(), 2)?;
                cells.in_contexts(contexts)?;
                let of = |f: fn(usize, usize) -> usize| cells.of.iter().map(|c| f(*c, contexts)).collect::<Vec<_>>();
                Ok((of(|c, k| c / k), folds_of(&of(|c, k| c % k), contexts)))
            }
        }
    }
}

/// Scores of every example for every class, from the fold that tests it.
#[derive(Clone, Debug)]
pub struct Scores {
    pub(super) classes: Classes,
    /// The fold that tests each example.
    pub(super) tested: Vec<usize>,
    /// `[examples, classes]`, classes ascending.
    pub values: Mat<f64>,
}

impl Scores {
    /// Label of the largest score of each example, the smaller of equals.
    pub fn predictions(&self) -> Vec<usize> {
        winners(self.values.as_ref()).into_iter().map(|c| self.classes.values[c]).collect()
    }

    /// Part of the examples whose label that is, all folds pooled.
    pub fn accuracy(&self) -> f64 {
        let predicted = winners(self.values.as_ref());
        let right = predicted.iter().zip(&self.classes.of).filter(|(a, b)| a == b).count();
        right as f64 / predicted.len() as f64
    }

    /// The same as the mean over folds, each alike.
    pub fn accuracy_by_fold(&self) -> f64 {
        let mut folds = vec![[0.0; 2]; self.tested.iter().max().map_or(0, |last| last + 1)];
        for ((predicted, own), fold) in winners(self.values.as_ref()).iter().zip(&self.classes.of).zip(&self.tested) {
            folds[*fold][0] += f64::from(u8::from(predicted == own));
            folds[*fold][1] += 1.0;
        }
        mean(&folds.iter().map(|[right, all]| right / all).collect::<Vec<_>>())
    }

    /// Mean over examples of `-log2 p(label)`, for scores whose softmax are probabilities.
    pub fn cross_entropy_bits(&self) -> f64 {
        let of = |(i, &own): (usize, &usize)| {
            let row = || self.values.row(i).iter().copied();
            let top = row().fold(f64::NEG_INFINITY, f64::max);
            top + row().map(|v| (v - top).exp()).sum::<f64>().ln() - self.values[(i, own)]
        };
        let n = self.values.nrows() as f64;
        self.classes.of.iter().enumerate().map(of).sum::<f64>() / n / std::f64::consts::LN_2
    }

    /// Entropy of the labels in bits: the least cross-entropy without the representation.
    pub fn entropy_bits(&self) -> f64 {
        let n = self.classes.of.len() as f64;
        -self.classes.counts.iter().map(|c| *c as f64 / n).map(|p| p * p.log2()).sum::<f64>()
    }

    /// Whether single precision tells the two largest scores of every example apart.
    pub(in crate::measure::statistic) fn clear(&self) -> bool {
        (0..self.values.nrows()).all(|i| {
            let mut row: Vec<f64> = self.values.row(i).iter().copied().collect();
            row.sort_unstable_by(|a, b| b.total_cmp(a));
            row[0] - row[1] >= CLOSE
        })
    }
}

impl Source for HeldOut {
    type Of = Scores;

    fn host(&self, x: MatRef<'_, f64>, labels: &[usize]) -> Result<Scores> {
        let (labels, folds) = self.task(labels)?;
        probe(x, &labels, &folds, &self.decoder)
    }

    fn device(&self, batch: &Batch<'_>) -> Result<Vec<Option<Scores>>> {
        let (labels, folds) = self.task(batch.labels)?;
        let classes = Classes::of(&labels, batch.examples(), 2)?;
        partition(&folds, batch.examples())?;
        let found = match self.decoder {
            Decoder::Neighbours(k) => votes(batch, &classes, k, &folds)?,
            Decoder::Centroid => centroids(batch, &classes, &folds)?,
            Decoder::Logistic(_) | Decoder::Ridge { .. } => {
                let least = folds.iter().map(|f| f.train.len()).min().unwrap_or(0);
                // With more units than examples the CPU solves in the span of the examples.
                let suited = |i: &usize| batch.set[*i].values.ncols() <= WIDEST.min(least);
                let suited: Vec<usize> = (0..batch.set.len()).filter(suited).collect();
                let matrices: Vec<Mat<f64>> = suited.iter().map(|&i| batch.set[i].values.clone()).collect();
                let mut all = batch.none();
                let scores = linear(batch.gpu, &matrices, &classes, &folds, &self.decoder)?;
                suited.into_iter().zip(scores).for_each(|(i, scores)| all[i] = scores.ok());
                all
            }
        };
        let with = |values| Scores { classes: classes.clone(), tested: tested(&folds, batch.examples()), values };
        Ok(found.into_iter().map(|values| values.map(with)).collect())
    }
}

/// Held-out scores of a linear decoder, `[examples, classes]`, of several representations on a device.
fn linear(
    gpu: Option<&Arc<Gpu>>,
    set: &[Mat<f64>],
    classes: &Classes,
    folds: &[Fold],
    decoder: &Decoder,
) -> Result<Vec<Result<Mat<f64>>>> {
    complete(classes, folds)?;
    let one_hot = classes.one_hot();
    let binary = classes.number() == 2;
    let (targets, probe) = match *decoder {
        Decoder::Ridge { alpha } => (one_hot, Probe { link: Link::Identity, penalty: alpha, standardise: false }),
        Decoder::Logistic(LogisticOptions { c, standardise, .. }) => {
            let link = if binary { Link::Sigmoid } else { Link::Softmax };
            let targets = if binary { one_hot.subcols(1, 1).to_owned() } else { one_hot };
            (targets, Probe { link, penalty: 1.0 / c, standardise })
        }
        Decoder::Centroid | Decoder::Neighbours(_) => return fail("the decoder is not linear"),
    };
    // A single column stands for the second of two classes.
    let wide = |scores: Mat<f64>| match scores.ncols() {
        1 => Mat::from_fn(scores.nrows(), 2, |i, c| if c == 0 { 0.0 } else { scores[(i, 0)] }),
        _ => scores,
    };
    Ok(held_out_scores(gpu, set, &targets, folds, probe)?.into_iter().map(|scores| scores.map(wide)).collect())
}
