//! Cross-condition generalisation: whether a decoder fitted under some conditions works under others.

use std::sync::Arc;

use faer::MatRef;

use super::Decoder;
use super::dichotomies::{combinations, number_of_combinations};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::measure::statistic::input::{Classes, check, fail, mean, take_rows};
use crate::measure::statistic::probe::{Fold, linear, winners};

/// Splits beyond which exhaustive averaging is refused.
const MOST_SPLITS: f64 = 20_000.0;

/// Cross-condition generalisation performance.
#[derive(Clone, Debug, PartialEq)]
pub struct Ccgp {
    /// Mean accuracy over all splits, from 0 to 1. Chance is one over the number of classes; below it, the code is
    /// reversed from condition to condition.
    pub mean: f64,
    /// Accuracy of each split, in lexicographic order of the conditions fitted on.
    pub splits: Vec<f64>,
}

/// CCGP of a dichotomy of conditions (Bernardi et al. 2020): a decoder of the two sides is fitted on `train_per_side`
/// conditions of each side and tested on all the others; the mean runs over all choices of the conditions fitted on.
/// Fitting on all conditions of each side but one is usual.
///
/// In a two-by-two design half of the splits fit on a diagonal, which leaves open which variable is meant, so that even a
/// perfectly abstract code is at chance there: use [`ccgp_across_contexts`]. Leave standardisation of a logistic decoder
/// off: a unit that hardly varies among the conditions fitted on would be blown up on the others.
///
/// `x`: examples × units; `conditions`: condition of each example; `positive`: the conditions on one side, all others
/// form the other side.
///
/// # Errors
/// Conditions of another length; a side with `train_per_side` conditions or fewer; a `positive` condition that no
/// example has; more than 20,000 splits; values that are not finite; errors of the decoder.
pub fn ccgp(
    x: MatRef<'_, f64>,
    conditions: &[usize],
    positive: &[usize],
    train_per_side: usize,
    decoder: &Decoder,
) -> Result<Ccgp> {
    check(x, "the representation", 2)?;
    let classes = Classes::of(conditions, x.nrows(), 2)?;
    let (plus, minus) = sides(&classes, positive)?;
    if train_per_side == 0 || train_per_side >= plus.len().min(minus.len()) {
        return fail(format!(
            "fitting on {train_per_side} conditions of each side must leave some to test on, but the sides have {} and {}",
            plus.len(),
            minus.len()
        ));
    }
    let number =
        number_of_combinations(plus.len(), train_per_side) * number_of_combinations(minus.len(), train_per_side);
    check_splits(number)?;
    let labels: Vec<usize> = classes.of.iter().map(|c| usize::from(plus.contains(c))).collect();
    let mut splits = Vec::new();
    for a in combinations(plus.len(), train_per_side) {
        for b in combinations(minus.len(), train_per_side) {
            let fitted = |c: &usize| a.iter().any(|i| plus[*i] == *c) || b.iter().any(|i| minus[*i] == *c);
            splits.push(split(x, &labels, &classes.of, fitted, decoder)?);
        }
    }
    Ok(Ccgp { mean: mean(&splits), splits })
}

/// CCGP of a variable across contexts: a decoder of `variable` is fitted on the examples of `train_contexts` contexts
/// and tested on those of all others; the mean runs over all choices of the contexts. With two contexts, one is fitted
/// on and the other tested.
///
/// `x`: examples × units; `variable` and `contexts`: one value for each example.
///
/// # Errors
/// Lengths that differ; `train_contexts` zero or not below the number of contexts; a choice of contexts that holds one
/// value of the variable only; more than 20,000 splits; values that are not finite; errors of the decoder.
pub fn ccgp_across_contexts(
    x: MatRef<'_, f64>,
    variable: &[usize],
    contexts: &[usize],
    train_contexts: usize,
    decoder: &Decoder,
) -> Result<Ccgp> {
    let splits = context_splits(x, variable, contexts, train_contexts)?;
    let splits =
        splits.iter().map(|(train, test)| tested(x, variable, train, test, decoder)).collect::<Result<Vec<_>>>()?;
    Ok(Ccgp { mean: mean(&splits), splits })
}

