//! What a product on the processor is asked for, and where its factors stand.

use std::ops::Range;

use super::windowed::Windows;

/// Terms of K summed as one chain. Part of the contract: it decides bits.
pub const PART: usize = 256;

/// A factor as it stands in memory: element (i, t), where i counts rows of A or
/// columns of B and t counts along K.
#[derive(Clone, Copy)]
pub struct Factor<'a> {
    /// The elements, from (0, 0) on.
    pub values: &'a [f32],
    /// Elements from one line to the next.
    pub leading: usize,
    /// Whether line i holds all t (A as `[M, K]`, B as `[N, K]`); otherwise line
    /// t holds all i (A as `[K, M]`, B as `[K, N]`).
    pub depth_last: bool,
    /// If the elements are those of images, the windows that the factor is made of: then `leading` are channels, and it is A with
    /// K last or B with K first.
    pub windows: Option<Windows<'a>>,
}

/// Room for packed panels and a tile, kept by each thread from one call to the next.
#[derive(Default)]
pub struct Workspace {
    pub(super) a: Vec<f32>,
    pub(super) b: Vec<f32>,
    pub(super) tile: Vec<f32>,
}

/// What [`block`](super::product::block) is asked for.
pub(super) struct Job<'a> {
    pub(super) rounded: bool,
    pub(super) a: Factor<'a>,
    pub(super) rows: Range<usize>,
    pub(super) b: Factor<'a>,
    pub(super) columns: Range<usize>,
    pub(super) depth: usize,
    pub(super) space: &'a mut Workspace,
    pub(super) out: &'a mut [f32],
    pub(super) done: &'a mut dyn FnMut(Range<usize>, &[f32]),
}

#[inline(always)]
pub(super) fn grow(space: &mut Vec<f32>, room: usize) {
    if space.len() < room {
        space.resize(room, 0.0);
    }
}
