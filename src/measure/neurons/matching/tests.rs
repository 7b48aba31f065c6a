//! Tests of the unit-matching measures.

use super::*;
use crate::measure::neurons::testing::{CASES, assert_close, bad_pairs, case, constant_pairs, pair, representation};
use proptest::prelude::*;

#[test]
fn agrees_with_the_reference() {
    for name in CASES {
        let c = case(name);
        let r = correlation(c.x.as_ref(), c.y.as_ref(), Sign::Signed).unwrap();
        let semi = semi_match(&r).unwrap();
        let distance = soft_match_distance(c.x.as_ref(), c.y.as_ref(), UnitScale::Normalised, Sign::Signed).unwrap();
        let got = [
            ("match_semi_x_to_y", semi.x_to_y),
            ("match_semi_y_to_x", semi.y_to_x),
            ("match_bipartite_corr", bipartite_match(&r).unwrap().mean),
            ("match_soft_corr", soft_match(&r).unwrap().value),
            ("match_soft_distance", distance.value),
        ];
        for (key, value) in got {
            assert_close(&format!("{name} {key}"), value, c.pairwise(key).unwrap(), 1e-12);
        }
    }
}

proptest! {
    #[test]
    fn range_order_and_symmetry((x, y) in pair(3..12, 1..7, 1..7)) {
        for sign in [Sign::Signed, Sign::Absolute] {
            let r = correlation(x.as_ref(), y.as_ref(), sign).unwrap();
            let t = correlation(y.as_ref(), x.as_ref(), sign).unwrap();
            let (semi, back) = (semi_match(&r).unwrap(), semi_match(&t).unwrap());
            let (hard, soft) = (bipartite_match(&r).unwrap(), soft_match(&r).unwrap().value);
            prop_assert!((semi.mean - back.mean).abs() < 1e-12 && (semi.x_to_y - back.y_to_x).abs() < 1e-12);
            prop_assert!((hard.mean - bipartite_match(&t).unwrap().mean).abs() < 1e-12);
            prop_assert!((soft - soft_match(&t).unwrap().value).abs() < 1e-12);
            for v in [semi.x_to_y, semi.y_to_x, hard.mean, soft] {
                prop_assert!((-1.0 - 1e-12..=1.0 + 1e-12).contains(&v));
            }
            prop_assert!(soft <= semi.x_to_y + 1e-12 && soft <= semi.y_to_x + 1e-12);
            let small = if x.ncols() <= y.ncols() { semi.x_to_y } else { semi.y_to_x };
            prop_assert!(hard.mean <= small + 1e-12);
            prop_assert!(soft <= hard.mean + 1e-12);
            if x.ncols() == y.ncols() {
                prop_assert!((soft - hard.mean).abs() < 1e-12);
            }
            // The two forms of soft matching say the same.
            let d = soft_match_distance(x.as_ref(), y.as_ref(), UnitScale::Normalised, sign).unwrap().value;
            prop_assert!((d * d - (2.0 - 2.0 * soft)).abs() < 1e-12);
        }
    }

    #[test]
    fn invariances((x, y) in pair(4..10, 2..6, 1..6), shift in -3.0_f64..3.0, scale in 0.1_f64..9.0) {
        let p = x.ncols();
        let moved = Mat::from_fn(x.nrows(), p, |i, j| scale * (1.0 + j as f64) * x[(i, p - 1 - j)] + shift);
        let flipped = Mat::from_fn(x.nrows(), p, |i, j| if j % 2 == 0 { -x[(i, j)] } else { x[(i, j)] });
        for (other, sign) in [(&moved, Sign::Signed), (&moved, Sign::Absolute), (&flipped, Sign::Absolute)] {
            let a = correlation(x.as_ref(), y.as_ref(), sign).unwrap();
            let b = correlation(other.as_ref(), y.as_ref(), sign).unwrap();
            prop_assert!((semi_match(&a).unwrap().mean - semi_match(&b).unwrap().mean).abs() < 1e-10);
            prop_assert!((bipartite_match(&a).unwrap().mean - bipartite_match(&b).unwrap().mean).abs() < 1e-10);
            prop_assert!((soft_match(&a).unwrap().value - soft_match(&b).unwrap().value).abs() < 1e-10);
            let own = soft_match_distance(x.as_ref(), other.as_ref(), UnitScale::Normalised, sign).unwrap().value;
            prop_assert!(own < 1e-13, "{own}");
        }
    }

    #[test]
    fn soft_distance_is_a_metric(
        (x, y, z) in (3_usize..9, 1_usize..6, 1_usize..6, 1_usize..6)
            .prop_flat_map(|(n, p, q, r)| (representation(n, p), representation(n, q), representation(n, r))),
    ) {
        for scale in [UnitScale::Normalised, UnitScale::Centred] {
            for sign in [Sign::Signed, Sign::Absolute] {
                let d = |a: &Mat<f64>, b: &Mat<f64>| soft_match_distance(a.as_ref(), b.as_ref(), scale, sign).unwrap().value;
                prop_assert!(d(&x, &x) < 1e-14);
                prop_assert!((d(&x, &y) - d(&y, &x)).abs() < 1e-12);
                prop_assert!(d(&x, &z) <= d(&x, &y) + d(&y, &z) + 1e-12);
            }
        }
    }
}

