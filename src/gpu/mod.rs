//! Adapters, devices, buffers and pipelines: everything that touches the graphics interface, and nothing that knows
//! what a neural network is. Only this floor and `graph::executor` name `wgpu` types.

mod adapter;
mod device;
mod profile;
mod timing;

pub use adapter::{AdapterChoice, AdapterSummary, list_adapters};
pub(crate) use device::Question;
pub use device::{BINDINGS, Gpu, IMMEDIATE_BYTES, Pipeline};
pub use profile::{CooperativeRow, Profile};
pub(crate) use timing::Stopwatch;
