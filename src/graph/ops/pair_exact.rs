//! Exact inner products of whole numbers between the replicas of a group.

use super::prelude::*;
use crate::kernels::exact::{Exact, words_of};

/// Elements at most.
const MOST: usize = 1 << 23;

/// Exact inner products of whole numbers of each replica with those of each later one, `[R, R, words]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PairExact;

impl Graph {
    /// Exact inner products, over all elements, of whole numbers of each replica with those of itself and of each later one:
    /// integers `[R, R, words]`, of which [`product`](crate::kernels::exact::product) makes the values. Elements must be
    /// below 2^23 in magnitude.
    ///
    /// # Errors
    /// If `a` is not per replica, or there are more than 2^23 elements.
    pub fn pair_dot_exact(&mut self, a: Tensor) -> Result<Tensor> {
        let elements = self.shape(a).elements();
        if self.node(a).scope != Scope::Replica || self.node(a).dtype != DType::F32 || elements > MOST {
            return Err(Error::Shape(format!(
                "{} has no exact products: floats of each replica are expected, {MOST} at most",
                self.describe(a)
            )));
        }
        let shape = Shape::new(&[REPLICAS, REPLICAS, words_of(elements)]);
        Ok(self.add_scoped(PairExact, vec![a], shape, DType::U32, Scope::Pairs))
    }
}

impl Rules for PairExact {
    fn facts(&self) -> Facts {
        Facts::kernel("exact pairs")
    }

    fn value_of_all(&self, inputs: &[&[Values]], extents: &[usize]) -> Option<Result<Values>> {
        Some(products(inputs[0], extents[2]))
    }

    fn item(&self, at: &Assembly) -> Result<Item> {
        let (count, replicas) = (at.graph().shape(at.input(0)).elements(), at.replicas);
        let (strands, last) = Exact::last_words(count);
        let (source, job) = at.job_alone([count, replicas, strands], &last)?;
        let kernel = Exact { source, result: Arena::Scratch };
        let flops = 8 * (replicas * replicas * count) as u64;
        let elements = replicas * count + at.graph().shape(at.tensor).elements_in(replicas);
        Ok(Item::new(kernel, job, flops, elements as u64))
    }
}

/// Exact inner products of whole numbers of each replica with its own and those of later ones: `[R, R, words]`, of which
/// [`product`](crate::kernels::exact::product) makes the values. Kernels spread a product over many words; here the first six
/// hold it.
fn products(x: &[Values], words: usize) -> Result<Values> {
    let limit = f64::from(1 << 23);
    if let Some(odd) = x.iter().flat_map(|x| x.iter()).find(|x| !(x.abs() < limit && x.fract() == 0.0)) {
        return Err(Error::Numerics(format!("{odd} is no whole number below {limit} in magnitude")));
    }
    let mut result = vec![0.0; x.len() * x.len() * words];
    for (i, a) in x.iter().enumerate() {
        for (j, b) in x.iter().enumerate().skip(i) {
            let product: i128 = a.iter().zip(&**b).map(|(&a, &b)| i128::from(a as i64) * i128::from(b as i64)).sum();
            // Sums of digits of 2^24, 2^12 and 1, of which each is of two words, the first of 2^16.
            let (high, middle, low) = (product >> 24, (product >> 12) & 0xfff, product & 0xfff);
            let digits = [high >> 16, high & 0xffff, 0, middle, 0, low];
            let at = (i * x.len() + j) * words;
            for (word, digit) in result[at..at + words].iter_mut().zip(digits) {
                *word = f64::from(digit as i32 as u32);
            }
        }
    }
    Ok(result.into())
}
