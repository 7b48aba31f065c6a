//! How a code carries over from condition to condition, on the device: decoders fitted in some contexts and tested in others,
//! and the angles between coding vectors.

use std::sync::Arc;

use faer::{Mat, MatRef};

use super::intake::{Standard, padded};
use super::probes::{Link, Probe, held_out_scores};
use crate::error::{Error, Result};
use crate::gpu::Gpu;
use crate::measure::pair_program::{PairProgram, Stack};
use crate::measure::single::geometry::{context_splits, of_means};
use crate::measure::single::input::Classes;
use crate::measure::single::probe::{Fold, LogisticOptions, winners};

/// Cross-condition generalisation performance of a logistic decoder across contexts, as
/// [`ccgp_across_contexts`](crate::measure::single::geometry::ccgp_across_contexts) has it: the mean accuracy over all
/// choices of contexts. `x`: examples × units.
///
/// # Errors
/// As there, and if a decoder does not converge in single precision, or the device fails.
pub fn ccgp_across_contexts(
    gpu: Option<&Arc<Gpu>>,
    x: MatRef<'_, f64>,
    variable: &[usize],
    contexts: &[usize],
    train_contexts: usize,
    options: &LogisticOptions,
) -> Result<f64> {
    let splits = context_splits(x, variable, contexts, train_contexts)?;
    let classes = Classes::of(variable, x.nrows(), 2)?;
    let k = classes.number();
    let one_hot = |i: usize, c: usize| f64::from(u8::from(classes.of[i] == c));
    let (targets, link) = match k {
        2 => (Mat::from_fn(x.nrows(), 1, |i, _| one_hot(i, 1)), Link::Sigmoid),
        _ => (Mat::from_fn(x.nrows(), k, one_hot), Link::Softmax),
    };
    let probe = Probe { link, penalty: 1.0 / options.c, standardise: options.standardise };
    let set = [x.to_owned()];
    let mut sum = 0.0;
    let number = splits.len();
    for (train, test) in splits {
        if (0..k).any(|c| !train.iter().any(|&i| classes.of[i] == c)) {
            return Err(Error::Measure("a choice of contexts does not have all values of the variable".into()));
        }
        let fold = Fold { train, test };
        let scores = held_out_scores(gpu, &set, &targets, std::slice::from_ref(&fold), probe)?.remove(0)?;
        let all: Vec<usize> = (0..k).collect();
        let wide = Mat::from_fn(fold.test.len(), k, |i, c| match (k, c) {
            (2, 0) => 0.0,
            (2, _) => scores[(fold.test[i], 0)],
            _ => scores[(fold.test[i], c)],
        });
        let right = winners(wide.as_ref(), &all).iter().zip(&fold.test).filter(|(c, i)| **c == classes.of[**i]).count();
        sum += right as f64 / fold.test.len() as f64;
    }
    Ok(sum / number as f64)
}

/// Parallelism of the coding vectors of pairs of conditions, as
/// [`parallelism_of_pairs`](crate::measure::single::geometry::parallelism_of_pairs) has it, from means of conditions that
/// the device makes. `x`: examples × units.
///
/// # Errors
/// As there, and if the device fails.
pub fn parallelism_of_pairs(
    gpu: Option<&Arc<Gpu>>,
    x: MatRef<'_, f64>,
    conditions: &[usize],
    pairs: &[(usize, usize)],
) -> Result<f64> {
    crate::measure::single::input::check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    if pairs.len() < 2 {
        return Err(Error::Measure("a parallelism score compares at least two pairs of conditions".into()));
    }
    let (n, k) = (x.nrows(), classes.number());
    let (room, wide) = (k.next_multiple_of(4), x.ncols().next_multiple_of(4));
    let of = Mat::from_fn(n, k, |i, c| f64::from(u8::from(classes.of[i] == c)));
    let (first, second) = ([padded(&of, room)], [Standard::of(x).padded(wide)]);
    let stacks = [Some(Stack { forms: &first, width: room }), Some(Stack { forms: &second, width: wide })];
    let mut program = PairProgram::new(gpu, n, stacks, [n * (room + wide), 1], &|g, a, b| {
        Ok(vec![("sums", g.matmul_of(a, true, b, false)?)])
    })?;
    let mut means = Mat::zeros(k, x.ncols());
    program.run(&[(0, 0)], |_, made| {
        for c in 0..k {
            for j in 0..x.ncols() {
                means[(c, j)] = f64::from(made[0][c * wide + j]) / classes.counts[c] as f64;
            }
        }
    })?;
    of_means(&means, &classes.values, pairs)
}
