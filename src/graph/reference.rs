//! The reference executor: the same plan, run with the kernels' CPU twins.
//!
//! It is what the GPU's results are tested against, and the last resort on a machine with no adapter. It is slow.

use super::plan::Plan;
use crate::kernels::Memory;

/// A plan on the CPU.
#[derive(Debug)]
pub struct ReferenceMachine {
    plan: Plan,
    memory: Memory,
}

impl ReferenceMachine {
    /// Arenas for a plan, zeroed but for its data.
    pub fn new(plan: Plan) -> Self {
        let mut memory = Memory::new(plan.elements);
        memory.arena_mut(crate::kernels::Arena::Data)[..plan.data.len()].copy_from_slice(&plan.data);
        Self { plan, memory }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The arenas.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The arenas, to change.
    pub fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Runs a function so many times.
    pub fn run(&mut self, function: usize, times: u32) {
        for _ in 0..times {
            for dispatch in &self.plan.functions[function].dispatches {
                let words = dispatch.kernel.job_words();
                for job in 0..dispatch.jobs as usize {
                    let at = dispatch.jobs_at as usize + job * words;
                    for replica in 0..dispatch.replicas as usize {
                        dispatch.kernel.twin(&self.plan.table[at..at + words], replica, &mut self.memory);
                    }
                }
            }
        }
    }
}