#[test]
fn closed_cases() {
    // Units a, b, c uncorrelated with each other.
    let wave = |i: usize, m: u32| if (i >> m) & 1 == 0 { 1.0 } else { -1.0 };
    let x = Mat::from_fn(8, 3, |i, j| wave(i, j as u32));
    // b, −a, and a constant.
    let y = Mat::from_fn(8, 3, |i, j| match j {
        0 => 3.0 * wave(i, 1) + 1.0,
        1 => -wave(i, 0),
        _ => 0.1,
    });
    let r = correlation(x.as_ref(), y.as_ref(), Sign::Signed).unwrap();
    assert_eq!((r.dropped_x, r.dropped_y, r.kept_y.as_slice()), (0, 1, [0, 1].as_slice()));
    let semi = semi_match(&r).unwrap();
    assert_close("x to y", semi.x_to_y, 1.0 / 3.0, 1e-15);
    assert_close("y to x", semi.y_to_x, 0.5, 1e-15);
    let hard = bipartite_match(&r).unwrap();
    assert_close("bipartite", hard.mean, 0.5, 1e-15);
    assert!(hard.pairs.contains(&(1, 0, hard.pairs.iter().find(|p| p.0 == 1).unwrap().2)));
    // b gives its 1/3 to b, which takes 1/6 more of a; the other 1/6 of a has to go to −a.
    assert_close("soft", soft_match(&r).unwrap().value, 1.0 / 6.0, 1e-15);
    let absolute = correlation(x.as_ref(), y.as_ref(), Sign::Absolute).unwrap();
    assert_close("absolute", bipartite_match(&absolute).unwrap().mean, 1.0, 1e-15);
    assert_close("absolute soft", soft_match(&absolute).unwrap().value, 2.0 / 3.0, 1e-15);
    // Standard deviations 1 and 3 of the same unit: distance 2, in units of the activations.
    let (one, three) = (Mat::from_fn(8, 1, |i, _| wave(i, 1)), Mat::from_fn(8, 1, |i, _| 3.0 * wave(i, 1)));
    for size in [1.0, 1e150, 1e-150, 1e305, 1e-305] {
        let (a, b) = (Mat::from_fn(8, 1, |i, _| size * one[(i, 0)]), Mat::from_fn(8, 1, |i, _| size * three[(i, 0)]));
        let d = soft_match_distance(a.as_ref(), b.as_ref(), UnitScale::Centred, Sign::Signed).unwrap();
        assert_close("centred distance", d.value, 2.0 * size, 1e-14);
        let d = soft_match_distance(a.as_ref(), b.as_ref(), UnitScale::Normalised, Sign::Signed).unwrap();
        assert!(d.value < 1e-14);
    }
    // One part in 10⁹ of another unit is a distance of 10⁻⁹, not rounding.
    let near = Mat::from_fn(8, 1, |i, _| wave(i, 1) + 1e-9 * wave(i, 0));
    let d = soft_match_distance(one.as_ref(), near.as_ref(), UnitScale::Normalised, Sign::Signed).unwrap();
    assert_close("small distance", d.value, 1e-9, 1e-6);
}

#[test]
fn bad_input_is_refused() {
    for (what, x, y) in bad_pairs().into_iter().chain(constant_pairs()) {
        for sign in [Sign::Signed, Sign::Absolute] {
            assert!(correlation(x.as_ref(), y.as_ref(), sign).is_err(), "{what}");
            for scale in [UnitScale::Normalised, UnitScale::Centred] {
                assert!(soft_match_distance(x.as_ref(), y.as_ref(), scale, sign).is_err(), "{what}");
            }
        }
    }
    let broken = |matrix: Mat<f64>| {
        let (p, q) = (matrix.nrows(), matrix.ncols());
        UnitScores { matrix, kept_x: (0..p).collect(), kept_y: (0..q).collect(), dropped_x: 0, dropped_y: 0 }
    };
    for matrix in [Mat::zeros(0, 0), Mat::from_fn(2, 2, |_, _| f64::NAN)] {
        let c = broken(matrix);
        assert!(semi_match(&c).is_err() && bipartite_match(&c).is_err() && soft_match(&c).is_err());
    }
    // Kept lists that do not fit the matrix.
    let mut c = broken(Mat::zeros(2, 2));
    c.kept_x.clear();
    assert!(semi_match(&c).is_err() && bipartite_match(&c).is_err() && soft_match(&c).is_err());
}
