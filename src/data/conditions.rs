//! Data sets of conditions: inputs are noise about a mean for each combination of a few binary variables, targets are parities of
//! these variables. The means lie at random, or so that an exclusive or becomes separable by degrees.
//!
//! After Alleman, Lindsey & Fusi, *Task structure and nonlinearity jointly determine learned representational geometry* (ICLR
//! 2024), section 2. Every value is a function of (seed, purpose, element): sets for training and testing have the same means, and
//! noise of their own.

use super::features::Set;
use crate::error::{Error, Result};
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Distribution, Unary};
use crate::settings::choices;

choices! {
    /// Where the means of conditions lie.
    Geometry {
        /// Anywhere: standard normal values, about their centre.
        #[default]
        Random = "random",
        /// In three blocks of inputs, along a direction in each of as many ones as it has inputs, none of them negative: at the
        /// first variable as -1 or 1, at the second, and at `separability` times their product. At 0 an exclusive or of the two is
        /// not linearly separable.
        SeparableXor = "separable_xor" ["xor", "nudged_xor"],
    }
}

/// A declaration of conditions. Variable j of condition k is bit j of k.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Binary variables.
    pub bits: usize,
    /// Inputs.
    pub dimensions: usize,
    /// Where means lie.
    pub geometry: Geometry,
    /// For each target the variables whose parity it is.
    pub parities: Vec<Vec<u32>>,
}

/// A set of examples as nodes.
#[derive(Clone, Copy, Debug)]
pub struct ConditionTensors {
    /// `[N, D]`
    pub inputs: Tensor,
    /// 0 or 1, `[N, C]`.
    pub targets: Tensor,
}

impl Conditions {
    /// What is wrong with the declaration, as the key and a sentence.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.geometry == Geometry::SeparableXor && (self.bits != 2 || !self.dimensions.is_multiple_of(3)) {
            return Err((
                "data.geometry",
                format!(
                    "separable_xor has data.bits = 2 and three blocks of data.dimensions: expected a multiple of 3, got {} bits and {} \
                     dimensions",
                    self.bits, self.dimensions
                ),
            ));
        }
        if self.parities.is_empty() {
            return Err(("data.parities", "expected at least one target, got an empty list".into()));
        }
        for of in &self.parities {
            let mut sorted = of.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if of.is_empty() || sorted.len() != of.len() || of.iter().any(|&j| j as usize >= self.bits) {
                return Err((
                    "data.parities",
                    format!("expected different variables below data.bits, {}, for each target, got {of:?}", self.bits),
                ));
            }
        }
        Ok(())
    }

    /// How many conditions there are.
    pub fn number(&self) -> usize {
        1 << self.bits
    }

    /// The condition of an example.
    fn of(&self, example: usize) -> usize {
        example % self.number()
    }

    /// A target in a condition.
    fn target(&self, target: usize, condition: usize) -> usize {
        self.parities[target].iter().fold(0, |parity, j| parity ^ (condition >> j & 1))
    }

    /// The condition of each of so many examples as a design of the first target in contexts: target times half of the conditions,
    /// plus a number for what the others are.
    pub fn labels(&self, examples: usize) -> Vec<usize> {
        let context = |k: usize| (0..k).filter(|&other| self.target(0, other) == self.target(0, k)).count();
        let label = |k: usize| self.target(0, k) * (self.number() / 2) + context(k);
        (0..examples).map(|example| label(self.of(example))).collect()
    }

    /// The targets of so many examples, `[N, C]`, row by row.
    pub fn targets(&self, examples: usize) -> Vec<f32> {
        let rows = (0..examples).map(|example| self.of(example));
        rows.flat_map(|k| (0..self.parities.len()).map(move |t| self.target(t, k) as f32)).collect()
    }

    /// The means of the conditions, `[K, D]`, for an integer `seed` and, of separable ones, how far they are.
    ///
    /// # Errors
    /// If a node cannot be made.
    pub fn means(&self, g: &mut Graph, seed: Tensor, separability: Tensor) -> Result<Tensor> {
        let (conditions, dimensions) = (self.number(), self.dimensions);
        let (purpose, slot) = (g.purpose("data/means"), g.integer(0));
        match self.geometry {
            Geometry::Random => {
                let drawn = g.random(Distribution::Normal, &[conditions, dimensions], seed, purpose, slot);
                let centre = g.mean(drawn, 0)?;
                g.minus(drawn, centre)
            }
            Geometry::SeparableXor => {
                let drawn = g.random(Distribution::Normal, &[3, dimensions / 3], seed, purpose, slot);
                let sizes = g.unary(Unary::Abs, drawn);
                let squares = g.unary(Unary::Square, sizes);
                let lengths = g.mean(squares, 1)?;
                let lengths = g.unary(Unary::Sqrt, lengths);
                let axes = g.over(sizes, lengths)?;
                let axes = g.reshape(axes, &[1, dimensions])?;
                let sign = |k: usize, block: usize| {
                    let of = |j: usize| (k >> j & 1) as f32 * 2.0 - 1.0;
                    [of(0), of(1), of(0) * of(1)][block]
                };
                let signs = (0..conditions).flat_map(|k| (0..dimensions).map(move |d| sign(k, d / (dimensions / 3))));
                let signs = g.data(signs.collect(), &[conditions, dimensions])?;
                let column = g.column_index(&[1, dimensions]);
                let (border, one) = (g.constant((2 * dimensions / 3) as f64), g.constant(1.0));
                let last = g.binary(Binary::AtLeast, column, border)?;
                let weights = g.select(last, separability, one)?;
                let axes = g.times(axes, weights)?;
                g.times(signs, axes)
            }
        }
    }

    /// Adds the nodes of a set about `means`, with noise of this standard deviation.
    ///
    /// # Errors
    /// If there are no examples.
    pub fn tensors(
        &self,
        g: &mut Graph,
        set: Set,
        examples: usize,
        seed: Tensor,
        means: Tensor,
        noise: Tensor,
    ) -> Result<ConditionTensors> {
        if examples == 0 {
            return Err(Error::config("a set of conditions has at least one example, and none were asked for"));
        }
        let conditions: Vec<u32> = (0..examples).map(|example| self.of(example) as u32).collect();
        let conditions = g.data_integers(&conditions, &[examples, 1])?;
        let (purpose, slot) = (g.purpose(&format!("data/{}/noise", set.name())), g.integer(0));
        let drawn = g.random(Distribution::Normal, &[examples, self.dimensions], seed, purpose, slot);
        let (drawn, about) = (g.times(noise, drawn)?, g.gather(means, conditions)?);
        let targets = g.data(self.targets(examples), &[examples, self.parities.len()])?;
        Ok(ConditionTensors { inputs: g.plus(about, drawn)?, targets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_design_of_the_first_target() {
        let of = |parities: &[&[u32]]| Conditions {
            bits: 2,
            dimensions: 6,
            geometry: Geometry::Random,
            parities: parities.iter().map(|p| p.to_vec()).collect(),
        };
        assert_eq!(of(&[&[1]]).labels(6), [0, 1, 2, 3, 0, 1]);
        assert_eq!(of(&[&[0]]).labels(4), [0, 2, 1, 3]);
        assert_eq!(of(&[&[0, 1]]).labels(4), [0, 2, 3, 1]);
        assert_eq!(of(&[&[1], &[0, 1]]).targets(5), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert!(of(&[&[0], &[2]]).check().is_err() && of(&[&[0, 0]]).check().is_err() && of(&[&[]]).check().is_err());
        assert!(Conditions { geometry: Geometry::SeparableXor, dimensions: 7, ..of(&[&[0]]) }.check().is_err());
    }
}
