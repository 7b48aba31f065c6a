//! Order: what must run before what, which kernels share a dispatch, and the order of the dispatches.

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

    /// Makes the relation transitive.
    pub fn close(&mut self) {
        for k in 0..self.n {
            for i in 0..self.n {
                if i != k && self.has(i, k) {
                    self.or(i, k);
                }
            }
        }
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
pub(super) fn schedule<K: PartialEq>(keys: &[K], epochs: &[u32], mut before: Reach) -> Vec<Vec<usize>> {
    let n = keys.len();
    let mut owner: Vec<usize> = (0..n).collect();
    for j in 0..n {
        for i in 0..j {
            if owner[i] == i && epochs[i] == epochs[j] && keys[i] == keys[j] && !before.has(i, j) && !before.has(j, i) {
                before.unite(i, j);
                owner[j] = i;
                break;
            }
        }
    }
    // Kahn's order over the united items.
    let mut left: Vec<usize> = (0..n).filter(|&i| owner[i] == i).collect();
    left.sort_by_key(|&i| (epochs[i], i));
    let mut done: Vec<usize> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let ready = left
            .iter()
            .position(|&i| left.iter().all(|&x| x == i || !before.has(x, i)))
            .expect("the relation has no cycles: links that would close one are refused");
        done.push(left.remove(ready));
    }
    done.into_iter().map(|leader| (0..n).filter(|&i| owner[i] == leader).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
