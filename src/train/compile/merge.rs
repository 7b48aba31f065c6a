//! Units merged, the closest two of each layer at a time, by the weights around them: iterative feature merging.
//!
//! A round merges in each layer, one layer after the other, the two living units i < j of the least squared distance
//! `|w_i - w_j|² + |v_i - v_j|²` of the weights into them and out of them, if the layer goes on: `w_i` and its bias become sums, `v_i`
//! the mean weighted by how many units each is made of, and j is gone. Networks keep their shapes: what is gone has weights of zero.
//!
//! Source: Chen, Zhou & Yan, *Going beyond neural network feature similarity* (ICLR 2024), as their program has it; by
//! `copies = "normalised"` sums are compared as the means that they are of, so that any number of copies of a unit become one, and by
//! `"ward"` with the cost of a merge. Distances change with the scale of a unit, which its function does not see if it is
//! positively homogeneous: `w_i` times s and `v_i` over s are the same. `scale = "balanced"` makes `|w_i|` and `|v_i|` one
//! before all.

use std::collections::HashMap;

use super::super::units::around;
use super::Build;
use super::after::{Afterwards, Rounds, Run};
use crate::config::{After, AfterKind, Copies, Scaling, Stop};
use crate::error::Result;
use crate::graph::{Effect, Function, Graph, Tensor, VariableKind};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, DType, Unary};
use crate::nn::Dense;
use crate::train::observer::Seen;

/// Beyond any distance.
const FAR: f32 = 3e38;

/// Rounds in which layers are balanced, one after the other: what is left of a difference shrinks by a constant factor in each.
const BALANCING: u32 = 64;

/// What stands while a layer is merged.
struct Merging {
    layer: usize,
    /// Paths of the dense layers around it.
    sides: [String; 2],
    /// 1 for units that are left, `[H, 1]`.
    alive: Tensor,
    /// Of how many units each is made, `[H, 1]`.
    counts: Tensor,
    /// The largest distance in the first round, below 0 before it.
    largest: Tensor,
}

/// Weights by the path of their layer: as variables, and as rounds have made them so far.
type Weights = HashMap<String, (Tensor, Option<Tensor>)>;

