//! Sorting as nodes: a step of runs, then one of merging for each doubling; and what is read off sorted keys.

use std::cmp::Ordering;

use super::{Reshape, Slice};
use super::prelude::*;
use crate::kernels::sort::{Beside, FIRST_RUN, Sort, Step, Ties};

/// Keys in sorted runs of a few, with a word beside each: `[2, N]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SortRuns(Beside);

/// Sorted runs of so many keys made runs of twice as many.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Merge {
    run: usize,
    beside: Beside,
}

/// Ranks of what was sorted with places beside it, each at its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ranks(Ties);

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
        self.sorted(keys, Beside::Place).map(Sorted)
    }

    /// The sorted elements, `[1, N]`.
    pub fn sorted_keys(&mut self, sorted: Sorted) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        self.add(Slice::row(0, columns), vec![sorted.0], Shape::new(&[1, columns]), DType::F32)
    }

    /// For each sorted element where it stood before, integers `[N, 1]`: as the rows of a gather.
    pub fn sorted_order(&mut self, sorted: Sorted) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        let order = self.add(Slice::row(1, columns), vec![sorted.0], Shape::new(&[1, columns]), DType::U32);
        self.add(Reshape, vec![order], Shape::new(&[columns, 1]), DType::U32)
    }

    /// The ranks of the elements that were sorted, from 1, each where its element stood: `[N, 1]`. Exact.
    pub fn ranks(&mut self, sorted: Sorted, ties: Ties) -> Tensor {
        let columns = self.shape(sorted.0).columns();
        self.add(Ranks(ties), vec![sorted.0], Shape::new(&[columns, 1]), DType::F32)
    }

    /// For each element of a tensor, in ascending order of the elements, how many strictly greater ones stand before it:
    /// `[N, 1]`, exact. Their sum is the number of inversions (Knight 1966). Elements must be finite.
    ///
    /// # Errors
    /// As [`Graph::sort`].
    pub fn inversions(&mut self, x: Tensor) -> Result<Tensor> {
        let merged = self.sorted(x, Beside::Greater)?;
        let columns = self.shape(merged).columns();
        let counts = self.rows(merged, 1, 1)?;
        self.reshape(counts, &[columns, 1])
    }

    fn sorted(&mut self, keys: Tensor, beside: Beside) -> Result<Tensor> {
        let elements = self.shape(keys).elements();
        let sortable = self.node(keys).scope != Scope::Pairs && self.node(keys).dtype == DType::F32;
        if !sortable || elements > MOST_KEYS {
            return Err(Error::Shape(format!(
                "{} cannot be sorted: floats of each replica are expected, {MOST_KEYS} at most",
                self.describe(keys)
            )));
        }
        let shape = Shape::new(&[2, elements]);
        let mut sorted = self.add(SortRuns(beside), vec![keys], shape.clone(), DType::F32);
        let mut run = FIRST_RUN;
        while run < elements {
            sorted = self.add(Merge { run, beside }, vec![sorted], shape.clone(), DType::F32);
            run *= 2;
        }
        Ok(sorted)
    }
}

impl Rules for SortRuns {
    fn facts(&self) -> Facts {
        Facts::kernel("sort")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(runs(at.inputs[0], self.0))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        item(at, Step::Runs(self.0), FIRST_RUN)
    }
}

impl Rules for Merge {
    fn facts(&self) -> Facts {
        Facts::kernel("sort")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(merged(at.inputs[0], self.run, self.beside))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        item(at, Step::Merge(self.beside), self.run)
    }
}

impl Rules for Ranks {
    fn facts(&self) -> Facts {
        Facts::kernel("ranks")
    }

    fn value(&self, at: &Evaluation) -> Result<Values> {
        Ok(ranked(at.inputs[0], self.0))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        item(at, Step::Ranks, usize::from(self.0 == Ties::Lowest))
    }
}

/// A step of a sort; `run` is the length of its runs, or says which rank equals share.
fn item(at: &Assembly, step: Step, run: usize) -> Result<Item> {
    let elements = at.graph().shape(at.input(0)).elements();
    let count = if matches!(step, Step::Runs(_)) { elements } else { elements / 2 };
    let mut kernel = Sort { step, source: Arena::Scratch, result: Arena::Scratch };
    let [each, across] = kernel.slices(run, at.profile);
    let (source, job) = at.job_alone([count, run, each], &[across])?;
    kernel.source = source;
    Ok(Item::new(kernel, job, 4 * count as u64, (elements + at.graph().shape(at.tensor).elements()) as u64))
}

/// The order of keys: zero and negative zero, which becomes zero when zero is added, are equal.
fn compare(a: f64, b: f64) -> Ordering {
    (a + 0.0).total_cmp(&(b + 0.0))
}

/// Keys in sorted runs, with a number beside each: `[2, N]`.
fn runs(keys: &[f64], beside: Beside) -> Values {
    let number = |start: usize, own: usize| match beside {
        Beside::Place => own as f64,
        Beside::Greater => keys[start..own].iter().filter(|&&k| k > keys[own]).count() as f64,
    };
    sorted(keys, FIRST_RUN, number)
}

/// Sorted runs made runs of twice as many.
fn merged(source: &[f64], run: usize, beside: Beside) -> Values {
    let (keys, numbers) = source.split_at(source.len() / 2);
    sorted(keys, 2 * run, |start, own| match beside {
        // The left run is sorted: those greater stand at its end.
        Beside::Greater if own >= start + run => {
            let left = &keys[start..start + run];
            numbers[own] + (run - left.partition_point(|&k| k <= keys[own])) as f64
        }
        _ => numbers[own],
    })
}

/// Sorts each run of so many keys, equal ones in the order in which they came; `number` says what stands beside a key, from
/// where its run begins and where it stood.
fn sorted(keys: &[f64], run: usize, number: impl Fn(usize, usize) -> f64) -> Values {
    let mut result = vec![0.0; 2 * keys.len()];
    for start in (0..keys.len()).step_by(run) {
        let mut order: Vec<usize> = (start..keys.len().min(start + run)).collect();
        order.sort_by(|&a, &b| compare(keys[a], keys[b]));
        for (place, own) in (start..).zip(order) {
            result[place] = keys[own];
            result[keys.len() + place] = number(start, own);
        }
    }
    result.into()
}

/// Ranks from 1 of sorted keys with places beside them, each at its place.
fn ranked(source: &[f64], ties: Ties) -> Values {
    let (keys, places) = source.split_at(source.len() / 2);
    let mut result = vec![0.0; keys.len()];
    for (key, &place) in keys.iter().zip(places) {
        let (first, beyond) = (keys.partition_point(|k| k < key), keys.partition_point(|k| k <= key));
        result[place as usize] = match ties {
            Ties::Lowest => (first + 1) as f64,
            Ties::Average => (first + beyond + 1) as f64 / 2.0,
        };
    }
    result.into()
}
