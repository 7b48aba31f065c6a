//! Elementwise programs on the processor: a block of elements at a time, each instruction a loop over vectors.
//!
//! What depends on no element is computed once for a task and a replica, and where blocks are whole rows, so is what depends on
//! the column alone. The rest shares few registers, which stay in the nearest cache; whole blocks of tensors are read where they
//! stand.

mod bound;
mod code;
mod draws;
mod functions;
mod leaves;
mod places;
mod running;
mod update;

pub(super) use bound::Bound;
pub(super) use running::{Registers, Running};

/// Elements of a block.
const BLOCK: usize = 256;
/// Elements of the inner loops: a fixed number of whole vectors of any width, so that none is left over.
const CHUNK: usize = 128;
/// Elements of what is the same everywhere, while it is computed: one vector, or a few.
const NARROW: usize = 16;

/// The values of a block; integers by their bits.
type Values = [f32; BLOCK];
