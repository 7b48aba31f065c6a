//! The CPU twin: f64 sums.

use super::precision::rounded;
use super::{Factors, MatMul, OPERANDS};
use crate::kernels::program_twin::{BLOCK, Block, Registers};
use crate::kernels::{HEADER, Memory};

impl MatMul {
    pub(in crate::kernels) fn twin(&self, job: &[u32], replica: usize, memory: &mut Memory) {
        let (m, n, k) = (job[1] as usize, job[2] as usize, job[3] as usize);
        let w = &job[HEADER..];
        let (a_base, lda) = (w[0] as usize + replica * w[1] as usize, w[2] as usize);
        let (b_base, ldb) = (w[3] as usize + replica * w[4] as usize, w[5] as usize);
        let (mut registers, mut elements) = (Registers::default(), Vec::with_capacity(BLOCK));
        let mut sums = vec![0.0f64; n];
        let mut values = vec![0.0f32; n];
        // Results are written after all of A and B are read, in case a plan reuses their place: it never does, but the
        // twin should not be the one to depend on it.
        let mut product = Vec::with_capacity(m * n);
        for row in 0..m {
            let (a, b) = (memory.arena(self.a), memory.arena(self.b));
            let half = self.factors != Factors::Single;
            let value = |x: f32| f64::from(if half { rounded(x) } else { x });
            let a_of = |t: usize| value(a[a_base + if self.transpose_a { t * lda + row } else { row * lda + t }]);
            if self.transpose_b {
                for (column, sum) in sums.iter_mut().enumerate() {
                    let line = &b[b_base + column * ldb..][..k];
                    *sum = line.iter().enumerate().map(|(t, &x)| self.inner.of(a_of(t), value(x))).sum();
                }
            } else {
                sums.fill(0.0);
                for t in 0..k {
                    let factor = a_of(t);
                    for (sum, &x) in sums.iter_mut().zip(&b[b_base + t * ldb..][..n]) {
                        *sum += self.inner.of(factor, value(x));
                    }
                }
            }
            product.extend(sums.iter().map(|&x| x as f32));
        }
        for row in 0..m {
            values.copy_from_slice(&product[row * n..(row + 1) * n]);
            for start in (0..n).step_by(BLOCK) {
                let end = n.min(start + BLOCK);
                elements.clear();
                elements.extend(row * n + start..row * n + end);
                let block = Block {
                    words: &w[OPERANDS..],
                    replica,
                    count: m * n,
                    columns: n,
                    elements: &elements,
                    accumulated: &values[start..end],
                };
                self.program.run(&mut registers, &block, memory);
            }
        }
    }
}
