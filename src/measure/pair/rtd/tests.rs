//! Tests of representation topology divergence.

use super::*;
use crate::measure::pair::testing::{assert_close, bad_pairs, pair};
use proptest::prelude::*;

proptest! {
    #[test]
    fn symmetric_invariant_and_zero_for_itself((x, y) in pair(3..14, 1..4, 1..4), angle in 0.0_f64..6.0, scale in 0.1_f64..9.0) {
        let (Ok(a), Ok(b)) = (rtd(x.as_ref(), y.as_ref()), rtd(y.as_ref(), x.as_ref())) else { return Ok(()) };
        prop_assert!(a.x_to_y >= 0.0 && a.y_to_x >= 0.0);
        prop_assert_eq!((a.x_to_y, a.y_to_x, a.mean), (b.y_to_x, b.x_to_y, b.mean));
        prop_assert_eq!(rtd(x.as_ref(), x.as_ref()).unwrap().mean, 0.0);
        // A rotation of the first two units, a shift and a scale; rounding moves every bar by about 1e-15.
        let (sin, cos) = angle.sin_cos();
        let moved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            let v = match j {
                0 if x.ncols() > 1 => cos * x[(i, 0)] - sin * x[(i, 1)],
                1 => sin * x[(i, 0)] + cos * x[(i, 1)],
                _ => x[(i, j)],
            };
            scale * v + 0.5
        });
        prop_assert!((rtd(moved.as_ref(), y.as_ref()).unwrap().mean - a.mean).abs() < 1e-11);
        prop_assert!(rtd(moved.as_ref(), x.as_ref()).unwrap().mean < 1e-11);
    }
}

#[test]
fn by_hand() {
    // Points 0, 1, 3 against 0, 1, 1.5 on a line. Ordered entries 0 0 0 1 1 2 2 3 3: the quantile is at place 7.2, 3.
    // r1 = 1/3, 2/3, 1; of the other the quantile is 1.5: r2 = 2/3, 1/3, 1. In the graph of X the edge between the
    // last two points is 1/3 in the second copy and 2/3 across: one bar of 1/3; the same for Y and the first edge.
    let (x, y) = (Mat::from_fn(3, 1, |i, _| [0.0, 1.0, 3.0][i]), Mat::from_fn(3, 1, |i, _| [0.0, 1.0, 1.5][i]));
    let got = rtd(x.as_ref(), y.as_ref()).unwrap();
    assert_close("x to y", got.x_to_y, 1.0 / 3.0, 1e-14);
    assert_close("y to x", got.y_to_x, 1.0 / 3.0, 1e-14);
    for size in [1e200, 1e-200] {
        let big = Mat::from_fn(3, 1, |i, _| size * x[(i, 0)]);
        assert_close("huge", rtd(big.as_ref(), y.as_ref()).unwrap().mean, 1.0 / 3.0, 1e-13);
    }
    assert_eq!(quantile(Mat::from_fn(2, 2, |i, j| (2 * i + j) as f64).as_ref(), 0.9), 2.7);
}

fn noise(n: usize, p: usize, seed: u64) -> Mat<f64> {
    let mut g = SplitMix::new(seed, 0);
    Mat::from_fn(n, p, |_, _| (0..4).map(|_| g.uniform() - 0.5).sum::<f64>())
}

#[test]
fn samples_follow_the_seed() {
    let (x, y) = (noise(40, 5, 1), noise(40, 3, 2));
    let (x, y) = (x.as_ref(), y.as_ref());
    let a = rtd_sampled(x, y, 20, 4, 9).unwrap();
    assert_eq!(a, rtd_sampled(x, y, 20, 4, 9).unwrap());
    assert_ne!(a, rtd_sampled(x, y, 20, 4, 10).unwrap());
    assert_eq!(a.repeats.len(), 4);
    assert!(a.repeats.windows(2).all(|w| w[0] != w[1]) && a.deviation > 0.0);
    // More repeats begin with the same ones, and all the examples at once are the full divergence.
    assert_eq!(a.repeats, rtd_sampled(x, y, 20, 6, 9).unwrap().repeats[..4]);
    assert_eq!(rtd_sampled(x, y, 40, 1, 3).unwrap().average, rtd(x, y).unwrap());
    assert!(rtd_sampled(x, y, 40, 1, 3).unwrap().deviation.is_nan());
}

#[test]
fn hundreds_of_examples_are_fast_enough() {
    for (n, p, q, limit) in [(100, 20, 30, 5.0), (200, 3, 4, 20.0), (200, 50, 50, 20.0)] {
        let began = std::time::Instant::now();
        let got = rtd(noise(n, p, 1).as_ref(), noise(n, q, 2).as_ref()).unwrap();
        println!("{n} examples of {p} and {q} units: {:?}, {got:?}", began.elapsed());
        assert!(got.mean > 0.0 && began.elapsed().as_secs_f64() < limit);
    }
}

#[test]
fn bad_input_is_refused() {
    let constant = Mat::from_fn(12, 3, |_, j| 0.1 + j as f64);
    let good = noise(12, 3, 1);
    let mut cases = bad_pairs();
    cases.push(("constant X", constant.clone(), good.clone()));
    cases.push(("constant Y", good.clone(), constant));
    cases.push(("too many examples", Mat::zeros(1025, 1), Mat::zeros(1025, 1)));
    for (what, x, y) in cases {
        assert!(rtd(x.as_ref(), y.as_ref()).is_err(), "{what}");
        assert!(rtd_sampled(x.as_ref(), y.as_ref(), x.nrows(), 2, 0).is_err(), "{what}");
    }
    for (batch, repeats) in [(0, 1), (1, 1), (13, 1), (5, 0), (usize::MAX, 1)] {
        assert!(rtd_sampled(good.as_ref(), good.as_ref(), batch, repeats, 0).is_err());
    }
    // Two examples have no loops.
    assert_eq!(rtd(noise(2, 3, 1).as_ref(), noise(2, 3, 2).as_ref()).unwrap().mean, 0.0);
}
