//! The arenas on the processor, and the view of them that many threads hold at once.
//!
//! Words are stored as `f32`, integers by their bits.

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

/// The arenas of one machine, each under its number.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    arenas: [Vec<f32>; 4],
}

impl Memory {
    /// Arenas of the given numbers of elements, zeroed.
    pub fn new(elements: [usize; 4]) -> Self {
        Self { arenas: elements.map(|n| vec![0.0; n]) }
    }

    /// Puts other contents into an arena, and gives what was there.
    pub fn replace(&mut self, arena: impl Into<usize>, contents: Vec<f32>) -> Vec<f32> {
        std::mem::replace(&mut self.arenas[arena.into()], contents)
    }

    /// The contents of an arena.
    pub fn arena(&self, arena: impl Into<usize>) -> &[f32] {
        &self.arenas[arena.into()]
    }

    /// The contents of an arena, to change.
    pub fn arena_mut(&mut self, arena: impl Into<usize>) -> &mut [f32] {
        &mut self.arenas[arena.into()]
    }

    /// What the threads that run a plan read and write.
    pub fn view(&mut self) -> View<'_> {
        View { arenas: self.arenas.each_mut().map(|a| (a.as_mut_ptr(), a.len())), memory: PhantomData }
    }
}

/// Arenas as the bodies of kernels see them, from any number of threads.
///
/// Every access is within its arena, or panics. That no two threads touch a word that one of them writes is the plan's doing,
/// as it is on a GPU: a job writes places of its own, which no job of the same dispatch reads or writes, and different
/// replicas' and different units' places are apart. Flags, which several units may raise, are atomic.
#[derive(Clone, Copy)]
pub struct View<'a> {
    arenas: [(*mut f32, usize); 4],
    memory: PhantomData<&'a mut Memory>,
}

// SAFETY: a view is a set of pointers into arenas that are borrowed for its whole life; threads that share it keep to places
// that are apart, as said above.
unsafe impl Send for View<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    fn place(self, arena: impl Into<usize>, at: usize, count: usize) -> *mut f32 {
        let (start, length) = self.arenas[arena.into()];
        assert!(at <= length && count <= length - at, "{count} words at {at} of an arena of {length}");
        // SAFETY: `at` is within the arena, or its end.
        unsafe { start.add(at) }
    }

    /// Some words, which nothing writes while they are in use.
    #[inline]
    pub(crate) fn get(self, arena: impl Into<usize>, at: usize, count: usize) -> &'a [f32] {
        let start = self.place(arena, at, count);
        // SAFETY: within the arena, initialised, and not written meanwhile by the plan's doing.
        unsafe { std::slice::from_raw_parts(start, count) }
    }

    /// Some words to change, which nothing else reads or writes while they are in use.
    #[inline]
    pub(crate) fn get_mut(self, arena: impl Into<usize>, at: usize, count: usize) -> &'a mut [f32] {
        let start = self.place(arena, at, count);
        // SAFETY: within the arena, initialised, and the caller's alone by the plan's doing.
        unsafe { std::slice::from_raw_parts_mut(start, count) }
    }

    /// One word.
    #[inline]
    pub(crate) fn word(self, arena: impl Into<usize>, at: usize) -> f32 {
        self.get(arena, at, 1)[0]
    }

    /// Writes words; `values` are not of the place itself.
    #[inline]
    pub(crate) fn put(self, arena: impl Into<usize>, at: usize, values: &[f32]) {
        let start = self.place(arena, at, values.len());
        // SAFETY: within the arena; what is written nobody else touches, and a caller's values stand elsewhere, since it holds
        // no reference to this place while it writes there.
        unsafe { std::ptr::copy(values.as_ptr(), start, values.len()) }
    }

    /// Makes a word 1, whoever else does the same.
    #[inline]
    pub(crate) fn raise(self, arena: impl Into<usize>, at: usize) {
        let word = self.place(arena, at, 1).cast::<u32>();
        // SAFETY: within the arena, aligned as `f32` is, and written by atomic stores alone while units run.
        unsafe { AtomicU32::from_ptr(word) }.store(1.0f32.to_bits(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_within_their_arena() {
        let mut memory = Memory::new([0, 4, 0, 0]);
        let view = memory.view();
        view.put(1usize, 2, &[1.0, 2.0]);
        view.raise(1usize, 0);
        assert_eq!(view.get(1usize, 0, 4), [1.0, 0.0, 1.0, 2.0]);
        assert!(std::panic::catch_unwind(|| view.get(1usize, 3, 2)).is_err());
        assert!(std::panic::catch_unwind(|| view.put(0usize, 0, &[0.0])).is_err());
    }
}
