//! Isogram.

pub mod config;
pub mod data;
pub mod error;
pub mod files;
pub mod gpu;
pub mod graph;
pub mod kernels;
pub mod measure;
pub mod nn;
pub mod report;
pub mod selftest;
pub mod train;

pub use error::{Error, Result};
