//! A small counter-based random generator, so that a measure that samples gives the same value for the same seed on
//! every machine and for every number of threads.

/// SplitMix64 (Steele, Lea and Flood 2014): the n-th number is a hash of the seed plus n times a constant.
#[derive(Debug, Clone)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// The generator of a seed and a stream; different streams of one seed are unrelated.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { state: mix(mix(seed.wrapping_add(GAMMA)).wrapping_add(stream.wrapping_mul(GAMMA))) }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number below `bound`, every one equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        // Numbers from the last, incomplete round of `bound` would favour small results.
        let limit = u64::MAX - (u64::MAX % bound + 1) % bound;
        loop {
            let r = self.next_u64();
            if r <= limit {
                return (r % bound) as usize;
            }
        }
    }

    /// `count` different numbers below `n` in ascending order, every subset equally likely; all of them if `count` ≥ `n`.
    pub fn subset(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..n).collect();
        let count = count.min(n);
        for i in 0..count {
            let j = i + self.below(n - i);
            all.swap(i, j);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_is_the_published_one() {
        // First outputs of SplitMix64 from state 1234567.
        let mut g = SplitMix { state: 1_234_567 };
        assert_eq!(g.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(g.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn subsets_are_even_and_without_repeats() {
        let mut hits = [0_usize; 10];
        for stream in 0..4000 {
            let s = SplitMix::new(7, stream).subset(10, 3);
            assert!(s.len() == 3 && s.windows(2).all(|w| w[0] < w[1]));
            s.iter().for_each(|&i| hits[i] += 1);
        }
        // Mean 1200, standard deviation 29.
        assert!(hits.iter().all(|h| h.abs_diff(1200) < 150), "{hits:?}");
        assert_eq!(SplitMix::new(1, 2).subset(4, 9), [0, 1, 2, 3]);
        assert!(SplitMix::new(1, 2).subset(0, 9).is_empty());
        assert_eq!(SplitMix::new(1, 2).below(0), 0);
        let mean = (0..1000).map(|s| SplitMix::new(3, s).uniform()).sum::<f64>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05);
    }
}
