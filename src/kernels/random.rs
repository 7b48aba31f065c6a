//! Counter-based random numbers, one at a time: what `shaders/random.wgsl` gives.
//!
//! threefry2x32 with 20 rounds (Salmon et al. 2011). The key is (seed, purpose), the counter (step, element), so that
//! a value depends on nothing else: not on a replica's place in a group, nor on what else runs.

use super::lanes::{block, gauss, unit};

/// The threefry2x32 block function with 20 rounds.
pub fn threefry(key: [u32; 2], counter: [u32; 2]) -> [u32; 2] {
    block(key, counter)
}

/// A number for a purpose, from its path (FNV-1a): the same wherever the purpose stands in a model.
pub fn purpose(path: &str) -> u32 {
    path.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Uniform in [0, 1).
pub fn uniform(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    unit(threefry([seed, purpose], [step, element])[0])
}

/// Standard normal (Box and Muller).
pub fn normal(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    gauss(threefry([seed, purpose], [step, element]))
}

/// Standard normal within two standard deviations, by rejection.
pub fn truncated(seed: u32, purpose: u32, step: u32, element: u32) -> f32 {
    let mut value = 0.0;
    for attempt in 0..64u32 {
        value = gauss(threefry([seed, purpose], [step ^ (attempt << 26), element]));
        if value.abs() <= 2.0 {
            break;
        }
    }
    value
}

/// Position `position` of a keyed permutation of `0..count`: a Feistel network with cycle walking.
pub fn permuted(seed: u32, purpose: u32, epoch: u32, position: u32, count: u32) -> u32 {
    let mut half = 1u32;
    while (1u32 << (2 * half)) < count && half < 15 {
        half += 1;
    }
    let mask = (1u32 << half) - 1;
    let mut value = position;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..6u32 {
            let mixed = threefry([seed, purpose], [epoch, (round << 16) | right])[0] & mask;
            (left, right) = (right, left ^ mixed);
        }
        value = (left << half) | right;
        if value < count {
            return value;
        }
    }
}

/// One of `0..count`, each as likely to within `count` in 2^32. `count` is not zero.
pub fn choice(seed: u32, purpose: u32, step: u32, element: u32, count: u32) -> u32 {
    threefry([seed, purpose], [step, element])[0] % count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The three vectors that Random123 publishes for threefry2x32, 20 rounds.
    #[test]
    fn threefry_gives_the_published_known_answers() {
        assert_eq!(threefry([0, 0], [0, 0]), [0x6b20_0159, 0x99ba_4efe]);
        assert_eq!(threefry([u32::MAX; 2], [u32::MAX; 2]), [0x1cb9_96fc, 0xbb00_2be7]);
        assert_eq!(threefry([0x1319_8a2e, 0x0370_7344], [0x243f_6a88, 0x85a3_08d3]), [0xc492_3a9c, 0x483d_f7a0]);
    }

    #[test]
    fn a_permutation_takes_every_place_once() {
        for count in [1, 2, 3, 4, 5, 17, 64, 1437] {
            for epoch in 0..3 {
                let mut seen = vec![false; count as usize];
                for position in 0..count {
                    let place = permuted(7, purpose("batch"), epoch, position, count);
                    assert!(!std::mem::replace(&mut seen[place as usize], true));
                }
            }
        }
        let order = |seed, epoch| (0..64).map(|i| permuted(seed, 1, epoch, i, 64)).collect::<Vec<_>>();
        assert_ne!(order(0, 0), order(0, 1));
        assert_ne!(order(0, 0), order(1, 0));
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let n = 100_000u32;
        let moments = |f: &dyn Fn(u32) -> f32| {
            let (mut sum, mut square) = (0.0f64, 0.0f64);
            for i in 0..n {
                let x = f64::from(f(i));
                sum += x;
                square += x * x;
            }
            let mean = sum / f64::from(n);
            (mean, (square / f64::from(n) - mean * mean).sqrt())
        };
        let close = |(mean, sd): (f64, f64), (m, s): (f64, f64)| {
            assert!((mean - m).abs() < 0.012 && (sd - s).abs() < 0.012, "{mean} {sd} against {m} {s}");
        };
        close(moments(&|i| uniform(3, 5, 0, i)), (0.5, (1.0f64 / 12.0).sqrt()));
        close(moments(&|i| normal(3, 5, 0, i)), (0.0, 1.0));
        close(moments(&|i| truncated(3, 5, 0, i)), (0.0, 0.879_625_66));
    }
}
