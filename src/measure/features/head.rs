//! The output layer of a trained network, through which components and interventions are put: what it would answer.

use std::ops::Range;

use faer::{Mat, MatRef};

use crate::error::Result;
use crate::measure::statistic::input::{check, fail};

/// A trained output layer and how its outputs are read.
#[derive(Clone, Debug)]
pub struct Head {
    weight: Mat<f64>,
    bias: Vec<f64>,
    answers: Vec<Range<usize>>,
}

impl Head {
    /// A layer of which each output answers for one feature of two values: 1 where the logit is above 0.
    ///
    /// `weight`: outputs × units; `bias`: one for each output.
    ///
    /// # Errors
    /// Values that are not finite, no outputs, or another number of biases.
    pub fn binary(weight: MatRef<'_, f64>, bias: &[f64]) -> Result<Self> {
        Self::new(weight, bias, (0..weight.nrows()).map(|o| o..o + 1).collect())
    }

    /// A layer whose outputs are read in groups, each for one feature: of one output, 1 where the logit is above 0; of several,
    /// the number within the group of the largest logit, the first of equals.
    ///
    /// # Errors
    /// Those of [`Head::binary`]; groups that are empty or beyond the outputs.
    pub fn new(weight: MatRef<'_, f64>, bias: &[f64], answers: Vec<Range<usize>>) -> Result<Self> {
        check(weight, "the output layer's weight", 1)?;
        if bias.len() != weight.nrows() || bias.iter().any(|b| !b.is_finite()) {
            return fail(format!(
                "the output layer has {} outputs and needs as many finite biases, but {} are given",
                weight.nrows(),
                bias.len()
            ));
        }
        if let Some(group) = answers.iter().find(|group| group.is_empty() || group.end > bias.len()) {
            return fail(format!("outputs {group:?} were asked for, but the output layer has {}", bias.len()));
        }
        if answers.is_empty() {
            return fail("no output of the output layer is read: name at least one group");
        }
        Ok(Self { weight: weight.to_owned(), bias: bias.to_vec(), answers })
    }

    /// Features that the layer answers for.
    pub fn answers(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn units(&self) -> usize {
        self.weight.ncols()
    }

    /// The output that alone answers for a feature.
    pub(super) fn single(&self, feature: usize) -> Result<usize> {
        match self.answers.get(feature) {
            Some(group) if group.len() == 1 => Ok(group.start),
            Some(group) => fail(format!(
                "feature {feature} is answered by {} outputs; interventions are defined for a single logit",
                group.len()
            )),
            None => {
                fail(format!("feature {feature} was asked for, but the output layer answers for {}", self.answers()))
            }
        }
    }

    /// `W v` for each column of `v` (units × columns): outputs × columns, without the bias.
    pub(super) fn along(&self, v: MatRef<'_, f64>) -> Mat<f64> {
        &self.weight * v
    }

    /// Logits (examples × outputs) of `x` (examples × units).
    pub(super) fn logits(&self, x: MatRef<'_, f64>) -> Result<Mat<f64>> {
        check(x, "the representation", 1)?;
        if x.ncols() != self.units() {
            return fail(format!("the output layer reads {} units, but {} are given", self.units(), x.ncols()));
        }
        let mut logits = x * self.weight.transpose();
        for (column, b) in logits.col_iter_mut().zip(&self.bias) {
            column.iter_mut().for_each(|v| *v += b);
        }
        Ok(logits)
    }

    /// The answer for a feature, given an example's logits.
    pub(super) fn answer(&self, feature: usize, logit: impl Fn(usize) -> f64) -> usize {
        let group = self.answers[feature].clone();
        if group.len() == 1 {
            return usize::from(logit(group.start) > 0.0);
        }
        let best = group.clone().fold(group.start, |b, o| if logit(o) > logit(b) { o } else { b });
        best - group.start
    }

    /// Answers for each feature (features × examples).
    ///
    /// # Errors
    /// Another number of units, or values that are not finite.
    pub fn read(&self, x: MatRef<'_, f64>) -> Result<Vec<Vec<usize>>> {
        let logits = self.logits(x)?;
        let of = |f: usize| (0..x.nrows()).map(|i| self.answer(f, |o| logits[(i, o)])).collect();
        Ok((0..self.answers()).map(of).collect())
    }
}
