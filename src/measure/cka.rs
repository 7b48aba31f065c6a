//! Linear centred kernel alignment (Kornblith, Norouzi, Lee, Hinton 2019), plain and debiased.
//!
//! Both are cosines of [embeddings](super::embedding). With `X` centred and `K = X X^T`:
//! - *plain*: the embedding is `K` itself, so that `CKA = <K, L> / (|K| |L|)`, with the biased HSIC of Gretton et al.
//!   (2005);
//! - *debiased*: the embedding is `K` U-centred (Székely and Rizzo 2014), whose inner product is `n (n - 3)` times the
//!   unbiased HSIC of Song et al. (2012, eq. 5). It can be negative, and is not clamped.

use super::embedding::{self, Between, Centring, Embedding};
use crate::error::Result;
use crate::graph::{Graph, Tensor};

/// Which CKA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With the biased HSIC.
    Plain,
    /// With the unbiased HSIC.
    Debiased,
}

impl Kind {
    /// Suffix of the measure's name in files.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Debiased => "_debiased",
        }
    }

    /// What is compared.
    pub fn embedding(self) -> Embedding {
        let centring = match self {
            Self::Plain => Centring::Double,
            Self::Debiased => Centring::U,
        };
        Embedding::new(Between::Linear, centring)
    }
}

/// CKA of several pairs of representations of the same examples: for each kind, for each pair, `[1, 1]`. Each
/// representation's Gram matrix is made once, however many pairs it is in.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn many(g: &mut Graph, xs: &[Tensor], pairs: &[(usize, usize)], kinds: &[Kind]) -> Result<Vec<Vec<Tensor>>> {
    let embeddings: Vec<Embedding> = kinds.iter().map(|kind| kind.embedding()).collect();
    embedding::many(g, xs, pairs, &embeddings)
}

/// CKA of two representations of the same examples, `[1, 1]`.
///
/// # Errors
/// If the numbers of examples differ, or are too few.
pub fn linear(g: &mut Graph, x: Tensor, y: Tensor, kind: Kind) -> Result<Tensor> {
    Ok(many(g, &[x, y], &[(0, 1)], &[kind])?[0][0])
}

/// CKA as a value to train on: differentiable, from one undivided Gram matrix.
///
/// # Errors
/// As [`linear`].
pub fn differentiable(g: &mut Graph, x: Tensor, y: Tensor, kind: Kind) -> Result<Tensor> {
    embedding::differentiable(g, x, y, kind.embedding())
}
