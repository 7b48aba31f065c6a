//! Tests of the neighbour measures.

use super::*;
use crate::measure::pair::testing::{assert_close, pair, value};
use faer::Mat;
use proptest::prelude::*;

const ALL: [Nearness; 3] = [Nearness::Cosine, Nearness::Euclidean, Nearness::InnerProduct];

fn common(x: &[usize], y: &[usize]) -> usize {
    x.iter().filter(|j| y.contains(j)).count()
}

/// The neighbours of every example, where none tie for the last places.
fn lists(of: &Neighbours) -> Vec<Vec<u32>> {
    assert!(of.iter().all(|a| a.tied.is_empty()));
    of.iter().map(|a| a.certain.clone()).collect()
}

proptest! {
    #[test]
    fn symmetric_in_range_and_one_for_itself((x, y) in pair(4..20, 1..6, 1..6), k in 1_usize..4, metric in 0_usize..3) {
        let a = nearest_neighbours(x.as_ref(), k, ALL[metric]).unwrap();
        let b = nearest_neighbours(y.as_ref(), k, ALL[metric]).unwrap();
        // Single units at one side of the origin have no angle between them.
        let ordered = a.iter().chain(b.iter()).all(|x| x.ordered);
        prop_assume!(ordered);
        for measure in [mutual_overlap, jaccard] {
            let v = measure(&a, &b).unwrap();
            prop_assert!((0.0..=1.0).contains(&v));
            prop_assert!((v - measure(&b, &a).unwrap()).abs() < 1e-12);
            prop_assert!((measure(&a, &a).unwrap() - 1.0).abs() < 1e-12);
        }
    }

    /// Rounded values make ties. Every draw of those that tie for the last places is tried, of each example by itself.
    #[test]
    fn values_are_means_over_all_ways_to_break_ties((x, y) in pair(3..9, 1..3, 1..3), k in 1_usize..4, metric in 0_usize..3) {
        let rounded = |x: &Mat<f64>| Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)].round());
        let (x, y) = (rounded(&x), rounded(&y));
        let k = k.min(x.nrows() - 1);
        let far = |x: &Mat<f64>, i: usize, j: usize| {
            let ip = |i: usize, j: usize| (0..x.ncols()).map(|c| x[(i, c)] * x[(j, c)]).sum::<f64>();
            let far = match ALL[metric] {
                Nearness::Euclidean => ip(i, i) + ip(j, j) - 2.0 * ip(i, j),
                Nearness::InnerProduct => -ip(i, j),
                Nearness::Cosine => -ip(i, j) / (ip(i, i) * ip(j, j)).sqrt().max(1e-9),
            };
            (1e9 * far).round() as i64
        };
        let sets = |x: &Mat<f64>, i: usize| -> Vec<Vec<usize>> {
            let others: Vec<usize> = (0..x.nrows()).filter(|&j| j != i).collect();
            (0..1usize << others.len())
                .filter(|mask| mask.count_ones() as usize == k)
                .map(|mask| (0..others.len()).filter(|b| mask >> b & 1 == 1).map(|b| others[b]).collect::<Vec<_>>())
                .filter(|set| {
                    let most = set.iter().map(|&j| far(x, i, j)).max().unwrap();
                    others.iter().all(|j| set.contains(j) || far(x, i, *j) >= most)
                })
                .collect()
        };
        let mean = |score: &dyn Fn(f64) -> f64| {
            let of = |i: usize| {
                let (a, b) = (sets(&x, i), sets(&y, i));
                let all = a.iter().flat_map(|a| b.iter().map(move |b| common(a, b) as f64));
                all.map(score).sum::<f64>() / (a.len() * b.len()) as f64
            };
            (0..x.nrows()).map(of).sum::<f64>() / x.nrows() as f64
        };
        let kf = k as f64;
        let a = nearest_neighbours(x.as_ref(), k, ALL[metric]).unwrap();
        let b = nearest_neighbours(y.as_ref(), k, ALL[metric]).unwrap();
        let (overlap, index) = (mutual_overlap(&a, &b).unwrap(), jaccard(&a, &b).unwrap());
        prop_assert!((overlap - mean(&|s| s / kf)).abs() < 1e-12);
        prop_assert!((index - mean(&|s| s / (2.0 * kf - s))).abs() < 1e-12);
    }

    #[test]
    fn invariances((x, y) in pair(5..15, 2..5, 2..5), power in -3_i32..4) {
        let s = 2.0_f64.powi(power);
        let scaled = Mat::from_fn(x.nrows(), x.ncols(), |i, j| s * x[(i, j)]);
        let per_row = Mat::from_fn(x.nrows(), x.ncols(), |i, j| 2.0_f64.powi(i as i32 % 5) * x[(i, j)]);
        let reversed = Mat::from_fn(x.nrows(), x.ncols(), |i, j| -x[(i, x.ncols() - 1 - j)]);
        for name in ["knn:k=3", "knn:k=3:euclidean", "knn:k=3:inner-product"] {
            let plain = value(name, &x, &y);
            prop_assert_eq!(plain, value(name, &scaled, &y));
            prop_assert_eq!(plain, value(name, &reversed, &y));
        }
        prop_assert_eq!(value("knn:k=3", &x, &y), value("knn:k=3", &per_row, &y));
    }
}

