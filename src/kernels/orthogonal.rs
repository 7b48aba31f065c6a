//! Orthonormal rows or columns from a matrix of normal values, by classical Gram-Schmidt done twice.
//!
//! With the diagonal of R positive the result is uniform over such matrices (Mezzadri 2007), as `torch.nn.init`'s is.

use super::template::Routine;
use super::{Arena, HEADER, Memory};

/// Largest number of vectors: their coefficients stand in workgroup memory.
pub const MAX_VECTORS: usize = 2048;

/// The kernel: the smaller extent counts the vectors. Job header: first block, rows, columns, unused; then the source
/// (offset, stride) and the result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Orthogonal {
    /// Arena of the source.
    pub source: Arena,
    /// Arena of the result.
    pub result: Arena,
    /// Invocations per workgroup.
    pub lanes: u32,
}

impl Orthogonal {
    pub(super) fn name(&self) -> String {
        "orthogonal".into()
    }

    pub(super) fn job_words(&self) -> usize {
        HEADER + 4
    }

    pub(super) fn blocks(&self, _: &[u32]) -> u32 {
        1
    }

    pub(super) fn routine(&self, entry: &str) -> Routine {
        let routine = Routine::new(
            include_str!("../../shaders/orthogonal.wgsl"),
            self.lanes,
            &[
                ("entry", entry),
                ("lanes", &self.lanes.to_string()),
                ("source", self.source.wgsl()),
                ("target", self.result.wgsl()),
            ],
        );
        Routine { pad: MAX_VECTORS as u32, ..routine }
    }

    pub(super) fn iterations(&self, job: &[u32]) -> u64 {
        let (rows, columns, lanes) = (u64::from(job[1]), u64::from(job[2]), u64::from(self.lanes));
        let (count, length) = (rows.min(columns), rows.max(columns));
        let share = |n: u64| n.div_ceil(lanes) + 1;
        share(rows * columns)
            + count * (2 * (share(count) * (length + 1) + share(length) * (count + 1)) + length + share(length))
    }

    pub(super) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (rows, columns) = (job[1] as usize, job[2] as usize);
        let words = &job[HEADER..];
        let source = words[0] as usize + replica * words[1] as usize;
        let target = words[2] as usize + replica * words[3] as usize;
        let values: Vec<f64> =
            memory.arena(self.source)[source..source + rows * columns].iter().map(|&x| f64::from(x)).collect();
        let (count, length) = (rows.min(columns), rows.max(columns));
        let at = |vector: usize, i: usize| if rows >= columns { i * columns + vector } else { vector * columns + i };
        let mut vectors: Vec<Vec<f64>> = (0..count).map(|v| (0..length).map(|i| values[at(v, i)]).collect()).collect();
        for v in 0..count {
            let (done, rest) = vectors.split_at_mut(v);
            let vector = &mut rest[0];
            for _ in 0..2 {
                let dots: Vec<f64> = done.iter().map(|q| q.iter().zip(&*vector).map(|(a, b)| a * b).sum()).collect();
                for (q, dot) in done.iter().zip(dots) {
                    for (x, a) in vector.iter_mut().zip(q) {
                        *x -= dot * a;
                    }
                }
            }
            let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            for x in vector.iter_mut() {
                *x /= norm;
            }
        }
        let result = memory.arena_mut(self.result);
        for (v, vector) in vectors.iter().enumerate() {
            for (i, x) in vector.iter().enumerate() {
                result[target + at(v, i)] = *x as f32;
            }
        }
    }
}
