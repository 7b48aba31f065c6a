//! Pairs of elements of two RDMs that stand in the same and in the opposite order: a program whose replicas are pairs of RDMs,
//! which takes one's order and the other's ranks from the program that ranked them and counts inversions.

use std::sync::Arc;

use super::sums::{exact_sums, read_sums};
use super::{ORDER, RANKS, REVERSED, Ranker, TIED};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::graph::{Copy, Function, Graph, Machine, Results, VariableKind};
use crate::kernels::program::DType;
use crate::measure::device::batches::{in_batches, program};
use crate::measure::pairwise::rank::PairCounts;

/// Floats of one batch of pairs, about.
const BATCH: usize = 1 << 24;

/// An order of one RDM's elements in which another's are counted, for a pair.
struct Task {
    pair: usize,
    order: &'static str,
    by: usize,
    of: usize,
    /// How often the count enters.
    weight: i64,
}

/// The counts of pairs of members of a ranker that has just run.
pub(super) fn counts(
    gpu: Option<&Arc<Gpu>>,
    ranker: &Ranker,
    results: &Results,
    pairs: &[(usize, usize)],
) -> Result<Vec<PairCounts>> {
    // Each of t equal elements counts t - 1 others.
    let tied: Vec<i64> =
        read_sums(&ranker.machine, results, TIED)?.into_iter().map(|twice| (twice / 2) as i64).collect();
    let elements = ranker.elements() as i64;
    let all = elements * (elements - 1) / 2;
    let mut found = Vec::with_capacity(pairs.len());
    let mut tasks = Vec::with_capacity(pairs.len());
    for (pair, &(a, b)) in pairs.iter().enumerate() {
        // The order of one without ties is the only one: one count does for both.
        let (by, of) = if tied[a] > 0 && tied[b] == 0 { (b, a) } else { (a, b) };
        let task = |order, weight| Task { pair, order, by, of, weight };
        if tied[by] == 0 {
            tasks.push(task(ORDER, 2));
        } else {
            tasks.extend([task(ORDER, 1), task(REVERSED, 1)]);
        }
        found.push(PairCounts { all, untied_a: all - tied[a], untied_b: all - tied[b], difference: all - tied[of] });
    }
    let elements = ranker.elements();
    let inversions = in_batches(
        &tasks,
        BATCH / (4 * elements),
        |at_once| counting(gpu, elements, at_once),
        |machine, batch| {
            let copies = batch.iter().enumerate().flat_map(|(to_replica, task)| {
                [(task.order, ORDER, task.by), (RANKS, RANKS, task.of)].map(|(from, to, from_replica)| Copy {
                    from: from.into(),
                    from_replica,
                    to: to.into(),
                    to_replica,
                })
            });
            machine.copy_variables(&ranker.machine, &copies.collect::<Vec<_>>())?;
            machine.run("inversions", 1)?;
            let results = machine.read_results()?;
            let counted = read_sums(machine, &results, "inversions")?;
            Ok(counted.into_iter().take(batch.len()).collect())
        },
    )?;
    for (task, inversions) in tasks.iter().zip(inversions) {
        found[task.pair].difference -= task.weight * inversions as i64;
    }
    Ok(found)
}

/// The program for so many pairs at once.
fn counting(gpu: Option<&Arc<Gpu>>, elements: usize, at_once: usize) -> Result<Machine> {
    let mut g = Graph::new();
    let order = g.variable(ORDER, &[elements, 1], DType::U32, VariableKind::Transient)?;
    let ranks = g.variable(RANKS, &[elements, 1], DType::F32, VariableKind::Transient)?;
    let ordered = g.gather(ranks, order)?;
    let inversions = g.inversions(ordered)?;
    let mut effects = Vec::new();
    exact_sums(&mut g, "inversions", inversions, &mut effects)?;
    program(gpu, &g, &[Function::new("inversions", effects)], at_once)
}