#[test]
fn closed_cases() {
    // Points 0, 1, 3, 7 on a line, and the same with the last two exchanged.
    let x = Mat::from_fn(4, 1, |i, _| [0.0, 1.0, 3.0, 7.0][i]);
    let y = Mat::from_fn(4, 1, |i, _| [0.0, 1.0, 7.0, 3.0][i]);
    let a = nearest_neighbours(x.as_ref(), 2, Nearness::Euclidean).unwrap();
    let b = nearest_neighbours(y.as_ref(), 2, Nearness::Euclidean).unwrap();
    assert_eq!(lists(&a), [[1, 2], [0, 2], [1, 0], [2, 1]]);
    assert_eq!(lists(&b), [[1, 3], [0, 3], [3, 1], [1, 0]]);
    assert_eq!(mutual_overlap(&a, &b).unwrap(), 0.5);
    assert_close("jaccard", jaccard(&a, &b).unwrap(), 1.0 / 3.0, 1e-15);
    // Duplicates are neighbours of each other, and share the places.
    let same = Mat::from_fn(4, 2, |_, _| 0.1);
    for nearness in ALL {
        let a = nearest_neighbours(same.as_ref(), 2, nearness).unwrap();
        assert!(a.iter().all(|x| x.certain.is_empty() && x.tied.len() == 3));
        assert_close("chance", mutual_overlap(&a, &a).unwrap(), 2.0 / 3.0, 1e-15);
        // Two of three twice: two of them with chance 1/3, one with 2/3.
        assert_close("jaccard", jaccard(&a, &a).unwrap(), 1.0 / 3.0 + 2.0 / 9.0, 1e-15);
    }
    // A row of zeros has cosine 0 with all.
    let with_zero = Mat::from_fn(4, 1, |i, _| [0.0, 1.0, -1.0, 2.0][i]);
    let a = nearest_neighbours(with_zero.as_ref(), 2, Nearness::Cosine).unwrap();
    let around: Vec<_> = a.iter().map(|x| (x.certain.clone(), x.tied.clone())).collect();
    assert_eq!(around, [(vec![], vec![1, 2, 3]), (vec![3, 0], vec![]), (vec![0], vec![1, 3]), (vec![1, 0], vec![])]);
    for scale in [1e300, 1e-300] {
        let x = Mat::from_fn(4, 1, |i, _| scale * [0.0, 1.0, 3.0, 7.0][i]);
        let b = nearest_neighbours(x.as_ref(), 2, Nearness::Euclidean).unwrap();
        assert_eq!(lists(&b), [[1, 2], [0, 2], [1, 0], [2, 1]]);
    }
}

#[test]
fn bad_input_is_refused() {
    let x = Mat::from_fn(5, 2, |i, j| (i + j) as f64);
    for k in [0, 5, 6, usize::MAX] {
        assert!(nearest_neighbours(x.as_ref(), k, Nearness::Cosine).is_err());
    }
    let a = nearest_neighbours(x.as_ref(), 2, Nearness::Cosine).unwrap();
    let b = nearest_neighbours(x.as_ref(), 3, Nearness::Cosine).unwrap();
    for measure in [mutual_overlap, jaccard] {
        assert!(measure(&a, &b).is_err());
    }
    // All examples alike: nothing says which are neighbours, and two such representations agree by chance.
    let zero = Mat::zeros(5, 2);
    assert_close("chance", value("knn:k=2", &zero, &zero), 0.5, 1e-15);
}
