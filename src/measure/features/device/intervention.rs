//! Interventions along features' directions as nodes ([`intervention`](super::super::intervention) has the definitions).

use super::{Answers, Centre, Extents, one_name_each, row};
use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::{Binary, Unary};
use crate::measure::features::device::variance::Inputs;

/// Parts of the test examples whose least norms are given.
pub const PARTS: [f64; 2] = [0.5, 0.9];

/// Interventions on the answers for all features; each a step from the answer that the network gives.
#[derive(Clone, Debug)]
pub struct SteeringNodes {
    /// Length of each feature's direction over the root of the total variance of the test set, `[features, 1]`.
    pub length: Tensor,
    /// Cosines of the directions, `[features, features]`.
    pub cosines: Tensor,
    /// For each feature the part of the test examples that answer otherwise for it after a step of one direction, `[1, 1]`.
    pub target: Vec<Tensor>,
    /// The same of the other features, averaged; 0 if there is none.
    pub off_target: Vec<Tensor>,
    /// For each feature the least norm that flips each of [`PARTS`] of the test examples, over the root of the total variance,
    /// `[1, 1]`; not finite where the output does not grow along the direction.
    pub norms: Vec<[Tensor; PARTS.len()]>,
}

/// Interventions along the directions of the fit set at the examples of the test set. Features have two values, and each is
/// answered by one output. A feature that has one value on the fit set gives no number. Lengths, cosines and norms are within 1e-4 of
/// [`Steering`](super::super::intervention::Steering).
///
/// # Errors
/// If shapes do not fit.
pub fn steering(g: &mut Graph, of: Inputs, head: &Answers) -> Result<SteeringNodes> {
    let extents = Extents::of(g, of)?;
    extents.check_head(g, head)?;
    let (features, m) = (extents.features, extents.test);
    let directions = directions(g, of, extents)?;

    // The unit of all norms.
    let centred = Centre::of(g, of.test)?.taken_off(g, of.test)?;
    let squares = g.unary(Unary::Square, centred);
    let total = g.sum_all(squares)?;
    let total = g.scale(total, 1.0 / m as f64);
    let spread = g.unary(Unary::Sqrt, total);

    let squares = g.unary(Unary::Square, directions);
    let squares = g.sum(squares, 1)?;
    let lengths = g.unary(Unary::Sqrt, squares);
    let length = g.over(lengths, spread)?;
    let products = g.matmul_of(directions, false, directions, true)?;
    let across = g.transpose(lengths)?;
    let both = g.times(lengths, across)?;
    let cosines = g.over(products, both)?;

    // Rows are outputs from here on: `[features, examples]`, and what a whole direction adds to them.
    let outputs = head.above(g, of.test)?;
    let outputs = g.transpose(outputs)?;
    let slopes = g.matmul_of(head.weight, false, directions, true)?;
    let across = g.transpose(slopes)?;
    let zero = g.constant(0.0);
    let one = g.constant(1.0);
    let says = g.binary(Binary::Greater, outputs, zero)?;
    let (mut target, mut off_target, mut norms) = (Vec::new(), Vec::new(), Vec::new());
    for f in 0..features {
        let own = row(g, says, f)?;
        let twice = g.scale(own, 2.0);
        let towards = g.minus(one, twice)?;
        let slope = row(g, across, f)?;
        let slope = g.transpose(slope)?;
        let added = g.times(slope, towards)?;
        let after = g.plus(outputs, added)?;
        let then = g.binary(Binary::Greater, after, zero)?;
        let same = g.binary(Binary::Equal, says, then)?;
        let flips = g.minus(one, same)?;
        let flips = g.mean(flips, 1)?;
        let this = row(g, flips, f)?;
        let all = g.sum_all(flips)?;
        let others = g.minus(all, this)?;
        target.push(this);
        off_target.push(g.scale(others, 1.0 / (features.max(2) - 1) as f64));

        let sizes = row(g, outputs, f)?;
        let sizes = g.unary(Unary::Abs, sizes);
        let sorted = g.sort(sizes)?;
        let sorted = g.sorted_keys(sorted);
        let sorted = g.reshape(sorted, &[m, 1])?;
        let rate = row(g, slope, f)?;
        let rate = g.binary(Binary::Max, rate, zero)?;
        let own_length = row(g, length, f)?;
        let per_output = g.over(own_length, rate)?;
        let mut norm = |part: f64| -> Result<Tensor> {
            let at = ((part * m as f64).ceil() as usize).clamp(1, m) - 1;
            let size = g.rows(sorted, at, 1)?;
            g.times(size, per_output)
        };
        norms.push([norm(PARTS[0])?, norm(PARTS[1])?]);
    }
    Ok(SteeringNodes { length, cosines, target, off_target, norms })
}

/// Differences of the means of examples with and without each feature, `[features, units]`.
fn directions(g: &mut Graph, of: Inputs, extents: Extents) -> Result<Tensor> {
    let centred = Centre::of(g, of.fit)?.taken_off(g, of.fit)?;
    let sums = g.matmul_of(of.fit_labels, true, centred, false)?;
    let counts = g.sum(of.fit_labels, 0)?;
    let counts = g.transpose(counts)?;
    // Less their mean, the examples without a feature sum to the opposite of those with it.
    let all = g.number(extents.fit as f32);
    let others = g.minus(all, counts)?;
    let there = g.over(sums, counts)?;
    let absent = g.over(sums, others)?;
    g.plus(there, absent)
}

impl SteeringNodes {
    /// The values of named features under the names of metrics, each `[1, 1]`: `flips_NAME` and `flips_others_NAME` for a step of
    /// one direction, `flip_norm_50_NAME` and `flip_norm_90_NAME`, `direction_NAME` (its length), and `direction_cosine_A_B` of
    /// each two.
    ///
    /// # Errors
    /// If the number of names is not that of the features.
    pub fn named(&self, g: &mut Graph, names: &[&str]) -> Result<Vec<(String, Tensor)>> {
        one_name_each(names, self.target.len())?;
        let mut all = Vec::new();
        for (f, name) in names.iter().enumerate() {
            all.push((format!("flips_{name}"), self.target[f]));
            all.push((format!("flips_others_{name}"), self.off_target[f]));
            for (part, norm) in PARTS.iter().zip(self.norms[f]) {
                all.push((format!("flip_norm_{:.0}_{name}", 100.0 * part), norm));
            }
            all.push((format!("direction_{name}"), row(g, self.length, f)?));
            let cosines = row(g, self.cosines, f)?;
            let cosines = g.transpose(cosines)?;
            for (o, other) in names.iter().enumerate().skip(f + 1) {
                all.push((format!("direction_cosine_{name}_{other}"), row(g, cosines, o)?));
            }
        }
        Ok(all)
    }
}
