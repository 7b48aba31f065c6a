//! The definitions of measures in f64, against published packages, closed cases and what they promise.

mod pairwise;
mod statistic;
mod subspace;
