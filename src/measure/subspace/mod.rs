//! Measures of how two representations relate: shape, subspace, regression and output.

pub mod based;
pub mod canonical;
pub mod folds;
pub mod functional;
pub mod gulp;
pub mod permutation;
pub(in crate::measure) mod prepare;
pub mod pwcca;
pub mod regression;
pub mod ridge;
pub mod shape;
pub mod shape_metric;
pub mod svcca;
