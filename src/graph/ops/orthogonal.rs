//! Orthonormal rows or columns.

use super::prelude::*;
use crate::kernels::orthogonal::{self as kernel, MAX_VECTORS};
use crate::kernels::Body;

/// Orthonormal rows or columns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Orthogonal;

impl Graph {
    /// The orthonormal factor of a matrix: rows or columns, whichever are fewer.
    ///
    /// # Errors
    /// If `x` is not a matrix or has too many rows and columns.
    pub fn orthogonal(&mut self, x: Tensor) -> Result<Tensor> {
        let [rows, columns] = self.matrix(x)?;
        if rows.min(columns) > MAX_VECTORS {
            return Err(Error::Shape(format!(
                "{} is too large to be made orthogonal: the smaller extent may be at most {MAX_VECTORS}",
                self.describe(x)
            )));
        }
        let shape = self.shape(x).clone();
        Ok(self.add(Orthogonal, vec![x], shape, DType::F32))
    }
}

impl Rules for Orthogonal {
    fn facts(&self) -> Facts {
        Facts::kernel("orthogonal")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(orthonormal(at.inputs[0], [at.extents[0], at.extents[1]]))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let [rows, columns] = at.graph().matrix(at.tensor)?;
        let (source, job) = at.job_alone([rows, columns, 0], &[])?;
        let lanes = if Body::of(at.profile) == Body::Wide { 8 } else { 64 };
        let kernel = kernel::Orthogonal { source, result: Arena::Scratch, lanes };
        let flops = (4 * rows.min(columns) * rows * columns) as u64;
        Ok(Item::new(kernel, job, flops, 2 * (rows * columns) as u64))
    }
}

/// Orthonormal rows or columns, whichever are fewer: Gram and Schmidt's, done twice.
fn orthonormal(x: &[f64], [rows, columns]: [usize; 2]) -> Values {
    let (count, length) = (rows.min(columns), rows.max(columns));
    let at = |vector: usize, i: usize| if rows >= columns { i * columns + vector } else { vector * columns + i };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut done: Vec<Vec<f64>> = Vec::with_capacity(count);
    for v in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|i| x[at(v, i)]).collect();
        for _ in 0..2 {
            let dots: Vec<f64> = done.iter().map(|q| dot(q, &vector)).collect();
            for (q, dot) in done.iter().zip(dots) {
                vector.iter_mut().zip(q).for_each(|(x, q)| *x -= dot * q);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        done.push(vector);
    }
    let mut result = vec![0.0; x.len()];
    for (v, vector) in done.iter().enumerate() {
        vector.iter().enumerate().for_each(|(i, &x)| result[at(v, i)] = x);
    }
    result.into()
}
