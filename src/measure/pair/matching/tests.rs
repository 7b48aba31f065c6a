//! Tests of the unit-matching measures.

use super::*;
use crate::measure::pair::testing::{assert_close, bad_pairs, constant_pairs, pair, representation, value};
use proptest::prelude::*;

const SIGNS: [&str; 2] = ["signed", "absolute"];

proptest! {
    #[test]
    fn range_order_and_symmetry((x, y) in pair(3..12, 1..7, 1..7)) {
        for sign in SIGNS {
            let of = |name: &str, x: &Mat<f64>, y: &Mat<f64>| value(&format!("{name}:{sign}"), x, y);
            let there = ["semi_match", "semi_match:mean", "bipartite_match", "soft_match"].map(|name| of(name, &x, &y));
            let back = ["semi_match", "semi_match:mean", "bipartite_match", "soft_match"].map(|name| of(name, &y, &x));
            let ([semi, mean, hard, soft], other) = (there, back[0]);
            prop_assert!((1..4).all(|i| (there[i] - back[i]).abs() < 1e-12));
            prop_assert!((mean - 0.5 * (semi + other)).abs() < 1e-12);
            prop_assert!(there.iter().all(|v| (-1.0 - 1e-12..=1.0 + 1e-12).contains(v)));
            prop_assert!(soft <= semi + 1e-12 && soft <= other + 1e-12 && soft <= hard + 1e-12);
            let small = if x.ncols() <= y.ncols() { semi } else { other };
            prop_assert!(hard <= small + 1e-12);
            if x.ncols() == y.ncols() {
                prop_assert!((soft - hard).abs() < 1e-12);
            }
            // The two forms of soft matching say the same.
            let d = of("soft_match_distance", &x, &y);
            prop_assert!((d * d - (2.0 - 2.0 * soft)).abs() < 1e-12);
        }
    }

    #[test]
    fn invariances((x, y) in pair(4..10, 2..6, 1..6), shift in -3.0_f64..3.0, scale in 0.1_f64..9.0) {
        let p = x.ncols();
        let moved = Mat::from_fn(x.nrows(), p, |i, j| scale * (1.0 + j as f64) * x[(i, p - 1 - j)] + shift);
        let flipped = Mat::from_fn(x.nrows(), p, |i, j| if j % 2 == 0 { -x[(i, j)] } else { x[(i, j)] });
        for (other, sign) in [(&moved, "signed"), (&moved, "absolute"), (&flipped, "absolute")] {
            for name in ["semi_match:mean", "bipartite_match", "soft_match"] {
                let of = |x: &Mat<f64>| value(&format!("{name}:{sign}"), x, &y);
                prop_assert!((of(&x) - of(other)).abs() < 1e-10);
            }
            let own = value(&format!("soft_match_distance:{sign}"), &x, other);
            prop_assert!(own < 1e-13, "{own}");
        }
    }

    #[test]
    fn soft_distance_is_a_metric(
        (x, y, z) in (3_usize..9, 1_usize..6, 1_usize..6, 1_usize..6)
            .prop_flat_map(|(n, p, q, r)| (representation(n, p), representation(n, q), representation(n, r))),
    ) {
        for scale in ["normalised", "centred"] {
            for sign in SIGNS {
                let d = |a: &Mat<f64>, b: &Mat<f64>| value(&format!("soft_match_distance:{scale}:{sign}"), a, b);
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
    // A constant, b, and −a.
    let y = Mat::from_fn(8, 3, |i, j| match j {
        0 => 0.1,
        1 => 3.0 * wave(i, 1) + 1.0,
        _ => -wave(i, 0),
    });
    assert_close("x to y", value("semi_match", &x, &y), 1.0 / 3.0, 1e-15);
    assert_close("y to x", value("semi_match", &y, &x), 0.5, 1e-15);
    assert_close("bipartite", value("bipartite_match", &x, &y), 0.5, 1e-15);
    let hard = matched(x.as_ref(), y.as_ref(), Sign::Signed, Matching::OneToOne).unwrap();
    assert!(hard.len() == 2 && hard.contains(&(1, 1, 0.5)), "{hard:?}");
    // b gives its 1/3 to b, which takes 1/6 more of a; the other 1/6 of a has to go to −a.
    assert_close("soft", value("soft_match", &x, &y), 1.0 / 6.0, 1e-15);
    let soft = matched(x.as_ref(), y.as_ref(), Sign::Signed, Matching::Soft).unwrap();
    let mass = |f: &dyn Fn(&(usize, usize, f64)) -> bool| soft.iter().filter(|e| f(e)).map(|e| e.2).sum::<f64>();
    assert_close("b", mass(&|e| e.0 == 1 && e.1 == 1), 1.0 / 3.0, 1e-15);
    assert_close("of -a", mass(&|e| e.1 == 2), 0.5, 1e-15);
    assert_close("absolute", value("bipartite_match:absolute", &x, &y), 1.0, 1e-15);
    assert_close("absolute soft", value("soft_match:absolute", &x, &y), 2.0 / 3.0, 1e-15);
    // Standard deviations 1 and 3 of the same unit: distance 2, in units of the activations.
    let (one, three) = (Mat::from_fn(8, 1, |i, _| wave(i, 1)), Mat::from_fn(8, 1, |i, _| 3.0 * wave(i, 1)));
    for size in [1.0, 1e150, 1e-150, 1e305, 1e-305] {
        let (a, b) = (Mat::from_fn(8, 1, |i, _| size * one[(i, 0)]), Mat::from_fn(8, 1, |i, _| size * three[(i, 0)]));
        assert_close("centred distance", value("soft_match_distance:centred", &a, &b), 2.0 * size, 1e-14);
        assert!(value("soft_match_distance", &a, &b) < 1e-14);
    }
    // One part in 10⁹ of another unit is a distance of 10⁻⁹, not rounding.
    let near = Mat::from_fn(8, 1, |i, _| wave(i, 1) + 1e-9 * wave(i, 0));
    assert_close("small distance", value("soft_match_distance", &one, &near), 1e-9, 1e-6);
}

#[test]
fn bad_input_is_refused() {
    for (what, x, y) in bad_pairs().into_iter().chain(constant_pairs()) {
        for sign in [Sign::Signed, Sign::Absolute] {
            for matching in [Matching::OneToOne, Matching::Soft] {
                assert!(matched(x.as_ref(), y.as_ref(), sign, matching).is_err(), "{what}");
            }
        }
    }
}
