//! Order: what must run before what, which kernels share a dispatch, and the order of the dispatches.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

/// The numbers whose bits are set.
fn numbers(bits: &[u64]) -> impl Iterator<Item = usize> {
    let of = |(word, &bits): (usize, &u64)| {
        let mut left = bits;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(word * 64 + bit)
        })
    };
    bits.iter().enumerate().flat_map(of)
}

/// A set of numbers, as bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(Vec<u64>);

impl Numbers {
    pub fn insert(&mut self, number: usize) {
        self.0.resize(self.0.len().max(number / 64 + 1), 0);
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub fn extend(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own |= other);
    }
}

/// A transitive relation between numbered things, as rows of bits.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    n: usize,
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    pub fn new(n: usize) -> Self {
        let words = n.div_ceil(64).max(1);
        Self { n, words, bits: vec![0; n * words] }
    }

    /// `a` comes before `b`.
    pub fn link(&mut self, a: usize, b: usize) {
        self.bits[a * self.words + b / 64] |= 1 << (b % 64);
    }

    pub fn has(&self, a: usize, b: usize) -> bool {
        self.bits[a * self.words + b / 64] >> (b % 64) & 1 == 1
    }

    fn or(&mut self, into: usize, from: usize) {
        for w in 0..self.words {
            let word = self.bits[from * self.words + w];
            self.bits[into * self.words + w] |= word;
        }
    }

    /// Makes the relation, which has no cycle, transitive.
    pub fn close(&mut self) {
        // Each row takes those of the things that it names once they are whole: depth first.
        let mut begun = vec![false; self.n];
        for start in 0..self.n {
            let mut stack = vec![(start, false)];
            while let Some((i, named)) = stack.pop() {
                let after: Vec<usize> = self.after(i).collect();
                if named {
                    after.into_iter().for_each(|j| self.or(i, j));
                } else if !std::mem::replace(&mut begun[i], true) {
                    stack.push((i, true));
                    stack.extend(after.into_iter().filter(|&j| !begun[j]).map(|j| (j, false)));
                }
            }
        }
    }

    /// What `a` comes before.
    fn after(&self, a: usize) -> impl Iterator<Item = usize> {
        numbers(&self.bits[a * self.words..(a + 1) * self.words])
    }

    /// Adds a link to a transitive relation and keeps it transitive.
    pub fn link_closed(&mut self, a: usize, b: usize) {
        if a == b || self.has(a, b) {
            return;
        }
        for x in 0..self.n {
            if x == a || self.has(x, a) {
                self.link(x, b);
                self.or(x, b);
            }
        }
    }

    /// Makes `b` one with `a` in a transitive relation: whatever precedes or follows one does so for both.
    pub fn unite(&mut self, a: usize, b: usize) {
        self.or(a, b);
        self.or(b, a);
        for x in 0..self.n {
            if self.has(x, a) || self.has(x, b) {
                self.link(x, a);
                self.link(x, b);
                self.or(x, a);
            }
        }
    }
}

/// Puts numbered items into dispatches: items with the same key that do not depend on each other share one, and the
/// dispatches are ordered, those of earlier epochs first as far as what they need allows. `before` must be transitive.
pub(super) fn schedule<K: Eq + Hash>(keys: &[K], epochs: &[u32], mut before: Reach) -> Vec<Vec<usize>> {
    let n = keys.len();
    let mut owner: Vec<usize> = (0..n).collect();
    // Dispatches of a key and an epoch so far, by their first items.
    let mut alike: HashMap<(&K, u32), Vec<usize>> = HashMap::new();
    for j in 0..n {
        let leaders = alike.entry((&keys[j], epochs[j])).or_default();
        match leaders.iter().find(|&&i| !before.has(i, j) && !before.has(j, i)) {
            Some(&i) => {
                before.unite(i, j);
                owner[j] = i;
            }
            None => leaders.push(j),
        }
    }
    let mut members = vec![Vec::new(); n];
    owner.iter().enumerate().for_each(|(i, &leader)| members[leader].push(i));
    // Kahn's order over the united items: of those for which nothing is waited any more the earliest.
    let is_leader = |i: &usize| owner[*i] == *i;
    let others = |i: usize| before.after(i).filter(is_leader).filter(move |&j| j != i);
    let mut awaited = vec![0usize; n];
    (0..n).filter(is_leader).flat_map(others).for_each(|j| awaited[j] += 1);
    let ready = |i: usize| Reverse((epochs[i], i));
    let mut heap: BinaryHeap<_> = (0..n).filter(is_leader).filter(|&i| awaited[i] == 0).map(ready).collect();
    let mut done = Vec::with_capacity(n);
    while let Some(Reverse((_, i))) = heap.pop() {
        for j in others(i) {
            awaited[j] -= 1;
            if awaited[j] == 0 {
                heap.push(ready(j));
            }
        }
        done.push(std::mem::take(&mut members[i]));
    }
    debug_assert_eq!(done.iter().map(Vec::len).sum::<usize>(), n, "links that would close a cycle are refused");
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::random::threefry;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let (mut set, mut other) = (Numbers::default(), Numbers::default());
        set.insert(3);
        set.insert(63);
        other.insert(64);
        set.extend(&other);
        assert_eq!((0..200).filter(|&number| set.contains(number)).collect::<Vec<_>>(), [3, 63, 64]);
    }

    #[test]
    fn equal_and_independent_items_share_a_dispatch() {
        // 0 -> 1 -> 3, 2 free; 1 and 2 have the same key.
        let mut before = Reach::new(4);
        before.link(0, 1);
        before.link(1, 3);
        before.close();
        assert!(before.has(0, 3));
        assert_eq!(schedule(&["a", "b", "b", "c"], &[0; 4], before.clone()), vec![vec![0], vec![1, 2], vec![3]]);
        assert_eq!(schedule(&["a", "b", "b", "c"], &[0, 0, 1, 1], before), vec![vec![0], vec![1], vec![2], vec![3]]);
    }

    #[test]
    fn what_follows_at_any_remove_follows() {
        // Links from smaller to larger numbers at random, more than a word of them; against Warshall's three loops.
        for seed in 0..20u32 {
            let n = 70;
            let mut before = Reach::new(n);
            let mut expected = vec![vec![false; n]; n];
            for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
                // Numbers in another order, so that rows are not met in the order of the links.
                let (a, b) = (a * 37 % n, b * 37 % n);
                if threefry([seed, 0], [a as u32, b as u32])[0].is_multiple_of(20) {
                    before.link(a, b);
                    expected[a][b] = true;
                }
            }
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        expected[i][j] |= expected[i][k] && expected[k][j];
                    }
                }
            }
            before.close();
            assert!((0..n).all(|i| (0..n).all(|j| before.has(i, j) == expected[i][j])), "seed {seed}");
        }
    }

    #[test]
    fn sharing_never_closes_a_cycle() {
        // 0 -> 1, 2 -> 3; keys of 0 and 3 agree, and of 1 and 2: only one pair can share.
        let mut before = Reach::new(4);
        before.link(0, 1);
        before.link(2, 3);
        before.close();
        let order = schedule(&["x", "y", "y", "x"], &[0; 4], before);
        let place = |item: usize| order.iter().position(|d| d.contains(&item)).unwrap();
        assert_eq!(order.len(), 3);
        assert!(place(0) < place(1) && place(2) < place(3));
    }
}
