//! Places in scratch memory: values whose lives do not overlap share it.

/// A value's size and its life, in dispatches, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub elements: usize,
    pub from: usize,
    pub to: usize,
}

/// Elements that every place is a multiple of, so that four-vectors can be read anywhere.
pub(super) const ALIGNMENT: usize = 4;

/// Gives each value an offset, first fit in order of birth, and the total.
pub(super) fn allocate(lives: &[Life]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    // Larger first among those born together: small ones fill the gaps.
    order.sort_by_key(|&i| (lives[i].from, std::cmp::Reverse(lives[i].elements)));
    let mut offsets = vec![0; lives.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut total = 0;
    for i in order {
        let life = lives[i];
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&j| lives[j].from <= life.to && life.from <= lives[j].to)
            .map(|&j| (offsets[j], offsets[j] + lives[j].elements))
            .collect();
        taken.sort_unstable();
        let mut offset = 0;
        for (start, end) in taken {
            if offset + life.elements <= start {
                break;
            }
            offset = offset.max(end.next_multiple_of(ALIGNMENT));
        }
        offsets[i] = offset;
        total = total.max(offset + life.elements);
        placed.push(i);
    }
    (offsets, total.next_multiple_of(ALIGNMENT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_two_living_values_overlap(raw in prop::collection::vec((1usize..50, 0usize..12, 0usize..5), 1..40)) {
            let lives: Vec<Life> =
                raw.iter().map(|&(elements, from, long)| Life { elements, from, to: from + long }).collect();
            let (offsets, total) = allocate(&lives);
            for i in 0..lives.len() {
                prop_assert_eq!(offsets[i] % ALIGNMENT, 0);
                prop_assert!(offsets[i] + lives[i].elements <= total);
                for j in 0..i {
                    let apart = offsets[i] + lives[i].elements <= offsets[j] || offsets[j] + lives[j].elements <= offsets[i];
                    let alive = lives[i].from <= lives[j].to && lives[j].from <= lives[i].to;
                    prop_assert!(apart || !alive);
                }
            }
        }
    }

    #[test]
    fn memory_is_reused() {
        let life = |from, to| Life { elements: 100, from, to };
        assert_eq!(allocate(&[life(0, 1), life(1, 2), life(2, 3), life(3, 4)]).1, 200);
    }
}
