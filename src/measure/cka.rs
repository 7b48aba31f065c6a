//! Linear centred kernel alignment (Kornblith, Norouzi, Lee, Hinton 2019), by any [estimator](Estimator).
//!
//! It is the cosine of [embeddings](super::embedding). With `X` centred and `K = X X^T`:
//! - *biased*: the embedding is `K` itself, so that `CKA = <K, L> / (|K| |L|)`, with the biased HSIC of Gretton et al.
//!   (2005);
//! - *debiased*: the embedding is `K` U-centred (Székely and Rizzo 2014), whose inner product is `n (n - 3)` times the
//!   unbiased HSIC of Song et al. (2012, eq. 5). It can be negative, and is not clamped.

use super::Estimator;
use super::embedding::{self, Embedding};
use crate::error::Result;
use crate::graph::{Graph, Tensor};

/// CKA of several pairs of representations of the same examples: for each estimator, for each pair, `[1, 1]`. Each
/// representation's Gram matrix is made once, however many pairs it is in.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn many(
    g: &mut Graph,
    xs: &[Tensor],
    pairs: &[(usize, usize)],
    estimators: &[Estimator],
) -> Result<Vec<Vec<Tensor>>> {
    let embeddings: Vec<Embedding> = estimators.iter().map(|&e| Embedding::linear(e)).collect();
    embedding::many(g, xs, pairs, &embeddings)
}

/// CKA of two representations of the same examples, `[1, 1]`.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn linear(g: &mut Graph, x: Tensor, y: Tensor, estimator: Estimator) -> Result<Tensor> {
    Ok(many(g, &[x, y], &[(0, 1)], &[estimator])?[0][0])
}

/// CKA as a value to train on: differentiable, from one undivided Gram matrix.
///
/// # Errors
/// As [`linear`].
pub fn differentiable(g: &mut Graph, x: Tensor, y: Tensor, estimator: Estimator) -> Result<Tensor> {
    embedding::differentiable(g, x, y, Embedding::linear(estimator))
}
