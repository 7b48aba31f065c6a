//! The sets of a declaration as nodes of a graph, so that each replica can make its own where it is trained.
//!
//! What tells features and inputs apart stands in small tables, one entry for each: declarations of any size are the
//! same few elementwise kernels.

use super::declare::{Features, Set};
use super::resolve::{Resolved, key};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};

/// A set of examples as nodes; all values are 0 or 1.
#[derive(Clone, Copy, Debug)]
pub struct FeatureTensors {
    /// `[N, D]`
    pub inputs: Tensor,
    /// `[N, F]`
    pub labels: Tensor,
    /// 1 where a feature is present in an example, `[N, F]`; none where all always are.
    pub present: Option<Tensor>,
}

impl Features {
    /// Adds the nodes of a set, for an integer `seed` `[1, 1]`: one for each replica, or one for all. The values have the bits
    /// of [`Features::make`].
    ///
    /// # Errors
    /// If there are no examples, or too many.
    pub fn tensors(&self, g: &mut Graph, set: Set, examples: usize, seed: Tensor) -> Result<FeatureTensors> {
        let resolved = self.resolve(set, examples)?;
        let rows = Rows { resolved: &resolved, seed, examples };
        let (label, pattern) = rows.patterns(g)?;
        let present = if set == Set::Train && self.any_absent() { Some(rows.present(g)?) } else { None };
        let inputs = self.units(g, set, &rows, pattern, present)?;
        let present = present.map(|t| g.transpose(t)).transpose()?;
        Ok(FeatureTensors { inputs: g.transpose(inputs)?, labels: g.transpose(label)?, present })
    }

    /// Inputs, `[D, N]`, from the patterns of the features.
    fn units(
        &self,
        g: &mut Graph,
        set: Set,
        rows: &Rows<'_>,
        pattern: Tensor,
        present: Option<Tensor>,
    ) -> Result<Tensor> {
        // For each input: its feature, whether it is random, its number in its block, its key, and the bit it shows.
        let (mut owner, mut random, mut unit, mut keys, mut scale) = (vec![], vec![], vec![], vec![], vec![]);
        for (f, (feature, resolved)) in self.features().iter().zip(rows.resolved).enumerate() {
            let relevant = feature.function.relevant() as usize * feature.copies;
            for u in 0..feature.units {
                owner.push(f as u32);
                random.push(if u < relevant { 0.0 } else { 1.0 });
                unit.push(u as u32);
                keys.push(resolved.unit_key);
                // A power of two: exact.
                let bit = if u < relevant { u / feature.copies } else { 0 };
                scale.push(1.0 / (1u32 << bit) as f32);
            }
        }
        let extra = key(&format!("data/{}/distractors", set.name()));
        let distractors = self.distractors();
        owner.extend(vec![0; distractors]);
        random.extend(vec![1.0; distractors]);
        unit.extend(0..distractors as u32);
        keys.extend(vec![extra; distractors]);
        scale.extend(vec![1.0; distractors]);
        let after: Vec<f32> =
            (0..self.inputs()).map(|i| if i < self.inputs() - distractors { 0.0 } else { 1.0 }).collect();

        let column = [self.inputs(), 1];
        let owner = g.data_integers(&owner, &column)?;
        let random = g.data(random, &column)?;
        let (unit, keys) = (g.data_integers(&unit, &column)?, g.data_integers(&keys, &column)?);
        let scale = g.data(scale, &column)?;
        let own = g.gather(pattern, owner)?;
        // Bit b of a whole number x: floor(x / 2^b) - 2 floor(x / 2^(b + 1)).
        let shifted = g.times(own, scale)?;
        let halved = g.scale(shifted, 0.5);
        let (whole, half) = (g.unary(Unary::Floor, shifted), g.unary(Unary::Floor, halved));
        let twice = g.scale(half, 2.0);
        let bit = g.minus(whole, twice)?;
        let example = g.column_index(&[self.inputs(), rows.examples]);
        let example = g.unary(Unary::ToInteger, example);
        let two = g.integer(2);
        let drawn = g.choice(example, two, [rows.seed, keys, unit])?;
        let drawn = g.unary(Unary::ToFloat, drawn);
        let units = g.select(random, drawn, bit)?;
        let hides = rows.resolved.iter().any(|r| r.hides && r.present < rows.examples as u32);
        let Some(present) = present.filter(|_| hides) else { return Ok(units) };
        let flags = rows.column(g, |r| f32::from(u8::from(r.hides)))?;
        let one = g.constant(1.0);
        let shown = g.select(flags, present, one)?;
        let shown = g.gather(shown, owner)?;
        let beyond = g.data(after, &column)?;
        let shown = g.binary(Binary::Max, shown, beyond)?;
        g.times(units, shown)
    }
}

/// Features as rows, examples as columns.
struct Rows<'a> {
    resolved: &'a [Resolved],
    seed: Tensor,
    examples: usize,
}

