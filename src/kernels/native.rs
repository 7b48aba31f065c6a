//! Native bodies: kernels on the processor.
//!
//! A [`Task`] is one job, decoded once when a machine is built. What it computes is cut into *units* that meet nowhere, so
//! that any threads may take them in any order; which thread takes which changes no bit.

use std::ops::Range;

use super::program_native::Registers;
use crate::cpu::{Isa, View};

/// Where a task runs: the instruction set, the replica, and the arenas.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The instruction set.
    pub isa: Isa,
    /// The replica.
    pub replica: usize,
    /// The arenas.
    pub view: View<'a>,
}

/// What a thread works with, kept from task to task.
#[derive(Default)]
pub struct Space {
    pub(super) registers: Registers,
    /// Results before their program.
    pub(super) results: Vec<f32>,
    /// Values on the way.
    pub(super) work: Vec<f32>,
    /// Sums in double precision.
    pub(super) sums: Vec<f64>,
    pub(super) product: super::matmul::Packed,
}

/// A job on the processor.
pub trait Task: Send + Sync {
    /// Parts that can run side by side.
    fn units(&self) -> usize {
        1
    }

    /// Computes some of the parts.
    fn run(&self, at: At, units: Range<usize>, space: &mut Space);
}

/// Offset and replica stride of a tensor, as they stand in a job.
pub(super) fn base(words: &[u32], at: usize, replica: usize) -> usize {
    words[at] as usize + replica * words[at + 1] as usize
}
