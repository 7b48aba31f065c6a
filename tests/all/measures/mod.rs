//! The definitions of measures in f64, against published packages, closed cases and what they promise.

mod neighbours;
mod pairwise;
mod statistic;
mod subspace;
