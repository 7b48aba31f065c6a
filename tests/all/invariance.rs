//! What no value may depend on: the scale of the data, the order of the examples, and how rounding breaks a tie.

use std::f64::consts::FRAC_1_SQRT_2;

use faer::Mat;
use isogram::Result;
use isogram::measure::catalogue::{Measure, Scale, Statistic, measures, statistics};
use isogram::measure::compare::{Named, Place, all_pairs};
use isogram::measure::describe::describe;

use crate::support;

/// Values of f32 without structure, in [-1, 1).
fn pseudo(seed: u64, n: usize, p: usize) -> Mat<f64> {
    Mat::from_fn(n, p, |i, j| {
        let x = (seed << 32 ^ (i * p + j) as u64 ^ 0x2545_f491).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let x = ((x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ 0x94d0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        f64::from(((x >> 40) as f64 / (1u64 << 23) as f64 - 1.0) as f32)
    })
}

fn times(x: &Mat<f64>, power: i32) -> Mat<f64> {
    let half = f64::from(power / 2).exp2();
    Mat::from_fn(x.nrows(), x.ncols(), |i, j| x[(i, j)] * half * f64::from(power - power / 2).exp2())
}

fn permuted(x: &Mat<f64>) -> Mat<f64> {
    let n = x.nrows();
    Mat::from_fn(n, x.ncols(), |i, j| x[((7 * i + 3) % n, j)])
}

fn value(m: &Measure, x: &Mat<f64>, y: &Mat<f64>) -> Result<f64> {
    m.of(x.as_ref(), y.as_ref())
}

/// Every measure in its default form and with each word of each option, with few neighbours and batches.
pub fn forms() -> Vec<Measure> {
    let mut names: Vec<String> = Vec::new();
    for entry in measures() {
        let few = match entry.name {
            "minibatch_cka" => ":batch=10",
            "unit_clusters" => ":clusters=3",
            "knn" | "knn_jaccard" | "cknna" => ":k=4",
            _ => "",
        };
        names.push(format!("{}{few}", entry.name));
        for parameter in entry.parameters {
            if let isogram::measure::catalogue::Takes::Word(words) = parameter.takes {
                names.extend(words.iter().map(|word| format!("{}{few}:{word}", entry.name)));
            }
        }
    }
    names.extend(
        [
            "gulp:lambda=0",
            "ridge:alpha=0",
            "cka:rbf:sigma=2",
            "shape:alpha=0.5",
            "rsa:cosine:tau-b",
            "rsa:euclidean:pearson",
        ]
        .map(str::to_owned),
    );
    let mut all: Vec<Measure> = names.iter().filter_map(|name| Measure::parse(name).ok()).collect();
    all.sort_by_key(Measure::name);
    all.dedup_by_key(|m| m.name());
    assert!(all.len() > 80);
    all
}

fn all_statistics() -> Vec<Statistic> {
    let few = |name: &str| match name {
        "levina_bickel" | "local_pca" => format!("{name}:k=5"),
        "correlation_dimension" => "correlation_dimension:k1=3:k2=6".to_owned(),
        name => name.to_owned(),
    };
    statistics().map(|entry| Statistic::parse(&few(entry.name)).unwrap()).collect()
}

/// Powers of two that the data of f32 files and of f64 files may have.
const POWERS: [i32; 6] = [-900, -120, -31, 17, 120, 900];

#[test]
fn values_of_measures_have_the_scale_that_they_say() {
    let (x, y) = (pseudo(1, 24, 5), pseudo(2, 24, 5));
    for m in forms().iter().filter(|m| m.scale() != Scale::Own) {
        let at =
            |i: i32, j: i32| value(m, &times(&x, i), &times(&y, j)).unwrap_or_else(|e| panic!("{}: {e}", m.name()));
        let before = at(0, 0);
        for power in POWERS {
            match m.scale() {
                Scale::Free => {
                    assert_eq!([at(power, 0), at(-power / 2, power)], [before; 2], "{} at {power}", m.name())
                }
                Scale::Each(p) => {
                    assert_eq!(at(power, -power), before, "{} at {power}", m.name());
                    assert_eq!(at(power / 8, 0), before * f64::from(p * (power / 8)).exp2(), "{} at {power}", m.name());
                }
                Scale::Common(p) => {
                    let found = at(power / 2, power / 2) / (p * f64::from(power / 2)).exp2();
                    assert!((found - before).abs() <= 1e-12 * before, "{} at {power}: {found}, not {before}", m.name());
                    assert!(at(power / 2, -power / 2).is_finite());
                }
                Scale::Own => {}
            }
        }
    }
}

#[test]
fn values_of_statistics_have_the_scale_that_they_say() {
    let x = Mat::from_fn(24, 5, |i, j| pseudo(3, 24, 5)[(i, j)].abs());
    let labels: Vec<usize> = (0..24).map(|i| i % 4).collect();
    for s in all_statistics().iter().filter(|s| s.scale() != Scale::Own) {
        let before = s.of(x.as_ref(), &labels).unwrap();
        for power in POWERS {
            let found = s.of(times(&x, power).as_ref(), &labels).unwrap_or_else(|e| panic!("{}: {e}", s.name()));
            let law = match s.scale() {
                Scale::Each(p) => f64::from(p * power).exp2(),
                _ => 1.0,
            };
            assert_eq!(found, before * law, "{} at {power}", s.name());
        }
    }
}

/// What takes examples in the order in which they come: in batches, or in folds and halves to test on.
const BY_ORDER: [&str; 9] = [
    "minibatch_cka",
    "ridge",
    "pls",
    "linear_probe",
    "v_information",
    "label_r2",
    "variance_explained",
    "nearest_centroid",
    "knn_probe",
];

/// Examples of few values: most distances tie, and rotated, scaled and moved they tie but for rounding.
fn tied() -> [(Mat<f64>, Mat<f64>); 3] {
    let whole = |seed: u64, p: usize| {
        let x = pseudo(seed, 26, p);
        Mat::from_fn(26, p, |i, j| (1.4 * x[(i, j)] + 0.6).round().max(0.0) + f64::from(u8::from(j == i % p)))
    };
    let turned = |x: &Mat<f64>| {
        // Pairs of units turned by an eighth of a circle, at a scale that is no power of two.
        Mat::from_fn(x.nrows(), x.ncols(), |i, j| {
            let (a, b) = (x[(i, j & !1)], x[(i, j | 1)]);
            0.3 * FRAC_1_SQRT_2 * if j % 2 == 0 { a - b } else { a + b }
        })
    };
    let (x, y) = (whole(4, 4), whole(5, 4));
    let hot = Mat::from_fn(26, 4, |i, j| 0.1 * f64::from(u8::from((5 * i + i * i / 3) % 4 == j)));
    [(x.clone(), y.clone()), (turned(&x), turned(&y)), (hot, y)]
}

#[test]
fn values_of_measures_do_not_depend_on_the_order_of_examples() {
    // A null that draws another order of the examples takes it from the one they come in.
    let drawn = |m: &Measure| m.name().ends_with(":shuffle");
    for m in forms().iter().filter(|m| !BY_ORDER.contains(&m.entry.name) && !drawn(m)) {
        for (case, (x, y)) in tied().iter().enumerate() {
            match (value(m, x, y), value(m, &permuted(x), &permuted(y))) {
                (Ok(a), Ok(b)) => {
                    assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{} of {case}: {a} and {b}", m.name())
                }
                (Err(_), Err(_)) => {}
                (a, b) => panic!("{} of {case}: {a:?} and {b:?}", m.name()),
            }
        }
    }
}

#[test]
fn values_of_statistics_do_not_depend_on_the_order_of_examples() {
    let labels: Vec<usize> = (0..26).map(|i| (i * i / 5) % 4).collect();
    let other: Vec<usize> = (0..26).map(|i| labels[(7 * i + 3) % 26]).collect();
    for s in all_statistics().iter().filter(|s| !BY_ORDER.contains(&s.entry.name) && s.entry.name != "shattering") {
        for (case, (x, _)) in tied().iter().enumerate() {
            match (s.of(x.as_ref(), &labels), s.of(permuted(x).as_ref(), &other)) {
                (Ok(a), Ok(b)) => {
                    assert!((a - b).abs() <= 1e-11 * a.abs().max(1.0), "{} of {case}: {a} and {b}", s.name())
                }
                (Err(_), Err(_)) => {}
                (a, b) => panic!("{} of {case}: {a:?} and {b:?}", s.name()),
            }
        }
    }
}

/// What a turn and a scale, which rounding follows, do not change by definition they do not change.
#[test]
fn ties_outlast_rounding() {
    let [(x, y), (turned_x, turned_y), _] = tied();
    for name in [
        "knn:k=4",
        "knn:k=4:euclidean",
        "knn_jaccard:k=4:inner-product",
        "cknna:k=4",
        "rsa:cosine",
        "rsa:euclidean:tau-b",
    ] {
        let m = Measure::parse(name).unwrap();
        let (before, after) = (value(&m, &x, &y).unwrap(), value(&m, &turned_x, &turned_y).unwrap());
        assert!((before - after).abs() < 1e-12, "{name}: {before} and {after}");
    }
}

fn of(name: &str, x: &Mat<f64>, y: &Mat<f64>) -> Result<f64> {
    value(&Measure::parse(name).unwrap(), x, y)
}

/// Of two units every correlation distance is 0 or 2, and of one unit every cosine distance: of such RDMs Spearman's, Pearson's
/// and Kendall's correlation are one number, the phi coefficient of the two signs' agreement.
#[test]
fn distances_of_two_values_have_one_correlation() {
    let (x, y) = (pseudo(6, 40, 2), pseudo(7, 40, 2));
    let phi = |a: &dyn Fn(usize) -> bool, b: &dyn Fn(usize) -> bool| {
        let pairs = || (0..40).flat_map(|i| (i + 1..40).map(move |j| (i, j)));
        let part = |of: &dyn Fn(usize, usize) -> bool| pairs().filter(|&(i, j)| of(i, j)).count() as f64 / 780.0;
        let (p, q) = (part(&|i, j| a(i) != a(j)), part(&|i, j| b(i) != b(j)));
        let both = part(&|i, j| a(i) != a(j) && b(i) != b(j));
        (both - p * q) / (p * (1.0 - p) * q * (1.0 - q)).sqrt()
    };
    let expected = phi(&|i| x[(i, 0)] > x[(i, 1)], &|i| y[(i, 0)] > y[(i, 1)]);
    for by in ["spearman", "pearson", "tau-b"] {
        let found = of(&format!("rsa:{by}"), &x, &y).unwrap();
        assert!((found - expected).abs() < 1e-12, "{by}: {found}, not {expected}");
    }
    let single = |x: &Mat<f64>| Mat::from_fn(40, 1, |i, _| x[(i, 0)] * 1e5);
    let (x, y) = (single(&x), single(&y));
    let expected = phi(&|i| x[(i, 0)] > 0.0, &|i| y[(i, 0)] > 0.0);
    for by in ["spearman", "pearson", "tau-b"] {
        let found = of(&format!("rsa:cosine:{by}"), &x, &y).unwrap();
        assert!((found - expected).abs() < 1e-12, "cosine {by}: {found}, not {expected}");
    }
}

/// One pattern at many sizes: all correlation and cosine distances are zero, whatever rounding makes of them.
#[test]
fn a_rescaled_pattern_has_no_distances_to_compare() {
    let (sizes, pattern, y) = (pseudo(8, 30, 1), pseudo(9, 1, 7), pseudo(10, 30, 6));
    let x = Mat::from_fn(30, 7, |i, j| (2.0 + sizes[(i, 0)]) * pattern[(0, j)]);
    for rdm in ["correlation", "cosine"] {
        for by in ["spearman", "pearson", "tau-b", "cosine-of", "whitened-cosine", "whitened-pearson"] {
            let found = of(&format!("rsa:{rdm}:{by}"), &x, &y);
            assert!(found.is_err(), "{rdm} {by}: {found:?}");
        }
        for by in ["tau-a", "rho-a"] {
            assert_eq!(of(&format!("rsa:{rdm}:{by}"), &x, &y).unwrap(), 0.0, "{rdm} {by}");
        }
        assert!(of(&format!("rsa_bures:{rdm}"), &x, &y).is_err());
    }
    // On a shared offset of a million the same: what rounding makes of the rows is no pattern.
    let far = Mat::from_fn(30, 7, |i, j| 1048576.0 + (f64::from(i as u32 % 5) + 1.0) * (j as f64 - 3.0));
    assert!(of("rsa", &far, &y).is_err());
}

/// Correlations do not see an offset of each example, and keep their digits beside it.
#[test]
fn offsets_cost_correlations_no_digits() {
    let (x, y) = (pseudo(11, 30, 8), pseudo(12, 30, 6));
    // Multiples of 2^-23 and offsets up to 2^27: sums are exact.
    let moved = Mat::from_fn(30, 8, |i, j| x[(i, j)] + f64::from(1 << (i % 28)));
    for name in ["rsa", "rsa:pearson", "rsa:tau-a"] {
        assert!((of(name, &x, &y).unwrap() - of(name, &moved, &y).unwrap()).abs() < 1e-13, "{name}");
    }
}

/// The value of each is that of data whose units have one size.
#[test]
fn sizes_of_units_decide_no_rank() {
    let (x, y) = (pseudo(13, 60, 8), pseudo(14, 60, 6));
    let sized = Mat::from_fn(60, 8, |i, j| x[(i, j)] * 10f64.powi(3 * j as i32 - 12));
    let names = [
        "cca",
        "cca:mean-squared",
        "cca:uncentred",
        "cca:component=3",
        "eigenspace_overlap",
        "linear_regression",
        "gulp:lambda=0",
        "svcca:repsim:variance=0.9",
        "soft_match",
        "information_match",
    ];
    for name in names {
        let (before, after) = (of(name, &x, &y).unwrap(), of(name, &sized, &y).unwrap());
        assert!((before - after).abs() < 1e-10, "{name}: {after}, not {before}");
    }
    // A unit that rounding alone moves is no direction, at whatever size.
    let noisy =
        Mat::from_fn(60, 9, |i, j| if j < 8 { x[(i, j)] } else { 0.1 + f64::EPSILON * f64::from(i as u32 % 3) });
    assert!((of("cca:mean-squared", &noisy, &y).unwrap() - of("cca:mean-squared", &x, &y).unwrap()).abs() < 1e-12);
}

#[test]
fn neighbours_that_tie_are_shared() {
    // Three points three times each, and the middle one of three on a line.
    let groups = Mat::from_fn(9, 3, |i, j| f64::from(u8::from(i % 3 == j)));
    let other = Mat::from_fn(9, 3, |i, j| f64::from(u8::from(i / 3 == j)));
    // Two of the same group for certain: none in common.
    assert_eq!(of("knn:k=2", &groups, &other).unwrap(), 0.0);
    // One of two in each, in groups that share nobody else.
    assert_eq!(of("knn:k=1", &groups, &groups).unwrap(), 0.5);
    // Two for certain, two of six others: of those in the other's group both are among its certain two.
    let expected = (2.0 * (2.0 / 6.0) * 2.0 + 4.0 * (2.0 / 6.0 * (2.0 / 6.0))) / 4.0;
    let found = of("knn:k=4", &groups, &other).unwrap();
    assert!((found - expected).abs() < 1e-15, "{found}, not {expected}");
    let constant = Mat::from_fn(9, 2, |_, _| 0.1);
    for name in ["knn:k=4", "knn:k=4:euclidean", "knn:k=4:inner-product"] {
        assert_eq!(of(name, &constant, &constant).unwrap(), 0.5, "{name}");
        assert!((of(name, &constant, &groups).unwrap() - 0.5).abs() < 1e-15, "{name}");
    }
    assert!(of("cknna:k=4", &constant, &constant).is_err());
    assert!((of("cknna:k=2:epsilon=0", &groups, &groups).unwrap() - 1.0).abs() < 1e-14);
    // Of one neighbour, one of two that tie: halves of the mask on both sides, and a quarter where both are drawn.
    assert!((of("cknna:k=1:epsilon=0", &groups, &groups).unwrap() - 0.25).abs() < 1e-14);
}

/// On a grid whose steps are no sums of powers of two, first and second neighbours are equally far but for rounding.
#[test]
fn dimensions_of_a_grid_are_not_determined() {
    let grid = Mat::from_fn(49, 2, |i, j| 0.3 * if j == 0 { (i / 7) as f64 } else { (i % 7) as f64 });
    for name in ["two_nn", "two_nn:likelihood"] {
        let found = Statistic::parse(name).unwrap().of(grid.as_ref(), &[]);
        assert!(found.is_err(), "{name}: {found:?}");
    }
}

#[test]
fn the_reason_of_a_spike_is_true() {
    let y = pseudo(15, 12, 3);
    for n in [12, 2100] {
        let spike = Mat::from_fn(n, 3, |i, j| if i == 5 { (j + 1) as f64 } else { 0.0 });
        let y = if n == 12 { y.clone() } else { pseudo(16, n, 2) };
        let reason = of("cka", &spike, &y).unwrap_err().to_string();
        assert!(reason.contains("U-centred") && reason.contains("cka:biased"), "{reason}");
        assert!(of("cka:biased", &spike, &y).is_ok());
    }
}

/// Single precision holds neither such scales, nor ties, nor what lies beside an example far away.
#[test]
fn the_device_gives_the_values_of_the_cpu_or_leaves_them() {
    let (x, y) = (pseudo(17, 40, 6), pseudo(18, 40, 6));
    let spiked = Mat::from_fn(40, 6, |i, j| if i == 7 { 1e7 * x[(i, j)] } else { x[(i, j)] + y[(i, j)] });
    let hot = Mat::from_fn(40, 6, |i, j| 0.7 * f64::from(u8::from((i * i / 3) % 6 == j)));
    let set: Vec<Named> = [times(&x, 83), times(&y, -83), times(&x, -900), times(&spiked, 900), spiked, hot]
        .into_iter()
        .enumerate()
        .map(|(i, values)| Named { name: i.to_string(), values })
        .collect();
    let names = ["knn:k=5:inner-product", "knn:k=5:euclidean", "cka:rbf", "rsa", "cka:biased", "procrustes:euclidean"];
    let measures: Vec<Measure> = names.iter().map(|name| Measure::parse(name).unwrap()).collect();
    let cpu = all_pairs(&set, &measures, None, &mut |_, _| {}).unwrap();
    let statistics: Vec<Statistic> =
        ["two_nn", "participation_ratio", "median_distance"].map(|s| Statistic::parse(s).unwrap()).into();
    let described = describe(&set, &statistics, &[], None);
    for (place, gpu) in support::executors() {
        let device = all_pairs(&set, &measures, support::single(gpu.as_ref()), &mut |_, _| {}).unwrap();
        for (cpu, device) in cpu.iter().zip(&device) {
            for (i, (a, b)) in cpu.values().iter().zip(device.values()).enumerate() {
                let same = (a - b).abs() <= 1e-5 * a.abs().max(1.0) || (a.is_nan() && b.is_nan());
                assert!(same, "{} of {i}: {b} on {place}, {a} on the CPU", cpu.measure);
            }
        }
        assert_eq!(device[0].place, Place::Gpu);
        for (i, (a, b)) in
            described.iter().zip(describe(&set, &statistics, &[], support::single(gpu.as_ref()))).enumerate()
        {
            match (a.value.value(), b.value.value()) {
                (Some(a), Some(b)) => {
                    assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{i}: {b} on {place}, {a} on the CPU")
                }
                (a, b) => assert!(a.is_none() && b.is_none(), "{i} on {place}: {a:?} {b:?}"),
            }
        }
    }
}
