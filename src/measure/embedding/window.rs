//! Parts of a table: some rows, and the columns from one on.

use crate::error::Result;
use crate::graph::{Graph, Tensor};
use crate::kernels::program::Binary;

/// Which part of a table is made: rows, and columns from one on.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct Window {
    /// First row.
    pub first: First,
    /// Rows.
    pub count: usize,
    /// First column.
    pub from: usize,
}

/// The first row of a window.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) enum First {
    /// Known beforehand.
    At(usize),
    /// Another each time.
    Moving {
        /// `[count, 1]`: the rows, as integers.
        rows: Tensor,
        /// `[1, 1]`: the first row less the first column.
        beyond: Tensor,
    },
}

impl Window {
    /// Rows `start..start + count`, columns from `from` on.
    pub(in crate::measure) fn at(start: usize, count: usize, from: usize) -> Self {
        Self { first: First::At(start), count, from }
    }

    /// The window's rows of a tensor.
    pub(super) fn rows(self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        match self.first {
            First::At(start) => g.rows(x, start, self.count),
            First::Moving { rows, .. } => g.gather(x, rows),
        }
    }

    /// The window's columns of a symmetric table, as rows of what it is made from.
    pub(super) fn columns(self, g: &mut Graph, x: Tensor) -> Result<Tensor> {
        let [n, _] = g.matrix(x)?;
        g.rows(x, self.from, n.saturating_sub(self.from))
    }

    /// Zero where row and column are the same example.
    pub(super) fn without_diagonal(self, g: &mut Graph, part: Tensor) -> Result<Tensor> {
        let zero = g.constant(0.0);
        self.with_diagonal(g, part, zero)
    }

    /// Another value where row and column are the same example.
    pub(super) fn with_diagonal(self, g: &mut Graph, part: Tensor, value: Tensor) -> Result<Tensor> {
        let [count, width] = g.matrix(part)?;
        let (row, column) = (g.row_index(&[count, width]), g.column_index(&[count, width]));
        let row = match self.first {
            First::At(start) if start == self.from => row,
            First::At(start) => g.shift(row, start as f32 - self.from as f32),
            First::Moving { beyond, .. } => g.plus(row, beyond)?,
        };
        let same = g.binary(Binary::Equal, row, column)?;
        g.select(same, value, part)
    }

    /// What the window takes from sums of rows `[n, 1]`: those of its row and of its column.
    pub(super) fn edges(self, g: &mut Graph, sums: Tensor, factor: f64) -> Result<Tensor> {
        let rows = self.rows(g, sums)?;
        let columns = self.columns(g, sums)?;
        let [width, _] = g.matrix(columns)?;
        let columns = g.reshape(columns, &[1, width])?;
        let edges = g.plus(rows, columns)?;
        Ok(g.scale(edges, factor))
    }
}
