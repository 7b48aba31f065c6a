//! Interventions along a feature's direction: how far a representation must be moved before the network answers
//! otherwise, and what else it then answers otherwise.
//!
//! A feature that is represented strongly has a long direction, so that a step of one difference of means (`alpha` 1) flips
//! strong and weak features alike: it is the *norm* of the least step that tells them apart.

use faer::{Mat, MatRef};

use super::head::Head;
use super::{Sets, binary};
use crate::error::Result;
use crate::measure::statistic::input::{check, column_means, dot, fail, less, take_rows};

/// What a step along a direction changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Flips {
    /// Part of the test examples whose answer for the feature changes.
    pub target: f64,
    /// Part whose answer changes, for each feature that the output layer answers for; [`Flips::target`] is one of them.
    pub each: Vec<f64>,
    /// Mean of [`Flips::each`] over the other features; 0 if there is none.
    pub off_target: f64,
}

/// Difference of the means of examples with and without a feature, `mean(x | 1) - mean(x | 0)`, one value for each unit.
///
/// `x`: examples × units; `feature`: 0 or 1 for each example.
///
/// # Errors
/// Fewer than two examples, values that are not finite, labels of another number or other values, a value of the feature
/// that does not occur, or means that are equal.
pub fn direction(x: MatRef<'_, f64>, feature: &[usize]) -> Result<Vec<f64>> {
    check(x, "the representation", 2)?;
    let there = binary(feature, x.nrows(), "the feature")?;
    let mean_where = |value: bool| {
        let rows: Vec<usize> = (0..x.nrows()).filter(|i| there[*i] == value).collect();
        if rows.is_empty() {
            return fail(format!(
                "no example of the fit set has the feature at {}; its direction needs both values",
                u8::from(value)
            ));
        }
        Ok(column_means(take_rows(x, &rows).as_ref()))
    };
    let d: Vec<f64> = mean_where(true)?.iter().zip(mean_where(false)?).map(|(a, b)| a - b).collect();
    if d.iter().all(|v| *v == 0.0) {
        return fail("examples with and without the feature have the same mean: the feature has no direction");
    }
    Ok(d)
}

/// Cosine of two directions, from -1 to 1.
///
/// # Errors
/// Different lengths, values that are not finite, or a direction of length zero.
pub fn cosine(a: &[f64], b: &[f64]) -> Result<f64> {
    if a.len() != b.len() {
        return fail(format!("directions of {} and {} units cannot be compared", a.len(), b.len()));
    }
    let norm = |v: &[f64]| dot(v, v).sqrt();
    let value = dot(a, b) / (norm(a) * norm(b));
    if value.is_finite() {
        return Ok(value.clamp(-1.0, 1.0));
    }
    fail("the cosine of directions is not determined: one has length zero, or is not finite")
}

/// Interventions on the answer for one feature.
#[derive(Clone, Debug)]
pub struct Steering {
    head: Head,
    feature: usize,
    /// The output that answers for it.
    output: usize,
    direction: Vec<f64>,
    logits: Mat<f64>,
    /// What one step of the whole direction adds to each logit.
    slope: Vec<f64>,
    spread: f64,
}

impl Steering {
    /// Interventions along the direction of a feature on the fit set, at the examples of the test set, each towards the answer
    /// that the network does not give there.
    ///
    /// `x`: examples × units; `labels`: 0 or 1 for each example of the *fit* set; `feature`: which of the output layer's
    /// features it is.
    ///
    /// # Errors
    /// Those of [`direction`]; a feature that is not answered by one output; sets or an output layer of other units; a test
    /// set without variance.
    pub fn new(x: Sets<MatRef<'_, f64>>, labels: &[usize], head: &Head, feature: usize) -> Result<Self> {
        x.check("the representation")?;
        let output = head.single(feature)?;
        let direction = direction(x.fit, labels)?;
        let logits = head.logits(x.test)?;
        let column = Mat::from_fn(direction.len(), 1, |u, _| direction[u]);
        let slope = head.along(column.as_ref()).col(0).iter().copied().collect();
        let centred = less(x.test, &column_means(x.test));
        let spread = (centred.squared_norm_l2() / x.test.nrows() as f64).sqrt();
        if spread == 0.0 {
            return fail("no unit varies on the test set: norms in units of its spread are not determined");
        }
        Ok(Self { head: head.clone(), feature, output, direction, logits, slope, spread })
    }

    /// The direction.
    pub fn direction(&self) -> &[f64] {
        &self.direction
    }

    /// Root of the total variance of the test set ([`Explained::total_variance`](super::variance::Explained::total_variance)): the unit of [`Steering::norm_to_flip`].
    pub fn spread(&self) -> f64 {
        self.spread
    }

    /// Towards the answer that the network does not give.
    fn sign(&self, example: usize) -> f64 {
        if self.logits[(example, self.output)] > 0.0 { -1.0 } else { 1.0 }
    }

    /// What changes with a step of `alpha` directions: `x - alpha d` where the network answers 1, `x + alpha d` where 0.
    ///
    /// # Errors
    /// An `alpha` that is not finite.
    pub fn flips(&self, alpha: f64) -> Result<Flips> {
        if !alpha.is_finite() {
            return fail(format!("a step must be finite, but is {alpha}"));
        }
        let n = self.logits.nrows();
        let changed = |f: usize, i: usize| {
            let step = self.sign(i) * alpha;
            let before = self.head.answer(f, |o| self.logits[(i, o)]);
            before != self.head.answer(f, |o| self.logits[(i, o)] + step * self.slope[o])
        };
        let share = |f: usize| (0..n).filter(|i| changed(f, *i)).count() as f64 / n as f64;
        let each: Vec<f64> = (0..self.head.answers()).map(share).collect();
        let target = each[self.feature];
        let others = each.iter().sum::<f64>() - target;
        Ok(Flips { target, off_target: others / (each.len() as f64 - 1.0).max(1.0), each })
    }

    /// Length of the least step along `± d` that brings the answer of each test example to the point of changing:
    /// `|logit| |d| / (w · d)`; infinite where the output does not grow along the direction.
    pub fn norms(&self) -> Vec<f64> {
        let rate = self.slope[self.output] / dot(&self.direction, &self.direction).sqrt();
        let of = |i: usize| if rate > 0.0 { self.logits[(i, self.output)].abs() / rate } else { f64::INFINITY };
        (0..self.logits.nrows()).map(of).collect()
    }

    /// The least norm that flips at least this part of the test examples, in units of the root of the total variance.
    ///
    /// # Errors
    /// A part outside (0, 1].
    pub fn norm_to_flip(&self, part: f64) -> Result<f64> {
        if !(part > 0.0 && part <= 1.0) {
            return fail(format!("the part of examples to flip must be above 0 and at most 1, but is {part}"));
        }
        let mut norms = self.norms();
        norms.sort_unstable_by(f64::total_cmp);
        let at = (part * norms.len() as f64).ceil() as usize;
        Ok(norms[at.clamp(1, norms.len()) - 1] / self.spread)
    }
}
