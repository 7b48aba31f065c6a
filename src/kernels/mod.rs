//! The kernels: for each, what it binds, its bodies in WGSL, which profile gets which, and its native body. No live GPU
//! object.
//!
//! A kernel runs *jobs*. A job is a row of words in the plan's table that says where its operands are and how large
//! they are; several jobs of one kernel share a dispatch. The native body reads the same words, so a plan means the same thing
//! on a GPU and on the processor.

pub mod cross_entropy;
pub mod exact;
pub mod functions;
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

/// What is asked of a kernel variant, which is everything that decides its WGSL text.
pub trait Variant {
    /// A short name for plans, labels and error messages.
    fn name(&self) -> String;

    /// The body that this variant names, as a WGSL function. `width` is the number of invocations per workgroup where the
    /// variant itself leaves it open (see [`Profile::width`]); it changes no result.
    fn routine(&self, entry: &str, width: u32) -> Routine;

    /// Words per job in the table.
    fn job_words(&self) -> usize;

    /// Workgroups per replica that a job of these words needs.
    fn blocks(&self, job: &[u32]) -> u32;

    /// About how many loop iterations an invocation makes for one block of a job, not counting the search for its job:
    /// some drivers end a dispatch's loops after so many (see [`Profile::loop_iterations`]).
    fn iterations(&self, job: &[u32], width: u32) -> u64;

    /// A job of these words on the processor.
    fn task(&self, job: &[u32]) -> Box<dyn Task>;
}

macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident($variant:ty),)+) => {
        /// A kernel variant. All that [`Variant`] says of one can be asked of it.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Kernel {
            $($(#[$doc])* $name($variant),)+
        }

        impl std::ops::Deref for Kernel {
            type Target = dyn Variant;

            fn deref(&self) -> &Self::Target {
                match self { $(Self::$name(variant) => variant,)+ }
            }
        }

        $(impl From<$variant> for Kernel {
            fn from(variant: $variant) -> Self {
                Self::$name(variant)
            }
        })+
    };
}

kernels! {
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
    /// Whether it multiplies by cooperative matrices.
    pub fn is_cooperative(&self) -> bool {
        matches!(self, Self::MatMul(matmul::MatMul { tile: matmul::Tile::Cooperative { .. }, .. }))
    }

    /// The WGSL text of a module with this kernel alone.
    pub fn wgsl(&self, width: u32) -> String {
        template::single(&self.routine("kernel", width))
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
