//! Nearest rows by their distances.

use super::prelude::*;
use crate::kernels::nearest as kernel;

/// Rows of the `k` smallest elements of each column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Nearest {
    /// How many.
    k: usize,
    /// The row that the first column is, which is not counted among its own.
    first: usize,
}

impl Graph {
    /// For each column of `distances` `[N, Q]` the rows of its `k` smallest elements, in the order of (element, row): integers
    /// `[k, Q]`. Column `c` is row `first + c` of the same examples, which is not its own neighbour; `first = N` if the
    /// columns are none of the rows. Elements must be finite.
    ///
    /// # Errors
    /// If `distances` is not a matrix, or has not so many rows.
    pub fn nearest(&mut self, distances: Tensor, k: usize, first: usize) -> Result<Tensor> {
        let [rows, queries] = self.matrix(distances)?;
        if k == 0 || k + usize::from(first < rows) > rows {
            return Err(Error::Shape(format!("{k} nearest rows were asked of {}", self.describe(distances))));
        }
        Ok(self.add(Nearest { k, first }, vec![distances], Shape::new(&[k, queries]), DType::U32))
    }
}

impl Rules for Nearest {
    fn facts(&self) -> Facts {
        Facts::kernel("nearest")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(smallest(at.inputs[0], at.columns(), self.k, self.first))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let [rows, queries] = at.graph().matrix(at.input(0))?;
        let last = kernel::Nearest::last_words(self.first, at.profile);
        let (source, job) = at.job_alone([rows, queries, self.k], &last)?;
        let kernel = kernel::Nearest { source, result: Arena::Scratch };
        let flops = (self.k * rows * queries) as u64;
        Ok(Item::new(kernel, job, flops, (self.k * (rows + 1) * queries) as u64))
    }
}

/// Rows of the `k` smallest elements of each of so many columns, in the order of (element, row), but for row `first + c` of
/// column `c`.
fn smallest(x: &[f64], columns: usize, k: usize, first: usize) -> Values {
    let mut found = vec![0.0; k * columns];
    for column in 0..columns {
        let of = |row: usize| x[row * columns + column];
        let others = (0..x.len() / columns).filter(|row| row.checked_sub(column) != Some(first));
        let mut order: Vec<usize> = others.collect();
        order.sort_by(|&a, &b| of(a).total_cmp(&of(b)));
        order.iter().take(k).enumerate().for_each(|(place, &row)| found[place * columns + column] = row as f64);
    }
    found.into()
}
