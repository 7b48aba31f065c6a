//! Exact inner products of whole numbers between replicas: sums of ranks' products have more digits than a float, and a
//! rank correlation of tied data is a quotient of integers.

use std::ops::Range;

use super::native::{At, Space, Task};
use super::template::Routine;
use super::{Arena, HEADER, Variant};

/// Words that each strand leaves: the three sums of digits' products, each in two parts.
const WORDS: usize = 6;

/// Elements of a strand, at most.
const LONGEST: usize = 2048;

/// Elements of a strand before its sums of digits are folded: `64 * 2^24` is below 2^31.
const FOLD: usize = 64;

/// Items of a block.
const ACROSS: usize = 64;

/// The numbers of strands of a segment, which lie side by side, and of segments of a tensor of so many elements.
fn division(elements: usize) -> [usize; 2] {
    let strands = elements.div_ceil(256).next_power_of_two().min(64);
    [strands, elements.div_ceil(strands * LONGEST)]
}

/// Words of the product of one pair of replicas, for tensors of so many elements.
pub fn words_of(elements: usize) -> usize {
    let [strands, segments] = division(elements);
    WORDS * strands * segments
}

/// The product that the words of a pair of replicas say.
pub fn product(words: impl IntoIterator<Item = u32>) -> i128 {
    let mut sums = [0i128; WORDS];
    for (i, word) in words.into_iter().enumerate() {
        sums[i % WORDS] += i128::from(word as i32);
    }
    let whole = |i: usize| (sums[2 * i] << 16) + sums[2 * i + 1];
    (whole(0) << 24) + (whole(1) << 12) + whole(2)
}

/// The kernel. Job header: first block, elements, replicas, strands; then the tensor (offset, stride), the result (offset,
/// stride 0), segments, elements of a segment, and items of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exact {
    /// Arena of the tensor.
    pub source: Arena,
    /// Arena of the result.
    pub result: Arena,
}

impl Exact {
    /// Words of a job after the places, and the strands before them.
    pub(crate) fn last_words(elements: usize) -> (usize, [usize; 3]) {
        let [strands, segments] = division(elements);
        (strands, [segments, strands * LONGEST, ACROSS])
    }
}

impl Variant for Exact {
    fn name(&self) -> String {
        "exact products".into()
    }

    fn job_words(&self) -> usize {
        HEADER + 7
    }

    fn blocks(&self, job: &[u32]) -> u32 {
        let pairs = u64::from(job[2]) * u64::from(job[2]);
        let items = pairs * u64::from(job[3]) * u64::from(job[HEADER + 4]);
        // More would not fit into any memory.
        items.div_ceil(u64::from(job[HEADER + 6])).min(u64::from(u32::MAX)) as u32
    }

    fn routine(&self, entry: &str, width: u32) -> Routine {
        Routine::new(
            include_str!("../../shaders/exact.wgsl"),
            width,
            &[
                ("entry", entry),
                ("lanes", &width.to_string()),
                ("source", self.source.wgsl()),
                ("target", self.result.wgsl()),
            ],
        )
    }

    fn iterations(&self, job: &[u32], width: u32) -> u64 {
        let strand = u64::from(job[1].min(job[HEADER + 5]).div_ceil(job[3]));
        1 + u64::from(job[HEADER + 6].div_ceil(width)) * (2 + strand + strand.div_ceil(FOLD as u64))
    }

    fn task(&self, job: &[u32]) -> Box<dyn Task> {
        let [count, replicas, strands] = [1, 2, 3].map(|i| job[i] as usize);
        let words = job[HEADER..].iter().map(|&w| w as usize).collect();
        Box::new(Native { arenas: [self.source, self.result], count, replicas, strands, words })
    }
}

struct Native {
    arenas: [Arena; 2],
    count: usize,
    replicas: usize,
    strands: usize,
    words: Vec<usize>,
}

impl Task for Native {
    /// One for each pair of replicas and segment of the tensor.
    fn units(&self) -> usize {
        self.replicas * self.replicas * self.words[4]
    }

    fn run(&self, at: At, units: Range<usize>, _: &mut Space) {
        let Self { count, replicas, strands, .. } = *self;
        let [origin, stride, base, _, segments, length] = self.words[..6] else { return };
        for part in units {
            let (segment, first, second) = (part % segments, part / segments / replicas, part / segments % replicas);
            let start = segment * length;
            let stop = if first <= second { count.min(start + length) } else { start };
            let of = |r: usize| at.view.get(self.arenas[0], origin + r * stride + start, stop - start);
            for strand in 0..strands {
                let words = if start + strand < stop {
                    strand_words(of(first), of(second), strand, strands)
                } else {
                    [0; WORDS]
                };
                at.view.put(
                    self.arenas[1],
                    base + WORDS * (part * strands + strand),
                    &words.map(|w| f32::from_bits(w as u32)),
                );
            }
        }
    }
}

/// Sums of digits' products of every so-manieth element.
fn strand_words(xs: &[f32], ys: &[f32], strand: usize, strands: usize) -> [i32; WORDS] {
    let mut folded = [0i32; WORDS];
    let mut pairs = xs.iter().zip(ys).skip(strand).step_by(strands).map(|(x, y)| (*x as i32, *y as i32)).peekable();
    while pairs.peek().is_some() {
        let mut sums = [0i32; 3];
        for (x, y) in pairs.by_ref().take(FOLD) {
            let ([xh, yh], [xl, yl]) = ([x >> 12, y >> 12], [x & 4095, y & 4095]);
            sums[0] += xh * yh;
            sums[1] += xh * yl + xl * yh;
            sums[2] += xl * yl;
        }
        for (i, sum) in sums.into_iter().enumerate() {
            folded[2 * i] += sum >> 16;
            folded[2 * i + 1] += sum & 0xffff;
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, Memory};

    #[test]
    fn products_come_out_of_their_words() {
        for (count, spread) in [(1, 5i64), (45, 1 << 22), (300, 8_388_000), (140_000, 8_388_607)] {
            let (strands, last) = Exact::last_words(count);
            let words = words_of(count);
            let (xs, replicas) =
                (|r: usize, i: usize| ((i * 7919 + r * 104_729) as i64 % (2 * spread + 1)) - spread, 2);
            let mut memory = Memory::new([0, 0, replicas * count, replicas * replicas * words]);
            for r in 0..replicas {
                for i in 0..count {
                    memory.arena_mut(Arena::Scratch)[r * count + i] = xs(r, i) as f32;
                }
            }
            let mut job = vec![0, count as u32, replicas as u32, strands as u32, 0, count as u32, 0, 0];
            job.extend(last.map(|w| w as u32));
            let task = Exact { source: Arena::Scratch, result: Arena::Out }.task(&job);
            let at = At { isa: Isa::Portable, replica: 0, view: memory.view() };
            task.run(at, 0..task.units(), &mut Space::default());
            for (pair, (a, b)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
                let bits = memory.arena(Arena::Out)[pair * words..(pair + 1) * words].iter().map(|w| w.to_bits());
                let expected: i128 = (0..count).map(|i| i128::from(xs(a, i)) * i128::from(xs(b, i))).sum();
                assert_eq!(product(bits), if a <= b { expected } else { 0 }, "{count} elements, {a} and {b}");
            }
        }
    }
}
