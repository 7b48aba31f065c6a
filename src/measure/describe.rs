//! Statistics of many representations at once: on a device in f32 where they have such a form and single precision decides
//! them to 1e-4, on the CPU in f64 where not.

use std::sync::Arc;

use super::catalogue::Statistic;
use super::compare::{Named, Place, Resources};
use super::declaration::Scale;
use super::declaration::scale::near_one;
use super::outcome::Outcome;
use super::statistic::Batch;
use super::statistic::input::{check, constant};
use crate::error::Result;
use crate::gpu::Gpu;

/// What is described where nothing is said, besides everything that needs labels if there are any.
pub const MAIN: &[&str] = &[
    "participation_ratio",
    "effective_rank",
    "rankme",
    "stable_rank",
    "components:variance=0.9",
    "components:variance=0.99",
    "explained_variance",
    "alpha_req",
    "two_nn",
    "levina_bickel",
    "uniformity",
    "sparsity",
    "dead_units",
];

/// A value, or why there is none, and where it was computed.
#[derive(Debug)]
pub struct Described {
    /// The value.
    pub value: Outcome,
    /// Where.
    pub place: Place,
}

/// All statistics of all representations, `[representations × statistics]`; those that have a form for a device run on a GPU
/// (or another executor) if there is one, and on the CPU if it fails there. `labels` are a class for each example, or empty. What has no value is
/// an entry with its reason.
pub fn describe<'a>(
    set: &[Named],
    statistics: &[Statistic],
    labels: &[usize],
    on: impl Into<Resources<'a>>,
) -> Vec<Described> {
    let Resources { single, memory } = on.into();
    // A device that fails leaves all to the CPU.
    let found = single.and_then(|on| on_device(on.gpu(), set, statistics, labels).ok());
    let found = found.unwrap_or_else(|| vec![vec![None; statistics.len()]; set.len()]);
    let found: Vec<Option<f64>> = found.into_iter().flatten().collect();
    let rest: Vec<usize> = (0..found.len()).filter(|&i| found[i].is_none()).collect();
    let of = |i: usize| (&set[i / statistics.len()], &statistics[i % statistics.len()]);
    let needs: Vec<f64> = rest
        .iter()
        .map(|&i| {
            let (x, statistic) = of(i);
            statistic.held(x.values.nrows(), x.values.ncols())
        })
        .collect();
    let computed = memory.each(0.0, &needs, |i| {
        let (x, statistic) = of(rest[i]);
        statistic.of(x.values.as_ref(), labels)
    });
    let mut computed = computed.into_iter().map(Outcome::from);
    let missing = || Outcome::Failed("no value was computed".into());
    found
        .into_iter()
        .map(|value| match value {
            Some(value) => Described { value: Outcome::Value(value), place: Place::Gpu },
            None => Described { value: computed.next().unwrap_or_else(missing), place: Place::Cpu },
        })
        .collect()
}

/// For each representation, for each statistic, its value in f32 on the device (without one: on the processor), or
/// nothing where it has no such form, is not defined, or is not decided by single precision.
///
/// # Errors
/// If the device fails.
pub fn on_device(
    gpu: Option<&Arc<Gpu>>,
    set: &[Named],
    statistics: &[Statistic],
    labels: &[usize],
) -> Result<Vec<Vec<Option<f64>>>> {
    // Values that single precision does not hold are brought near one, where that is all a statistic needs to know.
    let (near, far) = near_one(set);
    let set: &[Named] = &near;
    let free: Vec<bool> = statistics.iter().map(|s| s.scale() == Scale::Free).collect();
    let mut all = vec![vec![None; statistics.len()]; set.len()];
    let varies = |x: &Named| x.values.col_iter().any(|c| !constant(c.iter().copied()));
    let sound = |x: &Named| check(x.values.as_ref(), "the representation", 3).is_ok() && varies(x);
    let mut waiting: Vec<usize> = (0..set.len()).filter(|&i| sound(&set[i])).collect();
    // Representations of the same number of examples go together.
    while let Some(&first) = waiting.first() {
        let n = set[first].values.nrows();
        let (group, rest): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|&&i| set[i].values.nrows() == n);
        waiting = rest;
        let members: Vec<&Named> = group.iter().map(|&i| &set[i]).collect();
        let batch = Batch::new(gpu, members, labels);
        for (s, statistic) in statistics.iter().enumerate() {
            let Some(device) = &statistic.device else { continue };
            for (&i, value) in group.iter().zip(device(&batch)?) {
                all[i][s] = value.filter(|v| v.is_finite() && (free[s] || !far[i]));
            }
        }
    }
    Ok(all)
}
