//! Which items lie beside each other: hierarchical clustering with average linkage (UPGMA; Sokal & Michener, 1958),
//! computed by `kodama` after Müllner (2011), "Modern hierarchical, agglomerative clustering algorithms".

use kodama::{Method, linkage};

use super::Comparison;
use super::Kind;

/// Where two groups become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Merge {
    /// The groups: an item, or the number of items and a merge's place in the list.
    pub groups: [usize; 2],
    /// Mean value between the items of one group and those of the other, in the unit of the measure.
    pub value: f64,
}

/// Groups within groups.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    /// The merges, the most alike groups first.
    pub merges: Vec<Merge>,
    /// The clustered items from top to bottom, so that no two branches cross, by their places among these items.
    pub order: Vec<usize>,
}

impl Tree {
    /// Clusters items by the mean of both directions. All values between them must be finite.
    pub fn of(comparison: &Comparison<'_>, items: &[usize]) -> Tree {
        let count = items.len();
        let value = |a: usize, b: usize| {
            let (there, back) = (comparison.value(items[a], items[b]), comparison.value(items[b], items[a]));
            // Halved first: the sum of two finite values may be too large for a float.
            there / 2.0 + back / 2.0
        };
        let pairs = || (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        // The mean of `most - similarity` is `most` less the mean similarity, so any `most` gives the same tree.
        let most = match comparison.kind {
            Kind::Similarity => pairs().map(|(a, b)| value(a, b)).fold(f64::NEG_INFINITY, f64::max),
            Kind::Distance => 0.0,
        };
        let turn = |value: f64| match comparison.kind {
            Kind::Similarity => most - value,
            Kind::Distance => value,
        };
        let mut distances: Vec<f64> = pairs().map(|(a, b)| turn(value(a, b))).collect();
        let steps = linkage(&mut distances, count, Method::Average);
        let merges: Vec<Merge> = (steps.steps().iter())
            .map(|step| Merge { groups: [step.cluster1, step.cluster2], value: turn(step.dissimilarity) })
            .collect();
        Self::arranged(merges, count)
    }

    /// Puts the group with the first of the items above the other, so that an order that was there, such as that of
    /// layers, is kept as far as the groups allow.
    fn arranged(mut merges: Vec<Merge>, count: usize) -> Tree {
        let mut first: Vec<usize> = (0..count).collect();
        for merge in &mut merges {
            let place = |group: usize| first.get(group).copied().unwrap_or(0);
            merge.groups.sort_by_key(|&group| place(group));
            first.push(place(merge.groups[0]));
        }
        let mut order = Vec::with_capacity(count);
        // A stack of its own: a chain of thousands of merges would be too deep for recursion.
        let mut open: Vec<usize> = (count + merges.len()).checked_sub(1).into_iter().collect();
        while let Some(group) = open.pop() {
            match group.checked_sub(count).and_then(|place| merges.get(place)) {
                Some(merge) => open.extend([merge.groups[1], merge.groups[0]]),
                None => order.push(group),
            }
        }
        Tree { merges, order }
    }

    /// The brackets of the dendrogram: for each merge the places of its two groups along the items, counted in items,
    /// and the values at which their branches start (none for an item) and at which they meet.
    pub fn brackets(&self) -> Vec<Bracket> {
        let count = self.order.len();
        let mut places = vec![0.0; count];
        for (place, &item) in self.order.iter().enumerate() {
            if let Some(slot) = places.get_mut(item) {
                *slot = place as f64 + 0.5;
            }
        }
        let mut brackets: Vec<Bracket> = Vec::with_capacity(self.merges.len());
        for merge in &self.merges {
            let end = |group: usize| {
                let start = group.checked_sub(count).and_then(|place| self.merges.get(place)).map(|merge| merge.value);
                (places.get(group).copied().unwrap_or(0.0), start)
            };
            let ends = merge.groups.map(end);
            places.push((ends[0].0 + ends[1].0) / 2.0);
            brackets.push(Bracket { ends, value: merge.value });
        }
        brackets
    }
}

/// Divides items into those that have finite values among each other and the rest: again and again the one that lacks
/// most is set aside.
pub(super) fn complete(comparison: &Comparison<'_>) -> (Vec<usize>, Vec<usize>) {
    let count = comparison.names.len();
    let lacks =
        |a: usize, b: usize| a != b && !(comparison.value(a, b).is_finite() && comparison.value(b, a).is_finite());
    let mut lacking: Vec<usize> = (0..count).map(|a| (0..count).filter(|&b| lacks(a, b)).count()).collect();
    let mut aside = vec![false; count];
    // Of equals the last, so that the first, perhaps a reference, stays.
    while let Some((worst, _)) =
        lacking.iter().enumerate().filter(|(_, lack)| **lack > 0).max_by_key(|(_, lack)| **lack)
    {
        aside[worst] = true;
        lacking[worst] = 0;
        for other in (0..count).filter(|&other| !aside[other] && lacks(worst, other)) {
            lacking[other] -= 1;
        }
    }
    (0..count).partition(|&item| !aside[item])
}

/// A bracket of the dendrogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bracket {
    /// Place along the items and value at which the branch starts, of both branches.
    pub ends: [(f64, Option<f64>); 2],
    /// The value at which they meet.
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(kind: Kind, count: usize, values: &[f64]) -> Tree {
        let names: Vec<String> = (0..count).map(|i| i.to_string()).collect();
        let items: Vec<usize> = (0..count).collect();
        Tree::of(&Comparison { names: &names, values, kind, ..Comparison::default() }, &items)
    }

