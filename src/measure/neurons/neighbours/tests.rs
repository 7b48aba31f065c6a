//! Tests of the neighbour measures.

use super::*;
use crate::measure::neurons::testing::{CASES, assert_close, bad_pairs, case, pair};
use faer::Mat;
use proptest::prelude::*;

const ALL: [Nearness; 3] = [Nearness::Cosine, Nearness::Euclidean, Nearness::InnerProduct];

/// Neighbours that are certain, and those that tie for the last places, by distances with a margin for rounding.
fn certain_and_tied(x: MatRef<'_, f64>, k: usize, nearness: Nearness) -> Vec<(Vec<usize>, Vec<usize>)> {
    let n = x.nrows();
    let ip = |i: usize, j: usize| (0..x.ncols()).map(|c| x[(i, c)] * x[(j, c)]).sum::<f64>();
    let far = |i: usize, j: usize| match nearness {
        Nearness::Euclidean => (0..x.ncols()).map(|c| (x[(i, c)] - x[(j, c)]).powi(2)).sum::<f64>(),
        _ => 1.0 - ip(i, j) / (ip(i, i) * ip(j, j)).sqrt(),
    };
    let sets = |i: usize| {
        let mut d: Vec<_> = (0..n).filter(|&j| j != i).map(|j| (far(i, j), j)).collect();
        d.sort_by(|a, b| a.0.total_cmp(&b.0));
        let last = d[k - 1].0;
        let margin = 1e-12 * last.max(1.0);
        let pick = |f: &dyn Fn(f64) -> bool| d.iter().filter(|e| f(e.0)).map(|e| e.1).collect();
        (pick(&|v| v < last - margin), pick(&|v| (v - last).abs() <= margin))
    };
    (0..n).map(sets).collect()
}

fn common(x: &[usize], y: &[usize]) -> usize {
    x.iter().filter(|j| y.contains(j)).count()
}

/// The neighbours of every example, where none tie for the last places.
fn lists(of: &Neighbours) -> Vec<Vec<u32>> {
    assert!(of.iter().all(|a| a.tied.is_empty()));
    of.iter().map(|a| a.certain.clone()).collect()
}

/// The least and the largest number of shared neighbours of one example over all ways to break ties.
fn shared_range(a: &(Vec<usize>, Vec<usize>), b: &(Vec<usize>, Vec<usize>), k: usize) -> (usize, usize) {
    let (in_b, in_a) = (common(&a.1, &b.0), common(&b.1, &a.0));
    let both = common(&a.1, &b.1);
    let (need_a, need_b) = (k - a.0.len(), k - b.0.len());
    let (rest_a, rest_b) = (a.1.len() - in_b - both, b.1.len() - in_a - both);
    let (mut low, mut high) = (usize::MAX, 0);
    for (i, s) in (0..=in_b).flat_map(|i| (0..=both).map(move |s| (i, s))) {
        for (j, t) in (0..=in_a).flat_map(|j| (0..=both).map(move |t| (j, t))) {
            let fits = |have: usize, need: usize, rest: usize| have <= need && need - have <= rest;
            if fits(i + s, need_a, rest_a) && fits(j + t, need_b, rest_b) {
                low = low.min(i + j + (s + t).saturating_sub(both));
                high = high.max(i + j + s.min(t));
            }
        }
    }
    let fixed = common(&a.0, &b.0);
    (fixed + low, fixed + high)
}

/// Equal to the reference wherever no two distances tie. Where they do, scikit-learn's choice depends on its sorting
/// and rounding; its value must then lie between the least and the largest that any choice gives, and so must ours.
#[test]
fn agrees_with_the_reference() {
    let (mut compared, mut tied) = (0, 0);
    for name in CASES {
        let c = case(name);
        for (metric, nearness) in [("cosine", Nearness::Cosine), ("euclidean", Nearness::Euclidean)] {
            for k in [5, 10] {
                let x = certain_and_tied(c.x.as_ref(), k, nearness);
                let y = certain_and_tied(c.y.as_ref(), k, nearness);
                let ranges: Vec<_> = x.iter().zip(&y).map(|(a, b)| shared_range(a, b, k)).collect();
                let mean = |f: &dyn Fn(f64) -> f64, high: bool| {
                    ranges.iter().map(|r| f((if high { r.1 } else { r.0 }) as f64)).sum::<f64>() / ranges.len() as f64
                };
                let kf = k as f64;
                let overlap = |s: f64| s / kf;
                let union = |s: f64| s / (2.0 * kf - s);
                let check = |key: String, got: f64, score: &dyn Fn(f64) -> f64| {
                    let want = c.pairwise(&key).unwrap();
                    let (low, high) = (mean(score, false), mean(score, true));
                    if low == high {
                        assert_close(&format!("{name} {key}"), got, want, 1e-13);
                        return false;
                    }
                    println!("{name} {key}: ties allow {low}..{high}, reference {want}, here {got}");
                    assert!(low - 1e-12 <= want && want <= high + 1e-12 && low - 1e-12 <= got && got <= high + 1e-12);
                    true
                };
                let a = mutual_knn(c.x.as_ref(), c.y.as_ref(), k, nearness).unwrap();
                let b = knn_jaccard(c.x.as_ref(), c.y.as_ref(), k, nearness).unwrap();
                tied += usize::from(check(format!("mutual_knn_{metric}_k{k}"), a, &overlap));
                tied += usize::from(check(format!("knn_jaccard_{metric}_k{k}"), b, &union));
                compared += 2;
            }
        }
    }
    assert_eq!((compared, tied), (48, 12));
}

