//! What the catalogue promises of each measure, tried on random representations; and bad input, on every one of them.

use faer::Mat;
use isogram::Error;
use isogram::measure::catalogue::{Direction, Entry, Invariance, Measure, Statistic, measures, statistics};
use isogram::measure::compare::inference::{Sampling, interval, permutation_test};
use isogram::measure::compare::{Named, Place, Resources, all_pairs};
use isogram::measure::outcome::Outcome;

use crate::support;

/// Normal values that depend on the seed alone.
fn normal(seed: u32, n: usize, p: usize) -> Mat<f64> {
    let uniform = |i: u32| f64::from(isogram::kernels::random::uniform(seed, 7, 0, i)) + 1e-9;
    Mat::from_fn(n, p, |i, j| {
        let at = 2 * (i * p + j) as u32;
        (-2.0 * uniform(at).ln()).sqrt() * (std::f64::consts::TAU * uniform(at + 1)).cos()
    })
}

/// A second representation that shares much with the first.
fn related(x: &Mat<f64>, seed: u32, q: usize) -> Mat<f64> {
    let map = normal(seed, x.ncols(), q);
    let noise = normal(seed + 1, x.nrows(), q);
    let image = x * &map;
    Mat::from_fn(x.nrows(), q, |i, j| 0.5 * image[(i, j)] + noise[(i, j)])
}

fn measure(entry: &Entry) -> Measure {
    // Few examples here, so few neighbours, clusters and batches.
    let name = match entry.name {
        "minibatch_cka" => "minibatch_cka:batch=10".to_owned(),
        "unit_clusters" => "unit_clusters:clusters=3".to_owned(),
        name => name.to_owned(),
    };
    Measure::parse(&name).unwrap()
}

fn value(m: &Measure, x: &Mat<f64>, y: &Mat<f64>) -> Result<f64, Error> {
    m.of(x.as_ref(), y.as_ref())
}

