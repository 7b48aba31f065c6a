//! Orthonormal rows or columns from a matrix of normal values, by classical Gram-Schmidt done twice.
//!
//! With the diagonal of R positive the result is uniform over such matrices (Mezzadri 2007), as `torch.nn.init`'s is.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::native::{At, Space, Task, base};
use super::template::Routine;
use super::{Arena, HEADER, Variant};

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

impl Variant for Orthogonal {
    fn name(&self) -> String {
        "orthogonal".into()
    }

    fn job_words(&self) -> usize {
        HEADER + 4
    }

    fn blocks(&self, _: &[u32]) -> u32 {
        1
    }

    fn routine(&self, entry: &str, _: u32) -> Routine {
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

    fn iterations(&self, job: &[u32], _: u32) -> u64 {
        let (rows, columns, lanes) = (u64::from(job[1]), u64::from(job[2]), u64::from(self.lanes));
        let (count, length) = (rows.min(columns), rows.max(columns));
        let share = |n: u64| n.div_ceil(lanes) + 1;
        share(rows * columns)
            + count * (2 * (share(count) * (length + 1) + share(length) * (count + 1)) + length + share(length))
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        let (rows, columns) = (job[1] as usize, job[2] as usize);
        Box::new(Native { arenas: [self.source, self.result], rows, columns, words: job[HEADER..].to_vec() })
    }
}

/// Twice-repeated Gram-Schmidt in double precision.
struct Native {
    arenas: [Arena; 2],
    rows: usize,
    columns: usize,
    words: Vec<u32>,
}

impl Task for Native {
    fn run(&self, at: At, _: Range<usize>, space: &mut Space) {
        let (rows, columns) = (self.rows, self.columns);
        let values = at.view.get(self.arenas[0], base(&self.words, 0, at.replica), rows * columns);
        let (count, length) = (rows.min(columns), rows.max(columns));
        let place = |vector: usize, i: usize| if rows >= columns { i * columns + vector } else { vector * columns + i };
        let mut vectors: Vec<Vec<f64>> =
            (0..count).map(|v| (0..length).map(|i| f64::from(values[place(v, i)])).collect()).collect();
        for v in 0..count {
            let (done, rest) = vectors.split_at_mut(v);
            at.isa.run(Orthonormal { done, vector: &mut rest[0] });
        }
        space.results.resize(rows * columns, 0.0);
        for (v, vector) in vectors.iter().enumerate() {
            for (i, x) in vector.iter().enumerate() {
                space.results[place(v, i)] = *x as f32;
            }
        }
        at.view.put(self.arenas[1], base(&self.words, 2, at.replica), &space.results[..rows * columns]);
    }
}

/// Takes from a vector what lies along those before it, twice, and makes it one long.
struct Orthonormal<'a> {
    done: &'a [Vec<f64>],
    vector: &'a mut [f64],
}

impl WithSimd for Orthonormal<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for _ in 0..2 {
            let dots: Vec<f64> = self.done.iter().map(|q| dot(q, self.vector)).collect();
            for (q, along) in self.done.iter().zip(dots) {
                self.vector.iter_mut().zip(q).for_each(|(x, a)| *x -= along * a);
            }
        }
        let norm = dot(self.vector, self.vector).sqrt();
        self.vector.iter_mut().for_each(|x| *x /= norm);
    }
}

/// In eight sums, whatever the width of vectors.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f64; 8];
    for (a, b) in a.0.iter().zip(b.0) {
        for i in 0..8 {
            sums[i] = a[i].mul_add(b[i], sums[i]);
        }
    }
    let rest: f64 = a.1.iter().zip(b.1).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}