    /// Worked by hand: 0 and 2 merge at 1, 1 and 3 at 2, and both at the mean of 5, 6, 7 and 8.
    #[test]
    fn groups_merge_at_their_mean_distance() {
        let distances = [0.0, 5.0, 1.0, 6.0, 5.0, 0.0, 7.0, 2.0, 1.0, 7.0, 0.0, 8.0, 6.0, 2.0, 8.0, 0.0];
        let tree = tree(Kind::Distance, 4, &distances);
        assert_eq!(tree.order, [0, 2, 1, 3]);
        let merges: Vec<_> = tree.merges.iter().map(|merge| (merge.groups, merge.value)).collect();
        assert_eq!(merges, [([0, 2], 1.0), ([1, 3], 2.0), ([4, 5], 6.5)]);
        let brackets = tree.brackets();
        assert_eq!(brackets[2].ends, [(1.0, Some(1.0)), (3.0, Some(2.0))]);
        // A similarity that falls by as much gives the same tree, in its own unit.
        let similarities = distances.map(|distance| 10.0 - distance);
        let other = self::tree(Kind::Similarity, 4, &similarities);
        assert_eq!(other.order, tree.order);
        assert_eq!(other.merges[2].value, 3.5);
    }

    #[test]
    fn equal_values_keep_the_order_and_one_item_has_no_merges() {
        for count in [2, 3, 50] {
            let tree = tree(Kind::Similarity, count, &vec![0.5; count * count]);
            let mut sorted = tree.order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..count).collect::<Vec<_>>());
            assert_eq!((tree.order[0], tree.merges.len()), (0, count - 1));
        }
        let one = tree(Kind::Distance, 1, &[0.0]);
        assert_eq!((&one.order[..], one.merges.len()), (&[0][..], 0));
    }

    #[test]
    fn items_that_lack_values_are_set_aside() {
        let names: Vec<String> = (0..4).map(|i| i.to_string()).collect();
        let mut values = vec![0.5; 16];
        let parts = |values: &[f64]| complete(&Comparison { names: &names, values, ..Comparison::default() });
        assert_eq!(parts(&values), (vec![0, 1, 2, 3], vec![]));
        for (a, b) in [(0, 2), (2, 3), (1, 1)] {
            values[a * 4 + b] = f64::NAN;
        }
        assert_eq!(parts(&values), (vec![0, 1, 3], vec![2]));
        assert_eq!(parts(&[f64::NAN; 16]), (vec![0], vec![1, 2, 3]));
    }

    #[test]
    fn huge_values_do_not_overflow() {
        let tree = tree(Kind::Similarity, 3, &[1e308, 1.7e308, -1.7e308, 1.7e308, 1.0, 0.0, -1.7e308, 0.0, 1.0]);
        assert_eq!(tree.order.len(), 3);
    }
}
