//! The kernels: for each, what it binds, its bodies in WGSL, which profile gets which, and its native body. No live GPU
//! object.
//!
//! A kernel runs *jobs*. A job is a row of words in the table arena that says where its operands are and how large
//! they are; several jobs of one kernel share a dispatch. The native body reads the same words, so a plan means the same thing
//! on a GPU and on the processor.

pub mod cross_entropy;
pub mod exact;
mod lanes;
pub mod map;
pub mod matmul;
mod memory;
pub mod native;
pub mod nearest;
pub mod orthogonal;
pub mod program;
mod program_native;
mod program_wgsl;
pub mod random;
pub mod reduce;
pub mod sort;
pub mod template;

pub use memory::{Arena, Slot};
pub use native::{At, Space, Task};
pub use template::Routine;

use crate::gpu::Profile;

/// Words of a job before those of its operands: first block, then three that the kernel defines.
pub const HEADER: usize = 4;

/// A kernel variant: everything that decides its WGSL text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Elementwise program over the elements of a tensor.
    Map(map::Map),
    /// Reduction along one axis, with programs before and after.
    Reduce(reduce::Reduce),
    /// Matrix product with a program on each element of the result.
    MatMul(matmul::MatMul),
    /// Softmax cross-entropy of rows: loss, gradient and correctness in one pass.
    CrossEntropy(cross_entropy::CrossEntropy),
    /// Orthonormal columns or rows from a random matrix.
    Orthogonal(orthogonal::Orthogonal),
    /// Nearest rows by their distances.
    Nearest(nearest::Nearest),
    /// A step of a sort, or ranks.
    Sort(sort::Sort),
    /// Exact inner products between replicas.
    Exact(exact::Exact),
}

impl Kernel {
    /// A short name for plans, labels and error messages.
    pub fn name(&self) -> String {
        match self {
            Self::Map(k) => k.name(),
            Self::Reduce(k) => k.name(),
            Self::MatMul(k) => k.name(),
            Self::CrossEntropy(k) => k.name(),
            Self::Orthogonal(k) => k.name(),
            Self::Nearest(k) => k.name(),
            Self::Sort(k) => k.name(),
            Self::Exact(k) => k.name(),
        }
    }

    /// The body that this variant names, as a WGSL function. `width` is the number of invocations per workgroup where the
    /// variant itself leaves it open (see [`Profile::width`]); it changes no result.
    pub fn routine(&self, entry: &str, width: u32) -> Routine {
        match self {
            Self::Map(k) => k.routine(entry, width),
            Self::Reduce(k) => k.routine(entry, width),
            Self::MatMul(k) => k.routine(entry),
            Self::CrossEntropy(k) => k.routine(entry, width),
            Self::Orthogonal(k) => k.routine(entry),
            Self::Nearest(k) => k.routine(entry, width),
            Self::Sort(k) => k.routine(entry, width),
            Self::Exact(k) => k.routine(entry, width),
        }
    }

    /// Whether it multiplies by cooperative matrices.
    pub fn is_cooperative(&self) -> bool {
        matches!(self, Self::MatMul(matmul::MatMul { tile: matmul::Tile::Cooperative { .. }, .. }))
    }

    /// The WGSL text of a module with this kernel alone.
    pub fn wgsl(&self, width: u32) -> String {
        template::single(&self.routine("kernel", width))
    }

    /// Words per job in the table.
    pub fn job_words(&self) -> usize {
        match self {
            Self::Map(k) => k.job_words(),
            Self::Reduce(k) => k.job_words(),
            Self::MatMul(k) => k.job_words(),
            Self::CrossEntropy(k) => k.job_words(),
            Self::Orthogonal(k) => k.job_words(),
            Self::Nearest(k) => k.job_words(),
            Self::Sort(k) => k.job_words(),
            Self::Exact(k) => k.job_words(),
        }
    }

    /// Workgroups per replica that a job of these words needs.
    pub fn blocks(&self, job: &[u32]) -> u32 {
        match self {
            Self::Map(k) => k.blocks(job),
            Self::Reduce(k) => k.blocks(job),
            Self::MatMul(k) => k.blocks(job),
            Self::CrossEntropy(k) => k.blocks(job),
            Self::Orthogonal(k) => k.blocks(job),
            Self::Nearest(k) => k.blocks(job),
            Self::Sort(k) => k.blocks(job),
            Self::Exact(k) => k.blocks(job),
        }
    }

    /// About how many loop iterations an invocation makes for one block of a job, not counting the search for its job:
    /// some drivers end a dispatch's loops after so many (see [`Profile::loop_iterations`]).
    pub fn iterations(&self, job: &[u32], width: u32) -> u64 {
        match self {
            Self::Map(k) => k.iterations(width),
            Self::Reduce(k) => k.iterations(job, width),
            Self::MatMul(k) => k.iterations(job),
            Self::CrossEntropy(k) => k.iterations(job, width),
            Self::Orthogonal(k) => k.iterations(job),
            Self::Nearest(k) => k.iterations(job, width),
            Self::Sort(k) => k.iterations(job, width),
            Self::Exact(k) => k.iterations(job, width),
        }
    }

    /// A job of these words on the processor.
    pub fn task(&self, job: &[u32]) -> Box<dyn Task> {
        match self {
            Self::Map(k) => k.task(job),
            Self::Reduce(k) => k.task(job),
            Self::MatMul(k) => k.task(job),
            Self::CrossEntropy(k) => k.task(job),
            Self::Orthogonal(k) => k.task(job),
            Self::Nearest(k) => k.task(job),
            Self::Sort(k) => k.task(job),
            Self::Exact(k) => k.task(job),
        }
    }
}

/// Which of a kernel's bodies a profile gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// Barrier-free, wide register tiles: for adapters that are programs on the CPU.
    Wide,
    /// Workgroup memory and many invocations: for GPUs.
    Tiled,
}

impl Body {
    /// The one place where a profile chooses.
    pub fn of(profile: &Profile) -> Self {
        if profile.software { Self::Wide } else { Self::Tiled }
    }
}
