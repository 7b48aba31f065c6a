//! Dividing examples into training and test rows.

use super::Targets;
use crate::error::{Error, Result};

/// Which rows train and which test. Both lists are in ascending order, and every row is in exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to test on.
    pub test: Vec<usize>,
}

/// Divides `rows` examples, `round(rows * test_fraction)` of them for testing.
///
/// The choice depends on nothing but the arguments: each row gets a random key, a function of the seed
/// and the row's number, and the rows with the smallest keys test. With `stratified`, each class gives its share of the
/// test rows: its exact share rounded down, the rows that are then still missing going to the classes with the largest
/// remainders (the class with the smaller number first among equals).
pub fn split(targets: &Targets, rows: usize, test_fraction: f64, stratified: bool, seed: u32) -> Result<Split> {
    if !(test_fraction > 0.0 && test_fraction < 1.0) {
        return Err(Error::config(format!("the test fraction must lie between 0 and 1, but it is {test_fraction}")));
    }
    if targets.rows() != rows {
        let count = targets.rows();
        return Err(Error::config(format!("cannot split {rows} rows with {count} targets; each row needs one target")));
    }
    let test_rows = (rows as f64 * test_fraction).round() as usize;
    if test_rows == 0 || test_rows >= rows {
        let part = if test_rows == 0 { "test" } else { "training" };
        return Err(Error::config(format!(
            "a test fraction of {test_fraction} leaves no {part} row among {rows}; choose another fraction or use more \
             examples"
        )));
    }
    let mut in_test = vec![false; rows];
    let groups = if stratified { by_class(targets)? } else { vec![(0..rows).collect()] };
    let quotas = quotas(&groups.iter().map(Vec::len).collect::<Vec<_>>(), test_rows, rows);
    for (mut group, quota) in groups.into_iter().zip(quotas) {
        group.sort_unstable_by_key(|&row| (key(seed, row), row));
        for &row in group.iter().take(quota) {
            in_test[row] = true;
        }
    }
    let (test, train) = (0..rows).partition(|&row| in_test[row]);
    Ok(Split { train, test })
}

/// The rows of each class.
fn by_class(targets: &Targets) -> Result<Vec<Vec<usize>>> {
    let Targets::Classes { labels, .. } = targets else {
        return Err(Error::config("a stratified split needs class labels, but the targets are numbers; turn it off"));
    };
    // Grouped by sorting, not by a list as long as the number of classes, which may be large and mostly unused.
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&row| labels[row]);
    Ok(order.chunk_by(|&left, &right| labels[left] == labels[right]).map(<[usize]>::to_vec).collect())
}

/// How many test rows each group gives, by largest remainder. `total` is the sum of the counts.
fn quotas(counts: &[usize], test_rows: usize, total: usize) -> Vec<usize> {
    // In whole numbers, so that equal remainders are equal on every machine.
    let share = |count: usize| count as u128 * test_rows as u128;
    let mut quotas: Vec<usize> = counts.iter().map(|&count| (share(count) / total as u128) as usize).collect();
    let missing = test_rows - quotas.iter().sum::<usize>();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&group| std::cmp::Reverse(share(counts[group]) % total as u128));
    // A group with a remainder has a row to spare, and there are more such groups than rows missing.
    for &group in order.iter().take(missing) {
        quotas[group] += 1;
    }
    quotas
}

/// A random number that depends on the seed and the row alone: the row-th output of the generator splitmix64 (G. L.
/// Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators", 2014) started at a scrambled seed,
/// so that neighbouring seeds do not share their sequences.
fn key(seed: u32, row: usize) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    mix(mix(u64::from(seed).wrapping_add(STEP)).wrapping_add((row as u64).wrapping_add(1).wrapping_mul(STEP)))
}

