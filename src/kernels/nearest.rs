//! The nearest rows of each query: the `k` smallest distances of each column, as indices of their rows.

use super::template::Routine;
use super::{Arena, HEADER, Memory};
use crate::gpu::Profile;

/// Where the queries of a block stand in a job.
const ACROSS: usize = HEADER + 5;

/// The kernel. Job header: first block, rows, queries, `k`; then the distances (offset, stride), the result, the row that
/// the first query is, and the queries of a block.
///
/// Distances `[rows, queries]` are finite. Query `c` is row `first + c` (beyond the rows: none), which is not counted
/// among its own neighbours. The result `[k, queries]` holds integers: rows in the order of (distance, index).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nearest {
    /// Arena of the distances.
    pub source: Arena,
    /// Arena of the result.
    pub result: Arena,
}

impl Nearest {
    /// Words of a job that follow the places: the row of the first query, and the queries of a block: one for each lane of a
    /// software adapter, which ends loops after so many turns.
    pub(crate) fn last_words(first: usize, profile: &Profile) -> [usize; 2] {
        [first, if profile.software { 8 } else { 64 }]
    }

    pub(super) fn name(&self) -> String {
        "nearest".into()
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + 6
    }

    pub(super) fn blocks(&self, job: &[u32]) -> u32 {
        job[2].div_ceil(job[ACROSS])
    }

    pub(super) fn routine(&self, entry: &str, width: u32) -> Routine {
        Routine::new(
            include_str!("../../shaders/nearest.wgsl"),
            width,
            &[
                ("entry", entry),
                ("lanes", &width.to_string()),
                ("source", self.source.wgsl()),
                ("target", self.result.wgsl()),
            ],
        )
    }

    pub(super) fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let per_query = u64::from(job[3]) * (2 + u64::from(job[1]));
        1 + u64::from(job[2].min(job[ACROSS]).div_ceil(width)) * (1 + per_query)
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (rows, queries, wanted) = (job[1] as usize, job[2] as usize, job[3] as usize);
        let words = &job[HEADER..];
        let origin = words[0] as usize + replica * words[1] as usize;
        let base = words[2] as usize + replica * words[3] as usize;
        let first = words[4] as usize;
        for query in 0..queries {
            let distances = memory.arena(self.source);
            let of = |row: usize| distances[origin + row * queries + query];
            let mut order: Vec<usize> = (0..rows).filter(|&row| row != first + query).collect();
            order.sort_by(|&a, &b| of(a).total_cmp(&of(b)).then(a.cmp(&b)));
            for (found, row) in order.into_iter().take(wanted).enumerate() {
                memory.set_bits(self.result, base + found * queries + query, row as u32);
            }
        }
    }
}
