//! What is recorded of chosen pairs of examples at every step, on the device: how far apart their representations are in
//! every hidden layer, how far their outputs, and how those are aligned with the targets.
//!
//! Values are of the network before the step's update. They stand in rings on the device, which are copied out while
//! training goes on.

use super::prepared::Prepared;
use super::subset::Subset;
use crate::error::{Error, Result};
use crate::graph::{Effect, Graph, Tensor};
use crate::kernels::program::Unary;

/// Steps that a ring keeps: it is copied out at least this often.
pub(super) const KEPT: usize = 512;

/// What to record.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Pairs of training examples, by row.
    pub pairs: Vec<[usize; 2]>,
}

/// A quantity that is recorded at every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// The loss of the batch.
    Loss,
    /// Squared Euclidean distance of a pair's representations: pair, hidden layer.
    Distance(usize, usize),
    /// Squared Euclidean distance of a pair's outputs.
    Output(usize),
    /// `|dy|² - dy · dy*` of a pair, with `dy` the difference of its outputs and `dy*` of its targets
    /// (van Rossem & Saxe 2024, the variable w).
    Alignment(usize),
}

impl Quantity {
    pub(super) fn record(self) -> String {
        match self {
            Self::Loss => "track/loss".to_owned(),
            Self::Distance(pair, layer) => format!("track/distance/{pair}/{layer}"),
            Self::Output(pair) => format!("track/output/{pair}"),
            Self::Alignment(pair) => format!("track/alignment/{pair}"),
        }
    }
}

/// What was recorded of one replica: a value per step, beginning with step 0 (the untrained network).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracked {
    /// Each quantity with its values.
    pub series: Vec<(Quantity, Vec<f32>)>,
}

impl Tracked {
    /// The values of a quantity; none if it was not recorded.
    pub fn of(&self, quantity: Quantity) -> &[f32] {
        self.series.iter().find(|(q, _)| *q == quantity).map_or(&[], |(_, values)| values)
    }
}

impl Track {
    /// Checks that the pairs are examples.
    pub(super) fn check(&self, data: &Prepared) -> Result<()> {
        data.needs_examples("tracked pairs are of training examples that all replicas share")?;
        let beyond = self.pairs.iter().flatten().find(|&&row| row >= data.train.examples);
        match beyond {
            Some(row) => Err(Error::config(format!(
                "a tracked pair names example {row}, and the training set has {} (counted from 0)",
                data.train.examples
            ))),
            None => Ok(()),
        }
    }

    /// Rows of the examples of all pairs, one pair after the other.
    pub(super) fn rows(&self, data: &Prepared) -> Subset {
        data.train.select(&self.pairs.concat(), data.outputs)
    }

    /// The effects that record everything of activations `hidden`, `output` and `targets`, whose rows `places` are the
    /// examples of the pairs.
    pub(super) fn effects(
        &self,
        g: &mut Graph,
        seen: &Activations,
        loss: Tensor,
        step: Tensor,
    ) -> Result<(Vec<Effect>, Vec<Quantity>)> {
        let mut values = vec![(Quantity::Loss, loss)];
        for (p, &places) in seen.places.iter().enumerate() {
            for (layer, &h) in seen.hidden.iter().enumerate() {
                let difference = difference(g, h, places)?;
                let squares = g.unary(Unary::Square, difference);
                values.push((Quantity::Distance(p, layer), g.sum_all(squares)?));
            }
            let dy = difference(g, seen.output, places)?;
            let squares = g.unary(Unary::Square, dy);
            values.push((Quantity::Output(p), g.sum_all(squares)?));
            // dy - dy* as a difference of errors: that of the targets alone would be the same for all replicas, and what is
            // computed once for all has no place in a resident step.
            let [first, second] = places.map(|row| {
                let (output, target) = (g.rows(seen.output, row, 1)?, g.rows(seen.targets, row, 1)?);
                g.minus(output, target)
            });
            let gap = g.minus(second?, first?)?;
            let product = g.times(dy, gap)?;
            values.push((Quantity::Alignment(p), g.sum_all(product)?));
        }
        let record = |(quantity, value): &(Quantity, Tensor)| Effect::Record {
            name: quantity.record(),
            value: *value,
            step,
            capacity: KEPT,
        };
        Ok((values.iter().map(record).collect(), values.iter().map(|(q, _)| *q).collect()))
    }
}

/// Activations in which the pairs stand.
pub(super) struct Activations {
    pub hidden: Vec<Tensor>,
    pub output: Tensor,
    pub targets: Tensor,
    /// Rows of each pair's examples.
    pub places: Vec<[usize; 2]>,
}

fn difference(g: &mut Graph, x: Tensor, [first, second]: [usize; 2]) -> Result<Tensor> {
    let (a, b) = (g.rows(x, first, 1)?, g.rows(x, second, 1)?);
    g.minus(b, a)
}
