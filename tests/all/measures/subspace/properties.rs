//! What each measure claims: symmetry, range, invariance, and the triangle inequality where it is called a metric.

use faer::{Mat, Scale};
use isogram::measure::subspace::canonical::{cca, principal_angles};
use isogram::measure::subspace::functional::{error_consistency, output_jsd_bits};
use isogram::measure::subspace::gulp::gulp;
use isogram::measure::subspace::permutation::{permutation_procrustes, permutation_procrustes_held_out};
use isogram::measure::subspace::pwcca::pwcca;
use isogram::measure::subspace::regression::linear_regression;
use isogram::measure::subspace::ridge::{Penalty, ridge_kfold, ridge_loo};
use isogram::measure::subspace::shape::procrustes;
use isogram::measure::subspace::shape_metric::{alternate_halves, shape_metric, shape_metric_held_out};
use isogram::measure::subspace::svcca::{Keep, svcca};
use proptest::prelude::*;

const ROUNDING: f64 = 1e-9;

/// Entries for matrices of up to 14 rows and 8 columns.
fn entries() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1f64..1.0, 14 * 8)
}

fn matrix(n: usize, p: usize, entries: &[f64]) -> Mat<f64> {
    Mat::from_fn(n, p, |i, j| entries[i * 8 + j])
}

/// A rotation or reflection made from entries.
fn orthogonal(p: usize, entries: &[f64]) -> Mat<f64> {
    Mat::from_fn(p, p, |i, j| entries[i * 8 + j] + if i == j { 3.0 } else { 0.0 }).qr().compute_Q()
}

/// Rotated, moved, scaled.
fn moved(y: &Mat<f64>, entries: &[f64], scale: f64) -> Mat<f64> {
    let turned = y * orthogonal(y.ncols(), entries) * Scale(scale);
    Mat::from_fn(y.nrows(), y.ncols(), |i, j| turned[(i, j)] + 5.0 * entries[j])
}

/// A well-conditioned invertible map and a translation.
fn mapped(y: &Mat<f64>, entries: &[f64]) -> Mat<f64> {
    let p = y.ncols();
    let stretch = Mat::from_fn(p, p, |i, j| if i == j { 0.5 + i as f64 } else { 0.0 });
    moved(&(y * orthogonal(p, &entries[8..]) * stretch), entries, 1.7)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < ROUNDING * (1.0 + a.abs().max(b.abs()))
}

