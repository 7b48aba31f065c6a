//! Geometry of a representation with respect to a task: how classes or conditions lie to each other.

mod ccgp;
mod collapse;
mod dichotomies;
mod null;
mod parallelism;

pub use ccgp::{Ccgp, ccgp, ccgp_across_contexts, ccgp_across_contexts_on};
pub use collapse::{EquiangularTightFrame, nc1_trace_ratio, nc2, nc3, nc4};
pub(super) use dichotomies::SHATTERING;
pub use dichotomies::{Dichotomies, Shattering, shattering_dimensionality};
pub use null::{GeometryNull, against_geometry_null, geometry_null};
pub use parallelism::{parallelism_of_pairs, parallelism_of_pairs_on, parallelism_score};

pub use super::probe::Decoder;
