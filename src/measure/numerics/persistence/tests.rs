//! Tests of persistent homology: known shapes, and the plain reduction of the whole boundary matrix.

use super::*;
use faer::Mat;
use proptest::prelude::*;

fn distances(points: &[[f64; 2]]) -> Mat<f64> {
    Mat::from_fn(points.len(), points.len(), |i, j| (points[i][0] - points[j][0]).hypot(points[i][1] - points[j][1]))
}

fn circle(n: usize) -> Vec<[f64; 2]> {
    (0..n).map(|i| std::f64::consts::TAU * i as f64 / n as f64).map(|t| [t.cos(), t.sin()]).collect()
}

/// Bars of positive length by reducing the boundary matrix of all triangles, column by column.
fn plain(d: MatRef<'_, f64>) -> Vec<(f64, f64)> {
    let n = d.nrows();
    let mut edges: Vec<(usize, usize)> = (0..n).flat_map(|j| (0..j).map(move |i| (i, j))).collect();
    edges.sort_by(|a, b| d[*a].total_cmp(&d[*b]));
    let place = |a: usize, b: usize| edges.iter().position(|e| *e == (a.min(b), a.max(b))).unwrap();
    let mut triangles = Vec::new();
    for k in 0..n {
        for (i, j) in (0..k).flat_map(|j| (0..j).map(move |i| (i, j))) {
            let mut faces = vec![place(i, j), place(i, k), place(j, k)];
            faces.sort_unstable();
            triangles.push(faces);
        }
    }
    triangles.sort_by_key(|f| f[2]);
    let mut by_low: std::collections::BTreeMap<usize, Vec<usize>> = Default::default();
    let mut bars = Vec::new();
    for faces in triangles {
        let longest = faces[2];
        let mut column = faces;
        while let Some(&low) = column.last() {
            let Some(other) = by_low.get(&low) else {
                let (birth, death) = (d[edges[low]], d[edges[longest]]);
                if death > birth {
                    bars.push((birth, death));
                }
                by_low.insert(low, column);
                break;
            };
            let mut sum: Vec<usize> = column.iter().filter(|e| !other.contains(e)).copied().collect();
            sum.extend(other.iter().filter(|e| !column.contains(e)));
            sum.sort_unstable();
            column = sum;
        }
    }
    bars.sort_by(|a, b| a.partial_cmp(b).unwrap());
    bars
}

fn sorted(d: MatRef<'_, f64>) -> Vec<(f64, f64)> {
    let mut bars: Vec<_> = h1_bars(d).unwrap().iter().map(|b| (b.birth, b.death)).collect();
    bars.sort_by(|a, b| a.partial_cmp(b).unwrap());
    bars
}

proptest! {
    #[test]
    fn agrees_with_plain_reduction(n in 3_usize..11, step in prop::sample::select(vec![0.0, 0.5, 0.2]), v in prop::collection::vec(0.0_f64..1.0, 100)) {
        // Any symmetric matrix, with ties and zeros if a step rounds it.
        let value = |a: f64| if step > 0.0 { (a / step).round() * step } else { a };
        let d = Mat::from_fn(n, n, |i, j| if i == j { 0.0 } else { value(v[i.min(j) * 10 + i.max(j) - 1]) });
        prop_assert_eq!(sorted(d.as_ref()), plain(d.as_ref()));
    }
}

#[test]
fn known_shapes() {
    // A square: born with the sides, filled by the diagonals.
    let d = distances(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]);
    assert_eq!(sorted(d.as_ref()), [(1.0, 2.0_f64.sqrt())]);
    // A triangle is filled as soon as it closes.
    assert!(sorted(distances(&[[0.0, 0.0], [1.0, 0.0], [0.5, 2.0]]).as_ref()).is_empty());
    // A regular polygon has one bar: from its side to the side of the (about) inscribed triangle.
    for n in [12, 60, 100] {
        let bars = sorted(distances(&circle(n)).as_ref());
        assert_eq!(bars.len(), 1);
        let chord = |steps: usize| 2.0 * (std::f64::consts::PI * steps as f64 / n as f64).sin();
        assert!((bars[0].0 - chord(1)).abs() < 1e-12 && (bars[0].1 - chord(n.div_ceil(3))).abs() < 1e-12, "{bars:?}");
    }
    // Two circles far apart: two bars.
    let mut two = circle(12);
    two.extend(circle(12).iter().map(|p| [p[0] * 2.0 + 9.0, p[1] * 2.0]));
    assert_eq!(sorted(distances(&two).as_ref()).len(), 2);
    // The edges of a cycle at 1, all else at 2.
    let cycle = Mat::from_fn(7, 7, |i, j| {
        if i == j {
            0.0
        } else if (i + 1) % 7 == j || (j + 1) % 7 == i {
            1.0
        } else {
            2.0
        }
    });
    assert_eq!(sorted(cycle.as_ref()), [(1.0, 2.0)]);
}

#[test]
fn few_points_and_bad_matrices() {
    for n in 0..3 {
        assert!(h1_bars(Mat::from_fn(n, n, |i, j| if i == j { 0.0 } else { 1.0 }).as_ref()).unwrap().is_empty());
    }
    assert!(h1_bars(Mat::zeros(5, 5).as_ref()).unwrap().is_empty());
    let bad = |v: f64| {
        Mat::from_fn(4, 4, |i, j| {
            if i == j {
                0.0
            } else if i + j == 5 {
                v
            } else {
                1.0
            }
        })
    };
    for d in [
        bad(f64::NAN),
        bad(f64::INFINITY),
        bad(-1.0),
        Mat::from_fn(3, 3, |i, _| i as f64),
        Mat::zeros(3, 4),
        Mat::zeros(2049, 2049),
    ] {
        assert!(h1_bars(d.as_ref()).is_err());
    }
    // The diagonal is not read.
    let mut d = distances(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]);
    d[(2, 2)] = f64::NAN;
    assert_eq!(sorted(d.as_ref()).len(), 1);
}
