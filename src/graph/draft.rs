//! Dispatches while a function is lowered: what they need is known, and not yet where it stands.

use std::collections::BTreeMap;

use super::node::Tensor;
use super::program_of::Word;
use crate::kernels::Kernel;

/// A dispatch whose words still name places.
pub(super) struct DraftDispatch {
    pub kernel: Kernel,
    pub jobs: Vec<Vec<Word>>,
    pub label: String,
    pub replicas: usize,
    pub shared: bool,
    pub flops: u64,
    pub bytes: u64,
}

/// One function's dispatches and the places of its temporaries, relative to their regions.
pub(super) struct Draft {
    pub dispatches: Vec<DraftDispatch>,
    pub shared: BTreeMap<Tensor, usize>,
    pub replica: BTreeMap<Tensor, usize>,
    pub shared_scratch: usize,
    pub replica_scratch: usize,
    pub resident: bool,
    pub lowering: String,
    pub least_bytes: u64,
}
