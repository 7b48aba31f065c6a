//! Isogram.

pub mod config;
pub mod data;
pub mod error;
pub mod gpu;
pub mod graph;
pub mod kernels;
pub mod measure;
pub mod nn;

pub use error::{Error, Result};
