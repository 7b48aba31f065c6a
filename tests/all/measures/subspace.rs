//! What measures of shapes, subspaces and regression claim beyond what the catalogue says of each: how they relate to each other.

use faer::{Mat, Scale};
use isogram::measure::pair::shape::{alternate_halves, shape_metric_held_out};
use proptest::prelude::*;

use crate::reference::{case, of, value};

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
        let d = |form: &str, x: &Mat<f64>, y: &Mat<f64>| value(&format!("procrustes:{form}"), x, y);
        for form in ["euclidean", "angular", "normalised"] {
            prop_assert!(near(d(form, &x, &y), d(form, &y, &x)));
            prop_assert!(d(form, &x, &y) <= d(form, &x, &z) + d(form, &z, &y) + ROUNDING);
        }
        let (angle, nbs) = (d("angular", &x, &y), value("nbs", &x, &y));
        prop_assert!((0.0..=1.0).contains(&nbs) && near(angle.cos(), nbs) && near(d("disparity", &x, &y), 1.0 - nbs * nbs));
        prop_assert!(near(d("euclidean", &x, &moved(&y, &r, 1.0)), d("euclidean", &x, &y)));
        prop_assert!(near(d("angular", &x, &moved(&y, &r, 3.0)), angle));
        prop_assert!(d("angular", &y, &moved(&y, &r, 3.0)) < 1e-12);
        // Silent units change nothing.
        let padded = Mat::from_fn(n, 20, |i, j| if j < q { y[(i, j)] } else { 0.25 });
        prop_assert!(near(d("angular", &x, &padded), angle));
    }

    #[test]
    fn shape_metrics_are_metrics((n, p, q) in sizes(), alpha in 0f64..1.0, a in entries(), b in entries(), c in entries()) {
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let d = |alpha: f64, form: &str, x: &Mat<f64>, y: &Mat<f64>| value(&format!("shape:alpha={alpha}:{form}"), x, y);
        for form in ["angular", "euclidean"] {
            let of = |x: &Mat<f64>, y: &Mat<f64>| d(alpha, form, x, y);
            prop_assert!(near(of(&x, &y), of(&y, &x)) && of(&x, &y) <= of(&x, &z) + of(&z, &y) + ROUNDING);
            let plain = value(&format!("procrustes:{form}"), &x, &y);
            prop_assert!(near(d(1.0, form, &x, &y), plain));
        }
        prop_assert!(near(d(1.0, "euclidean", &x, &y), d(1.0, "euclidean-netrep", &x, &y)));
        // Fully whitened, only the column space counts.
        if n > q + 1 {
            prop_assert!((d(0.0, "angular", &x, &mapped(&y, &c)) - d(0.0, "angular", &x, &y)).abs() < 1e-6);
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
    }

    #[test]
    fn permutation_is_a_metric((n, p, q) in sizes(), a in entries(), b in entries(), c in entries()) {
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        for form in ["angular", "euclidean"] {
            let d = |x: &Mat<f64>, y: &Mat<f64>| value(&format!("permutation_procrustes:{form}"), x, y);
            let turned = value(&format!("procrustes:{form}"), &x, &y);
            prop_assert!(near(d(&x, &y), d(&y, &x)) && turned <= d(&x, &y) + ROUNDING);
            // With leftover units the triangle need not hold: a third, wider set could leave a bad match out.
            prop_assert!(p != q || d(&x, &y) <= d(&x, &z) + d(&z, &y) + ROUNDING);
            let reversed = Mat::from_fn(n, q, |i, j| y[(i, q - 1 - j)] + 2.0);
            prop_assert!(near(d(&x, &reversed), d(&x, &y)));
        }
    }

    #[test]
    fn canonical_correlations((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let c = |name: &str| value(&format!("cca:{name}"), &x, &y);
        let rank = |x: &Mat<f64>| value("cca:pillai", x, x).round() as usize;
        let (ranks, least) = ((rank(&x), rank(&y)), rank(&x).min(rank(&y)));
        let all: Vec<f64> = (1..=least).map(|k| c(&format!("component={k}"))).collect();
        let beyond = format!("cca:component={}", least + 1);
        prop_assert!(all.iter().all(|r| (0.0..=1.0).contains(r)) && of(&beyond, &x, &y).is_err());
        // For want of examples some are one, whatever the data.
        let forced = (ranks.0 + ranks.1).saturating_sub(n - 1);
        prop_assert!(all.iter().take(forced).all(|r| near(*r, 1.0)));
        prop_assert!(near(c("mean"), all.iter().sum::<f64>() / least as f64));
        prop_assert!(near(c("pillai"), all.iter().map(|r| r * r).sum()) && near(c("mean-squared"), c("pillai") / least as f64));
        prop_assert!(near(c("yanai"), c("pillai") / (ranks.0 as f64 * ranks.1 as f64).sqrt()));
        prop_assert!((value("cca", &x, &mapped(&y, &r)) - c("mean")).abs() < 1e-7);
        if ranks.0 == ranks.1 {
            let kept = value(&format!("svcca:dimensions={least}"), &x, &y);
            prop_assert!(near(kept, c("mean")));
        }
    }

    #[test]
    fn projection_weights((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let least = p.min(q);
        let all: Vec<f64> = (1..=least).filter_map(|k| of(&format!("cca:component={k}"), &x, &y).ok()).collect();
        if all.windows(2).all(|w| w[0] - w[1] > 1e-4) {
            let (xy, yx) = (value("pwcca", &x, &y), value("pwcca", &y, &x));
            prop_assert!((0.0..=1.0 + ROUNDING).contains(&xy));
            prop_assert!((value("pwcca:mean", &x, &y) - 0.5 * (xy + yx)).abs() < 1e-7);
            // x-weighted does not see linear maps of y.
            prop_assert!((value("pwcca", &x, &mapped(&y, &r)) - xy).abs() < 1e-6);
        }
        if p + q > n && all.get(1).is_some_and(|r| near(*r, 1.0)) && all.last().is_some_and(|r| *r < 0.99) {
            prop_assert!(of("pwcca", &x, &y).is_err());
        }
    }

    #[test]
    fn regression((n, p, q) in sizes(), a in entries(), b in entries(), r in entries()) {
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let fit = value("linear_regression", &x, &y);
        prop_assert!((0.0..=1.0).contains(&fit) && (0.0..=1.0).contains(&value("linear_regression:uniform", &x, &y)));
        prop_assert!((fit - value("linear_regression", &mapped(&x, &r), &moved(&y, &r, 2.0))).abs() < 1e-7);
        prop_assert!(value("linear_regression", &matrix(n, p + 1, &a), &y) >= fit - ROUNDING);
        prop_assert!(p + 1 < n || near(fit, 1.0));
        prop_assert!(near(value("linear_regression", &x, &x), 1.0));
    }

    #[test]
    fn ridge_by_all_routes((n, p, q) in sizes(), power in -6f64..3.0, a in entries(), b in entries(), r in entries()) {
        let name = format!("ridge:folds=3:alpha={}", 10f64.powf(power));
        let (x, y) = (matrix(n, p, &a), matrix(n, q, &b));
        let plain = value(&name, &x, &y);
        prop_assert!(plain <= 1.0);
        // Silent units lead to the dual form; a rotation of x or y changes nothing.
        let padded = Mat::from_fn(n, 30, |i, j| if j < p { x[(i, j)] } else { -1.5 });
        let close = |other: f64| (other - plain).abs() < 1e-7 * (1.0 + other.abs());
        prop_assert!(close(value(&name, &padded, &y)));
        prop_assert!(close(value(&name, &moved(&x, &r, 1.0), &moved(&y, &r, 1.0))));
    }

    /// Leaving one out in closed form is cross-validation with as many folds as examples; for fewer and more units than these.
    #[test]
    fn leaving_one_out_in_closed_form((n, p, q) in sizes(), a in entries(), b in entries()) {
        for width in [p, 8] {
            let (x, y) = (matrix(n, width, &a), matrix(n, q, &b));
            let closed = value("ridge_loo:r2", &x, &y);
            let alpha = value("ridge_loo:alpha", &x, &y);
            let open = value(&format!("ridge:folds={n}:alpha={alpha}"), &x, &y);
            prop_assert!((closed - open).abs() < 1e-7 * (1.0 + closed.abs()), "{closed} {open}");
            let lone = of(&format!("ridge:folds={n}:fold-mean"), &x, &y);
            prop_assert!(lone.is_err());
        }
    }

    #[test]
    fn gulp_is_a_metric((n, p, q) in sizes(), power in -4f64..1.0, a in entries(), b in entries(), c in entries()) {
        let name = format!("gulp:lambda={}", 10f64.powf(power));
        let (x, y, z) = (matrix(n, p, &a), matrix(n, q, &b), matrix(n, q, &c));
        let d = |x: &Mat<f64>, y: &Mat<f64>| value(&name, x, y);
        prop_assert!(near(d(&x, &y), d(&y, &x)) && d(&x, &y) <= d(&x, &z) + d(&z, &y) + ROUNDING);
        prop_assert!(near(d(&x, &moved(&y, &c, 2.5)), d(&x, &y)) && d(&y, &moved(&y, &c, 2.5)) < 1e-9);
        let rank = |x: &Mat<f64>| value("cca:pillai", x, x);
        let spaces = rank(&x) + rank(&y) - 2.0 * value("cca:pillai", &x, &y);
        prop_assert!((value("gulp:lambda=0:squared", &x, &y) - spaces).abs() < 1e-8);
    }

    #[test]
    fn outputs((n, p, _) in sizes(), scale in 0.1f64..50.0, a in entries(), b in entries()) {
        let (x, y) = (matrix(n, p, &a) * Scale(scale), matrix(n, p, &b) * Scale(scale));
        let d = value("output_jsd", &x, &y);
        prop_assert!((0.0..=1.0 + ROUNDING).contains(&d) && d == value("output_jsd", &y, &x));
        prop_assert_eq!(value("output_jsd", &x, &x), 0.0);
        let shifted = Mat::from_fn(n, p, |i, j| y[(i, j)] + i as f64);
        prop_assert!(near(value("output_jsd", &x, &shifted), d));
    }
}

#[test]
fn splits_are_checked() {
    let good =
        |n: usize, p: usize| Mat::from_fn(n, p, |i, j| ((i * 7 + j * 3) as f64 * 0.71).sin() + (i * j) as f64 * 0.01);
    let (x, y) = (good(8, 3), good(8, 2));
    let (x, y) = (x.as_ref(), y.as_ref());
    for alpha in [-0.1, 1.1, f64::NAN] {
        assert!(shape_metric_held_out(x, y, alpha, &[0, 1, 2], &[3]).is_err());
    }
    let splits: [(&[usize], &[usize]); 6] = [
        (&[0], &[1]),
        (&[0, 1, 2], &[]),
        (&[0, 1, 8], &[2]),
        (&[0, 1], &[usize::MAX]),
        (&[0, 1, 1], &[2]),
        (&[0, 1, 2], &[2]),
    ];
    for (fit, test) in splits {
        assert!(shape_metric_held_out(x, y, 1.0, fit, test).is_err());
    }
    let (fit, test) = alternate_halves(8);
    for bad in [good(7, 3), Mat::zeros(0, 3), Mat::zeros(8, 0), Mat::zeros(8, 3), Mat::from_fn(8, 3, |_, _| f64::NAN)] {
        assert!(shape_metric_held_out(x, bad.as_ref(), 0.5, &fit, &test).is_err());
    }
}

/// Folds, and dimensions, that the data do not have.
#[test]
fn options_that_do_not_fit_the_data_are_errors() {
    let case = case("kornblith");
    let (n, p) = case.x.shape();
    for name in
        [format!("ridge:folds={}", n + 1), format!("svcca:dimensions={}", p + 1), format!("cca:component={}", p + 1)]
    {
        assert!(of(&name, &case.x, &case.y).is_err(), "{name}");
    }
}

/// The package's value of a similarity is from square roots of eigenvalues, good to 2e-7; the cross value is exact.
#[test]
fn bures_similarity_of_representations_is_exact() {
    for case in crate::reference::CASES.map(case) {
        let exact = case.json["pairwise"]["nbs"]["cross"]["scipy==1.17.1"]["value"].as_f64().unwrap();
        assert!((value("nbs", &case.x, &case.y) - exact).abs() <= 1e-9 * exact, "{}", case.name);
    }
    let rotated = case("rotated");
    for form in ["angular", "normalised"] {
        assert!(value(&format!("procrustes:{form}"), &rotated.x, &rotated.y) < 1e-13);
    }
}

#[test]
fn the_notebook_does_not_centre() {
    let case = case("kornblith");
    let found = value("cca:mean-squared:uncentred", &case.x, &case.y);
    assert!((found - 0.54312).abs() < 5e-6, "{found}");
}
