//! Tests of mutual information between units.

use super::*;
use crate::measure::numerics::random::SplitMix;
use crate::measure::pair::testing::{assert_close, constant_pairs, pair, value};
use proptest::prelude::*;

const BINNINGS: [Binning; 2] = [Binning::Quantile(5), Binning::EqualWidth(4)];

fn scores(x: MatRef<'_, f64>, y: MatRef<'_, f64>, binning: Binning, corrected: bool) -> Mat<f64> {
    let of = |x| BinnedUnits::new(x, binning).unwrap();
    let (a, b) = (of(x), of(y));
    let found = a.scores(&b, corrected);
    // As a device has it, from the numbers of examples in pairs of bins.
    let counts = a.one_hot().transpose() * b.one_hot();
    assert_eq!(found, a.scores_of_counts(&b, &counts, corrected));
    found
}

#[test]
fn closed_cases() {
    // Units of a 4 × 4 grid are independent; a unit has all information of itself.
    let grid = Mat::from_fn(16, 2, |i, j| [(i / 4) as f64, (i % 4) as f64][j]);
    for binning in [Binning::Quantile(4), Binning::EqualWidth(4), Binning::Quantile(5)] {
        let m = scores(grid.as_ref(), grid.as_ref(), binning, false);
        assert_eq!((m[(0, 1)], m[(1, 0)]), (0.0, 0.0));
        assert_close("own", m[(0, 0)], 4.0_f64.ln(), 1e-15);
        let corrected = scores(grid.as_ref(), grid.as_ref(), binning, true);
        assert_close("own corrected", corrected[(1, 1)], 4.0_f64.ln() + 3.0 / 32.0, 1e-15);
        assert_close("independent corrected", corrected[(0, 1)], -9.0 / 32.0, 1e-15);
    }
    // A noisy copy of a bit, 3 of 4 right: ln 2 − H(1/4).
    let x = Mat::from_fn(8, 1, |i, _| (i / 4) as f64);
    let y = Mat::from_fn(8, 1, |i, _| if i % 4 == 0 { 1.0 - (i / 4) as f64 } else { (i / 4) as f64 });
    let want = 2.0_f64.ln() + 0.25 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln();
    for binning in [Binning::Quantile(2), Binning::EqualWidth(2), Binning::EqualWidth(7), Binning::Quantile(10)] {
        let m = scores(x.as_ref(), y.as_ref(), binning, false);
        assert_close("noisy copy", m[(0, 0)], want, 1e-14);
    }
    // A square has no correlation with its root, but two bits less one of its information.
    let x = Mat::from_fn(8, 1, |i, _| i as f64 - 3.5);
    let y = Mat::from_fn(8, 1, |i, _| (i as f64 - 3.5).powi(2));
    assert!(
        value("information_match:equal-width:bins=8", &x, &y) > 0.9 && value("bipartite_match", &x, &y).abs() < 1e-15
    );
}

#[test]
fn bins_by_hand() {
    // Five zeros have a bin of their own, and the other six values three bins of two.
    let relu = [0.0, 3.0, 0.0, 1.0, 2.0, 0.0, 4.0, -0.0, 6.0, 5.0, 0.0];
    assert_eq!(quantile_bins(&relu, 4), [0, 2, 0, 1, 1, 0, 2, 0, 3, 3, 0]);
    // Without a floor every bin is for the values.
    assert_eq!(quantile_bins(&[5.0, 1.0, 2.0, 8.0], 2), [1, 0, 0, 1]);
    assert_eq!(quantile_bins(&[1.0, 2.0, 2.0, 2.0, 3.0, 4.0], 3), [0, 0, 0, 0, 2, 2]);
    assert_eq!(width_bins(&[0.0, 1.0, 2.0, 3.9, 4.0], 4), [0, 1, 2, 3, 3]);
    assert_eq!(width_bins(&[-1.7e308, 1.7e308, 0.0], 2), [0, 1, 1]);
    assert_eq!(width_bins(&[5e-324, 0.0], 2), [0, 0]);
}

proptest! {
    #[test]
    fn range_symmetry_and_order((x, y) in pair(4..30, 1..5, 1..5)) {
        for (binning, bins) in BINNINGS.into_iter().zip([5.0_f64, 4.0]) {
            let m = scores(x.as_ref(), y.as_ref(), binning, false);
            let t = scores(y.as_ref(), x.as_ref(), binning, false);
            for i in 0..x.ncols() {
                for j in 0..y.ncols() {
                    let v = m[(i, j)];
                    prop_assert!(v > -1e-12 && v < bins.ln() + 1e-12);
                    prop_assert!((v - t[(j, i)]).abs() < 1e-12);
                }
            }
            let semi = if x.ncols() <= y.ncols() { mean_of_matched(&m, true) } else { mean_of_matched(&t, true) };
            prop_assert!(mean_of_matched(&m, false).unwrap() <= semi.unwrap() + 1e-12);
        }
    }

    #[test]
    fn increasing_functions_change_nothing((x, y) in pair(4..30, 2..4, 1..4)) {
        let curved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| (3.0 * x[(i, j)]).exp() + j as f64);
        for corrected in [false, true] {
            let a = scores(x.as_ref(), y.as_ref(), Binning::Quantile(6), corrected);
            prop_assert_eq!(a, scores(curved.as_ref(), y.as_ref(), Binning::Quantile(6), corrected));
        }
    }
}

#[test]
fn correction_takes_most_of_the_bias_away() {
    let mut g = SplitMix::new(5, 0);
    let noise = Mat::from_fn(500, 12, |_, _| g.uniform());
    let (x, y) = (noise.subcols(0, 6), noise.subcols(6, 6));
    let mean = |c| {
        let m = scores(x, y, Binning::Quantile(8), c);
        m.col_iter().flat_map(|v| v.iter().copied().collect::<Vec<_>>()).sum::<f64>() / 36.0
    };
    let (plain, corrected) = (mean(false), mean(true));
    assert!(plain > 0.04 && corrected.abs() < 0.01, "{plain} {corrected}");
}

#[test]
fn bad_input_is_refused() {
    for (what, x, y) in constant_pairs() {
        for binning in BINNINGS {
            assert!(
                BinnedUnits::new(x.as_ref(), binning).and(BinnedUnits::new(y.as_ref(), binning)).is_err(),
                "{what}"
            );
        }
    }
    let x = Mat::from_fn(6, 2, |i, j| (i * (j + 1)) as f64);
    for bins in [0, 1, 1025, usize::MAX] {
        for binning in [Binning::Quantile(bins), Binning::EqualWidth(bins)] {
            assert!(BinnedUnits::new(x.as_ref(), binning).is_err());
        }
    }
    // A constant unit is left out, and more bins than examples are no error.
    let y = Mat::from_fn(6, 2, |i, j| if j == 0 { 1.0 } else { i as f64 });
    assert_eq!(scores(x.as_ref(), y.as_ref(), Binning::Quantile(60), false).ncols(), 1);
}
