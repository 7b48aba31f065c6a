//! Kernel and RSA measures of representations: definitions in f64 on the CPU.

pub mod algebra;
pub mod alignment;
pub mod bures;
pub mod cknna;
pub mod distance_correlation;
pub mod gram;
pub(crate) mod input;
pub mod kernel;
pub mod noise;
pub mod noise_ceiling;
pub mod rank;
pub mod rdm;
pub mod rsa;
pub mod tiles;