impl Rows<'_> {
    /// A number for each feature, `[F, 1]`.
    fn column(&self, g: &mut Graph, of: impl Fn(&Resolved) -> f32) -> Result<Tensor> {
        g.data(self.resolved.iter().map(of).collect(), &[self.resolved.len(), 1])
    }

    fn integers(&self, g: &mut Graph, of: impl Fn(&Resolved) -> u32) -> Result<Tensor> {
        let values: Vec<u32> = self.resolved.iter().map(of).collect();
        g.data_integers(&values, &[self.resolved.len(), 1])
    }

    /// The number of each example, `[F, N]`.
    fn example(&self, g: &mut Graph) -> Tensor {
        g.column_index(&[self.resolved.len(), self.examples])
    }

    /// Ranks in each feature, from ranks in its parent: `[F, N]`.
    fn ranks(&self, g: &mut Graph, from: Tensor) -> Result<Tensor> {
        let first = self.column(g, |r| r.first as f32)?;
        // An empty class has no examples, but its permutation must have a size.
        let second = self.column(g, |r| r.second.max(1) as f32)?;
        let agree0 = self.column(g, |r| r.agree[0] as f32)?;
        let agree1 = self.column(g, |r| r.agree[1] as f32)?;
        let keys = self.integers(g, |r| r.label_key)?;
        let in_first = g.binary(Binary::Greater, first, from)?;
        let beyond = g.minus(from, first)?;
        let place = g.select(in_first, from, beyond)?;
        let size = g.select(in_first, first, second)?;
        let [place, size, class] = [place, size, in_first].map(|t| g.unary(Unary::ToInteger, t));
        let place = g.permutation(place, size, [self.seed, keys, class])?;
        let place = g.unary(Unary::ToFloat, place);
        // Differences of whole numbers up to that of examples: exact as floats.
        let to_zero = self.column(g, |r| r.ones as f32 - r.agree[1] as f32)?;
        let other_to_zero = self.column(g, |r| (r.ones + r.first - r.agree[1]) as f32)?;
        let other_to_one = self.column(g, |r| r.agree[1] as f32 - r.agree[0] as f32)?;
        let agrees1 = g.binary(Binary::Greater, agree1, place)?;
        let agrees0 = g.binary(Binary::Greater, agree0, place)?;
        let zero = g.constant(0.0);
        let by_first = g.select(agrees1, zero, to_zero)?;
        let by_second = g.select(agrees0, other_to_zero, other_to_one)?;
        let by = g.select(in_first, by_first, by_second)?;
        g.plus(place, by)
    }

    /// Labels and patterns, `[F, N]` each.
    fn patterns(&self, g: &mut Graph) -> Result<(Tensor, Tensor)> {
        let example = self.example(g);
        let mut rank = self.ranks(g, example)?;
        for depth in 1..=self.resolved.iter().map(|r| r.depth).max().unwrap_or(0) {
            let parents = self.integers(g, |r| r.parent.unwrap_or(0) as u32)?;
            let from = g.gather(rank, parents)?;
            let next = self.ranks(g, from)?;
            let due = self.column(g, |r| f32::from(u8::from(r.depth == depth)))?;
            rank = g.select(due, next, rank)?;
        }
        let ones = self.column(g, |r| r.ones as f32)?;
        let label = g.binary(Binary::Greater, ones, rank)?;
        // Where the patterns to choose from begin, and how many there are, for each label.
        let all = |r: &Resolved| r.patterns.len() as u32;
        let count1 = self.column(g, |r| if r.sampled { all(r) } else { all(r) - r.zeros } as f32)?;
        let count0 = self.column(g, |r| if r.sampled { all(r) } else { r.zeros } as f32)?;
        let start1 = self.column(g, |r| if r.sampled { 0 } else { r.zeros } as f32)?;
        let zero = g.constant(0.0);
        let (count, start) = (g.select(label, count1, count0)?, g.select(label, start1, zero)?);
        let keys = self.integers(g, |r| r.pattern_key)?;
        let (at, count) = (g.unary(Unary::ToInteger, example), g.unary(Unary::ToInteger, count));
        let slot = g.integer(0);
        let chosen = g.choice(at, count, [self.seed, keys, slot])?;
        let chosen = g.unary(Unary::ToFloat, chosen);
        let place = g.plus(chosen, start)?;
        let zeros = self.column(g, |r| r.zeros as f32)?;
        let (follows, sampled) =
            (g.binary(Binary::AtLeast, place, zeros)?, self.column(g, |r| f32::from(u8::from(r.sampled)))?);
        let label = g.select(sampled, follows, label)?;
        // The truth tables of all features, one after the other.
        let table: Vec<f32> = self.resolved.iter().flat_map(|r| r.patterns.iter().map(|&p| p as f32)).collect();
        let begins = self.resolved.iter().scan(0, |next, r| {
            let begin = *next;
            *next += r.patterns.len();
            Some(begin as f32)
        });
        let begins = begins.collect();
        let begins = g.data(begins, &[self.resolved.len(), 1])?;
        let size = table.len();
        let table = g.data(table, &[size, 1])?;
        let place = g.plus(place, begins)?;
        let place = g.unary(Unary::ToInteger, place);
        let extents = [self.resolved.len(), self.examples];
        let place = g.reshape(place, &[extents[0] * extents[1], 1])?;
        let pattern = g.gather(table, place)?;
        Ok((label, g.reshape(pattern, &extents)?))
    }

    /// 1 where a feature is present, `[F, N]`.
    fn present(&self, g: &mut Graph) -> Result<Tensor> {
        let example = self.example(g);
        let example = g.unary(Unary::ToInteger, example);
        let (keys, slot) = (self.integers(g, |r| r.presence_key)?, g.integer(0));
        let all = g.integer(self.examples as u32);
        let rank = g.permutation(example, all, [self.seed, keys, slot])?;
        let rank = g.unary(Unary::ToFloat, rank);
        let count = self.column(g, |r| r.present as f32)?;
        g.binary(Binary::Greater, count, rank)
    }
}
