//! Measures of representations, written as graphs: the same nodes as a network, so that they run beside it, for all
//! replicas at once, and those that are differentiable can be trained against.
//!
//! What is defined for files and in f64 is listed by the [`catalogue`]; a measure of two representations is a file of [`pair`].
//!
//! A measure of two representations that is the cosine of their [embeddings](embedding) (CKA in its three forms is one: the
//! embedding is the centred Gram matrix) is computed for all pairs of replicas by [`products`](device::products).

pub mod alignment;
pub mod catalogue;
pub mod compare;
pub mod declaration;
pub mod describe;
pub mod device;
pub mod distance;
pub mod embedding;
mod estimator;
pub mod features;
pub mod fourier;
pub mod inference;
pub mod memory;
pub mod numerics;
pub mod outcome;
pub mod pair;
pub mod pairwise;
pub mod parallel;
pub mod random;
mod representation;
pub(crate) mod scale;
pub mod statistic;
pub mod streaming;

pub use estimator::Estimator;
