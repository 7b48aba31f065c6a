//! What an adapter can do, reduced to what decides between kernel bodies. Made in one place, printed by `doctor`.

use serde::{Deserialize, Serialize};

/// One cooperative-matrix configuration: an `m` x `n` result from products of length `k`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CooperativeRow {
    /// Rows of the result.
    pub m: u32,
    /// Columns of the result.
    pub n: u32,
    /// Length of the inner product.
    pub k: u32,
    /// Element type of the factors.
    pub factors: String,
    /// Element type of the result.
    pub result: String,
}

/// What decides which body of a kernel runs. A function of the adapter alone, never of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The adapter is a program on the CPU: workgroup barriers are dear, wide register tiles are cheap.
    pub software: bool,
    /// The device is the processor itself, whatever bodies are chosen.
    #[serde(default)]
    pub cpu: bool,
    /// There is no adapter: the processor runs native bodies.
    #[serde(default)]
    pub native: bool,
    /// Smallest subgroup, in invocations (0: unknown).
    pub subgroup_min: u32,
    /// Largest subgroup, in invocations (0: unknown).
    pub subgroup_max: u32,
    /// Subgroup operations in shaders.
    pub subgroups: bool,
    /// Barriers within a subgroup.
    pub subgroup_barriers: bool,
    /// 16-bit floats in shaders.
    pub f16: bool,
    /// Cooperative-matrix configurations.
    pub cooperative: Vec<CooperativeRow>,
    /// Workgroup memory, bytes.
    pub workgroup_memory: u32,
    /// Invocations per workgroup.
    pub workgroup_invocations: u32,
    /// Storage buffers that one shader may bind.
    pub storage_buffers: u32,
    /// Largest storage binding, bytes.
    pub binding_bytes: u64,
    /// Workgroups per grid dimension.
    pub grid: u32,
    /// Time stamps at the ends of compute passes.
    pub timestamps: bool,
    /// Loop iterations after which an invocation may be made to end all its loops without a word: Mesa's software adapter
    /// counts to 65,535 over all loops of a shader (`LP_MAX_TGSI_LOOP_ITERATIONS`). `None`: no such limit is known. It is the
    /// driver's, whatever kernels are chosen.
    #[serde(default)]
    pub loop_iterations: Option<u64>,
}

/// What a software adapter's driver allows.
pub(super) const SOFTWARE_LOOPS: u64 = 65_535;

impl Profile {
    /// Invocations per workgroup of kernels without a shape of their own: one vector of a software adapter, which reads
    /// a job's words once per vector and not once per workgroup; two subgroups of the commonest size of a GPU.
    pub fn width(&self) -> u32 {
        if self.software { 8 } else { 64 }
    }

    /// The least that any supported adapter offers: what tests force, and what [`Gpu::open_with`](super::Gpu::open_with) asks for.
    pub fn least(software: bool) -> Self {
        Self {
            software,
            cpu: software,
            native: false,
            subgroup_min: 0,
            subgroup_max: 0,
            subgroups: false,
            subgroup_barriers: false,
            f16: false,
            cooperative: Vec::new(),
            workgroup_memory: 16 << 10,
            workgroup_invocations: 256,
            storage_buffers: 8,
            binding_bytes: 128 << 20,
            grid: 65_535,
            timestamps: false,
            loop_iterations: software.then_some(SOFTWARE_LOOPS),
        }
    }

    /// The profile of the processor, which runs native bodies: no tile, width or limit of a dispatch means anything there.
    pub fn processor() -> Self {
        Self { native: true, binding_bytes: 4 * u64::from(u32::MAX), loop_iterations: None, ..Self::least(true) }
    }
}