/// Widths that a measure takes: as many units on both sides where it needs that.
fn pair(entry: &Entry, seed: u32) -> (Mat<f64>, Mat<f64>) {
    let q = if entry.name == "output_jsd" { 8 } else { 6 };
    let x = normal(seed, 40, 8);
    let y = related(&x, seed + 100, q);
    (x, y)
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

fn orthogonal(seed: u32, p: usize) -> Mat<f64> {
    normal(seed, p, p).qr().compute_thin_Q()
}

fn transformed(x: &Mat<f64>, by: Invariance) -> Mat<f64> {
    let p = x.ncols();
    match by {
        Invariance::Translation => Mat::from_fn(x.nrows(), p, |i, j| x[(i, j)] + 3.0 * (j as f64 - 2.0)),
        Invariance::Scaling => Mat::from_fn(x.nrows(), p, |i, j| 4.7 * x[(i, j)]),
        Invariance::UnitScaling => Mat::from_fn(x.nrows(), p, |i, j| (0.5 + j as f64) * x[(i, j)]),
        Invariance::Permutation => Mat::from_fn(x.nrows(), p, |i, j| x[(i, (j + 3) % p)]),
        Invariance::Orthogonal => x * orthogonal(5, p),
        Invariance::Linear => {
            let map = normal(6, p, p);
            x * Mat::from_fn(p, p, |i, j| map[(i, j)] + if i == j { 3.0 } else { 0.0 })
        }
    }
}

#[test]
fn measures_are_symmetric_in_range_and_least_far_from_themselves() {
    for entry in measures() {
        let m = measure(entry);
        for seed in 0..6 {
            let (x, y) = pair(entry, seed);
            let there = value(&m, &x, &y).unwrap_or_else(|e| panic!("{}: {e}", entry.name));
            let back = value(&m, &y, &x).unwrap();
            if entry.symmetric {
                assert!(close(there, back, 1e-9), "{}: {there} and {back}", entry.name);
            }
            let [low, high] = entry.range;
            for v in [there, back] {
                assert!(v >= low - 1e-9 && v <= high + 1e-9, "{}: {v} is not in {low} to {high}", entry.name);
            }
            let own = value(&m, &x, &x).unwrap();
            match entry.direction {
                // HSIC is not normalised: a larger second representation has a larger one.
                Direction::Similarity if entry.name == "hsic" => {}
                Direction::Similarity => assert!(own >= there - 1e-9, "{}: {own} < {there}", entry.name),
                Direction::Distance => assert!(own.abs() <= 1e-7, "{}: {own} from itself", entry.name),
            }
        }
    }
}

#[test]
fn measures_do_not_see_what_they_say_they_do_not_see() {
    for entry in measures() {
        let m = measure(entry);
        for seed in 0..3 {
            let (x, y) = pair(entry, 50 + seed);
            let before = value(&m, &x, &y).unwrap();
            for &by in entry.invariances {
                let after = value(&m, &transformed(&x, by), &y).unwrap();
                assert!(close(after, before, 1e-6), "{} under {}: {after}, not {before}", entry.name, by.name());
                let after = value(&m, &x, &transformed(&y, by)).unwrap();
                assert!(
                    close(after, before, 1e-6),
                    "{} under {} of the second: {after}, not {before}",
                    entry.name,
                    by.name()
                );
            }
        }
    }
}

/// An invariance that is not claimed is not one by accident: else the catalogue says too little.
#[test]
fn what_is_not_claimed_is_seen() {
    for (name, by) in [
        ("cka", Invariance::Linear),
        ("procrustes", Invariance::Linear),
        ("procrustes", Invariance::UnitScaling),
        ("bipartite_match", Invariance::Orthogonal),
        ("permutation_procrustes", Invariance::Orthogonal),
        ("rsa", Invariance::Orthogonal),
        ("knn", Invariance::Translation),
        ("eigenspace_overlap", Invariance::Translation),
    ] {
        let m = Measure::parse(name).unwrap();
        let (x, y) = pair(m.entry, 3);
        let (before, after) = (value(&m, &x, &y).unwrap(), value(&m, &transformed(&x, by), &y).unwrap());
        assert!(!close(after, before, 1e-4), "{name} does not see {}", by.name());
    }
}

#[test]
fn metrics_obey_the_triangle_inequality() {
    let mut tried = 0;
    for entry in measures().filter(|e| e.metric) {
        let m = measure(entry);
        for seed in 0..8 {
            // Of one width, and near each other as well as far.
            let x = normal(200 + seed, 30, 6);
            let noise = normal(300 + seed, 30, 6);
            let y = Mat::from_fn(30, 6, |i, j| x[(i, j)] + 0.05 * f64::from(seed) * noise[(i, j)]);
            let z = if seed % 2 == 0 { related(&y, 400 + seed, 6) } else { &y * orthogonal(seed, 6) + &noise * 0.1 };
            let all = [&x, &y, &z];
            for (a, b, c) in [(0, 1, 2), (1, 2, 0), (2, 0, 1)] {
                let d = |i: usize, j: usize| value(&m, all[i], all[j]).unwrap();
                assert!(d(a, c) <= d(a, b) + d(b, c) + 1e-9, "{}: {} > {} + {}", entry.name, d(a, c), d(a, b), d(b, c));
                tried += 1;
            }
        }
    }
    assert!(tried > 100);
}

#[test]
fn debiased_cka_of_independent_wide_representations_is_near_zero() {
    let (x, y) = (normal(1, 48, 384), normal(2, 48, 256));
    let of = |name: &str| value(&Measure::parse(name).unwrap(), &x, &y).unwrap();
    assert!(of("cka:biased") > 0.8, "{}", of("cka:biased"));
    assert!(of("cka").abs() < 0.1, "{}", of("cka"));
    assert!(of("distance_correlation:biased") > 0.8);
    assert!(of("distance_correlation").abs() < 0.1);
}

#[test]
fn the_device_agrees_with_the_cpu_whatever_the_offset_and_scale() {
    let names = [
        "cka",
        "cka:biased",
        "cka:lange",
        "cka:rbf",
        "cka:biased:laplace:threshold=0.5",
        "distance_correlation",
        "rsa:pearson",
        "rsa:euclidean:pearson",
        "rsa:cityblock:cosine-of",
        "rsa:cosine:whitened-cosine",
        "knn:k=5",
        "knn_jaccard:k=7:euclidean",
    ];
    let measures: Vec<Measure> = names.iter().map(|name| Measure::parse(name).unwrap()).collect();
    // More units than examples, fewer, and one; far from the origin, tiny and huge. 70 examples take several bands.
    let x = normal(1, 70, 9);
    let wide = related(&x, 2, 130);
    let set: Vec<Named> = [
        x.clone(),
        wide,
        Mat::from_fn(70, 9, |i, j| 1e4 + x[(i, j)] + 0.3 * f64::from((i * j) as u32 % 7)),
        Mat::from_fn(70, 5, |i, j| 1e-12 * x[(i, j)]),
        Mat::from_fn(70, 4, |i, j| 1e12 * (x[(i, j)] + x[(i, j + 1)])),
    ]
    .into_iter()
    .enumerate()
    .map(|(i, values)| Named { name: i.to_string(), values })
    .collect();
    let cpu = all_pairs(&set, &measures, None, &mut |_, _| {}).unwrap();
    for (place, gpu) in support::executors() {
        let device = all_pairs(&set, &measures, support::single(gpu.as_ref()), &mut |_, _| {}).unwrap();
        for (cpu, device) in cpu.iter().zip(&device) {
            // Directions of rows that all point away from the origin alike are known to seven digits less four.
            let tolerance = if cpu.measure.contains("cosine") || cpu.measure.starts_with("knn:") { 2e-3 } else { 2e-5 };
            for (i, (a, b)) in cpu.values().iter().zip(&device.values()).enumerate() {
                assert!((a - b).abs() <= tolerance, "{} of {i}: {b} on {place}, {a} on the CPU", cpu.measure);
            }
        }
    }
}

#[test]
fn shuffled_examples_on_the_device_are_a_null_like_the_cpus() {
    let x = normal(1, 60, 8);
    let (a, b) = (Named { name: "a".into(), values: x.clone() }, Named { name: "b".into(), values: related(&x, 9, 5) });
    let names = ["cka", "rsa:pearson", "distance_correlation:biased"];
    for (name, (place, gpu)) in names.iter().flat_map(|name| support::executors().into_iter().map(move |on| (name, on)))
    {
        let m = Measure::parse(name).unwrap();
        let single = support::single(gpu.as_ref());
        let cpu = permutation_test([&a, &b], &m, None, 300, 0).unwrap();
        let device = permutation_test([&a, &b], &m, single, 300, 0).unwrap();
        assert!((cpu.observed - device.observed).abs() < 1e-12 && cpu.p_value < 0.01 && device.p_value < 0.01);
        assert_eq!(device.place, Place::Gpu, "{name} on {place}");
        assert!((cpu.mean - device.mean).abs() < 0.02, "{name} on {place}: {} and {}", cpu.mean, device.mean);
        // Twice the same draws, and other draws for another seed.
        let again = permutation_test([&a, &b], &m, single, 300, 0).unwrap();
        let other = permutation_test([&a, &b], &m, single, 300, 1).unwrap();
        assert!(again.mean == device.mean && other.mean != device.mean, "{name} on {place}");
        let (cpu, device) = (
            interval([&a, &b], &m, None, Sampling::Halves, 300, 0).unwrap(),
            interval([&a, &b], &m, single, Sampling::Halves, 300, 0).unwrap(),
        );
        assert!(cpu.low < cpu.estimate && cpu.estimate < cpu.high, "{name} on {place}: {cpu:?}");
        assert!(
            (cpu.low - device.low).abs() < 0.05 && (cpu.high - device.high).abs() < 0.05,
            "{name} on {place}: {cpu:?} {device:?}"
        );
    }
}

/// Representations that measures may not be defined on.
fn bad() -> Vec<(&'static str, Mat<f64>)> {
    let x = normal(1, 20, 5);
    let with = |row: usize, value: f64| {
        let mut x = x.clone();
        x[(row, 2)] = value;
        x
    };
    vec![
        ("one example", normal(1, 1, 5)),
        ("two examples", normal(1, 2, 5)),
        ("three examples", normal(1, 3, 5)),
        ("four examples", normal(1, 4, 5)),
        ("all zero", Mat::zeros(20, 5)),
        ("constant", Mat::from_fn(20, 5, |_, j| 1.5 + j as f64)),
        ("one unit", normal(1, 20, 1)),
        ("one unit that varies", Mat::from_fn(20, 5, |i, j| if j == 2 { (i as f64).sin() } else { 0.7 })),
        ("rows equal in pairs", Mat::from_fn(20, 5, |i, j| x[(i / 2, j)])),
        ("rows all equal but one", Mat::from_fn(20, 5, |i, j| if i == 3 { x[(3, j)] } else { 1.0 })),
        ("rank one", Mat::from_fn(20, 5, |i, j| x[(i, 0)] * (1.0 + j as f64))),
        ("a row of zeros", Mat::from_fn(20, 5, |i, j| if i == 4 { 0.0 } else { x[(i, j)] })),
        ("NaN", with(3, f64::NAN)),
        ("infinity", with(7, f64::INFINITY)),
        ("huge", Mat::from_fn(20, 5, |i, j| 1e300 * x[(i, j)])),
        ("tiny", Mat::from_fn(20, 5, |i, j| 1e-300 * x[(i, j)])),
        ("more units than examples", normal(1, 20, 50)),
        ("no units", Mat::zeros(20, 0)),
        ("no examples", Mat::zeros(0, 5)),
    ]
}

#[test]
fn bad_input_is_an_error_or_a_finite_value_for_every_measure() {
    let mut wrong = Vec::new();
    for m in crate::invariance::forms() {
        for (what, x) in bad() {
            for y in [normal(2, x.nrows(), 5), x.clone(), normal(3, 13, 5)] {
                for (a, b) in [(&x, &y), (&y, &x)] {
                    let result = value(&m, a, b);
                    let finite = a.col_iter().chain(b.col_iter()).all(|c| c.iter().all(|v| v.is_finite()));
                    let place = format!("{}: {what}, {} and {} examples", m.name(), a.nrows(), b.nrows());
                    match result {
                        Ok(v) if v.is_finite() && finite && a.nrows() == b.nrows() => {}
                        Ok(v) => wrong.push(format!("{place}: {v}")),
                        Err(Error::Measure(said) | Error::Numerics(said)) if said.len() > 20 => {}
                        Err(other) => wrong.push(format!("{place}: {other:?}")),
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bad_input_is_an_error_or_a_finite_value_for_every_statistic() {
    let mut wrong = Vec::new();
    for entry in statistics() {
        let statistic = Statistic::parse(entry.name).unwrap();
        for (what, x) in bad() {
            let classes: Vec<usize> = (0..x.nrows()).map(|i| i % 2).collect();
            for labels in [classes.clone(), vec![0; x.nrows()], vec![1; 7], Vec::new()] {
                let finite = x.col_iter().all(|c| c.iter().all(|v| v.is_finite()));
                let fits = !entry.labels || labels.len() == x.nrows();
                match statistic.of(x.as_ref(), &labels) {
                    Ok(v) if v.is_finite() && finite && fits => {}
                    Ok(v) => wrong.push(format!("{}: {what}, {} labels: {v}", entry.name, labels.len())),
                    Err(Error::Measure(said)) if said.len() > 20 => {}
                    Err(other) => wrong.push(format!("{}: {what}: {other:?}", entry.name)),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_set_with_bad_members_is_compared_where_it_can_be() {
    let x = normal(1, 20, 5);
    let set = [
        Named { name: "good".into(), values: x.clone() },
        Named { name: "constant".into(), values: Mat::from_fn(20, 3, |_, _| 2.0) },
        Named { name: "also good".into(), values: related(&x, 3, 4) },
    ];
    let measures = ["cka", "procrustes", "knn"].map(|name| Measure::parse(name).unwrap());
    let executors = support::executors();
    let single = executors.iter().map(|(_, gpu)| Some(support::single(gpu.as_ref())));
    for single in std::iter::once(None).chain(single) {
        let on = Resources { single, ..Resources::default() };
        let tables = all_pairs(&set, &measures, on, &mut |_, _| {}).unwrap();
        let cka = &tables[0];
        assert!(cka.cell(0, 2).value().is_some());
        for (a, b) in [(0, 1), (1, 1)] {
            assert!(matches!(cka.cell(a, b), Outcome::Undefined(_)), "{:?}", cka.cell(a, b));
        }
    }
    let short = Named { name: "short".into(), values: normal(1, 7, 5) };
    let said = all_pairs(&[set[0].clone(), short], &measures, None, &mut |_, _| {}).unwrap_err().to_string();
    assert!(said.contains("`good`") && said.contains("`short`") && said.contains("20"), "{said}");
}

#[test]
fn offsets_are_not_seen_by_statistics_that_centre() {
    let x = normal(4, 48, 6);
    let labels: Vec<usize> = (0..48).map(|i| i % 4).collect();
    let far = Mat::from_fn(48, 6, |i, j| x[(i, j)] + 1e5 * (1.0 + j as f64));
    for name in [
        "participation_ratio",
        "effective_rank",
        "stable_rank",
        "components",
        "two_nn",
        "levina_bickel",
        "local_pca",
        "mean_distance",
        "neural_collapse",
        "nc2",
        "parallelism",
        "silhouette",
        "davies_bouldin",
        "calinski_harabasz",
        "label_alignment",
        "nearest_centroid",
        "knn_probe",
    ] {
        let statistic = Statistic::parse(name).unwrap();
        let of = |x: &Mat<f64>| statistic.of(x.as_ref(), &labels).unwrap();
        assert!(close(of(&far), of(&x), 1e-6), "{name}: {} far from the origin, {} at it", of(&far), of(&x));
    }
}

/// A fit that is exact whatever the order of the examples says nothing: its p-value is one.
#[test]
fn ties_with_the_null_are_as_extreme_as_the_value() {
    let (a, b) = (
        Named { name: "wide".into(), values: normal(1, 20, 40) },
        Named { name: "other".into(), values: normal(2, 20, 3) },
    );
    let found = permutation_test([&a, &b], &Measure::parse("linear_regression").unwrap(), None, 50, 0).unwrap();
    assert_eq!(found.p_value, 1.0, "{found:?}");
}
