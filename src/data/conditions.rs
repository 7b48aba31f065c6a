//! Data sets of conditions: inputs are noise about a mean for each combination of a few binary variables, targets are parities of
//! these variables. The means lie at random, so that an exclusive or becomes separable by degrees, or so that their kernel is aligned
//! with that of the targets by degrees.
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
        /// At random, but so that the kernel of the means has the cosine `alignment` with the kernel of the targets as -1 and 1. It is
        /// a sum of the latter, and of a random one of the highest rank that is centred and has no part in it. The mean square of
        /// all means is 1. It needs the parities to be different ones, and fewer than conditions less one.
        Aligned = "aligned" ["kernel"],
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

/// Scalars by which means lie where they do.
#[derive(Clone, Copy, Debug)]
pub struct Degrees {
    /// How far means of [`Geometry::SeparableXor`] are along the exclusive or.
    pub separability: Tensor,
    /// The cosine of the kernels of [`Geometry::Aligned`] and its targets, from 0 to 1.
    pub alignment: Tensor,
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
        if self.geometry == Geometry::Aligned {
            let mut sets: Vec<Vec<u32>> = self.parities.clone();
            sets.iter_mut().for_each(|of| of.sort_unstable());
            sets.sort_unstable();
            sets.dedup();
            if sets.len() != self.parities.len() || sets.len() + 1 >= self.number() {
                let most = self.number().saturating_sub(2);
                return Err((
                    "data.parities",
                    format!(
                        "aligned takes different ones, at most {most} with data.bits = {}, got {:?}",
                        self.bits, self.parities
                    ),
                ));
            }
            if self.dimensions + 1 < self.number() {
                return Err((
                    "data.dimensions",
                    format!(
                        "aligned takes at least {}, one less than conditions, got {}",
                        self.number() - 1,
                        self.dimensions
                    ),
                ));
            }
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

    /// The means of the conditions, `[K, D]`, for an integer `seed` and scalars by which some geometries go.
    ///
    /// # Errors
    /// If a node cannot be made.
    pub fn means(&self, g: &mut Graph, seed: Tensor, degrees: Degrees) -> Result<Tensor> {
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
                let weights = g.select(last, degrees.separability, one)?;
                let axes = g.times(axes, weights)?;
                g.times(signs, axes)
            }
            Geometry::Aligned => self.aligned(g, seed, degrees.alignment),
        }
    }

    /// Means `[sqrt(c / |Ky|) Y, sqrt(sqrt(1 - c²) / |R|) G] Q`: their kernel is `c Ky / |Ky| + sqrt(1 - c²) R / |R|` (Frobenius
    /// norms), where `Ky = Y Yᵀ` is that of the targets as -1 and 1, `R = G Gᵀ` that of normal values less their parts along the targets
    /// and the mean, and Q has orthonormal rows.
    fn aligned(&self, g: &mut Graph, seed: Tensor, alignment: Tensor) -> Result<Tensor> {
        let (conditions, targets, rank) = (self.number(), self.parities.len(), self.number() - 1);
        let slot = g.integer(0);
        let (purpose, turning) = (g.purpose("data/means"), g.purpose("data/means/axes"));
        // Parities are orthogonal to each other and to the constant: projections are sums over them.
        let sign = |k: usize, t: usize| self.target(t, k) as f32 * 2.0 - 1.0;
        let rows = |width: usize, of: &dyn Fn(usize, usize) -> f32| -> Vec<f32> {
            (0..conditions).flat_map(|k| (0..width).map(move |t| of(k, t)).collect::<Vec<_>>()).collect()
        };
        let known = rows(targets + 1, &|k, t| if t < targets { sign(k, t) } else { 1.0 });
        let known = g.data(known, &[conditions, targets + 1])?;
        let labels = rows(rank, &|k, t| if t < targets { sign(k, t) } else { 0.0 });
        let labels = g.data(labels, &[conditions, rank])?;
        let others = rows(rank, &|_, t| f32::from(u8::from(t >= targets)));
        let others = g.data(others, &[conditions, rank])?;
        let drawn = g.random(Distribution::Normal, &[conditions, rank], seed, purpose, slot);
        let drawn = g.times(drawn, others)?;
        let along = g.matmul_of(known, true, drawn, false)?;
        let along = g.matmul(known, along)?;
        let along = g.scale(along, 1.0 / conditions as f64);
        let rest = g.minus(drawn, along)?;
        // |G Gᵀ| = |Gᵀ G|.
        let inner = g.matmul_of(rest, true, rest, false)?;
        let total = |g: &mut Graph, x: Tensor| {
            let squares = g.unary(Unary::Square, x);
            g.sum_all(squares)
        };
        let norm = total(g, inner)?;
        let norm = g.unary(Unary::Sqrt, norm);
        let (one, square) = (g.constant(1.0), g.unary(Unary::Square, alignment));
        let left = g.minus(one, square)?;
        let left = g.unary(Unary::Sqrt, left);
        let left = g.over(left, norm)?;
        let left = g.unary(Unary::Sqrt, left);
        let of_labels = g.scale(alignment, 1.0 / (conditions as f64 * (targets as f64).sqrt()));
        let of_labels = g.unary(Unary::Sqrt, of_labels);
        let (labels, rest) = (g.times(labels, of_labels)?, g.times(rest, left)?);
        let both = g.plus(labels, rest)?;
        let size = total(g, both)?;
        let wanted = g.constant((conditions * self.dimensions) as f64);
        let scale = g.over(wanted, size)?;
        let scale = g.unary(Unary::Sqrt, scale);
        let both = g.times(both, scale)?;
        let axes = g.random(Distribution::Normal, &[rank, self.dimensions], seed, turning, slot);
        let axes = g.orthogonal(axes)?;
        g.matmul(both, axes)
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
