//! The nearest rows of each query: the `k` smallest distances of each column, as indices of their rows.

use std::ops::Range;

use super::native::{At, Space, Task, base};
use super::template::Routine;
use super::{Arena, HEADER, Variant};
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
}

impl Variant for Nearest {
    fn name(&self) -> String {
        "nearest".into()
    }

    fn job_words(&self) -> usize {
        HEADER + 6
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        job[2].div_ceil(job[ACROSS])
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
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

    fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let per_query = u64::from(job[3]) * (2 + u64::from(job[1]));
        1 + u64::from(job[2].min(job[ACROSS]).div_ceil(width)) * (1 + per_query)
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        let [rows, queries, wanted] = [1, 2, 3].map(|i| job[i] as usize);
        Box::new(Native { arenas: [self.source, self.result], rows, queries, wanted, words: job[HEADER..].to_vec() })
    }
}

struct Native {
    arenas: [Arena; 2],
    rows: usize,
    queries: usize,
    wanted: usize,
    words: Vec<u32>,
}

impl Task for Native {
    fn units(&self) -> usize {
        self.queries
    }

    fn run(&self, at: At, units: Range<usize>, _: &mut Space) {
        let (rows, queries) = (self.rows, self.queries);
        let distances = at.view.get(self.arenas[0], base(&self.words, 0, at.replica), rows * queries);
        let target = base(&self.words, 2, at.replica);
        let first = self.words[4] as usize;
        for query in units {
            let of = |row: usize| distances[row * queries + query];
            let nearer = |a: &usize, b: &usize| of(*a).total_cmp(&of(*b)).then(a.cmp(b));
            let mut order: Vec<usize> = (0..rows).filter(|&row| row != first + query).collect();
            let wanted = self.wanted.min(order.len());
            if wanted < order.len() {
                order.select_nth_unstable_by(wanted, nearer);
                order.truncate(wanted);
            }
            order.sort_unstable_by(nearer);
            for (found, row) in order.into_iter().enumerate() {
                at.view.put(self.arenas[1], target + found * queries + query, &[f32::from_bits(row as u32)]);
            }
        }
    }
}
