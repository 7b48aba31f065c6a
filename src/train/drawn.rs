//! What each replica draws, by its own seed, of examples that all share: which of them it is trained on, and which of their labels
//! are others.
//!
//! A keyed permutation ranks all examples. Those of the lowest ranks are trained on, and of these again the lowest have labels drawn
//! anew, each class as likely. So no number of examples is part of a shape, and replicas that differ in them share a graph.

use super::prepared::Prepared;
use super::subset::Targets;
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor, VariableKind};
use crate::kernels::program::{Binary, DType, Unary};

/// The settings that say how much is drawn, scalars.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    /// Part of all examples that is trained on.
    pub train_fraction: Tensor,
    /// Part of those whose labels are drawn anew.
    pub corrupted: Tensor,
}

/// What is drawn, as variables of each replica that snapshots do not hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    /// How many examples are trained on, a whole number as a float; `[1, 1]`.
    count: Tensor,
    /// 1 where an example is trained on, `[N, 1]`; none where all are.
    pub trained: Option<Tensor>,
    /// The examples in the order of their ranks, integers `[N, 1]`, where batches need it.
    order: Option<Tensor>,
    /// Where labels are drawn anew.
    pub labels: Option<Labels>,
}

/// Labels to train on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Labels {
    /// Classes as floats, `[N, 1]`.
    pub classes: Tensor,
    /// 1 where a class was drawn, `[N, 1]`, be it the true one.
    pub replaced: Tensor,
}

impl Drawn {
    /// Declares what an experiment draws, if it draws anything, and the assignments that draw it.
    pub fn declare(
        g: &mut Graph,
        e: &Experiment,
        data: &Prepared,
        seed: Tensor,
        parts: Parts,
        effects: &mut Vec<Effect>,
    ) -> Result<Option<Self>> {
        let (divides, corrupts) = (e.data.train_fraction.is_some(), e.data.corrupted > 0.0);
        if !divides && !corrupts {
            return Ok(None);
        }
        if data.own {
            return Err(Error::config(
                "replicas with examples of their own draw none: leave out data.train_fraction and data.corrupted",
            ));
        }
        let examples = data.train.examples;
        let mut keep = |g: &mut Graph, what: &str, value: Tensor, dtype| -> Result<Tensor> {
            let place = g.variable(format!("data/drawn/{what}"), &[examples, 1], dtype, VariableKind::Transient)?;
            effects.push(Effect::Assign(g.variable_of(place)?, value));
            Ok(place)
        };
        let row = g.row_index(&[examples, 1]);
        let row = g.unary(Unary::ToInteger, row);
        let (all, purpose, slot) = (g.integer(examples as u32), g.purpose("data/drawn"), g.integer(0));
        let rank = g.permutation(row, all, [seed, purpose, slot])?;
        let rank = g.unary(Unary::ToFloat, rank);

        let mut count = g.constant(examples as f64);
        if divides {
            // Both parts have an example at least.
            let (most, least) = (g.constant(examples as f64 - 1.0), g.constant(1.0));
            let part = rounded(g, parts.train_fraction, count)?;
            let part = g.binary(Binary::Min, part, most)?;
            count = g.binary(Binary::Max, part, least)?;
        }
        let (mut trained, mut order, mut labels) = (None, None, None);
        if divides {
            let lower = g.binary(Binary::Greater, count, rank)?;
            trained = Some(keep(g, "trained", lower, DType::F32)?);
            if e.batch.mode != crate::config::BatchMode::Full {
                let sorted = g.sort(rank)?;
                let sorted = g.sorted_order(sorted);
                order = Some(keep(g, "order", sorted, DType::U32)?);
            }
        }
        if corrupts {
            let Targets::Classes(known) = &data.train.targets else {
                return Err(Error::config(
                    "data.corrupted: expected examples with classes, and these have numeric targets",
                ));
            };
            let known = g.data(known.iter().map(|&label| label as f32).collect(), &[examples, 1])?;
            let (classes, purpose) = (g.integer(data.outputs as u32), g.purpose("data/corrupted"));
            let drawn = g.choice(row, classes, [seed, purpose, slot])?;
            let drawn = g.unary(Unary::ToFloat, drawn);
            let number = rounded(g, parts.corrupted, count)?;
            let replaced = g.binary(Binary::Greater, number, rank)?;
            let classes = g.select(replaced, drawn, known)?;
            let classes = keep(g, "labels", classes, DType::F32)?;
            labels = Some(Labels { classes, replaced: keep(g, "replaced", replaced, DType::F32)? });
        }
        Ok(Some(Self { count, trained, order, labels }))
    }

    /// How many examples batches are drawn of, an integer; none where all are.
    pub fn count(&self, g: &mut Graph) -> Option<Tensor> {
        self.order.map(|_| g.unary(Unary::ToInteger, self.count))
    }

    /// The rows of all examples that have these numbers among those that are trained on, `[B, 1]`.
    pub fn rows(&self, g: &mut Graph, numbers: Tensor) -> Result<Tensor> {
        self.order.map_or(Ok(numbers), |order| g.gather(order, numbers))
    }

    /// 1 where an example is held out, `[N, 1]`; none where the data have a part for that.
    pub fn held_out(&self, g: &mut Graph) -> Result<Option<Tensor>> {
        let one = g.constant(1.0);
        self.trained.map(|trained| g.minus(one, trained)).transpose()
    }
}

/// A part of a number, rounded to a whole one.
fn rounded(g: &mut Graph, part: Tensor, of: Tensor) -> Result<Tensor> {
    let product = g.times(part, of)?;
    let shifted = g.shift(product, 0.5);
    Ok(g.unary(Unary::Floor, shifted))
}
