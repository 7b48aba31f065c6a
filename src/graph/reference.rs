//! The reference executor: the same plan, run with the kernels' CPU twins.
//!
//! It is what the GPU's results are tested against, and the last resort on a machine with no adapter. It is slow.

use std::sync::Arc;

use super::plan::Plan;
use super::room::{Room, zeroed};
use crate::error::Result;
use crate::kernels::{Arena, Memory};

/// A plan on the CPU.
#[derive(Debug)]
pub struct ReferenceMachine {
    plan: Arc<Plan>,
    memory: Memory,
    room: Arc<Room>,
}

impl ReferenceMachine {
    /// Arenas for a plan, zeroed but for its data; scratch is that of a room.
    ///
    /// # Errors
    /// If there is no memory for them.
    pub fn new(plan: Arc<Plan>, room: &Arc<Room>) -> Result<Self> {
        let mut memory = Memory::default();
        for arena in Arena::ALL.into_iter().filter(|arena| *arena != Arena::Scratch) {
            memory.replace(arena, zeroed(plan.elements[arena as usize])?);
        }
        memory.arena_mut(Arena::Data)[..plan.data.len()].copy_from_slice(&plan.data);
        Ok(Self { plan, memory, room: room.clone() })
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
        let mut scratch = self.room.host().lock().expect("no panic while held");
        self.memory.replace(Arena::Scratch, std::mem::take(&mut scratch));
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
        *scratch = self.memory.replace(Arena::Scratch, Vec::new());
    }
}