impl Build<'_> {
    /// The functions that merge units, and how they are run.
    pub(super) fn merge(
        &mut self,
        after: &After,
        i: usize,
        seen: &Seen,
        layers: &[usize],
    ) -> Result<(Vec<Function>, Afterwards)> {
        let name = |what: &str| format!("after/{i}/{what}");
        self.g.fence();
        let g = &mut self.g;
        let scalar = |g: &mut Graph, what: &str| g.variable(name(what), &[1, 1], DType::F32, VariableKind::Transient);
        let (threshold, part) = (scalar(g, "threshold")?, scalar(g, "part")?);
        let (mut all, mut weights, mut most) = (Vec::new(), Weights::new(), 0);
        for &layer in layers {
            let both = around(&seen.sides, layer, "after.kind = \"merge\"")?;
            for Dense { path, weight, bias } in both {
                weights.insert(path.clone(), (*weight, *bias));
            }
            let [units, _] = g.matrix(both[0].weight)?;
            most = most.max(units);
            let mut column = |what: &str| {
                g.variable(name(&format!("{layer}/{what}")), &[units, 1], DType::F32, VariableKind::Transient)
            };
            let (alive, counts) = (column("alive")?, column("counts")?);
            let largest = scalar(g, &format!("{layer}/largest"))?;
            all.push(Merging { layer, sides: both.each_ref().map(|dense| dense.path.clone()), alive, counts, largest });
        }
        let (keep, restore) = self.kept(i, &weights, &all)?;
        let balance = match after.scale {
            Scaling::Trained => None,
            Scaling::Balanced => Some(self.balance(&weights, &all)?),
        };
        let round = self.round(after, weights, &all, [threshold, part])?;

        self.g.fence();
        let (mut effects, mut readings) = (Vec::new(), Vec::new());
        self.examine(AfterKind::Merge.name(), None, Vec::new(), &mut effects, &mut readings)?;
        for merging in &all {
            let left = self.g.sum_all(merging.alive)?;
            self.put_out("merge.units", Some(merging.layer), left, &mut effects, &mut readings);
        }
        let balanced = balance.is_some().then(|| (name("balance"), BALANCING));
        let functions = [("keep", keep), ("round", round), ("look", effects), ("restore", restore)];
        let functions = functions.into_iter().chain(balance.map(|effects| ("balance", effects)));
        let functions = functions.map(|(what, effects)| Function::new(name(what), effects)).collect();
        let run = |(part_name, threshold, part): (String, f64, f64)| Run {
            name: Some(part_name),
            writes: vec![(name("threshold"), threshold as f32), (name("part"), part as f32)],
            rounds: (part * most as f64).round() as u32,
        };
        let runs = after.merged().into_iter().map(run).collect();
        let [keep, round, restore] = ["keep", "round", "restore"].map(name);
        let rounds = Some(Rounds { keep, before: balanced, round, restore });
        Ok((functions, Afterwards { function: name("look"), rounds, readings, runs }))
    }

    /// Assignments that keep the weights before all, and that restore them.
    fn kept(&mut self, i: usize, weights: &Weights, all: &[Merging]) -> Result<(Vec<Effect>, Vec<Effect>)> {
        let g = &mut self.g;
        let (mut keep, mut restore) = (Vec::new(), Vec::new());
        let mut parameters: Vec<Tensor> =
            weights.values().flat_map(|(weight, bias)| [Some(*weight), *bias]).flatten().collect();
        parameters.sort_unstable();
        for parameter in parameters {
            let id = g.variable_of(parameter)?;
            let (extents, path) = (g.shape(parameter).extents().to_vec(), g.variable_info(id).name.clone());
            let place = g.variable(format!("after/{i}/kept/{path}"), &extents, DType::F32, VariableKind::Transient)?;
            keep.push(Effect::Assign(g.variable_of(place)?, parameter));
            restore.push(Effect::Assign(id, place));
        }
        for merging in all {
            for (variable, value) in [(merging.alive, 1.0), (merging.counts, 1.0), (merging.largest, -1.0)] {
                let value = g.constant(value);
                let extents = g.shape(variable).extents().to_vec();
                let value = g.broadcast(value, &extents)?;
                keep.push(Effect::Assign(g.variable_of(variable)?, value));
            }
        }
        Ok((keep, restore))
    }

    /// The weights into each unit and those out of it brought to one norm, one layer after the other: what is done to one changes the
    /// next, and all of it the first. What has no weights on a side stays.
    fn balance(&mut self, weights: &Weights, all: &[Merging]) -> Result<Vec<Effect>> {
        let g = &mut self.g;
        let (mut weights, variables, mut effects) = (weights.clone(), weights, Vec::new());
        for merging in all {
            let [before, next] = &merging.sides;
            let ((into, bias), (out, out_bias)) = (weights[before], weights[next]);
            let [units, _] = g.matrix(into)?;
            let squares = |g: &mut Graph, x: Tensor, axis: usize| -> Result<Tensor> {
                let squares = g.unary(Unary::Square, x);
                let sums = g.sum(squares, axis)?;
                g.reshape(sums, &[units, 1])
            };
            let (of_into, of_out) = (squares(g, into, 1)?, squares(g, out, 0)?);
            let (product, zero, one) = (g.times(of_into, of_out)?, g.constant(0.0), g.constant(1.0));
            let both = g.binary(Binary::Greater, product, zero)?;
            let into_or_one = g.select(both, of_into, one)?;
            let ratio = g.over(of_out, into_or_one)?;
            let ratio = g.select(both, ratio, one)?;
            let root = g.unary(Unary::Sqrt, ratio);
            let factor = g.unary(Unary::Sqrt, root);
            let across = g.reshape(factor, &[1, units])?;
            let into = g.times(into, factor)?;
            let bias = match bias {
                Some(bias) => {
                    let extents = g.shape(bias).extents().to_vec();
                    let scaled = g.reshape(across, &extents)?;
                    Some(g.times(bias, scaled)?)
                }
                None => None,
            };
            let out = g.over(out, across)?;
            weights.insert(before.clone(), (into, bias));
            weights.insert(next.clone(), (out, out_bias));
        }
        assign(g, variables, &weights, &mut effects)?;
        Ok(effects)
    }

    /// One merge in each layer that goes on.
    fn round(
        &mut self,
        after: &After,
        mut weights: Weights,
        all: &[Merging],
        [threshold, part]: [Tensor; 2],
    ) -> Result<Vec<Effect>> {
        let g = &mut self.g;
        let variables = weights.clone();
        let mut effects = Vec::new();
        for merging in all {
            let [before, next] = &merging.sides;
            let ((into, bias), (out, out_bias)) = (weights[before], weights[next]);
            let closest = Closest::of(g, after, merging, [into, out])?;
            let largest = match after.stop {
                Stop::Running => closest.largest,
                Stop::Fixed => {
                    let zero = g.constant(0.0);
                    let first = g.binary(Binary::Greater, zero, merging.largest)?;
                    let largest = g.select(first, closest.largest, merging.largest)?;
                    effects.push(Effect::Assign(g.variable_of(merging.largest)?, largest));
                    largest
                }
            };
            let goes_on = closest.goes_on(g, largest, threshold, part)?;
            let stays = g.times(closest.stays, goes_on)?;
            let goes = g.times(closest.goes, goes_on)?;
            let merged = merge_two(g, [stays, goes], [into, out, merging.counts], bias)?;
            weights.insert(before.clone(), (merged.into, merged.bias));
            weights.insert(next.clone(), (merged.out, out_bias));
            let left = without(g, goes, merging.alive)?;
            effects.push(Effect::Assign(g.variable_of(merging.alive)?, left));
            effects.push(Effect::Assign(g.variable_of(merging.counts)?, merged.counts));
        }
        assign(g, &variables, &weights, &mut effects)?;
        Ok(effects)
    }
}

