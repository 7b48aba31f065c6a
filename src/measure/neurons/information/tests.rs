//! Tests of mutual information between units.

use super::*;
use crate::measure::neurons::sampling::SplitMix;
use crate::measure::neurons::testing::{CASES, assert_close, bad_pairs, case, constant_pairs, pair};
use proptest::prelude::*;

const BINNINGS: [Binning; 2] = [Binning::Quantile(5), Binning::EqualWidth(4)];
const CORRECTIONS: [BiasCorrection; 2] = [BiasCorrection::None, BiasCorrection::MillerMadow];

#[test]
fn closed_cases() {
    // Units of a 4 × 4 grid are independent; a unit has all information of itself.
    let grid = Mat::from_fn(16, 2, |i, j| [(i / 4) as f64, (i % 4) as f64][j]);
    for binning in [Binning::Quantile(4), Binning::EqualWidth(4), Binning::Quantile(5)] {
        let m = mutual_information(grid.as_ref(), grid.as_ref(), binning, BiasCorrection::None).unwrap();
        assert_eq!((m.matrix[(0, 1)], m.matrix[(1, 0)]), (0.0, 0.0));
        assert_close("own", m.matrix[(0, 0)], 4.0_f64.ln(), 1e-15);
        let corrected = mutual_information(grid.as_ref(), grid.as_ref(), binning, BiasCorrection::MillerMadow).unwrap();
        assert_close("own corrected", corrected.matrix[(1, 1)], 4.0_f64.ln() + 3.0 / 32.0, 1e-15);
        assert_close("independent corrected", corrected.matrix[(0, 1)], -9.0 / 32.0, 1e-15);
    }
    // A noisy copy of a bit, 3 of 4 right: ln 2 − H(1/4).
    let x = Mat::from_fn(8, 1, |i, _| (i / 4) as f64);
    let y = Mat::from_fn(8, 1, |i, _| if i % 4 == 0 { 1.0 - (i / 4) as f64 } else { (i / 4) as f64 });
    let want = 2.0_f64.ln() + 0.25 * 0.25_f64.ln() + 0.75 * 0.75_f64.ln();
    for binning in [Binning::Quantile(2), Binning::EqualWidth(2), Binning::EqualWidth(7), Binning::Quantile(10)] {
        let m = mutual_information(x.as_ref(), y.as_ref(), binning, BiasCorrection::None).unwrap();
        assert_close("noisy copy", m.matrix[(0, 0)], want, 1e-14);
    }
    // A square has no correlation with its root, but two bits less one of its information.
    let x = Mat::from_fn(8, 1, |i, _| i as f64 - 3.5);
    let y = Mat::from_fn(8, 1, |i, _| (i as f64 - 3.5).powi(2));
    let got = information_match(x.as_ref(), y.as_ref(), Binning::EqualWidth(8), BiasCorrection::None).unwrap();
    assert!(got.bipartite.mean > 0.9 && got.bipartite_correlation.abs() < 1e-15);
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
            let m = mutual_information(x.as_ref(), y.as_ref(), binning, BiasCorrection::None).unwrap();
            let t = mutual_information(y.as_ref(), x.as_ref(), binning, BiasCorrection::None).unwrap();
            for i in 0..x.ncols() {
                for j in 0..y.ncols() {
                    let v = m.matrix[(i, j)];
                    prop_assert!(v > -1e-12 && v < bins.ln() + 1e-12);
                    prop_assert!((v - t.matrix[(j, i)]).abs() < 1e-12);
                }
            }
            let got = information_match(x.as_ref(), y.as_ref(), binning, BiasCorrection::None).unwrap();
            prop_assert!(got.bipartite_correlation <= got.best_correlation + 1e-12);
            let small = if x.ncols() <= y.ncols() { got.semi.x_to_y } else { got.semi.y_to_x };
            prop_assert!(got.bipartite.mean <= small + 1e-12);
        }
    }

    #[test]
    fn increasing_functions_change_nothing((x, y) in pair(4..30, 2..4, 1..4)) {
        let curved = Mat::from_fn(x.nrows(), x.ncols(), |i, j| (3.0 * x[(i, j)]).exp() + j as f64);
        for correction in CORRECTIONS {
            let a = mutual_information(x.as_ref(), y.as_ref(), Binning::Quantile(6), correction).unwrap();
            let b = mutual_information(curved.as_ref(), y.as_ref(), Binning::Quantile(6), correction).unwrap();
            prop_assert_eq!(a.matrix, b.matrix);
        }
    }
}

#[test]
fn correction_takes_most_of_the_bias_away() {
    let mut g = SplitMix::new(5, 0);
    let noise = Mat::from_fn(500, 12, |_, _| g.uniform());
    let (x, y) = (noise.subcols(0, 6), noise.subcols(6, 6));
    let mean = |c| {
        let m = mutual_information(x, y, Binning::Quantile(8), c).unwrap().matrix;
        m.col_iter().flat_map(|v| v.iter().copied().collect::<Vec<_>>()).sum::<f64>() / 36.0
    };
    let (plain, corrected) = (mean(BiasCorrection::None), mean(BiasCorrection::MillerMadow));
    assert!(plain > 0.04 && corrected.abs() < 0.01, "{plain} {corrected}");
}

#[test]
fn trained_units_share_information() {
    for name in CASES {
        let c = case(name);
        let own = information_match(c.x.as_ref(), c.x.as_ref(), Binning::Quantile(10), BiasCorrection::None).unwrap();
        let other = information_match(c.x.as_ref(), c.y.as_ref(), Binning::Quantile(10), BiasCorrection::None).unwrap();
        println!("{name}: {} of {}", other.bipartite.mean, own.bipartite.mean);
        assert!(other.bipartite.mean < own.bipartite.mean && other.bipartite.mean > 0.0);
    }
}

#[test]
fn bad_input_is_refused() {
    for (what, x, y) in bad_pairs().into_iter().chain(constant_pairs()) {
        for binning in BINNINGS {
            assert!(information_match(x.as_ref(), y.as_ref(), binning, BiasCorrection::None).is_err(), "{what}");
            assert!(
                mutual_information(x.as_ref(), y.as_ref(), binning, BiasCorrection::MillerMadow).is_err(),
                "{what}"
            );
        }
    }
    let x = Mat::from_fn(6, 2, |i, j| (i * (j + 1)) as f64);
    for bins in [0, 1, 1025, usize::MAX] {
        for binning in [Binning::Quantile(bins), Binning::EqualWidth(bins)] {
            assert!(mutual_information(x.as_ref(), x.as_ref(), binning, BiasCorrection::None).is_err());
        }
    }
    // A constant unit is left out, and more bins than examples are no error.
    let y = Mat::from_fn(6, 2, |i, j| if j == 0 { 1.0 } else { i as f64 });
    let m = mutual_information(x.as_ref(), y.as_ref(), Binning::Quantile(60), BiasCorrection::None).unwrap();
    assert_eq!((m.dropped_y, m.kept_y.as_slice(), m.matrix.ncols()), (1, [1].as_slice(), 1));
}
