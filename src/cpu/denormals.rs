//! Numbers too small to be normal are taken for zero, as GPUs and the software adapter take them: an optimiser's moments of
//! weights that no longer move decay to such numbers, and each operation on one costs over a hundred cycles.

#![allow(unsafe_code)]

/// Runs something with subnormal numbers taken for zero, on this thread alone.
pub fn flushed<T>(run: impl FnOnce() -> T) -> T {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: the mode is set for this thread and reset when the closure ends or panics. The compiler assumes the default mode
    // where it computes constants, and no constant of what runs here is subnormal.
    return unsafe { no_denormals::no_denormals(run) };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    run()
}