/// Assigns to weights and biases what became of them.
fn assign(g: &Graph, variables: &Weights, weights: &Weights, effects: &mut Vec<Effect>) -> Result<()> {
    let mut paths: Vec<&String> = variables.keys().collect();
    paths.sort_unstable();
    for path in paths {
        let ((old, old_bias), (new, new_bias)) = (variables[path], weights[path]);
        for (old, new) in [(Some(old), Some(new)), (old_bias, new_bias)] {
            if let (Some(old), Some(new)) = (old, new)
                && old != new
            {
                effects.push(Effect::Assign(g.variable_of(old)?, new));
            }
        }
    }
    Ok(())
}

/// The two closest units of a layer.
struct Closest {
    /// 1 for the first of them, `[H, 1]`.
    stays: Tensor,
    /// 1 for the second, `[H, 1]`.
    goes: Tensor,
    /// Their distance.
    distance: Tensor,
    /// The largest of all distances.
    largest: Tensor,
    /// Units that are gone.
    gone: Tensor,
    units: usize,
}

impl Closest {
    fn of(g: &mut Graph, after: &After, merging: &Merging, [into, out]: [Tensor; 2]) -> Result<Self> {
        let [units, _] = g.matrix(into)?;
        let square = [units, units];
        let compared = match after.copies {
            Copies::Summed => into,
            Copies::Normalised | Copies::Ward => g.over(into, merging.counts)?,
        };
        let leaving = g.transpose(out)?;
        let rows = g.concat(&[compared, leaving], 1)?;
        let mut distances = g.distances(rows, rows, Inner::SquaredDifference)?;
        if after.copies == Copies::Ward {
            // What is gone has no count, and as a pair none; what is left has one at least.
            let across = g.reshape(merging.counts, &[1, units])?;
            let (product, sum) = (g.times(merging.counts, across)?, g.plus(merging.counts, across)?);
            let one = g.constant(1.0);
            let sum = g.binary(Binary::Max, sum, one)?;
            let factor = g.over(product, sum)?;
            distances = g.times(distances, factor)?;
        }
        let (row, column) = (g.row_index(&square), g.column_index(&square));
        let upper = g.binary(Binary::Greater, column, row)?;
        let across = g.reshape(merging.alive, &[1, units])?;
        let both = g.times(merging.alive, across)?;
        let counts = g.times(upper, both)?;
        let (far, none) = (g.constant(FAR), g.constant(-1.0));
        let near = g.select(counts, distances, far)?;
        let large = g.select(counts, distances, none)?;
        let (large, opposite) = (g.max(large, 1)?, g.unary(Unary::Negate, near));
        let (largest, of_rows) = (g.max(large, 0)?, g.max(opposite, 1)?);
        let least = g.max(of_rows, 0)?;
        // The first row that has it, and in that row the first column.
        let is = g.binary(Binary::Equal, opposite, least)?;
        let has = g.binary(Binary::Equal, of_rows, least)?;
        let places = g.row_index(&[units, 1]);
        let stays = first(g, has, places)?;
        let in_row = g.times(is, stays)?;
        let in_row = g.max(in_row, 0)?;
        let in_row = g.reshape(in_row, &[units, 1])?;
        let goes = first(g, in_row, places)?;
        let left = g.sum_all(merging.alive)?;
        let all = g.constant(units as f64);
        let gone = g.minus(all, left)?;
        Ok(Self { stays, goes, distance: g.unary(Unary::Negate, least), largest, gone, units })
    }

