//! The processor as a device: its instruction sets, its threads, and memory that threads share. Knows no neural network.

mod denormals;
mod isa;
pub mod math;
mod memory;
mod peak;

pub use denormals::flushed;
pub use isa::{Isa, SIMD_VARIABLE};
pub use memory::{Memory, View};
pub use peak::multiply_add;

/// What the processor is called, for people: figures say where they were measured.
pub fn processor() -> String {
    let found = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        found.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim()));
    name.map_or_else(|| format!("a processor of the kind {}", std::env::consts::ARCH), str::to_owned)
}