/// The scrambling function of splitmix64.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels whose classes differ in size.
    fn targets(rows: usize, classes: usize, seed: u32) -> Targets {
        let label = |row| (key(seed, row) % classes as u64).min(key(seed ^ 1, row) % classes as u64) as u32;
        Targets::Classes { labels: (0..rows).map(label).collect(), classes }
    }

    #[test]
    fn first_output_of_splitmix64() {
        // Published first output for the seed 0.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn every_row_is_in_exactly_one_part() {
        for rows in [2, 3, 10, 101, 1797] {
            for fraction in [0.1, 0.25, 0.5, 0.77] {
                for (seed, stratified) in [(0, false), (1, true), (u32::MAX, true)] {
                    let test_rows = (rows as f64 * fraction).round() as usize;
                    let result = split(&targets(rows, 7, seed), rows, fraction, stratified, seed);
                    if test_rows == 0 || test_rows == rows {
                        assert!(result.is_err());
                        continue;
                    }
                    let split = result.unwrap();
                    assert_eq!(split.test.len(), test_rows, "{rows} {fraction}");
                    assert!(split.train.is_sorted() && split.test.is_sorted());
                    let mut all = [split.train, split.test].concat();
                    all.sort_unstable();
                    assert_eq!(all, (0..rows).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn stratified_parts_keep_the_proportions() {
        for seed in 0..20 {
            let targets = targets(500, 9, seed);
            let Targets::Classes { labels, .. } = &targets else { unreachable!() };
            let split = split(&targets, 500, 0.3, true, seed).unwrap();
            for class in 0..9 {
                let all = labels.iter().filter(|&&label| label == class).count() as f64;
                let test = split.test.iter().filter(|&&row| labels[row] == class).count() as f64;
                assert!((test - 0.3 * all).abs() < 1.0, "class {class}: {test} of {all}");
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        let targets = targets(200, 4, 0);
        let at = |seed| split(&targets, 200, 0.5, false, seed).unwrap();
        assert_eq!(at(3), at(3));
        // Two independent halves share half of their rows, here 50 of 100 with a standard deviation of 3.5.
        for seed in 0..20 {
            let (one, other) = (at(seed), at(seed + 1));
            let shared = one.test.iter().filter(|row| other.test.contains(row)).count();
            assert!((30..=70).contains(&shared), "seeds {seed} and {}: {shared} shared", seed + 1);
        }
    }

    #[test]
    fn the_choice_stays_the_same_between_versions() {
        // Recorded results refer to rows; this list must not change.
        assert_eq!(split(&targets(20, 3, 0), 20, 0.25, false, 42).unwrap().test, [3, 5, 8, 11, 19]);
    }

    #[test]
    fn every_row_is_as_likely() {
        let mut hits = [0u32; 40];
        let targets = targets(40, 3, 0);
        for seed in 0..1000 {
            for row in split(&targets, 40, 0.25, false, seed).unwrap().test {
                hits[row] += 1;
            }
        }
        // 250 expected with a standard deviation of 13.7.
        assert!(hits.iter().all(|hit| (185..=315).contains(hit)), "{hits:?}");
    }

    #[test]
    fn what_cannot_be_split_is_refused() {
        let classes = targets(10, 2, 0);
        for fraction in [0.0, 1.0, -0.5, 2.0, f64::NAN, f64::INFINITY, 0.01, 0.99] {
            assert!(matches!(split(&classes, 10, fraction, false, 0), Err(Error::Config(_))), "{fraction}");
        }
        assert!(split(&classes, 11, 0.5, false, 0).is_err());
        assert!(split(&Targets::Classes { labels: vec![], classes: 2 }, 0, 0.5, true, 0).is_err());
        let values = crate::data::Table { rows: 4, shape: vec![1], values: vec![0.0; 4] };
        assert!(split(&Targets::Values(values.clone()), 4, 0.5, true, 0).is_err());
        assert!(split(&Targets::Values(values), 4, 0.5, false, 0).is_ok());
    }

    #[test]
    fn quotas_go_to_the_largest_remainders() {
        assert_eq!(quotas(&[5, 5], 5, 10), [3, 2]);
        assert_eq!(quotas(&[6, 3, 1], 5, 10), [3, 2, 0]);
        assert_eq!(quotas(&[1, 1, 1, 97], 10, 100), [0, 0, 0, 10]);
        assert_eq!(quotas(&[10], 4, 10), [4]);
    }
}
