//! Tests of the clustering of units.

use super::*;
use crate::measure::numerics::random::SplitMix;
use crate::measure::pair::testing::{bad_pairs, constant_pairs, pair};
use proptest::prelude::*;

/// Units made of `groups` independent signals with a little noise of their own; unit i of group i % groups.
fn grouped(units: usize, groups: usize, seed: u64) -> Mat<f64> {
    let mut signal = SplitMix::new(99, 0);
    let base = Mat::from_fn(200, groups, |_, _| signal.uniform() - 0.5);
    let mut noise = SplitMix::new(seed, 1);
    Mat::from_fn(200, units, |i, j| {
        let sign = if (j / groups).is_multiple_of(2) { 1.0 } else { -1.0 };
        sign * base[(i, j % groups)] + 0.1 * (noise.uniform() - 0.5)
    })
}

#[test]
fn planted_groups_are_found() {
    let (x, y) = (grouped(9, 3, 1), grouped(7, 4, 2));
    for edges in [Edges::WithinAndBetween, Edges::Between] {
        let mut options = ClusterOptions { edges, ..ClusterOptions::new(3) };
        if edges == Edges::WithinAndBetween {
            options.clusters = 4;
        }
        let got = cluster_units(x.as_ref(), y.as_ref(), &options).unwrap();
        println!("{got:?}");
        for group in 0..3 {
            let want_x: Vec<usize> = (0..9).filter(|i| i % 3 == group).collect();
            let cluster = got.clusters.iter().find(|c| c.x == want_x).unwrap();
            let want_y: Vec<usize> = (0..7).filter(|j| j % 4 == group).collect();
            assert!(want_y.iter().all(|j| cluster.y.contains(j)));
        }
        if edges == Edges::WithinAndBetween {
            assert_eq!((got.shared, got.only_x, got.only_y), (3, 0, 1));
            assert!((got.shared_units - 15.0 / 16.0).abs() < 1e-15);
        }
        assert!(got.eigenvalues[0].abs() < 1e-12 && got.eigenvalues.windows(2).all(|w| w[0] <= w[1]));
        assert_eq!(got, cluster_units(x.as_ref(), y.as_ref(), &options).unwrap());
    }
    // Units that go the other way are no kin of the others if signs count.
    let options = ClusterOptions { sign: Sign::Signed, ..ClusterOptions::new(7) };
    let got = cluster_units(x.as_ref(), y.as_ref(), &options).unwrap();
    let with_0 = got.clusters.iter().find(|c| c.x.contains(&0)).unwrap();
    assert!(with_0.x.contains(&6) && !with_0.x.contains(&3), "{got:?}");
}

#[test]
fn components_by_hand() {
    // Two uncorrelated pairs of equal units: two components, so two eigenvalues 0, and the others 2 (single edges).
    let wave = |i: usize, m: usize| if (i >> m) & 1 == 0 { 1.0 } else { -1.0 };
    let x = Mat::from_fn(8, 3, |i, j| if j == 2 { 1.0 } else { wave(i, j) });
    let y = Mat::from_fn(8, 2, |i, j| -2.0 * wave(i, 1 - j));
    let got = cluster_units(x.as_ref(), y.as_ref(), &ClusterOptions::new(2)).unwrap();
    for (value, want) in got.eigenvalues.iter().zip([0.0, 0.0, 2.0, 2.0]) {
        assert!((value - want).abs() < 1e-14);
    }
    assert_eq!(got.clusters, [UnitCluster { x: vec![0], y: vec![1] }, UnitCluster { x: vec![1], y: vec![0] }]);
    assert_eq!((got.shared, got.dropped_x, got.dropped_y), (2, 1, 0));
    assert!(got.inertia < 1e-20);
    // Signed, no two units are alike: no edges, and still an answer.
    let signed = ClusterOptions { sign: Sign::Signed, ..ClusterOptions::new(4) };
    let alone = cluster_units(x.as_ref(), y.as_ref(), &signed).unwrap();
    assert_eq!((alone.shared, alone.only_x, alone.only_y), (0, 2, 2));
}

proptest! {
    #[test]
    fn every_unit_is_in_one_cluster((x, y) in pair(3..12, 1..7, 1..7), k in 1_usize..5, between in any::<bool>()) {
        let k = k.min(x.ncols() + y.ncols());
        let edges = if between { Edges::Between } else { Edges::WithinAndBetween };
        let got = cluster_units(x.as_ref(), y.as_ref(), &ClusterOptions { edges, ..ClusterOptions::new(k) }).unwrap();
        prop_assert!(got.clusters.len() <= k);
        for (n, side) in [(x.ncols(), 0), (y.ncols(), 1)] {
            let mut all: Vec<usize> = got.clusters.iter().flat_map(|c| if side == 0 { c.x.clone() } else { c.y.clone() }).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        }
        prop_assert_eq!(got.shared + got.only_x + got.only_y, got.clusters.len());
        prop_assert!((0.0..=1.0).contains(&got.shared_units));
        prop_assert!(got.eigenvalues.iter().all(|v| (-1e-12..=2.0 + 1e-12).contains(v)));
        // Scale and sign of a unit do not matter to |r|; powers of two are exact.
        let moved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * if j % 2 == 0 { -4.0 } else { 0.5 });
        let other = cluster_units(moved.as_ref(), y.as_ref(), &ClusterOptions { edges, ..ClusterOptions::new(k) }).unwrap();
        prop_assert!(got.eigenvalues.iter().zip(&other.eigenvalues).all(|(a, b)| (a - b).abs() < 1e-10));
    }
}

#[test]
fn bad_input_is_refused() {
    for (what, x, y) in bad_pairs().into_iter().chain(constant_pairs()) {
        for edges in [Edges::WithinAndBetween, Edges::Between] {
            let options = ClusterOptions { edges, ..ClusterOptions::new(2) };
            assert!(cluster_units(x.as_ref(), y.as_ref(), &options).is_err(), "{what}");
        }
    }
    let x = grouped(3, 3, 1);
    for clusters in [0, 7, usize::MAX] {
        assert!(cluster_units(x.as_ref(), x.as_ref(), &ClusterOptions::new(clusters)).is_err());
    }
    for clusters in 1..=6 {
        assert!(cluster_units(x.as_ref(), x.as_ref(), &ClusterOptions::new(clusters)).is_ok());
    }
}
