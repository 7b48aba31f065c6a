//! Statistics of one representation, task measures and inference tools in f64.

pub mod decoding;
pub mod dimension;
pub mod geometry;
pub mod inference;
pub(crate) mod input;
pub mod probe;
pub(crate) mod random;
pub mod spectrum;
pub mod units;