    /// 1 if the two are merged: if they are near by the threshold, and fewer units than that part of all are gone.
    fn goes_on(&self, g: &mut Graph, largest: Tensor, threshold: Tensor, part: Tensor) -> Result<Tensor> {
        let bound = g.times(threshold, largest)?;
        let near = g.binary(Binary::AtLeast, bound, self.distance)?;
        let most = g.scale(part, self.units as f64);
        let most = g.shift(most, 0.5);
        let most = g.unary(Unary::Floor, most);
        let more = g.binary(Binary::Greater, most, self.gone)?;
        let far = g.constant(FAR);
        let any = g.binary(Binary::Greater, far, self.distance)?;
        let both = g.times(near, more)?;
        g.times(both, any)
    }
}

/// 1 for the first of the places `[H, 1]` that are marked.
fn first(g: &mut Graph, marked: Tensor, places: Tensor) -> Result<Tensor> {
    let none = g.constant(-FAR);
    let opposite = g.unary(Unary::Negate, places);
    let scores = g.select(marked, opposite, none)?;
    let best = g.max(scores, 0)?;
    g.binary(Binary::Equal, scores, best)
}

/// What is left of `x` without the rows of `goes`.
fn without(g: &mut Graph, goes: Tensor, x: Tensor) -> Result<Tensor> {
    let one = g.constant(1.0);
    let kept = g.minus(one, goes)?;
    g.times(x, kept)
}

struct Merged {
    into: Tensor,
    out: Tensor,
    bias: Option<Tensor>,
    counts: Tensor,
}

/// Weights with the unit that goes put into the one that stays; as they were if neither is marked.
fn merge_two(
    g: &mut Graph,
    [stays, goes]: [Tensor; 2],
    [into, out, counts]: [Tensor; 3],
    bias: Option<Tensor>,
) -> Result<Merged> {
    let units = g.shape(stays).elements();
    let summed = |g: &mut Graph, x: Tensor| -> Result<Tensor> {
        let going = g.times(x, goes)?;
        let going = g.sum(going, 0)?;
        let going = g.times(stays, going)?;
        let rest = without(g, goes, x)?;
        g.plus(rest, going)
    };
    let bias = match bias {
        Some(bias) => {
            let column = g.reshape(bias, &[units, 1])?;
            let column = summed(g, column)?;
            Some(g.reshape(column, &[1, units])?)
        }
        None => None,
    };
    let across = |g: &mut Graph, x: Tensor| g.reshape(x, &[1, units]);
    let (stays_across, goes_across) = (across(g, stays)?, across(g, goes)?);
    // How much each of the two counts: nothing where there are none.
    let weight = |g: &mut Graph, marks: Tensor| -> Result<Tensor> {
        let marked = g.times(counts, marks)?;
        g.sum_all(marked)
    };
    let (own, other) = (weight(g, stays)?, weight(g, goes)?);
    let (both, one) = (g.plus(own, other)?, g.constant(1.0));
    let both = g.binary(Binary::Max, both, one)?;
    let column = |g: &mut Graph, marks: Tensor, weight: Tensor| -> Result<Tensor> {
        let share = g.over(weight, both)?;
        let marked = g.times(out, marks)?;
        let marked = g.sum(marked, 1)?;
        g.times(marked, share)
    };
    let (first, second) = (column(g, stays_across, own)?, column(g, goes_across, other)?);
    let mean = g.plus(first, second)?;
    let mean = g.times(mean, stays_across)?;
    let either = g.plus(stays_across, goes_across)?;
    let rest = without(g, either, out)?;
    Ok(Merged { into: summed(g, into)?, out: g.plus(rest, mean)?, bias, counts: summed(g, counts)? })
}