/// [`ccgp_across_contexts`] of a linear decoder that is fitted on a device in f32 (without one: on the processor).
///
/// # Errors
/// As there, and if the decoder is not linear, or does not converge in single precision, or the device fails.
pub fn ccgp_across_contexts_on(
    gpu: Option<&Arc<Gpu>>,
    x: MatRef<'_, f64>,
    variable: &[usize],
    contexts: &[usize],
    train_contexts: usize,
    decoder: &Decoder,
) -> Result<Ccgp> {
    let classes = Classes::of(variable, x.nrows(), 2)?;
    let set = [x.to_owned()];
    let of = |(train, test): (Vec<usize>, Vec<usize>)| -> Result<f64> {
        let fold = Fold { train, test };
        let scores = linear(gpu, &set, &classes, std::slice::from_ref(&fold), decoder)?.remove(0)?;
        let predicted = winners(scores.as_ref());
        let right = fold.test.iter().filter(|i| predicted[**i] == classes.of[**i]).count();
        Ok(right as f64 / fold.test.len() as f64)
    };
    let splits = context_splits(x, variable, contexts, train_contexts)?;
    let splits = splits.into_iter().map(of).collect::<Result<Vec<_>>>()?;
    Ok(Ccgp { mean: mean(&splits), splits })
}

/// Examples fitted on and tested, for every choice of contexts.
fn context_splits(
    x: MatRef<'_, f64>,
    variable: &[usize],
    contexts: &[usize],
    train_contexts: usize,
) -> Result<Vec<(Vec<usize>, Vec<usize>)>> {
    check(x, "the representation", 2)?;
    Classes::of(variable, x.nrows(), 2)?;
    let classes = Classes::of(contexts, x.nrows(), 2)?;
    if train_contexts == 0 || train_contexts >= classes.number() {
        return fail(format!(
            "the number of contexts to fit on must lie between 1 and {}, but is {train_contexts}",
            classes.number() - 1
        ));
    }
    check_splits(number_of_combinations(classes.number(), train_contexts))?;
    let of = |chosen: &Vec<usize>| (0..x.nrows()).partition(|i| chosen.contains(&classes.of[*i]));
    Ok(combinations(classes.number(), train_contexts).iter().map(of).collect())
}

/// Conditions of both sides, as indices of classes.
pub(super) fn sides(classes: &Classes, positive: &[usize]) -> Result<(Vec<usize>, Vec<usize>)> {
    if let Some(missing) = positive.iter().find(|p| !classes.values.contains(p)) {
        return fail(format!("condition {missing} of the dichotomy has no example"));
    }
    let (plus, minus): (Vec<usize>, Vec<usize>) =
        (0..classes.number()).partition(|c| positive.contains(&classes.values[*c]));
    if plus.is_empty() || minus.is_empty() {
        return fail("a dichotomy needs conditions on both sides");
    }
    Ok((plus, minus))
}

fn check_splits(number: f64) -> Result<()> {
    if number <= MOST_SPLITS {
        return Ok(());
    }
    fail(format!(
        "there are {number} splits, more than the {MOST_SPLITS} that are averaged; fit on fewer or more conditions"
    ))
}

fn split(
    x: MatRef<'_, f64>,
    labels: &[usize],
    conditions: &[usize],
    fitted: impl Fn(&usize) -> bool,
    decoder: &Decoder,
) -> Result<f64> {
    let (train, test): (Vec<usize>, Vec<usize>) = (0..x.nrows()).partition(|i| fitted(&conditions[*i]));
    tested(x, labels, &train, &test, decoder)
}

fn tested(x: MatRef<'_, f64>, labels: &[usize], train: &[usize], test: &[usize], decoder: &Decoder) -> Result<f64> {
    let pick = |rows: &[usize]| rows.iter().map(|i| labels[*i]).collect::<Vec<_>>();
    let (x_train, x_test) = (take_rows(x, train), take_rows(x, test));
    decoder.accuracy((x_train.as_ref(), &pick(train)), (x_test.as_ref(), &pick(test)))
}
