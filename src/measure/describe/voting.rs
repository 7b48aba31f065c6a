//! Held-out accuracy by nearest neighbours: candidates are found on the device among the examples of other folds, their order is
//! decided in f64.

use std::sync::Arc;

use super::classes::Labels;
use super::intake::{Standard, in_batches, profile, room};
use super::neighbours::fits;
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Effect, Function, Graph, Machine, VariableKind, lower};
use crate::kernels::matmul::Inner;
use crate::kernels::program::{Binary, DType};
use crate::measure::compare::Named;
use crate::measure::embedding::band_rows;
use crate::measure::single::input::Rows;
use crate::measure::single::probe::{Fold, partition};

const INPUT: &str = "input";

/// Candidates beyond the neighbours wanted, so that rounding at the edge can be seen.
const SPARE: usize = 3;

/// Farther than any example.
const FAR: f32 = 1e30;

/// Accuracy of each representation with `k` neighbours, if there are so many in each training part.
pub(super) fn accuracy(
    gpu: Option<&Arc<Gpu>>,
    set: &[&Named],
    xs: &[Standard],
    labels: &Labels,
    k: usize,
    folds: &[Fold],
) -> Result<Vec<Option<f64>>> {
    let n = labels.classes.of.len();
    let least = folds.iter().map(|f| f.train.len()).min().unwrap_or(0);
    let wanted = (k + SPARE).min(least);
    if k == 0 || k > least || partition(folds, n).is_err() || !fits(gpu, n, wanted) {
        return Ok(vec![None; xs.len()]);
    }
    let mut fold_of = vec![0usize; n];
    folds.iter().enumerate().for_each(|(f, fold)| fold.test.iter().for_each(|&i| fold_of[i] = f));
    let (room, height) = (room(xs), band_rows(n));
    let make = |gpu: Option<&Arc<Gpu>>, count: usize| -> Result<Machine> {
        let mut g = Graph::new();
        let x = g.variable(INPUT, &[n, room], DType::F32, VariableKind::Transient)?;
        let fold = g.data(fold_of.iter().map(|&f| f as f32).collect(), &[n, 1])?;
        let mut effects = Vec::new();
        for start in (0..n).step_by(height) {
            g.fence();
            let count = height.min(n - start);
            let band = g.rows(x, start, count)?;
            let squared = g.distances(x, band, Inner::SquaredDifference)?;
            let own = g.rows(fold, start, count)?;
            let own = g.reshape(own, &[1, count])?;
            let (same, far) = (g.binary(Binary::Equal, fold, own)?, g.constant(FAR));
            let squared = g.select(same, far, squared)?;
            effects.push(Effect::Output(format!("{start}"), g.nearest(squared, wanted, start)?));
        }
        Machine::new(gpu, lower(&g, &[Function::new("nearest", effects)], count, &profile(gpu))?)
    };
    let items: Vec<(&Standard, &&Named)> = xs.iter().zip(set).collect();
    in_batches(gpu, &items, make, |machine, part| {
        for (place, (x, _)) in part.iter().enumerate() {
            machine.write_replica(INPUT, place, &x.padded(room))?;
        }
        machine.run("nearest", 1)?;
        let results = machine.read_results()?;
        let rows: Vec<Rows> = part.iter().map(|(_, x)| Rows::of(x.values.as_ref())).collect();
        let mut right = vec![0usize; part.len()];
        for start in (0..n).step_by(height) {
            let count = height.min(n - start);
            let found = machine.output(&results, &format!("{start}"))?;
            for (place, own) in found.chunks(wanted * count).take(part.len()).enumerate() {
                for i in 0..count {
                    let candidates = (0..wanted).map(|r| own[r * count + i].to_bits() as usize);
                    let vote = Vote { rows: &rows[place], x: part[place].0, labels, fold_of: &fold_of, k };
                    right[place] += usize::from(vote.of(start + i, candidates) == labels.classes.of[start + i]);
                }
            }
        }
        Ok(right.into_iter().map(|r| Some(r as f64 / n as f64)).collect())
    })
}

struct Vote<'a> {
    rows: &'a Rows,
    x: &'a Standard,
    labels: &'a Labels,
    fold_of: &'a [usize],
    k: usize,
}

impl Vote<'_> {
    fn of(&self, i: usize, candidates: impl Iterator<Item = usize>) -> usize {
        let other = |j: &usize| self.fold_of[*j] != self.fold_of[i];
        let squared = |j: usize| (self.rows.squared_distance(i, j), j);
        let mut order: Vec<(f64, usize)> = candidates.filter(other).map(squared).collect();
        let sort = |order: &mut Vec<(f64, usize)>| {
            order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        };
        sort(&mut order);
        // No example that was left out is nearer than the farthest candidate, up to rounding.
        let (edge, last) = (order.get(self.k - 1).map_or(0.0, |o| o.0), order.last().map_or(0.0, |o| o.0));
        let slack = 2.0 * self.x.slack(last.sqrt() * self.x.scale);
        if order.len() < self.k || edge >= last * (1.0 - slack) {
            order = (0..self.fold_of.len()).filter(other).map(squared).collect();
            sort(&mut order);
        }
        let classes = &self.labels.classes;
        let mut votes = vec![0_usize; classes.number()];
        order.iter().take(self.k).for_each(|(_, j)| votes[classes.of[*j]] += 1);
        (1..votes.len()).fold(0, |b, c| if votes[c] > votes[b] { c } else { b })
    }
}
