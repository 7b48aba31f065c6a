//! Train sweeps of neural networks on the GPU, and compare what they represent, without leaving the GPU.
//!
//! Isogram means "same Gram": two layers represent the same thing when the Gram matrices of their activations agree.
//! A *model* is described once; a *sweep* trains it at many settings and seeds, all *replicas* that share a graph in
//! the same dispatches; *observers* read losses, norms and alignments off the device as training goes.
//!
//! The sweep that the command line runs, from Rust:
//!
//! ```
//! use isogram::config::Experiment;
//! use isogram::train::{Options, Quiet, Sweep};
//!
//! # fn main() -> isogram::Result<()> {
//! let experiment = Experiment::from_toml(
//!     r#"
//!     name = "example"
//!     steps = 60
//!     seeds = 4
//!     [model]
//!     layers = [32]
//!     [optimiser]
//!     lr = 0.01
//!     [observe]
//!     measures = ["loss", "accuracy", "cka_pairs"]
//!     [sweep]
//!     "model.activation" = ["tanh", "relu"]
//!     "#,
//!     "example.toml",
//! )?;
//! let summary = Sweep::new(experiment)?.run(&Options::default(), &mut Quiet)?;
//! let accuracy = summary.values("accuracy", 60);
//! assert_eq!(accuracy.len(), 8);
//! assert!(accuracy.iter().all(|a| *a > 0.7));
//! let aligned = summary.pairs.iter().filter(|p| p.name == "cka:biased" && p.step == 60);
//! println!("{} pairs, {} replica-steps/s", aligned.count(), summary.manifest.throughput.replica_steps_per_second);
//! # Ok(())
//! # }
//! ```
//!
//! The floors, each knowing only those below it: [`papers`], [`report`], [`theory`], [`train`], [`measure`], [`nn`] with [`data`], [`graph`],
//! [`kernels`], [`gpu`]; [`mod@bench`] measures them; beside them [`config`] (settings) and [`files`] (what a run leaves on
//! disk).

pub mod bench;
pub mod config;
pub mod cpu;
pub mod data;
pub mod error;
pub mod files;
pub mod gpu;
pub mod graph;
pub mod kernels;
pub mod measure;
pub mod nn;
pub mod papers;
pub mod report;
pub mod selftest;
mod settings;
pub mod theory;
pub mod train;

pub use error::{Error, Result};
