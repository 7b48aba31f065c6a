//! What measures are computed by: sums in a fixed order, products and factorisations, checks of what a caller gives, and solvers.
//! Everything runs on one thread with a fixed order of summation, so that the same input gives the same bits.

pub mod algebra;
pub mod assignment;
pub mod basis;
pub(crate) mod check;
pub(in crate::measure) mod factor;
pub(in crate::measure) mod kmeans;
pub(in crate::measure) mod lasso;
pub mod persistence;
pub mod random;
pub mod tiles;
pub mod transport;
pub mod units;
