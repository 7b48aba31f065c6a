//! What tests of forms for a device share.

use std::sync::Arc;

use crate::gpu::{AdapterChoice, Gpu};

/// The executors that are under test, by name: the processor, and an adapter where there is one.
pub(in crate::measure) fn executors() -> Vec<(&'static str, Option<Arc<Gpu>>)> {
    let gpu = Gpu::open(&AdapterChoice::Automatic).ok();
    assert!(gpu.is_some() || std::env::var_os("ISOGRAM_REQUIRE_ADAPTER").is_none(), "an adapter is required");
    std::iter::once(("the processor", None)).chain(gpu.map(|gpu| ("the adapter", Some(gpu)))).collect()
}

/// Values without structure, in [-0.5, 0.5).
pub(in crate::measure) fn pseudo(i: usize) -> f64 {
    let x = (i as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / (1u64 << 24) as f64 - 0.5
}
