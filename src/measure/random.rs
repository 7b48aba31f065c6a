//! Random numbers that depend on a seed, a draw and a position alone: draws can run on any thread in any order.
//!
//! threefry2x32 with 20 rounds (Salmon et al. 2011): the seed is the key, the draw and a running position the counter.

use crate::kernels::random::threefry;

/// The random numbers of one draw.
pub(crate) struct Random {
    key: [u32; 2],
    draw: u32,
    position: u32,
}

impl Random {
    pub(crate) fn new(seed: u64, draw: u32) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32], draw, position: 0 }
    }

    fn next(&mut self) -> u64 {
        let [a, b] = threefry(self.key, [self.draw, self.position]);
        self.position = self.position.wrapping_add(1);
        u64::from(a) << 32 | u64::from(b)
    }

    /// Uniform in [0, 1), 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform among `0..n` (0 if n is 0), without bias: the few values that would favour some are drawn again.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let n = n.max(1) as u64;
        let unfair = u64::MAX - (u64::MAX % n + 1) % n;
        loop {
            let value = self.next();
            if value <= unfair {
                return (value % n) as usize;
            }
        }
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A permutation of `0..n` (Fisher and Yates).
    pub(crate) fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// `size` of `0..n` without replacement, ascending.
    pub(crate) fn subset(&mut self, n: usize, size: usize) -> Vec<usize> {
        let mut chosen = self.permutation(n);
        chosen.truncate(size);
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_permutations_complete() {
        let mut random = Random::new(7, 3);
        let mut counts = [0_usize; 5];
        (0..50_000).for_each(|_| counts[random.below(5)] += 1);
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
        let mut order = random.permutation(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
        assert_eq!(random.subset(10, 4).len(), 4);
        let normal: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let mean = normal.iter().sum::<f64>() / 2e4;
        let variance = normal.iter().map(|v| v * v).sum::<f64>() / 2e4;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
