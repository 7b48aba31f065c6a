//! Geometry of a representation with respect to a task: how classes, or the conditions of a design, lie to each other.

mod ccgp;
mod collapse;
mod dichotomies;
mod null;
mod parallelism;

pub(super) use ccgp::CCGP;
pub(super) use collapse::{NC2, NEURAL_COLLAPSE};
pub(super) use dichotomies::SHATTERING;
pub(super) use parallelism::PARALLELISM;