proptest! {
    #[test]
    fn symmetric_in_range_and_one_for_itself((x, y) in pair(4..20, 1..6, 1..6), k in 1_usize..4, metric in 0_usize..3) {
        let a = nearest_neighbours(x.as_ref(), k, ALL[metric]).unwrap();
        let b = nearest_neighbours(y.as_ref(), k, ALL[metric]).unwrap();
        // Single units at one side of the origin have no angle between them.
        let ordered = a.iter().chain(b.iter()).all(|x| x.ordered);
        prop_assume!(ordered);
        for measure in [mutual_overlap, jaccard, rank_similarity] {
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
        for nearness in ALL {
            let plain = mutual_knn(x.as_ref(), y.as_ref(), 3, nearness).unwrap();
            prop_assert_eq!(plain, mutual_knn(scaled.as_ref(), y.as_ref(), 3, nearness).unwrap());
            prop_assert_eq!(plain, mutual_knn(reversed.as_ref(), y.as_ref(), 3, nearness).unwrap());
        }
        let plain = mutual_knn(x.as_ref(), y.as_ref(), 3, Nearness::Cosine).unwrap();
        prop_assert_eq!(plain, mutual_knn(per_row.as_ref(), y.as_ref(), 3, Nearness::Cosine).unwrap());
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
    // Shared at ranks (1,1), (1,1), (1,2), (2,1): 1, 1, 1/3, 1/3.
    assert_close("rank", rank_similarity(&a, &b).unwrap(), 2.0 / 3.0, 1e-15);
    assert_eq!(chance_overlap(11, 5).unwrap(), 0.5);
    // Duplicates are neighbours of each other, and share the places.
    let same = Mat::from_fn(4, 2, |_, _| 0.1);
    for nearness in ALL {
        let a = nearest_neighbours(same.as_ref(), 2, nearness).unwrap();
        assert!(a.iter().all(|x| x.certain.is_empty() && x.tied.len() == 3));
        assert_close("chance", mutual_overlap(&a, &a).unwrap(), chance_overlap(4, 2).unwrap(), 1e-15);
        // Two of three twice: two of them with chance 1/3, one with 2/3.
        assert_close("jaccard", jaccard(&a, &a).unwrap(), 1.0 / 3.0 + 2.0 / 9.0, 1e-15);
        assert!(rank_similarity(&a, &a).is_err());
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
    for (what, x, y) in bad_pairs() {
        for nearness in ALL {
            for measure in [mutual_knn, knn_jaccard] {
                assert!(measure(x.as_ref(), y.as_ref(), 2, nearness).is_err(), "{what}");
            }
        }
        assert!(
            nearest_neighbours(x.as_ref(), 2, Nearness::Cosine).is_err()
                || nearest_neighbours(y.as_ref(), 2, Nearness::Cosine).is_err()
                || x.nrows() != y.nrows(),
            "{what}"
        );
    }
    let x = Mat::from_fn(5, 2, |i, j| (i + j) as f64);
    for k in [0, 5, 6, usize::MAX] {
        assert!(nearest_neighbours(x.as_ref(), k, Nearness::Cosine).is_err());
        assert!(chance_overlap(5, k).is_err());
    }
    assert!(chance_overlap(0, 0).is_err());
    assert!(chance_overlap(1, 1).is_err());
    let a = nearest_neighbours(x.as_ref(), 2, Nearness::Cosine).unwrap();
    let b = nearest_neighbours(x.as_ref(), 3, Nearness::Cosine).unwrap();
    for measure in [mutual_overlap, jaccard, rank_similarity] {
        assert!(measure(&a, &b).is_err());
    }
    // All examples alike: nothing says which are neighbours, and two such representations agree by chance.
    let zero = Mat::zeros(5, 2);
    assert_close("chance", mutual_knn(zero.as_ref(), zero.as_ref(), 2, Nearness::Cosine).unwrap(), 0.5, 1e-15);
}
