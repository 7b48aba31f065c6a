//! Sorting as nodes: a step of runs, then one of merging for each doubling; and what is read off sorted keys.

use super::node::{Graph, Op, REPLICAS, Scope, Shape, Tensor};
use crate::error::{Error, Result};
use crate::kernels::exact::words_of;
use crate::kernels::program::DType;
use crate::kernels::sort::{Beside, FIRST_RUN, Ties};

/// Keys at most: ranks and counts are floats, and twice a rank must be one too.
const MOST_KEYS: usize = 1 << 23;

/// Keys that were sorted, and where they stood before.
#[derive(Clone, Copy, Debug)]
pub struct Sorted(Tensor);

impl Graph {
    /// Sorts all elements of a tensor in ascending order, equal ones in the order in which they came; zero and negative zero
    /// are equal. Elements must be finite.
    ///
    /// # Errors
    /// If there are more than 2^23 elements, or `keys` is a value of pairs.
    pub fn sort(&mut self, keys: Tensor) -> Result<Sorted> {
        self.merged(keys, Beside::Place).map(Sorted)
    }

    /// The sorted elements, `[1, N]`.
    pub fn sorted_keys(&mut self, sorted: Sorted) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        self.add(Op::Rows(0), vec![sorted.0], Shape::new(&[1, columns]), DType::F32)
    }

    /// For each sorted element where it stood before, integers `[N, 1]`: as the rows of a gather.
    pub fn sorted_order(&mut self, sorted: Sorted) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        let order = self.add(Op::Rows(1), vec![sorted.0], Shape::new(&[1, columns]), DType::U32);
        self.add(Op::Reshape, vec![order], Shape::new(&[columns, 1]), DType::U32)
    }

    /// The ranks of the elements that were sorted, from 1, each where its element stood: `[N, 1]`. Exact.
    pub fn ranks(&mut self, sorted: Sorted, ties: Ties) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        self.add(Op::Ranks(ties), vec![sorted.0], Shape::new(&[columns, 1]), DType::F32)
    }

    /// For each element of a tensor, in ascending order of the elements, how many strictly greater ones stand before it:
    /// `[N, 1]`, exact. Their sum is the number of inversions (Knight 1966). Elements must be finite.
    ///
    /// # Errors
    /// As [`Graph::sort`].
    pub fn inversions(&mut self, x: Tensor) -> Result<Tensor> {
        let merged = self.merged(x, Beside::Greater)?;
        let columns = self.shape(merged).columns();
        let counts = self.rows(merged, 1, 1)?;
        self.reshape(counts, &[columns, 1])
    }

    fn merged(&mut self, keys: Tensor, beside: Beside) -> Result<Tensor> {
        let elements = self.shape(keys).elements();
        let sortable = self.node(keys).scope != Scope::Pairs && self.node(keys).dtype == DType::F32;
        if !sortable || elements > MOST_KEYS {
            return Err(Error::Shape(format!(
                "{} cannot be sorted: floats of each replica are expected, {MOST_KEYS} at most",
                self.describe(keys)
            )));
        }
        let shape = Shape::new(&[2, elements]);
        let mut sorted = self.add(Op::SortRuns(beside), vec![keys], shape.clone(), DType::F32);
        let mut run = FIRST_RUN;
        while run < elements {
            sorted = self.add(Op::Merge(run, beside), vec![sorted], shape.clone(), DType::F32);
            run *= 2;
        }
        Ok(sorted)
    }

    /// Exact inner products, over all elements, of whole numbers of each replica with those of itself and of each later one:
    /// integers `[R, R, words]`, of which [`product`](crate::kernels::exact::product) makes the values. Elements must be
    /// below 2^23 in magnitude.
    ///
    /// # Errors
    /// If `a` is not per replica, or there are more than 2^23 elements.
    pub fn pair_dot_exact(&mut self, a: Tensor) -> Result<Tensor> {
        let elements = self.shape(a).elements();
        if self.node(a).scope != Scope::Replica || self.node(a).dtype != DType::F32 || elements > MOST_KEYS {
            return Err(Error::Shape(format!(
                "{} has no exact products: floats of each replica are expected, {MOST_KEYS} at most",
                self.describe(a)
            )));
        }
        let shape = Shape::new(&[REPLICAS, REPLICAS, words_of(elements)]);
        Ok(self.add_scoped(Op::PairExact, vec![a], shape, DType::U32, Scope::Pairs))
    }
}
