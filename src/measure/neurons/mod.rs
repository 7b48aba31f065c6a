//! Measures of representations.

pub mod clustering;
pub mod information;
mod kmeans;
mod lasso;
pub mod matching;
mod matrix;
pub mod neighbours;
pub mod persistence;
pub mod prediction;
pub mod sampling;
pub mod topology;
pub mod transport;
pub mod units;

#[cfg(test)]
mod testing;
