//! Neighbours and topology against published packages where their rounding or their choice decides: with the same rounding, or
//! within what any choice gives.

use faer::Mat;
use isogram::measure::numerics::persistence::h1_bars;

use crate::reference::{CASES, case, value};

/// Neighbours that are certain, and those that tie for the last places, by distances with a margin for rounding.
fn certain_and_tied(x: &Mat<f64>, k: usize, metric: &str) -> Vec<(Vec<usize>, Vec<usize>)> {
    let n = x.nrows();
    let ip = |i: usize, j: usize| (0..x.ncols()).map(|c| x[(i, c)] * x[(j, c)]).sum::<f64>();
    let far = |i: usize, j: usize| match metric {
        "euclidean" => (0..x.ncols()).map(|c| (x[(i, c)] - x[(j, c)]).powi(2)).sum::<f64>(),
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
fn neighbours_that_tie_are_within_what_ties_allow() {
    let (mut compared, mut tied) = (0, 0);
    for c in CASES.map(case) {
        for metric in ["cosine", "euclidean"] {
            for k in [5, 10] {
                let x = certain_and_tied(&c.x, k, metric);
                let y = certain_and_tied(&c.y, k, metric);
                let ranges: Vec<_> = x.iter().zip(&y).map(|(a, b)| shared_range(a, b, k)).collect();
                let mean = |f: &dyn Fn(f64) -> f64, high: bool| {
                    ranges.iter().map(|r| f((if high { r.1 } else { r.0 }) as f64)).sum::<f64>() / ranges.len() as f64
                };
                let kf = k as f64;
                let overlap = |s: f64| s / kf;
                let union = |s: f64| s / (2.0 * kf - s);
                let check = |key: String, got: f64, score: &dyn Fn(f64) -> f64| {
                    let want = c.value("pairwise", &key, None).unwrap();
                    let (low, high) = (mean(score, false), mean(score, true));
                    if low == high {
                        assert!((got - want).abs() <= 1e-13 * want, "{} {key}: {got} against {want}", c.name);
                        return false;
                    }
                    assert!(low - 1e-12 <= want && want <= high + 1e-12 && low - 1e-12 <= got && got <= high + 1e-12);
                    true
                };
                let a = value(&format!("knn:k={k}:{metric}"), &c.x, &c.y);
                let b = value(&format!("knn_jaccard:k={k}:{metric}"), &c.x, &c.y);
                tied += usize::from(check(format!("mutual_knn_{metric}_k{k}"), a, &overlap));
                tied += usize::from(check(format!("knn_jaccard_{metric}_k{k}"), b, &union));
                compared += 2;
            }
        }
    }
    assert_eq!((compared, tied), (48, 12));
}

/// The divergence of the first to the second with the graph rounded to 32-bit floats.
fn rounded(x: &Mat<f64>, y: &Mat<f64>) -> f64 {
    let n = x.nrows();
    let distances = |x: &Mat<f64>| {
        let squares =
            |i: usize, j: usize| x.row(i).iter().zip(x.row(j).iter()).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let d = Mat::from_fn(n, n, |i, j| squares(i, j).sqrt());
        let mut sorted: Vec<f64> = d.col_iter().flat_map(|c| c.iter().copied().collect::<Vec<_>>()).collect();
        sorted.sort_by(f64::total_cmp);
        let place = 0.9 * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        d * faer::Scale(1.0 / (low + (high - low) * place.fract()))
    };
    let (first, second) = (distances(x), distances(y));
    let graph = Mat::from_fn(2 * n, 2 * n, |i, j| match (i < n, j < n) {
        (true, true) => 0.0,
        (false, false) => first[(i - n, j - n)].min(second[(i - n, j - n)]),
        _ => first[(i % n, j % n)],
    });
    let graph = Mat::from_fn(2 * n, 2 * n, |i, j| f64::from(graph[(i, j)] as f32));
    h1_bars(graph.as_ref()).unwrap().iter().map(|b| b.death - b.birth).sum()
}

/// The reference ran Ripser, which holds distances in 32-bit floats: with our graph rounded in the same way the values agree in full.
#[test]
fn topology_is_that_of_the_package_but_for_its_rounding() {
    let mut compared = 0;
    for c in CASES.map(case) {
        for (part, x, y) in [(0, &c.x, &c.y), (1, &c.y, &c.x)] {
            let Some(want) = c.value("pairwise", "rtd_h1_full_[xy,yx,mean]", Some(part)) else { continue };
            let got = rounded(x, y);
            assert!((got - want).abs() <= 1e-12 * want, "{}: {got} against {want}", c.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 8);
}