fn sizes() -> impl Strategy<Value = (usize, usize, usize)> {
    (4usize..14, 1usize..6, 1usize..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn procrustes_is_a_metric_of_shapes((n, p, q) in sizes(), a in entries(), b in entries(), c in entries(), r in entries()) {
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let of = |x: &Mat<f64>, y: &Mat<f64>| procrustes(x.as_ref(), y.as_ref()).unwrap();
        let (xy, yx, xz, zy) = (of(&x, &y), of(&y, &x), of(&x, &z), of(&z, &y));
        prop_assert!(near(xy.euclidean, yx.euclidean) && near(xy.angular, yx.angular) && near(xy.disparity, yx.disparity));
        prop_assert!((0.0..=1.0).contains(&xy.nbs) && (0.0..=1.0 + ROUNDING).contains(&xy.disparity));
        prop_assert!((0.0..=std::f64::consts::FRAC_PI_2 + ROUNDING).contains(&xy.angular));
        prop_assert!(xy.euclidean <= xz.euclidean + zy.euclidean + ROUNDING);
        prop_assert!(xy.angular <= xz.angular + zy.angular + ROUNDING);
        prop_assert!(xy.normalised <= xz.normalised + zy.normalised + ROUNDING);
        prop_assert!(near(xy.angular.cos(), xy.nbs) && near(xy.disparity, 1.0 - xy.nbs * xy.nbs));
        let turned = of(&x, &moved(&y, &r, 1.0));
        prop_assert!(near(turned.euclidean, xy.euclidean));
        prop_assert!(near(of(&x, &moved(&y, &r, 3.0)).angular, xy.angular));
        prop_assert!(of(&y, &moved(&y, &r, 3.0)).angular < 1e-12);
        // Silent units change nothing.
        let padded = Mat::from_fn(n, 20, |i, j| if j < q { y[(i, j)] } else { 0.25 });
        prop_assert!(near(of(&x, &padded).angular, xy.angular));
    }

    #[test]
    fn shape_metrics_are_metrics((n, p, q) in sizes(), alpha in 0f64..1.0, a in entries(), b in entries(), c in entries()) {
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let of = |x: &Mat<f64>, y: &Mat<f64>, alpha| shape_metric(x.as_ref(), y.as_ref(), alpha).unwrap();
        let (xy, yx, xz, zy) = (of(&x, &y, alpha), of(&y, &x, alpha), of(&x, &z, alpha), of(&z, &y, alpha));
        prop_assert!(near(xy.angular, yx.angular) && near(xy.euclidean, yx.euclidean));
        prop_assert!(xy.angular <= xz.angular + zy.angular + ROUNDING);
        prop_assert!(xy.euclidean <= xz.euclidean + zy.euclidean + ROUNDING);
        let (one, plain) = (of(&x, &y, 1.0), procrustes(x.as_ref(), y.as_ref()).unwrap());
        prop_assert!(near(one.angular, plain.angular) && near(one.euclidean, plain.euclidean));
        prop_assert!(near(one.euclidean, one.euclidean_netrep));
        // Fully whitened, only the column space counts.
        if n > q + 1 {
            prop_assert!((of(&x, &mapped(&y, &c), 0.0).angular - of(&x, &y, 0.0).angular).abs() < 1e-6);
        }
    }

    #[test]
    fn held_out_alignment((p, q) in (1usize..5, 1usize..5), alpha in 0f64..1.0, a in entries(), b in entries(), r in entries()) {
        let n = 14;
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let (fit, test) = alternate_halves(n);
        let of = |x: &Mat<f64>, y: &Mat<f64>| shape_metric_held_out(x.as_ref(), y.as_ref(), alpha, &fit, &test).unwrap();
        let (xy, yx) = (of(&x, &y), of(&y, &x));
        prop_assert!((0.0..=std::f64::consts::PI).contains(&xy.angular));
        prop_assert!(!xy.determined || (xy.angular - yx.angular).abs() < 1e-6);
        let same = of(&x, &moved(&x, &r, 1.0));
        prop_assert!(!same.determined || same.angular < 1e-6, "{same:?}");
        let permutation = |x: &Mat<f64>, y: &Mat<f64>| {
            permutation_procrustes_held_out(x.as_ref(), y.as_ref(), &fit, &test).unwrap()
        };
        prop_assert!(permutation(&x, &x).angular < 1e-12);
        prop_assert!(near(permutation(&x, &y).angular, permutation(&y, &x).angular));
    }

    #[test]
    fn permutation_is_a_metric((n, p, q) in sizes(), a in entries(), b in entries(), c in entries()) {
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let of = |x: &Mat<f64>, y: &Mat<f64>| permutation_procrustes(x.as_ref(), y.as_ref()).unwrap();
        let (xy, yx, xz, zy) = (of(&x, &y), of(&y, &x), of(&x, &z), of(&z, &y));
        prop_assert!(near(xy.angular, yx.angular) && near(xy.euclidean, yx.euclidean));
        prop_assert!(near(xy.angular.cos(), xy.similarity));
        // With leftover units the triangle need not hold: a third, wider set could leave a bad match out.
        if p == q {
            prop_assert!(xy.angular <= xz.angular + zy.angular + ROUNDING);
            prop_assert!(xy.euclidean <= xz.euclidean + zy.euclidean + ROUNDING);
        }
        prop_assert!(procrustes(x.as_ref(), y.as_ref()).unwrap().angular <= xy.angular + ROUNDING);
        let reversed = Mat::from_fn(n, q, |i, j| y[(i, q - 1 - j)] + 2.0);
        prop_assert!(near(of(&x, &reversed).euclidean, xy.euclidean));
    }

    #[test]
    fn canonical_correlations((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let (xy, yx) = (cca(x.as_ref(), y.as_ref()).unwrap(), cca(y.as_ref(), x.as_ref()).unwrap());
        prop_assert!(xy.correlations.iter().zip(&yx.correlations).all(|(a, b)| near(*a, *b)));
        prop_assert!(xy.correlations.iter().all(|r| (0.0..=1.0).contains(r)));
        prop_assert_eq!(xy.forced_ones, (xy.rank_x + xy.rank_y).saturating_sub(n - 1));
        prop_assert!(xy.correlations.iter().take(xy.forced_ones).all(|r| near(*r, 1.0)));
        prop_assert!(xy.mean_squared() <= xy.mean() + ROUNDING && xy.yanai_gcd() <= xy.mean_squared() + ROUNDING);
        let changed = cca(x.as_ref(), mapped(&y, &r).as_ref()).unwrap();
        prop_assert!((changed.mean() - xy.mean()).abs() < 1e-7);
        let angles = principal_angles(x.as_ref(), y.as_ref()).unwrap();
        prop_assert!(angles.iter().zip(&xy.correlations).all(|(a, r)| (a.cos() - r).abs() < 1e-12), "{angles:?} {xy:?}");
        prop_assert!(angles.windows(2).all(|w| w[0] <= w[1] + ROUNDING));
        if p == q {
            let all = svcca(x.as_ref(), y.as_ref(), Keep::Dimensions(xy.rank_x.min(xy.rank_y))).unwrap();
            prop_assert!(near(all.canonical.mean(), xy.mean()) && near(all.variance_x, 1.0));
        }
    }

    #[test]
    fn projection_weights((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let (xy, yx) = (pwcca(x.as_ref(), y.as_ref()).unwrap(), pwcca(y.as_ref(), x.as_ref()).unwrap());
        prop_assert!(near(xy.weights_x.iter().sum(), 1.0) && near(xy.weights_y.iter().sum(), 1.0));
        prop_assert!((0.0..=1.0 + ROUNDING).contains(&xy.x_weighted) && (0.0..=1.0 + ROUNDING).contains(&xy.y_weighted));
        if xy.determined && xy.canonical.correlations.windows(2).all(|w| w[0] - w[1] > 1e-4) {
            prop_assert!((xy.x_weighted - yx.y_weighted).abs() < 1e-7 && (xy.mean - yx.mean).abs() < 1e-7);
            // x-weighted does not see linear maps of y.
            let changed = pwcca(x.as_ref(), mapped(&y, &r).as_ref()).unwrap();
            prop_assert!((changed.x_weighted - xy.x_weighted).abs() < 1e-6);
        }
        if xy.canonical.forced_ones > 1 && xy.canonical.correlations.last().is_some_and(|r| *r < 0.99) {
            prop_assert!(!xy.determined && xy.require_determined().is_err());
        }
    }

    #[test]
    fn regression((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let fit = linear_regression(x.as_ref(), y.as_ref()).unwrap();
        prop_assert!((0.0..=1.0).contains(&fit.r2_variance_weighted) && (0.0..=1.0).contains(&fit.r2_uniform));
        let other = linear_regression(mapped(&x, &r).as_ref(), moved(&y, &r, 2.0).as_ref()).unwrap();
        prop_assert!((fit.r2_variance_weighted - other.r2_variance_weighted).abs() < 1e-7);
        let more = linear_regression(matrix(n, p + 1, &a).as_ref(), y.as_ref()).unwrap();
        prop_assert!(more.r2_variance_weighted >= fit.r2_variance_weighted - ROUNDING);
        prop_assert!(!fit.saturated || near(fit.r2_variance_weighted, 1.0));
        prop_assert!(near(linear_regression(x.as_ref(), x.as_ref()).unwrap().r2_variance_weighted, 1.0));
    }

    #[test]
    fn leaving_one_out_in_closed_form((n, p, q) in sizes(), power in -4f64..2.0, a in entries(), b in entries()) {
        let alpha = 10f64.powf(power);
        // Fewer and more units than examples.
        for width in [p, 8] {
            let (x, y) = (matrix(n, width, &a), matrix(n, q, &b));
            let closed = ridge_loo(x.as_ref(), y.as_ref(), &[alpha]).unwrap();
            let open = ridge_kfold(x.as_ref(), y.as_ref(), Penalty::Fixed(alpha), n).unwrap();
            prop_assert!((closed.r2 - open.r2_pooled).abs() < 1e-7 * (1.0 + closed.r2.abs()), "{closed:?} {open:?}");
            prop_assert_eq!(open.r2_fold_mean, None);
        }
    }

    #[test]
    fn ridge_by_all_routes((n, p, q) in sizes(), power in -6f64..3.0, a in entries(), b in entries(), r in entries()) {
        let alpha = 10f64.powf(power);
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let score = |x: &Mat<f64>, y: &Mat<f64>| ridge_kfold(x.as_ref(), y.as_ref(), Penalty::Fixed(alpha), 3).unwrap();
        let plain = score(&x, &y);
        prop_assert!(plain.r2_pooled <= 1.0 && plain.alphas == [alpha; 3]);
        // Silent units lead to the dual form; a rotation of x or y changes nothing.
        let padded = Mat::from_fn(n, 30, |i, j| if j < p { x[(i, j)] } else { -1.5 });
        let close = |other: f64| (other - plain.r2_pooled).abs() < 1e-7 * (1.0 + other.abs());
        prop_assert!(close(score(&padded, &y).r2_pooled));
        prop_assert!(close(score(&moved(&x, &r, 1.0), &moved(&y, &r, 1.0)).r2_pooled));
        if n > 4 {
            let chosen = ridge_kfold(x.as_ref(), y.as_ref(), Penalty::LeaveOneOut(&[alpha]), 3).unwrap();
            prop_assert_eq!(chosen, plain);
        }
    }

    #[test]
    fn gulp_is_a_metric((n, p, q) in sizes(), power in -4f64..1.0, a in entries(), b in entries(), c in entries()) {
        let lambda = 10f64.powf(power);
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let of = |x: &Mat<f64>, y: &Mat<f64>, lambda| gulp(x.as_ref(), y.as_ref(), lambda).unwrap();
        let (xy, yx) = (of(&x, &y, lambda), of(&y, &x, lambda));
        prop_assert!(near(xy.distance, yx.distance) && xy.squared >= 0.0);
        prop_assert!(xy.distance <= of(&x, &z, lambda).distance + of(&z, &y, lambda).distance + ROUNDING);
        prop_assert!(near(of(&x, &moved(&y, &c, 2.5), lambda).distance, xy.distance));
        prop_assert!(of(&y, &moved(&y, &c, 2.5), lambda).distance < 1e-9);
        let shared = cca(x.as_ref(), y.as_ref()).unwrap();
        let dimensions = (shared.rank_x + shared.rank_y) as f64;
        prop_assert!((of(&x, &y, 0.0).squared - (dimensions - 2.0 * shared.pillai())).abs() < 1e-8);
    }

    #[test]
    fn outputs((n, p, _) in sizes(), scale in 0.1f64..50.0, a in entries(), b in entries()) {
        let (x, y) = (matrix(n, p, &a) * Scale(scale), matrix(n, p, &b) * Scale(scale));
        let d = output_jsd_bits(x.as_ref(), y.as_ref()).unwrap();
        prop_assert!((0.0..=1.0 + ROUNDING).contains(&d) && d == output_jsd_bits(y.as_ref(), x.as_ref()).unwrap());
        prop_assert_eq!(output_jsd_bits(x.as_ref(), x.as_ref()).unwrap(), 0.0);
        let shifted = Mat::from_fn(n, p, |i, j| y[(i, j)] + i as f64);
        prop_assert!(near(output_jsd_bits(x.as_ref(), shifted.as_ref()).unwrap(), d));
        let class = |m: &Mat<f64>, j: usize| (0..n).map(|i| usize::from(m[(i, j)] > 0.0)).collect::<Vec<_>>();
        let (first, second, labels) = (class(&x, 0), class(&y, 0), class(&x, p - 1));
        if let Ok(e) = error_consistency(&first, &second, &labels) {
            prop_assert!((-1.0 - ROUNDING..=1.0 + ROUNDING).contains(&e.kappa));
            prop_assert_eq!(e.kappa, error_consistency(&second, &first, &labels).unwrap().kappa);
        }
    }
}

/// The sizes the measures are meant for, once each; also that the same input gives the same bits.
#[test]
#[ignore = "a timing: run with --ignored --nocapture"]
fn large_representations() {
    let wave = |n: usize, p: usize, seed: f64| {
        Mat::from_fn(n, p, |i, j| ((i * 37 + j * 101) as f64 * 0.618 + seed * (1.0 + (i * j) as f64 * 1e-3)).sin())
    };
    let (x, y) = (wave(2000, 1000, 0.3), wave(2000, 800, 1.9));
    let (x, y) = (x.as_ref(), y.as_ref());
    let time = |name: &str, run: &dyn Fn() -> f64| {
        let start = std::time::Instant::now();
        let value = run();
        println!("{name:<25} {:8.2} s  {value}", start.elapsed().as_secs_f64());
    };
    time("procrustes", &|| procrustes(x, y).unwrap().angular);
    time("procrustes, itself", &|| procrustes(x, x).unwrap().angular);
    time("shape_metric", &|| shape_metric(x, y, 0.5).unwrap().angular);
    time("permutation", &|| permutation_procrustes(x, y).unwrap().angular);
    time("cca", &|| cca(x, y).unwrap().mean());
    time("pwcca", &|| pwcca(x, y).unwrap().mean);
    time("linear_regression", &|| linear_regression(x, y).unwrap().r2_uniform);
    time("gulp", &|| gulp(x, y, 0.01).unwrap().squared);
    time("ridge_kfold", &|| ridge_kfold(x, y, Penalty::Fixed(100.0), 5).unwrap().r2_pooled);
    time("ridge_loo, 7 alphas", &|| ridge_loo(x, y, &[1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3]).unwrap().best);
}
